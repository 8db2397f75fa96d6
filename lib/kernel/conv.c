/*
 * conv.c - see conv.h.
 *
 * Forward and the gradient of x are one loop over patches (patches.h).  A
 * task takes a run of pixels of one sample; the weights are packed once for all
 * tasks.  The gradient of w is a product over pixels.
 */
#include "kernel/conv.h"

#include <stdint.h>
#include <string.h>

#include "base/parallel.h"
#include "kernel/cpu.h"
#include "kernel/gemm.h"
#include "kernel/patches.h"
#include "kernel/size.h"
#include "kernel/vec.h"

enum {
	RUN = 192,  /* pixels of a task, columns of a block of w  */
	WIDE = 224, /* ... of several small samples */
	KC = 256,
	LINES = 36,	 /* at least nr of every instruction set       */
	OWN = 144 * 256, /* mc * kc of every instruction set           */
	LONG = 4,	 /* times that, of few taps */
	TASKS = 8,	 /* cut finer where there would be fewer       */
	PACKING = 16,	 /* patches takes as long as so many channels */
	MANY = 32,	 /* tasks, where pixels suffice */
	FEW = 40960,	 /* weights whose sums are cut by pixels */
	PARTS = 16,
};

static _Thread_local mm_real panels_of[WIDE * KC] __attribute__((aligned(64)));
static _Thread_local mm_real lines_of[LINES * (KC + MM_PATCHES_APART)]
	__attribute__((aligned(64)));
static _Thread_local mm_real own_of[OWN] __attribute__((aligned(64)));

static const struct mm_gemm_isa *isa(void)
{
#if defined(__x86_64__)
	switch (mm_isa()) {
	case MM_ISA_AVX512: return &mm_gemm_avx512;
	case MM_ISA_AVX2: return &mm_gemm_avx2;
	default: break;
	}
#endif
	return &mm_gemm_base;
}

static size_t out_size(size_t n, size_t k, size_t stride)
{
	return n < k ? 0 : (n - k) / stride + 1;
}

size_t mm_conv_rows(const struct mm_conv *p)
{
	return out_size(p->H + p->top + p->bottom, p->kh, p->stride);
}

size_t mm_conv_cols(const struct mm_conv *p)
{
	return out_size(p->W + p->left + p->right, p->kw, p->stride);
}

size_t mm_conv_work(const struct mm_conv *p)
{
	const size_t n = p->F * p->C * p->kh * p->kw;

	/* Packed weights, and for backward a transposed copy, or sums. */
	return (n <= FEW ? PARTS : 2) * n;
}

/* ---- forward, and backward to x ---- */

struct job {
	const struct mm_gemm_isa *isa;
	struct mm_patches g;
	const mm_real *src, *packed, *bias, *residual;
	mm_real *dst, *to_pack, beta;
	const mm_real *w;
	bool turned; /* w (K, M), not (M, K) */
	enum mm_act act;
	size_t M, K, P;	     /* channels out, taps in, pixels of a sample */
	size_t src_size;     /* of a sample */
	size_t group;	     /* samples at a time, of which runs is 1 */
	size_t B, kc;	     /* samples; taps at a time */
	size_t run, runs;    /* pixels at a time */
	size_t span, spans;  /* runs per task */
	size_t rows, blocks; /* channels per task, a multiple of isa->mc */
};

static void pack_weights_some(void *ctx, size_t begin, size_t end)
{
	const struct job *j = ctx;
	const struct mm_gemm p = { .A = j->w,
				   .K = j->K,
				   .ta = j->turned,
				   .lda = j->turned ? j->M : j->K };
	const size_t k_blocks = parts_of(j->K, j->kc);

	for (size_t t = begin; t < end; t++) {
		const size_t m = t / k_blocks * j->isa->mc;
		const size_t k = t % k_blocks * j->kc;
		const size_t kc = least(j->K - k, j->kc);

		j->isa->pack_a(&p, m, least(j->M - m, j->isa->mc), k, kc,
			       j->to_pack + j->M * k + m * kc);
	}
}

static void finish(const struct job *j, size_t b, size_t m0, size_t m1,
		   size_t first, size_t n)
{
	if (!j->bias && j->act == MM_ACT_NONE && !j->residual)
		return;
	for (size_t m = m0; m < m1; m++) {
		const size_t at = (b * j->M + m) * j->P + first;

		mm_vec()->finish(j->dst + at, j->bias ? j->bias[m] : 0, j->act,
				 j->residual ? j->residual + at : NULL, n);
	}
}

