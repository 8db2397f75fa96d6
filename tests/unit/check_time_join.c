/* Pairing of cues with frames and events, against all pairs tried. */
#include "unit.h"

#include <math.h>

#include "align/time_join.h"
#include "base/buf.h"
#include "base/rng.h"

enum { MAX = 64 };

static struct mm_query query[MAX];
static struct mm_moment moment[MAX];
static struct mm_buf got;

static int note(void *ctx, const struct mm_query *q, const struct mm_moment *m,
		struct mm_err *err)
{
	(void)ctx, (void)err;
	mm_buf_printf(&got, "%zu:%d ", q->cue, m ? (int)m->number : -1);
	return MM_OK;
}

/* Times on a grid of quarters, so that ties and touching ends are common. */
static double quarter(struct mm_rng *r, unsigned n)
{
	return (double)mm_rng_below(r, n) / 4;
}

static void make(struct mm_rng *r, struct mm_moments *m, size_t *n, bool spans)
{
	*m = (struct mm_moments){ .at = moment };
	*n = (size_t)mm_rng_below(r, MAX);
	m->n = (size_t)mm_rng_below(r, MAX);
	for (size_t i = 0; i < m->n; i++) {
		moment[i].start = quarter(r, 80);
		moment[i].end = moment[i].start + (spans ? quarter(r, 20) : 0);
		moment[i].number = i;
	}
	mm_moments_sort(m);
	for (size_t i = 0; i < *n; i++) {
		query[i].start = (i ? query[i - 1].start : 0) + quarter(r, 4);
		query[i].end = query[i].start + quarter(r, 12);
		query[i].at = query[i].start;
		query[i].cue = i;
	}
}

static double middle(const struct mm_moment *m)
{
	return (m->start + m->end) / 2;
}

/* What a query is paired with, by trying all. */
static void slow(struct mm_buf *out, const struct mm_query *q,
		 const struct mm_moments *m, const struct mm_join_rule *rule)
{
	const struct mm_moment *best = NULL;

	for (size_t i = 0; i < m->n; i++) {
		const struct mm_moment *x = &m->at[i];
		const double away = rule->how == MM_JOIN_NEAREST
					    ? fabs(middle(x) - q->at)
					    : q->at - x->start;

		if (away < 0 || away > rule->tolerance)
			continue;
		if (!best ||
		    (rule->how == MM_JOIN_NEAREST
			     ? away < fabs(middle(best) - q->at) ||
				       (away <= fabs(middle(best) - q->at) &&
					middle(x) < middle(best))
			     : true))
			best = x;
	}
	mm_buf_printf(out, "%zu:%d ", q->cue, best ? (int)best->number : -1);
}

static bool common(const struct mm_query *q, const struct mm_moment *x,
		   double share)
{
	const double from = fmax(q->start, x->start), to = fmin(q->end, x->end);
	const double shorter = fmin(q->end - q->start, x->end - x->start);

	if (shorter > 0)
		return to > from && to - from >= share * shorter;
	if (q->end <= q->start && x->end <= x->start)
		return q->start <= x->start && q->start >= x->start;
	if (q->end <= q->start)
		return x->start <= q->start && q->start < x->end;
	return q->start <= x->start && x->start < q->end;
}

START_TEST(points)
{
	static const double tolerances[] = { INFINITY, 0.25, 0 };
	struct mm_join_rule rule = { .how = _i % 2 ? MM_JOIN_PREVIOUS
						   : MM_JOIN_NEAREST };
	struct mm_moments m;
	struct mm_rng r;
	size_t n;

	for (uint32_t round = 0; round < 400; round++) {
		struct mm_buf want = { 0 };

		mm_rng_init(&r, 1, (uint64_t)_i, round, MM_RNG_SAMPLE);
		make(&r, &m, &n, _i / 2);
		rule.tolerance = tolerances[round % 3];
		if (rule.how == MM_JOIN_NEAREST)
			mm_moments_by_middle(&m);
		mm_buf_clear(&got);
		ck_ok(mm_join(query, n, &m, &rule, note, NULL, err));
		for (size_t i = 0; i < n; i++)
			slow(&want, &query[i], &m, &rule);
		ck_assert_str_eq(mm_buf_str(&got), mm_buf_str(&want));
		mm_buf_release(&want);
	}
	mm_buf_release(&got);
}
END_TEST

START_TEST(overlaps)
{
	static const double shares[] = { 0, 0.5, 1 };
	struct mm_join_rule rule = { .how = MM_JOIN_OVERLAP };
	struct mm_moments m;
	struct mm_rng r;
	size_t n, pairs = 0;

	for (uint32_t round = 0; round < 600; round++) {
		struct mm_buf want = { 0 };

		mm_rng_init(&r, 2, 0, round, MM_RNG_SAMPLE);
		make(&r, &m, &n, round % 4);
		rule.overlap = shares[round % 3];
		mm_buf_clear(&got);
		ck_ok(mm_join(query, n, &m, &rule, note, NULL, err));
		for (size_t i = 0; i < n; i++) {
			bool any = false;

			for (size_t k = 0; k < m.n; k++) {
				if (!common(&query[i], &m.at[k], rule.overlap))
					continue;
				any = true;
				pairs++;
				mm_buf_printf(&want, "%zu:%zu ", i,
					      m.at[k].number);
			}
			if (!any)
				mm_buf_printf(&want, "%zu:-1 ", i);
		}
		ck_assert_str_eq(mm_buf_str(&got), mm_buf_str(&want));
		mm_buf_release(&want);
	}
	ck_assert_uint_gt(pairs, 1000);
	mm_buf_release(&got);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("time_join");

	tcase_add_loop_test(tc, points, 0, 4);
	tcase_add_test(tc, overlaps);
	return unit_run("time_join", tc);
}
