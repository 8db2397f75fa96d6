/*
 * bench_world.c - what processes that train together exchange: embeddings of a
 * batch and gradients of a model, as training does it (train/world.h).
 *
 *	usage: mpirun -n N bench_world
 *
 * A rate counts the bytes that one process sends, B (n - 1) / n of a gather of
 * B bytes in all and 2 B (n - 1) / n of a sum of B bytes; every process has as
 * many to receive.  Within one machine they are copies in memory, whose rate
 * stands above; between machines the network's rate, where it is lower, takes
 * the place of the copies.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "bench.h"
#include "train/world.h"

static const struct exchange {
	const char *name;
	size_t n; /* floats */
	bool sum;
} exchanges[] = {
	{ "embeddings, 128 x 2 x 128", 128 * 2 * 128, false },
	{ "embeddings, 4096 x 2 x 512", 4096 * 2 * 512, false },
	{ "gradients of tiny, 1.4 M", 1388289, true },
	{ "gradients of base, 151 M", 151277313, true },
};

static struct mm_world world;

static void fail(const struct mm_err *err)
{
	fprintf(stderr, "bench_world: %s\n", err->msg);
	mm_world_abort(&world, 1);
	exit(1);
}

/* Wall seconds: a process that waits does not run. */
static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void copy_rate(float *x, size_t n)
{
	double best = 1e9;

	for (int i = 0; i < 5; i++) {
		const double begin = now();

		memcpy(x + n / 2, x, n / 2 * sizeof(*x));
		best = now() - begin < best ? now() - begin : best;
	}
	printf("memcpy %31.2f GB/s copied, one process\n",
	       (double)(n / 2 * sizeof(*x)) / best / 1e9);
}

/* Seconds of one exchange: the best of several. */
static double run(const struct exchange *e, float *x)
{
	const size_t part = e->n / world.size * sizeof(*x);
	const int times = e->n > 10000000 ? 3 : 20;
	double best = 1e9, together = 0;
	struct mm_err err;

	for (int i = 0; i < times; i++) {
		double begin;

		/* Wait for each other. */
		if (mm_world_sum_double(&world, &together, 1, &err))
			fail(&err);
		begin = now();
		if (e->sum ? mm_world_sum(&world, x, e->n, &err)
			   : mm_world_gather(&world, x, part, &err))
			fail(&err);
		best = now() - begin < best ? now() - begin : best;
	}
	return best;
}

static void measure(float *x)
{
	const double others = (double)(world.size - 1) / (double)world.size;

	for (size_t i = 0; i < sizeof(exchanges) / sizeof(*exchanges); i++) {
		const struct exchange *e = &exchanges[i];
		const double s = run(e, x), bytes = (e->sum ? 2 : 1) * 4.0 *
						    others * (double)e->n;

		if (world.rank == 0)
			printf("%-28s %9.2f GB/s %9.2f ms\n", e->name,
			       bytes / s / 1e9, 1e3 * s);
	}
}

int main(void)
{
	const size_t most = exchanges[3].n;
	struct mm_err err;
	float *x;

	if (mm_world_announced() < 2) {
		printf("alone; mpirun -n 2 bench_world measures\n");
		return 0;
	}
	if (mm_world_open(&world, &err))
		fail(&err);
	if (!(x = mm_calloc(most, sizeof(*x)))) {
		fprintf(stderr, "bench_world: out of memory\n");
		mm_world_abort(&world, 1);
		return 1;
	}
	for (size_t i = 0; i < most; i++)
		x[i] = (float)(i % 7);
	if (world.rank == 0) {
		printf("%zu processes\n", world.size);
		copy_rate(x, most);
	}
	measure(x);
	mm_free(x);
	mm_world_close(&world);
	return 0;
}
