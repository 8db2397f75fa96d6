/* quantize.c - see quantize.h. */
#include "compress/quantize.h"

#include <fnmatch.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "graph/ops.h"

enum {
	MIN_TABLE = 1024, /* elements of a table or convolution, at least */
	MIN_ROW = 9,	  /* of one row: else its scale weighs too much */
	NAMED = 3,	  /* layers that a refusal names */
};

/* ---- which weights, and their int8 ---- */

static bool skipped(const struct mm_quant_options *o, const char *name)
{
	for (size_t i = 0; i < o->n_skip; i++)
		if (!fnmatch(o->skip[i], name, 0))
			return true;
	return false;
}

static bool wanted(const struct mm_quant_options *o, const struct mm_param *p)
{
	const size_t F = p->shape.rank ? p->shape.dim[0] : 0;

	if (p->shape.rank < 2 || !F || p->buffer || skipped(o, p->name))
		return false;
	if (p->n / F > MM_PACKED_MAX_C)
		return false;
	if (p->weight && !p->plain)
		return true;
	return p->n >= MIN_TABLE && p->n / F >= MIN_ROW &&
	       !strstr(p->name, "position_embedding");
}

/* One scale for all rows. */
static void share_scale(struct mm_quant_weight *w)
{
	float top = 0;

	for (size_t i = 0; i < w->F * w->C; i++)
		top = fmaxf(top, fabsf(w->p->val[i]));
	for (size_t f = 0; f < w->F; f++)
		w->scale[f] = top / 127;
	for (size_t i = 0; i < w->F * w->C; i++)
		w->q[i] = (int8_t)(top > 0 ? rintf(w->p->val[i] / (top / 127))
					   : 0);
}

static int round_weight(struct mm_quantizer *q, struct mm_quant_weight *w,
			struct mm_err *err)
{
	w->q = mm_arena_alloc(&q->arena, w->F * w->C, 1);
	w->scale = mm_arena_alloc(&q->arena, w->F, sizeof(*w->scale));
	if (!w->linear)
		w->wide = mm_arena_alloc(&q->arena, w->F * w->C,
					 sizeof(*w->wide));
	if (!w->q || !w->scale || (!w->linear && !w->wide))
		return mm_fail_nomem(err, "the int8 weights");
	if (q->o.per_channel)
		mm_quantize_rows(w->q, w->scale, w->p->val, w->C, w->F, w->C);
	else
		share_scale(w);
	for (size_t i = 0; w->wide && i < w->F * w->C; i++)
		w->wide[i] = (float)w->q[i] * w->scale[i / w->C];
	return MM_OK;
}

static int list_weights(struct mm_quantizer *q, struct mm_err *err)
{
	const struct mm_store *s = &q->model.model.store;
	int rc = MM_OK;

	if (!(q->w = mm_calloc(s->n + 1, sizeof(*q->w))))
		return mm_fail_nomem(err, "the list of weights");
	for (size_t i = 0; i < s->n && !rc; i++) {
		const struct mm_param *p = s->param[i];
		struct mm_quant_weight *w = &q->w[q->n];
		bool added;
		int64_t *at;

		if (!wanted(&q->o, p))
			continue;
		w->p = p;
		w->F = p->shape.dim[0];
		w->C = p->n / w->F;
		w->linear = p->weight && !p->plain;
		if (!(at = mm_map_put(&q->by_name, p->name, strlen(p->name),
				      &added)))
			return mm_fail_nomem(err, "the list of weights");
		*at = (int64_t)q->n++;
		rc = round_weight(q, w, err);
	}
	if (!rc && !q->n)
		rc = mm_fail(err, MM_ERR_USAGE,
			     "'%s' has no weight left to quantize",
			     q->model.model.dir);
	return rc;
}

int mm_quantizer_open(struct mm_quantizer *q, const char *dir,
		      const struct mm_quant_options *o, struct mm_err *err)
{
	const char *quant;
	int rc;

	memset(q, 0, sizeof(*q));
	q->o = *o;
	mm_arena_init(&q->arena);
	mm_map_init(&q->by_name);
	if ((rc = mm_encoder_open(&q->model, dir, err)))
		return rc;
	quant = mm_checkpoint_meta(&q->model.model.weights, "mmtool.quant");
	if (quant)
		return mm_fail(err, MM_ERR_USAGE,
			       "'%s' is quantized already (%s)", dir, quant);
	if ((rc = mm_model_declare(&q->model.model, err)) ||
	    (rc = mm_model_bind(&q->model.model, false, err)))
		return rc;
	return list_weights(q, err);
}

