/*
 * plan.c - where every buffer of a graph lives, before anything runs.
 *
 * Time runs over the nodes forward, 0..N-1, and back, node i at 2N-1-i.  A
 * buffer is needed in one interval of time:
 *
 *	value		from its node to its last reader; in training readers
 *			include the backward steps that say so (bwd_reads)
 *	gradient	from its first writer on the way back to its own node
 *	saved		from forward to backward of its node
 *
 * Buffers are placed largest first, each at the lowest offset that is free
 * during its interval (greedy by size: Pisarchyk & Lee, "Efficient memory
 * management for deep neural net inference", 2020).  Scratch is one region
 * behind them, as large as the hungriest operator wants.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "graph/graph.h"
#include "graph/pack.h"
#include "graph/rows.h"

enum { ALIGN = 64 };

struct life {
	size_t *at;	     /* where the offset goes */
	size_t bytes;	     /* 0: not wanted */
	size_t birth, death; /* both inclusive */
	size_t order;	     /* makes the sort total */
};

static size_t back(const struct mm_graph *g, const struct mm_node *n)
{
	return 2 * g->n_nodes - 1 - n->index;
}

static void extend(struct life *l, size_t time)
{
	if (time < l->birth)
		l->birth = time;
	if (time > l->death)
		l->death = time;
}

static bool owns_value(const struct mm_node *n)
{
	return n->root == n && !n->param && n->elem == MM_ELEM_REAL;
}

/* Does anybody want a gradient of this node?  Inputs first, so in order. */
static void mark_needs(struct mm_graph *g)
{
	for (size_t i = 0; i < g->n_nodes; i++) {
		struct mm_node *n = g->node[i];

		if (!n->op)
			n->needs_grad = g->mode == MM_TRAIN &&
					n->elem == MM_ELEM_REAL &&
					(n->param ? n->param->grad != NULL
						  : n->wants_grad);
		else
			n->needs_grad = false;
		for (int k = 0; k < n->n_in; k++)
			n->needs_grad |= n->in[k] && n->in[k]->needs_grad;
	}
}

/* The lives of one node's reads: its inputs' values and gradients. */
static void read_inputs(struct mm_graph *g, struct mm_node *n,
			struct life *life)
{
	for (int k = 0; k < n->n_in; k++) {
		struct mm_node *root = n->in[k] ? n->in[k]->root : NULL;

		if (!root)
			continue;
		extend(&life[3 * root->index], n->index);
		if (!n->needs_grad)
			continue;
		if (n->op->bwd_reads & 1u << k)
			extend(&life[3 * root->index], back(g, n));
		if (root->needs_grad)
			extend(&life[3 * root->index + 1], back(g, n));
	}
}

static size_t bytes_of(const struct mm_node *n)
{
	return (n->n * sizeof(mm_real) + ALIGN - 1) / ALIGN * ALIGN;
}

static void start(struct life *l, size_t *at, size_t bytes, size_t time,
		  size_t order)
{
	*l = (struct life){ at, bytes, time, time, order };
}

/* Three lives per node: value, gradient, saved. */
static void find_lives(struct mm_graph *g, struct life *life)
{
	const size_t end = 2 * g->n_nodes, mid = g->n_nodes;
	const struct mm_node *leader = NULL;

	for (size_t i = 0; i < g->n_nodes; i++) {
		struct mm_node *n = g->node[i];
		struct life *l = &life[3 * i];
		size_t saved = n->op && n->op->saved ? n->op->saved(n) : 0;
		const bool leaf = !n->op;

		start(&l[0], &n->val_at, owns_value(n) ? bytes_of(n) : 0,
		      leaf ? 0 : i, 3 * i);
		start(&l[1], &n->grad_at,
		      owns_value(n) && n->needs_grad ? bytes_of(n) : 0,
		      back(g, n), 3 * i + 1);
		start(&l[2], &n->saved_at, (saved + ALIGN - 1) / ALIGN * ALIGN,
		      i, 3 * i + 2);
		if (n->needs_grad)
			extend(&l[2], back(g, n));
		/* A constant is there in every run after the first. */
		if (n->op && n->constant && n->root == n) {
			extend(&l[0], 0);
			extend(&l[0], end);
		}
		/* A group's results appear with the first one's. */
		if (n->led)
			extend(&l[0], leader->index);
		else if (n->next)
			leader = n;
		if (n->root->wanted)
			extend(&life[3 * n->root->index], end);
		if (n->seeded || (n->wanted && n->n == 1))
			extend(&life[3 * n->root->index + 1], mid);
		/* An input's gradient is read after the run. */
		if (n->wants_grad)
			extend(&l[1], end);
		if (n->needs_grad && n->op && n->op->bwd_reads & MM_READS_OUT)
			extend(&life[3 * n->root->index], back(g, n));
	}
	for (size_t i = 0; i < g->n_nodes; i++)
		read_inputs(g, g->node[i], life);
}

