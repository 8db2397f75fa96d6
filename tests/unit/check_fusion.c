/* MultimodalFusion and the losses against PyTorch. */
#include "golden.h"
#include "graph/ops.h"
#include "model/fusion.h"

static void fill(struct mm_node *n, const struct mm_tensor *t)
{
	float *x = golden_f32(t);

	ck_assert_uint_eq(n->n, mm_tensor_count(t));
	memcpy(n->val, x, n->n * sizeof(*x));
	free(x);
}

/* The largest number among the tensors whose name begins so. */
static double largest(const struct mm_safetensors *s, const char *prefix)
{
	double max = 0;

	for (size_t i = 0; i < s->blob.n; i++) {
		const struct mm_tensor *t = &s->blob.tensor[i];

		if (!strncmp(t->name, prefix, strlen(prefix)))
			max = fmax(max, golden_max(t));
	}
	return max;
}

static void start(struct mm_graph *g)
{
	struct mm_err err = { 0 };

	ck_assert_msg(!mm_store_alloc_values(g->store, &err) &&
			      !mm_store_alloc_grads(g->store, &err) &&
			      !mm_graph_plan(g, &err) &&
			      !mm_graph_alloc(g, &err),
		      "%s", err.msg);
}

START_TEST(fusion_matches)
{
	const char *prefix = _i ? "masked." : "plain.";
	const struct mm_fusion f = { "fusion", 64, 8, 0, false };
	struct mm_safetensors in, weights, want, grads;
	struct mm_node *image, *text, *mask = NULL, *out;
	struct mm_store store;
	struct mm_graph g;
	uint8_t *hide;
	char name[128];
	double scale;

	if (!golden_path("fusion-mha", "inputs.safetensors"))
		return;
	golden_open(&in, golden_path("fusion-mha", "inputs.safetensors"));
	golden_open(&weights, golden_path("fusion-mha", "weights.safetensors"));
	golden_open(&want, golden_path("fusion-mha", "expected.safetensors"));
	golden_open(&grads, golden_path("fusion-mha", "grads.safetensors"));
	mm_store_init(&store);
	mm_graph_init(&g, &store, MM_TRAIN);
	image = mm_leaf(&g, MM_SHAPE(3, 5, 40));
	text = mm_leaf(&g, MM_SHAPE(3, 7, 24));
	mm_want_grad(&g, image);
	mm_want_grad(&g, text);
	hide = golden_u8(golden(&in, "mask"));
	if (_i) {
		mask = mm_input(&g, "mask", MM_ELEM_U8, MM_SHAPE(3, 7));
		mask->data = hide;
	}
	out = mm_output(&g, mm_fuse(&g, image, text, mask, &f), "out");
	mm_seed(&g, out);
	start(&g);
	for (size_t i = 0; i < store.n; i++)
		mm_to_f32(store.param[i]->val,
			  golden(&weights, store.param[i]->name)->data, MM_F32,
			  store.param[i]->n);
	fill(image, golden(&in, "image"));
	fill(text, golden(&in, "text"));
	mm_graph_forward(&g);
	snprintf(name, sizeof(name), "%soutput", prefix);
	golden_near(golden(&want, name), out->val, 1e-4, 0);
	memcpy(out->grad, golden(&in, "weight")->data, out->n * sizeof(float));
	mm_graph_backward(&g);
	scale = 0.01 * largest(&grads, prefix);
	snprintf(name, sizeof(name), "%simage", prefix);
	golden_near(golden(&grads, name), image->grad, 1e-4, scale);
	snprintf(name, sizeof(name), "%stext", prefix);
	golden_near(golden(&grads, name), text->grad, 1e-4, scale);
	for (size_t i = 0; i < store.n; i++) {
		snprintf(name, sizeof(name), "%s%s", prefix,
			 store.param[i]->name);
		golden_near(golden(&grads, name), store.param[i]->grad, 1e-4,
			    scale);
	}
	mm_graph_release(&g);
	mm_store_release(&store);
	mm_safetensors_release(&in);
	mm_safetensors_release(&weights);
	mm_safetensors_release(&want);
	mm_safetensors_release(&grads);
	free(hide);
}
END_TEST

/* ---- losses, through the graph that training uses ---- */

static const char *const kinds[] = {
	"infonce", "smooth", "multi", "multi_smooth", "sigmoid", "sigmoid_multi"
};
static const char *const sizes[] = { "n1", "n2", "n7", "n32", "hot" };

