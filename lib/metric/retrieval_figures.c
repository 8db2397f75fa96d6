/* retrieval_figures.c - from ranks to figures; see retrieval.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "metric/metric.h"
#include "metric/retrieval.h"

const struct mm_retrieval_options mm_retrieval_defaults = {
	.k = { 1, 5, 10 },
	.n_k = 3,
	.ndcg_k = 10,
	.gain = MM_GAIN_LINEAR,
};

void mm_retrieval_query(struct mm_retrieval_figures *out, const size_t *rank,
			size_t n, const struct mm_retrieval_options *options)
{
	double got = 0, ideal = 0;

	memset(out, 0, sizeof(*out));
	out->n = 1;
	for (size_t i = 0; i < options->n_k; i++)
		out->recall[i] = rank[0] <= options->k[i];
	out->mrr = 1 / (double)rank[0];
	for (size_t i = 0; i < n; i++) {
		if (rank[i] <= options->ndcg_k)
			got += 1 / log2(1 + (double)rank[i]);
		if (i + 1 <= options->ndcg_k)
			ideal += 1 / log2(2 + (double)i);
	}
	out->ndcg = ideal > 0 ? got / ideal : 0;
	out->median_rank = out->mean_rank = (double)rank[0];
}

static int ascending(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Add a query's contribution; divide(n) makes means of sums. */
static void add(struct mm_retrieval_figures *sum,
		const struct mm_retrieval_figures *one, size_t n_k)
{
	for (size_t k = 0; k < n_k; k++)
		sum->recall[k] += one->recall[k];
	sum->n += one->n;
	sum->mrr += one->mrr;
	sum->ndcg += one->ndcg;
	sum->median_rank += one->median_rank;
	sum->mean_rank += one->mean_rank;
}

static void divide(struct mm_retrieval_figures *sum, double n, size_t n_k)
{
	for (size_t k = 0; k < n_k; k++)
		sum->recall[k] /= n;
	sum->mrr /= n;
	sum->ndcg /= n;
	sum->median_rank /= n;
	sum->mean_rank /= n;
}

/* Put the k-th smallest of x[0..n) in its place, smaller ones before it. */
static double nth(double *x, size_t n, size_t k)
{
	size_t lo = 0, hi = n - 1;

	while (lo < hi) {
		const double pivot = x[lo + (hi - lo) / 2];
		size_t i = lo, j = hi;

		for (;; i++, j--) {
			double swap;

			while (x[i] < pivot)
				i++;
			while (x[j] > pivot)
				j--;
			if (i >= j)
				break;
			swap = x[i];
			x[i] = x[j];
			x[j] = swap;
		}
		/* x[lo..i) <= pivot <= x[i..hi] or i == j at a pivot. */
		if (k <= j)
			hi = j;
		else
			lo = j + 1;
	}
	return x[k];
}

/* The median of x[0..n), which it reorders; n >= 1. */
static double median(double *x, size_t n)
{
	const double upper = nth(x, n, n / 2);
	double lower = upper;

	if (n % 2 == 0) {
		lower = x[0];
		for (size_t i = 1; i < n / 2; i++)
			lower = x[i] > lower ? x[i] : lower;
	}
	return (lower + upper) / 2;
}

/* Means over the queries which[0..n), or the first n where it is NULL. */
static void average(struct mm_retrieval_figures *out,
		    const struct mm_retrieval_figures *each,
		    const size_t *which, size_t n, size_t n_k, double *scratch)
{
	memset(out, 0, sizeof(*out));
	if (!n)
		return;
	for (size_t i = 0; i < n; i++) {
		const struct mm_retrieval_figures *e =
			&each[which ? which[i] : i];

		add(out, e, n_k);
		scratch[i] = e->mean_rank;
	}
	divide(out, (double)n, n_k);
	out->median_rank = median(scratch, n);
}

static int queries(struct mm_retrieval_figures **each, double **scratch,
		   const struct mm_retrieval_ranks *ranks,
		   const struct mm_retrieval_options *options,
		   struct mm_err *err)
{
	*each = mm_malloc(ranks->n, sizeof(**each));
	*scratch = mm_malloc(ranks->n, sizeof(**scratch));
	if (!*each || !*scratch)
		return mm_fail_nomem(err, "retrieval figures");
	for (size_t i = 0; i < ranks->n; i++)
		mm_retrieval_query(&(*each)[i], ranks->rank + ranks->start[i],
				   ranks->start[i + 1] - ranks->start[i],
				   options);
	return MM_OK;
}

int mm_retrieval_figures(struct mm_retrieval_figures *out,
			 const struct mm_retrieval_ranks *ranks,
			 const struct mm_retrieval_options *options,
			 struct mm_err *err)
{
	struct mm_retrieval_figures *each;
	double *scratch;
	int rc = queries(&each, &scratch, ranks, options, err);

	if (!rc)
		average(out, each, NULL, ranks->n, options->n_k, scratch);
	mm_free(each);
	mm_free(scratch);
	return rc;
}

