/* task.c - objectives of samples, on pieces of a batch; see objective.h. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "graph/ops.h"
#include "metric/classify.h"
#include "metric/metric.h"
#include "train/internal.h"

static int emit(struct mm_task *t, enum mm_graph_mode mode, struct mm_err *err)
{
	struct mm_graph *g = &t->g;

	mm_graph_init(g, &t->m->store, mode);
	g->batch = t->piece;
	if (mode == MM_TRAIN)
		g->compute = t->o->precision;
	g->recompute = t->o->recompute;
	t->pixels = t->targets = t->scores = NULL;
	t->text = (struct mm_text_input){ NULL, NULL, NULL };
	t->real[0] = t->real[1] = NULL;
	t->objective->emit(t);
	t->loss = mm_output(g, t->loss, t->objective->name);
	if (t->scores)
		mm_output(g, t->scores, "scores");
	if (g->failed) {
		mm_fail(err, g->err.code, "%s", g->err.msg);
		return mm_fail_ctx(err, "objective '%s'", t->objective->name);
	}
	if (mode == MM_TRAIN)
		mm_seed(g, t->loss);
	return MM_OK;
}

/* A piece must serve both towers where both are there. */
static size_t piece_of(const struct mm_run *r, const struct mm_objective *o)
{
	const size_t i = r->o->micro_image ? r->o->micro_image : r->rows;
	const size_t t = r->o->micro_text ? r->o->micro_text : r->rows;

	if (o == &mm_objective_lm || o == &mm_objective_mlm)
		return t;
	if (o == &mm_objective_fusion)
		return i < t ? i : t;
	return i;
}

int mm_task_build(struct mm_run *r, size_t term, enum mm_graph_mode mode,
		  struct mm_err *err)
{
	struct mm_task *t = &r->task[term];

	t->objective = r->term[term].objective;
	t->weight = r->term[term].weight;
	t->m = r->m;
	t->o = r->o;
	t->data = r->data;
	t->smoothing = r->o->smoothing > 0 ? r->o->smoothing : 0;
	t->classes = r->classes;
	t->piece = piece_of(r, t->objective);
	if (t->piece > r->rows || r->rows % t->piece)
		return mm_fail(err, MM_ERR_USAGE,
			       "a micro-batch of %zu does not divide the batch "
			       "of %zu",
			       t->piece, r->rows);
	return emit(t, mode, err);
}

void mm_task_release(struct mm_task *t)
{
	mm_graph_release(&t->g);
	mm_free(t->target);
	mm_free(t->ids);
	t->target = t->ids = NULL;
	t->cap = 0;
}

int mm_task_room(struct mm_task *t, size_t n, struct mm_err *err)
{
	mm_free(t->target);
	mm_free(t->ids);
	t->ids = NULL;
	t->target = mm_malloc(n * (t->target_row ? t->target_row : 1),
			      sizeof(*t->target));
	if (t->objective->needs & MM_NEEDS_IDS)
		t->ids = mm_malloc(n * t->data->T, sizeof(*t->ids));
	if (!t->target || (t->objective->needs & MM_NEEDS_IDS && !t->ids))
		return mm_fail_nomem(err, "an objective's targets");
	t->cap = n;
	return MM_OK;
}

/* How many things rows first .. first + n are a mean over. */
static double count(const struct mm_task *t, size_t first, size_t n)
{
	size_t sum = 0;

	if (!t->target_row)
		return (double)n;
	for (size_t i = first * t->target_row; i < (first + n) * t->target_row;
	     i++)
		sum += t->target[i] != MM_TARGET_IGNORE;
	return (double)sum;
}

static void forward(struct mm_task *t, const struct mm_batch *b, size_t first)
{
	const struct mm_dataset *d = t->data;
	const size_t pixels = 3 * d->H * d->W;

	t->g.row0 = b->first + first;
	if (t->pixels && d->floats)
		memcpy(t->pixels->val,
		       (const float *)b->pixels + first * pixels,
		       t->pixels->n * sizeof(float));
	else if (t->pixels)
		t->pixels->data = (const uint8_t *)b->pixels + first * pixels;
	if (t->text.ids)
		t->text.ids->data = (t->ids ? t->ids : b->ids) + first * d->T;
	if (t->text.mask)
		t->text.mask->data = b->mask + first * d->T;
	if (t->targets)
		t->targets->data = t->target + first * t->target_row;
	if (t->objective->fill)
		t->objective->fill(t, b, first);
	mm_graph_forward(&t->g);
}

int mm_task_step(struct mm_run *r, struct mm_task *t, double scale,
		 double *loss, struct mm_err *err)
{
	const struct mm_batch b = mm_batch_of(r);
	double all;
	int rc;

	*loss = 0;
	if (t->objective->prepare)
		t->objective->prepare(t, &b);
	all = count(t, 0, b.n);
	if ((rc = mm_world_sum_double(&r->world, &all, 1, err)))
		return rc;
	t->g.seed = r->o->seed;
	t->g.step = (uint64_t)r->step;
	for (size_t i = 0; i < b.n && all > 0; i += t->piece) {
		const double share = count(t, i, t->piece) / all;

		if (share == 0)
			continue;
		forward(t, &b, i);
		*loss += share * (double)t->loss->val[0];
		t->loss->grad[0] = (mm_real)(scale * t->weight * share);
		mm_graph_backward(&t->g);
	}
	return mm_world_sum_double(&r->world, loss, 1, err);
}

/* ---- over held-out data ---- */

struct measure {
	struct mm_task t; /* on inference graphs */
	struct mm_batch b;
	struct mm_train_report *report;
	const struct mm_metric *metric; /* of scores */
	void *state;
	size_t *said; /* the next sample's guesses go there, or NULL */
	double sum, n;
	void *pixels;
	int32_t *ids, *label;
	uint8_t *mask;
	uint64_t *sample;
};

