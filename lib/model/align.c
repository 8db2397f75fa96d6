/*
 * align.c - ALIGN: EfficientNet for pictures, BERT for texts, a temperature
 * that divides.
 *
 * Source: Jia et al., "Scaling up visual and vision-language representation
 * learning with noisy text supervision" (2021); Tan & Le, "EfficientNet"
 * (2019); names and defaults of transformers' AlignModel.  Its batch norms
 * take momentum in PyTorch's sense, so the published 0.99 replaces the running
 * statistics nearly at once; the norm behind an expansion is built without it
 * and has 0.1.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/bert.h"

enum { MOST_STAGES = 16, MOST_PADDED = 256, NAME = 160 };

struct stage {
	size_t kernel, in, out, stride, repeats, expand;
};

struct efficientnet {
	struct stage stage[MOST_STAGES];
	size_t n_stages, n_blocks, stem, image_size;
	double squeeze, eps, momentum;
	enum mm_act act;
	bool pool_max;
	/* Blocks whose strided convolution has an even border. */
	size_t padded[MOST_PADDED], n_padded;
	/* Channels of the expanded maps of each block, where it was pruned. */
	const struct mm_json *expanded_of;
	int64_t expanded; /* of all blocks; 0: as the stage says */
};

struct align {
	struct efficientnet vision;
	struct mm_bert text;
	double temperature;
};

/* ---- configuration ---- */

static const int64_t b7[][MOST_STAGES] = {
	{ 3, 3, 5, 3, 5, 5, 3 },	   { 32, 16, 24, 40, 80, 112, 192 },
	{ 16, 24, 40, 80, 112, 192, 320 }, { 1, 2, 2, 2, 1, 2, 1 },
	{ 1, 2, 2, 3, 3, 4, 1 },	   { 1, 6, 6, 6, 6, 6, 6 },
};
static const char *const lists[] = {
	"kernel_sizes", "in_channels",	     "out_channels",
	"strides",	"num_block_repeats", "expand_ratios",
};
enum { KERNELS, IN, OUT, STRIDES, REPEATS, EXPANDS, N_LISTS };
static const int64_t list_top[] = { 11, 1 << 14, 1 << 14, 2, 1 << 8, 64 };

/* Channels times the width, to a multiple of the divisor, no tenth lost. */
static size_t round_channels(int64_t channels, double width, int64_t divisor)
{
	const double n = (double)channels * width;
	int64_t to = (int64_t)(n + (double)divisor / 2) / divisor * divisor;

	to = to < divisor ? divisor : to;
	if ((double)to < 0.9 * n)
		to += divisor;
	return (size_t)to;
}

/* The lists of numbers, all as long as the first; *n stages. */
static int read_lists(int64_t v[N_LISTS][MOST_STAGES], size_t *n,
		      const struct mm_json *config, struct mm_err *err)
{
	*n = 7;
	memcpy(v, b7, sizeof(b7));
	for (size_t k = 0; k < N_LISTS; k++) {
		const struct mm_json *list = mm_json_get(config, lists[k]);
		const size_t size = mm_json_size(list);

		if (!k && list)
			*n = size;
		if ((list && (size != *n || !size || size > MOST_STAGES)) ||
		    (!list && *n != 7))
			return mm_fail(err, MM_ERR_FORMAT,
				       "'%s' wants a number for each of the "
				       "%zu stages, at most %d",
				       lists[k], *n, MOST_STAGES);
		for (size_t i = 0; list && i < *n; i++) {
			v[k][i] = mm_json_int(mm_json_at(list, i), 0);
			if (v[k][i] < 1 || v[k][i] > list_top[k])
				return mm_fail(err, MM_ERR_FORMAT,
					       "'%s' wants numbers from 1 to "
					       "%lld",
					       lists[k],
					       (long long)list_top[k]);
		}
	}
	return MM_OK;
}

static int read_padded(struct efficientnet *e, const struct mm_json *list,
		       struct mm_err *err)
{
	if (mm_json_size(list) > MOST_PADDED)
		return mm_fail(err, MM_ERR_FORMAT,
			       "'depthwise_padding' names more than %d blocks",
			       MOST_PADDED);
	e->n_padded = mm_json_size(list);
	for (size_t i = 0; i < e->n_padded; i++) {
		const int64_t at = mm_json_int(mm_json_at(list, i), -1);

		if (at < 0)
			return mm_fail(err, MM_ERR_FORMAT,
				       "'depthwise_padding' wants numbers of "
				       "blocks");
		e->padded[i] = (size_t)at;
	}
	return MM_OK;
}

