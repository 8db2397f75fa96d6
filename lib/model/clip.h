/* clip.h - what CLIP's families share: text tower, logits, their settings. */
#ifndef MM_MODEL_CLIP_H
#define MM_MODEL_CLIP_H

#include "model/hub_text.h"

/* Which row of a text stands for all of it. */
enum mm_clip_pool {
	MM_CLIP_POOL_END,     /* the first m->eos_token_id; 2: the largest id */
	MM_CLIP_POOL_EOS,     /* the first m->eos_token_id, whatever it is    */
	MM_CLIP_POOL_LARGEST, /* the first of the largest id                  */
	MM_CLIP_POOL_FIRST,
	MM_CLIP_POOL_LAST,
};

struct mm_clip_text {
	struct mm_tower tower;
	enum mm_clip_pool pool;
	bool projection, projection_bias; /* behind the row */
	const struct mm_hub_text *hub;	  /* another kind of tower, or NULL */
};

struct mm_clip_scale {
	double scale, bias; /* where training starts; bias NAN: there is none */
};

/* What all of CLIP's families have: the first part of their configurations. */
struct mm_clip_shared {
	struct mm_clip_text text;
	struct mm_clip_scale scale;
};

/* In what a vision transformer of open_clip's or timm's differs from CLIP's;
 * pre_norm true and the others false are CLIP's own. */
struct mm_clip_vit {
	bool timm;	 /* the tower is timm's, and has its names */
	bool pre_norm;	 /* a norm in front of the blocks */
	bool patch_bias; /* of the patches' convolution */
	bool mean;	 /* of all patches, in place of the class token */
	bool norm_last;	 /* with mean: the last norm is behind it */
	bool projection_bias;
	bool timm_head; /* with timm: the projection is the tower's own head */
	bool stem;	/* with timm: three convolutions make the patches, and
			   the class token has no position (MobileCLIP) */
};

/* CLIP with a vision transformer: its config.json, defaults filled in. */
struct mm_clip {
	struct mm_clip_shared shared;
	struct mm_tower vision;
	struct mm_vision pictures;
	struct mm_clip_vit vit;
};

/* The same with a ResNet, whose map has 1/32 of the picture's side and 32
 * times the stem's width. */
enum { MM_RESNET_STAGES = 4, MM_RESNET_SHRINK = 32 };
struct mm_resnet {
	size_t blocks[MM_RESNET_STAGES], width, heads, image_size;
	/* Channels of the two inner maps of each block, where it was pruned. */
	const struct mm_json *inner_of[2];
	int64_t inner[2]; /* of all blocks; 0: the stage's width */
};

struct mm_clip_resnet {
	struct mm_clip_shared shared;
	struct mm_resnet vision;
};

/* The same with a ConvNeXt of timm's. */
enum { MM_CONVNEXT_STAGES = 4 };
struct mm_convnext {
	size_t depth[MM_CONVNEXT_STAGES], width[MM_CONVNEXT_STAGES], image_size;
	double eps, scale; /* where the blocks' gamma starts */
	bool mlp;	   /* the projection: two layers, GELU between them */
	bool proj_bias;	   /* of its last layer */
};

struct mm_clip_convnext {
	struct mm_clip_shared shared;
	struct mm_convnext vision;
};

/*
 * The architecture's own functions, for others that are made of them.  The
 * text tower is the family's, m->arch telling which.
 */
int mm_clip_configure(struct mm_model *m, struct mm_err *err) MM_MUST_CHECK;
struct mm_node *mm_clip_vit(struct mm_graph *g, const struct mm_model *m,
			    struct mm_node *pixels);

/* Rows of the table of positions in front of the patches'. */
size_t mm_clip_class_rows(const struct mm_clip *c);

/* NULL where the model is another one. */
const struct mm_clip *mm_clip_config(const struct mm_model *m);
const struct mm_clip_resnet *mm_clip_resnet_config(const struct mm_model *m);
const struct mm_clip_convnext *
mm_clip_convnext_config(const struct mm_model *m);
const struct mm_hub_text *mm_hub_text_config(const struct mm_model *m);

/* projection_dim, text_config and the logits' start values, into *c and m. */
int mm_clip_parse(struct mm_clip_shared *c, struct mm_model *m,
		  struct mm_err *err) MM_MUST_CHECK;

/* A part of config.json; NAME_dict, where it is there, replaces NAME. */
const struct mm_json *mm_clip_part(const struct mm_json *config,
				   const char *name);

/* Start values of the blocks, by transformers' rule. */
struct mm_block_init mm_clip_init(const struct mm_tower *t);

/* text_model.* and text_projection.*: (B, embed_dim); or the Hub's tower.  m's
 * configuration begins with struct mm_clip_shared, here and below. */
struct mm_node *mm_clip_text(struct mm_graph *g, const struct mm_model *m,
			     const struct mm_text_input *text);

/* x (B, C) by NAME.weight (dim, C), with NAME.bias or without. */
struct mm_node *mm_project(struct mm_graph *g, struct mm_node *x, size_t dim,
			   double std, bool bias, const char *name);

/* image text^T exp(logit_scale) + logit_bias */
struct mm_node *mm_clip_logits(struct mm_graph *g, const struct mm_model *m,
			       struct mm_node *image, struct mm_node *text);

/* exp(logit_scale) stays in 1..100. */
void mm_clip_after_step(struct mm_model *m);

/* The members of a preset's text_config; heads 0: width / 32. */
struct mm_clip_text_size {
	size_t width, ffn, layers, heads;
};
void mm_clip_put_text(struct mm_json_writer *w, const struct mm_model *shape,
		      const struct mm_clip_text_size *size, size_t dim);

#endif
