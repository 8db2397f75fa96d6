/*
 * model.h - a model folder: what it is, its parameters, its towers.
 *
 *	mm_model_open		config.json read, weights mapped, nothing copied
 *	arch->image, ->text	emit a tower into a graph; parameters appear in
 *				model->store
 *	mm_model_bind		point the parameters declared so far at the
 *				mapped weights (copies only where the file's
 *				type is not float32, or where they will be
 *				trained)
 *	mm_model_save		a folder that transformers opens
 *
 * Owned by the caller; not thread-safe.
 */
#ifndef MM_MODEL_MODEL_H
#define MM_MODEL_MODEL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "graph/graph.h"
#include "image/preset.h"
#include "tensor/checkpoint.h"

struct mm_model;

/* The text as a tower sees it. */
struct mm_text_input {
	struct mm_node *ids;   /* (B, T) I32 */
	struct mm_node *mask;  /* (B, T) U8, 0 = padding; NULL: none */
	struct mm_node *types; /* (B, T) I32 segments; NULL: all 0 */
};

/* One row of the architecture table, archs.def. */
struct mm_arch {
	const char *model_type; /* as in config.json */
	const char *summary;

	/* Read m->json into m->config and the fields below it. */
	int (*configure)(struct mm_model *m, struct mm_err *err);

	/* The text of a config.json for training from scratch, into `out`:
	 * that of preset i. */
	void (*preset)(struct mm_buf *out, size_t i,
		       const struct mm_model *shape);
	const char *const *presets; /* names, NULL-terminated */

	const char *pictures; /* its recipe, of image/preset.h */

	/* Pictures of any size go in: no parameter depends on it.  The model's
	 * is that of its folder's recipe, or else of its configuration. */
	bool any_size;

	/* Texts go in without a mask: padding is part of them. */
	bool unmasked_text;

	/* Towers: embeddings (B, embed_dim), not normalised. */
	struct mm_node *(*image)(struct mm_graph *g, const struct mm_model *m,
				 struct mm_node *pixels);
	struct mm_node *(*text)(struct mm_graph *g, const struct mm_model *m,
				const struct mm_text_input *text);

	/* logits (N, N) of image i with text j, from unit embeddings. */
	struct mm_node *(*logits)(struct mm_graph *g, const struct mm_model *m,
				  struct mm_node *image, struct mm_node *text);

	/* The loss that the family was made with, from its logits. */
	struct mm_node *(*loss)(struct mm_graph *g, struct mm_node *logits,
				struct mm_node *labels, double smoothing);

	double smoothing; /* of its labels, unless training says otherwise */

	/* What must hold after every update (a clamped scale); or NULL. */
	void (*after_step)(struct mm_model *m);
};

#define MM_ARCH(name) extern const struct mm_arch mm_arch_##name;
#include "model/archs.def"
#undef MM_ARCH
extern const struct mm_arch *const mm_archs[]; /* NULL-terminated */

struct mm_model {
	const struct mm_arch *arch;
	struct mm_arena arena; /* config and strings */
	char *dir;
	struct mm_json *json; /* config.json */
	void *config;	      /* the architecture's own struct */
	struct mm_store store;
	struct mm_checkpoint weights;
	struct mm_safetensors packed; /* see cache.h; zeros: none */
	bool has_weights;
	bool open_clip;	       /* the weights are in open_clip's layout */
	bool open_clip_config; /* open_clip_config.json was read; a config.json
				  beside it is the text model's */
	bool only_open_clip;   /* transformers has no such class: saved as
				  open_clip's folder */
	bool only_ours;	       /* pruned: blocks of several sizes, for which
				  neither has a class */
	bool new_head;	       /* a task's head in the file is not taken */
	bool unmasked_text;    /* texts go in without a mask: padding is part
				  of them */

	size_t grid; /* of the table of positions in the file, where
			mm_model_resize asked for another; else 0 */

	/* What configure() tells of the inputs. */
	size_t image_size, channels, embed_dim;
	size_t context_length, vocab_size;
	size_t type_vocab_size; /* kinds of segments; 0: texts have none */
	int64_t bos_token_id, eos_token_id, pad_token_id;
	struct mm_image_values values; /* of bytes, when U8 comes in */
	float lut[3][256];	       /* the same as a table */

	/* What training asks for; set before the towers are built. */
	double dropout, drop_path;
	uint64_t seed;	    /* of the parameters that a checkpoint lacks */
	double fixed_scale; /* > 0: logits are multiplied by this constant */
};

/* The row of that model_type, or NULL. */
const struct mm_arch *mm_arch_find(const char *model_type);

int mm_model_open(struct mm_model *m, const char *dir,
		  struct mm_err *err) MM_MUST_CHECK;

/* A model without weights from a preset; shape carries the input fields. */
int mm_model_new(struct mm_model *m, const char *arch, const char *preset,
		 const struct mm_model *shape,
		 struct mm_err *err) MM_MUST_CHECK;

/* A model without weights from a config.json's text; `name` is for messages. */
int mm_model_describe(struct mm_model *m, const char *text, size_t len,
		      const char *name, struct mm_err *err) MM_MUST_CHECK;
void mm_model_release(struct mm_model *m);

/*
 * Pictures of side x side from now on, before parameters are declared: the
 * configuration says so, and mm_model_bind resizes the table of positions
 * (bicubic, by the rule of the program whose layout the folder has).  A family
 * whose positions are for one size is an error.
 */
int mm_model_resize(struct mm_model *m, size_t side,
		    struct mm_err *err) MM_MUST_CHECK;

/* For mm_model_bind: is p that table, how many rows has the file's, and the
 * one from the other. */
bool mm_model_resizes(const struct mm_model *m, const struct mm_param *p);
size_t mm_model_table_rows(const struct mm_model *m);
int mm_model_resize_table(float *dst, const float *src,
			  const struct mm_model *m,
			  struct mm_err *err) MM_MUST_CHECK;

/* What bytes of pictures mean from now on. */
void mm_model_set_values(struct mm_model *m, const struct mm_image_values *v);

/*
 * Give values to all declared parameters.  train: every value is copied into
 * the store's block, so that it may change; else the store is fixed, and
 * graphs pack the weights of linear layers.  A weight that is missing, of
 * another shape or not finite is an error that names it; a missing one that is
 * `extra` starts by its rule.
 *
 * A weight NAME may be stored as I8 with beside it
 *
 *	NAME.scale	F32 (F), one for each output channel: W = scale q
 *	NAME.input_scale	F32, one number, optional: the fixed scale of
 *			the layer's input (static activations); else one per
 *			token
 *
 * Linear layers then multiply in int8.  Where the metadata has mmtool.quant =
 * "w8-..." activations stay in float (weight-only).
 */
int mm_model_bind(struct mm_model *m, bool train,
		  struct mm_err *err) MM_MUST_CHECK;

/* Declare every parameter of all towers (an instance of batch 1). */
int mm_model_declare(struct mm_model *m, struct mm_err *err) MM_MUST_CHECK;

/*
 * Write config.json and model.safetensors (float32, without what is `aux`)
 * into a folder, or the two files of open_clip's (openclip.h).
 */
int mm_model_save(const struct mm_model *m, const char *dir,
		  struct mm_err *err) MM_MUST_CHECK;

/* Inputs of the towers for a graph of batch B. */
struct mm_node *mm_image_input(struct mm_graph *g, const struct mm_model *m,
			       enum mm_elem elem, size_t B, size_t H, size_t W);
struct mm_text_input mm_text_inputs(struct mm_graph *g, size_t B, size_t T,
				    bool mask, bool types);

#endif
