/*
 * Every configuration that open_clip publishes: as many parameters as there,
 * and told in open_clip's words again the same; or refused, by what is not
 * known.
 */
#include "golden.h"
#include "model/clip.h"
#include "model/layout.h"
#include "model/openclip.h"
#include "unit.h"

/* A model from what stands for open_clip_config.json. */
static int describe(struct mm_model *m, const struct mm_json *root,
		    struct mm_buf *text, struct mm_err *err)
{
	int rc = mm_openclip_config(text, root, NULL, err);

	return rc ? rc
		  : mm_model_describe(m, text->data, text->len, "made", err);
}

/* Written as open_clip's, and read: the same description. */
static void same_again(const char *name, const struct mm_model *m,
		       const struct mm_buf *first)
{
	struct mm_buf own = { 0 }, second = { 0 };
	struct mm_json *root = NULL;

	ck_ok(mm_layout_openclip_config(&own, m, NULL, NULL, err));
	ck_ok(mm_json_parse(&root, own.data, own.len, name, err));
	ck_ok(mm_openclip_config(&second, root, NULL, err));
	ck_assert_msg(!strcmp(mm_buf_str(first), mm_buf_str(&second)),
		      "%s: '%s' has become '%s'", name, mm_buf_str(first),
		      mm_buf_str(&second));
	mm_json_free(root);
	mm_buf_release(&own);
	mm_buf_release(&second);
}

static void check_published(const char *name, const struct mm_json *config)
{
	const char *says = mm_json_str(mm_json_get(config, "says"), NULL);
	struct mm_buf text = { 0 };
	struct mm_model m;

	if (says) {
		ck_fails(describe(&m, config, &text, err), MM_ERR_FORMAT, says);
	} else {
		ck_ok(describe(&m, config, &text, err));
		ck_ok(mm_model_declare(&m, err));
		ck_assert_msg(mm_store_count(&m.store) ==
				      (size_t)mm_json_int(
					      mm_json_get(config, "count"), 0),
			      "%s: %zu parameters", name,
			      mm_store_count(&m.store));
		same_again(name, &m, &text);
		mm_model_release(&m);
	}
	mm_buf_release(&text);
}

START_TEST(published_configurations)
{
	const struct mm_json *config;
	struct mm_json *root = NULL;
	const char *name;
	void *it = NULL;
	size_t n = 0;

	ck_ok(mm_json_load(
		&root, golden_path("openclip-configs", "configs.json"), err));
	for (; mm_json_next(root, &it, &name, &config); n++)
		check_published(name, config);
	ck_assert_uint_ge(n, 110);
	mm_json_free(root);
}
END_TEST

/* Names of timm's: each is found, by itself and with a tag, and by its shape.
 */
START_TEST(names_of_timm)
{
	struct mm_openclip_timm t, again;
	char name[80];

	for (size_t i = 0; mm_openclip_timm(&t, i); i++) {
		const struct mm_tower tower = {
			.width = (size_t)t.width,
			.layers = (size_t)t.layers,
			.heads = (size_t)t.heads,
			.ffn = (size_t)t.ffn,
			.eps = t.eps,
			.act = t.act,
		};
		const struct mm_vision v = { (size_t)t.patch, (size_t)t.image,
					     3 };

		snprintf(name, sizeof(name), "%s.laion2b", t.name);
		ck_ok(mm_openclip_timm_find(&again, t.name, err));
		ck_assert_str_eq(again.name, t.name);
		ck_ok(mm_openclip_timm_find(&again, name, err));
		ck_assert_str_eq(again.name, t.name);
		ck_assert(mm_openclip_timm_of(&again, &tower, &v, t.kind));
		ck_assert_str_eq(again.name, t.name);
	}
	ck_fails(mm_openclip_timm_find(&t, "vit_base_patch16_siglip_22", err),
		 MM_ERR_FORMAT, "towers are vit_base_patch16_siglip_224, ");
	ck_fails(mm_openclip_timm_find(&t, "vit_base_patch16_clip_22", err),
		 MM_ERR_FORMAT, "vit_base_patch32_clip_quickgelu_224, ");
	ck_fails(mm_openclip_timm_find(&t, "convnext_atto", err), MM_ERR_FORMAT,
		 "towers are convnext_tiny to _xxlarge, vit_SIZE_patchP_N, ");
}
END_TEST

