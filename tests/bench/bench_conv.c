/*
 * bench_conv.c - the convolutions of CLIP's ResNet-50 (224 pixels), of ALIGN's
 * EfficientNet (289) and those of ConvNeXt that keep channels apart (224),
 * forward and backward, as shares of what the machine can do: of the best
 * matrix product, and where channels are kept apart of the memory's bandwidth,
 * or of the rate at which bytes come to use at the peak of multiplications,
 * where that is less (5 x 5: 50 operations for 8 bytes).
 *
 *	usage: bench_conv [-t threads] [-s seconds per line] [name part]
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "bench.h"
#include "kernel/conv.h"

enum { BATCH = 8 };

static double seconds = 0.1;
static const char *only = "";

static const struct shape {
	const char *what;
	size_t C, F, side, k, stride;
	bool depthwise;
} shapes[] = {
	{ "rn50 stem", 3, 32, 224, 3, 2, false },
	{ "rn50 stem 2", 32, 32, 112, 3, 1, false },
	{ "rn50 stem 3", 32, 64, 112, 3, 1, false },
	{ "rn50 layer1 3x3", 64, 64, 56, 3, 1, false },
	{ "rn50 layer1 out", 64, 256, 56, 1, 1, false },
	{ "rn50 layer1 in", 256, 64, 56, 1, 1, false },
	{ "rn50 layer2 3x3", 128, 128, 28, 3, 1, false },
	{ "rn50 layer2 out", 128, 512, 28, 1, 1, false },
	{ "rn50 layer3 3x3", 256, 256, 14, 3, 1, false },
	{ "rn50 layer3 out", 256, 1024, 14, 1, 1, false },
	{ "rn50 layer3 in", 1024, 256, 14, 1, 1, false },
	{ "rn50 layer4 3x3", 512, 512, 7, 3, 1, false },
	{ "rn50 layer4 out", 512, 2048, 7, 1, 1, false },
	{ "b7 stem", 3, 64, 289, 3, 2, false },
	{ "b7 expand 32-192", 32, 192, 145, 1, 1, false },
	{ "b7 expand 48-288", 48, 288, 73, 1, 1, false },
	{ "b7 project 288-48", 288, 48, 73, 1, 1, false },
	{ "b7 expand 80-480", 80, 480, 37, 1, 1, false },
	{ "b7 project 480-80", 480, 80, 37, 1, 1, false },
	{ "b7 expand 160-960", 160, 960, 19, 1, 1, false },
	{ "b7 project 960-160", 960, 160, 19, 1, 1, false },
	{ "b7 expand 384-2304", 384, 2304, 10, 1, 1, false },
	{ "b7 project 2304-384", 2304, 384, 10, 1, 1, false },
	{ "b7 depthwise 3x3 64", 64, 64, 145, 3, 1, true },
	{ "b7 depthwise 3x3 192 s2", 192, 192, 145, 3, 2, true },
	{ "b7 depthwise 3x3 288", 288, 288, 73, 3, 1, true },
	{ "b7 depthwise 5x5 288 s2", 288, 288, 73, 5, 2, true },
	{ "b7 depthwise 5x5 480", 480, 480, 37, 5, 1, true },
	{ "b7 depthwise 3x3 960", 960, 960, 19, 3, 1, true },
	{ "b7 depthwise 5x5 1344", 1344, 1344, 19, 5, 1, true },
	{ "b7 depthwise 5x5 2304", 2304, 2304, 10, 5, 1, true },
	{ "convnext depthwise 7x7 128", 128, 128, 56, 7, 1, true },
	{ "convnext depthwise 7x7 512", 512, 512, 14, 7, 1, true },
};

struct run {
	struct mm_conv p;
	float *x, *w, *y, *work;
	bool depthwise;
	double operations;
};

static float *numbers(size_t n)
{
	float *x = mm_malloc(n + 1, sizeof(*x));

	if (!x) {
		fprintf(stderr, "bench_conv: out of memory\n");
		exit(1);
	}
	for (size_t i = 0; i < n; i++)
		x[i] = (float)(i * 2654435761u % 1000) / 500 - 1;
	return x;
}

static void fwd(void *ctx)
{
	const struct run *r = ctx;

	if (r->depthwise)
		mm_depthwise_fwd(r->y, r->x, r->w, &r->p, r->work);
	else
		mm_conv_fwd(r->y, r->x, r->w, &r->p, r->work);
}

static void bwd_x(void *ctx)
{
	const struct run *r = ctx;

	if (r->depthwise)
		mm_depthwise_bwd_x(r->x, 0, r->y, r->w, &r->p, r->work);
	else
		mm_conv_bwd_x(r->x, 0, r->y, r->w, &r->p, r->work);
}

static void bwd_w(void *ctx)
{
	const struct run *r = ctx;

	if (r->depthwise)
		mm_depthwise_bwd_w(r->w, r->y, r->x, &r->p, r->work);
	else
		mm_conv_bwd_w(r->w, r->y, r->x, &r->p, r->work);
}

static void line(struct run *r, const char *what, const char *pass,
		 void (*fn)(void *ctx), double work)
{
	const double roof = bench_fma_peak() * work / r->operations;
	char name[64];

	snprintf(name, sizeof(name), "%s %s", what, pass);
	if (r->depthwise)
		bench_print(name, work, bench_best(fn, r, seconds), "GB/s",
			    fmin(bench_read_peak(), roof));
	else
		bench_print(name, work, bench_best(fn, r, seconds), "GF/s",
			    bench_sgemm_peak());
}

static void bench(const struct shape *s)
{
	const size_t pad = s->k / 2, C = s->depthwise ? 1 : s->C;
	struct run r = { .p = { .B = BATCH,
				.C = s->C,
				.H = s->side,
				.W = s->side,
				.F = s->F,
				.kh = s->k,
				.kw = s->k,
				.stride = s->stride,
				.top = pad,
				.left = pad,
				.bottom = pad,
				.right = pad },
			 .depthwise = s->depthwise };
	const size_t P = mm_conv_rows(&r.p) * mm_conv_cols(&r.p);
	const size_t n_x = BATCH * s->C * s->side * s->side;
	const size_t n_y = BATCH * s->F * P, n_w = s->F * C * s->k * s->k;
	double work;

	r.operations = 2 * (double)n_y * (double)(C * s->k * s->k);
	work = s->depthwise ? (double)(n_x + n_y) * sizeof(float)
			    : r.operations;
	r.x = numbers(n_x);
	r.y = numbers(n_y);
	r.w = numbers(n_w);
	r.work = numbers(s->depthwise ? mm_depthwise_work(&r.p)
				      : mm_conv_work(&r.p));
	line(&r, s->what, "fwd", fwd, work);
	if (s->C > 3) /* pixels want no gradient */
		line(&r, s->what, "dx", bwd_x, work);
	line(&r, s->what, "dw", bwd_w, work);
	mm_free(r.x);
	mm_free(r.y);
	mm_free(r.w);
	mm_free(r.work);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "-t") && i + 1 < argc)
			mm_threads_set(atoi(argv[++i]));
		else if (!strcmp(argv[i], "-s") && i + 1 < argc)
			seconds = atof(argv[++i]);
		else
			only = argv[i];
	}
	bench_print_machine();
	for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++)
		if (strstr(shapes[i].what, only))
			bench(&shapes[i]);
	return 0;
}