double mm_retrieval_rsum(const struct mm_retrieval_figures *image_to_text,
			 const struct mm_retrieval_figures *text_to_image,
			 const struct mm_retrieval_options *options)
{
	double sum = 0;

	for (size_t k = 0; k < options->n_k; k++)
		sum += image_to_text->recall[k] + text_to_image->recall[k];
	return 100 * sum;
}

static int eval_one(struct mm_retrieval_figures figures[2],
		    const struct mm_retrieval_set *set,
		    const struct mm_retrieval_options *options,
		    struct mm_err *err)
{
	int rc = MM_OK;

	for (int side = 0; side < 2 && !rc; side++) {
		struct mm_retrieval_ranks ranks;

		rc = mm_retrieval_rank(&ranks, set,
				       (enum mm_retrieval_side)side, err);
		if (!rc)
			rc = mm_retrieval_figures(&figures[side], &ranks,
						  options, err);
		mm_retrieval_ranks_release(&ranks);
	}
	return rc;
}

/* The pictures [first, first + n) and their texts, gathered. */
static void take_fold(struct mm_retrieval_set *fold, float *text, size_t *owner,
		      const struct mm_retrieval_set *set, size_t first,
		      size_t n)
{
	*fold = (struct mm_retrieval_set){
		set->image + first * set->D, text, owner, n, 0, set->D
	};
	for (size_t t = 0; t < set->n_texts; t++) {
		if (set->owner[t] - first >= n)
			continue;
		memcpy(text + fold->n_texts * set->D, set->text + t * set->D,
		       set->D * sizeof(*text));
		owner[fold->n_texts++] = set->owner[t] - first;
	}
}

static int eval_folds(struct mm_retrieval_figures figures[2],
		      const struct mm_retrieval_set *set,
		      const struct mm_retrieval_options *options, size_t folds,
		      float *text, size_t *owner, struct mm_err *err)
{
	struct mm_retrieval_figures one[2];
	struct mm_retrieval_set fold;
	size_t first = 0;
	int rc = MM_OK;

	memset(figures, 0, 2 * sizeof(*figures));
	for (size_t f = 0; f < folds && !rc; f++) {
		const size_t n =
			set->n_images / folds + (f < set->n_images % folds);

		take_fold(&fold, text, owner, set, first, n);
		if (!(rc = eval_one(one, &fold, options, err)))
			for (int side = 0; side < 2; side++)
				add(&figures[side], &one[side], options->n_k);
		first += n;
	}
	for (int side = 0; side < 2; side++)
		divide(&figures[side], (double)folds, options->n_k);
	return rc;
}

int mm_retrieval_eval(struct mm_retrieval_figures figures[2],
		      const struct mm_retrieval_set *set,
		      const struct mm_retrieval_options *options, size_t folds,
		      struct mm_err *err)
{
	float *text;
	size_t *owner, cells;
	int rc;

	if (folds <= 1)
		return eval_one(figures, set, options, err);
	if (folds > set->n_images)
		return mm_fail(err, MM_ERR_USAGE,
			       "%zu folds of %zu pictures: too many", folds,
			       set->n_images);
	if (!mm_mul_ok(&cells, set->n_texts, set->D))
		return mm_fail_nomem(err, "a fold");
	text = mm_malloc(cells, sizeof(*text));
	owner = mm_malloc(set->n_texts, sizeof(*owner));
	rc = text && owner ? eval_folds(figures, set, options, folds, text,
					owner, err)
			   : mm_fail_nomem(err, "a fold");
	mm_free(text);
	mm_free(owner);
	return rc;
}

/* ---- bootstrap ---- */

enum { MAX_FIGURES = MM_RETRIEVAL_MAX_K + 4 };

/* The figures as an array, to sort each over the resamples. */
static size_t flatten(double *x, const struct mm_retrieval_figures *f,
		      size_t n_k)
{
	memcpy(x, f->recall, n_k * sizeof(*x));
	x[n_k] = f->mrr;
	x[n_k + 1] = f->ndcg;
	x[n_k + 2] = f->median_rank;
	x[n_k + 3] = f->mean_rank;
	return n_k + 4;
}

static void unflatten(struct mm_retrieval_figures *f, const double *x,
		      size_t n_k)
{
	memset(f, 0, sizeof(*f));
	memcpy(f->recall, x, n_k * sizeof(*x));
	f->mrr = x[n_k];
	f->ndcg = x[n_k + 1];
	f->median_rank = x[n_k + 2];
	f->mean_rank = x[n_k + 3];
}

/* The quantile q of sorted x[0..n), between neighbours as numpy does it. */
static double quantile(const double *x, size_t n, double q)
{
	const double at = q * (double)(n - 1);
	const size_t i = (size_t)at;
	const double part = at - (double)i;

	return i + 1 < n ? x[i] + part * (x[i + 1] - x[i]) : x[n - 1];
}

