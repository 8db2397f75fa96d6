/*
 * parallel.h - the one thread pool (OpenMP) and the one way to use it.
 *
 * Work is cut into blocks whose borders depend on n and grain alone; a block
 * is done by one thread.  A result that is written per block, or summed per
 * block and then over blocks in order, therefore has the same bits for any
 * number of threads.  Nested calls run on the calling thread.
 */
#ifndef MM_BASE_PARALLEL_H
#define MM_BASE_PARALLEL_H

#include <stdbool.h>
#include <stddef.h>

/* Do items [begin, end), which are one block (at most `grain` of them). */
typedef void mm_parallel_fn(void *ctx, size_t begin, size_t end);

/* fn over [0, n) in blocks of `grain` >= 1.  Returns when all are done. */
void mm_parallel_for(size_t n, size_t grain, mm_parallel_fn *fn, void *ctx);

/*
 * How many threads mm_parallel_for may use; default: the processors that this
 * process may run on.  n = 0 restores the default.  Not thread-safe.
 */
void mm_threads_set(int n);
int mm_threads(void);

/* From now on the calling thread does what it asks for alone, or no more. */
void mm_parallel_here(bool yes);

/* Number of the calling thread inside a parallel_for: 0..mm_threads()-1. */
int mm_thread_index(void);

#endif
