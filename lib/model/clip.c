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

#include "model/clip.h"
#include "model/openclip.h"

/* ---- config.json ---- */

/* HF's rule: it replaces NAME completely. */
const struct mm_json *mm_clip_part(const struct mm_json *config,
				   const char *name)
{
	char dict[64];
	const struct mm_json *v;

	snprintf(dict, sizeof(dict), "%s_dict", name);
	v = mm_json_get(config, dict);
	return mm_json_type(v) == MM_JSON_OBJECT ? v
						 : mm_json_get(config, name);
}

struct mm_block_init mm_clip_init(const struct mm_tower *t)
{
	const double w = 1 / sqrt((double)t->width);
	const double deep = 1 / sqrt(2 * (double)t->layers);

	return (struct mm_block_init){ w * deep, w,
				       1 / sqrt(2 * (double)t->width),
				       w * deep };
}

static int parse_pool(struct mm_clip_text *c, const struct mm_json *v,
		      struct mm_err *err)
{
	static const char *const names[] = { "", "eos", "argmax", "first",
					     "last" };
	const char *name = NULL;
	int rc = mm_json_want_str(v, "pool_type", &name, err);

	if (rc || !name)
		return rc;
	for (int i = MM_CLIP_POOL_EOS; i <= MM_CLIP_POOL_LAST; i++)
		if (!strcmp(name, names[i])) {
			c->pool = (enum mm_clip_pool)i;
			return MM_OK;
		}
	return mm_fail(err, MM_ERR_FORMAT,
		       "'pool_type' is '%s'; known are argmax, eos, first, "
		       "last",
		       name);
}

static int parse_text(struct mm_clip_text *c, struct mm_model *m,
		      const struct mm_json *v, struct mm_err *err)
{
	int rc;

	*c = (struct mm_clip_text){ .tower = { .width = 512,
					       .ffn = 2048,
					       .layers = 12,
					       .heads = 8,
					       .eps = 1e-5,
					       .causal = true,
					       .act = MM_ACT_QUICK_GELU },
				    .projection = true };
	m->vocab_size = 49408;
	m->context_length = 77;
	m->bos_token_id = 49406;
	m->eos_token_id = 49407;
	m->pad_token_id = 1;
	if ((rc = mm_text_parse(&c->tower, m, v, err)) ||
	    (rc = mm_json_want_bool(v, "causal", &c->tower.causal, err)) ||
	    (rc = mm_json_want_bool(v, "projection", &c->projection, err)) ||
	    (rc = mm_json_want_bool(v, "projection_bias", &c->projection_bias,
				    err)) ||
	    (rc = mm_json_want_num(v, "layer_scale_init_value", 0, 1e3,
				   &c->tower.scale, err)) ||
	    (rc = parse_pool(c, v, err)))
		return rc;
	if (!c->projection && m->embed_dim != c->tower.width)
		return mm_fail(err, MM_ERR_FORMAT,
			       "there is no projection, but vectors of %zu are "
			       "to be %zu wide",
			       c->tower.width, m->embed_dim);
	c->tower.init = mm_clip_init(&c->tower);
	/* A tower that sees padding was made to see it. */
	m->unmasked_text = !c->tower.causal || c->pool == MM_CLIP_POOL_LAST;
	m->only_open_clip |= !c->tower.causal || c->projection_bias ||
			     !c->projection || c->tower.scale > 0 ||
			     c->pool != MM_CLIP_POOL_END;
	m->only_ours |= mm_tower_uneven(&c->tower);
	return MM_OK;
}

static int parse_hub(struct mm_clip_text *c, struct mm_model *m,
		     const struct mm_json *v, struct mm_err *err)
{
	struct mm_hub_text *h = mm_arena_alloc(&m->arena, 1, sizeof(*h));
	int rc = h ? mm_hub_text_parse(h, m, v, err)
		   : mm_fail_nomem(err, "the configuration");

	*c = (struct mm_clip_text){ .hub = h };
	if (!rc)
		c->tower = h->bert.tower;
	return rc;
}

