/*
 * depthwise_planes.c - tasks of a depthwise convolution from plane to plane;
 * see depthwise_planes.h.
 *
 * A unit is a few planes of a sample, or some rows of a large one: what the
 * first cache holds together with the next one, which is asked for meanwhile.
 */
#include "kernel/depthwise_planes.h"

#include <string.h>

#include "base/parallel.h"
#include "kernel/cpu.h"
#include "kernel/size.h"
#include "kernel/vec.h"

enum {
	TASKS = 32,
	NARROW = 15,	  /* columns: three such planes share no vector */
	WIDE = 20,	  /* columns that fill vectors well for 5 x 5 taps */
	FEW = 8,	  /* columns that are no better than in other lanes */
	STRIP = 12 << 10, /* pixels: about so many of a large plane at a time */
	PIXELS = 2048,	  /* of some small planes */
};

static const struct mm_dp_isa *isa(void)
{
#if defined(__x86_64__) && !defined(MM_DOUBLE)
	if (mm_isa() == MM_ISA_AVX512)
		return &mm_dp_avx512;
#endif
	return NULL;
}

/* Small planes take a lane each, where columns would fill vectors badly; more
 * taps make up for more of that. */
static bool is_small(const struct mm_conv *p)
{
	const size_t cols = mm_conv_cols(p);

	return p->stride == 1 &&
	       most(p->W, cols) < (p->kh == 5 ? WIDE : NARROW) &&
	       p->H * p->W <= MM_DP_MAP && mm_conv_rows(p) * cols <= MM_DP_MAP;
}

bool mm_planes_fit(const struct mm_conv *p)
{
	const size_t k = p->kh, cols = least(p->W, mm_conv_cols(p));

	return isa() && k == p->kw && (k == 3 || k == 5) && p->top < k &&
	       p->left < k &&
	       (p->stride == 1 ? cols >= NARROW || is_small(p)
			       : p->stride == 2 && cols >= FEW);
}

/* So many that their columns fill vectors best. */
static size_t side_by_side(size_t cols)
{
	enum { L = MM_DP_LANES };
	size_t best = 1;

	for (size_t n = 2; n * cols <= MM_DP_SETS * L; n++)
		if (parts_of(n * cols, L) * best < parts_of(best * cols, L) * n)
			best = n;
	return best;
}

struct job {
	const struct mm_conv *p;
	const struct mm_dp_isa *isa;
	struct mm_dp d; /* of a whole unit */
	const mm_real *src, *in2, *w;
	mm_real *dst, *sums;
	size_t rows, strip, strips; /* of a plane */
	size_t units;		    /* of a sample, but for strips */
	size_t total, run;	    /* all units; those of a task */
	size_t parts;		    /* of the batch */
};

/* d.H, W, top and left are set, rows and d.cols of lanes. */
static void job_init(struct job *j)
{
	const struct mm_conv *p = j->p;
	struct mm_dp *d = &j->d;

	j->isa = isa();
	d->k = p->kh;
	d->stride = p->stride;
	d->each = is_small(p);
	d->abreast = 1;
	if (d->each)
		d->abreast = MM_DP_LANES;
	else if (p->stride == 1)
		d->abreast = least(p->C, side_by_side(d->cols));
	d->n = d->abreast > 1
		       ? d->abreast
		       : least(MM_DP_SETS, parts_of(PIXELS, d->Ho * d->Wo));
	j->units = parts_of(p->C, d->n);
	j->strip = j->rows;
	if (d->n == 1)
		j->strip = parts_of(
			j->rows,
			parts_of(most(d->H * d->W, d->Ho * d->Wo), STRIP));
	j->strips = parts_of(j->rows, j->strip);
	j->total = p->B * j->units * j->strips;
	j->run = parts_of(j->total, TASKS);
}

/* Rows of x and y that come before row i of strips. */
static size_t source_rows(const struct job *j, size_t i)
{
	const size_t s = j->d.spread ? 1 : j->d.stride;

	return i == j->rows ? j->d.H : least(i * s, j->d.H);
}

static size_t result_rows(const struct job *j, size_t i)
{
	const size_t s = j->d.spread ? 2 : 1, top = j->d.spread ? j->d.top : 0;

	return i * s < top ? 0 : least(i * s - top, j->d.Ho);
}

/* Unit i: its rows, planes and first channel; returns its first plane. */
static size_t unit_at(struct mm_dp *d, const struct job *j, size_t i)
{
	const size_t unit = i / j->strips, C = j->p->C;
	const size_t c = unit % j->units * j->d.n;

	*d = j->d;
	d->n = least(d->n, C - c);
	d->first = i % j->strips * j->strip;
	d->end = least(j->rows, d->first + j->strip);
	d->w = j->w + c * d->k * d->k;
	if (d->bias)
		d->bias += c;
	d->next_x = ((d->n - 1) * d->H + source_rows(j, d->end) -
		     source_rows(j, d->first)) *
		    d->W;
	d->next_y = ((d->n - 1) * d->Ho + result_rows(j, d->end) -
		     result_rows(j, d->first)) *
		    d->Wo;
	return unit / j->units * C + c;
}

/* What follows the sum, over results that lie one after another. */
static void finish(const struct job *j, size_t at, size_t n)
{
	const struct mm_conv *p = j->p;

	if (p->act != MM_ACT_NONE)
		mm_vec()->act_fwd(j->dst + at, j->dst + at, p->act, n);
	if (p->residual)
		mm_vec()->add(j->dst + at, p->residual + at, n);
}

