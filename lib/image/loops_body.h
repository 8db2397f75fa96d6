/*
 * loops_body.h - included by loops*.c; LOOPS names the table.
 *
 * The horizontal pass turns strips of 32 rows on their side, so that the 32
 * rows of one column lie side by side and one weight multiplies all of them;
 * after that it is the same loop as the vertical pass.  Products are 8 x 22
 * bits in 32-bit integers, as Pillow's: 16-bit weights would be quicker and
 * off by one.  LOOPS_DOT: with VNNI's sums of four products.
 */
#include "image/loops.h"

#include <string.h>

typedef uint8_t bytes16 __attribute__((vector_size(16)));
typedef uint8_t bytes32 __attribute__((vector_size(32)));
typedef uint32_t words8 __attribute__((vector_size(32)));
typedef int32_t ints8 __attribute__((vector_size(32)));
typedef uint64_t longs4 __attribute__((vector_size(32)));

/*
 * 32 bytes are taken as 8 words; accumulator k has byte k of each word, so
 * that nothing need be widened or packed.  acc[k] += byte k * w.
 */
#define ADD32(acc, p, w)                                      \
	do {                                                  \
		words8 v_;                                    \
		memcpy(&v_, p, 32);                           \
		(acc)[0] += (v_ & 255) * (uint32_t)(w);       \
		(acc)[1] += (v_ >> 8 & 255) * (uint32_t)(w);  \
		(acc)[2] += (v_ >> 16 & 255) * (uint32_t)(w); \
		(acc)[3] += (v_ >> 24) * (uint32_t)(w);       \
	} while (0)

/* Shift, clip to 0..255: max(v, 0), then all ones where v > 255. */
#define CLIP(v)                                             \
	do {                                                \
		ints8 v_ = (ints8)(v) >> MM_WEIGHT_BITS;    \
		v_ &= ~(v_ >> 31);                          \
		v_ |= (255 - v_) >> 31;                     \
		(v) = ((words8)v_ & 255) << MM_WEIGHT_BITS; \
	} while (0)

/* Weights sum to 1, so that a sum mostly needs no clipping. */
#define STORE32(p, acc)                                                \
	do {                                                           \
		words8 t_ = (acc)[0] | (acc)[1] | (acc)[2] | (acc)[3]; \
		longs4 any_ = (longs4)(t_ >> (MM_WEIGHT_BITS + 8));    \
		if (any_[0] | any_[1] | any_[2] | any_[3])             \
			for (int s_ = 0; s_ < 4; s_++)                 \
				CLIP((acc)[s_]);                       \
		t_ = (acc)[0] >> MM_WEIGHT_BITS |                      \
		     ((acc)[1] >> MM_WEIGHT_BITS << 8) |               \
		     ((acc)[2] >> MM_WEIGHT_BITS << 16) |              \
		     ((acc)[3] >> MM_WEIGHT_BITS << 24);               \
		memcpy(p, &t_, 32);                                    \
	} while (0)

#define HALF_UNIT (1u << (MM_WEIGHT_BITS - 1))

