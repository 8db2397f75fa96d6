/*
 * assign_home.c - the pairing where both sides may stay alone: mm_assign with
 * a finite `least`.
 *
 * Only pairs that score more than that can be part of it, so the problem is
 * sparse: row i has an edge of cost least - score < 0 to such columns, and one
 * of cost 0 to a home of its own.  Shortest augmenting paths end at a free
 * column or where some row on the way goes home; most are short.  Prices v of
 * columns begin at 0, which is that of a free one, and only fall.
 */
#include <float.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "align/assign_home.h"
#include "base/mem.h"

struct home {
	size_t N, M;
	size_t *begin; /* N + 1: edges of each row */
	uint32_t *column;
	float *cost;
	double *v, *d;		   /* prices; distances, DBL_MAX: not met */
	long *x, *y;		   /* row's column; column's row */
	size_t *free, *met, *pred; /* free rows; columns met; their rows */
	size_t n_free, n_met;
};

enum { HOME = -2 };

/* The cheapest edge and the cost of the next best way, home included. */
static size_t two_least(const struct home *p, size_t i, double *u1, double *u2)
{
	size_t best = p->begin[i + 1];

	*u1 = *u2 = 0;
	for (size_t e = p->begin[i]; e < p->begin[i + 1]; e++) {
		const double h = p->cost[e] - p->v[p->column[e]];

		if (h < *u1) {
			*u2 = *u1;
			*u1 = h;
			best = e;
		} else if (h < *u2) {
			*u2 = h;
		}
	}
	return best;
}

/* Free rows bid for their cheapest column; whom they push out bids next. */
static void bid(struct home *p)
{
	const size_t most = 8 * p->N;
	size_t k = 0, steps = 0, n = p->n_free;

	p->n_free = 0;
	while (k < n) {
		const size_t i = p->free[k++];
		double u1, u2;
		const size_t e = two_least(p, i, &u1, &u2);
		size_t j;
		long other;

		if (e == p->begin[i + 1]) {
			p->x[i] = HOME;
			continue;
		}
		j = p->column[e];
		other = p->y[j];
		if (other >= 0 && !(u2 - u1 > 1e-9 && steps++ < most)) {
			p->free[p->n_free++] = i;
			continue;
		}
		p->v[j] -= u2 - u1;
		p->x[i] = (long)j;
		p->y[j] = (long)i;
		if (other >= 0) {
			p->x[other] = MM_UNPAIRED;
			p->free[--k] = (size_t)other;
		}
	}
}

/* Go on from row i, reached at distance `at` with `h` to be taken off. */
static void reach(struct home *p, size_t i, double h)
{
	for (size_t e = p->begin[i]; e < p->begin[i + 1]; e++) {
		const size_t j = p->column[e];
		const double d = p->cost[e] - p->v[j] - h;

		if (d >= p->d[j])
			continue;
		if (p->d[j] >= DBL_MAX)
			p->met[p->n_met++] = j;
		p->d[j] = d;
		p->pred[j] = i;
	}
}

/* Move the nearest of met[from..) to its front. */
static void nearest_first(struct home *p, size_t from)
{
	size_t best = from, j;

	for (size_t k = from + 1; k < p->n_met; k++)
		if (p->d[p->met[k]] < p->d[p->met[best]])
			best = k;
	j = p->met[from];
	p->met[from] = p->met[best];
	p->met[best] = j;
}

/* Row i takes column j, and what it had goes to whoever led to it. */
static void follow(struct home *p, size_t start, size_t j)
{
	size_t i;

	do {
		long next;

		i = p->pred[j];
		p->y[j] = (long)i;
		next = p->x[i];
		p->x[i] = (long)j;
		j = (size_t)next;
	} while (i != start);
}

static void send_home(struct home *p, size_t start, size_t row)
{
	const long j = p->x[row];

	p->x[row] = HOME;
	if (row != start)
		follow(p, start, (size_t)j);
}