static int larger_first(const void *pa, const void *pb)
{
	const struct life *a = pa, *b = pb;

	if (a->bytes != b->bytes)
		return a->bytes < b->bytes ? 1 : -1;
	return a->order < b->order ? -1 : a->order > b->order;
}

static bool meet(const struct life *a, const struct life *b)
{
	return a->birth <= b->death && b->birth <= a->death;
}

/* `placed` is kept in order of offset.  Returns the end of the block. */
static size_t place(struct life *life, size_t n, const struct life **placed)
{
	size_t end = 0, n_placed = 0, k;

	for (size_t i = 0; i < n && life[i].bytes; i++) {
		size_t at = 0;

		for (k = 0; k < n_placed; k++) {
			const struct life *p = placed[k];

			if (!meet(&life[i], p))
				continue;
			if (*p->at >= at && *p->at - at >= life[i].bytes)
				break;
			if (*p->at + p->bytes > at)
				at = *p->at + p->bytes;
		}
		*life[i].at = at;
		if (at + life[i].bytes > end)
			end = at + life[i].bytes;
		for (k = n_placed++; k > 0 && *placed[k - 1]->at > at; k--)
			placed[k] = placed[k - 1];
		placed[k] = &life[i];
	}
	return end;
}

static size_t most_work(const struct mm_graph *g)
{
	size_t most = 0;

	for (size_t i = 0; i < g->n_nodes; i++) {
		const struct mm_node *n = g->node[i];
		const size_t w = n->op && n->op->work ? n->op->work(n) : 0;

		most = w > most ? w : most;
	}
	return (most + ALIGN - 1) / ALIGN * ALIGN;
}

int mm_graph_plan(struct mm_graph *g, struct mm_err *err)
{
	const struct life **placed;
	struct life *life;
	size_t n;

	if (!g->failed)
		mm_graph_narrow(g);
	if (g->failed)
		return mm_fail(err, g->err.code, "%s", g->err.msg);
	n = 3 * g->n_nodes;
	life = mm_calloc(n, sizeof(*life));
	placed = mm_calloc(n, sizeof(*placed));
	if (!life || !placed) {
		mm_free(life);
		mm_free(placed);
		return mm_fail_nomem(err, "the memory plan");
	}
	mark_needs(g);
	mm_graph_group(g);
	find_lives(g, life);
	qsort(life, n, sizeof(*life), larger_first);
	g->work_at = place(life, n, placed);
	g->plan_bytes = g->work_at + most_work(g);
	mm_free(life);
	mm_free(placed);
	return MM_OK;
}

int mm_graph_alloc(struct mm_graph *g, struct mm_err *err)
{
	char *block;

	/* Pages are touched, and cost memory, only when they are used. */
	if (!(g->block = block = mm_malloc(g->plan_bytes, 1)))
		return mm_fail(err, MM_ERR_NOMEM,
			       "out of memory: the model needs %.1f MB for a "
			       "batch of %zu; use a smaller batch",
			       (double)g->plan_bytes / 1e6, g->batch);
	for (size_t i = 0; i < g->n_nodes; i++) {
		struct mm_node *n = g->node[i], *root = n->root;

		n->work = block + g->work_at;
		n->saved = block + n->saved_at;
		if (root->param) {
			n->val = root->param->val;
			n->grad = root->param->grad;
			continue;
		}
		if (root->elem == MM_ELEM_REAL)
			n->val = (mm_real *)(void *)(block + root->val_at);
		if (root->needs_grad)
			n->grad = (mm_real *)(void *)(block + root->grad_at);
	}
	return mm_graph_pack(g, err);
}
