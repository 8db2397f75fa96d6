/*
 * augment_feed.h - samples of a data set, augmented on the way to training.
 *
 * A sample comes out as `mmtool augment` with the same options writes it:
 * copy number e is what epoch e of training sees.
 */
#ifndef MM_DATA_AUGMENT_FEED_H
#define MM_DATA_AUGMENT_FEED_H

#include "data/augment.h"
#include "data/dataset.h"

struct mm_augment_feed;

/*
 * What *o points to and d are borrowed.  MM_ERR_USAGE where captions would
 * change but d has no `text` or o no tokenizer, or a word list is missing.
 */
int mm_augment_feed_new(struct mm_augment_feed **f,
			const struct mm_augment_options *o,
			const struct mm_dataset *d,
			struct mm_err *err) MM_MUST_CHECK;
void mm_augment_feed_free(struct mm_augment_feed *f); /* NULL is fine */

/*
 * Samples row[0..n-1], by all threads: pixels (n, 3, H, W) of d's type, ids
 * (n, T), mask (n, T) where d has one.  The error is that of the first row
 * that fails.
 */
int mm_augment_feed_rows(struct mm_augment_feed *f, const size_t *row, size_t n,
			 uint32_t copy, void *pixels, int32_t *ids,
			 uint8_t *mask, struct mm_err *err) MM_MUST_CHECK;

#endif
