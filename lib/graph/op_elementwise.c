/* op_elementwise.c - arithmetic, activations and noise, element by element. */
#include <string.h>

#include "graph/onnx.h"
#include "graph/ops.h"

/* ---- x op y, y repeated over the leading dimensions ---- */

static int binary_shape(struct mm_node *out, struct mm_err *err)
{
	const struct mm_shape *x = &out->in[0]->shape, *y = &out->in[1]->shape;

	out->shape = *x;
	if (out->in[1]->n == 1)
		return MM_OK;
	for (int i = 1; i <= y->rank; i++)
		if (i > x->rank || x->dim[x->rank - i] != y->dim[y->rank - i])
			return mm_fail(err, MM_ERR_SHAPE,
				       "the second shape is no tail of the "
				       "first");
	return MM_OK;
}

static void binary_fwd(struct mm_node *out)
{
	const mm_real *x = out->in[0]->val, *y = out->in[1]->val;
	const size_t m = out->in[1]->n;

	for (size_t i = 0; i < out->n; i += m)
		for (size_t k = 0; k < m; k++) {
			const mm_real a = x[i + k], b = y[k];

			if (out->op == &mm_op_add)
				out->val[i + k] = a + b;
			else if (out->op == &mm_op_sub)
				out->val[i + k] = a - b;
			else if (out->op == &mm_op_mul)
				out->val[i + k] = a * b;
			else
				out->val[i + k] = a / b;
		}
}

static void binary_bwd(struct mm_node *out)
{
	const mm_real *x = out->in[0]->val, *y = out->in[1]->val;
	const mm_real *g = out->grad;
	const size_t m = out->in[1]->n;
	mm_real *dx = mm_grad_add(out, 0), *dy = mm_grad_add(out, 1);
	const bool product = out->op == &mm_op_mul;
	const bool quotient = out->op == &mm_op_div;
	const mm_real sign = out->op == &mm_op_sub ? -1 : 1;

	for (size_t i = 0; dx && i < out->n; i++)
		dx[i] += product    ? g[i] * y[i % m]
			 : quotient ? g[i] / y[i % m]
				    : g[i];
	for (size_t k = 0; dy && k < m; k++) {
		double s = 0; /* one number may stand for millions */

		for (size_t i = k; i < out->n; i += m) {
			const double gi = (double)g[i];

			if (product)
				s += gi * (double)x[i];
			else if (quotient)
				s -= gi * (double)out->val[i] / (double)y[k];
			else
				s += gi;
		}
		dy[k] += sign * (mm_real)s;
	}
}

static struct mm_node *binary(struct mm_graph *g, const struct mm_op *op,
			      struct mm_node *x, struct mm_node *y)
{
	struct mm_node *in[] = { x, y };

	return mm_emit(g, op, NULL, 2, in);
}

static struct mm_node *binary_sample(struct mm_graph *g, const struct mm_op *op,
				     int v)
{
	const struct mm_shape tails[] = { MM_SHAPE(3, 4), MM_SHAPE(4),
					  MM_SCALAR };

	if (v > 2)
		return NULL;
	return binary(g, op, mm_leaf(g, MM_SHAPE(3, 4)), mm_leaf(g, tails[v]));
}

