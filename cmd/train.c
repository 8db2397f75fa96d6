/* train.c - mmtool train: learn from preprocessed streams, stage by stage. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "cmd.h"
#include "train.h"

static const char *const schedules[] = { "cosine", "linear", "constant",
					 "rsqrt", NULL };
static const char *const temperatures[] = { "learn", NULL };
static const char *const precisions[] = { "fp32", "bf16", "fp16", NULL };

#define UNSET_GROUPS                                                       \
	{                                                                  \
		MM_UNSET_REAL, MM_UNSET_REAL, MM_UNSET_REAL, MM_UNSET_REAL \
	}

static const struct mm_train_args defaults = {
	.common = { .batch_size = 128 },
	.arch = "clip",
	.preset = "tiny",
	.loss = "default",
	.optimizer = "adamw",
	.lr = 1e-3,
	.lr_of = UNSET_GROUPS,
	.layer_decay = 1,
	.smoothing = MM_UNSET_REAL,
	.fusion_dropout = MM_UNSET_REAL,
	.weight_decay = 0.1,
	.decay_of = UNSET_GROUPS,
	.beta1 = 0.9,
	.beta2 = 0.98,
	.eps = 1e-6,
	.momentum = 0.9,
	.clip_norm = 1,
	.margin = 0.2,
	.mask_tokens = 0.15,
	.mask_patches = 0.6,
	.distill_temperature = 0.07,
	.warmup = { .value = 0.05, .fraction = true },
	.temperature = { .word = 0 },
	.shuffle = true,
	.restore_best = true,
};

#define T struct mm_train_args
static const struct mm_opt opts[] = {
	MM_GROUP("Model"),
	MM_STR(0, "arch", T, arch, "NAME",
	       "family to train from scratch: clip, clip_resnet, clip_convnext, "
	       "siglip, align ... (mmtool-model(5))"),
	MM_STR(0, "preset", T, preset, "NAME",
	       "its size: tiny, base, ... as 'mmtool describe architectures' "
	       "lists"),
	MM_OPT_MODEL(T),
	MM_OPT_IMAGE_SIZE(T),
	MM_PATH(0, "tokenizer", T, tokenizer, "DIR",
		"tokenizer that made the ids; copied beside the model"),
	MM_OPT_OUTPUT_DIR(T),
	MM_PATH(0, "recipe", T, recipe, "FILE",
		"stages to run one after another; see mmtool-recipe(5)"),
	MM_GROUP("Data"),
	MM_LIST(0, "val", T, val, "STREAM", "held-out samples to measure on"),
	MM_INT('B', "batch-size", T, common.batch_size, "N", 2, 1e6,
	       "pairs that are contrasted with each other"),
	MM_INT(0, "micro-batch-image", T, micro_image, "N", 0, 1e6,
	       "pictures at a time; the result is that of the whole batch "
	       "(0: all)"),
	MM_INT(0, "micro-batch-text", T, micro_text, "N", 0, 1e6,
	       "texts at a time, likewise"),
	MM_FLAG(0, "recompute", T, recompute,
		"keep the inputs of blocks and compute the rest twice: less "
		"memory, more time, the same bits"),
	MM_FLAG(0, "shuffle", T, shuffle,
		"a new order each epoch; --no-shuffle: the stream's order, a "
		"short last batch is dropped"),
	MM_INT(0, "window", T, window, "N", 0, 1e9,
	       "read the stream once, as it comes, and draw each batch from N "
	       "samples of it that are kept: for pipes and what is larger than "
	       "memory (0: all of the data, again each epoch)"),
	MM_STR(0, "augment", T, augment, "SPEC",
	       "change samples on the way, as `mmtool augment --spec` does: "
	       "shift:4,flip:0.5"),
	MM_DIR(0, "wordnet", T, wordnet, "DIR",
	       "WordNet's database files, for synonyms [$MMTOOL_WORDNET, or "
	       "where they are installed]"),
	MM_GROUP("Length"),
	MM_INT(0, "epochs", T, epochs, "N", 0, 1e6,
	       "passes over the data (0: 10, or one with --window)"),
	MM_INT(0, "steps", T, steps, "N", 0, 1e9,
	       "updates; wins over --epochs, with --window the less of both"),
	MM_STR(0, "monitor", T, monitor, "FIGURE",
	       "held-out figure that tells the best, as `mmtool eval` names it "
	       "[recall@1 of both directions, accuracy, or the loss]"),
	MM_PATH(0, "zeroshot", T, zeroshot, "FILE",
		"names of classes, one a line, 0, 1, ... of the held-out "
		"label: measure too how pictures are named by them"),
	MM_PATH(0, "templates", T, templates, "FILE",
		"their prompts, one a line, with {c} for the name [a photo of "
		"a {c}.]"),
	MM_INT(0, "patience", T, patience, "N", 0, 1e6,
	       "stop after N evaluations without a better one (0: never)"),
	MM_REAL(0, "min-delta", T, min_delta, "D", 0, 1,
		"what counts as better"),
	MM_FLAG(0, "restore-best", T, restore_best,
		"end with the weights of the best evaluation"),
	MM_GROUP("Optimiser"),
	MM_STR(0, "optimizer", T, optimizer, "NAME",
	       "update rule: adamw, sgd, lamb"),
	MM_REAL(0, "lr", T, lr, "RATE", 0, 1e3, "learning rate"),
	MM_REAL(0, "lr-image", T, lr_of[MM_GROUP_IMAGE], "RATE", 0, 1e3,
		"of the image tower"),
	MM_REAL(0, "lr-text", T, lr_of[MM_GROUP_TEXT], "RATE", 0, 1e3,
		"of the text tower"),
	MM_REAL(0, "lr-fusion", T, lr_of[MM_GROUP_FUSION], "RATE", 0, 1e3,
		"of fusion layers"),
	MM_REAL(0, "lr-head", T, lr_of[MM_GROUP_HEAD], "RATE", 0, 1e3,
		"of projections and the temperature"),
	MM_REAL(0, "layer-decay", T, layer_decay, "F", 0, 1,
		"rate of a layer = F times that of the next"),
	MM_AMOUNT(0, "warmup", T, warmup, "STEPS|FRACTION", 1e9,
		  "steps over which the rate rises"),
	MM_ENUM(0, "schedule", T, schedule, schedules, "the rate afterwards"),
	MM_REAL(0, "weight-decay", T, weight_decay, "F", 0, 1e3,
		"of weights with two axes or more"),
	MM_REAL(0, "weight-decay-image", T, decay_of[MM_GROUP_IMAGE], "F", 0,
		1e3, "of the image tower's"),
	MM_REAL(0, "weight-decay-text", T, decay_of[MM_GROUP_TEXT], "F", 0, 1e3,
		"of the text tower's"),
	MM_REAL(0, "weight-decay-fusion", T, decay_of[MM_GROUP_FUSION], "F", 0,
		1e3, "of fusion layers'"),
	MM_REAL(0, "weight-decay-head", T, decay_of[MM_GROUP_HEAD], "F", 0, 1e3,
		"of the projections'"),
	MM_LIST(0, "no-decay", T, no_decay, "GLOB",
		"parameters that never decay"),
	MM_REAL(0, "beta1", T, beta1, "F", 0, 0.999999, "AdamW's first decay"),
	MM_REAL(0, "beta2", T, beta2, "F", 0, 0.999999, "AdamW's second decay"),
	MM_REAL(0, "eps", T, eps, "F", 0, 1, "AdamW's epsilon"),
	MM_REAL(0, "momentum", T, momentum, "F", 0, 1, "SGD's momentum"),
	MM_REAL(0, "clip-norm", T, clip_norm, "F", 0, 1e6,
		"bound of the gradient's norm (0: none)"),
	MM_ENUM(0, "precision", T, precision, precisions,
		"numbers that products are computed in; weights stay fp32"),
	MM_GROUP("Objective"),
	MM_STR(0, "loss", T, loss, "NAME[:WEIGHT],...",
	       "what to learn: default (the architecture's), infonce, sigmoid, "
	       "multi, sigmoid-multi, hardest, classify, fusion, lm, mlm, mae, "
	       "distill-feature, distill-relation, distill-logit"),
	MM_WORD(0, "temperature", T, temperature, temperatures, "VALUE", 1e-3,
		1e3, "learn it, or divide by VALUE (the classic one is 0.07)"),
	MM_REAL(0, "label-smoothing", T, smoothing, "F", 0, 0.99,
		"mass that the target gives to all (default: the "
		"architecture's, 0 but for align: 0.1)"),
	MM_REAL(0, "margin", T, margin, "M", 0, 2, "of the objective hardest"),
	MM_REAL(0, "mask-tokens", T, mask_tokens, "SHARE", 0.01, 0.9,
		"tokens that the objective mlm hides"),
	MM_REAL(0, "mask-patches", T, mask_patches, "SHARE", 0.01, 0.99,
		"patches that the objective mae hides"),
	MM_PATH(0, "distill", T, distill, "STREAM",
		"a teacher's vectors, by `mmtool embed --both`"),
	MM_REAL(0, "distill-temperature", T, distill_temperature, "T", 1e-3,
		100, "of the teacher's distribution"),
	MM_GROUP("What learns"),
	MM_LIST(0, "freeze", T, freeze, "GLOB",
		"parameters that stay as they are; image, text, fusion and head "
		"stand for all of a group"),
	MM_FLAG(0, "lock-image", T, lock_image,
		"the image tower stays as it is (LiT); its vectors are computed "
		"once"),
	MM_FLAG(0, "new-head", T, new_head,
		"begin the task's head anew, as for other classes"),
	MM_INT(0, "lora", T, lora, "RANK", 0, 4096,
	       "towers learn through adapters of that rank, merged when saved "
	       "(0: no)"),
	MM_GROUP("Regularisation"),
	MM_REAL(0, "dropout", T, dropout, "P", 0, 0.9,
		"in the blocks and the fusion"),
	MM_REAL(0, "fusion-dropout", T, fusion_dropout, "P", 0, 0.9,
		"in the fusion, where it is not --dropout"),
	MM_REAL(0, "drop-path", T, drop_path, "P", 0, 0.9,
		"leave branches of the last block out, fewer in front"),
	MM_REAL(0, "ema", T, ema, "DECAY", 0, 0.999999,
		"measure and save a moving average of the weights (0: no)"),
	MM_GROUP("Run"),
	MM_OPT_SEED(T),
	MM_INT(0, "eval-every", T, eval_every, "STEPS", 0, 1e9,
	       "how often to measure (0: each epoch)"),
	MM_INT(0, "save-every", T, save_every, "STEPS", 0, 1e9,
	       "how often to save (0: each epoch)"),
	MM_FLAG(0, "resume", T, resume,
		"go on with the run in the folder; it ends with the bits of a "
		"run that never stopped"),
	MM_FLAG(0, "resume-changed", T, resume_changed,
		"the same though data, seed or options differ"),
	MM_PATH(0, "plot", T, plot, "F.svg|F.html",
		"draw losses, rates and held-out figures at each evaluation"),
	MM_FLAG(0, "debug-nan", T, debug_nan,
		"tell where a value that is not finite began, and parameters "
		"whose gradient jumps"),
	MM_FLAG(0, "dry-run", T, dry_run,
		"print the memory that the run would take, and stop"),
	MM_OPT_GENERAL(T),
	MM_OPTS_END,
};
#undef T

/* ---- recipes ---- */

