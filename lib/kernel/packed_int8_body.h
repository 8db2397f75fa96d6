/*
 * packed_int8_body.h - packed linear layers with exact int32 sums, for one dot
 * product instruction; included with the macros of tile_body.h and
 *
 *	MM_STEP		inputs that one instruction takes per sum
 *	MM_X_BYTES	bytes of a packed activation; MM_STEP of them are a word
 *	MM_X_OFFSET	added to activations: 128 where they must be unsigned,
 *			in which case l->w->shift takes it back
 *	MM_NAME		name of the table
 *	MM_LAYOUT	the layout in a word
 *
 * and the functions
 *
 *	ivec	a vector of VL int32
 *	ivec spread(const int32_t *word)	to all elements
 *	wvec weights(const int8_t *b)		VL columns of MM_STEP weights
 *	ivec dot(ivec sum, ivec x, wvec w)
 *	int32_t pack_word(const int8_t *q)	MM_STEP activations as a word
 */
#include "kernel/packed_body.h"

enum {
	KC = 512, /* a piece of a panel, and of a tile, fit the first cache */
	ROW = NR * MM_STEP, /* bytes of a panel's row of weights   */
	AHEAD = 1536,
	PIECE = 256, /* activations quantised at a time */
};

INLINE void tile(size_t R, size_t kc, const int32_t *restrict a,
		 const int8_t *restrict b, int32_t *sums, int first)
{
	ivec x[MR][2];

	UNROLL
	for (size_t i = 0; i < R; i++) {
		x[i][0] = first ? (ivec){ 0 } : load_sums(sums + i * NR);
		x[i][1] = first ? (ivec){ 0 } : load_sums(sums + i * NR + VL);
	}
	for (size_t k = 0; k < kc; k += MM_STEP, a += R, b += ROW) {
		const wvec b0 = weights(b), b1 = weights(b + ROW / 2);

		__builtin_prefetch(b + AHEAD);
		if (ROW > 64)
			__builtin_prefetch(b + AHEAD + 64);
		UNROLL
		for (size_t i = 0; i < R; i++) {
			const ivec v = spread(a + i);

			x[i][0] = dot(x[i][0], v, b0);
			x[i][1] = dot(x[i][1], v, b1);
		}
	}
	UNROLL
	for (size_t i = 0; i < R; i++) {
		store_sums(sums + i * NR, x[i][0]);
		store_sums(sums + i * NR + VL, x[i][1]);
	}
}

typedef void tile_fn(size_t kc, const int32_t *a, const int8_t *b,
		     int32_t *sums, int first);

#define TILE(R)                                                            \
	static void tile_##R(size_t kc, const int32_t *a, const int8_t *b, \
			     int32_t *sums, int first)                     \
	{                                                                  \
		tile(R, kc, a, b, sums, first);                            \
	}
MM_EACH_R(TILE)

static tile_fn *const tile_of[MR] = {
#define ROW_OF(R) tile_##R,
	MM_EACH_R(ROW_OF)
};

/* In place: int32 sums of one tile become x W^T. */
INLINE void dequantize(const struct mm_linear *l, size_t rows, size_t n,
		       const float *scale, int32_t *sums)
{
	const float *w_scale = l->w->scale + n;
	const int32_t *shift = l->w->shift + n;
	float *out = (float *)(void *)sums;

	for (size_t i = 0; i < rows; i++, sums += NR, out += NR) {
		const float s = scale[i];

		for (size_t j = 0; j < NR; j++) {
			const int32_t sum =
				sums[j] - (MM_X_OFFSET ? shift[j] : 0);

			out[j] = (float)sum * (s * w_scale[j]);
		}
	}
}

static void columns(const struct mm_linear *l, size_t m, size_t rows, size_t n,
		    size_t n_end, const void *x, const float *scale,
		    union mm_packed_sums *sums)
{
	const size_t C = (l->w->C + MM_STEP - 1) / MM_STEP * MM_STEP;
	const size_t n_tiles = tiles(rows);

	for (; n < n_end; n += NR) {
		const int8_t *b = (const int8_t *)l->w->panels + n * C;
		size_t k = 0;

		do { /* once also for C = 0 */
			const size_t kc = C - k < KC ? C - k : KC;

			for (size_t t = 0; t < n_tiles; t++) {
				const size_t i = tile_row(rows, t);
				const size_t R = tile_row(rows, t + 1) - i;
				int32_t *s = sums->i + i * NR;

				tile_of[R - 1](kc,
					       (const int32_t *)x +
						       (i * C + k * R) /
							       MM_STEP,
					       b + k * NR, s, k == 0);
				if (k + kc < C)
					continue;
				dequantize(l, R, n, scale + i, s);
				finish(l, m + i, R, n, sums->f + i * NR);
			}
			k += KC;
		} while (k < C);
	}
}

/* scale[i] of rows m.. of l->x: max|x| / 127, or l->x_scale; NaN where the
 * row holds a NaN or an infinity. */
static void row_scales(const struct mm_linear *l, size_t m, size_t rows,
		       float *scale)
{
	const int32_t infinity = 0x7f800000;

	for (size_t i = 0; i < rows; i++) {
		const int32_t top =
			mm_vec()->top_bits(l->x + (m + i) * l->ldx, l->w->C);
		float f;

		memcpy(&f, &top, sizeof(f));
		scale[i] = top >= infinity ? NAN
			   : l->x_scale	   ? *l->x_scale
					   : f / 127;
	}
}

static void pack_x(const struct mm_linear *l, size_t m, size_t rows, void *x,
		   float *scale)
{
	int8_t q[MR * PIECE];
	int32_t *out = x;

	row_scales(l, m, rows, scale);
	for (size_t c = 0; c < l->w->C; c += PIECE) {
		const size_t left = l->w->C - c;
		const size_t have = left < PIECE ? left : PIECE;
		const size_t words = (have + MM_STEP - 1) / MM_STEP;

		for (size_t i = 0; i < rows; i++) {
			const float s = scale[i];

			mm_vec()->quantize(q + i * PIECE,
					   l->x + (m + i) * l->ldx + c,
					   s > 0 ? 1 / s : 0, have);
			for (size_t k = have; k < words * MM_STEP; k++)
				q[i * PIECE + k] = 0;
		}
		for (size_t k = 0; k < words; k++)
			for (size_t i = 0; i < rows; i++)
				*out++ = pack_word(q + i * PIECE + k * MM_STEP);
	}
}

const struct mm_packed_isa MM_NAME = {
	MM_LAYOUT, MM_PACKED_INT8, MR,	   NR,	    MM_STEP,
	1,	   MM_X_BYTES,	   pack_x, columns,
};
