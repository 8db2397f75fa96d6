/* op_conv.c - convolutions as operators: general and depthwise. */
#include "graph/onnx.h"
#include "graph/ops.h"
#include "kernel/conv.h"

enum { X, W, BIAS, RESIDUAL };

static bool depthwise(const struct mm_node *out)
{
	return out->op == &mm_op_depthwise;
}

static struct mm_conv problem(const struct mm_node *out)
{
	const size_t *x = out->in[X]->shape.dim, *w = out->in[W]->shape.dim;

	return (struct mm_conv){
		.B = x[0],
		.C = x[1],
		.H = x[2],
		.W = x[3],
		.F = w[0],
		.kh = w[2],
		.kw = w[3],
		.stride = out->at.conv.stride,
		.left = out->at.conv.pad[0],
		.right = out->at.conv.pad[1],
		.top = out->at.conv.pad[2],
		.bottom = out->at.conv.pad[3],
	};
}

static int check(const struct mm_node *out, struct mm_err *err)
{
	const struct mm_shape *x = &out->in[X]->shape, *w = &out->in[W]->shape;
	const struct mm_node *b = out->in[BIAS];

	if (x->rank != 4 || w->rank != 4)
		return mm_fail(err, MM_ERR_SHAPE,
			       "wants x (B, C, H, W) and weights (F, C, k, k)");
	if (depthwise(out) ? w->dim[0] != x->dim[1] || w->dim[1] != 1
			   : w->dim[1] != x->dim[1])
		return mm_fail(err, MM_ERR_SHAPE,
			       "maps of %zu channels do not fit the weights",
			       x->dim[1]);
	if (depthwise(out) && w->dim[2] * w->dim[3] > 121)
		return mm_fail(err, MM_ERR_SHAPE,
			       "a kernel of %zux%zu is too large", w->dim[2],
			       w->dim[3]);
	if (b && (b->shape.rank != 1 || b->shape.dim[0] != w->dim[0]))
		return mm_fail(err, MM_ERR_SHAPE, "the bias has another width");
	return MM_OK;
}

static int conv_shape(struct mm_node *out, struct mm_err *err)
{
	const struct mm_node *r = out->in[RESIDUAL];
	struct mm_conv p;
	int rc = check(out, err);

	if (rc)
		return rc;
	p = problem(out);
	out->shape = MM_SHAPE(p.B, p.F, mm_conv_rows(&p), mm_conv_cols(&p));
	if (!out->shape.dim[2] || !out->shape.dim[3])
		return mm_fail(err, MM_ERR_SHAPE,
			       "a map of %zux%zu is smaller than the kernel",
			       p.W, p.H);
	if (r && !mm_shape_equal(&r->shape, &out->shape))
		return mm_fail(err, MM_ERR_SHAPE,
			       "the residual has another shape");
	return MM_OK;
}

/* What the activation was given, where a backward pass will want it. */
static size_t conv_saved(const struct mm_node *out)
{
	return out->at.conv.act != MM_ACT_NONE && out->needs_grad
		       ? out->n * sizeof(mm_real)
		       : 0;
}

static size_t kernel_work(const struct mm_node *out)
{
	const struct mm_conv p = problem(out);

	return depthwise(out) ? mm_depthwise_work(&p) : mm_conv_work(&p);
}

/* The kernel's scratch, and behind it the gradient before the activation. */
static size_t conv_work(const struct mm_node *out)
{
	return kernel_work(out) * sizeof(mm_real) + conv_saved(out);
}

static void run(mm_real *y, const struct mm_node *out, const struct mm_conv *p)
{
	const mm_real *x = out->in[X]->val, *w = out->in[W]->val;

	if (depthwise(out))
		mm_depthwise_fwd(y, x, w, p, out->work);
	else
		mm_conv_fwd(y, x, w, p, out->work);
}

static void conv_fwd(struct mm_node *out)
{
	const struct mm_node *r = out->in[RESIDUAL];
	struct mm_conv p = problem(out);

	p.bias = out->in[BIAS] ? out->in[BIAS]->val : NULL;
	if (conv_saved(out)) {
		run(out->saved, out, &p);
		mm_act_fwd(out->val, out->saved, out->at.conv.act, out->n);
		if (r)
			mm_add_to(out->val, r->val, out->n);
		return;
	}
	p.act = out->at.conv.act;
	p.residual = r ? r->val : NULL;
	run(out->val, out, &p);
}

