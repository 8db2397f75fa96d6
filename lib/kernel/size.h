/*
 * size.h - what cutting loops into parts takes; private to lib/kernel.
 */
#ifndef MM_KERNEL_SIZE_H
#define MM_KERNEL_SIZE_H

#include <stddef.h>

static inline size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static inline size_t most(size_t a, size_t b)
{
	return a > b ? a : b;
}

/* How many parts of `size` hold n: n / size, rounded up. */
static inline size_t parts_of(size_t n, size_t size)
{
	return (n + size - 1) / size;
}

#endif
