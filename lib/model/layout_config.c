/* layout_config.c - see layout.h: configurations. */
#include <stdio.h>
#include <string.h>

#include "model/clip.h"
#include "model/layout.h"

/* ---- transformers' to open_clip's ---- */

static int check_tower(const struct mm_tower *t, const struct mm_tower *other,
		       struct mm_err *err)
{
	if (mm_tower_uneven(t))
		return mm_fail(err, MM_ERR_REFUSED,
			       "open_clip has no class for a pruned tower "
			       "whose blocks differ");
	if (t->act != other->act ||
	    (t->act != MM_ACT_QUICK_GELU && t->act != MM_ACT_GELU))
		return mm_fail(err, MM_ERR_REFUSED,
			       "open_clip knows one activation for both "
			       "towers, gelu or quick_gelu");
	if (t->eps < 0.99e-5 || t->eps > 1.01e-5)
		return mm_fail(err, MM_ERR_REFUSED,
			       "open_clip's layer norms have an eps of 1e-5, "
			       "not %g",
			       t->eps);
	return MM_OK;
}

/* The ratio from which open_clip's int(width * ratio) makes ffn again. */
static double ratio(const struct mm_tower *t)
{
	const double w = (double)t->width, r = (double)t->ffn / w;

	return (size_t)(w * r) == t->ffn ? r : ((double)t->ffn + 0.5) / w;
}

static void put_vision(struct mm_json_writer *w, const struct mm_clip *c)
{
	const struct mm_tower *t = &c->vision;

	mm_json_open(w, "vision_cfg", '{');
	mm_json_put_int(w, "image_size", (int64_t)c->pictures.image_size);
	mm_json_put_int(w, "layers", (int64_t)t->layers);
	mm_json_put_int(w, "width", (int64_t)t->width);
	mm_json_put_int(w, "head_width", (int64_t)(t->width / t->heads));
	mm_json_put_num(w, "mlp_ratio", ratio(t));
	mm_json_put_int(w, "patch_size", (int64_t)c->pictures.patch);
	mm_json_close(w);
}

static void put_text(struct mm_json_writer *w, const struct mm_clip *c,
		     const struct mm_model *m)
{
	const struct mm_tower *t = &c->text.tower;

	mm_json_open(w, "text_cfg", '{');
	mm_json_put_int(w, "context_length", (int64_t)m->context_length);
	mm_json_put_int(w, "vocab_size", (int64_t)m->vocab_size);
	mm_json_put_int(w, "width", (int64_t)t->width);
	mm_json_put_int(w, "heads", (int64_t)t->heads);
	mm_json_put_int(w, "layers", (int64_t)t->layers);
	mm_json_put_num(w, "mlp_ratio", ratio(t));
	/* 2 is transformers' sign for open_clip's own rule, the largest id. */
	if (m->eos_token_id != 2 &&
	    m->eos_token_id != (int64_t)m->vocab_size - 1) {
		mm_json_put_str(w, "pool_type", "eos");
		mm_json_put_int(w, "eos_id", m->eos_token_id);
	}
	/* OpenAI's vocabulary is open_clip's own; others lie in the folder. */
	if (m->vocab_size != 49408)
		mm_json_put_str(w, "hf_tokenizer_name", ".");
	mm_json_close(w);
}

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

int mm_layout_openclip_config(struct mm_buf *out, const struct mm_model *m,
			      const struct mm_image_preset *recipe,
			      struct mm_err *err)
{
	const struct mm_clip *c = mm_clip_config(m);
	struct mm_json_writer w;
	int rc;

	if (!c)
		return mm_fail(err, MM_ERR_REFUSED,
			       "a model of type '%s' has no form of its own in "
			       "open_clip: only CLIP can be converted",
			       m->arch->model_type);
	if ((rc = check_tower(&c->vision, &c->text.tower, err)) ||
	    (rc = check_tower(&c->text.tower, &c->vision, err)))
		return rc;
	mm_json_writer_init(&w, out, 2);
	mm_json_open(&w, NULL, '{');
	mm_json_open(&w, "model_cfg", '{');
	mm_json_put_int(&w, "embed_dim", (int64_t)m->embed_dim);
	mm_json_put_bool(&w, "quick_gelu",
			 c->text.tower.act == MM_ACT_QUICK_GELU);
	put_vision(&w, c);
	put_text(&w, c, m);
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
	mm_json_put_str(&w, "image_processor_type", "CLIPImageProcessor");
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
	struct mm_clip c = { 0 };
	int rc;

	if ((rc = infer_tower(&c.text.tower, w, "", err)) ||
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
	if (!resnet)
		put_vision(j, &c);
	put_text(j, &c, &m);
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
