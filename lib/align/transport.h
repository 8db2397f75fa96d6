/*
 * transport.h - one-to-one pairing of large sets by entropic optimal
 * transport over the candidates that each side likes best.
 *
 * Mass 1 of each row and column goes to candidates or stays at home, at score
 * `least`; the plan P maximises sum P s + eps H(P) (Cuturi, "Sinkhorn
 * distances", 2013), with one slack row and column for what stays at home
 * (Sarlin et al., "SuperGlue", 2020).  Scaling is done on logarithms while eps
 * falls from 0.1 to 0.005.  Rows and columns then are paired by falling mass.
 *
 * Time and memory are proportional to the candidates, not to N * M.
 */
#ifndef MM_ALIGN_TRANSPORT_H
#define MM_ALIGN_TRANSPORT_H

#include <stddef.h>
#include <stdint.h>

#include "align/assign.h"
#include "base/err.h"

struct mm_candidate {
	uint32_t row, column;
	float score;
};

/*
 * to[i]: as in mm_assign.  Candidates in any order, none twice; they are
 * sorted in place.
 */
int mm_transport(long *to, struct mm_candidate *c, size_t n, size_t N, size_t M,
		 double least, struct mm_err *err) MM_MUST_CHECK;

#endif
