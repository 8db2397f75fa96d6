/* train_stage.c - one stage of mmtool train: open what it needs, run it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "data/window.h"
#include "image/preset.h"
#include "text/tokenizer.h"
#include "train.h"

enum { PATH = 4096, EPOCHS = 10 };

struct session {
	const struct mm_train_args *a;
	const struct mm_train_stage *stage;
	struct mm_train_options o;
	struct mm_tokenizer *tok;
	struct mm_tokenizer *stream_tok; /* the stream's, where augment wants */
	struct mm_wordnet *wordnet;
	struct mm_model model;
	struct mm_dataset data, val;
	struct mm_image_preset pictures;
	bool has_pictures;
	struct mm_arena arena; /* paths and weights of sources */
	double *weight;
	struct mm_zeroshot zeroshot;
	struct mm_progress progress;
	const volatile sig_atomic_t *signal;
	struct mm_train_log log;
	struct mm_train_report last; /* best figure so far */
};

/* ---- hooks ---- */

/* Most memory that the process ever had, in MB. */
static double peak_mb(void)
{
	struct rusage u;

	return getrusage(RUSAGE_SELF, &u) ? 0 : (double)u.ru_maxrss / 1024;
}

/* "recall@1 45.20 %", "lm.loss 2.3456" */
static void show_figure(char *out, size_t size, const char *name, double value)
{
	const bool share = strstr(name, "recall") || strstr(name, "acc") ||
			   strstr(name, "f1_");

	snprintf(out, size, share ? "%s %.2f %%" : "%s %.4f", name,
		 share ? 100 * value : value);
}

/* Of a stream that passed by, nothing is left out unsaid. */
static void note_end(const struct session *s, const struct mm_train_report *r)
{
	if (r->ended && r->step < r->steps)
		mm_note(&s->a->common, "the stream ended after step %ld of %ld",
			r->step, r->steps);
	if (r->left_over)
		mm_note(&s->a->common,
			"%zu samples of the window%s are left over",
			r->left_over,
			r->ended ? "" : " and what comes behind them");
}

static int on_step(void *ctx, const struct mm_train_report *r,
		   struct mm_err *err)
{
	struct session *s = ctx;
	const uint64_t batch = s->o.batch;
	char note[256], best[96];
	int rc = mm_train_log_write(&s->log, s->stage->dir, r, err), n;

	if (rc)
		return rc;
	if (r->evaluated)
		s->last = *r;
	if (r->spike)
		mm_note(&s->a->common,
			"step %ld: the gradient of '%s' is %.0f times its "
			"usual size",
			r->step, r->spike, r->spike_factor);
	n = snprintf(note, sizeof(note), "step %ld", r->step);
	if (r->steps)
		n += snprintf(note + n, sizeof(note) - (size_t)n, "/%ld",
			      r->steps);
	n += snprintf(note + n, sizeof(note) - (size_t)n, " loss %.4f",
		      r->loss);
	if (s->last.monitor) {
		show_figure(best, sizeof(best), s->last.monitor, s->last.best);
		n += snprintf(note + n, sizeof(note) - (size_t)n, " best %s",
			      best);
	}
	if (r->ended || (s->data.window && r->step == r->steps))
		note_end(s, r);
	if (r->evaluated && s->a->plot && (rc = mm_train_plot(s->stage, err)))
		return rc;
	snprintf(note + n, sizeof(note) - (size_t)n, " mem %.0f MB", peak_mb());
	s->progress.total = (uint64_t)r->steps * batch;
	mm_progress_show(&s->progress, (uint64_t)r->step * batch, note);
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

static int names(const struct mm_train_args *a, struct mm_train_options *o,
		 struct mm_err *err)
{
	int rc = mm_terms_parse(o->term, &o->n_terms, a->loss, err);

