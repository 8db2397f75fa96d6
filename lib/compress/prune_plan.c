/* prune_plan.c - which structures stay; see prune.h. */
#include <stdlib.h>

#include "base/mem.h"
#include "compress/prune.h"

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
	if (mm_prune_convolves(t->kind))
		return MM_OK;
	if (p->o.layers >= t->n)
		return mm_fail(err, MM_ERR_REFUSED,
			       "'%s' has %zu layers: %zu cannot go",
			       t->kind->title, t->n, p->o.layers);
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

/* How many neurons a layer keeps of those that the ranking leaves. */
static size_t rounded(const struct mm_pruner *p, size_t kept, size_t all)
{
	size_t step = p->o.round ? p->o.round : 1, up;

	while (step > 1 && step * 8 > all)
		step /= 2;
	up = (kept + step - 1) / step * step;
	up = up ? up : step;
	return up < all ? up : all;
}

/* Back to what is kept: the best of those that would go. */
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
			 double part, struct choice *c)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++) {
		const struct mm_prune_block *b = &t->block[i];

		for (size_t j = 0; b->keep && !b->fixed && j < b->ffn; j++)
			c[n++] = (struct choice){ b->neuron[j], i, j };
		if (p->o.uniform) { /* each layer by itself */
			qsort(c, n, sizeof(*c), by_score);
			drop_first(t, c, (size_t)(part * (double)n));
			n = 0;
		}
	}
	qsort(c, n, sizeof(*c), by_score);
	drop_first(t, c, (size_t)(part * (double)n));
	for (size_t i = 0; i < t->n; i++)
		if (t->block[i].keep)
			round_up(&t->block[i], rounded(p, t->block[i].kept_ffn,
						       t->block[i].ffn));
}

static int plan_tower(const struct mm_pruner *p, struct mm_prune_tower *t,
		      struct mm_err *err)
{
	const double part =
		mm_prune_convolves(t->kind) ? p->o.channels : p->o.ffn;
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
	if (part > 0)
		drop_neurons(p, t, part, c);
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
			     "nothing would go: the model has no such part, or "
			     "it is smaller than a head, or than %zu neurons",
			     p->o.round);
	return rc;
}
