/*
 * bert.c - see bert.h.
 *
 * Source: Devlin et al., "BERT" (2019); names of transformers' BertModel.
 */
#include "model/bert.h"

#include <stdio.h>
#include <string.h>

enum { NAME = 192 };

int mm_bert_parse(struct mm_bert *b, struct mm_model *m,
		  const struct mm_json *config, struct mm_err *err)
{
	const char *type = mm_json_str(mm_json_get(config, "model_type"), "");
	int64_t types = 2;
	int rc;

	*b = (struct mm_bert){ .tower = { .width = 768,
					  .ffn = 3072,
					  .layers = 12,
					  .heads = 12,
					  .eps = 1e-12,
					  .act = MM_ACT_GELU },
			       .std = 0.02 };
	m->vocab_size = 30522;
	m->context_length = 512;
	m->bos_token_id = 101;
	m->eos_token_id = 102;
	m->pad_token_id = 0;
	b->counted = !strcmp(type, "roberta") || !strcmp(type, "xlm-roberta");
	if (b->counted) {
		m->vocab_size = 50265;
		m->bos_token_id = 0;
		m->eos_token_id = 2;
		m->pad_token_id = 1;
	}
	if ((rc = mm_text_parse(&b->tower, m, config, err)) ||
	    (rc = mm_json_want_int(config, "type_vocab_size", 1, 1 << 10,
				   &types, err)) ||
	    (rc = mm_json_want_num(config, "initializer_range", 0, 10, &b->std,
				   err)))
		return rc;
	m->only_ours |= mm_tower_uneven(&b->tower);
	b->positions = m->context_length;
	m->type_vocab_size = b->types = (size_t)types;
	return MM_OK;
}

static struct mm_node *table(struct mm_graph *g, const struct mm_bert *b,
			     size_t rows, const char *prefix, const char *name)
{
	return mm_param(g, MM_SHAPE(rows, b->tower.width), MM_NORMAL(b->std),
			"%s.embeddings.%s_embeddings.weight", prefix, name);
}

struct mm_node *mm_bert_embed(struct mm_graph *g, const struct mm_model *m,
			      const struct mm_bert *b,
			      const struct mm_text_input *text,
			      const char *prefix)
{
	struct mm_node *x, *types, *row, *positions;

	x = mm_embedding_padded(g, text->ids,
				table(g, b, m->vocab_size, prefix, "word"),
				(int)m->pad_token_id);
	types = table(g, b, b->types, prefix, "token_type");
	if (text->types) {
		x = mm_add(g, x, mm_embedding(g, text->types, types));
	} else {
		row = mm_reshape(g, mm_slice(g, types, 0, 0, 1),
				 MM_SHAPE(b->tower.width));
		x = mm_add(g, x, row);
	}
	positions = table(g, b, b->positions, prefix, "position");
	if (b->counted)
		x = mm_add(g, x,
			   mm_embedding_counted(g, text->ids, positions,
						(int)m->pad_token_id));
	else
		x = mm_add_positions(g, x, positions);
	x = mm_norm(g, x, b->tower.eps, "%s.embeddings.LayerNorm", prefix);
	if (m->dropout > 0)
		x = mm_dropout_node(g, x, m->dropout);
	return x;
}

/* LN(x + branch), the branch's last layer being PREFIX.dense. */
static struct mm_node *merge(struct mm_graph *g, struct mm_node *x,
			     struct mm_node *h, const struct mm_tower *t,
			     double std, const char *prefix)
{
	if (t->dropout > 0 && g->mode == MM_TRAIN) {
		h = mm_dense(g, h, t->width, std, NULL, MM_ACT_NONE, "%s.dense",
			     prefix);
		h = mm_add(g, mm_dropout_node(g, h, t->dropout), x);
	} else {
		h = mm_dense(g, h, t->width, std, x, MM_ACT_NONE, "%s.dense",
			     prefix);
	}
	return mm_norm(g, h, t->eps, "%s.LayerNorm", prefix);
}

struct mm_node *mm_bert_block(struct mm_graph *g, struct mm_node *x,
			      struct mm_node *mask, const struct mm_tower *t,
			      double std, const char *prefix)
{
	static const char *const part[] = { "query", "key", "value" };
	struct mm_node *qkv[3], *h;
	char name[NAME];

	for (int k = 0; k < 3; k++)
		qkv[k] = mm_dense(g, x, mm_tower_inner(t, 0), std, NULL,
				  MM_ACT_NONE, "%s.attention.self.%s", prefix,
				  part[k]);
	h = mm_attention(g, qkv[0], qkv[1], qkv[2], mask, t->heads, false, 0,
			 t->dropout);
	snprintf(name, sizeof(name), "%s.attention.output", prefix);
	x = merge(g, x, h, t, std, name);
	h = mm_dense(g, x, t->ffn, std, NULL, t->act, "%s.intermediate.dense",
		     prefix);
	snprintf(name, sizeof(name), "%s.output", prefix);
	return merge(g, x, h, t, std, name);
}

struct mm_node *mm_bert_blocks(struct mm_graph *g, struct mm_node *x,
			       struct mm_node *mask, const struct mm_bert *b,
			       const struct mm_tower *t, const char *prefix,
			       const char *tap)
{
	struct mm_tower one = *t; /* with the sizes of block i */
	char name[NAME];

	one.ffn_of = one.heads_of = NULL;
	for (size_t i = 0; i < t->layers; i++) {
		g->store->layer = i + 1;
		one.ffn = mm_tower_ffn(t, i);
		one.heads = mm_tower_heads(t, i);
		snprintf(name, sizeof(name), "%s.encoder.layer.%zu", prefix, i);
		x = mm_bert_block(g, x, mask, &one, b->std, name);
		mm_tap(g, x, "%s.%zu", tap, i);
	}
	g->store->layer = t->layers + 1;
	return x;
}

struct mm_node *mm_bert_pool(struct mm_graph *g, struct mm_node *x,
			     const struct mm_bert *b, const char *prefix)
{
	return mm_dense(g, mm_pick_row(g, x, 0), b->tower.width, b->std, NULL,
			MM_ACT_TANH, "%s.pooler.dense", prefix);
}
