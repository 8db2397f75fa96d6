/* siglip.h - what a SigLIP's config.json says. */
#ifndef MM_MODEL_SIGLIP_H
#define MM_MODEL_SIGLIP_H

#include "model/blocks.h"

struct mm_siglip {
	struct mm_tower vision, text;
	struct mm_vision pictures;
	size_t pool_heads, pool_ffn; /* the vision tower's, unless pruned */
	bool text_head; /* a layer behind the text's last position; without it
			   transformers has no class */
};

/* NULL where the model is another one. */
const struct mm_siglip *mm_siglip_config(const struct mm_model *m);

#endif
