/*
 * gemm_avx512bf16.c - matrix product blocks of operands in bfloat16: they are
 * rounded as they are packed, and vdpbf16ps adds two products to a sum.
 */
#if !defined(MM_DOUBLE) && defined(__AVX512BF16__)
#define MM_VEC_BYTES 64
#define MM_MR	     12
#define MM_EACH_R(X) \
	X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12)
#define MM_PAIR	     2
#define MM_ISA_TABLE mm_gemm_avx512bf16

#include <immintrin.h>

/* Words of two bfloat16 travel as floats: only moved, never computed with. */
#define MM_MADD(sum, a, b)                                                 \
	_mm512_dpbf16_ps(sum,                                              \
			 (__m512bh)_mm512_castps_si512(_mm512_set1_ps(a)), \
			 (__m512bh)_mm512_castps_si512(b))

#include "kernel/gemm.h"
#include "kernel/tile_body.h"

static __mmask16 first(size_t n)
{
	return (__mmask16)(n < VL ? (1u << n) - 1 : 0xffff);
}

/* out[j] = (lo[j], hi[j]), j < n; zeros up to W.  hi NULL: zeros. */
INLINE void pair_up(float *out, const float *lo, const float *hi, size_t n,
		    size_t W)
{
	const __m512i order = _mm512_set_epi16(
		31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8,
		23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);

	for (size_t j = 0; j < W; j += VL) {
		const __mmask16 have = first(n > j ? n - j : 0);
		const __m512 l = _mm512_maskz_loadu_ps(have, lo + j);
		const __m512 h = hi ? _mm512_maskz_loadu_ps(have, hi + j)
				    : _mm512_setzero_ps();
		const __m512i both = (__m512i)_mm512_cvtne2ps_pbh(h, l);

		_mm512_mask_storeu_epi32(out + j, first(W - j),
					 _mm512_permutexvar_epi16(order, both));
	}
}

/* kc rows of n numbers, sk apart, as (kc + 1) / 2 rows of W words. */
INLINE void pair_rows(float *out, const float *in, size_t kc, size_t n,
		      size_t W, size_t sk)
{
	for (size_t k = 0; k < kc; k += 2, out += W)
		pair_up(out, in + k * sk, k + 1 < kc ? in + (k + 1) * sk : NULL,
			n, W);
}

/* One row of kc numbers as (kc + 1) / 2 words. */
static void narrow_row(float *out, const float *in, size_t kc)
{
	for (size_t k = 0; k < kc; k += 2 * VL, out += VL) {
		const size_t left = kc - k;
		const __m512 l = _mm512_maskz_loadu_ps(first(left), in + k);
		const __m512 h = _mm512_maskz_loadu_ps(
			first(left > VL ? left - VL : 0), in + k + VL);

		_mm512_mask_storeu_epi32(out, first((left + 1) / 2),
					 (__m512i)_mm512_cvtne2ps_pbh(h, l));
	}
}

/* Tiles where A lies transposed, else its rows one after another. */
static void pack_a(const struct mm_gemm *p, size_t m0, size_t mc, size_t k0,
		   size_t kc, mm_real *panels);

static void pack_b(const struct mm_gemm *p, size_t k0, size_t kc, size_t n0,
		   size_t nc, mm_real *panels);

#include "kernel/gemm_body.h"

static void pack_a(const struct mm_gemm *p, size_t m0, size_t mc, size_t k0,
		   size_t kc, mm_real *panels)
{
	const size_t kw = (kc + 1) / 2;

	for (size_t i = 0; !p->ta && i < mc; i++)
		narrow_row(panels + i * kw, p->A + (m0 + i) * p->lda + k0, kc);
	for (size_t t = 0; p->ta && t < tiles(mc); t++) {
		const size_t i = tile_row(mc, t);
		const size_t rows = tile_row(mc, t + 1) - i;

		pair_rows(panels + i * kw, p->A + k0 * p->lda + m0 + i, kc,
			  rows, rows, p->lda);
	}
}

static void pack_b(const struct mm_gemm *p, size_t k0, size_t kc, size_t n0,
		   size_t nc, mm_real *panels)
{
	const size_t kw = (kc + 1) / 2;
	float rows[NR * KC / 2] __attribute__((aligned(64)));

	for (size_t j = 0; j < nc; j += NR) {
		const size_t n = nc - j < NR ? nc - j : NR;
		float *out = panels + j * kw;

		if (!p->tb) {
			pair_rows(out, p->B + k0 * p->ldb + n0 + j, kc, n, NR,
				  p->ldb);
			continue;
		}
		for (size_t i = 0; i < n; i++)
			narrow_row(rows + i * kw,
				   p->B + (n0 + j + i) * p->ldb + k0, kc);
		pack_panel(out, rows, kw, n, NR, 1, kw);
	}
}
#else
typedef int mm_gemm_avx512bf16_absent;
#endif
