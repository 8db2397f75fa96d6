/*
 * time_join.h - two lists of times, both sorted, brought together by one walk
 * over both: O(n + m), and for overlaps as many steps as there are pairs.
 */
#ifndef MM_ALIGN_TIME_JOIN_H
#define MM_ALIGN_TIME_JOIN_H

#include <stddef.h>

#include "align/time_table.h"

enum mm_join { MM_JOIN_NEAREST, MM_JOIN_PREVIOUS, MM_JOIN_OVERLAP };

/* One cue at one of its points. */
struct mm_query {
	double start, end; /* of the cue */
	double at;	   /* the point that a frame is looked for at */
	size_t cue, pick;
};

struct mm_join_rule {
	enum mm_join how;
	double tolerance; /* seconds; INFINITY: none */
	double overlap;	  /* 0..1: least share of the shorter of the two */
};

typedef int mm_join_fn(void *ctx, const struct mm_query *q,
		       const struct mm_moment *m, struct mm_err *err);

/*
 * Call `pair` for each query, in order, with what it is paired with:
 *
 *	nearest	 the moment whose middle is nearest to q->at (the earlier one
 *		 of two), if |difference| <= tolerance
 *	previous the last one that starts at or before q->at, if
 *		 q->at - start <= tolerance
 *	overlap	 every one whose common time with [start, end] is at least
 *		 overlap * the shorter of both, and more than 0; a point
 *		 counts where it lies inside [start, end)
 *
 * and once with NULL where there is none.  Queries are sorted by `at`
 * (nearest, previous) or by start (overlap), moments by start; for nearest
 * the middles must not fall either (mm_moments_by_middle).
 */
int mm_join(const struct mm_query *q, size_t n, const struct mm_moments *m,
	    const struct mm_join_rule *rule, mm_join_fn *pair, void *ctx,
	    struct mm_err *err) MM_MUST_CHECK;

/* Sort by the middle instead of by the start. */
void mm_moments_by_middle(struct mm_moments *m);

#endif
