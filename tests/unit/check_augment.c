/* Augmentation, and samples prepared in groups. */
#include "base/parallel.h"
#include "data/augment_group.h"
#include "data/preprocess.h"
#include "data/sample_copy.h"
#include "image/encode.h"
#include "picture.h"

static const uint8_t mean[3] = { 120, 120, 120 };

/* One sample through `spec`; text and phrases may be NULL. */
static struct mm_augmented change(const char *spec, struct mm_augment_work *w,
				  const char *id, uint32_t copy,
				  struct mm_image *rgb, struct mm_str *text,
				  struct mm_str *phrases)
{
	struct mm_str none[2] = { { 0 } };
	struct mm_augment_spec s;
	struct mm_augmented out;

	ck_ok(mm_augment_parse(&s, spec, err));
	ck_ok(mm_augment_sample(&s, NULL, w, 7, id, strlen(id), copy, rgb, mean,
				text ? text : &none[0],
				phrases ? phrases : &none[1], &out, err));
	return out;
}

/* Where the one bright pixel is. */
static void bright(const struct mm_image *im, double at[2])
{
	size_t best = 0;

	for (size_t i = 0; i < im->w * im->h; i++)
		if (im->data[3 * i] > im->data[3 * best])
			best = i;
	at[0] = (double)(best % im->w) + 0.5;
	at[1] = (double)(best / im->w) + 0.5;
}

/* The map says where the pixel went, to a pixel or so where resized. */
START_TEST(the_map_follows_the_picture)
{
	struct mm_augment_work w = { 0 };
	struct mm_image im = { 0 };
	char id[16];

	ck_ok(mm_image_reshape(&im, MM_IMAGE_RGB, 40, 30, err));
	for (int t = 0; t < 60; t++) {
		const bool sized = t % 2;
		double at[2], box[4] = { 17.5, 12.5, 17.5, 12.5 };
		struct mm_augmented a;

		memset(im.data, 0, 40 * 30 * 3);
		memset(im.data + 3 * (12 * 40 + 17), 255, 3);
		snprintf(id, sizeof(id), "id %d", t);
		a = change(sized ? "crop:0.6:1,flip:0.5,shift:3"
				 : "flip:0.5,shift:5",
			   &w, id, 0, &im, NULL, NULL);
		mm_affine_box(box, a.affine, box);
		bright(&im, at);
		if (box[0] < 1 || box[1] < 1 || box[0] > 39 || box[1] > 29)
			continue; /* cut off */
		ck_assert(fabs(at[0] - box[0]) <= (sized ? 1.01 : 1e-9));
		ck_assert(fabs(at[1] - box[1]) <= (sized ? 1.01 : 1e-9));
	}
	mm_image_release(&im);
	mm_augment_work_release(&w);
}
END_TEST

static const char everything[] =
	"crop:0.5:1,flip:0.5,shift:2,jitter:0.4:0.4:0.4:0.2,gray:0.3,blur:0.5,"
	"erase:0.5";

START_TEST(a_copy_depends_on_its_name_alone)
{
	static struct mm_augment_work w[2];
	struct mm_image a, b;
	int same = 0;

	for (int t = 0; t < 20; t++) {
		a = picture_noise(MM_IMAGE_RGB, 33, 21, 5);
		b = picture_noise(MM_IMAGE_RGB, 33, 21, 5);
		change(everything, &w[0], "x", (uint32_t)t, &a, NULL, NULL);
		/* Another worker, after other work. */
		change(everything, &w[1], "x", (uint32_t)t, &b, NULL, NULL);
		ck_assert_mem_eq(a.data, b.data, 33 * 21 * 3);
		change(everything, &w[1], "y", (uint32_t)t, &b, NULL, NULL);
		mm_image_release(&b);
		b = picture_noise(MM_IMAGE_RGB, 33, 21, 5);
		change(everything, &w[0], "x", (uint32_t)t + 1, &b, NULL, NULL);
		same += !memcmp(a.data, b.data, 33 * 21 * 3);
		mm_image_release(&a);
		mm_image_release(&b);
	}
	ck_assert_int_eq(same, 0);
	mm_augment_work_release(&w[0]);
	mm_augment_work_release(&w[1]);
}
END_TEST

START_TEST(probabilities_are_kept)
{
	struct mm_augment_work w = { 0 };
	struct mm_image im = picture_noise(MM_IMAGE_RGB, 4, 4, 1);
	int flipped = 0;
	char id[16];

	for (int t = 0; t < 2000; t++) {
		snprintf(id, sizeof(id), "%d", t);
		flipped +=
			change("flip:0.3", &w, id, 0, &im, NULL, NULL).flipped;
	}
	ck_assert(abs(flipped - 600) < 80); /* four standard deviations */
	mm_image_release(&im);
	mm_augment_work_release(&w);
}
END_TEST

