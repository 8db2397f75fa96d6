/* openclip.c - see openclip.h. */
#include "model/openclip.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

/* ---- configuration ---- */

/* What changes the function and is not built here, with its harmless value. */
static const struct {
	const char *key;
	enum { OFF, NO_TEXT, POOL_TOK, LEARNABLE, LINEAR } plain;
} refused[] = {
	{ "timm_model_name", NO_TEXT },
	{ "hf_model_name", NO_TEXT },
	{ "ls_init_value", OFF },
	{ "attentional_pool", OFF },
	{ "no_ln_pre", OFF },
	{ "final_ln_after_pool", OFF },
	{ "embed_cls", OFF },
	{ "qk_norm", OFF },
	{ "scaled_cosine_attn", OFF },
	{ "scale_heads", OFF },
	{ "scale_attn_inner", OFF },
	{ "scale_attn", OFF },
	{ "scale_fc", OFF },
	{ "pos_embed_type", LEARNABLE },
	{ "proj_type", LINEAR },
	{ "act_kwargs", OFF },
};

static int refuse_unknown(const struct mm_json *v, struct mm_err *err)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		const struct mm_json *x = mm_json_get(v, refused[i].key);
		const enum mm_json_type type = mm_json_type(x);
		const char *s = mm_json_str(x, "");

		if (type == MM_JSON_ABSENT || type == MM_JSON_NULL ||
		    (type == MM_JSON_BOOL && !mm_json_bool(x, true)) ||
		    (type == MM_JSON_OBJECT && !mm_json_size(x)) ||
		    (refused[i].plain == NO_TEXT && !*s) ||
		    (refused[i].plain == LEARNABLE &&
		     !strcmp(s, "learnable")) ||
		    (refused[i].plain == LINEAR && !strcmp(s, "linear")))
			continue;
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s' asks for a tower that is not known",
			       refused[i].key);
	}
	return MM_OK;
}

struct tower {
	int64_t width, layers, heads, ffn;
	double eps;
};

static int read_tower(struct tower *t, const struct mm_json *v,
		      struct mm_err *err)
{
	double ratio = 4;
	int rc;

	t->eps = 1e-5;
	if ((rc = refuse_unknown(v, err)) ||
	    (rc = mm_json_want_int(v, "width", 1, 1 << 16, &t->width, err)) ||
	    (rc = mm_json_want_num(v, "mlp_ratio", 0.01, 64, &ratio, err)) ||
	    (rc = mm_json_want_num(mm_json_get(v, "norm_kwargs"), "eps", 0, 1,
				   &t->eps, err)))
		return rc;
	t->ffn = (int64_t)((double)t->width * ratio);
	return mm_json_want_int(v, "layers", 1, 1 << 10, &t->layers, err);
}

static void put_tower(struct mm_json_writer *w, const struct tower *t,
		      bool quick)
{
	mm_json_put_str(w, "hidden_act", quick ? "quick_gelu" : "gelu");
	mm_json_put_int(w, "hidden_size", t->width);
	mm_json_put_int(w, "intermediate_size", t->ffn);
	mm_json_put_num(w, "layer_norm_eps", t->eps);
	mm_json_put_int(w, "num_attention_heads", t->heads);
	mm_json_put_int(w, "num_hidden_layers", t->layers);
}

static bool is_resnet(const struct mm_json *vision)
{
	return mm_json_type(mm_json_get(vision, "layers")) == MM_JSON_ARRAY;
}

static int put_vision(struct mm_json_writer *w, const struct mm_json *v,
		      bool quick, struct mm_err *err)
{
	struct tower t = { 768, 12, 12, 3072, 1e-5 };
	int64_t image = 224, patch = 16, head = 64;
	const char *pool = "tok";
	int rc;

	if ((rc = mm_json_want_int(v, "image_size", 1, 1 << 14, &image, err)) ||
	    (rc = mm_json_want_int(v, "head_width", 1, 1 << 12, &head, err)))
		return rc;
	mm_json_put_int(w, "image_size", image);
	if (is_resnet(v)) {
		if ((rc = refuse_unknown(v, err)) ||
		    (rc = mm_json_want_int(v, "width", 1, 1 << 12, &t.width,
					   err)))
			return rc;
		mm_json_put(w, "layers", mm_json_get(v, "layers"));
		mm_json_put_int(w, "width", t.width);
		mm_json_put_int(w, "head_width", head);
		return MM_OK;
	}
	if ((rc = read_tower(&t, v, err)) ||
	    (rc = mm_json_want_int(v, "patch_size", 1, 1 << 12, &patch, err)) ||
	    (rc = mm_json_want_str(v, "pool_type", &pool, err)))
		return rc;
	if (strcmp(pool, "tok"))
		return mm_fail(err, MM_ERR_FORMAT,
			       "'pool_type' is '%s'; known is tok", pool);
	mm_json_put_int(w, "patch_size", patch);
	t.heads = t.width / head;
	put_tower(w, &t, quick);
	return MM_OK;
}

