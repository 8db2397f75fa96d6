/* train.c - the loop: steps, evaluations, checkpoints; see train.h. */
#include "train/train.h"

#include <string.h>

#include "train/internal.h"

static int check_options(const struct mm_run *r, struct mm_err *err)
{
	const struct mm_train_options *o = r->o;

	if (o->batch > r->data->n)
		return mm_fail(err, MM_ERR_USAGE,
			       "a batch of %zu is more than the %zu samples",
			       o->batch, r->data->n);
	if (o->batch < 2)
		return mm_fail(err, MM_ERR_USAGE,
			       "a contrastive batch needs two samples");
	if (r->data->T > r->m->context_length)
		return mm_fail(err, MM_ERR_SHAPE,
			       "texts of %zu tokens, the model reads %zu",
			       r->data->T, r->m->context_length);
	if (r->data->H != r->m->image_size || r->data->W != r->m->image_size)
		return mm_fail(err, MM_ERR_SHAPE,
			       "pictures of %zux%zu, the model wants %zux%zu",
			       r->data->W, r->data->H, r->m->image_size,
			       r->m->image_size);
	return MM_OK;
}

static int check_ids(const struct mm_model *m, const struct mm_dataset *d,
		     struct mm_err *err)
{
	for (size_t i = 0; i < d->n; i++) {
		const int32_t *ids = mm_dataset_ids(d, i);

		for (size_t t = 0; t < d->T; t++)
			if (ids[t] < 0 || (size_t)ids[t] >= m->vocab_size)
				return mm_fail(
					err, MM_ERR_FORMAT,
					"sample %zu has token id %d, the "
					"model's vocabulary ends at %zu",
					i, (int)ids[t], m->vocab_size);
	}
	return MM_OK;
}

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
	r->best = -1;
	if ((rc = check_options(r, err)) || (rc = check_ids(m, train, err)) ||
	    (val && (rc = check_ids(m, val, err))) || (rc = open_feed(r, err)))
		return rc;
	r->per_epoch = (long)(train->n / o->batch);
	r->steps = o->steps > 0 ? o->steps : o->epochs * r->per_epoch;
	return mm_run_build(r, err);
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
	return MM_OK;
}

/* Every `every` steps, or where an epoch ends; always at the last step. */
static bool due(const struct mm_run *r, long every)
{
	if (r->step == r->steps)
		return true;
	return r->step % (every > 0 ? every : r->per_epoch) == 0;
}

static int evaluate(struct mm_run *r, struct mm_train_report *report,
		    struct mm_err *err)
{
	double score;
	int rc = mm_run_validate(r, report, err);

	if (rc)
		return rc;
	report->evaluated = true;
	score = (report->i2t[0] + report->t2i[0]) / 2;
	if (score > r->best + r->o->min_delta) {
		r->best = score;
		r->best_step = r->step;
		r->bad_evals = 0;
	} else {
		r->bad_evals++;
	}
	return MM_OK;
}

/* One step with all that hangs on it; *done where the run ends here. */
static int advance(struct mm_run *r, bool *done, struct mm_err *err)
{
	struct mm_train_report report = { 0 };
	bool stop, saved = false;
	int rc = mm_run_step(r, &report, err);

	if (rc)
		return rc;
	if (r->val && due(r, r->o->eval_every) &&
	    (rc = evaluate(r, &report, err)))
		return rc;
	report.best = r->best;
	stop = r->hooks->stop && r->hooks->stop(r->hooks->ctx);
	*done = stop || r->step == r->steps ||
		(r->o->patience > 0 && r->bad_evals >= r->o->patience);
	/* The log first: a resumed run drops lines beyond its checkpoint. */
	if (r->hooks->step &&
	    (rc = r->hooks->step(r->hooks->ctx, &report, err)))
		return rc;
	if (*done || due(r, r->o->save_every)) {
		if ((rc = mm_run_save(r, err)))
			return rc;
		saved = true;
	}
	if (stop && saved)
		return mm_fail(err, MM_ERR_SIGNAL,
			       "stopped at step %ld of %ld, checkpoint saved",
			       r->step, r->steps);
	return MM_OK;
}

int mm_train(struct mm_model *m, const struct mm_dataset *train,
	     const struct mm_dataset *val, const struct mm_train_options *o,
	     const struct mm_train_hooks *hooks, struct mm_err *err)
{
	struct mm_run r;
	bool done;
	int rc = start(&r, m, train, val, o, hooks, err);

	if (!rc && !(rc = mm_run_alloc(&r, err)))
		rc = first_weights(&r, err);
	done = r.step >= r.steps ||
	       (o->patience > 0 && r.bad_evals >= o->patience);
	while (!rc && !done)
		rc = advance(&r, &done, err);
	mm_run_release(&r);
	return rc;
}
