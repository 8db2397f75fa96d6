/* A sample's picture is found in any of its columns. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../tmp.h"
#include "data/picture.h"
#include "image/encode.h"
#include "image/preset.h"

enum { W = 7, H = 5, N = 3 * W * H };

static struct mm_err err;
static uint8_t pixels[2 * N];
static struct mm_meta meta[8];
static size_t n_meta;

static void put(void *ctx, const char *key, const char *value)
{
	(void)ctx;
	meta[n_meta].key = strdup(key);
	meta[n_meta++].value = strdup(value);
}

/* The picture of sample `i` of a segment with this one column. */
static int picture(struct mm_image *rgb, const char *name, struct mm_tensor t,
		   const int64_t *ends, size_t i)
{
	struct mm_column c = { .name = name, .items = t, .ends = ends };
	struct mm_segment seg = { .n = 2,
				  .column = &c,
				  .n_columns = 1,
				  .meta = meta,
				  .n_meta = n_meta,
				  .path = "test" };

	c.row_bytes = t.dim[0] ? t.nbytes / t.dim[0] : 0;
	return mm_picture_of(rgb, &seg, i, NULL, &err);
}

static void same(const struct mm_image *rgb, const uint8_t *planes)
{
	uint8_t got[N];

	ck_assert_uint_eq(rgb->w, W);
	ck_assert_uint_eq(rgb->h, H);
	mm_image_to_chw_u8(got, rgb);
	ck_assert_mem_eq(got, planes, N);
}

static void fill(void)
{
	for (size_t i = 0; i < sizeof(pixels); i++)
		pixels[i] = (uint8_t)(i * 41 + i / 7);
}

START_TEST(bytes_and_floats_give_the_same_picture)
{
	const struct mm_image_preset *p = mm_image_preset_find("openai-clip");
	static float values[2 * N];
	struct mm_image rgb = { 0 };
	float lut[3][256];
	const size_t dim[] = { 2, 3, H, W };

	fill();
	ck_assert_int_eq(picture(&rgb, "image",
				 mm_tensor_make("image", MM_U8, 4, dim, pixels),
				 NULL, 1),
			 MM_OK);
	same(&rgb, pixels + N);
	mm_image_values_put(&p->values, put, NULL);
	mm_image_values_lut(lut, &p->values);
	for (size_t i = 0; i < 2 * N; i++)
		values[i] = lut[i % N / (W * H)][pixels[i]];
	ck_assert_int_eq(
		picture(&rgb, "image",
			mm_tensor_make("image", MM_F32, 4, dim, values), NULL,
			1),
		MM_OK);
	same(&rgb, pixels + N);
	mm_image_release(&rgb);
}
END_TEST

START_TEST(encoded_pictures_and_paths_are_read)
{
	char path[128];
	const int fd = tmp_template(path, sizeof(path), "picture")
			       ? mkstemp(path)
			       : -1;
	struct mm_image rgb = { 0 }, got = { 0 };
	struct mm_buf png = { 0 };
	int64_t ends[2];

	fill();
	ck_assert_int_eq(mm_image_from_chw_u8(&rgb, pixels, W, H, &err), MM_OK);
	ck_assert_int_eq(mm_image_png(&png, &rgb, &err), MM_OK);
	ends[0] = 0;
	ends[1] = (int64_t)png.len;
	ck_assert_int_eq(
		picture(&got, "image.data",
			mm_tensor_make("image.data", MM_U8, 1,
				       (size_t[]){ png.len }, png.data),
			ends, 1),
		MM_OK);
	same(&got, pixels);
	ck_assert_int_eq(write(fd, png.data, png.len), (ssize_t)png.len);
	close(fd);
	ends[1] = (int64_t)strlen(path);
	ck_assert_int_eq(
		picture(&got, "image.path",
			mm_tensor_make("image.path", MM_U8, 1,
				       (size_t[]){ strlen(path) }, path),
			ends, 1),
		MM_OK);
	same(&got, pixels);
	unlink(path);
	ck_assert_int_eq(
		picture(&got, "image.path",
			mm_tensor_make("image.path", MM_U8, 1,
				       (size_t[]){ strlen(path) }, path),
			ends, 1),
		MM_ERR_IO);
	mm_image_release(&rgb);
	mm_image_release(&got);
	mm_buf_release(&png);
}
END_TEST

START_TEST(what_is_no_picture_is_refused)
{
	static const int64_t numbers[2];
	const int64_t ends[] = { 5, 10 };
	struct mm_image rgb = { 0 };

	ck_assert_int_eq(picture(&rgb, "label",
				 mm_tensor_make("label", MM_I64, 1,
						(size_t[]){ 2 }, numbers),
				 NULL, 0),
			 MM_ERR_FORMAT);
	ck_assert_int_eq(picture(&rgb, "image",
				 mm_tensor_make("image", MM_I64, 1,
						(size_t[]){ 2 }, numbers),
				 NULL, 0),
			 MM_ERR_SHAPE);
	ck_assert_int_eq(picture(&rgb, "image.data",
				 mm_tensor_make("image.data", MM_U8, 1,
						(size_t[]){ 10 }, "helloworld"),
				 ends, 1),
			 MM_ERR_FORMAT);
	mm_image_release(&rgb);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("picture");
	TCase *tc = tcase_create("picture");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_add_test(tc, bytes_and_floats_give_the_same_picture);
	tcase_add_test(tc, encoded_pictures_and_paths_are_read);
	tcase_add_test(tc, what_is_no_picture_is_refused);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? 1 : 0;
}