static int put_text(struct mm_json_writer *w, const struct mm_json *v,
		    bool quick, struct mm_err *err)
{
	struct tower t = { 512, 12, 8, 2048, 1e-5 };
	int64_t context = 77, vocab = 49408, eos = 2;
	bool free = false, bias = false;
	const char *pool = NULL;
	int rc;

	if ((rc = read_tower(&t, v, err)) ||
	    (rc = mm_json_want_int(v, "heads", 1, 1 << 10, &t.heads, err)) ||
	    (rc = mm_json_want_int(v, "context_length", 1, 1 << 16, &context,
				   err)) ||
	    (rc = mm_json_want_int(v, "vocab_size", 1, 1 << 24, &vocab, err)) ||
	    (rc = mm_json_want_int(v, "eos_id", 0, INT32_MAX, &eos, err)) ||
	    (rc = mm_json_want_bool(v, "no_causal_mask", &free, err)) ||
	    (rc = mm_json_want_bool(v, "proj_bias", &bias, err)) ||
	    (rc = mm_json_want_str(v, "pool_type", &pool, err)))
		return rc;
	/* Of its own vocabulary; no use is made of them. */
	mm_json_put_int(w, "bos_token_id", vocab < 2 ? 0 : vocab - 2);
	mm_json_put_int(w, "pad_token_id", 0);
	/* 2 is transformers' sign for the row of the largest id. */
	mm_json_put_int(w, "eos_token_id", eos);
	if (pool && strcmp(pool, "argmax"))
		mm_json_put_str(w, "pool_type", pool);
	else if (eos != 2)
		mm_json_put_str(w, "pool_type", "argmax");
	if (free)
		mm_json_put_bool(w, "causal", false);
	if (bias)
		mm_json_put_bool(w, "projection_bias", true);
	mm_json_put_int(w, "max_position_embeddings", context);
	mm_json_put_int(w, "vocab_size", vocab);
	put_tower(w, &t, quick);
	return MM_OK;
}

int mm_openclip_config(struct mm_buf *out, const struct mm_json *root,
		       struct mm_err *err)
{
	const struct mm_json *cfg = mm_json_get(root, "model_cfg");
	const struct mm_json *v = mm_json_get(cfg, "vision_cfg");
	const struct mm_json *t = mm_json_get(cfg, "text_cfg");
	int64_t dim = 512;
	double bias = NAN, scale = 2.6592;
	bool quick = false;
	struct mm_json_writer w;
	int rc;

	if (mm_json_type(v) != MM_JSON_OBJECT ||
	    mm_json_type(t) != MM_JSON_OBJECT)
		return mm_fail(err, MM_ERR_FORMAT,
			       "has no model_cfg with vision_cfg and text_cfg");
	if (mm_json_type(mm_json_get(cfg, "multimodal_cfg")) == MM_JSON_OBJECT)
		return mm_fail(err, MM_ERR_FORMAT,
			       "'multimodal_cfg' asks for a decoder (CoCa), "
			       "which is not known");
	if ((rc = mm_json_want_int(cfg, "embed_dim", 1, 1 << 16, &dim, err)) ||
	    (rc = mm_json_want_bool(cfg, "quick_gelu", &quick, err)) ||
	    (rc = mm_json_want_num(cfg, "init_logit_scale", -100, 100, &scale,
				   err)) ||
	    (rc = mm_json_want_num(cfg, "init_logit_bias", -1e3, 1e3, &bias,
				   err)))
		return rc;
	mm_json_writer_init(&w, out, 2);
	mm_json_open(&w, NULL, '{');
	if (!is_resnet(v)) { /* which transformers opens, too */
		mm_json_open(&w, "architectures", '[');
		mm_json_put_str(&w, NULL, "CLIPModel");
		mm_json_close(&w);
	}
	mm_json_put_num(&w, "logit_scale_init_value", scale);
	if (!isnan(bias))
		mm_json_put_num(&w, "logit_bias_init_value", bias);
	mm_json_put_str(&w, "model_type",
			is_resnet(v) ? "clip_resnet" : "clip");
	mm_json_put_int(&w, "projection_dim", dim);
	mm_json_open(&w, "text_config", '{');
	mm_json_put_str(&w, "model_type", "clip_text_model");
	mm_json_put_int(&w, "projection_dim", dim);
	if ((rc = put_text(&w, t, quick, err)))
		return mm_fail_ctx(err, "text_cfg");
	mm_json_close(&w);
	mm_json_open(&w, "vision_config", '{');
	mm_json_put_str(&w, "model_type", "clip_vision_model");
	mm_json_put_int(&w, "projection_dim", dim);
	if ((rc = put_vision(&w, v, quick, err)))
		return mm_fail_ctx(err, "vision_cfg");
	mm_json_close(&w);
	mm_json_close(&w);
	return mm_buf_check(out, "the configuration", err);
}

