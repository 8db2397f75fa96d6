/* layout_config.c - see layout.h: configurations. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/clip.h"
#include "model/layout.h"
#include "model/openclip.h"
#include "model/siglip.h"

/* ---- transformers' to open_clip's ---- */

/* Can open_clip build the towers? */
static int check_towers(const struct mm_tower *vision,
			const struct mm_tower *text, struct mm_err *err)
{
	if ((vision->act == MM_ACT_QUICK_GELU) !=
	    (text->act == MM_ACT_QUICK_GELU))
		return mm_fail(err, MM_ERR_REFUSED,
			       "open_clip knows quick_gelu for both towers or "
			       "for none");
	for (int i = 0; i < 2; i++) {
		const enum mm_act act = i ? text->act : vision->act;

		if (act != MM_ACT_QUICK_GELU && act != MM_ACT_GELU &&
		    act != MM_ACT_GELU_TANH)
			return mm_fail(err, MM_ERR_REFUSED,
				       "open_clip's activations are gelu, "
				       "gelu_pytorch_tanh and quick_gelu");
	}
	return MM_OK;
}

/* The ratio from which open_clip's int(width * ratio) makes ffn again. */
static double ratio(const struct mm_tower *t)
{
	const double w = (double)t->width, r = (double)t->ffn / w;

	return (size_t)(w * r) == t->ffn ? r : ((double)t->ffn + 0.5) / w;
}

static void put_tower(struct mm_json_writer *w, const struct mm_tower *t)
{
	mm_json_put_int(w, "layers", (int64_t)t->layers);
	mm_json_put_int(w, "width", (int64_t)t->width);
	mm_json_put_num(w, "mlp_ratio", ratio(t));
	if (t->act == MM_ACT_GELU_TANH) {
		mm_json_open(w, "act_kwargs", '{');
		mm_json_put_str(w, "approximate", "tanh");
		mm_json_close(w);
	}
	if (t->eps < 0.99e-5 || t->eps > 1.01e-5) {
		mm_json_open(w, "norm_kwargs", '{');
		mm_json_put_num(w, "eps", t->eps);
		mm_json_close(w);
	}
	if (t->scale > 0)
		mm_json_put_num(w, "ls_init_value", t->scale);
}

static void put_vit(struct mm_json_writer *w, const struct mm_tower *t,
		    const struct mm_vision *v, const struct mm_clip_vit *x)
{
	mm_json_put_int(w, "image_size", (int64_t)v->image_size);
	mm_json_put_int(w, "head_width", (int64_t)(t->width / t->heads));
	mm_json_put_int(w, "patch_size", (int64_t)v->patch);
	put_tower(w, t);
	if (!x->pre_norm)
		mm_json_put_bool(w, "no_ln_pre", true);
	if (!x->mean)
		return;
	mm_json_put_str(w, "pool_type", "avg");
	mm_json_put_bool(w, "final_ln_after_pool", x->norm_last);
}

static void put_resnet(struct mm_json_writer *w, const struct mm_resnet *r)
{
	mm_json_put_int(w, "image_size", (int64_t)r->image_size);
	mm_json_put_int(w, "head_width",
			(int64_t)(MM_RESNET_SHRINK * r->width / r->heads));
	mm_json_open(w, "layers", '[');
	for (int i = 0; i < MM_RESNET_STAGES; i++)
		mm_json_put_int(w, NULL, (int64_t)r->blocks[i]);
	mm_json_close(w);
	mm_json_put_int(w, "width", (int64_t)r->width);
}

static void put_text_sizes(struct mm_json_writer *w, const struct mm_tower *t,
			   const struct mm_model *m)
{
	mm_json_put_int(w, "context_length", (int64_t)m->context_length);
	mm_json_put_int(w, "vocab_size", (int64_t)m->vocab_size);
	mm_json_put_int(w, "heads", (int64_t)t->heads);
	mm_openclip_put_tokenizer_cfg(w, m);
	put_tower(w, t);
}

