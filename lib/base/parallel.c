/* parallel.c - see parallel.h; the only file that knows OpenMP. */
#include "base/parallel.h"

#include <omp.h>

static int n_threads;
static _Atomic int n_procs; /* 0: not asked yet */
static _Thread_local bool alone;

void mm_parallel_here(bool yes)
{
	alone = yes;
}

void mm_threads_set(int n)
{
	n_threads = n;
}

int mm_threads(void)
{
	int n = n_threads > 0 ? n_threads : n_procs;

	/* It respects the affinity mask and cgroup cpusets; as a system call it
	 * is too slow for each operator of a small model. */
	if (!n)
		n_procs = n = omp_get_num_procs();
	return n;
}

int mm_thread_index(void)
{
	return omp_get_thread_num();
}

void mm_parallel_for(size_t n, size_t grain, mm_parallel_fn *fn, void *ctx)
{
	const size_t n_blocks = n / grain + (n % grain != 0);

	if (n_blocks <= 1 || mm_threads() == 1 || alone || omp_in_parallel()) {
		for (size_t b = 0; b < n_blocks; b++)
			fn(ctx, b * grain,
			   n - b * grain < grain ? n : (b + 1) * grain);
		return;
	}
#pragma omp parallel for schedule(dynamic, 1) num_threads(mm_threads())
	for (size_t b = 0; b < n_blocks; b++)
		fn(ctx, b * grain, n - b * grain < grain ? n : (b + 1) * grain);
}
