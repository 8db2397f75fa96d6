/*
 * space.h - boxes of a picture, and the phrases that name them.
 *
 * A box is x0 y0 x1 y1 in pixels, the corner of the first pixel at 0.  Maps
 * between pictures are those of image/geometry.h.
 */
#ifndef MM_ALIGN_SPACE_H
#define MM_ALIGN_SPACE_H

#include <stdbool.h>
#include <stddef.h>

enum mm_box_fault {
	MM_BOX_FINE,
	MM_BOX_EMPTY,	/* no area, or its corners are exchanged */
	MM_BOX_CUT,	/* partly outside of the picture */
	MM_BOX_OUTSIDE, /* wholly */
};

/* "empty", "cut", "outside"; "" for a fine one. */
extern const char *const mm_box_faults[];

/*
 * In a picture of w x h.  A hundredth of a pixel beyond the border is what
 * float32 does to a box that is moved there and back: no fault.
 */
enum mm_box_fault mm_box_check(const float box[4], double w, double h);

/*
 * Cut to w x h.  Which part of the area is left: 1 of a box inside, 0 of one
 * outside and of an empty one.
 */
double mm_box_clip(float box[4], double w, double h);

/* Through an affine map, rounded once. */
void mm_box_map(float box[4], const double a[6]);

/*
 * Does the caption hold the phrase, in whole words, whatever the case and the
 * blanks between?  Both are UTF-8.
 */
bool mm_phrase_in(const char *caption, size_t n, const char *phrase, size_t k);

#endif
