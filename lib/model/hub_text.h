/*
 * hub_text.h - text towers of the BERT family with what open_clip puts on
 * them: how a text becomes one vector, and what projects that.
 *
 * text_config tells, beside transformers' own keys of bert, roberta and
 * xlm-roberta,
 *
 *	pooler_type	cls_pooler	tanh(Lin(first row)), as transformers'
 *					VisionTextDualEncoderModel
 *			cls_last_hidden_state_pooler	the first row
 *			mean_pooler	the mean of all rows but padding
 *	proj_type	linear, none, or mlp: two layers without bias, GELU
 *			between them, (width + embed_dim) / 2 wide inside
 *	context_length	texts are cut there, though there may be more positions
 *
 * Source: open_clip 3.3 hf_model.py.
 */
#ifndef MM_MODEL_HUB_TEXT_H
#define MM_MODEL_HUB_TEXT_H

#include "model/bert.h"

enum mm_hub_pool { MM_HUB_CLS_POOLER, MM_HUB_CLS, MM_HUB_MEAN };
enum mm_hub_proj { MM_HUB_LINEAR, MM_HUB_MLP, MM_HUB_NONE };
extern const char *const mm_hub_pools[]; /* their names, NULL-terminated */
extern const char *const mm_hub_projs[];

struct mm_hub_text {
	struct mm_bert bert;
	enum mm_hub_pool pool;
	enum mm_hub_proj proj;
};

/* BERT's model_type is known; false names nothing. */
bool mm_hub_text_known(const char *model_type);

/* m->embed_dim is known already. */
int mm_hub_text_parse(struct mm_hub_text *h, struct mm_model *m,
		      const struct mm_json *config,
		      struct mm_err *err) MM_MUST_CHECK;

/* text_model.* and text_projection.*: (B, embed_dim). */
struct mm_node *mm_hub_text(struct mm_graph *g, const struct mm_model *m,
			    const struct mm_hub_text *h,
			    const struct mm_text_input *text);

#endif
