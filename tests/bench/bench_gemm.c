/*
 * bench_gemm.c - matrix products and packed linear layers as shares of what
 * the machine can do, beside OpenBLAS on row blocks from the same threads.
 *
 *	usage: bench_gemm [-t threads] [-s seconds per line] [name part]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "bench.h"
#include "kernel/blas.h"
#include "kernel/gemm.h"
#include "kernel/packed.h"

static double seconds = 0.1;
static const char *only = "";

static float *numbers(size_t n)
{
	float *x = mm_malloc(n, sizeof(*x));

	if (!x) {
		fprintf(stderr, "bench_gemm: out of memory\n");
		exit(1);
	}
	for (size_t i = 0; i < n; i++)
		x[i] = (float)(i * 2654435761u % 1000) / 500 - 1;
	return x;
}

/* ---- products of training ---- */

static const struct product {
	const char *what;
	bool ta, tb;
	size_t M, N, K;
} products[] = {
	{ "qkv of a tiny tower", false, true, 8320, 384, 128 },
	{ "fc1", false, true, 8320, 512, 128 },
	{ "fc2", false, true, 8320, 128, 512 },
	{ "dx of fc1", false, false, 8320, 128, 512 },
	{ "dx of fc2", false, false, 8320, 512, 128 },
	{ "dW of fc1", true, false, 512, 128, 8320 },
	{ "dW of fc2", true, false, 128, 512, 8320 },
	{ "dW of qkv", true, false, 384, 128, 8320 },
	{ "fc1 of its text tower", false, true, 4096, 512, 128 },
	{ "dW of it", true, false, 512, 128, 4096 },
	{ "fc1 of ViT-B/32 at batch 32", false, true, 1600, 3072, 768 },
	{ "fc2", false, true, 1600, 768, 3072 },
	{ "dW of fc1", true, false, 3072, 768, 1600 },
	{ "similarity of a batch", false, true, 128, 128, 128 },
	{ "a large one", false, false, 2048, 2048, 2048 },
};

struct run {
	struct mm_gemm g;
	size_t rows; /* of a block given to OpenBLAS */
};

static void run_own(void *ctx)
{
	mm_gemm_run(&((struct run *)ctx)->g);
}

static void blas_some(void *ctx, size_t begin, size_t end)
{
	const struct mm_gemm *g = &((struct run *)ctx)->g;

	mm_blas_gemm(g->ta, g->tb, end - begin, g->N, g->K, 1,
		     g->A + begin * (g->ta ? 1 : g->lda), g->lda, g->B, g->ldb,
		     0, g->C + begin * g->ldc, g->ldc);
}

static void run_blas(void *ctx)
{
	mm_parallel_for(((struct run *)ctx)->g.M, ((struct run *)ctx)->rows,
			blas_some, ctx);
}

static void bench_product(const struct product *p)
{
	const double work = 2.0 * (double)p->M * (double)p->N * (double)p->K;
	float *A = numbers(p->M * p->K), *B = numbers(p->N * p->K);
	float *C = numbers(p->M * p->N);
	struct run r = { .g = { p->ta, p->tb, p->M, p->N, p->K, 1, 0, A, B, C,
				p->ta ? p->M : p->K, p->tb ? p->K : p->N, p->N,
				NULL, NULL, MM_COMPUTE_F32 },
			 .rows = p->M >= 1024 ? 128 : p->M / 8 };
	char name[96];

	snprintf(name, sizeof(name), "%s%s %zux%zux%zu %s", p->ta ? "T" : "N",
		 p->tb ? "T" : "N", p->M, p->N, p->K, p->what);
	if (strstr(name, only)) {
		bench_print(name, work, bench_best(run_own, &r, seconds),
			    "GF/s", bench_fma_peak());
		if (mm_blas_core())
			bench_print("   OpenBLAS", work,
				    bench_best(run_blas, &r, seconds), "GF/s",
				    bench_fma_peak());
		r.g.compute = MM_COMPUTE_BF16;
		bench_print("   in bfloat16", work,
			    bench_best(run_own, &r, seconds), "GF/s",
			    bench_bf16_peak());
	}
	mm_free(A);
	mm_free(B);
	mm_free(C);
}

/* ---- layers of inference ---- */

static const char *const type_names[] = { "f32", "bf16", "w8", "int8" };

static void run_layer(void *ctx)
{
	mm_linear_run(ctx);
}

static void bench_layer(enum mm_packed_type type, size_t M, size_t F, size_t C,
			enum mm_act act)
{
	const double work = 2.0 * (double)M * (double)F * (double)C;
	const size_t bytes = mm_packed_bytes(type, F, C);
	struct mm_packed w;
	char name[96];
	float *W, *x, *y;
	void *memory;

	snprintf(name, sizeof(name), "packed %s M=%zu F=%zu C=%zu",
		 type_names[type], M, F, C);
	if (!strstr(name, only))
		return;
	W = numbers(F * C);
	x = numbers(M * C);
	y = numbers(M * F);
	memory = numbers(bytes / sizeof(float) + 1);
	mm_packed_pack(&w, type, W, C, F, C, memory);
	{
		struct mm_linear l = { .w = &w,
				       .M = M,
				       .x = x,
				       .y = y,
				       .bias = x,
				       .ldx = C,
				       .ldy = F,
				       .act = act };
		const double t = bench_best(run_layer, &l, seconds);

		if (M <= 8)
			bench_print(name, (double)bytes, t, "GB/s",
				    bench_read_peak());
		else
			bench_print(name, work, t,
				    type == MM_PACKED_INT8 ? "GOP/s" : "GF/s",
				    type == MM_PACKED_INT8 ? bench_dot_peak()
							   : bench_fma_peak());
	}
	mm_free(W);
	mm_free(x);
	mm_free(y);
	mm_free(memory);
}

static void bench_layers(enum mm_packed_type type)
{
	/* Batch 1 text and image, batches; not all for the formats between. */
	static const size_t rows[] = { 1, 50, 4, 8, 77, 400, 1600 };
	const int all = type == MM_PACKED_F32 || type == MM_PACKED_INT8;
	const size_t n_rows = all ? sizeof(rows) / sizeof(*rows) : 2;
	static const struct {
		size_t F, C;
		enum mm_act act;
	} layers[] = {
		{ 2304, 768, MM_ACT_NONE }, { 3072, 768, MM_ACT_QUICK_GELU },
		{ 768, 3072, MM_ACT_NONE }, { 512, 512, MM_ACT_NONE },
		{ 512, 2048, MM_ACT_NONE },
	};

	for (size_t m = 0; m < n_rows; m++)
		for (size_t i = 0; i < sizeof(layers) / sizeof(*layers); i++)
			bench_layer(type, rows[m], layers[i].F, layers[i].C,
				    layers[i].act);
}

int main(int argc, char **argv)
{
	int i = 1;

	for (; i + 1 < argc && argv[i][0] == '-'; i += 2) {
		if (argv[i][1] == 't')
			mm_threads_set(atoi(argv[i + 1]));
		else
			seconds = atof(argv[i + 1]);
	}
	if (i < argc)
		only = argv[i];
	bench_print_machine();
	for (size_t p = 0; p < sizeof(products) / sizeof(*products); p++)
		bench_product(&products[p]);
	for (int type = 0; type < MM_N_PACKED_TYPES; type++)
		bench_layers(type);
	return 0;
}
