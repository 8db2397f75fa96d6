/*
 * objective_class.c - classes: a linear layer on the picture's embedding, or
 * on the MultimodalFusion of picture and text.
 */
#include <math.h>

#include "graph/ops.h"
#include "model/fusion.h"
#include "train/objective.h"
#include "train/train.h"

enum { HEADS = 8 };

static void classes(struct mm_task *t, struct mm_node *x)
{
	struct mm_graph *g = &t->g;
	struct mm_node *w, *b;
	size_t D;

	if (g->failed)
		return;
	D = x->shape.dim[1];
	g->store->group = MM_GROUP_HEAD;
	g->store->extra = true;
	w = mm_param(g, MM_SHAPE(t->classes, D), MM_NORMAL(1 / sqrt((double)D)),
		     "classifier.weight");
	b = mm_param(g, MM_SHAPE(t->classes), MM_INIT_ZERO, "classifier.bias");
	g->store->extra = false;
	t->scores = mm_linear(g, x, w, b, NULL, MM_ACT_NONE);
	t->target_row = 1;
	t->targets = mm_input(g, "targets", MM_ELEM_I32, MM_SHAPE(t->piece));
	t->loss = mm_cross_entropy(g, t->scores, t->targets, t->smoothing);
}

static void labels(struct mm_task *t, const struct mm_batch *b)
{
	for (size_t i = 0; i < b->n; i++)
		t->target[i] = b->label[i];
}

static void classify_emit(struct mm_task *t)
{
	mm_task_image_input(t);
	classes(t, t->m->arch->image(&t->g, t->m, t->pixels));
}

const struct mm_objective mm_objective_classify = {
	.name = "classify",
	.summary = "the picture's class, from its embedding",
	.needs = MM_NEEDS_LABEL,
	.emit = classify_emit,
	.prepare = labels,
};

/* (B, n, W) -> (B, W): the class token where there is one, else the mean. */
static struct mm_node *pooled(struct mm_task *t, struct mm_node *x)
{
	size_t n, side = 0;

	if (t->g.failed)
		return NULL;
	n = x->shape.dim[1];
	while ((side + 1) * (side + 1) <= n)
		side++;
	return side * side + 1 == n ? mm_pick_row(&t->g, x, 0)
				    : mm_mean_tokens(&t->g, x, NULL);
}

/* What the image tower ends in, as tokens: of a map, its places. */
static struct mm_node *hidden_places(struct mm_graph *g)
{
	static const int order[] = { 0, 2, 1 };
	struct mm_node *x = mm_tapped(g, "vision.last_hidden");
	const size_t *dim;

	if (g->failed || x->shape.rank == 3)
		return x;
	dim = x->shape.dim;
	x = mm_reshape(g, x, MM_SHAPE(dim[0], dim[1], dim[2] * dim[3]));
	return mm_permute(g, x, order);
}

/* Of attention weights and of what goes into the classifier. */
static double fusion_dropout(const struct mm_task *t)
{
	if (t->g.mode != MM_TRAIN)
		return 0;
	return t->o->fusion_dropout < 0 ? t->m->dropout : t->o->fusion_dropout;
}

static void fusion_emit(struct mm_task *t)
{
	struct mm_graph *g = &t->g;
	const double dropout = fusion_dropout(t);
	const struct mm_fusion f = {
		.prefix = "fusion",
		.width = (t->m->embed_dim + HEADS - 1) / HEADS * HEADS,
		.heads = HEADS,
		.dropout = dropout,
	};
	struct mm_node *image, *text, *x;

	mm_task_image_input(t);
	mm_task_text_input(t);
	t->m->arch->image(g, t->m, t->pixels);
	t->m->arch->text(g, t->m, &t->text);
	image = hidden_places(g);
	text = mm_tapped(g, "text.last_hidden");
	g->store->extra = true;
	x = mm_fuse(g, image, text, t->text.mask, &f);
	g->store->extra = false;
	x = pooled(t, x);
	if (dropout > 0)
		x = mm_dropout_node(g, x, dropout);
	classes(t, x);
}

const struct mm_objective mm_objective_fusion = {
	.name = "fusion",
	.summary = "the class, from MultimodalFusion of picture and text",
	.needs = MM_NEEDS_LABEL,
	.emit = fusion_emit,
	.prepare = labels,
};