void mm_quantizer_release(struct mm_quantizer *q)
{
	for (size_t i = 0; i < q->n; i++)
		mm_free(q->w[i].range);
	mm_measured_release(&q->before);
	mm_free(q->w);
	mm_map_release(&q->by_name);
	mm_encoder_release(&q->model);
	mm_arena_release(&q->arena);
	memset(q, 0, sizeof(*q));
}

/* ---- calibration ---- */

/* What a layer or a convolution multiplies with; norms lie in between. */
static const struct mm_param *weight_of(const struct mm_node *n)
{
	const struct mm_node *w;

	if (n->op != &mm_op_linear && n->op != &mm_op_conv2d &&
	    n->op != &mm_op_depthwise)
		return NULL;
	w = n->in[1];
	return w->op == &mm_op_fold_weight ? w->in[0]->param : w->param;
}

static void see(void *ctx, const struct mm_node *n)
{
	struct mm_quantizer *q = ctx;
	const struct mm_param *p;
	const int64_t *at;

	if (!(p = weight_of(n)))
		return;
	at = mm_map_find(&q->by_name, p->name, strlen(p->name));
	if (at && q->w[*at].range)
		mm_range_add(q->w[*at].range, n->in[0]->val, n->in[0]->n);
}

static int start_ranges(struct mm_quantizer *q, struct mm_err *err)
{
	for (size_t i = 0; i < q->n; i++)
		if (!q->w[i].range &&
		    !(q->w[i].range = mm_calloc(1, sizeof(*q->w[i].range))))
			return mm_fail_nomem(err, "the ranges of activations");
	q->model.run.watch = see;
	q->model.run.watch_ctx = q;
	return MM_OK;
}

int mm_quantizer_reference(struct mm_quantizer *q,
			   const struct mm_sample_set *set, struct mm_err *err)
{
	mm_measured_release(&q->before);
	return mm_measured_take(&q->before, &q->model, set, err);
}

int mm_quantizer_calibrate(struct mm_quantizer *q,
			   const struct mm_sample_set *set, struct mm_err *err)
{
	const bool fixed = q->o.method == MM_QUANT_STATIC;
	int rc;

	if (fixed && (rc = start_ranges(q, err)))
		return rc;
	if ((rc = mm_quantizer_reference(q, set, err)))
		return rc;
	for (size_t i = 0; i < q->n && fixed; i++) {
		struct mm_quant_weight *w = &q->w[i];

		if (!w->range)
			continue;
		w->keep = w->linear && !w->range->n;
		w->x_scale =
			mm_range_scale(w->range, q->o.rule, q->o.percentile);
		mm_free(w->range);
		w->range = NULL;
	}
	return MM_OK;
}

/* ---- the int8 model in memory ---- */

static void give(const struct mm_quantizer *q, const struct mm_quant_weight *w,
		 struct mm_store *s)
{
	struct mm_param *p = mm_store_find(s, w->p->name);

	p->q = w->q;
	p->scale = w->scale;
	p->val = w->wide; /* NULL where linear */
	p->pack = q->o.method == MM_QUANT_WEIGHT_ONLY ? MM_PACKED_W8
						      : MM_PACKED_INT8;
	if (q->o.method == MM_QUANT_STATIC && w->x_scale > 0)
		p->x_scale = &w->x_scale;
}

void mm_quantizer_give(const struct mm_quantizer *q, struct mm_store *s)
{
	for (size_t i = 0; i < q->n; i++)
		if (!q->w[i].keep)
			give(q, &q->w[i], s);
}

