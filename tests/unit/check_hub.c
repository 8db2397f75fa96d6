/* Text towers of the Hub in open_clip's folders. */
#include "golden.h"
#include "unit.h"

#include "model/clip.h"
#include "model/encode.h"
#include "model/layout.h"
#include "model/openclip.h"

#define SET "tests/golden/tiny-hub/"

/* model_cfg with the vision_cfg and text_cfg given, into m. */
static int describe(struct mm_model *m, const char *rest, const char *vision,
		    const char *text, const char *beside, struct mm_err *e)
{
	struct mm_json *root = NULL, *own = NULL;
	struct mm_buf json = { 0 }, config = { 0 };
	int rc;

	mm_buf_printf(&json,
		      "{\"model_cfg\": {%s\"vision_cfg\": {%s}, "
		      "\"text_cfg\": {%s}}}",
		      rest, vision, text);
	ck_ok(mm_json_parse(&root, json.data, json.len, "made", err));
	if (beside)
		ck_ok(mm_json_parse(&own, beside, strlen(beside), "own", err));
	if (!(rc = mm_openclip_config(&config, root, own, e)))
		rc = mm_model_describe(m, config.data, config.len, "made", e);
	mm_json_free(root);
	mm_json_free(own);
	mm_buf_release(&json);
	mm_buf_release(&config);
	return rc;
}

/* As open_clip counts them, of its own configurations and BiomedCLIP's. */
START_TEST(parameter_counts)
{
	static const struct {
		const char *rest, *vision, *text;
		size_t n, context;
	} published[] = {
		{ "\"embed_dim\": 512, \"quick_gelu\": true,",
		  "\"image_size\": 224, \"layers\": 12, \"width\": 768, "
		  "\"patch_size\": 32",
		  "\"hf_model_name\": \"roberta-base\", \"hf_tokenizer_name\": "
		  "\"roberta-base\", \"hf_pooler_type\": \"mean_pooler\"",
		  212723457, 77 },
		{ "\"embed_dim\": 512,",
		  "\"image_size\": 224, \"layers\": 12, \"width\": 768, "
		  "\"patch_size\": 32",
		  "\"hf_model_name\": \"xlm-roberta-base\", \"pooler_type\": "
		  "\"mean_pooler\", \"proj\": \"mlp\"",
		  366121473, 77 },
		{ "\"embed_dim\": 1024,",
		  "\"image_size\": 224, \"layers\": 32, \"width\": 1280, "
		  "\"head_width\": 80, \"patch_size\": 14",
		  "\"hf_model_name\": \"FacebookAI/xlm-roberta-large\"",
		  1193014785, 77 },
		{ "\"embed_dim\": 512,",
		  "\"timm_model_name\": \"vit_base_patch16_224\", "
		  "\"timm_model_pretrained\": false, \"timm_pool\": \"\", "
		  "\"timm_proj\": \"linear\", \"image_size\": 224",
		  "\"hf_model_name\": \"microsoft/BiomedNLP-BiomedBERT-base-"
		  "uncased-abstract\", \"hf_proj_type\": \"mlp\", "
		  "\"hf_pooler_type\": \"cls_last_hidden_state_pooler\", "
		  "\"context_length\": 256",
		  195902721, 256 },
	};
	struct mm_model m;

	ck_ok(describe(&m, published[_i].rest, published[_i].vision,
		       published[_i].text, NULL, err));
	ck_ok(mm_model_declare(&m, err));
	ck_assert_uint_eq(mm_store_count(&m.store), published[_i].n);
	ck_assert_uint_eq(m.context_length, published[_i].context);
	ck_assert(m.only_open_clip && !m.only_ours);
	mm_model_release(&m);
}
END_TEST

static const char bert[] =
	"{\"model_type\": \"bert\", \"hidden_size\": 8, \"vocab_size\": 9, "
	"\"num_hidden_layers\": 1, \"num_attention_heads\": 2, "
	"\"intermediate_size\": 8, \"max_position_embeddings\": 80}";

