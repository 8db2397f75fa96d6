/* classify.c - counts to figures; see classify.h. */
#include "metric/classify.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "metric/metric.h"

/* a / b, and 0 for 0/0. */
static double share(double a, double b)
{
	return b > 0 ? a / b : 0;
}

void mm_class_figures(struct mm_class_figures *out,
		      const struct mm_class_counts *c)
{
	out->precision = share((double)c->tp, (double)c->predicted);
	out->recall = share((double)c->tp, (double)c->support);
	out->f1 = share(2 * (double)c->tp,
			(double)c->predicted + (double)c->support);
}

static void add(struct mm_class_figures *sum, const struct mm_class_figures *f,
		double weight)
{
	sum->precision += weight * f->precision;
	sum->recall += weight * f->recall;
	sum->f1 += weight * f->f1;
}

static void divide(struct mm_class_figures *sum, double by)
{
	sum->precision = share(sum->precision, by);
	sum->recall = share(sum->recall, by);
	sum->f1 = share(sum->f1, by);
}

void mm_classification(struct mm_classification *out,
		       const struct mm_class_counts *counts, size_t K,
		       uint64_t right, uint64_t n, bool occurring_only)
{
	struct mm_class_counts all = { 0, 0, 0 };
	size_t n_macro = 0, n_true = 0;

	memset(out, 0, sizeof(*out));
	out->n = n;
	out->accuracy = share((double)right, (double)n);
	for (size_t k = 0; k < K; k++) {
		const struct mm_class_counts *c = &counts[k];
		struct mm_class_figures f;

		if (occurring_only && !c->predicted && !c->support)
			continue;
		mm_class_figures(&f, c);
		add(&out->macro, &f, 1);
		add(&out->weighted, &f, (double)c->support);
		n_macro++;
		if (c->support) {
			out->balanced_accuracy += f.recall;
			n_true++;
		}
		all.tp += c->tp;
		all.predicted += c->predicted;
		all.support += c->support;
	}
	mm_class_figures(&out->micro, &all);
	divide(&out->macro, (double)n_macro);
	divide(&out->weighted, (double)all.support);
	out->balanced_accuracy = share(out->balanced_accuracy, (double)n_true);
}

struct scored {
	float score;
	uint8_t truth;
};

static int best_first(const void *a, const void *b)
{
	const float x = ((const struct scored *)a)->score;
	const float y = ((const struct scored *)b)->score;

	return (x < y) - (x > y);
}

static double area(const struct scored *s, size_t n)
{
	double sum = 0, positives = 0, seen = 0;

	for (size_t i = 0; i < n; i++)
		positives += s[i].truth;
	for (size_t i = 0; i < n && positives > 0;) {
		const double before = seen;
		const float score = s[i].score;

		for (; i < n && s[i].score == score; i++)
			seen += s[i].truth;
		sum += (seen - before) / positives * (seen / (double)i);
	}
	return sum;
}

int mm_average_precision(double *out, const float *score, const uint8_t *truth,
			 size_t n, size_t stride, struct mm_err *err)
{
	struct scored *s = mm_malloc(n, sizeof(*s));
	int rc = MM_OK;

	*out = 0;
	if (!s)
		return mm_fail_nomem(err, "scores");
	for (size_t i = 0; i < n && !rc; i++) {
		s[i].score = score[i * stride];
		s[i].truth = truth[i * stride] != 0;
		if (isnan(s[i].score))
			rc = mm_fail(err, MM_ERR_FORMAT,
				     "the score of sample %zu (from 0) is not "
				     "a number",
				     i);
	}
	if (!rc) {
		qsort(s, n, sizeof(*s), best_first);
		*out = area(s, n);
	}
	mm_free(s);
	return rc;
}

size_t mm_class_rank(const float *scores, size_t K, size_t truth)
{
	size_t rank = 1;

	/* A NaN of another class counts against us too. */
	for (size_t k = 0; k < K; k++)
		rank += k != truth && !(scores[k] < scores[truth]);
	return rank;
}

/* ---- the rows of the metrics table ---- */

struct single {
	struct mm_class_counts *counts;
	size_t K;
	uint8_t *right; /* per sample: bit 0 the first guess, bit 1 any of 5 */
	size_t n, cap;
	bool five; /* every sample so far had 5 guesses */
};