struct plan {
	const struct mm_train_args *a;
	struct mm_recipe recipe;
	struct mm_arena arena;
	const char *const *operands;
	size_t n_operands;
	const struct mm_world *world;
	struct mm_train_args args[MM_RECIPE_MAX_STAGES];
	struct mm_train_stage stage[MM_RECIPE_MAX_STAGES];
};

/* "a.mmt:0.7, b.mmt" */
static int split_data(struct plan *p, struct mm_train_stage *s,
		      const char *value, struct mm_err *err)
{
	const char **path =
		mm_arena_alloc(&p->arena, strlen(value) + 1, sizeof(*path));

	s->n_data = 0;
	while (path && *(value += strspn(value, " \t,"))) {
		const size_t n = strcspn(value, " \t,");

		if (!(path[s->n_data++] =
			      mm_arena_strndup(&p->arena, value, n)))
			return mm_fail_nomem(err, "a recipe");
		value += n;
	}
	s->data = path;
	return path ? MM_OK : mm_fail_nomem(err, "a recipe");
}

/* Keys that make no sense inside a recipe. */
static bool outside(const char *key)
{
	static const char *const keys[] = {
		"recipe",	  "output", "resume",  "dry-run",
		"config",	  "model",  "threads", "help",
		"resume-changed", "plot",   NULL
	};

	for (int i = 0; keys[i]; i++)
		if (!strcmp(key, keys[i]))
			return true;
	return false;
}

