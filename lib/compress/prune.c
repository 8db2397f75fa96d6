/* prune.c - see prune.h. */
#include "compress/prune.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "graph/ops.h"

enum { NAME = 256, ROUND = 8 /* neurons: whole vectors */ };

static const struct {
	const char *prefix, *part;
} towers[] = {
	{ "vision_model.encoder", "vision_config" },
	{ "text_model.encoder", "text_config" },
};

static struct mm_param *find(const struct mm_pruner *p,
			     const struct mm_prune_tower *t, size_t i,
			     const char *what)
{
	char name[NAME];

	snprintf(name, sizeof(name), "%s.layers.%zu.%s", t->prefix, i, what);
	return mm_store_find(&p->model.store, name);
}

/* ---- opening ---- */

static int add_block(struct mm_pruner *p, struct mm_prune_block *b,
		     const struct mm_param *fc2, const struct mm_param *out,
		     size_t head_dim, struct mm_err *err)
{
	b->ffn = fc2->shape.dim[1];
	b->heads = out->shape.dim[1] / head_dim;
	b->head = mm_arena_alloc(&p->arena, b->heads, sizeof(*b->head));
	b->neuron = mm_arena_alloc(&p->arena, b->ffn, sizeof(*b->neuron));
	b->keep_head = mm_arena_alloc(&p->arena, b->heads, sizeof(bool));
	b->keep_neuron = mm_arena_alloc(&p->arena, b->ffn, sizeof(bool));
	if (!b->head || !b->neuron || !b->keep_head || !b->keep_neuron)
		return mm_fail_nomem(err, "importances");
	memset(b->head, 0, b->heads * sizeof(*b->head));
	memset(b->neuron, 0, b->ffn * sizeof(*b->neuron));
	memset(b->keep_head, true, b->heads);
	memset(b->keep_neuron, true, b->ffn);
	b->keep = true;
	b->kept_heads = b->heads;
	b->kept_ffn = b->ffn;
	return MM_OK;
}

/* The width of a head is one number in a tower: config.json tells it. */
static size_t head_dim_of(const struct mm_pruner *p, const char *part,
			  size_t width)
{
	char dict[64];
	const struct mm_json *v;
	int64_t heads, dim;

	snprintf(dict, sizeof(dict), "%s_dict", part);
	v = mm_json_get(p->model.json, dict);
	if (mm_json_type(v) != MM_JSON_OBJECT)
		v = mm_json_get(p->model.json, part);
	dim = mm_json_int(mm_json_get(v, "head_dim"), 0);
	/* What transformers' classes take for granted. */
	heads = strcmp(part, "text_config") ||
				!strcmp(p->model.arch->model_type, "siglip")
			? 12
			: 8;
	heads = mm_json_int(mm_json_get(v, "num_attention_heads"), heads);
	return dim > 0 ? (size_t)dim : width / (size_t)heads;
}

static int add_tower(struct mm_pruner *p, int which, struct mm_err *err)
{
	struct mm_prune_tower *t = &p->tower[p->n_towers];
	const struct mm_param *out, *fc2;
	int rc = MM_OK;

	t->prefix = towers[which].prefix;
	t->part = towers[which].part;
	while (find(p, t, t->n, "mlp.fc2.weight"))
		t->n++;
	if (!t->n)
		return MM_OK;
	out = find(p, t, 0, "self_attn.out_proj.weight");
	if (!out)
		return MM_OK;
	t->head_dim = head_dim_of(p, t->part, out->shape.dim[0]);
	t->block = mm_arena_alloc(&p->arena, t->n, sizeof(*t->block));
	if (!t->block)
		return mm_fail_nomem(err, "importances");
	memset(t->block, 0, t->n * sizeof(*t->block));
	for (size_t i = 0; i < t->n && !rc; i++) {
		out = find(p, t, i, "self_attn.out_proj.weight");
		fc2 = find(p, t, i, "mlp.fc2.weight");
		rc = add_block(p, &t->block[i], fc2, out, t->head_dim, err);
	}
	p->n_towers++;
	return rc;
}

