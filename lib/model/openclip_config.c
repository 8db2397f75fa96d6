/* openclip_config.c - open_clip_config.json in transformers' terms. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/openclip.h"

/* ---- the parts ---- */

/* What changes the function and is not built here, with its harmless value. */
static const struct {
	const char *key;
	enum { OFF, LEARNABLE } plain;
} refused[] = {
	{ "attentional_pool", OFF },
	{ "embed_cls", OFF },
	{ "qk_norm", OFF },
	{ "scaled_cosine_attn", OFF },
	{ "scale_heads", OFF },
	{ "scale_attn_inner", OFF },
	{ "scale_attn", OFF },
	{ "scale_fc", OFF },
	{ "pos_embed_type", LEARNABLE },
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
		    (refused[i].plain == LEARNABLE && !strcmp(s, "learnable")))
			continue;
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s' asks for a tower that is not known",
			       refused[i].key);
	}
	return MM_OK;
}

struct tower {
	int64_t width, layers, heads, ffn;
	double eps, scale;
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

/* "norm_kwargs" and "ls_init_value" */
static int read_norm(struct tower *t, const struct mm_json *v,
		     struct mm_err *err)
{
	const struct mm_json *kwargs = mm_json_get(v, "norm_kwargs");
	double scale = -1;
	int rc;

	t->eps = 1e-5;
	if (mm_json_size(kwargs) > (mm_json_get(kwargs, "eps") ? 1 : 0))
		return mm_fail(err, MM_ERR_FORMAT,
			       "'norm_kwargs' asks for a norm that is not "
			       "known; known is eps");
	if ((rc = mm_json_want_num(kwargs, "eps", 0, 1, &t->eps, err)) ||
	    (rc = mm_json_want_num(v, "ls_init_value", 0, 1e3, &scale, err)))
		return rc;
	if (!(scale < 0 || scale > 0))
		return mm_fail(err, MM_ERR_FORMAT,
			       "'ls_init_value' wants a number above 0");
	t->scale = scale > 0 ? scale : 0;
	return MM_OK;
}

static int read_tower(struct tower *t, const struct mm_json *v, bool quick,
		      struct mm_err *err)
{
	double ratio = 4;
	int rc;

	if ((rc = refuse_unknown(v, err)) ||
	    (rc = read_act(t, v, quick, err)) || (rc = read_norm(t, v, err)) ||
	    (rc = mm_json_want_int(v, "width", 1, 1 << 16, &t->width, err)) ||
	    (rc = mm_json_want_num(v, "mlp_ratio", 0.01, 64, &ratio, err)))
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
	if (t->scale > 0)
		mm_json_put_num(w, "layer_scale_init_value", t->scale);
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

/* How a tower ends: what makes one vector of its tokens, what projects that;
 * "": the tower's own way. */
struct timm_end {
	const char *pool, *proj;
	bool bias;
};

static int read_timm_end(struct timm_end *e, const struct mm_json *v,
			 struct mm_err *err)
{
	int rc;

