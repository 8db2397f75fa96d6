/* openclip_config.c - open_clip_config.json in transformers' terms. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/openclip.h"

/* ---- towers of pictures in timm ---- */

static const struct {
	const char *name;
	int64_t width, layers, heads, ffn;
} sizes[] = {
	{ "base", 768, 12, 12, 3072 },	  { "large", 1024, 24, 16, 4096 },
	{ "so400m", 1152, 27, 16, 4304 }, { "giantopt", 1536, 40, 16, 6144 },
	{ "tiny", 192, 12, 3, 768 },	  { "small", 384, 12, 6, 1536 },
};

/* Some compute GELU by tanh, as all of transformers' do. */
static const struct variant {
	uint8_t size, patch;
	uint16_t image;
	bool tanh;
} variants[] = {
	{ 0, 16, 224, false }, { 0, 16, 256, false }, { 0, 16, 384, false },
	{ 0, 16, 512, false }, { 0, 32, 256, true },  { 1, 16, 256, false },
	{ 1, 16, 384, false }, { 1, 16, 512, true },  { 2, 14, 224, false },
	{ 2, 14, 378, false }, { 2, 14, 384, false }, { 2, 16, 256, true },
	{ 2, 16, 384, true },  { 2, 16, 512, true },  { 3, 16, 256, true },
	{ 3, 16, 384, true },
}, vits[] = {
	{ 4, 16, 224, false }, { 4, 16, 384, false }, { 5, 8, 224, false },
	{ 5, 16, 224, false }, { 5, 16, 384, false }, { 5, 32, 224, false },
	{ 5, 32, 384, false }, { 0, 8, 224, false },  { 0, 16, 224, false },
	{ 0, 16, 384, false }, { 0, 32, 224, false }, { 0, 32, 384, false },
	{ 1, 14, 224, false }, { 1, 16, 224, false }, { 1, 16, 384, false },
	{ 1, 32, 224, false }, { 1, 32, 384, false },
};

bool mm_openclip_timm(struct mm_openclip_timm *t, size_t i)
{
	const size_t n = sizeof(variants) / sizeof(*variants);
	const struct variant *v = i < n ? &variants[i] : &vits[i - n];

	if (i >= n + sizeof(vits) / sizeof(*vits))
		return false;
	t->width = sizes[v->size].width;
	t->layers = sizes[v->size].layers;
	t->heads = sizes[v->size].heads;
	t->ffn = sizes[v->size].ffn;
	t->patch = v->patch;
	t->image = v->image;
	t->tanh = v->tanh;
	t->plain = i >= n;
	snprintf(t->name, sizeof(t->name), "vit_%s_patch%d_%s%d",
		 sizes[v->size].name, v->patch, t->plain ? "" : "siglip_",
		 v->image);
	return true;
}

bool mm_openclip_timm_of(struct mm_openclip_timm *t, const struct mm_tower *v,
			 const struct mm_vision *pictures, bool plain)
{
	for (size_t i = 0; mm_openclip_timm(t, i); i++)
		if (t->plain == plain && (size_t)t->width == v->width &&
		    (size_t)t->layers == v->layers &&
		    (size_t)t->heads == v->heads && (size_t)t->ffn == v->ffn &&
		    (size_t)t->patch == pictures->patch &&
		    (size_t)t->image == pictures->image_size &&
		    v->eps > 0.99e-6 && v->eps < 1.01e-6)
			return true;
	return false;
}

/* ---- the parts ---- */

/* What changes the function and is not built here, with its harmless value. */
static const struct {
	const char *key;
	enum { OFF, LEARNABLE, LINEAR } plain;
} refused[] = {
	{ "ls_init_value", OFF },      { "attentional_pool", OFF },
	{ "no_ln_pre", OFF },	       { "final_ln_after_pool", OFF },
	{ "embed_cls", OFF },	       { "qk_norm", OFF },
	{ "scaled_cosine_attn", OFF }, { "scale_heads", OFF },
	{ "scale_attn_inner", OFF },   { "scale_attn", OFF },
	{ "scale_fc", OFF },	       { "pos_embed_type", LEARNABLE },
	{ "proj_type", LINEAR },
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
	const char *act;
};

/* GELU by its definition, by tanh as act_kwargs may ask, or OpenAI's own. */
static int read_act(struct tower *t, const struct mm_json *v, bool quick,
		    struct mm_err *err)
{
	const struct mm_json *kwargs = mm_json_get(v, "act_kwargs");
	const char *how = "none";
	int rc;

