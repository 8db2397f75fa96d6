/*
 * assign.c - see assign.h.  Where most pairs may be part of the result, the
 * whole square is solved; otherwise assign_home.c needs less.
 */
#include "align/assign.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "align/assign_home.h"
#include "base/mem.h"

/*
 * Costs are -score, made square: rows and columns that are not there cost the
 * same with everyone.  x[i] is the column of row i, y[j] the row of column j,
 * v[j] the columns' prices; a row takes the column of least cost - price.
 */
struct lap {
	size_t n;
	float *cost;
	double *v, *d;
	long *x, *y;
	size_t *free, *col, *pred, n_free;
};

static double reduced(const struct lap *p, size_t i, size_t j)
{
	return p->cost[i * p->n + j] - p->v[j];
}

/* Each column's cheapest row takes it, from the last column; rows that got one
 * let the others know what it is worth to them. */
static void reduce_columns(struct lap *p)
{
	const size_t n = p->n;
	size_t *best = p->pred, *times = p->col;

	for (size_t i = 0; i < n; i++) {
		p->x[i] = MM_UNPAIRED;
		times[i] = 0;
	}
	for (size_t j = 0; j < n; j++) {
		p->v[j] = p->cost[j];
		best[j] = 0;
	}
	for (size_t i = 1; i < n; i++) {
		const float *c = p->cost + i * n;

		for (size_t j = 0; j < n; j++) {
			if (c[j] < p->v[j]) {
				p->v[j] = c[j];
				best[j] = i;
			}
		}
	}
	for (size_t j = n; j-- > 0;) {
		const size_t i = best[j];

		p->y[j] = times[i]++ ? MM_UNPAIRED : (long)i;
		if (p->y[j] >= 0)
			p->x[i] = (long)j;
	}
	p->n_free = 0;
	for (size_t i = 0; i < n; i++) {
		double least = DBL_MAX;

		if (!times[i]) {
			p->free[p->n_free++] = i;
			continue;
		}
		if (times[i] > 1)
			continue;
		for (size_t j = 0; j < n; j++)
			if ((long)j != p->x[i] && reduced(p, i, j) < least)
				least = reduced(p, i, j);
		if (n > 1)
			p->v[p->x[i]] -= least;
	}
}

/* The two cheapest columns of a row. */
static void two_least(const struct lap *p, size_t i, size_t *j1, size_t *j2,
		      double *u1, double *u2)
{
	*j1 = *j2 = 0;
	*u1 = reduced(p, i, 0);
	*u2 = DBL_MAX;
	for (size_t j = 1; j < p->n; j++) {
		const double h = reduced(p, i, j);

		if (h >= *u2)
			continue;
		if (h >= *u1) {
			*u2 = h;
			*j2 = j;
		} else {
			*u2 = *u1;
			*j2 = *j1;
			*u1 = h;
			*j1 = j;
		}
	}
}

/* One round: free rows take their cheapest column, and whom they push out
 * goes on at once where the price fell, else in the next round. */
static void reduce_rows(struct lap *p)
{
	const size_t n = p->n_free;
	size_t k = 0, steps = 0;

	p->n_free = 0;
	while (k < n) {
		const size_t i = p->free[k++];
		size_t j1, j2;
		double u1, u2;
		long other;

		two_least(p, i, &j1, &j2, &u1, &u2);
		other = p->y[j1];
		if (u1 < u2) {
			p->v[j1] -= u2 - u1;
		} else if (other >= 0) {
			j1 = j2;
			other = p->y[j1];
		}
		p->x[i] = (long)j1;
		p->y[j1] = (long)i;
		if (other < 0)
			continue;
		p->x[other] = MM_UNPAIRED;
		/* Prices that fall by rounding alone must not go on for ever.
		 */
		if (u1 < u2 && u2 - u1 > 1e-9 && steps++ < 8 * p->n)
			p->free[--k] = (size_t)other;
		else
			p->free[p->n_free++] = (size_t)other;
	}
}

/* Columns from `low` on whose distance is least come next: the new end. */
static size_t next_columns(struct lap *p, size_t low, double *least)
{
	size_t up = low + 1;

	*least = p->d[p->col[low]];
	for (size_t k = up; k < p->n; k++) {
		const size_t j = p->col[k];

		if (p->d[j] > *least)
			continue;
		if (p->d[j] < *least) {
			up = low;
			*least = p->d[j];
		}
		p->col[k] = p->col[up];
		p->col[up++] = j;
	}
	return up;
}

