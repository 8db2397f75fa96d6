/* norm.c - see norm.h. */
#include "kernel/norm.h"

#include "base/parallel.h"
#include "kernel/vec.h"

enum { COLUMNS = 64, ELEMENTS = 8192 };

/* Rows per block: about ELEMENTS numbers, whatever the width. */
static size_t grain(size_t C)
{
	return C < ELEMENTS ? ELEMENTS / (C ? C : 1) : 1;
}

struct rows {
	mm_real *y, *saved, *saved2, beta;
	mm_real *dgain, *dbias;
	const mm_real *dy, *x, *gain, *bias;
	mm_real eps;
	bool log;
	size_t N, C;
};

/* ---- layer norm ---- */

static void layernorm_fwd_some(void *ctx, size_t begin, size_t end)
{
	const struct rows *r = ctx;
	const struct mm_vec *vec = mm_vec();
	const size_t C = r->C;

	for (size_t n = begin; n < end; n++) {
		const mm_real *x = r->x + n * C;
		const mm_real mean = vec->sum(x, C) / (mm_real)C;
		const mm_real var = vec->sum_sq_diff(x, mean, C) / (mm_real)C;
		const mm_real rstd = 1 / MM_R(sqrt)(var + r->eps);

		r->saved[n] = mean;
		r->saved2[n] = rstd;
		vec->norm_row(r->y + n * C, x, mean, rstd, r->gain, r->bias, C);
	}
}

void mm_layernorm_fwd(mm_real *y, mm_real *mean, mm_real *rstd,
		      const mm_real *x, const mm_real *gain,
		      const mm_real *bias, mm_real eps, size_t N, size_t C)
{
	struct rows r = { .y = y,
			  .saved = mean,
			  .saved2 = rstd,
			  .x = x,
			  .gain = gain,
			  .bias = bias,
			  .eps = eps,
			  .C = C };

	mm_parallel_for(N, grain(C), layernorm_fwd_some, &r);
}

static void layernorm_dx_some(void *ctx, size_t begin, size_t end)
{
	const struct rows *r = ctx;
	const size_t C = r->C;

	for (size_t n = begin; n < end; n++)
		mm_vec()->norm_row_bwd(r->y + n * C, r->beta, r->dy + n * C,
				       r->x + n * C, r->saved[n], r->saved2[n],
				       r->gain, C);
}

static void layernorm_dgain_some(void *ctx, size_t begin, size_t end)
{
	const struct rows *r = ctx;

	mm_vec()->norm_sums(r->dgain ? r->dgain + begin : NULL,
			    r->dbias ? r->dbias + begin : NULL, r->dy + begin,
			    r->x + begin, r->saved, r->saved2, r->N, r->C,
			    end - begin);
}

void mm_layernorm_bwd(mm_real *dx, mm_real beta, mm_real *dgain, mm_real *dbias,
		      const mm_real *dy, const mm_real *mean,
		      const mm_real *rstd, const mm_real *x,
		      const mm_real *gain, size_t N, size_t C)
{
	union {
		const mm_real *in;
		mm_real *out;
	} m = { mean }, s = { rstd }; /* struct rows serves both ways */
	struct rows r = { .y = dx,
			  .beta = beta,
			  .dgain = dgain,
			  .dbias = dbias,
			  .dy = dy,
			  .saved = m.out,
			  .saved2 = s.out,
			  .x = x,
			  .gain = gain,
			  .N = N,
			  .C = C };

	if (dgain || dbias)
		mm_parallel_for(C, COLUMNS, layernorm_dgain_some, &r);
	if (dx)
		mm_parallel_for(N, grain(C), layernorm_dx_some, &r);
}

/* ---- root mean square ---- */

static void rmsnorm_fwd_some(void *ctx, size_t begin, size_t end)
{
	const struct rows *r = ctx;
	const size_t C = r->C;

	for (size_t n = begin; n < end; n++) {
		const mm_real *x = r->x + n * C;
		const mm_real ms =
			(mm_real)(mm_vec()->sum_sq(x, C) / (double)C);
		const mm_real rrms = 1 / MM_R(sqrt)(ms + r->eps);
		mm_real *y = r->y + n * C;

		r->saved[n] = rrms;
		for (size_t c = 0; c < C; c++)
			y[c] = x[c] * rrms * r->gain[c];
	}
}

void mm_rmsnorm_fwd(mm_real *y, mm_real *rrms, const mm_real *x,
		    const mm_real *gain, mm_real eps, size_t N, size_t C)
{
	struct rows r = {
		.y = y, .saved = rrms, .x = x, .gain = gain, .eps = eps, .C = C
	};

	mm_parallel_for(N, grain(C), rmsnorm_fwd_some, &r);
}

static void rmsnorm_dx_some(void *ctx, size_t begin, size_t end)
{
	const struct rows *r = ctx;
	const size_t C = r->C;

	for (size_t n = begin; n < end; n++) {
		const mm_real *dy = r->dy + n * C, *x = r->x + n * C;
		const mm_real rrms = r->saved[n];
		mm_real *dx = r->y + n * C, gh = 0;

		for (size_t c = 0; c < C; c++)
			gh += dy[c] * r->gain[c] * x[c];
		gh *= rrms * rrms / (mm_real)C;
		for (size_t c = 0; c < C; c++)
			dx[c] = (r->beta == 0 ? 0 : r->beta * dx[c]) +
				rrms * (dy[c] * r->gain[c] - x[c] * gh);
	}
}