static int single_open(void **state, const void *options, struct mm_err *err)
{
	struct single *s = *state = mm_calloc(1, sizeof(*s));

	(void)options;
	if (!s)
		return mm_fail_nomem(err, "a metric");
	s->five = true;
	return MM_OK;
}

static int want_class(struct single *s, size_t k, struct mm_err *err)
{
	size_t K = s->K ? s->K : 16;
	void *p;

	if (k < s->K)
		return MM_OK;
	while (K <= k && K < SIZE_MAX / 2)
		K *= 2;
	if (K <= k || !(p = mm_realloc(s->counts, K, sizeof(*s->counts))))
		return mm_fail_nomem(err, "classes");
	s->counts = p;
	memset(s->counts + s->K, 0, (K - s->K) * sizeof(*s->counts));
	s->K = K;
	return MM_OK;
}

static int single_add(void *state, const void *sample, struct mm_err *err)
{
	const struct mm_classification_sample *x = sample;
	struct single *s = state;
	uint8_t right = 0;
	int rc;

	if (!x->n)
		return mm_fail(err, MM_ERR_USAGE, "a sample without a guess");
	if ((rc = want_class(s, x->truth, err)) ||
	    (rc = want_class(s, x->guess[0], err)))
		return rc;
	if (s->n == s->cap) {
		const size_t cap = s->cap ? 2 * s->cap : 1024;
		void *p = mm_realloc(s->right, cap, 1);

		if (!p)
			return mm_fail_nomem(err, "samples");
		s->right = p;
		s->cap = cap;
	}
	for (size_t i = 0; i < x->n && i < 5; i++)
		if (x->guess[i] == x->truth)
			right |= i ? 2 : 3;
	s->right[s->n++] = right;
	s->five = s->five && x->n >= 5;
	s->counts[x->truth].support++;
	s->counts[x->guess[0]].predicted++;
	s->counts[x->truth].tp += right & 1;
	return MM_OK;
}

static int single_result(void *state, double *value, double *each,
			 struct mm_err *err)
{
	const struct single *s = state;
	struct mm_classification c;
	uint64_t top1 = 0, top5 = 0;

	(void)err;
	for (size_t i = 0; i < s->n; i++) {
		top1 += s->right[i] & 1;
		top5 += s->right[i] >> 1;
		for (int f = 0; each && f < 6; f++)
			each[6 * i + (size_t)f] = NAN;
		if (each)
			each[6 * i] = s->right[i] & 1;
		if (each && s->five)
			each[6 * i + 1] = s->right[i] >> 1;
	}
	mm_classification(&c, s->counts, s->K, top1, s->n, true);
	value[0] = c.accuracy;
	value[1] = s->five ? share((double)top5, (double)s->n) : NAN;
	value[2] = c.balanced_accuracy;
	value[3] = c.macro.f1;
	value[4] = c.micro.f1;
	value[5] = c.weighted.f1;
	return MM_OK;
}

static void single_close(void *state)
{
	struct single *s = state;

	if (s) {
		mm_free(s->counts);
		mm_free(s->right);
	}
	mm_free(s);
}

static const char *const single_names[] = {
	"acc1",	       "acc5", "mean_per_class_recall", "f1_macro", "f1_micro",
	"f1_weighted", NULL
};

const struct mm_metric mm_metric_classification = {
	.task = "classification",
	.name = "classification",
	.figure = single_names,
	.equals = "scikit-learn, CLIP_benchmark",
	.open = single_open,
	.add = single_add,
	.result = single_result,
	.close = single_close,
};

struct multi {
	struct mm_class_counts *counts;
	size_t K, n, cap;
	uint8_t *truth; /* (n, K) */
	float *score;	/* (n, K) where every sample had scores */
	bool scored;
	double *f1; /* (n) of each sample; -1 - f1 where not all K are right */
};

static int multi_open(void **state, const void *options, struct mm_err *err)
{
	struct multi *s = *state = mm_calloc(1, sizeof(*s));

	(void)options;
	if (!s)
		return mm_fail_nomem(err, "a metric");
	s->scored = true;
	return MM_OK;
}

static bool grow(void **p, size_t cap, size_t size)
{
	void *q = mm_realloc(*p, cap, size);

	*p = q ? q : *p;
	return q != NULL;
}

