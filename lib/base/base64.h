/*
 * base64.h - bytes as text and back: RFC 4648 section 4.
 *
 * Blanks and line ends are passed over; the padding at the end may be missing.
 * Refused: characters outside the alphabet, anything behind the padding, a
 * single left-over character, left-over bits that are not zero.
 */
#ifndef MM_BASE_BASE64_H
#define MM_BASE_BASE64_H

#include "base/buf.h"
#include "base/err.h"

/* How many bytes n characters can stand for, at most. */
size_t mm_base64_bound(size_t n);

/*
 * dst holds mm_base64_bound(n) bytes; *len of them are written.  MM_ERR_FORMAT
 * names the offending character's position, from 0.
 */
int mm_base64_decode(void *dst, size_t *len, const char *text, size_t n,
		     struct mm_err *err) MM_MUST_CHECK;

/* Append n bytes as text, padded. */
void mm_base64_encode(struct mm_buf *out, const void *bytes, size_t n);

#endif
