/* Linear layers on packed weights in a graph: f32, bf16, int8, groups. */
#include "base/parallel.h"
#include "base/rng.h"
#include "graph/ops.h"
#include "graph/pack.h"
#include "isatest.h"
#include "kernel/packed.h"

enum { B = 3, T = 7, C = 40, F = 24, H = 4 };

static struct mm_err err;

struct net {
	struct mm_store store;
	struct mm_graph g;
	struct mm_node *x, *out;
};

/* What a block does: q, k, v of one input, attention, a residual layer. */
static void build(struct net *n, enum mm_graph_mode mode)
{
	struct mm_node *w[3], *h[3], *o, *b;

	mm_graph_init(&n->g, &n->store, mode);
	n->g.batch = B;
	n->x = mm_leaf(&n->g, MM_SHAPE(B, T, C));
	for (int i = 0; i < 3; i++) {
		w[i] = mm_param(&n->g, MM_SHAPE(F, C), MM_NORMAL(0.2), "w%d",
				i);
		b = mm_param(&n->g, MM_SHAPE(F), MM_NORMAL(1), "b%d", i);
		h[i] = mm_linear(&n->g, n->x, w[i], i ? b : NULL, NULL,
				 i == 1 ? MM_ACT_GELU : MM_ACT_NONE);
	}
	o = mm_attention(&n->g, h[0], h[1], h[2], NULL, H, false, 0, 0);
	w[0] = mm_param(&n->g, MM_SHAPE(C, F), MM_NORMAL(0.2), "out");
	n->out = mm_linear(&n->g, o, w[0], NULL, n->x, MM_ACT_NONE);
	mm_output(&n->g, n->out, "out");
	ck_assert_msg(!mm_graph_plan(&n->g, &err), "%s", err.msg);
}

static void start(struct net *n)
{
	mm_store_init(&n->store);
	build(n, MM_INFER);
	ck_assert(!mm_store_alloc_values(&n->store, &err));
	mm_store_initialise(&n->store, 1);
}

static void run(struct net *n, float *y)
{
	struct mm_rng r;

	ck_assert_msg(!mm_graph_alloc(&n->g, &err), "%s", err.msg);
	mm_rng_init(&r, 5, 0, 0, MM_RNG_INIT);
	for (size_t i = 0; i < n->x->n; i++)
		n->x->val[i] = (float)mm_rng_normal(&r);
	mm_graph_forward(&n->g);
	memcpy(y, n->out->val, n->out->n * sizeof(*y));
}

static void stop(struct net *n)
{
	mm_graph_release(&n->g);
	mm_store_release(&n->store);
}

static double distance(const float *a, const float *b, size_t n)
{
	double d = 0, s = 0;

	for (size_t i = 0; i < n; i++) {
		d += (double)(a[i] - b[i]) * (double)(a[i] - b[i]);
		s += (double)(b[i] * b[i]);
	}
	return sqrt(d / s);
}

/* The result without panels. */
static void plain(float *y)
{
	struct net n;

	start(&n);
	run(&n, y);
	for (size_t i = 0; i < n.store.n; i++)
		ck_assert_ptr_null(n.store.param[i]->packed);
	stop(&n);
}

START_TEST(panels_agree_with_the_plain_product)
{
	static const double tol[] = { 1e-6, 1e-2, 1e-2, 2e-2 };
	float want[B * T * C], y[B * T * C], again[B * T * C];
	struct net n;

	plain(want);
	start(&n);
	n.store.fixed = true;
	for (size_t i = 0; i < n.store.n; i++)
		n.store.param[i]->pack = (enum mm_packed_type)_i;
	run(&n, y);
	ck_assert_ptr_nonnull(mm_store_find(&n.store, "w0")->packed);
	ck_assert_ptr_null(mm_store_find(&n.store, "b1")->packed);
	ck_assert_double_lt(distance(y, want, n.out->n), tol[_i]);
	/* Another graph of the store uses the same panels. */
	mm_graph_release(&n.g);
	build(&n, MM_INFER);
	run(&n, again);
	ck_assert(!memcmp(y, again, sizeof(y)));
	stop(&n);
}
END_TEST

