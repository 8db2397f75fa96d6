/* internal.h - the state of a run, shared by the files of this room. */
#ifndef MM_TRAIN_INTERNAL_H
#define MM_TRAIN_INTERNAL_H

#include "data/augment_feed.h"
#include "model/embed.h"
#include "train/train.h"

/* One tower on pieces of the batch. */
struct mm_side {
	struct mm_graph g;
	struct mm_node *out;	   /* embeddings of a piece */
	struct mm_node *pixels;	   /* image tower */
	struct mm_text_input text; /* text tower */
	size_t piece, n_pieces;
};

struct mm_run {
	struct mm_model *m;
	const struct mm_dataset *data, *val;
	const struct mm_train_options *o;
	const struct mm_train_hooks *hooks;
	struct mm_augment_feed *feed; /* NULL: samples as they are */

	struct mm_side image, text;
	struct mm_graph loss;
	struct mm_node *image_in, *text_in, *loss_out;

	mm_real *moment1, *moment2; /* as the store's values: padded blocks */
	size_t *order;		    /* of the samples in this epoch */
	long order_epoch;
	void *pixels; /* of the batch */
	int32_t *ids, *labels;
	uint8_t *mask;

	long step, steps, per_epoch; /* step: done so far */
	double best;
	long best_step, bad_evals;
};

/* ---- step.c ---- */
int mm_run_build(struct mm_run *r, struct mm_err *err) MM_MUST_CHECK;
void mm_run_release(struct mm_run *r);
void mm_run_sizes(const struct mm_run *r, struct mm_train_memory *memory);
int mm_run_alloc(struct mm_run *r, struct mm_err *err) MM_MUST_CHECK;
int mm_run_step(struct mm_run *r, struct mm_train_report *report,
		struct mm_err *err) MM_MUST_CHECK;

/* ---- batch.c ---- */
/* The samples of step r->step. */
int mm_run_batch(struct mm_run *r, struct mm_err *err) MM_MUST_CHECK;

/* ---- resume.c ---- */
int mm_run_save(struct mm_run *r, struct mm_err *err) MM_MUST_CHECK;
int mm_run_load(struct mm_run *r, bool *found,
		struct mm_err *err) MM_MUST_CHECK;

/* ---- validate.c ---- */
int mm_run_validate(struct mm_run *r, struct mm_train_report *report,
		    struct mm_err *err) MM_MUST_CHECK;

#endif
