/*
 * golden.h - stored reference tensors, and how near to them is near enough.
 *
 * A golden set is looked for in tests/golden/NAME, then beside the project in
 * $MMTOOL_SHARED (default ../shared)/goldens/NAME.
 */
#ifndef MM_TESTS_GOLDEN_H
#define MM_TESTS_GOLDEN_H

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tensor/safetensors.h"

/* Path of a file in the set, or NULL after saying that the test skips. */
static inline const char *golden_path(const char *set, const char *file)
{
	static char path[4][512];
	static int turn;
	const char *shared = getenv("MMTOOL_SHARED");
	char *p = path[turn++ % 4];

	snprintf(p, 512, "tests/golden/%s/%s", set, file);
	if (!access(p, R_OK))
		return p;
	snprintf(p, 512, "%s/goldens/%s/%s", shared ? shared : "../shared", set,
		 file);
	if (!access(p, R_OK))
		return p;
	printf("skip: no golden %s\n", set);
	return NULL;
}

static inline void golden_open(struct mm_safetensors *s, const char *path)
{
	struct mm_err err = { 0 };

	ck_assert_msg(!mm_safetensors_open(s, path, &err), "%s", err.msg);
}

static inline const struct mm_tensor *golden(const struct mm_safetensors *s,
					     const char *name)
{
	const struct mm_tensor *t = mm_safetensors_find(s, name);

	ck_assert_msg(t != NULL, "no golden tensor %s", name);
	return t;
}

/* The tensor's numbers as float, to be freed. */
static inline float *golden_f32(const struct mm_tensor *t)
{
	const size_t n = mm_tensor_count(t);
	float *x = malloc(n * sizeof(*x) + 1);

	mm_to_f32(x, t->data, t->dtype, n);
	return x;
}

static inline int32_t *golden_i32(const struct mm_tensor *t)
{
	const size_t n = mm_tensor_count(t);
	int64_t *wide = malloc(n * sizeof(*wide) + 1);
	int32_t *x = malloc(n * sizeof(*x) + 1);

	mm_to_i64(wide, t->data, t->dtype, n);
	for (size_t i = 0; i < n; i++)
		x[i] = (int32_t)wide[i];
	free(wide);
	return x;
}

static inline uint8_t *golden_u8(const struct mm_tensor *t)
{
	const size_t n = mm_tensor_count(t);
	int32_t *wide = golden_i32(t);
	uint8_t *x = malloc(n + 1);

	for (size_t i = 0; i < n; i++)
		x[i] = (uint8_t)wide[i];
	free(wide);
	return x;
}

static inline double golden_max(const struct mm_tensor *t)
{
	const size_t n = mm_tensor_count(t);
	float *x = golden_f32(t);
	double max = 0;

	for (size_t i = 0; i < n; i++)
		max = fabs((double)x[i]) > max ? fabs((double)x[i]) : max;
	free(x);
	return max;
}

/* max|got - stored| <= tol * (max|stored| + floor). */
static inline void golden_near(const struct mm_tensor *t, const float *got,
			       double tol, double floor)
{
	const size_t n = mm_tensor_count(t);
	const double bound = tol * (golden_max(t) + floor);
	float *want = golden_f32(t);
	double worst = 0;

	for (size_t i = 0; i < n; i++) {
		const double d = fabs((double)got[i] - (double)want[i]);

		worst = d > worst || isnan(d) ? d : worst;
		if (isnan(d))
			break;
	}
	ck_assert_msg(worst <= bound, "%s: off by %g, %g is allowed", t->name,
		      worst, bound);
	free(want);
}

#endif
