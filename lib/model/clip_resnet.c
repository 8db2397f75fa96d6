/*
 * clip_resnet.c - CLIP with a residual network, by OpenAI's and open_clip's
 * names.
 *
 * Source: Radford et al. (2021), section 2.4; He et al., "Bag of tricks"
 * (2018) for the stem and the pooled shortcuts; open_clip's ModifiedResNet.
 * Three convolutions and a pool in front, four stages of bottlenecks whose
 * strides are average pools, and attention in place of the last pool: the mean
 * of the map asks, all pixels answer.  transformers has no such class: such a
 * model is saved as open_clip's folder.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/clip.h"

enum {
	STAGES = MM_RESNET_STAGES,
	EXPANSION = 4,
	SHRINK = MM_RESNET_SHRINK,
	NAME = 128
};

const struct mm_clip_resnet *mm_clip_resnet_config(const struct mm_model *m)
{
	return m->arch == &mm_arch_clip_resnet ? m->config : NULL;
}

/* Channels of the last map. */
static size_t channels(const struct mm_resnet *r)
{
	return r->width * SHRINK;
}

static size_t n_blocks(const struct mm_resnet *r)
{
	return r->blocks[0] + r->blocks[1] + r->blocks[2] + r->blocks[3];
}

static bool pruned(const struct mm_resnet *r)
{
	return r->inner[0] || r->inner[1] || r->inner_of[0] || r->inner_of[1];
}

/* ---- configuration ---- */

static int parse_vision(struct mm_resnet *r, const struct mm_json *v,
			struct mm_err *err)
{
	const struct mm_json *layers = mm_json_get(v, "layers");
	int64_t width = 64, head = 64, image = 224;
	int rc;

	if ((rc = mm_json_want_int(v, "width", 2, 1 << 12, &width, err)) ||
	    (rc = mm_json_want_int(v, "head_width", 1, 1 << 12, &head, err)) ||
	    (rc = mm_json_want_int(v, "image_size", SHRINK, 1 << 14, &image,
				   err)))
		return rc;
	if (mm_json_size(layers) != STAGES)
		return mm_fail(err, MM_ERR_FORMAT,
			       "'layers' wants four numbers, one a stage");
	for (size_t i = 0; i < STAGES; i++) {
		const int64_t n = mm_json_int(mm_json_at(layers, i), 0);

		if (n < 1 || n > 1 << 10)
			return mm_fail(err, MM_ERR_FORMAT,
				       "'layers' wants numbers from 1 to 1024");
		r->blocks[i] = (size_t)n;
	}
	for (int i = 0; i < 2; i++)
		if ((rc = mm_sizes_parse(&r->inner_of[i], &r->inner[i], v,
					 i ? "conv2_channels"
					   : "conv1_channels",
					 1 << 16, n_blocks(r), err)))
			return rc;
	r->width = (size_t)width;
	r->image_size = (size_t)image;
	r->heads = channels(r) / (size_t)head;
	if (!r->heads || channels(r) % r->heads)
		return mm_fail(err, MM_ERR_FORMAT,
			       "'width' %lld gives %zu channels, which %zu "
			       "heads of 'head_width' %lld do not share",
			       (long long)width, channels(r), r->heads,
			       (long long)head);
	return MM_OK;
}

static int clip_resnet_configure(struct mm_model *m, struct mm_err *err)
{
	struct mm_clip_resnet *c = mm_arena_alloc(&m->arena, 1, sizeof(*c));
	int rc;

	if (!c)
		return mm_fail_nomem(err, "the configuration");
	m->only_open_clip = true;
	if ((rc = mm_clip_parse(&c->shared, m, err)))
		return rc;
	if ((rc = parse_vision(&c->vision,
			       mm_json_get(m->json, "vision_config"), err)))
		return mm_part_fail(m, "vision", err);
	m->only_ours |= pruned(&c->vision);
	m->config = c;
	m->image_size = c->vision.image_size;
	m->channels = 3;
	return MM_OK;
}

/* ---- presets ---- */

static const char *const presets[] = { "tiny", "small", "rn50", "rn101", NULL };

static const struct {
	int64_t layers[STAGES], width;
	struct mm_clip_text_size text;
	size_t dim;
} sizes[] = {
	{ { 1, 1, 1, 1 }, 12, { 128, 512, 2, 4 }, 128 },
	{ { 2, 2, 2, 2 }, 24, { 256, 1024, 4, 4 }, 256 },
	{ { 3, 4, 6, 3 }, 64, { 512, 2048, 12, 8 }, 1024 },
	{ { 3, 4, 23, 3 }, 64, { 512, 2048, 12, 8 }, 512 },
};