int mm_clip_parse(struct mm_clip_shared *c, struct mm_model *m,
		  struct mm_err *err)
{
	struct mm_clip_text *text = &c->text;
	struct mm_clip_scale *scale = &c->scale;
	int64_t dim = 512;
	int rc;

	*scale = (struct mm_clip_scale){ 2.6592, NAN };
	if ((rc = mm_json_want_int(m->json, "projection_dim", 1, 1 << 16, &dim,
				   err)) ||
	    (rc = mm_json_want_num(m->json, "logit_scale_init_value", -100, 100,
				   &scale->scale, err)) ||
	    (rc = mm_json_want_num(m->json, "logit_bias_init_value", -1e3, 1e3,
				   &scale->bias, err)))
		return rc;
	m->only_open_clip |= !isnan(scale->bias);
	m->embed_dim = (size_t)dim;
	if (m->arch == &mm_arch_vision_text)
		rc = parse_hub(text, m, mm_json_get(m->json, "text_config"),
			       err);
	else
		rc = parse_text(text, m, mm_clip_part(m->json, "text_config"),
				err);
	return rc ? mm_part_fail(m, "text", err) : MM_OK;
}

/* What open_clip's towers have besides. */
static int parse_vit(struct mm_clip *c, const struct mm_json *v,
		     struct mm_err *err)
{
	struct mm_clip_vit *x = &c->vit;
	int rc;

	*x = (struct mm_clip_vit){ .pre_norm = true };
	if ((rc = mm_json_want_bool(v, "timm", &x->timm, err)) ||
	    (rc = mm_json_want_bool(v, "pre_norm", &x->pre_norm, err)) ||
	    (rc = mm_json_want_bool(v, "patch_bias", &x->patch_bias, err)) ||
	    (rc = mm_json_want_bool(v, "mean_of_patches", &x->mean, err)) ||
	    (rc = mm_json_want_bool(v, "norm_after_mean", &x->norm_last,
				    err)) ||
	    (rc = mm_json_want_bool(v, "projection_bias", &x->projection_bias,
				    err)) ||
	    (rc = mm_json_want_bool(v, "timm_head", &x->timm_head, err)) ||
	    (rc = mm_json_want_bool(v, "conv_stem", &x->stem, err)))
		return rc;
	if (x->stem && (c->pictures.patch != 16 || c->vision.width % 4))
		return mm_fail(err, MM_ERR_FORMAT,
			       "'conv_stem' makes patches of 16, in channels "
			       "that 4 divides");
	return mm_json_want_num(v, "layer_scale_init_value", 0, 1e3,
				&c->vision.scale, err);
}

/* Has transformers a class for the tower of pictures, has open_clip? */
static void classify(struct mm_model *m, const struct mm_clip *c)
{
	const struct mm_clip_vit *x = &c->vit;
	struct mm_openclip_timm timm;

	m->only_open_clip |= x->timm || !x->pre_norm || x->patch_bias ||
			     x->mean || x->projection_bias || x->stem ||
			     c->vision.scale > 0;
	m->only_ours |= mm_tower_uneven(&c->vision) ||
			((x->timm || x->stem) &&
			 !mm_openclip_timm_of(&timm, &c->vision, &c->pictures,
					      mm_openclip_kind(x)));
}

int mm_clip_configure(struct mm_model *m, struct mm_err *err)
{
	const struct mm_json *v = mm_clip_part(m->json, "vision_config");
	struct mm_clip *c = mm_arena_alloc(&m->arena, 1, sizeof(*c));
	int rc;

	if (!c)
		return mm_fail_nomem(err, "the configuration");
	c->vision = (struct mm_tower){ .width = 768,
				       .ffn = 3072,
				       .layers = 12,
				       .heads = 12,
				       .eps = 1e-5,
				       .act = MM_ACT_QUICK_GELU };
	c->pictures = (struct mm_vision){ .patch = 32, .image_size = 224 };
	if ((rc = mm_clip_parse(&c->shared, m, err)))
		return rc;
	if ((rc = mm_vision_parse(&c->vision, &c->pictures, v, err)) ||
	    (rc = parse_vit(c, v, err)))
		return mm_part_fail(m, "vision", err);
	classify(m, c);
	c->vision.init = mm_clip_init(&c->vision);
	m->config = c;
	m->image_size = c->pictures.image_size;
	m->channels = c->pictures.channels;
	return MM_OK;
}

