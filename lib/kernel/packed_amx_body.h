/*
 * packed_amx_body.h - packed int8 and bfloat16 layers on matrix tiles (Intel's
 * AMX), over the few operations that a tile file brings:
 *
 *	tiles_configure(const struct tiles *)	clears all tiles
 *	TILE_LOAD(t, base, stride)  TILE_STORE(t, base, stride)
 *	TILE_DOT_INT8(c, a, b)	    c += a b, int8 in fours, sums in int32
 *	TILE_DOT_BF16(c, a, b)	    c += a b, bfloat16 in pairs, sums in float
 *	tiles_release()
 *
 * t, a, b and c are the numbers below.  Panels are those of AVX512-VNNI and
 * AVX512-BF16: words of four int8 or two bfloat16, and a panel's row of 32
 * words is two rows of tiles.  Activations are words as well, row by row:
 *
 *			B0 (k, 16)  B1 (k, 16)
 *	A0 (16, k)	C00	    C01		k <= 16 words at a time
 *	A1 (16, k)	C10	    C11
 *
 * What hangs over in rows or in words is cut by the tiles' shapes.
 */
#include <string.h>

#include "kernel/cast.h"
#include "kernel/packed_int8_end.h"

#define C00 0
#define C01 1
#define C10 2
#define C11 3
#define A0  4
#define A1  5
#define B0  6
#define B1  7

enum {
	SIDE = 16,	 /* rows of a tile, and words of one of its rows */
	BAND = 2 * SIDE, /* rows of activations at a time */
	LINE = 4 * NR,	 /* bytes of a panel's row, and of a row of sums */
	PIECE = 128,	 /* words: a piece of a panel fits the first cache */
};

/* A band of rows times a piece of a panel. */
struct band {
	size_t rows[2]; /* of A0 and A1 */
	const char *a, *b;
	size_t lda; /* bytes */
	size_t words;
	char *sums;
	bool first;
};

static void set_tile(struct tiles *t, int tile, size_t rows, size_t words)
{
	t->rows[tile] = (uint8_t)(words ? rows : 0);
	t->bytes[tile] = (uint16_t)(rows ? 4 * words : 0);
}

/* Tiles for so many words at a time, with the sums so far. */
static void begin(const struct band *p, size_t words)
{
	struct tiles t = { .palette = 1 };

	for (int i = 0; i < 2; i++) {
		set_tile(&t, C00 + i, p->rows[0], SIDE);
		set_tile(&t, C10 + i, p->rows[1], SIDE);
		set_tile(&t, A0 + i, p->rows[i], words);
		set_tile(&t, B0 + i, words, SIDE);
	}
	tiles_configure(&t);
	if (p->first)
		return; /* they are zero */
	TILE_LOAD(C00, p->sums, LINE);
	TILE_LOAD(C01, p->sums + LINE / 2, LINE);
	if (!p->rows[1])
		return;
	TILE_LOAD(C10, p->sums + SIDE * LINE, LINE);
	TILE_LOAD(C11, p->sums + SIDE * LINE + LINE / 2, LINE);
}

static void end(struct band *p)
{
	TILE_STORE(C00, p->sums, LINE);
	TILE_STORE(C01, p->sums + LINE / 2, LINE);
	if (p->rows[1]) {
		TILE_STORE(C10, p->sums + SIDE * LINE, LINE);
		TILE_STORE(C11, p->sums + SIDE * LINE + LINE / 2, LINE);
	}
	p->first = false;
}

#define STEP(name, DOT)                                             \
	static void step_##name(const struct band *p, size_t words) \
	{                                                           \
		const char *a = p->a + 4 * words;                   \
		const char *b = p->b + LINE * words;                \
                                                                    \
		TILE_LOAD(B0, b, LINE);                             \
		TILE_LOAD(A0, a, p->lda);                           \
		DOT(C00, A0, B0);                                   \
		TILE_LOAD(B1, b + LINE / 2, LINE);                  \
		DOT(C01, A0, B1);                                   \
		if (!p->rows[1])                                    \
			return;                                     \
		TILE_LOAD(A1, a + SIDE * p->lda, p->lda);           \
		DOT(C10, A1, B0);                                   \
		DOT(C11, A1, B1);                                   \
	}
