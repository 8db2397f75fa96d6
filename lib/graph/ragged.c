/* ragged.c - see ragged.h. */
#include "graph/ragged.h"

#include "graph/ops.h"
#include "graph/rows.h"

/* What is known of the texts while the nodes are looked at. */
struct search {
	struct mm_graph *g;
	struct mm_ragged *r;
	bool *in; /* by node: one of the texts' */
};

static bool texts(const struct mm_node *n)
{
	return n->op == &mm_op_embedding && !n->in[0]->op &&
	       n->in[0]->elem == MM_ELEM_I32;
}

static bool is_in(const struct search *s, const struct mm_node *n)
{
	return n && s->in[n->index];
}

/* Keys behind the end must be hidden from the queries in front of it. */
static bool attention_fits(struct search *s, const struct mm_node *n)
{
	const struct mm_node *mask = n->in[3];
	const bool noise =
		n->graph->mode == MM_TRAIN && n->at.attention.dropout > 0;

	if (noise || !is_in(s, n->in[1]) || !is_in(s, n->in[2]) ||
	    (!is_in(s, n->in[0]) && n->in[0]->shape.rank != 2))
		return false;
	if (n->at.attention.causal)
		return true;
	if (!mask || mask->op || (s->r->mask && s->r->mask != mask))
		return false;
	s->r->mask = mask;
	return true;
}

/* An operator on rows: all that it reads row by row are the texts' rows. */
static bool rows_fit(const struct search *s, const struct mm_node *n)
{
	unsigned by_row = n->op->by_row;

	if (n->op == &mm_op_add_positions)
		by_row = 1;
	for (int k = 0; k < n->n_in; k++)
		if (n->in[k] &&
		    is_in(s, n->in[k]) !=
			    (by_row & 1u << k && n->in[k]->shape.rank > 1))
			return false;
	return by_row != 0;
}

/* False where n keeps the texts from being ragged. */
static bool look_at(struct search *s, const struct mm_node *n)
{
	bool reads = false, *in = &s->in[n->index];

	for (int k = 0; k < n->n_in; k++)
		reads |= is_in(s, n->in[k]);
	if (texts(n)) {
		*in = true;
		if (n->shape.dim[0] != s->r->B || n->shape.dim[1] != s->r->T)
			return false;
	} else if (!n->op || !reads) {
		return true;
	} else if (mm_picks(n)) {
		s->r->pick[s->r->n_picks++] = n;
		return true;
	} else if (n->op == &mm_op_mean_tokens) {
		s->r->n_means++;
		return s->r->mask && n->n_in > 1 && n->in[1] == s->r->mask;
	} else if (n->op == &mm_op_attention) {
		if (!attention_fits(s, n))
			return false;
		*in = is_in(s, n->in[0]);
	} else {
		*in = rows_fit(s, n);
		if (!*in)
			return false;
	}
	return !*in || (!n->wanted && !n->seeded);
}

static bool look_at_all(struct search *s)
{
	for (size_t i = 0; i < s->g->n_nodes; i++)
		if (!look_at(s, s->g->node[i]))
			return false;
	return s->r->n_picks + s->r->n_means > 0;
}

static void set_rows(struct mm_graph *g, size_t rows)
{
	g->ragged->rows = rows;
	for (size_t i = 0; i < g->n_nodes; i++) {
		struct mm_node *n = g->node[i];

		if (!n->ragged)
			continue;
		n->shape.dim[0] = rows;
		n->n = rows * n->shape.dim[1];
	}
}

static const struct mm_node *first_texts(const struct mm_graph *g)
{
	for (size_t i = 0; i < g->n_nodes; i++)
		if (g->node[i]->op && texts(g->node[i]))
			return g->node[i];
	return NULL;
}

static bool init(struct search *s, const struct mm_node *ids)
{
	struct mm_arena *a = &s->g->arena;
	struct mm_ragged *r = mm_arena_alloc(a, 1, sizeof(*r));
	const size_t B = ids->shape.dim[0], T = ids->shape.dim[1];

	s->r = r;
	s->in = mm_arena_alloc(a, s->g->n_nodes, sizeof(*s->in));
	if (!r || !s->in)
		return false;
	r->B = B;
	r->T = T;
	r->pick = mm_arena_alloc(a, s->g->n_nodes, sizeof(*r->pick));
	r->first = mm_arena_alloc(a, B + 1, sizeof(*r->first));
	r->at = mm_arena_alloc(a, B * T, sizeof(*r->at));
	r->t = mm_arena_alloc(a, B * T, sizeof(*r->t));
	return r->pick && r->first && r->at && r->t;
}

void mm_graph_find_ragged(struct mm_graph *g)
{
	const struct mm_node *ids = first_texts(g);
	struct search s = { .g = g };

	if (g->ragged)
		set_rows(g, g->ragged->B * g->ragged->T);
	if (g->ragged || !ids || ids->shape.dim[1] < 2)
		return;
	if (!init(&s, ids)) {
		mm_graph_fail(g, MM_ERR_NOMEM, "out of memory for the graph");
		return;
	}
	if (!look_at_all(&s))
		return;
	for (size_t i = 0; i < g->n_nodes; i++) {
		struct mm_node *n = g->node[i];

		if (s.in[i]) {
			n->ragged = true;
			n->shape = MM_SHAPE(s.r->B * s.r->T, n->shape.dim[2]);
		}
	}
	g->ragged = s.r;
}

/* How many rows of text b somebody may read. */
static size_t length(const struct mm_ragged *r, size_t b)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n_picks; i++) {
		const size_t at = mm_pick_at(r->pick[i], b);

		n = at + 1 > n ? at + 1 : n;
	}
	for (size_t t = r->T; r->mask && t-- > n;)
		if (((const uint8_t *)r->mask->data)[b * r->T + t])
			n = t + 1;
	return n;
}

void mm_ragged_start(struct mm_graph *g)
{
	struct mm_ragged *r = g->ragged;
	size_t rows = 0;

	for (size_t b = 0; b < r->B; b++) {
		const size_t n = length(r, b);

		r->first[b] = (int32_t)rows;
		for (size_t t = 0; t < n; t++, rows++) {
			r->at[rows] = (int32_t)(b * r->T + t);
			r->t[rows] = (int32_t)t;
		}
	}
	r->first[r->B] = (int32_t)rows;
	set_rows(g, rows);
}
