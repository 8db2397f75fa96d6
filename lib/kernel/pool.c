/* pool.c - see pool.h.  A block is some planes. */
#include "kernel/pool.h"

#include "base/parallel.h"
#include "kernel/vec.h"

enum { ELEMENTS = 16384 };

static size_t out_size(size_t n, size_t k, size_t stride)
{
	return n < k ? 0 : (n - k) / stride + 1;
}

size_t mm_pool_rows(const struct mm_pool *p)
{
	return out_size(p->H + p->top + p->bottom, p->k, p->stride);
}

size_t mm_pool_cols(const struct mm_pool *p)
{
	return out_size(p->W + p->left + p->right, p->k, p->stride);
}

static size_t grain(size_t n)
{
	return n < ELEMENTS ? ELEMENTS / (n ? n : 1) : 1;
}

struct job {
	const struct mm_pool *p;
	mm_real *out, *out2, beta;
	const mm_real *in, *in2, *s;
	uint32_t *at;
	const uint32_t *at_in;
	size_t Ho, Wo, n;
};

static void run(struct job *j, mm_parallel_fn *fn)
{
	j->Ho = mm_pool_rows(j->p);
	j->Wo = mm_pool_cols(j->p);
	mm_parallel_for(j->p->planes, grain(j->p->H * j->p->W), fn, j);
}

/* ---- the largest ---- */

/* First and last pixel of a window that lie on the map. */
static void window(size_t *from, size_t *to, size_t i, size_t pad, size_t n,
		   const struct mm_pool *p)
{
	const size_t a = i * p->stride;

	*from = a > pad ? a - pad : 0;
	*to = a + p->k - pad < n ? a + p->k - pad : n;
}

static uint32_t largest(const mm_real *x, size_t i, size_t k,
			const struct mm_pool *p)
{
	size_t y0, y1, x0, x1, best;

	window(&y0, &y1, i, p->top, p->H, p);
	window(&x0, &x1, k, p->left, p->W, p);
	best = y0 * p->W + x0;
	for (size_t y = y0; y < y1; y++)
		for (size_t c = x0; c < x1; c++) {
			const mm_real v = x[y * p->W + c];

			/* NaN wins and stays. */
			if (v > x[best] || (v != v && x[best] == x[best]))
				best = y * p->W + c;
		}
	return (uint32_t)best;
}

static void max_fwd_some(void *ctx, size_t begin, size_t end)
{
	const struct job *j = ctx;
	const struct mm_pool *p = j->p;

	for (size_t t = begin; t < end; t++) {
		const mm_real *x = j->in + t * p->H * p->W;
		size_t o = t * j->Ho * j->Wo;

		for (size_t i = 0; i < j->Ho; i++)
			for (size_t k = 0; k < j->Wo; k++, o++) {
				j->at[o] = largest(x, i, k, p);
				j->out[o] = x[j->at[o]];
			}
	}
}

void mm_max_pool_fwd(mm_real *y, uint32_t *at, const mm_real *x,
		     const struct mm_pool *p)
{
	struct job j = { .p = p, .out = y, .at = at, .in = x };

	run(&j, max_fwd_some);
}

static void max_bwd_some(void *ctx, size_t begin, size_t end)
{
	const struct job *j = ctx;
	const size_t n = j->Ho * j->Wo;

	for (size_t t = begin; t < end; t++) {
		mm_real *dx = j->out + t * j->p->H * j->p->W;

		for (size_t o = t * n; o < (t + 1) * n; o++)
			dx[j->at_in[o]] += j->in[o];
	}
}

void mm_max_pool_bwd(mm_real *dx, const mm_real *dy, const uint32_t *at,
		     const struct mm_pool *p)
{
	struct job j = { .p = p, .out = dx, .at_in = at, .in = dy };

	run(&j, max_bwd_some);
}

/* ---- the mean of a window ---- */

static void avg_fwd_some(void *ctx, size_t begin, size_t end)
{
	const struct job *j = ctx;
	const struct mm_pool *p = j->p;
	const mm_real f = 1 / (mm_real)(p->k * p->k);

	for (size_t t = begin; t < end; t++)
		for (size_t i = 0; i < j->Ho; i++) {
			const mm_real *x =
				j->in + (t * p->H + i * p->stride) * p->W;
			mm_real *y = j->out + (t * j->Ho + i) * j->Wo;

			for (size_t k = 0; k < j->Wo; k++) {
				const mm_real *at = x + k * p->stride;
				mm_real s = 0;

				for (size_t u = 0; u < p->k; u++)
					for (size_t v = 0; v < p->k; v++)
						s += at[u * p->W + v];
				y[k] = s * f;
			}
		}
}

