/* step.c - the graphs of a run and one step through them; see train.h. */
#include <fnmatch.h>
#include <math.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "graph/ops.h"
#include "train/internal.h"

static enum mm_elem pixel_elem(const struct mm_run *r)
{
	return r->data->floats ? MM_ELEM_REAL : MM_ELEM_U8;
}

static struct mm_node *emit_loss(struct mm_run *r, struct mm_node *logits)
{
	struct mm_graph *g = &r->loss;
	const size_t B = r->o->batch;
	const double smoothing = r->o->smoothing >= 0 ? r->o->smoothing
						      : r->m->arch->smoothing;
	struct mm_node *labels = NULL;

	switch (r->o->loss) {
	case MM_LOSS_INFONCE:
		return mm_infonce(g, logits, NULL, smoothing);
	case MM_LOSS_SIGMOID: return mm_sigmoid_loss(g, logits, NULL);
	case MM_LOSS_MULTI:
		labels = mm_input(g, "labels", MM_ELEM_I32, MM_SHAPE(B));
		if (labels)
			labels->data = r->labels;
		break;
	default: break;
	}
	return r->m->arch->loss(g, logits, labels, smoothing);
}

static void emit_sides(struct mm_run *r)
{
	const struct mm_dataset *d = r->data;
	struct mm_side *i = &r->image, *t = &r->text;

	mm_graph_init(&i->g, &r->m->store, MM_TRAIN);
	i->pixels = mm_image_input(&i->g, r->m, pixel_elem(r), i->piece, d->H,
				   d->W);
	i->out = mm_output(&i->g, r->m->arch->image(&i->g, r->m, i->pixels),
			   "image_embeds");
	mm_graph_init(&t->g, &r->m->store, MM_TRAIN);
	t->text = mm_text_inputs(&t->g, t->piece, d->T,
				 d->has_mask && !r->m->unmasked_text, false);
	t->out = mm_output(&t->g, r->m->arch->text(&t->g, r->m, &t->text),
			   "text_embeds");
	mm_seed(&i->g, i->out);
	mm_seed(&t->g, t->out);
	i->g.batch = i->piece;
	t->g.batch = t->piece;
}

static void emit_batch_loss(struct mm_run *r)
{
	struct mm_graph *g = &r->loss;
	const struct mm_shape s = MM_SHAPE(r->o->batch, r->m->embed_dim);
	struct mm_node *logits;

	mm_graph_init(g, &r->m->store, MM_TRAIN);
	g->batch = r->o->batch;
	r->image_in = mm_input(g, "image_embeds", MM_ELEM_REAL, s);
	r->text_in = mm_input(g, "text_embeds", MM_ELEM_REAL, s);
	mm_want_grad(g, r->image_in);
	mm_want_grad(g, r->text_in);
	logits = r->m->arch->logits(g, r->m, mm_l2norm(g, r->image_in, 1e-12),
				    mm_l2norm(g, r->text_in, 1e-12));
	r->loss_out = mm_output(g, emit_loss(r, logits), "loss");
}

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

static int freeze(struct mm_run *r, struct mm_err *err)
{
	struct mm_store *s = &r->m->store;
	size_t left = 0;

	for (size_t k = 0; k < r->o->n_freeze; k++) {
		size_t hits = 0;

		for (size_t i = 0; i < s->n; i++)
			if (!fnmatch(r->o->freeze[k], s->param[i]->name, 0)) {
				s->param[i]->frozen = true;
				hits++;
			}
		if (!hits)
			return mm_fail(err, MM_ERR_USAGE,
				       "--freeze '%s' fits no parameter",
				       r->o->freeze[k]);
	}
	for (size_t i = 0; i < s->n; i++)
		left += !s->param[i]->frozen && !s->param[i]->buffer;
	return left ? MM_OK
		    : mm_fail(err, MM_ERR_USAGE,
			      "everything is frozen: nothing to train");
}

int mm_run_build(struct mm_run *r, struct mm_err *err)
{
	const size_t B = r->o->batch;
	int rc;

	if ((rc = cut(&r->image, B, r->o->micro_image, "image", err)) ||
	    (rc = cut(&r->text, B, r->o->micro_text, "text", err)))
		return rc;
	emit_sides(r);
	emit_batch_loss(r);
	if ((rc = freeze(r, err)))
		return rc;
	/* Planning asks which parameters have gradients; sizes only. */
	for (size_t i = 0; i < r->m->store.n; i++) {
		static mm_real placeholder;
		struct mm_param *p = r->m->store.param[i];

		p->grad = p->frozen || p->buffer ? NULL : &placeholder;
	}
	if ((rc = mm_graph_plan(&r->image.g, err)) ||
	    (rc = mm_graph_plan(&r->text.g, err)) ||
	    (rc = mm_graph_plan(&r->loss, err)))
		return rc;
	return MM_OK;
}

