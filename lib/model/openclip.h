/*
 * openclip.h - open_clip's own folders (open_clip_config.json), OpenAI's names.
 *
 * The configuration is translated into transformers' terms and each parameter
 * is cut out of open_clip's tensors, so that nothing else has to know; and the
 * other way round for models that transformers has no class for.
 */
#ifndef MM_MODEL_OPENCLIP_H
#define MM_MODEL_OPENCLIP_H

#include "base/json.h"
#include "graph/store.h"
#include "model/clip.h"
#include "tensor/checkpoint.h"

struct mm_model;

/*
 * config.json text of the model that open_clip_config.json describes.  beside:
 * the config.json of its text model, where that is one of the Hub; NULL where
 * there is none, and of use only where it is one of a kind known.
 */
int mm_openclip_config(struct mm_buf *out, const struct mm_json *root,
		       const struct mm_json *beside,
		       struct mm_err *err) MM_MUST_CHECK;

/* ---- text towers of the Hub, openclip_hub.c ---- */

/* The Hub's name of the text model; "": it is open_clip's own. */
const char *mm_openclip_hub_name(const struct mm_json *text_cfg);

/* The members of text_config. */
int mm_openclip_put_hub(struct mm_json_writer *w,
			const struct mm_json *text_cfg,
			const struct mm_json *beside,
			struct mm_err *err) MM_MUST_CHECK;

/* Those of text_cfg, of a model whose text tower is one; the config.json that
 * goes beside. */
void mm_openclip_put_text_cfg(struct mm_json_writer *w,
			      const struct mm_model *m);
int mm_openclip_text_config(struct mm_buf *out, const struct mm_model *m,
			    struct mm_err *err) MM_MUST_CHECK;

/* What text_cfg says of the tokenizer, checked, into text_config; and back. */
int mm_openclip_put_tokenizer(struct mm_json_writer *w,
			      const struct mm_json *text_cfg,
			      struct mm_err *err) MM_MUST_CHECK;
void mm_openclip_put_tokenizer_cfg(struct mm_json_writer *w,
				   const struct mm_model *m);

/*
 * Towers of pictures that timm, and with it open_clip, has: SigLIP's; plain
 * vision transformers, with a bias of the patches and no norm in front; CLIP's,
 * the other way round; MobileCLIP's, with neither and a stem of convolutions.
 */
enum mm_openclip_kind {
	MM_TIMM_SIGLIP,
	MM_TIMM_PLAIN,
	MM_TIMM_CLIP,
	MM_TIMM_MCI
};

struct mm_openclip_timm {
	char name[64];
	enum mm_openclip_kind kind;
	int64_t width, layers, heads, ffn, patch, image;
	double eps;
	enum mm_act act;
};

/* The one of that name, of which what follows a '.' is left out (it tells where
 * weights came from). */
int mm_openclip_timm_find(struct mm_openclip_timm *t, const char *name,
			  struct mm_err *err) MM_MUST_CHECK;

/* The i-th; false behind the last. */
bool mm_openclip_timm(struct mm_openclip_timm *t, size_t i);

/* The one of that shape; of several that differ in their activation the one
 * with v's, or else the first.  false: there is none. */
bool mm_openclip_timm_of(struct mm_openclip_timm *t, const struct mm_tower *v,
			 const struct mm_vision *pictures,
			 enum mm_openclip_kind kind);

/* Of a vision transformer that is timm's. */
enum mm_openclip_kind mm_openclip_kind(const struct mm_clip_vit *v);

/* The ConvNeXt of that name, its projection aside; the name of one of that
 * shape.  NULL: there is none. */
const char *mm_openclip_convnext(struct mm_convnext *c, const char *name);
const char *mm_openclip_convnext_of(const struct mm_convnext *c);

/* Is the text tower a module of its own (CustomTextCLIP), its tensors' names
 * beginning with "text."? */
bool mm_openclip_custom_text(const struct mm_model *m);

/* Is the checkpoint in open_clip's (or OpenAI's) layout? */
bool mm_openclip_layout(const struct mm_checkpoint *c);

/*
 * Where (a part of) a parameter lies.  The parameter consists of own_of equal
 * pieces of rows, the tensor of at_of; n pieces from `own` on of the one are
 * those from `at` on of the other.
 *
 *	q, k, v of a block	1 piece		at 0, 1, 2 of 3
 *	SigLIP's pooling head	0 of 3		q: 1 piece
 *				1, 2 of 3	kv: 2 pieces
 */
struct mm_openclip_place {
	char name[256];
	int own, own_of, at, at_of, n;
	bool transposed;
	int rank; /* of the tensor; -1: the parameter's */
};

/*
 * Part k of the parameter of that (transformers') name in model m, which has
 * all its parameters declared; false behind the last part, and for k = 0 where
 * open_clip has no such parameter.  Custom text towers put "text." in front.
 */
bool mm_openclip_place(struct mm_openclip_place *at, const struct mm_model *m,
		       const char *name, int k);

/* The shape of the tensor in which (the part of) p lies. */
struct mm_shape mm_openclip_shape(const struct mm_param *p,
				  const struct mm_openclip_place *at);

/* (R, C) into (C, R), elements of `size` bytes. */
void mm_openclip_transpose(void *dst, const void *src, size_t R, size_t C,
			   size_t size);

/*
 * The values of parameter p (transformers' name) from open_clip's tensors, all
 * p->n of them.  A tensor that is missing or of another shape is named.
 */
int mm_openclip_fetch(float *dst, const struct mm_model *m,
		      const struct mm_checkpoint *c, const struct mm_param *p,
		      struct mm_err *err) MM_MUST_CHECK;

/*
 * open_clip's tensors of all parameters but those that are `aux`: src[i] has
 * the values of store->param[i], of any type; no name: it is left out.  out
 * has room for 2 store->n; what they point to lives in the arena or is src's.
 */
int mm_openclip_tensors(struct mm_tensor *out, size_t *n,
			struct mm_arena *arena, const struct mm_tensor *src,
			const struct mm_model *m,
			struct mm_err *err) MM_MUST_CHECK;

#endif
