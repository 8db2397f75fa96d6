/* Recipes: named ones, those from files, and what they do to a picture. */
#include "picture.h"

/* A picture file of a golden set through a recipe, as floats. */
static float *apply(const struct mm_image_preset *p, const char *path,
		    struct mm_image_work *w, struct mm_image_placed *placed)
{
	float lut[3][256], *out;
	size_t n;
	char *bytes = file_bytes(path, &n);

	ck_ok(mm_image_preprocess(w, placed, bytes, n, p, NULL, err));
	free(bytes);
	mm_image_values_lut(lut, &p->values);
	out = malloc(w->out.w * w->out.h * 3 * sizeof(*out));
	mm_image_to_chw_f32(out, &w->out, (const float(*)[256])lut);
	return out;
}

static void same_as_golden(const struct mm_tensor *t, const float *got,
			   const struct mm_image *im)
{
	const float *want = t->data;

	ck_assert_uint_eq(t->dim[1], im->h);
	ck_assert_uint_eq(t->dim[2], im->w);
	if (t->dtype == MM_U8) { /* nothing made floats of it */
		for (size_t i = 0; i < mm_tensor_count(t); i++)
			ck_assert_msg(got[i] == ((const uint8_t *)t->data)[i],
				      "%s", t->name);
		return;
	}
	ck_assert_msg(!memcmp(got, want, t->nbytes), "%s", t->name);
}

START_TEST(configurations_do_what_transformers_does)
{
	const char *set = "image-preprocessor-config";
	const char *path = golden_path(set, "picture.png");
	char picture[512];
	struct mm_image_work w = { 0 };
	struct mm_safetensors s;

	if (!path)
		return;
	snprintf(picture, sizeof(picture), "%s", path);
	golden_open(&s, golden_path(set, "expected.safetensors"));
	for (size_t i = 0; i < s.blob.n; i++) {
		const struct mm_tensor *t = &s.blob.tensor[i];
		struct mm_image_preset p, again;
		struct mm_json *root = NULL;
		struct mm_buf text = { 0 };
		char file[128];
		float *x;

		snprintf(file, sizeof(file), "%s/preprocessor_config.json",
			 t->name);
		ck_ok(mm_json_load(&root, golden_path(set, file), err));
		ck_ok(mm_image_preset_from_json(&p, root, err));
		mm_json_free(root);
		x = apply(&p, picture, &w, NULL);
		same_as_golden(t, x, &w.out);
		free(x);
		/* Written and read again it does the same. */
		ck_ok(mm_image_preset_write(&text, &p, err));
		ck_ok(mm_json_parse(&root, text.data, text.len, "own", err));
		ck_ok(mm_image_preset_from_json(&again, root, err));
		mm_json_free(root);
		x = apply(&again, picture, &w, NULL);
		same_as_golden(t, x, &w.out);
		free(x);
		mm_buf_release(&text);
	}
	ck_assert_uint_gt(s.blob.n, 10);
	mm_safetensors_release(&s);
	mm_image_work_release(&w);
}
END_TEST

START_TEST(values_are_those_of_the_programs)
{
	static const char *const pair[][2] = { { "clip", "hf-clip" },
					       { "clip", "openai-clip" },
					       { "imagenet", "document" },
					       { "half", "siglip" },
					       { "align", "align" } };
	const char *path = golden_path("image-clip", "lut.safetensors");
	struct mm_safetensors s;
	float lut[3][256];

	if (!path)
		return;
	golden_open(&s, path);
	for (size_t i = 0; i < sizeof(pair) / sizeof(pair[0]); i++) {
		mm_image_values_lut(lut,
				    &mm_image_preset_find(pair[i][1])->values);
		ck_assert_mem_eq(lut, golden(&s, pair[i][0])->data,
				 sizeof(lut));
	}
	mm_safetensors_release(&s);
}
END_TEST

/* A map from name to text, as a stream's metadata would be. */
struct strings {
	char key[8][32], value[8][128];
	size_t n;
};

static void put(void *ctx, const char *key, const char *value)
{
	struct strings *s = ctx;

	snprintf(s->key[s->n], 32, "%s", key);
	snprintf(s->value[s->n++], 128, "%s", value);
}

static const char *get(void *ctx, const char *key)
{
	struct strings *s = ctx;

	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->key[i], key))
			return s->value[i];
	return NULL;
}