static int apply(struct plan *p, int i, const struct mm_recipe_stage *from,
		 struct mm_err *err)
{
	int rc = MM_OK;

	for (size_t k = 0; k < from->n && !rc; k++) {
		const struct mm_recipe_entry *e = &from->entry[k];
		bool fresh = true;

		for (size_t j = 0; j < k; j++)
			fresh &= strcmp(from->entry[j].key, e->key) != 0;
		if (!strcmp(e->key, "data"))
			rc = split_data(p, &p->stage[i], e->value, err);
		else if (outside(e->key))
			rc = mm_fail(err, MM_ERR_USAGE,
				     "'%s' belongs on the command line",
				     e->key);
		else
			rc = mm_opt_set(&mm_cmd_train, &p->args[i], e->key,
					e->value, fresh, &p->arena, err);
		if (rc)
			mm_fail_ctx(err, "'%s', line %zu", p->a->recipe,
				    e->line);
	}
	return rc;
}

/* What stage i begins with, by the stages in front of it. */
static int init_of(struct plan *p, int i, struct mm_err *err)
{
	const struct mm_recipe_stage *from = &p->recipe.stage[i];
	struct mm_train_stage *s = &p->stage[i];
	const char **dir =
		mm_arena_alloc(&p->arena, MM_RECIPE_MAX_INIT, sizeof(*dir));

	if (!dir)
		return mm_fail_nomem(err, "a recipe");
	for (size_t k = 0; k < from->n_init; k++)
		dir[k] = p->stage[from->init[k]].dir;
	s->init = dir;
	s->n_init = from->n_init;
	s->from = from->n_init	 ? dir[0]
		  : from->folder ? from->folder
				 : p->a->common.model;
	return MM_OK;
}

