/* onnx_tower.c - transformers' operators in ONNX's; see onnx.h. */
#include <float.h>
#include <math.h>

#include "base/mem.h"
#include "graph/onnx.h"
#include "graph/ops.h"

/* ---- op_linear.c ---- */

/* A convolution over patches that do not overlap, as rows: (B, N, F). */
static const char *patch_product(struct mm_onnx_list *l,
				 const struct mm_node *out)
{
	const struct mm_node *patches = out->in[0], *w = out->in[1];
	const int64_t P = (int64_t)patches->at.patches.patch;
	const struct mm_onnx_attr at[] = {
		{ .name = "strides",
		  .kind = MM_ONNX_INTS,
		  .ints = { P, P },
		  .n = 2 },
		{ .name = "kernel_shape",
		  .kind = MM_ONNX_INTS,
		  .ints = { P, P },
		  .n = 2 },
		{ NULL },
	};
	const struct mm_onnx_attr order[] = {
		{ .name = "perm",
		  .kind = MM_ONNX_INTS,
		  .ints = { 0, 2, 1 },
		  .n = 3 },
		{ NULL },
	};
	const char *x = mm_onnx_in(l, patches, 0);
	const char *y =
		w->param ? mm_onnx_kernels(l, &x, w->param, NULL) : NULL;

	y = mm_onnx_op(l, "Conv", at, x, y ? y : mm_onnx_in(l, out, 1), NULL);

	y = mm_onnx_op(l, "Reshape", NULL, y,
		       MM_ONNX_INTS(l, 0, (int64_t)w->shape.dim[0], -1), NULL);
	return mm_onnx_op(l, "Transpose", order, y, NULL);
}

void mm_onnx_op_linear(struct mm_onnx_list *l, const struct mm_node *out)
{
	const char *bias = mm_onnx_in(l, out, 2);
	const char *residual = mm_onnx_in(l, out, 3), *y;
	const struct mm_node *x = out->in[0], *w = out->in[1];

	if (x->op == &mm_op_patches && w->shape.rank == 4)
		y = patch_product(l, out);
	else
		y = mm_onnx_product(l, mm_onnx_in(l, out, 0), w);
	if (bias)
		y = mm_onnx_op(l, "Add", NULL, y, bias, NULL);
	y = mm_onnx_act(l, y, out->at.linear.act);
	if (residual)
		y = mm_onnx_op(l, "Add", NULL, y, residual, NULL);
	mm_onnx_set(l, out, y);
}

/* The last two axes exchanged. */
static const char *turned(struct mm_onnx_list *l, const char *x, int rank)
{
	struct mm_onnx_attr at[2] = {
		{ .name = "perm", .kind = MM_ONNX_INTS, .n = rank }
	};

	for (int i = 0; i < rank; i++)
		at[0].ints[i] = i;
	at[0].ints[rank - 2] = rank - 1;
	at[0].ints[rank - 1] = rank - 2;
	return mm_onnx_op(l, "Transpose", at, x, NULL);
}

void mm_onnx_op_matmul(struct mm_onnx_list *l, const struct mm_node *out)
{
	const char *a = mm_onnx_in(l, out, 0), *b = mm_onnx_in(l, out, 1), *y;

	if (out->at.matmul.ta)
		a = turned(l, a, out->in[0]->shape.rank);
	if (out->at.matmul.tb)
		b = turned(l, b, out->in[1]->shape.rank);
	y = mm_onnx_op(l, "MatMul", NULL, a, b, NULL);
	if (out->at.matmul.alpha != 1)
		y = mm_onnx_op(l, "Mul", NULL, y,
			       mm_onnx_real(l, out->at.matmul.alpha), NULL);
	mm_onnx_set(l, out, y);
}

/* ---- op_norm.c ---- */

