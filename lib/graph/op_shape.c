/* op_shape.c - the same numbers in another arrangement. */
#include <string.h>

#include "graph/onnx.h"
#include "graph/ops.h"

/* ---- reshape: a view ---- */

static int reshape_shape(struct mm_node *out, struct mm_err *err)
{
	(void)out;
	(void)err;
	return MM_OK; /* checked by mm_reshape, which knows both shapes */
}

struct mm_node *mm_reshape(struct mm_graph *g, struct mm_node *x,
			   struct mm_shape shape)
{
	struct mm_node *out;
	char a[128], b[128];
	size_t n;

	if (g->failed)
		return NULL;
	if (!mm_shape_elements(&n, &shape) || n != x->n)
		return mm_graph_fail(
			g, MM_ERR_SHAPE, "%s cannot be reshaped to %s",
			mm_shape_str(a, &x->shape), mm_shape_str(b, &shape));
	if ((out = mm_emit(g, &mm_op_reshape, NULL, 1, &x))) {
		out->shape = shape;
		out->n = n;
	}
	return out;
}

static struct mm_node *reshape_sample(struct mm_graph *g, int v)
{
	/* A view of a leaf alone would have no operator to run. */
	return v ? NULL
		 : mm_affine(g,
			     mm_reshape(g, mm_leaf(g, MM_SHAPE(2, 3, 4)),
					MM_SHAPE(6, 4)),
			     2, 0);
}

const struct mm_op mm_op_reshape = {
	.name = "reshape",
	.onnx = mm_onnx_op_reshape,
	.shape = reshape_shape,
	.view = true,
	.grad_tol = 1e-6,
	.sample = reshape_sample,
};

/* ---- permute ---- */

static int permute_shape(struct mm_node *out, struct mm_err *err)
{
	const struct mm_shape *x = &out->in[0]->shape;
	unsigned seen = 0;

	out->shape = *x;
	for (int i = 0; i < x->rank; i++) {
		const int from = out->at.permute.order[i];

		if (from < 0 || from >= x->rank || seen & 1u << from)
			return mm_fail(err, MM_ERR_SHAPE,
				       "the order is not a permutation");
		seen |= 1u << from;
		out->shape.dim[i] = x->dim[from];
	}
	return MM_OK;
}

/* Index in the input of output element i. */
static size_t permuted(const struct mm_node *out, size_t i)
{
	const struct mm_shape *x = &out->in[0]->shape;
	size_t stride[MM_MAX_RANK], s = 1, at = 0;

	for (int d = x->rank - 1; d >= 0; d--) {
		stride[d] = s;
		s *= x->dim[d];
	}
	for (int d = x->rank - 1; d >= 0; d--) {
		at += i % out->shape.dim[d] * stride[out->at.permute.order[d]];
		i /= out->shape.dim[d];
	}
	return at;
}

static void permute_fwd(struct mm_node *out)
{
	for (size_t i = 0; i < out->n; i++)
		out->val[i] = out->in[0]->val[permuted(out, i)];
}

static void permute_bwd(struct mm_node *out)
{
	mm_real *d = mm_grad_add(out, 0);

	for (size_t i = 0; d && i < out->n; i++)
		d[permuted(out, i)] += out->grad[i];
}

struct mm_node *mm_permute(struct mm_graph *g, struct mm_node *x,
			   const int *order)
{
	union mm_attr at;

	if (g->failed)
		return NULL;
	memset(&at, 0, sizeof(at));
	memcpy(at.permute.order, order, (size_t)x->shape.rank * sizeof(*order));
	return mm_emit(g, &mm_op_permute, &at, 1, &x);
}

static struct mm_node *permute_sample(struct mm_graph *g, int v)
{
	static const int order[2][4] = { { 2, 0, 1, 0 }, { 0, 3, 1, 2 } };

	if (v > 1)
		return NULL;
	return mm_permute(
		g, mm_leaf(g, v ? MM_SHAPE(2, 3, 4, 2) : MM_SHAPE(2, 3, 4)),
		order[v]);
}

const struct mm_op mm_op_permute = {
	.name = "permute",
	.onnx = mm_onnx_op_permute,
	.shape = permute_shape,
	.fwd = permute_fwd,
	.bwd = permute_bwd,
	.grad_tol = 1e-6,
	.sample = permute_sample,
};

/* ---- slice and concat: blocks of `inner` numbers, `outer` times ---- */

static size_t inner_of(const struct mm_shape *s, size_t axis)
{
	size_t n = 1;

	for (int i = (int)axis + 1; i < s->rank; i++)
		n *= s->dim[i];
	return n;
}

static int slice_shape(struct mm_node *out, struct mm_err *err)
{
	const struct mm_shape *x = &out->in[0]->shape;
	const size_t axis = out->at.slice.axis, end = out->at.slice.end;

	if (axis >= (size_t)x->rank || out->at.slice.begin >= end ||
	    end > x->dim[axis])
		return mm_fail(err, MM_ERR_SHAPE, "no such part");
	out->shape = *x;
	out->shape.dim[axis] = end - out->at.slice.begin;
	return MM_OK;
}