/* Which row stands for the text, in open_clip's words; NULL: its own rule. */
static const char *pool_word(const struct mm_clip_text *c,
			     const struct mm_model *m)
{
	switch (c->pool) {
	case MM_CLIP_POOL_EOS: return "eos";
	case MM_CLIP_POOL_FIRST: return "first";
	case MM_CLIP_POOL_LAST: return "last";
	case MM_CLIP_POOL_LARGEST: return NULL;
	/* 2 is transformers' sign for that rule, the largest id. */
	case MM_CLIP_POOL_END:
		return m->eos_token_id == 2 ||
				       m->eos_token_id ==
					       (int64_t)m->vocab_size - 1
			       ? NULL
			       : "eos";
	}
	return NULL;
}

static void put_text(struct mm_json_writer *w, const struct mm_clip_text *c,
		     const struct mm_model *m)
{
	const char *pool = pool_word(c, m);

	put_text_sizes(w, &c->tower, m);
	if (pool) {
		mm_json_put_str(w, "pool_type", pool);
		mm_json_put_int(w, "eos_id", m->eos_token_id);
	}
	if (!c->tower.causal)
		mm_json_put_bool(w, "no_causal_mask", true);
	if (!c->projection)
		mm_json_put_str(w, "proj_type", "none");
	else if (c->projection_bias)
		mm_json_put_bool(w, "proj_bias", true);
}

static void put_clip(struct mm_json_writer *w, const struct mm_model *m,
		     const struct mm_clip_shared *c, bool quick_gelu)
{
	if (mm_openclip_custom_text(m))
		mm_json_put_bool(w, "custom_text", true);
	mm_json_put_num(w, "init_logit_scale", c->scale.scale);
	if (!isnan(c->scale.bias))
		mm_json_put_num(w, "init_logit_bias", c->scale.bias);
	mm_json_put_bool(w, "quick_gelu", quick_gelu);
	mm_json_open(w, "text_cfg", '{');
	if (c->text.hub)
		mm_openclip_put_text_cfg(w, m);
	else
		put_text(w, &c->text, m);
	mm_json_close(w);
}

/* timm has no tower of that shape: what is nearest, and the way out. */
static int refuse_timm(enum mm_openclip_kind kind, const struct mm_tower *v,
		       const struct mm_vision *pictures, struct mm_err *err)
{
	static const char *const whose[] = { "SigLIP's", "a plain", "CLIP's",
					     "MobileCLIP's" };
	struct mm_openclip_timm t;
	struct mm_buf near = { 0 };
	int rc;

	for (size_t i = 0; mm_openclip_timm(&t, i); i++)
		if (t.kind == kind && (size_t)t.width == v->width &&
		    (size_t)t.layers == v->layers)
			mm_buf_printf(&near, "%s%s",
				      near.len ? ", " : "; of that width are ",
				      t.name);
	rc = mm_fail(err, MM_ERR_REFUSED,
		     "open_clip takes %s tower of pictures from timm, by a "
		     "name, and timm has none with %zu layers of %zu in %zu "
		     "heads, %zu inside, patches of %zu and pictures of "
		     "%zu%s%s",
		     whose[kind], v->layers, v->width, v->heads, v->ffn,
		     pictures->patch, pictures->image_size, mm_buf_str(&near),
		     kind == MM_TIMM_SIGLIP
			     ? "; a folder of transformers' ('--to hf') holds "
			       "any size"
			     : "");
	mm_buf_release(&near);
	return rc;
}

/* x: of a vision transformer; NULL: SigLIP's tower. */
static void put_timm(struct mm_json_writer *w, const struct mm_openclip_timm *t,
		     const struct mm_clip_vit *x)
{
	mm_json_put_int(w, "image_size", t->image);
	mm_json_put_str(w, "timm_model_name", t->name);
	mm_json_put_bool(w, "timm_model_pretrained", false);
	mm_json_put_str(w, "timm_pool", x ? "token" : "map");
	if (x && x->timm_head)
		mm_json_put_null(w, "timm_proj");
	else
		mm_json_put_str(w, "timm_proj", x ? "linear" : "none");
	if (x && !x->timm_head && x->projection_bias)
		mm_json_put_bool(w, "timm_proj_bias", true);
}

