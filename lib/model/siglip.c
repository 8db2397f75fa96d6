/*
 * siglip.c - SigLIP: two vision-transformer-like towers, a pooling head of
 * attention, a sigmoid loss.
 *
 * Source: Zhai et al., "Sigmoid loss for language image pre-training" (2023);
 * names and defaults of transformers' SiglipModel.  No class token and no
 * causal mask; a text's vector is that of its last position.
 */
#include <math.h>
#include <string.h>

#include "model/siglip.h"

const struct mm_siglip *mm_siglip_config(const struct mm_model *m)
{
	return m->arch == &mm_arch_siglip ? m->config : NULL;
}

static int parse_vision(struct mm_siglip *c, const struct mm_json *v,
			struct mm_err *err)
{
	bool head = true;
	int64_t heads, ffn;
	int rc = mm_vision_parse(&c->vision, &c->pictures, v, err);

	heads = (int64_t)c->vision.heads;
	ffn = (int64_t)c->vision.ffn;
	if (rc ||
	    (rc = mm_json_want_int(v, "pooling_num_attention_heads", 1, 1 << 10,
				   &heads, err)) ||
	    (rc = mm_json_want_int(v, "pooling_intermediate_size", 1, 1 << 18,
				   &ffn, err)))
		return rc;
	c->pool_heads = (size_t)heads;
	c->pool_ffn = (size_t)ffn;
	rc = mm_json_want_bool(v, "vision_use_head", &head, err);
	if (!rc && !head)
		rc = mm_fail(err, MM_ERR_FORMAT,
			     "'vision_use_head' is false: a tower without "
			     "pooling has no embedding");
	return rc;
}

static int parse_text(struct mm_model *m, struct mm_siglip *c,
		      const struct mm_json *t, struct mm_err *err)
{
	int64_t dim;
	int rc = mm_text_parse(&c->text, m, t, err);

	dim = (int64_t)c->text.width;
	c->text_head = true;
	if (rc ||
	    (rc = mm_json_want_int(t, "projection_size", 1, 1 << 16, &dim,
				   err)) ||
	    (rc = mm_json_want_bool(t, "use_head", &c->text_head, err)))
		return rc;
	m->embed_dim = (size_t)dim;
	m->only_open_clip |= !c->text_head;
	if (!c->text_head && m->embed_dim != c->text.width)
		return mm_fail(err, MM_ERR_FORMAT,
			       "there is no projection, but vectors of %zu are "
			       "to be %zu wide",
			       c->text.width, m->embed_dim);
	return MM_OK;
}

static struct mm_block_init init_of(const struct mm_tower *t)
{
	const double w = 1 / sqrt((double)t->width);

	return (struct mm_block_init){ w, w, w, 1 / sqrt((double)t->ffn) };
}

static int siglip_configure(struct mm_model *m, struct mm_err *err)
{
	struct mm_siglip *c = mm_arena_alloc(&m->arena, 1, sizeof(*c));
	int rc;

	if (!c)
		return mm_fail_nomem(err, "the configuration");
	c->vision = (struct mm_tower){ .width = 768,
				       .ffn = 3072,
				       .layers = 12,
				       .heads = 12,
				       .eps = 1e-6,
				       .act = MM_ACT_GELU_TANH };
	c->text = c->vision;
	c->pictures = (struct mm_vision){ .patch = 16, .image_size = 224 };
	m->vocab_size = 32000;
	m->context_length = 64;
	m->bos_token_id = 49406;
	m->eos_token_id = 49407;
	m->pad_token_id = 1;
	if ((rc = parse_vision(c, mm_json_get(m->json, "vision_config"), err)))
		return mm_part_fail(m, "vision", err);
	if ((rc = parse_text(m, c, mm_json_get(m->json, "text_config"), err)))
		return mm_part_fail(m, "text", err);
	if (m->embed_dim != c->vision.width)
		return mm_fail(err, MM_ERR_FORMAT,
			       "the text's vectors have %zu numbers, the "
			       "image's %zu",
			       m->embed_dim, c->vision.width);
	c->vision.init = init_of(&c->vision);
	c->text.init = init_of(&c->text);
	m->only_ours |=
		mm_tower_uneven(&c->vision) || mm_tower_uneven(&c->text);
	m->config = c;
	m->image_size = c->pictures.image_size;
	m->channels = c->pictures.channels;
	return MM_OK;
}

/* ---- presets ---- */

static const char *const presets[] = { "tiny", "base", NULL };

static const struct {
	int64_t width, ffn, layers, text_layers, heads, patch;
} sizes[] = { { 128, 512, 4, 2, 4, 8 }, { 768, 3072, 12, 12, 12, 16 } };