static void resample(double *all, const struct mm_retrieval_figures *each,
		     size_t n, size_t n_k, size_t resamples, uint64_t seed,
		     size_t *which, double *scratch)
{
	struct mm_retrieval_figures f;
	double x[MAX_FIGURES];
	struct mm_rng rng;

	for (size_t r = 0; r < resamples; r++) {
		mm_rng_init(&rng, seed, r, 0, MM_RNG_BOOTSTRAP);
		for (size_t i = 0; i < n; i++)
			which[i] = mm_rng_below(&rng, n);
		average(&f, each, which, n, n_k, scratch);
		for (size_t k = flatten(x, &f, n_k); k-- > 0;)
			all[k * resamples + r] = x[k];
	}
}

int mm_retrieval_bootstrap(struct mm_retrieval_figures *lo,
			   struct mm_retrieval_figures *hi,
			   const struct mm_retrieval_ranks *ranks,
			   const struct mm_retrieval_options *options,
			   size_t resamples, double level, uint64_t seed,
			   struct mm_err *err)
{
	const size_t n_figures = options->n_k + 4;
	struct mm_retrieval_figures *each;
	double *scratch, low[MAX_FIGURES], high[MAX_FIGURES], *all = NULL;
	size_t *which = NULL;
	int rc;

	if (!resamples || !ranks->n || !(level > 0 && level < 1))
		return mm_fail(err, MM_ERR_USAGE,
			       "a confidence interval needs queries, resamples "
			       "and a level between 0 and 1");
	rc = queries(&each, &scratch, ranks, options, err);
	if (!rc) {
		all = mm_malloc(resamples, n_figures * sizeof(*all));
		which = mm_malloc(ranks->n, sizeof(*which));
		if (!all || !which)
			rc = mm_fail_nomem(err, "resamples");
	}
	if (!rc) {
		resample(all, each, ranks->n, options->n_k, resamples, seed,
			 which, scratch);
		for (size_t k = 0; k < n_figures; k++) {
			double *x = all + k * resamples;

			qsort(x, resamples, sizeof(*x), ascending);
			low[k] = quantile(x, resamples, (1 - level) / 2);
			high[k] = quantile(x, resamples, (1 + level) / 2);
		}
		unflatten(lo, low, options->n_k);
		unflatten(hi, high, options->n_k);
		lo->n = hi->n = ranks->n;
	}
	mm_free(each);
	mm_free(scratch);
	mm_free(all);
	mm_free(which);
	return rc;
}

/* ---- the row of the metrics table ---- */

static const char *const figure_names[] = { "recall@1",	 "recall@5",
					    "recall@10", "mrr",
					    "ndcg@10",	 "median_rank",
					    "mean_rank", NULL };

struct state {
	struct mm_retrieval_options options;
	struct mm_retrieval_figures *each;
	size_t n, cap;
};

static int row_open(void **state, const void *options, struct mm_err *err)
{
	struct state *s = *state = mm_calloc(1, sizeof(*s));

	if (!s)
		return mm_fail_nomem(err, "a metric");
	s->options = mm_retrieval_defaults;
	if (options) {
		const struct mm_retrieval_options *o = options;

		s->options.gain = o->gain;
		s->options.ndcg_k = o->ndcg_k;
	}
	return MM_OK;
}

static int row_add(void *state, const void *sample, struct mm_err *err)
{
	const struct mm_retrieval_sample *q = sample;
	struct state *s = state;

	if (!q->n)
		return mm_fail(err, MM_ERR_USAGE,
			       "a query without candidates of its own");
	if (s->n == s->cap) {
		const size_t cap = s->cap ? 2 * s->cap : 256;
		void *p = mm_realloc(s->each, cap, sizeof(*s->each));

		if (!p)
			return mm_fail_nomem(err, "ranks");
		s->each = p;
		s->cap = cap;
	}
	mm_retrieval_query(&s->each[s->n++], q->rank, q->n, &s->options);
	return MM_OK;
}

static int row_result(void *state, double *value, double *each,
		      struct mm_err *err)
{
	struct state *s = state;
	const size_t n_k = s->options.n_k;
	struct mm_retrieval_figures f;
	double *scratch = mm_malloc(s->n, sizeof(*scratch));

	if (!scratch)
		return mm_fail_nomem(err, "retrieval figures");
	average(&f, s->each, NULL, s->n, n_k, scratch);
	flatten(value, &f, n_k);
	for (size_t i = 0; each && i < s->n; i++)
		each += flatten(each, &s->each[i], n_k);
	mm_free(scratch);
	return MM_OK;
}

static void row_close(void *state)
{
	struct state *s = state;

	if (s)
		mm_free(s->each);
	mm_free(s);
}

const struct mm_metric mm_metric_retrieval = {
	.task = "retrieval",
	.name = "retrieval",
	.figure = figure_names,
	.equals = "CLIP_benchmark, trec_eval",
	.open = row_open,
	.add = row_add,
	.result = row_result,
	.close = row_close,
};
