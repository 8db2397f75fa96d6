/* CLIP and SigLIP against transformers: hidden states, embeddings, loss,
 * gradients. */
#include "golden.h"
#include "graph/ops.h"
#include "model/embed.h"

static struct mm_safetensors in, want;

static bool open_set(const char *set, struct mm_model *m)
{
	struct mm_err err = { 0 };
	const char *path = golden_path(set, "model/config.json");
	char dir[512];

	if (!path)
		return false;
	snprintf(dir, sizeof(dir), "%.*s",
		 (int)(strlen(path) - strlen("/config.json")), path);
	ck_assert_msg(!mm_model_open(m, dir, &err), "%s", err.msg);
	golden_open(&in, golden_path(set, "inputs.safetensors"));
	golden_open(&want, golden_path(set, "expected.safetensors"));
	return true;
}

static void close_set(struct mm_model *m)
{
	mm_model_release(m);
	mm_safetensors_release(&in);
	mm_safetensors_release(&want);
}

static void run(struct mm_graph *g, struct mm_model *m)
{
	struct mm_err err = { 0 };

	ck_assert_msg(!mm_graph_plan(g, &err), "%s", err.msg);
	ck_assert_msg(!mm_model_bind(m, false, &err), "%s", err.msg);
	ck_assert_msg(!mm_graph_alloc(g, &err), "%s", err.msg);
}

/* The node's value, where the golden has its name behind prefix. */
static int compare(const struct mm_node *x, const char *prefix,
		   const char *name)
{
	char full[256];
	const struct mm_tensor *t;

	snprintf(full, sizeof(full), "%s%s", prefix, name);
	if (!(t = mm_safetensors_find(&want, full)))
		return 0;
	ck_assert_uint_eq(mm_tensor_count(t), x->n);
	golden_near(t, x->val, 1e-4, 0);
	return 1;
}

/* Every output and hidden state that is in the golden. */
static void compare_taps(const struct mm_graph *g, const char *prefix)
{
	int n = 0;

	for (size_t i = 0; i < g->n_nodes; i++)
		if (g->node[i]->wanted && g->node[i]->name)
			n += compare(g->node[i], prefix, g->node[i]->name);
	for (size_t i = 0; i < g->n_taps; i++)
		n += compare(g->tap[i].node, prefix, g->tap[i].name);
	ck_assert_msg(n >= 2, "only %d tensors of '%s' compared", n, prefix);
}

static void check_image(struct mm_model *m, const char *pixels,
			const char *prefix)
{
	const struct mm_tensor *p = golden(&in, pixels);
	struct mm_node *x, *f;
	struct mm_graph g;

	mm_graph_init(&g, &m->store, MM_INFER);
	g.taps = true;
	x = mm_image_input(&g, m, MM_ELEM_REAL, p->dim[0], p->dim[2],
			   p->dim[3]);
	f = m->arch->image(&g, m, x);
	mm_tap(&g, f, "vision.features");
	mm_output(&g, mm_l2norm(&g, f, 0), "image_embeds");
	run(&g, m);
	memcpy(x->val, p->data, p->nbytes);
	mm_graph_forward(&g);
	compare_taps(&g, prefix);
	mm_graph_release(&g);
}

static void check_text(struct mm_model *m, const char *prefix, const char *out,
		       bool masked)
{
	struct mm_text_input t;
	struct mm_node *f;
	struct mm_graph g;
	char name[64];
	const struct mm_tensor *ids, *mask;
	int32_t *id;
	uint8_t *hide = NULL;

	snprintf(name, sizeof(name), "%sinput_ids", prefix);
	ids = golden(&in, name);
	snprintf(name, sizeof(name), "%sattention_mask", prefix);
	mask = masked ? mm_safetensors_find(&in, name) : NULL;
	mm_graph_init(&g, &m->store, MM_INFER);
	g.taps = true;
	t = mm_text_inputs(&g, ids->dim[0], ids->dim[1], mask != NULL, false);
	f = m->arch->text(&g, m, &t);
	mm_tap(&g, f, "text.features");
	mm_output(&g, mm_l2norm(&g, f, 0), "text_embeds");
	run(&g, m);
	t.ids->data = id = golden_i32(ids);
	if (mask)
		t.mask->data = hide = golden_u8(mask);
	mm_graph_forward(&g);
	compare_taps(&g, out);
	mm_graph_release(&g);
	free(id);
	free(hide);
}

