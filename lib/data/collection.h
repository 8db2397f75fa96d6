/*
 * collection.h - the vectors of streams as one gallery to be searched, with
 * the names of its rows.
 *
 * Files are mapped and stay where they are; a pipe is read into memory.
 */
#ifndef MM_DATA_COLLECTION_H
#define MM_DATA_COLLECTION_H

#include "metric/topk.h"
#include "tensor/stream.h"

struct mm_collection_part { /* a segment; columns without their names */
	size_t first, n;
	struct mm_column id, text, path;
};

struct mm_collection {
	struct mm_gallery gallery;
	struct mm_collection_part *part;
	size_t n_parts, cap_parts;
	struct mm_stream *stream; /* those of files stay open */
	size_t n_streams, cap_streams;
	struct mm_arena arena; /* what came through a pipe */
};

/*
 * Add the rows of a stream ("-": standard input): F32 [N, D] of `column`, or
 * where that is NULL of image.embedding, else text.embedding.  D must be that
 * of the rows before, or of gallery.D where that is set already.  A column
 * `id` is needed.  I8 [N, D] of COLUMN.int8 and F32 [N] of COLUMN.scale, where
 * they are there, are the rows in 8 bits.  The collection: zeros at first.
 */
int mm_collection_add(struct mm_collection *c, const char *path,
		      const char *column, struct mm_err *err) MM_MUST_CHECK;
void mm_collection_release(struct mm_collection *c);

/* What row i is called; NULL where there is no such column. */
const char *mm_collection_id(const struct mm_collection *c, size_t i,
			     size_t *len);
const char *mm_collection_text(const struct mm_collection *c, size_t i,
			       size_t *len);
const char *mm_collection_path(const struct mm_collection *c, size_t i,
			       size_t *len);

/* For mm_topk: does row a's id stand before row b's?  ctx: the collection. */
bool mm_collection_before(const void *ctx, size_t a, size_t b);

#endif
