/*
 * vec_body.h - inner loops, written so that compilers vectorise them: no
 * branches, no calls, sums in a fixed number of lanes.  Included by vec.c,
 * vec_avx2.c and vec_avx512.c with MM_ISA_TABLE, the name of the table.
 */
#include <string.h>
#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#include "base/rng.h"
#include "kernel/fmath.h"
#include "kernel/vec.h"

/* One register of the instruction set that this is compiled for. */
#if defined(__AVX512F__)
enum { BYTES = 64 };
#elif defined(__AVX2__)
enum { BYTES = 32 };
#else
enum { BYTES = 16 };
#endif

typedef mm_real vec __attribute__((vector_size(BYTES), may_alias));
typedef mm_real vec_u __attribute__((vector_size(BYTES), may_alias,
				     aligned(sizeof(mm_real))));

enum { VL = BYTES / sizeof(mm_real), LANES = 16 };

/* Rounds of the loop below are independent, though y may be x. */
#define INDEPENDENT _Pragma("omp simd")

/* ---- each activation with its derivative; what is not used costs nothing */

struct curve {
	mm_real y, slope;
};

static inline struct curve c_none(mm_real x)
{
	return (struct curve){ x, 1 };
}

static inline struct curve c_gelu(mm_real x)
{
	const struct normal n = fnormal(x);

	return (struct curve){ x * n.cdf, n.cdf + x * n.pdf };
}

/* x sigmoid(u), whose slope is s + x s (1 - s) u'. */
static inline struct curve gated(mm_real x, mm_real u, mm_real du)
{
	const struct gate g = fgate(u);

	return (struct curve){ x * g.s, g.s + x * g.s * g.rest * du };
}

/* (1 + tanh(u)) / 2 = sigmoid(2 u). */
static inline struct curve c_gelu_tanh(mm_real x)
{
	const mm_real c = R(1.59576912160573071176), x2 = x * x;

	return gated(x, c * x * (1 + R(0.044715) * x2),
		     c * (1 + R(0.134145) * x2));
}

static inline struct curve c_quick_gelu(mm_real x)
{
	return gated(x, R(1.702) * x, R(1.702));
}

static inline struct curve c_silu(mm_real x)
{
	return gated(x, x, 1);
}

static inline struct curve c_relu(mm_real x)
{
	/* NaN stays NaN. */
	return (struct curve){ x < 0 ? 0 : x, x > 0 ? R(1) : R(0) };
}

static inline struct curve c_sigmoid(mm_real x)
{
	const struct gate g = fgate(x);

	return (struct curve){ g.s, g.s * g.rest };
}

static inline struct curve c_tanh(mm_real x)
{
	const mm_real t = ftanh(x);

	return (struct curve){ t, 1 - t * t };
}

static inline struct curve c_exp(mm_real x)
{
	const mm_real e = fexp(x);

	return (struct curve){ e, e };
}

/* C(NAME, name) for each activation of a switch; those that AVX-512 has another
 * way for come first. */
#define EACH_BELL(C) \
	C(GELU, gelu) C(GELU_TANH, gelu_tanh) C(QUICK_GELU, quick_gelu)
#define EACH_OTHER(C) \
	C(NONE, none) \
	C(RELU, relu) \
	C(SILU, silu) C(SIGMOID, sigmoid) C(TANH, tanh) C(EXP, exp)
#define EACH_ACT(C) EACH_BELL(C) EACH_OTHER(C)

#if defined(__AVX512F__) && !defined(MM_DOUBLE)
#include "kernel/vec_act_avx512.h"
#else
#define PLAIN(name)                                               \
	static void name(mm_real *y, const mm_real *x, size_t n)  \
	{                                                         \
		INDEPENDENT for (size_t i = 0; i < n; i++) y[i] = \
			c_##name(x[i]).y;                         \
	}
PLAIN(gelu)
PLAIN(gelu_tanh)
PLAIN(quick_gelu)
#endif

static void act_fwd(mm_real *y, const mm_real *x, enum mm_act act, size_t n)
{
	switch (act) {
#define CASE(NAME, name) \
	case MM_ACT_##NAME: name(y, x, n); break;
		EACH_BELL(CASE)
#undef CASE
#define CASE(NAME, name)                                          \
	case MM_ACT_##NAME:                                       \
		INDEPENDENT for (size_t i = 0; i < n; i++) y[i] = \
			c_##name(x[i]).y;                         \
		break;
		EACH_OTHER(CASE)
#undef CASE
	case MM_ACT_LOG:
		for (size_t i = 0; i < n; i++)
			y[i] = MM_R(log)(x[i]);
		break;
	case MM_N_ACTS: break;
	}
}

