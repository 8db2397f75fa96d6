/*
 * Paired tests: the permutation test against the exact one (all 2^n sign
 * changes), the bootstrap against the normal distribution, both against the
 * number of threads; results read back in every form.
 */
#include "unit.h"

#include <math.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "metric/paired.h"
#include "metric/result_file.h"

static double exact_p(const double *a, const double *b, size_t n)
{
	double mean = 0;
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		mean += b[i] - a[i];
	for (size_t s = 0; s < (size_t)1 << n; s++) {
		double sum = 0;

		for (size_t i = 0; i < n; i++)
			sum += s >> i & 1 ? b[i] - a[i] : a[i] - b[i];
		count += fabs(sum) >= fabs(mean) * (1 - 1e-12);
	}
	return (double)count / (double)((size_t)1 << n);
}

static void draw(double *a, double *b, size_t n, double shift, uint64_t seed)
{
	struct mm_rng rng;

	mm_rng_init(&rng, seed, 0, 0, MM_RNG_SAMPLE);
	for (size_t i = 0; i < n; i++) {
		a[i] = mm_rng_uniform(&rng);
		b[i] = mm_rng_uniform(&rng) + shift;
	}
}

START_TEST(permutation_is_the_exact_test)
{
	const struct mm_paired_options o = { MM_PAIRED_PERMUTATION, 20000, 0.95,
					     7 };
	struct mm_paired t;
	double a[12], b[12];

	for (uint64_t k = 0; k < 8; k++) {
		const double shift = 0.1 * (double)k;
		double p, sd;

		draw(a, b, 12, shift, k);
		ck_ok(mm_paired(&t, a, b, 12, &o, err));
		p = exact_p(a, b, 12);
		sd = sqrt(p * (1 - p) / 20000) + 1e-4;
		ck_assert_double_eq_tol(t.p, p, 5 * sd);
		ck_assert_uint_eq(t.n, 12);
		ck_assert(t.lo <= t.difference && t.difference <= t.hi);
	}
}
END_TEST

/* With many samples the mean is normal: p = erfc(|m| / (sd sqrt 2)). */
START_TEST(bootstrap_is_nearly_normal)
{
	static double a[2000], b[2000];
	const struct mm_paired_options o = { MM_PAIRED_BOOTSTRAP, 20000, 0.95,
					     3 };
	struct mm_paired t, one;

	for (uint64_t k = 0; k < 4; k++) {
		double sum = 0, squares = 0, sd;

		draw(a, b, 2000, 0.006 * (double)k, k + 1);
		for (size_t i = 0; i < 2000; i++) {
			sum += b[i] - a[i];
			squares += (b[i] - a[i]) * (b[i] - a[i]);
		}
		sum /= 2000;
		sd = sqrt((squares / 2000 - sum * sum) / 2000);
		mm_threads_set(2);
		ck_ok(mm_paired(&t, a, b, 2000, &o, err));
		ck_assert_double_eq_tol(t.p, erfc(fabs(sum) / sd / sqrt(2)),
					0.02);
		ck_assert_double_eq_tol(t.lo, sum - 1.96 * sd, 0.06 * sd);
		ck_assert_double_eq_tol(t.hi, sum + 1.96 * sd, 0.06 * sd);
		mm_threads_set(1);
		ck_ok(mm_paired(&one, a, b, 2000, &o, err));
		ck_assert(!memcmp(&one, &t, sizeof(t)));
	}
	mm_threads_set(0);
}
END_TEST

START_TEST(refuses)
{
	const struct mm_paired_options o = { MM_PAIRED_BOOTSTRAP, 10, 0.9, 0 };
	const double a[2] = { 0, 1 }, b[2] = { 0, NAN };
	struct mm_paired t;

	ck_fails(mm_paired(&t, a, a, 0, &o, err), MM_ERR_FORMAT, "0 samples");
	ck_fails(mm_paired(&t, a, b, 2, &o, err), MM_ERR_FORMAT, "sample 1");
	ck_ok(mm_paired(&t, a, a, 2, &o, err));
	ck_assert_double_eq(t.p, 1);
}
END_TEST

START_TEST(results_are_read_in_both_forms)
{
	static const char json[] =
		"{\"x\": {\"f\": 0.5, \"n\": 2, \"samples\": {\"id\": "
		"[\"q\", 1], \"f\": [0, 1]}}, \"list\": [1], \"g\": 3}";
	static const char table[] = "id\tx.f\n1\t0.5\nq\t0.25\n";
	struct mm_results a, b;
	double *each[2];
	size_t n;

	ck_ok(mm_results_parse(&a, json, strlen(json), "json", err));
	ck_ok(mm_results_parse(&b, table, strlen(table), "table", err));
	ck_assert_uint_eq(a.name.n, 2);
	ck_assert_uint_eq(b.name.n, 1);
	ck_ok(mm_results_pair(each, &n, &a, 0, &b, 0, err));
	ck_assert_uint_eq(n, 2);
	ck_assert_double_eq(each[0][0], 0);
	ck_assert_double_eq(each[1][0], 0.25);
	ck_assert_double_eq(each[1][1], 0.5);
	mm_free(each[0]);
	mm_free(each[1]);
	ck_ok(mm_results_pair(each, &n, &a, 1, &b, 0, err));
	ck_assert_uint_eq(n, 0);
	mm_results_release(&a);
	mm_results_release(&b);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("paired");

	tcase_add_test(tc, permutation_is_the_exact_test);
	tcase_add_test(tc, bootstrap_is_nearly_normal);
	tcase_add_test(tc, refuses);
	tcase_add_test(tc, results_are_read_in_both_forms);
	return unit_run("paired", tc);
}