static int put_clip_vit(struct mm_json_writer *w, const struct mm_model *m,
			struct mm_err *err)
{
	const struct mm_clip *c = mm_clip_config(m);
	const struct mm_tower *v = &c->vision;
	const struct mm_clip_vit *x = &c->vit;
	const enum mm_openclip_kind kind = mm_openclip_kind(x);
	struct mm_openclip_timm t;
	/* Whatever quick_gelu says, timm's tower goes by its name. */
	const struct mm_tower *other = x->timm ? &c->shared.text.tower : v;
	int rc = check_towers(
		other, c->shared.text.hub ? other : &c->shared.text.tower, err);

	if (rc)
		return rc;
	if (x->timm && (!mm_openclip_timm_of(&t, v, &c->pictures, kind) ||
			v->act != t.act))
		return refuse_timm(kind, v, &c->pictures, err);
	put_clip(w, m, &c->shared,
		 (x->timm && !c->shared.text.hub
			  ? c->shared.text.tower.act
			  : v->act) == MM_ACT_QUICK_GELU);
	mm_json_open(w, "vision_cfg", '{');
	if (x->timm)
		put_timm(w, &t, x);
	else
		put_vit(w, v, &c->pictures, x);
	mm_json_close(w);
	return MM_OK;
}

/* All but a convolutional tower, which has its own activations. */
static int put_but_vision(struct mm_json_writer *w, const struct mm_model *m,
			  const struct mm_clip_shared *c, struct mm_err *err)
{
	const struct mm_tower *text = &c->text.tower;
	int rc = check_towers(text, text, err);

	if (!rc)
		put_clip(w, m, c, text->act == MM_ACT_QUICK_GELU);
	return rc;
}

static int put_clip_resnet(struct mm_json_writer *w, const struct mm_model *m,
			   struct mm_err *err)
{
	const struct mm_clip_resnet *c = mm_clip_resnet_config(m);
	int rc = put_but_vision(w, m, &c->shared, err);

	if (rc)
		return rc;
	mm_json_open(w, "vision_cfg", '{');
	put_resnet(w, &c->vision);
	mm_json_close(w);
	return MM_OK;
}

static int put_clip_convnext(struct mm_json_writer *w, const struct mm_model *m,
			     struct mm_err *err)
{
	const struct mm_clip_convnext *c = mm_clip_convnext_config(m);
	const char *name = mm_openclip_convnext_of(&c->vision);
	int rc = put_but_vision(w, m, &c->shared, err);

	if (rc)
		return rc;
	mm_json_open(w, "vision_cfg", '{');
	mm_json_put_int(w, "image_size", (int64_t)c->vision.image_size);
	mm_json_put_str(w, "timm_model_name", name);
	mm_json_put_bool(w, "timm_model_pretrained", false);
	mm_json_put_str(w, "timm_pool", "");
	mm_json_put_str(w, "timm_proj", c->vision.mlp ? "mlp" : "linear");
	if (c->vision.proj_bias)
		mm_json_put_bool(w, "timm_proj_bias", true);
	mm_json_close(w);
	return MM_OK;
}

/* ---- SigLIP ---- */

static int put_siglip(struct mm_json_writer *w, const struct mm_model *m,
		      const char **note, struct mm_err *err)
{
	const struct mm_siglip *c = mm_siglip_config(m);
	struct mm_openclip_timm t;
	bool tanh;
	int rc;

	if ((rc = check_towers(&c->text, &c->text, err)))
		return rc;
	if (!mm_openclip_timm_of(&t, &c->vision, &c->pictures,
				 MM_TIMM_SIGLIP) ||
	    c->pool_heads != c->vision.heads || c->pool_ffn != c->vision.ffn)
		return refuse_timm(MM_TIMM_SIGLIP, &c->vision, &c->pictures,
				   err);
	tanh = t.act == MM_ACT_GELU_TANH;
	if (note && c->vision.act != t.act)
		*note = tanh ? "timm's tower of this name computes gelu by "
			       "tanh, this model does not: vectors of "
			       "pictures will differ a little"
			     : "timm's tower of this name computes gelu "
			       "exactly, this model by tanh: vectors of "
			       "pictures will differ a little";
	mm_json_put_bool(w, "custom_text", true);
	mm_json_put_num(w, "init_logit_bias", -10);
	mm_json_put_bool(w, "quick_gelu", c->text.act == MM_ACT_QUICK_GELU);
	mm_json_open(w, "text_cfg", '{');
	put_text_sizes(w, &c->text, m);
	mm_json_put_bool(w, "no_causal_mask", true);
	if (c->text_head)
		mm_json_put_bool(w, "proj_bias", true);
	else
		mm_json_put_str(w, "proj_type", "none");
	mm_json_put_str(w, "pool_type", "last");
	mm_json_close(w);
	mm_json_open(w, "vision_cfg", '{');
	put_timm(w, &t, NULL);
	mm_json_close(w);
	return MM_OK;
}

