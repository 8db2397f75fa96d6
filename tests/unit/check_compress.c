/* Ranges of activations; a small CLIP in int8, in memory and as a folder. */
#include "compress/quantize.h"

#include <math.h>

#include "base/rng.h"
#include "smallclip.h"

/* ---- ranges ---- */

START_TEST(ranges_do_not_depend_on_the_order)
{
	static struct mm_range up, down;
	float x[1000];

	for (int i = 0; i < 1000; i++)
		x[i] = (i % 2 ? -1.f : 1.f) * (float)(i + 1);
	for (int i = 0; i < 1000; i++) {
		mm_range_add(&up, x + i, 1);
		mm_range_add(&down, x + 999 - i, 1);
	}
	ck_assert_uint_eq(up.n, 1000);
	ck_assert_float_eq(up.largest, 1000);
	ck_assert_float_eq(mm_range_scale(&up, MM_RANGE_MINMAX, 0),
			   1000.f / 127);
	/* Within a bin of each other, and of the truth. */
	ck_assert_float_eq_tol(
		127 * mm_range_scale(&up, MM_RANGE_PERCENTILE, 90), 900, 2);
	ck_assert_float_eq_tol(
		127 * mm_range_scale(&down, MM_RANGE_PERCENTILE, 90), 900, 2);
}
END_TEST

/* A wide bell with one value far out: cutting it lessens the error. */
START_TEST(least_error_cuts_outliers)
{
	static struct mm_range r;
	static float x[20000];
	struct mm_rng rng;
	float cut;

	mm_rng_init(&rng, 3, 0, 0, MM_RNG_INIT);
	for (int i = 0; i < 20000; i++)
		x[i] = (float)mm_rng_normal(&rng);
	x[7] = 40;
	mm_range_add(&r, x, 20000);
	cut = 127 * mm_range_scale(&r, MM_RANGE_MSE, 0);
	ck_assert_float_gt(cut, 3);
	ck_assert_float_lt(cut, 39);
	ck_assert_float_eq(127 * mm_range_scale(&r, MM_RANGE_MINMAX, 0), 40);
}
END_TEST

START_TEST(zeros_have_no_scale)
{
	static struct mm_range r;
	const float x[4] = { 0, 0, 0, 0 };

	mm_range_add(&r, x, 4);
	for (int rule = MM_RANGE_MINMAX; rule <= MM_RANGE_MSE; rule++)
		ck_assert_float_eq(
			mm_range_scale(&r, (enum mm_range_rule)rule, 50), 0);
}
END_TEST

static const struct mm_quant_options plain = { .per_channel = true,
					       .percentile = 99.9 };

START_TEST(weights_are_rounded_to_half_a_step)
{
	struct mm_quantizer q;

	ck_ok(mm_quantizer_open(&q, model_dir(), &plain, err));
	ck_assert_uint_gt(q.n, 20);
	for (size_t k = 0; k < q.n; k++) {
		const struct mm_quant_weight *w = &q.w[k];

		for (size_t i = 0; i < w->F * w->C; i++) {
			const float s = w->scale[i / w->C];
			const float e = (float)w->q[i] * s - w->p->val[i];

			ck_assert_float_le(fabsf(e), 0.5001f * s);
			ck_assert_int_ge(w->q[i], -127);
		}
	}
	mm_quantizer_release(&q);
}
END_TEST

/* In each method: near the float model; the folder has the same bits. */
static void try_method(const struct mm_quant_options *o, double cosine)
{
	const char *path = sample_stream();
	const struct mm_sample_set set = { &path, 1, 0, 4 };
	struct mm_measured folder;
	struct mm_quantizer q;
	struct mm_fidelity f;
	struct mm_encoder e;
	size_t before, after;

	ck_ok(mm_quantizer_open(&q, model_dir(), o, err));
	ck_ok(mm_quantizer_calibrate(&q, &set, err));
	ck_assert_uint_eq(q.before.n_texts, 6);
	ck_ok(mm_quantizer_measure(&q, &set, &f, err));
	ck_assert_double_gt(f.image_cosine, cosine);
	ck_assert_double_gt(f.text_cosine, cosine);
	ck_assert_double_lt(f.image_cosine, 1);
	ck_ok(mm_quantizer_save(&q, scratch("int8"), &before, &after, err));
	ck_assert_double_lt((double)after, 0.4 * (double)before);
	ck_ok(mm_encoder_open(&e, scratch("int8"), err));
	ck_ok(mm_measured_take(&folder, &e, &set, err));
	mm_encoder_release(&e);
	/* Against itself the folder has lost nothing. */
	mm_measured_release(&q.before);
	q.before = folder;
	ck_ok(mm_quantizer_measure(&q, &set, &f, err));
	ck_assert_double_eq_tol(f.image_least, 1, 1e-6);
	ck_assert_double_eq_tol(f.text_least, 1, 1e-6);
	mm_quantizer_release(&q);
	ck_fails(mm_quantizer_open(&q, scratch("int8"), o, err), MM_ERR_USAGE,
		 "quantized already");
	mm_quantizer_release(&q);
}