	if (rc)
		return mm_fail_ctx(err, "--loss");
	if (!(o->optimizer = mm_optimizer_find(a->optimizer)))
		return mm_fail(err, MM_ERR_USAGE,
			       "--optimizer knows adamw, sgd and lamb, not "
			       "'%s'",
			       a->optimizer);
	if (mm_augment_parse(&o->augment.spec, a->augment ? a->augment : "",
			     err))
		return mm_fail_ctx(err, "--augment");
	return MM_OK;
}

static int options(struct session *s, struct mm_err *err)
{
	const struct mm_train_args *a = s->a;
	struct mm_train_options *o = &s->o;

	*o = (struct mm_train_options){
		.dir = s->stage->dir,
		.world = s->stage->world,
		.init = s->stage->init,
		.n_init = s->stage->n_init,
		.epochs = a->epochs ? (long)a->epochs : EPOCHS,
		.steps = (long)a->steps,
		.batch = (size_t)a->common.batch_size,
		.micro_image = (size_t)a->micro_image,
		.micro_text = (size_t)a->micro_text,
		.recompute = a->recompute,
		.lr = a->lr,
		.layer_decay = a->layer_decay,
		.warmup = a->warmup.value,
		.warmup_fraction = a->warmup.fraction,
		.schedule = (enum mm_schedule)a->schedule,
		.weight_decay = a->weight_decay,
		.no_decay = a->no_decay.item,
		.n_no_decay = a->no_decay.n,
		.beta1 = a->beta1,
		.beta2 = a->beta2,
		.eps = a->eps,
		.momentum = a->momentum,
		.clip_norm = a->clip_norm,
		.precision = (enum mm_compute)a->precision,
		.shuffle = a->shuffle,
		.smoothing = isnan(a->smoothing) ? -1 : a->smoothing,
		.margin = a->margin,
		.fusion_dropout =
			isnan(a->fusion_dropout) ? -1 : a->fusion_dropout,
		.mask_tokens = a->mask_tokens,
		.mask_patches = a->mask_patches,
		.mask_id = -1,
		.distill = a->distill,
		.distill_temperature = a->distill_temperature,
		.seed = (uint64_t)a->common.seed,
		.eval_every = (long)a->eval_every,
		.save_every = (long)a->save_every,
		.monitor = a->monitor,
		.patience = (long)a->patience,
		.min_delta = a->min_delta,
		.restore_best = a->restore_best,
		.freeze = a->freeze.item,
		.n_freeze = a->freeze.n,
		.lock_image = a->lock_image,
		.new_head = a->new_head,
		.lora = (size_t)a->lora,
		.ema = a->ema,
		.resume = a->resume || a->resume_changed,
		.resume_changed = a->resume_changed,
		.debug_nan = a->debug_nan,
	};
	for (int g = 0; g < MM_N_GROUPS; g++) {
		o->lr_group[g] = isnan(a->lr_of[g]) ? -1 : a->lr_of[g];
		o->decay_group[g] = isnan(a->decay_of[g]) ? -1 : a->decay_of[g];
	}
	return names(a, o, err);
}

/* ---- sources: "a.mmt:0.7" ---- */

/* Takes a weight off a path's end, unless a file has that name; NAN: none. */
static int split_weight(char *path, double *w, struct mm_err *err)
{
	char *colon = strrchr(path, ':'), *end;
	struct stat st;

	*w = NAN;
	if (!colon || !colon[1] || !stat(path, &st))
		return MM_OK;
	*w = strtod(colon + 1, &end);
	if (*end) {
		*w = NAN;
		return MM_OK;
	}
	if (!(*w > 0) || !isfinite(*w))
		return mm_fail(err, MM_ERR_USAGE,
			       "'%s': the weight behind the colon is no number "
			       "above 0",
			       path);
	*colon = '\0';
	return MM_OK;
}

static int open_window(struct session *s, const char *path, struct mm_err *err)
{
	const struct mm_train_args *a = s->a;

	if (s->stage->n_data > 1 || s->o.source_weight)
		return mm_fail(err, MM_ERR_USAGE,
			       "--window reads one stream, without a weight");
	if (a->window < a->common.batch_size)
		return mm_fail(err, MM_ERR_USAGE,
			       "a window of %lld samples holds no batch of "
			       "%lld",
			       (long long)a->window,
			       (long long)a->common.batch_size);
	return mm_window_open(&s->data, path, (size_t)a->window,
			      a->epochs ? (size_t)a->epochs : 1, err);
}

static int open_data(struct session *s, struct mm_err *err)
{
	static const char *const standard_input[] = { "-" };
	const struct mm_train_stage *t = s->stage;
	const char **path =
		mm_arena_alloc(&s->arena, t->n_data + 1, sizeof(*path));
	const bool piped = !t->n_data || !strcmp(t->data[0], "-");
	size_t weighted = 0;
	int rc;

	s->weight =
		mm_arena_alloc(&s->arena, t->n_data + 1, sizeof(*s->weight));
	if (!path || !s->weight)
		return mm_fail_nomem(err, "the data");
	if (piped && t->world->size > 1)
		return mm_fail(err, MM_ERR_USAGE,
			       "several processes cannot share standard input; "
			       "name a file");
	for (size_t i = 0; i < t->n_data; i++) {
		char *copy = mm_arena_strdup(&s->arena, t->data[i]);

		if (!copy)
			return mm_fail_nomem(err, "the data");
		if ((rc = split_weight(copy, &s->weight[i], err)))
			return rc;
		weighted += !isnan(s->weight[i]);
		path[i] = copy;
	}
	if (weighted && weighted < t->n_data)
		return mm_fail(err, MM_ERR_USAGE,
			       "some sources have a weight and some have none");
	if (weighted)
		s->o.source_weight = s->weight;
	if (s->a->window)
		return open_window(s, piped ? "-" : path[0], err);
	return mm_dataset_open(&s->data, t->n_data ? path : standard_input,
			       t->n_data ? t->n_data : 1, err);
}

/* ---- what the run starts from ---- */

static int open_tokenizer(struct session *s, struct mm_err *err)
{
	const struct mm_train_args *a = s->a;

	if (a->tokenizer)
		return mm_tokenizer_open(&s->tok, a->tokenizer, MM_CLEAN_HF,
					 err);
	/* A model folder may come without: its ids are in the data. */
	if (s->stage->from &&
	    mm_tokenizer_open(&s->tok, s->stage->from, MM_CLEAN_HF, NULL))
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
	} else if (s->data.window) {
		return mm_fail(err, MM_ERR_USAGE,
			       "--window: a stream that passes by does not "
			       "tell the vocabulary: use --tokenizer");
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

	if (s->stage->from &&
	    !mm_image_preset_load(&s->pictures, s->stage->from, NULL)) {
		if (s->a->common.image_size)
			mm_image_preset_resize(&s->pictures, s->data.W,
					       s->data.H);
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

static int open_all(struct session *s, struct mm_err *err)
{
	const struct mm_train_args *a = s->a;
	int rc;

	if ((rc = open_data(s, err)))
		return rc;
	if (a->val.n &&
	    (rc = mm_dataset_open(&s->val, a->val.item, a->val.n, err)))
		return rc;
	if ((rc = open_tokenizer(s, err)))
		return rc;
	if (s->tok)
		s->o.mask_id = mm_tokenizer_info(s->tok)->mask;
	rc = s->stage->from ? mm_model_open(&s->model, s->stage->from, err)
			    : new_model(s, err);
	if (rc || (rc = mm_model_resize(&s->model, (size_t)a->common.image_size,
					err)))
		return rc;
	if (s->data.has_statistics)
		mm_model_set_values(&s->model, &s->data.values);
	s->model.dropout = a->dropout;
	s->model.drop_path = a->drop_path;
	if (a->temperature.word == MM_WORD_NUMBER)
		s->model.fixed_scale = 1 / a->temperature.value;
	describe_pictures(s);
	return MM_OK;
}

static int open_zeroshot(struct session *s, struct mm_err *err)
{
	if (!s->a->zeroshot && s->a->templates)
		return mm_fail(err, MM_ERR_USAGE,
			       "--templates without --zeroshot has no use");
	if (!s->a->zeroshot)
		return MM_OK;
	s->o.zeroshot = &s->zeroshot;
	return mm_train_prompts(&s->zeroshot, &s->arena, s->a,
				s->tok ? s->tok : s->stream_tok, &s->model,
				err);
}

/* What captions that change need. */
static int open_augment(struct session *s, struct mm_err *err)
{
	struct mm_augment_options *a = &s->o.augment;
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

static int print_plan(struct session *s, struct mm_err *err)
{
	struct mm_train_memory m;
	struct mm_buf b = { 0 };
	int rc = mm_train_plan(&s->model, &s->data, &s->o, &m, err);

	if (rc)
		return rc;
	if (s->stage->name)
		mm_buf_printf(&b, "stage\t%s\n", s->stage->name);
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

/* Rounded products save time only where the processor has them. */
static void note_precision(const struct session *s)
{
	if (s->o.precision != MM_COMPUTE_F32 && !mm_gemm_fast(s->o.precision))
		mm_note(&s->a->common,
			"this processor has no products in %s: the numbers are "
			"those of one that has, but it takes longer than fp32",
			s->o.precision == MM_COMPUTE_BF16 ? "bf16" : "fp16");
}

/* Told before hours are spent. */
static int check_plot(const char *path, struct mm_err *err)
{
	const char *dot = strrchr(path, '.'), *slash = strrchr(path, '/');
	char dir[PATH] = ".";

	if (!dot || (strcmp(dot, ".svg") && strcmp(dot, ".html")))
		return mm_fail(err, MM_ERR_USAGE,
			       "--plot '%s' is no .svg and no .html", path);
	if (slash)
		snprintf(dir, sizeof(dir), "%.*s",
			 slash == path ? 1 : (int)(slash - path), path);
	if (access(dir, W_OK | X_OK))
		return mm_fail_errno(err, "--plot: cannot write into '%s'",
				     dir);
	return MM_OK;
}

static int train(struct session *s, struct mm_err *err)
{
	const struct mm_train_hooks hooks = { s, on_step, on_stop, on_save };
	char best[96];
	int rc;

	if (s->a->plot && (rc = check_plot(s->a->plot, err)))
		return rc;
	note_precision(s);
	s->signal = mm_signals_defer();
	mm_progress_start(&s->progress, &s->a->common, "samples", 0);
	rc = mm_train(&s->model, &s->data, s->val.n ? &s->val : NULL, &s->o,
		      &hooks, err);
	mm_progress_end(&s->progress);
	if (!rc && s->a->plot && s->stage->world->rank == 0)
		rc = mm_train_plot(s->stage, err);
	if (rc || !s->last.monitor)
		return rc;
	show_figure(best, sizeof(best), s->last.monitor, s->last.best);
	mm_note(&s->a->common, "%s%s%sbest %s%s at step %ld",
		s->stage->name ? "stage " : "",
		s->stage->name ? s->stage->name : "",
		s->stage->name ? ": " : "", best,
		mm_figure_mean(s->last.monitor) ? " (mean of both directions)"
						: "",
		s->last.best_step);
	return rc;
}

int mm_train_run_stage(const struct mm_train_stage *stage, struct mm_err *err)
{
	struct session s = { .a = stage->a,
			     .stage = stage,
			     .log = { .fd = -1 } };
	int rc = options(&s, err);

	if (!rc && !(rc = open_all(&s, err)) && !(rc = open_augment(&s, err)) &&
	    !(rc = open_zeroshot(&s, err)))
		rc = s.a->dry_run ? print_plan(&s, err) : train(&s, err);
	mm_train_log_close(&s.log);
	mm_model_release(&s.model);
	mm_dataset_release(&s.data);
	mm_dataset_release(&s.val);
	mm_tokenizer_free(s.tok);
	mm_tokenizer_free(s.stream_tok);
	mm_wordnet_free(s.wordnet);
	mm_arena_release(&s.arena);
	return rc;
}
