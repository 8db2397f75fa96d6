/* quality.h - figures that tell a good picture from a poor one. */
#ifndef MM_IMAGE_QUALITY_H
#define MM_IMAGE_QUALITY_H

#include "image/decode.h"
#include "image/resize.h"

struct mm_image_quality {
	/*
	 * Variance of the Laplacian (4-neighbour, inner pixels) of the luma
	 * at a short side of 256 (bilinear; smaller pictures as they are).
	 * Sharp photographs have hundreds, blurred ones less than 100.
	 */
	double blur;
	double clipped;	       /* fraction of the luma at 0..2 or 253..255  */
	double entropy;	       /* of the luma's histogram, bits, 0..8       */
	double mean, contrast; /* of the luma: mean, standard deviation */
	/*
	 * libjpeg quality 1..100 whose scaled standard table is nearest to
	 * the file's luma table; 0 where the file is no JPEG.
	 */
	int jpeg;
};

int mm_image_quality(struct mm_image_quality *q, const struct mm_image *im,
		     const struct mm_image_info *info,
		     struct mm_resize_work *work,
		     struct mm_err *err) MM_MUST_CHECK;

/* The estimate alone, from a luma table in natural order. */
int mm_jpeg_quality(const uint16_t quant[64]);

#endif
