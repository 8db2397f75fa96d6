/*
 * mem.h - the only malloc of the library, and sums of sizes that cannot wrap.
 *
 * Everything outside base/ takes an arena (base/arena.h), a growable buffer
 * (base/buf.h), these calls or the caller's memory.
 */
#ifndef MM_BASE_MEM_H
#define MM_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>

/* *out = a * b, a + b.  False where the result does not fit a size_t. */
bool mm_mul_ok(size_t *out, size_t a, size_t b)
	__attribute__((warn_unused_result));
bool mm_add_ok(size_t *out, size_t a, size_t b)
	__attribute__((warn_unused_result));

/*
 * n objects of `size` bytes, zeroed, 64-byte aligned.  NULL where memory is
 * short or n * size overflows; a valid pointer for n = 0.  Free: mm_free.
 */
void *mm_calloc(size_t n, size_t size) __attribute__((warn_unused_result));

/* The same without zeroing. */
void *mm_malloc(size_t n, size_t size) __attribute__((warn_unused_result));

/* As realloc, n objects of `size` bytes (16-byte aligned); NULL leaves p. */
void *mm_realloc(void *p, size_t n, size_t size)
	__attribute__((warn_unused_result));

/* A copy of n bytes with a NUL behind; NULL where memory is short. */
char *mm_strndup(const char *s, size_t n) __attribute__((warn_unused_result));
char *mm_strdup(const char *s) __attribute__((warn_unused_result));

void mm_free(void *p);

/*
 * Fault injection for tests: the n-th allocation from now fails (1 = the
 * next), and every one after it; 0 switches it off.  Not thread-safe.
 */
void mm_mem_fail_after(long n);

#endif
