/*
 * objective_contrast.c - pictures against texts: every pair of the batch is a
 * positive, every other combination a negative.
 *
 * Sources: CLIP (Radford et al., 2021), SigLIP (Zhai et al., 2023), VSE++
 * (Faghri et al., 2018).  Where captions repeat, "multi" shares the target's
 * mass among the equal ones.
 */
#include "graph/ops.h"
#include "train/objective.h"
#include "train/train.h"

static struct mm_node *own(const struct mm_pairs *p)
{
	return p->m->arch->loss(p->g, p->logits, NULL, p->smoothing);
}

const struct mm_objective mm_objective_default = {
	.name = "default",
	.summary = "the loss that the architecture was made with",
	.pairs = own,
};

static struct mm_node *infonce(const struct mm_pairs *p)
{
	return mm_infonce(p->g, p->logits, NULL, p->smoothing);
}

const struct mm_objective mm_objective_infonce = {
	.name = "infonce",
	.summary = "cross-entropy over the batch, both directions",
	.pairs = infonce,
};

static struct mm_node *multi(const struct mm_pairs *p)
{
	return mm_infonce(p->g, p->logits, p->same, p->smoothing);
}

const struct mm_objective mm_objective_multi = {
	.name = "multi",
	.summary = "infonce where equal captions share the target",
	.needs = MM_NEEDS_SAME,
	.pairs = multi,
};

static struct mm_node *sigmoid(const struct mm_pairs *p)
{
	return mm_sigmoid_loss(p->g, p->logits, NULL);
}

const struct mm_objective mm_objective_sigmoid = {
	.name = "sigmoid",
	.summary = "every combination for itself: a pair or none",
	.pairs = sigmoid,
};

static struct mm_node *sigmoid_multi(const struct mm_pairs *p)
{
	return mm_sigmoid_loss(p->g, p->logits, p->same);
}

const struct mm_objective mm_objective_sigmoid_multi = {
	.name = "sigmoid-multi",
	.summary = "sigmoid where equal captions are pairs, too",
	.needs = MM_NEEDS_SAME,
	.pairs = sigmoid_multi,
};

static struct mm_node *hardest(const struct mm_pairs *p)
{
	struct mm_node *z =
		mm_matmul(p->g, p->unit[0], p->unit[1], false, true, 1);

	return mm_hardest_loss(p->g, z, p->same, p->o->margin);
}

const struct mm_objective mm_objective_hardest = {
	.name = "hardest",
	.summary = "a hinge against the hardest negative of the batch",
	.needs = MM_NEEDS_SAME,
	.pairs = hardest,
};
