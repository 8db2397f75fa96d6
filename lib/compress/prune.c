/* prune.c - what matters in a model; see prune.h. */
#include "compress/prune.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "graph/ops.h"

/* sum of W[f, c] dW[f, c], c in [begin, end): columns, or maps of kernels. */
static double gate(const struct mm_param *w, size_t begin, size_t end)
{
	const size_t F = w->shape.dim[0], C = w->shape.dim[1];
	const size_t K = w->n / (F * C);
	double sum = 0;

	for (size_t f = 0; f < F; f++)
		for (size_t i = (f * C + begin) * K; i < (f * C + end) * K; i++)
			sum += (double)w->val[i] * (double)w->grad[i];
	return sum;
}

/* Of the vector beside a matrix, if there is one. */
static double bias_gate(const struct mm_pruner *p,
			const struct mm_prune_block *b, const char *weight)
{
	char name[64];
	const struct mm_param *v;
	double sum = 0;

	snprintf(name, sizeof(name), "%.*sbias",
		 (int)(strlen(weight) - strlen("weight")), weight);
	v = mm_prune_param(p, b, name, "");
	for (size_t i = 0; v && i < v->n; i++)
		sum += (double)v->val[i] * (double)v->grad[i];
	return sum;
}

/*
 * |gate| of every unit of a block's structure into score[]; what closing all
 * of them at once and the vector beside them would do comes back.
 */
static double score_units(const struct mm_pruner *p,
			  const struct mm_prune_block *b,
			  const struct mm_prune_names *names, double *score,
			  size_t n, size_t unit)
{
	double all = bias_gate(p, b, names->columns[0]);

	for (size_t u = 0; u < n; u++) {
		double g = 0;

		for (int k = 0; names->columns[k]; k++)
			g += gate(mm_prune_param(p, b, names->columns[k], ""),
				  u * unit, (u + 1) * unit);
		score[u] += fabs(g);
		all += g;
	}
	return all;
}

static void score_block(const struct mm_pruner *p,
			const struct mm_prune_tower *t, size_t i)
{
	struct mm_prune_block *b = &t->block[i];

	b->layer +=
		fabs(score_units(p, b, &t->kind->ffn, b->neuron, b->ffn, 1));
	if (b->heads)
		b->layer += fabs(score_units(p, b, &t->kind->heads, b->head,
					     b->heads, t->head_dim));
}

static void score_weights(struct mm_pruner *p)
{
	const struct mm_store *s = &p->model.store;
	double *out = p->saliency;

	for (size_t i = 0; i < s->n; i++)
		for (size_t k = 0; k < s->param[i]->n; k++, out++)
			if (s->param[i]->grad)
				*out += fabs((double)s->param[i]->val[k] *
					     (double)s->param[i]->grad[k]);
}

/* One batch's graph: both towers, the family's own loss. */
struct batch {
	struct mm_graph g;
	struct mm_node *pixels;
	struct mm_text_input text;
	void *images;
	int32_t *ids;
	uint8_t *mask;
};

static int build(struct batch *b, struct mm_pruner *p,
		 const struct mm_dataset *d, size_t B, struct mm_err *err)
{
	const struct mm_model *m = &p->model;
	const size_t size = d->floats ? sizeof(float) : 1;
	struct mm_node *image, *text, *loss;
	int rc;

	mm_graph_init(&b->g, &p->model.store, MM_TRAIN);
	b->g.batch = B;
	b->g.again = true; /* running statistics stay as they are */
	b->pixels = mm_image_input(
		&b->g, m, d->floats ? MM_ELEM_REAL : MM_ELEM_U8, B, d->H, d->W);
	image = m->arch->image(&b->g, m, b->pixels);
	b->text = mm_text_inputs(&b->g, B, d->T,
				 d->has_mask && !m->unmasked_text, false);
	text = m->arch->text(&b->g, m, &b->text);
	loss = m->arch->loss(&b->g,
			     m->arch->logits(&b->g, m,
					     mm_l2norm(&b->g, image, 1e-12),
					     mm_l2norm(&b->g, text, 1e-12)),
			     NULL, 0);
	mm_output(&b->g, loss, "loss");
	/* The plan has room for gradients that somebody wants. */
	if ((rc = mm_store_alloc_grads(&p->model.store, err)) ||
	    (rc = mm_graph_plan(&b->g, err)) ||
	    (rc = mm_graph_alloc(&b->g, err)))
		return rc;
	b->images = mm_malloc(b->pixels->n, size);
	b->ids = mm_malloc(B * d->T, sizeof(*b->ids));
	b->mask = mm_malloc(B * d->T, 1);
	if (!b->images || !b->ids || !b->mask)
		return mm_fail_nomem(err, "a batch");
	return MM_OK;
}

