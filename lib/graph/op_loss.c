/* op_loss.c - losses as operators; all are scalars. */
#include <math.h>

#include "graph/ops.h"

/* ---- cross-entropy of rows ---- */

static int cross_entropy_shape(struct mm_node *out, struct mm_err *err)
{
	const struct mm_node *z = out->in[0], *t = out->in[1];

	if (z->shape.rank != 2 || t->elem != MM_ELEM_I32 ||
	    t->n != z->shape.dim[0])
		return mm_fail(err, MM_ERR_SHAPE,
			       "wants logits (N, K) and N targets");
	out->shape = MM_SCALAR;
	return MM_OK;
}

static size_t lse_saved(const struct mm_node *out)
{
	/* InfoNCE keeps rows and columns. */
	return 2 * out->in[0]->shape.dim[0] * sizeof(mm_real);
}

static void cross_entropy_fwd(struct mm_node *out)
{
	const size_t *d = out->in[0]->shape.dim;

	out->val[0] = mm_cross_entropy_fwd(out->saved, out->in[0]->val,
					   out->in[1]->data,
					   (mm_real)out->at.loss.smoothing,
					   out->at.loss.ignore, d[0], d[1]);
}

static void cross_entropy_bwd(struct mm_node *out)
{
	const size_t *d = out->in[0]->shape.dim;
	mm_real *dz = mm_grad_add(out, 0);

	if (dz)
		mm_cross_entropy_bwd(dz, out->grad[0], out->saved,
				     out->in[0]->val, out->in[1]->data,
				     (mm_real)out->at.loss.smoothing,
				     out->at.loss.ignore, d[0], d[1]);
}

struct mm_node *mm_cross_entropy(struct mm_graph *g, struct mm_node *logits,
				 struct mm_node *targets, double smoothing)
{
	struct mm_node *in[] = { logits, targets };
	const union mm_attr at = { .loss = { smoothing, -100, false } };

	return mm_emit(g, &mm_op_cross_entropy, &at, 2, in);
}

static struct mm_node *integers(struct mm_graph *g, const int32_t *x, size_t n)
{
	struct mm_node *t = mm_input(g, "labels", MM_ELEM_I32, MM_SHAPE(n));

	if (t)
		t->data = x;
	return t;
}

static struct mm_node *cross_entropy_sample(struct mm_graph *g, int v)
{
	static const int32_t targets[] = { 2, 0, -100, 4 };

	return v > 1 ? NULL
		     : mm_cross_entropy(g, mm_leaf(g, MM_SHAPE(4, 5)),
					integers(g, targets, 4), v ? 0.1 : 0);
}

const struct mm_op mm_op_cross_entropy = {
	.name = "cross_entropy",
	.training = true,
	.shape = cross_entropy_shape,
	.saved = lse_saved,
	.fwd = cross_entropy_fwd,
	.bwd = cross_entropy_bwd,
	.bwd_reads = 1,
	.grad_tol = 1e-6,
	.sample = cross_entropy_sample,
};

/* ---- the contrastive losses ---- */

static int contrastive_shape(struct mm_node *out, struct mm_err *err)
{
	const struct mm_node *z = out->in[0], *t = out->in[1];

	if (z->shape.rank != 2 || z->shape.dim[0] != z->shape.dim[1])
		return mm_fail(err, MM_ERR_SHAPE, "wants square logits");
	if (t && (t->elem != MM_ELEM_I32 || t->n != z->shape.dim[0]))
		return mm_fail(err, MM_ERR_SHAPE, "wants a label for each row");
	out->shape = MM_SCALAR;
	return MM_OK;
}

static const int32_t *labels_of(const struct mm_node *out)
{
	return out->in[1] ? out->in[1]->data : NULL;
}

static void infonce_fwd(struct mm_node *out)
{
	out->val[0] = mm_infonce_fwd(
		out->saved, out->in[0]->val, labels_of(out),
		(mm_real)out->at.loss.smoothing, out->in[0]->shape.dim[0]);
}

static void infonce_bwd(struct mm_node *out)
{
	mm_real *dz = mm_grad_add(out, 0);

	if (dz)
		mm_infonce_bwd(dz, out->grad[0], out->saved, out->in[0]->val,
			       labels_of(out), (mm_real)out->at.loss.smoothing,
			       out->in[0]->shape.dim[0]);
}

struct mm_node *mm_infonce(struct mm_graph *g, struct mm_node *logits,
			   struct mm_node *labels, double smoothing)
{
	struct mm_node *in[] = { logits, labels };

	return mm_emit(g, &mm_op_infonce,
		       &(union mm_attr){ .loss = { .smoothing = smoothing } },
		       2, in);
}

static const int32_t sample_labels[] = { 7, 3, 7, 1 };

static struct mm_node *infonce_sample(struct mm_graph *g, int v)
{
	if (v > 3)
		return NULL;
	return mm_infonce(g, mm_leaf(g, MM_SHAPE(4, 4)),
			  v & 1 ? integers(g, sample_labels, 4) : NULL,
			  v & 2 ? 0.1 : 0);
}

