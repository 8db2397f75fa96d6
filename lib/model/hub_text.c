/* hub_text.c - see hub_text.h. */
#include "model/hub_text.h"

#include <math.h>
#include <string.h>

const char *const mm_hub_pools[] = {
	[MM_HUB_CLS_POOLER] = "cls_pooler",
	[MM_HUB_CLS] = "cls_last_hidden_state_pooler",
	[MM_HUB_MEAN] = "mean_pooler",
	NULL,
};
const char *const mm_hub_projs[] = {
	[MM_HUB_LINEAR] = "linear",
	[MM_HUB_MLP] = "mlp",
	[MM_HUB_NONE] = "none",
	NULL,
};

/* ---- configuration ---- */

bool mm_hub_text_known(const char *type)
{
	return !strcmp(type, "bert") || !strcmp(type, "roberta") ||
	       !strcmp(type, "xlm-roberta");
}

/* Which of the names config[key] is; 0 where it tells none. */
static int want_name(int *which, const struct mm_json *config, const char *key,
		     const char *const *names, struct mm_err *err)
{
	const char *name = names[0];
	int rc = mm_json_want_str(config, key, &name, err);

	for (*which = 0; !rc && names[*which]; ++*which)
		if (!strcmp(names[*which], name))
			return MM_OK;
	return rc ? rc
		  : mm_fail(err, MM_ERR_FORMAT,
			    "'%s' is '%s'; known are %s, %s, %s", key, name,
			    names[0], names[1], names[2]);
}

/* Padding is hidden by its id: there must be one, of the vocabulary. */
static int check_padding(const struct mm_model *m, const struct mm_json *config,
			 struct mm_err *err)
{
	const struct mm_json *pad = mm_json_get(config, "pad_token_id");

	if (mm_json_type(pad) == MM_JSON_NULL)
		return mm_fail(err, MM_ERR_FORMAT,
			       "'pad_token_id' is null: without it text and "
			       "padding look alike");
	if ((size_t)m->pad_token_id >= m->vocab_size)
		return mm_fail(err, MM_ERR_FORMAT,
			       "'pad_token_id' is %lld, outside the "
			       "vocabulary of %zu",
			       (long long)m->pad_token_id, m->vocab_size);
	return MM_OK;
}

/* How many tokens a text may have. */
static int read_length(const struct mm_bert *b, struct mm_model *m,
		       const struct mm_json *config, struct mm_err *err)
{
	const int64_t first = b->counted ? m->pad_token_id + 1 : 0;
	int64_t most = (int64_t)b->positions - first, length = most;
	int rc = mm_json_want_int(config, "context_length", 1, 1 << 16, &length,
				  err);

	if (rc)
		return rc;
	if (length > most || most < 1)
		return mm_fail(err, MM_ERR_FORMAT,
			       "'context_length' is %lld, but of the %zu "
			       "'max_position_embeddings' the first token has "
			       "number %lld",
			       (long long)length, b->positions,
			       (long long)first);
	m->context_length = (size_t)length;
	return MM_OK;
}

int mm_hub_text_parse(struct mm_hub_text *h, struct mm_model *m,
		      const struct mm_json *config, struct mm_err *err)
{
	const char *type = "bert", *positions = "absolute";
	bool decoder = false;
	int pool, proj, rc;

	if ((rc = mm_json_want_str(config, "model_type", &type, err)) ||
	    (rc = mm_json_want_str(config, "position_embedding_type",
				   &positions, err)) ||
	    (rc = mm_json_want_bool(config, "is_decoder", &decoder, err)) ||
	    (rc = want_name(&pool, config, "pooler_type", mm_hub_pools, err)) ||
	    (rc = want_name(&proj, config, "proj_type", mm_hub_projs, err)))
		return rc;
	if (!mm_hub_text_known(type))
		return mm_fail(err, MM_ERR_FORMAT,
			       "'model_type' is '%s'; known are bert, roberta, "
			       "xlm-roberta",
			       type);
	if (decoder)
		return mm_fail(err, MM_ERR_FORMAT,
			       "'is_decoder' asks for a tower that is not "
			       "known");
	if (strcmp(positions, "absolute"))
		return mm_fail(err, MM_ERR_FORMAT,
			       "'position_embedding_type' is '%s'; known is "
			       "absolute",
			       positions);
	if ((rc = mm_bert_parse(&h->bert, m, config, err)) ||
	    (rc = check_padding(m, config, err)) ||
	    (rc = read_length(&h->bert, m, config, err)))
		return rc;
	if (proj == MM_HUB_NONE && m->embed_dim != h->bert.tower.width)
		return mm_fail(err, MM_ERR_FORMAT,
			       "'proj_type' is none, but vectors of %zu are "
			       "to be %zu wide",
			       h->bert.tower.width, m->embed_dim);
	h->pool = (enum mm_hub_pool)pool;
	h->proj = (enum mm_hub_proj)proj;
	m->only_open_clip |= pool != MM_HUB_CLS_POOLER || proj != MM_HUB_LINEAR;
	return MM_OK;
}

/* ---- the tower ---- */

static struct mm_node *pooled(struct mm_graph *g, struct mm_node *x,
			      const struct mm_hub_text *h,
			      const struct mm_text_input *text)
{
	switch (h->pool) {
	case MM_HUB_MEAN: return mm_mean_tokens(g, x, text->mask);
	case MM_HUB_CLS: return mm_pick_row(g, x, 0);
	case MM_HUB_CLS_POOLER: break;
	}
	return mm_bert_pool(g, x, &h->bert, "text_model");
}

/* A layer without bias: text_projection.NAME */
static struct mm_node *layer(struct mm_graph *g, struct mm_node *x, size_t in,
			     size_t out, enum mm_act act, const char *name)
{
	struct mm_node *w =
		mm_param(g, MM_SHAPE(out, in), MM_NORMAL(1 / sqrt((double)in)),
			 "text_projection.%s", name);

	return mm_linear(g, x, w, NULL, NULL, act);
}

struct mm_node *mm_hub_text(struct mm_graph *g, const struct mm_model *m,
			    const struct mm_hub_text *h,
			    const struct mm_text_input *text)
{
	const struct mm_tower tower = mm_tower_trained(&h->bert.tower, m);
	const size_t W = tower.width, D = m->embed_dim, inner = (W + D) / 2;
	struct mm_node *x;

	/* open_clip knows padding by its id, transformers by what it is told,
	 * which may be nothing. */
	if (!text->mask && m->only_open_clip)
		return mm_graph_fail(g, MM_ERR_FORMAT,
				     "texts come without the column 'mask', "
				     "which hides their padding");
	g->store->group = MM_GROUP_TEXT;
	g->store->layer = 0;
	x = mm_bert_embed(g, m, &h->bert, text, "text_model");
	mm_tap(g, x, "text.embeddings");
	x = mm_bert_blocks(g, x, text->mask, &h->bert, &tower, "text_model",
			   "text.layer");
	mm_tap(g, x, "text.last_hidden");
	x = pooled(g, x, h, text);
	mm_tap(g, x, "text.pooled");
	g->store->group = MM_GROUP_HEAD;
	if (h->proj == MM_HUB_NONE)
		return x;
	if (h->proj == MM_HUB_LINEAR)
		return layer(g, x, W, D, MM_ACT_NONE, "weight");
	x = layer(g, x, W, inner, MM_ACT_GELU, "0.weight");
	return layer(g, x, inner, D, MM_ACT_NONE, "2.weight");
}
