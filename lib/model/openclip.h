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
#include "tensor/checkpoint.h"

struct mm_model;

/* config.json text of the model that open_clip_config.json describes. */
int mm_openclip_config(struct mm_buf *out, const struct mm_json *root,
		       struct mm_err *err) MM_MUST_CHECK;

/* Is the checkpoint in open_clip's (or OpenAI's) layout? */
bool mm_openclip_layout(const struct mm_checkpoint *c);

/* Where a parameter lies: which tensor, which third of it, transposed? */
struct mm_openclip_place {
	char name[256];
	int third; /* of q, k, v end to end; -1: all of it */
	bool transposed;
};

/* False where open_clip has no parameter of that (transformers') name. */
bool mm_openclip_place(struct mm_openclip_place *at, const char *name);

/*
 * The values of parameter p (transformers' name) from open_clip's tensors, all
 * p->n of them.  A tensor that is missing or of another shape is named.
 */
int mm_openclip_fetch(float *dst, const struct mm_checkpoint *c,
		      const struct mm_param *p,
		      struct mm_err *err) MM_MUST_CHECK;

/*
 * open_clip_config.json and open_clip_model.safetensors (float32) of a model
 * of the families clip and clip_resnet into a folder.
 */
int mm_openclip_save(const struct mm_model *m, const char *dir,
		     struct mm_err *err) MM_MUST_CHECK;

#endif
