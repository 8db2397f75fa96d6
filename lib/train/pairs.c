/*
 * pairs.c - objectives of pairs: two towers on pieces of the batch, one loss
 * over all of it; see train.h.
 */
#include <string.h>

#include "base/mem.h"
#include "graph/ops.h"
#include "train/internal.h"

static int cut(struct mm_side *s, size_t batch, size_t micro, const char *name,
	       struct mm_err *err)
{
	s->piece = micro ? micro : batch;
	if (s->piece > batch || batch % s->piece)
		return mm_fail(err, MM_ERR_USAGE,
			       "--micro-batch-%s %zu does not divide the batch "
			       "of %zu",
			       name, micro, batch);
	s->n_pieces = batch / s->piece;
	return MM_OK;
}

static void emit_sides(struct mm_run *r)
{
	const struct mm_dataset *d = r->data;
	struct mm_side *i = &r->image, *t = &r->text;

	mm_graph_init(&i->g, &r->m->store, MM_TRAIN);
	i->pixels = mm_image_input(&i->g, r->m,
				   d->floats ? MM_ELEM_REAL : MM_ELEM_U8,
				   i->piece, d->H, d->W);
	i->out = mm_output(&i->g, r->m->arch->image(&i->g, r->m, i->pixels),
			   "image_embeds");
	mm_graph_init(&t->g, &r->m->store, MM_TRAIN);
	t->text = mm_text_inputs(&t->g, t->piece, d->T,
				 d->has_mask && !r->m->unmasked_text, false);
	t->out = mm_output(&t->g, r->m->arch->text(&t->g, r->m, &t->text),
			   "text_embeds");
	mm_seed(&i->g, i->out);
	mm_seed(&t->g, t->out);
	i->g.compute = t->g.compute = r->o->precision;
	i->g.recompute = t->g.recompute = r->o->recompute;
	i->g.batch = i->piece;
	t->g.batch = t->piece;
}

static void emit_teacher(struct mm_run *r, struct mm_pairs *p)
{
	static const char *const name[] = { "teacher_image", "teacher_text" };

	for (int s = 0; s < 2 && r->teacher; s++)
		p->teacher[s] = r->teacher_in[s] =
			mm_input(p->g, name[s], MM_ELEM_REAL,
				 MM_SHAPE(r->o->batch, r->teacher->D));
}

static void emit_losses(struct mm_run *r)
{
	struct mm_graph *g = &r->loss;
	const struct mm_shape s = MM_SHAPE(r->o->batch, r->m->embed_dim);
	struct mm_pairs p = {
		.g = g,
		.m = r->m,
		.o = r->o,
		.smoothing = r->o->smoothing >= 0 ? r->o->smoothing
						  : r->m->arch->smoothing,
	};

	mm_graph_init(g, &r->m->store, MM_TRAIN);
	g->batch = r->o->batch;
	p.raw[0] = r->image_in = mm_input(g, "image_embeds", MM_ELEM_REAL, s);
	p.raw[1] = r->text_in = mm_input(g, "text_embeds", MM_ELEM_REAL, s);
	mm_want_grad(g, r->image_in);
	mm_want_grad(g, r->text_in);
	if (r->needs & MM_NEEDS_SAME)
		p.same = r->same_in = mm_input(g, "labels", MM_ELEM_I32,
					       MM_SHAPE(r->o->batch));
	emit_teacher(r, &p);
	for (int k = 0; k < 2; k++)
		p.unit[k] = mm_l2norm(g, p.raw[k], 1e-12);
	p.logits = r->m->arch->logits(g, r->m, p.unit[0], p.unit[1]);
	for (size_t i = 0; i < r->n_terms; i++) {
		const struct mm_objective *o = r->term[i].objective;

		if (!o->pairs)
			continue;
		r->term_out[i] = mm_output(g, o->pairs(&p), o->name);
		if (!g->failed)
			mm_seed(g, r->term_out[i]);
	}
}

static int failed(const struct mm_graph *g, struct mm_err *err)
{
	return g->failed ? mm_fail(err, g->err.code, "%s", g->err.msg) : MM_OK;
}

