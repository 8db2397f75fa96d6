/* internal.h - the state of a run, shared by the files of this room. */
#ifndef MM_TRAIN_INTERNAL_H
#define MM_TRAIN_INTERNAL_H

#include "base/map.h"
#include "base/worker.h"
#include "data/augment_feed.h"
#include "data/window.h"
#include "model/embed.h"
#include "train/head.h"
#include "train/teacher.h"
#include "train/train.h"

/* One tower on pieces of the batch, for objectives of pairs. */
struct mm_side {
	struct mm_graph g;
	struct mm_node *out;	   /* embeddings of a piece */
	struct mm_node *pixels;	   /* image tower */
	struct mm_text_input text; /* text tower */
	size_t piece, n_pieces;
	float *cache; /* (samples, D) of a tower that does not learn */
};

/* What the optimiser knows; arrays as the store's values: padded blocks. */
struct mm_update {
	mm_real *moment1, *moment2;
	mm_real *scratch; /* LAMB: of the largest parameter */
	mm_real *ema;	  /* NULL: none */
	double *usual;	  /* --debug-nan: each parameter's norm of late */
	double scale;	  /* of the loss, fp16 */
	long clean;	  /* steps since the scale changed */
	long skipped;
};

/* Memory of one batch. */
struct mm_rows {
	size_t *index; /* (batch) samples */
	uint64_t *sample;
	int32_t *label;
	void *pixels; /* (rows, ...) */
	int32_t *ids;
	uint8_t *mask;

	/* Of data that passes through a window: what came so far, as a hash;
	 * or is there no such batch, for the stream has ended? */
	uint64_t seen;
	bool none;
};

/* The batch behind this one, read while this one is computed. */
struct mm_loader {
	struct mm_worker *worker;
	struct mm_rows at;
	long step; /* that it is of; -1: none */
	int rc;
	struct mm_err err;
};

struct mm_run {
	struct mm_model *m;
	const struct mm_dataset *data, *val;
	const struct mm_train_options *o;
	const struct mm_train_hooks *hooks;
	struct mm_augment_feed *feed; /* NULL: samples as they are */
	struct mm_teacher *teacher;   /* NULL: none */

	struct mm_term term[MM_MAX_TERMS];
	size_t n_terms;
	unsigned needs; /* of all of them together */
	bool pairs;	/* some objective contrasts the batch */

	struct mm_side image, text; /* where pairs */
	struct mm_graph loss;
	struct mm_node *image_in, *text_in, *same_in, *teacher_in[2];
	struct mm_node *term_out[MM_MAX_TERMS];

	struct mm_task task[MM_MAX_TERMS]; /* the others; by term */
	size_t classes;
	size_t *guess; /* gets what a measured classifier says; see head.h */

	struct mm_update update;
	size_t *order; /* of the samples in this epoch, or in the window */
	long order_epoch;
	size_t left;   /* samples in the window */
	uint64_t seen; /* see mm_rows */
	bool ended;    /* the stream has no batch for the next step */

	/* The batch, and this process's rows of it: first .. first + rows. */
	struct mm_world world;
	size_t first, rows;
	struct mm_rows at; /* of this step */
	struct mm_loader next;
	int32_t *same;	  /* (batch) */
	int32_t *all_ids; /* (batch, T) where `same` is wanted of others */

	long step, steps, per_epoch; /* step: done so far */
	struct mm_map learnt; /* what it and those before it did: learnt.h */
	mm_real *best_values; /* NULL: not kept */
	double best;
	long best_step, bad_evals;
};

/* ---- build.c: graphs, sizes, memory ---- */
int mm_run_build(struct mm_run *r, struct mm_err *err) MM_MUST_CHECK;
int mm_run_alloc(struct mm_run *r, struct mm_err *err) MM_MUST_CHECK;
void mm_run_sizes(const struct mm_run *r, struct mm_train_memory *memory);
void mm_run_release(struct mm_run *r);

/* ---- freeze.c: which parameters learn ---- */
int mm_run_freeze(struct mm_run *r, struct mm_err *err) MM_MUST_CHECK;
bool mm_side_learns(const struct mm_side *s); /* after mm_run_freeze */

/* ---- train.c ---- */
/* Pictures and texts have the model's sizes; sample i's ids are its own. */
int mm_run_check_data(const struct mm_model *m, const struct mm_dataset *d,
		      struct mm_err *err) MM_MUST_CHECK;
int mm_run_check_ids(const struct mm_model *m, const struct mm_dataset *d,
		     size_t i, struct mm_err *err) MM_MUST_CHECK;