void mm_onnx_op_layernorm(struct mm_onnx_list *l, const struct mm_node *out)
{
	mm_onnx_set(
		l, out,
		mm_onnx_op(l, "LayerNormalization",
			   MM_ONNX_AT(MM_ONNX_I("axis", -1),
				      MM_ONNX_F("epsilon", out->at.norm.eps)),
			   mm_onnx_in(l, out, 0), mm_onnx_in(l, out, 1),
			   mm_onnx_in(l, out, 2), NULL));
}

void mm_onnx_op_l2norm(struct mm_onnx_list *l, const struct mm_node *out)
{
	const char *x = mm_onnx_in(l, out, 0);
	const char *n = mm_onnx_norm(l, x);

	n = mm_onnx_op(l, "Max", NULL, n, mm_onnx_real(l, out->at.norm.eps),
		       NULL);
	mm_onnx_set(l, out, mm_onnx_op(l, "Div", NULL, x, n, NULL));
}

void mm_onnx_op_softmax(struct mm_onnx_list *l, const struct mm_node *out)
{
	mm_onnx_set(l, out,
		    mm_onnx_op(l, "Softmax", MM_ONNX_AT(MM_ONNX_I("axis", -1)),
			       mm_onnx_in(l, out, 0), NULL));
}

void mm_onnx_op_log_softmax(struct mm_onnx_list *l, const struct mm_node *out)
{
	mm_onnx_set(l, out,
		    mm_onnx_op(l, "LogSoftmax",
			       MM_ONNX_AT(MM_ONNX_I("axis", -1)),
			       mm_onnx_in(l, out, 0), NULL));
}

/* ---- op_attention.c ---- */

/* x (B, T, C) as heads, axes in that order: (B, H, T, D) or (B, H, D, T). */
static const char *heads(struct mm_onnx_list *l, const char *x, size_t H,
			 size_t D, bool key)
{
	const struct mm_onnx_attr at[] = {
		{ .name = "perm",
		  .kind = MM_ONNX_INTS,
		  .ints = { 0, 2, key ? 3 : 1, key ? 1 : 3 },
		  .n = 4 },
		{ NULL },
	};

	x = mm_onnx_op(l, "Reshape", NULL, x,
		       MM_ONNX_INTS(l, 0, 0, (int64_t)H, (int64_t)D), NULL);
	return mm_onnx_op(l, "Transpose", at, x, NULL);
}

/* Keys at or before the query: bool (1, 1, T, T), made once for each T. */
static const char *causal(struct mm_onnx_list *l, const char *x)
{
	const char *name = mm_onnx_find(l, "causal"), *at, *row, *col;
	const char *zero;

	if (name)
		return name;
	at = mm_onnx_op(l, "Squeeze", NULL, mm_onnx_length(l, x, 1), NULL);
	zero = mm_onnx_op(l, "Squeeze", NULL, MM_ONNX_INTS(l, 0), NULL);
	at = mm_onnx_op(
		l, "Range", NULL, zero, at,
		mm_onnx_op(l, "Squeeze", NULL, MM_ONNX_INTS(l, 1), NULL), NULL);
	row = mm_onnx_op(l, "Unsqueeze", NULL, at, MM_ONNX_INTS(l, 0), NULL);
	col = mm_onnx_op(l, "Unsqueeze", NULL, at, MM_ONNX_INTS(l, 1), NULL);
	name = mm_onnx_op(l, "LessOrEqual", NULL, row, col, NULL);
	return mm_onnx_keep(l, "causal", name);
}

/* Keys that the mask shows: bool (B, 1, 1, T). */
static const char *shown(struct mm_onnx_list *l, const char *mask)
{
	const char *name = mm_onnx_find(l, "shown");

	if (name)
		return name;
	name = mm_onnx_op(l, "Cast", MM_ONNX_AT(MM_ONNX_I("to", 9)), mask,
			  NULL);
	name = mm_onnx_op(l, "Unsqueeze", NULL, name, MM_ONNX_INTS(l, 1, 2),
			  NULL);
	return mm_onnx_keep(l, "shown", name);
}

