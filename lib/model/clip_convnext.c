/*
 * clip_convnext.c - CLIP with a ConvNeXt, by open_clip's and timm's names.
 *
 * Source: Liu et al., "A ConvNet for the 2020s" (2022); timm 1.0 convnext.py.
 * Patches of 4, four stages of blocks (a depthwise convolution of 7, then a
 * norm and two layers on each pixel), between stages a norm and a convolution
 * of stride 2; the mean of all pixels, a norm, a projection.  Between the
 * convolutions a map is a row of tokens, so that norms and layers find a
 * pixel's channels together.  transformers has no such class.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/clip.h"
#include "model/openclip.h"

enum { STAGES = MM_CONVNEXT_STAGES, PATCH = 4, SHRINK = 32, NAME = 128 };

const struct mm_clip_convnext *mm_clip_convnext_config(const struct mm_model *m)
{
	return m->arch == &mm_arch_clip_convnext ? m->config : NULL;
}

/* ---- configuration ---- */

/* "depths", "hidden_sizes": a number for each stage. */
static int parse_stages(size_t *out, const struct mm_json *v, const char *key,
			int64_t most, struct mm_err *err)
{
	const struct mm_json *list = mm_json_get(v, key);

	if (mm_json_size(list) != STAGES)
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s' wants four numbers, one a stage", key);
	for (size_t i = 0; i < STAGES; i++) {
		const int64_t n = mm_json_int(mm_json_at(list, i), 0);

		if (n < 1 || n > most)
			return mm_fail(err, MM_ERR_FORMAT,
				       "'%s' wants numbers from 1 to %lld", key,
				       (long long)most);
		out[i] = (size_t)n;
	}
	return MM_OK;
}

static int parse_vision(struct mm_convnext *c, const struct mm_json *v,
			struct mm_err *err)
{
	const char *proj = "linear";
	int64_t image = 224;
	int rc;

	*c = (struct mm_convnext){ .eps = 1e-6, .scale = 1e-6 };
	if ((rc = parse_stages(c->depth, v, "depths", 1 << 8, err)) ||
	    (rc = parse_stages(c->width, v, "hidden_sizes", 1 << 14, err)) ||
	    (rc = mm_json_want_int(v, "image_size", SHRINK, 1 << 14, &image,
				   err)) ||
	    (rc = mm_json_want_num(v, "layer_norm_eps", 0, 1, &c->eps, err)) ||
	    (rc = mm_json_want_num(v, "layer_scale_init_value", 0, 1e3,
				   &c->scale, err)) ||
	    (rc = mm_json_want_str(v, "projection", &proj, err)) ||
	    (rc = mm_json_want_bool(v, "projection_bias", &c->proj_bias, err)))
		return rc;
	c->image_size = (size_t)image;
	c->mlp = !strcmp(proj, "mlp");
	if (!c->mlp && strcmp(proj, "linear"))
		return mm_fail(err, MM_ERR_FORMAT,
			       "'projection' is '%s'; known are linear, mlp",
			       proj);
	return MM_OK;
}

static int clip_convnext_configure(struct mm_model *m, struct mm_err *err)
{
	struct mm_clip_convnext *c = mm_arena_alloc(&m->arena, 1, sizeof(*c));
	int rc;

	if (!c)
		return mm_fail_nomem(err, "the configuration");
	m->only_open_clip = true;
	if ((rc = mm_clip_parse(&c->shared, m, err)))
		return rc;
	if ((rc = parse_vision(&c->vision,
			       mm_json_get(m->json, "vision_config"), err)))
		return mm_part_fail(m, "vision", err);
	m->only_ours |= !mm_openclip_convnext_of(&c->vision);
	m->config = c;
	m->image_size = c->vision.image_size;
	m->channels = 3;
	return MM_OK;
}

/* ---- presets ---- */

static const char *const presets[] = { "tiny", "base", NULL };

static const struct {
	int64_t depth[STAGES], width;
	struct mm_clip_text_size text;
	size_t dim;
} sizes[] = {
	{ { 1, 1, 2, 1 }, 24, { 128, 512, 2, 4 }, 128 },
	{ { 3, 3, 27, 3 }, 128, { 640, 2560, 12, 10 }, 640 },
};

