/* rows.c - see rows.h. */
#include "graph/rows.h"

#include <string.h>

#include "base/mem.h"
#include "graph/ops.h"

/* Which rows of a node are read: none, those of a picking node, or all. */
struct demand {
	const struct mm_node *pick; /* NULL: none */
	bool all;
	struct mm_node *picked; /* the node that takes them, once it is there */
};

bool mm_picks(const struct mm_node *n)
{
	return n->op == &mm_op_pick_end || n->op == &mm_op_pick_row;
}

/* Two that take the same rows. */
static bool alike(const struct mm_node *a, const struct mm_node *b)
{
	if (a->op != b->op)
		return false;
	if (a->op == &mm_op_pick_row)
		return a->at.slice.begin == b->at.slice.begin;
	return a->in[1] == b->in[1] && a->at.loss.ignore == b->at.loss.ignore;
}

/* pick NULL: all rows. */
static void ask(struct demand *d, const struct mm_node *pick)
{
	if (!pick || (d->pick && !alike(d->pick, pick)))
		d->all = true;
	else
		d->pick = pick;
}

/* Is in[k] read row by row? */
static bool row_of(const struct mm_node *n, int k)
{
	return n->op->by_row & 1u << k && n->in[k] && n->in[k]->shape.rank > 1;
}

/* Attention that must see all queries: its noise counts them. */
static bool all_queries(const struct mm_node *n)
{
	if (n->op != &mm_op_attention)
		return false;
	return (n->graph->mode == MM_TRAIN && n->at.attention.dropout > 0) ||
	       (n->at.attention.causal &&
		n->in[0]->shape.dim[1] != n->in[1]->shape.dim[1]);
}

/* Can n be computed for one row of each sample alone? */
static bool narrows(const struct mm_node *n)
{
	if (!n->op->by_row || n->shape.rank != 3 || n->shape.dim[1] < 2 ||
	    n->wanted || n->seeded || n->constant || all_queries(n))
		return false;
	for (int k = 0; k < n->n_in; k++)
		if (row_of(n, k) && (n->in[k]->shape.rank != 3 ||
				     n->in[k]->shape.dim[1] != n->shape.dim[1]))
			return false;
	return true;
}

/* From the last node to the first: what each one's readers read of it. */
static void find_demands(struct mm_graph *g, struct demand *d)
{
	for (size_t i = g->n_nodes; i-- > 0;) {
		const struct mm_node *n = g->node[i];
		const bool some = n->op && d[i].pick && !d[i].all && narrows(n);

		d[i].all |= !some;
		for (int k = 0; k < n->n_in; k++) {
			struct demand *in =
				n->in[k] ? &d[n->in[k]->index] : NULL;

			if (in && mm_picks(n) && k == 0)
				ask(in, n);
			else if (in)
				ask(in,
				    some && row_of(n, k) ? d[i].pick : NULL);
		}
	}
}

/* n's input `in`, whole, as the rows that are read of it. */
static struct mm_node *pick_of(struct mm_graph *g, struct demand *d,
			       struct mm_node *in, const struct mm_node *pick)
{
	struct mm_node *ins[] = { in, pick->n_in > 1 ? pick->in[1] : NULL };

	if (!d->picked || !alike(d->picked, pick))
		d->picked = mm_emit(g, pick->op, &pick->at, pick->n_in, ins);
	return d->picked;
}

static void drop_rows(struct mm_node *n)
{
	n->n /= n->shape.dim[1];
	n->shape = MM_SHAPE(n->shape.dim[0], n->shape.dim[2]);
}

/*
 * Narrow the nodes that are to be; `list` takes all nodes in an order in which
 * inputs come first.  A pick of a narrowed node is a view of it.
 */
static size_t rewrite(struct mm_graph *g, struct demand *d,
		      struct mm_node **list)
{
	const size_t old = g->n_nodes;
	size_t n_list = 0;

	for (size_t i = 0; i < old && !g->failed; i++) {
		struct mm_node *n = g->node[i];
		size_t added = g->n_nodes;

		for (int k = 0; !d[i].all && k < n->n_in; k++)
			if (row_of(n, k) && d[n->in[k]->index].all)
				n->in[k] = pick_of(g, &d[n->in[k]->index],
						   n->in[k], d[i].pick);
		for (; added < g->n_nodes; added++)
			list[n_list++] = g->node[added];
		if (!d[i].all) {
			drop_rows(n);
			if (n->op->narrow)
				n->op->narrow(n, d[i].pick);
		} else if (n->op && mm_picks(n) && !d[n->in[0]->index].all) {
			n->op = &mm_op_reshape;
			n->n_in = 1;
			n->root = n->in[0]->root;
			n->root->wanted |= n->wanted;
			n->root->seeded |= n->seeded;
		}
		list[n_list++] = n;
	}
	return n_list;
}

static void count_readers(struct mm_graph *g)
{
	for (size_t i = 0; i < g->n_nodes; i++) {
		g->node[i]->index = i;
		g->node[i]->readers = 0;
		g->node[i]->reader = NULL;
	}
	for (size_t i = 0; i < g->n_nodes; i++) {
		struct mm_node *n = g->node[i];

		for (int k = 0; k < n->n_in; k++)
			if (n->in[k]) {
				n->in[k]->readers++;
				n->in[k]->reader = n;
			}
	}
}

void mm_graph_narrow(struct mm_graph *g)
{
	const size_t n = g->n_nodes;
	struct demand *d = mm_calloc(n, sizeof(*d));
	/* No node has more than one new node in front of it and its inputs. */
	struct mm_node **list = mm_calloc(n * (1 + MM_MAX_IN), sizeof(*list));
	size_t n_list;

	if (d && list) {
		find_demands(g, d);
		n_list = rewrite(g, d, list);
		if (!g->failed && n_list > n) {
			memcpy(g->node, list, n_list * sizeof(*list));
			count_readers(g);
		}
	} else {
		mm_graph_fail(g, MM_ERR_NOMEM, "out of memory for the graph");
	}
	mm_free(d);
	mm_free(list);
}
