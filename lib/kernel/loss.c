/*
 * loss.c - see loss.h.
 *
 * Logits reach exp(log 100), so every exponential is taken of a difference
 * with the row's (or column's) largest value.  Losses are summed in double,
 * in blocks that depend on the size alone.
 */
#include "kernel/loss.h"

#include <math.h>

#include "base/parallel.h"
#include "kernel/vec.h"

enum { BLOCKS = 64, COLUMNS = 64 };

struct job {
	mm_real *lse, *dz;
	const mm_real *z, *q;
	const int32_t *target, *labels;
	mm_real g, smoothing;
	int32_t ignore;
	size_t N, K;

	/* Adds what rows begin..end lose. */
	double (*rows)(const struct job *j, size_t begin, size_t end);
	double part[BLOCKS];
};

static void lose_some(void *ctx, size_t begin, size_t end)
{
	struct job *j = ctx;

	for (size_t b = begin; b < end; b++)
		j->part[b] =
			j->rows(j, j->N * b / BLOCKS, j->N * (b + 1) / BLOCKS);
}

/* The sum over all rows, which forward and backward share out alike. */
static double all_rows(struct job *j, double (*rows)(const struct job *j,
						     size_t begin, size_t end))
{
	double sum = 0;

	j->rows = rows;
	mm_parallel_for(BLOCKS, 1, lose_some, j);
	for (int b = 0; b < BLOCKS; b++)
		sum += j->part[b];
	return sum;
}

static double sum_of(const mm_real *x, size_t n)
{
	double s = 0;

	for (size_t i = 0; i < n; i++)
		s += (double)x[i];
	return s;
}

/* A saved lse, for a struct that serves forward too. */
static mm_real *saved(const mm_real *lse)
{
	union {
		const mm_real *in;
		mm_real *out;
	} u = { lse };

	return u.out;
}

/* ---- cross-entropy ---- */

static size_t count(const int32_t *target, int32_t ignore, size_t N)
{
	size_t counted = 0;

	for (size_t n = 0; n < N; n++)
		counted += target[n] != ignore;
	return counted;
}

static double cross_entropy_rows(const struct job *j, size_t begin, size_t end)
{
	const double s = (double)j->smoothing;
	double loss = 0;

	for (size_t n = begin; n < end; n++) {
		const mm_real *z = j->z + n * j->K;
		const double lse = mm_vec()->lse(z, j->K);

		j->lse[n] = (mm_real)lse;
		if (j->target[n] == j->ignore)
			continue;
		loss += lse - (1 - s) * (double)z[j->target[n]];
		if (s > 0)
			loss -= s * sum_of(z, j->K) / (double)j->K;
	}
	return loss;
}

mm_real mm_cross_entropy_fwd(mm_real *lse, const mm_real *z,
			     const int32_t *target, mm_real smoothing,
			     int32_t ignore, size_t N, size_t K)
{
	struct job j = { .lse = lse,
			 .z = z,
			 .target = target,
			 .smoothing = smoothing,
			 .ignore = ignore,
			 .N = N,
			 .K = K };
	const size_t counted = count(target, ignore, N);
	const double loss = all_rows(&j, cross_entropy_rows);

	return counted ? (mm_real)(loss / (double)counted) : 0;
}

static double cross_entropy_slopes(const struct job *j, size_t begin,
				   size_t end)
{
	for (size_t n = begin; n < end; n++) {
		mm_real *dz = j->dz + n * j->K;

		if (j->target[n] == j->ignore)
			continue;
		mm_vec()->exp_add(dz, j->z + n * j->K, j->g, j->lse[n], NULL,
				  j->smoothing / (mm_real)j->K, j->K);
		dz[j->target[n]] -= j->g * (1 - j->smoothing);
	}
	return 0;
}

void mm_cross_entropy_bwd(mm_real *dz, mm_real g, const mm_real *lse,
			  const mm_real *z, const int32_t *target,
			  mm_real smoothing, int32_t ignore, size_t N, size_t K)
{
	const size_t counted = count(target, ignore, N);
	struct job j = { .lse = saved(lse),
			 .dz = dz,
			 .z = z,
			 .target = target,
			 .smoothing = smoothing,
			 .ignore = ignore,
			 .N = N,
			 .K = K };

	if (!counted)
		return;
	j.g = g / (mm_real)counted;
	all_rows(&j, cross_entropy_slopes);
}