void mm_run_sizes(const struct mm_run *r, struct mm_train_memory *memory)
{
	const struct mm_dataset *d = r->data;
	const size_t values = mm_store_value_bytes(&r->m->store);
	const size_t B = r->o->batch;

	memory->parameters = values;
	memory->gradients = mm_store_grad_bytes(&r->m->store);
	memory->optimiser = 2 * values;
	memory->activations = r->image.g.plan_bytes + r->text.g.plan_bytes +
			      r->loss.plan_bytes;
	memory->batch =
		B * (3 * d->H * d->W * (d->floats ? 4 : 1) + d->T * 5 + 4) +
		d->n * sizeof(size_t);
	memory->total = memory->parameters + memory->gradients +
			memory->optimiser + memory->activations + memory->batch;
}

int mm_run_alloc(struct mm_run *r, struct mm_err *err)
{
	const struct mm_dataset *d = r->data;
	struct mm_train_memory size;
	const size_t B = r->o->batch;
	int rc;

	mm_run_sizes(r, &size);
	for (size_t i = 0; i < r->m->store.n; i++)
		r->m->store.param[i]->grad = NULL;
	r->moment1 = mm_calloc(size.parameters, 1);
	r->moment2 = mm_calloc(size.parameters, 1);
	r->order = mm_calloc(d->n, sizeof(*r->order));
	r->pixels = mm_calloc(B * 3 * d->H * d->W, d->floats ? 4 : 1);
	r->ids = mm_calloc(B * d->T, sizeof(*r->ids));
	r->labels = mm_calloc(B, sizeof(*r->labels));
	r->mask = mm_calloc(B * d->T, 1);
	if (!r->moment1 || !r->moment2 || !r->order || !r->pixels || !r->ids ||
	    !r->labels || !r->mask)
		return mm_fail_nomem(err, "a training run");
	if ((rc = mm_model_bind(r->m, true, err)) ||
	    (rc = mm_store_alloc_grads(&r->m->store, err)) ||
	    (rc = mm_graph_alloc(&r->image.g, err)) ||
	    (rc = mm_graph_alloc(&r->text.g, err)) ||
	    (rc = mm_graph_alloc(&r->loss, err)))
		return rc;
	for (size_t i = 0; i < r->loss.n_nodes; i++)
		if (r->loss.node[i]->elem == MM_ELEM_I32)
			r->loss.node[i]->data = r->labels;
	return MM_OK;
}

void mm_run_release(struct mm_run *r)
{
	mm_augment_feed_free(r->feed);
	mm_graph_release(&r->image.g);
	mm_graph_release(&r->text.g);
	mm_graph_release(&r->loss);
	mm_free(r->moment1);
	mm_free(r->moment2);
	mm_free(r->order);
	mm_free(r->pixels);
	mm_free(r->ids);
	mm_free(r->labels);
	mm_free(r->mask);
}

/* ---- one step ---- */

/* Point a piece's inputs at its part of the batch and run it. */
static void forward_piece(struct mm_run *r, struct mm_side *s, size_t k)
{
	const struct mm_dataset *d = r->data;
	const size_t first = k * s->piece, pixels = 3 * d->H * d->W;

	s->g.seed = r->o->seed;
	s->g.step = (uint64_t)r->step;
	s->g.row0 = first;
	if (s == &r->text) {
		s->text.ids->data = r->ids + first * d->T;
		if (s->text.mask)
			s->text.mask->data = r->mask + first * d->T;
	} else if (d->floats) {
		memcpy(s->pixels->val, (float *)r->pixels + first * pixels,
		       s->pixels->n * sizeof(float));
	} else {
		s->pixels->data = (uint8_t *)r->pixels + first * pixels;
	}
	mm_graph_forward(&s->g);
}

static void forward(struct mm_run *r, struct mm_side *s, mm_real *out)
{
	s->g.again = false;
	for (size_t k = 0; k < s->n_pieces; k++) {
		forward_piece(r, s, k);
		memcpy(out + k * s->out->n, s->out->val,
		       s->out->n * sizeof(*out));
	}
}