/* What is to be seen at all, or NULL: everything. */
static const char *seen(struct mm_onnx_list *l, const struct mm_node *out)
{
	const char *mask = mm_onnx_in(l, out, 3), *both, *c;

	if (!out->at.attention.causal)
		return mask ? shown(l, mask) : NULL;
	c = causal(l, mm_onnx_in(l, out, 0));
	if (!mask)
		return c;
	if ((both = mm_onnx_find(l, "causal and shown")))
		return both;
	return mm_onnx_keep(
		l, "causal and shown",
		mm_onnx_op(l, "And", NULL, c, shown(l, mask), NULL));
}

void mm_onnx_op_attention(struct mm_onnx_list *l, const struct mm_node *out)
{
	const size_t H = out->at.attention.heads, C = out->shape.dim[2];
	const size_t D = C / H;
	const double scale = out->at.attention.scale != 0
				     ? out->at.attention.scale
				     : 1 / sqrt((double)D);
	const struct mm_onnx_attr back[] = {
		{ .name = "perm",
		  .kind = MM_ONNX_INTS,
		  .ints = { 0, 2, 1, 3 },
		  .n = 4 },
		{ NULL },
	};
	const char *q = heads(l, mm_onnx_in(l, out, 0), H, D, false);
	const char *k = heads(l, mm_onnx_in(l, out, 1), H, D, true);
	const char *v = heads(l, mm_onnx_in(l, out, 2), H, D, false);
	const char *visible = seen(l, out), *p;

	q = mm_onnx_op(l, "Mul", NULL, q, mm_onnx_real(l, scale), NULL);
	p = mm_onnx_op(l, "MatMul", NULL, q, k, NULL);
	if (visible)
		p = mm_onnx_op(l, "Where", NULL, visible, p,
			       mm_onnx_real(l, -(double)FLT_MAX), NULL);
	p = mm_onnx_op(l, "Softmax", MM_ONNX_AT(MM_ONNX_I("axis", -1)), p,
		       NULL);
	p = mm_onnx_op(l, "MatMul", NULL, p, v, NULL);
	p = mm_onnx_op(l, "Transpose", back, p, NULL);
	mm_onnx_set(l, out,
		    mm_onnx_op(l, "Reshape", NULL, p,
			       MM_ONNX_INTS(l, 0, 0, (int64_t)C), NULL));
}

/* ---- op_embed.c ---- */

/* Positions of ids: those that are not padding, counted. */
static const char *counted(struct mm_onnx_list *l, const char *ids,
			   int64_t padding)
{
	const char *p = MM_ONNX_INTS(l, padding), *text, *axis;

	text = mm_onnx_op(l, "Where", NULL,
			  mm_onnx_op(l, "Equal", NULL, ids, p, NULL),
			  MM_ONNX_INTS(l, 0), MM_ONNX_INTS(l, 1), NULL);
	axis = mm_onnx_op(l, "Squeeze", NULL, MM_ONNX_INTS(l, 1), NULL);
	ids = mm_onnx_op(l, "CumSum", NULL, text, axis, NULL);
	ids = mm_onnx_op(l, "Mul", NULL, ids, text, NULL);
	return mm_onnx_op(l, "Add", NULL, ids, p, NULL);
}

void mm_onnx_op_embedding(struct mm_onnx_list *l, const struct mm_node *out)
{
	const char *ids = mm_onnx_in(l, out, 0);

	if (out->at.embedding.counted)
		ids = counted(l, ids, out->at.embedding.padding);
	mm_onnx_set(l, out,
		    mm_onnx_op(l, "Gather", NULL, mm_onnx_in(l, out, 1), ids,
			       NULL));
}

void mm_onnx_op_add_positions(struct mm_onnx_list *l, const struct mm_node *out)
{
	const char *x = mm_onnx_in(l, out, 0), *pos = mm_onnx_in(l, out, 1);
	const size_t T = out->shape.dim[1];

	if (mm_onnx_ragged(l, out, 0))
		pos = mm_onnx_op(l, "Slice", NULL, pos, MM_ONNX_INTS(l, 0),
				 mm_onnx_length(l, x, 1), NULL);
	else if (out->in[1]->shape.dim[0] != T)
		pos = mm_onnx_op(l, "Slice", NULL, pos, MM_ONNX_INTS(l, 0),
				 MM_ONNX_INTS(l, (int64_t)T), NULL);
	mm_onnx_set(l, out, mm_onnx_op(l, "Add", NULL, x, pos, NULL));
}

