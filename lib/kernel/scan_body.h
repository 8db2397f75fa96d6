/*
 * scan_body.h - the loops of scan.h, compiled once per instruction set.
 *
 * One row after the other, as the bytes lie: the prefetcher of the processor
 * then runs ahead at full speed.  Each row sums in 32 lanes, whatever the width
 * of a register.
 */
#include <stdbool.h>
#include <string.h>

#include "kernel/scan.h"
#ifdef __AVX2__
#include <immintrin.h>
#endif

enum {
	WIDTH = 8,
	WIDTHS = 4,
	LANES = WIDTH * WIDTHS,
	PIECE = 64,
	AHEAD = 2048, /* bytes: four rows of 512 are on their way */
	COLUMNS = 16
};

typedef float vec __attribute__((vector_size(WIDTH * sizeof(float))));

static inline float dot(const float *x, const float *q, size_t D)
{
	vec a[WIDTHS] = { 0 };
	float s = 0;
	size_t i = 0;

	for (; i + LANES <= D; i += LANES) {
		for (size_t w = 0; w < WIDTHS; w++) {
			vec u, v;

			memcpy(&u, x + i + w * WIDTH, sizeof(u));
			memcpy(&v, q + i + w * WIDTH, sizeof(v));
			a[w] += u * v;
		}
	}
	a[0] = (a[0] + a[1]) + (a[2] + a[3]);
	for (int l = 0; l < WIDTH; l++)
		s += a[0][l];
	for (; i < D; i++)
		s += x[i] * q[i];
	return s;
}

static void f32(float *out, const float *rows, size_t ld, size_t N,
		const float *q, size_t D)
{
	for (size_t n = 0; n < N; n++)
		out[n] = dot(rows + n * ld, q, D);
}

#ifdef __AVX2__
static inline int32_t sum_i32(__m256i a)
{
	__m128i s = _mm_add_epi32(_mm256_castsi256_si128(a),
				  _mm256_extracti128_si256(a, 1));

	s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
	s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1));
	return _mm_cvtsi128_si32(s);
}

/*
 * vpmaddubsw multiplies unsigned by signed bytes: |q| by x with the sign of q.
 * Two products of 127 * 127 fit its 16 bits.
 */
static inline __m256i dot_32(const int8_t *x, __m256i q, __m256i abs_q)
{
	__m256i u;

	memcpy(&u, x, sizeof(u));
	u = _mm256_maddubs_epi16(abs_q, _mm256_sign_epi8(u, q));
	return _mm256_madd_epi16(_mm256_set1_epi16(1), u);
}

/* The products of the first D & ~31 bytes. */
static inline int32_t dot_i8(const int8_t *x, const int8_t *q, size_t D)
{
	__m256i a = _mm256_setzero_si256(), b = a, v, w;
	size_t i = 0;

	for (; i + 64 <= D; i += 64) {
		__builtin_prefetch(x + i + AHEAD);
		memcpy(&v, q + i, sizeof(v));
		memcpy(&w, q + i + 32, sizeof(w));
		a = _mm256_add_epi32(a, dot_32(x + i, v, _mm256_abs_epi8(v)));
		b = _mm256_add_epi32(b,
				     dot_32(x + i + 32, w, _mm256_abs_epi8(w)));
	}
	if (i + 32 <= D) {
		memcpy(&v, q + i, sizeof(v));
		a = _mm256_add_epi32(a, dot_32(x + i, v, _mm256_abs_epi8(v)));
	}
	return sum_i32(_mm256_add_epi32(a, b));
}

enum { I8_STEP = 32 };
#else
static inline int32_t dot_i8(const int8_t *x, const int8_t *q, size_t D)
{
	int32_t s = 0;

	for (size_t i = 0; i < D; i++)
		s += x[i] * q[i];
	return s;
}

enum { I8_STEP = 1 };
#endif

static void i8(int32_t *out, const int8_t *rows, size_t N, const int8_t *q,
	       size_t D)
{
	for (size_t n = 0; n < N; n++) {
		const int8_t *x = rows + n * D;
		int32_t s = dot_i8(x, q, D);

		for (size_t i = D / I8_STEP * I8_STEP; i < D; i++)
			s += x[i] * q[i];
		out[n] = s;
	}
}

static size_t count_ge(const float *x, size_t n, float bound)
{
	size_t sum = 0, i = 0;

	while (i < n) {
		const size_t end = n - i < (1 << 20) ? n : i + (1 << 20);
		uint32_t some = 0;

		for (; i < end; i++)
			some += x[i] >= bound;
		sum += some;
	}
	return sum;
}

/* Nearly all pieces hold nothing: look at a piece before its elements. */
static size_t find(uint32_t *at, const float *x, size_t n, float bound)
{
	size_t found = 0, i = 0;

	for (; i + PIECE <= n; i += PIECE) {
		uint32_t some = 0;

		for (size_t k = 0; k < PIECE; k++)
			some |= !(x[i + k] < bound);
		if (!some)
			continue;
		for (size_t k = i; k < i + PIECE; k++)
			if (!(x[k] < bound))
				at[found++] = (uint32_t)k;
	}
	for (; i < n; i++)
		if (!(x[i] < bound))
			at[found++] = (uint32_t)i;
	return found;
}

static size_t find_columns(uint32_t *at, const float *x, size_t N, size_t Q,
			   const float *bound)
{
	size_t found = 0;

	for (size_t i = 0; i < N * Q; i += Q) {
		uint32_t some = 0;

		for (size_t q = 0; q < Q; q += COLUMNS)
			for (size_t k = q; k < q + COLUMNS; k++)
				some |= !(x[i + k] < bound[k]);
		if (!some)
			continue;
		for (size_t q = 0; q < Q; q++)
			if (!(x[i + q] < bound[q]))
				at[found++] = (uint32_t)(i + q);
	}
	return found;
}

typedef uint32_t bits __attribute__((may_alias));

/*
 * One row.  The largest magnitude is found by bits, which have the order of
 * the magnitudes; whole numbers by an addition that leaves no room for more.
 */
static bool quantize_row(int8_t *q, float *scale, const float *x, size_t D)
{
	const float magic = 12582912; /* 1.5 * 2^23: to even */
	const bits *b = (const bits *)x;
	int32_t top = 0;
	float most, up;

	for (size_t d = 0; d < D; d++) {
		const int32_t v = (int32_t)(b[d] & 0x7fffffff);

		top = v > top ? v : top;
	}
	memcpy(&most, &top, sizeof(most));
	*scale = most / 127;
	up = *scale > 0 ? 127 / most : 0;
	if (top >= 0x7f800000 || up > 1e38f)
		up = 0;
	for (size_t d = 0; d < D; d++) {
		const float v = x[d] * up + magic;
		int32_t i;

		memcpy(&i, &v, sizeof(i));
		q[d] = (int8_t)(uint8_t)((uint32_t)i - 0x4b400000u);
	}
	return top < 0x7f800000;
}

static size_t quantize(int8_t *q, float *scale, const float *rows, size_t N,
		       size_t D)
{
	for (size_t n = 0; n < N; n++)
		if (!quantize_row(q + n * D, &scale[n], rows + n * D, D))
			return n;
	return N;
}

const struct mm_scan_isa MM_ISA_TABLE = { f32,	i8,	      count_ge,
					  find, find_columns, quantize };
