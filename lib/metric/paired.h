/*
 * paired.h - is one system better than another on the same samples?
 *
 * With d_i = b_i - a_i and m the mean of d:
 *
 *	bootstrap	p = share of resamples (n draws of d with replacement,
 *			centred: mean - m) at least as far from 0 as m
 *	permutation	p = the same of sign changes (each d_i keeps or loses
 *			its sign), the exact test's Monte Carlo form
 *
 * both two-sided, and both (1 + count) / (1 + resamples), so that p is never
 * 0.  The interval is the percentile bootstrap's, for either.
 *
 * Source: Efron and Tibshirani, An Introduction to the Bootstrap, ch. 13, 15,
 * 16; Noreen, Computer-intensive methods for testing hypotheses.
 */
#ifndef MM_METRIC_PAIRED_H
#define MM_METRIC_PAIRED_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum mm_paired_test { MM_PAIRED_BOOTSTRAP, MM_PAIRED_PERMUTATION };

struct mm_paired_options {
	enum mm_paired_test test;
	size_t resamples; /* >= 1 */
	double level;	  /* of the interval, in 0..1 */
	uint64_t seed;	  /* same seed, same result, for any threads */
};

struct mm_paired {
	size_t n;
	double difference; /* mean of b - a */
	double lo, hi;	   /* its interval */
	double p;
};

/* MM_ERR_FORMAT: no sample, 2^32 and more, or a value that is not finite. */
int mm_paired(struct mm_paired *out, const double *a, const double *b, size_t n,
	      const struct mm_paired_options *options,
	      struct mm_err *err) MM_MUST_CHECK;

#endif
