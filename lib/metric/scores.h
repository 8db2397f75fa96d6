/*
 * scores.h - scores of classes, by sample: a line of numbers each.
 *
 *	0.1	0.7	0.2
 *
 * Numbers are parted by tabs, blanks or commas; all lines have as many.
 */
#ifndef MM_METRIC_SCORES_H
#define MM_METRIC_SCORES_H

#include "metric/class_names.h"

struct mm_scores {
	float *score; /* (n, K) */
	size_t n, K;
};

/*
 * MM_ERR_FORMAT, naming file and line: a line of more or fewer than K numbers,
 * what is no finite number.  Release with mm_scores_release, after a failure
 * too.
 */
int mm_scores_load(struct mm_scores *s, const char *path, size_t K,
		   struct mm_err *err) MM_MUST_CHECK;
int mm_scores_parse(struct mm_scores *s, const char *text, size_t len,
		    const char *name, size_t K,
		    struct mm_err *err) MM_MUST_CHECK;
void mm_scores_release(struct mm_scores *s);

/*
 * The five best classes of each sample (all, where K < 5), best first.  Of
 * equal scores the true class stands last, the others by number: a tie never
 * helps.
 */
int mm_scores_rank(struct mm_labels *out, const struct mm_scores *s,
		   const struct mm_labels *truth,
		   struct mm_err *err) MM_MUST_CHECK;

/* The classes that score `threshold` or more. */
int mm_scores_above(struct mm_labels *out, const struct mm_scores *s,
		    double threshold, struct mm_err *err) MM_MUST_CHECK;

#endif