/* ---- weights ---- */

bool mm_openclip_layout(const struct mm_checkpoint *c)
{
	/* A residual network has these names in our own layout too. */
	return mm_checkpoint_find(c, "visual.conv1.weight") &&
	       !mm_checkpoint_find(
		       c, "text_model.embeddings.token_embedding.weight");
}

/* Names that differ as a whole, then those inside a block. */
static const struct {
	const char *hf, *open;
} whole[] = {
	{ "vision_model.embeddings.patch_embedding.weight",
	  "visual.conv1.weight" },
	{ "vision_model.embeddings.class_embedding", "visual.class_embedding" },
	{ "vision_model.embeddings.position_embedding.weight",
	  "visual.positional_embedding" },
	{ "vision_model.pre_layrnorm.weight", "visual.ln_pre.weight" },
	{ "vision_model.pre_layrnorm.bias", "visual.ln_pre.bias" },
	{ "vision_model.post_layernorm.weight", "visual.ln_post.weight" },
	{ "vision_model.post_layernorm.bias", "visual.ln_post.bias" },
	{ "visual_projection.weight", "visual.proj" },
	{ "text_model.embeddings.token_embedding.weight",
	  "token_embedding.weight" },
	{ "text_model.embeddings.position_embedding.weight",
	  "positional_embedding" },
	{ "text_model.final_layer_norm.weight", "ln_final.weight" },
	{ "text_model.final_layer_norm.bias", "ln_final.bias" },
	{ "text_projection.weight", "text_projection" },
	{ "text_projection.bias", "text_projection.bias" },
	{ "logit_scale", "logit_scale" },
	{ "logit_bias", "logit_bias" },
}, inside[] = {
	{ "layer_norm1.", "ln_1." },	     { "layer_norm2.", "ln_2." },
	{ "mlp.fc1.", "mlp.c_fc." },	     { "mlp.fc2.", "mlp.c_proj." },
	{ "self_attn.out_proj.", "attn.out_proj." },
};

static bool place_block(struct mm_openclip_place *at, const char *name)
{
	const bool vision = !strncmp(name, "vision_model.encoder.layers.", 28);
	const bool text = !strncmp(name, "text_model.encoder.layers.", 26);
	const char *p = name + (vision ? 28 : 26), *rest;
	const char *prefix = vision ? "visual.transformer.resblocks."
				    : "transformer.resblocks.";
	int n;

	if (!vision && !text)
		return false;
	n = (int)strspn(p, "0123456789");
	if (p[n] != '.')
		return false;
	rest = p + n + 1;
	for (int k = 0; k < 3; k++) {
		char part[32];

		snprintf(part, sizeof(part), "self_attn.%c_proj.", "qkv"[k]);
		if (strncmp(rest, part, strlen(part)))
			continue;
		snprintf(at->name, sizeof(at->name), "%s%.*s.attn.in_proj_%s",
			 prefix, n, p, rest + strlen(part));
		at->third = k;
		return true;
	}
	for (size_t i = 0; i < sizeof(inside) / sizeof(*inside); i++) {
		const size_t len = strlen(inside[i].hf);

		if (strncmp(rest, inside[i].hf, len))
			continue;
		snprintf(at->name, sizeof(at->name), "%s%.*s.%s%s", prefix, n,
			 p, inside[i].open, rest + len);
		return true;
	}
	return false;
}

