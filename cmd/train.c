/* train.c - mmtool train: learn a dual encoder from preprocessed streams. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "cmd.h"
#include "image/preset.h"
#include "text/tokenizer.h"
#include "train/train.h"

enum { PATH = 4096 };

struct train_args {
	struct mm_common common;
	const char *arch, *preset, *tokenizer, *augment, *wordnet;
	struct mm_list val, freeze;
	int64_t epochs, steps, micro_image, micro_text;
	double lr, lr_of[MM_N_GROUPS], layer_decay, weight_decay;
	double beta1, beta2, eps, momentum, clip_norm, smoothing, dropout;
	double min_delta;
	struct mm_amount warmup;
	struct mm_word temperature;
	int schedule, optimizer, loss;
	int64_t eval_every, save_every, patience;
	bool shuffle, resume, dry_run;
};

static const char *const schedules[] = { "cosine", "linear", "constant",
					 "rsqrt", NULL };
static const char *const optimizers[] = { "adamw", "sgd", NULL };
static const char *const losses[] = { "default", "infonce", "sigmoid", "multi",
				      NULL };
static const char *const temperatures[] = { "learn", NULL };

static const struct train_args defaults = {
	.common = { .batch_size = 128 },
	.arch = "clip",
	.preset = "tiny",
	.epochs = 10,
	.lr = 1e-3,
	.lr_of = { MM_UNSET_REAL, MM_UNSET_REAL, MM_UNSET_REAL, MM_UNSET_REAL },
	.layer_decay = 1,
	.smoothing = MM_UNSET_REAL,
	.weight_decay = 0.1,
	.beta1 = 0.9,
	.beta2 = 0.98,
	.eps = 1e-6,
	.momentum = 0.9,
	.clip_norm = 1,
	.warmup = { .value = 0.05, .fraction = true },
	.temperature = { .word = 0 },
	.shuffle = true,
};

#define T struct train_args
static const struct mm_opt opts[] = {
	MM_GROUP("Model"),
	MM_STR(0, "arch", T, arch, "NAME",
	       "architecture to train from scratch"),
	MM_STR(0, "preset", T, preset, "NAME", "its size: tiny, small, base"),
	MM_OPT_MODEL(T),
	MM_PATH(0, "tokenizer", T, tokenizer, "DIR",
		"tokenizer that made the ids; copied beside the model"),
	MM_OPT_OUTPUT_DIR(T),
	MM_GROUP("Data"),
	MM_LIST(0, "val", T, val, "STREAM", "held-out samples to measure on"),
	MM_INT('B', "batch-size", T, common.batch_size, "N", 2, 1e6,
	       "pairs that are contrasted with each other"),
	MM_INT(0, "micro-batch-image", T, micro_image, "N", 0, 1e6,
	       "pictures at a time; the result is that of the whole batch "
	       "(0: all)"),
	MM_INT(0, "micro-batch-text", T, micro_text, "N", 0, 1e6,
	       "texts at a time, likewise"),
	MM_FLAG(0, "shuffle", T, shuffle,
		"a new order each epoch; --no-shuffle: the stream's order, a "
		"short last batch is dropped"),
	MM_STR(0, "augment", T, augment, "SPEC",
	       "change samples on the way, as `mmtool augment --spec` does: "
	       "shift:4,flip:0.5"),
	MM_DIR(0, "wordnet", T, wordnet, "DIR",
	       "WordNet's database files, for synonyms [$MMTOOL_WORDNET, or "
	       "where they are installed]"),
	MM_GROUP("Length"),
	MM_INT(0, "epochs", T, epochs, "N", 1, 1e6, "passes over the data"),
	MM_INT(0, "steps", T, steps, "N", 0, 1e9,
	       "updates; wins over --epochs"),
	MM_INT(0, "patience", T, patience, "N", 0, 1e6,
	       "stop after N evaluations without a better one (0: never)"),
	MM_REAL(0, "min-delta", T, min_delta, "D", 0, 1,
		"what counts as better"),
	MM_GROUP("Optimiser"),
	MM_ENUM(0, "optimizer", T, optimizer, optimizers, "update rule"),
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
	MM_REAL(0, "beta1", T, beta1, "F", 0, 0.999999, "AdamW's first decay"),
	MM_REAL(0, "beta2", T, beta2, "F", 0, 0.999999, "AdamW's second decay"),
	MM_REAL(0, "eps", T, eps, "F", 0, 1, "AdamW's epsilon"),
	MM_REAL(0, "momentum", T, momentum, "F", 0, 1, "SGD's momentum"),
	MM_REAL(0, "clip-norm", T, clip_norm, "F", 0, 1e6,
		"bound of the gradient's norm (0: none)"),
	MM_GROUP("Objective"),
	MM_ENUM(0, "loss", T, loss, losses,
		"default: the architecture's; multi: equal captions share"),
	MM_WORD(0, "temperature", T, temperature, temperatures, "VALUE", 1e-3,
		1e3, "learn it, or divide by VALUE (the classic one is 0.07)"),
	MM_REAL(0, "label-smoothing", T, smoothing, "F", 0, 0.99,
		"mass that the target gives to all (default: the "
		"architecture's, 0 but for align: 0.1)"),
	MM_REAL(0, "dropout", T, dropout, "P", 0, 0.9, "in the blocks"),
	MM_LIST(0, "freeze", T, freeze, "GLOB",
		"parameters that stay as they are"),
	MM_GROUP("Run"),
	MM_OPT_SEED(T),
	MM_INT(0, "eval-every", T, eval_every, "STEPS", 0, 1e9,
	       "how often to measure (0: each epoch)"),
	MM_INT(0, "save-every", T, save_every, "STEPS", 0, 1e9,
	       "how often to save (0: each epoch)"),
	MM_FLAG(0, "resume", T, resume,
		"go on with the run in the folder; it ends with the bits of a "
		"run that never stopped"),
	MM_FLAG(0, "dry-run", T, dry_run,
		"print the memory that the run would take, and stop"),
	MM_OPT_GENERAL(T),
	MM_OPTS_END,
};
#undef T

struct session {
	const struct train_args *a;
	struct mm_tokenizer *tok;
	struct mm_tokenizer *stream_tok; /* where there is no --tokenizer */
	struct mm_wordnet *wordnet;
	struct mm_model model;
	struct mm_dataset data, val;
	struct mm_image_preset pictures;
	bool has_pictures;
	struct mm_progress progress;
	const volatile sig_atomic_t *signal;
	int log; /* log.jsonl, -1 before the first step */
	double best;
	long best_step;
};

