/*
 * geometry.h - crops, flips, EXIF turns, and where pixels went.
 *
 * An affine map takes points of the picture as stored in its file to points
 * of the picture as it is now, in pixels, with the corner of the first pixel
 * at 0 (so boxes are x0 y0 x1 y1 and a pixel's middle is at +.5):
 *
 *	x' = a[0] x + a[1] y + a[2]		y' = a[3] x + a[4] y + a[5]
 */
#ifndef MM_IMAGE_GEOMETRY_H
#define MM_IMAGE_GEOMETRY_H

#include "image/image.h"

void mm_affine_identity(double a[6]);
/* a = first a, then: scale, shift, or mirror within width w. */
void mm_affine_scale(double a[6], double sx, double sy);
void mm_affine_shift(double a[6], double dx, double dy);
void mm_affine_flip(double a[6], double w);
/* First a, then the EXIF turn of a w x h picture (w, h before it). */
void mm_affine_transpose(double a[6], int orientation, double w, double h);
/* out = first a, then b. */
void mm_affine_then(double out[6], const double a[6], const double b[6]);
/* False where a has no inverse. */
bool mm_affine_invert(double out[6], const double a[6])
	__attribute__((warn_unused_result));
/* The box that holds the image of box (x0 y0 x1 y1). */
void mm_affine_box(double out[4], const double a[6], const double box[4]);

/*
 * Turn as EXIF orientation 2..8 asks (ImageOps.exif_transpose); 1 and
 * anything else copies.  dst != src.
 */
int mm_image_transpose(struct mm_image *dst, const struct mm_image *src,
		       int orientation, struct mm_err *err) MM_MUST_CHECK;

/* Left and right exchanged, in place. */
void mm_image_flip(struct mm_image *im);

/*
 * [x, x+w) x [y, y+h) of src; what lies outside is `fill` in every channel
 * (0: black, palette entry 0; for CMYK, no ink = white).  dst != src.
 */
int mm_image_crop(struct mm_image *dst, const struct mm_image *src, long x,
		  long y, size_t w, size_t h, uint8_t fill,
		  struct mm_err *err) MM_MUST_CHECK;

/* How a centre crop of odd margins rounds. */
enum mm_crop_rule {
	MM_CROP_HF,    /* floor((n-c)/2); padding ceil((c-n)/2) first       */
	MM_CROP_TORCH, /* round half even ((n-c)/2); padding floor first    */
};

/* First source index (negative: so many zeros first) of c out of n. */
long mm_crop_offset(size_t n, size_t c, enum mm_crop_rule rule);

/*
 * The box of RandomResizedCrop that ten failed tries end in: centred, the
 * ratio w/h brought into [r0, r1].
 */
void mm_crop_fallback(size_t box[4], size_t w, size_t h, double r0, double r1);

/* Python's round(): to the nearest whole number, halves to even. */
double mm_round_even(double x);

#endif
