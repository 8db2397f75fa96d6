/* recompute.c - see recompute.h. */
#include "graph/recompute.h"

/* In order, each place once: a hidden state may have several names. */
static void add_end(struct mm_graph *g, size_t end)
{
	struct mm_segment *s = g->segment;
	size_t k = g->n_segments;

	while (k > 0 && s[k - 1].end > end)
		k--;
	if (k > 0 && s[k - 1].end == end)
		return;
	for (size_t i = g->n_segments++; i > k; i--)
		s[i] = s[i - 1];
	s[k].end = end;
}

int mm_segments_cut(struct mm_graph *g, struct mm_err *err)
{
	g->n_segments = 0;
	if (g->mode != MM_TRAIN || !g->recompute || !g->n_taps)
		return MM_OK;
	g->segment = mm_arena_alloc(&g->arena, g->n_taps, sizeof(*g->segment));
	if (!g->segment)
		return mm_fail_nomem(err, "the memory plan");
	for (size_t i = 0; i < g->n_taps; i++)
		add_end(g, g->tap[i].node->index + 1);
	for (size_t k = 0; k < g->n_segments; k++)
		g->segment[k].begin = k ? g->segment[k - 1].end : 0;
	return MM_OK;
}

void mm_segments_use(struct mm_graph *g, size_t n)
{
	for (size_t i = 0; i < g->n_nodes; i++) {
		g->node[i]->segment = NULL;
		g->node[i]->rerun = false;
	}
	for (size_t k = 0; k < n; k++)
		for (size_t i = g->segment[k].begin; i < g->segment[k].end; i++)
			if (g->node[i]->op)
				g->node[i]->segment = &g->segment[k];
	g->n_segments = n;
}

/* A value that is wanted again while its segment runs backward. */
static void want(const struct mm_node *reader, struct mm_node *x)
{
	if (x && x->root->segment == reader->segment)
		x->root->rerun = true;
}

/* From the end: who is read stands in front of the reader. */
static void mark_reruns(struct mm_graph *g, const struct mm_segment *s)
{
	for (size_t i = s->end; i-- > s->begin;) {
		struct mm_node *n = g->node[i];
		const struct mm_op *op = n->op;

		if (!op)
			continue;
		if (n->needs_grad && op->bwd_reads & MM_READS_OUT)
			want(n, n);
		if (n->needs_grad && op->saved && op->saved(n))
			n->rerun = true;
		for (int k = 0; k < n->n_in; k++)
			if (n->rerun ||
			    (n->needs_grad && op->bwd_reads & 1u << k))
				want(n, n->in[k]);
	}
}

size_t mm_segments_schedule(struct mm_graph *g)
{
	size_t time = g->n_nodes, k = g->n_segments;

	for (size_t i = 0; i < g->n_segments; i++)
		mark_reruns(g, &g->segment[i]);
	for (size_t i = g->n_nodes; i-- > 0;) {
		const struct mm_segment *s = k ? &g->segment[k - 1] : NULL;

		if (s && s->end == i + 1) {
			for (size_t j = s->begin; j < s->end; j++)
				g->node[j]->again = time++;
			k--;
		}
		g->node[i]->back = time++;
	}
	return time;
}

void mm_segment_rerun(struct mm_graph *g, const struct mm_segment *s)
{
	const bool again = g->again;

	g->again = true;
	for (size_t i = s->begin; i < s->end; i++) {
		struct mm_node *n = g->node[i];

		if (n->rerun && !n->op->view)
			n->op->fwd(n);
	}
	g->again = again;
}
