/*
 * fmath.h - exp, tanh, the normal distribution and the like, one number at a
 * time but without branches or calls, so that loops over them become vector
 * code in whichever instruction set the including file is compiled for.
 *
 * Coefficients: minimax polynomials (Remez exchange) of
 *
 *	(exp(r) - 1 - r) / r^2		|r| <= log(2)/2
 *	(tanh(x) - x) / x^3 in x^2	|x| <= 0.63
 *	Q(u) exp(u^2/2) in v		v = 0.3 u / (1 + 0.3 u), 0 <= u <= 14
 *
 * Errors are within 2 ulp for exp, sigmoid, tanh and pdf, and 1e-7 absolute
 * for cdf.  Under MM_DOUBLE the C library serves.
 */
#ifndef MM_KERNEL_FMATH_H
#define MM_KERNEL_FMATH_H

#include "kernel/real.h"

#define R(x) ((mm_real)(x))

/* The density and the distribution of the standard normal. */
struct normal {
	mm_real pdf, cdf;
};

#ifdef MM_DOUBLE

#define fexp	  exp
#define fexp_down exp
#define ftanh	  tanh

static inline struct normal fnormal(mm_real x)
{
	return (struct normal){ 0.39894228040143267794 * exp(-0.5 * x * x),
				0.5 * erfc(-x * 0.70710678118654752440) };
}

#else

/* exp(x) / 2^halvings for -86.6 <= x <= 88.72, if that has a float. */
static inline float exp_core(float x, int halvings)
{
	const float magic = 12582912.0f; /* 1.5 * 2^23: rounds to whole */
	const float n = (x * 1.44269504088896341f + magic) - magic;
	float r, p = 1.38144629796e-3f;
	union {
		int i;
		float f;
	} scale;

	r = x - n * 0.693145751953125f; /* log 2 in two parts */
	r = r - n * 1.42860677e-6f;
	p = p * r + 8.36878033105e-3f;
	p = p * r + 4.16683942675e-2f;
	p = p * r + 1.66665201090e-1f;
	p = p * r + 4.99999934124e-1f;
	p = p * r * r + r + 1.0f;
	scale.i = ((int)n + 127 - halvings) * (1 << 23);
	return p * scale.f;
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

static inline float ftanh(float x)
{
	const float a = x < 0 ? -x : x, s = x * x;
	const float big = 1.0f - 2.0f / (fexp(2.0f * a) + 1.0f);
	float p = -5.66078665672e-3f;

	p = p * s + 2.06020050607e-2f;
	p = p * s - 5.37292289587e-2f;
	p = p * s + 1.33313289425e-1f;
	p = p * s - 3.33332783144e-1f;
	p = p * s * x + x;
	return a < 0.63f ? p : x < 0 ? -big : big;
}

static inline struct normal fnormal(float x)
{
	const float a = x < 0 ? -x : x, u = a > 14.0f ? 14.0f : a;
	const float e = fexp_down(-0.5f * u * u);
	const float v = u * (0.3f / (1.0f + 0.3f * u));
	float q = 3.6237188381e-2f;

	q = q * v - 1.3085010540e-1f;
	q = q * v + 1.0973564804e-1f;
	q = q * v + 1.1437686503e-1f;
	q = q * v - 4.6966993869e-2f;
	q = q * v - 7.0079251680e-1f;
	q = q * v + 1.4480670934f;
	q = q * v - 1.3298103263f;
	q = q * v + 0.5f;
	q = q * e;
	return (struct normal){ 0.39894228040143267794f * e,
				x < 0 ? q : 1.0f - q };
}

#endif

static inline mm_real fsigmoid(mm_real x)
{
	return 1 / (1 + fexp(-x));
}

#endif
