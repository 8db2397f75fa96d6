/*
 * vec_body.h - inner loops, written so that compilers vectorise them: no
 * branches, no calls, sums in a fixed number of lanes.
 *
 * exp: Cephes' expf (Moshier), erf and tanh: rational approximations of the
 * Eigen library's kind, fitted on [-4, 4] and [-7.9, 7.9]; all within a few
 * units in the last place of float.  Under MM_DOUBLE the C library serves.
 */
#include <string.h>

#include "kernel/vec.h"

enum { LANES = 16 };

#ifdef MM_DOUBLE
#define fexp  exp
#define ferf  erf
#define ftanh tanh
#else
static inline float clampf(float x, float lo, float hi)
{
	x = x < lo ? lo : x;
	return x > hi ? hi : x;
}

static inline float fexp(float x)
{
	const float magic = 12582912.0f; /* 1.5 * 2^23: rounds to whole */
	float n, r, p;
	union {
		int i;
		float f;
	} two_n;

	x = clampf(x, -87.33f, 88.72f);
	n = (x * 1.44269504088896341f + magic) - magic;
	r = x - n * 0.693359375f;
	r = r + n * 2.12194440e-4f;
	p = 1.9875691500e-4f;
	p = p * r + 1.3981999507e-3f;
	p = p * r + 8.3334519073e-3f;
	p = p * r + 4.1665795894e-2f;
	p = p * r + 1.6666665459e-1f;
	p = p * r + 5.0000001201e-1f;
	p = p * r * r + r + 1.0f;
	two_n.i = ((int)n + 127) * (1 << 23);
	return p * two_n.f;
}

static inline float ferf(float x)
{
	float x2, p, q;

	x = clampf(x, -4.0f, 4.0f);
	x2 = x * x;
	p = -2.72614225801306e-10f;
	p = p * x2 + 2.77068142495902e-08f;
	p = p * x2 + -2.10102402082508e-06f;
	p = p * x2 + -5.69250639462346e-05f;
	p = p * x2 + -7.34990630326855e-04f;
	p = p * x2 + -2.95459980854025e-03f;
	p = p * x2 + -1.60960333262415e-02f;
	q = -1.45660718464996e-05f;
	q = q * x2 + -2.13374055278905e-04f;
	q = q * x2 + -1.68282697438203e-03f;
	q = q * x2 + -7.37332916720468e-03f;
	q = q * x2 + -1.42647390514189e-02f;
	return x * p / q;
}

static inline float ftanh(float x)
{
	float x2, p, q;

	x = clampf(x, -7.90531110763549805f, 7.90531110763549805f);
	x2 = x * x;
	p = -2.76076847742355e-16f;
	p = p * x2 + 2.00018790482477e-13f;
	p = p * x2 + -8.60467152213735e-11f;
	p = p * x2 + 5.12229709037114e-08f;
	p = p * x2 + 1.48572235717979e-05f;
	p = p * x2 + 6.37261928875436e-04f;
	p = p * x2 + 4.89352455891786e-03f;
	q = 1.19825839466702e-06f;
	q = q * x2 + 1.18534705686654e-04f;
	q = q * x2 + 2.26843463243900e-03f;
	q = q * x2 + 4.89352518554385e-03f;
	return x * p / q;
}
#endif

#define R(x) ((mm_real)(x))

static inline mm_real sigmoid(mm_real x)
{
	return 1 / (1 + fexp(-x));
}

/* ---- each activation and its derivative ---- */

static inline mm_real f_gelu(mm_real x)
{
	return R(0.5) * x * (1 + ferf(x * R(0.70710678118654752440)));
}

static inline mm_real d_gelu(mm_real x)
{
	return R(0.5) * (1 + ferf(x * R(0.70710678118654752440))) +
	       x * R(0.39894228040143267794) * fexp(R(-0.5) * x * x);
}

static inline mm_real f_gelu_tanh(mm_real x)
{
	const mm_real u =
		R(0.79788456080286535588) * (x + R(0.044715) * x * x * x);

	return R(0.5) * x * (1 + ftanh(u));
}

static inline mm_real d_gelu_tanh(mm_real x)
{
	const mm_real x2 = x * x, c = R(0.79788456080286535588);
	const mm_real t = ftanh(c * (x + R(0.044715) * x * x2));

	return R(0.5) * (1 + t) +
	       R(0.5) * x * (1 - t * t) * c * (1 + R(0.134145) * x2);
}

static inline mm_real f_quick_gelu(mm_real x)
{
	return x * sigmoid(R(1.702) * x);
}

static inline mm_real d_quick_gelu(mm_real x)
{
	const mm_real s = sigmoid(R(1.702) * x);

	return s + R(1.702) * x * s * (1 - s);
}

static inline mm_real f_relu(mm_real x)
{
	return x > 0 ? x : 0;
}

static inline mm_real d_relu(mm_real x)
{
	return x > 0 ? R(1) : R(0);
}

static inline mm_real f_silu(mm_real x)
{
	return x * sigmoid(x);
}

static inline mm_real d_silu(mm_real x)
{
	const mm_real s = sigmoid(x);

	return s + x * s * (1 - s);
}

static inline mm_real f_sigmoid(mm_real x)
{
	return sigmoid(x);
}

static inline mm_real d_sigmoid(mm_real x)
{
	const mm_real s = sigmoid(x);

	return s * (1 - s);
}

static inline mm_real f_tanh(mm_real x)
{
	return ftanh(x);
}

static inline mm_real d_tanh(mm_real x)
{
	const mm_real t = ftanh(x);

	return 1 - t * t;
}

