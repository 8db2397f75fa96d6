/*
 * pair_vectors.h - the samples of SOURCEs, batch by batch, each with the unit
 * vectors of its picture and its text.
 *
 * Vectors come from a model, or stand in the stream already: columns
 * image.embedding and text.embedding, where no model is given.
 */
#ifndef MM_CMD_PAIR_VECTORS_H
#define MM_CMD_PAIR_VECTORS_H

#include "base/arena.h"
#include "model/encode_items.h"
#include "sources.h"

struct mm_pair_vectors {
	const struct mm_common *common;
	struct mm_bad *bad;
	struct mm_sources sources;
	struct mm_encoder enc;
	struct mm_encode_items items;
	bool model;

	/* The batch: sample i < n with rows i of image and text (n, D). */
	struct mm_sample *sample;
	bool *ok; /* false: bad, and said so */
	float *image, *text;
	size_t n, most, D;

	struct mm_arena *arena; /* (most): copies of what is no row of a
				   stream */
	struct mm_encode_item *item;
	size_t *row;
	bool held; /* a sample waits for the next batch: its kind is another */
};

/* `common`, `bad` are set; the rest is zeros. */
int mm_pair_vectors_open(struct mm_pair_vectors *p,
			 const struct mm_source_args *source,
			 char *const *paths, size_t n_paths,
			 struct mm_err *err) MM_MUST_CHECK;

/* The next batch; n = 0 at the end. */
int mm_pair_vectors_next(struct mm_pair_vectors *p,
			 struct mm_err *err) MM_MUST_CHECK;
void mm_pair_vectors_release(struct mm_pair_vectors *p);

#endif
