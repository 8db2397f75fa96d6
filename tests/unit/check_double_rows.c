/*
 * A text tower of which one row is picked, whole (a tap in every layer) and as
 * it is planned, narrowed and without padding: the same values and gradients,
 * and rows that are really gone.
 */
#include <math.h>
#include <stdlib.h>

#include "graph/ops.h"
#include "unit.h"

enum { B = 3, T = 5, C = 6, V = 5, LAYERS = 2, EOS = 2 };

static const int32_t ids[B * T] = {
	1, 4, 2, 0, 0, 2, 3, 3, 4, 2, 0, 1, 1, 3, 2
};
static const uint8_t mask[B * T] = {
	1, 1, 1, 0, 0, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1
};

struct kind {
	bool end, causal, masked;
	double dropout;
	size_t rows; /* that count; 0: all */
	bool mean;   /* of the rows in the mask, their positions counted */
};

static const struct kind kinds[] = {
	{ false, false, false, 0, 0, false },
	{ false, false, true, 0, 3 + 5 + 5, false },
	{ true, true, false, 0, 3 + 1 + 5, false },
	{ true, true, true, 0, 3 + 1 + 5, false },
	{ true, false, true, 0, 3 + 5 + 5, false },
	{ false, true, false, 0, 2 + 2 + 2, false },
	{ true, true, true, 0.2, 0, false },
	{ .masked = true, .rows = 3 + 5 + 5, .mean = true },
};

struct tower {
	struct mm_store store;
	struct mm_graph g;
	struct mm_node *ffn[LAYERS], *attention[LAYERS], *out;
};

static struct mm_node *dense(struct tower *t, struct mm_node *x, size_t out,
			     struct mm_node *residual, enum mm_act act,
			     const char *name, int layer)
{
	const size_t in = x->shape.dim[x->shape.rank - 1];
	struct mm_node *w = mm_param(&t->g, MM_SHAPE(out, in), MM_NORMAL(0.4),
				     "%s.%d.weight", name, layer);
	struct mm_node *b = mm_param(&t->g, MM_SHAPE(out), MM_NORMAL(0.4),
				     "%s.%d.bias", name, layer);

	return mm_linear(&t->g, x, w, b, residual, act);
}

static struct mm_node *norm(struct tower *t, struct mm_node *x,
			    const char *name, int layer)
{
	return mm_layernorm(&t->g, x,
			    mm_param(&t->g, MM_SHAPE(C), MM_INIT_ONE,
				     "%s.%d.gain", name, layer),
			    mm_param(&t->g, MM_SHAPE(C), MM_INIT_ZERO,
				     "%s.%d.bias", name, layer),
			    1e-5);
}

static struct mm_node *layer(struct tower *t, struct mm_node *x,
			     struct mm_node *m, const struct kind *k, int i)
{
	struct mm_node *h = norm(t, x, "norm1", i), *qkv[3];
	static const char *const part[] = { "q", "k", "v" };

	for (int p = 0; p < 3; p++)
		qkv[p] = dense(t, h, C, NULL, MM_ACT_NONE, part[p], i);
	h = mm_attention(&t->g, qkv[0], qkv[1], qkv[2], m, 2, k->causal, 0,
			 k->dropout);
	t->attention[i] = h;
	x = dense(t, h, C, x, MM_ACT_NONE, "o", i);
	h = norm(t, x, "norm2", i);
	t->ffn[i] = dense(t, h, 2 * C, NULL, MM_ACT_GELU, "fc1", i);
	x = mm_add(&t->g, dense(t, t->ffn[i], C, NULL, MM_ACT_NONE, "fc2", i),
		   x);
	mm_tap(&t->g, x, "hidden.%d", i);
	return x;
}

