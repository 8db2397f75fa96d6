/* op_loss_soft.c - losses against soft targets and against hard negatives. */
#include "graph/ops.h"

static int soft_shape(struct mm_node *out, struct mm_err *err)
{
	const struct mm_node *z = out->in[0], *q = out->in[1];

	if (z->shape.rank != 2 || !mm_shape_equal(&z->shape, &q->shape))
		return mm_fail(err, MM_ERR_SHAPE,
			       "wants logits (N, K) and targets (N, K)");
	out->shape = MM_SCALAR;
	return MM_OK;
}

static size_t soft_saved(const struct mm_node *out)
{
	return out->in[0]->shape.dim[0] * sizeof(mm_real);
}

static void soft_fwd(struct mm_node *out)
{
	const size_t *d = out->in[0]->shape.dim;

	out->val[0] = mm_cross_entropy_soft_fwd(out->saved, out->in[0]->val,
						out->in[1]->val, d[0], d[1]);
}

static void soft_bwd(struct mm_node *out)
{
	const size_t *d = out->in[0]->shape.dim;
	mm_real *dz = mm_grad_add(out, 0);

	if (dz)
		mm_cross_entropy_soft_bwd(dz, out->grad[0], out->saved,
					  out->in[0]->val, out->in[1]->val,
					  d[0], d[1]);
}

struct mm_node *mm_soft_cross_entropy(struct mm_graph *g,
				      struct mm_node *logits, struct mm_node *q)
{
	struct mm_node *in[] = { logits, q };

	return mm_emit(g, &mm_op_soft_cross_entropy, NULL, 2, in);
}

static struct mm_node *soft_sample(struct mm_graph *g, int v)
{
	struct mm_node *q;

	if (v)
		return NULL;
	q = mm_param(g, MM_SHAPE(3, 4), MM_FILL(0.25), "target");
	return mm_soft_cross_entropy(g, mm_leaf(g, MM_SHAPE(3, 4)), q);
}

const struct mm_op mm_op_soft_cross_entropy = {
	.name = "soft_cross_entropy",
	.training = true,
	.shape = soft_shape,
	.saved = soft_saved,
	.fwd = soft_fwd,
	.bwd = soft_bwd,
	.bwd_reads = 3,
	.grad_tol = 1e-6,
	.sample = soft_sample,
};

static int hardest_shape(struct mm_node *out, struct mm_err *err)
{
	const struct mm_node *z = out->in[0], *t = out->in[1];

	if (z->shape.rank != 2 || z->shape.dim[0] != z->shape.dim[1])
		return mm_fail(err, MM_ERR_SHAPE, "wants square similarities");
	if (t && (t->elem != MM_ELEM_I32 || t->n != z->shape.dim[0]))
		return mm_fail(err, MM_ERR_SHAPE, "wants a label for each row");
	out->shape = MM_SCALAR;
	return MM_OK;
}

static size_t hardest_saved(const struct mm_node *out)
{
	return 2 * out->in[0]->shape.dim[0] * sizeof(int32_t);
}

static void hardest_fwd(struct mm_node *out)
{
	out->val[0] = mm_hardest_loss_fwd(out->saved, out->in[0]->val,
					  out->in[1] ? out->in[1]->data : NULL,
					  (mm_real)out->at.loss.margin,
					  out->in[0]->shape.dim[0]);
}

static void hardest_bwd(struct mm_node *out)
{
	mm_real *dz = mm_grad_add(out, 0);

	if (dz)
		mm_hardest_loss_bwd(dz, out->grad[0], out->saved,
				    out->in[0]->shape.dim[0]);
}

struct mm_node *mm_hardest_loss(struct mm_graph *g, struct mm_node *z,
				struct mm_node *labels, double margin)
{
	struct mm_node *in[] = { z, labels };

	return mm_emit(g, &mm_op_hardest_loss,
		       &(union mm_attr){ .loss = { .margin = margin } }, 2, in);
}

static struct mm_node *hardest_sample(struct mm_graph *g, int v)
{
	static const int32_t labels[] = { 7, 3, 7, 1 };
	struct mm_node *t = NULL;

	if (v > 1)
		return NULL;
	if (v && (t = mm_input(g, "labels", MM_ELEM_I32, MM_SHAPE(4))))
		t->data = labels;
	return mm_hardest_loss(g, mm_leaf(g, MM_SHAPE(4, 4)), t, 0.2);
}

const struct mm_op mm_op_hardest_loss = {
	.name = "hardest_loss",
	.training = true,
	.shape = hardest_shape,
	.saved = hardest_saved,
	.fwd = hardest_fwd,
	.bwd = hardest_bwd,
	.grad_tol = 1e-6,
	.sample = hardest_sample,
};
