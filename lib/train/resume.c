/*
 * resume.c - the checkpoint of a run.
 *
 * train.safetensors: NAME (weights), NAME.m and NAME.v (moments), NAME.ema and
 * NAME.best where they are kept, of every parameter, and the counters as
 * metadata.  It is renamed into place before the model folder's own files, and
 * alone is what a run goes on from, so a kill at any moment finds one complete
 * checkpoint.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "train/internal.h"
#include "train/learnt.h"

enum { PATH = 4096, N_META = 16, N_ARRAYS = 5 };

bool mm_train_exists(const char *dir)
{
	static const char *const files[] = { "train.safetensors",
					     "model.safetensors" };
	char path[PATH];
	struct stat st;

	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
		if (!stat(path, &st))
			return true;
	}
	return false;
}

bool mm_train_finished(const char *dir)
{
	struct mm_safetensors f;
	char path[PATH];
	const char *done;
	bool yes;

	snprintf(path, sizeof(path), "%s/train.safetensors", dir);
	if (mm_safetensors_open(&f, path, NULL))
		return false;
	done = mm_safetensors_meta(&f, "mmtool.finished");
	yes = done && !strcmp(done, "1");
	mm_safetensors_release(&f);
	return yes;
}

/* ---- what must be the same ---- */

static void put_list(struct mm_buf *b, const char *what,
		     const char *const *item, size_t n)
{
	for (size_t k = 0; k < n; k++)
		mm_buf_printf(b, "%s %s\n", what, item[k]);
}

/* Everything that must be the same for a run to go on with the same bits:
 * a line each, name and value. */
static void describe(const struct mm_run *r, struct mm_buf *b)
{
	const struct mm_train_options *o = r->o;

	mm_buf_printf(b, "steps %ld\nbatch-size %zu\nmicro-batch-image %zu\n",
		      r->steps, o->batch, o->micro_image);
	mm_buf_printf(b, "micro-batch-text %zu\nloss ", o->micro_text);
	mm_terms_format(b, r->term, r->n_terms);
	mm_buf_printf(b,
		      "\nlr %.17g\nwarmup %.17g%s\nschedule %d\noptimizer %s\n"
		      "weight-decay %.17g\nbeta1 %.17g\nbeta2 %.17g\n"
		      "eps %.17g\nmomentum %.17g\nclip-norm %.17g\n"
		      "layer-decay %.17g\n",
		      o->lr, o->warmup, o->warmup_fraction ? " of all" : "",
		      (int)o->schedule, mm_optimizer_name(o->optimizer),
		      o->weight_decay, o->beta1, o->beta2, o->eps, o->momentum,
		      o->clip_norm, o->layer_decay);
	for (int g = 0; g < MM_N_GROUPS; g++)
		mm_buf_printf(b, "lr-%s %.17g\nweight-decay-%s %.17g\n",
			      mm_group_names[g], o->lr_group[g],
			      mm_group_names[g], o->decay_group[g]);
	mm_buf_printf(b,
		      "shuffle %d\nlabel-smoothing %.17g\nmargin %.17g\n"
		      "mask-tokens %.17g\nmask-patches %.17g\nmask-id %d\n"
		      "dropout %.17g\ndrop-path %.17g\ntemperature %.17g\n"
		      "ema %.17g\nlora %zu\nlock-image %d\nprecision %d\n"
		      "distill-temperature %.17g\n",
		      o->shuffle, o->smoothing, o->margin, o->mask_tokens,
		      o->mask_patches, (int)o->mask_id, r->m->dropout,
		      r->m->drop_path, r->m->fixed_scale, o->ema, o->lora,
		      o->lock_image, (int)o->precision, o->distill_temperature);
	mm_buf_printf(b, "augment ");
	mm_augment_format(b, &o->augment.spec);
	mm_buf_printf(b, "\nval %d\n", r->val && o->restore_best);
	if (o->fusion_dropout >= 0)
		mm_buf_printf(b, "fusion-dropout %.17g\n", o->fusion_dropout);
	if (o->new_head)
		mm_buf_printf(b, "new-head 1\n");
	if (r->data->window)
		mm_buf_printf(b, "window %zu\n", r->data->n_parts);
	put_list(b, "freeze", o->freeze, o->n_freeze);
	put_list(b, "no-decay", o->no_decay, o->n_no_decay);
	for (size_t s = 0; o->source_weight && s < r->data->n_streams; s++)
		mm_buf_printf(b, "source %.17g\n", o->source_weight[s]);
}

