/*
 * trec_measures.c - the table of trec_eval's measures and those of them that
 * ask only whether a document is relevant; see trec.h.
 */
#include "metric/trec_measures.h"

#include <math.h>

#include "base/mem.h"

/* Every measure has the same arguments. */
#define MEASURE(name)                                                  \
	static int name(double *value, const struct mm_trec_ranked *r, \
			const struct mm_trec_chosen *c, struct mm_err *err)
#define UNUSED (void)c, (void)err

static bool relevant(const struct mm_trec_ranked *r, size_t i)
{
	return r->rel[i] >= r->options->level;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* a / b as reals: nan where both are 0. */
static double ratio(size_t a, size_t b)
{
	return (double)a / (double)b;
}

/* ---- counts ---- */

MEASURE(num_ret)
{
	UNUSED;
	*value = (double)r->n_ret;
	return MM_OK;
}

MEASURE(num_rel)
{
	UNUSED;
	*value = (double)r->n_rel;
	return MM_OK;
}

MEASURE(num_rel_ret)
{
	UNUSED;
	*value = (double)r->n_rel_ret;
	return MM_OK;
}

MEASURE(num_nonrel_judged_ret)
{
	UNUSED;
	*value = (double)r->n_ret - (double)r->n_nonpool -
		 (double)r->n_unjudged - (double)r->n_rel_ret;
	return MM_OK;
}

/* ---- precision at each relevant document ---- */

/* Sum of the precisions at the relevant documents of the first n. */
static double sum_precision(const struct mm_trec_ranked *r, size_t n)
{
	size_t seen = 0;
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		if (relevant(r, i))
			sum += ratio(++seen, i + 1);
	return sum;
}

MEASURE(map)
{
	UNUSED;
	if (r->n_rel_ret)
		*value = sum_precision(r, r->n_ret) / (double)r->n_rel;
	return MM_OK;
}

static double logarithm(double x)
{
	return log(x > MM_TREC_MIN_GEO_MEAN ? x : MM_TREC_MIN_GEO_MEAN);
}

MEASURE(gm_map)
{
	map(value, r, c, err);
	*value = logarithm(*value);
	return MM_OK;
}

MEASURE(yaap)
{
	const double sum = sum_precision(r, r->n_ret);

	UNUSED;
	*value = log((1 + sum) / (1 + (double)r->n_rel - sum));
	return MM_OK;
}

MEASURE(map_cut)
{
	(void)err;
	for (size_t k = 0; r->n_rel && k < c->n; k++)
		value[k] =
			sum_precision(r, least((size_t)c->real[k], r->n_ret)) /
			(double)r->n_rel;
	return MM_OK;
}

MEASURE(recip_rank)
{
	UNUSED;
	for (size_t i = 0; i < r->n_ret; i++) {
		if (relevant(r, i)) {
			*value = ratio(1, i + 1);
			break;
		}
	}
	return MM_OK;
}

MEASURE(bin_g)
{
	size_t seen = 0;
	double sum = 0;

	UNUSED;
	for (size_t i = 0; i < r->n_ret; i++)
		if (relevant(r, i))
			sum += 1 / log2((double)(3 + i - ++seen));
	if (seen)
		*value = sum / (double)r->n_rel;
	return MM_OK;
}

/* ---- at cut-offs; documents that were not retrieved are not relevant ---- */

/* How many of the first n are relevant, continued from *seen of *at. */
static size_t count_to(const struct mm_trec_ranked *r, size_t n, size_t *at,
		       size_t *seen)
{
	for (; *at < least(n, r->n_ret); ++*at)
		*seen += relevant(r, *at);
	return *seen;
}

MEASURE(precision)
{
	size_t at = 0, seen = 0;

	(void)err;
	for (size_t k = 0; k < c->n; k++)
		value[k] = (double)count_to(r, (size_t)c->real[k], &at, &seen) /
			   c->real[k];
	return MM_OK;
}

MEASURE(recall)
{
	size_t at = 0, seen = 0;

	(void)err;
	for (size_t k = 0; r->n_rel && k < c->n; k++)
		value[k] = ratio(count_to(r, (size_t)c->real[k], &at, &seen),
				 r->n_rel);
	return MM_OK;
}

MEASURE(relative_precision)
{
	size_t at = 0, seen = 0;

	(void)err;
	for (size_t k = 0; r->n_rel && k < c->n; k++) {
		const size_t cut = (size_t)c->real[k];

		value[k] = ratio(count_to(r, cut, &at, &seen),
				 least(cut, r->n_rel));
	}
	return MM_OK;
}

MEASURE(success)
{
	size_t at = 0, seen = 0;

	(void)err;
	for (size_t k = 0; k < c->n; k++)
		value[k] = count_to(r, (size_t)c->real[k], &at, &seen) > 0;
	return MM_OK;
}

MEASURE(unjudged)
{
	size_t at = 0, seen = 0;

	(void)err;
	for (size_t k = 0; k < c->n; k++) {
		for (; at < r->n_ret && (double)at < c->real[k]; at++)
			seen += r->rel[at] < 0;
		value[k] = (double)seen / c->real[k];
	}
	return MM_OK;
}

MEASURE(r_precision)
{
	size_t at = 0, seen = 0;

	UNUSED;
	if (r->n_rel)
		*value = ratio(count_to(r, r->n_rel, &at, &seen), r->n_rel);
	return MM_OK;
}

/*
 * Precision at multiples of the number of relevant documents.  A multiple of 0
 * documents keeps 0, and so does every one not reached before the relevant
 * documents, counted from the end, are used up.
 */
MEASURE(r_precision_mult)
{
	size_t left = r->n_rel_ret, k = c->n;

	(void)err;
#define CUT(k) ((long)(c->real[k] * (double)r->n_rel + 0.9))
	for (; k && CUT(k - 1) > (long)r->n_ret; k--)
		value[k - 1] = (double)r->n_rel_ret / (double)CUT(k - 1);
	for (size_t i = r->n_ret; i > 0 && left > 0; i--) {
		for (; k && (long)i == CUT(k - 1); k--)
			value[k - 1] = ratio(left, i);
		left -= relevant(r, i - 1);
	}
#undef CUT
	return MM_OK;
}

/* ---- interpolated precision at levels of recall ---- */

/* value[k]: the best precision at or after the point of recall real[k]. */
static void interpolate(double *value, const struct mm_trec_ranked *r,
			const double *rate, size_t n)
{
	double best = ratio(r->n_rel_ret, r->n_ret);
	size_t left = r->n_rel_ret, k = n;

#define CUT(k) lround(rate[k] * (double)r->n_rel)
	while (k && CUT(k - 1) > (long)r->n_rel_ret)
		k--;
	for (size_t i = r->n_ret; i > 0 && left > 0; i--) {
		const double precision = ratio(left, i);

		if (best < precision)
			best = precision;
		if (!relevant(r, i - 1))
			continue;
		for (; k && (long)left == CUT(k - 1); k--)
			value[k - 1] = best;
		left--;
	}
	while (k)
		value[--k] = best;
#undef CUT
}

MEASURE(iprec_at_recall)
{
	(void)err;
	interpolate(value, r, c->real, c->n);
	return MM_OK;
}

/* trec_eval sums from the last point to the first, and only what it met. */
MEASURE(eleven_point)
{
	double *at = mm_calloc(c->n, sizeof(*at)), sum = 0;

	if (!at)
		return mm_fail_nomem(err, "11pt_avg");
	interpolate(at, r, c->real, c->n);
	for (size_t k = c->n; k > 0; k--)
		sum += at[k - 1];
	*value = sum / (double)c->n;
	mm_free(at);
	return MM_OK;
}

/* ---- judged documents only ---- */

MEASURE(bpref)
{
	size_t n_nonrel = 0, nonrel = 0;
	double sum = 0;

	UNUSED;
	for (size_t j = 0; j < r->n_levels && (int64_t)j < r->options->level;
	     j++)
		n_nonrel += r->levels[j];
	for (size_t i = 0; i < r->n_ret; i++) {
		if (r->rel[i] < 0)
			continue;
		if (!relevant(r, i))
			nonrel++;
		else if (nonrel)
			sum += 1 - ratio(least(nonrel, r->n_rel),
					 least(n_nonrel, r->n_rel));
		else
			sum += 1;
	}
	*value = r->n_rel ? sum / (double)r->n_rel : sum;
	return MM_OK;
}

MEASURE(gm_bpref)
{
	bpref(value, r, c, err);
	*value = logarithm(*value);
	return MM_OK;
}

/* Yilmaz and Aslam, CIKM 2006: the pool is a sample. */
MEASURE(inf_ap)
{
	const double epsilon = .00001;
	size_t nonrel = 0, rel = 0, unjudged = 0;
	double sum = 0;

	UNUSED;
	for (size_t i = 0; i < r->n_ret; i++) {
		const double j = (double)i;

		if (r->rel[i] == -1)
			continue;
		if (r->rel[i] == -2) {
			unjudged++;
		} else if (!relevant(r, i)) {
			nonrel++;
		} else if (++rel && !i) {
			sum += 1;
		} else {
			sum += 1 / (j + 1) +
			       (j / (j + 1)) *
				       ((double)(rel - 1 + nonrel + unjudged) /
					j) *
				       (((double)(rel - 1) + epsilon) /
					((double)(rel - 1 + nonrel) +
					 2 * epsilon));
		}
	}
	*value = r->n_rel ? sum / (double)r->n_rel : sum;
	return MM_OK;
}

/* ---- sets ---- */

MEASURE(set_precision)
{
	UNUSED;
	if (r->n_ret)
		*value = ratio(r->n_rel_ret, r->n_ret);
	return MM_OK;
}

MEASURE(set_recall)
{
	UNUSED;
	if (r->n_rel)
		*value = ratio(r->n_rel_ret, r->n_rel);
	return MM_OK;
}

MEASURE(set_relative_precision)
{
	UNUSED;
	if (r->n_ret && r->n_rel)
		*value = ratio(r->n_rel_ret, least(r->n_ret, r->n_rel));
	return MM_OK;
}

MEASURE(set_map)
{
	UNUSED;
	if (r->n_ret && r->n_rel)
		*value = ((double)r->n_rel_ret * (double)r->n_rel_ret) /
			 ((double)r->n_ret * (double)r->n_rel);
	return MM_OK;
}

MEASURE(set_f)
{
	const double x = c->real[0];

	(void)err;
	if (r->n_rel_ret) {
		const double p = ratio(r->n_rel_ret, r->n_ret);
		const double q = ratio(r->n_rel_ret, r->n_rel);

		*value = (x + 1) * p * q / (x * p + q);
	}
	return MM_OK;
}

MEASURE(utility)
{
	const double rel_ret = (double)r->n_rel_ret, ret = (double)r->n_ret;
	const double rel = (double)r->n_rel;

	if (c->n != 4)
		return mm_fail(err, MM_ERR_USAGE,
			       "utility takes 4 parameters, not %zu", c->n);
	*value =
		c->real[0] * rel_ret + c->real[1] * (ret - rel_ret) +
		c->real[2] * (rel - rel_ret) +
		c->real[3] * ((double)r->options->n_docs + rel_ret - ret - rel);
	return MM_OK;
}

MEASURE(nothing)
{
	UNUSED;
	(void)value, (void)r;
	return MM_OK;
}

/* ---- the table ---- */

static const double cuts[] = { 5, 10, 15, 20, 30, 100, 200, 500, 1000 };
static const double success_cuts[] = { 1, 5, 10 }, unj_cuts[] = { 5, 10, 20 };
static const double points[] = { 0.0, 0.1, 0.2, 0.3, 0.4, 0.5,
				 0.6, 0.7, 0.8, 0.9, 1.0 };
static const double mults[] = {
	0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6, 1.8, 2.0
};
static const double ten = 10, one = 1, utilities[] = { 1, -1, 0, 0 };

#define DEFAULTS(a) a, sizeof(a) / sizeof(a[0])
#define PLAIN(name, fn)                                                       \
	{                                                                     \
		name, MM_TREC_NO_PARAMS, MM_TREC_REAL, MM_TREC_MEAN, NULL, 0, \
			fn                                                    \
	}
#define SUM(name, fn)                                                         \
	{                                                                     \
		name, MM_TREC_NO_PARAMS, MM_TREC_COUNT, MM_TREC_SUM, NULL, 0, \
			fn                                                    \
	}
#define GEO(name, fn)                                                     \
	{                                                                 \
		name, MM_TREC_NO_PARAMS, MM_TREC_REAL, MM_TREC_GEOMETRIC, \
			NULL, 0, fn                                       \
	}
#define AT(name, fn, a)                                                      \
	{                                                                    \
		name, MM_TREC_CUTS, MM_TREC_REAL, MM_TREC_MEAN, DEFAULTS(a), \
			fn                                                   \
	}
#define RATE(name, fn, a)                                                     \
	{                                                                     \
		name, MM_TREC_RATES, MM_TREC_REAL, MM_TREC_MEAN, DEFAULTS(a), \
			fn                                                    \
	}
#define GAIN(name, fn)                                                       \
	{                                                                    \
		name, MM_TREC_PAIRS, MM_TREC_REAL, MM_TREC_MEAN, NULL, 0, fn \
	}

const struct mm_trec_measure mm_trec_measures[] = {
	{ "runid", MM_TREC_NO_PARAMS, MM_TREC_TEXT, MM_TREC_NO_AVERAGE, NULL, 0,
	  nothing },
	{ "num_q", MM_TREC_NO_PARAMS, MM_TREC_COUNT, MM_TREC_N_QUERIES, NULL, 0,
	  nothing },
	SUM("num_ret", num_ret),
	{ "num_rel", MM_TREC_NO_PARAMS, MM_TREC_COUNT, MM_TREC_N_REL, NULL, 0,
	  num_rel },
	SUM("num_rel_ret", num_rel_ret),
	PLAIN("map", map),
	GEO("gm_map", gm_map),
	PLAIN("Rprec", r_precision),
	PLAIN("bpref", bpref),
	PLAIN("recip_rank", recip_rank),
	RATE("iprec_at_recall", iprec_at_recall, points),
	AT("P", precision, cuts),
	{ "relstring", MM_TREC_REALS, MM_TREC_TEXT, MM_TREC_NO_AVERAGE, &ten, 1,
	  nothing },
	AT("recall", recall, cuts),
	PLAIN("infAP", inf_ap),
	GEO("gm_bpref", gm_bpref),
	RATE("Rprec_mult", r_precision_mult, mults),
	{ "utility", MM_TREC_REALS, MM_TREC_REAL, MM_TREC_MEAN,
	  DEFAULTS(utilities), utility },
	{ "11pt_avg", MM_TREC_REALS, MM_TREC_REAL, MM_TREC_MEAN,
	  DEFAULTS(points), eleven_point },
	PLAIN("binG", bin_g),
	GAIN("G", mm_trec_g),
	GAIN("dcg", mm_trec_dcg),
	GAIN("ideal_dcg", mm_trec_ideal_dcg),
	GAIN("ndcg", mm_trec_ndcg),
	GAIN("ndcg_rel", mm_trec_ndcg_rel),
	GAIN("Rndcg", mm_trec_rndcg),
	AT("ndcg_cut", mm_trec_ndcg_cut, cuts),
	AT("map_cut", map_cut, cuts),
	AT("relative_P", relative_precision, cuts),
	AT("success", success, success_cuts),
	PLAIN("set_P", set_precision),
	PLAIN("set_relative_P", set_relative_precision),
	PLAIN("set_recall", set_recall),
	PLAIN("set_map", set_map),
	{ "set_F", MM_TREC_REALS, MM_TREC_REAL, MM_TREC_MEAN, &one, 1, set_f },
	SUM("num_nonrel_judged_ret", num_nonrel_judged_ret),
	PLAIN("yaap", yaap),
	GAIN("rbp", mm_trec_rbp),
	GAIN("rbp_resid", mm_trec_rbp_resid),
	AT("unj", unjudged, unj_cuts),
};
const size_t mm_trec_n_measures =
	sizeof(mm_trec_measures) / sizeof(mm_trec_measures[0]);
