/*
 * group.h - several samples at a time, worked on by all threads, each sample
 * by itself, and taken out in the order they came in.  The size of a group and
 * the number of threads therefore do not show in the result.
 */
#ifndef MM_DATA_GROUP_H
#define MM_DATA_GROUP_H

#include "data/source.h"

struct mm_sample_group_item {
	struct mm_arena arena; /* the sample's */
	struct mm_sample sample;
	uint32_t copy; /* for whoever makes several of one */
	int rc;	       /* of the work */
	struct mm_err err;
};

struct mm_sample_group {
	struct mm_sample_group_item *item; /* size of them */
	size_t n, size;
};

int mm_sample_group_init(struct mm_sample_group *g, size_t size,
			 struct mm_err *err) MM_MUST_CHECK;
void mm_sample_group_release(struct mm_sample_group *g); /* safe on zeros */

/* Take a deep copy of the sample (mm_sample_copy); n < size. */
int mm_sample_group_add(struct mm_sample_group *g, const struct mm_sample *s,
			uint32_t copy, struct mm_err *err) MM_MUST_CHECK;

/* Item i is done by one thread, with a number in 0..mm_threads()-1. */
typedef int mm_sample_group_fn(void *ctx, size_t i, size_t thread,
			       struct mm_err *err);
void mm_sample_group_run(struct mm_sample_group *g, mm_sample_group_fn *fn,
			 void *ctx);

/* MM_OK, or how the work on item i failed. */
int mm_sample_group_result(const struct mm_sample_group *g, size_t i,
			   struct mm_err *err) MM_MUST_CHECK;

#endif