START_TEST(captions_and_phrases_decide_on_a_flip)
{
	static const struct {
		const char *text, *phrases, *want, *want_phrases;
	} t[] = {
		{ "a cat", "the cat\n", "a cat", "the cat\n" },
		{ "Left of a cat", NULL, "Right of a cat", NULL },
		{ "a cat", "the left cat\nits right ear\n", "a cat",
		  "the right cat\nits left ear\n" },
		{ "the cat left the room", "the cat\n", NULL, NULL },
	};
	struct mm_augment_work w = { 0 };

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct mm_image im = picture_noise(MM_IMAGE_RGB, 9, 4, 1);
		struct mm_str text = { t[i].text, strlen(t[i].text) };
		struct mm_str ph = { t[i].phrases,
				     t[i].phrases ? strlen(t[i].phrases) : 0 };
		const struct mm_augmented a =
			change("flip:1", &w, "x", 0, &im, &text, &ph);

		ck_assert_int_eq(a.flipped, t[i].want != NULL);
		ck_assert_int_eq(a.refused, t[i].want == NULL);
		ck_assert_uint_eq(text.len,
				  strlen(t[i].want ? t[i].want : t[i].text));
		ck_assert_mem_eq(text.str, t[i].want ? t[i].want : t[i].text,
				 text.len);
		if (t[i].want_phrases)
			ck_assert_mem_eq(ph.str, t[i].want_phrases, ph.len);
		mm_image_release(&im);
	}
	mm_augment_work_release(&w);
}
END_TEST

START_TEST(a_specification_goes_to_text_and_back)
{
	const char *text = "crop:0.9:1,flip:0.5,shift:4,jitter:0.4:0.4:0.4:"
			   "0.1,jitter-p:0.8,gray:0.2,blur:0.1,erase:0.25,"
			   "synonyms:0.2,insert:0.1,swap:0.1,delete:0.1";
	struct mm_augment_spec s;
	struct mm_buf b = { 0 };

	ck_ok(mm_augment_parse(&s, text, err));
	ck_assert(s.shift == 4 && s.jitter[3] == 0.1 && s.crop[0] == 0.9);
	mm_augment_format(&b, &s);
	ck_assert_str_eq(mm_buf_str(&b), text);
	mm_buf_release(&b);
	ck_ok(mm_augment_parse(&s, "", err));
	ck_assert(!mm_augment_pictures(&s) && !mm_augment_texts(&s));
	ck_fails(mm_augment_parse(&s, "crop:0.5", err), MM_ERR_USAGE,
		 "2 numbers");
	ck_fails(mm_augment_parse(&s, "jitter:0:0:0:0.6", err), MM_ERR_USAGE,
		 "hue");
	ck_fails(mm_augment_parse(&s, "flip:nan", err), MM_ERR_USAGE, "0..1");
}
END_TEST

START_TEST(the_erased_colour_is_nothing_once_normalised)
{
	const struct mm_image_preset *p = mm_image_preset_find("openai-clip");
	float lut[3][256];
	uint8_t m[3];

	mm_augment_mean(m, &p->values);
	mm_image_values_lut(lut, &p->values);
	for (int c = 0; c < 3; c++)
		ck_assert(fabs((double)lut[c][m[c]]) < 0.01);
}
END_TEST

/* A picture with two boxes in it, as a source would give it. */
static struct mm_sample boxed(const struct mm_buf *png)
{
	static const float boxes[8] = { 10, 5, 30, 25, 0, 0, 60, 40 };
	static const struct mm_str phrases[2] = { { "one", 3 }, { "all", 3 } };

	return (struct mm_sample){ .id = { "i", 1 },
				   .text = { "text", 4 },
				   .image_data = png->data,
				   .image_size = png->len,
				   .has_boxes = true,
				   .boxes = boxes,
				   .n_boxes = 2,
				   .phrases = phrases,
				   .source = "test" };
}

static struct mm_buf png_of(size_t w, size_t h)
{
	struct mm_image im = picture_noise(MM_IMAGE_RGB, w, h, 3);
	struct mm_buf png = { 0 };

	ck_ok(mm_image_png(&png, &im, err));
	mm_image_release(&im);
	return png;
}

