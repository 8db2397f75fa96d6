/*
 * colour.h - colour operators with their factors given, as torchvision does
 * them on Pillow pictures, bit for bit.
 *
 * All work on RGB pictures in place.  With d the degenerate picture and v the
 * pixel, blend(d, v, f) = d + f * (v - d) in float32; truncated where
 * 0 <= f <= 1, else clipped to 0..255 and truncated; f = 1 changes nothing.
 *
 * Source: torchvision 0.29 functional_pil, Pillow 13 Blend.c and Convert.c.
 */
#ifndef MM_IMAGE_COLOUR_H
#define MM_IMAGE_COLOUR_H

#include "image/image.h"

void mm_colour_brightness(struct mm_image *rgb, double f); /* d = 0          */
void mm_colour_contrast(struct mm_image *rgb, double f);   /* d = mean(L)    */
void mm_colour_saturation(struct mm_image *rgb, double f); /* d = L of pixel */

/*
 * f in [-.5, .5] of the circle.  Goes through 8-bit HSV, so that 0 is not the
 * identity.
 */
void mm_colour_hue(struct mm_image *rgb, double f);

/* L three times (to_grayscale with 3 channels). */
void mm_colour_grey(struct mm_image *rgb);

/* Pillow's convert("HSV") and back: 3 bytes a pixel. */
void mm_colour_rgb_to_hsv(uint8_t hsv[3], const uint8_t rgb[3]);
void mm_colour_hsv_to_rgb(uint8_t rgb[3], const uint8_t hsv[3]);

/*
 * Pillow's GaussianBlur(radius): three box blurs.  radius >= 0.
 */
int mm_colour_blur(struct mm_image *rgb, double radius,
		   struct mm_err *err) MM_MUST_CHECK;

/* Fill [x, x+w) x [y, y+h), cut to the picture, with one colour. */
void mm_image_fill(struct mm_image *rgb, long x, long y, long w, long h,
		   const uint8_t colour[3]);

#endif