/* ---- step.c ---- */
int mm_run_step(struct mm_run *r, struct mm_train_report *report,
		struct mm_err *err) MM_MUST_CHECK;

/* ---- pairs.c ---- */
int mm_pairs_build(struct mm_run *r, struct mm_err *err) MM_MUST_CHECK;
int mm_pairs_plan(struct mm_run *r, struct mm_err *err) MM_MUST_CHECK;
int mm_pairs_alloc(struct mm_run *r, struct mm_err *err) MM_MUST_CHECK;
/* Vectors of towers that do not learn; weights are in place. */
int mm_pairs_start(struct mm_run *r, struct mm_err *err) MM_MUST_CHECK;
void mm_pairs_release(struct mm_run *r);
/* Forward, losses into report->term; then backward of scale times the loss. */
int mm_pairs_forward(struct mm_run *r, struct mm_train_report *report,
		     struct mm_err *err) MM_MUST_CHECK;
void mm_pairs_backward(struct mm_run *r, double scale);

/* ---- task.c ---- */
int mm_task_build(struct mm_run *r, size_t term, enum mm_graph_mode mode,
		  struct mm_err *err) MM_MUST_CHECK;
/* Forward and backward of scale times the loss; *loss is its value. */
int mm_task_step(struct mm_run *r, struct mm_task *t, double scale,
		 double *loss, struct mm_err *err) MM_MUST_CHECK;
/* Mean loss and, where the task has scores, figures over the whole of d. */
int mm_task_measure(struct mm_run *r, size_t term, const struct mm_dataset *d,
		    struct mm_train_report *report,
		    struct mm_err *err) MM_MUST_CHECK;
void mm_task_release(struct mm_task *t);
int mm_task_room(struct mm_task *t, size_t n, struct mm_err *err) MM_MUST_CHECK;

/* ---- update.c ---- */
double mm_group_lr(const struct mm_run *r, enum mm_group g);
int mm_update_alloc(struct mm_run *r, struct mm_err *err) MM_MUST_CHECK;
void mm_update_release(struct mm_update *u);
size_t mm_update_bytes(const struct mm_run *r);
/* Clip, step, average; report->grad_norm, ->skipped, ->spike. */
int mm_update(struct mm_run *r, struct mm_train_report *report,
	      struct mm_err *err) MM_MUST_CHECK;
/* Exchange the weights with their moving average, where there is one. */
void mm_update_swap(struct mm_run *r);

/* ---- batch.c ---- */
/* What noise of a sample hangs on besides the sample: the number of the epoch;
 * of the step where a stream passes by, in which ids may come again. */
uint32_t mm_run_pass(const struct mm_run *r, long step);
/* Is there a batch for step r->step?  Else r->ended is set. */
int mm_run_look(struct mm_run *r, struct mm_err *err) MM_MUST_CHECK;
/* Let what the first r->step steps took pass by; it hashes to `seen`. */
int mm_run_replay(struct mm_run *r, uint64_t seen,
		  struct mm_err *err) MM_MUST_CHECK;
/* The samples of step r->step. */
int mm_run_batch(struct mm_run *r, struct mm_err *err) MM_MUST_CHECK;
int mm_batch_alloc(struct mm_run *r, struct mm_err *err) MM_MUST_CHECK;
void mm_batch_release(struct mm_run *r);
/* The batch as objectives see it. */
struct mm_batch mm_batch_of(const struct mm_run *r);

/* ---- resume.c ---- */
/* finished: the model folder gets the best weights, where they are kept. */
int mm_run_save(struct mm_run *r, bool finished,
		struct mm_err *err) MM_MUST_CHECK;
int mm_run_load(struct mm_run *r, bool *found,
		struct mm_err *err) MM_MUST_CHECK;

/* ---- lora.c ---- */
/* W + B A into every adapted weight; `undo` has the weights as they were. */
int mm_lora_merge(struct mm_store *s, mm_real **undo,
		  struct mm_err *err) MM_MUST_CHECK;
/* Is p part of an adapter? */
bool mm_lora_adapter(const struct mm_store *s, const struct mm_param *p);
void mm_lora_undo(struct mm_store *s, mm_real *undo); /* and frees it */

/* ---- validate.c ---- */
int mm_run_validate(struct mm_run *r, struct mm_train_report *report,
		    struct mm_err *err) MM_MUST_CHECK;
void mm_report_add(struct mm_train_report *r, const char *name, double value);

#endif
