/*
 * Activations: values and slopes against the C library in double, over the
 * whole range and its ends; the epilogue of a linear layer and its backward.
 */
#include "kerneltest.h"

static double sigmoid_of(double x)
{
	return 1 / (1 + exp(-x));
}

static double value(enum mm_act act, double x)
{
	const double c = 0.79788456080286535588;

	switch (act) {
	case MM_ACT_GELU: return 0.5 * x * erfc(-x / sqrt(2.0));
	case MM_ACT_GELU_TANH:
		return x * sigmoid_of(2 * c * (x + 0.044715 * x * x * x));
	case MM_ACT_QUICK_GELU: return x * sigmoid_of(1.702 * x);
	case MM_ACT_RELU: return x > 0 ? x : 0;
	case MM_ACT_SILU: return x * sigmoid_of(x);
	case MM_ACT_SIGMOID: return sigmoid_of(x);
	case MM_ACT_TANH: return tanh(x);
	case MM_ACT_EXP: return exp(x);
	case MM_ACT_LOG: return log(x);
	default: return x;
	}
}

static double slope(enum mm_act act, double x)
{
	const double h = 1e-5 * (1 + fabs(x));

	if (act == MM_ACT_RELU)
		return x > 0;
	if (act == MM_ACT_EXP)
		return exp(x);
	return (value(act, x + h) - value(act, x - h)) / (2 * h);
}

/*
 * Errors are counted in units of float's last place at the value, or at
 * `floor` where the value is smaller.
 */
static double units(double got, double want, double floor)
{
	const double top = fmax(fmax(fabs(want), floor), 0x1p-126);

	return fabs(got - want) / (top * 0x1p-23);
}

static const struct {
	enum mm_act act;
	double lo, hi, tol, floor; /* floor relative to max(1, |x|) */
} ranges[] = {
	{ MM_ACT_NONE, -100, 100, 0, 0 },
	{ MM_ACT_GELU, -20, 20, 2, 0.5 },
	{ MM_ACT_GELU_TANH, -20, 20, 2, 0.5 },
	{ MM_ACT_QUICK_GELU, -50, 50, 4, 1e-2 },
	{ MM_ACT_RELU, -100, 100, 0, 0 },
	{ MM_ACT_SILU, -80, 80, 4, 1e-30 },
	{ MM_ACT_SIGMOID, -86, 100, 4, 0 },
	{ MM_ACT_TANH, -20, 20, 4, 0 },
	{ MM_ACT_EXP, -86, 88.7, 2, 0 },
	{ MM_ACT_LOG, 1e-6, 100, 2, 1e-3 },
};

enum { N_RANGES = sizeof(ranges) / sizeof(*ranges), POINTS = 200003 };

START_TEST(values_are_accurate)
{
	mm_real *x = kt_random(POINTS, 1), *y = kt_random(POINTS, 2);

	for (int k = 0; k < N_RANGES; k++) {
		const double lo = ranges[k].lo, hi = ranges[k].hi;

		for (size_t i = 0; i < POINTS; i++)
			x[i] = (mm_real)(lo +
					 (hi - lo) * (double)i / (POINTS - 1));
		KT_EACH_ISA(isa)
		{
			mm_act_fwd(y, x, ranges[k].act, POINTS);
			for (size_t i = 0; i < POINTS; i++) {
				const double v = (double)x[i];
				const double scale = fabs(v) > 1 ? fabs(v) : 1;
				const double want = value(ranges[k].act, v);

				ck_assert_msg(
					units((double)y[i], want,
					      ranges[k].floor * scale) <=
						ranges[k].tol,
					"activation %d of %.9g is %.9g, not "
					"%.9g",
					(int)ranges[k].act, v, (double)y[i],
					want);
			}
		}
	}
	mm_free(x);
	mm_free(y);
}
END_TEST

START_TEST(ends_of_the_range)
{
	const mm_real inf = (mm_real)INFINITY, nan = (mm_real)NAN;
	mm_real in[] = { inf, -inf, nan, 89, -104, 1000, -1000, 0 }, y[8];

	KT_EACH_ISA(isa)
	{
		mm_act_fwd(y, in, MM_ACT_EXP, 8);
		ck_assert(isinf(y[0]) && y[1] == 0 && isnan(y[2]));
		ck_assert(isinf(y[3]) && y[4] == 0 && isinf(y[5]) &&
			  y[6] == 0 && y[7] == 1);
		mm_act_fwd(y, in, MM_ACT_TANH, 8);
		ck_assert(y[0] == 1 && y[1] == -1 && isnan(y[2]));
		ck_assert(y[5] == 1 && y[6] == -1 && y[7] == 0);
		mm_act_fwd(y, in, MM_ACT_SIGMOID, 8);
		ck_assert(y[0] == 1 && y[1] < (mm_real)1e-37 && isnan(y[2]));
		mm_act_fwd(y, in, MM_ACT_GELU, 8);
		ck_assert(y[5] == 1000 && fabs((double)y[6]) < 1e-30);
		ck_assert(isnan(y[2]) && y[7] == 0);
		mm_act_fwd(y, in, MM_ACT_RELU, 8);
		ck_assert(isinf(y[0]) && y[1] == 0 && isnan(y[2]));
	}
}
END_TEST

