/*
 * fusion.h - MultimodalFusion: images look at texts.
 *
 *	i = image_proj(image), t = text_proj(text)		(B, T, F)
 *	out = out_proj(MultiheadAttention(q = i, k = t, v = t))
 *
 * Names and layout are torch.nn.MultiheadAttention's:
 *	PREFIX.{image_proj,text_proj}.{weight,bias}
 *	PREFIX.attention.in_proj_weight (3F, F), .in_proj_bias (3F): q, k, v
 *	PREFIX.attention.out_proj.{weight,bias}
 */
#ifndef MM_MODEL_FUSION_H
#define MM_MODEL_FUSION_H

#include "graph/ops.h"

struct mm_fusion {
	const char *prefix; /* "fusion" */
	size_t width;	    /* F, a multiple of heads */
	size_t heads;	    /* 8 in the document's block */
	double dropout;	    /* on the attention weights, in training */
	bool residual;	    /* out = LN(i + y), PREFIX.norm.{weight,bias} */
};

/*
 * image (B, Ti, Di), text (B, Tt, Dt), mask (B, Tt) U8 with 0 for padding or
 * NULL -> (B, Ti, F).
 */
struct mm_node *mm_fuse(struct mm_graph *g, struct mm_node *image,
			struct mm_node *text, struct mm_node *mask,
			const struct mm_fusion *f);

#endif
