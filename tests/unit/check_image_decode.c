/* Decoding: Pillow's pixels, Pillow's refusals; encoding; orientation. */
#include "image/encode.h"
#include "image/geometry.h"
#include "picture.h"

static void same_digest(const struct mm_image *rgb, const char *want,
			const char *what)
{
	const char *got = sha256_hex(rgb->data, 3 * rgb->w * rgb->h);

	ck_assert_msg(!strcmp(got, want), "%s: other pixels", what);
}

static void decode_line(const struct mm_json *line)
{
	const char *file = mm_json_str(mm_json_get(line, "file"), "");
	struct mm_image im = { 0 }, rgb = { 0 }, up = { 0 };
	const char *want;
	struct mm_image_info info;
	struct mm_err why = { 0 };
	size_t n;
	char *bytes = file_bytes(golden_path("image-decode", file), &n);
	int rc = mm_image_decode(&im, &info, bytes, n, NULL, &why);

	free(bytes);
	if (mm_json_get(line, "refused")) {
		ck_assert_msg(rc == MM_ERR_FORMAT, "%s: %d", file, rc);
		ck_assert_str_ne(why.msg, "");
		mm_image_release(&im);
		return;
	}
	ck_assert_msg(!rc, "%s: %s", file, why.msg);
	ck_assert_str_eq(mm_image_mode_name(im.mode),
			 mm_json_str(mm_json_get(line, "mode"), ""));
	ck_ok(mm_image_to_rgb(&rgb, &im, MM_ALPHA_DROP, MM_GREY16_CLIP, err));
	same_digest(&rgb, mm_json_str(mm_json_get(line, "sha256"), ""), file);
	if ((want = mm_json_str(mm_json_get(line, "upright"), NULL))) {
		ck_assert_int_eq(info.orientation,
				 (int)field(line, "orientation"));
		ck_ok(mm_image_transpose(&up, &rgb, info.orientation, err));
		same_digest(&up, want, file);
	}
	if ((want = mm_json_str(mm_json_get(line, "white"), NULL))) {
		ck_assert(mm_image_has_alpha(&im));
		ck_ok(mm_image_to_rgb(&rgb, &im, MM_ALPHA_WHITE, MM_GREY16_CLIP,
				      err));
		same_digest(&rgb, want, file);
	}
	mm_image_release(&im);
	mm_image_release(&rgb);
	mm_image_release(&up);
}

START_TEST(files_decode_to_pillows_pixels)
{
	golden_lines("image-decode", "decode.jsonl", decode_line);
}
END_TEST

/* A PNG of noise to damage. */
static struct mm_buf some_png(void)
{
	struct mm_image im = picture_noise(MM_IMAGE_RGB, 13, 9, 1);
	struct mm_buf b = { 0 };

	ck_ok(mm_image_png(&b, &im, err));
	mm_image_release(&im);
	return b;
}

START_TEST(png_written_reads_back)
{
	static const enum mm_image_mode mode[] = { MM_IMAGE_L, MM_IMAGE_LA,
						   MM_IMAGE_RGB,
						   MM_IMAGE_RGBA };

	for (size_t i = 0; i < 4; i++) {
		struct mm_image im = picture_noise(mode[i], 31, 17, 5);
		struct mm_image out = { 0 };
		struct mm_buf b = { 0 };

		ck_ok(mm_image_png(&b, &im, err));
		ck_ok(mm_image_decode(&out, NULL, b.data, b.len, NULL, err));
		ck_assert_int_eq(out.mode, mode[i]);
		ck_assert_uint_eq(out.w, 31);
		ck_assert_mem_eq(out.data, im.data,
				 31 * 17 * mm_image_channels(mode[i]));
		mm_image_release(&im);
		mm_image_release(&out);
		mm_buf_release(&b);
	}
}
END_TEST

START_TEST(a_png_cut_anywhere_is_refused_until_its_pixels_are_there)
{
	struct mm_buf b = some_png();
	struct mm_image im = { 0 };
	bool was_read = false;

	for (size_t n = 0; n <= b.len; n++) {
		struct mm_err err = { 0 };
		char *copy = malloc(n + 1); /* a sanitizer sees its end */
		int rc;

		memcpy(copy, b.data, n);
		rc = mm_image_decode(&im, NULL, copy, n, NULL, &err);
		free(copy);
		ck_assert(rc == 0 || rc == MM_ERR_FORMAT);
		ck_assert_msg(!was_read || !rc, "%zu bytes", n);
		was_read = !rc;
	}
	ck_assert(was_read);
	mm_image_release(&im);
	mm_buf_release(&b);
}
END_TEST

/* A header that promises w x h pixels. */
static struct mm_buf huge_png(uint32_t w, uint32_t h)
{
	struct mm_buf b = some_png();
	uint32_t crc = 0xffffffffu;