enum { PIECE = 32, GUESSES = MM_HEAD_GUESSES };

static int room(struct measure *m, const struct mm_dataset *d,
		struct mm_err *err)
{
	m->pixels = mm_malloc(PIECE * 3 * d->H * d->W, d->floats ? 4 : 1);
	m->ids = mm_malloc(PIECE * d->T, sizeof(*m->ids));
	m->mask = mm_malloc(PIECE * d->T, 1);
	m->label = mm_malloc(PIECE, sizeof(*m->label));
	m->sample = mm_malloc(PIECE, sizeof(*m->sample));
	if (!m->pixels || !m->ids || !m->mask || !m->label || !m->sample)
		return mm_fail_nomem(err, "validation");
	m->b = (struct mm_batch){ .data = d,
				  .sample = m->sample,
				  .pixels = m->pixels,
				  .ids = m->ids,
				  .mask = m->mask,
				  .label = m->label };
	return MM_OK;
}

static void read_rows(struct measure *m, size_t first, size_t n)
{
	const struct mm_dataset *d = m->b.data;
	const size_t pixels = 3 * d->H * d->W * (d->floats ? 4 : 1);

	for (size_t i = 0; i < n; i++) {
		size_t len;
		const char *id = mm_dataset_id(d, first + i, &len);

		m->sample[i] = mm_hash64(id, len);
		m->label[i] = (int32_t)mm_dataset_label(d, first + i);
		memcpy((uint8_t *)m->pixels + i * pixels,
		       mm_dataset_pixels(d, first + i), pixels);
		memcpy(m->ids + i * d->T, mm_dataset_ids(d, first + i),
		       d->T * sizeof(*m->ids));
		if (d->has_mask)
			memcpy(m->mask + i * d->T,
			       mm_dataset_mask(d, first + i), d->T);
	}
	m->b.n = n;
}

/* The best classes of a row, best first. */
static int add_guesses(struct measure *m, size_t row, struct mm_err *err)
{
	const size_t K = m->t.classes;
	const mm_real *z = m->t.scores->val + row * K;
	size_t guess[GUESSES], n = 0;

	for (size_t k = 0; k < K; k++) {
		size_t at = n;

		while (at > 0 && z[k] > z[guess[at - 1]])
			at--;
		if (at == GUESSES)
			continue;
		n += n < GUESSES;
		memmove(guess + at + 1, guess + at,
			(n - 1 - at) * sizeof(*guess));
		guess[at] = k;
	}
	for (size_t k = 0; k < GUESSES && m->said; k++)
		*m->said++ = k < n ? guess[k] : SIZE_MAX;
	return m->metric->add(m->state,
			      &(struct mm_classification_sample){
				      (size_t)m->label[row], guess, n },
			      err);
}

static int graph_of(struct measure *m, size_t piece, struct mm_err *err)
{
	int rc;

	mm_graph_release(&m->t.g);
	m->t.piece = piece;
	if ((rc = emit(&m->t, MM_INFER, err)) ||
	    (rc = mm_graph_plan(&m->t.g, err)) ||
	    (rc = mm_graph_alloc(&m->t.g, err)))
		return rc;
	return mm_task_room(&m->t, piece, err);
}

static int measure_rows(struct measure *m, size_t first, size_t n,
			struct mm_err *err)
{
	int rc = n == m->t.piece && m->t.g.block ? MM_OK : graph_of(m, n, err);
	double counted;

	if (rc)
		return rc;
	read_rows(m, first, n);
	if (m->t.objective->prepare)
		m->t.objective->prepare(&m->t, &m->b);
	counted = count(&m->t, 0, n);
	forward(&m->t, &m->b, 0);
	if (counted > 0)
		m->sum += counted * (double)m->t.loss->val[0];
	m->n += counted;
	for (size_t i = 0; i < n && m->metric && !rc; i++)
		rc = add_guesses(m, i, err);
	return rc;
}

static int add_figures(struct measure *m, struct mm_err *err)
{
	double value[16];
	char name[64];
	int rc = m->metric->result(m->state, value, NULL, err);

	for (size_t i = 0; !rc && m->metric->figure[i]; i++) {
		snprintf(name, sizeof(name), "%s.%s", m->metric->task,
			 m->metric->figure[i]);
		mm_report_add(m->report, name, value[i]);
	}
	return rc;
}

int mm_task_measure(struct mm_run *r, size_t term, const struct mm_dataset *d,
		    struct mm_train_report *report, struct mm_err *err)
{
	struct measure m = { .t = r->task[term],
			     .report = report,
			     .said = r->guess };
	char name[64];
	int rc;

	memset(&m.t.g, 0, sizeof(m.t.g));
	m.t.target = m.t.ids = NULL;
	m.t.data = d;
	if (m.t.scores)
		m.metric = mm_metric_find("classification", "classification");
	rc = room(&m, d, err);
	if (!rc && m.metric)
		rc = m.metric->open(&m.state, NULL, err);
	for (size_t i = 0; i < d->n && !rc; i += PIECE)
		rc = measure_rows(&m, i, d->n - i < PIECE ? d->n - i : PIECE,
				  err);
	snprintf(name, sizeof(name), "%s.loss", m.t.objective->name);
	if (!rc)
		mm_report_add(report, name, m.n > 0 ? m.sum / m.n : 0);
	if (!rc && m.metric)
		rc = add_figures(&m, err);
	if (m.metric && m.state)
		m.metric->close(m.state);
	mm_task_release(&m.t);
	mm_free(m.pixels);
	mm_free(m.ids);
	mm_free(m.mask);
	mm_free(m.label);
	mm_free(m.sample);
	return rc;
}