/* The first line in which two descriptions differ. */
static int differ(const char *have, const char *want, struct mm_err *err)
{
	size_t a, b;

	while (*have && *want) {
		a = strcspn(have, "\n");
		b = strcspn(want, "\n");
		if (a != b || strncmp(have, want, a))
			break;
		have += a + (have[a] == '\n');
		want += b + (want[b] == '\n');
	}
	a = strcspn(have, "\n");
	b = strcspn(want, "\n");
	return mm_fail(err, MM_ERR_REFUSED,
		       "was made with other options (%.*s, now %.*s): use the "
		       "same, or --resume-changed",
		       a ? (int)(a > 200 ? 200 : a) : 4, a ? have : "less",
		       b ? (int)(b > 200 ? 200 : b) : 4, b ? want : "less");
}

static int same(const struct mm_safetensors *f, const char *key, uint64_t want,
		const char *what, struct mm_err *err)
{
	const char *have = mm_safetensors_meta(f, key);
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64, want);
	if (have && !strcmp(have, text))
		return MM_OK;
	return mm_fail(err, MM_ERR_REFUSED,
		       "was made with other %s (%s, now %s): use the same, or "
		       "--resume-changed",
		       what, have ? have : "none", text);
}

static int check_same(const struct mm_run *r, const struct mm_safetensors *f,
		      struct mm_err *err)
{
	const char *have = mm_safetensors_meta(f, "mmtool.options");
	struct mm_buf want = { 0 };
	int rc;

	if ((rc = same(f, "mmtool.seed", r->o->seed, "seed", err)) ||
	    (rc = same(f, "mmtool.data", r->data->fingerprint, "data", err)))
		return rc;
	describe(r, &want);
	if (!(rc = mm_buf_check(&want, "a checkpoint", err)) &&
	    (!have || strcmp(have, mm_buf_str(&want))))
		rc = differ(have ? have : "", mm_buf_str(&want), err);
	mm_buf_release(&want);
	return rc;
}

/* ---- the arrays ---- */

/* Suffix and values of array k; NULL where the run keeps none. */
static mm_real *array(const struct mm_run *r, int k, const char **suffix)
{
	static const char *const suffixes[N_ARRAYS] = { "", ".m", ".v", ".ema",
							".best" };
	mm_real *const values[N_ARRAYS] = {
		r->m->store.values, r->update.moment1, r->update.moment2,
		r->update.ema,	    r->best_values,
	};

	*suffix = suffixes[k];
	return values[k];
}

static size_t place(const struct mm_run *r, const struct mm_param *p)
{
	return (size_t)(p->val - (mm_real *)r->m->store.values);
}

/* What does not learn has no moments. */
static bool keeps(const struct mm_param *p, const char *suffix)
{
	return p->grad || (strcmp(suffix, ".m") && strcmp(suffix, ".v"));
}

static size_t list_arrays(const struct mm_run *r, struct mm_tensor *out,
			  struct mm_arena *names)
{
	const struct mm_store *s = &r->m->store;
	size_t n = 0;

	for (size_t i = 0; i < s->n * N_ARRAYS; i++) {
		const struct mm_param *p = s->param[i / N_ARRAYS];
		const char *suffix;
		const mm_real *values = array(r, i % N_ARRAYS, &suffix);
		struct mm_tensor *t = &out[n];

		if (!values || !keeps(p, suffix))
			continue;
		*t = (struct mm_tensor){ .dtype = MM_F32,
					 .rank = p->shape.rank };
		t->name = mm_arena_printf(names, "%s%s", p->name, suffix);
		memcpy(t->dim, p->shape.dim, sizeof(t->dim));
		t->data = values + place(r, p);
		t->nbytes = p->n * sizeof(float);
		n++;
	}
	return n;
}

