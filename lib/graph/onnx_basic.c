/* onnx_basic.c - shapes and arithmetic in ONNX's operators; see onnx.h. */
#include "graph/onnx.h"
#include "graph/ops.h"

/* ---- op_shape.c ---- */

/*
 * Axes that stay, from the first on, are copied (0), so that the number of
 * samples is not fixed; where the first one changes it takes what is left.
 */
void mm_onnx_op_reshape(struct mm_onnx_list *l, const struct mm_node *out)
{
	const struct mm_shape *x = &out->in[0]->shape, *y = &out->shape;
	int64_t shape[MM_MAX_RANK];
	bool same = !out->in[0]->param;

	for (int i = 0; i < y->rank; i++) {
		same = same && i < x->rank && x->dim[i] == y->dim[i];
		shape[i] = same ? 0 : i ? (int64_t)y->dim[i] : -1;
	}
	mm_onnx_set(l, out,
		    mm_onnx_op(l, "Reshape", NULL, mm_onnx_in(l, out, 0),
			       mm_onnx_ints(l, shape, (size_t)y->rank), NULL));
}

void mm_onnx_op_permute(struct mm_onnx_list *l, const struct mm_node *out)
{
	struct mm_onnx_attr at[2] = {
		{ .name = "perm", .kind = MM_ONNX_INTS, .n = out->shape.rank }
	};

	for (int i = 0; i < out->shape.rank; i++)
		at[0].ints[i] = out->at.permute.order[i];
	mm_onnx_set(
		l, out,
		mm_onnx_op(l, "Transpose", at, mm_onnx_in(l, out, 0), NULL));
}

void mm_onnx_op_slice(struct mm_onnx_list *l, const struct mm_node *out)
{
	const size_t axis = out->at.slice.axis, end = out->at.slice.end;
	const bool all = end == out->in[0]->shape.dim[axis];

	mm_onnx_set(l, out,
		    mm_onnx_op(l, "Slice", NULL, mm_onnx_in(l, out, 0),
			       MM_ONNX_INTS(l, (int64_t)out->at.slice.begin),
			       MM_ONNX_INTS(l, all ? INT64_MAX : (int64_t)end),
			       MM_ONNX_INTS(l, (int64_t)axis), NULL));
}

void mm_onnx_op_concat(struct mm_onnx_list *l, const struct mm_node *out)
{
	const int64_t axis = (int64_t)out->at.slice.axis;

	mm_onnx_set(l, out,
		    mm_onnx_op(l, "Concat", MM_ONNX_AT(MM_ONNX_I("axis", axis)),
			       mm_onnx_in(l, out, 0), mm_onnx_in(l, out, 1),
			       NULL));
}

/* ---- op_elementwise.c ---- */

/* A scalar that is stored with axes must not lend them to its partner. */
static void binary(struct mm_onnx_list *l, const struct mm_node *out,
		   const char *type)
{
	const char *y = mm_onnx_in(l, out, 1);

	if (out->in[1]->shape.rank > out->in[0]->shape.rank)
		y = mm_onnx_op(l, "Squeeze", NULL, y, NULL);
	mm_onnx_set(l, out,
		    mm_onnx_op(l, type, NULL, mm_onnx_in(l, out, 0), y, NULL));
}

void mm_onnx_op_add(struct mm_onnx_list *l, const struct mm_node *out)
{
	binary(l, out, "Add");
}

void mm_onnx_op_sub(struct mm_onnx_list *l, const struct mm_node *out)
{
	binary(l, out, "Sub");
}

void mm_onnx_op_mul(struct mm_onnx_list *l, const struct mm_node *out)
{
	binary(l, out, "Mul");
}

void mm_onnx_op_div(struct mm_onnx_list *l, const struct mm_node *out)
{
	binary(l, out, "Div");
}

void mm_onnx_op_affine(struct mm_onnx_list *l, const struct mm_node *out)
{
	const char *y = mm_onnx_in(l, out, 0);

	y = mm_onnx_op(l, "Mul", NULL, y,
		       mm_onnx_real(l, out->at.affine.factor), NULL);
	if (out->at.affine.bias != 0)
		y = mm_onnx_op(l, "Add", NULL, y,
			       mm_onnx_real(l, out->at.affine.bias), NULL);
	mm_onnx_set(l, out, y);
}

void mm_onnx_op_activate(struct mm_onnx_list *l, const struct mm_node *out)
{
	mm_onnx_set(l, out,
		    mm_onnx_act(l, mm_onnx_in(l, out, 0), out->at.linear.act));
}

/* Noise is for training. */
void mm_onnx_op_dropout(struct mm_onnx_list *l, const struct mm_node *out)
{
	mm_onnx_set(l, out, mm_onnx_in(l, out, 0));
}