/* ---- log.jsonl ---- */

/* Where the lines of steps before `step` end in an earlier run's log. */
static off_t log_end(const char *path, long step)
{
	struct mm_reader r;
	char *line;
	size_t len;
	off_t end = 0;

	if (mm_reader_open(&r, path, NULL))
		return 0;
	while (!mm_reader_line(&r, &line, &len, 1 << 20, NULL) && line) {
		struct mm_json *j = NULL;
		long at = -1;

		if (!mm_json_parse(&j, line, len, path, NULL))
			at = (long)mm_json_int(mm_json_get(j, "step"), -1);
		mm_json_free(j);
		if (at < 0 || at >= step)
			break;
		end = (off_t)r.offset;
	}
	mm_reader_release(&r);
	return end;
}

static int open_log(struct session *s, long first_step, struct mm_err *err)
{
	char path[PATH];
	off_t end;
	int rc;

	if (s->log >= 0)
		return MM_OK;
	if ((rc = mm_mkdirs(s->a->common.output, err)))
		return rc;
	snprintf(path, sizeof(path), "%s/log.jsonl", s->a->common.output);
	end = log_end(path, first_step);
	s->log = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	if (s->log < 0 || ftruncate(s->log, end) ||
	    lseek(s->log, end, SEEK_SET) != end)
		return mm_fail_errno(err, "cannot write '%s'", path);
	return MM_OK;
}

static void recalls(struct mm_json_writer *w, const char *key,
		    const double at[3])
{
	mm_json_open(w, key, '{');
	mm_json_put_num(w, "recall@1", at[0]);
	mm_json_put_num(w, "recall@5", at[1]);
	mm_json_put_num(w, "recall@10", at[2]);
	mm_json_close(w);
}

static int write_log(struct session *s, const struct mm_train_report *r,
		     struct mm_err *err)
{
	struct mm_buf b = { 0 };
	struct mm_json_writer w;
	int rc;