static void act_slope(mm_real *y, mm_real *slope, const mm_real *x,
		      enum mm_act act, size_t n)
{
	switch (act) {
#define CASE(NAME, name)                                       \
	case MM_ACT_##NAME:                                    \
		INDEPENDENT for (size_t i = 0; i < n; i++)     \
		{                                              \
			const struct curve c = c_##name(x[i]); \
			y[i] = c.y;                            \
			slope[i] = c.slope;                    \
		}                                              \
		break;
		EACH_ACT(CASE)
#undef CASE
	case MM_ACT_LOG:
		for (size_t i = 0; i < n; i++) {
			const mm_real v = x[i];

			y[i] = MM_R(log)(v);
			slope[i] = 1 / v;
		}
		break;
	case MM_N_ACTS: break;
	}
}

static void act_bwd(mm_real *dx, const mm_real *dy, const mm_real *x,
		    enum mm_act act, mm_real beta, size_t n)
{
	/* In runs that stay in the first cache: the slopes, then the sum. */
	mm_real slope[256], y[256];

	for (size_t at = 0; at < n; at += 256) {
		const size_t m = n - at < 256 ? n - at : 256;

		act_slope(y, slope, x + at, act, m);
		if (beta == 0)
			INDEPENDENT for (size_t i = 0; i < m; i++) dx[at + i] =
				slope[i] * dy[at + i];
		else
			INDEPENDENT for (size_t i = 0; i < m; i++) dx[at + i] =
				beta * dx[at + i] + slope[i] * dy[at + i];
	}
}

static void add(mm_real *restrict y, const mm_real *restrict x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		y[i] += x[i];
}

static void finish(mm_real *restrict y, mm_real bias, enum mm_act act,
		   const mm_real *restrict residual, size_t n)
{
	const mm_real low = act == MM_ACT_RELU ? 0 : -(mm_real)INFINITY;

	if (act != MM_ACT_NONE && act != MM_ACT_RELU) {
		for (size_t i = 0; i < n; i++)
			y[i] += bias;
		act_fwd(y, y, act, n);
		if (residual)
			add(y, residual, n);
	} else if (residual) {
		for (size_t i = 0; i < n; i++) {
			const mm_real u = y[i] + bias;

			y[i] = (u < low ? low : u) + residual[i];
		}
	} else {
		for (size_t i = 0; i < n; i++) {
			const mm_real u = y[i] + bias;

			y[i] = u < low ? low : u;
		}
	}
}

static void halves(mm_real *restrict even, mm_real *restrict odd,
		   const mm_real *restrict x, size_t n)
{
	for (size_t i = 0; i < n / 2; i++) {
		even[i] = x[2 * i];
		odd[i] = x[2 * i + 1];
	}
	if (n % 2)
		even[n / 2] = x[n - 1];
}

static void pieces(mm_real *restrict to, const mm_real *restrict from,
		   const struct mm_piece *p, size_t n, bool exact)
{
	for (const struct mm_piece *end = p + n; p < end; p++) {
		mm_real *out = to + p->to;
		const mm_real *in = from + p->from;
		size_t i = 0;

		for (; i + VL <= p->n; i += VL) {
			*(vec_u *)(void *)(out + i) =
				*(const vec_u *)(const void *)(in + i);
			/* No call of memcpy instead: it is a few vectors. */
			__asm__("" : "+r"(i));
		}
		if (i == p->n)
			continue;
		if (exact)
			memcpy(out + i, in + i, (p->n - i) * sizeof(*out));
		else
			*(vec_u *)(void *)(out + i) =
				*(const vec_u *)(const void *)(in + i);
	}
}

/* ---- sums over rows, of columns that lie together ---- */

enum { STRIP = 4 * LANES, ROWS = 64 };

/* Sums of ROWS rows are kept apart: long sums of floats drift. */
static void sum_rows(mm_real *restrict sum, const mm_real *restrict x, size_t N,
		     size_t ld, size_t n)
{
	for (size_t c = 0; c < n; c += STRIP) {
		const size_t w = n - c < STRIP ? n - c : STRIP;

		for (size_t from = 0; from < N; from += ROWS) {
			const size_t to = N - from < ROWS ? N : from + ROWS;
			mm_real part[STRIP] = { 0 };

			for (size_t i = from; i < to; i++) {
				const mm_real *r = x + i * ld + c;

				if (w == STRIP)
					for (size_t k = 0; k < STRIP; k++)
						part[k] += r[k];
				else
					for (size_t k = 0; k < w; k++)
						part[k] += r[k];
			}
			for (size_t k = 0; k < w; k++)
				sum[c + k] += part[k];
		}
	}
}

