/* arena.c - see arena.h. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

enum { ALIGN = 64, FIRST_BLOCK = 16 << 10 };

struct mm_arena_block {
	struct mm_arena_block *older;
	size_t size, used; /* payload bytes, which start ALIGN after this */
};

void mm_arena_init(struct mm_arena *a)
{
	memset(a, 0, sizeof(*a));
}

static struct mm_arena_block *grow(struct mm_arena *a, size_t need)
{
	size_t size = a->newest ? a->newest->size * 2 : FIRST_BLOCK;
	struct mm_arena_block *b;

	if (size < need)
		size = need;
	if (size > SIZE_MAX / 2 || !(b = mm_malloc(size + ALIGN, 1)))
		return NULL;
	b->older = a->newest;
	b->size = size;
	b->used = 0;
	a->newest = b;
	a->total += size + ALIGN;
	return b;
}

void *mm_arena_alloc(struct mm_arena *a, size_t n, size_t size)
{
	struct mm_arena_block *b = a->newest;
	size_t bytes, at = 0;
	char *p;

	if (!mm_mul_ok(&bytes, n, size) || bytes > SIZE_MAX / 4)
		return NULL;
	bytes = (bytes + ALIGN - 1) / ALIGN * ALIGN;
	if (b)
		at = (b->used + ALIGN - 1) / ALIGN * ALIGN;
	if (!b || b->size < at || b->size - at < bytes) {
		b = grow(a, bytes);
		at = 0;
	}
	if (!b)
		return NULL;
	p = (char *)b + ALIGN + at;
	b->used = at + bytes;
	return memset(p, 0, bytes);
}

char *mm_arena_strndup(struct mm_arena *a, const char *s, size_t n)
{
	struct mm_arena_block *b = a->newest;
	char *p;

	if (n > SIZE_MAX / 4)
		return NULL;
	if (!b || b->size - b->used < n + 1)
		b = grow(a, n + 1);
	if (!b)
		return NULL;
	p = (char *)b + ALIGN + b->used;
	b->used += n + 1;
	if (n)
		memcpy(p, s, n);
	p[n] = '\0';
	return p;
}

char *mm_arena_strdup(struct mm_arena *a, const char *s)
{
	return mm_arena_strndup(a, s, strlen(s));
}

char *mm_arena_printf(struct mm_arena *a, const char *fmt, ...)
{
	va_list ap;
	char *p;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || !(p = mm_arena_alloc(a, (size_t)n + 1, 1)))
		return NULL;
	va_start(ap, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return p;
}

void mm_arena_reset(struct mm_arena *a)
{
	struct mm_arena_block *keep = a->newest, *b;

	/* Blocks double, so the newest is the largest. */
	if (!keep)
		return;
	while ((b = keep->older)) {
		keep->older = b->older;
		a->total -= b->size + ALIGN;
		mm_free(b);
	}
	keep->used = 0;
}

void mm_arena_release(struct mm_arena *a)
{
	mm_arena_reset(a);
	mm_free(a->newest);
	mm_arena_init(a);
}
