/*
 * world.h - the processes that train one model together.
 *
 * Each has a number, its rank, and takes its share of every batch.  Over MPI
 * (Open MPI, loaded when it is needed) where mpirun or srun started the
 * program; without, a world is one process and every call returns at once.
 *
 * Sums are taken in order of the ranks, so that their bits depend on the number
 * of processes alone.  Every process must make the same calls in the same
 * order; one that cannot go on calls mm_world_abort, which ends them all.
 */
#ifndef MM_TRAIN_WORLD_H
#define MM_TRAIN_WORLD_H

#include <stddef.h>

#include "base/err.h"
#include "kernel/real.h"

struct mm_world {
	size_t rank, size; /* rank < size; size 1: alone */
};

/* How many processes the launcher's environment tells of; 1: none. */
size_t mm_world_announced(void);

/* Joins them, where there are several. */
int mm_world_open(struct mm_world *w, struct mm_err *err) MM_MUST_CHECK;
void mm_world_close(struct mm_world *w);

/* Ends every process of the world with that exit status; alone: returns. */
void mm_world_abort(const struct mm_world *w, int status);

/*
 * all (size * bytes) gets every rank's `bytes` in order of rank; this one's
 * stand in their place of `all` already.
 */
int mm_world_gather(const struct mm_world *w, void *all, size_t bytes,
		    struct mm_err *err) MM_MUST_CHECK;

/* x[0..n) becomes the sum over the ranks, in every process. */
int mm_world_sum(const struct mm_world *w, mm_real *x, size_t n,
		 struct mm_err *err) MM_MUST_CHECK;
int mm_world_sum_double(const struct mm_world *w, double *x, size_t n,
			struct mm_err *err) MM_MUST_CHECK;

#endif