START_TEST(values_survive_a_streams_metadata)
{
	const struct mm_image_preset *p;

	for (size_t i = 0; (p = mm_image_preset_at(i)); i++)
		for (int v = 0; v < 8; v++) {
			struct mm_image_values a = p->values, b;
			struct strings s = { 0 };
			float want[3][256], got[3][256];

			a.top = v & 1;
			a.normalize = v & 2;
			a.rescale = v & 4;
			a.mean[1] = 1.0 / 3;
			mm_image_values_put(&a, put, &s);
			ck_ok(mm_image_values_get(&b, get, &s, err));
			mm_image_values_lut(want, &a);
			mm_image_values_lut(got, &b);
			ck_assert_mem_eq(want, got, sizeof(want));
		}
}
END_TEST

START_TEST(metadata_that_is_wrong_is_named)
{
	struct mm_image_values v;
	struct strings s = { 0 };

	put(&s, "image.mean", "1,2");
	ck_fails(mm_image_values_get(&v, get, &s, err), MM_ERR_FORMAT,
		 "'image.mean' must be three numbers, not '1,2'");
	s.n = 0;
	put(&s, "image.std", "1,0,1");
	ck_fails(mm_image_values_get(&v, get, &s, err), MM_ERR_FORMAT,
		 "above 0");
}
END_TEST

START_TEST(sizes_follow_each_rule)
{
	struct mm_image_preset p = *mm_image_preset_find("openai-clip");
	size_t w, h;

	mm_image_fit_size(&p, 500, 375, &w, &h);
	ck_assert(w == 298 && h == 224); /* 298.67 truncated */
	p.fit = MM_FIT_LONGEST;
	p.width = p.height = 224;
	mm_image_fit_size(&p, 500, 375, &w, &h);
	ck_assert(w == 224 && h == 168);
	mm_image_fit_size(&p, 1000, 1, &w, &h);
	ck_assert(w == 224 && h == 1); /* never nothing */
	p.fit = MM_FIT_TWO_EDGES;
	p.edge = 22;
	p.max_edge = 30;
	mm_image_fit_size(&p, 40, 28, &w, &h);
	ck_assert(w == 30 && h == 21);
	p.fit = MM_FIT_NONE;
	mm_image_fit_size(&p, 40, 28, &w, &h);
	ck_assert(w == 40 && h == 28);
}
END_TEST

START_TEST(another_size_keeps_the_recipe)
{
	struct mm_image_preset p = *mm_image_preset_find("imagenet");
	size_t w, h;

	mm_image_preset_resize(&p, 112, 112);
	ck_assert(p.edge == 128 && p.crop_w == 112 && p.crop_h == 112);
	p = *mm_image_preset_find("align");
	mm_image_preset_resize(&p, 578, 289);
	ck_assert(p.width == 692 && p.height == 346 && p.crop_w == 578);
	p = *mm_image_preset_find("openai-clip");
	mm_image_preset_resize(&p, 64, 32);
	ck_assert_int_eq(p.fit, MM_FIT_COVER);
	ck_assert(mm_image_preset_size(&p, &w, &h) && w == 64 && h == 32);
	mm_image_preset_refit(&p, MM_FIT_SQUASH);
	ck_assert(p.width == 64 && p.height == 32 && !p.crop_w);
	p = *mm_image_preset_find("blip");
	mm_image_preset_refit(&p, MM_FIT_SHORTEST);
	ck_assert(p.edge == 384 && p.crop_w == 384);
}
END_TEST

/* The middle of a box stays the middle of the same thing. */
START_TEST(the_affine_map_of_a_recipe)
{
	struct mm_image_preset p = *mm_image_preset_find("hf-clip");
	const char *path =
		golden_path("image-decode", "pictures/jpeg-orientation-6.jpg");
	struct mm_image_work w = { 0 };
	struct mm_image_placed placed;
	double box[4];

	p.exif = true;
	free(apply(&p, path, &w, &placed));
	const double full[4] = { 0, 0, (double)placed.info.w,
				 (double)placed.info.h };

	mm_affine_box(box, placed.affine, full);
	/* Turned, its short side is 224 and the crop is centred on it. */
	ck_assert(fabs(fmin(box[2] - box[0], box[3] - box[1]) - 224) < 1e-9);
	ck_assert(fabs(box[0] + box[2] - 224) <= 1);
	ck_assert(fabs(box[1] + box[3] - 224) <= 1);
	ck_assert(fabs(placed.affine[0]) < 1e-12); /* a quarter turn */
	mm_image_work_release(&w);
}
END_TEST