int mm_pruner_open(struct mm_pruner *p, const char *dir,
		   const struct mm_prune_options *o, struct mm_err *err)
{
	int rc;

	memset(p, 0, sizeof(*p));
	p->o = *o;
	mm_arena_init(&p->arena);
	if ((rc = mm_model_open(&p->model, dir, err)))
		return rc;
	if (mm_checkpoint_meta(&p->model.weights, "mmtool.quant"))
		return mm_fail(err, MM_ERR_REFUSED,
			       "'%s' is quantized: prune the model that it was "
			       "made from, and quantize the result",
			       dir);
	if ((rc = mm_model_declare(&p->model, err)) ||
	    (rc = mm_model_bind(&p->model, true, err)))
		return rc;
	for (int i = 0; i < 2 && !rc; i++)
		rc = add_tower(p, i, err);
	if (!rc && !p->n_towers)
		rc = mm_fail(err, MM_ERR_REFUSED,
			     "'%s' is of type '%s', which has no tower of "
			     "pre-norm blocks to prune",
			     dir, p->model.arch->model_type);
	return rc;
}

void mm_pruner_release(struct mm_pruner *p)
{
	mm_free(p->saliency);
	mm_model_release(&p->model);
	mm_arena_release(&p->arena);
	memset(p, 0, sizeof(*p));
}

/* ---- importances ---- */

/* sum over rows of W[i, c] dW[i, c], c in [begin, end). */
static double gate(const struct mm_param *w, size_t begin, size_t end)
{
	const size_t F = w->shape.dim[0], C = w->shape.dim[1];
	double sum = 0;

	for (size_t f = 0; f < F; f++)
		for (size_t c = begin; c < end; c++)
			sum += (double)w->val[f * C + c] *
			       (double)w->grad[f * C + c];
	return sum;
}

static double vector_gate(const struct mm_param *b)
{
	double sum = 0;

	for (size_t i = 0; b && i < b->n; i++)
		sum += (double)b->val[i] * (double)b->grad[i];
	return sum;
}

static void score_block(const struct mm_pruner *p,
			const struct mm_prune_tower *t, size_t i)
{
	const struct mm_param *fc2 = find(p, t, i, "mlp.fc2.weight");
	const struct mm_param *out = find(p, t, i, "self_attn.out_proj.weight");
	struct mm_prune_block *b = &t->block[i];
	double attention = vector_gate(find(p, t, i,
					    "self_attn.out_proj."
					    "bias"));
	double mlp = vector_gate(find(p, t, i, "mlp.fc2.bias"));

	for (size_t h = 0; h < b->heads; h++) {
		const double g =
			gate(out, h * t->head_dim, (h + 1) * t->head_dim);

		b->head[h] += fabs(g);
		attention += g;
	}
	for (size_t j = 0; j < b->ffn; j++) {
		const double g = gate(fc2, j, j + 1);

		b->neuron[j] += fabs(g);
		mlp += g;
	}
	b->layer += fabs(attention) + fabs(mlp);
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

/* ---- the plan ---- */

/* A structure that may go. */
struct choice {
	double score;
	size_t block, at; /* at: head or neuron */
};

static int by_score(const void *a, const void *b)
{
	const struct choice *x = a, *y = b;

	if (x->score < y->score || x->score > y->score)
		return x->score < y->score ? -1 : 1;
	if (x->block != y->block)
		return x->block < y->block ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

static int drop_layers(const struct mm_pruner *p, struct mm_prune_tower *t,
		       struct mm_err *err)
{
	if (p->o.layers >= t->n)
		return mm_fail(err, MM_ERR_REFUSED,
			       "'%s' has %zu layers: %zu cannot go", t->prefix,
			       t->n, p->o.layers);
	for (size_t k = 0; k < p->o.layers; k++) {
		struct mm_prune_block *least = NULL;

		for (size_t i = 0; i < t->n; i++)
			if (t->block[i].keep &&
			    (!least || t->block[i].layer < least->layer))
				least = &t->block[i];
		if (least)
			least->keep = false;
	}
	return MM_OK;
}

/* Heads with the least importance in the tower, one at least in each layer. */
static void drop_heads(const struct mm_pruner *p, struct mm_prune_tower *t,
		       struct choice *c)
{
	size_t n = 0, go;

	for (size_t i = 0; i < t->n; i++)
		for (size_t h = 0; t->block[i].keep && h < t->block[i].heads;
		     h++)
			c[n++] = (struct choice){ t->block[i].head[h], i, h };
	qsort(c, n, sizeof(*c), by_score);
	go = (size_t)(p->o.heads * (double)n);
	for (size_t k = 0; k < n && go; k++) {
		struct mm_prune_block *b = &t->block[c[k].block];

		if (b->kept_heads == 1)
			continue;
		b->keep_head[c[k].at] = false;
		b->kept_heads--;
		go--;
	}
}

/* How many neurons each layer may keep of those that the ranking leaves. */
static size_t rounded(size_t kept, size_t all)
{
	const size_t up = (kept + ROUND - 1) / ROUND * ROUND;

	return up < ROUND ? ROUND < all ? ROUND : all : up < all ? up : all;
}

/* Back to a whole number of vectors: the best of those that would go. */
static void round_up(struct mm_prune_block *b, size_t kept)
{
	while (b->kept_ffn < kept) {
		size_t best = b->ffn;

		for (size_t j = 0; j < b->ffn; j++)
			if (!b->keep_neuron[j] &&
			    (best == b->ffn || b->neuron[j] > b->neuron[best]))
				best = j;
		b->keep_neuron[best] = true;
		b->kept_ffn++;
	}
}

static void drop_first(struct mm_prune_tower *t, const struct choice *c,
		       size_t go)
{
	for (size_t k = 0; k < go; k++) {
		struct mm_prune_block *b = &t->block[c[k].block];

		b->keep_neuron[c[k].at] = false;
		b->kept_ffn--;
	}
}

static void drop_neurons(const struct mm_pruner *p, struct mm_prune_tower *t,
			 struct choice *c)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++) {
		const struct mm_prune_block *b = &t->block[i];

		for (size_t j = 0; b->keep && j < b->ffn; j++)
			c[n++] = (struct choice){ b->neuron[j], i, j };
		if (p->o.uniform) { /* each layer by itself */
			qsort(c, n, sizeof(*c), by_score);
			drop_first(t, c, (size_t)(p->o.ffn * (double)n));
			n = 0;
		}
	}
	qsort(c, n, sizeof(*c), by_score);
	drop_first(t, c, (size_t)(p->o.ffn * (double)n));
	for (size_t i = 0; i < t->n; i++)
		if (t->block[i].keep)
			round_up(&t->block[i], rounded(t->block[i].kept_ffn,
						       t->block[i].ffn));
}