/* ---- the recipe of the pictures, the whole ---- */

static const char *filter_word(const struct mm_image_preset *r)
{
	return r && r->filter == MM_FILTER_BILINEAR ? "bilinear" : "bicubic";
}

/* The pixels' statistics: the recipe's, else the model's. */
static void put_three(struct mm_json_writer *w, const char *key,
		      const double model[3], const double *recipe)
{
	mm_json_open(w, key, '[');
	for (int i = 0; i < 3; i++)
		mm_json_put_f32(w, NULL,
				(float)(recipe ? recipe[i] : model[i]));
	mm_json_close(w);
}

static void put_pictures(struct mm_json_writer *w, const struct mm_model *m,
			 const struct mm_image_preset *r)
{
	const char *mode = !r || r->fit == MM_FIT_SHORTEST ? "shortest"
			   : r->fit == MM_FIT_SQUASH	   ? "squash"
							   : "longest";

	mm_json_open(w, "preprocess_cfg", '{');
	put_three(w, "mean", m->values.mean, r ? r->values.mean : NULL);
	put_three(w, "std", m->values.std, r ? r->values.std : NULL);
	mm_json_put_str(w, "interpolation", filter_word(r));
	mm_json_put_str(w, "resize_mode", mode);
	mm_json_close(w);
}

static int put_model(struct mm_json_writer *w, const struct mm_model *m,
		     const char **note, struct mm_err *err)
{
	const struct mm_clip_convnext *next = mm_clip_convnext_config(m);

	if (next && !mm_openclip_convnext_of(&next->vision))
		return mm_fail(err, MM_ERR_REFUSED,
			       "open_clip takes a ConvNeXt from timm, by a "
			       "name, and timm has none of these 'depths' and "
			       "'hidden_sizes'");
	if (m->only_ours)
		return mm_fail(err, MM_ERR_REFUSED,
			       "open_clip has no class for a pruned tower "
			       "whose blocks differ");
	if (mm_clip_config(m))
		return put_clip_vit(w, m, err);
	if (mm_clip_resnet_config(m))
		return put_clip_resnet(w, m, err);
	if (next)
		return put_clip_convnext(w, m, err);
	if (mm_siglip_config(m))
		return put_siglip(w, m, note, err);
	return mm_fail(err, MM_ERR_REFUSED,
		       "a model of type '%s' has no form of its own in "
		       "open_clip: CLIP and SigLIP have",
		       m->arch->model_type);
}

int mm_layout_openclip_config(struct mm_buf *out, const struct mm_model *m,
			      const struct mm_image_preset *recipe,
			      const char **note, struct mm_err *err)
{
	struct mm_json_writer w;
	int rc;

	mm_json_writer_init(&w, out, 2);
	mm_json_open(&w, NULL, '{');
	mm_json_open(&w, "model_cfg", '{');
	mm_json_put_int(&w, "embed_dim", (int64_t)m->embed_dim);
	if ((rc = put_model(&w, m, note, err)))
		return rc;
	mm_json_close(&w);
	put_pictures(&w, m, recipe);
	mm_json_close(&w);
	mm_buf_addc(out, '\n');
	return mm_buf_check(out, "the configuration", err);
}

/* ---- open_clip's recipe to transformers' ---- */

static void put_extent(struct mm_json_writer *w, const char *key, size_t width,
		       size_t height)
{
	mm_json_open(w, key, '{');
	mm_json_put_int(w, "height", (int64_t)height);
	mm_json_put_int(w, "width", (int64_t)width);
	mm_json_close(w);
}