static void clip_convnext_preset(struct mm_buf *out, size_t i,
				 const struct mm_model *s)
{
	struct mm_json_writer w;

	mm_json_writer_init(&w, out, 2);
	mm_json_open(&w, NULL, '{');
	mm_json_put_num(&w, "logit_scale_init_value", 2.6592);
	mm_json_put_str(&w, "model_type", "clip_convnext");
	mm_json_put_int(&w, "projection_dim", (int64_t)sizes[i].dim);
	mm_json_open(&w, "text_config", '{');
	/* open_clip takes the largest id for the end, unless told. */
	mm_json_put_str(&w, "pool_type",
			(size_t)s->eos_token_id + 1 == s->vocab_size ? "argmax"
								     : "eos");
	mm_clip_put_text(&w, s, &sizes[i].text, sizes[i].dim);
	mm_json_close(&w);
	mm_json_open(&w, "vision_config", '{');
	mm_json_put_int(&w, "image_size", (int64_t)s->image_size);
	mm_json_open(&w, "depths", '[');
	for (int k = 0; k < STAGES; k++)
		mm_json_put_int(&w, NULL, sizes[i].depth[k]);
	mm_json_close(&w);
	mm_json_open(&w, "hidden_sizes", '[');
	for (int k = 0; k < STAGES; k++)
		mm_json_put_int(&w, NULL, sizes[i].width << k);
	mm_json_close(&w);
	mm_json_close(&w);
	mm_json_close(&w);
}

/* ---- the tower ---- */

/* (B, H W, C) to (B, C, H, W). */
static struct mm_node *to_maps(struct mm_graph *g, struct mm_node *x, size_t H)
{
	static const int order[] = { 0, 2, 1 };
	const size_t *d;

	if (g->failed)
		return NULL;
	d = x->shape.dim;
	return mm_reshape(g, mm_permute(g, x, order),
			  MM_SHAPE(d[0], d[2], H, d[1] / H));
}

/* A convolution with a bias: of k pixels with a stride of k, or depthwise of 7
 * with its map kept. */
static struct mm_node *conv(struct mm_graph *g, struct mm_node *x, size_t out,
			    size_t k, const char *name)
{
	static const size_t pad[] = { 3, 3, 3, 3 };
	const bool depthwise = k == 7;
	struct mm_node *w, *b;
	size_t in;

	if (g->failed)
		return NULL;
	in = depthwise ? 1 : x->shape.dim[1];
	w = mm_param(g, MM_SHAPE(out, in, k, k), MM_NORMAL(0.02), "%s.weight",
		     name);
	b = mm_param(g, MM_SHAPE(out), MM_INIT_ZERO, "%s.bias", name);
	return depthwise ? mm_depthwise(g, x, w, b, NULL, MM_ACT_NONE, 1, pad)
			 : mm_conv2d(g, x, w, b, NULL, MM_ACT_NONE, k, NULL);
}

/* x (B, H W, C) + a branch, which is left out now and then with chance drop. */
static struct mm_node *block(struct mm_graph *g, struct mm_node *x, size_t H,
			     const struct mm_convnext *c, double drop,
			     const char *name)
{
	struct mm_node *h;
	char part[NAME + 16];
	size_t C;

	if (g->failed)
		return NULL;
	C = x->shape.dim[2];
	snprintf(part, sizeof(part), "%s.conv_dw", name);
	h = mm_map_tokens(g, conv(g, to_maps(g, x, H), C, 7, part));
	h = mm_norm(g, h, c->eps, "%s.norm", name);
	h = mm_dense(g, h, 4 * C, 0.02, NULL, MM_ACT_GELU, "%s.mlp.fc1", name);
	h = mm_dense(g, h, C, 0.02, NULL, MM_ACT_NONE, "%s.mlp.fc2", name);
	h = mm_mul(
		g, h,
		mm_param(g, MM_SHAPE(C), MM_FILL(c->scale), "%s.gamma", name));
	if (g->mode == MM_TRAIN && drop > 0)
		h = mm_drop_path(g, h, drop);
	return mm_add(g, h, x);
}

