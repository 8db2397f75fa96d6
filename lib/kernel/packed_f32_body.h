/*
 * packed_f32_body.h - packed linear layers whose sums are in float, for one
 * vector width; included with the macros of tile_body.h and
 *
 *	MM_NAME(type)	names of the tables, type = f32, bf16, w8
 *	MM_WIDTH	columns of a panel, as a string
 *
 *	widen_bf16(), widen_int8()	VL weights as floats
 *
 * Narrow weights are widened as they are read: two instructions per vector,
 * for half or a quarter of the memory traffic.
 */
#include <stdint.h>

#include "kernel/packed_body.h"

typedef uint32_t word __attribute__((may_alias));

enum { KC = 256 };

INLINE void multiply_row(size_t R, const float *restrict a, vec b0, vec b1,
			 vec x[MR][2])
{
	UNROLL
	for (size_t i = 0; i < R; i++) {
		x[i][0] += a[i] * b0;
		x[i][1] += a[i] * b1;
	}
}

INLINE void multiply_f32(size_t R, bool lone, size_t kc,
			 const float *restrict a, const char *restrict b,
			 vec x[MR][2], struct ahead ahead)
{
	for (size_t k = 0; k < kc; k++, a += R, b += 4 * NR) {
		ask(&ahead, lone, 4 * NR);
		multiply_row(R, a, load((const float *)(const void *)b),
			     load((const float *)(const void *)b + VL), x);
	}
}

/* Narrow weights: `bytes` each, widened as they are read. */
INLINE void multiply_narrow(size_t R, size_t bytes, size_t kc,
			    const float *restrict a, const char *restrict b,
			    vec x[MR][2], struct ahead ahead)
{
	for (size_t k = 0; k < kc; k++, a += R, b += bytes * NR) {
		ask(&ahead, false, bytes * NR);
		if (bytes == 2)
			multiply_row(R, a, widen_bf16(b),
				     widen_bf16(b + 2 * VL), x);
		else
			multiply_row(R, a, widen_int8(b), widen_int8(b + VL),
				     x);
	}
}

/* sums (R, NR) = (first ? 0 : sums) + tile a times kc rows of panel b. */
INLINE void tile(enum mm_packed_type type, bool lone, size_t R, size_t kc,
		 const float *restrict a, const char *restrict b, float *sums,
		 int first, struct ahead ahead)
{
	vec x[MR][2];

	UNROLL
	for (size_t i = 0; i < R; i++) {
		x[i][0] = first ? (vec){ 0 } : load(sums + i * NR);
		x[i][1] = first ? (vec){ 0 } : load(sums + i * NR + VL);
	}
	if (type == MM_PACKED_F32)
		multiply_f32(R, lone, kc, a, b, x, ahead);
	else
		multiply_narrow(R, type == MM_PACKED_BF16 ? 2 : 1, kc, a, b, x,
				ahead);
	UNROLL
	for (size_t i = 0; i < R; i++) {
		store(sums + i * NR, x[i][0]);
		store(sums + i * NR + VL, x[i][1]);
	}
}

typedef void tile_fn(size_t kc, const float *a, const char *b, float *sums,
		     int first, struct ahead ahead);

#define TILE(name, type, lone, R)                                          \
	static void name##_##R(size_t kc, const float *a, const char *b,   \
			       float *sums, int first, struct ahead ahead) \
	{                                                                  \
		tile(type, lone, R, kc, a, b, sums, first, ahead);         \
	}
#define TILE_F32(R)  TILE(f32, MM_PACKED_F32, false, R)
#define TILE_LONE(R) TILE(lone, MM_PACKED_F32, true, R)
#define TILE_BF16(R) TILE(bf16, MM_PACKED_BF16, false, R)
#define TILE_W8(R)   TILE(w8, MM_PACKED_W8, false, R)
MM_EACH_R(TILE_F32)
MM_EACH_R(TILE_LONE)
MM_EACH_R(TILE_BF16)
MM_EACH_R(TILE_W8)

enum { LONE_F32 = MM_N_PACKED_TYPES };

