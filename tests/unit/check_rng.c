/* Philox4x32-10 against Random123's known answers, and what is built on it. */
#include "unit.h"

#include <math.h>

#include "base/map.h"
#include "base/rng.h"

/* Lines "philox4x32 10" of Random123's kat_vectors: counter, key, output. */
static const uint32_t known[][10] = {
	{ 0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 },
	{ 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff,
	  0xffffffff, 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd },
	{ 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822,
	  0x299f31d0, 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1 },
};

START_TEST(known_answers)
{
	uint32_t out[4];

	mm_philox(out, known[_i], known[_i] + 4);
	ck_assert_mem_eq(out, known[_i] + 6, sizeof(out));
}
END_TEST

START_TEST(numbers_depend_on_every_part_of_the_key)
{
	struct mm_rng r[6];
	uint64_t x[6];

	mm_rng_init(&r[0], 1, 2, 3, MM_RNG_CROP);
	mm_rng_init(&r[1], 9, 2, 3, MM_RNG_CROP);
	mm_rng_init(&r[2], 1, 9, 3, MM_RNG_CROP);
	mm_rng_init(&r[3], 1, 2, 9, MM_RNG_CROP);
	mm_rng_init(&r[4], 1, 2, 3, MM_RNG_FLIP);
	mm_rng_init(&r[5], 1, 2, 3, MM_RNG_CROP);
	for (int i = 0; i < 6; i++)
		x[i] = mm_rng_u64(&r[i]);
	for (int i = 1; i < 5; i++)
		ck_assert_uint_ne(x[0], x[i]);
	ck_assert_uint_eq(x[0], x[5]);
}
END_TEST

START_TEST(stream_is_the_blocks_in_order)
{
	const uint32_t key[2] = { 5, 7 };
	struct mm_rng r;
	uint32_t out[4];

	mm_rng_init(&r, 5 | (uint64_t)7 << 32, 0x0000000300000002, 11,
		    MM_RNG_INIT);
	for (uint32_t block = 0; block < 3; block++) {
		const uint32_t counter[4] = { block, 11 << 8 | MM_RNG_INIT, 2,
					      3 };

		mm_philox(out, counter, key);
		for (int i = 0; i < 4; i++)
			ck_assert_uint_eq(mm_rng_u32(&r), out[i]);
	}
}
END_TEST

START_TEST(uniform_and_normal_have_their_moments)
{
	enum { N = 100000 };
	double s = 0, s2 = 0, g = 0, g2 = 0, g4 = 0;
	struct mm_rng r;

	mm_rng_init(&r, 0, 0, 0, MM_RNG_INIT);
	for (int i = 0; i < N; i++) {
		const double u = mm_rng_uniform(&r), z = mm_rng_normal(&r);

		ck_assert(u >= 0 && u < 1 && isfinite(z));
		s += u;
		s2 += u * u;
		g += z;
		g2 += z * z;
		g4 += z * z * z * z;
	}
	ck_assert_double_eq_tol(s / N, 0.5, 0.005);
	ck_assert_double_eq_tol(s2 / N, 1.0 / 3, 0.005);
	ck_assert_double_eq_tol(g / N, 0, 0.02);
	ck_assert_double_eq_tol(g2 / N, 1, 0.03);
	ck_assert_double_eq_tol(g4 / N, 3, 0.2);
}
END_TEST

START_TEST(below_is_in_range_and_even)
{
	int count[7] = { 0 };
	struct mm_rng r;

	mm_rng_init(&r, 3, 0, 0, MM_RNG_SAMPLE);
	for (int i = 0; i < 70000; i++)
		count[mm_rng_below(&r, 7)]++;
	for (int i = 0; i < 7; i++)
		ck_assert_int_lt(abs(count[i] - 10000), 500);
	ck_assert_uint_eq(mm_rng_below(&r, 1), 0);
	for (int i = 0; i < 100; i++)
		ck_assert_uint_lt(mm_rng_below(&r, UINT64_MAX / 3 * 2),
				  UINT64_MAX / 3 * 2);
}
END_TEST

START_TEST(permutation_is_one_and_all_are_met)
{
	int seen[24] = { 0 };
	size_t order[4];
	struct mm_rng r;

	for (uint32_t e = 0; e < 2400; e++) {
		unsigned have = 0;

		mm_rng_init(&r, 1, 0, e, MM_RNG_SHUFFLE);
		mm_rng_permutation(&r, order, 4);
		for (int i = 0; i < 4; i++)
			have |= 1u << order[i];
		ck_assert_uint_eq(have, 15);
		/* Lehmer code of the order. */
		seen[order[0] * 6 + (order[1] - (order[1] > order[0])) * 2 +
		     (order[2] > order[3])]++;
	}
	for (int i = 0; i < 24; i++)
		ck_assert_int_gt(seen[i], 50);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("rng");

	tcase_add_loop_test(tc, known_answers, 0, 3);
	tcase_add_test(tc, numbers_depend_on_every_part_of_the_key);
	tcase_add_test(tc, stream_is_the_blocks_in_order);
	tcase_add_test(tc, uniform_and_normal_have_their_moments);
	tcase_add_test(tc, below_is_in_range_and_even);
	tcase_add_test(tc, permutation_is_one_and_all_are_met);
	return unit_run("rng", tc);
}
