/* conv.c - the block of convolutional towers; see blocks.h. */
#include <math.h>

#include "model/blocks.h"

static struct mm_batch_norm_params params(struct mm_graph *g, size_t C,
					  double gain, const char *bn)
{
	const struct mm_shape row = MM_SHAPE(C);
	struct mm_batch_norm_params p = {
		mm_param(g, row, MM_FILL(gain), "%s.weight", bn),
		mm_param(g, row, MM_INIT_ZERO, "%s.bias", bn),
		mm_buffer(g, row, MM_INIT_ZERO, "%s.running_mean", bn),
		mm_buffer(g, row, MM_INIT_ONE, "%s.running_var", bn),
		mm_buffer(g, MM_SCALAR, MM_INIT_ZERO, "%s.num_batches_tracked",
			  bn),
	};

	if (p.count)
		p.count->param->count = true;
	return p;
}

/* PyTorch's start of a convolution: uniform within 1 / sqrt(fan in). */
static struct mm_node *weight(struct mm_graph *g, const struct mm_conv_norm *c,
			      size_t in, const char *conv)
{
	const size_t C = c->depthwise ? 1 : in;
	const double fan = (double)(C * c->kernel * c->kernel);
	const struct mm_init init = { MM_INIT_UNIFORM, 1 / sqrt(fan) };

	return mm_param(g, MM_SHAPE(c->out, C, c->kernel, c->kernel), init,
			"%s.weight", conv);
}

struct mm_node *mm_conv_norm(struct mm_graph *g, struct mm_node *x,
			     const struct mm_conv_norm *c,
			     struct mm_node *residual, const char *conv,
			     const char *bn)
{
	/* A residual comes in before the activation, in conv2d behind it. */
	const enum mm_act inside = residual ? MM_ACT_NONE : c->act;
	struct mm_node *(*const run)(
		struct mm_graph *, struct mm_node *, struct mm_node *,
		struct mm_node *, struct mm_node *, enum mm_act, size_t,
		const size_t[4]) = c->depthwise ? mm_depthwise : mm_conv2d;
	struct mm_batch_norm_params p;
	struct mm_node *w;

	if (g->failed)
		return NULL;
	w = weight(g, c, x->shape.dim[1], conv);
	p = params(g, c->out, c->gain, bn);
	if (g->mode == MM_TRAIN) {
		x = run(g, x, w, NULL, NULL, MM_ACT_NONE, c->stride, c->pad);
		return mm_batch_norm(g, x, &p, residual, c->act, c->eps,
				     c->momentum);
	}
	x = run(g, x, mm_fold_weight(g, w, &p, c->eps),
		mm_fold_bias(g, &p, c->eps), residual, inside, c->stride,
		c->pad);
	return inside == c->act ? x : mm_activate(g, x, c->act);
}
