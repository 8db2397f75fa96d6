/* open_clip's layout and transformers', both ways. */
#include "golden.h"
#include "unit.h"

#include "model/layout.h"
#include "model/openclip.h"

/* The model that a configuration of the set describes. */
static void describe(struct mm_model *m, const char *set, const char *file,
		     bool open)
{
	const char *path = golden_path(set, file);
	struct mm_json *root = NULL;
	struct mm_buf text = { 0 };

	ck_ok(mm_json_load(&root, path, err));
	if (open)
		ck_ok(mm_openclip_config(&text, root, NULL, err));
	else
		mm_json_dump(&text, root);
	ck_ok(mm_model_describe(m, text.data, text.len, path, err));
	mm_buf_release(&text);
	mm_json_free(root);
}

/* The tensors are those of `want`, bit for bit. */
static void same(const struct mm_tensor *t, size_t n,
		 const struct mm_weights *want)
{
	ck_assert_uint_eq(n, want->n);
	for (size_t i = 0; i < n; i++) {
		const struct mm_tensor *x = mm_weights_find(want, t[i].name);

		ck_assert_msg(x != NULL, "no '%s'", t[i].name);
		ck_assert_msg(t[i].rank == x->rank, "%s", t[i].name);
		for (int k = 0; k < x->rank; k++)
			ck_assert_uint_eq(t[i].dim[k], x->dim[k]);
		ck_assert_int_eq(t[i].dtype, x->dtype);
		ck_assert_msg(!memcmp(t[i].data, x->data, x->nbytes), "%s",
			      t[i].name);
	}
}

/* Two folders (or files) of a set that hold the same model, each in one
 * program's layout, with configurations of which one may be the other's. */
static const struct pair {
	const char *set, *open, *open_config, *hf, *hf_config;
} pairs[] = {
	{ "tiny-siglip", "open_clip_model.safetensors", NULL, "model",
	  "model/config.json" },
	{ "dual-openclip-vit", "model", "model/open_clip_config.json",
	  "model-hf", "model-hf/config.json" },
};

static void converts(const struct pair *p, enum mm_layout to)
{
	const bool open = to == MM_LAYOUT_HF && p->open_config;
	struct mm_arena arena = { 0 };
	struct mm_weights w, want;
	struct mm_tensor *t;
	struct mm_model m;
	size_t n;

	ck_ok(mm_weights_open(
		&w, golden_path(p->set, to == MM_LAYOUT_HF ? p->open : p->hf),
		err));
	ck_ok(mm_weights_open(
		&want,
		golden_path(p->set, to == MM_LAYOUT_HF ? p->hf : p->open),
		err));
	describe(&m, p->set, open ? p->open_config : p->hf_config, open);
	ck_ok(mm_layout_convert(&t, &n, &arena, &w, &m, to, err));
	same(t, n, &want);
	mm_model_release(&m);
	mm_weights_release(&w);
	mm_weights_release(&want);
	mm_arena_release(&arena);
}

START_TEST(both_ways)
{
	if (!golden_path(pairs[_i].set, "README"))
		return;
	converts(&pairs[_i], MM_LAYOUT_HF);
	converts(&pairs[_i], MM_LAYOUT_OPEN_CLIP);
}
END_TEST

/* A ResNet has no class in transformers: our own folder, and back. */
START_TEST(resnet_round_trip)
{
	static const char set[] = "tiny-rn";
	struct mm_arena arena = { 0 };
	struct mm_weights w, ours;
	struct mm_tensor *t;
	struct mm_model m;
	size_t n;

	scratch_begin();
	describe(&m, set, "model/open_clip_config.json", true);
	ck_ok(mm_weights_open(&w, golden_path(set, "model"), err));
	ck_assert_int_eq(mm_layout_of(&w), MM_LAYOUT_OPEN_CLIP);
	ck_ok(mm_layout_convert(&t, &n, &arena, &w, &m, MM_LAYOUT_HF, err));
	ck_ok(mm_safetensors_write(scratch("ours"), t, n, NULL, 0, err));
	ck_ok(mm_weights_open(&ours, scratch("ours"), err));
	ck_assert_int_eq(mm_layout_of(&ours), MM_LAYOUT_HF);
	ck_ok(mm_layout_convert(&t, &n, &arena, &ours, &m, MM_LAYOUT_OPEN_CLIP,
				err));
	same(t, n, &w);
	mm_model_release(&m);
	mm_weights_release(&w);
	mm_weights_release(&ours);
	mm_arena_release(&arena);
	scratch_end();
}
END_TEST

