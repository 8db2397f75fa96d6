/*
 * clip.c - CLIP with a vision transformer, in Hugging Face's layout.
 *
 * Source: Radford et al., "Learning transferable visual models from natural
 * language supervision" (2021); names and defaults of transformers' CLIPModel.
 * Image: patches, class token, positions, pre_layrnorm (sic), blocks,
 * post_layernorm of the class token, projection.  Text: tokens, positions,
 * causal blocks, final_layer_norm, the row of the end token, projection.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/blocks.h"

struct clip {
	struct mm_tower vision, text;
	struct mm_vision pictures;
	double logit_scale;
};

/* ---- config.json ---- */

/* HF's rule: NAME_dict, where it is there, replaces NAME completely. */
static const struct mm_json *part(const struct mm_json *config,
				  const char *name)
{
	char dict[64];
	const struct mm_json *v;

	snprintf(dict, sizeof(dict), "%s_dict", name);
	v = mm_json_get(config, dict);
	return mm_json_type(v) == MM_JSON_OBJECT ? v
						 : mm_json_get(config, name);
}

static struct mm_block_init init_of(const struct mm_tower *t)
{
	const double w = 1 / sqrt((double)t->width);
	const double deep = 1 / sqrt(2 * (double)t->layers);

	return (struct mm_block_init){ w * deep, w,
				       1 / sqrt(2 * (double)t->width),
				       w * deep };
}

static int clip_configure(struct mm_model *m, struct mm_err *err)
{
	struct clip *c = mm_arena_alloc(&m->arena, 1, sizeof(*c));
	int64_t dim = 512;
	int rc;

	if (!c)
		return mm_fail_nomem(err, "the configuration");
	c->vision = (struct mm_tower){ .width = 768,
				       .ffn = 3072,
				       .layers = 12,
				       .heads = 12,
				       .eps = 1e-5,
				       .act = MM_ACT_QUICK_GELU };
	c->text = (struct mm_tower){ .width = 512,
				     .ffn = 2048,
				     .layers = 12,
				     .heads = 8,
				     .eps = 1e-5,
				     .causal = true,
				     .act = MM_ACT_QUICK_GELU };
	c->pictures = (struct mm_vision){ .patch = 32, .image_size = 224 };
	c->logit_scale = 2.6592;
	m->vocab_size = 49408;
	m->context_length = 77;
	m->bos_token_id = 49406;
	m->eos_token_id = 49407;
	m->pad_token_id = 1;
	if ((rc = mm_json_want_int(m->json, "projection_dim", 1, 1 << 16, &dim,
				   err)) ||
	    (rc = mm_json_want_num(m->json, "logit_scale_init_value", -100, 100,
				   &c->logit_scale, err)))
		return rc;
	if ((rc = mm_vision_parse(&c->vision, &c->pictures,
				  part(m->json, "vision_config"), err)))
		return mm_fail_ctx(err, "vision_config");
	if ((rc = mm_text_parse(&c->text, m, part(m->json, "text_config"),
				err)))
		return mm_fail_ctx(err, "text_config");
	c->vision.init = init_of(&c->vision);
	c->text.init = init_of(&c->text);
	m->config = c;
	m->image_size = c->pictures.image_size;
	m->channels = c->pictures.channels;
	m->embed_dim = (size_t)dim;
	return MM_OK;
}

/* ---- presets ---- */

static const char *const presets[] = { "tiny", "small", "base", NULL };

static const struct {
	size_t vision[5]; /* width, ffn, layers, heads, patch */
	size_t text[4];
	size_t dim;
} sizes[] = {
	{ { 128, 512, 4, 4, 8 }, { 128, 512, 2, 4 }, 128 },
	{ { 256, 1024, 6, 4, 8 }, { 256, 1024, 4, 4 }, 256 },
	{ { 768, 3072, 12, 12, 32 }, { 512, 2048, 12, 8 }, 512 },
};

