/*
 * decode.h - encoded pictures in: PNG, JPEG and, where built in, WebP.
 *
 * The pixels are those of Pillow 13, and what Pillow refuses is refused: cut
 * JPEGs (also where only the end marker is missing), bad checksums before the
 * pixels of a PNG, too few lines.  What it accepts is accepted: damaged
 * entropy data in a JPEG, a wrong checksum of IDAT, a missing IEND.
 */
#ifndef MM_IMAGE_DECODE_H
#define MM_IMAGE_DECODE_H

#include "image/image.h"

enum mm_image_format {
	MM_IMAGE_UNKNOWN,
	MM_IMAGE_PNG,
	MM_IMAGE_JPEG,
	MM_IMAGE_WEBP,
};

/* Twice Pillow's warning bound: where it raises DecompressionBombError. */
#define MM_IMAGE_MAX_PIXELS ((size_t)178956970)

/* What a header says; filled without decoding pixels. */
struct mm_image_info {
	enum mm_image_format format;
	enum mm_image_mode mode;
	size_t w, h;
	int orientation; /* EXIF or XMP, 1..8; 1 where there is none */
	/* JPEG: luma quantisation table, natural order; all 0 elsewhere. */
	uint16_t quant[64];
};

struct mm_decode_opts {
	size_t max_pixels; /* more are refused before allocation; 0: default */

	/*
	 * JPEG only: decode at 1/2, 1/4 or 1/8 (libjpeg's scaled DCT) as long
	 * as both sides stay at least fast_factor times fast_w and fast_h.
	 * Quicker and NOT exact.  fast_factor 0 is off, the default.
	 */
	size_t fast_factor, fast_w, fast_h;

	/*
	 * May be NULL.  Called once the header is read, to ask which columns
	 * [*x, *x + *w) will be looked at; set to all of them.  Pixels of the
	 * others may come back undefined, which is quicker for JPEGs.
	 */
	void (*need)(void *ctx, const struct mm_image_info *info, size_t *x,
		     size_t *w);
	void *ctx;
};

/* By the first bytes. */
enum mm_image_format mm_image_sniff(const void *bytes, size_t n);
const char *mm_image_format_name(enum mm_image_format f); /* "PNG", ... */
bool mm_image_have_webp(void);

/*
 * Header and metadata of n bytes.  MM_ERR_FORMAT: no picture, a damaged
 * header; MM_ERR_REFUSED: more than opts->max_pixels.  opts may be NULL.
 */
int mm_image_probe(struct mm_image_info *info, const void *bytes, size_t n,
		   const struct mm_decode_opts *opts,
		   struct mm_err *err) MM_MUST_CHECK;

/*
 * Pixels as stored (EXIF orientation not applied; see mm_image_transpose).
 * *info as mm_image_probe fills it; may be NULL.  On failure im is unspecified
 * but may be used again or released.
 */
int mm_image_decode(struct mm_image *im, struct mm_image_info *info,
		    const void *bytes, size_t n,
		    const struct mm_decode_opts *opts,
		    struct mm_err *err) MM_MUST_CHECK;

#endif
