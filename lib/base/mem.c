/* mem.c - see mem.h. */
#include "base/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGN = 64 };

static long fail_after;

static bool injected(void)
{
	return fail_after && (fail_after == 1 || !--fail_after);
}

void mm_mem_fail_after(long n)
{
	fail_after = n;
}

bool mm_mul_ok(size_t *out, size_t a, size_t b)
{
	return !__builtin_mul_overflow(a, b, out);
}

bool mm_add_ok(size_t *out, size_t a, size_t b)
{
	return !__builtin_add_overflow(a, b, out);
}

void *mm_malloc(size_t n, size_t size)
{
	void *p = NULL;
	size_t bytes;

	if (!mm_mul_ok(&bytes, n, size) || bytes > SIZE_MAX / 2 || injected())
		return NULL;
	if (posix_memalign(&p, ALIGN, bytes ? bytes : 1))
		return NULL;
	return p;
}

void *mm_calloc(size_t n, size_t size)
{
	void *p = mm_malloc(n, size);

	if (p)
		memset(p, 0, n * size);
	return p;
}

void *mm_realloc(void *p, size_t n, size_t size)
{
	size_t bytes;

	if (!mm_mul_ok(&bytes, n, size) || bytes > SIZE_MAX / 2 || injected())
		return NULL;
	return realloc(p, bytes ? bytes : 1);
}

char *mm_strndup(const char *s, size_t n)
{
	char *p;

	if (n == SIZE_MAX || !(p = mm_malloc(n + 1, 1)))
		return NULL;
	if (n)
		memcpy(p, s, n);
	p[n] = '\0';
	return p;
}

char *mm_strdup(const char *s)
{
	return mm_strndup(s, strlen(s));
}

void mm_free(void *p)
{
	free(p);
}
