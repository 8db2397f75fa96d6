/* fusion.c - see fusion.h. */
#include "model/fusion.h"

#include <math.h>

#include "model/blocks.h"

/* torch's defaults: Xavier for the fused projection, uniform elsewhere. */
static struct mm_init uniform(double bound)
{
	return (struct mm_init){ MM_INIT_UNIFORM, bound };
}

static struct mm_node *project(struct mm_graph *g, struct mm_node *x,
			       const struct mm_fusion *f, const char *name)
{
	struct mm_node *w, *b;
	double bound;
	size_t D;

	if (g->failed)
		return NULL;
	D = x->shape.dim[x->shape.rank - 1];
	bound = 1 / sqrt((double)D);
	w = mm_param(g, MM_SHAPE(f->width, D), uniform(bound), "%s.%s.weight",
		     f->prefix, name);
	b = mm_param(g, MM_SHAPE(f->width), uniform(bound), "%s.%s.bias",
		     f->prefix, name);
	return mm_linear(g, x, w, b, NULL, MM_ACT_NONE);
}

struct mm_node *mm_fuse(struct mm_graph *g, struct mm_node *image,
			struct mm_node *text, struct mm_node *mask,
			const struct mm_fusion *f)
{
	const size_t F = f->width;
	struct mm_node *i, *t, *w, *b, *qkv[3], *y;

	if (!g->failed)
		g->store->group = MM_GROUP_FUSION;
	i = project(g, image, f, "image_proj");
	t = project(g, text, f, "text_proj");
	w = mm_param(g, MM_SHAPE(3 * F, F),
		     uniform(sqrt(6 / (4.0 * (double)F))),
		     "%s.attention.in_proj_weight", f->prefix);
	b = mm_param(g, MM_SHAPE(3 * F), MM_INIT_ZERO,
		     "%s.attention.in_proj_bias", f->prefix);
	for (size_t k = 0; k < 3; k++)
		qkv[k] = mm_linear(g, k ? t : i,
				   mm_slice(g, w, 0, k * F, (k + 1) * F),
				   mm_slice(g, b, 0, k * F, (k + 1) * F), NULL,
				   MM_ACT_NONE);
	y = mm_attention(g, qkv[0], qkv[1], qkv[2], mask, f->heads, false, 0,
			 f->dropout);
	w = mm_param(g, MM_SHAPE(F, F), uniform(1 / sqrt((double)F)),
		     "%s.attention.out_proj.weight", f->prefix);
	b = mm_param(g, MM_SHAPE(F), MM_INIT_ZERO, "%s.attention.out_proj.bias",
		     f->prefix);
	y = mm_linear(g, y, w, b, f->residual ? i : NULL, MM_ACT_NONE);
	return f->residual ? mm_norm(g, y, 1e-5, "%s.norm", f->prefix) : y;
}