static void put_tower(struct mm_json_writer *w, size_t i, int64_t layers)
{
	mm_json_put_str(w, "hidden_act", "gelu_pytorch_tanh");
	mm_json_put_int(w, "hidden_size", sizes[i].width);
	mm_json_put_int(w, "intermediate_size", sizes[i].ffn);
	mm_json_put_num(w, "layer_norm_eps", 1e-6);
	mm_json_put_int(w, "num_attention_heads", sizes[i].heads);
	mm_json_put_int(w, "num_hidden_layers", layers);
}

static void siglip_preset(struct mm_buf *out, size_t i,
			  const struct mm_model *s)
{
	struct mm_json_writer w;

	mm_json_writer_init(&w, out, 2);
	mm_json_open(&w, NULL, '{');
	mm_json_open(&w, "architectures", '[');
	mm_json_put_str(&w, NULL, "SiglipModel");
	mm_json_close(&w);
	mm_json_put_str(&w, "dtype", "float32");
	mm_json_put_str(&w, "model_type", "siglip");
	mm_json_open(&w, "text_config", '{');
	put_tower(&w, i, sizes[i].text_layers);
	mm_json_put_int(&w, "bos_token_id", s->bos_token_id);
	mm_json_put_int(&w, "eos_token_id", s->eos_token_id);
	mm_json_put_int(&w, "max_position_embeddings",
			(int64_t)s->context_length);
	mm_json_put_str(&w, "model_type", "siglip_text_model");
	mm_json_put_int(&w, "pad_token_id", s->pad_token_id);
	mm_json_put_int(&w, "projection_size", sizes[i].width);
	mm_json_put_int(&w, "vocab_size", (int64_t)s->vocab_size);
	mm_json_close(&w);
	mm_json_open(&w, "vision_config", '{');
	put_tower(&w, i, sizes[i].layers);
	mm_json_put_int(&w, "image_size", (int64_t)s->image_size);
	mm_json_put_str(&w, "model_type", "siglip_vision_model");
	mm_json_put_int(&w, "patch_size", sizes[i].patch);
	mm_json_close(&w);
	mm_json_close(&w);
	mm_buf_addc(out, '\n');
}

/* ---- the towers ---- */

/*
 * Attention pooling: one learned query over all tokens, then a block's second
 * half.  x (B, T, C) -> (B, C).
 */
static struct mm_node *pool(struct mm_graph *g, struct mm_node *x,
			    const struct mm_siglip *c)
{
	const struct mm_tower *t = &c->vision;
	static const char head[] = "vision_model.head";
	const size_t C = t->width;
	const double std = 1 / sqrt((double)C);
	struct mm_node *w, *b, *qkv[3], *probe, *h;

	probe = mm_param(g, MM_SHAPE(1, 1, C), MM_NORMAL(std), "%s.probe",
			 head);
	w = mm_param(g, MM_SHAPE(3 * C, C), MM_NORMAL(std),
		     "%s.attention.in_proj_weight", head);
	b = mm_param(g, MM_SHAPE(3 * C), MM_INIT_ZERO,
		     "%s.attention.in_proj_bias", head);
	for (size_t k = 0; k < 3; k++)
		qkv[k] = mm_linear(g, k ? x : probe,
				   mm_slice(g, w, 0, k * C, (k + 1) * C),
				   mm_slice(g, b, 0, k * C, (k + 1) * C), NULL,
				   MM_ACT_NONE);
	/* The query once for each sample. */
	qkv[0] = mm_slice(g, mm_prepend(g, mm_slice(g, x, 1, 0, 1), qkv[0]), 1,
			  0, 1);
	h = mm_attention(g, qkv[0], qkv[1], qkv[2], NULL, c->pool_heads, false,
			 0, 0);
	h = mm_dense(g, h, C, std, NULL, MM_ACT_NONE, "%s.attention.out_proj",
		     head);
	h = mm_pick_row(g, h, 0);
	x = mm_norm(g, h, t->eps, "%s.layernorm", head);
	x = mm_dense(g, x, c->pool_ffn, t->init.fc1, NULL, t->act, "%s.mlp.fc1",
		     head);
	return mm_dense(g, x, C, t->init.fc2, h, MM_ACT_NONE, "%s.mlp.fc2",
			head);
}

static struct mm_node *siglip_image(struct mm_graph *g,
				    const struct mm_model *m,
				    struct mm_node *pixels)
{
	const struct mm_siglip *c = m->config;
	const size_t W = c->vision.width, P = c->pictures.patch;
	const size_t G = c->pictures.image_size / P;
	const struct mm_tower tower = mm_tower_trained(&c->vision, m);
	struct mm_node *x, *w, *b, *pos;
	size_t gh, gw;

