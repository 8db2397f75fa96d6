/* openclip.c - open_clip's names for transformers' parameters; openclip.h. */
#include "model/openclip.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "model/clip.h"

bool mm_openclip_layout(const struct mm_checkpoint *c)
{
	/* A convolutional tower has these names in our own layout too. */
	return (mm_checkpoint_find(c, "visual.conv1.weight") ||
		mm_checkpoint_find(c, "visual.trunk.stem.0.weight") ||
		mm_checkpoint_find(c, "visual.trunk.pos_embed")) &&
	       !mm_checkpoint_find(
		       c, "text_model.embeddings.token_embedding.weight");
}

/* How names begin; what follows is the same. */
struct names {
	const char *hf, *open;
};

static const struct names text[] = {
	{ "text_model.embeddings.token_embedding.", "token_embedding." },
	{ "text_model.embeddings.position_embedding.weight",
	  "positional_embedding" },
	{ "text_model.final_layer_norm.", "ln_final." },
	{ "text_model.head.", "text_projection." },
	{ "text_projection.weight", "text_projection" },
	{ "text_projection.bias", "text_projection.bias" },
	{ "logit_", "logit_" },
	{ "visual.", "visual." }, /* a ResNet, a ConvNeXt */
	{ NULL, NULL },
}, hub[] = {
	{ "text_model.", "transformer." },
	{ "text_projection.", "proj." },
	{ NULL, NULL },
}, vision[] = {
	{ "vision_model.embeddings.patch_embedding.", "visual.conv1." },
	{ "vision_model.embeddings.class_embedding", "visual.class_embedding" },
	{ "vision_model.embeddings.position_embedding.weight",
	  "visual.positional_embedding" },
	{ "vision_model.pre_layrnorm.", "visual.ln_pre." },
	{ "vision_model.post_layernorm.", "visual.ln_post." },
	{ "visual_projection.weight", "visual.proj" },
	{ NULL, NULL },
}, trunk[] = {
	{ "vision_model.embeddings.class_embedding", "visual.trunk.cls_token" },
	{ "visual_projection.", "visual.head.proj." },
	{ "vision_model.pre_layrnorm.", "visual.trunk.norm_pre." },
	{ "vision_model.embeddings.patch_embedding.",
	  "visual.trunk.patch_embed.proj." },
	{ "vision_model.embeddings.position_embedding.weight",
	  "visual.trunk.pos_embed" },
	{ "vision_model.post_layernorm.", "visual.trunk.norm." },
	{ "vision_model.head.probe", "visual.trunk.attn_pool.latent" },
	{ "vision_model.head.attention.out_proj.",
	  "visual.trunk.attn_pool.proj." },
	{ "vision_model.head.layernorm.", "visual.trunk.attn_pool.norm." },
	{ "vision_model.head.mlp.", "visual.trunk.attn_pool.mlp." },
	{ NULL, NULL },
}, head[] = {
	{ "visual_projection.", "visual.trunk.head." },
	{ NULL, NULL },
}, block[] = {
	{ "layer_norm1.", "ln_1." },
	{ "layer_norm2.", "ln_2." },
	{ "layer_scale1.lambda1", "ls_1.gamma" },
	{ "layer_scale2.lambda1", "ls_2.gamma" },
	{ "mlp.fc1.", "mlp.c_fc." },
	{ "mlp.fc2.", "mlp.c_proj." },
	{ "self_attn.out_proj.", "attn.out_proj." },
	{ "self_attn.q_proj.", "attn.in_proj_" },
	{ "self_attn.k_proj.", "attn.in_proj_" },
	{ "self_attn.v_proj.", "attn.in_proj_" },
	{ NULL, NULL },
}, trunk_block[] = {
	{ "layer_norm1.", "norm1." },
	{ "layer_norm2.", "norm2." },
	{ "mlp.", "mlp." },
	{ "self_attn.out_proj.", "attn.proj." },
	{ "self_attn.q_proj.", "attn.qkv." },
	{ "self_attn.k_proj.", "attn.qkv." },
	{ "self_attn.v_proj.", "attn.qkv." },
	{ NULL, NULL },
};

static bool rename_start(struct mm_openclip_place *at, const struct names *list,
			 const char *prefix, const char *name)
{
	for (; list->hf; list++) {
		const size_t len = strlen(list->hf);

		if (strncmp(name, list->hf, len))
			continue;
		snprintf(at->name, sizeof(at->name), "%s%s%s", prefix,
			 list->open, name + len);
		return true;
	}
	return false;
}

/* A parameter of a block, "N.REST" behind the tower's prefix. */
static bool place_block(struct mm_openclip_place *at, const char *name,
			bool timm)
{
	static const char v[] = "vision_model.encoder.layers.",
			  t[] = "text_model.encoder.layers.";
	const bool image = !strncmp(name, v, strlen(v));
	const char *p = name + (image ? strlen(v) : strlen(t));
	static const char kinds[] = "qkv";
	const char *kind;
	char prefix[128];
	int n;

	if (!image && strncmp(name, t, strlen(t)) != 0)
		return false;
	timm = timm && image;
	n = (int)strspn(p, "0123456789");
	if (p[n] != '.' || n > 9)
		return false;
	snprintf(prefix, sizeof(prefix), "%s%.*s.",
		 timm	 ? "visual.trunk.blocks."
		 : image ? "visual.transformer.resblocks."
			 : "transformer.resblocks.",
		 n, p);
	p += n + 1;
	if (!rename_start(at, timm ? trunk_block : block, prefix, p))
		return false;
	if (!strncmp(p, "self_attn.", 10) && (kind = strchr(kinds, p[10]))) {
		at->at_of = 3;
		at->at = (int)(kind - kinds);
	}
	return true;
}

