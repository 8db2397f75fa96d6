/*
 * Classification figures against scikit-learn's (tests/golden/classify was
 * written by scikit-learn 1.x from random labels and scores with many ties).
 */
#include "unit.h"

#include <math.h>

#include "base/json.h"
#include "base/map.h"
#include "metric/classify.h"
#include "metric/metric.h"

static void near(const struct mm_json *want, const char *key, double got)
{
	const double x = mm_json_num(mm_json_get(want, key), NAN);

	ck_assert_msg(fabs(x - got) <= 1e-12, "%s: %.17g instead of %.17g", key,
		      got, x);
}

static void near_three(const struct mm_json *want,
		       const struct mm_class_figures *f)
{
	ck_assert_double_eq_tol(mm_json_num(mm_json_at(want, 0), NAN),
				f->precision, 1e-12);
	ck_assert_double_eq_tol(mm_json_num(mm_json_at(want, 1), NAN),
				f->recall, 1e-12);
	ck_assert_double_eq_tol(mm_json_num(mm_json_at(want, 2), NAN), f->f1,
				1e-12);
}

static void one_label(const struct mm_json *c)
{
	const struct mm_json *truth = mm_json_get(c, "truth");
	const struct mm_json *predicted = mm_json_get(c, "predicted");
	const struct mm_json *want = mm_json_get(c, "expected");
	const struct mm_json *labels = mm_json_get(c, "labels");
	const size_t n = mm_json_size(truth);
	struct mm_class_counts counts[16] = { 0 };
	struct mm_classification f;
	struct mm_class_figures one;
	uint64_t right = 0;
	double value[6];
	void *state;

	ck_ok(mm_metric_classification.open(&state, NULL, err));
	for (size_t i = 0; i < n; i++) {
		const size_t t = (size_t)mm_json_int(mm_json_at(truth, i), 0);
		const size_t p =
			(size_t)mm_json_int(mm_json_at(predicted, i), 0);
		const struct mm_classification_sample s = { t, &p, 1 };

		counts[t].support++;
		counts[p].predicted++;
		counts[t].tp += t == p;
		right += t == p;
		ck_ok(mm_metric_classification.add(state, &s, err));
	}
	mm_classification(&f, counts, 16, right, n, true);
	near(want, "acc1", f.accuracy);
	near(want, "mean_per_class_recall", f.balanced_accuracy);
	near_three(mm_json_get(want, "macro"), &f.macro);
	near_three(mm_json_get(want, "micro"), &f.micro);
	near_three(mm_json_get(want, "weighted"), &f.weighted);
	for (size_t k = 0; k < mm_json_size(labels); k++) {
		mm_class_figures(
			&one, &counts[mm_json_int(mm_json_at(labels, k), 0)]);
		near_three(mm_json_at(mm_json_get(c, "per_class"), k), &one);
	}
	ck_ok(mm_metric_classification.result(state, value, NULL, err));
	near(want, "acc1", value[0]);
	ck_assert(isnan(value[1]));
	ck_assert_double_eq(value[3], f.macro.f1);
	mm_metric_classification.close(state);
}

static void many_labels(const struct mm_json *c)
{
	const struct mm_json *truth = mm_json_get(c, "truth");
	const struct mm_json *score = mm_json_get(c, "score");
	const struct mm_json *want = mm_json_get(c, "expected");
	const size_t n = mm_json_size(truth);
	double value[6], each[6 * 64], sum = 0;
	void *state;

	ck_ok(mm_metric_multilabel.open(&state, NULL, err));
	for (size_t i = 0; i < n; i++) {
		const size_t K = mm_json_size(mm_json_at(truth, i));
		uint8_t t[16], p[16];
		float s[16];
		const struct mm_multilabel_sample x = { t, p, s, K };

		for (size_t k = 0; k < K; k++) {
			t[k] = (uint8_t)mm_json_int(
				mm_json_at(mm_json_at(truth, i), k), 0);
			s[k] = (float)mm_json_num(
				mm_json_at(mm_json_at(score, i), k), 0);
			p[k] = s[k] >= 0.5f;
		}
		ck_ok(mm_metric_multilabel.add(state, &x, err));
	}
	ck_ok(mm_metric_multilabel.result(state, value, each, err));
	for (size_t f = 0; mm_metric_multilabel.figure[f]; f++)
		near(want, mm_metric_multilabel.figure[f], value[f]);
	for (size_t i = 0; i < n; i++)
		sum += each[6 * i + 4];
	ck_assert_double_eq_tol(sum / (double)n, value[4], 1e-12);
	mm_metric_multilabel.close(state);
}

