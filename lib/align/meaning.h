/*
 * meaning.h - which pictures and texts belong together, by their vectors.
 *
 * Vectors have unit length, so an inner product is a cosine.
 */
#ifndef MM_ALIGN_MEANING_H
#define MM_ALIGN_MEANING_H

#include <stdbool.h>
#include <stddef.h>

#include "align/assign.h"
#include "base/err.h"

/* Up to so many on the larger side, a set is paired exactly. */
enum { MM_MEANING_EXACT = 5000 };

struct mm_meaning {
	const float *image; /* (N, D) */
	const float *text;  /* (M, D) */
	size_t N, M, D;
};

/*
 * r_image[i] = mean cosine of picture i with its k nearest texts, r_text[j]
 * the same of text j with its pictures (Lample et al., "Word translation
 * without parallel data", 2018):
 *
 *	CSLS	2 cos(i, j) - r_image[i] - r_text[j]
 *	margin	cos(i, j) / ((r_image[i] + r_text[j]) / 2)	(Artetxe and
 *		Schwenk, "Margin-based parallel corpus mining", 2019)
 */
int mm_meaning_neighbours(float *r_image, float *r_text,
			  const struct mm_meaning *s, size_t k,
			  struct mm_err *err) MM_MUST_CHECK;

enum mm_rematch { MM_REMATCH_NONE, MM_REMATCH_MONOTONE, MM_REMATCH_SET };

struct mm_rematch_options {
	enum mm_rematch how;
	double least; /* cosine below which both rather stay alone; NAN: below
		       */
	double gap;   /* monotone: what each item that stays alone costs */
	bool local;   /* monotone: Smith-Waterman */
};

/*
 * to[i]: the text of picture i, or MM_UNPAIRED.
 *
 *	monotone	in order, align/monotone.h
 *	set		exactly, align/assign.h; beyond MM_MEANING_EXACT by
 *			transport over the 32 best candidates of each side
 *
 * *least_out: the cosine that was the limit.  Where none is given it lies
 * halfway between the median of pairs at random and that of pairs which are
 * each other's nearest; up to three quarters of the way where random pairs
 * are that much spread.  Fewer than three such pairs: -1.
 */
int mm_meaning_rematch(long *to, double *least_out, const struct mm_meaning *s,
		       const struct mm_rematch_options *o,
		       struct mm_err *err) MM_MUST_CHECK;

#endif