/* SigLIP's pooling head asks with one tensor and answers with another. */
static bool place_pool(struct mm_openclip_place *at, const char *name, int k)
{
	static const char in[] = "vision_model.head.attention.in_proj_";

	if (strncmp(name, in, strlen(in)) || k > 1)
		return false;
	at->own_of = 3;
	at->own = k;
	at->at_of = at->n = k ? 2 : 1;
	snprintf(at->name, sizeof(at->name), "visual.trunk.attn_pool.%s.%s",
		 k ? "kv" : "q", name + strlen(in));
	return true;
}

bool mm_openclip_place(struct mm_openclip_place *at, const struct mm_model *m,
		       const char *name, int k)
{
	const bool siglip = m->arch == &mm_arch_siglip;
	const struct mm_clip_vit *vit =
		mm_clip_config(m) ? &mm_clip_config(m)->vit : NULL;
	const bool timm = siglip || (vit && vit->timm);

	*at = (struct mm_openclip_place){
		.own_of = 1, .at_of = 1, .n = 1, .rank = -1
	};
	if (siglip && place_pool(at, name, k))
		return true;
	if (k)
		return false;
	if (mm_hub_text_config(m) && rename_start(at, hub, "", name))
		return true;
	if (timm && vit && vit->timm_head && rename_start(at, head, "", name))
		return true;
	if (!rename_start(at, text, "", name) &&
	    !rename_start(at, timm ? trunk : vision, "", name))
		return place_block(at, name, timm);
	if (!strcmp(at->name, "visual.trunk.pos_embed") ||
	    !strcmp(at->name, "visual.trunk.cls_token"))
		at->rank = 3;
	if (!strncmp(name, "logit_", 6))
		at->rank = 0;
	at->transposed = strstr(name, "projection.weight") &&
			 strncmp(at->name, "visual.head.", 12);
	/* With a bias, it is a linear layer. */
	if (!strcmp(at->name, "text_projection") &&
	    mm_store_find(&m->store, "text_projection.bias")) {
		strcat(at->name, ".weight");
		at->transposed = false;
	}
	return true;
}

/* ---- their values ---- */

void mm_openclip_transpose(void *dst, const void *src, size_t R, size_t C,
			   size_t size)
{
	for (size_t r = 0; r < R; r++)
		for (size_t c = 0; c < C; c++)
			memcpy((char *)dst + (c * R + r) * size,
			       (const char *)src + (r * C + c) * size, size);
}

/* Custom text towers keep theirs under "text.". */
static const struct mm_tensor *find(const struct mm_checkpoint *c,
				    const char *name)
{
	const struct mm_tensor *t = mm_checkpoint_find(c, name);
	char custom[300];

	snprintf(custom, sizeof(custom), "text.%s", name);
	return t ? t : mm_checkpoint_find(c, custom);
}

struct mm_shape mm_openclip_shape(const struct mm_param *p,
				  const struct mm_openclip_place *at)
{
	struct mm_shape s = p->shape;

	if (s.rank)
		s.dim[0] = s.dim[0] / (size_t)at->own_of * (size_t)at->at_of;
	if (at->transposed) {
		s.dim[0] = p->shape.dim[1];
		s.dim[1] = p->shape.dim[0];
	}
	for (; s.rank < at->rank; s.rank++) {
		memmove(s.dim + 1, s.dim, (size_t)s.rank * sizeof(*s.dim));
		s.dim[0] = 1;
	}
	s.rank = at->rank < 0 ? s.rank : at->rank;
	return s;
}

static int check_shape(const struct mm_tensor *t, const struct mm_param *p,
		       const struct mm_openclip_place *at, struct mm_err *err)
{
	const struct mm_shape want = mm_openclip_shape(p, at);
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

/* One part; dst is all of p. */
static int fetch_part(float *dst, const struct mm_checkpoint *c,
		      const struct mm_param *p,
		      const struct mm_openclip_place *at, struct mm_err *err)
{
	const struct mm_tensor *t = find(c, at->name);
	const size_t unit = p->n / (size_t)at->own_of;
	const size_t n = unit * (size_t)at->n;
	float *rows;
	int rc;

	if (!t)
		return p->count ? MM_OK
				: mm_fail(err, MM_ERR_FORMAT,
					  p->buffer ? "running statistics '%s' "
						      "are missing"
						    : "weight '%s' is missing",
					  at->name);
	if ((rc = check_shape(t, p, at, err)))
		return rc;
	dst += unit * (size_t)at->own;
	if (!at->transposed) {
		mm_to_f32(dst,
			  (const char *)t->data +
				  unit * (size_t)at->at *
					  mm_dtype_size(t->dtype),
			  t->dtype, n);
		return MM_OK;
	}
	if (!(rows = mm_malloc(n, sizeof(*rows))))
		return mm_fail_nomem(err, "the weights");
	mm_to_f32(rows, t->data, t->dtype, n);
	mm_openclip_transpose(dst, rows, p->shape.dim[1], p->shape.dim[0],
			      sizeof(*rows));
	mm_free(rows);
	return MM_OK;
}

int mm_openclip_fetch(float *dst, const struct mm_model *m,
		      const struct mm_checkpoint *c, const struct mm_param *p,
		      struct mm_err *err)
{
	struct mm_openclip_place at;
	int rc = MM_OK, k = 0;

	for (; !rc && mm_openclip_place(&at, m, p->name, k); k++)
		rc = fetch_part(dst, c, p, &at, err);
	return k ? rc
		 : mm_fail(err, MM_ERR_FORMAT, "weight '%s' is missing",
			   p->name);
}
