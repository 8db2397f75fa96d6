/*
 * bench_search.c - top-k search against what the machine can do: one query as
 * a share of reading the gallery from memory, many as a multiple of the bare
 * matrix product, float and int8.
 *
 *	usage: bench_search [-t threads] [-n rows] [-d width] [-s seconds]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "bench.h"
#include "kernel/blas.h"
#include "kernel/gemm.h"
#include "metric/topk.h"

enum { QUERIES = 64, K = 10, BLOCK = 1024, SEGMENT = 256 };

struct job {
	struct mm_gallery g;
	float *rows, *query, *scores; /* scores: (threads, BLOCK, QUERIES) */
	struct mm_hit *hit;
	size_t Q;
	bool int8, blas;
};

static void *want(void *p)
{
	if (!p) {
		fprintf(stderr, "bench_search: out of memory\n");
		exit(1);
	}
	return p;
}

static void fill(void *ctx, size_t begin, size_t end)
{
	float *x = ctx;

	for (size_t i = begin; i < end; i++)
		x[i] = (float)((uint32_t)(i * 2654435761u) >> 8) / 8388608 - 1;
}

static void search(void *ctx)
{
	struct job *j = ctx;
	const struct mm_topk_options o = { .k = K, .int8 = j->int8 };
	struct mm_err err;

	if (mm_topk(j->hit, &j->g, j->query, j->Q, &o, &err)) {
		fprintf(stderr, "bench_search: %s\n", err.msg);
		exit(1);
	}
}

static void product_block(void *ctx, size_t begin, size_t end)
{
	const struct job *j = ctx;
	const size_t D = j->g.D;
	float *z = j->scores + (size_t)mm_thread_index() * BLOCK * QUERIES;

	if (!j->blas ||
	    !mm_blas_gemm(false, true, end - begin, QUERIES, D, 1,
			  j->rows + begin * D, D, j->query, D, 0, z, QUERIES))
		mm_gemm_serial(false, true, end - begin, QUERIES, D, 1,
			       j->rows + begin * D, D, j->query, D, 0, z,
			       QUERIES);
}

static void product(void *ctx)
{
	struct job *j = ctx;

	mm_parallel_for(j->g.n, BLOCK, product_block, j);
}

/* Runs of a stream's default segment. */
static void make(struct job *j, size_t n, size_t D)
{
	struct mm_err err;

	j->g.D = D;
	j->rows = want(mm_malloc(n * D, sizeof(float)));
	j->query = want(mm_malloc(QUERIES * D, sizeof(float)));
	j->hit = want(mm_malloc(QUERIES * K, sizeof(*j->hit)));
	j->scores = want(mm_malloc((size_t)mm_threads(),
				   BLOCK * QUERIES * sizeof(float)));
	mm_parallel_for(n * D, 1 << 20, fill, j->rows);
	for (size_t i = 0; i < QUERIES * D; i++)
		j->query[i] = j->rows[(i * 7919) % (n * D)];
	for (size_t i = 0; i < n; i += SEGMENT)
		if (mm_gallery_add(&j->g, j->rows + i * D,
				   n - i < SEGMENT ? n - i : SEGMENT, &err))
			want(NULL);
	if (mm_gallery_quantise(&j->g, &err))
		want(NULL);
}

static double time_of(struct job *j, size_t Q, bool int8, double seconds)
{
	j->Q = Q;
	j->int8 = int8;
	return bench_best(search, j, seconds);
}

int main(int argc, char **argv)
{
	size_t n = 1000000, D = 512;
	double seconds = 1, bytes, flops, one, small, bare;
	struct job j = { 0 };

	for (int i = 1; i + 1 < argc; i += 2) {
		if (!strcmp(argv[i], "-t"))
			mm_threads_set(atoi(argv[i + 1]));
		else if (!strcmp(argv[i], "-n"))
			n = strtoul(argv[i + 1], NULL, 10);
		else if (!strcmp(argv[i], "-d"))
			D = strtoul(argv[i + 1], NULL, 10);
		else if (!strcmp(argv[i], "-s"))
			seconds = atof(argv[i + 1]);
	}
	bench_print_machine();
	make(&j, n, D);
	bytes = (double)n * (double)D * 4;
	flops = 2 * (double)n * (double)D * QUERIES;
	printf("%zu rows of %zu, %d hits\n", n, D, K);
	one = time_of(&j, 1, false, seconds);
	bench_print("one query, float", bytes, one, "GB/s", bench_read_peak());
	small = time_of(&j, 1, true, seconds);
	bench_print("one query, int8", bytes / 4, small, "GB/s",
		    bench_read_peak());
	printf("int8 is %.2f times as fast\n", one / small);
	bare = bench_best(product, &j, seconds);
	j.blas = true;
	if (!mm_blas_load(NULL)) {
		const double blas = bench_best(product, &j, seconds);

		bare = blas < bare ? blas : bare;
	}
	bench_print("64 queries, the bare product", flops, bare, "GF/s",
		    bench_sgemm_peak());
	one = time_of(&j, QUERIES, false, seconds);
	bench_print("64 queries, float", flops, one, "GF/s",
		    bench_sgemm_peak());
	printf("the search takes %.2f times the bare product\n", one / bare);
	small = time_of(&j, QUERIES, true, seconds);
	bench_print("64 queries, int8", flops, small, "GOP/s",
		    bench_dot_peak());
	return 0;
}