static double soft_rows(const struct job *j, size_t begin, size_t end)
{
	double loss = 0;

	for (size_t n = begin; n < end; n++) {
		const mm_real *z = j->z + n * j->K, *q = j->q + n * j->K;
		const double lse = mm_vec()->lse(z, j->K);

		j->lse[n] = (mm_real)lse;
		for (size_t k = 0; k < j->K; k++)
			loss += (double)q[k] * (lse - (double)z[k]);
	}
	return loss;
}

mm_real mm_cross_entropy_soft_fwd(mm_real *lse, const mm_real *z,
				  const mm_real *q, size_t N, size_t K)
{
	struct job j = { .lse = lse, .z = z, .q = q, .N = N, .K = K };

	return (mm_real)(all_rows(&j, soft_rows) / (double)(N ? N : 1));
}

static double soft_slopes(const struct job *j, size_t begin, size_t end)
{
	for (size_t n = begin; n < end; n++) {
		const mm_real *q = j->q + n * j->K;
		mm_real *dz = j->dz + n * j->K;
		const mm_real mass = (mm_real)sum_of(q, j->K);

		mm_vec()->exp_add(dz, j->z + n * j->K, j->g * mass, j->lse[n],
				  NULL, 0, j->K);
		for (size_t k = 0; k < j->K; k++)
			dz[k] -= j->g * q[k];
	}
	return 0;
}

void mm_cross_entropy_soft_bwd(mm_real *dz, mm_real g, const mm_real *lse,
			       const mm_real *z, const mm_real *q, size_t N,
			       size_t K)
{
	struct job j = { .lse = saved(lse),
			 .dz = dz,
			 .z = z,
			 .q = q,
			 .g = g / (mm_real)(N ? N : 1),
			 .N = N,
			 .K = K };

	all_rows(&j, soft_slopes);
}

/* ---- InfoNCE ---- */

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

/* The mean of row i of z where its targets are, as the targets weigh it. */
static double hit(const struct job *j, size_t i)
{
	const mm_real *z = j->z + i * j->N;
	double s = 0;

	if (!j->labels)
		return (double)z[i];
	for (size_t k = 0; k < j->N; k++)
		if (j->labels[k] == j->labels[i])
			s += (double)z[k];
	return s / (double)share(j->labels, i, j->N);
}

/*
 * Rows' logarithms, and twice what targets take off.  Targets are symmetric,
 * (i, k) weighs in row i what (k, i) does in column i; summed over all pairs
 * the columns' targets therefore meet the same numbers as the rows'.
 */
static double infonce_rows(const struct job *j, size_t begin, size_t end)
{
	const double s = (double)j->smoothing;
	double loss = 0;

	for (size_t i = begin; i < end; i++) {
		const mm_real *z = j->z + i * j->N;
		const double lse = mm_vec()->lse(z, j->N);

		j->lse[i] = (mm_real)lse;
		loss += lse - 2 * (1 - s) * hit(j, i);
		if (s > 0)
			loss -= 2 * s / (double)j->N * sum_of(z, j->N);
	}
	return loss;
}

struct columns {
	const struct job *j;
	double part[BLOCKS];
};

static void columns_some(void *ctx, size_t begin, size_t end)
{
	struct columns *c = ctx;
	const size_t N = c->j->N, strips = (N + COLUMNS - 1) / COLUMNS;

	for (size_t b = begin; b < end; b++) {
		const size_t from = strips * b / BLOCKS * COLUMNS;
		size_t to = strips * (b + 1) / BLOCKS * COLUMNS;

		to = to < N ? to : N;
		if (from < to)
			c->part[b] = mm_vec()->lse_columns(c->j->lse + N + from,
							   c->j->z + from, N, N,
							   to - from);
	}
}

mm_real mm_infonce_fwd(mm_real *lse, const mm_real *z, const int32_t *labels,
		       mm_real smoothing, size_t N)
{
	struct job j = { .lse = lse,
			 .z = z,
			 .labels = labels,
			 .smoothing = smoothing,
			 .N = N };
	struct columns c = { .j = &j };
	double loss = all_rows(&j, infonce_rows);

	mm_parallel_for(BLOCKS, 1, columns_some, &c);
	for (int b = 0; b < BLOCKS; b++)
		loss += c.part[b];
	return (mm_real)(loss / (2.0 * (double)(N ? N : 1)));
}

static double infonce_slopes(const struct job *j, size_t begin, size_t end)
{
	const size_t N = j->N;

	for (size_t i = begin; i < end; i++) {
		const mm_real w = 2 * (1 - j->smoothing) /
				  (mm_real)share(j->labels, i, N);
		const mm_real *z = j->z + i * N;
		mm_real *dz = j->dz + i * N;

		mm_vec()->exp_add(dz, z, j->g, j->lse[i], NULL,
				  2 * j->smoothing / (mm_real)N, N);
		mm_vec()->exp_add(dz, z, j->g, 0, j->lse + N, 0, N);
		if (!j->labels)
			dz[i] -= j->g * w;
		else
			for (size_t k = 0; k < N; k++)
				dz[k] -= j->labels[k] == j->labels[i] ? j->g * w
								      : 0;
	}
	return 0;
}