static void rmsnorm_dgain_some(void *ctx, size_t begin, size_t end)
{
	const struct rows *r = ctx;

	for (size_t n = 0; n < r->N; n++)
		for (size_t c = begin; c < end; c++)
			r->dgain[c] += r->dy[n * r->C + c] *
				       r->x[n * r->C + c] * r->saved[n];
}

void mm_rmsnorm_bwd(mm_real *dx, mm_real beta, mm_real *dgain,
		    const mm_real *dy, const mm_real *rrms, const mm_real *x,
		    const mm_real *gain, size_t N, size_t C)
{
	union {
		const mm_real *in;
		mm_real *out;
	} saved = { rrms };
	struct rows r = { .y = dx,
			  .beta = beta,
			  .dgain = dgain,
			  .dy = dy,
			  .saved = saved.out,
			  .x = x,
			  .gain = gain,
			  .N = N,
			  .C = C };

	if (dgain)
		mm_parallel_for(C, COLUMNS, rmsnorm_dgain_some, &r);
	if (dx)
		mm_parallel_for(N, grain(C), rmsnorm_dx_some, &r);
}

/* ---- length ---- */

static void l2norm_fwd_some(void *ctx, size_t begin, size_t end)
{
	const struct rows *r = ctx;

	for (size_t n = begin; n < end; n++) {
		const mm_real *x = r->x + n * r->C;
		mm_real *y = r->y + n * r->C;
		/* In double: a float sum drifts by up to C ulp. */
		const mm_real norm = (mm_real)sqrt(mm_vec()->sum_sq(x, r->C));

		r->saved[n] = 1 / (norm > r->eps ? norm : r->eps);
		for (size_t c = 0; c < r->C; c++)
			y[c] = x[c] * r->saved[n];
	}
}

void mm_l2norm_fwd(mm_real *y, mm_real *rnorm, const mm_real *x, mm_real eps,
		   size_t N, size_t C)
{
	struct rows r = { .y = y, .saved = rnorm, .x = x, .eps = eps, .C = C };

	mm_parallel_for(N, grain(C), l2norm_fwd_some, &r);
}

static void l2norm_bwd_some(void *ctx, size_t begin, size_t end)
{
	const struct rows *r = ctx;

	for (size_t n = begin; n < end; n++) {
		const mm_real *g = r->dy + n * r->C, *y = r->x + n * r->C;
		const mm_real rnorm = r->saved[n];
		mm_real *dx = r->y + n * r->C, dot = 0;

		/* Only what is tangent to the sphere survives. */
		if (rnorm * r->eps < 1)
			dot = mm_vec()->dot(g, y, r->C);
		for (size_t c = 0; c < r->C; c++)
			dx[c] += rnorm * (g[c] - dot * y[c]);
	}
}

void mm_l2norm_bwd(mm_real *dx, const mm_real *dy, const mm_real *y,
		   const mm_real *rnorm, mm_real eps, size_t N, size_t C)
{
	union {
		const mm_real *in;
		mm_real *out;
	} saved = { rnorm };
	struct rows r = { .y = dx,
			  .saved = saved.out,
			  .dy = dy,
			  .x = y,
			  .eps = eps,
			  .C = C };

	mm_parallel_for(N, grain(C), l2norm_bwd_some, &r);
}

/* ---- softmax ---- */

static void softmax_fwd_some(void *ctx, size_t begin, size_t end)
{
	const struct rows *r = ctx;

	for (size_t n = begin; n < end; n++) {
		const mm_real *x = r->x + n * r->C;
		mm_real *y = r->y + n * r->C, top, z;

		if (r->log) {
			z = (mm_real)mm_vec()->lse(x, r->C);
			for (size_t c = 0; c < r->C; c++)
				y[c] = x[c] - z;
			continue;
		}
		z = 1 / mm_vec()->exp_sum(y, x, &top, r->C);
		for (size_t c = 0; c < r->C; c++)
			y[c] *= z;
	}
}

void mm_softmax_fwd(mm_real *y, const mm_real *x, bool log, size_t N, size_t C)
{
	struct rows r = { .y = y, .x = x, .log = log, .C = C };

	if (C)
		mm_parallel_for(N, grain(C), softmax_fwd_some, &r);
}

static void softmax_bwd_some(void *ctx, size_t begin, size_t end)
{
	const struct rows *r = ctx;

	for (size_t n = begin; n < end; n++) {
		const mm_real *dy = r->dy + n * r->C, *y = r->x + n * r->C;
		mm_real *dx = r->y + n * r->C;
		const mm_real s = r->log ? mm_vec()->sum(dy, r->C)
					 : mm_vec()->dot(dy, y, r->C);

		for (size_t c = 0; c < r->C; c++)
			dx[c] += r->log ? dy[c] - MM_R(exp)(y[c]) * s
					: y[c] * (dy[c] - s);
	}
}

void mm_softmax_bwd(mm_real *dx, const mm_real *dy, const mm_real *y, bool log,
		    size_t N, size_t C)
{
	struct rows r = { .y = dx, .dy = dy, .x = y, .log = log, .C = C };

	mm_parallel_for(N, grain(C), softmax_bwd_some, &r);
}
