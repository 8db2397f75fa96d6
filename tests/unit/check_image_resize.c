/* Resizing: every stored case of Pillow, and laws that hold for any case. */
#include "image/loops.h"
#include "picture.h"

START_TEST(stored_cases_of_pillow)
{
	const char *path = golden_path("image-resize", "cases.safetensors");
	struct mm_resize_work work = { 0 };
	struct mm_safetensors s;
	size_t n = 0;

	if (!path)
		return;
	golden_open(&s, path);
	for (size_t i = 0; i < s.blob.n; i++) {
		const struct mm_tensor *t = &s.blob.tensor[i];
		const char *dot = strrchr(t->name, '.');
		struct mm_image src, dst = { 0 };
		enum mm_filter f;
		char name[128];

		if (!mm_filter_parse(&f, dot + 1))
			continue;
		snprintf(name, sizeof(name), "%.*s.source",
			 (int)(dot - t->name), t->name);
		src = picture_golden(golden(&s, name));
		ck_ok(mm_image_resize(&dst, &src, t->dim[1], t->dim[0], f,
				      &work, err));
		ck_assert_msg(picture_is(&dst, t), "%s", t->name);
		mm_image_release(&src);
		mm_image_release(&dst);
		n++;
	}
	ck_assert_uint_gt(n, 100);
	mm_resize_work_release(&work);
	mm_safetensors_release(&s);
}
END_TEST

START_TEST(resize_and_crop_is_resize_then_crop)
{
	static const enum mm_image_mode mode[] = { MM_IMAGE_L,	 MM_IMAGE_P,
						   MM_IMAGE_I16, MM_IMAGE_LA,
						   MM_IMAGE_RGB, MM_IMAGE_RGBA,
						   MM_IMAGE_CMYK };
	struct mm_resize_work work = { 0 };

	for (uint32_t t = 0; t < 200; t++) {
		struct mm_image src = picture_noise(mode[t % 7], 1 + t * 7 % 61,
						    1 + t * 5 % 53, t);
		const size_t w = 1 + t * 11 % 47, h = 1 + t * 13 % 83;
		const size_t x = t * 3 % w, y = t * 17 % h;
		const size_t cw = 1 + t % (w - x), ch = 1 + t % (h - y);
		const enum mm_filter f = (enum mm_filter)(t % MM_N_FILTERS);
		struct mm_image all = { 0 }, part = { 0 }, cut = { 0 };

		ck_ok(mm_image_resize(&all, &src, w, h, f, &work, err));
		ck_ok(mm_image_crop(&cut, &all, (long)x, (long)y, cw, ch, 0,
				    err));
		ck_ok(mm_image_resize_crop(&part, &src, w, h, x, y, cw, ch, f,
					   &work, err));
		ck_assert_mem_eq(part.data, cut.data,
				 cw * ch * mm_image_channels(src.mode));
		mm_image_release(&src);
		mm_image_release(&all);
		mm_image_release(&part);
		mm_image_release(&cut);
	}
	mm_resize_work_release(&work);
}
END_TEST

/* The loops that this CPU can run; NULL: it cannot run those. */
static const struct mm_image_loops *loops_at(int i)
{
#if defined(__x86_64__)
	if (i == 1 && __builtin_cpu_supports("avx2"))
		return &mm_image_loops_avx2;
	if (i == 2 && mm_image_loops() == &mm_image_loops_vnni)
		return &mm_image_loops_vnni;
#endif
	return i ? NULL : mm_image_loops();
}

START_TEST(every_instruction_set_gives_the_same_bits)
{
	enum { W = 211, ROWS = 32, TAPS = 9, OUT = 77 };
	struct mm_image src = picture_noise(MM_IMAGE_RGB, W, ROWS, 9);
	const struct mm_image_loops *a = &mm_image_loops_plain,
				    *b = loops_at(_i);
	uint8_t *out[2], *scratch = malloc(ROWS * (W + OUT + 16) * 3);
	uint32_t lo[OUT], n[OUT];
	int32_t w[OUT * TAPS];
	struct mm_weights k = { TAPS, lo, n, w };

	for (size_t i = 0; b && i < OUT; i++) {
		lo[i] = (uint32_t)(i * 2);
		n[i] = (uint32_t)(1 + i % TAPS);
		for (size_t j = 0; j < TAPS; j++)
			w[i * TAPS + j] =
				(int32_t)((i * 977 + j * 131071) % 900000) -
				200000;
	}
	for (size_t rows = 1; b && rows <= ROWS; rows += 31) {
		for (int v = 0; v < 2; v++) {
			out[v] = calloc(ROWS, OUT * 3);
			(v ? b : a)->horizontal(
				out[v], OUT * 3, src.data, W * 3, W, rows, 3,
				OUT, 0, &k, scratch,
				scratch + ROWS * ((W * 3 + 15) / 16 * 16));
		}
		ck_assert_mem_eq(out[0], out[1], ROWS * OUT * 3);
		for (int v = 0; v < 2; v++)
			(v ? b : a)->vertical(out[v], src.data, W * 3, 71, w,
					      5);
		ck_assert_mem_eq(out[0], out[1], 71);
		for (int v = 0; v < 2; v++)
			(v ? b : a)->split(out[v], src.data, 77);
		ck_assert_mem_eq(out[0], out[1], 3 * 77);
		free(out[0]);
		free(out[1]);
	}
	free(scratch);
	mm_image_release(&src);
}
END_TEST

