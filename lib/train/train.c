/* train.c - the loop: steps, evaluations, checkpoints; see train.h. */
#include "train/train.h"

#include <limits.h>
#include <string.h>

#include "train/internal.h"
#include "train/learnt.h"
#include "train/zeroshot.h"

/* ---- what is refused ---- */

int mm_run_check_ids(const struct mm_model *m, const struct mm_dataset *d,
		     size_t i, struct mm_err *err)
{
	const int32_t *ids = mm_dataset_ids(d, i);
	const char *id;
	size_t len;

	for (size_t t = 0; t < d->T; t++) {
		if (ids[t] >= 0 && (size_t)ids[t] < m->vocab_size)
			continue;
		id = mm_dataset_id(d, i, &len);
		return mm_fail(err, MM_ERR_FORMAT,
			       "sample '%.*s' has token id %d, the model's "
			       "vocabulary ends at %zu",
			       len > 80 ? 80 : (int)len, id, (int)ids[t],
			       m->vocab_size);
	}
	return MM_OK;
}

int mm_run_check_data(const struct mm_model *m, const struct mm_dataset *d,
		      struct mm_err *err)
{
	int rc = MM_OK;

	if (d->T > m->context_length)
		return mm_fail(err, MM_ERR_SHAPE,
			       "texts of %zu tokens, the model reads %zu", d->T,
			       m->context_length);
	if ((d->H != m->image_size || d->W != m->image_size) &&
	    !m->arch->any_size)
		return mm_fail(err, MM_ERR_SHAPE,
			       "pictures of %zux%zu, the model wants %zux%zu; "
			       "--image-size resizes its positions",
			       d->W, d->H, m->image_size, m->image_size);
	for (size_t i = 0; i < d->n && !rc; i++)
		rc = mm_run_check_ids(m, d, i, err);
	return rc;
}

static bool all_equal(const struct mm_dataset *d)
{
	const int32_t *first = mm_dataset_ids(d, 0);

	for (size_t i = 1; i < d->n; i++)
		if (memcmp(first, mm_dataset_ids(d, i), d->T * sizeof(*first)))
			return false;
	return true;
}

/* The data in messages. */
static const char *name_of(const struct mm_dataset *d)
{
	return d->n_streams == 1 ? d->stream[0].path : "the data";
}

static int check_options(const struct mm_run *r, struct mm_err *err)
{
	const struct mm_train_options *o = r->o;

	if (o->batch > r->data->n)
		return mm_fail(err, MM_ERR_USAGE,
			       "a batch of %zu is more than the %zu samples "
			       "of '%s'",
			       o->batch, r->data->n, name_of(r->data));
	if (r->world.size > o->batch || o->batch % r->world.size)
		return mm_fail(err, MM_ERR_USAGE,
			       "%zu processes cannot share a batch of %zu "
			       "equally",
			       r->world.size, o->batch);
	if (r->pairs && o->batch < 2)
		return mm_fail(err, MM_ERR_USAGE,
			       "a contrastive batch needs two samples");
	if (r->pairs && all_equal(r->data))
		return mm_fail(
			err, MM_ERR_REFUSED,
			"all %zu captions of '%s' are equal: there is nothing "
			"to tell apart",
			r->data->n, name_of(r->data));
	if (r->needs & MM_NEEDS_TEACHER && !o->distill)
		return mm_fail(err, MM_ERR_USAGE,
			       "this objective learns from a teacher: name its "
			       "vectors with --distill");
	if (o->distill && !(r->needs & MM_NEEDS_TEACHER))
		return mm_fail(err, MM_ERR_USAGE,
			       "--distill without an objective 'distill-...' "
			       "has no use");
	return MM_OK;
}

static int no_class(const struct mm_dataset *d, size_t i, bool held_out,
		    struct mm_err *err)
{
	size_t len;
	const char *id = mm_dataset_id(d, i, &len);

	return mm_fail(err, MM_ERR_FORMAT,
		       "'%s': sample '%.*s' has label %lld, which is no "
		       "class%s",
		       name_of(d), len > 80 ? 80 : (int)len, id,
		       (long long)mm_dataset_label(d, i),
		       held_out ? " of the training data" : "");
}

/* Classes 0 .. K-1 of the training data; the held-out ones among them. */
static int count_classes(struct mm_run *r, struct mm_err *err)
{
	const struct mm_dataset *const sets[] = { r->data, r->val };
	int64_t least = INT64_MAX, most = -1;

	if (!(r->needs & MM_NEEDS_LABEL))
		return MM_OK;
	for (int s = 0; s < 2 && sets[s]; s++) {
		if (!sets[s]->has_label)
			return mm_fail(err, MM_ERR_FORMAT,
				       "'%s' has no column 'label', which "
				       "this objective learns",
				       name_of(sets[s]));
		for (size_t i = 0; i < sets[s]->n; i++) {
			const int64_t c = mm_dataset_label(sets[s], i);

			if (c < 0 || c >= (s ? most + 1 : 1 << 20))
				return no_class(sets[s], i, s, err);
			if (s)
				continue;
			most = c > most ? c : most;
			least = c < least ? c : least;
		}
		if (!s && least == most)
			return mm_fail(err, MM_ERR_REFUSED,
				       "every sample of '%s' is of class %lld: "
				       "there is nothing to tell apart",
				       name_of(sets[s]), (long long)least);
	}
	r->classes = (size_t)most + 1;
	return MM_OK;
}

