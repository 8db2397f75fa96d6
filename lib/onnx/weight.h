/* weight.h - a constant of an exported graph as bytes. */
#ifndef MM_ONNX_WEIGHT_H
#define MM_ONNX_WEIGHT_H

#include "base/io.h"
#include "graph/onnx.h"

/* The type that it has in the file: F16 for F32 where the list is half. */
enum mm_dtype mm_onnx_const_type(const struct mm_onnx_list *l,
				 const struct mm_onnx_const *c);
uint64_t mm_onnx_const_bytes(const struct mm_onnx_list *l,
			     const struct mm_onnx_const *c);

/*
 * Write its values, row-major.  Matrices are transposed a few rows at a time;
 * int8 is symmetric, with a scale for each output:
 *	s[f] = max_c |w[f, c]| / 127,  q[c, f] = round(w[f, c] / s[f])
 */
int mm_onnx_const_write(const struct mm_onnx_list *l,
			const struct mm_onnx_const *c, struct mm_writer *w,
			struct mm_err *err) MM_MUST_CHECK;

#endif
