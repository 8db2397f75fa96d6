/*
 * optest.h - one instance of an operator, built from its row's sample function
 * and filled with random numbers: for the tests that loop over the table.
 */
#ifndef MM_TESTS_OPTEST_H
#define MM_TESTS_OPTEST_H

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "graph/graph.h"

struct optest {
	struct mm_store store;
	struct mm_graph g;
	struct mm_node *out;
	mm_real *w;	   /* the loss is <w, out> */
	mm_real *keep[64]; /* values of the inputs, which a run may overwrite */
};

static inline bool optest_is_leaf(const struct mm_node *n)
{
	return !n->op && !n->param && n->elem == MM_ELEM_REAL;
}

static inline void optest_release(struct optest *t)
{
	for (size_t i = 0; i < 64; i++)
		free(t->keep[i]);
	free(t->w);
	mm_graph_release(&t->g);
	mm_store_release(&t->store);
}

/* False where the operator has no such variant. */
static inline bool optest_init(struct optest *t, const struct mm_op *op,
			       int variant)
{
	struct mm_err err = { 0 };
	struct mm_rng r;

	memset(t, 0, sizeof(*t));
	mm_store_init(&t->store);
	mm_graph_init(&t->g, &t->store, MM_TRAIN);
	t->out = op->sample(&t->g, variant);
	if (!t->out && !t->g.failed) {
		optest_release(t);
		return false;
	}
	ck_assert_msg(!t->g.failed, "%s: %s", op->name, t->g.err.msg);
	for (size_t i = 0; i < t->g.n_nodes; i++)
		if (optest_is_leaf(t->g.node[i]))
			mm_want_grad(&t->g, t->g.node[i]);
	mm_output(&t->g, t->out, "out");
	mm_seed(&t->g, t->out);
	ck_assert_msg(!mm_graph_plan(&t->g, &err), "%s: %s", op->name, err.msg);
	for (size_t i = 0; i < t->store.n; i++)
		t->store.param[i]->frozen = true;
	ck_assert_msg(!mm_store_alloc_values(&t->store, &err), "%s", err.msg);
	mm_store_initialise(&t->store, 1);
	ck_assert_msg(!mm_graph_alloc(&t->g, &err), "%s", err.msg);
	mm_rng_init(&r, 7, (uint64_t)variant, 0, MM_RNG_INIT);
	ck_assert_uint_le(t->g.n_nodes, 64);
	for (size_t i = 0; i < t->g.n_nodes; i++) {
		const struct mm_node *n = t->g.node[i];

		if (!optest_is_leaf(n))
			continue;
		t->keep[i] = malloc(n->n * sizeof(mm_real) + 1);
		for (size_t k = 0; k < n->n; k++) {
			double x = 2.0 * mm_rng_uniform(&r) - 1.0;

			if (op->positive)
				x = 1.25 + 0.75 * x;
			t->keep[i][k] = (mm_real)x;
		}
	}
	t->w = malloc(t->out->n * sizeof(mm_real) + 1);
	for (size_t k = 0; k < t->out->n; k++)
		t->w[k] = (mm_real)(2.0 * mm_rng_uniform(&r) - 1.0);
	return true;
}

/* Inputs afresh, one forward pass; the loss. */
static inline double optest_forward(struct optest *t)
{
	double loss = 0;

	for (size_t i = 0; i < t->g.n_nodes; i++) {
		struct mm_node *n = t->g.node[i];

		if (optest_is_leaf(n))
			memcpy(n->val, t->keep[i], n->n * sizeof(mm_real));
	}
	mm_graph_forward(&t->g);
	for (size_t k = 0; k < t->out->n; k++)
		loss += (double)t->w[k] * (double)t->out->val[k];
	return loss;
}

static inline void optest_backward(struct optest *t)
{
	memcpy(t->out->grad, t->w, t->out->n * sizeof(mm_real));
	mm_graph_backward(&t->g);
}

#endif