static void fill(struct batch *b, const struct mm_dataset *d, size_t first,
		 size_t B)
{
	const size_t one = b->pixels->n / B * (d->floats ? sizeof(float) : 1);

	for (size_t i = 0; i < B; i++) {
		memcpy((char *)b->images + i * one,
		       mm_dataset_pixels(d, first + i), one);
		memcpy(b->ids + i * d->T, mm_dataset_ids(d, first + i),
		       d->T * sizeof(*b->ids));
		if (d->has_mask)
			memcpy(b->mask + i * d->T,
			       mm_dataset_mask(d, first + i), d->T);
	}
	if (d->floats)
		memcpy(b->pixels->val, b->images, one * B);
	else
		b->pixels->data = b->images;
	b->text.ids->data = b->ids;
	if (b->text.mask)
		b->text.mask->data = b->mask;
}

static int check_data(const struct mm_model *m, const struct mm_dataset *d,
		      struct mm_err *err)
{
	if (d->H != m->image_size || d->W != m->image_size)
		return mm_fail(err, MM_ERR_SHAPE,
			       "the samples' pictures are %zux%zu, the model "
			       "wants %zux%zu; 'mmtool preprocess -m' makes "
			       "them",
			       d->W, d->H, m->image_size, m->image_size);
	if (d->T > m->context_length)
		return mm_fail(err, MM_ERR_SHAPE,
			       "the samples' texts have %zu tokens, the model "
			       "takes %zu",
			       d->T, m->context_length);
	for (size_t i = 0; i < d->n; i++)
		for (size_t t = 0; t < d->T; t++) {
			const int32_t id = mm_dataset_ids(d, i)[t];

			if (id < 0 || (size_t)id >= m->vocab_size)
				return mm_fail(err, MM_ERR_FORMAT,
					       "token id %d of sample %zu is "
					       "outside the model's "
					       "vocabulary of %zu",
					       (int)id, i, m->vocab_size);
		}
	return MM_OK;
}

int mm_pruner_score(struct mm_pruner *p, const struct mm_dataset *d,
		    size_t limit, size_t batch, struct mm_err *err)
{
	const size_t n = limit && limit < d->n ? limit : d->n;
	const size_t B = batch < n ? batch : n;
	struct batch b = { 0 };
	int rc;

	if (n < 2)
		return mm_fail(err, MM_ERR_FORMAT,
			       "importances want two samples or more");
	if ((rc = check_data(&p->model, d, err)))
		return rc;
	for (size_t i = 0; i < p->model.store.n; i++)
		p->n_saliency += p->model.store.param[i]->n;
	if ((p->o.sparsity > 0 || p->o.two_of_four) &&
	    !(p->saliency = mm_calloc(p->n_saliency, sizeof(double))))
		return mm_fail_nomem(err, "importances");
	rc = build(&b, p, d, B, err);
	for (size_t i = 0; i + B <= n && !rc; i += B) {
		fill(&b, d, i, B);
		mm_store_zero_grads(&p->model.store);
		mm_graph_forward(&b.g);
		mm_graph_backward(&b.g);
		for (size_t t = 0; t < p->n_towers; t++)
			for (size_t k = 0; k < p->tower[t].n; k++)
				score_block(p, &p->tower[t], k);
		if (p->saliency)
			score_weights(p);
	}
	mm_graph_release(&b.g);
	mm_free(b.images);
	mm_free(b.ids);
	mm_free(b.mask);
	return rc;
}