static void backward(struct mm_run *r, struct mm_side *s, const mm_real *dout)
{
	if (!s->out->needs_grad)
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

double mm_schedule_at(enum mm_schedule schedule, long s, long warmup,
		      long steps)
{
	const double done = (double)(s - warmup) /
			    (double)(steps > warmup ? steps - warmup : 1);

	if (s < warmup)
		return (double)(s + 1) / (double)warmup;
	switch (schedule) {
	case MM_SCHEDULE_COSINE:
		return 0.5 * (1 + cos(3.14159265358979323846 * done));
	case MM_SCHEDULE_LINEAR: return 1 - done;
	case MM_SCHEDULE_RSQRT:
		return sqrt((double)(warmup > 0 ? warmup : 1) /
			    (double)(s + 1));
	default: return 1;
	}
}

static double group_lr(const struct mm_run *r, enum mm_group g)
{
	const double w = r->o->warmup;
	const long warmup =
		r->o->warmup_fraction ? (long)(w * (double)r->steps) : (long)w;
	const double base =
		r->o->lr_group[g] >= 0 ? r->o->lr_group[g] : r->o->lr;

	return base * mm_schedule_at(r->o->schedule, r->step, warmup, r->steps);
}

/* The deepest layer of a group, for layer-wise decay. */
static size_t top_layer(const struct mm_store *s, enum mm_group g)
{
	size_t top = 0;

	for (size_t i = 0; i < s->n; i++)
		if (s->param[i]->group == g && s->param[i]->layer > top)
			top = s->param[i]->layer;
	return top;
}

static void update_one(struct mm_run *r, struct mm_param *p, double scale)
{
	const struct mm_train_options *o = r->o;
	const size_t at = (size_t)(p->val - (mm_real *)r->m->store.values);
	const size_t top = top_layer(&r->m->store, p->group);
	struct mm_adamw a = {
		.lr = group_lr(r, p->group) *
		      pow(o->layer_decay, (double)(top - p->layer)),
		.beta1 = o->beta1,
		.beta2 = o->beta2,
		.eps = o->eps,
		/* Gains, biases, the class token and scales do not decay. */
		.weight_decay = p->shape.rank >= 2 ? o->weight_decay : 0,
		.scale = scale,
		.t = r->step + 1,
	};

	if (o->optimizer == MM_OPTIMIZER_SGD)
		mm_sgd(p->val, r->moment1 + at, p->grad,
		       &(struct mm_sgd){ .lr = a.lr,
					 .momentum = o->momentum,
					 .weight_decay = a.weight_decay,
					 .scale = a.scale },
		       p->n);
	else
		mm_adamw(p->val, r->moment1 + at, r->moment2 + at, p->grad, &a,
			 p->n);
}

static double update(struct mm_run *r)
{
	const struct mm_store *s = &r->m->store;
	double norm = 0, scale = 1;

	for (size_t i = 0; i < s->n; i++)
		if (s->param[i]->grad)
			norm += mm_sum_squares(s->param[i]->grad,
					       s->param[i]->n);
	norm = sqrt(norm);
	if (r->o->clip_norm > 0 && r->o->clip_norm < norm + 1e-6)
		scale = r->o->clip_norm / (norm + 1e-6);
	if (!isfinite(norm))
		return norm;
	for (size_t i = 0; i < s->n; i++)
		if (s->param[i]->grad)
			update_one(r, s->param[i], scale);
	if (r->m->arch->after_step)
		r->m->arch->after_step(r->m);
	return norm;
}

/* Name of a parameter whose gradient is not finite, for the message. */
static const char *culprit(const struct mm_store *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->param[i]->grad &&
		    mm_first_not_finite(s->param[i]->grad, s->param[i]->n) <
			    s->param[i]->n)
			return s->param[i]->name;
	return "none";
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

int mm_run_step(struct mm_run *r, struct mm_train_report *report,
		struct mm_err *err)
{
	const double start = now();
	int rc;

	for (int g = 0; g < MM_N_GROUPS; g++)
		report->lr[g] = group_lr(r, (enum mm_group)g);
	if ((rc = mm_run_batch(r, err)))
		return rc;
	mm_store_zero_grads(&r->m->store);
	forward(r, &r->image, r->image_in->val);
	forward(r, &r->text, r->text_in->val);
	mm_graph_forward(&r->loss);
	report->loss = (double)r->loss_out->val[0];
	if (!isfinite(report->loss))
		return mm_fail(err, MM_ERR_REFUSED,
			       "the loss is not finite at step %ld; the last "
			       "checkpoint is kept, a lower --lr may help",
			       r->step + 1);
	mm_graph_backward(&r->loss);
	backward(r, &r->image, r->image_in->grad);
	backward(r, &r->text, r->text_in->grad);
	report->grad_norm = update(r);
	if (!isfinite(report->grad_norm))
		return mm_fail(err, MM_ERR_REFUSED,
			       "the gradient of '%s' is not finite at step "
			       "%ld; the last checkpoint is kept",
			       culprit(&r->m->store), r->step + 1);
	report->epoch = r->step / r->per_epoch;
	report->step = ++r->step;
	report->steps = r->steps;
	report->samples_per_s = (double)r->o->batch / (now() - start);
	return MM_OK;
}
