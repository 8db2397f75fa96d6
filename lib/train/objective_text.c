/*
 * objective_text.c - the text tower alone: masked and causal language
 * modelling.
 *
 * Scores come from the last hidden states and the token table itself ("tied"),
 * plus a bias that the model does not keep.  Masking is BERT's (Devlin et al.,
 * 2019): of the tokens between start and padding a share is a target; of those
 * 80 % become the mask token, 10 % a random one, 10 % stay.  A vocabulary
 * without a mask token gets random ones instead.
 */
#include "base/rng.h"
#include "graph/ops.h"
#include "train/objective.h"
#include "train/train.h"

/* The table that the ids were looked up in. */
static struct mm_node *token_table(struct mm_graph *g,
				   const struct mm_node *ids)
{
	if (g->failed)
		return NULL;
	for (size_t i = 0; i < g->n_nodes; i++)
		if (g->node[i]->op == &mm_op_embedding &&
		    g->node[i]->in[0] == ids && g->node[i]->in[1]->param)
			return g->node[i]->in[1];
	return mm_graph_fail(g, MM_ERR_USAGE,
			     "this architecture's text tower looks no tokens "
			     "up in a table");
}

static void text_emit(struct mm_task *t)
{
	struct mm_graph *g = &t->g;
	const size_t T = t->data->T, V = t->m->vocab_size;
	struct mm_node *x, *table, *bias;

	mm_task_text_input(t);
	t->m->arch->text(g, t->m, &t->text);
	x = mm_tapped(g, "text.last_hidden");
	table = token_table(g, t->text.ids);
	if (g->failed)
		return;
	if (x->shape.dim[2] != table->shape.dim[1]) {
		mm_graph_fail(g, MM_ERR_USAGE,
			      "hidden states and token table of this "
			      "architecture differ in width");
		return;
	}
	g->store->group = MM_GROUP_HEAD;
	g->store->aux = true;
	bias = mm_param(g, MM_SHAPE(V), MM_INIT_ZERO, "lm_head.bias");
	g->store->aux = false;
	x = mm_reshape(g, x, MM_SHAPE(t->piece * T, x->shape.dim[2]));
	x = mm_linear(g, x, table, bias, NULL, MM_ACT_NONE);
	t->target_row = T;
	t->targets =
		mm_input(g, "targets", MM_ELEM_I32, MM_SHAPE(t->piece * T));
	t->loss = mm_cross_entropy(g, x, t->targets, t->smoothing);
}

/* Tokens of a text, padding not counted. */
static size_t length(const struct mm_task *t, const struct mm_batch *b,
		     size_t i)
{
	const size_t T = t->data->T;
	const int32_t *ids = b->ids + i * T;
	size_t n = T;

	if (b->data->has_mask) {
		while (n > 0 && !b->mask[i * T + n - 1])
			n--;
		return n;
	}
	while (n > 1 && ids[n - 1] == t->m->pad_token_id &&
	       ids[n - 2] == ids[n - 1])
		n--;
	return n;
}

static void next_tokens(struct mm_task *t, const struct mm_batch *b)
{
	const size_t T = t->data->T;

	for (size_t i = 0; i < b->n; i++) {
		const size_t n = length(t, b, i);

		for (size_t k = 0; k < T; k++)
			t->target[i * T + k] = k + 1 < n ? b->ids[i * T + k + 1]
							 : MM_TARGET_IGNORE;
	}
}

const struct mm_objective mm_objective_lm = {
	.name = "lm",
	.summary = "the next token, from those before it",
	.emit = text_emit,
	.prepare = next_tokens,
};

static void mask_text(struct mm_task *t, const struct mm_batch *b, size_t i)
{
	const size_t T = t->data->T, n = length(t, b, i);
	int32_t *ids = t->ids + i * T, *target = t->target + i * T;
	size_t hits = 0, one;
	struct mm_rng r;

	mm_rng_init(&r, t->o->seed, b->sample[i], b->epoch, MM_RNG_MASK);
	/* One target at least, so that no text is read in vain. */
	one = n > 2 ? 1 + mm_rng_below(&r, n - 2) : T;
	for (size_t k = 0; k < T; k++) {
		const bool hit = mm_rng_uniform(&r) < t->o->mask_tokens;
		const double what = mm_rng_uniform(&r);
		const int32_t other =
			(int32_t)mm_rng_below(&r, t->m->vocab_size);

		ids[k] = b->ids[i * T + k];
		target[k] = MM_TARGET_IGNORE;
		/* The first token and the last mark the text's ends. */
		if (k == 0 || k + 1 >= n || !(hit || (k == one && !hits)))
			continue;
		hits++;
		target[k] = ids[k];
		if (what < 0.8 && t->o->mask_id >= 0)
			ids[k] = t->o->mask_id;
		else if (what < 0.9)
			ids[k] = other;
	}
}

static void mask_texts(struct mm_task *t, const struct mm_batch *b)
{
	for (size_t i = 0; i < b->n; i++)
		mask_text(t, b, i);
}

const struct mm_objective mm_objective_mlm = {
	.name = "mlm",
	.summary = "masked tokens, from the others",
	.needs = MM_NEEDS_IDS,
	.emit = text_emit,
	.prepare = mask_texts,
};
