/*
 * packed_bf16_avx512bf16.c - packed bfloat16 layers for AVX512-BF16: vdpbf16ps
 * adds two products per sum, so weights and activations lie in pairs.
 */
#if !defined(MM_DOUBLE) && defined(__AVX512BF16__)
#define MM_VEC_BYTES 64
#define MM_MR	     12
#define MM_EACH_R(X) \
	X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12)

#include <immintrin.h>
#include <stdint.h>

#include "kernel/cast.h"
#include "kernel/packed_body.h"

enum { KC = 512, ROW = NR * 4 };

typedef int32_t word __attribute__((may_alias));

/* sums (R, NR) = (first ? 0 : sums) + pairs of tile a times panel b. */
INLINE void tile(size_t R, size_t kc, const word *restrict a,
		 const char *restrict b, float *sums, int first)
{
	__m512 x[MR][2];

	UNROLL
	for (size_t i = 0; i < R; i++) {
		x[i][0] = first ? (vec){ 0 } : load(sums + i * NR);
		x[i][1] = first ? (vec){ 0 } : load(sums + i * NR + VL);
	}
	for (size_t k = 0; k < kc; k += 2, a += R, b += ROW) {
		const __m512bh b0 = (__m512bh)_mm512_load_si512(b);
		const __m512bh b1 = (__m512bh)_mm512_load_si512(b + 64);

		__builtin_prefetch(b + AHEAD);
		__builtin_prefetch(b + AHEAD + 64);
		UNROLL
		for (size_t i = 0; i < R; i++) {
			const __m512bh v = (__m512bh)_mm512_set1_epi32(a[i]);

			x[i][0] = _mm512_dpbf16_ps(x[i][0], v, b0);
			x[i][1] = _mm512_dpbf16_ps(x[i][1], v, b1);
		}
	}
	UNROLL
	for (size_t i = 0; i < R; i++) {
		store(sums + i * NR, x[i][0]);
		store(sums + i * NR + VL, x[i][1]);
	}
}

typedef void tile_fn(size_t kc, const word *a, const char *b, float *sums,
		     int first);

#define TILE(R)                                                       \
	static void tile_##R(size_t kc, const word *a, const char *b, \
			     float *sums, int first)                  \
	{                                                             \
		tile(R, kc, a, b, sums, first);                       \
	}
MM_EACH_R(TILE)

static tile_fn *const tile_of[MR] = {
#define ROW_OF(R) tile_##R,
	MM_EACH_R(ROW_OF)
};

static void columns(const struct mm_linear *l, size_t m, size_t rows, size_t n,
		    size_t n_end, const void *x, const float *scale,
		    union mm_packed_sums *sums)
{
	const size_t C = (l->w->C + 1) / 2 * 2, n_tiles = tiles(rows);

	(void)scale;
	for (; n < n_end; n += NR) {
		const char *b = (const char *)l->w->panels + n * C * 2;
		float bias[NR] __attribute__((aligned(64)));
		size_t k = 0;

		bias_of(l, n, bias);
		do { /* once also for C = 0 */
			const size_t kc = C - k < KC ? C - k : KC;

			for (size_t t = 0; t < n_tiles; t++) {
				const size_t i = tile_row(rows, t);
				const size_t R = tile_row(rows, t + 1) - i;

				tile_of[R - 1](kc,
					       (const word *)x +
						       (i * C + k * R) / 2,
					       b + k * NR * 2, sums->f + i * NR,
					       k == 0);
				if (k + kc == C)
					end_tile(l, m + i, R, n, bias,
						 sums->f + i * NR);
			}
			k += KC;
		} while (k < C);
	}
}

/* Pairs of rounded activations; an odd last one has a zero beside it. */
static void pack_x(const struct mm_linear *l, size_t m, size_t rows, void *x,
		   float *scale)
{
	enum { PIECE = 256 };
	const size_t C = l->w->C;
	uint16_t h[MR][PIECE];
	word *out = x;

	(void)scale;
	for (size_t c = 0; c < C; c += PIECE) {
		const size_t n = C - c < PIECE ? C - c : PIECE;

		for (size_t i = 0; i < rows; i++) {
			mm_f32_to_bf16(h[i], l->x + (m + i) * l->ldx + c, n);
			if (n % 2)
				h[i][n] = 0;
		}
		for (size_t k = 0; k < n; k += 2)
			for (size_t i = 0; i < rows; i++)
				memcpy(out++, &h[i][k], sizeof(*out));
	}
}

const struct mm_packed_isa mm_packed_bf16_avx512bf16 = {
	"bf16x32x2", MM_PACKED_BF16, MR, NR, 2, 2, 2, pack_x, columns,
};
#else
typedef int mm_packed_bf16_avx512bf16_absent;
#endif
