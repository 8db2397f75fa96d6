/* pack.c - see pack.h. */
#include "graph/pack.h"

#include "graph/ops.h"

enum { X, W, BIAS, RESIDUAL };

#ifndef MM_DOUBLE
static struct mm_param *weight_of(const struct mm_node *n)
{
	return n->op == &mm_op_linear ? n->in[W]->param : NULL;
}

void mm_graph_group(struct mm_graph *g)
{
	struct mm_node *last = NULL;
	int n = 0;

	for (size_t i = 0; i < g->n_nodes; i++) {
		struct mm_node *x = g->node[i];

		x->next = NULL;
		x->led = false;
		if (!x->op)
			continue; /* parameters stand between the layers */
		if (g->mode != MM_INFER || !weight_of(x)) {
			last = NULL;
		} else if (last && n < MM_MAX_GROUP && !x->in[RESIDUAL] &&
			   last->in[X] == x->in[X]) {
			last->next = x;
			x->led = true;
			last = x;
			n++;
		} else {
			last = x;
			n = 1;
		}
	}
}

static int pack_one(struct mm_store *s, struct mm_param *p, struct mm_err *err)
{
	const size_t F = p->shape.dim[0], C = F ? p->n / F : 0;
	const size_t bytes = mm_packed_bytes(p->pack, F, C);
	const void *ready = NULL;
	struct mm_packed *w;
	void *memory;

	if (!bytes && p->val)
		return MM_OK; /* too wide for panels: the plain product */
	if (!bytes)
		return mm_fail(err, MM_ERR_SHAPE,
			       "weight '%s' is too wide for int8", p->name);
	if (!(w = mm_arena_alloc(&s->arena, 1, sizeof(*w))))
		return mm_fail_nomem(err, "the packed weights");
	p->packed = w;
	if (s->panels && (ready = s->panels(s->panels_ctx, p, bytes))) {
		mm_packed_bind(w, p->pack, F, C, ready);
		return MM_OK;
	}
	/* Zeros behind, where panels are kept in whole lines. */
	memory = mm_arena_alloc(&s->arena, bytes + MM_PANEL_ALIGN, 1);
	if (!memory) {
		p->packed = NULL;
		return mm_fail_nomem(err, "the packed weights");
	}
	if (p->q)
		mm_packed_pack_q(w, p->pack, p->q, p->scale, F, C, memory);
	else
		mm_packed_pack(w, p->pack, p->val, C, F, C, memory);
	if (s->spent)
		s->spent(s->spent_ctx, p);
	return MM_OK;
}

/* One pass over x serves both. */
static bool alike(const struct mm_param *a, const struct mm_param *b)
{
	const float *s = a->x_scale, *t = b->x_scale;

	return a->packed && b->packed && a->packed->isa == b->packed->isa &&
	       (s && t ? *s <= *t && *s >= *t : !s && !t);
}

int mm_graph_pack(struct mm_graph *g, struct mm_err *err)
{
	if (g->mode != MM_INFER || !g->store->fixed)
		return MM_OK;
	for (size_t i = 0; i < g->n_nodes; i++) {
		struct mm_param *p = weight_of(g->node[i]);
		int rc;

		if (p && !p->packed && (p->val || p->q) &&
		    (rc = pack_one(g->store, p, err)))
			return rc;
	}
	for (size_t i = 0; i < g->n_nodes; i++) {
		struct mm_node *n = g->node[i], *next = n->next;

		if (next && !alike(weight_of(n), weight_of(next))) {
			n->next = NULL;
			next->led = false;
		}
	}
	return MM_OK;
}

bool mm_graph_packed(const struct mm_node *out)
{
	const struct mm_param *p = weight_of(out);

	return p && p->packed && out->graph->mode == MM_INFER &&
	       out->graph->store->fixed;
}

void mm_graph_packed_fwd(struct mm_node *out)
{
	struct mm_linear l[MM_MAX_GROUP];
	size_t n = 0;

	for (const struct mm_node *o = out; o; o = o->next) {
		const struct mm_param *p = weight_of(o);
		const struct mm_node *b = o->in[BIAS], *r = o->in[RESIDUAL];
		const size_t F = p->packed->F, C = p->packed->C;

		l[n++] = (struct mm_linear){ .w = p->packed,
					     .M = o->n / F,
					     .x = o->in[X]->val,
					     .y = o->val,
					     .bias = b ? b->val : NULL,
					     .residual = r ? r->val : NULL,
					     .ldx = C,
					     .ldy = F,
					     .ldr = F,
					     .act = o->at.linear.act,
					     .x_scale = p->x_scale };
	}
	mm_linear_run_group(l, n);
}
#else
void mm_graph_group(struct mm_graph *g)
{
	(void)g;
}

int mm_graph_pack(struct mm_graph *g, struct mm_err *err)
{
	(void)g;
	(void)err;
	return MM_OK;
}

bool mm_graph_packed(const struct mm_node *out)
{
	(void)out;
	return false;
}

void mm_graph_packed_fwd(struct mm_node *out)
{
	(void)out;
}
#endif
