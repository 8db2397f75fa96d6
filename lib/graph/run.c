/* run.c - executing a planned graph forward and backward; see graph.h. */
#include <string.h>

#include "base/map.h"
#include "graph/graph.h"
#include "graph/ragged.h"
#include "graph/recompute.h"

void mm_graph_forward(struct mm_graph *g)
{
	if (g->ragged)
		mm_ragged_start(g);
	for (size_t i = 0; i < g->n_nodes; i++) {
		struct mm_node *n = g->node[i];

		if (!n->op || n->op->view || (n->constant && g->settled))
			continue;
		if (g->watch)
			g->watch(g->watch_ctx, n);
		n->op->fwd(n);
	}
	g->settled = true;
}

static void start_gradients(struct mm_graph *g)
{
	for (size_t i = 0; i < g->n_nodes; i++) {
		struct mm_node *n = g->node[i];

		n->fresh = !n->param && !n->seeded;
	}
	for (size_t i = 0; i < g->n_nodes; i++) {
		struct mm_node *n = g->node[i];

		if (n->wanted && n->n == 1 && n->needs_grad &&
		    !n->root->seeded) {
			n->grad[0] = 1;
			n->root->fresh = false;
		}
	}
}

void mm_graph_backward(struct mm_graph *g)
{
	size_t k = g->n_segments;

	start_gradients(g);
	for (size_t i = g->n_nodes; i-- > 0;) {
		struct mm_node *n = g->node[i];

		if (k && g->segment[k - 1].end == i + 1)
			mm_segment_rerun(g, &g->segment[--k]);

		/* Still fresh: nothing behind this node used it. */
		if (n->op && n->op->bwd && n->needs_grad && !n->root->fresh)
			n->op->bwd(n);
	}
	for (size_t i = 0; i < g->n_nodes; i++) {
		struct mm_node *n = g->node[i];

		if (n->wants_grad && n->fresh)
			memset(n->grad, 0, n->n * sizeof(*n->grad));
	}
}

mm_real *mm_grad_beta(struct mm_node *out, int i, mm_real *beta)
{
	struct mm_node *in = out->in[i];

	*beta = 1;
	if (!in || !in->needs_grad)
		return NULL;
	if (in->root->fresh) {
		in->root->fresh = false;
		*beta = 0;
	}
	return in->grad;
}

mm_real *mm_grad_add(struct mm_node *out, int i)
{
	mm_real beta, *grad = mm_grad_beta(out, i, &beta);

	if (grad && beta == 0)
		memset(grad, 0, out->in[i]->root->n * sizeof(*grad));
	return grad;
}

uint64_t mm_noise_key(const struct mm_node *out)
{
	const uint64_t k[3] = { out->graph->seed, out->graph->step,
				out->index };

	return mm_hash64(k, sizeof(k));
}

size_t mm_noise_offset(const struct mm_node *out)
{
	return out->graph->row0 * (out->n / out->graph->batch);
}