	if (g->failed)
		return NULL;
	g->store->group = MM_GROUP_IMAGE;
	g->store->layer = 0;
	gh = pixels->shape.dim[2] / P;
	gw = pixels->shape.dim[3] / P;
	w = mm_param(
		g, MM_SHAPE(W, c->pictures.channels, P, P),
		MM_NORMAL(1 / sqrt((double)(c->pictures.channels * P * P))),
		"vision_model.embeddings.patch_embedding.weight");
	b = mm_param(g, MM_SHAPE(W), MM_INIT_ZERO,
		     "vision_model.embeddings.patch_embedding.bias");
	pos = mm_param(g, MM_SHAPE(G * G, W), MM_NORMAL(1 / sqrt((double)W)),
		       "vision_model.embeddings.position_embedding.weight");
	if (gh != G || gw != G)
		pos = mm_resize_positions(g, pos, 0, gh, gw);
	x = mm_patches(g, pixels, P, m->lut);
	x = mm_linear(g, x, w, b, NULL, MM_ACT_NONE);
	x = mm_add_positions(g, x, pos);
	mm_tap(g, x, "vision.hidden.0");
	x = mm_prenorm_blocks(g, x, NULL, &tower, "vision_model.encoder",
			      "vision.hidden");
	x = mm_norm(g, x, c->vision.eps, "vision_model.post_layernorm");
	mm_tap(g, x, "vision.last_hidden");
	g->store->group = MM_GROUP_HEAD;
	x = pool(g, x, c);
	mm_tap(g, x, "vision.pooled");
	return x;
}

static struct mm_node *siglip_text(struct mm_graph *g, const struct mm_model *m,
				   const struct mm_text_input *text)
{
	const struct mm_siglip *c = m->config;
	const size_t W = c->text.width;
	const struct mm_tower tower = mm_tower_trained(&c->text, m);
	const double std = 1 / sqrt((double)W);
	struct mm_node *x, *tok, *pos;

	g->store->group = MM_GROUP_TEXT;
	g->store->layer = 0;
	tok = mm_param(g, MM_SHAPE(m->vocab_size, W), MM_NORMAL(std),
		       "text_model.embeddings.token_embedding.weight");
	pos = mm_param(g, MM_SHAPE(m->context_length, W), MM_NORMAL(std),
		       "text_model.embeddings.position_embedding.weight");
	x = mm_add_positions(g, mm_embedding(g, text->ids, tok), pos);
	mm_tap(g, x, "text.hidden.0");
	x = mm_prenorm_blocks(g, x, text->mask, &tower, "text_model.encoder",
			      "text.hidden");
	x = mm_norm(g, x, c->text.eps, "text_model.final_layer_norm");
	mm_tap(g, x, "text.last_hidden");
	g->store->group = MM_GROUP_HEAD;
	x = mm_pick_row(g, x, -1);
	if (c->text_head)
		x = mm_dense(g, x, m->embed_dim, std, NULL, MM_ACT_NONE,
			     "text_model.head");
	mm_tap(g, x, "text.pooled");
	return x;
}

static struct mm_node *siglip_logits(struct mm_graph *g,
				     const struct mm_model *m,
				     struct mm_node *image,
				     struct mm_node *text)
{
	struct mm_node *z = mm_matmul(g, image, text, false, true, 1), *s, *b;

	g->store->group = MM_GROUP_HEAD;
	s = mm_param(g, MM_SHAPE(1), MM_FILL(log(10)), "logit_scale");
	b = mm_param(g, MM_SHAPE(1), MM_FILL(-10), "logit_bias");
	if (m->fixed_scale > 0)
		z = mm_affine(g, z, m->fixed_scale, 0);
	else
		z = mm_mul(g, z, mm_exp(g, s));
	return mm_add(g, z, b);
}

static struct mm_node *siglip_loss(struct mm_graph *g, struct mm_node *logits,
				   struct mm_node *labels, double smoothing)
{
	(void)smoothing;
	return mm_sigmoid_loss(g, logits, labels);
}

const struct mm_arch mm_arch_siglip = {
	.model_type = "siglip",
	.summary = "SigLIP, pooling by attention, sigmoid loss",
	.configure = siglip_configure,
	.preset = siglip_preset,
	.presets = presets,
	.pictures = "siglip",
	.unmasked_text = true,
	.image = siglip_image,
	.text = siglip_text,
	.logits = siglip_logits,
	.loss = siglip_loss,
};