START_TEST(each_method_stays_near)
{
	struct mm_quant_options o = plain;

	scratch_begin();
	try_method(&o, 0.995);
	o.method = MM_QUANT_WEIGHT_ONLY;
	try_method(&o, 0.998);
	o.method = MM_QUANT_STATIC;
	try_method(&o, 0.99);
	o.rule = MM_RANGE_MSE;
	try_method(&o, 0.99);
	o.method = MM_QUANT_DYNAMIC;
	o.per_channel = false;
	try_method(&o, 0.99);
	scratch_end();
}
END_TEST

START_TEST(skipped_weights_stay_in_float)
{
	static const char *const globs[] = { "text_model.*", "*projection*" };
	struct mm_quant_options o = plain;
	struct mm_quantizer q;

	o.skip = globs;
	o.n_skip = 2;
	ck_ok(mm_quantizer_open(&q, model_dir(), &o, err));
	for (size_t i = 0; i < q.n; i++) {
		ck_assert_ptr_null(strstr(q.w[i].p->name, "projection"));
		ck_assert_int_eq(strncmp(q.w[i].p->name, "vision", 6), 0);
	}
	mm_quantizer_release(&q);
	o.skip = (const char *const[]){ "*" };
	o.n_skip = 1;
	ck_fails(mm_quantizer_open(&q, model_dir(), &o, err), MM_ERR_USAGE,
		 "no weight left");
	mm_quantizer_release(&q);
}
END_TEST

/* A bound that int8 cannot hold keeps layers back, then refuses. */
START_TEST(sensitive_layers_are_kept)
{
	struct mm_quantizer q;
	struct mm_fidelity f;
	const char *path;
	struct mm_sample_set set;
	size_t worst = 0;

	scratch_begin();
	path = sample_stream();
	set = (struct mm_sample_set){ &path, 1, 0, 6 };
	ck_ok(mm_quantizer_open(&q, model_dir(), &plain, err));
	ck_ok(mm_quantizer_calibrate(&q, &set, err));
	ck_ok(mm_quantizer_measure(&q, &set, &f, err));
	/* Within the bound: nothing to do. */
	ck_ok(mm_quantizer_protect(&q, &set, f.loss + 1, &f, err));
	ck_assert_uint_eq(mm_quantizer_kept(&q), 0);
	f.loss = 101;
	ck_fails(mm_quantizer_protect(&q, &set, -101, &f, err), MM_ERR_REFUSED,
		 "those that hurt most are '");
	ck_assert_uint_eq(mm_quantizer_kept(&q), q.n / 2);
	for (size_t i = 0; i < q.n; i++)
		worst = q.w[i].gain > q.w[worst].gain ? i : worst;
	ck_assert_double_gt(q.w[worst].gain, 0);
	ck_assert(q.w[worst].keep);
	mm_quantizer_release(&q);
	scratch_end();
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("compress");

	tcase_add_test(tc, ranges_do_not_depend_on_the_order);
	tcase_add_test(tc, least_error_cuts_outliers);
	tcase_add_test(tc, zeros_have_no_scale);
	tcase_add_test(tc, weights_are_rounded_to_half_a_step);
	tcase_add_test(tc, each_method_stays_near);
	tcase_add_test(tc, skipped_weights_stay_in_float);
	tcase_add_test(tc, sensitive_layers_are_kept);
	return unit_run("compress", tc);
}