static bool clip_preset(struct mm_buf *out, const char *name,
			const struct mm_model *s)
{
	struct mm_json_writer w;
	int i = 0;

	while (presets[i] && strcmp(presets[i], name))
		i++;
	if (!presets[i])
		return false;
	mm_json_writer_init(&w, out, 2);
	mm_json_open(&w, NULL, '{');
	mm_json_open(&w, "architectures", '[');
	mm_json_put_str(&w, NULL, "CLIPModel");
	mm_json_close(&w);
	mm_json_put_str(&w, "dtype", "float32");
	mm_json_put_num(&w, "logit_scale_init_value", 2.6592);
	mm_json_put_str(&w, "model_type", "clip");
	mm_json_put_int(&w, "projection_dim", (int64_t)sizes[i].dim);
	mm_json_open(&w, "text_config", '{');
	mm_json_put_int(&w, "bos_token_id", s->bos_token_id);
	mm_json_put_int(&w, "eos_token_id", s->eos_token_id);
	mm_json_put_str(&w, "hidden_act", "gelu");
	mm_json_put_int(&w, "hidden_size", (int64_t)sizes[i].text[0]);
	mm_json_put_int(&w, "intermediate_size", (int64_t)sizes[i].text[1]);
	mm_json_put_int(&w, "max_position_embeddings",
			(int64_t)s->context_length);
	mm_json_put_str(&w, "model_type", "clip_text_model");
	mm_json_put_int(&w, "num_attention_heads", (int64_t)sizes[i].text[3]);
	mm_json_put_int(&w, "num_hidden_layers", (int64_t)sizes[i].text[2]);
	mm_json_put_int(&w, "pad_token_id", s->pad_token_id);
	mm_json_put_int(&w, "projection_dim", (int64_t)sizes[i].dim);
	mm_json_put_int(&w, "vocab_size", (int64_t)s->vocab_size);
	mm_json_close(&w);
	mm_json_open(&w, "vision_config", '{');
	mm_json_put_str(&w, "hidden_act", "gelu");
	mm_json_put_int(&w, "hidden_size", (int64_t)sizes[i].vision[0]);
	mm_json_put_int(&w, "image_size", (int64_t)s->image_size);
	mm_json_put_int(&w, "intermediate_size", (int64_t)sizes[i].vision[1]);
	mm_json_put_str(&w, "model_type", "clip_vision_model");
	mm_json_put_int(&w, "num_attention_heads", (int64_t)sizes[i].vision[3]);
	mm_json_put_int(&w, "num_hidden_layers", (int64_t)sizes[i].vision[2]);
	mm_json_put_int(&w, "patch_size", (int64_t)sizes[i].vision[4]);
	mm_json_put_int(&w, "projection_dim", (int64_t)sizes[i].dim);
	mm_json_close(&w);
	mm_json_close(&w);
	mm_buf_addc(out, '\n');
	return true;
}

/* ---- the towers ---- */

static struct mm_node *clip_image(struct mm_graph *g, const struct mm_model *m,
				  struct mm_node *pixels)
{
	const struct clip *c = m->config;
	const size_t W = c->vision.width, P = c->pictures.patch;
	const struct mm_tower vision = mm_tower_trained(&c->vision, m);
	const size_t G = c->pictures.image_size / P;
	struct mm_node *x, *w, *cls, *pos;
	size_t gh, gw;

