/*
 * prune.h - a smaller model out of a larger one: attention heads, neurons of
 * feed-forward layers, channels inside of convolutional blocks and whole
 * layers that matter least are taken out.
 *
 * What matters is first-order Taylor importance on samples (Molchanov et al.,
 * "Importance estimation for neural network pruning", 2019).  With a gate of 1
 * in front of a structure, removing it changes the loss by about the loss's
 * gradient in the gate, and that is had from weights and their gradients:
 *
 *	neuron j	|sum_i W2[i,j] dW2[i,j]|	W2 of mlp.fc2
 *	head h		the same over the head's columns of self_attn.out_proj
 *	channel c	the same over the kernels that read it
 *	layer		both branches, biases included
 *
 * absolute values of each batch, summed.  What can be cut of which towers is a
 * row of mm_prune_kinds.
 *
 *	mm_pruner_open		the model; every tower's blocks
 *	mm_pruner_score		importances
 *	mm_pruner_plan		which structures stay
 *	mm_pruner_save		the folder
 *	mm_pruner_release
 */
#ifndef MM_COMPRESS_PRUNE_H
#define MM_COMPRESS_PRUNE_H

#include <stdbool.h>

#include "data/dataset.h"
#include "model/model.h"

/* SigLIP's pooling head, which keeps its size. */
#define MM_POOLING_FC1 "vision_model.head.mlp.fc1.weight"

/* Parameters of a block that a structure lies in, NULL at the end: rows of
 * these (a name's beginning, "mlp.fc1."), columns of those. */
struct mm_prune_names {
	const char *rows[6], *columns[3];
};

/* A tower that can be cut. */
struct mm_prune_kind {
	const char *title;	     /* "vision_model.encoder" */
	const char *blocks;	     /* their names up to the number */
	const char *part;	     /* of config.json: "vision_config" */
	const char *key;	     /* there: how many neurons, or channels */
	struct mm_prune_names heads; /* of transformers; empty: none */
	struct mm_prune_names ffn;   /* neurons, or channels */
};
extern const struct mm_prune_kind mm_prune_kinds[]; /* title NULL ends it */

/* Blocks of convolutions: channels go, layers do not. */
static inline bool mm_prune_convolves(const struct mm_prune_kind *k)
{
	return !k->heads.rows[0];
}

enum { MM_PRUNE_TOWERS = 3 }; /* of one model, at most */

struct mm_prune_options {
	double heads, ffn; /* parts of each tower that go, 0..1 */
	double channels;   /* the same of convolutions */
	size_t layers;	   /* that go from each transformer */
	size_t round; /* a layer keeps a multiple of it, halved until it is an
			 eighth of the layer at most; neurons and channels;
			 at least 1 */
	bool uniform; /* every layer of a tower keeps as many neurons, so that
			 transformers opens the folder; no heads then */
	/* Instead: weights set to zero, sizes as they were. */
	double sparsity;  /* part of each matrix's weights with the least
			     |w dL/dw| */
	bool two_of_four; /* of every 4 in a row the 2 with the least */
};

struct mm_prune_block {
	const char *name;	      /* "vision_model.encoder.layers.0" */
	size_t heads, ffn;	      /* as they were; no heads: 0 */
	double *head, *neuron, layer; /* importances */
	bool *keep_head, *keep_neuron, keep;
	size_t kept_heads, kept_ffn;
	bool fixed; /* no row of the channels is its own: they stay */
};

struct mm_prune_tower {
	const struct mm_prune_kind *kind;
	size_t n, head_dim;
	struct mm_prune_block *block; /* n of them */
};

struct mm_pruner {
	struct mm_model model;
	struct mm_prune_options o;
	struct mm_prune_tower tower[MM_PRUNE_TOWERS];
	size_t n_towers;
	struct mm_arena arena;
	double *saliency; /* of all weights in the store's order; sparsity */
	size_t n_saliency;
};

/* The parameter of that block, "mlp.fc1." "weight", or NULL. */
struct mm_param *mm_prune_param(const struct mm_pruner *p,
				const struct mm_prune_block *b,
				const char *what, const char *end);

/* MM_ERR_REFUSED for a model without such a tower or a quantized one. */
int mm_pruner_open(struct mm_pruner *p, const char *dir,
		   const struct mm_prune_options *o,
		   struct mm_err *err) MM_MUST_CHECK;
void mm_pruner_release(struct mm_pruner *p); /* safe on zeros */

/*
 * Importances on the first `limit` samples (0: all), `batch` at a time: the
 * model's own loss, in float32.  A short last batch is left out unless it is
 * the only one.
 */
int mm_pruner_score(struct mm_pruner *p, const struct mm_dataset *d,
		    size_t limit, size_t batch,
		    struct mm_err *err) MM_MUST_CHECK;

/* MM_ERR_REFUSED where nothing would be left, or nothing would go. */
int mm_pruner_plan(struct mm_pruner *p, struct mm_err *err) MM_MUST_CHECK;

/* The folder, in float32.  *before, *after: parameters. */
int mm_pruner_save(const struct mm_pruner *p, const char *dir, size_t *before,
		   size_t *after, struct mm_err *err) MM_MUST_CHECK;

#endif
