/* From texts and pictures to vectors: whole, in two steps, in any batch. */
#include "tinymodel.h"
#include "unit.h"

#include <math.h>

#include "base/mem.h"
#include "model/encode.h"

enum { D = 40, T = 20, S = 32, N = 11 };

static const char *const pictures[] = {
	"tests/data/shapes/blue-circle.png",
	"tests/data/shapes/red-cross.png",
	"tests/data/shapes/green-square.png",
};
static const char *const texts[] = { "a red circle", "the blue cross", "" };

static struct mm_encoder enc;

static void setup(void)
{
	scratch_begin();
	ck_ok(mm_encoder_open(&enc, tiny_model(), err));
}

/* Batches whole, or cut into parts, for several threads or few inputs for one.
 */
static void cut(int parts)
{
	if (!parts)
		return;
	ck_ok(mm_encoder_divide(&enc, (size_t)parts, err));
	enc.quick_texts = parts == 2;
	enc.quick_images = parts == 3;
}

static void teardown(void)
{
	mm_encoder_release(&enc);
	scratch_end();
}

static void read_picture(uint8_t *pixels, const char *path)
{
	struct mm_image_work w = { 0 };
	struct mm_file f;

	ck_ok(mm_file_open(&f, path, err));
	ck_ok(mm_encode_read_image(&enc, &w, pixels, f.data, f.size, NULL,
				   err));
	mm_file_release(&f);
	mm_image_work_release(&w);
}

/* Batches of 11, 10, ... 1: more shapes than are kept, then again. */
START_TEST(pictures_in_any_batch)
{
	static uint8_t pixels[3][3 * S * S];
	const uint8_t *list[N];
	float want[3][D], got[N][D];

	cut(_i);
	for (int i = 0; i < 3; i++) {
		ck_ok(mm_encode_file(&enc, want[i], pictures[i], err));
		read_picture(pixels[i], pictures[i]);
	}
	for (int i = 0; i < N; i++)
		list[i] = pixels[i % 3];
	for (int round = 0; round < 2; round++)
		for (size_t n = N; n > 0; n--) {
			memset(got, 0, sizeof(got));
			ck_ok(mm_encode_read_images(&enc, got[0], list, n,
						    err));
			for (size_t i = 0; i < n; i++)
				ck_assert(!memcmp(got[i], want[i % 3],
						  sizeof(got[i])));
		}
	ck_assert(memcmp(want[0], want[1], sizeof(want[0])));
}
END_TEST

START_TEST(texts_in_any_batch)
{
	static int32_t ids[3][T];
	static uint8_t mask[3][T];
	const int32_t *id_list[N];
	const uint8_t *mask_list[N];
	float want[3][D], got[N][D];

	cut(_i);
	for (int i = 0; i < 3; i++) {
		ck_ok(mm_encode_line(&enc, want[i], texts[i], strlen(texts[i]),
				     err));
		ck_ok(mm_encode_read_text(&enc, enc.tok_work, ids[i], mask[i],
					  texts[i], strlen(texts[i]), err));
	}
	for (int i = 0; i < N; i++) {
		id_list[i] = ids[i % 3];
		mask_list[i] = mask[i % 3];
	}
	for (size_t n = 1; n <= N; n++) {
		ck_ok(mm_encode_read_texts(&enc, got[0], id_list, mask_list, n,
					   err));
		for (size_t i = 0; i < n; i++)
			ck_assert(!memcmp(got[i], want[i % 3], sizeof(got[i])));
	}
	ck_assert(memcmp(want[0], want[1], sizeof(want[0])));
}
END_TEST

