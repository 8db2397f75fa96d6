/*
 * op_batchnorm.c - batch norm as an operator, and what a convolution takes
 * over of it when nothing is trained:
 *
 *	s = gain / sqrt(var + eps)
 *	bn(conv(x, w)) = conv(x, s w) + (bias - mean s)
 */
#include "graph/onnx.h"
#include "graph/ops.h"
#include "kernel/batchnorm.h"

enum { X, GAIN, BIAS, MEAN, VAR, COUNT, RESIDUAL };

static bool is_row(const struct mm_node *n, size_t C)
{
	return n->shape.rank == 1 && n->n == C;
}

/* ---- batch norm ---- */

static int batch_norm_shape(struct mm_node *out, struct mm_err *err)
{
	const struct mm_shape *x = &out->in[X]->shape;
	const struct mm_node *r = out->in[RESIDUAL];

	if (x->rank < 2 || !x->dim[1])
		return mm_fail(err, MM_ERR_SHAPE, "wants x (B, C, ...)");
	for (int i = GAIN; i <= VAR; i++)
		if (!is_row(out->in[i], x->dim[1]))
			return mm_fail(err, MM_ERR_SHAPE,
				       "gain, bias, mean and variance want "
				       "%zu numbers",
				       x->dim[1]);
	if (out->graph->mode == MM_TRAIN && out->in[X]->n <= x->dim[1])
		return mm_fail(err, MM_ERR_SHAPE,
			       "statistics of a batch want more than one value "
			       "a channel: use larger batches or pictures");
	out->shape = *x;
	if (r && !mm_shape_equal(&r->shape, &out->shape))
		return mm_fail(err, MM_ERR_SHAPE,
			       "the residual has another shape");
	return MM_OK;
}

/* A frozen layer keeps to its running statistics (LiT: Zhai et al., 2022). */
static struct mm_batchnorm batch_norm_of(const struct mm_node *out)
{
	const struct mm_param *gain = out->in[GAIN]->param;
	const size_t *dim = out->shape.dim;

	return (struct mm_batchnorm){
		.B = dim[0],
		.C = dim[1],
		.n = out->n / (dim[0] * dim[1]),
		.eps = (mm_real)out->at.batchnorm.eps,
		.momentum = (mm_real)out->at.batchnorm.momentum,
		.act = out->at.batchnorm.act,
		.train =
			out->graph->mode == MM_TRAIN && !(gain && gain->frozen),
		.keep = out->graph->again,
		.gain = out->in[GAIN]->val,
		.bias = out->in[BIAS]->val,
		.residual = out->in[RESIDUAL] ? out->in[RESIDUAL]->val : NULL,
		.running_mean = out->in[MEAN]->val,
		.running_var = out->in[VAR]->val,
	};
}

static size_t batch_norm_saved(const struct mm_node *out)
{
	return 2 * out->shape.dim[1] * sizeof(mm_real);
}

static size_t batch_norm_work(const struct mm_node *out)
{
	const size_t *dim = out->shape.dim;
	const struct mm_batchnorm p = { .B = dim[0],
					.C = dim[1],
					.n = out->n / (dim[0] * dim[1]) };

	return out->needs_grad ? mm_batchnorm_work(&p) * sizeof(mm_real) : 0;
}

static void batch_norm_fwd(struct mm_node *out)
{
	const struct mm_batchnorm p = batch_norm_of(out);
	mm_real *mean = out->saved;

	mm_batchnorm_fwd(out->val, mean, mean + p.C, out->in[X]->val, &p);
	if (p.train && !p.keep && out->in[COUNT])
		out->in[COUNT]->val[0] += 1;
}

static void batch_norm_bwd(struct mm_node *out)
{
	const struct mm_batchnorm p = batch_norm_of(out);
	const mm_real *mean = out->saved;
	struct mm_batchnorm_grads d;

	d.dgain = mm_grad_add(out, GAIN);
	d.dbias = mm_grad_add(out, BIAS);
	d.dresidual = mm_grad_beta(out, RESIDUAL, &d.beta_residual);
	d.dx = mm_grad_beta(out, X, &d.beta_x);
	mm_batchnorm_bwd(&d, out->grad, mean, mean + p.C, out->in[X]->val, &p,
			 out->work);
}