STEP(int8, TILE_DOT_INT8)
STEP(bf16, TILE_DOT_BF16)

INLINE void step(enum mm_packed_type type, const struct band *p, size_t words)
{
	if (type == MM_PACKED_INT8)
		step_int8(p, words);
	else
		step_bf16(p, words);
}

/* sums (rows, NR) = (first ? 0 : sums) + band times piece. */
INLINE void multiply_band(enum mm_packed_type type, struct band *p)
{
	const size_t rest = p->words % SIDE, whole = p->words - rest;

	if (whole || p->first) { /* zeros also where there are no words */
		begin(p, SIDE);
		for (size_t w = 0; w < whole; w += SIDE)
			step(type, p, w);
		end(p);
	}
	if (rest) {
		begin(p, rest);
		step(type, p, whole);
		end(p);
	}
}

/* One panel; what its sums become is the caller's. */
INLINE void panel(enum mm_packed_type type, const char *x, size_t rows,
		  const char *b, size_t words, char *sums)
{
	size_t w = 0;

	do { /* once also for no words */
		const size_t some = words - w < PIECE ? words - w : PIECE;

		for (size_t i = 0; i < rows; i += BAND) {
			const size_t r = rows - i < BAND ? rows - i : BAND;
			struct band p = {
				.rows = { r < SIDE ? r : SIDE,
					  r < SIDE ? 0 : r - SIDE },
				.a = x + 4 * (i * words + w),
				.b = b + LINE * w,
				.lda = 4 * words,
				.words = some,
				.sums = sums + i * LINE,
				.first = w == 0,
			};

			multiply_band(type, &p);
		}
		w += PIECE;
	} while (w < words);
}

static void int8_columns(const struct mm_linear *l, size_t m, size_t rows,
			 size_t n, size_t n_end, const void *x,
			 const float *scale, union mm_packed_sums *sums)
{
	const size_t words = (l->w->C + 3) / 4;

	for (; n < n_end; n += NR) {
		struct half h[2];

		halves(l, n, h);
		panel(MM_PACKED_INT8, x, rows,
		      (const char *)l->w->panels + n * 4 * words, words,
		      (char *)sums);
		dequantize(l, m, rows, n, h, scale, sums->i);
	}
	tiles_release();
}

static void bf16_columns(const struct mm_linear *l, size_t m, size_t rows,
			 size_t n, size_t n_end, const void *x,
			 const float *scale, union mm_packed_sums *sums)
{
	const size_t words = (l->w->C + 1) / 2;

	(void)scale;
	for (; n < n_end; n += NR) {
		float bias[NR] __attribute__((aligned(64)));

		bias_of(l, n, bias);
		panel(MM_PACKED_BF16, x, rows,
		      (const char *)l->w->panels + n * 4 * words, words,
		      (char *)sums);
		end_tile(l, m, rows, n, bias, sums->f);
	}
	tiles_release();
}

static void int8_pack_x(const struct mm_linear *l, size_t m, size_t rows,
			void *x, float *scale)
{
	const size_t C = l->w->C, row = (C + 3) / 4 * 4;
	int8_t *q = x;

	for (size_t i = 0; i < rows; i++, q += row) {
		const float *r = l->x + (m + i) * l->ldx;

		scale[i] = row_scale(l, r);
		mm_vec()->quantize(q, r, scale[i] > 0 ? 1 / scale[i] : 0, C);
		memset(q + C, 0, row - C);
	}
}

static void bf16_pack_x(const struct mm_linear *l, size_t m, size_t rows,
			void *x, float *scale)
{
	const size_t C = l->w->C, row = (C + 1) / 2 * 2;
	uint16_t *h = x;

	(void)scale;
	for (size_t i = 0; i < rows; i++, h += row) {
		mm_f32_to_bf16(h, l->x + (m + i) * l->ldx, C);
		if (C % 2)
			h[C] = 0;
	}
}

const struct mm_packed_isa MM_NAME(int8) = {
	"int8x32x4", MM_PACKED_INT8, BAND,	   NR, 4, 1,
	1,	     int8_pack_x,    int8_columns,
};
const struct mm_packed_isa MM_NAME(bf16) = {
	"bf16x32x2", MM_PACKED_BF16, BAND,	   NR, 2, 2,
	2,	     bf16_pack_x,    bf16_columns,
};
