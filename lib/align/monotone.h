/*
 * monotone.h - two sequences paired in order, with drops on both sides.
 *
 * Needleman and Wunsch (1970), global: the sum over pairs of score - least,
 * minus `gap` for each item that stays alone, is greatest; pairs never cross.
 * Smith and Waterman (1981), local: the same within the best stretch of both;
 * what is outside of it costs nothing and has no partner.
 *
 * Scores come row by row.  Memory: a quarter of a byte for each pair of items.
 */
#ifndef MM_ALIGN_MONOTONE_H
#define MM_ALIGN_MONOTONE_H

#include <stdbool.h>
#include <stddef.h>

#include "align/assign.h"
#include "base/err.h"

/* out[0..M) = the scores of row i; asked for in order. */
typedef int mm_score_row_fn(void *ctx, size_t i, float *out,
			    struct mm_err *err);

struct mm_monotone {
	size_t N, M;
	double least, gap; /* gap >= 0 */
	bool local;
};

/* to[i] < M: the partner of row i, or MM_UNPAIRED. */
int mm_monotone(long *to, const struct mm_monotone *o, mm_score_row_fn *row,
		void *ctx, struct mm_err *err) MM_MUST_CHECK;

#endif
