/*
 * catalogue.h - a gallery to search in: the vectors of tensor streams, mapped,
 * with what is known of each row.
 */
#ifndef MM_SERVE_CATALOGUE_H
#define MM_SERVE_CATALOGUE_H

#include "image/image.h"
#include "image/resize.h"
#include "metric/topk.h"
#include "serve/multipart.h"
#include "tensor/stream.h"

struct mm_catalogue_row {
	struct mm_span id, text, path, data; /* but id: perhaps not there */
};

struct mm_catalogue {
	struct mm_gallery vectors;
	struct mm_catalogue_row *row;
	size_t n, cap;
	struct mm_arena copies;
	struct mm_stream *stream;
	size_t n_streams;
};

/*
 * Files (not pipes) with `id` and image.embedding, or with text text.embedding,
 * of width D.  Their text, image.path and image.data are kept where they are.
 */
int mm_catalogue_open(struct mm_catalogue *c, const char *const *path, size_t n,
		      bool text, size_t D, struct mm_err *err) MM_MUST_CHECK;
void mm_catalogue_release(struct mm_catalogue *c); /* safe on zeros */

/* The k best rows for a vector, *n of them, as mmtool-search(1) has them;
 * hit holds k. */
int mm_catalogue_search(const struct mm_catalogue *c, struct mm_hit *hit,
			size_t *n, const float *query, size_t k,
			struct mm_err *err) MM_MUST_CHECK;

/* Memory for pictures, reused; zeros to start. */
struct mm_catalogue_work {
	struct mm_image raw, rgb, small;
	struct mm_resize_work resize;
};
void mm_catalogue_work_release(struct mm_catalogue_work *w);

/*
 * The row's picture for a browser: as it stands where it is small, else a JPEG
 * of at most 320 pixels a side.  MM_ERR_REFUSED: the row has none.
 */
int mm_catalogue_picture(const struct mm_catalogue *c, size_t row,
			 struct mm_catalogue_work *w, size_t max_pixels,
			 struct mm_buf *out, const char **type,
			 struct mm_err *err) MM_MUST_CHECK;

#endif