	*e = (struct timm_end){ .pool = "avg", .proj = "linear" };
	if ((rc = mm_json_want_str(v, "timm_pool", &e->pool, err)) ||
	    (rc = mm_json_want_str(v, "timm_proj", &e->proj, err)) ||
	    (rc = mm_json_want_bool(v, "timm_proj_bias", &e->bias, err)))
		return rc;
	if (mm_json_type(mm_json_get(v, "timm_proj")) == MM_JSON_NULL)
		e->proj = "";
	return MM_OK;
}

static int unknown_end(const struct timm_end *e, const char *known,
		       struct mm_err *err)
{
	return mm_fail(err, MM_ERR_FORMAT,
		       "'timm_pool' is '%s' and 'timm_proj' '%s'; known are "
		       "%s",
		       e->pool, e->proj, known);
}

static void put_sizes(struct mm_json_writer *w, const char *key,
		      const size_t *n)
{
	mm_json_open(w, key, '[');
	for (int i = 0; i < MM_CONVNEXT_STAGES; i++)
		mm_json_put_int(w, NULL, (int64_t)n[i]);
	mm_json_close(w);
}

/* A ConvNeXt: all but the projection is told by the name. */
static int put_convnext(struct mm_json_writer *w, const struct mm_json *v,
			const struct mm_convnext *c, struct mm_err *err)
{
	struct timm_end end;
	int64_t image = 224;
	int rc;

	if ((rc = read_side(&image, v, err)) ||
	    (rc = read_timm_end(&end, v, err)))
		return rc;
	if ((*end.pool && strcmp(end.pool, "avg")) ||
	    (strcmp(end.proj, "linear") && strcmp(end.proj, "mlp")))
		return unknown_end(&end, "avg and linear or mlp", err);
	put_sizes(w, "depths", c->depth);
	put_sizes(w, "hidden_sizes", c->width);
	mm_json_put_int(w, "image_size", image);
	mm_json_put_num(w, "layer_norm_eps", c->eps);
	mm_json_put_num(w, "layer_scale_init_value", c->scale);
	mm_json_put_str(w, "projection", end.proj);
	if (end.bias)
		mm_json_put_bool(w, "projection_bias", true);
	return MM_OK;
}

static int check_vit_end(const struct timm_end *e, bool siglip,
			 struct mm_err *err)
{
	if (siglip)
		return strcmp(e->pool, "map") || strcmp(e->proj, "none")
			       ? unknown_end(e, "map and none", err)
			       : MM_OK;
	/* Its own head, where no pool is named, is put on every token. */
	if ((strcmp(e->pool, "token") && (*e->pool || !*e->proj)) ||
	    (*e->proj && strcmp(e->proj, "linear")))
		return unknown_end(e, "token and linear or null", err);
	return MM_OK;
}

static int put_timm(struct mm_json_writer *w, const struct mm_json *v,
		    bool siglip, struct mm_err *err)
{
	struct mm_openclip_timm t;
	struct timm_end end;
	struct tower tower;
	bool head;
	int rc = mm_openclip_timm_find(&t, timm_name(v), err);

	if (rc || (rc = read_timm_end(&end, v, err)) ||
	    (rc = check_vit_end(&end, siglip, err)))
		return rc;
	head = !*end.proj;
	if (!siglip) {
		mm_json_put_bool(w, "timm", true);
		mm_json_put_bool(w, "pre_norm", t.kind == MM_TIMM_CLIP);
		mm_json_put_bool(w, "patch_bias", t.kind == MM_TIMM_PLAIN);
		mm_json_put_bool(w, "projection_bias", head || end.bias);
		mm_json_put_bool(w, "timm_head", head);
		if (t.kind == MM_TIMM_MCI)
			mm_json_put_bool(w, "conv_stem", true);
	}
	mm_json_put_int(w, "image_size", t.image);
	mm_json_put_int(w, "patch_size", t.patch);
	tower = (struct tower){
		.width = t.width,
		.layers = t.layers,
		.heads = t.heads,
		.ffn = t.ffn,
		.eps = t.eps,
		.act = t.act == MM_ACT_GELU_TANH    ? "gelu_pytorch_tanh"
		       : t.act == MM_ACT_QUICK_GELU ? "quick_gelu"
						    : "gelu",
	};
	put_tower(w, &tower);
	return MM_OK;
}

/* What a vision transformer of open_clip's has that CLIP's has not. */
static int put_vit(struct mm_json_writer *w, const struct mm_json *v,
		   struct mm_err *err)
{
	const char *pool = "tok";
	bool bare = false, last = false;
	int rc;

