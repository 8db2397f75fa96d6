/* onnx_maps.c - convolutional towers' operators in ONNX's; see onnx.h. */
#include "graph/onnx.h"
#include "graph/ops.h"

static struct mm_onnx_attr ints(const char *name, int n, const int64_t *x)
{
	struct mm_onnx_attr at = { .name = name, .kind = MM_ONNX_INTS, .n = n };

	for (int i = 0; i < n; i++)
		at.ints[i] = x[i];
	return at;
}

/* left, right, top, bottom in ONNX's order: the beginnings, then the ends. */
static struct mm_onnx_attr pads(const size_t pad[4])
{
	return ints("pads", 4,
		    (const int64_t[]){ (int64_t)pad[2], (int64_t)pad[0],
				       (int64_t)pad[3], (int64_t)pad[1] });
}

static struct mm_onnx_attr twice(const char *name, size_t n)
{
	return ints(name, 2, (const int64_t[]){ (int64_t)n, (int64_t)n });
}

/* ---- op_conv.c ---- */

/* gain / sqrt(var + eps) */
static const char *folded(struct mm_onnx_list *l, const struct mm_node *out,
			  const char *gain, const char *var)
{
	const char *s;

	s = mm_onnx_op(l, "Add", NULL, var,
		       mm_onnx_real(l, out->at.batchnorm.eps), NULL);
	s = mm_onnx_op(l, "Sqrt", NULL, s, NULL);
	return mm_onnx_op(l, "Div", NULL, gain, s, NULL);
}

/* int8 kernels of a node of weights; *x is then what they multiply. */
static const char *kernels(struct mm_onnx_list *l, const struct mm_node *w,
			   const char **x)
{
	if (w->param)
		return mm_onnx_kernels(l, x, w->param, NULL);
	if (w->op != &mm_op_fold_weight || !w->in[0]->param)
		return NULL;
	return mm_onnx_kernels(
		l, x, w->in[0]->param,
		folded(l, w, mm_onnx_in(l, w, 1), mm_onnx_in(l, w, 2)));
}

static void conv(struct mm_onnx_list *l, const struct mm_node *out,
		 size_t groups)
{
	const size_t *w = out->in[1]->shape.dim;
	const struct mm_onnx_attr at[] = {
		ints("kernel_shape", 2,
		     (const int64_t[]){ (int64_t)w[2], (int64_t)w[3] }),
		twice("strides", out->at.conv.stride),
		pads(out->at.conv.pad),
		MM_ONNX_I("group", (int64_t)groups),
		{ NULL },
	};
	const char *residual = mm_onnx_in(l, out, 3), *y;
	const char *x = mm_onnx_in(l, out, 0);

	y = kernels(l, out->in[1], &x);
	/* An absent bias ends the list of inputs. */
	y = mm_onnx_op(l, "Conv", at, x, y ? y : mm_onnx_in(l, out, 1),
		       mm_onnx_in(l, out, 2), NULL);
	y = mm_onnx_act(l, y, out->at.conv.act);
	if (residual)
		y = mm_onnx_op(l, "Add", NULL, y, residual, NULL);
	mm_onnx_set(l, out, y);
}

void mm_onnx_op_conv2d(struct mm_onnx_list *l, const struct mm_node *out)
{
	conv(l, out, 1);
}

void mm_onnx_op_depthwise(struct mm_onnx_list *l, const struct mm_node *out)
{
	conv(l, out, out->in[1]->shape.dim[0]);
}

/* ---- op_batchnorm.c ---- */

void mm_onnx_op_batch_norm(struct mm_onnx_list *l, const struct mm_node *out)
{
	const char *residual = mm_onnx_in(l, out, 6), *y;

	y = mm_onnx_op(l, "BatchNormalization",
		       MM_ONNX_AT(MM_ONNX_F("epsilon", out->at.batchnorm.eps)),
		       mm_onnx_in(l, out, 0), mm_onnx_in(l, out, 1),
		       mm_onnx_in(l, out, 2), mm_onnx_in(l, out, 3),
		       mm_onnx_in(l, out, 4), NULL);
	if (residual)
		y = mm_onnx_op(l, "Add", NULL, y, residual, NULL);
	mm_onnx_set(l, out, mm_onnx_act(l, y, out->at.batchnorm.act));
}

void mm_onnx_op_fold_weight(struct mm_onnx_list *l, const struct mm_node *out)
{
	const struct mm_shape *w = &out->in[0]->shape;
	const char *s =
		folded(l, out, mm_onnx_in(l, out, 1), mm_onnx_in(l, out, 2));
	int64_t shape[MM_MAX_RANK] = { -1, 1, 1, 1, 1, 1, 1, 1 };

	s = mm_onnx_op(l, "Reshape", NULL, s,
		       mm_onnx_ints(l, shape, (size_t)w->rank), NULL);
	mm_onnx_set(l, out,
		    mm_onnx_op(l, "Mul", NULL, mm_onnx_in(l, out, 0), s, NULL));
}

void mm_onnx_op_fold_bias(struct mm_onnx_list *l, const struct mm_node *out)
{
	const char *s =
		folded(l, out, mm_onnx_in(l, out, 1), mm_onnx_in(l, out, 3));

	s = mm_onnx_op(l, "Mul", NULL, mm_onnx_in(l, out, 2), s, NULL);
	mm_onnx_set(l, out,
		    mm_onnx_op(l, "Sub", NULL, mm_onnx_in(l, out, 0), s, NULL));
}

/* ---- op_pool.c ---- */

void mm_onnx_op_max_pool(struct mm_onnx_list *l, const struct mm_node *out)
{
	const struct mm_onnx_attr at[] = {
		twice("kernel_shape", out->at.conv.kernel),
		twice("strides", out->at.conv.stride),
		pads(out->at.conv.pad),
		{ NULL },
	};

	mm_onnx_set(l, out,
		    mm_onnx_op(l, "MaxPool", at, mm_onnx_in(l, out, 0), NULL));
}

void mm_onnx_op_avg_pool(struct mm_onnx_list *l, const struct mm_node *out)
{
	const struct mm_onnx_attr at[] = {
		twice("kernel_shape", out->at.conv.kernel),
		twice("strides", out->at.conv.stride),
		{ NULL },
	};

	mm_onnx_set(
		l, out,
		mm_onnx_op(l, "AveragePool", at, mm_onnx_in(l, out, 0), NULL));
}

void mm_onnx_op_mean_map(struct mm_onnx_list *l, const struct mm_node *out)
{
	mm_onnx_set(l, out,
		    mm_onnx_mean(l, mm_onnx_in(l, out, 0),
				 (const int64_t[]){ 2, 3 }, 2));
}

void mm_onnx_op_scale_maps(struct mm_onnx_list *l, const struct mm_node *out)
{
	const char *s = mm_onnx_op(l, "Unsqueeze", NULL, mm_onnx_in(l, out, 1),
				   MM_ONNX_INTS(l, 2, 3), NULL);

	mm_onnx_set(l, out,
		    mm_onnx_op(l, "Mul", NULL, mm_onnx_in(l, out, 0), s, NULL));
}

/* Bytes are looked up in a table here; an exported graph takes numbers. */
void mm_onnx_op_pixels(struct mm_onnx_list *l, const struct mm_node *out)
{
	if (out->in[0]->elem == MM_ELEM_U8)
		mm_onnx_refuse(l, "pictures of bytes");
	mm_onnx_set(l, out, mm_onnx_in(l, out, 0));
}