START_TEST(layers_of_one_input_run_together)
{
	const struct mm_node *first = NULL;
	float y[B * T * C];
	struct net n;
	int led = 0;

	start(&n);
	n.store.fixed = true;
	run(&n, y);
	for (size_t i = 0; i < n.g.n_nodes; i++) {
		led += n.g.node[i]->led;
		if (n.g.node[i]->next && !n.g.node[i]->led)
			first = n.g.node[i];
	}
	ck_assert_int_eq(led, 2);
	ck_assert_ptr_eq(first->next->next->in[0], n.x);
	stop(&n);
	/* A layer of another format leaves the group; the result stays near. */
	start(&n);
	n.store.fixed = true;
	mm_store_find(&n.store, "w1")->pack = MM_PACKED_BF16;
	run(&n, y);
	led = 0;
	for (size_t i = 0; i < n.g.n_nodes; i++)
		led += n.g.node[i]->led;
	ck_assert_int_eq(led, 0);
	stop(&n);
}
END_TEST

/* Weights that are nowhere in float, as quantize stores them. */
static void store_int8(struct net *n, int8_t *q, float *scale,
		       const float *x_scale)
{
	for (size_t i = 0; i < n->store.n; i++) {
		struct mm_param *p = n->store.param[i];

		if (p->shape.rank < 2)
			continue;
		mm_quantize_rows(q, scale, p->val, p->shape.dim[1],
				 p->shape.dim[0], p->shape.dim[1]);
		p->val = NULL;
		p->q = q;
		p->scale = scale;
		p->x_scale = x_scale;
		p->pack = MM_PACKED_INT8;
		q += p->n;
		scale += p->shape.dim[0];
	}
}

static void run_int8(float *y, const float *x_scale)
{
	static int8_t q[4 * F * C];
	static float scale[3 * F + C];
	struct net n;

	start(&n);
	n.store.fixed = true;
	store_int8(&n, q, scale, x_scale);
	run(&n, y);
	stop(&n);
}

START_TEST(int8_weights_need_no_floats)
{
	static const float x_scale = 4.0f / 127;
	float want[B * T * C], y[B * T * C];

	plain(want);
	run_int8(y, NULL);
	ck_assert_double_lt(distance(y, want, B * T * C), 2e-2);
	run_int8(y, &x_scale);
	ck_assert_double_lt(distance(y, want, B * T * C), 4e-2);
}
END_TEST

/* One layer: its int8 sums are equal everywhere, so the bits are. */
START_TEST(int8_is_equal_on_every_instruction_set)
{
	enum { M = 13, WIDE = 515 };
	static float W[F * WIDE], x[M * WIDE], first[M * F], y[M * F];
	int n_seen = 0;

	for (size_t i = 0; i < F * WIDE; i++)
		W[i] = (float)(i * 2654435761u % 1000) / 500 - 1;
	for (size_t i = 0; i < M * WIDE; i++)
		x[i] = (float)(i * 40503u % 1000) / 100 - 5;
	FOR_EACH_ISA(isa)
	{
		struct mm_store s;
		struct mm_graph g;
		struct mm_node *in, *out;

		mm_store_init(&s);
		mm_graph_init(&g, &s, MM_INFER);
		in = mm_leaf(&g, MM_SHAPE(M, WIDE));
		out = mm_param(&g, MM_SHAPE(F, WIDE), MM_INIT_ZERO, "w");
		out = mm_linear(&g, in, out, NULL, NULL, MM_ACT_NONE);
		mm_output(&g, out, "out");
		ck_assert(!mm_graph_plan(&g, &err));
		s.param[0]->val = W;
		s.param[0]->pack = MM_PACKED_INT8;
		s.fixed = true;
		ck_assert(!mm_graph_alloc(&g, &err));
		memcpy(in->val, x, sizeof(x));
		mm_graph_forward(&g);
		memcpy(n_seen ? y : first, out->val, sizeof(y));
		ck_assert(!n_seen++ || !memcmp(first, y, sizeof(y)));
		mm_graph_release(&g);
		mm_store_release(&s);
	}
}
END_TEST

START_TEST(bits_do_not_depend_on_threads)
{
	float one[B * T * C], y[B * T * C];

	mm_threads_set(1);
	run_int8(one, NULL);
	for (int threads = 2; threads <= 3; threads++) {
		mm_threads_set(threads);
		run_int8(y, NULL);
		ck_assert(!memcmp(one, y, sizeof(y)));
	}
	mm_threads_set(0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pack");
	TCase *tc = tcase_create("graph");

	suite_add_tcase(s, tc);
	tcase_add_loop_test(tc, panels_agree_with_the_plain_product, 0,
			    MM_N_PACKED_TYPES);
	tcase_add_test(tc, layers_of_one_input_run_together);
	tcase_add_test(tc, int8_weights_need_no_floats);
	tcase_add_test(tc, int8_is_equal_on_every_instruction_set);
	tcase_add_test(tc, bits_do_not_depend_on_threads);
	return run_suite(s);
}