START_TEST(bad_input_leaves_the_encoder_whole)
{
	static uint8_t pixels[3 * S * S];
	struct mm_decode_opts few = { .max_pixels = 16 };
	struct mm_image_work w = { 0 };
	struct mm_file f;
	int32_t ids[T];
	uint8_t mask[T];
	float v[D];

	ck_fails(mm_encode_read_image(&enc, &w, pixels, "no picture", 10, NULL,
				      err),
		 MM_ERR_FORMAT, "picture");
	ck_ok(mm_file_open(&f, pictures[0], err));
	ck_fails(mm_encode_read_image(&enc, &w, pixels, f.data, f.size, &few,
				      err),
		 MM_ERR_REFUSED, "pixels");
	mm_file_release(&f);
	ck_fails(mm_encode_read_text(&enc, enc.tok_work, ids, mask, "a\0b", 3,
				     err),
		 MM_ERR_FORMAT, "NUL");
	ck_fails(mm_encode_line(&enc, v, "\xff", 1, err), MM_ERR_FORMAT,
		 "UTF-8");
	ck_ok(mm_encode_file(&enc, v, pictures[0], err));
	mm_image_work_release(&w);
}
END_TEST

/* Slices of a graph that is kept, of either of two sizes. */
static void runs_in_slices(const struct mm_embed_graph *kept, size_t B)
{
	size_t most = 0, least = B;

	for (int i = 0; i < MM_EMBED_KEPT && kept[i].B; i++) {
		most = kept[i].B > most ? kept[i].B : most;
		least = kept[i].B < least ? kept[i].B : least;
	}
	ck_assert_uint_gt(most, 1);
	ck_assert_uint_lt(most, B);
	ck_assert_uint_le(most - least, 1);
	ck_assert_uint_le(most * kept[0].one, MM_EMBED_BYTES);
}

/* Batches whose values are more than MM_EMBED_BYTES, and parts of them. */
START_TEST(large_batches_run_in_slices)
{
	enum { B = 2501, LAST = 3 };
	const size_t n = (size_t)3 * S * S;
	uint8_t *pixels = mm_malloc(B, n);
	int32_t *ids = mm_calloc(B * T, sizeof(*ids));
	float *out = mm_malloc(B * D, sizeof(*out)), want[LAST][D];

	for (size_t i = 0; i < B * n; i++)
		pixels[i] = (uint8_t)(i * 31 + i / n * 7);
	for (size_t i = 0; i < B * T; i++)
		ids[i] = (int32_t)(i * 7 % 50);
	ck_ok(mm_embed_images(&enc.run, out, pixels, MM_ELEM_U8, B, S, S, err));
	runs_in_slices(enc.run.image, B);
	ck_ok(mm_embed_images(&enc.run, want[0], pixels + (B - LAST) * n,
			      MM_ELEM_U8, LAST, S, S, err));
	ck_assert_mem_eq(out + (B - LAST) * D, want, sizeof(want));
	ck_ok(mm_embed_texts(&enc.run, out, ids, NULL, NULL, B, T, err));
	runs_in_slices(enc.run.text, B);
	ck_ok(mm_embed_texts(&enc.run, want[0], ids + (B - LAST) * T, NULL,
			     NULL, LAST, T, err));
	ck_assert_mem_eq(out + (B - LAST) * D, want, sizeof(want));
	mm_free(pixels);
	mm_free(ids);
	mm_free(out);
}
END_TEST

START_TEST(logits_have_the_models_scale)
{
	float scale = 0, bias = 1;
	struct mm_param *p;

	ck_ok(mm_embed_logits(&enc.run, &scale, &bias, err));
	p = mm_store_find(&enc.model.store, "logit_scale");
	ck_assert_ptr_nonnull(p);
	ck_assert_float_eq_tol(scale, expf(*p->val), 1e-5f * scale);
	ck_assert(bias == 0);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("encode");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, pictures_in_any_batch, 0, 5);
	tcase_add_loop_test(tc, texts_in_any_batch, 0, 5);
	tcase_add_test(tc, bad_input_leaves_the_encoder_whole);
	tcase_add_test(tc, large_batches_run_in_slices);
	tcase_add_test(tc, logits_have_the_models_scale);
	return unit_run("encode", tc);
}
