/*
 * weights.h - weights of a resize along one side, private to this room.
 */
#ifndef MM_IMAGE_WEIGHTS_H
#define MM_IMAGE_WEIGHTS_H

#include "image/loops.h"
#include "image/resize.h"

/* One side of a resize: so many pixels to so many. */
struct mm_side {
	size_t in, out;
	enum mm_filter f;
};

/* Weights that any output of s has at most. */
size_t mm_weights_taps(const struct mm_side *s);

/* Those of output i as doubles that sum to 1: *lo, count; k has the taps. */
size_t mm_weights_double(const struct mm_side *s, size_t i, size_t *lo,
			 double *k);

/*
 * The table of outputs [x, x+cw) with MM_WEIGHT_BITS bits, in slot `slot` of
 * work.  The table of last time is kept where it is the same one, because
 * neighbouring pictures often have one size.
 */
int mm_weights_int(struct mm_weights *t, const struct mm_side *s, size_t x,
		   size_t cw, struct mm_resize_work *work, size_t slot,
		   struct mm_err *err) MM_MUST_CHECK;

/* Slot i of work with room for n * size bytes; NULL: out of memory. */
void *mm_resize_room(struct mm_resize_work *work, size_t i, size_t n,
		     size_t size);

#endif