static int load_array(const struct mm_safetensors *f, const struct mm_param *p,
		      const char *suffix, mm_real *out, struct mm_err *err)
{
	const struct mm_tensor *t;
	char name[512];

	snprintf(name, sizeof(name), "%s%s", p->name, suffix);
	t = mm_safetensors_find(f, name);
	if (!t || t->dtype != MM_F32 || t->nbytes != p->n * sizeof(float))
		return mm_fail(err, MM_ERR_FORMAT,
			       "has no '%s' of the model's size: another "
			       "model was trained there",
			       name);
	memcpy(out, t->data, t->nbytes);
	return MM_OK;
}

/* ---- saving ---- */

/* The counters: keys and where their values go. */
static const struct {
	const char *key;
	size_t at;
} counters[] = {
	{ "mmtool.step", offsetof(struct mm_run, step) },
	{ "mmtool.best_step", offsetof(struct mm_run, best_step) },
	{ "mmtool.bad_evals", offsetof(struct mm_run, bad_evals) },
	{ "mmtool.skipped", offsetof(struct mm_run, update.skipped) },
	{ "mmtool.clean", offsetof(struct mm_run, update.clean) },
};
enum { N_COUNTERS = sizeof(counters) / sizeof(*counters) };

static long *counter(struct mm_run *r, size_t k)
{
	return (long *)(void *)((char *)r + counters[k].at);
}

static int save_state(struct mm_run *r, bool finished, const char *path,
		      struct mm_err *err)
{
	struct mm_arena names = { 0 };
	struct mm_tensor *t = mm_calloc(r->m->store.n, N_ARRAYS * sizeof(*t));
	struct mm_buf options = { 0 }, learnt = { 0 };
	char text[N_META][64];
	struct mm_meta meta[N_META];
	size_t n = 0;
	int rc;

	if (!t)
		return mm_fail_nomem(err, "a checkpoint");
	describe(r, &options);
	for (; n < N_COUNTERS; n++) {
		snprintf(text[n], 64, "%ld", *counter(r, n));
		meta[n] = (struct mm_meta){ counters[n].key, text[n] };
	}
	snprintf(text[n], 64, "%" PRIu64, r->o->seed);
	meta[n] = (struct mm_meta){ "mmtool.seed", text[n] };
	snprintf(text[++n], 64, "%" PRIu64, r->data->fingerprint);
	meta[n] = (struct mm_meta){ "mmtool.data", text[n] };
	snprintf(text[++n], 64, "%.17g", r->best);
	meta[n] = (struct mm_meta){ "mmtool.best", text[n] };
	snprintf(text[++n], 64, "%.17g", r->update.scale);
	meta[n] = (struct mm_meta){ "mmtool.loss_scale", text[n] };
	snprintf(text[++n], 64, "%" PRIu64, r->at.seen);
	meta[n] = (struct mm_meta){ "mmtool.seen", text[n] };
	meta[++n] = (struct mm_meta){ "mmtool.finished", finished ? "1" : "0" };
	meta[++n] = (struct mm_meta){ "mmtool.options", mm_buf_str(&options) };
	if (!(rc = mm_learnt_format(r, &learnt, err)) &&
	    !(rc = mm_buf_check(&options, "a checkpoint", err))) {
		meta[++n] = (struct mm_meta){ "mmtool.learnt",
					      mm_buf_str(&learnt) };
		rc = mm_safetensors_write(path, t, list_arrays(r, t, &names),
					  meta, n + 1, err);
	}
	mm_buf_release(&learnt);
	mm_buf_release(&options);
	mm_arena_release(&names);
	mm_free(t);
	return rc;
}

/* Exchange the weights with the best ones. */
static void swap_best(struct mm_run *r)
{
	const struct mm_store *s = &r->m->store;

	for (size_t i = 0; i < s->n; i++)
		for (size_t k = 0; k < s->param[i]->n; k++) {
			mm_real *a = s->param[i]->val + k;
			mm_real *b = r->best_values + place(r, s->param[i]) + k;
			const mm_real t = *a;

			*a = *b;
			*b = t;
		}
}