static void clip_resnet_preset(struct mm_buf *out, size_t i,
			       const struct mm_model *s)
{
	struct mm_json_writer w;

	mm_json_writer_init(&w, out, 2);
	mm_json_open(&w, NULL, '{');
	mm_json_put_num(&w, "logit_scale_init_value", 2.6592);
	mm_json_put_str(&w, "model_type", "clip_resnet");
	mm_json_put_int(&w, "projection_dim", (int64_t)sizes[i].dim);
	mm_json_open(&w, "text_config", '{');
	/* open_clip takes the largest id for the end, unless told. */
	mm_json_put_str(&w, "pool_type",
			(size_t)s->eos_token_id + 1 == s->vocab_size ? "argmax"
								     : "eos");
	mm_clip_put_text(&w, s, &sizes[i].text, sizes[i].dim);
	mm_json_close(&w);
	mm_json_open(&w, "vision_config", '{');
	mm_json_put_int(&w, "head_width", 64);
	mm_json_put_int(&w, "image_size", (int64_t)s->image_size);
	mm_json_open(&w, "layers", '[');
	for (int k = 0; k < STAGES; k++)
		mm_json_put_int(&w, NULL, sizes[i].layers[k]);
	mm_json_close(&w);
	mm_json_put_int(&w, "width", sizes[i].width);
	mm_json_close(&w);
	mm_json_close(&w);
}

/* ---- the tower ---- */

/* Kernel k with its map kept; relu, unless NONE. */
static struct mm_node *conv(struct mm_graph *g, struct mm_node *x, size_t out,
			    size_t k, size_t stride, enum mm_act act,
			    const char *prefix, const char *conv_name,
			    const char *bn_name)
{
	const size_t pad = k / 2;
	const struct mm_conv_norm c = { .out = out,
					.kernel = k,
					.stride = stride,
					.pad = { pad, pad, pad, pad },
					.act = act,
					.eps = 1e-5,
					.momentum = 0.1,
					.gain = 1 };
	char a[2 * NAME], b[2 * NAME];

	snprintf(a, sizeof(a), "%s.%s", prefix, conv_name);
	snprintf(b, sizeof(b), "%s.%s", prefix, bn_name);
	return mm_conv_norm(g, x, &c, NULL, a, b);
}

static struct mm_node *stem(struct mm_graph *g, struct mm_node *x, size_t width)
{
	static const char v[] = "visual";

	x = conv(g, x, width / 2, 3, 2, MM_ACT_RELU, v, "conv1", "bn1");
	x = conv(g, x, width / 2, 3, 1, MM_ACT_RELU, v, "conv2", "bn2");
	x = conv(g, x, width, 3, 1, MM_ACT_RELU, v, "conv3", "bn3");
	return mm_avg_pool(g, x, 2, 2);
}

/* Whatever the width, the last norm of a branch starts at 0. */
static struct mm_node *last(struct mm_graph *g, struct mm_node *x, size_t out,
			    struct mm_node *residual, const char *prefix)
{
	const struct mm_conv_norm c = { .out = out,
					.kernel = 1,
					.stride = 1,
					.act = MM_ACT_RELU,
					.eps = 1e-5,
					.momentum = 0.1,
					.gain = 0 };
	char a[2 * NAME], b[2 * NAME];

	snprintf(a, sizeof(a), "%s.conv3", prefix);
	snprintf(b, sizeof(b), "%s.bn3", prefix);
	return mm_conv_norm(g, x, &c, residual, a, b);
}

/* inner: channels of the two maps inside. */
static struct mm_node *bottleneck(struct mm_graph *g, struct mm_node *x,
				  const size_t inner[2], size_t out,
				  size_t stride, const char *prefix)
{
	struct mm_node *h, *shortcut = x;

	if (g->failed)
		return NULL;
	h = conv(g, x, inner[0], 1, 1, MM_ACT_RELU, prefix, "conv1", "bn1");
	h = conv(g, h, inner[1], 3, 1, MM_ACT_RELU, prefix, "conv2", "bn2");
	if (stride > 1)
		h = mm_avg_pool(g, h, stride, stride);
	if (stride > 1 || x->shape.dim[1] != out) {
		if (stride > 1)
			shortcut = mm_avg_pool(g, x, stride, stride);
		shortcut = conv(g, shortcut, out, 1, 1, MM_ACT_NONE, prefix,
				"downsample.0", "downsample.1");
	}
	return last(g, h, out, shortcut, prefix);
}

