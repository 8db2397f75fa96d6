/* parallel.c - see parallel.h; the only file that knows OpenMP. */
#include "base/parallel.h"

#include <omp.h>
#include <stdbool.h>

static int n_threads;
static _Thread_local bool alone;

void mm_parallel_here(void)
{
	alone = true;
}

void mm_threads_set(int n)
{
	n_threads = n;
}

int mm_threads(void)
{
	/* omp_get_num_procs respects the affinity mask and cgroup cpusets. */
	return n_threads > 0 ? n_threads : omp_get_num_procs();
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
