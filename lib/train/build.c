/* build.c - the graphs of a run, their sizes and their memory. */
#include <string.h>

#include "base/mem.h"
#include "train/internal.h"

/* Every architecture's parameters first, so that all of them are saved. */
static int declare(struct mm_run *r, struct mm_err *err)
{
	struct mm_store *s = &r->m->store;

	s->lora = r->o->lora;
	r->m->seed = r->o->seed;
	return mm_model_declare(r->m, err);
}

static int build_graphs(struct mm_run *r, struct mm_err *err)
{
	int rc = r->pairs ? mm_pairs_build(r, err) : MM_OK;

	for (size_t i = 0; i < r->n_terms && !rc; i++)
		if (!r->term[i].objective->pairs)
			rc = mm_task_build(r, i, MM_TRAIN, err);
	return rc;
}

int mm_run_build(struct mm_run *r, struct mm_err *err)
{
	static mm_real placeholder;
	int rc;

	if ((rc = declare(r, err)) || (rc = build_graphs(r, err)) ||
	    (rc = mm_run_freeze(r, err)))
		return rc;
	/* Planning asks which parameters have gradients; sizes only. */
	for (size_t i = 0; i < r->m->store.n; i++) {
		struct mm_param *p = r->m->store.param[i];

		p->grad = p->frozen || p->buffer ? NULL : &placeholder;
	}
	if (r->pairs && (rc = mm_pairs_plan(r, err)))
		return rc;
	for (size_t i = 0; i < r->n_terms && !rc; i++)
		if (!r->term_out[i])
			rc = mm_graph_plan(&r->task[i].g, err);
	return rc;
}

void mm_run_sizes(const struct mm_run *r, struct mm_train_memory *memory)
{
	const struct mm_dataset *d = r->data;
	const size_t B = r->o->batch;

	memory->parameters = mm_store_value_bytes(&r->m->store);
	memory->gradients = mm_store_grad_bytes(&r->m->store);
	memory->optimiser = mm_update_bytes(r);
	memory->activations = r->image.g.plan_bytes + r->text.g.plan_bytes +
			      r->loss.plan_bytes;
	for (size_t i = 0; i < r->n_terms; i++)
		memory->activations += r->task[i].g.plan_bytes;
	memory->batch = 2 * B *
				(3 * d->H * d->W * (d->floats ? 4 : 1) +
				 d->T * 5 + 24) +
			d->n * sizeof(size_t) * (r->o->source_weight ? 2 : 1);
	if (d->window)
		memory->batch += mm_window_bytes(d);
	memory->total = memory->parameters + memory->gradients +
			memory->optimiser + memory->activations + memory->batch;
}

int mm_run_alloc(struct mm_run *r, struct mm_err *err)
{
	struct mm_store *s = &r->m->store;
	int rc;

	for (size_t i = 0; i < s->n; i++)
		s->param[i]->grad = NULL;
	r->m->new_head = r->o->new_head;
	if ((rc = mm_batch_alloc(r, err)) ||
	    (rc = mm_model_bind(r->m, true, err)) ||
	    (rc = mm_store_alloc_grads(s, err)) ||
	    (rc = mm_update_alloc(r, err)))
		return rc;
	if (r->pairs && (rc = mm_pairs_alloc(r, err)))
		return rc;
	for (size_t i = 0; i < r->n_terms && !rc; i++)
		if (!r->term_out[i] &&
		    !(rc = mm_graph_alloc(&r->task[i].g, err)))
			rc = mm_task_room(&r->task[i], r->rows, err);
	return rc;
}

void mm_run_release(struct mm_run *r)
{
	mm_worker_free(r->next.worker);
	mm_augment_feed_free(r->feed);
	mm_teacher_free(r->teacher);
	mm_pairs_release(r);
	for (size_t i = 0; i < MM_MAX_TERMS; i++)
		mm_task_release(&r->task[i]);
	mm_update_release(&r->update);
	mm_map_release(&r->learnt);
	mm_free(r->best_values);
	mm_batch_release(r);
}
