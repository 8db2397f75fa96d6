/* Scans of many vectors: every instruction set against plain loops. */
#include "unit.h"

#include <math.h>

#include "base/rng.h"
#include "kernel/cpu.h"
#include "kernel/scan.h"

enum { N = 37, MAX_D = 200 };

static float rows[N * MAX_D], query[MAX_D];
static int8_t rows8[N * MAX_D], query8[MAX_D];

static void fill(void)
{
	struct mm_rng rng;

	mm_rng_init(&rng, 3, 1, 4, MM_RNG_INIT);
	for (size_t i = 0; i < N * MAX_D; i++) {
		rows[i] = (float)mm_rng_normal(&rng);
		rows8[i] = (int8_t)((int)mm_rng_below(&rng, 255) - 127);
	}
	for (size_t i = 0; i < MAX_D; i++) {
		query[i] = (float)mm_rng_normal(&rng);
		query8[i] = i % 3 ? -127 : 127;
	}
}

/* Query k of four that begin at rows8 + 3, and row n. */
static int32_t four_of(size_t k, size_t n, size_t D)
{
	int32_t s = 0;

	for (size_t d = 0; d < D; d++)
		s += rows8[3 + k * D + d] * rows8[n * D + d];
	return s;
}

static void check_level(void)
{
	for (size_t D = 0; D <= MAX_D; D += D < 70 ? 1 : 13) {
		float out[N], again;
		int32_t out8[N], four[4 * N];

		mm_scan_f32(out, rows, D, N, query, D);
		mm_scan_i8(out8, rows8, N, query8, D);
		mm_scan_i8_four(four, rows8, N, rows8 + 3, D);
		for (size_t n = 0; n < N; n++) {
			double s = 0;
			int32_t s8 = 0;

			for (size_t d = 0; d < D; d++) {
				s += (double)rows[n * D + d] * (double)query[d];
				s8 += rows8[n * D + d] * query8[d];
			}
			ck_assert_double_eq_tol((double)out[n], s,
						2e-6 * (1 + (double)D));
			ck_assert_int_eq(out8[n], s8);
			for (size_t k = 0; k < 4; k++)
				ck_assert_int_eq(four[k * N + n],
						 four_of(k, n, D));
			mm_scan_f32(&again, rows + n * D, D, 1, query, D);
			ck_assert(again == out[n]);
		}
	}
}

START_TEST(scores_on_every_level)
{
	const int best = (int)mm_isa();

	fill();
	for (int level = 0; level <= best; level++) {
		mm_isa_force(level);
		check_level();
	}
	mm_isa_force(-1);
}
END_TEST

/* Rows in 8 bits: nearest whole numbers, at most 127, on every level. */
START_TEST(rows_in_8_bits)
{
	const int best = (int)mm_isa();
	static int8_t q[N * MAX_D];
	float scale[N];

	fill();
	memset(rows, 0, MAX_D * sizeof(*rows));
	rows[MAX_D] = 1e-44f;
	rows[2 * MAX_D + 7] = 3e38f;
	for (int level = 0; level <= best; level++) {
		mm_isa_force(level);
		ck_assert_uint_eq(mm_scan_quantize(q, scale, rows, N, MAX_D),
				  N);
		for (size_t i = 0; i < N * MAX_D; i++) {
			const double s = (double)scale[i / MAX_D];
			const double x = (double)rows[i];

			ck_assert_int_ge(q[i], -127);
			ck_assert_double_le(fabs(x - s * q[i]),
					    0.5001 * s + 1e-40);
		}
		ck_assert(scale[0] == 0 && q[0] == 0);
		rows[5 * MAX_D + 3] = NAN;
		ck_assert_uint_eq(mm_scan_quantize(q, scale, rows, N, MAX_D),
				  5);
		rows[5 * MAX_D + 3] = -INFINITY;
		ck_assert_uint_eq(mm_scan_quantize(q, scale, rows, N, MAX_D),
				  5);
		rows[5 * MAX_D + 3] = 0;
	}
	mm_isa_force(-1);
}
END_TEST

START_TEST(extremes_fit)
{
	static int8_t x[4096], q[4096];
	int32_t out;

	memset(x, -127, sizeof(x));
	memset(q, 127, sizeof(q));
	mm_scan_i8(&out, x, 1, q, sizeof(x));
	ck_assert_int_eq(out, -127 * 127 * 4096);
	mm_scan_i8(&out, q, 1, q, sizeof(x));
	ck_assert_int_eq(out, 127 * 127 * 4096);
}
END_TEST

START_TEST(bounds)
{
	static float x[1000];
	uint32_t at[1000];
	size_t n = 0, seen = 0;

	for (size_t i = 0; i < 1000; i++)
		x[i] = (float)(i * 7919 % 1000);
	x[3] = NAN;
	for (size_t i = 0; i < 1000; i++)
		n += x[i] >= 900;
	ck_assert_uint_eq(mm_scan_count_ge(x, 1000, 900), n);
	ck_assert_uint_eq(mm_scan_find(at, x, 1000, 900), n + 1);
	for (size_t i = 0; i < 1000; i++)
		if (!(x[i] < 900))
			ck_assert_uint_eq(at[seen++], i);
	ck_assert_uint_eq(mm_scan_count_ge(x, 0, 0), 0);
	ck_assert_uint_eq(mm_scan_find(at, x, 1000, -INFINITY), 1000);
}
END_TEST

START_TEST(bounds_of_columns)
{
	static float x[50 * 32];
	float bound[32];
	uint32_t at[50 * 32];
	size_t n, seen = 0;

	for (size_t i = 0; i < 50 * 32; i++)
		x[i] = (float)(i * 7919 % 1000);
	x[77] = NAN;
	for (size_t q = 0; q < 32; q++)
		bound[q] = q == 5 ? INFINITY : (float)(900 + q);
	n = mm_scan_find_columns(at, x, 50, 32, bound);
	for (size_t i = 0; i < 50 * 32; i++)
		if (!(x[i] < bound[i % 32]))
			ck_assert_uint_eq(at[seen++], i);
	ck_assert_uint_eq(n, seen);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("scan");

	tcase_add_test(tc, scores_on_every_level);
	tcase_add_test(tc, rows_in_8_bits);
	tcase_add_test(tc, extremes_fit);
	tcase_add_test(tc, bounds);
	tcase_add_test(tc, bounds_of_columns);
	return unit_run("scan", tc);
}