static tile_fn *const tile_of[][MR] = {
#define F32(R)	f32_##R,
#define LONE(R) lone_##R,
#define BF16(R) bf16_##R,
#define W8(R)	w8_##R,
	[MM_PACKED_F32] = { MM_EACH_R(F32) },
	[LONE_F32] = { MM_EACH_R(LONE) },
	[MM_PACKED_BF16] = { MM_EACH_R(BF16) },
	[MM_PACKED_W8] = { MM_EACH_R(W8) },
};

static void scale_columns(const struct mm_linear *l, size_t rows, size_t n,
			  float *t)
{
	const float *scale = l->w->scale + n;

	for (size_t i = 0; i < rows; i++)
		for (size_t j = 0; j < NR; j++)
			t[i * NR + j] *= scale[j];
}

/*
 * Blocks of K so that a piece of a panel stays in the first-level cache while
 * all rows pass by; a tile that is summed up is finished at once.
 */
INLINE void columns(const struct mm_linear *l, size_t w_bytes, size_t m,
		    size_t rows, size_t n, size_t n_end, const float *x,
		    float *sums)
{
	const size_t C = l->w->C, n_tiles = tiles(rows);
	tile_fn *const *tile_of_R =
		tile_of[n_tiles == 1 && l->w->type == MM_PACKED_F32
				? (size_t)LONE_F32
				: (size_t)l->w->type];

	for (; n < n_end; n += NR) {
		const char *b = (const char *)l->w->panels + n * C * w_bytes;
		float bias[NR] __attribute__((aligned(64)));
		size_t k = 0;

		bias_of(l, n, bias);
		do { /* once also for C = 0 */
			const size_t kc = C - k < KC ? C - k : KC;

			for (size_t t = 0; t < n_tiles; t++) {
				const size_t i = tile_row(rows, t);
				const size_t R = tile_row(rows, t + 1) - i;
				float *s = sums + i * NR;

				tile_of_R[R - 1](
					kc, x + i * C + k * R,
					b + k * NR * w_bytes, s, k == 0,
					look_ahead(b + k * NR * w_bytes, kc,
						   NR * w_bytes, t, n_tiles));
				if (k + kc < C)
					continue;
				if (l->w->type == MM_PACKED_W8)
					scale_columns(l, R, n, s);
				end_tile(l, m + i, R, n, bias, s);
			}
			k += KC;
		} while (k < C);
	}
}

#define COLUMNS(name, bytes)                                            \
	static void name##_columns(const struct mm_linear *l, size_t m, \
				   size_t rows, size_t n, size_t n_end, \
				   const void *x, const float *scale,   \
				   union mm_packed_sums *sums)          \
	{                                                               \
		(void)scale;                                            \
		columns(l, bytes, m, rows, n, n_end, x, sums->f);       \
	}
COLUMNS(f32, 4)
COLUMNS(bf16, 2)
COLUMNS(w8, 1)

static void pack_x(const struct mm_linear *l, size_t m, size_t rows, void *x,
		   float *scale)
{
	const float *in = l->x + m * l->ldx;

	(void)scale;
	if (rows == MR)
		pack_panel(x, in, l->w->C, MR, MR, 1, l->ldx);
	else
		pack_panel(x, in, l->w->C, rows, rows, 1, l->ldx);
}

/* Rounded to bfloat16: nearest, ties to even; a NaN stays one. */
static void pack_x_bf16(const struct mm_linear *l, size_t m, size_t rows,
			void *x, float *scale)
{
	const size_t n = rows * l->w->C;
	word *u = x;

	pack_x(l, m, rows, x, scale);
	for (size_t i = 0; i < n; i++) {
		const uint32_t up = u[i] + 0x7fff + (u[i] >> 16 & 1);
		const int nan = (u[i] & 0x7fffffff) > 0x7f800000;

		u[i] = (nan ? u[i] | 0x400000 : up) & 0xffff0000;
	}
}

const struct mm_packed_isa MM_NAME(f32) = {
	"f32x" MM_WIDTH, MM_PACKED_F32, MR, NR, 1, 4, 4, pack_x, f32_columns,
};
const struct mm_packed_isa MM_NAME(bf16) = {
	"bf16x" MM_WIDTH, MM_PACKED_BF16, MR, NR, 1, 2, 4,
	pack_x_bf16,	  bf16_columns,
};
const struct mm_packed_isa MM_NAME(w8) = {
	"w8x" MM_WIDTH, MM_PACKED_W8, MR, NR, 1, 1, 4, pack_x, w8_columns,
};