/* What wants all of the data at once has no use for a stream that passes. */
static int check_window(const struct mm_run *r, struct mm_err *err)
{
	const struct mm_train_options *o = r->o;
	const bool open_end = o->steps <= 0;

	if (!r->data->window)
		return MM_OK;
	if (r->world.size > 1)
		return mm_fail(err, MM_ERR_USAGE,
			       "several processes cannot share a stream that "
			       "passes by: name a file, without --window");
	if (r->needs & MM_NEEDS_LABEL)
		return mm_fail(err, MM_ERR_USAGE,
			       "this objective counts the classes first, which "
			       "a stream that passes by does not let it: name "
			       "a file, without --window");
	if (o->distill)
		return mm_fail(err, MM_ERR_USAGE,
			       "--distill looks for each sample's vectors "
			       "first: name a file, without --window");
	if (open_end && (o->schedule == MM_SCHEDULE_COSINE ||
			 o->schedule == MM_SCHEDULE_LINEAR))
		return mm_fail(err, MM_ERR_USAGE,
			       "--window: the schedule falls towards the end, "
			       "which a stream does not tell: use --steps, or "
			       "--schedule constant or rsqrt");
	if (open_end && o->warmup_fraction && o->warmup > 0)
		return mm_fail(err, MM_ERR_USAGE,
			       "--window: a stream does not tell what a share "
			       "of its steps is: use --steps, or --warmup with "
			       "a number of steps");
	return MM_OK;
}

static int check_sources(const struct mm_run *r, struct mm_err *err)
{
	const struct mm_dataset *d = r->data;

	for (size_t s = 0; r->o->source_weight && s < d->n_streams; s++)
		if (d->first[s] == d->first[s + 1])
			return mm_fail(err, MM_ERR_FORMAT,
				       "source %zu holds no samples", s + 1);
	return MM_OK;
}

/* ---- starting ---- */

static int open_feed(struct mm_run *r, struct mm_err *err)
{
	struct mm_augment_options a = r->o->augment;

	a.seed = r->o->seed;
	if (!mm_augment_pictures(&a.spec) && !mm_augment_texts(&a.spec))
		return MM_OK;
	if (a.tokenizer &&
	    mm_tokenizer_info(a.tokenizer)->vocab_size > r->m->vocab_size)
		return mm_fail(err, MM_ERR_SHAPE,
			       "the tokenizer has %zu ids, the model %zu",
			       mm_tokenizer_info(a.tokenizer)->vocab_size,
			       r->m->vocab_size);
	return mm_augment_feed_new(&r->feed, &a, r->data, err);
}

static void take_terms(struct mm_run *r)
{
	static const struct mm_term usual = { &mm_objective_default, 1 };

	r->n_terms = r->o->n_terms ? r->o->n_terms : 1;
	for (size_t i = 0; i < r->n_terms; i++) {
		r->term[i] = r->o->n_terms ? r->o->term[i] : usual;
		r->needs |= r->term[i].objective->needs;
		r->pairs |= r->term[i].objective->pairs != NULL;
	}
}

static int start(struct mm_run *r, struct mm_model *m,
		 const struct mm_dataset *train, const struct mm_dataset *val,
		 const struct mm_train_options *o,
		 const struct mm_train_hooks *hooks, struct mm_err *err)
{
	int rc;

	memset(r, 0, sizeof(*r));
	r->m = m;
	r->data = train;
	r->val = val;
	r->o = o;
	r->hooks = hooks;
	r->order_epoch = -1;
	r->world = o->world ? *o->world : (struct mm_world){ 0, 1 };
	r->rows = o->batch / r->world.size;
	r->first = r->world.rank * r->rows;
	take_terms(r);
	if ((rc = check_options(r, err)) || (rc = check_window(r, err)) ||
	    (rc = check_sources(r, err)) ||
	    (rc = mm_run_check_data(m, train, err)) ||
	    (val && (rc = mm_run_check_data(m, val, err))) ||
	    (rc = count_classes(r, err)) || (rc = open_feed(r, err)))
		return rc;
	if (o->distill &&
	    (rc = mm_teacher_open(&r->teacher, o->distill, train, err)))
		return rc;
	r->per_epoch = train->window ? LONG_MAX : (long)(train->n / o->batch);
	r->steps = o->steps > 0	   ? o->steps
		   : train->window ? LONG_MAX
				   : o->epochs * r->per_epoch;
	return mm_run_build(r, err);
}

static int check_held_out(const struct mm_run *r, struct mm_err *err)
{
	const struct mm_train_options *o = r->o;

	if (!r->val && (o->monitor || o->patience > 0))
		return mm_fail(err, MM_ERR_USAGE,
			       "--%s needs held-out samples: name some with "
			       "--val",
			       o->monitor ? "monitor" : "patience");
	return o->zeroshot ? mm_zeroshot_check(o->zeroshot, r->val, err)
			   : MM_OK;
}