static int build_stages(struct efficientnet *e, const struct mm_json *v,
			struct mm_err *err)
{
	double width = 2, depth = 3.1;
	int64_t list[N_LISTS][MOST_STAGES], divisor = 8;
	int rc;

	if ((rc = read_lists(list, &e->n_stages, v, err)) ||
	    (rc = mm_json_want_num(v, "width_coefficient", 1e-3, 100, &width,
				   err)) ||
	    (rc = mm_json_want_num(v, "depth_coefficient", 1e-3, 100, &depth,
				   err)) ||
	    (rc = mm_json_want_int(v, "depth_divisor", 1, 1 << 10, &divisor,
				   err)))
		return rc;
	e->stem = round_channels(32, width, divisor);
	for (size_t i = 0; i < e->n_stages; i++) {
		if (list[KERNELS][i] % 2 == 0)
			return mm_fail(err, MM_ERR_FORMAT,
				       "'kernel_sizes' wants odd numbers");
		e->stage[i] = (struct stage){
			.kernel = (size_t)list[KERNELS][i],
			.in = round_channels(list[IN][i], width, divisor),
			.out = round_channels(list[OUT][i], width, divisor),
			.stride = (size_t)list[STRIDES][i],
			.repeats =
				(size_t)ceil(depth * (double)list[REPEATS][i]),
			.expand = (size_t)list[EXPANDS][i],
		};
		e->n_blocks += e->stage[i].repeats;
		if (e->stage[i].in != (i ? e->stage[i - 1].out : e->stem))
			return mm_fail(err, MM_ERR_FORMAT,
				       "stage %zu takes %zu channels and gets "
				       "%zu ('in_channels', 'out_channels')",
				       i, e->stage[i].in,
				       i ? e->stage[i - 1].out : e->stem);
	}
	return MM_OK;
}

static int parse_vision(struct efficientnet *e, const struct mm_json *v,
			struct mm_err *err)
{
	const char *act = "swish", *pool = "mean";
	int64_t image = 600, channels = 3;
	int rc;

	*e = (struct efficientnet){ .squeeze = 0.25,
				    .eps = 1e-3,
				    .momentum = 0.99 };
	if ((rc = build_stages(e, v, err)) ||
	    (rc = read_padded(e, mm_json_get(v, "depthwise_padding"), err)) ||
	    (rc = mm_sizes_parse(&e->expanded_of, &e->expanded, v,
				 "expanded_channels", 1 << 18, e->n_blocks,
				 err)) ||
	    (rc = mm_json_want_int(v, "image_size", 1, 1 << 14, &image, err)) ||
	    (rc = mm_json_want_int(v, "num_channels", 3, 3, &channels, err)) ||
	    (rc = mm_json_want_num(v, "squeeze_expansion_ratio", 0, 16,
				   &e->squeeze, err)) ||
	    (rc = mm_json_want_num(v, "batch_norm_eps", 0, 1, &e->eps, err)) ||
	    (rc = mm_json_want_num(v, "batch_norm_momentum", 0, 1, &e->momentum,
				   err)) ||
	    (rc = mm_json_want_str(v, "hidden_act", &act, err)) ||
	    (rc = mm_json_want_str(v, "pooling_type", &pool, err)))
		return rc;
	if (!mm_act_parse(&e->act, act))
		return mm_fail(err, MM_ERR_FORMAT,
			       "'hidden_act' is '%s', which is not known", act);
	if (strcmp(pool, "mean") && strcmp(pool, "max"))
		return mm_fail(err, MM_ERR_FORMAT,
			       "'pooling_type' is '%s'; known are mean, max",
			       pool);
	e->pool_max = !strcmp(pool, "max");
	e->image_size = (size_t)image;
	return MM_OK;
}

