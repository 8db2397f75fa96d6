/*
 * picture.h - one sample's picture, in whatever column it is.
 */
#ifndef MM_DATA_PICTURE_H
#define MM_DATA_PICTURE_H

#include "image/decode.h"
#include "image/preset.h"
#include "tensor/stream.h"

/*
 * The picture of sample i < seg->n as RGB.  Looked for in this order:
 *	image		[3, H, W] U8 as it is; float: the byte whose value
 *			under the metadata's mean and std lies nearest
 *	image.data	an encoded picture; transparency goes on white
 *	image.path	a file with one
 * MM_ERR_FORMAT where there is none of them, or no picture in it.
 */
int mm_picture_of(struct mm_image *rgb, const struct mm_segment *seg, size_t i,
		  const struct mm_decode_opts *opts,
		  struct mm_err *err) MM_MUST_CHECK;

/*
 * From planes [3, h, w] of U8 (as they are) or of floats: the byte whose value
 * under v lies nearest.
 */
int mm_picture_from_planes(struct mm_image *rgb, const void *planes,
			   enum mm_dtype dtype, size_t w, size_t h,
			   const struct mm_image_values *v,
			   struct mm_err *err) MM_MUST_CHECK;

#endif
