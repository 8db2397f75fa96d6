/*
 * plan.c - where every buffer of a graph lives, before anything runs.
 *
 * Time runs over the nodes forward, 0..N-1, and back, with what runs again in
 * between (recompute.h).  A buffer is needed in an interval of time:
 *
 *	value		from its node to its last reader; in training readers
 *			include the backward steps that say so (bwd_reads)
 *	gradient	from its first writer on the way back to its own node
 *	saved		from forward to backward of its node
 *
 * and a value or note that is computed again in a second one.
 * Buffers are placed largest first, each at the lowest offset that is free
 * during its intervals (greedy by size: Pisarchyk & Lee, "Efficient memory
 * management for deep neural net inference", 2020).  Scratch is one region
 * behind them, as large as the hungriest operator wants.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "graph/graph.h"
#include "graph/pack.h"
#include "graph/ragged.h"
#include "graph/recompute.h"
#include "graph/rows.h"

enum { ALIGN = 64 };

struct span {
	size_t birth, death; /* both inclusive */
};

struct life {
	size_t *at;		   /* where the offset goes */
	size_t bytes;		   /* 0: not wanted */
	struct span first, second; /* second: death 0 where there is none */
	size_t order;		   /* makes the sort total */
};

static void extend(struct span *s, size_t time)
{
	if (time < s->birth)
		s->birth = time;
	if (time > s->death)
		s->death = time;
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

/* n reads root's value when both passes are, or have been, at its segment. */
static void read_late(const struct mm_node *n, const struct mm_node *root,
		      struct life *life, size_t time)
{
	struct life *l = &life[3 * root->index];
	const bool own = root->segment && root->segment == n->segment;

	extend(own ? &l->second : &l->first, time);
}

/* The lives of one node's reads: its inputs' values and gradients. */
static void read_inputs(struct mm_node *n, struct life *life)
{
	for (int k = 0; k < n->n_in; k++) {
		struct mm_node *root = n->in[k] ? n->in[k]->root : NULL;

		if (!root)
			continue;
		extend(&life[3 * root->index].first, n->index);
		if (n->rerun)
			read_late(n, root, life, n->again);
		if (!n->needs_grad)
			continue;
		if (n->op->bwd_reads & 1u << k)
			read_late(n, root, life, n->back);
		if (root->needs_grad)
			extend(&life[3 * root->index + 1].first, n->back);
	}
}

static size_t bytes_of(const struct mm_node *n)
{
	return (n->n * sizeof(mm_real) + ALIGN - 1) / ALIGN * ALIGN;
}

static void start(struct life *l, size_t *at, size_t bytes, size_t time,
		  size_t order)
{
	*l = (struct life){ at, bytes, { time, time }, { SIZE_MAX, 0 }, order };
}

/* What forward leaves to backward: value and note of a node that has any. */
static void keep_for_backward(struct mm_node *n, struct life *life)
{
	struct life *l = &life[3 * n->index];

	if (n->rerun) {
		extend(&l[0].second, n->again);
		extend(&l[2].second, n->again);
	}
	if (!n->needs_grad || !n->op)
		return;
	extend(n->rerun ? &l[2].second : &l[2].first, n->back);
	if (n->op->bwd_reads & MM_READS_OUT)
		read_late(n, n->root, life, n->back);
}

/* Three lives per node: value, gradient, saved. */
static void find_lives(struct mm_graph *g, struct life *life, size_t end)
{
	const size_t mid = g->n_nodes;
	const struct mm_node *leader = NULL;

	for (size_t i = 0; i < g->n_nodes; i++) {
		struct mm_node *n = g->node[i];
		struct life *l = &life[3 * i];
		size_t saved = n->op && n->op->saved ? n->op->saved(n) : 0;
		const bool leaf = !n->op;

		start(&l[0], &n->val_at, owns_value(n) ? bytes_of(n) : 0,
		      leaf ? 0 : i, 3 * i);
		start(&l[1], &n->grad_at,
		      owns_value(n) && n->needs_grad ? bytes_of(n) : 0, n->back,
		      3 * i + 1);
		start(&l[2], &n->saved_at, (saved + ALIGN - 1) / ALIGN * ALIGN,
		      i, 3 * i + 2);
		/* A constant is there in every run after the first. */
		if (n->op && n->constant && n->root == n) {
			extend(&l[0].first, 0);
			extend(&l[0].first, end);
		}
		/* A group's results appear with the first one's. */
		if (n->led)
			extend(&l[0].first, leader->index);
		else if (n->next)
			leader = n;
		if (n->root->wanted)
			extend(&life[3 * n->root->index].first, end);
		if (n->seeded || (n->wanted && n->n == 1))
			extend(&life[3 * n->root->index + 1].first, mid);
		/* An input's gradient is read after the run. */
		if (n->wants_grad)
			extend(&l[1].first, end);
		keep_for_backward(n, life);
	}
	for (size_t i = 0; i < g->n_nodes; i++)
		read_inputs(g->node[i], life);
}

static int larger_first(const void *pa, const void *pb)
{
	const struct life *a = pa, *b = pb;

	if (a->bytes != b->bytes)
		return a->bytes < b->bytes ? 1 : -1;
	return a->order < b->order ? -1 : a->order > b->order;
}

static bool overlap(const struct span *a, const struct span *b)
{
	return a->birth <= b->death && b->birth <= a->death;
}

static bool meet(const struct life *a, const struct life *b)
{
	return overlap(&a->first, &b->first) ||
	       overlap(&a->second, &b->first) ||
	       overlap(&a->first, &b->second) ||
	       overlap(&a->second, &b->second);
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

/* `life` and `placed` have room for three buffers a node. */
static size_t place_all(struct mm_graph *g, size_t n_segments,
			struct life *life, const struct life **placed)
{
	const size_t n = 3 * g->n_nodes;

	mm_segments_use(g, n_segments);
	find_lives(g, life, mm_segments_schedule(g));
	qsort(life, n, sizeof(*life), larger_first);
	g->work_at = place(life, n, placed);
	return g->plan_bytes = g->work_at + most_work(g);
}

/*
 * What the last segments hold is there when backward begins, and free when it
 * comes to the first ones: they are kept for as long as that costs no memory.
 */
static int plan(struct mm_graph *g, struct life *life,
		const struct life **placed, struct mm_err *err)
{
	int rc = mm_segments_cut(g, err);
	size_t n = g->n_segments, bytes;

	if (rc)
		return rc;
	mark_needs(g);
	mm_graph_group(g);
	bytes = place_all(g, n, life, placed);
	while (n && place_all(g, n - 1, life, placed) <= bytes) {
		bytes = g->plan_bytes;
		n--;
	}
	if (g->n_segments < n)
		place_all(g, n, life, placed);
	return MM_OK;
}

int mm_graph_plan(struct mm_graph *g, struct mm_err *err)
{
	const struct life **placed;
	struct life *life;
	size_t n;
	int rc;

	if (!g->failed)
		mm_graph_narrow(g);
	if (!g->failed)
		mm_graph_find_ragged(g);
	if (g->failed)
		return mm_fail(err, g->err.code, "%s", g->err.msg);
	n = 3 * g->n_nodes;
	life = mm_calloc(n, sizeof(*life));
	placed = mm_calloc(n, sizeof(*placed));
	rc = life && placed ? plan(g, life, placed, err)
			    : mm_fail_nomem(err, "the memory plan");
	mm_free(life);
	mm_free(placed);
	return rc;
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
