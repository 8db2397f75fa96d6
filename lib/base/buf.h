/*
 * buf.h - a growable array of bytes, always followed by a NUL.
 *
 * Appending to a buffer that once ran out of memory does nothing and keeps
 * `failed` set, so that a writer checks once, at the end (mm_buf_check).
 */
#ifndef MM_BASE_BUF_H
#define MM_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct mm_buf {
	char *data; /* NULL until the first append; then data[len] == 0 */
	size_t len, cap;
	bool failed;
};

void mm_buf_init(struct mm_buf *b); /* all zeros is an empty buffer too */
void mm_buf_release(struct mm_buf *b);
void mm_buf_clear(struct mm_buf *b); /* len = 0, failed = false; keeps cap */

/* Room for `more` bytes beyond len; the place to write them, or NULL. */
char *mm_buf_reserve(struct mm_buf *b, size_t more);
void mm_buf_add(struct mm_buf *b, const void *bytes, size_t n);
void mm_buf_addc(struct mm_buf *b, char c);
void mm_buf_adds(struct mm_buf *b, const char *s);
void mm_buf_printf(struct mm_buf *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void mm_buf_vprintf(struct mm_buf *b, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));

/* The text, never NULL ("" where nothing was added). */
const char *mm_buf_str(const struct mm_buf *b);

/* MM_ERR_NOMEM naming `what` where an append failed, else MM_OK. */
int mm_buf_check(const struct mm_buf *b, const char *what, struct mm_err *err)
	MM_MUST_CHECK;

#endif
