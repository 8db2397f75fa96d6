/*
 * resize.h - Pillow's resize, bit for bit.
 *
 * Two passes with weights of 22 bits, each rounded to 8 bits; horizontal first
 * unless the picture gets lower by more than twice what it gets narrower
 * (h - H > 2 * (w - W), signed, and H < h: Pillow 13's rule).  A pass whose
 * size does not change is skipped.  For output i of a side in -> out:
 *
 *	scale = in/out, f = max(scale, 1), support = radius * f
 *	c = (i + .5) * scale
 *	lo = max(0, trunc(c - support + .5))
 *	hi = min(in, trunc(c + support + .5))
 *	weight_j = filter((lo + j - c + .5) / f), divided by their sum
 *
 * Modes: P and 1 always take nearest; LA and RGBA are premultiplied and back;
 * I;16 has double weights and is rounded to 16 bits after each pass.
 *
 * Source: Pillow 13 Resample.c and Image.resize; checked against Pillow.
 */
#ifndef MM_IMAGE_RESIZE_H
#define MM_IMAGE_RESIZE_H

#include "image/image.h"

enum mm_filter { /* Pillow's numbers, which Hugging Face files hold */
		 MM_FILTER_NEAREST = 0,
		 MM_FILTER_LANCZOS = 1,
		 MM_FILTER_BILINEAR = 2,
		 MM_FILTER_BICUBIC = 3,
		 MM_FILTER_BOX = 4,
		 MM_FILTER_HAMMING = 5,
		 MM_N_FILTERS,
};

const char *mm_filter_name(enum mm_filter f); /* "bicubic" */
bool mm_filter_parse(enum mm_filter *f, const char *name);

enum {			  /* what the slots of mm_resize_work hold */
       MM_RESIZE_ACROSS,  /* weights along the width  */
       MM_RESIZE_DOWN,	  /* weights along the height */
       MM_RESIZE_DOUBLES, /* weights of one output    */
       MM_RESIZE_STRIP,	  /* rows turned on their side */
       MM_RESIZE_MID,	  /* the picture between two passes */
       MM_RESIZE_SLOTS,
};

/* Which weights a slot holds; all zeros: none. */
struct mm_resize_key {
	size_t in, out, x, n, filter;
};

/* Memory that one thread reuses from picture to picture; zeros to start. */
struct mm_resize_work {
	void *mem[MM_RESIZE_SLOTS];
	size_t cap[MM_RESIZE_SLOTS];
	struct mm_resize_key key[2]; /* of the first two slots */
	struct mm_image pre;	     /* premultiplied source */
};

void mm_resize_work_release(struct mm_resize_work *w);

/*
 * dst = src resized to w x h (both >= 1, else MM_ERR_SHAPE).  dst != src.
 * Palette and tRNS go with it.
 */
int mm_image_resize(struct mm_image *dst, const struct mm_image *src, size_t w,
		    size_t h, enum mm_filter f, struct mm_resize_work *work,
		    struct mm_err *err) MM_MUST_CHECK;

/*
 * The pixels [x, x+cw) x [y, y+ch) of the picture resized to w x h; the same
 * bits as resizing and cropping, without the work for what is cut off.
 */
int mm_image_resize_crop(struct mm_image *dst, const struct mm_image *src,
			 size_t w, size_t h, size_t x, size_t y, size_t cw,
			 size_t ch, enum mm_filter f,
			 struct mm_resize_work *work,
			 struct mm_err *err) MM_MUST_CHECK;

/*
 * Source pixels that outputs [x, x+cw) of a side in -> out look at: [*lo,
 * *hi).
 */
void mm_resize_reach(size_t *lo, size_t *hi, size_t in, size_t out, size_t x,
		     size_t cw, enum mm_filter f);

#endif
