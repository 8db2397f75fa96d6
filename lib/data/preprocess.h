/*
 * preprocess.h - from samples to what a model takes: pixels and token ids.
 *
 * Samples are taken in groups.  A group is worked on by all threads, each
 * sample by itself, and put into the stream in the order it came in, so that
 * neither threads nor the size of a group show in the result:
 *
 *	while (samples) {
 *		rc = mm_preprocess_add(p, sample, err);
 *		if (!mm_preprocess_full(p))
 *			continue;
 *		mm_preprocess_run(p);
 *		for (i = 0; i < mm_preprocess_count(p); i++)
 *			if (!(rc = mm_preprocess_result(p, i, err)))
 *				rc = mm_preprocess_put(p, i, writer, err);
 *		mm_preprocess_clear(p);
 *	}
 *
 * Columns made: `image` [3, H, W], `affine` F32 [6] from the pixels of the
 * file to those of `image` (a map that was there is taken further), `ids` and
 * `mask` [T], or ragged `ids`.  `boxes` move with the picture; they are not
 * cut to it, so that the way back is exact.  `image.data` goes, all else
 * stays.  The picture is `image` where the sample has it, else the encoded
 * one.
 */
#ifndef MM_DATA_PREPROCESS_H
#define MM_DATA_PREPROCESS_H

#include "data/source.h"
#include "image/preprocess.h"
#include "tensor/stream.h"
#include "text/tokenizer.h"

struct mm_preprocess_options {
	const struct mm_image_preset *image; /* NULL: leave pictures alone */
	enum mm_dtype dtype; /* of `image`: U8, F32, F16, BF16 */
	struct mm_decode_opts decode;
	const struct mm_tokenizer *tokenizer; /* NULL: leave texts alone */
	const char *tokenizer_name;	      /* for the metadata */
	size_t max_length;		      /* T; 0: ragged ids, never cut */
};

struct mm_preprocess;

/* Groups of `group` samples.  What *o points to is borrowed. */
int mm_preprocess_new(struct mm_preprocess **p,
		      const struct mm_preprocess_options *o, size_t group,
		      struct mm_err *err) MM_MUST_CHECK;
void mm_preprocess_free(struct mm_preprocess *p); /* NULL is fine */

/* Take a copy of the sample into the group, which must not be full. */
int mm_preprocess_add(struct mm_preprocess *p, const struct mm_sample *s,
		      struct mm_err *err) MM_MUST_CHECK;
bool mm_preprocess_full(const struct mm_preprocess *p);
size_t mm_preprocess_count(const struct mm_preprocess *p);

/* Work on the group.  What went wrong with a sample is told by _result. */
void mm_preprocess_run(struct mm_preprocess *p);
int mm_preprocess_result(const struct mm_preprocess *p, size_t i,
			 struct mm_err *err) MM_MUST_CHECK;
const char *mm_preprocess_id(const struct mm_preprocess *p, size_t i);

/* Put sample i as a row and end the row. */
int mm_preprocess_put(struct mm_preprocess *p, size_t i,
		      struct mm_stream_writer *w,
		      struct mm_err *err) MM_MUST_CHECK;
void mm_preprocess_clear(struct mm_preprocess *p); /* an empty group */

/* The metadata that says what was done. */
int mm_preprocess_meta(const struct mm_preprocess *p,
		       struct mm_stream_writer *w,
		       struct mm_err *err) MM_MUST_CHECK;

/* 16-bit grey pictures so far that were clipped to white (MM_GREY16_CLIP). */
uint64_t mm_preprocess_clipped(const struct mm_preprocess *p);

#endif