struct mm_node *mm_batch_norm(struct mm_graph *g, struct mm_node *x,
			      const struct mm_batch_norm_params *p,
			      struct mm_node *residual, enum mm_act act,
			      double eps, double momentum)
{
	struct mm_node *in[] = { x,	 p->gain,  p->bias, p->mean,
				 p->var, p->count, residual };

	return mm_emit(g, &mm_op_batch_norm,
		       &(union mm_attr){ .batchnorm = { eps, momentum, act } },
		       7, in);
}

static struct mm_batch_norm_params sample_params(struct mm_graph *g, size_t C)
{
	return (struct mm_batch_norm_params){
		mm_leaf(g, MM_SHAPE(C)),
		mm_leaf(g, MM_SHAPE(C)),
		mm_buffer(g, MM_SHAPE(C), MM_FILL(0.1), "mean"),
		mm_buffer(g, MM_SHAPE(C), MM_FILL(0.7), "var"),
		mm_buffer(g, MM_SCALAR, MM_INIT_ZERO, "count"),
	};
}

static struct mm_node *batch_norm_sample(struct mm_graph *g, int v)
{
	static const enum mm_act acts[] = { MM_ACT_NONE, MM_ACT_SILU,
					    MM_ACT_TANH, MM_ACT_NONE };
	const struct mm_shape s =
		v == 3 ? MM_SHAPE(40, 5, 7, 9) : MM_SHAPE(3, 4, 2, 5);
	struct mm_batch_norm_params p;
	struct mm_node *x;

	if (v > 4)
		return NULL;
	p = sample_params(g, s.dim[1]);
	x = mm_leaf(g, s);
	if (v == 4) /* the gain is a parameter, and the tests freeze those */
		p.gain = mm_param(g, MM_SHAPE(s.dim[1]), MM_FILL(1.3), "gain");
	return mm_batch_norm(g, x, &p, v >= 2 ? mm_leaf(g, s) : NULL,
			     acts[v % 4], v == 1 ? 1e-3 : 1e-5, 0.1);
}

const struct mm_op mm_op_batch_norm = {
	.name = "batch_norm",
	.onnx = mm_onnx_op_batch_norm,
	.shape = batch_norm_shape,
	.saved = batch_norm_saved,
	.work = batch_norm_work,
	.fwd = batch_norm_fwd,
	.bwd = batch_norm_bwd,
	.bwd_reads = 1u << X | 1u << GAIN | 1u << BIAS | 1u << RESIDUAL,
	.grad_tol = 1e-6,
	.sample = batch_norm_sample,
};

/* ---- folded into the convolution in front ---- */

enum { FW, FGAIN, FVAR };
enum { BBIAS, BGAIN, BMEAN, BVAR };

static int fold_weight_shape(struct mm_node *out, struct mm_err *err)
{
	const struct mm_shape *w = &out->in[FW]->shape;

	if (w->rank < 1 || !is_row(out->in[FGAIN], w->dim[0]) ||
	    !is_row(out->in[FVAR], w->dim[0]))
		return mm_fail(err, MM_ERR_SHAPE,
			       "wants weights (F, ...), gain and variance (F)");
	out->shape = *w;
	return MM_OK;
}

static mm_real rstd(const struct mm_node *out, const struct mm_node *var,
		    size_t f)
{
	return 1 / MM_R(sqrt)(var->val[f] + (mm_real)out->at.batchnorm.eps);
}

static void fold_weight_fwd(struct mm_node *out)
{
	const struct mm_node *w = out->in[FW], *gain = out->in[FGAIN];
	const size_t F = gain->n, n = w->n / F;

	for (size_t f = 0; f < F; f++) {
		const mm_real s = gain->val[f] * rstd(out, out->in[FVAR], f);

		for (size_t i = f * n; i < (f + 1) * n; i++)
			out->val[i] = s * w->val[i];
	}
}

