/*
 * scan_avx512vnni.c - four queries at a time against rows of whole numbers for
 * AVX512-VNNI: vpdpbusd takes unsigned times signed bytes, so 128 is added to
 * the rows and 128 times a query's sum taken away at the end.
 */
#include "kernel/scan.h"
#if !defined(MM_DOUBLE) && defined(__AVX512VNNI__)
#include <immintrin.h>
#include <string.h>

/* 128 times the sum of q[0..D). */
static int32_t shift_of(const int8_t *q, size_t D)
{
	int32_t s = 0;

	for (size_t d = 0; d < D; d++)
		s += q[d];
	return 128 * s;
}

/* The sums of four registers, side by side. */
static inline __m128i sums(__m512i a, __m512i b, __m512i c, __m512i d)
{
	const __m256i ab = _mm256_hadd_epi32(
		_mm256_add_epi32(_mm512_castsi512_si256(a),
				 _mm512_extracti64x4_epi64(a, 1)),
		_mm256_add_epi32(_mm512_castsi512_si256(b),
				 _mm512_extracti64x4_epi64(b, 1)));
	const __m256i cd = _mm256_hadd_epi32(
		_mm256_add_epi32(_mm512_castsi512_si256(c),
				 _mm512_extracti64x4_epi64(c, 1)),
		_mm256_add_epi32(_mm512_castsi512_si256(d),
				 _mm512_extracti64x4_epi64(d, 1)));
	const __m256i all = _mm256_hadd_epi32(ab, cd);

	return _mm_add_epi32(_mm256_castsi256_si128(all),
			     _mm256_extracti128_si256(all, 1));
}

/* Rows at x and y against the queries; y may be x. */
static inline void dot_four(__m128i out[2], const int8_t *x, const int8_t *y,
			    const int8_t *q, size_t D)
{
	const __m512i flip = _mm512_set1_epi8((char)0x80);
	__m512i a0 = _mm512_setzero_si512(), a1 = a0, a2 = a0, a3 = a0;
	__m512i b0 = a0, b1 = a0, b2 = a0, b3 = a0, u, v, w;

	for (size_t i = 0; i < D; i += 64) {
		/* Bytes behind D are 0 in the queries: no matter here. */
		const __mmask64 m = D - i < 64 ? ((__mmask64)1 << (D - i)) - 1
					       : ~(__mmask64)0;

		u = _mm512_xor_si512(_mm512_maskz_loadu_epi8(m, x + i), flip);
		v = _mm512_xor_si512(_mm512_maskz_loadu_epi8(m, y + i), flip);
		w = _mm512_maskz_loadu_epi8(m, q + i);
		a0 = _mm512_dpbusd_epi32(a0, u, w);
		b0 = _mm512_dpbusd_epi32(b0, v, w);
		w = _mm512_maskz_loadu_epi8(m, q + D + i);
		a1 = _mm512_dpbusd_epi32(a1, u, w);
		b1 = _mm512_dpbusd_epi32(b1, v, w);
		w = _mm512_maskz_loadu_epi8(m, q + 2 * D + i);
		a2 = _mm512_dpbusd_epi32(a2, u, w);
		b2 = _mm512_dpbusd_epi32(b2, v, w);
		w = _mm512_maskz_loadu_epi8(m, q + 3 * D + i);
		a3 = _mm512_dpbusd_epi32(a3, u, w);
		b3 = _mm512_dpbusd_epi32(b3, v, w);
	}
	out[0] = sums(a0, a1, a2, a3);
	out[1] = sums(b0, b1, b2, b3);
}

void mm_scan_i8_four_vnni(int32_t *out, const int8_t *rows, size_t N,
			  const int8_t *q, size_t D)
{
	int32_t shift[4], one[8];
	__m128i pair[2];

	for (size_t k = 0; k < 4; k++)
		shift[k] = shift_of(q + k * D, D);
	for (size_t n = 0; n < N; n += 2) {
		const size_t rows_here = N - n < 2 ? 1 : 2;
		const int8_t *x = rows + n * D;

		dot_four(pair, x, rows_here == 2 ? x + D : x, q, D);
		memcpy(one, pair, sizeof(one));
		for (size_t r = 0; r < rows_here; r++)
			for (size_t k = 0; k < 4; k++)
				out[k * N + n + r] = one[4 * r + k] - shift[k];
	}
}
#else
typedef int mm_scan_avx512vnni_absent;
#endif
