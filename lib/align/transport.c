/* transport.c - see transport.h. */
#include "align/transport.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/parallel.h"

enum { ROUNDS = 20 /* of each eps */ };
static const double annealing[] = { 0.1, 0.05, 0.025, 0.0125, 0.005 };

struct plan {
	const struct mm_candidate *c; /* by row, then column */
	size_t n, N, M;
	double least, eps;
	double *f, *g;	 /* potentials of rows and columns; [N], [M]: slack */
	size_t *by_row;	 /* N + 1: where each row's candidates begin */
	size_t *by_col;	 /* M + 1 */
	uint32_t *order; /* candidates by column */
};

static int by_place(const void *a, const void *b)
{
	const struct mm_candidate *x = a, *y = b;

	if (x->row != y->row)
		return x->row < y->row ? -1 : 1;
	return x->column < y->column ? -1 : x->column > y->column;
}

/* log(sum exp) of terms met one by one. */
struct logsum {
	double most, sum;
};

static void add(struct logsum *l, double x)
{
	if (x <= l->most) {
		l->sum += exp(x - l->most);
	} else {
		l->sum = l->sum * exp(l->most - x) + 1;
		l->most = x;
	}
}

static double total(const struct logsum *l)
{
	return l->most + log(l->sum);
}

/* Potentials of rows such that each row's mass is 1. */
static void rows(void *ctx, size_t begin, size_t end)
{
	struct plan *p = ctx;

	for (size_t i = begin; i < end; i++) {
		struct logsum l = { (p->least + p->g[p->M]) / p->eps, 1 };

		for (size_t k = p->by_row[i]; k < p->by_row[i + 1]; k++)
			add(&l,
			    (p->c[k].score + p->g[p->c[k].column]) / p->eps);
		p->f[i] = -p->eps * total(&l);
	}
}

static void columns(void *ctx, size_t begin, size_t end)
{
	struct plan *p = ctx;

	for (size_t j = begin; j < end; j++) {
		struct logsum l = { (p->least + p->f[p->N]) / p->eps, 1 };

		for (size_t k = p->by_col[j]; k < p->by_col[j + 1]; k++) {
			const struct mm_candidate *c = &p->c[p->order[k]];

			add(&l, (c->score + p->f[c->row]) / p->eps);
		}
		p->g[j] = -p->eps * total(&l);
	}
}

/* The slack column takes up to N, the slack row up to M; the two meet at
 * `least`, too. */
static double slack(const double *other, size_t n, double own, double mass,
		    const struct plan *p)
{
	struct logsum l = { (p->least + own) / p->eps, 1 };

	for (size_t i = 0; i < n; i++)
		add(&l, (p->least + other[i]) / p->eps);
	return p->eps * (log(mass) - total(&l));
}

static void solve(struct plan *p)
{
	for (size_t e = 0; e < sizeof(annealing) / sizeof(annealing[0]); e++) {
		p->eps = annealing[e];
		for (int k = 0; k < ROUNDS; k++) {
			mm_parallel_for(p->N, 512, rows, p);
			p->f[p->N] =
				slack(p->g, p->M, p->g[p->M], (double)p->M, p);
			mm_parallel_for(p->M, 512, columns, p);
			p->g[p->M] =
				slack(p->f, p->N, p->f[p->N], (double)p->N, p);
		}
	}
}

struct mass {
	double log_mass;
	uint32_t at;
};

static int by_mass(const void *a, const void *b)
{
	const struct mass *x = a, *y = b;

	if (x->log_mass > y->log_mass || x->log_mass < y->log_mass)
		return x->log_mass > y->log_mass ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

/* Pairs by falling mass, while both are alone and like it more than home. */
static int round_plan(const struct plan *p, long *to, struct mm_err *err)
{
	struct mass *m = mm_malloc(p->n, sizeof(*m));
	unsigned char *taken = mm_calloc(p->M, 1);
	int rc = MM_OK;

	if (!m || !taken)
		rc = mm_fail_nomem(err, "a pairing");
	for (size_t i = 0; i < p->N; i++)
		to[i] = MM_UNPAIRED;
	for (size_t k = 0; k < p->n && !rc; k++) {
		const struct mm_candidate *c = &p->c[k];

		m[k].at = (uint32_t)k;
		m[k].log_mass = c->score + p->f[c->row] + p->g[c->column];
	}
	if (!rc && p->n)
		qsort(m, p->n, sizeof(*m), by_mass);
	for (size_t k = 0; k < p->n && !rc; k++) {
		const struct mm_candidate *c = &p->c[m[k].at];

		if (to[c->row] >= 0 || taken[c->column] ||
		    !(c->score > p->least))
			continue;
		to[c->row] = (long)c->column;
		taken[c->column] = 1;
	}
	mm_free(m);
	mm_free(taken);
	return rc;
}

static void index_columns(struct plan *p)
{
	for (size_t k = 0; k < p->n; k++) {
		p->by_row[p->c[k].row + 1]++;
		p->by_col[p->c[k].column + 1]++;
	}
	for (size_t i = 0; i < p->N; i++)
		p->by_row[i + 1] += p->by_row[i];
	for (size_t j = 0; j < p->M; j++)
		p->by_col[j + 1] += p->by_col[j];
	for (size_t k = 0; k < p->n; k++)
		p->order[p->by_col[p->c[k].column]++] = (uint32_t)k;
	for (size_t j = p->M; j > 0; j--)
		p->by_col[j] = p->by_col[j - 1];
	p->by_col[0] = 0;
}

int mm_transport(long *to, struct mm_candidate *c, size_t n, size_t N, size_t M,
		 double least, struct mm_err *err)
{
	struct plan p = { .c = c, .n = n, .N = N, .M = M, .least = least };
	int rc = MM_OK;

	if (n > UINT32_MAX)
		return mm_fail(err, MM_ERR_SHAPE, "%zu candidates", n);
	p.f = mm_calloc(N + 1, sizeof(*p.f));
	p.g = mm_calloc(M + 1, sizeof(*p.g));
	p.by_row = mm_calloc(N + 2, sizeof(*p.by_row));
	p.by_col = mm_calloc(M + 2, sizeof(*p.by_col));
	p.order = mm_calloc(n, sizeof(*p.order));
	if (!p.f || !p.g || !p.by_row || !p.by_col || !p.order)
		rc = mm_fail_nomem(err, "a pairing");
	if (!rc) {
		if (n)
			qsort(c, n, sizeof(*c), by_place);
		index_columns(&p);
		solve(&p);
		rc = round_plan(&p, to, err);
	}
	mm_free(p.f);
	mm_free(p.g);
	mm_free(p.by_row);
	mm_free(p.by_col);
	mm_free(p.order);
	return rc;
}