/* One run of pixels, of sample b on, some of the channels; and then the next.
 */
static void convolve(const struct job *j, size_t b, size_t run, size_t block,
		     bool more)
{
	const size_t samples = least(j->group, j->B - b);
	const struct mm_gemm_isa *I = j->isa;
	const size_t first = run * j->run;
	const size_t n = least(samples * j->P - first, j->run);
	const size_t m0 = block * j->rows, m1 = least(j->M, m0 + j->rows);
	struct mm_patches g = j->g;
	struct mm_ahead ahead = { 0 };
	struct mm_gemm p = { .alpha = 1,
			     .beta = j->beta,
			     .C = j->dst + b * j->M * j->P,
			     .ldc = j->P,
			     .ahead = &ahead,
			     .group = samples > 1 ? j->P : 0,
			     .apart = j->M * j->P };

	g.src = j->src + b * j->src_size;
	g.next = j->src_size;
	for (size_t k = 0; k < j->K; k += j->kc) {
		const size_t kc = least(j->K - k, j->kc);

		mm_patches_pack(panels_of, I->nr, k, kc, first, n, &g);
		if (k + kc < j->K)
			mm_patches_ahead(&ahead, k + kc, kc, first, n, &g);
		else if (more)
			mm_patches_ahead(&ahead, 0, kc, first + n,
					 least(j->P - first - n, j->run), &g);
		for (size_t m = m0; m < m1; m += I->mc) {
			I->block(&p, m, least(m1 - m, I->mc), k, kc, first, n,
				 j->packed + j->M * k + m * kc, panels_of);
			ahead.n = 0;
		}
	}
	for (size_t s = 0; s < samples; s++)
		finish(j, b + s, m0, m1, first, n / samples);
}

static void convolve_some(void *ctx, size_t begin, size_t end)
{
	const struct job *j = ctx;

	for (size_t t = begin; t < end; t++) {
		const size_t block = t % j->blocks;
		const size_t span = t / j->blocks % j->spans;
		const size_t b = t / j->blocks / j->spans * j->group;
		const size_t r1 = least(j->runs, (span + 1) * j->span);

		for (size_t r = span * j->span; r < r1; r++)
			convolve(j, b, r, block, r + 1 < r1);
	}
}

/* How many samples side by side fill vectors of `lanes` best. */
static size_t group_of(size_t P, size_t B, size_t lanes)
{
	size_t best = 1;

	for (size_t n = 2; n <= B && n * P <= WIDE; n++)
		if (n * parts_of(best * P, lanes) >
		    best * parts_of(n * P, lanes))
			best = n;
	return best;
}

/*
 * Into how many blocks the channels are cut, at most `parts`, so that the
 * threads are done soonest: each block packs patches for itself.
 */
static size_t blocks_of(size_t tasks, size_t parts, size_t mc)
{
	const size_t threads = (size_t)mm_threads();
	size_t best = 1, least_time = SIZE_MAX;

	for (size_t n = 1; n <= parts; n++) {
		const size_t rows = parts_of(parts, n) * mc;
		const size_t time =
			parts_of(tasks * n, threads) * (rows + PACKING);

		if (time < least_time) {
			least_time = time;
			best = n;
		}
	}
	return best;
}

/*
 * Runs of pixels, and how many of them and of the channels a task takes.  What
 * depends on the threads here is who does what, and not one sum.
 */
static void cut(struct job *j)
{
	const size_t mc = j->isa->mc, nr = j->isa->nr;
	size_t n = RUN;

	/* Of few taps rows of the source serve more pixels. */
	if (j->K <= KC / LONG && j->B * j->P >= MANY * LONG * RUN)
		n = LONG * RUN;
	/* Runs even out, and end at whole panels. */
	j->run = parts_of(parts_of(j->P, parts_of(j->P, n)), nr) * nr;
	j->group = group_of(j->P, j->B, nr / 2);
	if (j->group > 1)
		j->run = j->group * j->P;
	j->runs = parts_of(j->P, j->run);
	/* The memory is asked ahead in all runs of a task but the last. */
	j->spans = least(j->runs, parts_of(MANY, j->B));
	j->span = parts_of(j->runs, j->spans);
	j->spans = parts_of(j->runs, j->span);
	j->blocks = blocks_of(parts_of(j->B, j->group) * j->spans,
			      parts_of(j->M, mc), mc);
	j->rows = parts_of(parts_of(j->M, j->blocks), mc) * mc;
	j->blocks = parts_of(j->M, j->rows);
}