int mm_train_plan(struct mm_model *m, const struct mm_dataset *train,
		  const struct mm_train_options *o,
		  struct mm_train_memory *memory, struct mm_err *err)
{
	struct mm_run r;
	int rc = start(&r, m, train, NULL, o, NULL, err);

	if (!rc)
		mm_run_sizes(&r, memory);
	mm_run_release(&r);
	return rc;
}

/* Weights where the run begins: from its own checkpoint, the model, or new. */
static int first_weights(struct mm_run *r, struct mm_err *err)
{
	const struct mm_store *s = &r->m->store;
	bool found = false;
	int rc;

	if (!r->m->has_weights)
		mm_store_initialise(&r->m->store, r->o->seed);
	if (r->o->resume && (rc = mm_run_load(r, &found, err)))
		return rc;
	if (!found && !r->o->resume && mm_train_exists(r->o->dir))
		return mm_fail(err, MM_ERR_REFUSED,
			       "'%s' holds a run already; use --resume to go "
			       "on with it, or another folder",
			       r->o->dir);
	if (!found && (rc = mm_learnt_begin(r, err)))
		return rc;
	for (size_t i = 0; i < s->n && r->update.ema && !found; i++)
		memcpy(r->update.ema +
			       (s->param[i]->val - (mm_real *)s->values),
		       s->param[i]->val, s->param[i]->n * sizeof(mm_real));
	return r->pairs ? mm_pairs_start(r, err) : MM_OK;
}

/* Does the figure to watch exist?  Told before hours are spent. */
static int try_monitor(struct mm_run *r, struct mm_err *err)
{
	struct mm_train_report report = { 0 };
	int rc;

	if (!r->val || !r->o->monitor || r->step)
		return MM_OK;
	rc = mm_run_validate(r, &report, err);
	r->best = 0;
	r->best_step = r->bad_evals = 0;
	return rc;
}

/* ---- the loop ---- */

/* Every `every` steps, or where an epoch ends; always at the last step. */
static bool due(const struct mm_run *r, long every)
{
	if (r->step == r->steps || r->ended)
		return true;
	return r->step % (every > 0 ? every : r->per_epoch) == 0;
}

static bool out_of_patience(const struct mm_run *r)
{
	return r->o->patience > 0 && r->bad_evals >= r->o->patience;
}

/* Has a signal come, to any of the processes? */
static int ask_stop(struct mm_run *r, bool *stop, struct mm_err *err)
{
	double asked = r->hooks->stop && r->hooks->stop(r->hooks->ctx);
	int rc = mm_world_sum_double(&r->world, &asked, 1, err);

	*stop = asked > 0;
	return rc;
}

/* One step with all that hangs on it; *done where the run ends here. */
static int advance(struct mm_run *r, bool *done, struct mm_err *err)
{
	struct mm_train_report report = { 0 };
	bool stop, finished;
	int rc = mm_run_step(r, &report, err);

	if (rc || (rc = mm_run_look(r, err)))
		return rc;
	report.ended = r->ended;
	report.left_over = r->left;
	if (r->val && due(r, r->o->eval_every) &&
	    (rc = mm_run_validate(r, &report, err)))
		return rc;
	report.best = r->best;
	report.best_step = r->best_step;
	if ((rc = ask_stop(r, &stop, err)))
		return rc;
	finished = r->step == r->steps || r->ended || out_of_patience(r);
	*done = stop || finished;
	/* The log first: a resumed run drops lines beyond its checkpoint. */
	if (r->hooks->step && r->world.rank == 0 &&
	    (rc = r->hooks->step(r->hooks->ctx, &report, err)))
		return rc;
	if ((*done || due(r, r->o->save_every)) &&
	    (rc = mm_run_save(r, finished, err)))
		return rc;
	if (!stop || finished)
		return MM_OK;
	if (r->steps == LONG_MAX)
		return mm_fail(err, MM_ERR_SIGNAL,
			       "stopped at step %ld, checkpoint saved",
			       r->step);
	return mm_fail(err, MM_ERR_SIGNAL,
		       "stopped at step %ld of %ld, checkpoint saved", r->step,
		       r->steps);
}

int mm_train(struct mm_model *m, const struct mm_dataset *train,
	     const struct mm_dataset *val, const struct mm_train_options *o,
	     const struct mm_train_hooks *hooks, struct mm_err *err)
{
	struct mm_run r;
	bool done;
	int rc = start(&r, m, train, val, o, hooks, err);

	if (!rc && !(rc = check_held_out(&r, err)) &&
	    !(rc = mm_run_alloc(&r, err)))
		rc = first_weights(&r, err);
	if (!rc)
		rc = try_monitor(&r, err);
	if (!rc)
		rc = mm_run_look(&r, err);
	done = r.step >= r.steps || r.ended || out_of_patience(&r);
	/* It may have been killed before the model's own files were there. */
	if (!rc && done)
		rc = mm_run_save(&r, true, err);
	while (!rc && !done)
		rc = advance(&r, &done, err);
	mm_run_release(&r);
	return rc;
}
