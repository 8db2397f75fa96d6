/*
 * fmath.h - exp, tanh, the normal distribution and the like, one number at a
 * time but without branches or calls, so that loops over them become vector
 * code in whichever instruction set the including file is compiled for.
 *
 * Coefficients: minimax polynomials (Remez exchange) of
 *
 *	(exp(r) - 1 - r) / r^2		|r| <= log(2)/2
 *	(tanh(x) - x) / x^3 in x^2	|x| <= 0.63
 *	(atanh(v)/v - 1) / v^2 in v^2	|v| <= 1/3
 *	Q(u) exp(u^2/2) in v		v = 0.3 u / (1 + 0.3 u), 0 <= u <= 13
 *
 * Errors are within 2 ulp for exp, sigmoid, tanh and pdf, and 1e-7 absolute
 * for cdf.  Under MM_DOUBLE the C library serves.
 */
#ifndef MM_KERNEL_FMATH_H
#define MM_KERNEL_FMATH_H

#include "kernel/real.h"

#define R(x) ((mm_real)(x))

/* sigmoid(x) = 1 / (1 + exp(-x)) and 1 - sigmoid(x), both accurate. */
struct gate {
	mm_real s, rest;
};

/* The density and the distribution of the standard normal. */
struct normal {
	mm_real pdf, cdf;
};

#ifdef MM_DOUBLE

#define fexp	  exp
#define fexp_down exp
#define ftanh	  tanh

static inline struct gate fgate(double x)
{
	return (struct gate){ 1 / (1 + exp(-x)), 1 / (1 + exp(x)) };
}

/* log(1 + exp(-a)) for a >= 0. */
static inline double flog1p_exp(double a)
{
	return log1p(exp(-a));
}

static inline struct normal fnormal(mm_real x)
{
	return (struct normal){ 0.39894228040143267794 * exp(-0.5 * x * x),
				0.5 * erfc(-x * 0.70710678118654752440) };
}

#else

/* exp(x) / 2^halvings for -86.6 <= x <= 88.72, if that has a float. */
static inline float exp_core(float x, unsigned halvings)
{
	union {
		float f;
		unsigned i;
	} n, scale;
	float r, r2, low, high;

	/* 1.5 * 2^23 rounds to whole; n then stands in the lowest bits. */
	n.f = x * 1.44269504088896341f + 12582912.0f;
	scale.i = (n.i + 127u - halvings) << 23;
	n.f -= 12582912.0f;
	r = x - n.f * 0.693145751953125f; /* log 2 in two parts */
	r = r - n.f * 1.42860677e-6f;
	/* Two short chains (Estrin) instead of a long one (Horner). */
	r2 = r * r;
	low = 1.66665201090e-1f * r + 4.99999934124e-1f;
	high = 8.36878033105e-3f * r + 4.16683942675e-2f;
	high = 1.38144629796e-3f * r2 + high;
	low = high * r2 + low;
	return (low * r2 + (r + 1.0f)) * scale.f;
}

/* exp for x <= 88; exactly 0 below 2.4e-38, where 2^n nears its smallest. */
static inline float fexp_down(float x)
{
	const float e = exp_core(x < -86.6f ? -86.6f : x, 0);

	return x < -86.6f ? 0.0f : e;
}

/* exp; 0 below 2.4e-38 and infinity above the largest number. */
static inline float fexp(float x)
{
	const float c = x < -86.6f ? -86.6f : x;
	/* 2^128 has no float, so halve once. */
	const float e = 2 * exp_core(c > 88.72283f ? 88.72283f : c, 1);

	return x < -86.6f ? 0.0f : x > 88.72283f ? (float)INFINITY : e;
}

/* The bounds change no number but the smallest. */
static inline struct gate fgate(float x)
{
	const float c = x > 86.6f ? 86.6f : x;
	const float e = exp_core(c < -86.6f ? 86.6f : -c, 0);
	const float s = 1.0f / (1.0f + e);

	return (struct gate){ s, e * s };
}

static inline float ftanh(float x)
{
	const float a = x < 0 ? -x : x, s = x * x;
	const float e = exp_core(2.0f * (a > 15.0f ? 15.0f : a), 0);
	const float big = 1.0f - 2.0f / (e + 1.0f);
	float p = -5.66078665672e-3f;

	p = p * s + 2.06020050607e-2f;
	p = p * s - 5.37292289587e-2f;
	p = p * s + 1.33313289425e-1f;
	p = p * s - 3.33332783144e-1f;
	p = p * s * x + x;
	return a < 0.63f ? p : x < 0 ? -big : big;
}

/* log(1 + exp(-a)) for a >= 0: log(1 + t) = 2 atanh(t / (2 + t)). */
static inline float flog1p_exp(float a)
{
	const float t = fexp_down(-a), v = t / (2.0f + t), s = v * v;
	float p = 1.4012228081e-1f;

	p = p * s + 1.3999570511e-1f;
	p = p * s + 2.0010849566e-1f;
	p = p * s + 3.3333206565e-1f;
	return 2.0f * (p * s * v + v);
}

static inline struct normal fnormal(float x)
{
	const float a = x < 0 ? -x : x, u = a > 13.0f ? 13.0f : a;
	const float e = exp_core(-0.5f * u * u, 0);
	const float v = u * (0.3f / (1.0f + 0.3f * u)), v2 = v * v;
	float q = 3.6237188381e-2f, odd = -1.3085010540e-1f;

	/* Even and odd powers apart: two chains at a time. */
	q = q * v2 + 1.0973564804e-1f;
	odd = odd * v2 + 1.1437686503e-1f;
	q = q * v2 - 4.6966993869e-2f;
	odd = odd * v2 - 7.0079251680e-1f;
	q = q * v2 + 1.4480670934f;
	odd = odd * v2 - 1.3298103263f;
	q = q * v2 + 0.5f;
	q = (odd * v + q) * e;
	return (struct normal){ 0.39894228040143267794f * e,
				x < 0 ? q : 1.0f - q };
}

#endif

#endif
