/* buf.c - see buf.h. */
#include "base/buf.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

void mm_buf_init(struct mm_buf *b)
{
	memset(b, 0, sizeof(*b));
}

void mm_buf_release(struct mm_buf *b)
{
	mm_free(b->data);
	mm_buf_init(b);
}

void mm_buf_clear(struct mm_buf *b)
{
	b->len = 0;
	b->failed = false;
	if (b->data)
		b->data[0] = '\0';
}

char *mm_buf_reserve(struct mm_buf *b, size_t more)
{
	size_t need, cap;
	char *p;

	if (b->failed || !mm_add_ok(&need, b->len, more) ||
	    need > SIZE_MAX / 4) {
		b->failed = true;
		return NULL;
	}
	if (need + 1 > b->cap) {
		cap = b->cap + b->cap / 2 + 64;
		if (cap < need + 1)
			cap = need + 1;
		if (!(p = mm_realloc(b->data, cap, 1))) {
			b->failed = true;
			return NULL;
		}
		b->data = p;
		b->cap = cap;
	}
	b->data[b->len] = '\0';
	return b->data + b->len;
}

void mm_buf_add(struct mm_buf *b, const void *bytes, size_t n)
{
	char *p = mm_buf_reserve(b, n);

	if (!p)
		return;
	if (n)
		memcpy(p, bytes, n);
	p[n] = '\0';
	b->len += n;
}

void mm_buf_addc(struct mm_buf *b, char c)
{
	mm_buf_add(b, &c, 1);
}

void mm_buf_adds(struct mm_buf *b, const char *s)
{
	mm_buf_add(b, s, strlen(s));
}

void mm_buf_vprintf(struct mm_buf *b, const char *fmt, va_list ap)
{
	va_list again;
	char *p;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0) {
		b->failed = true;
		return;
	}
	if ((p = mm_buf_reserve(b, (size_t)n))) {
		vsnprintf(p, (size_t)n + 1, fmt, ap);
		b->len += (size_t)n;
	}
}

void mm_buf_printf(struct mm_buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	mm_buf_vprintf(b, fmt, ap);
	va_end(ap);
}

const char *mm_buf_str(const struct mm_buf *b)
{
	return b->data ? b->data : "";
}

int mm_buf_check(const struct mm_buf *b, const char *what, struct mm_err *err)
{
	return b->failed ? mm_fail_nomem(err, what) : MM_OK;
}