const struct mm_clip *mm_clip_config(const struct mm_model *m)
{
	return m->arch == &mm_arch_clip || m->arch == &mm_arch_vision_text
		       ? m->config
		       : NULL;
}

const struct mm_hub_text *mm_hub_text_config(const struct mm_model *m)
{
	const struct mm_clip *c = mm_clip_config(m);

	return c ? c->shared.text.hub : NULL;
}

/* ---- presets ---- */

static const char *const presets[] = { "micro", "tiny", "small", "base", NULL };

static const struct {
	size_t vision[5]; /* width, ffn, layers, heads, patch */
	struct mm_clip_text_size text;
	size_t dim;
} sizes[] = {
	{ { 96, 384, 3, 3, 8 }, { 96, 384, 2, 3 }, 96 },
	{ { 128, 512, 4, 4, 8 }, { 128, 512, 2, 4 }, 128 },
	{ { 256, 1024, 6, 4, 8 }, { 256, 1024, 4, 4 }, 256 },
	{ { 768, 3072, 12, 12, 32 }, { 512, 2048, 12, 8 }, 512 },
};

void mm_clip_put_text(struct mm_json_writer *w, const struct mm_model *shape,
		      const struct mm_clip_text_size *size, size_t dim)
{
	mm_json_put_int(w, "bos_token_id", shape->bos_token_id);
	mm_json_put_int(w, "eos_token_id", shape->eos_token_id);
	mm_json_put_str(w, "hidden_act", "gelu");
	mm_json_put_int(w, "hidden_size", (int64_t)size->width);
	mm_json_put_int(w, "intermediate_size", (int64_t)size->ffn);
	mm_json_put_int(w, "max_position_embeddings",
			(int64_t)shape->context_length);
	mm_json_put_int(w, "num_attention_heads", (int64_t)size->heads);
	mm_json_put_int(w, "num_hidden_layers", (int64_t)size->layers);
	mm_json_put_int(w, "pad_token_id", shape->pad_token_id);
	mm_json_put_int(w, "projection_dim", (int64_t)dim);
	mm_json_put_int(w, "vocab_size", (int64_t)shape->vocab_size);
}

static void clip_preset(struct mm_buf *out, size_t i, const struct mm_model *s)
{
	struct mm_json_writer w;

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
	mm_json_put_str(&w, "model_type", "clip_text_model");
	mm_clip_put_text(&w, s, &sizes[i].text, sizes[i].dim);
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
}

/* ---- the towers ---- */

struct mm_node *mm_project(struct mm_graph *g, struct mm_node *x, size_t dim,
			   double std, bool bias, const char *name)
{
	struct mm_node *w;

	if (g->failed)
		return NULL;
	if (bias)
		return mm_dense(g, x, dim, std, NULL, MM_ACT_NONE, "%s", name);
	w = mm_param(g, MM_SHAPE(dim, x->shape.dim[1]), MM_NORMAL(std),
		     "%s.weight", name);
	return mm_linear(g, x, w, NULL, NULL, MM_ACT_NONE);
}

/* One vector for all tokens x (B, 1 + patches, C), projected. */
static struct mm_node *vit_head(struct mm_graph *g, const struct mm_model *m,
				struct mm_node *x)
{
	const struct mm_clip *c = m->config;
	const struct mm_clip_vit *v = &c->vit;
	const double std = 1 / sqrt((double)c->vision.width);
	static const char norm[] = "vision_model.post_layernorm";

	if (g->failed)
		return NULL;
	if (v->mean && !v->norm_last)
		x = mm_norm(g, x, c->vision.eps, norm);
	x = v->mean ? mm_mean_tokens(g, mm_slice(g, x, 1, 1, x->shape.dim[1]),
				     NULL)
		    : mm_pick_row(g, x, 0);
	if (!v->mean || v->norm_last)
		x = mm_norm(g, x, c->vision.eps, norm);
	mm_tap(g, x, "vision.pooled");
	g->store->group = MM_GROUP_HEAD;
	return mm_project(g, x, m->embed_dim, std, v->projection_bias,
			  "visual_projection");
}

