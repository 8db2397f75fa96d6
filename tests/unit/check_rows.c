/* Towers compute fewer rows than they have, and those keep their bits. */
#include "graph/ops.h"
#include "kernel/packed.h"
#include "model/embed.h"
#include "unit.h"

enum { B = 3, SIDE = 32, T = 9 };

/* What linear layers and attention compute, in rows. */
static size_t rows_of(const struct mm_graph *g)
{
	size_t rows = 0;

	for (size_t i = 0; i < g->n_nodes; i++) {
		const struct mm_node *n = g->node[i];

		ck_assert_uint_eq(n->index, i);
		for (int k = 0; k < n->n_in; k++)
			ck_assert(!n->in[k] || n->in[k]->index < i);
		if (n->op == &mm_op_linear || n->op == &mm_op_attention)
			rows += n->n / n->shape.dim[n->shape.rank - 1];
	}
	return rows;
}

static void fill(struct mm_graph *g)
{
	static int32_t ids[B * T];
	static uint8_t shown[B * T];

	for (size_t i = 0; i < B * T; i++) {
		ids[i] = (int32_t)(i * 7 % 60 + 1);
		shown[i] = i % T < 5 + i / T;
	}
	for (size_t i = 0; i < g->n_nodes; i++) {
		struct mm_node *x = g->node[i];

		if (x->op || x->param)
			continue;
		if (x->elem == MM_ELEM_I32)
			x->data = ids;
		else if (x->elem == MM_ELEM_U8)
			x->data = shown;
		else
			for (size_t k = 0; k < x->n; k++)
				x->val[k] = (float)(k * 31 % 17) / 8 - 1;
	}
}

/* Run a tower; with `whole` its hidden states stay, so no row is left out. */
static size_t embed(float *y, struct mm_model *m, bool image, bool whole)
{
	struct mm_graph g;
	struct mm_node *out;
	size_t rows;

	mm_graph_init(&g, &m->store, MM_INFER);
	g.batch = B;
	g.taps = whole;
	if (image) {
		out = m->arch->image(
			&g, m,
			mm_image_input(&g, m, MM_ELEM_REAL, B, SIDE, SIDE));
	} else {
		const struct mm_text_input t =
			mm_text_inputs(&g, B, T, true, false);

		out = m->arch->text(&g, m, &t);
	}
	mm_output(&g, out, "out");
	ck_ok(mm_graph_plan(&g, err));
	ck_ok(mm_graph_alloc(&g, err));
	fill(&g);
	mm_graph_forward(&g);
	memcpy(y, out->val, out->n * sizeof(*y));
	rows = rows_of(&g);
	mm_graph_release(&g);
	return rows;
}

static const struct tower {
	const char *arch;
	bool image, fewer;
	enum mm_packed_type type;
} towers[] = {
	{ "clip", true, true, MM_PACKED_F32 },
	{ "clip", false, true, MM_PACKED_F32 },
	{ "clip", true, true, MM_PACKED_INT8 },
	{ "clip", false, true, MM_PACKED_INT8 },
	{ "align", false, true, MM_PACKED_F32 },
	{ "siglip", true, false, MM_PACKED_F32 }, /* its probe reads all */
	{ "siglip", false, true, MM_PACKED_F32 },
};

START_TEST(towers_keep_their_bits)
{
	const struct tower *t = &towers[_i];
	const struct mm_model shape = { .image_size = SIDE,
					.context_length = T,
					.vocab_size = 64,
					.eos_token_id = 63 };
	float want[B * 512], y[B * 512];
	struct mm_model m;
	size_t all, some;

	ck_ok(mm_model_new(&m, t->arch, "tiny", &shape, err));
	ck_ok(mm_model_declare(&m, err));
	ck_ok(mm_model_bind(&m, true, err));
	mm_store_initialise(&m.store, 1);
	m.store.fixed = true;
	for (size_t i = 0; i < m.store.n; i++)
		m.store.param[i]->pack = t->type;
	ck_assert_uint_le(m.embed_dim, 512);
	all = embed(want, &m, t->image, true);
	some = embed(y, &m, t->image, false);
	ck_assert_mem_eq(y, want, B * m.embed_dim * sizeof(*y));
	if (t->fewer)
		ck_assert_uint_lt(some, all);
	mm_model_release(&m);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("towers");

	tcase_add_loop_test(tc, towers_keep_their_bits, 0,
			    sizeof(towers) / sizeof(*towers));
	return unit_run("rows", tc);
}