	t->act = quick ? "quick_gelu" : "gelu";
	if (!mm_json_size(kwargs))
		return MM_OK;
	if ((rc = mm_json_want_str(kwargs, "approximate", &how, err)))
		return rc;
	if (quick || mm_json_size(kwargs) != 1 ||
	    (strcmp(how, "tanh") != 0 && strcmp(how, "none") != 0))
		return mm_fail(err, MM_ERR_FORMAT,
			       "'act_kwargs' asks for an activation that is "
			       "not known");
	if (!strcmp(how, "tanh"))
		t->act = "gelu_pytorch_tanh";
	return MM_OK;
}

static int read_tower(struct tower *t, const struct mm_json *v, bool quick,
		      struct mm_err *err)
{
	double ratio = 4;
	int rc;

	t->eps = 1e-5;
	if ((rc = refuse_unknown(v, err)) ||
	    (rc = read_act(t, v, quick, err)) ||
	    (rc = mm_json_want_int(v, "width", 1, 1 << 16, &t->width, err)) ||
	    (rc = mm_json_want_num(v, "mlp_ratio", 0.01, 64, &ratio, err)) ||
	    (rc = mm_json_want_num(mm_json_get(v, "norm_kwargs"), "eps", 0, 1,
				   &t->eps, err)))
		return rc;
	t->ffn = (int64_t)((double)t->width * ratio);
	return mm_json_want_int(v, "layers", 1, 1 << 10, &t->layers, err);
}