int mm_pairs_build(struct mm_run *r, struct mm_err *err)
{
	const size_t n = r->rows;
	int rc;

	if ((rc = cut(&r->image, n, r->o->micro_image, "image", err)) ||
	    (rc = cut(&r->text, n, r->o->micro_text, "text", err)))
		return rc;
	emit_sides(r);
	if ((rc = failed(&r->image.g, err)) || (rc = failed(&r->text.g, err)))
		return rc;
	emit_losses(r);
	return failed(&r->loss, err);
}

int mm_pairs_plan(struct mm_run *r, struct mm_err *err)
{
	int rc;

	if ((rc = mm_graph_plan(&r->image.g, err)) ||
	    (rc = mm_graph_plan(&r->text.g, err)))
		return rc;
	return mm_graph_plan(&r->loss, err);
}

/* ---- a tower that does not learn ---- */

enum { PIECE = 64 };

/* Embeddings of all samples, as the model gives them outside training. */
static int fill_cache(struct mm_run *r, bool image, float *out,
		      struct mm_err *err)
{
	const struct mm_dataset *d = r->data;
	const size_t D = r->m->embed_dim, width = d->floats ? 4 : 1;
	const size_t pixels = 3 * d->H * d->W * width;
	const bool masked = d->has_mask && !r->m->unmasked_text;
	uint8_t *x = mm_malloc(PIECE * (image ? pixels : d->T * 5), 1);
	struct mm_embedder e;
	int rc = x ? MM_OK : mm_fail_nomem(err, "the frozen tower's vectors");

	mm_embedder_init(&e, r->m);
	for (size_t i = 0; i < d->n && !rc; i += PIECE) {
		const size_t B = d->n - i < PIECE ? d->n - i : PIECE;
		int32_t *ids = (int32_t *)(void *)x;
		uint8_t *mask = x + B * d->T * 4;

		for (size_t b = 0; b < B && image; b++)
			memcpy(x + b * pixels, mm_dataset_pixels(d, i + b),
			       pixels);
		for (size_t b = 0; b < B && !image; b++) {
			memcpy(ids + b * d->T, mm_dataset_ids(d, i + b),
			       d->T * sizeof(*ids));
			if (d->has_mask)
				memcpy(mask + b * d->T,
				       mm_dataset_mask(d, i + b), d->T);
		}
		rc = image ? mm_embed_images(&e, out + i * D, x,
					     d->floats ? MM_ELEM_REAL
						       : MM_ELEM_U8,
					     B, d->H, d->W, err)
			   : mm_embed_texts(&e, out + i * D, ids,
					    masked ? mask : NULL, NULL, B, d->T,
					    err);
	}
	mm_embedder_release(&e);
	mm_free(x);
	return rc;
}

/* May the side's vectors be kept?  Not where its input changes, or passes. */
static bool constant(const struct mm_run *r, const struct mm_side *s)
{
	const struct mm_augment_spec *a = &r->o->augment.spec;

	return !mm_side_learns(s) && !r->data->window &&
	       !(s == &r->image ? mm_augment_pictures(a) : mm_augment_texts(a));
}

static int alloc_side(struct mm_run *r, struct mm_side *s, struct mm_err *err)
{
	if (!constant(r, s))
		return mm_graph_alloc(&s->g, err);
	s->cache = mm_malloc(r->data->n * r->m->embed_dim, sizeof(*s->cache));
	return s->cache ? MM_OK
			: mm_fail_nomem(err, "the frozen tower's vectors");
}

int mm_pairs_alloc(struct mm_run *r, struct mm_err *err)
{
	int rc;

	if ((rc = alloc_side(r, &r->image, err)) ||
	    (rc = alloc_side(r, &r->text, err)) ||
	    (rc = mm_graph_alloc(&r->loss, err)))
		return rc;
	if (r->same_in)
		r->same_in->data = r->same;
	return MM_OK;
}

int mm_pairs_start(struct mm_run *r, struct mm_err *err)
{
	int rc = MM_OK;

	if (r->image.cache)
		rc = fill_cache(r, true, r->image.cache, err);
	if (!rc && r->text.cache)
		rc = fill_cache(r, false, r->text.cache, err);
	return rc;
}