static void convolve_some(void *ctx, size_t begin, size_t end)
{
	const struct job *j = ctx;

	end = least(j->total, end * j->run);
	for (size_t i = begin * j->run; i < end; i++) {
		struct mm_dp d;
		const size_t plane = unit_at(&d, j, i), n = d.Ho * d.Wo;

		j->isa->convolve(j->dst + plane * n, j->src + plane * d.H * d.W,
				 &d);
		if (!d.back)
			finish(j, plane * n + d.first * d.Wo, d.next_y);
	}
}

static void run(struct job *j)
{
	job_init(j);
	mm_parallel_for(parts_of(j->total, j->run), 1, convolve_some, j);
}

/* Results in lanes, from x; w is the weights or their gradient. */
static struct job job_of(const struct mm_conv *p, const mm_real *x,
			 const mm_real *w)
{
	const size_t Ho = mm_conv_rows(p), Wo = mm_conv_cols(p);

	return (struct job){ .p = p,
			     .src = x,
			     .w = w,
			     .rows = Ho,
			     .d = { .H = p->H,
				    .W = p->W,
				    .Ho = Ho,
				    .Wo = Wo,
				    .cols = Wo,
				    .top = p->top,
				    .left = p->left } };
}

void mm_planes_fwd(mm_real *y, const mm_real *x, const mm_real *w,
		   const struct mm_conv *p)
{
	struct job j = job_of(p, x, w);

	j.dst = y;
	j.d.bias = p->bias;
	run(&j);
}

/* At stride 1 the same with taps turned around and the rest of the zeros. */
void mm_planes_bwd_x(mm_real *dx, mm_real beta, const mm_real *dy,
		     const mm_real *w, const struct mm_conv *p)
{
	const bool spread = p->stride == 2;
	struct job j = {
		.p = p,
		.dst = dx,
		.src = dy,
		.w = w,
		.rows = spread ? (p->H - 1 + p->top) / 2 + 1 : p->H,
		.d = { .back = true,
		       .spread = spread,
		       .beta = beta,
		       .H = mm_conv_rows(p),
		       .W = mm_conv_cols(p),
		       .Ho = p->H,
		       .Wo = p->W,
		       .cols = spread ? (p->W - 1 + p->left) / 2 + 1 : p->W,
		       .top = spread ? p->top : p->kh - 1 - p->top,
		       .left = spread ? p->left : p->kw - 1 - p->left }
	};

	run(&j);
}

/* ---- backward to w ---- */

/* What one unit of sample b gives; `next` planes on comes what is wanted
 * then, or what follows. */
static void weigh_unit(const struct job *j, mm_real *sums, struct mm_dp *d,
		       size_t b, size_t unit, size_t next)
{
	for (size_t s = 0; s < j->strips; s++) {
		const size_t plane =
			unit_at(d, j, (b * j->units + unit) * j->strips + s);

		if (next) {
			d->next_x = next * d->H * d->W;
			d->next_y = next * d->Ho * d->Wo;
		}
		j->isa->bwd_w(sums, j->in2 + plane * d->Ho * d->Wo,
			      j->src + plane * d->H * d->W, d);
	}
}

/*
 * Some units in one part of the batch.  Sums are folded after all samples, as
 * planes side by side make that dear, or else after each: planes are then read
 * in the order in which they lie.
 */
static void weigh(const struct job *j, size_t first, size_t end, size_t part)
{
	const size_t C = j->p->C, B = j->p->B, taps = j->d.k * j->d.k;
	const size_t b0 = B * part / j->parts, b1 = B * (part + 1) / j->parts;
	const size_t inner = j->d.abreast > 1 ? b1 - b0 : 1;
	mm_real *total = j->sums + part * C * taps;
	mm_real sums[MM_DP_SETS * MM_DP_SET];
	struct mm_dp d;

	memset(total + first * j->d.n * taps, 0,
	       (least(C, end * j->d.n) - first * j->d.n) * taps *
		       sizeof(*total));
	for (size_t b = b0; b < b1; b += inner)
		for (size_t u = first; u < end; u++) {
			memset(sums, 0, sizeof(sums));
			for (size_t i = 0; i < inner; i++)
				weigh_unit(j, sums, &d, b + i, u,
					   i + 1 < inner ? C : 0);
			j->isa->fold(total + u * j->d.n * taps, sums, &d);
		}
}

static void weigh_some(void *ctx, size_t begin, size_t end)
{
	const struct job *j = ctx;

	for (size_t t = begin; t < end; t++) {
		const size_t first = t / j->parts * j->run;

		weigh(j, first, least(j->units, first + j->run), t % j->parts);
	}
}

void mm_planes_bwd_w(mm_real *dw, const mm_real *dy, const mm_real *x,
		     const struct mm_conv *p, mm_real *work)
{
	const size_t n = p->C * p->kh * p->kw;
	struct job j = job_of(p, x, dw);

	j.in2 = dy;
	j.sums = work;
	job_init(&j);
	j.parts = least(p->B, parts_of(TASKS, j.units));
	j.run = j.d.abreast > 1 ? 1 : parts_of(j.units, TASKS);
	mm_parallel_for(parts_of(j.units, j.run) * j.parts, 1, weigh_some, &j);
	for (size_t i = 0; i < j.parts; i++)
		mm_vec()->add(dw, work + i * n, n);
}