static void put_tower(struct mm_json_writer *w, const struct tower *t)
{
	mm_json_put_str(w, "hidden_act", t->act);
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

/* timm's name of the tower; "" where it is open_clip's own. */
static const char *timm_name(const struct mm_json *vision)
{
	return mm_json_str(mm_json_get(vision, "timm_model_name"), "");
}

/* A tower of timm's, which its name alone describes; with a text tower of the
 * Hub goes a plain one. */
static int find_timm(struct mm_openclip_timm *t, const struct mm_json *v,
		     bool hub, struct mm_err *err)
{
	const char *name = timm_name(v), *pool = "avg", *proj = "linear";
	const size_t len = strcspn(name, ".");
	size_t i = 0;
	int rc;

	while (mm_openclip_timm(t, i) &&
	       (t->plain != hub || strncmp(t->name, name, len) || t->name[len]))
		i++;
	if (!mm_openclip_timm(t, i))
		return mm_fail(err, MM_ERR_FORMAT,
			       "'timm_model_name' is '%s': of timm's towers "
			       "only %s are known",
			       name,
			       hub ? "plain vision transformers of its own "
				     "sizes, beside a text tower of the Hub,"
				   : "SigLIP's with attention pooling");
	if ((rc = mm_json_want_str(v, "timm_pool", &pool, err)) ||
	    (rc = mm_json_want_str(v, "timm_proj", &proj, err)))
		return rc;
	if (hub ? (*pool && strcmp(pool, "token")) || strcmp(proj, "linear")
		: strcmp(pool, "map") || strcmp(proj, "none"))
		return mm_fail(err, MM_ERR_FORMAT,
			       "'timm_pool' is '%s' and 'timm_proj' '%s'; "
			       "known are %s",
			       pool, proj,
			       hub ? "token and linear" : "map and none");
	return MM_OK;
}

static int put_timm(struct mm_json_writer *w, const struct mm_json *v, bool hub,
		    struct mm_err *err)
{
	struct mm_openclip_timm t;
	struct tower tower;
	bool bias = false;
	int rc = find_timm(&t, v, hub, err);

	if (rc || (rc = mm_json_want_bool(v, "timm_proj_bias", &bias, err)))
		return rc;
	if (bias)
		return mm_fail(err, MM_ERR_FORMAT,
			       "'timm_proj_bias' asks for a tower that is not "
			       "known");
	if (t.plain)
		mm_json_put_bool(w, "pre_norm", false);
	mm_json_put_int(w, "image_size", t.image);
	mm_json_put_int(w, "patch_size", t.patch);
	tower = (struct tower){
		t.width, t.layers, t.heads,
		t.ffn,	 1e-6,	   t.tanh ? "gelu_pytorch_tanh" : "gelu",
	};
	put_tower(w, &tower);
	return MM_OK;
}

/* One number, or two that are equal. */
static int read_side(int64_t *side, const struct mm_json *v, struct mm_err *err)
{
	const struct mm_json *two = mm_json_get(v, "image_size");

	if (mm_json_type(two) != MM_JSON_ARRAY)
		return mm_json_want_int(v, "image_size", 1, 1 << 14, side, err);
	*side = mm_json_int(mm_json_at(two, 0), 0);
	if (mm_json_size(two) == 2 && *side > 0 && *side <= 1 << 14 &&
	    mm_json_int(mm_json_at(two, 1), 0) == *side)
		return MM_OK;
	return mm_fail(err, MM_ERR_FORMAT,
		       "'image_size' wants one side, or two that are equal");
}

static int put_vision(struct mm_json_writer *w, const struct mm_json *v,
		      bool hub, bool quick, struct mm_err *err)
{
	struct tower t = { 768, 12, 12, 3072, 1e-5, NULL };
	int64_t image = 224, patch = 16, head = 64;
	const char *pool = "tok";
	int rc;

	if (*timm_name(v))
		return put_timm(w, v, hub, err);
	if ((rc = read_side(&image, v, err)) ||
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
	if ((rc = read_tower(&t, v, quick, err)) ||
	    (rc = mm_json_want_int(v, "patch_size", 1, 1 << 12, &patch, err)) ||
	    (rc = mm_json_want_str(v, "pool_type", &pool, err)))
		return rc;
	if (strcmp(pool, "tok"))
		return mm_fail(err, MM_ERR_FORMAT,
			       "'pool_type' is '%s'; known is tok", pool);
	mm_json_put_int(w, "patch_size", patch);
	t.heads = t.width / head;
	put_tower(w, &t);
	return MM_OK;
}

struct text {
	struct tower t;
	int64_t context, vocab, eos;
	bool free, bias;
	const char *pool;
};

static int read_text(struct text *x, const struct mm_json *v, bool quick,
		     struct mm_err *err)
{
	int rc;

	*x = (struct text){ .t = { 512, 12, 8, 2048, 1e-5, NULL },
			    .context = 77,
			    .vocab = 49408,
			    .eos = 2,
			    .pool = "argmax" };

	if ((rc = read_tower(&x->t, v, quick, err)) ||
	    (rc = mm_json_want_int(v, "heads", 1, 1 << 10, &x->t.heads, err)) ||
	    (rc = mm_json_want_int(v, "context_length", 1, 1 << 16, &x->context,
				   err)) ||
	    (rc = mm_json_want_int(v, "vocab_size", 1, 1 << 24, &x->vocab,
				   err)) ||
	    (rc = mm_json_want_int(v, "eos_id", 0, INT32_MAX, &x->eos, err)) ||
	    (rc = mm_json_want_bool(v, "no_causal_mask", &x->free, err)) ||
	    (rc = mm_json_want_bool(v, "proj_bias", &x->bias, err)))
		return rc;
	return mm_json_want_str(v, "pool_type", &x->pool, err);
}

static void put_clip_text(struct mm_json_writer *w, const struct text *x)
{
	/* Of its own vocabulary; no use is made of them. */
	mm_json_put_int(w, "bos_token_id", x->vocab < 2 ? 0 : x->vocab - 2);
	mm_json_put_int(w, "pad_token_id", 0);
	/* 2 is transformers' sign for the row of the largest id; of another
	 * one it takes the first. */
	mm_json_put_int(w, "eos_token_id", x->eos);
	if (strcmp(x->pool, x->eos == 2 ? "argmax" : "eos") != 0)
		mm_json_put_str(w, "pool_type", x->pool);
	if (x->free)
		mm_json_put_bool(w, "causal", false);
	if (x->bias)
		mm_json_put_bool(w, "projection_bias", true);
}

static int put_text(struct mm_json_writer *w, const struct mm_json *v,
		    bool quick, bool siglip, struct mm_err *err)
{
	struct text x;
	int rc = read_text(&x, v, quick, err);

	if (rc)
		return rc;
	if (siglip && (!x.free || !x.bias || strcmp(x.pool, "last") != 0))
		return mm_fail(err, MM_ERR_FORMAT,
			       "beside SigLIP's tower of pictures a text tower "
			       "with no_causal_mask, proj_bias and the "
			       "pool_type last is known, and no other");
	if (!siglip)
		put_clip_text(w, &x);
	mm_json_put_int(w, "max_position_embeddings", x.context);
	mm_json_put_int(w, "vocab_size", x.vocab);
	put_tower(w, &x.t);
	return MM_OK;
}

/* What config.json says of the family; text NULL: text_config does. */
struct family {
	const char *class, *type, *text, *vision, *dim;
};

static const struct family clip = {
	"CLIPModel",	     "clip",	       "clip_text_model",
	"clip_vision_model", "projection_dim",
};
static const struct family resnet = {
	NULL, "clip_resnet", "clip_text_model", NULL, "projection_dim",
};
static const struct family siglip = {
	"SiglipModel",	       "siglip",	  "siglip_text_model",
	"siglip_vision_model", "projection_size",
};

static const struct family hub = {
	"VisionTextDualEncoderModel", "vision-text-dual-encoder", NULL,
	"clip_vision_model",	      "projection_dim",
};

/* A description under way. */
struct job {
	const struct mm_json *cfg, *beside;
	const struct family *family;
	int64_t dim;
	bool quick;
};

static int put_text_config(struct mm_json_writer *w, const struct job *j,
			   struct mm_err *err)
{
	const struct mm_json *v = mm_json_get(j->cfg, "text_cfg");

	if (!j->family->text)
		return mm_openclip_put_hub(w, v, j->beside, err);
	mm_json_put_str(w, "model_type", j->family->text);
	mm_json_put_int(w, j->family->dim, j->dim);
	return put_text(w, v, j->quick, j->family == &siglip, err);
}

static int put_towers(struct mm_json_writer *w, const struct job *j,
		      struct mm_err *err)
{
	const struct family *f = j->family;
	int rc;

	mm_json_open(w, "text_config", '{');
	if ((rc = put_text_config(w, j, err)))
		return mm_fail_ctx(err, "text_cfg");
	mm_json_close(w);
	mm_json_open(w, "vision_config", '{');
	if (f->vision)
		mm_json_put_str(w, "model_type", f->vision);
	if (f == &clip)
		mm_json_put_int(w, f->dim, j->dim);
	if ((rc = put_vision(w, mm_json_get(j->cfg, "vision_cfg"), f == &hub,
			     j->quick, err)))
		return mm_fail_ctx(err, "vision_cfg");
	mm_json_close(w);
	return MM_OK;
}

static int put_model(struct mm_json_writer *w, struct job *j,
		     struct mm_err *err)
{
	const struct mm_json *cfg = j->cfg;
	const struct family *f = j->family;
	double bias = NAN, scale = 2.6592;
	int rc;

	if ((rc = mm_json_want_int(cfg, "embed_dim", 1, 1 << 16, &j->dim,
				   err)) ||
	    (rc = mm_json_want_bool(cfg, "quick_gelu", &j->quick, err)) ||
	    (rc = mm_json_want_num(cfg, "init_logit_scale", -100, 100, &scale,
				   err)) ||
	    (rc = mm_json_want_num(cfg, "init_logit_bias", -1e3, 1e3, &bias,
				   err)))
		return rc;
	if (f == &siglip && isnan(bias))
		return mm_fail(err, MM_ERR_FORMAT,
			       "'init_logit_bias' is missing: SigLIP's logits "
			       "have a bias");
	if (f->class) {
		mm_json_open(w, "architectures", '[');
		mm_json_put_str(w, NULL, f->class);
		mm_json_close(w);
	}
	mm_json_put_num(w, "logit_scale_init_value", scale);
	if (!isnan(bias))
		mm_json_put_num(w, "logit_bias_init_value", bias);
	mm_json_put_str(w, "model_type", f->type);
	if (f != &siglip)
		mm_json_put_int(w, f->dim, j->dim);
	return put_towers(w, j, err);
}

static const struct family *family_of(const struct mm_json *cfg)
{
	const struct mm_json *v = mm_json_get(cfg, "vision_cfg");

	return *mm_openclip_hub_name(mm_json_get(cfg, "text_cfg")) ? &hub
	       : *timm_name(v)					   ? &siglip
	       : is_resnet(v)					   ? &resnet
								   : &clip;
}

int mm_openclip_config(struct mm_buf *out, const struct mm_json *root,
		       const struct mm_json *beside, struct mm_err *err)
{
	const struct mm_json *cfg = mm_json_get(root, "model_cfg");
	const struct mm_json *v = mm_json_get(cfg, "vision_cfg");
	struct job j = { .cfg = cfg, .beside = beside, .dim = 512 };
	const char *name = NULL;
	struct mm_openclip_timm timm;
	struct mm_json_writer w;
	int rc;

	if (mm_json_type(v) != MM_JSON_OBJECT ||
	    mm_json_type(mm_json_get(cfg, "text_cfg")) != MM_JSON_OBJECT)
		return mm_fail(err, MM_ERR_FORMAT,
			       "has no model_cfg with vision_cfg and text_cfg");
	if (mm_json_type(mm_json_get(cfg, "multimodal_cfg")) == MM_JSON_OBJECT)
		return mm_fail(err, MM_ERR_FORMAT,
			       "'multimodal_cfg' asks for a decoder (CoCa), "
			       "which is not known");
	if ((rc = mm_json_want_str(mm_json_get(cfg, "text_cfg"),
				   "hf_model_name", &name, err)))
		return mm_fail_ctx(err, "text_cfg");
	j.family = family_of(cfg);
	if (j.family == &hub && is_resnet(v))
		return mm_fail(err, MM_ERR_FORMAT,
			       "beside a text tower of the Hub a ResNet is not "
			       "known");
	if (j.family == &siglip && (rc = find_timm(&timm, v, false, err)))
		return mm_fail_ctx(err, "vision_cfg");
	mm_json_writer_init(&w, out, 2);
	mm_json_open(&w, NULL, '{');
	if ((rc = put_model(&w, &j, err)))
		return rc;
	mm_json_close(&w);
	return mm_buf_check(out, "the configuration", err);
}
