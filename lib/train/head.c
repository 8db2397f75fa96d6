/* head.c - see head.h. */
#include "train/head.h"

#include "train/internal.h"

/* The objective that the folder's head was trained with, and its classes. */
static int find_head(const struct mm_model *m,
		     const struct mm_objective **objective, size_t *K,
		     struct mm_err *err)
{
	const struct mm_checkpoint *c = &m->weights;
	const struct mm_tensor *w =
		m->has_weights ? mm_checkpoint_find(c, "classifier.weight")
			       : NULL;

	if (!w || w->rank != 2 || !w->dim[0])
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s' has no classifier: train one with --loss "
			       "classify or fusion, or see 'mmtool eval "
			       "zeroshot'",
			       m->dir ? m->dir : "the model");
	*K = w->dim[0];
	*objective = mm_checkpoint_find(c, "fusion.attention.in_proj_weight")
			     ? &mm_objective_fusion
			     : &mm_objective_classify;
	return MM_OK;
}

static int check_labels(const struct mm_dataset *d, size_t K,
			struct mm_err *err)
{
	if (!d->has_label)
		return mm_fail(err, MM_ERR_FORMAT,
			       "the data has no column 'label'");
	for (size_t i = 0; i < d->n; i++) {
		const int64_t c = mm_dataset_label(d, i);
		size_t len;
		const char *id = mm_dataset_id(d, i, &len);

		if (c < 0 || (uint64_t)c >= K)
			return mm_fail(err, MM_ERR_FORMAT,
				       "sample '%.*s' has label %lld, the "
				       "model knows %zu classes",
				       len > 80 ? 80 : (int)len, id,
				       (long long)c, K);
	}
	return MM_OK;
}

int mm_head_guess(struct mm_model *m, const struct mm_dataset *d, size_t *guess,
		  size_t *K, struct mm_err *err)
{
	const struct mm_train_options o = { .batch = 1 };
	struct mm_train_report report = { 0 };
	struct mm_run r = {
		.m = m, .data = d, .o = &o, .rows = 1, .n_terms = 1
	};
	int rc = find_head(m, &r.term[0].objective, K, err);

	r.classes = *K;
	r.term[0].weight = 1;
	if (rc || (rc = check_labels(d, *K, err)) ||
	    (rc = mm_run_check_data(m, d, err)) ||
	    (rc = mm_model_declare(m, err)) ||
	    (rc = mm_task_build(&r, 0, MM_INFER, err)))
		goto out;
	/* A task's graph declares the head; then all weights have a place. */
	if ((rc = mm_model_bind(m, false, err)))
		goto out;
	r.guess = guess;
	rc = mm_task_measure(&r, 0, d, &report, err);
out:
	mm_task_release(&r.task[0]);
	return rc;
}