#define TIMM(pool, proj)                                       \
	"\"timm_model_name\": \"vit_base_patch16_clip_224\", " \
	"\"timm_pool\": \"" pool "\", \"timm_proj\": " proj

/* vision_cfg and text_cfg that are refused, and what is named. */
static const struct {
	const char *vision, *text, *says;
} bad[] = {
	{ "\"pool_type\": \"none\"", "", "known are tok, avg" },
	{ "\"pool_type\": 1", "", "'pool_type'" },
	{ "\"ls_init_value\": 0", "", "'ls_init_value' wants" },
	{ "\"ls_init_value\": -1", "", "'ls_init_value'" },
	{ "\"norm_kwargs\": {\"bias\": false}", "", "'norm_kwargs' asks" },
	{ "\"norm_kwargs\": {\"eps\": 1e-6, \"bias\": false}", "",
	  "'norm_kwargs' asks" },
	{ "\"attentional_pool\": true", "", "'attentional_pool' asks" },
	{ "\"attentional_pool\": \"parallel\"", "", "'attentional_pool' asks" },
	{ "\"pos_embed_type\": \"sin_cos_2d\"", "", "'pos_embed_type' asks" },
	{ "\"timm_model_name\": 5", "", "'timm_model_name'" },
	{ TIMM("avg", "\"linear\""), "", "'timm_pool' is 'avg'" },
	{ TIMM("token", "\"mlp\""), "", "'timm_proj' 'mlp'" },
	{ TIMM("", "null"), "", "'timm_pool' is ''" },
	{ "\"timm_model_name\": \"convnext_base\", \"timm_proj\": \"none\"", "",
	  "known are avg and linear or mlp" },
	{ "\"timm_model_name\": \"convnext_base\", \"timm_proj\": null", "",
	  "known are avg and linear or mlp" },
	{ "\"timm_model_name\": \"convnext_base\", \"timm_pool\": \"max\"", "",
	  "'timm_pool' is 'max'" },
	{ "\"timm_model_name\": \"convnext_base\", \"image_size\": 31", "",
	  "'image_size'" },
	{ "\"timm_model_name\": \"convnext_base\"",
	  "\"hf_model_name\": \"roberta-base\"",
	  "beside a text tower of the Hub a ConvNeXt is not known" },
	{ "", "\"pool_type\": \"none\"", "'pool_type' is 'none'" },
	{ "", "\"proj_type\": \"mlp\"", "known are linear, none" },
	{ "", "\"proj_type\": \"none\", \"width\": 256",
	  "vectors of 256 are to be 512 wide" },
	{ "", "\"embed_cls\": true", "'embed_cls' asks" },
	{ "", "\"tokenizer_mode\": \"clips\"", "'tokenizer_mode'" },
	{ "", "\"tokenizer_kwargs\": {\"clean\": \"canonicalize\"}",
	  "known for open_clip's own tokenizer is lower" },
	{ "", "\"tokenizer_kwargs\": {\"strip_sep_token\": true}",
	  "by 'strip_sep_token'" },
	{ "",
	  "\"hf_tokenizer_name\": \"x\", \"tokenizer_kwargs\": {\"clean\": "
	  "\"hot\"}",
	  "'clean' is 'hot'; known are lower, whitespace, canonicalize" },
	{ "",
	  "\"hf_tokenizer_name\": \"x\", \"tokenizer_kwargs\": "
	  "{\"language\": \"de\"}",
	  "by 'language'" },
};

START_TEST(what_is_refused)
{
	struct mm_buf json = { 0 }, text = { 0 };
	struct mm_json *root = NULL;
	struct mm_model m;

	mm_buf_printf(&json,
		      "{\"model_cfg\": {\"vision_cfg\": {%s}, \"text_cfg\": "
		      "{%s}}}",
		      bad[_i].vision, bad[_i].text);
	ck_ok(mm_json_parse(&root, json.data, json.len, "made", err));
	ck_fails(describe(&m, root, &text, err), MM_ERR_FORMAT, bad[_i].says);
	mm_json_free(root);
	mm_buf_release(&json);
	mm_buf_release(&text);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("open_clip's configurations");

	tcase_add_test(tc, published_configurations);
	tcase_add_test(tc, names_of_timm);
	tcase_add_loop_test(tc, what_is_refused, 0,
			    (int)(sizeof(bad) / sizeof(*bad)));
	return unit_run("openclip", tc);
}
