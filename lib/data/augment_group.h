/*
 * augment_group.h - augmented copies of a stream's samples, by all threads.
 *
 * Used as data/preprocess.h is.  A copy's id is the sample's with `#copy`
 * behind; `image`, `affine`, `boxes`, `phrases`, `text` follow what happened,
 * `ids` and `mask` are made anew where the text may have changed; all other
 * columns stay.
 */
#ifndef MM_DATA_AUGMENT_GROUP_H
#define MM_DATA_AUGMENT_GROUP_H

#include "data/augment.h"
#include "data/group.h"

struct mm_augment_counts {
	uint64_t samples, flipped, refused, synonyms;
};

struct mm_augment_group;

/* Groups of `size` copies.  What *o points to is borrowed. */
int mm_augment_group_new(struct mm_augment_group **g,
			 const struct mm_augment_options *o, size_t size,
			 struct mm_err *err) MM_MUST_CHECK;
void mm_augment_group_free(struct mm_augment_group *g); /* NULL is fine */

/* Copy number `copy` of a row of a stream, which must not be full. */
int mm_augment_group_add(struct mm_augment_group *g, const struct mm_sample *s,
			 uint32_t copy, struct mm_err *err) MM_MUST_CHECK;
bool mm_augment_group_full(const struct mm_augment_group *g);
size_t mm_augment_group_count(const struct mm_augment_group *g);

void mm_augment_group_run(struct mm_augment_group *g);
int mm_augment_group_result(const struct mm_augment_group *g, size_t i,
			    struct mm_err *err) MM_MUST_CHECK;
const char *mm_augment_group_id(const struct mm_augment_group *g, size_t i);
int mm_augment_group_put(struct mm_augment_group *g, size_t i,
			 struct mm_stream_writer *w,
			 struct mm_err *err) MM_MUST_CHECK;
void mm_augment_group_clear(struct mm_augment_group *g);

/* What has been put so far. */
struct mm_augment_counts
mm_augment_group_counts(const struct mm_augment_group *g);

#endif
