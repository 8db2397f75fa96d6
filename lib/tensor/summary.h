/*
 * summary.h - what a tensor stream holds, gathered segment by segment.
 *
 * Memory depends on the number of columns and metadata keys, not of samples.
 */
#ifndef MM_TENSOR_SUMMARY_H
#define MM_TENSOR_SUMMARY_H

#include "base/map.h"
#include "tensor/stream.h"

/* Over the elements of a column that are numbers. */
struct mm_summary_values {
	uint64_t n; /* finite ones: the others below are of these */
	uint64_t n_nan, n_inf;
	double min, max;  /* 0 where n is 0 */
	double sum, mean; /* in double, over blocks of fixed size in order */
};

struct mm_summary_column {
	const char *name;
	enum mm_dtype dtype;
	bool ragged, string;
	bool mixed; /* segments disagree on type or kind; the first counts */
	int rank;   /* of one sample, ragged: of one item; -1: it differs */
	size_t dim[MM_MAX_RANK]; /* SIZE_MAX: it differs */
	uint64_t samples, items, bytes;
	uint64_t shortest, longest; /* items of one sample (ragged) */
	struct mm_summary_values values;
};

struct mm_summary_meta {
	const char *key, *value; /* the first segment's */
	bool differs;		 /* other segments say something else */
};

struct mm_summary {
	uint64_t samples, segments;
	struct mm_summary_column *column; /* in the order they turn up */
	size_t n_columns, cap_columns;
	struct mm_summary_meta *meta;
	size_t n_meta, cap_meta;
	bool with_values; /* look at every element too */
	struct mm_map columns, keys;
	struct mm_arena arena;
};

void mm_summary_init(struct mm_summary *s, bool with_values);
void mm_summary_release(struct mm_summary *s);

/* Nothing of the segment is kept by reference. */
int mm_summary_add(struct mm_summary *s, const struct mm_segment *seg,
		   struct mm_err *err) MM_MUST_CHECK;

#endif