/* The same of dx = dy slope, which is written on the way. */
static void slope_rows(mm_real *restrict sum, mm_real *dx, const mm_real *dy,
		       const mm_real *slope, size_t N, size_t ld, size_t n)
{
	for (size_t from = 0; from < N; from += ROWS) {
		const size_t to = N - from < ROWS ? N : from + ROWS;

		for (size_t i = from; i < to; i++) {
			INDEPENDENT for (size_t k = 0; k < n; k++)
				dx[i * ld + k] =
					dy[i * ld + k] * slope[i * ld + k];
		}
		if (sum)
			sum_rows(sum, dx + from * ld, to - from, ld, n);
	}
}

/* ---- sums: two vectors of partial sums, folded at the end ---- */

static inline vec load(const mm_real *p)
{
	return *(const vec_u *)(const void *)p;
}

static inline mm_real fold(vec v)
{
	mm_real s[VL];

	memcpy(s, &v, sizeof(s));
	for (int w = VL / 2; w; w /= 2)
		for (int l = 0; l < w; l++)
			s[l] += s[l + w];
	return s[0];
}

/* Sum of a term over k < n: `many` of VL numbers at k, `one` of one. */
#define SUM_OF(many, one)                  \
	vec s0 = { 0 }, s1 = { 0 };        \
	mm_real tail = 0;                  \
	size_t k = 0;                      \
	for (; k + 2 * VL <= n; k += VL) { \
		s0 += (many);              \
		k += VL;                   \
		s1 += (many);              \
	}                                  \
	for (; k + VL <= n; k += VL)       \
		s0 += (many);              \
	for (; k < n; k++)                 \
		tail += (one);             \
	return fold(s0 + s1) + tail

static mm_real dot(const mm_real *a, const mm_real *b, size_t n)
{
	SUM_OF(load(a + k) * load(b + k), a[k] * b[k]);
}

static mm_real sum(const mm_real *a, size_t n)
{
	SUM_OF(load(a + k), a[k]);
}

static mm_real sum_sq_diff(const mm_real *a, mm_real mean, size_t n)
{
	SUM_OF((load(a + k) - mean) * (load(a + k) - mean),
	       (a[k] - mean) * (a[k] - mean));
}

static double sum_sq(const mm_real *a, size_t n)
{
	double lane[LANES] = { 0 }, s = 0;
	size_t i = 0;

	for (; i + LANES <= n; i += LANES)
		for (size_t l = 0; l < LANES; l++)
			lane[l] += (double)a[i + l] * (double)a[i + l];
	for (; i < n; i++)
		s += (double)a[i] * (double)a[i];
	for (int l = 0; l < LANES; l++)
		s += lane[l];
	return s;
}

/* ---- softmax and what losses are made of ---- */

static mm_real top_of(const mm_real *x, size_t n)
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
	return max;
}

static mm_real exp_sum(mm_real *y, const mm_real *x, mm_real *top, size_t n)
{
	const mm_real max = *top = top_of(x, n);

	INDEPENDENT for (size_t i = 0; i < n; i++) y[i] = fexp_down(x[i] - max);
	return sum(y, n);
}

/* Floats are summed in runs of this many, the runs in double. */
enum { RUN = 256 };

static double lse(const mm_real *x, size_t n)
{
	const mm_real top = top_of(x, n);
	mm_real e[RUN];
	double s = 0;

	for (size_t at = 0; at < n; at += RUN) {
		const size_t m = n - at < RUN ? n - at : RUN;

		INDEPENDENT for (size_t i = 0; i < m; i++) e[i] =
			fexp_down(x[at + i] - top);
		s += (double)sum(e, m);
	}
	return (double)top + log(s);
}

/* One strip of columns; top and e are as wide as it. */
static double lse_strip(mm_real *lse_out, const mm_real *x, size_t N, size_t ld,
			size_t n)
{
	mm_real top[STRIP], part[STRIP];
	double s[STRIP] = { 0 }, all = 0;

	memcpy(top, x, n * sizeof(*top));
	for (size_t i = 1; i < N; i++)
		for (size_t k = 0; k < n; k++)
			top[k] =
				x[i * ld + k] > top[k] ? x[i * ld + k] : top[k];
	for (size_t from = 0; from < N; from += ROWS) {
		const size_t to = N - from < ROWS ? N : from + ROWS;

		memset(part, 0, sizeof(part));
		for (size_t i = from; i < to; i++)
			for (size_t k = 0; k < n; k++)
				part[k] += fexp_down(x[i * ld + k] - top[k]);
		for (size_t k = 0; k < n; k++)
			s[k] += (double)part[k];
	}
	for (size_t k = 0; k < n; k++) {
		s[k] = (double)top[k] + log(s[k]);
		lse_out[k] = (mm_real)s[k];
		all += s[k];
	}
	return all;
}

