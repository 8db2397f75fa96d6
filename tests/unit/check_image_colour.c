/* Colour operators, hashes, quality figures, drawing. */
#include "image/colour.h"
#include "image/draw.h"
#include "image/hash.h"
#include "image/quality.h"
#include "picture.h"

START_TEST(jitter_in_every_order_is_pillows)
{
	const char *path =
		golden_path("augment-colorjitter", "orders.safetensors");
	struct mm_safetensors s, c;
	struct mm_image src;
	size_t n = 0;

	if (!path)
		return;
	golden_open(&s, path);
	path = golden_path("augment-colorjitter", "colour.safetensors");
	if (!path) {
		mm_safetensors_release(&s);
		return;
	}
	golden_open(&c, path);
	src = picture_golden(golden(&c, "photo.source"));
	for (size_t i = 0; i < s.blob.n; i++) {
		const struct mm_tensor *t = &s.blob.tensor[i];
		struct mm_image im = { 0 };

		if (strncmp(t->name, "pil.", 4))
			continue;
		ck_ok(mm_image_copy(&im, &src, err));
		for (const char *o = t->name + 4; *o; o++) {
			if (*o == 'b')
				mm_colour_brightness(&im, 1.3);
			else if (*o == 'c')
				mm_colour_contrast(&im, 0.7);
			else if (*o == 's')
				mm_colour_saturation(&im, 1.6);
			else
				mm_colour_hue(&im, 0.08);
		}
		ck_assert_msg(picture_is(&im, t), "%s", t->name);
		mm_image_release(&im);
		n++;
	}
	ck_assert_uint_eq(n, 24);
	mm_image_release(&src);
	mm_safetensors_release(&s);
	mm_safetensors_release(&c);
}
END_TEST

/* SOURCE.pil.OPERATOR.FACTOR */
static bool one_operator(struct mm_image *im, const char *rest)
{
	static const struct {
		const char *name;
		void (*fn)(struct mm_image *im, double f);
	} op[] = { { "pil.brightness.", mm_colour_brightness },
		   { "pil.contrast.", mm_colour_contrast },
		   { "pil.saturation.", mm_colour_saturation },
		   { "pil.hue.", mm_colour_hue } };

	if (!strcmp(rest, "grey")) {
		mm_colour_grey(im);
		return true;
	}
	for (size_t i = 0; i < 4; i++)
		if (!strncmp(rest, op[i].name, strlen(op[i].name))) {
			op[i].fn(im, strtod(rest + strlen(op[i].name), NULL));
			return true;
		}
	return false;
}

START_TEST(operators_with_given_factors_are_pillows)
{
	const char *path =
		golden_path("augment-colorjitter", "colour.safetensors");
	struct mm_safetensors s;
	size_t n = 0;

	if (!path)
		return;
	golden_open(&s, path);
	for (size_t i = 0; i < s.blob.n; i++) {
		const struct mm_tensor *t = &s.blob.tensor[i];
		const char *rest = strchr(t->name, '.') + 1;
		char name[64];
		struct mm_image im;

		snprintf(name, sizeof(name), "%.*ssource",
			 (int)(rest - t->name), t->name);
		im = picture_golden(golden(&s, name));
		if (one_operator(&im, rest)) {
			ck_assert_msg(picture_is(&im, t), "%s", t->name);
			n++;
		}
		mm_image_release(&im);
	}
	ck_assert_uint_gt(n, 50);
	mm_safetensors_release(&s);
}
END_TEST

static struct mm_safetensors crops;

static void crop_line(const struct mm_json *line)
{
	const struct mm_json *size = mm_json_get(line, "size");
	struct mm_image src = picture_golden(golden(&crops, "photo2.source"));
	struct mm_image cut = { 0 }, out = { 0 };
	struct mm_resize_work work = { 0 };
	enum mm_filter f;
	char name[32];

	ck_assert(mm_filter_parse(
		&f, mm_json_str(mm_json_get(line, "interpolation"), "")));
	ck_ok(mm_image_crop(&cut, &src, (long)field(line, "left"),
			    (long)field(line, "top"),
			    (size_t)field(line, "width"),
			    (size_t)field(line, "height"), 0, err));
	ck_ok(mm_image_resize(
		&out, &cut, (size_t)mm_json_int(mm_json_at(size, 1), 0),
		(size_t)mm_json_int(mm_json_at(size, 0), 0), f, &work, err));
	snprintf(name, sizeof(name), "pil.%d", (int)field(line, "i"));
	ck_assert_msg(picture_is(&out, golden(&crops, name)), "%s", name);
	mm_image_release(&src);
	mm_image_release(&cut);
	mm_image_release(&out);
	mm_resize_work_release(&work);
}