/* Pack w, then all tasks. */
static void run(struct job *j, mm_real *work)
{
	if (!j->P || !j->M || !j->B)
		return;
	j->isa = isa();
	j->to_pack = work;
	j->packed = work;
	j->kc = parts_of(j->K, parts_of(j->K, j->isa->kc));
	mm_parallel_for(parts_of(j->M, j->isa->mc) * parts_of(j->K, j->kc), 1,
			pack_weights_some, j);
	cut(j);
	mm_parallel_for(parts_of(j->B, j->group) * j->spans * j->blocks, 1,
			convolve_some, j);
}

void mm_conv_fwd(mm_real *y, const mm_real *x, const mm_real *w,
		 const struct mm_conv *p, mm_real *work)
{
	const size_t Wo = mm_conv_cols(p);
	struct job j = { .src = x,
			 .dst = y,
			 .w = w,
			 .bias = p->bias,
			 .residual = p->residual,
			 .act = p->act,
			 .B = p->B,
			 .M = p->F,
			 .K = p->C * p->kh * p->kw,
			 .P = mm_conv_rows(p) * Wo,
			 .src_size = p->C * p->H * p->W,
			 .g = { .Hs = p->H,
				.Ws = p->W,
				.Hd = mm_conv_rows(p),
				.Wd = Wo,
				.kh = p->kh,
				.kw = p->kw,
				.top = p->top,
				.left = p->left,
				.up = p->stride,
				.down = 1 } };

	run(&j, work);
}

struct turn {
	mm_real *out;
	const mm_real *w;
	size_t C, F, taps;
};

/* out (C, F, taps) from w (F, C, taps). */
static void turn_some(void *ctx, size_t begin, size_t end)
{
	const struct turn *t = ctx;

	for (size_t c = begin; c < end; c++)
		for (size_t f = 0; f < t->F; f++)
			memcpy(t->out + (c * t->F + f) * t->taps,
			       t->w + (f * t->C + c) * t->taps,
			       t->taps * sizeof(*t->out));
}

void mm_conv_bwd_x(mm_real *dx, mm_real beta, const mm_real *dy,
		   const mm_real *w, const struct mm_conv *p, mm_real *work)
{
	const size_t Ho = mm_conv_rows(p), Wo = mm_conv_cols(p);
	const size_t n = p->F * p->C * p->kh * p->kw;
	struct turn t = { work + n, w, p->C, p->F, p->kh * p->kw };
	struct job j = { .src = dy,
			 .dst = dx,
			 .w = t.taps == 1 ? w : t.out,
			 .turned = t.taps == 1,
			 .beta = beta,
			 .B = p->B,
			 .M = p->C,
			 .K = p->F * p->kh * p->kw,
			 .P = p->H * p->W,
			 .src_size = p->F * Ho * Wo,
			 .g = { .Hs = Ho,
				.Ws = Wo,
				.Hd = p->H,
				.Wd = p->W,
				.kh = p->kh,
				.kw = p->kw,
				.top = p->top,
				.left = p->left,
				.up = 1,
				.down = p->stride,
				.back = true } };

	if (!j.turned)
		mm_parallel_for(p->C, 16, turn_some, &t);
	run(&j, work);
}

/* ---- backward to w ---- */

struct weight_job {
	const struct mm_gemm_isa *isa;
	struct mm_patches g;
	mm_real *dw, *sums;
	const mm_real *dy, *x;
	size_t B, F, K, P, x_size;
	size_t cols, col_parts; /* of dw per task */
	size_t run;		/* of pixels */
	size_t runs, parts;	/* of all samples; tasks */
	bool turned;		/* sums (K, F) */
};

/* Panels of columns q..q+n of dw: what pixels first..first+kc give them. */
static void pack_columns(mm_real *panels, size_t q, size_t n, size_t first,
			 size_t kc, size_t nr, const struct weight_job *j,
			 const struct mm_patches *g)
{
	for (size_t c = 0; c < n; c += nr) {
		const size_t m = least(n - c, nr);
		struct mm_gemm p = { .tb = true,
				     .B = lines_of,
				     .ldb = kc + MM_PATCHES_APART };

		if (mm_patches_direct(g)) {
			p.ldb = g->Hs * g->Ws;
			p.B = g->src + (q + c) * p.ldb + first;
		} else {
			mm_patches_lines(lines_of, p.ldb, q + c, m, first, kc,
					 g);
		}
		j->isa->pack_b(&p, 0, kc, 0, m, panels + c * kc);
	}
}

