/* isatest.h - matrices of random numbers, and every instruction set. */
#ifndef ISATEST_H
#define ISATEST_H

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "kernel/cpu.h"

/* n numbers, uniform in [-1, 1). */
static inline float *random_floats(size_t n, uint64_t seed)
{
	float *x = mm_malloc(n, sizeof(*x));
	struct mm_rng r;

	ck_assert_ptr_nonnull(x);
	mm_rng_init(&r, seed, 0, 0, MM_RNG_INIT);
	for (size_t i = 0; i < n; i++)
		x[i] = (float)(2 * mm_rng_uniform(&r) - 1);
	return x;
}

/* Is x within `tolerance` of a sum whose terms' magnitudes add up to `size`? */
static inline int near_sum(double x, double want, double size, double tolerance)
{
	return fabs(x - want) <= tolerance * (size + 1e-30);
}

/* Bit for bit, row by row. */
static inline int same_rows(const float *a, size_t lda, const float *b,
			    size_t ldb, size_t rows, size_t cols)
{
	for (size_t i = 0; i < rows; i++)
		if (memcmp(a + i * lda, b + i * ldb, cols * sizeof(*a)))
			return 0;
	return 1;
}

/* Run `code` once for each level that this processor has. */
#define FOR_EACH_ISA(isa)                                           \
	for (int isa = 0, best = (int)mm_isa(); isa <= best; isa++) \
		for (int once = (mm_isa_force(isa), 1); once;       \
		     once = (mm_isa_force(-1), 0))

static inline int run_suite(Suite *s)
{
	SRunner *sr = srunner_create(s);
	int failed;

	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}

#endif