	mm_json_writer_init(&w, &b, 0);
	mm_json_open(&w, NULL, '{');
	mm_json_put_int(&w, "step", r->step);
	mm_json_put_int(&w, "epoch", r->epoch);
	mm_json_put_num(&w, "loss", r->loss);
	mm_json_open(&w, "lr", '{');
	for (int g = 0; g < MM_N_GROUPS; g++)
		mm_json_put_num(&w, mm_group_names[g], r->lr[g]);
	mm_json_close(&w);
	mm_json_put_num(&w, "grad_norm", r->grad_norm);
	mm_json_put_num(&w, "samples_per_s", r->samples_per_s);
	mm_json_close(&w);
	mm_buf_addc(&b, '\n');
	if (r->evaluated) {
		mm_json_writer_init(&w, &b, 0);
		mm_json_open(&w, NULL, '{');
		mm_json_put_int(&w, "step", r->step);
		mm_json_open(&w, "val", '{');
		recalls(&w, "image_to_text", r->i2t);
		recalls(&w, "text_to_image", r->t2i);
		mm_json_close(&w);
		mm_json_close(&w);
		mm_buf_addc(&b, '\n');
	}
	rc = mm_buf_check(&b, "the log", err);
	if (!rc && write(s->log, b.data, b.len) != (ssize_t)b.len)
		rc = mm_fail_errno(err, "cannot write '%s/log.jsonl'",
				   s->a->common.output);
	mm_buf_release(&b);
	return rc;
}

/* ---- hooks ---- */

static int on_step(void *ctx, const struct mm_train_report *r,
		   struct mm_err *err)
{
	struct session *s = ctx;
	char note[128];
	int rc;

	if ((rc = open_log(s, r->step, err)) || (rc = write_log(s, r, err)))
		return rc;
	if (r->evaluated && r->best > s->best) {
		s->best = r->best;
		s->best_step = r->step;
	}
	snprintf(note, sizeof(note), "step %ld/%ld loss %.4f", r->step,
		 r->steps, r->loss);
	if (s->best >= 0)
		snprintf(note + strlen(note), sizeof(note) - strlen(note),
			 " best R@1 %.1f %%", 100 * s->best);
	s->progress.total =
		(uint64_t)r->steps * (uint64_t)s->a->common.batch_size;
	mm_progress_show(&s->progress,
			 (uint64_t)r->step * (uint64_t)s->a->common.batch_size,
			 note);
	return MM_OK;
}

static bool on_stop(void *ctx)
{
	const struct session *s = ctx;

	return *s->signal != 0;
}

static int on_save(void *ctx, const char *dir, struct mm_err *err)
{
	const struct session *s = ctx;
	struct mm_buf b = { 0 };
	char path[PATH];
	int rc = MM_OK;

	if (s->tok && (rc = mm_tokenizer_save(s->tok, dir, err)))
		return rc;
	if (!s->has_pictures)
		return MM_OK;
	snprintf(path, sizeof(path), "%s/preprocessor_config.json", dir);
	if (!(rc = mm_image_preset_write(&b, &s->pictures, err)) &&
	    !(rc = mm_buf_check(&b, path, err)))
		rc = mm_file_write(path, b.data, b.len, err);
	mm_buf_release(&b);
	return rc;
}

/* ---- options ---- */

static int options(const struct train_args *a, struct mm_train_options *o,
		   struct mm_err *err)
{
	*o = (struct mm_train_options){
		.dir = a->common.output,
		.epochs = (long)a->epochs,
		.steps = (long)a->steps,
		.batch = (size_t)a->common.batch_size,
		.micro_image = (size_t)a->micro_image,
		.micro_text = (size_t)a->micro_text,
		.lr = a->lr,
		.layer_decay = a->layer_decay,
		.warmup = a->warmup.value,
		.warmup_fraction = a->warmup.fraction,
		.schedule = (enum mm_schedule)a->schedule,
		.optimizer = (enum mm_optimizer)a->optimizer,
		.weight_decay = a->weight_decay,
		.beta1 = a->beta1,
		.beta2 = a->beta2,
		.eps = a->eps,
		.momentum = a->momentum,
		.clip_norm = a->clip_norm,
		.shuffle = a->shuffle,
		.loss = (enum mm_train_loss)a->loss,
		.smoothing = isnan(a->smoothing) ? -1 : a->smoothing,
		.seed = (uint64_t)a->common.seed,
		.eval_every = (long)a->eval_every,
		.save_every = (long)a->save_every,
		.patience = (long)a->patience,
		.min_delta = a->min_delta,
		.freeze = a->freeze.item,
		.n_freeze = a->freeze.n,
		.resume = a->resume,
	};
	for (int g = 0; g < MM_N_GROUPS; g++)
		o->lr_group[g] = isnan(a->lr_of[g]) ? -1 : a->lr_of[g];
	if (mm_augment_parse(&o->augment.spec, a->augment ? a->augment : "",
			     err))
		return mm_fail_ctx(err, "--augment");
	return MM_OK;
}

