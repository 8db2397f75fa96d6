/*
 * assign.h - the best one-to-one pairing of two sets, exactly.
 *
 * Jonker and Volgenant, "A shortest augmenting path algorithm for dense and
 * sparse linear assignment problems" (Computing 38, 1987): column reduction,
 * reduction transfer, two rounds of augmenting row reduction, then shortest
 * augmenting paths.  O(n^3) at worst, n = max(N, M); 4 n^2 bytes.
 */
#ifndef MM_ALIGN_ASSIGN_H
#define MM_ALIGN_ASSIGN_H

#include <stddef.h>

#include "base/err.h"

enum { MM_UNPAIRED = -1 };

/*
 * to[i] < M: the partner of row i, such that the sum of score[i * M + to[i]]
 * is greatest, where a pair must score more than `least` and both sides may
 * stay alone (MM_UNPAIRED), which counts `least`.  Scores are finite; so is
 * `least`, or it is -INFINITY: min(N, M) pairs.
 */
int mm_assign(long *to, const float *score, size_t N, size_t M, float least,
	      struct mm_err *err) MM_MUST_CHECK;

#endif