static void build(struct tower *t, const struct kind *k, bool whole)
{
	struct mm_err err = { 0 };
	struct mm_node *x, *in, *m, *table;

	memset(t, 0, sizeof(*t));
	mm_store_init(&t->store);
	mm_graph_init(&t->g, &t->store, MM_TRAIN);
	t->g.taps = whole;
	t->g.batch = B;
	in = mm_input(&t->g, "ids", MM_ELEM_I32, MM_SHAPE(B, T));
	m = mm_input(&t->g, "mask", MM_ELEM_U8, MM_SHAPE(B, T));
	x = mm_embedding(&t->g, in,
			 mm_param(&t->g, MM_SHAPE(V, C), MM_NORMAL(1), "ids"));
	x = mm_add(&t->g, x,
		   mm_embedding(&t->g, in,
				mm_param(&t->g, MM_SHAPE(V, C), MM_NORMAL(1),
					 "types")));
	table = mm_param(&t->g, MM_SHAPE(T + 1, C), MM_NORMAL(1), "positions");
	if (k->mean)
		x = mm_add(&t->g, x, mm_embedding_counted(&t->g, in, table, 0));
	else
		x = mm_add_positions(&t->g, x, table);
	for (int i = 0; i < LAYERS; i++)
		x = layer(t, x, k->masked ? m : NULL, k, i);
	x = norm(t, x, "last", 0);
	x = k->mean  ? mm_mean_tokens(&t->g, x, m)
	    : k->end ? mm_pick_end(&t->g, x, in, EOS)
		     : mm_pick_row(&t->g, x, 1);
	t->out = mm_output(&t->g, x, "out");
	mm_seed(&t->g, t->out);
	ck_assert_msg(!t->g.failed, "%s", t->g.err.msg);
	in->data = ids;
	m->data = mask;
	/* The plan must know which parameters have gradients. */
	ck_assert(!mm_store_alloc_values(&t->store, &err));
	mm_store_initialise(&t->store, 1);
	ck_assert(!mm_store_alloc_grads(&t->store, &err));
	ck_assert_msg(!mm_graph_plan(&t->g, &err), "%s", err.msg);
	ck_assert_msg(!mm_graph_alloc(&t->g, &err), "%s", err.msg);
}

static void run(struct tower *t)
{
	mm_store_zero_grads(&t->store);
	mm_graph_forward(&t->g);
	for (size_t i = 0; i < t->out->n; i++)
		t->out->grad[i] = cos((double)(5 * i + 2));
	mm_graph_backward(&t->g);
}

static void same(const char *what, const mm_real *a, const mm_real *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ck_assert_msg(fabs(a[i] - b[i]) <= 1e-12 * (1 + fabs(a[i])),
			      "%s[%zu]: %.15g and %.15g", what, i, a[i], b[i]);
}

static void release(struct tower *t)
{
	mm_graph_release(&t->g);
	mm_store_release(&t->store);
}

START_TEST(narrowed_equals_whole)
{
	const struct kind *k = &kinds[_i];
	const bool last = k->dropout == 0, picks = !k->mean;
	struct tower a, b;

	build(&a, k, true);
	build(&b, k, false);
	ck_assert_uint_eq(a.ffn[0]->n, B * T * 2 * C);
	ck_assert_uint_eq(b.ffn[0]->n, B * T * 2 * C);
	ck_assert_uint_eq(b.ffn[1]->n, (picks ? B : B * T) * 2 * C);
	ck_assert_uint_eq(b.attention[1]->n, last && picks ? B * C : B * T * C);
	ck_assert_uint_eq(b.attention[0]->n, B * T * C);
	ck_assert_uint_lt(b.g.plan_bytes, a.g.plan_bytes);
	ck_assert(!a.g.ragged && !b.g.ragged == !k->rows);
	if (last) {
		run(&a);
		run(&b);
		same("out", a.out->val, b.out->val, a.out->n);
		ck_assert_uint_eq(b.ffn[0]->n,
				  (k->rows ? k->rows : B * T) * 2 * C);
		for (size_t i = 0; i < a.store.n; i++)
			same(a.store.param[i]->name, a.store.param[i]->grad,
			     b.store.param[i]->grad, a.store.param[i]->n);
	}
	release(&a);
	release(&b);
}
END_TEST