	if ((rc = mm_json_want_str(v, "pool_type", &pool, err)) ||
	    (rc = mm_json_want_bool(v, "no_ln_pre", &bare, err)) ||
	    (rc = mm_json_want_bool(v, "final_ln_after_pool", &last, err)))
		return rc;
	if (strcmp(pool, "tok") && strcmp(pool, "avg"))
		return mm_fail(err, MM_ERR_FORMAT,
			       "'pool_type' is '%s'; known are tok, avg", pool);
	if (bare)
		mm_json_put_bool(w, "pre_norm", false);
	if (strcmp(pool, "avg"))
		return MM_OK;
	mm_json_put_bool(w, "mean_of_patches", true);
	mm_json_put_bool(w, "norm_after_mean", last);
	return MM_OK;
}

static int put_resnet(struct mm_json_writer *w, const struct mm_json *v,
		      int64_t head, struct mm_err *err)
{
	int64_t width = 64;
	int rc;

	if ((rc = refuse_unknown(v, err)) ||
	    (rc = mm_json_want_int(v, "width", 1, 1 << 12, &width, err)))
		return rc;
	mm_json_put(w, "layers", mm_json_get(v, "layers"));
	mm_json_put_int(w, "width", width);
	mm_json_put_int(w, "head_width", head);
	return MM_OK;
}

static int put_vision(struct mm_json_writer *w, const struct mm_json *v,
		      bool siglip, bool quick, struct mm_err *err)
{
	struct tower t = { .width = 768, .layers = 12 };
	int64_t image = 224, patch = 16, head = 64;
	struct mm_convnext convnext;
	int rc;

	if (mm_openclip_convnext(&convnext, timm_name(v)))
		return put_convnext(w, v, &convnext, err);
	if (*timm_name(v))
		return put_timm(w, v, siglip, err);
	if ((rc = read_side(&image, v, err)) ||
	    (rc = mm_json_want_int(v, "head_width", 1, 1 << 12, &head, err)))
		return rc;
	mm_json_put_int(w, "image_size", image);
	if (is_resnet(v))
		return put_resnet(w, v, head, err);
	if ((rc = read_tower(&t, v, quick, err)) ||
	    (rc = mm_json_want_int(v, "patch_size", 1, 1 << 12, &patch, err)) ||
	    (rc = put_vit(w, v, err)))
		return rc;
	if (head > t.width || t.width % (t.width / head))
		return mm_fail(err, MM_ERR_FORMAT,
			       "'head_width' %lld does not divide 'width' %lld",
			       (long long)head, (long long)t.width);
	mm_json_put_int(w, "patch_size", patch);
	t.heads = t.width / head;
	put_tower(w, &t);
	return MM_OK;
}

struct text {
	struct tower t;
	int64_t context, vocab, eos;
	bool free, bias;
	const char *pool, *proj;
};

static int read_text(struct text *x, const struct mm_json *v, bool quick,
		     struct mm_err *err)
{
	int rc;

	*x = (struct text){ .t = { .width = 512, .layers = 12, .heads = 8 },
			    .context = 77,
			    .vocab = 49408,
			    .eos = 2,
			    .pool = "argmax",
			    .proj = "linear" };

