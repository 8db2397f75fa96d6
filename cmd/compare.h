/* compare.h - two results of eval side by side, for eval compare and all. */
#ifndef MM_CMD_COMPARE_H
#define MM_CMD_COMPARE_H

#include "common.h"

struct compare_args {
	int test; /* enum mm_paired_test */
	int64_t resamples;
	double level;
};

extern const char *const compare_tests[];

#define MM_OPTS_COMPARE(T, m)                                        \
	MM_ENUM(0, "test", T, m.test, compare_tests,                 \
		"how p is found: paired bootstrap or permutation"),  \
		MM_INT(0, "resamples", T, m.resamples, "N", 10, 1e7, \
		       "resamples of the test"),                     \
		MM_REAL(0, "level", T, m.level, "X", 0.01, 0.9999,   \
			"level of the confidence interval of a difference")

/* Print figures of both, differences and, where samples were kept, p. */
int compare_run(const struct mm_common *common, const struct compare_args *how,
		const char *a, const char *b, struct mm_err *err);

#endif
