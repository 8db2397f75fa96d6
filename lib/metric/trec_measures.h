/* trec_measures.h - trec_eval's measures of one query; private to lib/metric.
 */
#ifndef MM_METRIC_TREC_MEASURES_H
#define MM_METRIC_TREC_MEASURES_H

#include "metric/trec.h"

/* One query, ranked and judged. */
struct mm_trec_ranked {
	const int64_t *rel; /* (n_ret) by rank: relevance, -1, -2 */
	size_t n_ret, n_rel_ret, n_nonpool, n_unjudged;
	size_t n_rel;	      /* relevant ones in the qrels */
	const size_t *levels; /* (n_levels) judged documents per relevance */
	size_t n_levels;
	const struct mm_trec_options *options;
	struct mm_arena *scratch;
};

enum mm_trec_params {
	MM_TREC_NO_PARAMS,
	MM_TREC_CUTS,  /* whole numbers > 0, sorted, a value each          */
	MM_TREC_RATES, /* reals, sorted, a value each                      */
	MM_TREC_REALS, /* reals as given, one value                        */
	MM_TREC_PAIRS, /* name=real as given, one value                    */
};

enum mm_trec_average {
	MM_TREC_MEAN,
	MM_TREC_SUM,
	MM_TREC_GEOMETRIC, /* single values are logarithms */
	MM_TREC_N_QUERIES,
	MM_TREC_N_REL,
	MM_TREC_NO_AVERAGE,
};

struct mm_trec_pair {
	const char *name;
	double value;
};

/* A measure's parameters, defaults filled in. */
struct mm_trec_chosen {
	bool on;
	size_t first, n_values; /* in mm_trec_plan.value */
	size_t n;		/* parameters */
	const double *real;	/* CUTS, RATES, REALS */
	const struct mm_trec_pair *pair;
};

struct mm_trec_measure {
	const char *name;
	enum mm_trec_params params;
	enum mm_trec_kind kind;
	enum mm_trec_average average;
	const double *defaults;
	size_t n_defaults;
	/* Adds nothing: value[0..n_values) holds zeros before. */
	int (*query)(double *value, const struct mm_trec_ranked *r,
		     const struct mm_trec_chosen *c, struct mm_err *err);
};

/* In the order of trec_eval's output; n of them. */
extern const struct mm_trec_measure mm_trec_measures[];
extern const size_t mm_trec_n_measures;

/* Least value under the logarithm of gm_map and gm_bpref. */
#define MM_TREC_MIN_GEO_MEAN .00001

/* Measures that weigh grades; in trec_gain.c. */
int mm_trec_ndcg(double *, const struct mm_trec_ranked *,
		 const struct mm_trec_chosen *, struct mm_err *);
int mm_trec_dcg(double *, const struct mm_trec_ranked *,
		const struct mm_trec_chosen *, struct mm_err *);
int mm_trec_ideal_dcg(double *, const struct mm_trec_ranked *,
		      const struct mm_trec_chosen *, struct mm_err *);
int mm_trec_ndcg_rel(double *, const struct mm_trec_ranked *,
		     const struct mm_trec_chosen *, struct mm_err *);
int mm_trec_rndcg(double *, const struct mm_trec_ranked *,
		  const struct mm_trec_chosen *, struct mm_err *);
int mm_trec_ndcg_cut(double *, const struct mm_trec_ranked *,
		     const struct mm_trec_chosen *, struct mm_err *);
int mm_trec_g(double *, const struct mm_trec_ranked *,
	      const struct mm_trec_chosen *, struct mm_err *);
int mm_trec_rbp(double *, const struct mm_trec_ranked *,
		const struct mm_trec_chosen *, struct mm_err *);
int mm_trec_rbp_resid(double *, const struct mm_trec_ranked *,
		      const struct mm_trec_chosen *, struct mm_err *);

#endif