START_TEST(slopes_are_derivatives)
{
	const size_t n = 1003;
	mm_real *x = kt_random(n, 1), *dy = kt_random(n, 2);
	mm_real *dx = kt_random(n, 3);
	double *want = kt_zeros(n);

	for (int act = 0; act < MM_N_ACTS; act++) {
		for (size_t i = 0; i < n; i++)
			x[i] = act == MM_ACT_LOG
				       ? (mm_real)(0.1 + 0.01 * (double)i)
				       : (mm_real)(-6 + 0.012 * (double)i);
		KT_EACH_ISA(isa)
		{
			for (size_t i = 0; i < n; i++) {
				dx[i] = 3;
				want[i] = 1.5 + slope((enum mm_act)act,
						      (double)x[i]) *
							(double)dy[i];
			}
			mm_act_bwd(dx, dy, x, (enum mm_act)act, (mm_real)0.5,
				   n);
			kt_near("dx", dx, want, n, 1e-6);
			memcpy(dx, dy, n * sizeof(*dx));
			mm_act_bwd(dx, dx, x, (enum mm_act)act, 0, n);
			for (size_t i = 0; i < n; i++)
				want[i] -= 1.5;
			kt_near("dx in place", dx, want, n, 1e-6);
		}
	}
	mm_free(x);
	mm_free(dy);
	mm_free(dx);
	mm_free(want);
}
END_TEST

/* Rows 3..8 and columns 5..end of a wider matrix; the rest stays. */
START_TEST(epilogue_and_its_backward)
{
	enum { N = 9, F = 150, ROW = 3, COL = 5 };
	mm_real *u = kt_random(N * F, 1), *bias = kt_random(F, 2);
	mm_real *res = kt_random(N * F, 3), *y = kt_random(N * F, 4);
	mm_real *s = kt_random(N * F, 4), *du = kt_random(N * F, 5);
	mm_real *db = kt_random(F, 6);
	double *wy = kt_zeros(N * F), *ws = kt_zeros(N * F), *wb = kt_zeros(F);

	for (int act = 0; act < MM_ACT_LOG; act++) {
		struct mm_epilogue e = { y, s, bias, res, (enum mm_act)act, F };

		memcpy(y, u, N * F * sizeof(*y));
		memcpy(s, u, N * F * sizeof(*y));
		for (size_t i = 0; i < N * F; i++) {
			const double v = (double)(u[i] + bias[i % F]);

			wy[i] = ws[i] = (double)u[i];
			if (i / F < ROW || i / F >= ROW + 5 || i % F < COL)
				continue;
			wy[i] = value((enum mm_act)act, v) + (double)res[i];
			ws[i] = slope((enum mm_act)act, v);
		}
		mm_epilogue_run(&e, ROW, 5, COL, F - COL);
		kt_near("y", y, wy, N * F, 1e-6);
		kt_near("slope", s, ws, N * F, 1e-6);
		for (size_t f = 0; f < F; f++)
			wb[f] = (double)db[f];
		for (size_t i = 0; i < N * F; i++) {
			wy[i] = (double)u[i] * (double)s[i];
			wb[i % F] += wy[i];
		}
		mm_slope_bwd(du, db, u, s, N, F);
		kt_near("du", du, wy, N * F, 1e-6);
		kt_near("dbias", db, wb, F, 1e-6);
		mm_slope_bwd(du, NULL, u, s, N, F);
		kt_near("du alone", du, wy, N * F, 1e-6);
	}
	mm_free(u);
	mm_free(bias);
	mm_free(res);
	mm_free(y);
	mm_free(s);
	mm_free(du);
	mm_free(db);
	mm_free(wy);
	mm_free(ws);
	mm_free(wb);
}
END_TEST

START_TEST(sums_of_rows)
{
	static const size_t sizes[][2] = {
		{ 1, 1 },   { 3, 5 },	{ 64, 64 },
		{ 65, 70 }, { 1, 300 }, { 1000, 33 }
	};

	for (int k = 0; k < 6; k++) {
		const size_t N = sizes[k][0], F = sizes[k][1];
		mm_real *x = kt_random(N * F, 1), *sum = kt_random(F, 2);
		mm_real *first = kt_random(F, 2);
		double *want = kt_zeros(F);

		for (size_t f = 0; f < F; f++)
			want[f] = (double)sum[f];
		for (size_t i = 0; i < N * F; i++)
			want[i % F] += (double)x[i];
		mm_threads_set(1);
		mm_sum_rows(first, x, N, F);
		mm_threads_set(3);
		mm_sum_rows(sum, x, N, F);
		kt_near("sum", sum, want, F, 1e-6);
		ck_assert_mem_eq(sum, first, F * sizeof(*sum));
		mm_free(x);
		mm_free(sum);
		mm_free(first);
		mm_free(want);
	}
}
END_TEST

KT_MAIN("kernel_act", values_are_accurate, ends_of_the_range,
	slopes_are_derivatives, epilogue_and_its_backward, sums_of_rows)
