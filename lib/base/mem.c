/* mem.c - see mem.h. */
#define _DEFAULT_SOURCE /* madvise */
#include "base/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { ALIGN = 64, PAGE = 4096, LARGE = 8 << 20 };

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

/* Weights of hundreds of megabytes are read from end to end: in pages of 4 KiB
 * the processor would walk its tables for each.  A wish, no more. */
static void want_large_pages(void *p, size_t bytes)
{
#ifdef MADV_HUGEPAGE
	const size_t skip = -(uintptr_t)p % PAGE;

	if (bytes >= LARGE)
		madvise((char *)p + skip, bytes - skip, MADV_HUGEPAGE);
#else
	(void)p;
	(void)bytes;
#endif
}

void *mm_malloc(size_t n, size_t size)
{
	void *p = NULL;
	size_t bytes;

	if (!mm_mul_ok(&bytes, n, size) || bytes > SIZE_MAX / 2 || injected())
		return NULL;
	if (posix_memalign(&p, ALIGN, bytes ? bytes : 1))
		return NULL;
	want_large_pages(p, bytes);
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