#define ROBERTA                                                              \
	"{\"model_type\": \"roberta\", \"hidden_size\": 8, \"vocab_size\": " \
	"9, \"num_hidden_layers\": 1, \"num_attention_heads\": 2, "

static const struct {
	const char *vision, *text, *beside, *says;
} bad[] = {
	{ "", "\"hf_model_name\": \"google/mt5-base\"", NULL,
	  "'hf_model_name' is 'google/mt5-base', which is not known; put its "
	  "config.json beside, if it is a bert, roberta or xlm-roberta; known "
	  "are roberta-base, roberta-large, xlm-roberta-base," },
	{ "", "\"hf_model_name\": \"google/mt5-base\"",
	  "{\"model_type\": \"mt5\"}", "of type 'mt5' as config.json says" },
	{ "", "\"hf_model_name\": \"x\", \"hf_pooler_type\": \"max_pooler\"",
	  bert, "open_clip itself stops in max_pooler" },
	{ "", "\"hf_model_name\": \"x\", \"hf_pooler_type\": \"sum\"", bert,
	  "'hf_pooler_type' is 'sum'; known are cls_pooler, "
	  "cls_last_hidden_state_pooler, mean_pooler" },
	{ "", "\"hf_model_name\": \"x\", \"hf_proj_type\": \"none\"", bert,
	  "'hf_proj_type' is 'none'; known are linear, mlp and null" },
	{ "", "\"hf_model_name\": \"x\", \"hf_proj_type\": null", bert,
	  "'proj_type' is none, but vectors of 8 are to be 512 wide" },
	{ "", "\"hf_model_name\": \"x\", \"context_length\": 81", bert,
	  "'context_length' is 81, but of the 80 'max_position_embeddings' the "
	  "first token has number 0" },
	{ "", "\"hf_model_name\": \"x\"",
	  ROBERTA "\"max_position_embeddings\": 78}",
	  "'context_length' is 77, but of the 78 'max_position_embeddings' the "
	  "first token has number 2" },
	{ "", "\"hf_model_name\": \"x\"", ROBERTA "\"pad_token_id\": null}",
	  "'pad_token_id' is null" },
	{ "", "\"hf_model_name\": \"x\"", ROBERTA "\"pad_token_id\": 9}",
	  "'pad_token_id' is 9, outside the vocabulary of 9" },
	{ "", "\"hf_model_name\": \"x\"",
	  ROBERTA "\"position_embedding_type\": \"relative_key\"}",
	  "'position_embedding_type' is 'relative_key'" },
	{ "", "\"hf_model_name\": \"x\"", ROBERTA "\"is_decoder\": true}",
	  "'is_decoder' asks for a tower" },
	{ "", "\"hf_model_name\": 5", NULL, "'hf_model_name'" },
	{ "",
	  "\"hf_model_name\": \"x\", \"tokenizer_kwargs\": "
	  "{\"language\": \"de\"}",
	  bert, "'tokenizer_kwargs' asks for a tokenizer" },
	{ "", "\"hf_model_name\": \"x\", \"tokenizer_mode\": \"clips\"", bert,
	  "'tokenizer_mode' is 'clips'" },
	{ "\"layers\": [1, 1, 1, 1]", "\"hf_model_name\": \"x\"", bert,
	  "beside a text tower of the Hub a ResNet is not known" },
	{ "\"timm_model_name\": \"vit_base_patch16_siglip_224\"",
	  "\"hf_model_name\": \"x\"", bert,
	  "beside a text tower of the Hub SigLIP's tower is not known" },
	{ "\"timm_model_name\": \"vit_base_patch16_224\"",
	  "\"hf_model_name\": \"x\"", bert,
	  "'timm_pool' is 'avg' and 'timm_proj' 'linear'; known are token and "
	  "linear" },
	{ "\"timm_model_name\": \"vit_base_patch16_224\", \"timm_pool\": "
	  "\"token\", \"timm_proj_bias\": 1",
	  "\"hf_model_name\": \"x\"", bert, "'timm_proj_bias'" },
};

