/*
 * train.h - training: one stage from its first step to its last.
 *
 * A stage learns a set of objectives (objective.h).  One step, whatever the
 * batch is cut into:
 *
 *	objectives of pairs	towers forward, piece by piece -> embeddings
 *				loss of the whole batch	-> their gradients
 *				towers backward, piece by piece
 *	objectives of samples	forward and backward, piece by piece
 *	update			clip, optimiser, moving average
 *
 * Cut into pieces, the towers run forward twice and hold one piece's
 * activations at a time (Gao et al., "Scaling deep contrastive learning batch
 * size under memory limited setup", 2021): the gradient is that of the whole.
 * Data that passes through a window (data/window.h) is read once: each batch is
 * drawn from the samples that are there, and the stream's next ones take their
 * places.  The run ends with the stream, or at o->steps.
 *
 * A tower of which nothing learns runs once over the data, before the first
 * step (Zhai et al., "LiT", 2022).
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
#include "train/objective.h"
#include "train/world.h"

enum mm_schedule {
	MM_SCHEDULE_COSINE,
	MM_SCHEDULE_LINEAR,
	MM_SCHEDULE_CONSTANT,
	MM_SCHEDULE_RSQRT,
};

enum { MM_MAX_FIGURES = 48 };

struct mm_optimizer; /* a row of optimizers.def */
struct mm_zeroshot;  /* zeroshot.h */

struct mm_train_options {
	const char *dir;		       /* where the run lives */
	long epochs, steps;		       /* steps > 0 wins */
	size_t batch, micro_image, micro_text; /* micro 0: all at once */
	bool recompute;		      /* keep no activations of inner blocks */
	const struct mm_world *world; /* NULL: alone; shares the batch */
	/* Folders of runs that this one begins with (learnt.h); the model was
	 * opened from the first. */
	const char *const *init;
	size_t n_init;

	struct mm_term term[MM_MAX_TERMS]; /* n_terms 0: "default" */
	size_t n_terms;
	double smoothing;      /* below 0: the architecture's */
	double margin;	       /* of the objective hardest */
	double fusion_dropout; /* of fusion layers; < 0: the towers' */
	double mask_tokens, mask_patches; /* shares that are hidden */
	int32_t mask_id;		  /* of the mask token; -1: none */
	const char *distill;		  /* stream of a teacher's vectors */
	double distill_temperature;

	double lr, lr_group[MM_N_GROUPS]; /* lr_group < 0: lr */
	double layer_decay; /* lr * decay^(layers behind); 1: none */
	double warmup;	    /* steps, or a fraction of all steps */
	bool warmup_fraction;
	enum mm_schedule schedule;
	const struct mm_optimizer *optimizer;	       /* NULL: AdamW */
	double weight_decay, decay_group[MM_N_GROUPS]; /* < 0: weight_decay */
	const char *const *no_decay; /* globs: parameters that never decay */
	size_t n_no_decay;
	double beta1, beta2, eps, momentum;
	double clip_norm;	   /* 0: no clipping */
	enum mm_compute precision; /* of the towers' products */

	const char *const *freeze; /* globs over names, or names of groups */
	size_t n_freeze;
	bool lock_image; /* LiT: the image tower stays, projection included */
	bool new_head;	 /* begin the task's head anew, whatever init has */
	size_t lora;	 /* rank; towers then learn through adapters only */
	double ema;	 /* decay of the weights' moving average; 0: none */

	bool shuffle;
	/* Epoch e sees copy e of each sample; .seed is set from seed. */
	struct mm_augment_options augment;
	const double *source_weight; /* one for each path of data, or NULL */
	uint64_t seed;

	long eval_every, save_every; /* steps; 0: once an epoch */
	const char *monitor;	     /* figure that "better" is about; NULL */
	const struct mm_zeroshot *zeroshot; /* measured too; NULL: not */
	long patience; /* evaluations without a better one; 0: all */
	double min_delta;
	bool restore_best; /* the folder ends with the best weights */

	bool resume;
	bool resume_changed; /* go on although data, seed or options differ */
	bool debug_nan; /* look for the first wrong value, and for spikes */
};

struct mm_figure {
	char name[56]; /* "image_to_text.recall@1" */
	double value;
};

/* What a step, or an evaluation, has to tell. */
struct mm_train_report {
	long step, steps, epoch; /* step counts from 1; steps 0: unknown */
	double loss, grad_norm, samples_per_s;
	size_t n_terms;
	double term[MM_MAX_TERMS]; /* losses by objective, not weighted */
	const char *term_name[MM_MAX_TERMS];
	double lr[MM_N_GROUPS];
	bool skipped;	   /* no update: a gradient overflowed in fp16 */
	long n_skipped;	   /* so far */
	double loss_scale; /* 1 but for fp16 */
	const char *spike; /* parameter whose gradient jumped, or NULL */
	double spike_factor;

	bool ended;	  /* the stream that passes by has no further batch */
	size_t left_over; /* samples that its window holds */

	bool evaluated, improved;
	struct mm_figure figure[MM_MAX_FIGURES];
	size_t n_figures;
	const char *monitor; /* name of the figure that is watched */
	double best;	     /* of it, so far; valid where best_step > 0 */
	long best_step;
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

/* The optimiser of that name, or NULL. */
const struct mm_optimizer *mm_optimizer_find(const char *name);
const char *mm_optimizer_name(const struct mm_optimizer *o);

/* Does a run live in that folder? */
bool mm_train_exists(const char *dir);

/* Has the run in that folder come to its end? */
bool mm_train_finished(const char *dir);

/* True where a smaller figure of that name is the better one. */
bool mm_figure_falls(const char *name);

/* True where it is the mean of both directions: "recall@20". */
bool mm_figure_mean(const char *name);

#endif
