/*
 * dataset.h - preprocessed samples with random access: what training reads.
 *
 * Streams are mapped, never copied; an index holds one pointer per segment.
 * Columns `image` (N, 3, H, W) U8 or F32, `ids` (N, T) I32 and `mask` (N, T)
 * U8, `id`, and where present `image.id`, `label`, `text` and `phrases`.
 * Shapes must agree over all segments.  A pipe is read into memory first, or
 * passes through a window (window.h).
 */
#ifndef MM_DATA_DATASET_H
#define MM_DATA_DATASET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/io.h"
#include "image/preset.h"
#include "tensor/stream.h"

struct mm_dataset_part; /* one segment, or a place of a window */
struct mm_window;	/* window.h */

struct mm_dataset {
	size_t n;	/* samples */
	size_t H, W, T; /* of a picture, of a text */
	bool floats;	/* pictures are F32 and normalised, else U8 */
	bool has_mask, has_label, has_image_id, has_text, has_phrases;
	float mean[3], std[3]; /* metadata image.mean, image.std */
	bool has_statistics;
	struct mm_image_values values; /* the metadata's image.* */
	char preset[32];       /* metadata `preset`, "" where there is none */
	const char *tokenizer; /* metadata `tokenizer`, NULL likewise */
	uint64_t fingerprint; /* hash of sizes and ids: the same data? */
	struct mm_window *window; /* NULL: all of the data is here */
	struct mm_dataset_part *part;
	size_t n_parts;
	struct mm_arena arena;	  /* what could not stay in a map */
	struct mm_stream *stream; /* one per file */
	size_t n_streams;
	size_t *first; /* (n_streams + 1): samples of stream s begin there */
};

/* All samples of the files, in order.  Errors name file and column. */
int mm_dataset_open(struct mm_dataset *d, const char *const *paths,
		    size_t n_paths, struct mm_err *err) MM_MUST_CHECK;
void mm_dataset_release(struct mm_dataset *d);

/* Columns of sample i < n; pointers into the map. */
const void *mm_dataset_pixels(const struct mm_dataset *d, size_t i);
const int32_t *mm_dataset_ids(const struct mm_dataset *d, size_t i);
const uint8_t *mm_dataset_mask(const struct mm_dataset *d, size_t i);
int64_t mm_dataset_label(const struct mm_dataset *d, size_t i);
const char *mm_dataset_id(const struct mm_dataset *d, size_t i, size_t *len);

/* NULL where the data has no such column. */
const char *mm_dataset_text(const struct mm_dataset *d, size_t i, size_t *len);
const char *mm_dataset_phrases(const struct mm_dataset *d, size_t i,
			       size_t *len);

/* image.id where the data has it, else id. */
const char *mm_dataset_image_id(const struct mm_dataset *d, size_t i,
				size_t *len);

#endif