size_t mm_clip_class_rows(const struct mm_clip *c)
{
	return c->vit.stem ? 0 : 1;
}

/* Patches through convolutions of 4, 2 and 2: (B, n, W). */
static struct mm_node *conv_stem(struct mm_graph *g, struct mm_node *x,
				 const struct mm_model *m)
{
	const struct mm_clip *c = m->config;
	static const char name[] = "visual.trunk.patch_embed.backbone";
	const size_t W = c->vision.width;
	struct mm_conv_norm conv = { .out = W / 4,
				     .act = MM_ACT_GELU,
				     .eps = 1e-5,
				     .momentum = 0.1,
				     .gain = 1 };
	char at[2][64];
	struct mm_node *w, *b;

	if (x->elem == MM_ELEM_U8)
		x = mm_pixels(g, x, m->lut);
	for (int i = 0; i < 2; i++) {
		snprintf(at[0], sizeof(at[0]), "%s.%d.conv", name, i);
		snprintf(at[1], sizeof(at[1]), "%s.%d.bn", name, i);
		conv.kernel = conv.stride = i ? 2 : 4;
		x = mm_conv_norm(g, x, &conv, NULL, at[0], at[1]);
	}
	w = mm_param(g, MM_SHAPE(W, W / 4, 2, 2), MM_NORMAL(0.02),
		     "%s.2.conv.weight", name);
	b = mm_param(g, MM_SHAPE(W), MM_INIT_ZERO, "%s.2.conv.bias", name);
	x = mm_conv2d(g, x, w, b, NULL, MM_ACT_NONE, 2, NULL);
	return mm_map_tokens(g, x);
}

/* Patches: (B, n, W). */
static struct mm_node *patches(struct mm_graph *g, struct mm_node *pixels,
			       const struct mm_model *m)
{
	const struct mm_clip *c = m->config;
	const size_t W = c->vision.width, P = c->pictures.patch;
	struct mm_node *w, *bias = NULL;

	if (c->vit.stem)
		return conv_stem(g, pixels, m);
	w = mm_param(g, MM_SHAPE(W, c->pictures.channels, P, P),
		     MM_NORMAL(0.02),
		     "vision_model.embeddings.patch_embedding.weight");
	if (c->vit.patch_bias)
		bias = mm_param(g, MM_SHAPE(W), MM_INIT_ZERO,
				"vision_model.embeddings.patch_embedding.bias");
	return mm_linear(g, mm_patches(g, pixels, P, m->lut), w, bias, NULL,
			 MM_ACT_NONE);
}

/* x (B, n, W) behind the class token, with positions. */
static struct mm_node *place(struct mm_graph *g, struct mm_node *x,
			     const struct mm_model *m, size_t gh, size_t gw)
{
	const struct mm_clip *c = m->config;
	const size_t W = c->vision.width, first = mm_clip_class_rows(c);
	const size_t G = c->pictures.image_size / c->pictures.patch;
	struct mm_node *cls, *pos;

	cls = mm_param(g, MM_SHAPE(W), MM_NORMAL(1 / sqrt((double)W)),
		       "vision_model.embeddings.class_embedding");
	pos = mm_param(g, MM_SHAPE(G * G + first, W), MM_NORMAL(0.02),
		       "vision_model.embeddings.position_embedding.weight");
	if (gh != G || gw != G)
		pos = m->open_clip
			      ? mm_resample_positions(g, pos, first, gh, gw)
			      : mm_resize_positions(g, pos, first, gh, gw);
	if (!first)
		return mm_prepend(g, mm_add_positions(g, x, pos), cls);
	return mm_add_positions(g, mm_prepend(g, x, cls), pos);
}

struct mm_node *mm_clip_vit(struct mm_graph *g, const struct mm_model *m,
			    struct mm_node *pixels)
{
	const struct mm_clip *c = m->config;
	const size_t P = c->pictures.patch;
	const struct mm_tower vision = mm_tower_trained(&c->vision, m);
	struct mm_node *x;

