/*
 * zeroshot.h - held-out pictures named by prompts while a model learns, as
 * `mmtool eval zeroshot` does it:
 *
 *	class k = unit(mean over its prompts of unit(text))
 *	score of picture i and class k = <image_i, class_k>
 */
#ifndef MM_TRAIN_ZEROSHOT_H
#define MM_TRAIN_ZEROSHOT_H

#include "train/train.h"

/* Prompts of class after class; the caller's. */
struct mm_zeroshot {
	size_t K, prompts; /* classes, prompts of each */
	size_t T;
	const int32_t *ids;  /* (K * prompts, T) */
	const uint8_t *mask; /* likewise */
};

/* Held-out samples have a column label, of classes 0 .. K - 1. */
int mm_zeroshot_check(const struct mm_zeroshot *z, const struct mm_dataset *val,
		      struct mm_err *err) MM_MUST_CHECK;

/*
 * Figures zeroshot.acc1, acc5, ... into report, from unit vectors of the
 * pictures (n, D) and their labels (n).  Of equal scores the true class stands
 * last.
 */
int mm_zeroshot_measure(const struct mm_zeroshot *z, struct mm_model *m,
			const float *image, const int64_t *label, size_t n,
			struct mm_train_report *report,
			struct mm_err *err) MM_MUST_CHECK;

#endif