static void fold_weight_bwd(struct mm_node *out)
{
	const struct mm_node *w = out->in[FW], *gain = out->in[FGAIN];
	const size_t F = gain->n, n = w->n / F;
	mm_real *dw = mm_grad_add(out, FW), *dgain = mm_grad_add(out, FGAIN);

	for (size_t f = 0; f < F; f++) {
		const mm_real r = rstd(out, out->in[FVAR], f);
		mm_real dot = 0;

		for (size_t i = f * n; i < (f + 1) * n; i++) {
			if (dw)
				dw[i] += gain->val[f] * r * out->grad[i];
			dot += out->grad[i] * w->val[i];
		}
		if (dgain)
			dgain[f] += dot * r;
	}
}

struct mm_node *mm_fold_weight(struct mm_graph *g, struct mm_node *w,
			       const struct mm_batch_norm_params *p, double eps)
{
	struct mm_node *in[] = { w, p->gain, p->var };

	return mm_emit(g, &mm_op_fold_weight,
		       &(union mm_attr){ .batchnorm = { .eps = eps } }, 3, in);
}

static struct mm_node *fold_weight_sample(struct mm_graph *g, int v)
{
	struct mm_batch_norm_params p;

	if (v)
		return NULL;
	p = sample_params(g, 4);
	return mm_fold_weight(g, mm_leaf(g, MM_SHAPE(4, 3, 2, 2)), &p, 1e-3);
}

static int fold_bias_shape(struct mm_node *out, struct mm_err *err)
{
	for (int i = BGAIN; i <= BVAR; i++)
		if (!is_row(out->in[i], out->in[BBIAS]->n))
			return mm_fail(err, MM_ERR_SHAPE,
				       "wants four rows of one width");
	out->shape = out->in[BBIAS]->shape;
	return MM_OK;
}

static void fold_bias_fwd(struct mm_node *out)
{
	for (size_t f = 0; f < out->n; f++)
		out->val[f] = out->in[BBIAS]->val[f] -
			      out->in[BMEAN]->val[f] * out->in[BGAIN]->val[f] *
				      rstd(out, out->in[BVAR], f);
}

static void fold_bias_bwd(struct mm_node *out)
{
	mm_real *dbias = mm_grad_add(out, BBIAS);
	mm_real *dgain = mm_grad_add(out, BGAIN);

	for (size_t f = 0; dbias && f < out->n; f++)
		dbias[f] += out->grad[f];
	for (size_t f = 0; dgain && f < out->n; f++)
		dgain[f] -= out->grad[f] * out->in[BMEAN]->val[f] *
			    rstd(out, out->in[BVAR], f);
}

struct mm_node *mm_fold_bias(struct mm_graph *g,
			     const struct mm_batch_norm_params *p, double eps)
{
	struct mm_node *in[] = { p->bias, p->gain, p->mean, p->var };

	return mm_emit(g, &mm_op_fold_bias,
		       &(union mm_attr){ .batchnorm = { .eps = eps } }, 4, in);
}

static struct mm_node *fold_bias_sample(struct mm_graph *g, int v)
{
	struct mm_batch_norm_params p;

	if (v)
		return NULL;
	p = sample_params(g, 4);
	return mm_fold_bias(g, &p, 1e-3);
}

const struct mm_op mm_op_fold_weight = {
	.name = "fold_weight",
	.onnx = mm_onnx_op_fold_weight,
	.shape = fold_weight_shape,
	.fwd = fold_weight_fwd,
	.bwd = fold_weight_bwd,
	.bwd_reads = 1u << FW | 1u << FGAIN,
	.grad_tol = 1e-6,
	.sample = fold_weight_sample,
};

const struct mm_op mm_op_fold_bias = {
	.name = "fold_bias",
	.onnx = mm_onnx_op_fold_bias,
	.shape = fold_bias_shape,
	.fwd = fold_bias_fwd,
	.bwd = fold_bias_bwd,
	.grad_tol = 1e-6,
	.sample = fold_bias_sample,
};