const struct mm_op mm_op_infonce = {
	.name = "infonce",
	.training = true,
	.shape = contrastive_shape,
	.saved = lse_saved,
	.fwd = infonce_fwd,
	.bwd = infonce_bwd,
	.bwd_reads = 1,
	.grad_tol = 1e-6,
	.sample = infonce_sample,
};

static void sigmoid_loss_fwd(struct mm_node *out)
{
	out->val[0] = mm_sigmoid_loss_fwd(out->in[0]->val, labels_of(out),
					  out->in[0]->shape.dim[0]);
}

static void sigmoid_loss_bwd(struct mm_node *out)
{
	mm_real *dz = mm_grad_add(out, 0);

	if (dz)
		mm_sigmoid_loss_bwd(dz, out->grad[0], out->in[0]->val,
				    labels_of(out), out->in[0]->shape.dim[0]);
}

struct mm_node *mm_sigmoid_loss(struct mm_graph *g, struct mm_node *logits,
				struct mm_node *labels)
{
	struct mm_node *in[] = { logits, labels };

	return mm_emit(g, &mm_op_sigmoid_loss, NULL, 2, in);
}

static struct mm_node *sigmoid_loss_sample(struct mm_graph *g, int v)
{
	return v > 1 ? NULL
		     : mm_sigmoid_loss(g, mm_leaf(g, MM_SHAPE(4, 4)),
				       v ? integers(g, sample_labels, 4)
					 : NULL);
}

const struct mm_op mm_op_sigmoid_loss = {
	.name = "sigmoid_loss",
	.training = true,
	.shape = contrastive_shape,
	.fwd = sigmoid_loss_fwd,
	.bwd = sigmoid_loss_bwd,
	.bwd_reads = 1,
	.grad_tol = 1e-6,
	.sample = sigmoid_loss_sample,
};

/* ---- means over elements ---- */

static int mean_shape(struct mm_node *out, struct mm_err *err)
{
	if (!mm_shape_equal(&out->in[0]->shape, &out->in[1]->shape))
		return mm_fail(err, MM_ERR_SHAPE, "the shapes differ");
	out->shape = MM_SCALAR;
	return MM_OK;
}

/* One element's loss and derivative. */
static double element(const struct mm_op *op, double x, double y, double *d)
{
	const double e = x - y, p = 1 / (1 + exp(-x));

	if (op == &mm_op_mse_loss) {
		*d = 2 * e;
		return e * e;
	}
	if (op == &mm_op_smooth_l1_loss) {
		*d = fabs(e) < 1 ? e : e > 0 ? 1 : -1;
		return fabs(e) < 1 ? 0.5 * e * e : fabs(e) - 0.5;
	}
	*d = p - y;
	return (x > 0 ? x : 0) - x * y + log1p(exp(-fabs(x)));
}

static void mean_fwd(struct mm_node *out)
{
	double s = 0, d;

	for (size_t i = 0; i < out->in[0]->n; i++)
		s += element(out->op, (double)out->in[0]->val[i],
			     (double)out->in[1]->val[i], &d);
	out->val[0] = (mm_real)(s / (double)out->in[0]->n);
}

static void mean_bwd(struct mm_node *out)
{
	const double g = (double)out->grad[0] / (double)out->in[0]->n;
	mm_real *dx = mm_grad_add(out, 0);
	double d;

	for (size_t i = 0; dx && i < out->in[0]->n; i++) {
		element(out->op, (double)out->in[0]->val[i],
			(double)out->in[1]->val[i], &d);
		dx[i] += (mm_real)(g * d);
	}
}

#define MEAN_LOSS(NAME)                                                  \
	struct mm_node *mm_##NAME(struct mm_graph *g, struct mm_node *x, \
				  struct mm_node *y)                     \
	{                                                                \
		struct mm_node *in[] = { x, y };                         \
		return mm_emit(g, &mm_op_##NAME, NULL, 2, in);           \
	}                                                                \
	static struct mm_node *NAME##_sample(struct mm_graph *g, int v)  \
	{                                                                \
		struct mm_node *y;                                       \
		if (v)                                                   \
			return NULL;                                     \
		y = mm_param(g, MM_SHAPE(3, 4), MM_FILL(0.3), "target"); \
		return mm_##NAME(g, mm_leaf(g, MM_SHAPE(3, 4)), y);      \
	}                                                                \
	const struct mm_op mm_op_##NAME = { .name = #NAME,               \
					    .training = true,            \
					    .shape = mean_shape,         \
					    .fwd = mean_fwd,             \
					    .bwd = mean_bwd,             \
					    .bwd_reads = 3,              \
					    .grad_tol = 1e-6,            \
					    .sample = NAME##_sample };

MEAN_LOSS(bce_loss)
MEAN_LOSS(mse_loss)
MEAN_LOSS(smooth_l1_loss)