bool mm_openclip_place(struct mm_openclip_place *at, const char *name)
{
	*at = (struct mm_openclip_place){ .third = -1 };
	if (!strncmp(name, "visual.", 7)) { /* a ResNet: one name for all */
		snprintf(at->name, sizeof(at->name), "%s", name);
		return true;
	}
	for (size_t i = 0; i < sizeof(whole) / sizeof(*whole); i++) {
		if (strcmp(whole[i].hf, name))
			continue;
		snprintf(at->name, sizeof(at->name), "%s", whole[i].open);
		at->transposed = strstr(name, "projection.weight") != NULL;
		return true;
	}
	return place_block(at, name);
}

/* The tensor; custom text towers keep theirs under "text.", and one whose
 * projection has a bias keeps it as a linear layer. */
static const struct mm_tensor *find(const struct mm_checkpoint *c,
				    struct mm_openclip_place *at)
{
	const struct mm_tensor *t = mm_checkpoint_find(c, at->name);
	char custom[300];

	snprintf(custom, sizeof(custom), "text.%s", at->name);
	if (t || (t = mm_checkpoint_find(c, custom)) ||
	    strcmp(at->name, "text_projection"))
		return t;
	at->transposed = false;
	if ((t = mm_checkpoint_find(c, "text_projection.weight")))
		return t;
	return mm_checkpoint_find(c, "text.text_projection.weight");
}

/* The shape that the file must have for p. */
static struct mm_shape shape_at(const struct mm_param *p,
				const struct mm_openclip_place *at)
{
	struct mm_shape s = p->shape;

	if (at->third >= 0)
		s.dim[0] *= 3;
	if (at->transposed) {
		s.dim[0] = p->shape.dim[1];
		s.dim[1] = p->shape.dim[0];
	}
	return s;
}

static int check_shape(const struct mm_tensor *t, const struct mm_param *p,
		       const struct mm_openclip_place *at, struct mm_err *err)
{
	const struct mm_shape want = shape_at(p, at);
	struct mm_shape have = { .rank = t->rank };
	char a[128], b[128];

	memcpy(have.dim, t->dim, sizeof(have.dim));
	if (!mm_dtype_is_float(t->dtype) && !p->count)
		return mm_fail(err, MM_ERR_FORMAT, "weight '%s' is of type %s",
			       at->name, mm_dtype_name(t->dtype));
	/* A scalar may be stored as one number in a row. */
	if (mm_shape_equal(&have, &want) ||
	    (p->n == 1 && have.rank + want.rank == 1))
		return MM_OK;
	return mm_fail(err, MM_ERR_SHAPE,
		       "weight '%s' is %s in the file, the configuration "
		       "wants %s",
		       at->name, mm_shape_str(a, &have),
		       mm_shape_str(b, &want));
}

int mm_openclip_fetch(float *dst, const struct mm_checkpoint *c,
		      const struct mm_param *p, struct mm_err *err)
{
	const struct mm_tensor *t;
	struct mm_openclip_place at;
	float *all;
	size_t n;
	int rc;

	if (!mm_openclip_place(&at, p->name) || !(t = find(c, &at)))
		return p->count ? MM_OK
				: mm_fail(err, MM_ERR_FORMAT,
					  p->buffer ? "running statistics '%s' "
						      "are missing"
						    : "weight '%s' is missing",
					  at.name[0] ? at.name : p->name);
	if ((rc = check_shape(t, p, &at, err)))
		return rc;
	n = mm_tensor_count(t);
	if (!(all = mm_malloc(n, sizeof(*all))))
		return mm_fail_nomem(err, "the weights");
	mm_to_f32(all, t->data, t->dtype, n);
	if (at.transposed) {
		const size_t F = p->shape.dim[0], C = p->shape.dim[1];

		for (size_t f = 0; f < F; f++)
			for (size_t k = 0; k < C; k++)
				dst[f * C + k] = all[k * F + f];
	} else {
		memcpy(dst, all + (at.third > 0 ? (size_t)at.third : 0) * p->n,
		       p->n * sizeof(*dst));
	}
	mm_free(all);
	return MM_OK;
}
