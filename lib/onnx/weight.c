/* weight.c - see weight.h. */
#include "onnx/weight.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

enum { BLOCK = 1 << 16 }; /* numbers that are converted at a time */

enum mm_dtype mm_onnx_const_type(const struct mm_onnx_list *l,
				 const struct mm_onnx_const *c)
{
	return c->dtype == MM_F32 && l->half ? MM_F16 : c->dtype;
}

uint64_t mm_onnx_const_bytes(const struct mm_onnx_list *l,
			     const struct mm_onnx_const *c)
{
	uint64_t n = mm_dtype_size(mm_onnx_const_type(l, c));

	for (int i = 0; i < c->rank; i++)
		n *= c->dim[i];
	return n;
}

/* n floats as the file has them; half cannot hold all of them. */
static int put_floats(const struct mm_onnx_list *l, struct mm_writer *w,
		      float *x, size_t n, void *room, struct mm_err *err)
{
	if (!l->half)
		return mm_writer_write(w, x, n * sizeof(*x), err);
	for (size_t i = 0; i < n; i++)
		if (isfinite(x[i]))
			x[i] = fminf(fmaxf(x[i], -65504.0f), 65504.0f);
	mm_from_f32(room, MM_F16, x, n);
	return mm_writer_write(w, room, n * 2, err);
}

/* Element i of a parameter whose rows have C; it may be stored as int8. */
static float value(const struct mm_param *p, size_t i, size_t C)
{
	return p->q ? (float)p->q[i] * p->scale[i / C] : p->val[i];
}

static int put_plain(const struct mm_onnx_list *l, struct mm_writer *w,
		     const struct mm_onnx_const *c, size_t n, float *work,
		     struct mm_err *err)
{
	const struct mm_param *p = c->param;
	const float *x = c->data;
	int rc = MM_OK;

	for (size_t i = 0; i < n && !rc; i += BLOCK) {
		const size_t m = n - i < BLOCK ? n - i : BLOCK;

		for (size_t k = 0; k < m; k++)
			work[k] =
				p ? value(p, i + k,
					  p->shape.rank ? p->n / p->shape.dim[0]
							: 1)
				  : x[i + k];
		rc = put_floats(l, w, work, m, work + BLOCK, err);
	}
	return rc;
}

/* Of row f: the largest number is 127 of it, or what the folder says. */
static float scale_of(const struct mm_param *p, size_t f, size_t C)
{
	float max = 0;

	if (p->q)
		return p->scale[f];
	for (size_t i = f * C; i < (f + 1) * C; i++)
		max = fmaxf(max, fabsf(p->val[i]));
	return max > 0 ? max / 127 : 1;
}

/* Rows [from, to) of w^T, w (F, C), as int8. */
static void quantise(int8_t *q, const struct mm_param *p, const float *scale,
		     size_t F, size_t C, size_t from, size_t to)
{
	for (size_t f = 0; f < F; f++)
		for (size_t c = from; c < to; c++)
			q[(c - from) * F + f] =
				p->q ? p->q[f * C + c]
				     : (int8_t)lrintf(p->val[f * C + c] /
						      scale[f]);
}

static void turn(float *y, const struct mm_param *p, size_t F, size_t C,
		 size_t from, size_t to)
{
	for (size_t f = 0; f < F; f++)
		for (size_t c = from; c < to; c++)
			y[(c - from) * F + f] = value(p, f * C + c, C);
}

/* w^T of w (F, C), as many rows at a time as fit. */
static int put_matrix(const struct mm_onnx_list *l,
		      const struct mm_onnx_const *c, struct mm_writer *w,
		      struct mm_err *err)
{
	const size_t C = c->dim[0], F = c->dim[1];
	const size_t rows = F >= BLOCK ? 1 : BLOCK / F;
	const struct mm_param *x = c->param;
	float *work = mm_malloc(2 * rows * F + F, sizeof(*work)), *scale;
	int rc = MM_OK;

	if (!work)
		return mm_fail_nomem(err, "a matrix");
	scale = work + 2 * rows * F;
	for (size_t f = 0; f < F; f++)
		scale[f] = scale_of(x, f, C);
	for (size_t i = 0; i < C && !rc; i += rows) {
		const size_t to = i + rows < C ? i + rows : C;
		const size_t n = (to - i) * F;

		if (c->kind == MM_ONNX_INT8S) {
			quantise((int8_t *)work, x, scale, F, C, i, to);
			rc = mm_writer_write(w, work, n, err);
		} else {
			turn(work, x, F, C, i, to);
			rc = put_floats(l, w, work, n, work + rows * F, err);
		}
	}
	mm_free(work);
	return rc;
}

/* F scales, or as many zeros. */
static int put_scales(const struct mm_onnx_list *l,
		      const struct mm_onnx_const *c, struct mm_writer *w,
		      struct mm_err *err)
{
	const size_t F = c->dim[0], C = F ? c->param->n / F : 0;
	float *x = mm_calloc(2 * F, sizeof(*x));
	int rc;

	if (!x)
		return mm_fail_nomem(err, "scales");
	if (c->kind == MM_ONNX_ZERO) {
		rc = mm_writer_write(w, x, F, err);
	} else {
		for (size_t f = 0; f < F; f++)
			x[f] = scale_of(c->param, f, C);
		rc = put_floats(l, w, x, F, x + F, err);
	}
	mm_free(x);
	return rc;
}

int mm_onnx_const_write(const struct mm_onnx_list *l,
			const struct mm_onnx_const *c, struct mm_writer *w,
			struct mm_err *err)
{
	float *work;
	int rc;

	if (c->kind == MM_ONNX_MATRIX || c->kind == MM_ONNX_INT8S)
		return put_matrix(l, c, w, err);
	if (c->kind == MM_ONNX_INT8)
		return mm_writer_write(w, c->param->q, c->param->n, err);
	if (c->kind == MM_ONNX_SCALES || c->kind == MM_ONNX_ZERO)
		return put_scales(l, c, w, err);
	if (c->dtype != MM_F32)
		return mm_writer_write(w, c->data,
				       (size_t)mm_onnx_const_bytes(l, c), err);
	if (!(work = mm_malloc(2 * BLOCK, sizeof(*work))))
		return mm_fail_nomem(err, "a constant");
	rc = put_plain(l, w, c,
		       (size_t)(mm_onnx_const_bytes(l, c) /
				mm_dtype_size(mm_onnx_const_type(l, c))),
		       work, err);
	mm_free(work);
	return rc;
}