static void fallback_line(const struct mm_json *line)
{
	const struct mm_json *size = mm_json_get(line, "size");
	const struct mm_json *ratio = mm_json_get(line, "ratio");
	size_t box[4];

	mm_crop_fallback(box, (size_t)mm_json_int(mm_json_at(size, 1), 0),
			 (size_t)mm_json_int(mm_json_at(size, 0), 0),
			 mm_json_num(mm_json_at(ratio, 0), 0),
			 mm_json_num(mm_json_at(ratio, 1), 0));
	ck_assert_uint_eq(box[0], (size_t)field(line, "left"));
	ck_assert_uint_eq(box[1], (size_t)field(line, "top"));
	ck_assert_uint_eq(box[2], (size_t)field(line, "width"));
	ck_assert_uint_eq(box[3], (size_t)field(line, "height"));
}

START_TEST(resized_crops_and_flip_are_pillows)
{
	const char *path =
		golden_path("augment-colorjitter", "crops.safetensors");
	struct mm_image im;

	if (!path)
		return;
	golden_open(&crops, path);
	golden_lines("augment-colorjitter", "crops.jsonl", crop_line);
	golden_lines("augment-colorjitter", "fallback.jsonl", fallback_line);
	im = picture_golden(golden(&crops, "photo2.source"));
	mm_image_flip(&im);
	ck_assert(picture_is(&im, golden(&crops, "flip")));
	mm_image_release(&im);
	mm_safetensors_release(&crops);
}
END_TEST

/* Digests of Pillow 13's GaussianBlur of this noise. */
START_TEST(blur_is_pillows)
{
	static const struct {
		double radius;
		const char *digest;
	} want[] = {
		{ 0.7, "846ef80965be24ac80c0d948b9ed66479e53f646778c88db0a5872"
		       "c920a6d859" },
		{ 2.5, "6dd4a3ba74c6a197a083434d878c1a99a79f40d2f3312903e5f919"
		       "5c193adfb6" },
		{ 9, "88728daa008ffd68698ca1ef7a928942ac8a52b478e98cd59cce77e2"
		     "c76e70b0" },
	};

	for (size_t i = 0; i < 3; i++) {
		struct mm_image im = picture_noise(MM_IMAGE_RGB, 23, 17, 6);

		ck_ok(mm_colour_blur(&im, want[i].radius, err));
		ck_assert_str_eq(sha256_hex(im.data, 3 * 23 * 17),
				 want[i].digest);
		mm_image_release(&im);
	}
}
END_TEST

static void same_hashes(struct mm_image im, const char *want)
{
	struct mm_resize_work work = { 0 };
	struct mm_image_hashes h;
	char got[64];

	ck_ok(mm_image_hash(&h, &im, &work, err));
	snprintf(got, sizeof(got), "%016llx %016llx %016llx",
		 (unsigned long long)h.average, (unsigned long long)h.phash,
		 (unsigned long long)h.dhash);
	ck_assert_str_eq(got, want);
	mm_image_release(&im);
	mm_resize_work_release(&work);
}

/* Printed by imagehash 4.3.2 with scipy 1.17 for the same pictures. */
START_TEST(hashes_are_imagehashs)
{
	struct mm_image im = picture_noise(MM_IMAGE_RGB, 50, 40, 8), twin;
	uint8_t ramp[64 * 64 * 3], flat[20 * 30 * 3];

	same_hashes(im, "87c6e9853d63c3ac b3bdf404123bc789 2c965b49f9ce554d");
	for (size_t i = 0; i < sizeof(ramp); i++)
		ramp[i] = (uint8_t)(i / 3 % 64 * 4);
	same_hashes(picture_of(MM_IMAGE_RGB, 64, 64, ramp),
		    "0f0f0f0f0f0f0f0f 8000000000000000 ffffffffffffffff");
	for (size_t i = 0; i < sizeof(flat); i++)
		flat[i] = (uint8_t)(i % 3 == 0 ? 9 : i % 3 == 1 ? 99 : 200);
	same_hashes(picture_of(MM_IMAGE_RGB, 20, 30, flat),
		    "0000000000000000 8000000000000000 0000000000000000");
	/* Mirrored: half of the coefficients are zero but for rounding. */
	im = picture_noise(MM_IMAGE_RGB, 16, 32, 2);
	ck_ok(mm_image_reshape((memset(&twin, 0, sizeof(twin)), &twin),
			       MM_IMAGE_RGB, 32, 32, err));
	mm_draw_image(&twin, &im, 0, 0);
	mm_image_flip(&im);
	mm_draw_image(&twin, &im, 16, 0);
	mm_image_release(&im);
	same_hashes(twin, "3cff9924c3818100 8a8a88a8020a88a8 694d334d171755aa");
	ck_assert_int_eq(mm_hash_distance(0xf0, 0x0f), 8);
}
END_TEST

START_TEST(quality_tells_sharp_from_blurred)
{
	struct mm_image im = picture_noise(MM_IMAGE_RGB, 300, 280, 1);
	struct mm_resize_work work = { 0 };
	struct mm_image_quality sharp, soft;

	ck_ok(mm_image_quality(&sharp, &im, NULL, &work, err));
	ck_ok(mm_colour_blur(&im, 3, err));
	ck_ok(mm_image_quality(&soft, &im, NULL, &work, err));
	ck_assert(sharp.blur > 100 * soft.blur);
	ck_assert(sharp.entropy > soft.entropy);
	ck_assert(sharp.contrast > soft.contrast);
	ck_assert(fabs(sharp.mean - 127.5) < 2);
	ck_assert_int_eq(sharp.jpeg, 0);
	memset(im.data, 255, 3 * im.w * im.h);
	ck_ok(mm_image_quality(&soft, &im, NULL, &work, err));
	ck_assert(soft.blur == 0 && soft.clipped == 1 && soft.entropy == 0);
	mm_image_release(&im);
	mm_resize_work_release(&work);
}
END_TEST