START_TEST(what_is_refused)
{
	struct mm_model m;

	ck_fails(describe(&m, "", bad[_i].vision, bad[_i].text, bad[_i].beside,
			  err),
		 MM_ERR_FORMAT, bad[_i].says);
}
END_TEST

/* Cleaned, cut and padded as open_clip's tokenizer of the folder does. */
START_TEST(texts_match)
{
	struct mm_safetensors want;
	struct mm_encoder e;
	struct mm_file lines;
	const struct mm_tensor *t;
	const char *at, *end;
	float got[16];
	size_t row = 0;

	golden_open(&want, SET "expected.safetensors");
	t = mm_safetensors_find(&want, "lines");
	ck_ok(mm_encoder_open(&e, SET "model", err));
	ck_ok(mm_file_open(&lines, SET "lines.txt", err));
	at = (const char *)lines.data;
	while (at < (const char *)lines.data + lines.size) {
		const size_t D = e.model.embed_dim;

		end = strchr(at, '\n');
		ck_ok(mm_encode_line(&e, got, at, (size_t)(end - at), err));
		for (size_t d = 0; d < D; d++) {
			const float x = ((const float *)t->data)[row * D + d];

			ck_assert_double_le(fabs((double)(got[d] - x)), 1e-5);
		}
		at = end + 1;
		row++;
	}
	ck_assert_uint_eq(row, t->dim[0]);
	mm_file_release(&lines);
	mm_encoder_release(&e);
	mm_safetensors_release(&want);
}
END_TEST

/* Ids alone: nobody says what is padding. */
START_TEST(a_mask_is_wanted)
{
	static const int32_t ids[] = { 0, 5, 2, 1 };
	struct mm_encoder e;
	float out[16];

	ck_ok(mm_encoder_open(&e, SET "model", err));
	ck_fails(mm_embed_texts(&e.run, out, ids, NULL, NULL, 1, 4, err),
		 MM_ERR_FORMAT, "texts come without the column 'mask'");
	mm_encoder_release(&e);
}
END_TEST

/* open_clip's configuration comes back, and the text model's beside it. */
START_TEST(configurations_come_back)
{
	struct mm_model m, again;
	struct mm_buf text = { 0 }, own = { 0 }, json = { 0 };
	struct mm_json *root = NULL, *beside = NULL;
	const struct mm_json *cfg;

	ck_ok(mm_model_open(&m, SET "model", err));
	ck_ok(mm_layout_openclip_config(&text, &m, NULL, NULL, err));
	ck_ok(mm_openclip_text_config(&own, &m, err));
	ck_ok(mm_json_parse(&root, text.data, text.len, "text", err));
	ck_ok(mm_json_parse(&beside, own.data, own.len, "own", err));
	cfg = mm_json_get(mm_json_get(root, "model_cfg"), "text_cfg");
	ck_assert_str_eq(mm_json_str(mm_json_get(cfg, "hf_proj_type"), ""),
			 "mlp");
	ck_assert_str_eq(mm_json_str(mm_json_get(cfg, "hf_pooler_type"), ""),
			 "mean_pooler");
	ck_assert(!mm_json_get(beside, "pooler_type"));
	ck_ok(mm_openclip_config(&json, root, beside, err));
	ck_ok(mm_model_describe(&again, json.data, json.len, "again", err));
	ck_assert_uint_eq(again.context_length, m.context_length);
	ck_ok(mm_model_declare(&m, err));
	ck_ok(mm_model_declare(&again, err));
	ck_assert_uint_eq(mm_store_count(&again.store),
			  mm_store_count(&m.store));
	mm_json_free(root);
	mm_json_free(beside);
	mm_buf_release(&text);
	mm_buf_release(&own);
	mm_buf_release(&json);
	mm_model_release(&m);
	mm_model_release(&again);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("text towers of the hub");

	tcase_add_loop_test(tc, parameter_counts, 0, 4);
	tcase_add_loop_test(tc, what_is_refused, 0, sizeof(bad) / sizeof(*bad));
	tcase_add_test(tc, texts_match);
	tcase_add_test(tc, a_mask_is_wanted);
	tcase_add_test(tc, configurations_come_back);
	return unit_run("hub", tc);
}