/* A picked row is wanted, and so is the whole that it is picked from. */
START_TEST(what_is_wanted_stays)
{
	struct mm_store store;
	struct mm_graph g;
	struct mm_err err = { 0 };
	struct mm_node *x, *y, *row;

	mm_store_init(&store);
	mm_graph_init(&g, &store, MM_INFER);
	x = mm_leaf(&g, MM_SHAPE(2, 3, 4));
	y = mm_affine(&g, mm_affine(&g, x, 2, 0), 1, 1);
	mm_output(&g, y, "all");
	row = mm_output(&g, mm_affine(&g, mm_pick_row(&g, y, -1), 3, 0), "row");
	ck_assert(!mm_graph_plan(&g, &err) && !mm_graph_alloc(&g, &err));
	for (size_t i = 0; i < x->n; i++)
		x->val[i] = (mm_real)i;
	mm_graph_forward(&g);
	for (size_t i = 0; i < y->n; i++)
		ck_assert(fabs(y->val[i] - (2 * (double)i + 1)) < 1e-12);
	for (size_t i = 0; i < row->n; i++)
		ck_assert(fabs(row->val[i] -
			       3 * (2 * (double)(8 + i % 4 + i / 4 * 12) + 1)) <
			  1e-12);
	mm_graph_release(&g);
	mm_store_release(&store);
}
END_TEST

/* Two rows of one node: neither may have it to itself. */
START_TEST(two_picks_share)
{
	struct mm_store store;
	struct mm_graph g;
	struct mm_err err = { 0 };
	struct mm_node *x, *y, *a, *b;

	mm_store_init(&store);
	mm_graph_init(&g, &store, MM_INFER);
	x = mm_leaf(&g, MM_SHAPE(2, 3, 4));
	y = mm_affine(&g, x, 2, 0);
	a = mm_output(&g, mm_pick_row(&g, mm_affine(&g, y, 1, 1), 0), "a");
	b = mm_output(&g, mm_pick_row(&g, mm_affine(&g, y, 1, 1), 2), "b");
	ck_assert(!mm_graph_plan(&g, &err) && !mm_graph_alloc(&g, &err));
	for (size_t i = 0; i < x->n; i++)
		x->val[i] = (mm_real)i;
	mm_graph_forward(&g);
	for (size_t i = 0; i < a->n; i++) {
		const double at = (double)(i % 4 + i / 4 * 12);

		ck_assert(fabs(a->val[i] - (2 * at + 1)) < 1e-12);
		ck_assert(fabs(b->val[i] - (2 * (at + 8) + 1)) < 1e-12);
	}
	mm_graph_release(&g);
	mm_store_release(&store);
}
END_TEST

/* RoBERTa's positions: ids that are padding are not counted, wherever. */
START_TEST(positions_are_counted)
{
	static const double want[] = { 1, 2, 3, 0, 0, 1, 2, 3,
				       4, 5, 0, 1, 2, 3, 4 };
	struct mm_store store;
	struct mm_graph g;
	struct mm_err err = { 0 };
	struct mm_node *in, *table, *out;

	mm_store_init(&store);
	mm_graph_init(&g, &store, MM_INFER);
	in = mm_input(&g, "ids", MM_ELEM_I32, MM_SHAPE(B, T));
	table = mm_leaf(&g, MM_SHAPE(T + 1, 1));
	out = mm_output(&g, mm_embedding_counted(&g, in, table, 0), "out");
	ck_assert(!mm_graph_plan(&g, &err) && !mm_graph_alloc(&g, &err));
	in->data = ids;
	for (size_t i = 0; i < table->n; i++)
		table->val[i] = (mm_real)i;
	mm_graph_forward(&g);
	for (size_t i = 0; i < out->n; i++)
		ck_assert_msg(out->val[i] == want[i], "%zu: %g", i,
			      (double)out->val[i]);
	mm_embedding_counted(&g, in, table, 1);
	ck_assert_str_eq(g.err.msg, "embedding: 5 tokens counted from 2, but "
				    "positions for 6 only");
	mm_graph_release(&g);
	mm_store_release(&store);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("rows");

	tcase_add_loop_test(tc, narrowed_equals_whole, 0,
			    sizeof(kinds) / sizeof(*kinds));
	tcase_add_test(tc, what_is_wanted_stays);
	tcase_add_test(tc, two_picks_share);
	tcase_add_test(tc, positions_are_counted);
	return unit_run("double_rows", tc);
}
