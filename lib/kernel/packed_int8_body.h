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
#include "kernel/packed_int8_end.h"

enum {
	KC = 768, /* a piece of a panel, and of a tile, fit the first cache */
	ROW = NR * MM_STEP, /* bytes of a panel's row of weights   */
	PIECE = 1024,	    /* activations quantised at a time */
};

INLINE void tile(size_t R, bool lone, size_t kc, const int32_t *restrict a,
		 const int8_t *restrict b, int32_t *sums, int first,
		 struct ahead ahead)
{
	ivec x[MR][2];

	UNROLL
	for (size_t i = 0; i < R; i++) {
		x[i][0] = first ? (ivec){ 0 } : load_sums(sums + i * NR);
		x[i][1] = first ? (ivec){ 0 } : load_sums(sums + i * NR + VL);
	}
	for (size_t k = 0; k < kc; k += MM_STEP, a += R, b += ROW) {
		const wvec b0 = weights(b), b1 = weights(b + ROW / 2);

		ask(&ahead, lone, ROW);
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
		     int32_t *sums, int first, struct ahead ahead);

#define TILE(name, lone, R)                                                  \
	static void name##_##R(size_t kc, const int32_t *a, const int8_t *b, \
			       int32_t *sums, int first, struct ahead ahead) \
	{                                                                    \
		tile(R, lone, kc, a, b, sums, first, ahead);                 \
	}
#define TILE_ONE(R)  TILE(lone, true, R)
#define TILE_MANY(R) TILE(tile, false, R)
MM_EACH_R(TILE_ONE)
MM_EACH_R(TILE_MANY)

/* Of many, and lone ones. */
static tile_fn *const tile_of[2][MR] = {
#define MANY(R) tile_##R,
#define LONE(R) lone_##R,
	{ MM_EACH_R(MANY) },
	{ MM_EACH_R(LONE) },
};

static void columns(const struct mm_linear *l, size_t m, size_t rows, size_t n,
		    size_t n_end, const void *x, const float *scale,
		    union mm_packed_sums *sums)
{
	const size_t C = (l->w->C + MM_STEP - 1) / MM_STEP * MM_STEP;
	const size_t n_tiles = tiles(rows);

	for (; n < n_end; n += NR) {
		const int8_t *b = (const int8_t *)l->w->panels + n * C;
		struct half h[2];
		size_t k = 0;

		halves(l, n, h);
		do { /* once also for C = 0 */
			const size_t kc = C - k < KC ? C - k : KC;

			for (size_t t = 0; t < n_tiles; t++) {
				const size_t i = tile_row(rows, t);
				const size_t R = tile_row(rows, t + 1) - i;
				int32_t *s = sums->i + i * NR;

				if (k + kc >= C)
					foresee(l, m + i, R, n);
				tile_of[n_tiles == 1][R - 1](
					kc,
					(const int32_t *)x +
						(i * C + k * R) / MM_STEP,
					b + k * NR, s, k == 0,
					look_ahead(b + k * NR, kc / MM_STEP,
						   ROW, t, n_tiles));
				if (k + kc < C)
					continue;
				dequantize(l, m + i, R, n, h, scale + i, s);
			}
			k += KC;
		} while (k < C);
	}
}

/* Words move as floats, which keeps their bits. */
typedef int32_t bits __attribute__((may_alias));

/* n activations as words; the last one is filled up with zeros. */
static void to_words(bits *restrict word, const float *x, float scale, size_t n)
{
	int8_t q[PIECE + MM_STEP];

	mm_vec()->quantize(q, x, scale > 0 ? 1 / scale : 0, n);
	memset(q + n, 0, MM_STEP);
	for (size_t k = 0; k * MM_STEP < n; k++)
		word[k] = pack_word(q + k * MM_STEP);
}

static void pack_x(const struct mm_linear *l, size_t m, size_t rows, void *x,
		   float *scale)
{
	float word[MR][PIECE / MM_STEP], *out = x;

	for (size_t c = 0; c < l->w->C; c += PIECE) {
		const size_t left = l->w->C - c;
		const size_t have = left < PIECE ? left : PIECE;
		const size_t words = (have + MM_STEP - 1) / MM_STEP;

		for (size_t i = 0; i < rows; i++) {
			const float *r = l->x + (m + i) * l->ldx;

			if (!c)
				scale[i] = row_scale(l, r);
			to_words((bits *)word[i], r + c, scale[i], have);
		}
		if (rows == MR)
			pack_panel(out, word[0], words, MR, MR, 1,
				   PIECE / MM_STEP);
		else
			pack_panel(out, word[0], words, rows, rows, 1,
				   PIECE / MM_STEP);
		out += words * rows;
	}
}

const struct mm_packed_isa MM_NAME = {
	MM_LAYOUT, MM_PACKED_INT8, MR,	   NR,	    MM_STEP,
	1,	   MM_X_BYTES,	   pack_x, columns,
};