static void inner_sizes(size_t inner[2], const struct mm_resnet *r,
			size_t width, size_t block)
{
	for (int i = 0; i < 2; i++)
		inner[i] =
			mm_size_of(r->inner_of[i], block,
				   r->inner[i] ? (size_t)r->inner[i] : width);
}

/* The map's mean asks, the mean and all pixels answer: (B, embed_dim). */
static struct mm_node *attention_pool(struct mm_graph *g, struct mm_node *x,
				      const struct mm_resnet *r, size_t dim)
{
	const size_t C = channels(r), side = r->image_size / SHRINK;
	const double std = 1 / sqrt((double)C);
	struct mm_node *mean, *pos, *q, *k, *v;
	size_t B, n;

	if (g->failed)
		return NULL;
	B = x->shape.dim[0];
	n = x->shape.dim[2] * x->shape.dim[3];
	pos = mm_param(g, MM_SHAPE(side * side + 1, C), MM_NORMAL(std),
		       "visual.attnpool.positional_embedding");
	if (n != side * side)
		return mm_graph_fail(g, MM_ERR_SHAPE,
				     "the attention pool has positions for a "
				     "map of %zux%zu, not for %zux%zu",
				     side, side, x->shape.dim[3],
				     x->shape.dim[2]);
	mean = mm_reshape(g, mm_mean_map(g, x), MM_SHAPE(B, 1, C));
	x = mm_map_tokens(g, x);
	x = mm_add_positions(g, mm_concat(g, mean, x, 1), pos);
	q = mm_dense(g, mm_slice(g, x, 1, 0, 1), C, std, NULL, MM_ACT_NONE,
		     "visual.attnpool.q_proj");
	k = mm_dense(g, x, C, std, NULL, MM_ACT_NONE, "visual.attnpool.k_proj");
	v = mm_dense(g, x, C, std, NULL, MM_ACT_NONE, "visual.attnpool.v_proj");
	x = mm_attention(g, q, k, v, NULL, r->heads, false, 0, 0);
	g->store->group = MM_GROUP_HEAD;
	return mm_dense(g, mm_reshape(g, x, MM_SHAPE(B, C)), dim, std, NULL,
			MM_ACT_NONE, "visual.attnpool.c_proj");
}

static struct mm_node *clip_resnet_image(struct mm_graph *g,
					 const struct mm_model *m,
					 struct mm_node *pixels)
{
	const struct mm_clip_resnet *c = m->config;
	const struct mm_resnet *r = &c->vision;
	struct mm_node *x = pixels;
	size_t inner[2], block = 0;
	char name[NAME];

	if (g->failed)
		return NULL;
	g->store->group = MM_GROUP_IMAGE;
	g->store->layer = 0;
	if (pixels->elem == MM_ELEM_U8)
		x = mm_pixels(g, pixels, m->lut);
	x = stem(g, x, r->width);
	mm_tap(g, x, "image.stem");
	for (size_t i = 0; i < STAGES; i++) {
		for (size_t k = 0; k < r->blocks[i]; k++, block++) {
			g->store->layer++;
			inner_sizes(inner, r, r->width << i, block);
			snprintf(name, sizeof(name), "visual.layer%zu.%zu",
				 i + 1, k);
			x = bottleneck(g, x, inner, (r->width << i) * EXPANSION,
				       i && !k ? 2 : 1, name);
		}
		mm_tap(g, x, "image.layer%zu", i + 1);
	}
	mm_tap(g, x, "vision.last_hidden");
	g->store->layer++;
	return attention_pool(g, x, r, m->embed_dim);
}

const struct mm_arch mm_arch_clip_resnet = {
	.model_type = "clip_resnet",
	.summary = "CLIP, residual network and causal text transformer",
	.configure = clip_resnet_configure,
	.preset = clip_resnet_preset,
	.presets = presets,
	.pictures = "open_clip",
	.image = clip_resnet_image,
	.text = mm_clip_text,
	.logits = mm_clip_logits,
	.loss = mm_infonce,
	.after_step = mm_clip_after_step,
};