void mm_onnx_op_prepend(struct mm_onnx_list *l, const struct mm_node *out)
{
	const int64_t C = (int64_t)out->shape.dim[2];
	const char *x = mm_onnx_in(l, out, 0), *cls = mm_onnx_in(l, out, 1);
	const char *shape = mm_onnx_op(
		l, "Concat", MM_ONNX_AT(MM_ONNX_I("axis", 0)),
		mm_onnx_length(l, x, 0), MM_ONNX_INTS(l, 1, C), NULL);

	cls = mm_onnx_op(l, "Reshape", NULL, cls, MM_ONNX_INTS(l, 1, 1, C),
			 NULL);
	cls = mm_onnx_op(l, "Expand", NULL, cls, shape, NULL);
	mm_onnx_set(l, out,
		    mm_onnx_op(l, "Concat", MM_ONNX_AT(MM_ONNX_I("axis", 1)),
			       cls, x, NULL));
}

void mm_onnx_op_patches(struct mm_onnx_list *l, const struct mm_node *out)
{
	const size_t *x = out->in[0]->shape.dim;
	const int64_t P = (int64_t)out->at.patches.patch;
	const int64_t C = (int64_t)x[1], h = (int64_t)x[2] / P;
	const int64_t w = (int64_t)x[3] / P;
	const struct mm_onnx_attr order[] = {
		{ .name = "perm",
		  .kind = MM_ONNX_INTS,
		  .ints = { 0, 2, 4, 1, 3, 5 },
		  .n = 6 },
		{ NULL },
	};
	const char *y = mm_onnx_in(l, out, 0);

	if (out->in[0]->elem == MM_ELEM_U8)
		mm_onnx_refuse(l, "pictures of bytes");
	/* What is no whole patch is left out. */
	if ((int64_t)x[2] != h * P || (int64_t)x[3] != w * P)
		y = mm_onnx_op(l, "Slice", NULL, y, MM_ONNX_INTS(l, 0, 0),
			       MM_ONNX_INTS(l, h * P, w * P),
			       MM_ONNX_INTS(l, 2, 3), NULL);
	y = mm_onnx_op(l, "Reshape", NULL, y, MM_ONNX_INTS(l, 0, C, h, P, w, P),
		       NULL);
	y = mm_onnx_op(l, "Transpose", order, y, NULL);
	mm_onnx_set(l, out,
		    mm_onnx_op(l, "Reshape", NULL, y,
			       MM_ONNX_INTS(l, 0, h * w, C * P * P), NULL));
}

/* ---- op_pick.c ---- */

void mm_onnx_op_pick_end(struct mm_onnx_list *l, const struct mm_node *out)
{
	const int eos = out->at.loss.ignore;
	const char *ids = mm_onnx_in(l, out, 1), *at;

	if (eos != MM_EOS_LARGEST) {
		ids = mm_onnx_op(l, "Equal", NULL, ids, MM_ONNX_INTS(l, eos),
				 NULL);
		ids = mm_onnx_op(l, "Cast", MM_ONNX_AT(MM_ONNX_I("to", 6)), ids,
				 NULL);
	}
	/* The first of equals: position 0 where there is no end. */
	at = mm_onnx_op(
		l, "ArgMax",
		MM_ONNX_AT(MM_ONNX_I("axis", 1), MM_ONNX_I("keepdims", 1)), ids,
		NULL);
	mm_onnx_set(l, out,
		    mm_onnx_op(l, "GatherND",
			       MM_ONNX_AT(MM_ONNX_I("batch_dims", 1)),
			       mm_onnx_in(l, out, 0), at, NULL));
}

