/*
 * embed.h - running a model's towers: pixels or ids in, vectors out.
 *
 * A graph per tower and batch shape is built when it is first needed; those
 * used last are kept.  A vector's bits do not depend on the batch it was
 * computed in, so a batch whose values would not stay in the caches runs in
 * slices, which do not depend on the threads.
 */
#ifndef MM_MODEL_EMBED_H
#define MM_MODEL_EMBED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/model.h"

enum {
	MM_EMBED_KEPT = 8, /* graphs of a tower */
	/* What a linear layer reads and writes in a slice, at most, unless
	 * one sample is more. */
	MM_EMBED_BYTES = 8 << 20,
};

/* A tower at one shape; of no use while B is 0. */
struct mm_embed_graph {
	struct mm_graph g;
	bool texts;
	size_t B, shape[2]; /* H, W; or T */
	size_t one;	    /* a sample's part of MM_EMBED_BYTES */
	enum mm_elem elem;  /* of the pixels */
	bool mask, types;
	struct mm_node *pixels, *out;
	struct mm_text_input text;
	uint64_t used; /* when, by the embedder's clock */
};

struct mm_embedder {
	struct mm_model *model;
	struct mm_embed_graph image[MM_EMBED_KEPT], text[MM_EMBED_KEPT];
	uint64_t clock;

	/* Given to every graph: see graph.h. */
	void (*watch)(void *ctx, const struct mm_node *n);
	void *watch_ctx;
};

/* The model stays the caller's and must outlive the embedder. */
void mm_embedder_init(struct mm_embedder *e, struct mm_model *model);
void mm_embedder_release(struct mm_embedder *e);

/*
 * out (B, embed_dim), not normalised, from pixels (B, 3, H, W): U8, which the
 * model's mean and std normalise, or F32 that is normalised already.
 */
int mm_embed_images(struct mm_embedder *e, float *out, const void *pixels,
		    enum mm_elem elem, size_t B, size_t H, size_t W,
		    struct mm_err *err) MM_MUST_CHECK;

/*
 * out (B, embed_dim) from ids (B, T), mask (B, T) or NULL, types or NULL.  The
 * mask is not used where the model sees padding (unmasked_text).
 */
int mm_embed_texts(struct mm_embedder *e, float *out, const int32_t *ids,
		   const uint8_t *mask, const int32_t *types, size_t B,
		   size_t T, struct mm_err *err) MM_MUST_CHECK;

/*
 * Have the graph of such a batch, so that the next call for one builds nothing:
 * embedders of one model may then run at a time, each on a thread of its own.
 */
int mm_embed_have_images(struct mm_embedder *e, enum mm_elem elem, size_t B,
			 size_t H, size_t W, struct mm_err *err) MM_MUST_CHECK;
int mm_embed_have_texts(struct mm_embedder *e, size_t B, size_t T, bool mask,
			bool types, struct mm_err *err) MM_MUST_CHECK;

/*
 * The model's logits of image i and text j from vectors of unit length are
 *	scale * <image_i, text_j> + bias
 */
int mm_embed_logits(struct mm_embedder *e, float *scale, float *bias,
		    struct mm_err *err) MM_MUST_CHECK;

/* Rows of unit length, as every comparison wants them. */
void mm_embed_normalise(float *x, size_t N, size_t D);

#endif