	for (int i = 0; i < 4; i++) {
		b.data[16 + i] = (char)(w >> (24 - 8 * i));
		b.data[20 + i] = (char)(h >> (24 - 8 * i));
	}
	for (int i = 12; i < 29; i++) {
		crc ^= (uint8_t)b.data[i];
		for (int k = 0; k < 8; k++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	for (int i = 0; i < 4; i++)
		b.data[29 + i] = (char)(~crc >> (24 - 8 * i));
	return b;
}

START_TEST(too_many_pixels_are_refused_before_any_memory_is_taken)
{
	struct mm_buf b = huge_png(30000, 30000);
	const struct mm_decode_opts tiny = { .max_pixels = 100 };
	struct mm_image im = { 0 };

	ck_fails(mm_image_decode(&im, NULL, b.data, b.len, NULL, err),
		 MM_ERR_REFUSED, "30000x30000 pixels are more than 178956970");
	ck_assert_ptr_null(im.data);
	mm_buf_release(&b);
	b = some_png();
	ck_fails(mm_image_decode(&im, NULL, b.data, b.len, &tiny, err),
		 MM_ERR_REFUSED, "13x9");
	mm_buf_release(&b);
	b = huge_png(0, 9);
	ck_fails(mm_image_decode(&im, NULL, b.data, b.len, NULL, err),
		 MM_ERR_FORMAT, "");
	mm_buf_release(&b);
	b = huge_png(0x7fffffff, 0x7fffffff);
	ck_fails(mm_image_decode(&im, NULL, b.data, b.len, NULL, err),
		 MM_ERR_REFUSED, "2147483647x2147483647");
	mm_buf_release(&b);
}
END_TEST

START_TEST(what_is_no_picture_is_called_so)
{
	struct mm_image im = { 0 };

	ck_fails(mm_image_decode(&im, NULL, "", 0, NULL, err), MM_ERR_FORMAT,
		 "empty");
	ck_fails(mm_image_decode(&im, NULL, "GIF89a", 6, NULL, err),
		 MM_ERR_FORMAT, "not a picture");
	ck_assert_int_eq(mm_image_sniff("\xff\xd8\xff\xe0", 4), MM_IMAGE_JPEG);
	ck_assert_int_eq(mm_image_sniff("\x89PNG\r\n\x1a\n", 8), MM_IMAGE_PNG);
	ck_assert_int_eq(mm_image_sniff("RIFF....WEBPVP8 ", 16), MM_IMAGE_WEBP);
}
END_TEST

START_TEST(probe_agrees_with_decode)
{
	const char *path =
		golden_path("image-decode", "pictures/jpeg-orientation-6.jpg");
	struct mm_image_info info;
	size_t n;
	char *bytes = file_bytes(path, &n);

	ck_ok(mm_image_probe(&info, bytes, n, NULL, err));
	free(bytes);
	ck_assert_int_eq(info.format, MM_IMAGE_JPEG);
	ck_assert_int_eq(info.mode, MM_IMAGE_RGB);
	ck_assert_int_eq(info.orientation, 6);
	ck_assert_uint_gt(info.quant[0], 0);
}
END_TEST

START_TEST(fast_decoding_keeps_the_asked_size)
{
	const char *path = golden_path("image-decode", "pictures/jpeg-420.jpg");
	struct mm_decode_opts o = { .fast_factor = 1,
				    .fast_w = 8,
				    .fast_h = 8 };
	struct mm_image full = { 0 }, im = { 0 };
	struct mm_image_info info;
	size_t n;
	char *bytes = file_bytes(path, &n);

	ck_ok(mm_image_decode(&full, NULL, bytes, n, NULL, err));
	ck_ok(mm_image_decode(&im, &info, bytes, n, &o, err));
	free(bytes);
	ck_assert_uint_eq(info.w, full.w); /* the file's, not the result's */
	ck_assert_uint_lt(im.w, full.w);
	ck_assert(im.w >= 8 && im.h >= 8);
	mm_image_release(&full);
	mm_image_release(&im);
}
END_TEST

START_TEST(sixteen_bit_grey_is_clipped_or_scaled)
{
	const uint16_t v[4] = { 100, 255, 256, 51456 };
	struct mm_image im = picture_of(MM_IMAGE_I16, 4, 1, (const uint8_t *)v),
			rgb = { 0 };

	ck_ok(mm_image_to_rgb(&rgb, &im, MM_ALPHA_DROP, MM_GREY16_CLIP, err));
	ck_assert_uint_eq(rgb.data[0], 100);
	ck_assert_uint_eq(rgb.data[6], 255);
	ck_assert_uint_eq(rgb.data[9], 255);
	ck_ok(mm_image_to_rgb(&rgb, &im, MM_ALPHA_DROP, MM_GREY16_HIGH, err));
	ck_assert_uint_eq(rgb.data[0], 0);
	ck_assert_uint_eq(rgb.data[6], 1);
	ck_assert_uint_eq(rgb.data[9], 201);
	mm_image_release(&im);
	mm_image_release(&rgb);
}
END_TEST

START_TEST(alpha_lies_on_its_ground)
{
	const uint8_t px[8] = { 200, 100, 50, 0, 10, 20, 30, 128 };
	struct mm_image im = picture_of(MM_IMAGE_RGBA, 2, 1, px), rgb = { 0 };
	const uint8_t drop[6] = { 200, 100, 50, 10, 20, 30 };
	const uint8_t white[6] = { 255, 255, 255, 132, 137, 142 };
	const uint8_t black[6] = { 0, 0, 0, 5, 10, 15 };

	ck_ok(mm_image_to_rgb(&rgb, &im, MM_ALPHA_DROP, MM_GREY16_CLIP, err));
	ck_assert_mem_eq(rgb.data, drop, 6);
	ck_ok(mm_image_to_rgb(&rgb, &im, MM_ALPHA_WHITE, MM_GREY16_CLIP, err));
	ck_assert_mem_eq(rgb.data, white, 6);
	ck_ok(mm_image_to_rgb(&rgb, &im, MM_ALPHA_BLACK, MM_GREY16_CLIP, err));
	ck_assert_mem_eq(rgb.data, black, 6);
	mm_image_release(&im);
	mm_image_release(&rgb);
}
END_TEST

START_TEST(planes_go_there_and_back)
{
	struct mm_image im = picture_noise(MM_IMAGE_RGB, 37, 5, 3),
			back = { 0 };
	uint8_t *chw = malloc(3 * 37 * 5);
	float *f = malloc(3 * 37 * 5 * sizeof(*f)), lut[3][256];

	mm_image_to_chw_u8(chw, &im);
	ck_assert_uint_eq(chw[37 * 5 + 20], im.data[3 * 20 + 1]);
	ck_ok(mm_image_from_chw_u8(&back, chw, 37, 5, err));
	ck_assert_mem_eq(back.data, im.data, 3 * 37 * 5);
	for (int c = 0; c < 3; c++)
		for (int v = 0; v < 256; v++)
			lut[c][v] = (float)(1000 * c + v);
	mm_image_to_chw_f32(f, &im, (const float(*)[256])lut);
	for (size_t i = 0; i < 3 * 37 * 5; i++)
		ck_assert(f[i] == (float)(1000 * (i / (37 * 5)) + chw[i]));
	free(chw);
	free(f);
	mm_image_release(&im);
	mm_image_release(&back);
}
END_TEST

/* Smooth colours survive a JPEG of good quality within a few steps. */
START_TEST(jpeg_written_reads_back_nearly)
{
	struct mm_image im, back;
	struct mm_image_info info;
	struct mm_buf small = { 0 }, large = { 0 };

	mm_image_init(&im);
	mm_image_init(&back);
	ck_ok(mm_image_reshape(&im, MM_IMAGE_RGB, 61, 37, err));
	for (size_t i = 0; i < 61 * 37; i++) {
		im.data[3 * i] = (uint8_t)(i % 61 * 4);
		im.data[3 * i + 1] = (uint8_t)(i / 61 * 6);
		im.data[3 * i + 2] = 100;
	}
	ck_ok(mm_image_jpeg(&large, &im, 95, err));
	ck_ok(mm_image_jpeg(&small, &im, 30, err));
	ck_assert_uint_lt(small.len, large.len);
	ck_ok(mm_image_decode(&back, &info, large.data, large.len, NULL, err));
	ck_assert_int_eq(info.format, MM_IMAGE_JPEG);
	ck_assert_int_eq(back.mode, MM_IMAGE_RGB);
	ck_assert_uint_eq(back.w, 61);
	ck_assert_uint_eq(back.h, 37);
	for (size_t i = 0; i < 3 * 61 * 37; i++)
		ck_assert_int_le(abs(back.data[i] - im.data[i]), 12);
	im.mode = MM_IMAGE_L;
	ck_fails(mm_image_jpeg(&large, &im, 95, err), MM_ERR_SHAPE, "JPEG");
	mm_image_release(&im);
	mm_image_release(&back);
	mm_buf_release(&small);
	mm_buf_release(&large);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("image_decode");

	tcase_add_test(tc, files_decode_to_pillows_pixels);
	tcase_add_test(tc, png_written_reads_back);
	tcase_add_test(
		tc, a_png_cut_anywhere_is_refused_until_its_pixels_are_there);
	tcase_add_test(tc,
		       too_many_pixels_are_refused_before_any_memory_is_taken);
	tcase_add_test(tc, what_is_no_picture_is_called_so);
	tcase_add_test(tc, probe_agrees_with_decode);
	tcase_add_test(tc, fast_decoding_keeps_the_asked_size);
	tcase_add_test(tc, sixteen_bit_grey_is_clipped_or_scaled);
	tcase_add_test(tc, alpha_lies_on_its_ground);
	tcase_add_test(tc, planes_go_there_and_back);
	tcase_add_test(tc, jpeg_written_reads_back_nearly);
	return unit_run("image_decode", tc);
}
