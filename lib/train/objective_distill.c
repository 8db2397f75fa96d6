/*
 * objective_distill.c - learning from a teacher's embeddings.
 *
 *	distill-feature		1 - cos of each embedding with the teacher's,
 *				through a linear map where the widths differ
 *	distill-relation	squared difference of the similarities within
 *				pictures and within texts (Park et al.,
 *				"Relational knowledge distillation", 2019)
 *	distill-logit		cross-entropy of the batch's logits with the
 *				teacher's distribution, both directions (Hinton
 *				et al., 2015; Yang et al., "CLIP-KD", 2024)
 */
#include <math.h>

#include "graph/ops.h"
#include "train/objective.h"
#include "train/train.h"

static const char *const side[2] = { "image", "text" };

/* (|a - t|^2) / 2 = 1 - cos of unit vectors, the mean over rows. */
static struct mm_node *feature_of(const struct mm_pairs *p, int i)
{
	struct mm_store *s = p->g->store;
	struct mm_node *x = p->unit[i], *t = p->teacher[i], *w;
	size_t D, Dt;

	if (p->g->failed)
		return NULL;
	D = x->shape.dim[1];
	Dt = t->shape.dim[1];
	if (D != Dt) {
		s->aux = true;
		s->group = MM_GROUP_HEAD;
		w = mm_param(p->g, MM_SHAPE(Dt, D),
			     MM_NORMAL(1 / sqrt((double)D)),
			     "distill.%s.weight", side[i]);
		s->aux = false;
		x = mm_linear(p->g, p->raw[i], w, NULL, NULL, MM_ACT_NONE);
		x = mm_l2norm(p->g, x, 1e-12);
	}
	return mm_affine(p->g, mm_mse_loss(p->g, x, t), 0.5 * (double)Dt, 0);
}

static struct mm_node *feature(const struct mm_pairs *p)
{
	return mm_affine(p->g, mm_add(p->g, feature_of(p, 0), feature_of(p, 1)),
			 0.5, 0);
}

const struct mm_objective mm_objective_distill_feature = {
	.name = "distill-feature",
	.summary = "each embedding like the teacher's",
	.needs = MM_NEEDS_TEACHER,
	.pairs = feature,
};

static struct mm_node *relation_of(const struct mm_pairs *p, int i)
{
	struct mm_node *own =
		mm_matmul(p->g, p->unit[i], p->unit[i], false, true, 1);
	struct mm_node *want =
		mm_matmul(p->g, p->teacher[i], p->teacher[i], false, true, 1);

	return mm_mse_loss(p->g, own, want);
}

static struct mm_node *relation(const struct mm_pairs *p)
{
	return mm_affine(p->g,
			 mm_add(p->g, relation_of(p, 0), relation_of(p, 1)),
			 0.5, 0);
}

const struct mm_objective mm_objective_distill_relation = {
	.name = "distill-relation",
	.summary = "similarities within pictures and texts like the teacher's",
	.needs = MM_NEEDS_TEACHER,
	.pairs = relation,
};

/* Rows of logits z against the teacher's unit vectors a with b. */
static struct mm_node *logit_of(const struct mm_pairs *p, struct mm_node *z,
				struct mm_node *a, struct mm_node *b)
{
	struct mm_node *t = mm_matmul(p->g, a, b, false, true,
				      1 / p->o->distill_temperature);

	return mm_soft_cross_entropy(p->g, z, mm_softmax(p->g, t));
}

static struct mm_node *logit(const struct mm_pairs *p)
{
	static const int turned[] = { 1, 0 };
	struct mm_node *rows, *columns;

	rows = logit_of(p, p->logits, p->teacher[0], p->teacher[1]);
	columns = logit_of(p, mm_permute(p->g, p->logits, turned),
			   p->teacher[1], p->teacher[0]);
	return mm_affine(p->g, mm_add(p->g, rows, columns), 0.5, 0);
}

const struct mm_objective mm_objective_distill_logit = {
	.name = "distill-logit",
	.summary = "the batch's logits like the teacher's",
	.needs = MM_NEEDS_TEACHER,
	.pairs = logit,
};
