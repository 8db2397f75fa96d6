/*
 * loss.c - see loss.h.
 *
 * Logits reach exp(log 100 * 1), so every exponential is taken of a difference
 * with the row's (or column's) largest value.  Sums run in double.
 */
#include "kernel/loss.h"

#include <math.h>

#include "base/parallel.h"

enum { ROWS = 8 };

struct job {
	mm_real *lse, *dz;
	const mm_real *z;
	const int32_t *target, *labels;
	mm_real g, smoothing;
	int32_t ignore;
	size_t N, K, counted;
};

/* log sum exp of n values, `step` apart. */
static mm_real log_sum_exp(const mm_real *z, size_t n, size_t step)
{
	mm_real top = z[0];
	double s = 0;

	for (size_t k = 1; k < n; k++)
		top = z[k * step] > top ? z[k * step] : top;
	for (size_t k = 0; k < n; k++)
		s += exp((double)(z[k * step] - top));
	return top + (mm_real)log(s);
}

/* ---- cross-entropy ---- */

static void lse_some(void *ctx, size_t begin, size_t end)
{
	const struct job *j = ctx;

	for (size_t n = begin; n < end; n++)
		j->lse[n] = log_sum_exp(j->z + n * j->K, j->K, 1);
}

static size_t count(const int32_t *target, int32_t ignore, size_t N)
{
	size_t counted = 0;

	for (size_t n = 0; n < N; n++)
		counted += target[n] != ignore;
	return counted;
}

mm_real mm_cross_entropy_fwd(mm_real *lse, const mm_real *z,
			     const int32_t *target, mm_real smoothing,
			     int32_t ignore, size_t N, size_t K)
{
	struct job j = { .lse = lse, .z = z, .N = N, .K = K };
	const size_t counted = count(target, ignore, N);
	double loss = 0;

	mm_parallel_for(N, ROWS, lse_some, &j);
	for (size_t n = 0; n < N; n++) {
		const mm_real *row = z + n * K;
		double mean = 0;

		if (target[n] == ignore)
			continue;
		for (size_t k = 0; k < K && smoothing > 0; k++)
			mean += (double)row[k];
		loss += (double)lse[n] -
			(1.0 - (double)smoothing) * (double)row[target[n]] -
			(double)smoothing * mean / (double)K;
	}
	return counted ? (mm_real)(loss / (double)counted) : 0;
}

static void cross_entropy_bwd_some(void *ctx, size_t begin, size_t end)
{
	const struct job *j = ctx;
	const mm_real g = j->g / (mm_real)j->counted;

	for (size_t n = begin; n < end; n++) {
		const mm_real *z = j->z + n * j->K;
		mm_real *dz = j->dz + n * j->K;

		if (j->target[n] == j->ignore)
			continue;
		for (size_t k = 0; k < j->K; k++)
			dz[k] += g * (MM_R(exp)(z[k] - j->lse[n]) -
				      j->smoothing / (mm_real)j->K);
		dz[j->target[n]] -= g * (1 - j->smoothing);
	}
}

void mm_cross_entropy_bwd(mm_real *dz, mm_real g, const mm_real *lse,
			  const mm_real *z, const int32_t *target,
			  mm_real smoothing, int32_t ignore, size_t N, size_t K)
{
	union {
		const mm_real *in;
		mm_real *out;
	} saved = { lse };
	struct job j = { .lse = saved.out,
			 .dz = dz,
			 .z = z,
			 .g = g,
			 .target = target,
			 .smoothing = smoothing,
			 .ignore = ignore,
			 .N = N,
			 .K = K,
			 .counted = count(target, ignore, N) };

	if (j.counted)
		mm_parallel_for(N, ROWS, cross_entropy_bwd_some, &j);
}

/* ---- InfoNCE ---- */

static void lse_both_some(void *ctx, size_t begin, size_t end)
{
	const struct job *j = ctx;

	for (size_t i = begin; i < end; i++) {
		j->lse[i] = log_sum_exp(j->z + i * j->N, j->N, 1);
		j->lse[j->N + i] = log_sum_exp(j->z + i, j->N, j->N);
	}
}

/* How many labels equal the i-th; 1 without labels. */
static size_t share(const int32_t *labels, size_t i, size_t N)
{
	size_t n = 0;

	if (!labels)
		return 1;
	for (size_t k = 0; k < N; k++)
		n += labels[k] == labels[i];
	return n;
}