/* ---- what the run starts from ---- */

static int open_tokenizer(struct session *s, struct mm_err *err)
{
	const struct train_args *a = s->a;

	if (a->tokenizer)
		return mm_tokenizer_open(&s->tok, a->tokenizer, MM_CLEAN_HF,
					 err);
	/* A model folder may come without: its ids are in the data. */
	if (a->common.model &&
	    mm_tokenizer_open(&s->tok, a->common.model, MM_CLEAN_HF, NULL))
		s->tok = NULL;
	return MM_OK;
}

/* The largest id in the data, where no tokenizer tells. */
static int64_t largest_id(const struct mm_dataset *d)
{
	int64_t top = 0;

	for (size_t i = 0; i < d->n; i++) {
		const int32_t *ids = mm_dataset_ids(d, i);

		for (size_t t = 0; t < d->T; t++)
			top = ids[t] > top ? ids[t] : top;
	}
	return top;
}

static int new_model(struct session *s, struct mm_err *err)
{
	struct mm_model shape = { .image_size = s->data.H,
				  .context_length = s->data.T };
	const struct mm_tokenizer_info *info;

	if (s->data.H != s->data.W)
		return mm_fail(err, MM_ERR_SHAPE,
			       "pictures of %zux%zu: a new model wants square "
			       "ones",
			       s->data.W, s->data.H);
	if (s->tok) {
		info = mm_tokenizer_info(s->tok);
		shape.vocab_size = info->vocab_size;
		shape.bos_token_id = info->bos;
		shape.eos_token_id = info->eos;
		shape.pad_token_id = info->pad < 0 ? 0 : info->pad;
	} else {
		/* CLIP's vocabularies end with the start and the end. */
		shape.eos_token_id = largest_id(&s->data);
		shape.bos_token_id = shape.eos_token_id - 1;
		shape.vocab_size = (size_t)shape.eos_token_id + 1;
	}
	if (s->data.has_statistics)
		shape.values = s->data.values;
	return mm_model_new(&s->model, s->a->arch, s->a->preset, &shape, err);
}

/* How pictures reached their shape, for whoever opens the model. */
static void describe_pictures(struct session *s)
{
	const struct mm_image_preset *p = mm_image_preset_find("hf-clip");

	if (s->a->common.model &&
	    !mm_image_preset_load(&s->pictures, s->a->common.model, NULL)) {
		s->has_pictures = true;
		return;
	}
	if (s->data.preset[0] && mm_image_preset_find(s->data.preset))
		p = mm_image_preset_find(s->data.preset);
	s->pictures = *p;
	mm_image_preset_resize(&s->pictures, s->data.W, s->data.H);
	if (s->data.has_statistics)
		s->pictures.values = s->data.values;
	s->has_pictures = true;
}

static int open_all(struct session *s, int argc, char **argv,
		    struct mm_err *err)
{
	const struct train_args *a = s->a;
	int rc;

	static const char *const standard_input[] = { "-" };

	if ((rc = mm_dataset_open(&s->data,
				  argc ? (const char *const *)argv
				       : standard_input,
				  argc ? (size_t)argc : 1, err)))
		return rc;
	if (a->val.n &&
	    (rc = mm_dataset_open(&s->val, a->val.item, a->val.n, err)))
		return rc;
	if ((rc = open_tokenizer(s, err)))
		return rc;
	rc = a->common.model ? mm_model_open(&s->model, a->common.model, err)
			     : new_model(s, err);
	if (rc)
		return rc;
	if (s->data.has_statistics)
		mm_model_set_values(&s->model, &s->data.values);
	s->model.dropout = a->dropout;
	if (a->temperature.word == MM_WORD_NUMBER)
		s->model.fixed_scale = 1 / a->temperature.value;
	describe_pictures(s);
	return MM_OK;
}

