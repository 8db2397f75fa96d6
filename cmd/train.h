/*
 * train.h - what the files of mmtool train share: its options, one stage's
 * session, the log.
 */
#ifndef MM_CMD_TRAIN_H
#define MM_CMD_TRAIN_H

#include "common.h"
#include "train/recipe.h"
#include "text/tokenizer.h"
#include "train/train.h"
#include "train/zeroshot.h"

struct mm_train_args {
	struct mm_common common;
	const char *arch, *preset, *tokenizer, *augment, *wordnet;
	const char *loss, *distill, *optimizer, *monitor, *recipe, *plot;
	const char *zeroshot, *templates;
	struct mm_list val, freeze, no_decay;
	int64_t epochs, steps, micro_image, micro_text;
	double lr, lr_of[MM_N_GROUPS], layer_decay;
	double weight_decay, decay_of[MM_N_GROUPS];
	double beta1, beta2, eps, momentum, clip_norm, smoothing, margin;
	double dropout, fusion_dropout, drop_path, ema, min_delta;
	double mask_tokens, mask_patches, distill_temperature;
	struct mm_amount warmup;
	struct mm_word temperature;
	int schedule, precision;
	int64_t eval_every, save_every, patience, lora, window;
	bool shuffle, resume, resume_changed, dry_run, lock_image, new_head;
	bool restore_best, debug_nan, recompute;
};

/* One stage: where it lives, what it reads. */
struct mm_train_stage {
	const struct mm_train_args *a;
	const char *name; /* NULL: there is only one */
	const char *dir;  /* where the run lives */
	const struct mm_world *world;
	const char *from; /* model folder to begin with; NULL: from scratch */
	const char *const *init; /* runs that it begins with, `from` first */
	size_t n_init;
	const char *const *data;
	size_t n_data;
	const struct mm_train_stage *before; /* drawn with it; NULL: none */
};

int mm_train_run_stage(const struct mm_train_stage *stage,
		       struct mm_err *err) MM_MUST_CHECK;

/* The prompts of --zeroshot as ids, in the arena. */
int mm_train_prompts(struct mm_zeroshot *out, struct mm_arena *arena,
		     const struct mm_train_args *a,
		     const struct mm_tokenizer *tok, const struct mm_model *m,
		     struct mm_err *err) MM_MUST_CHECK;

/* Draw the logs of the stage and those before it to --plot. */
int mm_train_plot(const struct mm_train_stage *stage,
		  struct mm_err *err) MM_MUST_CHECK;

/* ---- log.jsonl ---- */

struct mm_train_log {
	char path[4096];
	int fd; /* -1 before the first step */
};

/*
 * A step's line, and one more where it was evaluated.  The file is opened by
 * the first; lines of an earlier run from that step on are dropped.
 */
int mm_train_log_write(struct mm_train_log *l, const char *dir,
		       const struct mm_train_report *r,
		       struct mm_err *err) MM_MUST_CHECK;
void mm_train_log_close(struct mm_train_log *l);

#endif