static bool positive(const int32_t *labels, size_t i, size_t k)
{
	return labels ? labels[i] == labels[k] : i == k;
}

mm_real mm_infonce_fwd(mm_real *lse, const mm_real *z, const int32_t *labels,
		       mm_real smoothing, size_t N)
{
	struct job j = { .lse = lse, .z = z, .N = N };
	const double s = (double)smoothing;
	double loss = 0;

	mm_parallel_for(N, ROWS, lse_both_some, &j);
	for (size_t i = 0; i < N; i++) {
		const double w = (1 - s) / (double)share(labels, i, N);
		double hit = 0, all = 0;

		/* z_ij is hit by row i's target and by column j's. */
		for (size_t k = 0; k < N; k++) {
			const double both =
				(double)z[i * N + k] + (double)z[k * N + i];

			if (positive(labels, i, k))
				hit += both;
			if (s > 0)
				all += both;
		}
		loss += (double)lse[i] + (double)lse[N + i] - w * hit -
			s / (double)N * all;
	}
	return (mm_real)(loss / (2.0 * (double)N));
}

static void infonce_bwd_some(void *ctx, size_t begin, size_t end)
{
	const struct job *j = ctx;
	const size_t N = j->N;
	const mm_real g = j->g / (2 * (mm_real)N);

	for (size_t i = begin; i < end; i++) {
		const mm_real w =
			(1 - j->smoothing) / (mm_real)share(j->labels, i, N);
		const mm_real *z = j->z + i * N;
		mm_real *dz = j->dz + i * N;

		/* Labels are symmetric, so both targets of (i, k) are w. */
		for (size_t k = 0; k < N; k++)
			dz[k] += g * (MM_R(exp)(z[k] - j->lse[i]) +
				      MM_R(exp)(z[k] - j->lse[N + k]) -
				      2 * j->smoothing / (mm_real)N -
				      (positive(j->labels, i, k) ? 2 * w : 0));
	}
}

void mm_infonce_bwd(mm_real *dz, mm_real g, const mm_real *lse,
		    const mm_real *z, const int32_t *labels, mm_real smoothing,
		    size_t N)
{
	union {
		const mm_real *in;
		mm_real *out;
	} saved = { lse };
	struct job j = { .lse = saved.out,
			 .dz = dz,
			 .z = z,
			 .labels = labels,
			 .g = g,
			 .smoothing = smoothing,
			 .N = N };

	mm_parallel_for(N, ROWS, infonce_bwd_some, &j);
}

/* ---- sigmoid ---- */

/* log(1 + exp(x)) without overflow. */
static mm_real softplus(mm_real x)
{
	const mm_real a = x > 0 ? x : -x;

	return (x > 0 ? x : 0) + MM_R(log1p)(MM_R(exp)(-a));
}

static void sigmoid_some(void *ctx, size_t begin, size_t end)
{
	const struct job *j = ctx;

	for (size_t i = begin; i < end; i++) {
		double s = 0;

		for (size_t k = 0; k < j->N; k++) {
			const mm_real z = j->z[i * j->N + k];

			s += (double)softplus(positive(j->labels, i, k) ? -z
									: z);
		}
		j->lse[i] = (mm_real)s;
	}
}

mm_real mm_sigmoid_loss_fwd(const mm_real *z, const int32_t *labels,
			    mm_real *row, size_t N)
{
	struct job j = { .lse = row, .z = z, .labels = labels, .N = N };
	double loss = 0;

	mm_parallel_for(N, ROWS, sigmoid_some, &j);
	for (size_t i = 0; i < N; i++)
		loss += (double)row[i];
	return (mm_real)(loss / (double)N);
}

static void sigmoid_bwd_some(void *ctx, size_t begin, size_t end)
{
	const struct job *j = ctx;
	const mm_real g = j->g / (mm_real)j->N;

	for (size_t i = begin; i < end; i++)
		for (size_t k = 0; k < j->N; k++) {
			const mm_real z = j->z[i * j->N + k];
			const mm_real p = 1 / (1 + MM_R(exp)(-z));

			j->dz[i * j->N + k] +=
				g * (positive(j->labels, i, k) ? p - 1 : p);
		}
}

void mm_sigmoid_loss_bwd(mm_real *dz, mm_real g, const mm_real *z,
			 const int32_t *labels, size_t N)
{
	struct job j = { .dz = dz, .z = z, .labels = labels, .g = g, .N = N };

	mm_parallel_for(N, ROWS, sigmoid_bwd_some, &j);
}
