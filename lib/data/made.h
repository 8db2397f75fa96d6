/*
 * made.h - the columns that a stage makes anew for one sample: pixels, where
 * they come from, token ids.
 */
#ifndef MM_DATA_MADE_H
#define MM_DATA_MADE_H

#include "data/source.h"
#include "image/preset.h"
#include "tensor/stream.h"
#include "text/tokenizer.h"

/* Bytes to values of a type: U8 (as they are), F32, F16, BF16. */
struct mm_pixel_type {
	enum mm_dtype dtype;
	float lut[3][256];
	uint16_t half[3][256];
};

void mm_pixel_type_init(struct mm_pixel_type *t, enum mm_dtype dtype,
			const struct mm_image_values *v);

/* Memory is kept from sample to sample; zeros to start. */
struct mm_made {
	enum mm_dtype dtype;
	void *pixels; /* [3, h, w] */
	size_t cap, w, h;
	float affine[6];
	int32_t *ids;
	uint8_t *mask;
	size_t n_ids, cap_ids;
	bool ragged;
};

void mm_made_release(struct mm_made *m);

int mm_made_pixels(struct mm_made *m, const struct mm_image *rgb,
		   const struct mm_pixel_type *t,
		   struct mm_err *err) MM_MUST_CHECK;

/*
 * `step` takes the sample's picture to the new one: m->affine is the sample's
 * own `affine`, where it has one, and then step; its boxes are moved in place
 * (the sample must be a copy, data/sample_copy.h).
 */
int mm_made_moved(struct mm_made *m, const struct mm_sample *s,
		  const double step[6], struct mm_err *err) MM_MUST_CHECK;

/* Ids of a text: `length` of them with a mask; ragged where that is 0. */
int mm_made_ids(struct mm_made *m, const struct mm_tokenizer *tok,
		struct mm_token_work *w, const struct mm_str *text,
		size_t length, struct mm_err *err) MM_MUST_CHECK;

/* Columns image and affine; ids and mask. */
int mm_made_put_picture(const struct mm_made *m, struct mm_stream_writer *w,
			struct mm_err *err) MM_MUST_CHECK;
int mm_made_put_ids(const struct mm_made *m, struct mm_stream_writer *w,
		    struct mm_err *err) MM_MUST_CHECK;

#endif