/* What captions that change need. */
static int open_augment(struct session *s, struct mm_train_options *o,
			struct mm_err *err)
{
	struct mm_augment_options *a = &o->augment;
	int rc;

	if ((a->spec.synonyms > 0 || a->spec.insert > 0) &&
	    (rc = mm_wordnet_open(&s->wordnet, s->a->wordnet, err)))
		return rc;
	if (mm_augment_texts(&a->spec) && !s->tok && s->data.tokenizer &&
	    (rc = mm_tokenizer_open(&s->stream_tok, s->data.tokenizer,
				    MM_CLEAN_HF, err)))
		return mm_fail_ctx(err, "the stream's tokenizer (see "
					"--tokenizer)");
	a->wordnet = s->wordnet;
	a->tokenizer = s->tok ? s->tok : s->stream_tok;
	return MM_OK;
}

static int print_plan(struct session *s, const struct mm_train_options *o,
		      struct mm_err *err)
{
	struct mm_train_memory m;
	struct mm_buf b = { 0 };
	int rc = mm_train_plan(&s->model, &s->data, o, &m, err);

	if (rc)
		return rc;
	mm_buf_printf(&b,
		      "parameters\t%zu\ngradients\t%zu\noptimiser\t%zu\n"
		      "activations\t%zu\nbatch\t%zu\ntotal\t%zu\n",
		      m.parameters, m.gradients, m.optimiser, m.activations,
		      m.batch, m.total);
	if (!(rc = mm_buf_check(&b, "the plan", err)))
		fwrite(b.data, 1, b.len, stdout);
	mm_buf_release(&b);
	return rc;
}

static int train(struct session *s, const struct mm_train_options *o,
		 struct mm_err *err)
{
	const struct mm_train_hooks hooks = { s, on_step, on_stop, on_save };
	int rc;

	s->signal = mm_signals_defer();
	mm_progress_start(&s->progress, &s->a->common, "samples", 0);
	rc = mm_train(&s->model, &s->data, s->val.n ? &s->val : NULL, o, &hooks,
		      err);
	mm_progress_end(&s->progress);
	if (!rc && s->best >= 0)
		mm_note(&s->a->common,
			"best recall@1 %.2f %% (mean of both directions) at "
			"step %ld",
			100 * s->best, s->best_step);
	return rc;
}

static int run(const void *args, int argc, char **argv, struct mm_err *err)
{
	struct session s = { .a = args, .log = -1, .best = -1 };
	struct mm_train_options o;
	int rc = options(args, &o, err);

	if (!rc && !s.a->dry_run)
		rc = mm_need_output(&s.a->common, err);
	if (!rc && !(rc = open_all(&s, argc, argv, err)) &&
	    !(rc = open_augment(&s, &o, err)))
		rc = s.a->dry_run ? print_plan(&s, &o, err)
				  : train(&s, &o, err);
	if (s.log >= 0)
		close(s.log);
	mm_model_release(&s.model);
	mm_dataset_release(&s.data);
	mm_dataset_release(&s.val);
	mm_tokenizer_free(s.tok);
	mm_tokenizer_free(s.stream_tok);
	mm_wordnet_free(s.wordnet);
	return rc;
}

const struct mm_cmd mm_cmd_train = {
	.name = "train",
	.group = MM_LEARN,
	.summary = "learn a dual encoder from image-text pairs",
	.synopsis = "(--preset NAME | -m DIR) [--tokenizer DIR] -o DIR "
		    "[OPTION]... [STREAM]...",
	.details = "Reads preprocessed streams (columns image, ids, mask), "
		   "standard input where none is named. The "
		   "folder holds at every moment the last complete "
		   "checkpoint.",
	.min_operands = 0,
	.max_operands = MM_MANY,
	.opts = opts,
	MM_ARGS(struct train_args, defaults),
	.run = run,
};
