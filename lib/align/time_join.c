/* time_join.c - see time_join.h. */
#include "align/time_join.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"

/* Times come from text with three decimals: a microsecond is no difference. */
static const double slack = 1e-6;

static double middle(const struct mm_moment *m)
{
	return m->start + (m->end - m->start) / 2;
}

static int by_middle(const void *a, const void *b)
{
	const struct mm_moment *x = a, *y = b;
	const double p = middle(x), q = middle(y);

	if (p < q || p > q)
		return p < q ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

void mm_moments_by_middle(struct mm_moments *m)
{
	if (m->n)
		qsort(m->at, m->n, sizeof(*m->at), by_middle);
}

static int nearest(const struct mm_query *q, size_t n,
		   const struct mm_moments *m, const struct mm_join_rule *rule,
		   mm_join_fn *pair, void *ctx, struct mm_err *err)
{
	size_t j = 0, first = 0; /* the last at or before; its first equal */
	int rc = MM_OK;

	for (size_t i = 0; i < n && !rc; i++) {
		const double at = q[i].at;
		const struct mm_moment *best;

		while (j + 1 < m->n && middle(&m->at[j + 1]) <= at) {
			j++;
			if (middle(&m->at[j]) > middle(&m->at[first]))
				first = j;
		}
		best = m->n ? &m->at[first] : NULL;
		if (j + 1 < m->n &&
		    fabs(middle(&m->at[j + 1]) - at) < fabs(middle(best) - at))
			best = &m->at[j + 1];
		if (best && fabs(middle(best) - at) > rule->tolerance + slack)
			best = NULL;
		rc = pair(ctx, &q[i], best, err);
	}
	return rc;
}

static int previous(const struct mm_query *q, size_t n,
		    const struct mm_moments *m, const struct mm_join_rule *rule,
		    mm_join_fn *pair, void *ctx, struct mm_err *err)
{
	size_t j = 0; /* how many start at or before q->at */
	int rc = MM_OK;

	for (size_t i = 0; i < n && !rc; i++) {
		const struct mm_moment *last;

		while (j < m->n && m->at[j].start <= q[i].at + slack)
			j++;
		last = j ? &m->at[j - 1] : NULL;
		if (last && q[i].at - last->start > rule->tolerance + slack)
			last = NULL;
		rc = pair(ctx, &q[i], last, err);
	}
	return rc;
}

/* Whether the two have enough time in common. */
static bool overlaps(const struct mm_query *q, const struct mm_moment *m,
		     double least)
{
	const double length = q->end - q->start, other = m->end - m->start;
	const double from = m->start > q->start ? m->start : q->start;
	const double to = m->end < q->end ? m->end : q->end;
	const double shorter = length < other ? length : other;

	if (!(shorter > 0)) /* a point in a span */
		return from <= to && (from < q->end || !(length > 0)) &&
		       (from < m->end || !(other > 0));
	return to > from && to - from >= least * shorter - slack;
}

/* Pair the query with one moment, if they have enough in common. */
static int try_pair(const struct mm_query *q, const struct mm_moment *m,
		    double least, bool *any, mm_join_fn *pair, void *ctx,
		    struct mm_err *err)
{
	if (!overlaps(q, m, least))
		return MM_OK;
	*any = true;
	return pair(ctx, q, m, err);
}

/*
 * Those that start within the cue are met by looking ahead; `open` holds those
 * that began before it and are not over, so that no step is without a pair.
 */
static int overlap(const struct mm_query *q, size_t n,
		   const struct mm_moments *m, const struct mm_join_rule *rule,
		   mm_join_fn *pair, void *ctx, struct mm_err *err)
{
	size_t *open = mm_malloc(m->n, sizeof(*open)), n_open = 0, j = 0;
	int rc = MM_OK;

	if (!open)
		return mm_fail_nomem(err, "a join");
	for (size_t i = 0; i < n && !rc; i++) {
		size_t kept = 0;
		bool any = false;

		while (j < m->n && m->at[j].start <= q[i].start)
			open[n_open++] = j++;
		for (size_t k = 0; k < n_open && !rc; k++) {
			const struct mm_moment *x = &m->at[open[k]];

			if (x->end < q[i].start)
				continue; /* over for all that follow */
			open[kept++] = open[k];
			rc = try_pair(&q[i], x, rule->overlap, &any, pair, ctx,
				      err);
		}
		n_open = kept;
		for (size_t k = j;
		     k < m->n && m->at[k].start <= q[i].end && !rc; k++)
			rc = try_pair(&q[i], &m->at[k], rule->overlap, &any,
				      pair, ctx, err);
		if (!rc && !any)
			rc = pair(ctx, &q[i], NULL, err);
	}
	mm_free(open);
	return rc;
}

int mm_join(const struct mm_query *q, size_t n, const struct mm_moments *m,
	    const struct mm_join_rule *rule, mm_join_fn *pair, void *ctx,
	    struct mm_err *err)
{
	if (rule->how == MM_JOIN_NEAREST)
		return nearest(q, n, m, rule, pair, ctx, err);
	if (rule->how == MM_JOIN_PREVIOUS)
		return previous(q, n, m, rule, pair, ctx, err);
	return overlap(q, n, m, rule, pair, ctx, err);
}
