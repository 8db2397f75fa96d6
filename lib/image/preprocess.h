/*
 * preprocess.h - from an encoded picture to what a model takes, in one call.
 */
#ifndef MM_IMAGE_PREPROCESS_H
#define MM_IMAGE_PREPROCESS_H

#include "image/decode.h"
#include "image/preset.h"

/* One thread's memory, reused from picture to picture; zeros to start. */
struct mm_image_work {
	struct mm_image raw, turned, rgb, out; /* out: the result, RGB */
	struct mm_resize_work resize;
};

void mm_image_work_release(struct mm_image_work *w);

struct mm_image_placed {
	struct mm_image_info info; /* of the file */
	double affine[6]; /* file's pixels to the result's; geometry.h */
};

/*
 * Decode n bytes and bring them into the recipe's shape: w->out is an RGB
 * picture, ready for mm_image_to_chw_u8 or, with the recipe's table,
 * mm_image_to_chw_f32.  `placed` and `opts` may be NULL; opts->need is set
 * here.
 */
int mm_image_preprocess(struct mm_image_work *w, struct mm_image_placed *placed,
			const void *bytes, size_t n,
			const struct mm_image_preset *p,
			const struct mm_decode_opts *opts,
			struct mm_err *err) MM_MUST_CHECK;

/* The same from a decoded picture (`w->raw` may be it), orientation 1..8. */
int mm_image_apply(struct mm_image_work *w, double affine[6],
		   const struct mm_image *im, int orientation,
		   const struct mm_image_preset *p,
		   struct mm_err *err) MM_MUST_CHECK;

#endif
