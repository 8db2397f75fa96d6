/*
 * codec.h - what decode.c and the files per format share; private to this
 * room.
 */
#ifndef MM_IMAGE_CODEC_H
#define MM_IMAGE_CODEC_H

#include "base/buf.h"
#include "image/decode.h"

/*
 * One reader per format: fills *info from the header and, where im is not
 * NULL, decodes the pixels.  info is never NULL; opts->max_pixels is set.
 */
typedef int mm_image_reader(struct mm_image *im, struct mm_image_info *info,
			    const uint8_t *p, size_t n,
			    const struct mm_decode_opts *opts,
			    struct mm_err *err);

mm_image_reader mm_png_read, mm_jpeg_read, mm_webp_read;

/* The check of opts->max_pixels, and of empty pictures. */
int mm_image_check_size(size_t w, size_t h, const struct mm_decode_opts *opts,
			struct mm_err *err) MM_MUST_CHECK;

/*
 * Orientation 1..8 from an EXIF block (with or without "Exif\0\0" in front),
 * 0 where it has none that counts.
 */
int mm_exif_orientation(const uint8_t *p, size_t n);

/* The same from an XMP packet: tiff:Orientation. */
int mm_xmp_orientation(const uint8_t *p, size_t n);

/*
 * Orientation of a PNG: eXIf, "Raw profile type exif", or XMP, before or
 * after the pixels.  p starts at the signature.  1 where there is none.
 */
int mm_png_orientation(const uint8_t *p, size_t n);

#endif
