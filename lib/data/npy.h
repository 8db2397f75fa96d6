/* npy.h - NumPy's .npy arrays, version 1.0 (numpy.lib.format). */
#ifndef MM_DATA_NPY_H
#define MM_DATA_NPY_H

#include "base/io.h"

/* A (rows, cols) array of little-endian float32, C order. */
int mm_npy_put(struct mm_writer *w, const float *x, size_t rows, size_t cols,
	       struct mm_err *err) MM_MUST_CHECK;

#endif