static int align_configure(struct mm_model *m, struct mm_err *err)
{
	struct align *a = mm_arena_alloc(&m->arena, 1, sizeof(*a));
	int64_t dim = 640;
	size_t out;
	int rc;

	if (!a)
		return mm_fail_nomem(err, "the configuration");
	a->temperature = 1;
	if ((rc = mm_json_want_int(m->json, "projection_dim", 1, 1 << 16, &dim,
				   err)) ||
	    (rc = mm_json_want_num(m->json, "temperature_init_value", 1e-6, 1e6,
				   &a->temperature, err)))
		return rc;
	if ((rc = mm_bert_parse(&a->text, m,
				mm_json_get(m->json, "text_config"), err)))
		return mm_fail_ctx(err, "text_config");
	if ((rc = parse_vision(&a->vision,
			       mm_json_get(m->json, "vision_config"), err)))
		return mm_fail_ctx(err, "vision_config");
	out = a->vision.stage[a->vision.n_stages - 1].out;
	if ((size_t)dim != out)
		return mm_fail(err, MM_ERR_FORMAT,
			       "'projection_dim' is %lld, the image tower "
			       "gives %zu channels",
			       (long long)dim, out);
	m->only_ours |= a->vision.expanded_of || a->vision.expanded;
	m->config = a;
	m->image_size = a->vision.image_size;
	m->channels = 3;
	m->embed_dim = out;
	return MM_OK;
}

/* ---- presets ---- */

static const char *const presets[] = { "tiny", "base", NULL };

static const struct {
	double width, depth, temperature, momentum;
	int64_t hidden_dim; /* 320 channels times the width, rounded */
	int64_t text_width, text_ffn, text_layers, text_heads, positions;
} sizes[] = {
	{ 0.4, 0.4, 0.07, 0.1, 128, 128, 512, 2, 4, 0 },
	{ 2, 3.1, 1, 0.01, 640, 768, 3072, 12, 12, 512 },
};

static void put_text(struct mm_json_writer *w, size_t i,
		     const struct mm_model *s)
{
	mm_json_open(w, "text_config", '{');
	mm_json_put_num(w, "attention_probs_dropout_prob", 0);
	/* BERT's vocabularies have neither. */
	if (s->bos_token_id >= 0 && s->eos_token_id >= 0) {
		mm_json_put_int(w, "bos_token_id", s->bos_token_id);
		mm_json_put_int(w, "eos_token_id", s->eos_token_id);
	}
	mm_json_put_num(w, "hidden_dropout_prob", 0);
	mm_json_put_int(w, "hidden_size", sizes[i].text_width);
	mm_json_put_int(w, "intermediate_size", sizes[i].text_ffn);
	mm_json_put_int(w, "max_position_embeddings",
			sizes[i].positions > (int64_t)s->context_length
				? sizes[i].positions
				: (int64_t)s->context_length);
	mm_json_put_str(w, "model_type", "align_text_model");
	mm_json_put_int(w, "num_attention_heads", sizes[i].text_heads);
	mm_json_put_int(w, "num_hidden_layers", sizes[i].text_layers);
	mm_json_put_int(w, "pad_token_id", s->pad_token_id);
	mm_json_put_int(w, "vocab_size", (int64_t)s->vocab_size);
	mm_json_close(w);
}

static void align_preset(struct mm_buf *out, size_t i, const struct mm_model *s)
{
	struct mm_json_writer w;

	mm_json_writer_init(&w, out, 2);
	mm_json_open(&w, NULL, '{');
	mm_json_open(&w, "architectures", '[');
	mm_json_put_str(&w, NULL, "AlignModel");
	mm_json_close(&w);
	mm_json_put_str(&w, "dtype", "float32");
	mm_json_put_str(&w, "model_type", "align");
	mm_json_put_int(&w, "projection_dim", sizes[i].hidden_dim);
	mm_json_put_num(&w, "temperature_init_value", sizes[i].temperature);
	put_text(&w, i, s);
	mm_json_open(&w, "vision_config", '{');
	mm_json_put_num(&w, "batch_norm_momentum", sizes[i].momentum);
	mm_json_put_num(&w, "depth_coefficient", sizes[i].depth);
	mm_json_put_num(&w, "drop_connect_rate", 0);
	mm_json_put_int(&w, "hidden_dim", sizes[i].hidden_dim);
	mm_json_put_int(&w, "image_size", (int64_t)s->image_size);
	mm_json_put_str(&w, "model_type", "align_vision_model");
	mm_json_put_num(&w, "width_coefficient", sizes[i].width);
	mm_json_close(&w);
	mm_json_close(&w);
	mm_buf_addc(out, '\n');
}

/* ---- the image tower ---- */