START_TEST(boxes_move_with_the_picture_and_back)
{
	const struct mm_preprocess_options o = {
		.image = mm_image_preset_find("openai-clip"), .dtype = MM_U8
	};
	struct mm_buf png = png_of(60, 40);
	struct mm_sample s = boxed(&png);
	struct mm_preprocess *p;
	struct mm_stream_writer w;
	struct mm_stream in;
	const struct mm_segment *seg;
	const struct mm_column *c;

	scratch_begin();
	mm_threads_set(1);
	ck_ok(mm_preprocess_new(&p, &o, 2, err));
	ck_ok(mm_preprocess_add(p, &s, err));
	memset(png.data, 0, png.len); /* the group has its own copy */
	mm_preprocess_run(p);
	ck_ok(mm_preprocess_result(p, 0, err));
	ck_ok(mm_stream_writer_open(&w, scratch("o.mmt"), err));
	ck_ok(mm_preprocess_put(p, 0, &w, err));
	ck_ok(mm_stream_commit(&w, err));
	ck_ok(mm_stream_open(&in, scratch("o.mmt"), err));
	ck_ok(mm_stream_next(&in, &seg, err));
	c = mm_segment_find(seg, "boxes");
	ck_assert_ptr_nonnull(c);
	{
		const struct mm_column *ac = mm_segment_find(seg, "affine");
		const float *got = c->items.data, *af = ac->items.data;
		double a[6], inv[6], b[4];

		for (int i = 0; i < 6; i++)
			a[i] = (double)af[i];
		ck_assert(mm_affine_invert(inv, a));
		for (size_t i = 0; i < 2; i++) {
			for (size_t k = 0; k < 4; k++)
				b[k] = (double)got[4 * i + k];
			mm_affine_box(b, inv, b);
			for (size_t k = 0; k < 4; k++)
				ck_assert(fabs(b[k] -
					       (double)s.boxes[4 * i + k]) <
					  1e-3);
		}
		/* 60 x 40 to 336 x 224: 5.6 times, 56 pixels cut off left. */
		ck_assert(fabsf(got[0] - (10 * 5.6f - 56)) < 1e-3f);
	}
	mm_stream_release(&in);
	mm_preprocess_free(p);
	mm_buf_release(&png);
	scratch_end();
}
END_TEST

START_TEST(a_bad_picture_is_named)
{
	const struct mm_preprocess_options o = {
		.image = mm_image_preset_find("hf-clip"), .dtype = MM_F32
	};
	struct mm_buf png = png_of(9, 9);
	struct mm_sample s = boxed(&png);
	struct mm_preprocess *p;

	s.image_size = 60;
	snprintf(s.where, sizeof(s.where), "line 3");
	mm_threads_set(1);
	ck_ok(mm_preprocess_new(&p, &o, 2, err));
	ck_ok(mm_preprocess_add(p, &s, err));
	mm_preprocess_run(p);
	ck_fails(mm_preprocess_result(p, 0, err), MM_ERR_FORMAT,
		 "'test' line 3, 'i': PNG cannot be read");
	mm_preprocess_free(p);
	mm_buf_release(&png);
}
END_TEST

/* A row of a stream, copied, outlives the stream. */
START_TEST(a_copied_row_stands_alone)
{
	static const size_t two[] = { 2 };
	const int32_t dense[2] = { 5, 6 }, ragged[3] = { 7, 8, 9 };
	struct mm_arena arena = { 0 };
	struct mm_stream_writer w;
	struct mm_stream in;
	const struct mm_segment *seg;
	struct mm_sample src = { .id = { "i", 1 }, .source = "s", .row = 1 };
	struct mm_sample dst;
	size_t n;

	scratch_begin();
	ck_ok(mm_stream_writer_open(&w, scratch("r.mmt"), err));
	ck_ok(mm_stream_set_meta(&w, "key", "value", err));
	for (size_t i = 0; i < 3; i++) {
		ck_ok(mm_stream_put_str(&w, "id", "abc" + i, 1, err));
		ck_ok(mm_stream_put(&w, "dense", MM_I32, 1, two, dense, err));
		ck_ok(mm_stream_put_ragged(&w, "ragged", MM_I32, 0, NULL, i + 1,
					   ragged, err));
		ck_ok(mm_stream_end_row(&w, err));
	}
	ck_ok(mm_stream_commit(&w, err));
	ck_ok(mm_stream_open(&in, scratch("r.mmt"), err));
	ck_ok(mm_stream_next(&in, &seg, err));
	src.segment = seg;
	ck_ok(mm_sample_copy(&dst, &src, &arena, err));
	mm_stream_release(&in);
	scratch_end();
	ck_assert_uint_eq(dst.segment->n, 1);
	ck_assert_str_eq(mm_segment_meta(dst.segment, "key"), "value");
	ck_assert_mem_eq(
		mm_column_str(mm_segment_find(dst.segment, "id"), 0, &n), "b",
		1);
	ck_assert_mem_eq(
		mm_column_row(mm_segment_find(dst.segment, "dense"), 0, &n),
		dense, sizeof(dense));
	ck_assert_mem_eq(
		mm_column_row(mm_segment_find(dst.segment, "ragged"), 0, &n),
		ragged, 8);
	ck_assert_uint_eq(n, 2);
	mm_arena_release(&arena);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("augment");

	tcase_add_test(tc, the_map_follows_the_picture);
	tcase_add_test(tc, a_copy_depends_on_its_name_alone);
	tcase_add_test(tc, probabilities_are_kept);
	tcase_add_test(tc, captions_and_phrases_decide_on_a_flip);
	tcase_add_test(tc, a_specification_goes_to_text_and_back);
	tcase_add_test(tc, the_erased_colour_is_nothing_once_normalised);
	tcase_add_test(tc, boxes_move_with_the_picture_and_back);
	tcase_add_test(tc, a_bad_picture_is_named);
	tcase_add_test(tc, a_copied_row_stands_alone);
	return unit_run("augment", tc);
}