int mm_layout_preprocessor(struct mm_buf *out, const struct mm_model *m,
			   const struct mm_image_preset *r, struct mm_err *err)
{
	const bool squash = r->fit == MM_FIT_SQUASH;
	struct mm_json_writer w;

	if (r->fit != MM_FIT_SHORTEST && !squash)
		return mm_fail(err, MM_ERR_REFUSED,
			       "transformers' CLIP cannot fit pictures by "
			       "their longest side");
	mm_json_writer_init(&w, out, 2);
	mm_json_open(&w, NULL, '{');
	mm_json_put_str(&w, "image_processor_type",
			mm_siglip_config(m) ? "SiglipImageProcessor"
					    : "CLIPImageProcessor");
	mm_json_put_bool(&w, "do_resize", true);
	if (squash) {
		put_extent(&w, "size", m->image_size, m->image_size);
	} else {
		mm_json_open(&w, "size", '{');
		mm_json_put_int(&w, "shortest_edge", (int64_t)m->image_size);
		mm_json_close(&w);
	}
	mm_json_put_int(&w, "resample",
			r->filter == MM_FILTER_BILINEAR ? 2 : 3);
	mm_json_put_bool(&w, "do_center_crop", !squash);
	put_extent(&w, "crop_size", m->image_size, m->image_size);
	mm_json_put_bool(&w, "do_rescale", true);
	mm_json_put_num(&w, "rescale_factor", 1.0 / 255);
	mm_json_put_bool(&w, "do_normalize", true);
	put_three(&w, "image_mean", m->values.mean, r->values.mean);
	put_three(&w, "image_std", m->values.std, r->values.std);
	mm_json_put_bool(&w, "do_convert_rgb", true);
	mm_json_close(&w);
	mm_buf_addc(out, '\n');
	return mm_buf_check(out, "preprocessor_config.json", err);
}

/* ---- bare weights ---- */

/* A tensor of that rank, or an error that says what is not known. */
static int want(const struct mm_weights *w, const char *name, int rank,
		const struct mm_tensor **t, struct mm_err *err)
{
	char custom[300];

	*t = mm_weights_find(w, name);
	snprintf(custom, sizeof(custom), "text.%s", name);
	*t = *t ? *t : mm_weights_find(w, custom);
	if (*t && (*t)->rank == rank)
		return MM_OK;
	return mm_fail(err, MM_ERR_FORMAT,
		       "the weights tell no configuration: there is no '%s' of "
		       "%d axes; put open_clip_config.json beside them",
		       name, rank);
}

/* How many of PREFIX0SUFFIX, PREFIX1SUFFIX, ... there are. */
static size_t count_layers(const struct mm_weights *w, const char *prefix,
			   const char *suffix)
{
	char name[160];
	size_t n = 0;

	for (;; n++) {
		snprintf(name, sizeof(name), "text.%s%zu%s", prefix, n, suffix);
		if (!mm_weights_find(w, name) && !mm_weights_find(w, name + 5))
			return n;
	}
}

/* Width, depth and the width of the blocks' inner layer. */
static int infer_tower(struct mm_tower *t, const struct mm_weights *w,
		       const char *prefix, struct mm_err *err)
{
	const struct mm_tensor *fc;
	char name[128];
	int rc;

	snprintf(name, sizeof(name),
		 "%stransformer.resblocks.0.mlp.c_fc.weight", prefix);
	if ((rc = want(w, name, 2, &fc, err)))
		return rc;
	t->ffn = fc->dim[0];
	t->width = fc->dim[1];
	t->act = MM_ACT_GELU;
	t->eps = 1e-5;
	t->causal = true;
	snprintf(name, sizeof(name), "%stransformer.resblocks.", prefix);
	t->layers = count_layers(w, name, ".ln_1.weight");
	t->heads = t->width / 64;
	if (!t->width || t->width % 64)
		return mm_fail(err, MM_ERR_FORMAT,
			       "a width of %zu tells no number of heads; put "
			       "open_clip_config.json beside the weights",
			       t->width);
	return MM_OK;
}