	if ((rc = read_tower(&x->t, v, quick, err)) ||
	    (rc = mm_json_want_int(v, "heads", 1, 1 << 10, &x->t.heads, err)) ||
	    (rc = mm_json_want_int(v, "context_length", 1, 1 << 16, &x->context,
				   err)) ||
	    (rc = mm_json_want_int(v, "vocab_size", 1, 1 << 24, &x->vocab,
				   err)) ||
	    (rc = mm_json_want_int(v, "eos_id", 0, INT32_MAX, &x->eos, err)) ||
	    (rc = mm_json_want_bool(v, "no_causal_mask", &x->free, err)) ||
	    (rc = mm_json_want_bool(v, "proj_bias", &x->bias, err)) ||
	    (rc = mm_json_want_str(v, "pool_type", &x->pool, err)) ||
	    (rc = mm_json_want_str(v, "proj_type", &x->proj, err)))
		return rc;
	if (x->t.width % x->t.heads)
		return mm_fail(err, MM_ERR_FORMAT,
			       "'heads' is %lld, which does not divide 'width' "
			       "%lld",
			       (long long)x->t.heads, (long long)x->t.width);
	if (strcmp(x->proj, "linear") && strcmp(x->proj, "none"))
		return mm_fail(err, MM_ERR_FORMAT,
			       "'proj_type' is '%s'; known are linear, none",
			       x->proj);
	return MM_OK;
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
	if (!strcmp(x->proj, "none"))
		mm_json_put_bool(w, "projection", false);
	else if (x->bias)
		mm_json_put_bool(w, "projection_bias", true);
}

static int put_text(struct mm_json_writer *w, const struct mm_json *v,
		    bool quick, bool siglip, struct mm_err *err)
{
	struct text x;
	bool bare;
	int rc = read_text(&x, v, quick, err);

	if (rc)
		return rc;
	bare = !strcmp(x.proj, "none");
	if (siglip && (!x.free || !(x.bias || bare) || x.t.scale > 0 ||
		       strcmp(x.pool, "last") != 0))
		return mm_fail(err, MM_ERR_FORMAT,
			       "beside SigLIP's tower of pictures a text tower "
			       "with no_causal_mask, proj_bias or the "
			       "proj_type none, and the pool_type last is "
			       "known, and no other");
	if (!siglip)
		put_clip_text(w, &x);
	else if (bare)
		mm_json_put_bool(w, "use_head", false);
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
static const struct family convnext = {
	NULL, "clip_convnext", "clip_text_model", NULL, "projection_dim",
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
	int rc;

	if (!j->family->text)
		return mm_openclip_put_hub(w, v, j->beside, err);
	mm_json_put_str(w, "model_type", j->family->text);
	mm_json_put_int(w, j->family->dim, j->dim);
	if ((rc = mm_openclip_put_tokenizer(w, v, err)))
		return rc;
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
	if ((rc = put_vision(w, mm_json_get(j->cfg, "vision_cfg"), f == &siglip,
			     j->quick, err)))
		return mm_fail_ctx(err, "vision_cfg");
	mm_json_close(w);
	return MM_OK;
}

static bool odd_text(const struct mm_json *v)
{
	return mm_json_bool(mm_json_get(v, "no_causal_mask"), false) ||
	       mm_json_bool(mm_json_get(v, "proj_bias"), false);
}

static int put_model(struct mm_json_writer *w, struct job *j,
		     struct mm_err *err)
{
	const struct mm_json *cfg = j->cfg;
	const struct family *f = j->family;
	double bias = NAN, scale = 2.6592;
	bool custom = false;
	int rc;

	if ((rc = mm_json_want_int(cfg, "embed_dim", 1, 1 << 16, &j->dim,
				   err)) ||
	    (rc = mm_json_want_bool(cfg, "quick_gelu", &j->quick, err)) ||
	    (rc = mm_json_want_bool(cfg, "custom_text", &custom, err)) ||
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
	/* Else the text tower tells it: mm_openclip_custom_text. */
	if ((f == &clip || f == &resnet || f == &convnext) &&
	    custom != odd_text(mm_json_get(cfg, "text_cfg")))
		mm_json_put_bool(w, "custom_text", custom);
	mm_json_put_str(w, "model_type", f->type);
	if (f != &siglip)
		mm_json_put_int(w, f->dim, j->dim);
	return put_towers(w, j, err);
}

static int family_of(const struct family **f, const struct mm_json *cfg,
		     struct mm_err *err)
{
	const struct mm_json *v = mm_json_get(cfg, "vision_cfg");
	const bool text = *mm_openclip_hub_name(mm_json_get(cfg, "text_cfg"));
	struct mm_openclip_timm timm = { .kind = MM_TIMM_PLAIN };
	struct mm_convnext c;
	const bool next = mm_openclip_convnext(&c, timm_name(v));
	int rc;

	if (!next && *timm_name(v) &&
	    (rc = mm_openclip_timm_find(&timm, timm_name(v), err)))
		return mm_fail_ctx(err, "vision_cfg");
	if (text && (next || is_resnet(v) || timm.kind == MM_TIMM_SIGLIP))
		return mm_fail(err, MM_ERR_FORMAT,
			       "beside a text tower of the Hub %s is not known",
			       next	      ? "a ConvNeXt"
			       : is_resnet(v) ? "a ResNet"
					      : "SigLIP's tower");
	*f = text			   ? &hub
	     : next			   ? &convnext
	     : timm.kind == MM_TIMM_SIGLIP ? &siglip
	     : is_resnet(v)		   ? &resnet
					   : &clip;
	return MM_OK;
}

int mm_openclip_config(struct mm_buf *out, const struct mm_json *root,
		       const struct mm_json *beside, struct mm_err *err)
{
	const struct mm_json *cfg = mm_json_get(root, "model_cfg");
	const struct mm_json *v = mm_json_get(cfg, "vision_cfg");
	struct job j = { .cfg = cfg, .beside = beside, .dim = 512 };
	const char *name = NULL;
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
	if ((rc = mm_json_want_str(v, "timm_model_name", &name, err)))
		return mm_fail_ctx(err, "vision_cfg");
	if ((rc = family_of(&j.family, cfg, err)))
		return rc;
	mm_json_writer_init(&w, out, 2);
	mm_json_open(&w, NULL, '{');
	if ((rc = put_model(&w, &j, err)))
		return rc;
	mm_json_close(&w);
	return mm_buf_check(out, "the configuration", err);
}
