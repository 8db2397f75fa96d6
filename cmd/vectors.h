/*
 * vectors.h - pictures and texts of SOURCEs as vectors of unit length, with
 * what belongs to what: for eval retrieval, zeroshot and all.
 *
 * They come from a model, out of anything that `align pairs` opens or a tensor
 * stream, or stand in a stream already.  Samples that share image.id (without
 * it, the id) are one picture with several texts; it is encoded once.
 */
#ifndef MM_CMD_VECTORS_H
#define MM_CMD_VECTORS_H

#include "metric/retrieval.h"
#include "metric/text.h"
#include "model/encode_items.h"
#include "sources.h"

enum { MM_NO_LABEL = -1 }; /* any negative label is none */

struct mm_vectors {
	const struct mm_common *common;
	bool embeddings; /* columns of vectors, not a model's */
	bool want_texts; /* else pictures and labels alone */
	struct mm_encoder enc;
	struct mm_encode_items items;
	struct mm_bad bad;
	uint64_t seen;
	bool opened;
	struct mm_progress progress;

	size_t D, n_images, n_texts;
	struct mm_buf image, text; /* floats (n, D) */
	struct mm_buf owner;	   /* size_t (n_texts) */
	struct mm_buf label;	   /* int64_t (n_images) */
	struct mm_lines image_id, text_id, label_name;
	struct mm_map images; /* id -> number, or -1: cannot be read */
};

/*
 * Zeros, then the three flags and `common` set.  Opens the model unless
 * `embeddings`.
 */
int mm_vectors_open(struct mm_vectors *v, struct mm_err *err) MM_MUST_CHECK;

/* Take all samples of the operands. */
int mm_vectors_read(struct mm_vectors *v, const struct mm_source_args *source,
		    int argc, char **argv, struct mm_err *err) MM_MUST_CHECK;

/* Tell how many samples were skipped; rc and *err are what happened so far. */
int mm_vectors_end(struct mm_vectors *v, int rc,
		   struct mm_err *err) MM_MUST_CHECK;
void mm_vectors_release(struct mm_vectors *v);

/* All of them, to be ranked. */
struct mm_retrieval_set mm_vectors_set(const struct mm_vectors *v);

/* Rows a command that has these takes into its table. */
#define MM_OPT_EMBEDDINGS(T)                    \
	MM_FLAG(0, "embeddings", T, embeddings, \
		"the stream holds image.embedding and text.embedding already")

#endif
