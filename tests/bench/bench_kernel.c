/*
 * bench_kernel.c - what the passes of a small CLIP cost, one line a kernel.
 *
 *	usage: bench_kernel [-t threads] [name part]
 *
 * Each line is the best of several runs: milliseconds, nanoseconds a number
 * of the output, and gigabytes of buffers touched a second.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "kernel/kernel.h"

enum { B = 128, T = 65, C = 128, F = 512, N = B * T, H = 4, D = C / H };
enum { SIZE = 2 * N * F }; /* numbers in each buffer */

static mm_real *buf[8];

static double now(void)
{
	struct timespec t;

	/* One thread: what others do on the machine does not count. */
	clock_gettime(mm_threads() == 1 ? CLOCK_PROCESS_CPUTIME_ID
					: CLOCK_MONOTONIC,
		      &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static struct mm_attention call(size_t b, size_t t, size_t h, size_t d,
				bool causal)
{
	return (struct mm_attention){ .q = buf[0],
				      .k = buf[1],
				      .v = buf[2],
				      .ldq = h * d,
				      .ldk = h * d,
				      .ldo = h * d,
				      .B = b,
				      .Tq = t,
				      .Tk = t,
				      .H = h,
				      .D = d,
				      .scale = (mm_real)(1 / sqrt((double)d)),
				      .causal = causal };
}

static void attention(size_t b, size_t t, size_t h, size_t d, bool back)
{
	struct mm_attention a = call(b, t, h, d, false);
	static const mm_real beta[3];
	mm_real *work = buf[5] + (size_t)N * C;

	if (back)
		mm_attention_bwd(buf[4], buf[5], buf[6], beta, buf[3], buf[3],
				 buf[7], &a, work);
	else
		mm_attention_fwd(buf[3], buf[7], &a, work);
}

static void attention_tiny_fwd(void)
{
	attention(B, T, H, D, false);
}

static void attention_tiny_bwd(void)
{
	attention(B, T, H, D, true);
}

static void attention_base_fwd(void)
{
	attention(8, 50, 12, 64, false);
}

static void attention_base_bwd(void)
{
	attention(8, 50, 12, 64, true);
}

static void attention_long_fwd(void)
{
	attention(1, 1024, 12, 64, false);
}

static void layernorm_fwd(void)
{
	mm_layernorm_fwd(buf[0], buf[1], buf[2], buf[3], buf[4], buf[5],
			 (mm_real)1e-5, N, C);
}

static void layernorm_bwd(void)
{
	mm_layernorm_bwd(buf[0], 0, buf[6], buf[7], buf[3], buf[1], buf[2],
			 buf[4], buf[5], N, C);
}

static void gelu_fwd(void)
{
	mm_act_fwd(buf[0], buf[1], MM_ACT_GELU, (size_t)N * F);
}

static void gelu_bwd(void)
{
	mm_act_bwd(buf[0], buf[2], buf[1], MM_ACT_GELU, 0, (size_t)N * F);
}

static void slope_bwd(void)
{
	mm_slope_bwd(buf[0], buf[3], buf[2], buf[1], N, F);
}

static void epilogue(void)
{
	struct mm_epilogue e = { .y = buf[0],
				 .slope = buf[1],
				 .bias = buf[2],
				 .act = MM_ACT_GELU,
				 .ld = F };

	for (size_t n = 0; n < N; n++)
		mm_epilogue_run(&e, n, 1, 0, F);
}

static void quick_gelu_fwd(void)
{
	mm_act_fwd(buf[0], buf[1], MM_ACT_QUICK_GELU, (size_t)N * F);
}

static void quick_gelu_bwd(void)
{
	mm_act_bwd(buf[0], buf[2], buf[1], MM_ACT_QUICK_GELU, 0, (size_t)N * F);
}

static void bias_grad_wide(void)
{
	mm_sum_rows(buf[0], buf[1], N, F);
}

static void bias_grad(void)
{
	mm_sum_rows(buf[0], buf[1], N, C);
}

static void add(void)
{
	mm_axpby(buf[0], 1, 1, buf[1], (size_t)N * C);
}

static void dropout(void)
{
	mm_dropout(buf[0], 0, buf[1], 0.1, 7, 0, 1, (size_t)N * C);
}

static void softmax_fwd(void)
{
	mm_softmax_fwd(buf[0], buf[1], false, (size_t)B * H * T, T);
}

static void l2norm_fwd(void)
{
	mm_l2norm_fwd(buf[0], buf[1], buf[2], (mm_real)1e-12, N, C);
}

static void l2norm_bwd(void)
{
	mm_l2norm_bwd(buf[0], buf[1], buf[2], buf[3], (mm_real)1e-12, N, C);
}

static void infonce(void)
{
	mm_infonce_fwd(buf[0], buf[1], NULL, 0, 1024);
	mm_infonce_bwd(buf[2], 1, buf[0], buf[1], NULL, 0, 1024);
}

static void cross_entropy(void)
{
	static int32_t target[128];

	mm_cross_entropy_fwd(buf[0], buf[1], target, 0, -100, 128, 30522);
	mm_cross_entropy_bwd(buf[2], 1, buf[0], buf[1], target, 0, -100, 128,
			     30522);
}

static void patches(void)
{
	static float value[3][256];

	mm_patches_u8_fwd(buf[0], (const uint8_t *)buf[1],
			  (const float(*)[256])value, 16, 224, 224, 32);
}

static void adamw(void)
{
	const struct mm_adamw a = { 1e-3, 0.9, 0.98, 1e-6, 0.2, 1, 3 };

	mm_adamw(buf[0], buf[1], buf[2], buf[3], &a, (size_t)N * F);
}

static void sum_squares(void)
{
	volatile double sink = mm_sum_squares(buf[1], (size_t)N * F);

	(void)sink;
}

/* Numbers of output; buffers of that size that are read or written. */
static const struct {
	const char *name;
	void (*run)(void);
	size_t n;
	double touched;
} table[] = {
	{ "attention 128x65 4x32 forward", attention_tiny_fwd, N *C, 4 },
	{ "attention 128x65 4x32 backward", attention_tiny_bwd, N *C, 8 },
	{ "attention 8x50 12x64 forward", attention_base_fwd, 8 * 50 * 768, 4 },
	{ "attention 8x50 12x64 backward", attention_base_bwd, 8 * 50 * 768,
	  8 },
	{ "attention 1x1024 12x64", attention_long_fwd, 1024 * 768, 4 },
	{ "layernorm", layernorm_fwd, N *C, 2 },
	{ "layernorm backward", layernorm_bwd, N *C, 3 },
	{ "gelu", gelu_fwd, N *F, 2 },
	{ "gelu backward", gelu_bwd, N *F, 3 },
	{ "bias, gelu and slope", epilogue, N *F, 3 },
	{ "slope backward, bias gradient", slope_bwd, N *F, 3 },
	{ "quick_gelu", quick_gelu_fwd, N *F, 2 },
	{ "quick_gelu backward", quick_gelu_bwd, N *F, 3 },
	{ "bias gradient", bias_grad, N *C, 1 },
	{ "bias gradient, wide", bias_grad_wide, N *F, 1 },
	{ "add", add, N *C, 3 },
	{ "dropout", dropout, N *C, 2 },
	{ "softmax", softmax_fwd, B *H *T *T, 2 },
	{ "l2norm", l2norm_fwd, N *C, 2 },
	{ "l2norm backward", l2norm_bwd, N *C, 4 },
	{ "infonce 1024, both ways", infonce, 1024 * 1024, 4 },
	{ "cross-entropy 128x30522, both ways", cross_entropy, 128 * 30522, 4 },
	{ "patches 16x3x224x224", patches, 16 * 3 * 224 * 224, 1.25 },
	{ "adamw", adamw, N *F, 7 },
	{ "sum of squares", sum_squares, N *F, 1 },
};

static void measure(size_t k)
{
	double best = 1e9, start;

	table[k].run();
	for (int i = 0; i < 7; i++) {
		start = now();
		table[k].run();
		start = now() - start;
		best = start < best ? start : best;
	}
	printf("%-36s %8.3f ms %7.3f ns %7.2f GB/s\n", table[k].name,
	       best * 1e3, best * 1e9 / (double)table[k].n,
	       (double)table[k].n * sizeof(mm_real) * table[k].touched / best /
		       1e9);
}

int main(int argc, char **argv)
{
	const char *part = "";

	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], "-t") && i + 1 < argc)
			mm_threads_set(atoi(argv[++i]));
		else
			part = argv[i];
	for (int i = 0; i < 8; i++) {
		buf[i] = mm_malloc(SIZE, sizeof(mm_real));
		if (!buf[i])
			return 1;
		for (size_t k = 0; k < SIZE; k++)
			buf[i][k] =
				(mm_real)((double)(k * 7919 % 1009) / 252 - 2);
	}
	for (size_t k = 0; k < sizeof(table) / sizeof(*table); k++)
		if (strstr(table[k].name, part))
			measure(k);
	for (int i = 0; i < 8; i++)
		mm_free(buf[i]);
	return 0;
}