static uint8_t clip8(uint32_t acc)
{
	const int32_t v = (int32_t)acc >> MM_WEIGHT_BITS;

	return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

/* 32 bytes: the sum of n rows from src by w. */
static inline void sum32(uint8_t *dst, const uint8_t *src, size_t stride,
			 const int32_t *w, size_t n)
{
	words8 acc[4];

	for (int k = 0; k < 4; k++)
		acc[k] = (words8){ 0 } + HALF_UNIT;
	for (size_t j = 0; j < n; j++)
		ADD32(acc, src + j * stride, w[j]);
	STORE32(dst, acc);
}

/*
 * Two perfect shuffles of 32 bytes each, within their halves of 16: what four
 * rounds of them do to 16 vectors is to transpose 16 x 16 in either half.
 */
#define LOW(a, b)                                                             \
	__builtin_shufflevector(a, b, 0, 32, 1, 33, 2, 34, 3, 35, 4, 36, 5,   \
				37, 6, 38, 7, 39, 16, 48, 17, 49, 18, 50, 19, \
				51, 20, 52, 21, 53, 22, 54, 23, 55)
#define HIGH(a, b)                                                          \
	__builtin_shufflevector(a, b, 8, 40, 9, 41, 10, 42, 11, 43, 12, 44, \
				13, 45, 14, 46, 15, 47, 24, 56, 25, 57, 26, \
				58, 27, 59, 28, 60, 29, 61, 30, 62, 31, 63)

#ifdef LOOPS_DOT
/*
 * With a sum of four products in one instruction (VNNI: unsigned bytes by
 * signed ones) a weight is taken as three digits to the base 256, -128..127:
 *
 *	w = d0 + 256 d1 + 65536 d2,	w + 808080h = (d0 + 128) + ...
 *
 * so that the bytes of (w + 808080h) ^ 808080h are the digits.  The sums of
 * the three are exact in 32 bits, and so is what they add up to.
 */
typedef uint16_t halves16 __attribute__((vector_size(32)));
typedef uint32_t words4 __attribute__((vector_size(16)));

enum { MAX_GROUPS = 64 };

struct digits {
	size_t taps, n;		 /* rows; groups of four of them */
	words8 d[MAX_GROUPS][3]; /* one digit of four weights, eight times */
};

static inline bool digits_of(struct digits *g, const int32_t *w, size_t n)
{
	g->taps = n;
	g->n = (n + 3) / 4;
	if (g->n > MAX_GROUPS)
		return false;
	for (size_t i = 0; i < g->n; i++) {
		words4 x = { 0 };
		bytes16 b;

		/* A copy of a fixed size is one load. */
		if (n - 4 * i >= 4)
			memcpy(&x, w + 4 * i, sizeof(x));
		for (size_t k = 4 * i; n - 4 * i < 4 && k < n; k++)
			x[k - 4 * i] = (uint32_t)w[k];
		x = (x + 0x808080) ^ 0x808080;
		memcpy(&b, &x, sizeof(b));
		b = __builtin_shufflevector(b, b, 0, 4, 8, 12, 1, 5, 9, 13, 2,
					    6, 10, 14, 3, 7, 11, 15);
		memcpy(&x, &b, sizeof(b));
		for (int k = 0; k < 3; k++)
			g->d[i][k] = (words8){ 0 } + x[k];
	}
	return true;
}

#define LOW16(a, b)                                                            \
	__builtin_shufflevector((halves16)(a), (halves16)(b), 0, 16, 1, 17, 2, \
				18, 3, 19, 8, 24, 9, 25, 10, 26, 11, 27)
#define HIGH16(a, b)                                                           \
	__builtin_shufflevector((halves16)(a), (halves16)(b), 4, 20, 5, 21, 6, \
				22, 7, 23, 12, 28, 13, 29, 14, 30, 15, 31)
#define DOT(acc, u, s) \
	__asm__("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(u), "v"(s))
#define PACK(name, out, a, b) \
	__asm__(name " %2, %1, %0" : "=v"(out) : "v"(a), "v"(b))

static inline void dot32(uint8_t *dst, const uint8_t *src, size_t stride,
			 const struct digits *g)
{
	words8 acc[4][3], q[4];
	halves16 low, high;
	bytes32 out;

	for (int k = 0; k < 4; k++) {
		acc[k][0] = (words8){ 0 } + HALF_UNIT;
		acc[k][1] = acc[k][2] = (words8){ 0 };
	}
	for (size_t i = 0; i < g->n; i++) {
		bytes32 r[4];

		/* Behind the last row: any row, by a weight of 0. */
		for (size_t k = 0; k < 4; k++) {
			const size_t j = 4 * i + k;

			memcpy(&r[k],
			       src + (j < g->taps ? j : g->taps - 1) * stride,
			       32);
		}
		q[0] = (words8)LOW16(LOW(r[0], r[1]), LOW(r[2], r[3]));
		q[1] = (words8)HIGH16(LOW(r[0], r[1]), LOW(r[2], r[3]));
		q[2] = (words8)LOW16(HIGH(r[0], r[1]), HIGH(r[2], r[3]));
		q[3] = (words8)HIGH16(HIGH(r[0], r[1]), HIGH(r[2], r[3]));
		for (int k = 0; k < 4; k++)
			for (int d = 0; d < 3; d++)
				DOT(acc[k][d], q[k], g->d[i][d]);
	}
	for (int k = 0; k < 4; k++)
		q[k] = (words8)((ints8)(acc[k][0] + (acc[k][1] << 8) +
					(acc[k][2] << 16)) >>
				MM_WEIGHT_BITS);
	PACK("vpackssdw", low, q[0], q[1]);
	PACK("vpackssdw", high, q[2], q[3]);
	PACK("vpackuswb", out, low, high);
	memcpy(dst, &out, 32);
}
#endif

static void vertical(uint8_t *dst, const uint8_t *src, size_t src_stride,
		     size_t bytes, const int32_t *w, size_t n)
{
	size_t i = 0;
#ifdef LOOPS_DOT
	struct digits d;

	if (digits_of(&d, w, n))
		for (; i + 32 <= bytes; i += 32)
			dot32(dst + i, src + i, src_stride, &d);
#endif
	for (; i + 32 <= bytes; i += 32)
		sum32(dst + i, src + i, src_stride, w, n);
	for (; i < bytes; i++) {
		uint32_t acc = HALF_UNIT;

		for (size_t j = 0; j < n; j++)
			acc += src[j * src_stride + i] * (uint32_t)w[j];
		dst[i] = clip8(acc);
	}
}

#define ROUND(t, v)                                                   \
	do {                                                          \
		for (int i_ = 0; i_ < 8; i_++) {                      \
			(t)[2 * i_] = LOW((v)[i_], (v)[i_ + 8]);      \
			(t)[2 * i_ + 1] = HIGH((v)[i_], (v)[i_ + 8]); \
		}                                                     \
	} while (0)

/* 32 rows of 16 bytes at src to 16 rows of 32 at side. */
static void turn_on_side(uint8_t *side, const uint8_t *src, size_t stride)
{
	bytes32 v[16], t[16];

	for (size_t i = 0; i < 16; i++) {
		bytes16 upper, lower;

		memcpy(&upper, src + i * stride, 16);
		memcpy(&lower, src + (i + 16) * stride, 16);
		v[i] = __builtin_shufflevector(
			upper, lower, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
			13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26,
			27, 28, 29, 30, 31);
	}
	ROUND(t, v);
	ROUND(v, t);
	ROUND(t, v);
	ROUND(v, t);
	for (size_t i = 0; i < 16; i++)
		memcpy(side + 32 * i, &v[i], 32);
}

/* And back. */
static void turn_off_side(uint8_t *dst, size_t stride, const uint8_t *side)
{
	bytes32 v[16], t[16];

	for (size_t i = 0; i < 16; i++)
		memcpy(&v[i], side + 32 * i, 32);
	ROUND(t, v);
	ROUND(v, t);
	ROUND(t, v);
	ROUND(v, t);
	for (size_t i = 0; i < 16; i++) {
		const bytes16 upper = __builtin_shufflevector(
			v[i], v[i], 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
			13, 14, 15);
		const bytes16 lower = __builtin_shufflevector(
			v[i], v[i], 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26,
			27, 28, 29, 30, 31);

		memcpy(dst + i * stride, &upper, 16);
		memcpy(dst + (i + 16) * stride, &lower, 16);
	}
}

/* rows (<= 32) x bytes to bytes x 32; what is missing of a row is 0. */
static void on_side(uint8_t *side, const uint8_t *src, size_t stride,
		    size_t rows, size_t bytes)
{
	uint8_t edge[32][16];
	size_t x = 0;

	for (; rows == 32 && x + 16 <= bytes; x += 16)
		turn_on_side(side + x * 32, src + x, stride);
	for (; x < bytes; x += 16) {
		memset(edge, 0, sizeof(edge));
		for (size_t r = 0; r < rows; r++)
			memcpy(edge[r], src + r * stride + x,
			       bytes - x < 16 ? bytes - x : 16);
		turn_on_side(side + x * 32, edge[0], 16);
	}
}

static void off_side(uint8_t *dst, size_t stride, const uint8_t *side,
		     size_t rows, size_t bytes)
{
	uint8_t edge[32][16];
	size_t x = 0;

	for (; rows == 32 && x + 16 <= bytes; x += 16)
		turn_off_side(dst + x, stride, side + x * 32);
	for (; x < bytes; x += 16) {
		turn_off_side(edge[0], 16, side + x * 32);
		for (size_t r = 0; r < rows; r++)
			memcpy(dst + r * stride + x, edge[r],
			       bytes - x < 16 ? bytes - x : 16);
	}
}

static void horizontal(uint8_t *dst, size_t dst_stride, const uint8_t *src,
		       size_t src_stride, size_t n_src, size_t rows, size_t ch,
		       size_t cw, size_t first, const struct mm_weights *k,
		       uint8_t *a, uint8_t *b)
{
	on_side(a, src, src_stride, rows, n_src * ch);
	for (size_t i = 0; i < cw; i++) {
		const int32_t *w = k->w + i * k->taps;
		const uint8_t *p = a + (k->lo[i] - first) * ch * 32;
		const size_t n = k->n[i];

#ifdef LOOPS_DOT
		struct digits d;

		if (digits_of(&d, w, n)) {
			for (size_t c = 0; c < ch; c++)
				dot32(b + (i * ch + c) * 32, p + c * 32,
				      ch * 32, &d);
			continue;
		}
#endif
		for (size_t c = 0; c < ch; c++)
			sum32(b + (i * ch + c) * 32, p + c * 32, ch * 32, w, n);
	}
	off_side(dst, dst_stride, b, rows, cw * ch);
}

static void split(uint8_t *out, const uint8_t *rgb, size_t n)
{
	size_t i = 0;

	for (; i + 16 <= n; i += 16) {
		const uint8_t *p = rgb + 3 * i;
		bytes16 a, b, c, r, g, u;

		memcpy(&a, p, 16);
		memcpy(&b, p + 16, 16);
		memcpy(&c, p + 32, 16);
		/* Channel k of pixel x is byte 3x + k of a, b, c. */
		r = __builtin_shufflevector(a, b, 0, 3, 6, 9, 12, 15, 18, 21,
					    24, 27, 30, 0, 0, 0, 0, 0);
		r = __builtin_shufflevector(r, c, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
					    10, 17, 20, 23, 26, 29);
		g = __builtin_shufflevector(a, b, 1, 4, 7, 10, 13, 16, 19, 22,
					    25, 28, 31, 0, 0, 0, 0, 0);
		g = __builtin_shufflevector(g, c, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
					    10, 18, 21, 24, 27, 30);
		u = __builtin_shufflevector(a, b, 2, 5, 8, 11, 14, 17, 20, 23,
					    26, 29, 0, 0, 0, 0, 0, 0);
		u = __builtin_shufflevector(u, c, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
					    16, 19, 22, 25, 28, 31);
		memcpy(out + i, &r, 16);
		memcpy(out + n + i, &g, 16);
		memcpy(out + 2 * n + i, &u, 16);
	}
	for (; i < n; i++)
		for (size_t k = 0; k < 3; k++)
			out[k * n + i] = rgb[3 * i + k];
}

const struct mm_image_loops LOOPS = {
	.horizontal = horizontal,
	.vertical = vertical,
	.split = split,
};
