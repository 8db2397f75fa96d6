/* blocks.h - pieces that several architectures are made of. */
#ifndef MM_MODEL_BLOCKS_H
#define MM_MODEL_BLOCKS_H

#include "graph/ops.h"
#include "model/model.h"

/* How the linear layers of a transformer start. */
struct mm_block_init {
	double qkv, out, fc1, fc2; /* standard deviations */
};

/*
 * A stack of pre-norm transformer blocks with Hugging Face's CLIP names.  A
 * pruned one may have other sizes in each block: config.json then holds an
 * array in place of the number, with an element for each block.
 */
struct mm_tower {
	size_t width, ffn, layers, heads;
	size_t head_dim;		/* 0: width / heads */
	const struct mm_json *ffn_of;	/* intermediate_size; NULL: ffn */
	const struct mm_json *heads_of; /* num_attention_heads; NULL: heads */
	enum mm_act act;
	double eps, dropout;
	double drop_path; /* of the last block; 0 in front, linear between */
	double scale;	  /* where the layer scale starts; 0: there is none */
	bool causal;
	struct mm_block_init init;
};

/* The sizes of block i; the width of its heads together; do blocks differ from
 * what transformers and open_clip can express? */
size_t mm_tower_ffn(const struct mm_tower *t, size_t i);
size_t mm_tower_heads(const struct mm_tower *t, size_t i);
size_t mm_tower_inner(const struct mm_tower *t, size_t i);
bool mm_tower_uneven(const struct mm_tower *t);

/* The tower with what training asks of it (m->dropout, m->drop_path). */
struct mm_tower mm_tower_trained(const struct mm_tower *t,
				 const struct mm_model *m);

/*
 * Weight (out, in) and bias (out) named PREFIX.weight and PREFIX.bias.  With
 * adapters (store->lora = rank r) the weight in use is W + B A, A (r, in) and
 * B (out, r) being PREFIX.lora_A.weight and PREFIX.lora_B.weight, B zero to
 * start: Hu et al., "LoRA" (2021).
 */
struct mm_node *mm_dense(struct mm_graph *g, struct mm_node *x, size_t out,
			 double std, struct mm_node *residual, enum mm_act act,
			 const char *fmt, ...)
	__attribute__((format(printf, 7, 8)));

/* Layer norm with PREFIX.weight and PREFIX.bias. */
struct mm_node *mm_norm(struct mm_graph *g, struct mm_node *x, double eps,
			const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/*
 * A convolution without bias, batch norm, a residual (or NULL), an activation.
 * Weight CONV.weight; BN.weight, .bias, .running_mean, .running_var and
 * .num_batches_tracked.  Outside of training the norm is folded into the
 * convolution.
 */
struct mm_conv_norm {
	size_t out, kernel, stride;
	size_t pad[4];	/* left, right, top, bottom */
	bool depthwise; /* out = channels of x */
	enum mm_act act;
	double eps, momentum;
	double gain; /* where training starts */
};

struct mm_node *mm_conv_norm(struct mm_graph *g, struct mm_node *x,
			     const struct mm_conv_norm *c,
			     struct mm_node *residual, const char *conv,
			     const char *bn);

/* A map's pixels as tokens: (B, C, H, W) to (B, H W, C). */
struct mm_node *mm_map_tokens(struct mm_graph *g, struct mm_node *x);

/*
 * PREFIX.layers.0 ... of x (B, T, width):
 *	x += out_proj(attention(layer_norm1(x)));  x += fc2(act(fc1(
 *	layer_norm2(x))))
 * With t->scale a branch is multiplied, channel by channel, with a vector
 * layer_scale1.lambda1, layer_scale2.lambda1 (Touvron et al., "Going deeper
 * with image transformers", 2021; the names are those of DINOv2).
 * Hidden states are tapped as TAP.1, TAP.2, ... (mm_tap).
 */
struct mm_node *mm_prenorm_blocks(struct mm_graph *g, struct mm_node *x,
				  struct mm_node *mask,
				  const struct mm_tower *t, const char *prefix,
				  const char *tap);

/*
 * Sizes that a configuration tells of `layers` blocks, 1..most: one number for
 * all of them (*all, *each NULL), or an array (*each).  Absent: *all stays.
 */
int mm_sizes_parse(const struct mm_json **each, int64_t *all,
		   const struct mm_json *config, const char *key, int64_t most,
		   size_t layers, struct mm_err *err) MM_MUST_CHECK;
size_t mm_size_of(const struct mm_json *each, size_t i, size_t all);

/* The activation of a config's hidden_act; false where it is unknown. */
bool mm_act_parse(enum mm_act *act, const char *name);

/* Context of an error in a part ("text", "vision") of m's configuration, in the
 * words of the file that was read; returns err->code. */
int mm_part_fail(const struct mm_model *m, const char *part,
		 struct mm_err *err);

/* A transformer's width, depth, ... read from a JSON object with checks. */
int mm_tower_parse(struct mm_tower *t, const struct mm_json *config,
		   struct mm_err *err) MM_MUST_CHECK;

/* What a vision_config tells besides its tower. */
struct mm_vision {
	size_t patch, image_size, channels;
};

/* Tower and pictures of a vision_config; what it does not tell stays. */
int mm_vision_parse(struct mm_tower *t, struct mm_vision *v,
		    const struct mm_json *config,
		    struct mm_err *err) MM_MUST_CHECK;

/*
 * Tower of a text_config, and into m the vocabulary, the length and the
 * special ids; what it does not tell stays.
 */
int mm_text_parse(struct mm_tower *t, struct mm_model *m,
		  const struct mm_json *config,
		  struct mm_err *err) MM_MUST_CHECK;

#endif