static size_t n_blocks(const struct mm_convnext *c)
{
	return c->depth[0] + c->depth[1] + c->depth[2] + c->depth[3];
}

/* Stage i of x; *H: the height of its map. */
static struct mm_node *stage(struct mm_graph *g, struct mm_node *x, size_t *H,
			     size_t i, const struct mm_model *m)
{
	const struct mm_clip_convnext *c = m->config;
	const struct mm_convnext *v = &c->vision;
	const double last = (double)(n_blocks(v) - 1);
	char name[NAME];

	if (i) {
		snprintf(name, sizeof(name), "visual.trunk.stages.%zu", i);
		x = mm_norm(g, x, v->eps, "%s.downsample.0", name);
		strcat(name, ".downsample.1");
		x = conv(g, to_maps(g, x, *H), v->width[i], 2, name);
		*H /= 2;
		x = mm_map_tokens(g, x);
	}
	for (size_t k = 0; k < v->depth[i]; k++) {
		const double deep = (double)g->store->layer++ / fmax(last, 1);

		snprintf(name, sizeof(name),
			 "visual.trunk.stages.%zu.blocks.%zu", i, k);
		x = block(g, x, *H, v, m->drop_path * deep, name);
	}
	mm_tap(g, x, "image.stage%zu", i);
	return x;
}

static struct mm_node *head(struct mm_graph *g, struct mm_node *x,
			    const struct mm_convnext *c, size_t dim)
{
	const double std = 1 / sqrt((double)c->width[STAGES - 1]);

	x = mm_norm(g, mm_mean_tokens(g, x, NULL), c->eps,
		    "visual.trunk.head.norm");
	mm_tap(g, x, "vision.pooled");
	g->store->group = MM_GROUP_HEAD;
	if (!c->mlp)
		return mm_project(g, x, dim, std, c->proj_bias,
				  "visual.head.proj");
	x = mm_dense(g, x, 2 * dim, std, NULL, MM_ACT_GELU,
		     "visual.head.mlp.fc1");
	return mm_project(g, x, dim, 1 / sqrt(2 * (double)dim), c->proj_bias,
			  "visual.head.mlp.fc2");
}

static struct mm_node *clip_convnext_image(struct mm_graph *g,
					   const struct mm_model *m,
					   struct mm_node *pixels)
{
	const struct mm_clip_convnext *c = m->config;
	const struct mm_convnext *v = &c->vision;
	struct mm_node *x = pixels;
	size_t H, W;

	if (g->failed)
		return NULL;
	H = pixels->shape.dim[2];
	W = pixels->shape.dim[3];
	if (H < SHRINK || W < SHRINK)
		return mm_graph_fail(
			g, MM_ERR_SHAPE,
			"pictures of %zux%zu are smaller than %dx%d", W, H,
			SHRINK, SHRINK);
	g->store->group = MM_GROUP_IMAGE;
	g->store->layer = 0;
	if (pixels->elem == MM_ELEM_U8)
		x = mm_pixels(g, pixels, m->lut);
	x = mm_map_tokens(
		g, conv(g, x, v->width[0], PATCH, "visual.trunk.stem.0"));
	x = mm_norm(g, x, v->eps, "visual.trunk.stem.1");
	mm_tap(g, x, "image.stem");
	H /= PATCH;
	for (size_t i = 0; i < STAGES; i++)
		x = stage(g, x, &H, i, m);
	mm_tap(g, x, "vision.last_hidden");
	return head(g, x, v, m->embed_dim);
}

const struct mm_arch mm_arch_clip_convnext = {
	.model_type = "clip_convnext",
	.summary = "CLIP, ConvNeXt and causal text transformer",
	.configure = clip_convnext_configure,
	.preset = clip_convnext_preset,
	.presets = presets,
	.pictures = "open_clip",
	.any_size = true,
	.image = clip_convnext_image,
	.text = mm_clip_text,
	.logits = mm_clip_logits,
	.loss = mm_infonce,
	.after_step = mm_clip_after_step,
};