/* All weights but those kept and number `without` (q->n: all of them). */
static int run_int8(struct mm_quantizer *q, const struct mm_sample_set *set,
		    size_t without, struct mm_measured *out, struct mm_err *err)
{
	struct mm_encoder e;
	int rc;

	memset(out, 0, sizeof(*out));
	if ((rc = mm_encoder_open(&e, q->model.model.dir, err)))
		return rc;
	if (!(rc = mm_model_declare(&e.model, err))) {
		for (size_t i = 0; i < q->n; i++)
			if (!q->w[i].keep && i != without)
				give(q, &q->w[i], &e.model.store);
		rc = mm_measured_take(out, &e, set, err);
	}
	mm_encoder_release(&e);
	return rc;
}

int mm_quantizer_measure(struct mm_quantizer *q,
			 const struct mm_sample_set *set, struct mm_fidelity *f,
			 struct mm_err *err)
{
	struct mm_measured after;
	int rc = run_int8(q, set, q->n, &after, err);

	if (!rc)
		rc = mm_fidelity_measure(f, &q->before, &after, err);
	mm_measured_release(&after);
	return rc;
}

/* ---- sensitive layers ---- */

static double both_cosines(const struct mm_measured *a,
			   const struct mm_measured *b)
{
	double least;

	return mm_mean_cosine(a->image, b->image, a->n_images, a->D, &least) +
	       mm_mean_cosine(a->text, b->text, a->n_texts, a->D, &least);
}

static int by_gain(const void *a, const void *b)
{
	const struct mm_quant_weight *const *x = a, *const *y = b;

	if ((*x)->gain < (*y)->gain || (*x)->gain > (*y)->gain)
		return (*x)->gain < (*y)->gain ? 1 : -1;
	return strcmp((*x)->p->name, (*y)->p->name);
}

static int find_gains(struct mm_quantizer *q, const struct mm_sample_set *set,
		      const struct mm_fidelity *all, struct mm_err *err)
{
	int rc = MM_OK;

	for (size_t i = 0; i < q->n && !rc; i++) {
		struct mm_measured v;

		if (q->w[i].keep)
			continue;
		if (!(rc = run_int8(q, set, i, &v, err)))
			q->w[i].gain = both_cosines(&q->before, &v) -
				       all->image_cosine - all->text_cosine;
		mm_measured_release(&v);
	}
	return rc;
}

static int refuse(struct mm_quant_weight *const *order, size_t n, size_t kept,
		  double loss, double max_loss, struct mm_err *err)
{
	struct mm_buf names = { 0 };
	int rc;

	for (size_t i = 0; i < NAMED && i < n; i++)
		mm_buf_printf(&names, "%s'%s'", i ? ", " : "",
			      order[i]->p->name);
	rc = mm_fail(err, MM_ERR_REFUSED,
		     "recall@1 falls by %.2f points, over the bound of %.2f, "
		     "also with %zu of %zu layers in float; those that hurt "
		     "most are %s",
		     loss, max_loss, kept, n, mm_buf_str(&names));
	mm_buf_release(&names);
	return rc;
}

int mm_quantizer_protect(struct mm_quantizer *q,
			 const struct mm_sample_set *set, double max_loss,
			 struct mm_fidelity *f, struct mm_err *err)
{
	struct mm_quant_weight **order;
	size_t kept = 0;
	int rc;

	if (f->loss <= max_loss)
		return MM_OK;
	if ((rc = find_gains(q, set, f, err)))
		return rc;
	if (!(order = mm_malloc(q->n, sizeof(*order))))
		return mm_fail_nomem(err, "the order of layers");
	for (size_t i = 0; i < q->n; i++)
		order[i] = &q->w[i];
	qsort(order, q->n, sizeof(*order), by_gain);
	while (!rc && f->loss > max_loss && kept < q->n / 2) {
		const size_t more = 1 + kept / 4;

		for (size_t i = 0; i < more && kept < q->n / 2; i++)
			order[kept++]->keep = true;
		rc = mm_quantizer_measure(q, set, f, err);
	}
	if (!rc && f->loss > max_loss)
		rc = refuse(order, q->n, kept, f->loss, max_loss, err);
	mm_free(order);
	return rc;
}

size_t mm_quantizer_kept(const struct mm_quantizer *q)
{
	size_t n = 0;

	for (size_t i = 0; i < q->n; i++)
		n += q->w[i].keep;
	return n;
}