/* config.json's text of a model that was read, into `text`. */
static void reread(struct mm_buf *text, const struct mm_model *m)
{
	struct mm_buf open = { 0 };
	struct mm_json *root;

	ck_ok(mm_layout_openclip_config(&open, m, NULL, NULL, err));
	ck_ok(mm_json_parse(&root, open.data, open.len, "made", err));
	text->len = 0;
	ck_ok(mm_openclip_config(text, root, NULL, err));
	mm_buf_release(&open);
	mm_json_free(root);
}

/* What is written about a model describes the same model: what was read of it
 * is written and read again. */
START_TEST(configurations)
{
	static const struct {
		const char *set, *file;
		bool open;
	} of[] = {
		{ "tiny-rn", "model/open_clip_config.json", true },
		{ "dual-openclip-vit", "model-hf/config.json", false },
		{ "dual-clip-vit", "model/config.json", false },
	};
	struct mm_buf text = { 0 }, again = { 0 };
	struct mm_model m, n;

	if (!golden_path(of[_i].set, "README"))
		return;
	describe(&m, of[_i].set, of[_i].file, of[_i].open);
	reread(&text, &m);
	ck_ok(mm_model_describe(&n, text.data, text.len, "again", err));
	reread(&again, &n);
	ck_assert_str_eq(mm_buf_str(&text), mm_buf_str(&again));
	ck_assert_uint_eq(m.image_size, n.image_size);
	ck_assert_uint_eq(m.context_length, n.context_length);
	ck_assert_uint_eq(m.embed_dim, n.embed_dim);
	ck_assert_uint_eq(m.vocab_size, n.vocab_size);
	ck_ok(mm_model_declare(&m, err));
	ck_ok(mm_model_declare(&n, err));
	ck_assert_uint_eq(m.store.n, n.store.n);
	ck_assert_uint_eq(mm_store_count(&m.store), mm_store_count(&n.store));
	mm_model_release(&m);
	mm_model_release(&n);
	mm_buf_release(&text);
	mm_buf_release(&again);
}
END_TEST

static int siglip_config(struct mm_buf *out, const char *vision,
			 const char *text, const char **note,
			 struct mm_err *err)
{
	struct mm_buf json = { 0 };
	struct mm_model m;
	int rc;

	mm_buf_printf(&json,
		      "{\"model_type\": \"siglip\", \"vision_config\": {%s}, "
		      "\"text_config\": {%s}}",
		      vision, text);
	*note = NULL;
	out->len = 0;
	if (!(rc = mm_model_describe(&m, json.data, json.len, "made", err))) {
		rc = mm_layout_openclip_config(out, &m, NULL, note, err);
		mm_model_release(&m);
	}
	mm_buf_release(&json);
	return rc;
}

/* timm has SigLIP's published sizes, each with one activation. */
START_TEST(siglip_sizes)
{
	static const char so400m[] = "\"hidden_size\": 1152, "
				     "\"num_hidden_layers\": 27, "
				     "\"num_attention_heads\": 16, "
				     "\"intermediate_size\": 4304, "
				     "\"image_size\": 256";
	struct mm_buf text = { 0 }, back = { 0 };
	struct mm_json *root;
	struct mm_model m;
	const char *note;

	ck_ok(siglip_config(&text, "\"hidden_act\": \"gelu\"", "", &note, err));
	ck_assert_ptr_null(note);
	ck_assert_ptr_nonnull(
		strstr(mm_buf_str(&text), "vit_base_patch16_siglip_224"));
	ck_ok(mm_json_parse(&root, text.data, text.len, "made", err));
	ck_ok(mm_openclip_config(&back, root, NULL, err));
	ck_ok(mm_model_describe(&m, back.data, back.len, "again", err));
	ck_ok(mm_model_declare(&m, err));
	ck_assert_uint_eq(mm_store_count(&m.store), 203155970);
	mm_model_release(&m);
	mm_json_free(root);
	ck_ok(siglip_config(&text, "", "", &note, err));
	ck_assert_msg(note && strstr(note, "tanh"), "no note");
	ck_ok(siglip_config(&text, so400m, "\"projection_size\": 1152", &note,
			    err));
	ck_assert_ptr_null(note);
	ck_fails(siglip_config(&text, "\"patch_size\": 8", "", &note, err),
		 MM_ERR_REFUSED, "patches of 8");
	mm_buf_release(&text);
	mm_buf_release(&back);
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
		rc = mm_layout_openclip_config(&out, &m, NULL, NULL, err);
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
		 MM_ERR_REFUSED, "quick_gelu for both");
	ck_fails(describe_text("\"hidden_act\": \"relu\"",
			       "\"hidden_act\": \"gelu\"", err),
		 MM_ERR_REFUSED, "gelu_pytorch_tanh");
	ck_fails(describe_text("",
			       "\"num_attention_heads\": "
			       "[8,8,8,8,8,8,8,8,8,8,8,4], \"head_dim\": 64",
			       err),
		 MM_ERR_REFUSED, "pruned");
}
END_TEST