void mm_infonce_bwd(mm_real *dz, mm_real g, const mm_real *lse,
		    const mm_real *z, const int32_t *labels, mm_real smoothing,
		    size_t N)
{
	struct job j = { .lse = saved(lse),
			 .dz = dz,
			 .z = z,
			 .labels = labels,
			 .g = g / (2 * (mm_real)(N ? N : 1)),
			 .smoothing = smoothing,
			 .N = N };

	all_rows(&j, infonce_slopes);
}

/* ---- sigmoid ---- */

static const int32_t one_label[] = { 0 }; /* for a diagonal element alone */

static double sigmoid_rows(const struct job *j, size_t begin, size_t end)
{
	const size_t N = j->N;
	double loss = 0;

	for (size_t i = begin; i < end; i++) {
		const mm_real *z = j->z + i * N;

		if (j->labels) {
			loss += mm_vec()->softplus(z, j->labels, j->labels[i],
						   N);
			continue;
		}
		loss += mm_vec()->softplus(z, NULL, 0, i);
		loss += mm_vec()->softplus(z + i, one_label, 0, 1);
		loss += mm_vec()->softplus(z + i + 1, NULL, 0, N - i - 1);
	}
	return loss;
}

mm_real mm_sigmoid_loss_fwd(const mm_real *z, const int32_t *labels, size_t N)
{
	struct job j = { .z = z, .labels = labels, .N = N };

	return (mm_real)(all_rows(&j, sigmoid_rows) / (double)(N ? N : 1));
}

static double sigmoid_slopes(const struct job *j, size_t begin, size_t end)
{
	const size_t N = j->N;

	for (size_t i = begin; i < end; i++) {
		const mm_real *z = j->z + i * N;
		mm_real *dz = j->dz + i * N;

		if (j->labels) {
			mm_vec()->sigmoid_add(dz, z, j->g, j->labels,
					      j->labels[i], N);
			continue;
		}
		mm_vec()->sigmoid_add(dz, z, j->g, NULL, 0, i);
		mm_vec()->sigmoid_add(dz + i, z + i, j->g, one_label, 0, 1);
		mm_vec()->sigmoid_add(dz + i + 1, z + i + 1, j->g, NULL, 0,
				      N - i - 1);
	}
	return 0;
}

void mm_sigmoid_loss_bwd(mm_real *dz, mm_real g, const mm_real *z,
			 const int32_t *labels, size_t N)
{
	struct job j = { .dz = dz,
			 .z = z,
			 .labels = labels,
			 .g = g / (mm_real)(N ? N : 1),
			 .N = N };

	all_rows(&j, sigmoid_slopes);
}

/* ---- the hardest negative ---- */

/* Of row i (stride 1 along `step`): the largest of another label, or N. */
static size_t hardest(const mm_real *z, const int32_t *labels, size_t i,
		      size_t step, size_t N)
{
	size_t best = N;

	for (size_t j = 0; j < N; j++)
		if (j != i && !(labels && labels[j] == labels[i]) &&
		    (best == N || z[j * step] > z[best * step]))
			best = j;
	return best;
}

mm_real mm_hardest_loss_fwd(int32_t *hard, const mm_real *z,
			    const int32_t *labels, mm_real margin, size_t N)
{
	double sum = 0;

	for (size_t i = 0; i < 2 * N; i++) {
		const size_t k = i % N, step = i < N ? 1 : N;
		const mm_real *line = z + k * (i < N ? N : 1);
		const size_t j = hardest(line, labels, k, step, N);
		const mm_real gap =
			j < N ? margin - line[k * step] + line[j * step] : 0;

		hard[i] = (int32_t)(gap > 0 ? j : N);
		sum += gap > 0 ? (double)gap : 0;
	}
	return (mm_real)(sum / (double)N);
}

void mm_hardest_loss_bwd(mm_real *dz, mm_real g, const int32_t *hard, size_t N)
{
	const mm_real each = g / (mm_real)N;

	for (size_t i = 0; i < 2 * N; i++) {
		const size_t k = i % N, j = (size_t)hard[i];

		if (j == N)
			continue;
		dz[k * N + k] -= each;
		dz[i < N ? k * N + j : j * N + k] += each;
	}
}
