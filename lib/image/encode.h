/* encode.h - pictures out: PNG for `view`, contact sheets and tests, JPEG for
 * small copies. */
#ifndef MM_IMAGE_ENCODE_H
#define MM_IMAGE_ENCODE_H

#include "base/buf.h"
#include "image/image.h"

/*
 * Append im as a PNG file.  L, 1 (as 8-bit grey), LA, RGB and RGBA are kept;
 * the other modes are written as RGB (Pillow's conversion).
 */
int mm_image_png(struct mm_buf *out, const struct mm_image *im,
		 struct mm_err *err) MM_MUST_CHECK;

/* Append an RGB picture as a JPEG of quality 1..100, chroma halved. */
int mm_image_jpeg(struct mm_buf *out, const struct mm_image *rgb, int quality,
		  struct mm_err *err) MM_MUST_CHECK;

#endif
