/* step.c - one step of a run: batch, losses, gradients, update. */
#include <limits.h>
#include <math.h>
#include <string.h>
#include <time.h>

#include "graph/ops.h"
#include "train/internal.h"

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* The first node of g whose value is not finite; NULL where all are. */
static const struct mm_node *first_wrong(const struct mm_graph *g)
{
	for (size_t i = 0; i < g->n_nodes; i++) {
		const struct mm_node *n = g->node[i];

		if (n->val && n->elem == MM_ELEM_REAL &&
		    mm_first_not_finite(n->val, n->n) < n->n)
			return n;
	}
	return NULL;
}

/* --debug-nan: run once more, node by node, and tell where it began. */
static int blame(const struct mm_run *r, struct mm_err *err)
{
	const struct mm_graph *g[3 + MM_MAX_TERMS] = { &r->image.g, &r->text.g,
						       &r->loss };
	const struct mm_node *n = NULL;
	const struct mm_store *s = &r->m->store;
	size_t n_graphs = 3;

	for (size_t i = 0; i < s->n; i++)
		if (mm_first_not_finite(s->param[i]->val, s->param[i]->n) <
		    s->param[i]->n)
			return mm_fail(err, MM_ERR_REFUSED,
				       "parameter '%s' is not finite before "
				       "step %ld; the last checkpoint is kept",
				       s->param[i]->name, r->step + 1);
	for (size_t i = 0; i < r->n_terms; i++)
		g[n_graphs++] = &r->task[i].g;
	for (size_t i = 0; i < n_graphs && !n; i++)
		n = g[i]->block ? first_wrong(g[i]) : NULL;
	return mm_fail(err, MM_ERR_REFUSED,
		       "the loss is not finite at step %ld, first in a node "
		       "'%s'%s%s; the last checkpoint is kept",
		       r->step + 1, n && n->op ? n->op->name : "unknown",
		       n && n->n_in > 1 && n->in[1] && n->in[1]->param
			       ? " with parameter "
			       : "",
		       n && n->n_in > 1 && n->in[1] && n->in[1]->param
			       ? n->in[1]->param->name
			       : "");
}

static int not_finite(const struct mm_run *r, struct mm_err *err)
{
	if (r->o->debug_nan)
		return blame(r, err);
	return mm_fail(err, MM_ERR_REFUSED,
		       "the loss is not finite at step %ld; the last "
		       "checkpoint is kept, a lower --lr may help, and "
		       "--debug-nan tells where it began",
		       r->step + 1);
}

static double total(const struct mm_run *r, const struct mm_train_report *p)
{
	double sum = 0;

	for (size_t i = 0; i < r->n_terms; i++)
		sum += r->term[i].weight * p->term[i];
	return sum;
}

/* Pairs first: see mm_pairs_backward. */
static int gradients(struct mm_run *r, struct mm_train_report *report,
		     struct mm_err *err)
{
	int rc = r->pairs ? mm_pairs_forward(r, report, err) : MM_OK;

	if (!rc && r->pairs)
		mm_pairs_backward(r, r->update.scale);
	for (size_t i = 0; i < r->n_terms && !rc; i++)
		if (!r->term_out[i])
			rc = mm_task_step(r, &r->task[i], r->update.scale,
					  &report->term[i], err);
	report->loss = total(r, report);
	return !rc && !isfinite(report->loss) ? not_finite(r, err) : rc;
}

int mm_run_step(struct mm_run *r, struct mm_train_report *report,
		struct mm_err *err)
{
	const double start = now();
	int rc;

	for (int g = 0; g < MM_N_GROUPS; g++)
		report->lr[g] = mm_group_lr(r, (enum mm_group)g);
	report->n_terms = r->n_terms;
	for (size_t i = 0; i < r->n_terms; i++)
		report->term_name[i] = r->term[i].objective->name;
	if ((rc = mm_run_batch(r, err)))
		return rc;
	mm_store_zero_grads(&r->m->store);
	if ((rc = gradients(r, report, err)) ||
	    (rc = mm_world_sum(&r->world, r->m->store.grads,
			       mm_store_grad_bytes(&r->m->store) /
				       sizeof(mm_real),
			       err)) ||
	    (rc = mm_update(r, report, err)))
		return rc;
	report->n_skipped = r->update.skipped;
	report->epoch = r->step / r->per_epoch;
	report->step = ++r->step;
	report->steps = r->steps == LONG_MAX ? 0 : r->steps;
	report->samples_per_s = (double)r->o->batch / (now() - start);
	return MM_OK;
}