	if (g->failed)
		return NULL;
	g->store->group = MM_GROUP_IMAGE;
	g->store->layer = 0;
	x = place(g, patches(g, pixels, m), m, pixels->shape.dim[2] / P,
		  pixels->shape.dim[3] / P);
	if (c->vit.pre_norm)
		x = mm_norm(g, x, c->vision.eps, "vision_model.pre_layrnorm");
	mm_tap(g, x, "vision.hidden.0");
	x = mm_prenorm_blocks(g, x, NULL, &vision, "vision_model.encoder",
			      "vision.hidden");
	mm_tap(g, x, "vision.last_hidden");
	return vit_head(g, m, x);
}

static struct mm_node *pick(struct mm_graph *g, struct mm_node *x,
			    const struct mm_model *m,
			    const struct mm_clip_text *c, struct mm_node *ids)
{
	const int eos = (int)m->eos_token_id;

	switch (c->pool) {
	case MM_CLIP_POOL_EOS: return mm_pick_end(g, x, ids, eos);
	case MM_CLIP_POOL_LARGEST:
		return mm_pick_end(g, x, ids, MM_EOS_LARGEST);
	case MM_CLIP_POOL_FIRST: return mm_pick_row(g, x, 0);
	case MM_CLIP_POOL_LAST: return mm_pick_row(g, x, -1);
	default: break;
	}
	/* OpenAI's files say 2 and mean "the largest id". */
	return mm_pick_end(g, x, ids, eos == 2 ? MM_EOS_LARGEST : eos);
}

static struct mm_node *text_tower(struct mm_graph *g, const struct mm_model *m,
				  const struct mm_clip_text *c,
				  const struct mm_text_input *text)
{
	const struct mm_tower tower = mm_tower_trained(&c->tower, m);
	const size_t W = tower.width;
	const double std = 1 / sqrt((double)W);
	struct mm_node *x, *tok, *pos;

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
	x = mm_norm(g, x, tower.eps, "text_model.final_layer_norm");
	mm_tap(g, x, "text.last_hidden");
	x = pick(g, x, m, c, text->ids);
	mm_tap(g, x, "text.pooled");
	g->store->group = MM_GROUP_HEAD;
	if (!c->projection)
		return x;
	return mm_project(g, x, m->embed_dim, std, c->projection_bias,
			  "text_projection");
}

struct mm_node *mm_clip_text(struct mm_graph *g, const struct mm_model *m,
			     const struct mm_text_input *text)
{
	const struct mm_clip_shared *c = m->config;

	return c->text.hub ? mm_hub_text(g, m, c->text.hub, text)
			   : text_tower(g, m, &c->text, text);
}

struct mm_node *mm_clip_logits(struct mm_graph *g, const struct mm_model *m,
			       struct mm_node *image, struct mm_node *text)
{
	const struct mm_clip_shared *shared = m->config;
	const struct mm_clip_scale *c = &shared->scale;
	struct mm_node *z = mm_matmul(g, image, text, false, true, 1), *s;

	g->store->group = MM_GROUP_HEAD;
	s = mm_param(g, MM_SCALAR, MM_FILL(c->scale), "logit_scale");
	z = m->fixed_scale > 0 ? mm_affine(g, z, m->fixed_scale, 0)
			       : mm_mul(g, z, mm_exp(g, s));
	if (isnan(c->bias))
		return z;
	return mm_add(g, z,
		      mm_param(g, MM_SCALAR, MM_FILL(c->bias), "logit_bias"));
}

void mm_clip_after_step(struct mm_model *m)
{
	struct mm_param *s = mm_store_find(&m->store, "logit_scale");
	const mm_real top = (mm_real)4.6051701859880914; /* ln 100 */

	if (s && s->val)
		*s->val = *s->val < 0 ? 0 : *s->val > top ? top : *s->val;
}

const struct mm_arch mm_arch_clip = {
	.model_type = "clip",
	.summary = "CLIP, vision transformer and causal text transformer",
	.configure = mm_clip_configure,
	.preset = clip_preset,
	.presets = presets,
	.pictures = "hf-clip",
	.image = mm_clip_vit,
	.text = mm_clip_text,
	.logits = mm_clip_logits,
	.loss = mm_infonce,
	.after_step = mm_clip_after_step,
};