void mm_onnx_op_pick_row(struct mm_onnx_list *l, const struct mm_node *out)
{
	const size_t T = out->in[0]->shape.dim[1];
	size_t t = out->at.slice.begin;
	/* The last row of a text is the last of any text. */
	const bool last = t && t + 1 == T;
	const char *at =
		mm_onnx_op(l, "Squeeze", NULL,
			   MM_ONNX_INTS(l, last ? -1 : (int64_t)t), NULL);

	mm_onnx_set(l, out,
		    mm_onnx_op(l, "Gather", MM_ONNX_AT(MM_ONNX_I("axis", 1)),
			       mm_onnx_in(l, out, 0), at, NULL));
}

/* x's mean over axis 1 where mask is not 0. */
static const char *masked_mean(struct mm_onnx_list *l, const char *x,
			       const char *mask)
{
	static const struct mm_onnx_attr flat[] = { MM_ONNX_I("keepdims", 0),
						    { NULL } };
	const char *axis = MM_ONNX_INTS(l, 1), *n;

	mask = mm_onnx_op(l, "Cast",
			  MM_ONNX_AT(MM_ONNX_I("to", l->half ? 10 : 1)), mask,
			  NULL);
	mask = mm_onnx_op(l, "Unsqueeze", NULL, mask, MM_ONNX_INTS(l, 2), NULL);
	x = mm_onnx_op(l, "Mul", NULL, x, mask, NULL);
	n = mm_onnx_op(l, "ReduceSum", flat, mask, axis, NULL);
	n = mm_onnx_op(l, "Max", NULL, n, mm_onnx_real(l, 1), NULL);
	x = mm_onnx_op(l, "ReduceSum", flat, x, axis, NULL);
	return mm_onnx_op(l, "Div", NULL, x, n, NULL);
}

void mm_onnx_op_mean_tokens(struct mm_onnx_list *l, const struct mm_node *out)
{
	if (out->n_in > 1) {
		mm_onnx_set(l, out,
			    masked_mean(l, mm_onnx_in(l, out, 0),
					mm_onnx_in(l, out, 1)));
		return;
	}
	mm_onnx_set(l, out,
		    mm_onnx_mean(l, mm_onnx_in(l, out, 0),
				 (const int64_t[]){ 1 }, 1));
}

/*
 * Both ways of resizing a grid are linear: the operator itself, given the unit
 * matrix, tells the matrix that it multiplies with.
 */
static void resized(struct mm_onnx_list *l, const struct mm_node *out)
{
	const size_t R = out->in[0]->shape.dim[0], S = out->shape.dim[0];
	const size_t dim[] = { S, R };
	mm_real *eye = mm_calloc(R * R, sizeof(*eye));
	mm_real *m = mm_calloc(S * R, sizeof(*m));
	float *matrix = mm_calloc(S * R, sizeof(*matrix));
	struct mm_node x = *out->in[0], y = *out;

	if (!eye || !m || !matrix) {
		mm_onnx_refuse(l, "positions for want of memory");
		goto done;
	}
	for (size_t i = 0; i < R; i++)
		eye[i * R + i] = 1;
	x.val = eye;
	x.shape = MM_SHAPE(R, R);
	x.n = R * R;
	y.val = m;
	y.shape = MM_SHAPE(S, R);
	y.n = S * R;
	y.in[0] = &x;
	out->op->fwd(&y);
	for (size_t i = 0; i < S * R; i++)
		matrix[i] = (float)m[i];
	mm_onnx_set(l, out,
		    mm_onnx_op(l, "MatMul", NULL,
			       mm_onnx_array(l, matrix, 2, dim),
			       mm_onnx_in(l, out, 0), NULL));
done:
	mm_free(eye);
	mm_free(m);
	mm_free(matrix);
}

void mm_onnx_op_resize_positions(struct mm_onnx_list *l,
				 const struct mm_node *out)
{
	resized(l, out);
}

void mm_onnx_op_resample_positions(struct mm_onnx_list *l,
				   const struct mm_node *out)
{
	resized(l, out);
}
