/*
 * openclip.h - open_clip's own folders (open_clip_config.json) read as CLIP.
 *
 * The configuration is translated into transformers' terms and each parameter
 * is cut out of open_clip's tensors, so that nothing else has to know.
 */
#ifndef MM_MODEL_OPENCLIP_H
#define MM_MODEL_OPENCLIP_H

#include "graph/store.h"
#include "base/json.h"
#include "tensor/checkpoint.h"

/* config.json text of the model that open_clip_config.json describes. */
int mm_openclip_config(struct mm_buf *out, const struct mm_json *root,
		       struct mm_err *err) MM_MUST_CHECK;

/* Is the checkpoint in open_clip's (or OpenAI's) layout? */
bool mm_openclip_layout(const struct mm_checkpoint *c);

/*
 * The values of parameter p (transformers' name) from open_clip's tensors, all
 * p->n of them.  A tensor that is missing or of another shape is named.
 */
int mm_openclip_fetch(float *dst, const struct mm_checkpoint *c,
		      const struct mm_param *p,
		      struct mm_err *err) MM_MUST_CHECK;

#endif