static struct mm_node *conv(struct mm_graph *g, struct mm_node *x,
			    const struct efficientnet *e,
			    const struct mm_conv_norm *given,
			    const char *prefix, const char *conv_name,
			    const char *bn_name)
{
	struct mm_conv_norm c = *given;
	char a[NAME + 48], b[NAME + 48];

	c.eps = e->eps;
	c.gain = 1;
	snprintf(a, sizeof(a), "%s.%s", prefix, conv_name);
	snprintf(b, sizeof(b), "%s.%s", prefix, bn_name);
	return mm_conv_norm(g, x, &c, NULL, a, b);
}

static struct mm_node *depthwise(struct mm_graph *g, struct mm_node *x,
				 const struct efficientnet *e, size_t kernel,
				 size_t stride, size_t block,
				 const char *prefix)
{
	const size_t k = kernel / 2;
	struct mm_conv_norm c = { .kernel = kernel,
				  .stride = stride,
				  .pad = { k, k, k, k },
				  .depthwise = true,
				  .act = e->act,
				  .momentum = e->momentum };
	bool even = stride == 1;

	if (g->failed)
		return NULL;
	c.out = x->shape.dim[1];
	for (size_t i = 0; i < e->n_padded; i++)
		even |= e->padded[i] == block;
	if (!even && k)
		c.pad[0] = c.pad[2] = k - 1;
	return conv(g, x, e, &c, prefix, "depthwise_conv.depthwise_conv",
		    "depthwise_conv.depthwise_norm");
}

/* Each map times what the means of all of them say. */
static struct mm_node *squeeze_excite(struct mm_graph *g, struct mm_node *x,
				      const struct efficientnet *e, size_t in,
				      const char *prefix)
{
	const size_t least = (size_t)((double)in * e->squeeze);
	const size_t R = least ? least : 1;
	struct mm_node *w, *b, *s;
	size_t C;

	if (g->failed)
		return NULL;
	C = x->shape.dim[1];
	w = mm_param(g, MM_SHAPE(R, C, 1, 1), MM_NORMAL(1 / sqrt((double)C)),
		     "%s.squeeze_excite.reduce.weight", prefix);
	b = mm_param(g, MM_SHAPE(R), MM_INIT_ZERO,
		     "%s.squeeze_excite.reduce.bias", prefix);
	s = mm_linear(g, mm_mean_map(g, x), w, b, NULL, e->act);
	w = mm_param(g, MM_SHAPE(C, R, 1, 1), MM_NORMAL(1 / sqrt((double)R)),
		     "%s.squeeze_excite.expand.weight", prefix);
	b = mm_param(g, MM_SHAPE(C), MM_INIT_ZERO,
		     "%s.squeeze_excite.expand.bias", prefix);
	s = mm_linear(g, s, w, b, NULL, MM_ACT_SIGMOID);
	return mm_scale_maps(g, x, s);
}

static struct mm_node *mb_conv(struct mm_graph *g, struct mm_node *x,
			       const struct mm_model *m, const struct stage *s,
			       size_t repeat, size_t block)
{
	const struct align *a = m->config;
	const struct efficientnet *e = &a->vision;
	const size_t in = repeat ? s->out : s->in;
	const size_t stride = repeat ? 1 : s->stride;
	const double drop = m->drop_path * (double)block / (double)e->n_blocks;
	struct mm_conv_norm c = { .kernel = 1, .stride = 1 };
	struct mm_node *h = x;
	char name[NAME];

	snprintf(name, sizeof(name), "vision_model.encoder.blocks.%zu", block);
	if (s->expand != 1) {
		c.out = mm_size_of(e->expanded_of, block,
				   e->expanded ? (size_t)e->expanded
					       : in * s->expand);
		c.act = e->act;
		c.momentum = 0.1;
		h = conv(g, h, e, &c, name, "expansion.expand_conv",
			 "expansion.expand_bn");
	}
	h = depthwise(g, h, e, s->kernel, stride, block, name);
	h = squeeze_excite(g, h, e, in, name);
	c.out = s->out;
	c.act = MM_ACT_NONE;
	c.momentum = e->momentum;
	h = conv(g, h, e, &c, name, "projection.project_conv",
		 "projection.project_bn");
	if (stride != 1 || !repeat)
		return h;
	if (drop > 0 && g->mode == MM_TRAIN)
		h = mm_drop_path(g, h, drop);
	return mm_add(g, h, x);
}

