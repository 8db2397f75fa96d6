/*
 * image.h - a picture in memory, in the modes that Pillow gives it.
 *
 * Rows lie one after another without padding, pixels interleaved, one byte a
 * channel but for MM_IMAGE_I16.  The modes are kept apart until somebody asks
 * for RGB because resizing before or after the conversion gives other pixels
 * (palettes are resized by nearest, alpha premultiplied), and programs differ
 * in that order.
 *
 * Source: Pillow 13 (Convert.c, Geometry.c), whose pixels these calls give.
 */
#ifndef MM_IMAGE_IMAGE_H
#define MM_IMAGE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum mm_image_mode {
	MM_IMAGE_L,   /* grey                                             */
	MM_IMAGE_1,   /* black and white; bytes 0 and 255                 */
	MM_IMAGE_P,   /* index into palette[]                             */
	MM_IMAGE_I16, /* 16-bit grey, two bytes a pixel, machine order    */
	MM_IMAGE_LA,  /* grey, alpha                                      */
	MM_IMAGE_RGB,
	MM_IMAGE_RGBA, /* alpha not premultiplied                          */
	MM_IMAGE_CMYK, /* 0 = no ink, as Pillow holds it                   */
};

/* What becomes of transparency when a picture is made RGB. */
enum mm_image_alpha {
	MM_ALPHA_DROP,	/* the colour underneath shows                */
	MM_ALPHA_WHITE, /* composited on white, as transformers 5.23  */
	MM_ALPHA_BLACK, /* composited on black, same arithmetic       */
};

/* What becomes of 16-bit grey when a picture is made RGB. */
enum mm_image_grey16 {
	MM_GREY16_CLIP, /* above 255 is white: Pillow         */
	MM_GREY16_HIGH, /* high byte: what the picture means  */
};

struct mm_image {
	enum mm_image_mode mode;
	size_t w, h;
	uint8_t *data; /* w * h * mm_image_channels(mode) bytes, owned */
	size_t cap;    /* bytes behind data; kept by mm_image_reshape  */

	/*
	 * MM_IMAGE_P: R, G, B, A by index; entries that the file does not
	 * have are opaque black.
	 */
	uint8_t palette[256][4];

	/*
	 * The one transparent colour of a PNG without alpha (tRNS), as Pillow
	 * compares it: L, 1, I;16 in key[0], RGB in key[0..2].
	 */
	bool has_key;
	uint16_t key[3];
	bool has_trns; /* MM_IMAGE_P: the palette's alpha comes from tRNS */
};

/* All zeros is an empty picture too. */
void mm_image_init(struct mm_image *im);
void mm_image_release(struct mm_image *im);

/* Bytes a pixel: 1, 2, 3 or 4. */
size_t mm_image_channels(enum mm_image_mode mode);
const char *mm_image_mode_name(enum mm_image_mode mode); /* Pillow's: "RGB" */

/* Alpha channel, tRNS colour or a palette with alpha. */
bool mm_image_has_alpha(const struct mm_image *im);

/*
 * Make im w x h of `mode` with unspecified pixels, no tRNS and a palette left
 * alone.  Memory is reused where it suffices.  MM_ERR_NOMEM, also where the
 * size overflows.
 */
int mm_image_reshape(struct mm_image *im, enum mm_image_mode mode, size_t w,
		     size_t h, struct mm_err *err) MM_MUST_CHECK;

/* A copy with palette and tRNS; dst != src. */
int mm_image_copy(struct mm_image *dst, const struct mm_image *src,
		  struct mm_err *err) MM_MUST_CHECK;

/*
 * Pillow's convert("RGB") (see mm_image_alpha, mm_image_grey16 for the parts
 * where it may be told to differ).  dst != src.
 */
int mm_image_to_rgb(struct mm_image *dst, const struct mm_image *src,
		    enum mm_image_alpha alpha, enum mm_image_grey16 grey16,
		    struct mm_err *err) MM_MUST_CHECK;

/*
 * Pillow's convert("L"), (19595 R + 38470 G + 7471 B + 32768) >> 16, of a
 * picture of any mode; alpha is dropped.  dst != src.
 */
int mm_image_to_grey(struct mm_image *dst, const struct mm_image *src,
		     struct mm_err *err) MM_MUST_CHECK;

/* out[c * w * h + y * w + x] of an RGB picture, 3 * w * h values. */
void mm_image_to_chw_u8(uint8_t *out, const struct mm_image *rgb);

/* The same through a table by channel and value (mm_image_values_lut). */
void mm_image_to_chw_f32(float *out, const struct mm_image *rgb,
			 const float lut[3][256]);

/* The way back: an RGB picture from 3 * w * h planar bytes. */
int mm_image_from_chw_u8(struct mm_image *rgb, const uint8_t *in, size_t w,
			 size_t h, struct mm_err *err) MM_MUST_CHECK;

#endif