static void weigh(const struct weight_job *j, size_t m, size_t q)
{
	const struct mm_gemm_isa *I = j->isa;
	const size_t n = least(j->K - q, j->cols);
	const size_t mc = least(j->F - m, I->mc);

	for (size_t b = 0; b < j->B; b++) {
		struct mm_patches g = j->g;
		const struct mm_gemm p = { .alpha = 1,
					   .beta = 1,
					   .A = j->dy + b * j->F * j->P,
					   .lda = j->P,
					   .C = j->dw,
					   .ldc = j->K };

		g.src = j->x + b * j->x_size;
		for (size_t k = 0; k < j->P; k += I->kc) {
			const size_t kc = least(j->P - k, I->kc);

			pack_columns(panels_of, q, n, k, kc, I->nr, j, &g);
			I->pack_a(&p, m, mc, k, kc, own_of);
			I->block(&p, m, mc, k, kc, q, n, own_of, panels_of);
		}
	}
}

static void weigh_some(void *ctx, size_t begin, size_t end)
{
	const struct weight_job *j = ctx;

	for (size_t t = begin; t < end; t++)
		weigh(j, t / j->col_parts * j->isa->mc,
		      t % j->col_parts * j->cols);
}

/* All weights from the pixels first..first+kc of sample b; sums (F, K). */
static void weigh_panels(const struct weight_job *j, mm_real *sums, size_t b,
			 size_t first, size_t kc, const struct mm_patches *g)
{
	const struct mm_gemm_isa *I = j->isa;
	const struct mm_gemm p = { .alpha = 1,
				   .beta = 1,
				   .A = j->dy + b * j->F * j->P,
				   .lda = j->P,
				   .C = sums,
				   .ldc = j->K };

	for (size_t q = 0; q < j->K; q += RUN) {
		const size_t n = least(j->K - q, RUN);

		pack_columns(panels_of, q, n, first, kc, I->nr, j, g);
		for (size_t m = 0; m < j->F; m += I->mc)
			I->block(&p, m, least(j->F - m, I->mc), first, kc, q, n,
				 NULL, panels_of);
	}
}

/*
 * The same where lines are copied in any case; sums (K, F): lines are read as
 * they are, and what is packed is dy, once for all of them.
 */
static void weigh_lines(const struct weight_job *j, mm_real *sums, size_t b,
			size_t first, size_t kc, const struct mm_patches *g)
{
	const struct mm_gemm_isa *I = j->isa;
	const size_t taps = g->kh * g->kw, next = first + kc;
	const size_t most = taps < LINES ? LINES / taps * taps : LINES;
	struct mm_ahead x = { 0 };
	struct mm_ahead dy = { .per = SIZE_MAX, .then = &x };
	struct mm_gemm p = { .tb = true,
			     .alpha = 1,
			     .beta = 1,
			     .A = lines_of,
			     .lda = kc + MM_PATCHES_APART,
			     .B = j->dy + b * j->F * j->P,
			     .ldb = j->P,
			     .C = sums,
			     .ldc = j->F,
			     .ahead = &dy };

	if (next < j->P) {
		dy.from = p.B + next;
		dy.n = parts_of(j->F, MM_AHEAD_ROWS);
		dy.inner = MM_AHEAD_ROWS * j->P;
		dy.step = j->P;
		mm_patches_ahead_lines(&x, j->K / taps, kc, next,
				       least(j->P - next, j->run), g);
	}
	I->pack_b(&p, first, kc, 0, j->F, panels_of);
	for (size_t q = 0; q < j->K; q += most, p.C += most * p.ldc) {
		const size_t n = least(j->K - q, most);

		mm_patches_lines(lines_of, p.lda, q, n, first, kc, g);
		I->block(&p, 0, n, 0, kc, 0, j->F, NULL, panels_of);
		p.ahead = p.ahead == &dy ? &x : NULL;
	}
}

