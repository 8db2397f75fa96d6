/* openclip.c - see openclip.h. */
#include "model/openclip.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

/* ---- configuration ---- */

struct tower {
	int64_t width, layers, heads, ffn;
};

static int read_tower(struct tower *t, const struct mm_json *v, bool vision,
		      struct mm_err *err)
{
	int64_t head_width = 64;
	double ratio = 4;
	int rc;

	if (mm_json_type(mm_json_get(v, "layers")) == MM_JSON_ARRAY)
		return mm_fail(err, MM_ERR_FORMAT,
			       "'layers' is an array: a ResNet, which is not "
			       "known");
	if ((rc = mm_json_want_int(v, "width", 1, 1 << 16, &t->width, err)) ||
	    (rc = mm_json_want_int(v, "layers", 1, 1 << 10, &t->layers, err)) ||
	    (rc = mm_json_want_num(v, "mlp_ratio", 0.01, 64, &ratio, err)) ||
	    (rc = mm_json_want_int(v, "head_width", 1, 1 << 12, &head_width,
				   err)))
		return rc;
	t->heads = vision ? t->width / head_width : t->heads;
	if (!vision &&
	    (rc = mm_json_want_int(v, "heads", 1, 1 << 10, &t->heads, err)))
		return rc;
	t->ffn = (int64_t)((double)t->width * ratio);
	return MM_OK;
}

static void put_tower(struct mm_json_writer *w, const struct tower *t,
		      bool quick)
{
	mm_json_put_str(w, "hidden_act", quick ? "quick_gelu" : "gelu");
	mm_json_put_int(w, "hidden_size", t->width);
	mm_json_put_int(w, "intermediate_size", t->ffn);
	mm_json_put_int(w, "num_attention_heads", t->heads);
	mm_json_put_int(w, "num_hidden_layers", t->layers);
}

int mm_openclip_config(struct mm_buf *out, const struct mm_json *root,
		       struct mm_err *err)
{
	const struct mm_json *cfg = mm_json_get(root, "model_cfg");
	const struct mm_json *v = mm_json_get(cfg, "vision_cfg");
	const struct mm_json *t = mm_json_get(cfg, "text_cfg");
	struct tower vision = { 768, 12, 12, 3072 };
	struct tower text = { 512, 12, 8, 2048 };
	int64_t dim = 512, image = 224, patch = 16, context = 77;
	int64_t vocab = 49408;
	bool quick = false;
	struct mm_json_writer w;
	int rc;

	if (mm_json_type(v) != MM_JSON_OBJECT ||
	    mm_json_type(t) != MM_JSON_OBJECT)
		return mm_fail(err, MM_ERR_FORMAT,
			       "has no model_cfg with vision_cfg and text_cfg");
	if ((rc = read_tower(&vision, v, true, err)) ||
	    (rc = read_tower(&text, t, false, err)) ||
	    (rc = mm_json_want_int(cfg, "embed_dim", 1, 1 << 16, &dim, err)) ||
	    (rc = mm_json_want_bool(cfg, "quick_gelu", &quick, err)) ||
	    (rc = mm_json_want_int(v, "image_size", 1, 1 << 14, &image, err)) ||
	    (rc = mm_json_want_int(v, "patch_size", 1, 1 << 12, &patch, err)) ||
	    (rc = mm_json_want_int(t, "context_length", 1, 1 << 16, &context,
				   err)) ||
	    (rc = mm_json_want_int(t, "vocab_size", 1, 1 << 24, &vocab, err)))
		return rc;
	mm_json_writer_init(&w, out, 2);
	mm_json_open(&w, NULL, '{');
	mm_json_put_str(&w, "model_type", "clip");
	mm_json_put_int(&w, "projection_dim", dim);
	mm_json_open(&w, "text_config", '{');
	/* 2 is transformers' sign for the row of the largest id. */
	mm_json_put_int(&w, "eos_token_id", 2);
	mm_json_put_int(&w, "max_position_embeddings", context);
	mm_json_put_int(&w, "vocab_size", vocab);
	put_tower(&w, &text, quick);
	mm_json_close(&w);
	mm_json_open(&w, "vision_config", '{');
	mm_json_put_int(&w, "image_size", image);
	mm_json_put_int(&w, "patch_size", patch);
	put_tower(&w, &vision, quick);
	mm_json_close(&w);
	mm_json_close(&w);
	return mm_buf_check(out, "the configuration", err);
}

/* ---- weights ---- */

bool mm_openclip_layout(const struct mm_checkpoint *c)
{
	return mm_checkpoint_find(c, "visual.conv1.weight") != NULL;
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
	{ "logit_scale", "logit_scale" },
}, inside[] = {
	{ "layer_norm1.", "ln_1." },	     { "layer_norm2.", "ln_2." },
	{ "mlp.fc1.", "mlp.c_fc." },	     { "mlp.fc2.", "mlp.c_proj." },
	{ "self_attn.out_proj.", "attn.out_proj." },
};

/* Where a parameter lies: which tensor, which third of it, transposed? */
struct place {
	char name[256];
	int third; /* -1: all of it */
	bool transposed;
};

static bool place_block(struct place *at, const char *name)
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

static bool place_of(struct place *at, const char *name)
{
	*at = (struct place){ .third = -1 };
	for (size_t i = 0; i < sizeof(whole) / sizeof(*whole); i++) {
		if (strcmp(whole[i].hf, name))
			continue;
		snprintf(at->name, sizeof(at->name), "%s", whole[i].open);
		at->transposed = strstr(name, "projection") != NULL;
		return true;
	}
	return place_block(at, name);
}

/* The tensor; custom text towers keep theirs under "text.". */
static const struct mm_tensor *find(const struct mm_checkpoint *c,
				    const char *name)
{
	const struct mm_tensor *t = mm_checkpoint_find(c, name);
	char custom[300];

	snprintf(custom, sizeof(custom), "text.%s", name);
	return t ? t : mm_checkpoint_find(c, custom);
}

int mm_openclip_fetch(float *dst, const struct mm_checkpoint *c,
		      const struct mm_param *p, struct mm_err *err)
{
	const struct mm_tensor *t;
	struct place at;
	float *all;
	size_t n;

	if (!place_of(&at, p->name) || !(t = find(c, at.name)))
		return mm_fail(err, MM_ERR_FORMAT,
			       "weight '%s' (here '%s') is missing", p->name,
			       at.name);
	n = mm_tensor_count(t);
	if (n != p->n * (at.third < 0 ? 1 : 3) || !mm_dtype_is_float(t->dtype))
		return mm_fail(err, MM_ERR_SHAPE,
			       "weight '%s' has %zu numbers, the "
			       "configuration wants %zu",
			       at.name, n, p->n * (at.third < 0 ? 1 : 3));
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