/* Copy between a whole and its part [begin, begin + part) of the axis. */
static void move(mm_real *whole, mm_real *part, size_t n_whole, size_t n_part,
		 size_t begin, size_t outer, bool add_to_whole,
		 bool add_to_part)
{
	for (size_t o = 0; o < outer; o++) {
		mm_real *w = whole + o * n_whole + begin;
		mm_real *p = part + o * n_part;

		for (size_t i = 0; i < n_part; i++) {
			if (add_to_whole)
				w[i] += p[i];
			else if (add_to_part)
				p[i] += w[i];
			else
				p[i] = w[i];
		}
	}
}

static void slice_move(struct mm_node *out, mm_real *whole, mm_real *part,
		       bool back)
{
	const struct mm_shape *x = &out->in[0]->shape;
	const size_t axis = out->at.slice.axis, inner = inner_of(x, axis);
	const size_t n = x->dim[axis] * inner;

	move(whole, part, n, out->shape.dim[axis] * inner,
	     out->at.slice.begin * inner, out->in[0]->n / n, back, false);
}

static void slice_fwd(struct mm_node *out)
{
	slice_move(out, out->in[0]->val, out->val, false);
}

static void slice_bwd(struct mm_node *out)
{
	mm_real *d = mm_grad_add(out, 0);

	if (d)
		slice_move(out, d, out->grad, true);
}

struct mm_node *mm_slice(struct mm_graph *g, struct mm_node *x, size_t axis,
			 size_t begin, size_t end)
{
	return mm_emit(g, &mm_op_slice,
		       &(union mm_attr){ .slice = { axis, begin, end } }, 1,
		       &x);
}

static struct mm_node *slice_sample(struct mm_graph *g, int v)
{
	return v > 2 ? NULL
		     : mm_slice(g, mm_leaf(g, MM_SHAPE(3, 4, 5)), (size_t)v, 1,
				3);
}

const struct mm_op mm_op_slice = {
	.name = "slice",
	.onnx = mm_onnx_op_slice,
	.shape = slice_shape,
	.fwd = slice_fwd,
	.bwd = slice_bwd,
	.grad_tol = 1e-6,
	.sample = slice_sample,
};

static int concat_shape(struct mm_node *out, struct mm_err *err)
{
	struct mm_shape a = out->in[0]->shape, b = out->in[1]->shape;
	const size_t axis = out->at.slice.axis;

	out->shape = a;
	if (axis >= (size_t)a.rank || a.rank != b.rank)
		return mm_fail(err, MM_ERR_SHAPE, "ranks differ");
	out->shape.dim[axis] = a.dim[axis] + b.dim[axis];
	a.dim[axis] = b.dim[axis] = 1;
	if (!mm_shape_equal(&a, &b))
		return mm_fail(err, MM_ERR_SHAPE, "the other axes differ");
	return MM_OK;
}

static void concat_move(struct mm_node *out, int i, mm_real *whole,
			mm_real *part, bool forward)
{
	const size_t axis = out->at.slice.axis;
	const size_t inner = inner_of(&out->shape, axis);
	const size_t n = out->shape.dim[axis] * inner;
	const size_t first = out->in[0]->shape.dim[axis] * inner;
	const size_t mine = out->in[i]->shape.dim[axis] * inner;

	/* Forward: zeroed, then added to; the same loop both ways. */
	move(whole, part, n, mine, i ? first : 0, out->n / n, forward,
	     !forward);
}

static void concat_fwd(struct mm_node *out)
{
	memset(out->val, 0, out->n * sizeof(mm_real));
	for (int i = 0; i < 2; i++)
		concat_move(out, i, out->val, out->in[i]->val, true);
}

static void concat_bwd(struct mm_node *out)
{
	for (int i = 0; i < 2; i++) {
		mm_real *d = mm_grad_add(out, i);

		if (d)
			concat_move(out, i, out->grad, d, false);
	}
}

struct mm_node *mm_concat(struct mm_graph *g, struct mm_node *a,
			  struct mm_node *b, size_t axis)
{
	struct mm_node *in[] = { a, b };

	return mm_emit(g, &mm_op_concat,
		       &(union mm_attr){ .slice = { .axis = axis } }, 2, in);
}

static struct mm_node *concat_sample(struct mm_graph *g, int v)
{
	if (v > 1)
		return NULL;
	return mm_concat(g, mm_leaf(g, MM_SHAPE(2, 3, 4)),
			 mm_leaf(g, v ? MM_SHAPE(2, 5, 4) : MM_SHAPE(1, 3, 4)),
			 (size_t)v);
}

const struct mm_op mm_op_concat = {
	.name = "concat",
	.onnx = mm_onnx_op_concat,
	.shape = concat_shape,
	.fwd = concat_fwd,
	.bwd = concat_bwd,
	.grad_tol = 1e-6,
	.sample = concat_sample,
};