/* Reach on from column j1 at distance `least`; a free column that is as near,
 * or n. */
static size_t scan(struct lap *p, size_t j1, double least, size_t *up)
{
	const size_t i = (size_t)p->y[j1];
	const double h = reduced(p, i, j1) - least;

	for (size_t k = *up; k < p->n; k++) {
		const size_t j = p->col[k];
		const double d = reduced(p, i, j) - h;

		if (d >= p->d[j])
			continue;
		p->pred[j] = i;
		p->d[j] = d;
		if (d > least)
			continue;
		if (p->y[j] < 0)
			return j;
		p->col[k] = p->col[*up];
		p->col[(*up)++] = j;
	}
	return p->n;
}

/* The shortest path from a free row to a free column; prices follow. */
static size_t shortest(struct lap *p, size_t start)
{
	const size_t n = p->n;
	size_t low = 0, up = 0, done = 0, end = n;
	double least = 0;

	for (size_t j = 0; j < n; j++) {
		p->d[j] = reduced(p, start, j);
		p->pred[j] = start;
		p->col[j] = j;
	}
	while (end == n) {
		if (low == up) {
			done = low;
			up = next_columns(p, low, &least);
			for (size_t k = low; k < up && end == n; k++)
				if (p->y[p->col[k]] < 0)
					end = p->col[k];
		}
		if (end == n)
			end = scan(p, p->col[low++], least, &up);
	}
	for (size_t k = 0; k < done; k++)
		p->v[p->col[k]] += p->d[p->col[k]] - least;
	return end;
}

static void augment(struct lap *p)
{
	for (size_t f = 0; f < p->n_free; f++) {
		const size_t start = p->free[f];
		size_t j = shortest(p, start), i;

		do {
			long next;

			i = p->pred[j];
			p->y[j] = (long)i;
			next = p->x[i];
			p->x[i] = (long)j;
			j = (size_t)next;
		} while (i != start);
	}
}

static int init(struct lap *p, const float *score, size_t N, size_t M,
		float least, struct mm_err *err)
{
	const size_t n = N > M ? N : M;

	*p = (struct lap){ .n = n };
	p->cost = mm_calloc(n, n * sizeof(*p->cost));
	p->v = mm_calloc(n, sizeof(*p->v));
	p->d = mm_calloc(n, sizeof(*p->d));
	p->x = mm_calloc(n, sizeof(*p->x));
	p->y = mm_calloc(n, sizeof(*p->y));
	p->free = mm_calloc(n, sizeof(*p->free));
	p->col = mm_calloc(n, sizeof(*p->col));
	p->pred = mm_calloc(n, sizeof(*p->pred));
	if (!p->cost || !p->v || !p->d || !p->x || !p->y || !p->free ||
	    !p->col || !p->pred)
		return mm_fail_nomem(err, "a pairing");
	for (size_t i = 0; i < N; i++) {
		for (size_t j = 0; j < M; j++) {
			const float s = score[i * M + j];

			p->cost[i * n + j] = -(s > least ? s : least);
		}
	}
	return MM_OK;
}

static size_t above(const float *score, size_t n, float least)
{
	size_t k = 0;

	for (size_t i = 0; i < n; i++)
		k += score[i] > least;
	return k;
}

int mm_assign(long *to, const float *score, size_t N, size_t M, float least,
	      struct mm_err *err)
{
	struct lap p = { 0 };
	int rc = MM_OK;

	if (above(score, N * M, least) < N * M / 10 * 9)
		return mm_assign_home(to, score, N, M, least, err);
	if (N && M)
		rc = init(&p, score, N, M, least, err);
	if (!rc && N && M) {
		reduce_columns(&p);
		reduce_rows(&p);
		reduce_rows(&p);
		augment(&p);
	}
	for (size_t i = 0; i < N && !rc; i++) {
		to[i] = M ? p.x[i] : MM_UNPAIRED;
		if (to[i] >= (long)M ||
		    (to[i] >= 0 && !(score[i * M + (size_t)to[i]] > least)))
			to[i] = MM_UNPAIRED;
	}
	mm_free(p.cost);
	mm_free(p.v);
	mm_free(p.d);
	mm_free(p.x);
	mm_free(p.y);
	mm_free(p.free);
	mm_free(p.col);
	mm_free(p.pred);
	return rc;
}