/* Of few weights all, but from some runs of pixels: a sum of its own. */
static void weigh_runs(const struct weight_job *j, size_t part)
{
	const size_t per = parts_of(j->P, j->run);
	mm_real *sums = j->sums + part * j->F * j->K;

	memset(sums, 0, j->F * j->K * sizeof(*sums));
	for (size_t r = j->runs * part / j->parts;
	     r < j->runs * (part + 1) / j->parts; r++) {
		const size_t b = r / per, first = r % per * j->run;
		const size_t kc = least(j->P - first, j->run);
		struct mm_patches g = j->g;

		g.src = j->x + b * j->x_size;
		if (j->turned)
			weigh_lines(j, sums, b, first, kc, &g);
		else
			weigh_panels(j, sums, b, first, kc, &g);
	}
}

static void weigh_runs_some(void *ctx, size_t begin, size_t end)
{
	for (size_t t = begin; t < end; t++)
		weigh_runs(ctx, t);
}

static void add_sums_some(void *ctx, size_t begin, size_t end)
{
	const struct weight_job *j = ctx;

	for (size_t t = 0; t < j->parts; t++)
		mm_vec()->add(j->dw + begin, j->sums + t * j->F * j->K + begin,
			      end - begin);
}

/* The same of sums (K, F), columns of dw. */
static void add_turned_some(void *ctx, size_t begin, size_t end)
{
	const struct weight_job *j = ctx;

	for (size_t k = begin; k < end; k++)
		for (size_t f = 0; f < j->F; f++) {
			mm_real s = j->dw[f * j->K + k];

			for (size_t t = 0; t < j->parts; t++)
				s += j->sums[(t * j->K + k) * j->F + f];
			j->dw[f * j->K + k] = s;
		}
}

void mm_conv_bwd_w(mm_real *dw, const mm_real *dy, const mm_real *x,
		   const struct mm_conv *p, mm_real *work)
{
	const size_t Wo = mm_conv_cols(p);
	struct weight_job j = { .isa = isa(),
				.dw = dw,
				.sums = work,
				.dy = dy,
				.x = x,
				.B = p->B,
				.F = p->F,
				.K = p->C * p->kh * p->kw,
				.P = mm_conv_rows(p) * Wo,
				.x_size = p->C * p->H * p->W,
				.cols = RUN,
				.g = { .Hs = p->H,
				       .Ws = p->W,
				       .Hd = mm_conv_rows(p),
				       .Wd = Wo,
				       .kh = p->kh,
				       .kw = p->kw,
				       .top = p->top,
				       .left = p->left,
				       .up = p->stride,
				       .down = 1 } };
	const size_t m_parts = parts_of(p->F, j.isa->mc);

	if (!j.P)
		return;
	if (j.F * j.K <= FEW) {
		/* Whole rows, where that is not much less. */
		j.run = j.isa->kc / Wo * Wo;
		if (j.run < j.isa->kc / 4 * 3)
			j.run = j.isa->kc;
		j.runs = p->B * parts_of(j.P, j.run);
		j.parts = least(j.runs, PARTS);
		j.turned = !mm_patches_direct(&j.g) && j.F >= j.isa->nr / 2 &&
			   j.F <= RUN;
		mm_parallel_for(j.parts, 1, weigh_runs_some, &j);
		if (j.turned)
			mm_parallel_for(j.K, 64, add_turned_some, &j);
		else
			mm_parallel_for(j.F * j.K, 1024, add_sums_some, &j);
		return;
	}
	while (m_parts * parts_of(j.K, j.cols) < TASKS &&
	       j.cols >= 2 * j.isa->nr)
		j.cols = parts_of(j.cols / 2, j.isa->nr) * j.isa->nr;
	j.col_parts = parts_of(j.K, j.cols);
	mm_parallel_for(m_parts * j.col_parts, 1, weigh_some, &j);
}

/* ---- backward to the bias ---- */

struct bias_job {
	mm_real *dbias;
	const mm_real *dy;
	size_t B, F, n;
};

static void bias_some(void *ctx, size_t begin, size_t end)
{
	const struct bias_job *j = ctx;

	for (size_t f = begin; f < end; f++) {
		double s = 0;

		for (size_t b = 0; b < j->B; b++)
			s += (double)mm_vec()->sum(
				j->dy + (b * j->F + f) * j->n, j->n);
		j->dbias[f] += (mm_real)s;
	}
}

void mm_conv_bwd_bias(mm_real *dbias, const mm_real *dy, size_t B, size_t F,
		      size_t n)
{
	struct bias_job j = { dbias, dy, B, F, n };

	mm_parallel_for(F, 8, bias_some, &j);
}
