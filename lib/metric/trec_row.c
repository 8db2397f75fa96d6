/*
 * trec_row.c - the row of the metrics table for judged rankings: trec_eval's
 * best known figures, query by query; see trec.h.
 */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "metric/metric.h"
#include "metric/trec_measures.h"

static const char *const specs[] = {
	"map",	  "gm_map",	     "Rprec", "bpref",	     "recip_rank",
	"P.5,10", "recall.100,1000", "ndcg",  "ndcg_cut.10", "success.1,10"
};
static const char *const figures[] = {
	"map",	       "gm_map",    "Rprec",	  "bpref",	 "recip_rank",
	"P_5",	       "P_10",	    "recall_100", "recall_1000", "ndcg",
	"ndcg_cut_10", "success_1", "success_10", NULL
};
enum { N_FIGURES = sizeof(figures) / sizeof(figures[0]) - 1 };

struct state {
	struct mm_trec_plan plan;
	struct mm_trec_options options;
	struct mm_arena scratch;
	double *each;
	size_t n, cap;
};

static void row_close(void *state)
{
	struct state *s = state;

	if (s) {
		mm_trec_plan_release(&s->plan);
		mm_arena_release(&s->scratch);
		mm_free(s->each);
	}
	mm_free(s);
}

static int row_open(void **state, const void *options, struct mm_err *err)
{
	struct state *s = *state = mm_calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return mm_fail_nomem(err, "a metric");
	s->options = options ? *(const struct mm_trec_options *)options
			     : mm_trec_defaults;
	rc = mm_trec_plan_init(&s->plan, specs,
			       sizeof(specs) / sizeof(specs[0]), err);
	if (rc) {
		row_close(s);
		*state = NULL;
	}
	return rc;
}

static void count(struct mm_trec_ranked *r, const struct mm_trec_sample *q)
{
	r->rel = q->rel;
	r->n_ret = q->n;
	r->levels = q->levels;
	r->n_levels = q->n_levels;
	for (size_t i = 0; i < q->n; i++) {
		r->n_nonpool += q->rel[i] == -1;
		r->n_unjudged += q->rel[i] < -1;
		r->n_rel_ret +=
			q->rel[i] >= 0 && q->rel[i] >= r->options->level;
	}
	for (size_t l = 0; l < q->n_levels; l++)
		if ((int64_t)l >= r->options->level)
			r->n_rel += q->levels[l];
}

static int row_add(void *state, const void *sample, struct mm_err *err)
{
	struct state *s = state;
	struct mm_trec_ranked r = { .options = &s->options,
				    .scratch = &s->scratch };
	int rc = MM_OK;
	double *value;

	if (s->n == s->cap) {
		const size_t cap = s->cap ? 2 * s->cap : 64;
		void *p =
			mm_realloc(s->each, cap, N_FIGURES * sizeof(*s->each));

		if (!p)
			return mm_fail_nomem(err, "queries");
		s->each = p;
		s->cap = cap;
	}
	mm_arena_reset(&s->scratch);
	count(&r, sample);
	value = s->each + s->n * N_FIGURES;
	memset(value, 0, N_FIGURES * sizeof(*value));
	for (size_t m = 0; m < mm_trec_n_measures && !rc; m++)
		if (s->plan.chosen[m].on)
			rc = mm_trec_measures[m].query(
				value + s->plan.chosen[m].first, &r,
				&s->plan.chosen[m], err);
	s->n += !rc;
	return rc;
}

/* Values stand in trec_eval's order; figures in that of the list above. */
static size_t place(const struct state *s, const char *figure)
{
	size_t i = 0;

	while (strcmp(s->plan.value[i].name, figure))
		i++;
	return i;
}

static int row_result(void *state, double *value, double *each,
		      struct mm_err *err)
{
	struct state *s = state;

	(void)err;
	for (size_t f = 0; f < N_FIGURES; f++) {
		const size_t at = place(s, figures[f]);
		const bool geometric = !strcmp(figures[f], "gm_map");
		double sum = 0;

		for (size_t q = 0; q < s->n; q++) {
			const double x = s->each[q * N_FIGURES + at];

			sum += x;
			if (each)
				each[q * N_FIGURES + f] =
					geometric ? exp(x) : x;
		}
		value[f] = s->n ? sum / (double)s->n : 0;
		if (geometric && s->n)
			value[f] = exp(value[f]);
	}
	return MM_OK;
}

const struct mm_metric mm_metric_trec = {
	.task = "trec",
	.name = "trec",
	.figure = figures,
	.equals = "trec_eval 10.0",
	.open = row_open,
	.add = row_add,
	.result = row_result,
	.close = row_close,
};
