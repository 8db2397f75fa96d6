/* open_clip's layout and transformers', both ways. */
#include "golden.h"
#include "unit.h"

#include "model/layout.h"
#include "model/openclip.h"

static const char set[] = "dual-openclip-vit";

/* The model that a configuration of the set describes. */
static void describe(struct mm_model *m, const char *file, bool open)
{
	const char *path = golden_path(set, file);
	struct mm_json *root = NULL;
	struct mm_buf text = { 0 };

	ck_ok(mm_json_load(&root, path, err));
	if (open)
		ck_ok(mm_openclip_config(&text, root, err));
	else
		mm_json_dump(&text, root);
	ck_ok(mm_model_describe(m, text.data, text.len, path, err));
	mm_buf_release(&text);
	mm_json_free(root);
}

/* Converted tensors are those of the other folder, bit for bit. */
static void converts(const char *from, const char *config, bool open,
		     enum mm_layout to, const char *other)
{
	struct mm_arena arena = { 0 };
	struct mm_weights w, want;
	struct mm_tensor *t;
	struct mm_model m;
	size_t n;

	ck_ok(mm_weights_open(&w, golden_path(set, from), err));
	ck_ok(mm_weights_open(&want, golden_path(set, other), err));
	describe(&m, config, open);
	ck_ok(mm_layout_convert(&t, &n, &arena, &w, &m, to, err));
	ck_assert_uint_eq(n, want.n);
	for (size_t i = 0; i < n; i++) {
		const struct mm_tensor *x = mm_weights_find(&want, t[i].name);

		ck_assert_msg(x != NULL, "no '%s'", t[i].name);
		ck_assert_int_eq(t[i].rank, x->rank);
		for (int k = 0; k < x->rank; k++)
			ck_assert_uint_eq(t[i].dim[k], x->dim[k]);
		ck_assert_mem_eq(t[i].data, x->data, x->nbytes);
	}
	mm_model_release(&m);
	mm_weights_release(&w);
	mm_weights_release(&want);
	mm_arena_release(&arena);
}

START_TEST(both_ways)
{
	if (!golden_path(set, "README"))
		return;
	converts("model", "model/open_clip_config.json", true, MM_LAYOUT_HF,
		 "model-hf");
	converts("model-hf", "model-hf/config.json", false, MM_LAYOUT_OPEN_CLIP,
		 "model");
}
END_TEST

/* What is written about a model describes the same model. */
START_TEST(configurations)
{
	struct mm_buf text = { 0 }, again = { 0 };
	struct mm_json *root;
	struct mm_model m;

	if (!golden_path(set, "README"))
		return;
	describe(&m, "model-hf/config.json", false);
	ck_ok(mm_layout_openclip_config(&text, &m, NULL, err));
	mm_model_release(&m);
	ck_ok(mm_json_parse(&root, text.data, text.len, "made", err));
	ck_ok(mm_openclip_config(&again, root, err));
	ck_ok(mm_model_describe(&m, again.data, again.len, "again", err));
	ck_assert_uint_eq(m.image_size, 32);
	ck_assert_uint_eq(m.context_length, 16);
	ck_assert_uint_eq(m.embed_dim, 40);
	ck_assert_uint_eq(m.vocab_size, 300);
	ck_ok(mm_model_declare(&m, err));
	ck_assert_uint_eq(m.store.n, 78);
	mm_model_release(&m);
	mm_json_free(root);
	mm_buf_release(&text);
	mm_buf_release(&again);
}
END_TEST

static int describe_text(const char *vision, const char *text,
			 struct mm_err *err)
{
	struct mm_buf json = { 0 }, out = { 0 };
	struct mm_model m;
	int rc;

	mm_buf_printf(&json,
		      "{\"model_type\": \"clip\", \"vision_config\": {%s}, "
		      "\"text_config\": {%s}}",
		      vision, text);
	rc = mm_model_describe(&m, json.data, json.len, "made", err);
	if (!rc) {
		rc = mm_layout_openclip_config(&out, &m, NULL, err);
		mm_model_release(&m);
	}
	mm_buf_release(&json);
	mm_buf_release(&out);
	return rc;
}

START_TEST(what_open_clip_cannot_say)
{
	ck_ok(describe_text("", "", err));
	ck_ok(describe_text("\"hidden_act\": \"gelu\"",
			    "\"hidden_act\": \"gelu\"", err));
	ck_fails(describe_text("\"hidden_act\": \"gelu\"", "", err),
		 MM_ERR_REFUSED, "one activation");
	ck_fails(describe_text("", "\"layer_norm_eps\": 1e-6", err),
		 MM_ERR_REFUSED, "eps of 1e-5");
}
END_TEST

START_TEST(bare_weights)
{
	static const size_t dim[5][MM_MAX_RANK] = {
		{ 256, 64 }, { 9, 64 }, { 50, 64 }, { 64, 32 }, { 64, 3, 8, 8 },
	};
	static float x[256 * 64];
	const struct mm_tensor t[] = {
		mm_tensor_make("visual.transformer.resblocks.0.mlp.c_fc.weight",
			       MM_F32, 2, dim[0], x),
		mm_tensor_make("visual.transformer.resblocks.0.ln_1.weight",
			       MM_F32, 1, dim[1] + 1, x),
		mm_tensor_make("transformer.resblocks.0.mlp.c_fc.weight",
			       MM_F32, 2, dim[0], x),
		mm_tensor_make("transformer.resblocks.0.ln_1.weight", MM_F32, 1,
			       dim[1] + 1, x),
		mm_tensor_make("visual.positional_embedding", MM_F32, 2, dim[1],
			       x),
		mm_tensor_make("positional_embedding", MM_F32, 2, dim[1], x),
		mm_tensor_make("token_embedding.weight", MM_F32, 2, dim[2], x),
		mm_tensor_make("text_projection", MM_F32, 2, dim[3], x),
		mm_tensor_make("visual.conv1.weight", MM_F32, 4, dim[4], x),
	};
	const size_t n = sizeof(t) / sizeof(*t);
	struct mm_buf text = { 0 };
	struct mm_weights w;
	struct mm_json *root;

	scratch_begin();
	ck_ok(mm_safetensors_write(scratch("w"), t, n, NULL, 0, err));
	ck_ok(mm_weights_open(&w, scratch("w"), err));
	ck_assert_int_eq(mm_layout_of(&w), MM_LAYOUT_OPEN_CLIP);
	ck_ok(mm_layout_infer(&text, &w, true, err));
	ck_ok(mm_json_parse(&root, text.data, text.len, "made", err));
	ck_assert_ptr_nonnull(strstr(text.data, "\"quick_gelu\": true"));
	ck_assert_ptr_nonnull(strstr(text.data, "\"image_size\": 16"));
	ck_assert_ptr_nonnull(strstr(text.data, "\"embed_dim\": 32"));
	mm_json_free(root);
	mm_weights_release(&w);
	ck_ok(mm_safetensors_write(scratch("w"), t + 1, n - 1, NULL, 0, err));
	ck_ok(mm_weights_open(&w, scratch("w"), err));
	ck_fails(mm_layout_infer(&text, &w, true, err), MM_ERR_FORMAT,
		 "c_fc.weight");
	mm_weights_release(&w);
	mm_buf_release(&text);
	scratch_end();
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("layout");

	tcase_add_test(tc, both_ways);
	tcase_add_test(tc, configurations);
	tcase_add_test(tc, what_open_clip_cannot_say);
	tcase_add_test(tc, bare_weights);
	return unit_run("layout", tc);
}