static void conv_bwd(struct mm_node *out)
{
	const mm_real *x = out->in[X]->val, *w = out->in[W]->val;
	const mm_real *dy = out->grad;
	const struct mm_conv p = problem(out);
	mm_real *work = out->work, *du = work + kernel_work(out), beta, *d;

	if ((d = mm_grad_beta(out, RESIDUAL, &beta)))
		mm_axpby(d, beta, 1, dy, out->n);
	if (out->at.conv.act != MM_ACT_NONE) {
		mm_act_bwd(du, dy, out->saved, out->at.conv.act, 0, out->n);
		dy = du;
	}
	if ((d = mm_grad_add(out, BIAS)))
		mm_conv_bwd_bias(d, dy, p.B, p.F,
				 out->shape.dim[2] * out->shape.dim[3]);
	if ((d = mm_grad_add(out, W))) {
		if (depthwise(out))
			mm_depthwise_bwd_w(d, dy, x, &p, work);
		else
			mm_conv_bwd_w(d, dy, x, &p, work);
	}
	if ((d = mm_grad_beta(out, X, &beta))) {
		if (depthwise(out))
			mm_depthwise_bwd_x(d, beta, dy, w, &p, work);
		else
			mm_conv_bwd_x(d, beta, dy, w, &p, work);
	}
}

static struct mm_node *emit(struct mm_graph *g, const struct mm_op *op,
			    struct mm_node *const in[4], enum mm_act act,
			    size_t stride, const size_t pad[4])
{
	union mm_attr at = { .conv = { .stride = stride, .act = act } };

	for (int i = 0; pad && i < 4; i++)
		at.conv.pad[i] = pad[i];
	return mm_emit(g, op, &at, 4, in);
}

struct mm_node *mm_conv2d(struct mm_graph *g, struct mm_node *x,
			  struct mm_node *w, struct mm_node *b,
			  struct mm_node *residual, enum mm_act act,
			  size_t stride, const size_t pad[4])
{
	struct mm_node *const in[] = { x, w, b, residual };

	return emit(g, &mm_op_conv2d, in, act, stride, pad);
}

struct mm_node *mm_depthwise(struct mm_graph *g, struct mm_node *x,
			     struct mm_node *w, struct mm_node *b,
			     struct mm_node *residual, enum mm_act act,
			     size_t stride, const size_t pad[4])
{
	struct mm_node *const in[] = { x, w, b, residual };

	return emit(g, &mm_op_depthwise, in, act, stride, pad);
}

static const struct sample {
	size_t B, C, H, W, F, k, stride, pad[4];
	enum mm_act act;
	bool bias, residual;
} samples[] = {
	{ 2, 3, 5, 6, 4, 3, 1, { 1, 1, 1, 1 }, MM_ACT_NONE, false, false },
	{ 2, 3, 7, 6, 5, 3, 2, { 0, 1, 0, 1 }, MM_ACT_SILU, true, false },
	{ 1, 4, 3, 5, 6, 1, 1, { 0, 0, 0, 0 }, MM_ACT_TANH, true, true },
	{ 2, 2, 9, 8, 3, 5, 2, { 1, 2, 1, 2 }, MM_ACT_NONE, true, true },
	{ 2, 20, 14, 14, 40, 3, 1, { 1, 1, 1, 1 }, MM_ACT_NONE, true, false },
};

static struct mm_node *sample(struct mm_graph *g, const struct mm_op *op, int v)
{
	const bool deep = op == &mm_op_depthwise;
	struct mm_node *in[4] = { NULL };
	const struct sample *s;
	size_t F;

	if (v >= (int)(sizeof(samples) / sizeof(*samples)))
		return NULL;
	s = &samples[v];
	F = deep ? s->C : s->F;
	in[X] = mm_leaf(g, MM_SHAPE(s->B, s->C, s->H, s->W));
	in[W] = mm_leaf(g, MM_SHAPE(F, deep ? 1 : s->C, s->k, s->k));
	in[BIAS] = s->bias ? mm_leaf(g, MM_SHAPE(F)) : NULL;
	if (s->residual)
		in[RESIDUAL] = mm_leaf(
			g, MM_SHAPE(s->B, F,
				    (s->H + s->pad[2] + s->pad[3] - s->k) /
						    s->stride +
					    1,
				    (s->W + s->pad[0] + s->pad[1] - s->k) /
						    s->stride +
					    1));
	return emit(g, op, in, s->act, s->stride, s->pad);
}

static struct mm_node *conv2d_sample(struct mm_graph *g, int v)
{
	return sample(g, &mm_op_conv2d, v);
}

static struct mm_node *depthwise_sample(struct mm_graph *g, int v)
{
	return sample(g, &mm_op_depthwise, v);
}

const struct mm_op mm_op_conv2d = {
	.name = "conv2d",
	.onnx = mm_onnx_op_conv2d,
	.shape = conv_shape,
	.saved = conv_saved,
	.work = conv_work,
	.fwd = conv_fwd,
	.bwd = conv_bwd,
	.bwd_reads = 1u << X | 1u << W,
	.grad_tol = 1e-6,
	.sample = conv2d_sample,
};

const struct mm_op mm_op_depthwise = {
	.name = "depthwise",
	.onnx = mm_onnx_op_depthwise,
	.shape = conv_shape,
	.saved = conv_saved,
	.work = conv_work,
	.fwd = conv_fwd,
	.bwd = conv_bwd,
	.bwd_reads = 1u << X | 1u << W,
	.grad_tol = 1e-6,
	.sample = depthwise_sample,
};