static double lse_columns(mm_real *lse_out, const mm_real *x, size_t N,
			  size_t ld, size_t n)
{
	double all = 0;

	for (size_t c = 0; c < n; c += STRIP)
		all += lse_strip(lse_out + c, x + c, N, ld,
				 n - c < STRIP ? n - c : STRIP);
	return all;
}

static void exp_add(mm_real *restrict dx, const mm_real *restrict x, mm_real g,
		    mm_real lse_all, const mm_real *restrict each,
		    mm_real shift, size_t n)
{
	if (each)
		for (size_t i = 0; i < n; i++)
			dx[i] += g * (fexp_down(x[i] - each[i]) - shift);
	else
		for (size_t i = 0; i < n; i++)
			dx[i] += g * (fexp_down(x[i] - lse_all) - shift);
}

static double softplus(const mm_real *x, const int32_t *labels, int32_t label,
		       size_t n)
{
	mm_real e[RUN];
	double s = 0;

	for (size_t at = 0; at < n; at += RUN) {
		const size_t m = n - at < RUN ? n - at : RUN;

		for (size_t i = 0; i < m; i++) {
			const mm_real v = x[at + i];
			const mm_real z =
				labels && labels[at + i] == label ? -v : v;
			const mm_real a = z < 0 ? -z : z;

			e[i] = (z > 0 ? z : 0) + flog1p_exp(a);
		}
		s += (double)sum(e, m);
	}
	return s;
}

static void sigmoid_add(mm_real *restrict dx, const mm_real *restrict x,
			mm_real g, const int32_t *restrict labels,
			int32_t label, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct gate p = fgate(x[i]);

		dx[i] += g * (labels && labels[i] == label ? -p.rest : p.s);
	}
}

/* ---- noise: Philox4x32-10 (base/rng.h), BLOCKS counters at a time ---- */

enum { BLOCKS = 16 };

struct philox {
	uint32_t c0[BLOCKS], c1[BLOCKS], c2[BLOCKS], c3[BLOCKS];
};

static void philox_round(struct philox *restrict to,
			 const struct philox *restrict p, uint32_t k0,
			 uint32_t k1)
{
	INDEPENDENT for (int l = 0; l < BLOCKS; l++)
	{
		const uint64_t a = (uint64_t)0xD2511F53u * p->c0[l];
		const uint64_t b = (uint64_t)0xCD9E8D57u * p->c2[l];

		to->c0[l] = (uint32_t)(b >> 32) ^ p->c1[l] ^ k0;
		to->c1[l] = (uint32_t)b;
		to->c2[l] = (uint32_t)(a >> 32) ^ p->c3[l] ^ k1;
		to->c3[l] = (uint32_t)a;
	}
}

/* The words of blocks first, first + 1, ... as dropout counts them. */
static void philox_words(uint32_t word[4 * BLOCKS], uint64_t first,
			 const uint32_t key[2])
{
	struct philox p, q;

	for (int l = 0; l < BLOCKS; l++) {
		const uint64_t b = first + (uint64_t)l;

		p.c0[l] = (uint32_t)b;
		p.c1[l] = (uint32_t)(b >> 32);
		p.c2[l] = 0;
		p.c3[l] = MM_RNG_DROPOUT;
	}
	for (uint32_t i = 0; i < 10; i += 2) {
		philox_round(&q, &p, key[0] + i * 0x9E3779B9u,
			     key[1] + i * 0xBB67AE85u);
		philox_round(&p, &q, key[0] + (i + 1) * 0x9E3779B9u,
			     key[1] + (i + 1) * 0xBB67AE85u);
	}
	for (int l = 0; l < BLOCKS; l++) {
		word[4 * l] = p.c0[l];
		word[4 * l + 1] = p.c1[l];
		word[4 * l + 2] = p.c2[l];
		word[4 * l + 3] = p.c3[l];
	}
}