START_TEST(towers_match)
{
	static const char *const sets[] = { "dual-clip-vit", "dual-clip-eos" };
	struct mm_model m;

	if (!open_set(sets[_i], &m))
		return;
	check_image(&m, "pixel_values", "");
	check_image(&m, "interp.pixel_values", "interp.");
	check_text(&m, "a.", "a.", true);
	check_text(&m, "b.", "b.", true);
	close_set(&m);
}
END_TEST

START_TEST(siglip_towers_match)
{
	struct mm_model m;

	if (!open_set("dual-siglip", &m))
		return;
	check_image(&m, "pixel_values", "");
	check_text(&m, "", "", false);
	check_text(&m, "", "masked.", true);
	close_set(&m);
}
END_TEST

START_TEST(loss_and_gradients_match)
{
	static const char *const sets[] = { "dual-clip-vit", "dual-siglip" };
	struct mm_safetensors grads;
	struct mm_model m;
	struct mm_graph g;
	struct mm_text_input t;
	struct mm_node *x, *z, *loss;
	struct mm_err err = { 0 };
	const struct mm_tensor *p, *ids, *hide;
	double largest = 0;
	int32_t *id;
	uint8_t *mask = NULL;

	if (!open_set(sets[_i], &m))
		return;
	golden_open(&grads, golden_path(sets[_i], "grads.safetensors"));
	ck_assert_msg(!mm_model_declare(&m, &err), "%s", err.msg);
	ck_assert_msg(!mm_model_bind(&m, true, &err), "%s", err.msg);
	ck_assert_msg(!mm_store_alloc_grads(&m.store, &err), "%s", err.msg);
	p = golden(&in, "pair.pixel_values");
	ids = golden(&in, "pair.input_ids");
	hide = mm_safetensors_find(&in, "pair.attention_mask");
	mm_graph_init(&g, &m.store, MM_TRAIN);
	x = mm_image_input(&g, &m, MM_ELEM_REAL, p->dim[0], p->dim[2],
			   p->dim[3]);
	t = mm_text_inputs(&g, ids->dim[0], ids->dim[1], hide != NULL, false);
	z = m.arch->logits(&g, &m, mm_l2norm(&g, m.arch->image(&g, &m, x), 0),
			   mm_l2norm(&g, m.arch->text(&g, &m, &t), 0));
	mm_output(&g, z, "logits");
	loss = mm_output(&g, m.arch->loss(&g, z, NULL, 0), "loss");
	ck_assert_msg(!mm_graph_plan(&g, &err), "%s", err.msg);
	ck_assert_msg(!mm_graph_alloc(&g, &err), "%s", err.msg);
	memcpy(x->val, p->data, p->nbytes);
	t.ids->data = id = golden_i32(ids);
	if (hide)
		t.mask->data = mask = golden_u8(hide);
	mm_graph_forward(&g);
	golden_near(golden(&want, "pair.logits_per_image"), z->val, 1e-4, 0);
	golden_near(golden(&want, "pair.loss"), loss->val, 1e-4, 0);
	mm_graph_backward(&g);
	for (size_t i = 0; i < grads.blob.n; i++) {
		const double max = golden_max(&grads.blob.tensor[i]);

		largest = max > largest ? max : largest;
	}
	ck_assert_uint_eq(grads.blob.n, m.store.n);
	for (size_t i = 0; i < m.store.n; i++)
		golden_near(golden(&grads, m.store.param[i]->name),
			    m.store.param[i]->grad, 1e-4, 0.01 * largest);
	mm_graph_release(&g);
	mm_safetensors_release(&grads);
	close_set(&m);
	free(id);
	free(mask);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("clip");
	TCase *tc = tcase_create("clip");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, towers_match, 0, 2);
	tcase_add_test(tc, siglip_towers_match);
	tcase_add_loop_test(tc, loss_and_gradients_match, 0, 2);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? 1 : 0;
}