static int multi_room(struct multi *s, size_t K, struct mm_err *err)
{
	const size_t cap = s->cap ? 2 * s->cap : 256;
	void *truth = s->truth, *score = s->score, *f1 = s->f1;
	bool ok = true;

	if (!s->n && !s->counts) {
		s->K = K;
		s->counts = mm_calloc(K, sizeof(*s->counts));
		ok = s->counts != NULL;
	}
	if (ok && s->n == s->cap) {
		ok = grow(&truth, cap, K) &&
		     K <= SIZE_MAX / 2 / sizeof(float) &&
		     grow(&score, cap, K * sizeof(float)) &&
		     grow(&f1, cap, sizeof(double));
		s->truth = truth;
		s->score = score;
		s->f1 = f1;
		s->cap = ok ? cap : s->cap;
	}
	return ok ? MM_OK : mm_fail_nomem(err, "samples");
}

static int multi_add(void *state, const void *sample, struct mm_err *err)
{
	const struct mm_multilabel_sample *x = sample;
	struct mm_class_counts own = { 0, 0, 0 };
	struct mm_class_figures f;
	struct multi *s = state;
	int rc;

	if (s->counts && x->K != s->K)
		return mm_fail(err, MM_ERR_SHAPE,
			       "a sample of %zu classes after samples of %zu",
			       x->K, s->K);
	if ((rc = multi_room(s, x->K, err)))
		return rc;
	for (size_t k = 0; k < x->K; k++) {
		const bool t = x->truth[k], p = x->predicted[k];

		s->truth[s->n * s->K + k] = t;
		s->counts[k].tp += t && p;
		s->counts[k].predicted += p;
		s->counts[k].support += t;
		own.tp += t && p;
		own.predicted += p;
		own.support += t;
	}
	if (x->score)
		memcpy(s->score + s->n * s->K, x->score,
		       s->K * sizeof(*x->score));
	s->scored = s->scored && x->score;
	mm_class_figures(&f, &own);
	s->f1[s->n++] = own.tp == own.predicted && own.tp == own.support
				? f.f1
				: -1 - f.f1;
	return MM_OK;
}

static int mean_precision(double *out, const struct multi *s,
			  struct mm_err *err)
{
	double sum = 0, one;
	int rc = MM_OK;

	*out = NAN;
	if (!s->scored || !s->n)
		return MM_OK;
	for (size_t k = 0; k < s->K && !rc; k++) {
		rc = mm_average_precision(&one, s->score + k, s->truth + k,
					  s->n, s->K, err);
		sum += one;
	}
	*out = share(sum, (double)s->K);
	return rc ? mm_fail_ctx(err, "average precision") : MM_OK;
}

static int multi_result(void *state, double *value, double *each,
			struct mm_err *err)
{
	const struct multi *s = state;
	struct mm_classification c;
	double samples = 0;
	uint64_t right = 0;

	for (size_t i = 0; i < s->n; i++) {
		const bool whole = s->f1[i] >= 0;
		const double f1 = whole ? s->f1[i] : -1 - s->f1[i];

		samples += f1;
		right += whole;
		for (size_t f = 0; each && f < 6; f++)
			each[6 * i + f] = f == 0 ? whole : f == 4 ? f1 : NAN;
	}
	mm_classification(&c, s->counts, s->K, right, s->n, false);
	value[0] = c.accuracy;
	value[1] = c.macro.f1;
	value[2] = c.micro.f1;
	value[3] = c.weighted.f1;
	value[4] = share(samples, (double)s->n);
	return mean_precision(&value[5], s, err);
}

static void multi_close(void *state)
{
	struct multi *s = state;

	if (s) {
		mm_free(s->counts);
		mm_free(s->truth);
		mm_free(s->score);
		mm_free(s->f1);
	}
	mm_free(s);
}

static const char *const multi_names[] = { "accuracy",	 "f1_macro",
					   "f1_micro",	 "f1_weighted",
					   "f1_samples", "map",
					   NULL };

const struct mm_metric mm_metric_multilabel = {
	.task = "multilabel",
	.name = "multilabel",
	.figure = multi_names,
	.equals = "scikit-learn",
	.open = multi_open,
	.add = multi_add,
	.result = multi_result,
	.close = multi_close,
};