static int plan_tower(const struct mm_pruner *p, struct mm_prune_tower *t,
		      struct mm_err *err)
{
	struct choice *c;
	size_t most = 0;
	int rc;

	if ((rc = drop_layers(p, t, err)))
		return rc;
	for (size_t i = 0; i < t->n; i++)
		most += t->block[i].ffn + t->block[i].heads;
	if (!(c = mm_malloc(most, sizeof(*c))))
		return mm_fail_nomem(err, "the order of importances");
	if (p->o.heads > 0)
		drop_heads(p, t, c);
	if (p->o.ffn > 0)
		drop_neurons(p, t, c);
	mm_free(c);
	return MM_OK;
}

static bool goes(const struct mm_pruner *p)
{
	for (size_t k = 0; k < p->n_towers; k++)
		for (size_t i = 0; i < p->tower[k].n; i++) {
			const struct mm_prune_block *b = &p->tower[k].block[i];

			if (!b->keep || b->kept_heads < b->heads ||
			    b->kept_ffn < b->ffn)
				return true;
		}
	return p->o.sparsity > 0 || p->o.two_of_four;
}

int mm_pruner_plan(struct mm_pruner *p, struct mm_err *err)
{
	int rc = MM_OK;

	if (p->o.uniform && p->o.ffn > 0 &&
	    mm_store_find(&p->model.store, MM_POOLING_FC1))
		return mm_fail(err, MM_ERR_REFUSED,
			       "transformers wants as many neurons in the "
			       "pooling head as in the layers: leave out "
			       "--uniform, or --ffn");
	for (size_t i = 0; i < p->n_towers && !rc; i++)
		rc = plan_tower(p, &p->tower[i], err);
	if (!rc && !goes(p))
		rc = mm_fail(err, MM_ERR_REFUSED,
			     "nothing would go: the parts are smaller than a "
			     "head or %d neurons",
			     ROUND);
	return rc;
}