static void near_or_zero(const struct mm_safetensors *s, const char *name,
			 const float *got, double scale)
{
	const struct mm_tensor *t = golden(s, name);

	if (scale > 0) {
		golden_near(t, got, 1e-4, 0.01 * scale);
		return;
	}
	for (size_t i = 0; i < mm_tensor_count(t); i++)
		ck_assert_msg(fabs((double)got[i]) <= 1e-6, "%s: %g and not 0",
			      name, (double)got[i]);
}

START_TEST(losses_match)
{
	const char *size = sizes[_i / 6], *kind = kinds[_i % 6];
	const bool multi = strstr(kind, "multi"), sig = strstr(kind, "sig");
	const double smooth = strstr(kind, "smooth") ? 0.1 : 0;
	struct mm_safetensors in, want, grads;
	struct mm_node *image, *text, *z, *bias, *labels = NULL, *loss, *ls;
	struct mm_store store;
	struct mm_graph g;
	char name[128], prefix[64];
	int32_t *label;
	double scale;
	size_t N;

	if (!golden_path("loss-contrastive", "inputs.safetensors"))
		return;
	golden_open(&in, golden_path("loss-contrastive", "inputs.safetensors"));
	golden_open(&want,
		    golden_path("loss-contrastive", "expected.safetensors"));
	golden_open(&grads,
		    golden_path("loss-contrastive", "grads.safetensors"));
	snprintf(name, sizeof(name), "%s.labels", size);
	label = golden_i32(golden(&in, name));
	N = mm_tensor_count(golden(&in, name));
	mm_store_init(&store);
	mm_graph_init(&g, &store, MM_TRAIN);
	image = mm_leaf(&g, MM_SHAPE(N, 16));
	text = mm_leaf(&g, MM_SHAPE(N, 16));
	mm_want_grad(&g, image);
	mm_want_grad(&g, text);
	ls = mm_param(&g, MM_SCALAR,
		      MM_FILL(strcmp(size, "hot") ? log(1 / 0.07) : log(100)),
		      "log_scale");
	bias = mm_param(&g, MM_SCALAR, MM_FILL(-3), "bias");
	z = mm_matmul(&g, mm_l2norm(&g, image, 1e-12),
		      mm_l2norm(&g, text, 1e-12), false, true, 1);
	z = mm_mul(&g, z, mm_exp(&g, ls));
	if (multi) {
		labels = mm_input(&g, "labels", MM_ELEM_I32, MM_SHAPE(N));
		labels->data = label;
	}
	loss = sig ? mm_sigmoid_loss(&g, mm_add(&g, z, bias), labels)
		   : mm_infonce(&g, z, labels, smooth);
	mm_output(&g, loss, "loss");
	start(&g);
	mm_store_initialise(&store, 0);
	snprintf(name, sizeof(name), "%s.image", size);
	fill(image, golden(&in, name));
	snprintf(name, sizeof(name), "%s.text", size);
	fill(text, golden(&in, name));
	mm_graph_forward(&g);
	snprintf(name, sizeof(name), "%s.%s.loss", size, kind);
	near_or_zero(&want, name, loss->val, golden_max(golden(&want, name)));
	mm_graph_backward(&g);
	snprintf(prefix, sizeof(prefix), "%s.%s.", size, kind);
	scale = largest(&grads, prefix);
	snprintf(name, sizeof(name), "%simage", prefix);
	near_or_zero(&grads, name, image->grad, scale);
	snprintf(name, sizeof(name), "%stext", prefix);
	near_or_zero(&grads, name, text->grad, scale);
	snprintf(name, sizeof(name), "%slog_scale", prefix);
	near_or_zero(&grads, name, ls->param->grad, scale);
	if (sig) {
		snprintf(name, sizeof(name), "%sbias", prefix);
		near_or_zero(&grads, name, bias->param->grad, scale);
	}
	mm_graph_release(&g);
	mm_store_release(&store);
	mm_safetensors_release(&in);
	mm_safetensors_release(&want);
	mm_safetensors_release(&grads);
	free(label);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("fusion");
	TCase *tc = tcase_create("fusion and losses");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_add_loop_test(tc, fusion_matches, 0, 2);
	tcase_add_loop_test(tc, losses_match, 0, 30);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? 1 : 0;
}
