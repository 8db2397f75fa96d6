/* graph.c - emitting nodes; see graph.h. */
#include "graph/graph.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define MM_OP(name) &mm_op_##name,
const struct mm_op *const mm_ops[] = {
#include "graph/ops.def"
	NULL,
};
#undef MM_OP

void mm_graph_init(struct mm_graph *g, struct mm_store *store,
		   enum mm_graph_mode mode)
{
	memset(g, 0, sizeof(*g));
	g->store = store;
	g->mode = mode;
	g->batch = 1;
}

void mm_graph_release(struct mm_graph *g)
{
	mm_free(g->block);
	mm_free(g->node);
	mm_free(g->tap);
	mm_arena_release(&g->arena);
	memset(g, 0, sizeof(*g));
}

struct mm_node *mm_graph_fail(struct mm_graph *g, enum mm_status code,
			      const char *fmt, ...)
{
	va_list ap;

	if (g->failed)
		return NULL;
	g->failed = true;
	g->err.code = code;
	va_start(ap, fmt);
	vsnprintf(g->err.msg, sizeof(g->err.msg), fmt, ap);
	va_end(ap);
	return NULL;
}

static struct mm_node *append(struct mm_graph *g)
{
	struct mm_node *n, **list = g->node;

	if (g->n_nodes == g->cap_nodes) {
		list = mm_realloc(list, g->cap_nodes * 2 + 64, sizeof(*list));
		if (list) {
			g->node = list;
			g->cap_nodes = g->cap_nodes * 2 + 64;
		}
	}
	n = list ? mm_arena_alloc(&g->arena, 1, sizeof(*n)) : NULL;
	if (!n)
		return mm_graph_fail(g, MM_ERR_NOMEM,
				     "out of memory for the graph");
	n->graph = g;
	n->root = n;
	n->index = g->n_nodes;
	list[g->n_nodes++] = n;
	return n;
}

/* Elements from the shape; fails the graph where they cannot be counted. */
static struct mm_node *counted(struct mm_graph *g, struct mm_node *n)
{
	char s[128];

	if (mm_shape_elements(&n->n, &n->shape))
		return n;
	return mm_graph_fail(g, MM_ERR_SHAPE, "a tensor of %s is too large",
			     mm_shape_str(s, &n->shape));
}

struct mm_node *mm_input(struct mm_graph *g, const char *name,
			 enum mm_elem elem, struct mm_shape shape)
{
	struct mm_node *n = g->failed ? NULL : append(g);

	if (!n)
		return NULL;
	n->name = name;
	n->elem = elem;
	n->shape = shape;
	return counted(g, n);
}

struct mm_node *mm_leaf(struct mm_graph *g, struct mm_shape shape)
{
	return mm_input(g, "leaf", MM_ELEM_REAL, shape);
}

static struct mm_node *stored(struct mm_graph *g, struct mm_shape shape,
			      struct mm_init init, bool buffer,
			      const char *fmt, va_list ap)
{
	struct mm_node *n = g->failed ? NULL : append(g);
	struct mm_err err = { 0 };
	char name[512];

	if (!n)
		return NULL;
	vsnprintf(name, sizeof(name), fmt, ap);
	if (mm_store_declare(g->store, name, &shape, init, &n->param, &err))
		return mm_graph_fail(g, err.code, "%s", err.msg);
	n->param->buffer = buffer;
	n->name = n->param->name;
	n->shape = shape;
	n->constant = g->mode == MM_INFER;
	return counted(g, n);
}

struct mm_node *mm_param(struct mm_graph *g, struct mm_shape shape,
			 struct mm_init init, const char *fmt, ...)
{
	struct mm_node *n;
	va_list ap;

	va_start(ap, fmt);
	n = stored(g, shape, init, false, fmt, ap);
	va_end(ap);
	return n;
}

struct mm_node *mm_buffer(struct mm_graph *g, struct mm_shape shape,
			  struct mm_init init, const char *fmt, ...)
{
	struct mm_node *n;
	va_list ap;

	va_start(ap, fmt);
	n = stored(g, shape, init, true, fmt, ap);
	va_end(ap);
	return n;
}

struct mm_node *mm_output(struct mm_graph *g, struct mm_node *x,
			  const char *name)
{
	if (g->failed)
		return NULL;
	x->wanted = x->root->wanted = true;
	x->name = name;
	return x;
}

void mm_tap(struct mm_graph *g, struct mm_node *x, const char *fmt, ...)
{
	struct mm_tap *list;
	char name[128];
	va_list ap;

	if (g->failed)
		return;
	va_start(ap, fmt);
	vsnprintf(name, sizeof(name), fmt, ap);
	va_end(ap);
	list = mm_realloc(g->tap, g->n_taps + 1, sizeof(*list));
	if (list)
		g->tap = list;
	if (!list ||
	    !(list[g->n_taps].name = mm_arena_strdup(&g->arena, name))) {
		mm_graph_fail(g, MM_ERR_NOMEM, "out of memory for a name");
		return;
	}
	list[g->n_taps++].node = x;
	if (g->taps)
		x->wanted = x->root->wanted = true;
}

static struct mm_node *find_tap(const struct mm_graph *g, const char *name)
{
	for (size_t i = g->n_taps; i-- > 0;)
		if (!strcmp(g->tap[i].name, name))
			return g->tap[i].node;
	return NULL;
}

struct mm_node *mm_tapped(struct mm_graph *g, const char *name)
{
	struct mm_node *x = g->failed ? NULL : find_tap(g, name);

	return x ? x
		 : mm_graph_fail(g, MM_ERR_USAGE,
				 "this architecture has no hidden states '%s'",
				 name);
}

struct mm_node *mm_graph_find(const struct mm_graph *g, const char *name)
{
	for (size_t i = 0; i < g->n_nodes; i++)
		if (g->node[i]->wanted && g->node[i]->name &&
		    !strcmp(g->node[i]->name, name))
			return g->node[i];
	return g->taps ? find_tap(g, name) : NULL;
}

void mm_seed(struct mm_graph *g, struct mm_node *x)
{
	if (!g->failed)
		x->root->seeded = true;
}

void mm_want_grad(struct mm_graph *g, struct mm_node *x)
{
	if (!g->failed)
		x->wants_grad = true;
}

struct mm_node *mm_emit(struct mm_graph *g, const struct mm_op *op,
			const union mm_attr *at, int n_in,
			struct mm_node *const *in)
{
	struct mm_node *n = g->failed ? NULL : append(g);
	struct mm_err err = { 0 };

	if (!n)
		return NULL;
	n->op = op;
	n->n_in = n_in;
	if (at)
		n->at = *at;
	n->constant = g->mode == MM_INFER && n_in > 0;
	for (int i = 0; i < n_in; i++) {
		n->in[i] = in[i];
		n->constant &= !in[i] || in[i]->constant;
		if (in[i]) {
			in[i]->readers++;
			in[i]->reader = n;
		}
		if (in[i] && in[i]->param) {
			const bool weight = op == &mm_op_linear && i == 1;

			in[i]->param->weight |= weight;
			in[i]->param->plain |= !weight;
		}
	}
	if (op->shape(n, &err))
		return mm_graph_fail(g, err.code, "%s: %s", op->name, err.msg);
	if (op->view) {
		n->root = in[0]->root;
		n->elem = in[0]->elem;
	}
	return counted(g, n);
}