static void place(struct home *p, size_t start)
{
	double home = 0, at = 0;
	size_t homeless = start, done = 0;

	p->n_met = 0;
	reach(p, start, 0);
	for (;; done++) {
		size_t j, i;
		double h;

		if (done < p->n_met)
			nearest_first(p, done);
		if (done == p->n_met || p->d[p->met[done]] >= home) {
			at = home;
			send_home(p, start, homeless);
			break;
		}
		j = p->met[done];
		at = p->d[j];
		if (p->y[j] < 0) {
			follow(p, start, j);
			break;
		}
		i = (size_t)p->y[j];
		h = -p->v[j] - at;
		for (size_t e = p->begin[i]; e < p->begin[i + 1]; e++)
			if (p->column[e] == j)
				h += p->cost[e];
		if (-h < home) {
			home = -h;
			homeless = i;
		}
		reach(p, i, h);
	}
	for (size_t k = 0; k < done; k++)
		p->v[p->met[k]] += p->d[p->met[k]] - at;
	for (size_t k = 0; k < p->n_met; k++)
		p->d[p->met[k]] = DBL_MAX;
}

static int make_edges(struct home *p, const float *score, float least,
		      struct mm_err *err)
{
	size_t n = 0;

	for (size_t k = 0; k < p->N * p->M; k++)
		n += score[k] > least;
	p->column = mm_malloc(n, sizeof(*p->column));
	p->cost = mm_malloc(n, sizeof(*p->cost));
	p->begin = mm_malloc(p->N + 1, sizeof(*p->begin));
	if (!p->column || !p->cost || !p->begin || p->M > UINT32_MAX)
		return mm_fail_nomem(err, "a pairing");
	n = 0;
	for (size_t i = 0; i < p->N; i++) {
		p->begin[i] = n;
		for (size_t j = 0; j < p->M; j++) {
			if (!(score[i * p->M + j] > least))
				continue;
			p->column[n] = (uint32_t)j;
			p->cost[n++] = least - score[i * p->M + j];
		}
	}
	p->begin[p->N] = n;
	return MM_OK;
}

static int init(struct home *p, const float *score, float least,
		struct mm_err *err)
{
	p->v = mm_calloc(p->M, sizeof(*p->v));
	p->d = mm_malloc(p->M, sizeof(*p->d));
	p->x = mm_malloc(p->N, sizeof(*p->x));
	p->y = mm_malloc(p->M, sizeof(*p->y));
	p->free = mm_malloc(p->N, sizeof(*p->free));
	p->met = mm_malloc(p->M, sizeof(*p->met));
	p->pred = mm_malloc(p->M, sizeof(*p->pred));
	if (!p->v || !p->d || !p->x || !p->y || !p->free || !p->met || !p->pred)
		return mm_fail_nomem(err, "a pairing");
	for (size_t j = 0; j < p->M; j++) {
		p->y[j] = MM_UNPAIRED;
		p->d[j] = DBL_MAX;
	}
	for (size_t i = 0; i < p->N; i++) {
		p->x[i] = MM_UNPAIRED;
		p->free[p->n_free++] = i;
	}
	return make_edges(p, score, least, err);
}

int mm_assign_home(long *to, const float *score, size_t N, size_t M,
		   float least, struct mm_err *err)
{
	struct home p = { .N = N, .M = M };
	int rc = init(&p, score, least, err);

	if (!rc) {
		bid(&p);
		bid(&p);
		for (size_t k = 0; k < p.n_free; k++)
			place(&p, p.free[k]);
	}
	for (size_t i = 0; i < N && !rc; i++)
		to[i] = p.x[i] >= 0 ? p.x[i] : MM_UNPAIRED;
	mm_free(p.begin);
	mm_free(p.column);
	mm_free(p.cost);
	mm_free(p.v);
	mm_free(p.d);
	mm_free(p.x);
	mm_free(p.y);
	mm_free(p.free);
	mm_free(p.met);
	mm_free(p.pred);
	return rc;
}