START_TEST(sizes_of_nothing_are_refused)
{
	struct mm_image src = picture_noise(MM_IMAGE_RGB, 4, 4, 0), d = { 0 };
	struct mm_resize_work work = { 0 };

	ck_fails(mm_image_resize(&d, &src, 0, 4, MM_FILTER_BOX, &work, err),
		 MM_ERR_SHAPE, "cannot resize 4x4 to 0x4");
	ck_fails(mm_image_resize_crop(&d, &src, 4, 4, 3, 0, 2, 4, MM_FILTER_BOX,
				      &work, err),
		 MM_ERR_SHAPE, "");
	mm_image_release(&src);
	mm_image_release(&d);
	mm_resize_work_release(&work);
}
END_TEST

START_TEST(filters_have_names)
{
	enum mm_filter f;

	for (int i = 0; i < MM_N_FILTERS; i++) {
		ck_assert(
			mm_filter_parse(&f, mm_filter_name((enum mm_filter)i)));
		ck_assert_int_eq(f, i);
	}
	ck_assert(!mm_filter_parse(&f, "cubic"));
}
END_TEST

static void crop_line(const struct mm_json *line)
{
	static const char *const who[] = { "hf", "torchvision" };
	const size_t n = (size_t)field(line, "n"), c = (size_t)field(line, "c");

	for (int r = 0; r < 2; r++) {
		const struct mm_json *w = mm_json_get(line, who[r]);
		const long at = mm_crop_offset(n, c, (enum mm_crop_rule)r);

		ck_assert_int_eq(at,
				 (long)(field(w, "first") - field(w, "pad")));
	}
}

START_TEST(centre_crops_round_as_each_program_does)
{
	golden_lines("image-clip", "crop.jsonl", crop_line);
}
END_TEST

START_TEST(crops_beyond_the_border_are_filled)
{
	const uint8_t px[4] = { 1, 2, 3, 4 };
	const uint8_t want[12] = { 9, 9, 9, 9, 9, 1, 2, 9, 9, 3, 4, 9 };
	struct mm_image src = picture_of(MM_IMAGE_L, 2, 2, px), d = { 0 };

	ck_ok(mm_image_crop(&d, &src, -1, -1, 4, 3, 9, err));
	ck_assert_mem_eq(d.data, want, 12);
	ck_ok(mm_image_crop(&d, &src, 5, 5, 2, 1, 7, err));
	ck_assert_uint_eq(d.data[0], 7);
	mm_image_release(&src);
	mm_image_release(&d);
}
END_TEST

/* A pixel that is followed by the map lands where the turn puts it. */
START_TEST(affine_maps_follow_the_pixels)
{
	for (int o = 1; o <= 8; o++) {
		struct mm_image src = picture_noise(MM_IMAGE_L, 5, 3, 77);
		struct mm_image dst = { 0 };
		double a[6], inv[6], back[4], box[4];

		mm_affine_identity(a);
		mm_affine_transpose(a, o, 5, 3);
		ck_ok(mm_image_transpose(&dst, &src, o, err));
		ck_assert_uint_eq(dst.w, o >= 5 ? 3 : 5);
		for (size_t y = 0; y < 3; y++)
			for (size_t x = 0; x < 5; x++) {
				const double p[4] = { (double)x, (double)y,
						      (double)x + 1,
						      (double)y + 1 };

				mm_affine_box(box, a, p);
				ck_assert_uint_eq(
					src.data[y * 5 + x],
					dst.data[(size_t)box[1] * dst.w +
						 (size_t)box[0]]);
				ck_assert(mm_affine_invert(inv, a));
				mm_affine_box(back, inv, box);
				for (int i = 0; i < 4; i++)
					ck_assert(fabs(back[i] - p[i]) < 1e-12);
			}
		mm_image_release(&src);
		mm_image_release(&dst);
	}
}
END_TEST

START_TEST(flip_twice_is_nothing)
{
	struct mm_image im = picture_noise(MM_IMAGE_RGB, 7, 3, 4), was = { 0 };
	double a[6], box[4];
	const double p[4] = { 1, 0, 3, 2 };

	ck_ok(mm_image_copy(&was, &im, err));
	mm_image_flip(&im);
	ck_assert_mem_eq(im.data, was.data + 18, 3);
	mm_image_flip(&im);
	ck_assert_mem_eq(im.data, was.data, 63);
	mm_affine_identity(a);
	mm_affine_flip(a, 7);
	mm_affine_box(box, a, p);
	ck_assert(box[0] == 4 && box[2] == 6 && box[1] == 0 && box[3] == 2);
	mm_image_release(&im);
	mm_image_release(&was);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("image_resize");

	tcase_add_test(tc, stored_cases_of_pillow);
	tcase_add_test(tc, resize_and_crop_is_resize_then_crop);
	tcase_add_loop_test(tc, every_instruction_set_gives_the_same_bits, 0,
			    3);
	tcase_add_test(tc, sizes_of_nothing_are_refused);
	tcase_add_test(tc, filters_have_names);
	tcase_add_test(tc, centre_crops_round_as_each_program_does);
	tcase_add_test(tc, crops_beyond_the_border_are_filled);
	tcase_add_test(tc, affine_maps_follow_the_pixels);
	tcase_add_test(tc, flip_twice_is_nothing);
	return unit_run("image_resize", tc);
}