	if (g->failed)
		return NULL;
	g->store->group = MM_GROUP_IMAGE;
	g->store->layer = 0;
	gh = pixels->shape.dim[2] / P;
	gw = pixels->shape.dim[3] / P;
	w = mm_param(g, MM_SHAPE(W, c->pictures.channels, P, P),
		     MM_NORMAL(0.02),
		     "vision_model.embeddings.patch_embedding.weight");
	cls = mm_param(g, MM_SHAPE(W), MM_NORMAL(1 / sqrt((double)W)),
		       "vision_model.embeddings.class_embedding");
	pos = mm_param(g, MM_SHAPE(G * G + 1, W), MM_NORMAL(0.02),
		       "vision_model.embeddings.position_embedding.weight");
	if (gh != G || gw != G)
		pos = mm_resize_positions(g, pos, 1, gh, gw);
	x = mm_patches(g, pixels, P, m->mean, m->std);
	x = mm_linear(g, x, w, NULL, NULL, MM_ACT_NONE);
	x = mm_add_positions(g, mm_prepend(g, x, cls), pos);
	x = mm_norm(g, x, c->vision.eps, "vision_model.pre_layrnorm");
	mm_tap(g, x, "vision.hidden.0");
	x = mm_prenorm_blocks(g, x, NULL, &vision, "vision_model.encoder",
			      "vision.hidden");
	mm_tap(g, x, "vision.last_hidden");
	x = mm_norm(g, mm_pick_row(g, x, 0), c->vision.eps,
		    "vision_model.post_layernorm");
	mm_tap(g, x, "vision.pooled");
	g->store->group = MM_GROUP_HEAD;
	w = mm_param(g, MM_SHAPE(m->embed_dim, W),
		     MM_NORMAL(1 / sqrt((double)W)),
		     "visual_projection.weight");
	return mm_linear(g, x, w, NULL, NULL, MM_ACT_NONE);
}

static struct mm_node *clip_text(struct mm_graph *g, const struct mm_model *m,
				 const struct mm_text_input *text)
{
	const struct clip *c = m->config;
	const size_t W = c->text.width;
	const struct mm_tower tower = mm_tower_trained(&c->text, m);
	/* OpenAI's files say 2 and mean "the largest id". */
	const int eos =
		m->eos_token_id == 2 ? MM_EOS_LARGEST : (int)m->eos_token_id;
	struct mm_node *x, *w, *tok, *pos;

	g->store->group = MM_GROUP_TEXT;
	g->store->layer = 0;
	tok = mm_param(g, MM_SHAPE(m->vocab_size, W), MM_NORMAL(0.02),
		       "text_model.embeddings.token_embedding.weight");
	pos = mm_param(g, MM_SHAPE(m->context_length, W), MM_NORMAL(0.02),
		       "text_model.embeddings.position_embedding.weight");
	x = mm_add_positions(g, mm_embedding(g, text->ids, tok), pos);
	mm_tap(g, x, "text.hidden.0");
	x = mm_prenorm_blocks(g, x, text->mask, &tower, "text_model.encoder",
			      "text.hidden");
	x = mm_norm(g, x, c->text.eps, "text_model.final_layer_norm");
	mm_tap(g, x, "text.last_hidden");
	x = mm_pick_end(g, x, text->ids, eos);
	mm_tap(g, x, "text.pooled");
	g->store->group = MM_GROUP_HEAD;
	w = mm_param(g, MM_SHAPE(m->embed_dim, W),
		     MM_NORMAL(1 / sqrt((double)W)), "text_projection.weight");
	return mm_linear(g, x, w, NULL, NULL, MM_ACT_NONE);
}

static struct mm_node *clip_logits(struct mm_graph *g, const struct mm_model *m,
				   struct mm_node *image, struct mm_node *text)
{
	const struct clip *c = m->config;
	struct mm_node *z = mm_matmul(g, image, text, false, true, 1), *s;

	g->store->group = MM_GROUP_HEAD;
	s = mm_param(g, MM_SCALAR, MM_FILL(c->logit_scale), "logit_scale");
	if (m->fixed_scale > 0)
		return mm_affine(g, z, m->fixed_scale, 0);
	return mm_mul(g, z, mm_exp(g, s));
}

/* exp(logit_scale) stays in 1..100. */
static void clip_after_step(struct mm_model *m)
{
	struct mm_param *s = mm_store_find(&m->store, "logit_scale");
	const mm_real top = (mm_real)4.6051701859880914; /* ln 100 */

	if (s && s->val)
		*s->val = *s->val < 0 ? 0 : *s->val > top ? top : *s->val;
}

const struct mm_arch mm_arch_clip = {
	.model_type = "clip",
	.summary = "CLIP, vision transformer and causal text transformer",
	.configure = clip_configure,
	.preset = clip_preset,
	.presets = presets,
	.image = clip_image,
	.text = clip_text,
	.logits = clip_logits,
	.loss = mm_infonce,
	.after_step = clip_after_step,
};