static int plan_stage(struct plan *p, int i, bool last, struct mm_err *err)
{
	const struct mm_recipe_stage *from = &p->recipe.stage[i];
	struct mm_train_stage *s = &p->stage[i];
	const char *dir = p->a->common.output;
	int rc;

	p->args[i] = *p->a;
	*s = (struct mm_train_stage){ .a = &p->args[i],
				      .world = p->world,
				      .name = from->name,
				      .data = p->operands,
				      .n_data = p->n_operands };
	if ((rc = apply(p, i, &p->recipe.common, err)) ||
	    (rc = apply(p, i, from, err)))
		return rc;
	s->dir = last || !dir
			 ? dir
			 : mm_arena_printf(&p->arena, "%s/%s", dir, from->name);
	if (dir && !s->dir)
		return mm_fail_nomem(err, "a recipe");
	return init_of(p, i, err);
}

static int run_recipe(struct plan *p, struct mm_err *err)
{
	const struct mm_recipe *r = &p->recipe;
	int rc = MM_OK;

	for (int k = 0; k < r->n && !rc; k++) {
		rc = plan_stage(p, r->order[k], k + 1 == r->n, err);
		if (k)
			p->stage[r->order[k]].before =
				&p->stage[r->order[k - 1]];
	}
	for (int k = 0; k < r->n && !rc; k++) {
		const struct mm_train_stage *s = &p->stage[r->order[k]];

		/* A stage whose start is yet to be trained has no shapes. */
		if (p->a->dry_run && r->stage[r->order[k]].n_init)
			continue;
		if (!p->a->dry_run && p->a->resume && k + 1 < r->n &&
		    mm_train_finished(s->dir))
			continue;
		if ((rc = mm_train_run_stage(s, err)))
			rc = mm_fail_ctx(err, "stage '%s'", s->name);
	}
	return rc;
}