/* Configurations of open_clip's that are refused, and what is named. */
START_TEST(what_is_not_read)
{
	static const struct {
		const char *json, *says;
	} of[] = {
		{ "{}", "no model_cfg" },
		{ "{\"model_cfg\": {\"vision_cfg\": {}}}", "no model_cfg" },
		{ "{\"model_cfg\": {\"vision_cfg\": {\"timm_model_name\": "
		  "\"eva02_base_patch16_clip_224\"}, \"text_cfg\": {}}}",
		  "eva02_base_patch16_clip_224" },
		{ "{\"model_cfg\": {\"vision_cfg\": {\"timm_model_name\": "
		  "\"vit_base_patch16_siglip_gap_224\"}, \"text_cfg\": {}}}",
		  "gap_224" },
		{ "{\"model_cfg\": {\"init_logit_bias\": -10, "
		  "\"vision_cfg\": {\"timm_model_name\": "
		  "\"vit_base_patch16_siglip_224\"}, \"text_cfg\": "
		  "{\"no_causal_mask\": true, \"proj_bias\": true, "
		  "\"pool_type\": \"last\"}}}",
		  "'timm_pool' is 'avg'" },
		{ "{\"model_cfg\": {\"vision_cfg\": {\"timm_model_name\": "
		  "\"vit_base_patch16_siglip_224\", \"timm_pool\": \"map\", "
		  "\"timm_proj\": \"none\"}, \"text_cfg\": {}}}",
		  "init_logit_bias" },
		{ "{\"model_cfg\": {\"init_logit_bias\": -10, "
		  "\"vision_cfg\": {\"timm_model_name\": "
		  "\"vit_base_patch16_siglip_224\", \"timm_pool\": \"map\", "
		  "\"timm_proj\": \"none\"}, \"text_cfg\": {}}}",
		  "no_causal_mask" },
		{ "{\"model_cfg\": {\"vision_cfg\": {\"image_size\": "
		  "[64, 32]}, \"text_cfg\": {}}}",
		  "image_size" },
		{ "{\"model_cfg\": {\"vision_cfg\": {}, \"text_cfg\": "
		  "{\"hf_model_name\": \"google/mt5-base\"}}}",
		  "hf_model_name" },
		{ "{\"model_cfg\": {\"multimodal_cfg\": {}, \"vision_cfg\": {}, "
		  "\"text_cfg\": {}}}",
		  "CoCa" },
		{ "{\"model_cfg\": {\"vision_cfg\": {\"act_kwargs\": "
		  "{\"approximate\": \"erf\"}}, \"text_cfg\": {}}}",
		  "act_kwargs" },
		{ "{\"model_cfg\": {\"quick_gelu\": true, \"vision_cfg\": "
		  "{\"act_kwargs\": {\"approximate\": \"tanh\"}}, "
		  "\"text_cfg\": {}}}",
		  "act_kwargs" },
	};
	struct mm_json *root = NULL;
	struct mm_buf text = { 0 };

	ck_ok(mm_json_parse(&root, of[_i].json, strlen(of[_i].json), "made",
			    err));
	ck_fails(mm_openclip_config(&text, root, NULL, err), MM_ERR_FORMAT,
		 of[_i].says);
	mm_json_free(root);
	mm_buf_release(&text);
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

	tcase_add_loop_test(tc, both_ways, 0, 2);
	tcase_add_test(tc, resnet_round_trip);
	tcase_add_test(tc, siglip_sizes);
	tcase_add_loop_test(tc, configurations, 0, 3);
	tcase_add_test(tc, what_open_clip_cannot_say);
	tcase_add_loop_test(tc, what_is_not_read, 0, 12);
	tcase_add_test(tc, bare_weights);
	return unit_run("layout", tc);
}
