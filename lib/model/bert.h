/* bert.h - the text encoder of the BERT family: post-norm blocks. */
#ifndef MM_MODEL_BERT_H
#define MM_MODEL_BERT_H

#include "model/blocks.h"

struct mm_bert {
	struct mm_tower tower;
	size_t positions, types;
	bool counted; /* RoBERTa's positions: from padding's id + 1 on */
	double std;   /* where matrices start (initializer_range) */
};

/* BERT-base, where its model_type says so RoBERTa's start values; then what a
 * JSON object tells, also into m. */
int mm_bert_parse(struct mm_bert *b, struct mm_model *m,
		  const struct mm_json *config,
		  struct mm_err *err) MM_MUST_CHECK;

/*
 * PREFIX.embeddings.*: (B, T, width) = LN(word[ids] + position + type).  The
 * padding id's row of the word table gets no gradient.
 */
struct mm_node *mm_bert_embed(struct mm_graph *g, const struct mm_model *m,
			      const struct mm_bert *b,
			      const struct mm_text_input *text,
			      const char *prefix);

/*
 * One block (t's sizes being its own) PREFIX.{attention,intermediate,output}.*
 *of x (B, T, width): a = LN(x + out(attention(x)));  y = LN(a + W2 act(W1 a))
 */
struct mm_node *mm_bert_block(struct mm_graph *g, struct mm_node *x,
			      struct mm_node *mask, const struct mm_tower *t,
			      double std, const char *prefix);

/* All blocks PREFIX.encoder.layer.0 ...; tapped as TAP.0, TAP.1, ... */
struct mm_node *mm_bert_blocks(struct mm_graph *g, struct mm_node *x,
			       struct mm_node *mask, const struct mm_bert *b,
			       const struct mm_tower *t, const char *prefix,
			       const char *tap);

/* tanh(Lin(row 0)): PREFIX.pooler.dense */
struct mm_node *mm_bert_pool(struct mm_graph *g, struct mm_node *x,
			     const struct mm_bert *b, const char *prefix);

#endif