static int recipe(const struct mm_train_stage *all, struct mm_err *err)
{
	struct plan *p = mm_calloc(1, sizeof(*p));
	int rc = p ? mm_recipe_load(&p->recipe, all->a->recipe, err)
		   : mm_fail_nomem(err, "a recipe");

	if (!rc) {
		p->a = all->a;
		p->world = all->world;
		p->operands = all->data;
		p->n_operands = all->n_data;
		rc = run_recipe(p, err);
		mm_recipe_release(&p->recipe);
		mm_arena_release(&p->arena);
	}
	mm_free(p);
	return rc;
}

/*
 * One run at a time in a folder: *fd is its lock, which the process's end, of
 * whatever kind, lifts.  A run that resumes waits for the other to end.
 */
static int lock_folder(const struct mm_train_args *a, int *fd,
		       struct mm_err *err)
{
	const char *dir = a->common.output;
	int rc = mm_mkdirs(dir, err);

	if (rc)
		return rc;
	*fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*fd < 0)
		return mm_fail_errno(err, "cannot open '%s'", dir);
	if (!flock(*fd, LOCK_EX | LOCK_NB) || errno != EWOULDBLOCK)
		return MM_OK; /* or a file system that knows no locks */
	if (!a->resume)
		return mm_fail(err, MM_ERR_REFUSED,
			       "another process is training in '%s'", dir);
	mm_note(&a->common, "another process is training in '%s': waiting",
		dir);
	if (flock(*fd, LOCK_EX))
		return mm_fail_errno(err, "cannot lock '%s'", dir);
	return MM_OK;
}

/* The folder is the first process's; all others only read there. */
static int in_folder(const struct mm_train_stage *only, struct mm_err *err)
{
	const struct mm_train_args *a = only->a;
	const bool first = only->world->rank == 0 && !a->dry_run;
	struct stat st;
	const bool ours = first && stat(only->dir, &st);
	int fd = -1, rc = first ? lock_folder(a, &fd, err) : MM_OK;

	if (!rc)
		rc = a->recipe ? recipe(only, err)
			       : mm_train_run_stage(only, err);
	if (fd >= 0)
		close(fd);
	if (rc && ours)
		rmdir(only->dir); /* stays where anything is in it */
	return rc;
}

static int run(const void *args, int argc, char **argv, struct mm_err *err)
{
	struct mm_train_args a = *(const struct mm_train_args *)args;
	struct mm_world world = { 0, 1 };
	const struct mm_train_stage only = {
		.a = &a,
		.dir = a.common.output,
		.world = &world,
		.from = a.common.model,
		.data = (const char *const *)argv,
		.n_data = (size_t)argc,
	};
	int rc = a.dry_run ? MM_OK : mm_need_output(&a.common, err);

	if (!rc && !a.dry_run)
		rc = mm_world_open(&world, err);
	if (rc)
		return rc;
	a.common.quiet |= world.rank > 0;
	rc = in_folder(&only, err);
	if (rc && rc != MM_ERR_SIGNAL && world.size > 1) {
		fprintf(stderr, "%s: process %zu of %zu: %s\n", mm_program,
			world.rank + 1, world.size, err->msg);
		mm_world_abort(&world, mm_exit_status(rc));
	}
	mm_world_close(&world);
	return rc;
}

const struct mm_cmd mm_cmd_train = {
	.name = "train",
	.group = MM_LEARN,
	.summary = "learn from image-text pairs, stage by stage",
	.synopsis = "(--preset NAME | -m DIR) [--tokenizer DIR] -o DIR "
		    "[OPTION]... [STREAM[:WEIGHT]]...",
	.details = "Reads preprocessed streams (columns image, ids, mask), "
		   "standard input where none is named. The "
		   "folder holds at every moment the last complete "
		   "checkpoint.",
	.min_operands = 0,
	.max_operands = MM_MANY,
	.opts = opts,
	MM_ARGS(struct mm_train_args, defaults),
	.run = run,
};