static int read_text(struct mm_image_preset *p, const char *text,
		     struct mm_err *err)
{
	struct mm_json *root = NULL;
	int rc = mm_json_parse(&root, text, strlen(text), "text", err);

	if (!rc)
		rc = mm_image_preset_from_json(p, root, err);
	mm_json_free(root);
	return rc;
}

START_TEST(open_clips_settings_are_read)
{
	struct mm_image_preset p;

	ck_ok(read_text(&p,
			"{\"preprocess_cfg\": {\"size\": [256, 256], "
			"\"mean\": [0.5, 0.5, 0.5], \"std\": [0.5, 0.5, "
			"0.5], \"interpolation\": \"bilinear\", "
			"\"resize_mode\": \"squash\"}}",
			err));
	ck_assert(p.fit == MM_FIT_SQUASH && p.width == 256 && !p.crop_w);
	ck_assert_int_eq(p.filter, MM_FILTER_BILINEAR);
	ck_assert(p.values.mean[2] == 0.5 && !p.rgb_first);
	ck_ok(read_text(&p,
			"{\"preprocess_cfg\": {\"size\": 96, "
			"\"resize_mode\": \"longest\", "
			"\"fill_color\": 7}}",
			err));
	ck_assert(p.fit == MM_FIT_LONGEST && p.crop_w == 96 && p.fill == 7);
	ck_ok(read_text(&p, "{\"preprocess_cfg\": {}}", err));
	ck_assert(p.fit == MM_FIT_SHORTEST && p.edge == 224);
}
END_TEST

START_TEST(wrong_settings_are_named)
{
	struct mm_image_preset p;
	static const char *const bad[][2] = {
		{ "{}", "image_processor_type" },
		{ "[]", "object" },
		{ "{\"image_processor_type\": \"Quux\"}", "'Quux'" },
		{ "{\"image_processor_type\": \"CLIPImageProcessor\", "
		  "\"size\": -3}",
		  "'size'" },
		{ "{\"image_processor_type\": \"CLIPImageProcessor\", "
		  "\"size\": {\"height\": 3}}",
		  "'size'" },
		{ "{\"image_processor_type\": \"CLIPImageProcessor\", "
		  "\"crop_size\": 1000000}",
		  "'crop_size'" },
		{ "{\"image_processor_type\": \"CLIPImageProcessor\", "
		  "\"image_std\": [0, 1, 1]}",
		  "'image_std'" },
		{ "{\"image_processor_type\": \"CLIPImageProcessor\", "
		  "\"image_mean\": [0, 1]}",
		  "'image_mean' must have 3" },
		{ "{\"image_processor_type\": \"CLIPImageProcessor\", "
		  "\"resample\": 9}",
		  "'resample'" },
		{ "{\"image_processor_type\": \"SiglipImageProcessor\", "
		  "\"do_center_crop\": true}",
		  "'crop_size'" },
		{ "{\"preprocess_cfg\": {\"resize_mode\": \"fold\"}}",
		  "'fold'" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_fails(read_text(&p, bad[i][0], err), MM_ERR_FORMAT,
			 bad[i][1]);
	ck_fails(mm_image_preset_load(&p, "/nonexistent", err), MM_ERR_IO,
		 "no preprocessor_config.json");
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("image_preset");

	tcase_add_test(tc, configurations_do_what_transformers_does);
	tcase_add_test(tc, values_are_those_of_the_programs);
	tcase_add_test(tc, values_survive_a_streams_metadata);
	tcase_add_test(tc, metadata_that_is_wrong_is_named);
	tcase_add_test(tc, sizes_follow_each_rule);
	tcase_add_test(tc, another_size_keeps_the_recipe);
	tcase_add_test(tc, the_affine_map_of_a_recipe);
	tcase_add_test(tc, open_clips_settings_are_read);
	tcase_add_test(tc, wrong_settings_are_named);
	return unit_run("image_preset", tc);
}