static struct mm_node *pool(struct mm_graph *g, struct mm_node *x,
			    const struct efficientnet *e)
{
	size_t B, C, H;

	if (g->failed)
		return NULL;
	if (!e->pool_max)
		return mm_mean_map(g, x);
	B = x->shape.dim[0];
	C = x->shape.dim[1];
	H = x->shape.dim[2];
	if (H != x->shape.dim[3])
		return mm_graph_fail(g, MM_ERR_SHAPE,
				     "the largest of a map of %zux%zu: maps "
				     "are square",
				     x->shape.dim[3], H);
	return mm_reshape(g, mm_max_pool(g, x, H, H, NULL), MM_SHAPE(B, C));
}

static struct mm_node *align_image(struct mm_graph *g, const struct mm_model *m,
				   struct mm_node *pixels)
{
	const struct align *a = m->config;
	const struct efficientnet *e = &a->vision;
	const struct mm_conv_norm stem = { .out = e->stem,
					   .kernel = 3,
					   .stride = 2,
					   .pad = { 0, 1, 0, 1 },
					   .act = e->act,
					   .momentum = e->momentum };
	struct mm_node *x = pixels;
	size_t block = 0;

	if (g->failed)
		return NULL;
	g->store->group = MM_GROUP_IMAGE;
	g->store->layer = 0;
	if (pixels->elem == MM_ELEM_U8)
		x = mm_pixels(g, pixels, m->lut);
	x = conv(g, x, e, &stem, "vision_model.embeddings", "convolution",
		 "batchnorm");
	mm_tap(g, x, "vision.stem");
	for (size_t i = 0; i < e->n_stages; i++)
		for (size_t k = 0; k < e->stage[i].repeats; k++, block++) {
			g->store->layer = block + 1;
			x = mb_conv(g, x, m, &e->stage[i], k, block);
			mm_tap(g, x, "vision.block.%zu", block);
		}
	mm_tap(g, x, "vision.last_hidden");
	g->store->layer = block + 1;
	x = pool(g, x, e);
	mm_tap(g, x, "vision.pooled");
	return x;
}

/* ---- the text tower, the logits ---- */

static struct mm_node *align_text(struct mm_graph *g, const struct mm_model *m,
				  const struct mm_text_input *text)
{
	const struct align *a = m->config;
	const struct mm_tower tower = mm_tower_trained(&a->text.tower, m);
	struct mm_node *x, *pooled;

	g->store->group = MM_GROUP_TEXT;
	g->store->layer = 0;
	x = mm_bert_embed(g, m, &a->text, text, "text_model");
	mm_tap(g, x, "text.embeddings");
	x = mm_bert_blocks(g, x, text->mask, &a->text, &tower, "text_model",
			   "text.layer");
	mm_tap(g, x, "text.last_hidden");
	/* Part of every checkpoint, and of no loss. */
	pooled = mm_bert_pool(g, x, &a->text, "text_model");
	mm_tap(g, pooled, "text.pooled");
	g->store->group = MM_GROUP_HEAD;
	return mm_dense(g, mm_pick_row(g, x, 0), m->embed_dim,
			sqrt(2.0 / (double)(m->embed_dim + tower.width)), NULL,
			MM_ACT_NONE, "text_projection");
}

static struct mm_node *align_logits(struct mm_graph *g,
				    const struct mm_model *m,
				    struct mm_node *image, struct mm_node *text)
{
	const struct align *a = m->config;
	struct mm_node *z = mm_matmul(g, image, text, false, true, 1), *t;

	g->store->group = MM_GROUP_HEAD;
	t = mm_param(g, MM_SCALAR, MM_FILL(a->temperature), "temperature");
	if (m->fixed_scale > 0)
		return mm_affine(g, z, m->fixed_scale, 0);
	return mm_div(g, z, t);
}

/* A temperature that crosses zero would turn the loss round. */
static void align_after_step(struct mm_model *m)
{
	struct mm_param *t = mm_store_find(&m->store, "temperature");
	const mm_real least = (mm_real)0.01;

	if (t && t->val && *t->val < least)
		*t->val = least;
}

const struct mm_arch mm_arch_align = {
	.model_type = "align",
	.summary = "ALIGN, EfficientNet and BERT",
	.configure = align_configure,
	.preset = align_preset,
	.presets = presets,
	.pictures = "align",
	.any_size = true,
	.image = align_image,
	.text = align_text,
	.logits = align_logits,
	.loss = mm_infonce,
	.smoothing = 0.1,
	.after_step = align_after_step,
};