START_TEST(quality_of_a_jpeg_from_its_table)
{
	/* The standard table's first row at qualities 50 and 90. */
	static const uint16_t standard[64] = {
		16,  11,  10,  16,  24, 40, 51,	 61,  12,  12,	14,  19,  26,
		58,  60,  55,  14,  13, 16, 24,	 40,  57,  69,	56,  14,  17,
		22,  29,  51,  87,  80, 62, 18,	 22,  37,  56,	68,  109, 103,
		77,  24,  35,  55,  64, 81, 104, 113, 92,  49,	64,  78,  87,
		103, 121, 120, 101, 72, 92, 95,	 98,  112, 100, 103, 99,
	};
	uint16_t q[64] = { 0 };

	ck_assert_int_eq(mm_jpeg_quality(q), 0);
	ck_assert_int_eq(mm_jpeg_quality(standard), 50);
	for (int i = 0; i < 64; i++)
		q[i] = (uint16_t)((standard[i] * 20 + 50) / 100);
	ck_assert_int_eq(mm_jpeg_quality(q), 90);
	for (int i = 0; i < 64; i++)
		q[i] = 1;
	ck_assert_int_eq(mm_jpeg_quality(q), 100);
}
END_TEST

static size_t inked(const struct mm_image *im)
{
	size_t n = 0;

	for (size_t i = 0; i < im->w * im->h; i++)
		n += im->data[3 * i] != 255;
	return n;
}

START_TEST(text_is_drawn_folded_and_clipped)
{
	static const uint8_t black[3] = { 0, 0, 0 };
	struct mm_image a = { 0 }, b = { 0 };
	const char *fancy = "\xc3\xa9t\xc3\xa9 \xe2\x80\x9cok\xe2\x80\x9d";

	ck_ok(mm_image_reshape(&a, MM_IMAGE_RGB, 80, 20, err));
	ck_ok(mm_image_reshape(&b, MM_IMAGE_RGB, 80, 20, err));
	memset(a.data, 255, 80 * 20 * 3);
	memset(b.data, 255, 80 * 20 * 3);
	ck_assert_uint_eq(
		mm_draw_text(&a, 1, 1, 1, fancy, strlen(fancy), black), 8);
	ck_assert_uint_eq(mm_draw_text(&b, 1, 1, 1, "ete \"ok\"", 8, black), 8);
	ck_assert_mem_eq(a.data, b.data, 80 * 20 * 3);
	ck_assert_uint_gt(inked(&a), 40);
	/* Broken UTF-8 and places outside the picture draw, or do nothing. */
	mm_draw_text(&a, -30, -5, 3, "\xff\xe2\x82\xf0\x9f", 5, black);
	mm_draw_text(&a, 70, 15, 2, "edge", 4, black);
	mm_draw_text(&a, 1000, 1000, 2, "off", 3, black);
	mm_draw_caption(&a, 0, 0, 1, 5, 2, "unbreakable", 11, black);
	mm_draw_caption(&a, 0, 0, 1, 0, 2, "no room", 7, black);
	mm_draw_box(&a, -5, -5, 200, 200, 2, black);
	mm_image_release(&a);
	mm_image_release(&b);
}
END_TEST

START_TEST(a_sheet_holds_its_tiles)
{
	struct mm_image im = picture_noise(MM_IMAGE_RGB, 10, 30, 1);
	struct mm_sheet s;

	ck_ok(mm_sheet_init(&s, 5, 3, 32, err));
	for (size_t i = 0; i < 5; i++)
		ck_ok(mm_sheet_put(&s, i, &im, "a caption", 9, err));
	ck_assert_uint_gt(inked(&s.rgb), 5 * 10 * 30);
	ck_fails(mm_sheet_put(&s, 5, &im, "", 0, err), MM_ERR_USAGE, "tile");
	mm_sheet_release(&s);
	ck_fails(mm_sheet_init(&s, 0, 3, 32, err), MM_ERR_USAGE, "");
	mm_image_release(&im);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("image_colour");

	tcase_add_test(tc, jitter_in_every_order_is_pillows);
	tcase_add_test(tc, operators_with_given_factors_are_pillows);
	tcase_add_test(tc, resized_crops_and_flip_are_pillows);
	tcase_add_test(tc, blur_is_pillows);
	tcase_add_test(tc, hashes_are_imagehashs);
	tcase_add_test(tc, quality_tells_sharp_from_blurred);
	tcase_add_test(tc, quality_of_a_jpeg_from_its_table);
	tcase_add_test(tc, text_is_drawn_folded_and_clipped);
	tcase_add_test(tc, a_sheet_holds_its_tiles);
	return unit_run("image_colour", tc);
}
