/*
 * kerneltest.h - what the tests of kernels share: buffers of random numbers,
 * comparisons that print the worst place, and loops over instruction sets.
 */
#ifndef KERNELTEST_H
#define KERNELTEST_H

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "kernel/cpu.h"
#include "kernel/kernel.h"

/* n numbers from -1 to 1; the caller frees them. */
static inline mm_real *kt_random(size_t n, uint64_t seed)
{
	mm_real *x = mm_malloc(n ? n : 1, sizeof(*x));
	struct mm_rng r;

	ck_assert_ptr_nonnull(x);
	mm_rng_init(&r, seed, 0, 0, MM_RNG_INIT);
	for (size_t i = 0; i < n; i++)
		x[i] = (mm_real)(2 * mm_rng_uniform(&r) - 1);
	return x;
}

static inline double *kt_zeros(size_t n)
{
	double *x = mm_calloc(n ? n : 1, sizeof(*x));

	ck_assert_ptr_nonnull(x);
	return x;
}

/* |got - want| <= tol * max(1, max |want|), everywhere. */
static inline void kt_near(const char *what, const mm_real *got,
			   const double *want, size_t n, double tol)
{
	double top = 1;
	size_t i = 0;

	for (size_t k = 0; k < n; k++)
		top = fabs(want[k]) > top ? fabs(want[k]) : top;
	while (i < n && fabs((double)got[i] - want[i]) <= tol * top)
		i++;
	/* Each assertion is a system call: one for all numbers. */
	ck_assert_msg(i == n, "%s[%zu] = %.9g, not %.9g (level %s)", what, i,
		      i < n ? (double)got[i] : 0, i < n ? want[i] : 0,
		      mm_isa_names[mm_isa()]);
}

/* Body once for each level that this processor has. */
#define KT_EACH_ISA(isa)                                               \
	for (int isa = 0, kt_best = (mm_isa_force(-1), (int)mm_isa()); \
	     isa <= kt_best && (mm_isa_force(isa), 1);                 \
	     isa++, mm_isa_force(-1))

/* Runs one suite of one case; the exit status. */
static inline int kt_run(const char *name, const TTest *const *tests, size_t n)
{
	Suite *s = suite_create(name);
	TCase *tc = tcase_create(name);
	SRunner *sr = srunner_create(s);
	int failed;

	for (size_t i = 0; i < n; i++)
		tcase_add_test(tc, tests[i]);
	tcase_set_timeout(tc, 60);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}

#define KT_MAIN(name, ...)                                                  \
	int main(void)                                                      \
	{                                                                   \
		const TTest *const tests[] = { __VA_ARGS__ };               \
                                                                            \
		return kt_run(name, tests, sizeof(tests) / sizeof(*tests)); \
	}

#endif
