/* matrix.h - a matrix of counts as a picture of shaded squares. */
#ifndef MM_IMAGE_MATRIX_H
#define MM_IMAGE_MATRIX_H

#include "image/image.h"

/*
 * count[t * K + p] as a square in row t and column p, white to dark blue by
 * its share of the row; names (UTF-8) beside the rows and, turned, above the
 * columns.  Squares are as large as 4096 pixels allow, with the number written
 * into those that have room for it.  MM_ERR_SHAPE: K = 0 or more than 4000.
 */
int mm_matrix_draw(struct mm_image *rgb, const uint64_t *count, size_t K,
		   const char *const *names, struct mm_err *err) MM_MUST_CHECK;

#endif