START_TEST(equals_scikit_learn)
{
	struct mm_json *cases;
	const struct mm_json *list;

	ck_ok(mm_json_load(&cases, "tests/golden/classify/cases.json", err));
	list = mm_json_get(cases, "single");
	ck_assert_uint_ge(mm_json_size(list), 50);
	for (size_t i = 0; i < mm_json_size(list); i++)
		one_label(mm_json_at(list, i));
	list = mm_json_get(cases, "multi");
	ck_assert_uint_ge(mm_json_size(list), 30);
	for (size_t i = 0; i < mm_json_size(list); i++)
		many_labels(mm_json_at(list, i));
	mm_json_free(cases);
}
END_TEST

START_TEST(five_guesses)
{
	static const size_t guess[][5] = { { 4, 3, 2, 1, 0 },
					   { 1, 2, 3, 4, 5 },
					   { 6, 7, 8, 9, 0 } };
	struct mm_classification_sample s = { 0, NULL, 5 };
	double value[6], each[18];
	void *state;

	ck_ok(mm_metric_classification.open(&state, NULL, err));
	for (size_t i = 0; i < 3; i++) {
		s.guess = guess[i];
		s.truth = i == 1 ? 1 : 0;
		ck_ok(mm_metric_classification.add(state, &s, err));
	}
	ck_ok(mm_metric_classification.result(state, value, each, err));
	ck_assert_double_eq_tol(value[0], 1 / 3., 1e-15);
	ck_assert_double_eq_tol(value[1], 1, 1e-15);
	ck_assert_double_eq(each[0], 0);
	ck_assert_double_eq(each[1], 1);
	ck_assert_double_eq(each[6], 1);
	mm_metric_classification.close(state);
}
END_TEST

START_TEST(ranks_and_areas)
{
	const float s[] = { 0.5f, 0.9f, 0.5f, NAN, 0.1f };
	const float same[] = { 1, 1, 1, 1 };
	const uint8_t truth[] = { 1, 0, 0, 1 };
	double ap;

	ck_assert_uint_eq(mm_class_rank(s, 3, 1), 1);
	ck_assert_uint_eq(mm_class_rank(s, 3, 0), 3);
	ck_assert_uint_eq(mm_class_rank(s, 4, 1), 2);
	ck_assert_uint_eq(mm_class_rank(s, 4, 3), 4);
	ck_ok(mm_average_precision(&ap, same, truth, 4, 1, err));
	ck_assert_double_eq_tol(ap, 0.5, 1e-15);
	ck_ok(mm_average_precision(&ap, same, truth, 0, 1, err));
	ck_assert_double_eq(ap, 0);
	ck_fails(mm_average_precision(&ap, s, truth, 4, 1, err), MM_ERR_FORMAT,
		 "sample 3");
}
END_TEST

START_TEST(wrong_use)
{
	const struct mm_classification_sample none = { 0, NULL, 0 };
	const uint8_t bits[3] = { 1, 0, 1 };
	struct mm_multilabel_sample m = { bits, bits, NULL, 3 };
	double value[6];
	void *state;

	ck_ok(mm_metric_classification.open(&state, NULL, err));
	ck_fails(mm_metric_classification.add(state, &none, err), MM_ERR_USAGE,
		 "without a guess");
	mm_metric_classification.close(state);
	ck_ok(mm_metric_multilabel.open(&state, NULL, err));
	ck_ok(mm_metric_multilabel.add(state, &m, err));
	m.K = 2;
	ck_fails(mm_metric_multilabel.add(state, &m, err), MM_ERR_SHAPE,
		 "2 classes after samples of 3");
	ck_ok(mm_metric_multilabel.result(state, value, NULL, err));
	ck_assert_double_eq(value[0], 1);
	ck_assert(isnan(value[5]));
	mm_metric_multilabel.close(state);
}
END_TEST

START_TEST(picture_of_a_matrix)
{
	static const uint64_t count[] = { 7, 1, 0, 1234 };
	static const char *const names[] = { "a<b & \"c\"",
					     "a name that is too long for the "
					     "margin of the picture" };
	struct mm_buf svg = { 0 };

	mm_confusion_svg(&svg, count, 2, names);
	ck_ok(mm_buf_check(&svg, "svg", err));
	ck_assert_ptr_nonnull(strstr(svg.data, "a&lt;b &amp; &quot;c&quot;"));
	ck_assert_ptr_nonnull(strstr(svg.data, ">1234</text>"));
	ck_assert_ptr_nonnull(strstr(svg.data, "a name that is too long \xe2\x80"));
	ck_assert_ptr_nonnull(strstr(svg.data, "</svg>\n"));
	mm_buf_release(&svg);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("classify");

	tcase_add_test(tc, equals_scikit_learn);
	tcase_add_test(tc, five_guesses);
	tcase_add_test(tc, ranks_and_areas);
	tcase_add_test(tc, wrong_use);
	tcase_add_test(tc, picture_of_a_matrix);
	return unit_run("classify", tc);
}
