/*
 * vec_act_avx512.h - activations forward in fewer instructions than a loop over
 * fmath.h becomes: vec_body.h's for AVX-512.
 *
 * gelu and gelu_tanh are x F(x) with F(x) - 1/2 odd, hence
 *
 *	y = x / 2 + |x| g(|x|),	g(a) = F(a) - 1/2
 *
 * Around each k / SCALE, k = 0..14, g is a polynomial of degree 5 in
 * r = SCALE a - k (Remez exchange), and 1/2 beyond; a vector holds one
 * coefficient of all 16, and lanes pick theirs.  Errors are below 5e-8 |x|.
 */
#ifndef MM_KERNEL_VEC_ACT_AVX512_H
#define MM_KERNEL_VEC_ACT_AVX512_H

#include <immintrin.h>
#include <stddef.h>

#define SCALE 2.71f

enum { DEGREE = 5 };

static const float gelu_parts[DEGREE + 1][16] = {
	{ 0, 0.143937513f, 0.269745022f, 0.365855426f, 0.430030018f,
	  0.467482567f, 0.486586362f, 0.495103091f, 0.49842155f, 0.499551564f,
	  0.499887884f, 0.499975353f, 0.499995232f, 0.499999195f, 0.499999881f,
	  0.5f },
	{ 0.147211164f, 0.137522325f, 0.112116739f, 0.0797687173f,
	  0.0495290011f, 0.0268380754f, 0.0126913553f, 0.00523756584f,
	  0.00188632205f, 0.000592880417f, 0.000162623532f, 3.89282432e-05f,
	  8.13226507e-06f, 1.48259937e-06f, 2.35885906e-07f, 0 },
	{ 4.42500507e-08f, -0.0093625458f, -0.0152659621f, -0.0162922814f,
	  -0.0134881539f, -0.0091360528f, -0.00518440036f, -0.00249611563f,
	  -0.00102738792f, -0.000363262399f, -0.000110704204f, -2.91468878e-05f,
	  -6.64142863e-06f, -1.31143099e-06f, -2.24640587e-07f, 0 },
	{ -0.0033411535f, -0.00269592181f, -0.00115858892f, 0.000408110063f,
	  0.00132473814f, 0.00146423781f, 0.00112382928f, 0.000674199313f,
	  0.000330249226f, 0.000134941787f, 4.65595404e-05f, 1.36702292e-05f,
	  3.43327451e-06f, 7.40307769e-07f, 1.37426866e-07f, 0 },
	{ 1.19065646e-06f, 0.000301794498f, 0.000422436045f, 0.000326721638f,
	  0.000126235624f, -4.05816099e-05f, -0.000110882705f, -0.000103654085f,
	  -6.66917622e-05f, -3.32816817e-05f, -1.34746779e-05f,
	  -4.52649783e-06f, -1.27823648e-06f, -3.05988578e-07f,
	  -6.24514556e-08f, 0 },
	{ 6.66560009e-05f, 4.64643308e-05f, 6.42966938e-07f, -3.47516907e-05f,
	  -4.04778621e-05f, -2.41762846e-05f, -4.78942911e-06f, 5.94425637e-06f,
	  7.72125895e-06f, 5.35550089e-06f, 2.69496013e-06f, 1.06713105e-06f,
	  3.4439725e-07f, 9.23231553e-08f, 2.07977973e-08f, 0 },
};
static const float gelu_tanh_parts[DEGREE + 1][16] = {
	{ 0, 0.143922478f, 0.269656211f, 0.365685195f, 0.42987904f,
	  0.467465401f, 0.486711442f, 0.495281994f, 0.498566777f, 0.499634266f,
	  0.49992317f, 0.499986976f, 0.499998271f, 0.499999821f, 0.5f, 0.5f },
	{ 0.147211164f, 0.137480155f, 0.112020917f, 0.0797229856f,
	  0.0496160276f, 0.0269981828f, 0.012797907f, 0.00523983734f,
	  0.00182791019f, 0.000533802551f, 0.000127889216f, 2.46061536e-05f,
	  3.72042382e-06f, 4.32588536e-07f, 3.7856541e-08f, 0 },
	{ 4.63379415e-08f, -0.00939761847f, -0.0152729815f, -0.0162370447f,
	  -0.0134247141f, -0.00913263019f, -0.00523361238f, -0.0025423991f,
	  -0.00104081468f, -0.000353998737f, -9.81357953e-05f, -2.1708207e-05f,
	  -3.74911838e-06f, -4.94673827e-07f, -4.88034715e-08f, 0 },
	{ -0.00335770543f, -0.00269864104f, -0.00113893719f, 0.000424048339f,
	  0.00131338323f, 0.00144068f, 0.00111524295f, 0.000682843558f,
	  0.00034100315f, 0.000138916963f, 4.55411136e-05f, 1.17861682e-05f,
	  2.35851326e-06f, 3.57380515e-07f, 4.01663485e-08f, 0 },
	{ 1.24677786e-06f, 0.000307707756f, 0.000425760547f, 0.000321648025f,
	  0.000119878583f, -3.97126059e-05f, -0.000105712104f, -0.000101103476f,
	  -6.77766584e-05f, -3.50197006e-05f, -1.41477703e-05f,
	  -4.42913688e-06f, -1.05750087e-06f, -1.89184533e-07f,
	  -2.49044962e-08f, 0 },
	{ 6.81415331e-05f, 4.69739061e-05f, -8.26290034e-07f, -3.61053208e-05f,
	  -3.95882198e-05f, -2.26518059e-05f, -4.72676948e-06f, 5.08376297e-06f,
	  7.26855524e-06f, 5.48400112e-06f, 2.9181333e-06f, 1.14561658e-06f,
	  3.32499923e-07f, 7.06942416e-08f, 1.08692939e-08f, 0 },
};