void mm_avg_pool_fwd(mm_real *y, const mm_real *x, const struct mm_pool *p)
{
	struct job j = { .p = p, .out = y, .in = x };

	run(&j, avg_fwd_some);
}

static void avg_bwd_some(void *ctx, size_t begin, size_t end)
{
	const struct job *j = ctx;
	const struct mm_pool *p = j->p;
	const mm_real f = 1 / (mm_real)(p->k * p->k);

	for (size_t t = begin; t < end; t++)
		for (size_t i = 0; i < j->Ho; i++) {
			const mm_real *dy = j->in + (t * j->Ho + i) * j->Wo;
			mm_real *dx =
				j->out + (t * p->H + i * p->stride) * p->W;

			for (size_t u = 0; u < p->k; u++)
				for (size_t k = 0; k < j->Wo; k++)
					for (size_t v = 0; v < p->k; v++)
						dx[u * p->W + k * p->stride +
						   v] += dy[k] * f;
		}
}

void mm_avg_pool_bwd(mm_real *dx, const mm_real *dy, const struct mm_pool *p)
{
	struct job j = { .p = p, .out = dx, .in = dy };

	run(&j, avg_bwd_some);
}

/* ---- the mean of a map, and maps times numbers ---- */

static void mean_fwd_some(void *ctx, size_t begin, size_t end)
{
	const struct job *j = ctx;

	for (size_t r = begin; r < end; r++)
		j->out[r] =
			mm_vec()->sum(j->in + r * j->n, j->n) / (mm_real)j->n;
}

void mm_mean_rows_fwd(mm_real *y, const mm_real *x, size_t N, size_t n)
{
	struct job j = { .out = y, .in = x, .n = n };

	mm_parallel_for(N, grain(n), mean_fwd_some, &j);
}

static void mean_bwd_some(void *ctx, size_t begin, size_t end)
{
	const struct job *j = ctx;

	for (size_t r = begin; r < end; r++) {
		const mm_real g = j->in[r] / (mm_real)j->n;
		mm_real *dx = j->out + r * j->n;

		for (size_t i = 0; i < j->n; i++)
			dx[i] += g;
	}
}

void mm_mean_rows_bwd(mm_real *dx, const mm_real *dy, size_t N, size_t n)
{
	struct job j = { .out = dx, .in = dy, .n = n };

	mm_parallel_for(N, grain(n), mean_bwd_some, &j);
}

static void scale_fwd_some(void *ctx, size_t begin, size_t end)
{
	const struct job *j = ctx;

	for (size_t r = begin; r < end; r++) {
		const mm_real s = j->s[r], *x = j->in + r * j->n;
		mm_real *y = j->out + r * j->n;

		for (size_t i = 0; i < j->n; i++)
			y[i] = s * x[i];
	}
}

void mm_scale_rows_fwd(mm_real *y, const mm_real *x, const mm_real *s, size_t N,
		       size_t n)
{
	struct job j = { .out = y, .in = x, .s = s, .n = n };

	mm_parallel_for(N, grain(n), scale_fwd_some, &j);
}

static void scale_bwd_some(void *ctx, size_t begin, size_t end)
{
	const struct job *j = ctx;

	for (size_t r = begin; r < end; r++) {
		const mm_real s = j->s[r], *dy = j->in2 + r * j->n;
		mm_real *dx = j->out ? j->out + r * j->n : NULL;

		if (j->out2)
			j->out2[r] += mm_vec()->dot(dy, j->in + r * j->n, j->n);
		for (size_t i = 0; dx && i < j->n; i++)
			dx[i] = (j->beta == 0 ? 0 : j->beta * dx[i]) +
				s * dy[i];
	}
}

void mm_scale_rows_bwd(mm_real *dx, mm_real beta, mm_real *ds,
		       const mm_real *dy, const mm_real *x, const mm_real *s,
		       size_t N, size_t n)
{
	struct job j = { .out = dx,
			 .beta = beta,
			 .out2 = ds,
			 .in = x,
			 .in2 = dy,
			 .s = s,
			 .n = n };

	mm_parallel_for(N, grain(n), scale_bwd_some, &j);
}