/* The folder that others open: the average, or in the end the best. */
static int save_model(struct mm_run *r, bool finished, struct mm_err *err)
{
	const bool best = finished && r->best_values && r->best_step > 0;
	mm_real *undo;
	int rc;

	/* The best weights were kept as they were measured: averaged. */
	if (best)
		swap_best(r);
	else
		mm_update_swap(r);
	if (!(rc = mm_lora_merge(&r->m->store, &undo, err)))
		rc = mm_model_save(r->m, r->o->dir, err);
	mm_lora_undo(&r->m->store, undo);
	if (best)
		swap_best(r);
	else
		mm_update_swap(r);
	return rc;
}

int mm_run_save(struct mm_run *r, bool finished, struct mm_err *err)
{
	char path[PATH];
	int rc;

	if (r->world.rank > 0)
		return MM_OK; /* all have the same; one writes it */
	snprintf(path, sizeof(path), "%s/train.safetensors", r->o->dir);
	if ((rc = mm_mkdirs(r->o->dir, err)) ||
	    (rc = save_state(r, false, path, err)) ||
	    (rc = save_model(r, finished, err)))
		return rc;
	if (r->hooks->save &&
	    (rc = r->hooks->save(r->hooks->ctx, r->o->dir, err)))
		return rc;
	/* Whoever goes on from a finished run reads the model's own files. */
	return finished ? save_state(r, true, path, err) : MM_OK;
}

/* ---- loading ---- */

static double number(const struct mm_safetensors *f, const char *key,
		     double fallback)
{
	const char *s = mm_safetensors_meta(f, key);

	return s ? strtod(s, NULL) : fallback;
}

static int load(struct mm_run *r, const struct mm_safetensors *f,
		struct mm_err *err)
{
	const struct mm_store *s = &r->m->store;
	const char *seen, *learnt = mm_safetensors_meta(f, "mmtool.learnt");
	int rc = r->o->resume_changed ? MM_OK : check_same(r, f, err);

	for (size_t i = 0; i < s->n * N_ARRAYS && !rc; i++) {
		struct mm_param *p = s->param[i / N_ARRAYS];
		const char *suffix;
		mm_real *values = array(r, i % N_ARRAYS, &suffix);

		if (values && keeps(p, suffix))
			rc = load_array(f, p, suffix, values + place(r, p),
					err);
	}
	if (rc ||
	    (learnt && (rc = mm_learnt_parse(&r->learnt, learnt, 0, err))))
		return rc;
	for (size_t k = 0; k < N_COUNTERS; k++)
		*counter(r, k) = (long)number(f, counters[k].key, 0);
	r->best = number(f, "mmtool.best", 0);
	r->update.scale = number(f, "mmtool.loss_scale", r->update.scale);
	if (r->step < 0 || r->step > r->steps)
		return mm_fail(err, MM_ERR_FORMAT, "is at step %ld of %ld",
			       r->step, r->steps);
	/* Another stream, if that is what is wanted, begins at its start. */
	if (!r->data->window || r->o->resume_changed)
		return MM_OK;
	seen = mm_safetensors_meta(f, "mmtool.seen");
	return mm_run_replay(r, seen ? strtoull(seen, NULL, 10) : 0, err);
}

int mm_run_load(struct mm_run *r, bool *found, struct mm_err *err)
{
	struct mm_safetensors f;
	char path[PATH];
	struct stat st;
	int rc;

	snprintf(path, sizeof(path), "%s/train.safetensors", r->o->dir);
	*found = !stat(path, &st);
	if (!*found)
		return MM_OK;
	if ((rc = mm_safetensors_open(&f, path, err)))
		return rc;
	if ((rc = load(r, &f, err)))
		rc = mm_fail_ctx(err, "'%s'", path);
	mm_safetensors_release(&f);
	return rc;
}