struct parts {
	__m512 c[DEGREE + 1];
};

static inline __m512 bell16(const struct parts *f, __m512 x)
{
	/* 1.5 * 2^23 rounds to whole; k then stands in the lowest bits. */
	const __m512 magic = _mm512_set1_ps(12582912), a = _mm512_abs_ps(x);
	const __m512 t = _mm512_min_ps(_mm512_set1_ps(15), /* a NaN stays */
				       _mm512_mul_ps(a, _mm512_set1_ps(SCALE)));
	const __m512 k = _mm512_add_ps(t, magic);
	const __m512 r = _mm512_sub_ps(t, _mm512_sub_ps(k, magic));
	const __m512i at = _mm512_castps_si512(k);
	__m512 g = _mm512_permutexvar_ps(at, f->c[DEGREE]);

	for (int i = DEGREE; i-- > 0;)
		g = _mm512_fmadd_ps(g, r, _mm512_permutexvar_ps(at, f->c[i]));
	return _mm512_fmadd_ps(a, g, _mm512_mul_ps(x, _mm512_set1_ps(0.5f)));
}

/*
 * x / (1 + 2^t): a polynomial of t - n (Remez exchange, 7.5e-8) times 2^n; no
 * more than 2^125, of which the reciprocal, by a step of Newton's, is normal.
 */
static inline __m512 quick_gelu16(__m512 x)
{
	const __m512 t =
		_mm512_min_ps(_mm512_set1_ps(125), /* a NaN stays */
			      _mm512_mul_ps(x, _mm512_set1_ps(-2.4554669595f)));
	const __m512 n = _mm512_roundscale_ps(t, _MM_FROUND_NO_EXC);
	const __m512 r = _mm512_sub_ps(t, n);
	__m512 p = _mm512_set1_ps(1.32764718547e-3f), d;

	p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(9.67554133307e-3f));
	p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(5.55071327391e-2f));
	p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(2.40221197239e-1f));
	p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(6.93146967065e-1f));
	p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.00000007165f));
	d = _mm512_add_ps(_mm512_scalef_ps(p, n), _mm512_set1_ps(1));
	p = _mm512_rcp14_ps(d);
	d = _mm512_fnmadd_ps(d, p, _mm512_set1_ps(2));
	return _mm512_mul_ps(_mm512_mul_ps(p, d), x);
}

/* `of` x, which stands for 16 numbers; the last ones may be fewer. */
#define EACH_16(of)                                                         \
	for (size_t i = 0; i < n; i += 16) {                                \
		const size_t left = n - i;                                  \
		const __mmask16 m =                                         \
			(__mmask16)(left < 16 ? (1u << left) - 1 : 0xffff); \
		const __m512 v = _mm512_maskz_loadu_ps(m, x + i);           \
                                                                            \
		_mm512_mask_storeu_ps(y + i, m, of);                        \
	}

static void bell(float *y, const float *x, const float c[DEGREE + 1][16],
		 size_t n)
{
	struct parts f;

	for (int i = 0; i <= DEGREE; i++)
		f.c[i] = _mm512_loadu_ps(c[i]);
	EACH_16(bell16(&f, v))
}

static void gelu(float *y, const float *x, size_t n)
{
	bell(y, x, gelu_parts, n);
}

static void gelu_tanh(float *y, const float *x, size_t n)
{
	bell(y, x, gelu_tanh_parts, n);
}

static void quick_gelu(float *y, const float *x, size_t n)
{
	EACH_16(quick_gelu16(v))
}

#undef EACH_16
#undef SCALE

#endif
