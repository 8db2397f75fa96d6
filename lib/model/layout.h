/*
 * layout.h - the weights of a CLIP or SigLIP from one program's layout into
 * another's.
 *
 *	HF		config.json; model.safetensors: q, k and v apart,
 *			projections [out, in]
 *	OPEN_CLIP	open_clip_config.json; open_clip_model.safetensors:
 *			in_proj of q, k, v in a row, projections [in, out];
 *			SigLIP's tower of pictures as timm names it; OpenAI's
 *			checkpoints have the same names
 * transformers has no CLIP with a ResNet: HF then is our own folder, the
 * text tower by transformers' names and the ResNet by OpenAI's.  openclip.h
 *knows which tensor goes where.  Element types stay as they are.
 */
#ifndef MM_MODEL_LAYOUT_H
#define MM_MODEL_LAYOUT_H

#include "image/preset.h"
#include "model/model.h"
#include "tensor/weights.h"

enum mm_layout { MM_LAYOUT_OTHER, MM_LAYOUT_HF, MM_LAYOUT_OPEN_CLIP };

/* Told by the tensors' names. */
enum mm_layout mm_layout_of(const struct mm_weights *w);

/*
 * The tensors of model m (from mm_model_describe: no weights of its own) in
 * layout `to`, taken from w, which has the other one.  *tensor, *n and what
 * they point to live in the arena or in w.  A tensor that is missing or of
 * another shape than the configuration says is an error that names it.
 */
int mm_layout_convert(struct mm_tensor **tensor, size_t *n,
		      struct mm_arena *arena, const struct mm_weights *w,
		      struct mm_model *m, enum mm_layout to,
		      struct mm_err *err) MM_MUST_CHECK;

/*
 * open_clip_config.json of the model, a CLIP or a SigLIP; recipe: how it wants
 * its pictures, or NULL.  What open_clip cannot say (quick_gelu in one tower, a
 * SigLIP of a size that timm has not) is an error that names it.  Where
 * *note is set (NULL: not asked), it tells what will differ.
 */
int mm_layout_openclip_config(struct mm_buf *out, const struct mm_model *m,
			      const struct mm_image_preset *recipe,
			      const char **note,
			      struct mm_err *err) MM_MUST_CHECK;

/* preprocessor_config.json of a recipe that open_clip_config.json gave. */
int mm_layout_preprocessor(struct mm_buf *out, const struct mm_model *m,
			   const struct mm_image_preset *recipe,
			   struct mm_err *err) MM_MUST_CHECK;

/*
 * open_clip_config.json of bare weights in open_clip's layout, from their
 * shapes: 64 per head, as every model of OpenAI's has it.
 */
int mm_layout_infer(struct mm_buf *out, const struct mm_weights *w,
		    bool quick_gelu, struct mm_err *err) MM_MUST_CHECK;

#endif
