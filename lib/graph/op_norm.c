/* op_norm.c - normalisations and softmax as operators. */
#include "graph/onnx.h"
#include "graph/ops.h"

static size_t width(const struct mm_node *n)
{
	return n->shape.dim[n->shape.rank - 1];
}

static size_t rows(const struct mm_node *n)
{
	return n->n / width(n);
}

static int same_shape(struct mm_node *out, struct mm_err *err)
{
	out->shape = out->in[0]->shape;
	if (out->shape.rank < 1 || !width(out))
		return mm_fail(err, MM_ERR_SHAPE, "wants at least one axis");
	return MM_OK;
}

/* ---- layer norm ---- */

static int layernorm_shape(struct mm_node *out, struct mm_err *err)
{
	int rc = same_shape(out, err);

	for (int i = 1; i < 3 && !rc; i++)
		if (out->in[i]->shape.rank != 1 ||
		    out->in[i]->shape.dim[0] != width(out))
			rc = mm_fail(err, MM_ERR_SHAPE,
				     "gain and bias want %zu numbers",
				     width(out));
	return rc;
}

static size_t layernorm_saved(const struct mm_node *out)
{
	return 2 * rows(out) * sizeof(mm_real); /* means, 1/deviations */
}

static void layernorm_fwd(struct mm_node *out)
{
	mm_real *mean = out->saved;

	mm_layernorm_fwd(out->val, mean, mean + rows(out), out->in[0]->val,
			 out->in[1]->val, out->in[2]->val,
			 (mm_real)out->at.norm.eps, rows(out), width(out));
}

static void layernorm_bwd(struct mm_node *out)
{
	const mm_real *mean = out->saved;
	mm_real beta, *dgain = mm_grad_add(out, 1),
		      *dbias = mm_grad_add(out, 2),
		      *dx = mm_grad_beta(out, 0, &beta);

	mm_layernorm_bwd(dx, beta, dgain, dbias, out->grad, mean,
			 mean + rows(out), out->in[0]->val, out->in[1]->val,
			 rows(out), width(out));
}

struct mm_node *mm_layernorm(struct mm_graph *g, struct mm_node *x,
			     struct mm_node *gain, struct mm_node *bias,
			     double eps)
{
	struct mm_node *in[] = { x, gain, bias };

	return mm_emit(g, &mm_op_layernorm, &(union mm_attr){ .norm = { eps } },
		       3, in);
}

static struct mm_node *layernorm_sample(struct mm_graph *g, int v)
{
	const size_t N = v ? 700 : 4, C = v ? 35 : 6;

	if (v > 1)
		return NULL;
	return mm_layernorm(g, mm_leaf(g, MM_SHAPE(N, C)),
			    mm_leaf(g, MM_SHAPE(C)), mm_leaf(g, MM_SHAPE(C)),
			    v ? 1e-12 : 1e-5);
}

const struct mm_op mm_op_layernorm = {
	.name = "layernorm",
	.onnx = mm_onnx_op_layernorm,
	.shape = layernorm_shape,
	.saved = layernorm_saved,
	.fwd = layernorm_fwd,
	.bwd = layernorm_bwd,
	.bwd_reads = 1u << 0 | 1u << 1,
	.by_row = 1u << 0,
	.grad_tol = 1e-6,
	.sample = layernorm_sample,
};

/* ---- unit length ---- */

static size_t l2norm_saved(const struct mm_node *out)
{
	return rows(out) * sizeof(mm_real);
}

static void l2norm_fwd(struct mm_node *out)
{
	mm_l2norm_fwd(out->val, out->saved, out->in[0]->val,
		      (mm_real)out->at.norm.eps, rows(out), width(out));
}

static void l2norm_bwd(struct mm_node *out)
{
	mm_real *dx = mm_grad_add(out, 0);

	if (dx)
		mm_l2norm_bwd(dx, out->grad, out->val, out->saved,
			      (mm_real)out->at.norm.eps, rows(out), width(out));
}

struct mm_node *mm_l2norm(struct mm_graph *g, struct mm_node *x, double eps)
{
	return mm_emit(g, &mm_op_l2norm, &(union mm_attr){ .norm = { eps } }, 1,
		       &x);
}

static struct mm_node *l2norm_sample(struct mm_graph *g, int v)
{
	return v > 1 ? NULL
		     : mm_l2norm(g, mm_leaf(g, MM_SHAPE(v ? 400 : 3, 30)),
				 1e-12);
}

const struct mm_op mm_op_l2norm = {
	.name = "l2norm",
	.onnx = mm_onnx_op_l2norm,
	.shape = same_shape,
	.saved = l2norm_saved,
	.fwd = l2norm_fwd,
	.bwd = l2norm_bwd,
	.bwd_reads = MM_READS_OUT,
	.by_row = 1u << 0,
	.grad_tol = 1e-6,
	.sample = l2norm_sample,
};

/* ---- softmax and its logarithm ---- */

static void softmax_fwd(struct mm_node *out)
{
	mm_softmax_fwd(out->val, out->in[0]->val, out->op == &mm_op_log_softmax,
		       rows(out), width(out));
}

static void softmax_bwd(struct mm_node *out)
{
	mm_real *dx = mm_grad_add(out, 0);

	if (dx)
		mm_softmax_bwd(dx, out->grad, out->val,
			       out->op == &mm_op_log_softmax, rows(out),
			       width(out));
}

struct mm_node *mm_softmax(struct mm_graph *g, struct mm_node *x)
{
	return mm_emit(g, &mm_op_softmax, NULL, 1, &x);
}

struct mm_node *mm_log_softmax(struct mm_graph *g, struct mm_node *x)
{
	return mm_emit(g, &mm_op_log_softmax, NULL, 1, &x);
}

static struct mm_node *softmax_sample(struct mm_graph *g, int v)
{
	return v > 1 ? NULL
		     : mm_softmax(g, mm_leaf(g, MM_SHAPE(v ? 500 : 3, 19)));
}

static struct mm_node *log_softmax_sample(struct mm_graph *g, int v)
{
	return v > 1 ? NULL
		     : mm_log_softmax(g, mm_leaf(g, MM_SHAPE(v ? 500 : 3, 19)));
}

const struct mm_op mm_op_softmax = {
	.name = "softmax",
	.onnx = mm_onnx_op_softmax,
	.shape = same_shape,
	.fwd = softmax_fwd,
	.bwd = softmax_bwd,
	.bwd_reads = MM_READS_OUT,
	.by_row = 1u << 0,
	.grad_tol = 1e-6,
	.sample = softmax_sample,
};

const struct mm_op mm_op_log_softmax = {
	.name = "log_softmax",
	.onnx = mm_onnx_op_log_softmax,
	.shape = same_shape,
	.fwd = softmax_fwd,
	.bwd = softmax_bwd,
	.bwd_reads = MM_READS_OUT,
	.by_row = 1u << 0,
	.grad_tol = 1e-6,
	.sample = log_softmax_sample,
};