#define BINARY(NAME, READS)                                              \
	struct mm_node *mm_##NAME(struct mm_graph *g, struct mm_node *x, \
				  struct mm_node *y)                     \
	{                                                                \
		return binary(g, &mm_op_##NAME, x, y);                   \
	}                                                                \
	static struct mm_node *NAME##_sample(struct mm_graph *g, int v)  \
	{                                                                \
		return binary_sample(g, &mm_op_##NAME, v);               \
	}                                                                \
	const struct mm_op mm_op_##NAME = { .name = #NAME,               \
					    .onnx = mm_onnx_op_##NAME,   \
					    .shape = binary_shape,       \
					    .fwd = binary_fwd,           \
					    .bwd = binary_bwd,           \
					    .bwd_reads = READS,          \
					    .by_row = 3,                 \
					    .positive = true,            \
					    .grad_tol = 1e-6,            \
					    .sample = NAME##_sample };

BINARY(add, 0)
BINARY(sub, 0)
BINARY(mul, 3)
BINARY(div, 3 | MM_READS_OUT)

/* ---- factor * x + bias ---- */

static int same_shape(struct mm_node *out, struct mm_err *err)
{
	(void)err;
	out->shape = out->in[0]->shape;
	return MM_OK;
}

static void affine_fwd(struct mm_node *out)
{
	const mm_real a = (mm_real)out->at.affine.factor;
	const mm_real b = (mm_real)out->at.affine.bias;

	for (size_t i = 0; i < out->n; i++)
		out->val[i] = a * out->in[0]->val[i] + b;
}

static void affine_bwd(struct mm_node *out)
{
	mm_real beta, *d = mm_grad_beta(out, 0, &beta);

	if (d)
		mm_axpby(d, beta, (mm_real)out->at.affine.factor, out->grad,
			 out->n);
}

struct mm_node *mm_affine(struct mm_graph *g, struct mm_node *x, double factor,
			  double bias)
{
	return mm_emit(g, &mm_op_affine,
		       &(union mm_attr){ .affine = { factor, bias } }, 1, &x);
}

static struct mm_node *affine_sample(struct mm_graph *g, int v)
{
	return v ? NULL : mm_affine(g, mm_leaf(g, MM_SHAPE(3, 4)), -1.5, 0.25);
}

const struct mm_op mm_op_affine = {
	.name = "affine",
	.onnx = mm_onnx_op_affine,
	.shape = same_shape,
	.fwd = affine_fwd,
	.bwd = affine_bwd,
	.by_row = 1u << 0,
	.grad_tol = 1e-6,
	.sample = affine_sample,
};

/* ---- activations ---- */

static void activate_fwd(struct mm_node *out)
{
	mm_act_fwd(out->val, out->in[0]->val, out->at.linear.act, out->n);
}

static void activate_bwd(struct mm_node *out)
{
	mm_real beta, *d = mm_grad_beta(out, 0, &beta);

	if (d)
		mm_act_bwd(d, out->grad, out->in[0]->val, out->at.linear.act,
			   beta, out->n);
}

struct mm_node *mm_activate(struct mm_graph *g, struct mm_node *x,
			    enum mm_act act)
{
	return mm_emit(g, &mm_op_activate,
		       &(union mm_attr){ .linear = { act } }, 1, &x);
}

struct mm_node *mm_exp(struct mm_graph *g, struct mm_node *x)
{
	return mm_activate(g, x, MM_ACT_EXP);
}

struct mm_node *mm_log(struct mm_graph *g, struct mm_node *x)
{
	return mm_activate(g, x, MM_ACT_LOG);
}

static struct mm_node *activate_sample(struct mm_graph *g, int v)
{
	return v >= MM_N_ACTS ? NULL
			      : mm_activate(g, mm_leaf(g, MM_SHAPE(3, 7)),
					    (enum mm_act)v);
}

const struct mm_op mm_op_activate = {
	.name = "activate",
	.onnx = mm_onnx_op_activate,
	.shape = same_shape,
	.fwd = activate_fwd,
	.bwd = activate_bwd,
	.bwd_reads = 1u << 0,
	.by_row = 1u << 0,
	.positive = true,
	.grad_tol = 1e-6,
	.sample = activate_sample,
};

/* ---- dropout, and drop path for whole samples ---- */

static size_t group_of(const struct mm_node *out)
{
	return out->at.dropout.rows ? out->n / out->shape.dim[0] : 1;
}

static void noise(struct mm_node *out, mm_real *y, mm_real beta,
		  const mm_real *x)
{
	if (out->graph->mode == MM_TRAIN && out->at.dropout.p > 0)
		mm_dropout(y, beta, x, out->at.dropout.p, mm_noise_key(out),
			   mm_noise_offset(out), group_of(out), out->n);
	else
		mm_axpby(y, beta, 1, x, out->n);
}

static void dropout_fwd(struct mm_node *out)
{
	noise(out, out->val, 0, out->in[0]->val);
}

static void dropout_bwd(struct mm_node *out)
{
	mm_real beta, *d = mm_grad_beta(out, 0, &beta);

	if (d)
		noise(out, d, beta, out->grad);
}

static struct mm_node *emit_noise(struct mm_graph *g, struct mm_node *x,
				  double p, bool rows)
{
	if (p == 0 || g->mode != MM_TRAIN)
		return x;
	return mm_emit(g, &mm_op_dropout,
		       &(union mm_attr){ .dropout = { p, rows } }, 1, &x);
}

struct mm_node *mm_dropout_node(struct mm_graph *g, struct mm_node *x, double p)
{
	return emit_noise(g, x, p, false);
}

struct mm_node *mm_drop_path(struct mm_graph *g, struct mm_node *x, double p)
{
	return emit_noise(g, x, p, true);
}

static struct mm_node *dropout_sample(struct mm_graph *g, int v)
{
	return v > 1 ? NULL : emit_noise(g, mm_leaf(g, MM_SHAPE(5, 4)), 0.4, v);
}

const struct mm_op mm_op_dropout = {
	.name = "dropout",
	.onnx = mm_onnx_op_dropout,
	.shape = same_shape,
	.fwd = dropout_fwd,
	.bwd = dropout_bwd,
	.stochastic = true,
	.grad_tol = 1e-6,
	.sample = dropout_sample,
};