static inline mm_real f_exp(mm_real x)
{
	return fexp(x);
}

static inline mm_real d_exp(mm_real x)
{
	return fexp(x);
}

static inline mm_real f_log(mm_real x)
{
	return MM_R(log)(x);
}

static inline mm_real d_log(mm_real x)
{
	return 1 / x;
}

static inline mm_real f_none(mm_real x)
{
	return x;
}

static inline mm_real d_none(mm_real x)
{
	(void)x;
	return 1;
}

#define EACH_ACT(X)                                                         \
	X(NONE, none)                                                       \
	X(GELU, gelu)                                                       \
	X(GELU_TANH, gelu_tanh) X(QUICK_GELU, quick_gelu) X(RELU, relu)     \
		X(SILU, silu) X(SIGMOID, sigmoid) X(TANH, tanh) X(EXP, exp) \
			X(LOG, log)

static void act_fwd(mm_real *y, const mm_real *x, enum mm_act act, size_t n)
{
	switch (act) {
#define X(NAME, name)                          \
	case MM_ACT_##NAME:                    \
		for (size_t i = 0; i < n; i++) \
			y[i] = f_##name(x[i]); \
		break;
		EACH_ACT(X)
#undef X
	case MM_N_ACTS: break;
	}
}

static void act_bwd(mm_real *dx, const mm_real *dy, const mm_real *x,
		    enum mm_act act, mm_real beta, size_t n)
{
	if (beta == 0) {
		switch (act) {
#define X(NAME, name)                                   \
	case MM_ACT_##NAME:                             \
		for (size_t i = 0; i < n; i++)          \
			dx[i] = d_##name(x[i]) * dy[i]; \
		break;
			EACH_ACT(X)
#undef X
		case MM_N_ACTS: break;
		}
		return;
	}
	switch (act) {
#define X(NAME, name)                                                  \
	case MM_ACT_##NAME:                                            \
		for (size_t i = 0; i < n; i++)                         \
			dx[i] = beta * dx[i] + d_##name(x[i]) * dy[i]; \
		break;
		EACH_ACT(X)
#undef X
	case MM_N_ACTS: break;
	}
}

/* ---- sums: LANES partial sums, then in pairs ---- */

static inline mm_real fold(mm_real *lane)
{
	for (int w = LANES / 2; w; w /= 2)
		for (int l = 0; l < w; l++)
			lane[l] += lane[l + w];
	return lane[0];
}

#define SUM_OF(term)                                 \
	mm_real lane[LANES] = { 0 }, tail = 0;       \
	size_t i = 0;                                \
	for (; i + LANES <= n; i += LANES)           \
		for (size_t l = 0; l < LANES; l++) { \
			const size_t k = i + l;      \
			lane[l] += (term);           \
		}                                    \
	for (; i < n; i++) {                         \
		const size_t k = i;                  \
		tail += (term);                      \
	}                                            \
	return fold(lane) + tail

static mm_real dot(const mm_real *a, const mm_real *b, size_t n)
{
	SUM_OF(a[k] * b[k]);
}

static mm_real sum(const mm_real *a, size_t n)
{
	SUM_OF(a[k]);
}

static mm_real sum_sq_diff(const mm_real *a, mm_real mean, size_t n)
{
	SUM_OF((a[k] - mean) * (a[k] - mean));
}

static mm_real exp_sum(mm_real *y, const mm_real *x, mm_real *top, size_t n)
{
	mm_real lane[LANES], max = x[0];
	size_t i = 0;

	for (int l = 0; l < LANES; l++)
		lane[l] = max;
	for (; i + LANES <= n; i += LANES)
		for (size_t l = 0; l < LANES; l++)
			lane[l] = x[i + l] > lane[l] ? x[i + l] : lane[l];
	for (; i < n; i++)
		max = x[i] > max ? x[i] : max;
	for (int l = 0; l < LANES; l++)
		max = lane[l] > max ? lane[l] : max;
	*top = max;
	for (i = 0; i < n; i++)
		y[i] = fexp(x[i] - max);
	return sum(y, n);
}

static void norm_row(mm_real *restrict y, const mm_real *restrict x,
		     mm_real mean, mm_real rstd, const mm_real *restrict gain,
		     const mm_real *restrict bias, size_t n)
{
	for (size_t i = 0; i < n; i++)
		y[i] = (x[i] - mean) * rstd * gain[i] + bias[i];
}

static mm_real dot3(const mm_real *a, const mm_real *b, const mm_real *c,
		    mm_real mean, size_t n)
{
	SUM_OF(a[k] * b[k] * (c[k] - mean));
}

static void norm_row_bwd(mm_real *restrict dx, mm_real beta,
			 const mm_real *restrict dy, const mm_real *restrict x,
			 mm_real mean, mm_real rstd,
			 const mm_real *restrict gain, size_t n)
{
	const mm_real g = dot(dy, gain, n) / (mm_real)n;
	const mm_real gh = dot3(dy, gain, x, mean, n) * rstd / (mm_real)n;

	if (beta == 0)
		for (size_t i = 0; i < n; i++)
			dx[i] = rstd * (dy[i] * gain[i] - g -
					(x[i] - mean) * rstd * gh);
	else
		for (size_t i = 0; i < n; i++)
			dx[i] = beta * dx[i] +
				rstd * (dy[i] * gain[i] - g -
					(x[i] - mean) * rstd * gh);
}

const struct mm_vec MM_ISA_TABLE = {
	act_fwd, act_bwd,     exp_sum,	dot,
	sum,	 sum_sq_diff, norm_row, norm_row_bwd,
};