/* The side of the square grid of a table of positions, whose first row is the
 * class's. */
static size_t root(size_t rows)
{
	size_t r = 0;

	while (r < 4096 && (r + 1) * (r + 1) < rows)
		r++;
	return r;
}

/* A vision transformer: its tower, patches and grid of positions. */
static int infer_vit(struct mm_clip *c, const struct mm_weights *w,
		     struct mm_err *err)
{
	const struct mm_tensor *conv, *grid;
	int rc;

	if ((rc = infer_tower(&c->vision, w, "visual.", err)) ||
	    (rc = want(w, "visual.conv1.weight", 4, &conv, err)) ||
	    (rc = want(w, "visual.positional_embedding", 2, &grid, err)))
		return rc;
	c->pictures.patch = conv->dim[2];
	c->pictures.image_size = conv->dim[2] * root(grid->dim[0]);
	return MM_OK;
}

/* A ResNet, as OpenAI's own program tells it from the weights. */
static int infer_resnet(struct mm_json_writer *j, const struct mm_weights *w,
			struct mm_err *err)
{
	const struct mm_tensor *conv, *grid;
	int rc;

	if ((rc = want(w, "visual.layer1.0.conv1.weight", 4, &conv, err)) ||
	    (rc = want(w, "visual.attnpool.positional_embedding", 2, &grid,
		       err)))
		return rc;
	mm_json_open(j, "vision_cfg", '{');
	mm_json_put_int(j, "image_size", (int64_t)(32 * root(grid->dim[0])));
	mm_json_open(j, "layers", '[');
	for (int i = 1; i <= 4; i++) {
		char name[32];

		snprintf(name, sizeof(name), "visual.layer%d.", i);
		mm_json_put_int(
			j, NULL,
			(int64_t)count_layers(w, name, ".conv1.weight"));
	}
	mm_json_close(j);
	mm_json_put_int(j, "width", (int64_t)conv->dim[0]);
	mm_json_close(j);
	return MM_OK;
}

static int infer_model(struct mm_json_writer *j, const struct mm_weights *w,
		       bool quick_gelu, struct mm_err *err)
{
	const bool resnet = mm_weights_find(w, "visual.layer1.0.conv1.weight");
	const struct mm_tensor *pos, *vocab, *proj;
	struct mm_model m = { .eos_token_id = 2 };
	struct mm_clip c = { .vit.pre_norm = true,
			     .shared.text.projection = true };
	int rc;

	if ((rc = infer_tower(&c.shared.text.tower, w, "", err)) ||
	    (rc = want(w, "positional_embedding", 2, &pos, err)) ||
	    (rc = want(w, "token_embedding.weight", 2, &vocab, err)) ||
	    (rc = want(w, "text_projection", 2, &proj, err)))
		return rc;
	m.context_length = pos->dim[0];
	m.vocab_size = vocab->dim[0];
	mm_json_put_int(j, "embed_dim", (int64_t)proj->dim[1]);
	mm_json_put_bool(j, "quick_gelu", quick_gelu);
	if ((rc = resnet ? infer_resnet(j, w, err) : infer_vit(&c, w, err)))
		return rc;
	if (!resnet) {
		mm_json_open(j, "vision_cfg", '{');
		put_vit(j, &c.vision, &c.pictures, &c.vit);
		mm_json_close(j);
	}
	mm_json_open(j, "text_cfg", '{');
	put_text(j, &c.shared.text, &m);
	mm_json_close(j);
	return MM_OK;
}

int mm_layout_infer(struct mm_buf *out, const struct mm_weights *w,
		    bool quick_gelu, struct mm_err *err)
{
	struct mm_json_writer j;
	int rc;

	mm_json_writer_init(&j, out, 2);
	mm_json_open(&j, NULL, '{');
	mm_json_open(&j, "model_cfg", '{');
	if ((rc = infer_model(&j, w, quick_gelu, err)))
		return rc;
	mm_json_close(&j);
	mm_json_open(&j, "preprocess_cfg", '{');
	mm_json_close(&j);
	mm_json_close(&j);
	mm_buf_addc(out, '\n');
	return mm_buf_check(out, "the configuration", err);
}
