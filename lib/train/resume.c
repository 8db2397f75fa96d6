/*
 * resume.c - the checkpoint of a run.
 *
 * train.safetensors: NAME (weights), NAME.m and NAME.v (moments) of every
 * parameter, and the counters as metadata.  It is renamed into place before
 * the model folder's own files, and alone is what a run goes on from, so a
 * kill at any moment finds one complete checkpoint.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "train/internal.h"

enum { PATH = 4096, N_META = 8 };

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

/* Everything that must be the same for a run to go on with the same bits. */
static void describe(const struct mm_run *r, char *out, size_t size)
{
	const struct mm_train_options *o = r->o;
	struct mm_buf augment = { 0 };
	int n;

	mm_augment_format(&augment, &o->augment.spec);
	n = snprintf(out, size,
		     "steps %ld batch %zu lr %.17g warmup %.17g %d schedule %d "
		     "optimizer %d wd %.17g betas %.17g %.17g eps %.17g clip "
		     "%.17g shuffle %d loss %d smoothing %.17g augment %.500s "
		     "dropout %.17g scale %.17g pieces %zu %zu",
		     r->steps, o->batch, o->lr, o->warmup, o->warmup_fraction,
		     (int)o->schedule, (int)o->optimizer, o->weight_decay,
		     o->beta1, o->beta2, o->eps, o->clip_norm, o->shuffle,
		     (int)o->loss, o->smoothing, mm_buf_str(&augment),
		     r->m->dropout, r->m->fixed_scale, r->image.piece,
		     r->text.piece);
	for (int g = 0; g < MM_N_GROUPS; g++)
		n += snprintf(out + n, size - (size_t)n, " %.17g",
			      o->lr_group[g]);
	for (size_t k = 0; k < o->n_freeze && n < (int)size - 128; k++)
		n += snprintf(out + n, size - (size_t)n, " freeze %.100s",
			      o->freeze[k]);
	mm_buf_release(&augment);
}

static struct mm_tensor tensor_of(struct mm_run *r, const struct mm_param *p,
				  const char *suffix, const mm_real *data,
				  struct mm_arena *names)
{
	struct mm_tensor t = { .dtype = MM_F32, .rank = p->shape.rank };

	(void)r;
	t.name = mm_arena_printf(names, "%s%s", p->name, suffix);
	memcpy(t.dim, p->shape.dim, sizeof(t.dim));
	t.data = data;
	t.nbytes = p->n * sizeof(float);
	return t;
}

static int save_state(struct mm_run *r, const char *path, struct mm_err *err)
{
	const struct mm_store *s = &r->m->store;
	struct mm_arena names = { 0 };
	struct mm_tensor *t = mm_calloc(s->n, 3 * sizeof(*t));
	char text[N_META][1024];
	const struct mm_meta meta[] = {
		{ "mmtool.step", text[0] },
		{ "mmtool.seed", text[1] },
		{ "mmtool.data", text[2] },
		{ "mmtool.options", text[3] },
		{ "mmtool.best", text[4] },
		{ "mmtool.best_step", text[5] },
		{ "mmtool.bad_evals", text[6] },
	};
	size_t n = 0;
	int rc;

	if (!t)
		return mm_fail_nomem(err, "a checkpoint");
	for (size_t i = 0; i < s->n; i++) {
		const struct mm_param *p = s->param[i];
		const size_t at = (size_t)(p->val - (mm_real *)s->values);

		t[n++] = tensor_of(r, p, "", p->val, &names);
		t[n++] = tensor_of(r, p, ".m", r->moment1 + at, &names);
		t[n++] = tensor_of(r, p, ".v", r->moment2 + at, &names);
	}
	snprintf(text[0], 1024, "%ld", r->step);
	snprintf(text[1], 1024, "%" PRIu64, r->o->seed);
	snprintf(text[2], 1024, "%" PRIu64, r->data->fingerprint);
	describe(r, text[3], 1024);
	snprintf(text[4], 1024, "%.17g", r->best);
	snprintf(text[5], 1024, "%ld", r->best_step);
	snprintf(text[6], 1024, "%ld", r->bad_evals);
	rc = mm_safetensors_write(path, t, n, meta,
				  sizeof(meta) / sizeof(*meta), err);
	mm_arena_release(&names);
	mm_free(t);
	return rc;
}

int mm_run_save(struct mm_run *r, struct mm_err *err)
{
	char path[PATH];
	int rc;

	snprintf(path, sizeof(path), "%s/train.safetensors", r->o->dir);
	if ((rc = mm_mkdirs(r->o->dir, err)) ||
	    (rc = save_state(r, path, err)) ||
	    (rc = mm_model_save(r->m, r->o->dir, err)))
		return rc;
	return r->hooks->save ? r->hooks->save(r->hooks->ctx, r->o->dir, err)
			      : MM_OK;
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

static int same(const struct mm_safetensors *f, const char *key,
		const char *want, const char *what, struct mm_err *err)
{
	const char *have = mm_safetensors_meta(f, key);

	if (have && !strcmp(have, want))
		return MM_OK;
	return mm_fail(err, MM_ERR_REFUSED,
		       "was made with other %s (%s, now %s): it cannot be "
		       "resumed with these",
		       what, have ? have : "none", want);
}

static long number(const struct mm_safetensors *f, const char *key)
{
	const char *s = mm_safetensors_meta(f, key);

	return s ? strtol(s, NULL, 10) : 0;
}

static int load(struct mm_run *r, const struct mm_safetensors *f,
		struct mm_err *err)
{
	const struct mm_store *s = &r->m->store;
	const char *best = mm_safetensors_meta(f, "mmtool.best");
	char text[1024];
	int rc;

	snprintf(text, sizeof(text), "%" PRIu64, r->o->seed);
	if ((rc = same(f, "mmtool.seed", text, "seed", err)))
		return rc;
	snprintf(text, sizeof(text), "%" PRIu64, r->data->fingerprint);
	if ((rc = same(f, "mmtool.data", text, "data", err)))
		return rc;
	describe(r, text, sizeof(text));
	if ((rc = same(f, "mmtool.options", text, "options", err)))
		return rc;
	for (size_t i = 0; i < s->n; i++) {
		struct mm_param *p = s->param[i];
		const size_t at = (size_t)(p->val - (mm_real *)s->values);

		if ((rc = load_array(f, p, "", p->val, err)) ||
		    (rc = load_array(f, p, ".m", r->moment1 + at, err)) ||
		    (rc = load_array(f, p, ".v", r->moment2 + at, err)))
			return rc;
	}
	r->step = number(f, "mmtool.step");
	r->best_step = number(f, "mmtool.best_step");
	r->bad_evals = number(f, "mmtool.bad_evals");
	r->best = best ? strtod(best, NULL) : -1;
	if (r->step < 0 || r->step > r->steps)
		return mm_fail(err, MM_ERR_FORMAT, "is at step %ld of %ld",
			       r->step, r->steps);
	return MM_OK;
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
