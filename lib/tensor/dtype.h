/*
 * dtype.h - element types and arrays of them, as safetensors names them.
 *
 * All values are little-endian in files and in memory: a big-endian machine is
 * refused at compile time.
 */
#ifndef MM_TENSOR_DTYPE_H
#define MM_TENSOR_DTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum mm_dtype {
	MM_F64,
	MM_F32,
	MM_F16,
	MM_BF16,
	MM_I64,
	MM_I32,
	MM_I16,
	MM_I8,
	MM_U64,
	MM_U32,
	MM_U16,
	MM_U8,
	MM_BOOL,    /* one byte, 0 or 1 */
	MM_F8_E4M3, /* no infinities; carried and widened, never written by us
		     */
	MM_F8_E5M2,
	MM_N_DTYPES
};

enum { MM_MAX_RANK = 8 };

/*
 * A view of an array, row-major without gaps.  Owns nothing: who filled it in
 * says how long name and data live.
 */
struct mm_tensor {
	const char *name;
	enum mm_dtype dtype;
	int rank; /* 0: one number */
	size_t dim[MM_MAX_RANK];
	const void *data; /* aligned to its element size; see nbytes */
	size_t nbytes;	  /* product of dim times the element size */
};

const char *mm_dtype_name(enum mm_dtype t); /* "F32", ... */
size_t mm_dtype_size(enum mm_dtype t);	    /* in bytes */
bool mm_dtype_is_float(enum mm_dtype t);

/* *t from its name in upper case; false where there is no such type. */
bool mm_dtype_parse(enum mm_dtype *t, const char *name);

/* Number of elements. */
size_t mm_tensor_count(const struct mm_tensor *t);

/* *n = product of dim[0..rank); false where it wraps. */
bool mm_shape_count(size_t *n, const size_t *dim, int rank)
	__attribute__((warn_unused_result));

/* Fill in a view; sizes are the caller's own, so they must not wrap. */
struct mm_tensor mm_tensor_make(const char *name, enum mm_dtype dtype, int rank,
				const size_t *dim, const void *data);

/* "[2, 3]" into buf, cut where it does not fit; returns buf. */
char *mm_shape_text(char *buf, size_t size, const size_t *dim, int rank);

/* MM_ERR_SHAPE naming the tensor unless dtype, rank and every dim are as
 * wanted; SIZE_MAX in dim stands for any size. */
int mm_tensor_expect(const struct mm_tensor *t, enum mm_dtype dtype, int rank,
		     const size_t *dim, struct mm_err *err) MM_MUST_CHECK;

/*
 * n elements converted.  Float to integer truncates and saturates, NaN is 0;
 * integers beyond 2^24 (2^53) round when they become float (double); BOOL is
 * 0 or 1.  The arrays must not overlap.
 */
void mm_to_f32(float *dst, const void *src, enum mm_dtype type, size_t n);
void mm_to_f64(double *dst, const void *src, enum mm_dtype type, size_t n);
void mm_to_i64(int64_t *dst, const void *src, enum mm_dtype type, size_t n);

/*
 * n elements from float32, to the nearest value (ties to even) of `type`;
 * integers saturate, BOOL is "not zero".  Not for the F8 types.
 */
void mm_from_f32(void *dst, enum mm_dtype type, const float *src, size_t n);

#endif
