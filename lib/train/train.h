/*
 * train.h - training a dual encoder.
 *
 * One step, whatever the batch is cut into:
 *
 *	towers forward, piece by piece	-> image and text embeddings
 *	loss of the whole batch		-> their gradients
 *	towers backward, piece by piece
 *
 * Cut into pieces, the towers run forward twice and hold one piece's
 * activations at a time (Gao et al., "Scaling deep contrastive learning batch
 * size under memory limited setup", 2021): the gradient is that of the whole.
 *
 * A run is a function of model, data, options and seed.  Its folder holds at
 * every moment the last complete checkpoint: train.safetensors with weights,
 * optimiser and counters, from which a run goes on with the same bits, and
 * beside it the model folder that others open.
 */
#ifndef MM_TRAIN_TRAIN_H
#define MM_TRAIN_TRAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "data/augment.h"
#include "data/dataset.h"
#include "model/model.h"

enum mm_schedule {
	MM_SCHEDULE_COSINE,
	MM_SCHEDULE_LINEAR,
	MM_SCHEDULE_CONSTANT,
	MM_SCHEDULE_RSQRT,
};

enum mm_optimizer { MM_OPTIMIZER_ADAMW, MM_OPTIMIZER_SGD };

enum mm_train_loss {
	MM_LOSS_DEFAULT,
	MM_LOSS_INFONCE,
	MM_LOSS_SIGMOID,
	MM_LOSS_MULTI
};

struct mm_train_options {
	const char *dir;		       /* where the run lives */
	long epochs, steps;		       /* steps > 0 wins */
	size_t batch, micro_image, micro_text; /* micro 0: the batch */
	double lr, lr_group[MM_N_GROUPS];      /* lr_group < 0: lr */
	double layer_decay; /* lr * decay^(layers behind); 1: none */
	double warmup; /* steps, or a fraction of all steps */
	bool warmup_fraction;
	enum mm_schedule schedule;
	enum mm_optimizer optimizer;
	double weight_decay, beta1, beta2, eps, momentum;
	double clip_norm; /* 0: no clipping */
	bool shuffle;
	enum mm_train_loss loss;
	double smoothing; /* below 0: the architecture's */
	/* Epoch e sees copy e of each sample; .seed is set from seed. */
	struct mm_augment_options augment;
	uint64_t seed;
	long eval_every, save_every; /* steps; 0: once an epoch */
	long patience; /* evaluations without a better one; 0: all */
	double min_delta;
	const char *const *freeze; /* globs over parameter names */
	size_t n_freeze;
	bool resume;
};

/* What a step, or an evaluation, has to tell. */
struct mm_train_report {
	long step, steps, epoch; /* step counts from 1 */
	double loss, grad_norm, samples_per_s;
	double lr[MM_N_GROUPS];
	bool evaluated;
	double i2t[3], t2i[3]; /* recall at 1, 5, 10, where evaluated */
	double best;	       /* mean of recall@1 in both directions */
};

struct mm_train_hooks {
	void *ctx;
	/* After every step; not MM_OK ends the run with that status. */
	int (*step)(void *ctx, const struct mm_train_report *r,
		    struct mm_err *err);
	/* True: save and stop (a signal came). */
	bool (*stop)(void *ctx);
	/* Write into dir what is the caller's (tokenizer files). */
	int (*save)(void *ctx, const char *dir, struct mm_err *err);
};

/* Bytes that a run would take, before anything is allocated. */
struct mm_train_memory {
	size_t parameters, gradients, optimiser, activations, batch;
	size_t total;
};

/*
 * Train m (towers not yet declared) on `train`, measuring on `val` (may be
 * NULL).  Returns MM_ERR_SIGNAL where hooks->stop said so, after saving.  A
 * loss that is not finite ends the run; the last checkpoint stays.
 */
int mm_train(struct mm_model *m, const struct mm_dataset *train,
	     const struct mm_dataset *val, const struct mm_train_options *o,
	     const struct mm_train_hooks *hooks,
	     struct mm_err *err) MM_MUST_CHECK;

/* The plan of the same run, for --dry-run. */
int mm_train_plan(struct mm_model *m, const struct mm_dataset *train,
		  const struct mm_train_options *o,
		  struct mm_train_memory *memory,
		  struct mm_err *err) MM_MUST_CHECK;

/* Learning rate's factor at step s = 0, 1, ... of `steps`. */
double mm_schedule_at(enum mm_schedule schedule, long s, long warmup,
		      long steps);

/* Does a run live in that folder? */
bool mm_train_exists(const char *dir);

#endif