void mm_pairs_release(struct mm_run *r)
{
	mm_graph_release(&r->image.g);
	mm_graph_release(&r->text.g);
	mm_graph_release(&r->loss);
	mm_free(r->image.cache);
	mm_free(r->text.cache);
}

/* ---- one step ---- */

/* Point a piece's inputs at its part of the batch and run it. */
static void forward_piece(struct mm_run *r, struct mm_side *s, size_t k)
{
	const struct mm_dataset *d = r->data;
	const size_t first = k * s->piece, pixels = 3 * d->H * d->W;

	s->g.seed = r->o->seed;
	s->g.step = (uint64_t)r->step;
	s->g.row0 = r->first + first;
	if (s == &r->text) {
		s->text.ids->data = r->at.ids + first * d->T;
		if (s->text.mask)
			s->text.mask->data = r->at.mask + first * d->T;
	} else if (d->floats) {
		memcpy(s->pixels->val, (float *)r->at.pixels + first * pixels,
		       s->pixels->n * sizeof(float));
	} else {
		s->pixels->data = (uint8_t *)r->at.pixels + first * pixels;
	}
	mm_graph_forward(&s->g);
}

/* Embeddings of the whole batch; other processes send theirs. */
static int forward(struct mm_run *r, struct mm_side *s, mm_real *out,
		   struct mm_err *err)
{
	const size_t D = r->m->embed_dim;
	mm_real *own = out + r->first * D;

	s->g.again = false;
	for (size_t b = 0; b < r->rows && s->cache; b++)
		memcpy(own + b * D, s->cache + r->at.index[r->first + b] * D,
		       D * sizeof(*out));
	for (size_t k = 0; k < s->n_pieces && !s->cache; k++) {
		forward_piece(r, s, k);
		memcpy(own + k * s->out->n, s->out->val,
		       s->out->n * sizeof(*out));
	}
	return mm_world_gather(&r->world, out, r->rows * D * sizeof(*out), err);
}

static void backward(struct mm_run *r, struct mm_side *s, const mm_real *dout)
{
	if (s->cache || !s->out->needs_grad)
		return; /* all frozen */
	for (size_t k = 0; k < s->n_pieces; k++) {
		if (s->n_pieces > 1) {
			s->g.again = true;
			forward_piece(r, s, k);
		}
		memcpy(s->out->grad, dout + k * s->out->n,
		       s->out->n * sizeof(*dout));
		mm_graph_backward(&s->g);
	}
}

int mm_pairs_forward(struct mm_run *r, struct mm_train_report *report,
		     struct mm_err *err)
{
	int rc;

	if ((rc = forward(r, &r->image, r->image_in->val, err)) ||
	    (rc = forward(r, &r->text, r->text_in->val, err)))
		return rc;
	for (int s = 0; s < 2 && r->teacher; s++)
		for (size_t b = 0; b < r->o->batch; b++)
			memcpy(r->teacher_in[s]->val + b * r->teacher->D,
			       r->teacher->side[s] +
				       r->at.index[b] * r->teacher->D,
			       r->teacher->D * sizeof(float));
	mm_graph_forward(&r->loss);
	for (size_t i = 0; i < r->n_terms; i++)
		if (r->term_out[i])
			report->term[i] = (double)r->term_out[i]->val[0];
	return MM_OK;
}

/* Before any other gradient: those of the loss count once, in process 0. */
void mm_pairs_backward(struct mm_run *r, double scale)
{
	const size_t at = r->first * r->m->embed_dim;

	for (size_t i = 0; i < r->n_terms; i++)
		if (r->term_out[i])
			r->term_out[i]->grad[0] =
				(mm_real)(scale * r->term[i].weight);
	mm_graph_backward(&r->loss);
	if (r->world.rank > 0)
		mm_store_zero_grads(&r->m->store);
	backward(r, &r->image, r->image_in->grad + at);
	backward(r, &r->text, r->text_in->grad + at);
}