static void noise(mm_real *y, mm_real beta, const mm_real *x,
		  const uint32_t key[2], uint32_t bound, mm_real keep,
		  uint64_t first, size_t n)
{
	uint32_t word[4 * BLOCKS];

	for (size_t at = 0; at < n;) {
		const size_t skip = (size_t)((first + at) % 4);
		const size_t left = n - at, most = 4 * BLOCKS - skip;
		const size_t m = left < most ? left : most;
		const uint32_t *w = word + skip;

		philox_words(word, (first + at) / 4, key);
		if (beta == 0)
			INDEPENDENT for (size_t i = 0; i < m; i++) y[at + i] =
				(w[i] < bound ? 0 : keep) * x[at + i];
		else
			INDEPENDENT for (size_t i = 0; i < m; i++) y[at + i] =
				beta * y[at + i] +
				(w[i] < bound ? 0 : keep) * x[at + i];
		at += m;
	}
}

/* ---- layer norm ---- */

/* dgain += sum dy h, dbias += sum dy, over N rows of a strip of n columns. */
static void norm_sums(mm_real *restrict dgain, mm_real *restrict dbias,
		      const mm_real *restrict dy, const mm_real *restrict x,
		      const mm_real *mean, const mm_real *rstd, size_t N,
		      size_t ld, size_t n)
{
	for (size_t from = 0; from < N; from += ROWS) {
		const size_t to = N - from < ROWS ? N : from + ROWS;
		mm_real g[STRIP] = { 0 }, b[STRIP] = { 0 };

		for (size_t i = from; i < to; i++) {
			const mm_real m = mean[i], r = rstd[i];
			const mm_real *d = dy + i * ld, *u = x + i * ld;

			for (size_t k = 0; k < n; k++) {
				g[k] += d[k] * ((u[k] - m) * r);
				b[k] += d[k];
			}
		}
		for (size_t k = 0; dgain && k < n; k++)
			dgain[k] += g[k];
		for (size_t k = 0; dbias && k < n; k++)
			dbias[k] += b[k];
	}
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
	SUM_OF(load(a + k) * load(b + k) * (load(c + k) - mean),
	       a[k] * b[k] * (c[k] - mean));
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

/* ---- int8 ---- */

typedef uint32_t bits __attribute__((may_alias));

static int32_t top_bits(const float *x, size_t n)
{
	const bits *u = (const bits *)x;
	int32_t top = 0;

	for (size_t i = 0; i < n; i++) {
		const int32_t v = (int32_t)(u[i] & 0x7fffffff);

		top = v > top ? v : top;
	}
	return top;
}

#if defined(__AVX512F__) && !defined(MM_DOUBLE)
static void quantize(int8_t *restrict q, const float *restrict x, float inverse,
		     size_t n)
{
	const __m512 times = _mm512_set1_ps(inverse);

	for (size_t i = 0; i < n; i += 16) {
		const size_t left = n - i;
		const __mmask16 m =
			(__mmask16)(left < 16 ? (1u << left) - 1 : 0xffff);
		const __m512 v =
			_mm512_mul_ps(times, _mm512_maskz_loadu_ps(m, x + i));
		const __m512i w = _mm512_cvtps_epi32(
			_mm512_min_ps(_mm512_set1_ps(127), v));

		/* What is below all int32 has become the lowest. */
		_mm512_mask_cvtsepi32_storeu_epi8(
			q + i, m, _mm512_max_epi32(_mm512_set1_epi32(-127), w));
	}
}
#else
static void quantize(int8_t *restrict q, const float *restrict x, float inverse,
		     size_t n)
{
	const float magic = 12582912; /* 1.5 * 2^23: whole numbers, to even */

	for (size_t i = 0; i < n; i++) {
		union {
			float f;
			uint32_t u;
		} v = { x[i] * inverse };

		v.f = v.f < -127 ? -127 : v.f;
		v.f = v.f > 127 ? 127 : v.f;
		v.f += magic;
		q[i] = (int8_t)v.u; /* the low byte, as signed */
	}
}
#endif

const struct mm_vec MM_ISA_TABLE = {
	.act_fwd = act_fwd,
	.act_slope = act_slope,
	.act_bwd = act_bwd,
	.sum_rows = sum_rows,
	.slope_rows = slope_rows,
	.exp_sum = exp_sum,
	.lse = lse,
	.lse_columns = lse_columns,
	.exp_add = exp_add,
	.softplus = softplus,
	.sigmoid_add = sigmoid_add,
	.noise = noise,
	.sum_sq = sum_sq,
	.dot = dot,
	.sum = sum,
	.sum_sq_diff = sum_sq_diff,
	.norm_sums = norm_sums,
	.add = add,
	.finish = finish,
	.halves = halves,
	.pieces = pieces,
	.norm_row = norm_row,
	.norm_row_bwd = norm_row_bwd,
	.top_bits = top_bits,
	.quantize = quantize,
};
