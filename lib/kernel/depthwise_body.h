/*
 * depthwise_body.h - loops of a depthwise convolution with a channel per lane,
 * compiled once per instruction set with MM_ISA_TABLE, the name of the table.
 *
 * Any kernel and stride runs at nearly a multiplication per load: no lane
 * stands idle at the right edge of a narrow map, no load crosses a line of the
 * cache, and a border costs nothing but zeros.
 */
#include <stdbool.h>
#include <string.h>

#include "kernel/depthwise_isa.h"
#include "kernel/unroll.h"

/* Vectors wider than a register are passed to inlined functions only. */
#pragma GCC diagnostic ignored "-Wpsabi"

#if defined(__AVX512F__)
#include <immintrin.h>
#define EACH_LANE(X) X(0) X(4) X(8) X(12)
enum { VL = 16 };
#elif defined(__AVX2__)
#define EACH_LANE(X) X(0) X(4)
enum { VL = 8 };
#else
#define EACH_LANE(X) X(0)
enum { VL = 4 };
#endif

enum { BLOCK = MM_DW_BLOCK, PAIR = MM_DW_PAIR };

typedef mm_real vec __attribute__((vector_size(VL * sizeof(mm_real)),
				   aligned(sizeof(mm_real)), may_alias));
typedef mm_real four __attribute__((vector_size(4 * sizeof(mm_real)),
				    aligned(sizeof(mm_real)), may_alias));
typedef mm_real eight __attribute__((vector_size(8 * sizeof(mm_real))));

/* Compilers like to finish one sum before the next: a chain of waits. */
#if defined(__AVX512F__) && !defined(MM_DOUBLE)
#define IN_ORDER(v) __asm__("" : "+v"(v))
#elif defined(__x86_64__) && !defined(MM_DOUBLE)
#define IN_ORDER(v) __asm__("" : "+x"(v))
#else
#define IN_ORDER(v) (void)(v)
#endif
/* Else compilers keep what they loaded for the next turn, and spill sums. */
#define ANEW(p) __asm__("" : "+r"(p))

INLINE vec load(const mm_real *p)
{
	return *(const vec *)(const void *)p;
}

INLINE void store(mm_real *p, vec v)
{
	*(vec *)(void *)p = v;
}

INLINE four load4(const mm_real *p)
{
	return *(const four *)(const void *)p;
}

/* ---- between planes and lanes ---- */

/* Where the plane of lane l begins; `all` lanes have one of their own. */
INLINE size_t plane(const struct mm_dw_planes *p, bool all, size_t l)
{
	return (all || l < p->n ? l : p->n - 1) * p->step;
}

INLINE four get4(const struct mm_dw_planes *p, bool all, size_t l, size_t i)
{
	return load4(p->x + plane(p, all, l) + i);
}

/* Numbers i.. of planes k, k + 4, ...: fours side by side. */
INLINE vec join(const struct mm_dw_planes *p, bool all, size_t k, size_t i)
{
#if defined(__AVX2__)
	const eight a = __builtin_shufflevector(get4(p, all, k, i),
						get4(p, all, k + 4, i), 0, 1, 2,
						3, 4, 5, 6, 7);
#if defined(__AVX512F__)
	const eight b = __builtin_shufflevector(get4(p, all, k + 8, i),
						get4(p, all, k + 12, i), 0, 1,
						2, 3, 4, 5, 6, 7);

	return __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
				       11, 12, 13, 14, 15);
#else
	return a;
#endif
#else
	return get4(p, all, k, i);
#endif
}

/* In each four: halves and pairs of a and b. */
#define ZIP_LO(l)      , l, VL + l, l + 1, VL + l + 1
#define ZIP_HI(l)      , l + 2, VL + l + 2, l + 3, VL + l + 3
#define PAIR_LO(l)     , l, l + 1, VL + l, VL + l + 1
#define PAIR_HI(l)     , l + 2, l + 3, VL + l + 2, VL + l + 3
#define MIX(a, b, HOW) __builtin_shufflevector(a, b EACH_LANE(HOW))

/* Fours of four vectors as a matrix each, transposed. */
INLINE void turn(vec x[4])
{
	const vec a = MIX(x[0], x[1], ZIP_LO), b = MIX(x[0], x[1], ZIP_HI);
	const vec c = MIX(x[2], x[3], ZIP_LO), d = MIX(x[2], x[3], ZIP_HI);

	x[0] = MIX(a, c, PAIR_LO);
	x[1] = MIX(a, c, PAIR_HI);
	x[2] = MIX(b, d, PAIR_LO);
	x[3] = MIX(b, d, PAIR_HI);
}

/* Numbers i..i+4 of all planes: a pixel each. */
#if defined(__AVX512F__) && !defined(MM_DOUBLE)
INLINE void in4(mm_real *const to[4], const struct mm_dw_planes *p, bool all,
		size_t i)
{
	/* Halves: whole vectors would be put together in more steps. */
	UNROLL
	for (size_t l = 0; l < VL; l += VL / 2) {
		__m256 x[4], a, b, c, d;

		UNROLL
		for (size_t k = 0; k < 4; k++)
			x[k] = _mm256_insertf128_ps(
				_mm256_castps128_ps256(
					(__m128)get4(p, all, l + k, i)),
				(__m128)get4(p, all, l + k + 4, i), 1);
		a = _mm256_unpacklo_ps(x[0], x[1]);
		b = _mm256_unpackhi_ps(x[0], x[1]);
		c = _mm256_unpacklo_ps(x[2], x[3]);
		d = _mm256_unpackhi_ps(x[2], x[3]);
		_mm256_storeu_ps(to[0] + l, _mm256_shuffle_ps(a, c, 0x44));
		_mm256_storeu_ps(to[1] + l, _mm256_shuffle_ps(a, c, 0xee));
		_mm256_storeu_ps(to[2] + l, _mm256_shuffle_ps(b, d, 0x44));
		_mm256_storeu_ps(to[3] + l, _mm256_shuffle_ps(b, d, 0xee));
	}
}
#else
INLINE void in4(mm_real *const to[4], const struct mm_dw_planes *p, bool all,
		size_t i)
{
	vec x[4];

	UNROLL
	for (size_t k = 0; k < 4; k++)
		x[k] = join(p, all, k, i);
	turn(x);
	UNROLL
	for (size_t k = 0; k < 4; k++)
		store(to[k], x[k]);
}
#endif

/* One row; fours overlap at its end.  S phases, or any number where it is 0. */
INLINE void in_row(mm_real *row, size_t S, const struct mm_dw_planes *p,
		   bool all, size_t first, const struct mm_dw_rows *to)
{
	const struct mm_dw_planes from = *p;
	const size_t phases = S ? S : to->phases, cols = to->cols;
	const size_t left = to->left, part = to->part;

	for (size_t x = 0; x < cols; x += 4) {
		const size_t i = x + 4 <= cols ? x : cols - 4;
		mm_real *at[4];

		UNROLL
		for (size_t k = 0; k < 4; k++) {
			const size_t c = i + k + left;

			at[k] = row + (c % phases * part + c / phases) * VL;
		}
		in4(at, &from, all, first + i);
	}
}

/* Fewer than four columns. */
static void in_narrow(mm_real *row, const struct mm_dw_planes *p, size_t first,
		      const struct mm_dw_rows *to)
{
	for (size_t x = 0; x < to->cols; x++) {
		const size_t at = x + to->left;

		for (size_t l = 0; l < VL; l++)
			row[(at % to->phases * to->part + at / to->phases) *
				    VL +
			    l] = p->x[plane(p, false, l) + first + x];
	}
}

static void in(const struct mm_dw_rows *to, const struct mm_dw_planes *p,
	       size_t first, size_t n)
{
	size_t k = first % to->ring;

	for (size_t r = first; r < first + n; r++) {
		mm_real *row = to->z + k * to->row * VL;

		if (to->cols < 4)
			in_narrow(row, p, r * to->cols, to);
		else if (to->phases == 1 && p->n >= VL)
			in_row(row, 1, p, true, r * to->cols, to);
		else if (to->phases == 2 && p->n >= VL)
			in_row(row, 2, p, true, r * to->cols, to);
		else
			in_row(row, 0, p, false, r * to->cols, to);
		k = k + 1 == to->ring ? 0 : k + 1;
	}
}

/* Planes may be the same: all of `old` is read before any of it is written. */
INLINE void out4(mm_real *to, const struct mm_dw_planes *old, bool all,
		 mm_real beta, const mm_real *z, size_t i)
{
	vec x[4];

	UNROLL
	for (size_t k = 0; k < 4; k++)
		x[k] = load(z + (i + k) * VL);
	turn(x);
	UNROLL
	for (size_t k = 0; k < 4 && beta != 0; k++)
		x[k] += beta * join(old, all, k, i);
	UNROLL
	for (size_t k = 0; k < 4; k++) {
		four y[VL / 4];

		memcpy(y, &x[k], sizeof(y));
		UNROLL
		for (size_t l = 0; l < VL / 4; l++)
			*(four *)(void *)(to + plane(old, all, k + 4 * l) + i) =
				y[l];
	}
}

#if defined(__AVX512F__) && !defined(MM_DOUBLE)
/* Eight pixels: half as many stores as twice out4. */
INLINE void out8(mm_real *to, size_t step, const mm_real *z, size_t i)
{
	vec x[4], y[4];

	UNROLL
	for (size_t k = 0; k < 4; k++) {
		x[k] = load(z + (i + k) * VL);
		y[k] = load(z + (i + 4 + k) * VL);
	}
	turn(x);
	turn(y);
	UNROLL
	for (size_t k = 0; k < 4; k++) {
		const vec a = __builtin_shufflevector(x[k], y[k], 0, 1, 2, 3,
						      16, 17, 18, 19, 4, 5, 6,
						      7, 20, 21, 22, 23);
		const vec b = __builtin_shufflevector(x[k], y[k], 8, 9, 10, 11,
						      24, 25, 26, 27, 12, 13,
						      14, 15, 28, 29, 30, 31);
		mm_real *at = to + k * step + i;

		_mm256_storeu_ps(at, _mm512_castps512_ps256((__m512)a));
		_mm256_storeu_ps(at + 4 * step,
				 _mm512_extractf32x8_ps((__m512)a, 1));
		_mm256_storeu_ps(at + 8 * step,
				 _mm512_castps512_ps256((__m512)b));
		_mm256_storeu_ps(at + 12 * step,
				 _mm512_extractf32x8_ps((__m512)b, 1));
	}
}
#endif

static void out(mm_real *to, const struct mm_dw_planes *p, mm_real beta,
		const mm_real *z, size_t n)
{
	const struct mm_dw_planes old = *p;
	const bool all = old.n >= VL;
	size_t i = 0;

#if defined(__AVX512F__) && !defined(MM_DOUBLE)
	for (; i + 8 <= n && beta == 0 && all; i += 8)
		out8(to, old.step, z, i);
#endif
	for (; i + 4 <= n && beta == 0 && all; i += 4)
		out4(to, &old, true, 0, z, i);
	for (; i + 4 <= n; i += 4)
		out4(to, &old, false, beta, z, i);
	for (; i < n; i++)
		for (size_t l = 0; l < VL && l < old.n; l++) {
			const size_t at = l * old.step + i;

			to[at] = z[i * VL + l] +
				 (beta != 0 ? beta * old.x[at] : 0);
		}
}

/* ---- forward, and backward to x ---- */

INLINE void block(size_t P, mm_real *y, size_t step, size_t first,
		  const mm_real *bias, const struct mm_dw_taps *t)
{
	vec sum[BLOCK];

	UNROLL
	for (size_t i = 0; i < P; i++)
		sum[i] = load(bias);
	for (size_t u = 0; u < t->rows; u++)
		for (size_t v = 0; v < t->cols; v++) {
			const vec w = load(t->w[u] + t->tap[v] * VL);
			const mm_real *x = t->x[u] + (t->at[v] + first) * VL;

			UNROLL
			for (size_t i = 0; i < P; i++)
				sum[i] += w * load(x + i * VL);
		}
	UNROLL
	for (size_t i = 0; i < P; i++)
		store(y + (first + i) * step * VL, sum[i]);
}

typedef void block_fn(mm_real *y, size_t step, size_t first,
		      const mm_real *bias, const struct mm_dw_taps *t);

#define BLOCK_OF(P)                                                            \
	static void block_##P(mm_real *y, size_t step, size_t first,           \
			      const mm_real *bias, const struct mm_dw_taps *t) \
	{                                                                      \
		block(P, y, step, first, bias, t);                             \
	}
#define EACH_BLOCK(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10)
EACH_BLOCK(BLOCK_OF)
#define NAME(P) , block_##P
static block_fn *const block_of[BLOCK + 1] = { NULL EACH_BLOCK(NAME) };

/*
 * Two rows of results, whose taps overlap but for one: a pixel that is loaded
 * serves both.
 */
INLINE void pair(size_t P, mm_real *y, size_t next, size_t first,
		 const mm_real *bias, const struct mm_dw_taps *t)
{
	vec a[PAIR], b[PAIR];

	UNROLL
	for (size_t i = 0; i < P; i++)
		a[i] = b[i] = load(bias);
	for (size_t u = 0; u < t->rows; u++) {
		const mm_real *row = t->x[u] + first * VL;
		const mm_real *wa = t->w[u], *wb = t->w2[u];

		for (size_t v = 0; v < t->cols; v++) {
			const mm_real *x = row + t->at[v] * VL;
			const size_t k = t->tap[v] * VL;

			if (wa && wb) {
				const vec f = load(wa + k), g = load(wb + k);

				UNROLL
				for (size_t i = 0; i < P; i++) {
					const vec z = load(x + i * VL);

					a[i] += f * z;
					b[i] += g * z;
				}
			} else if (wa) {
				UNROLL
				for (size_t i = 0; i < P; i++)
					a[i] += load(wa + k) * load(x + i * VL);
			} else {
				UNROLL
				for (size_t i = 0; i < P; i++)
					b[i] += load(wb + k) * load(x + i * VL);
			}
		}
	}
	UNROLL
	for (size_t i = 0; i < P; i++) {
		store(y + (first + i) * VL, a[i]);
		store(y + (first + i + next) * VL, b[i]);
	}
}

#define PAIR_OF(P)                                                            \
	static void pair_##P(mm_real *y, size_t next, size_t first,           \
			     const mm_real *bias, const struct mm_dw_taps *t) \
	{                                                                     \
		pair(P, y, next, first, bias, t);                             \
	}
#define EACH_PAIR(X) X(1) X(2) X(3) X(4) X(5) X(6)
EACH_PAIR(PAIR_OF)
#define PAIR_NAME(P) , pair_##P
static block_fn *const pair_of[PAIR + 1] = { NULL EACH_PAIR(PAIR_NAME) };

static void some_pair(mm_real *y, size_t next, size_t first, size_t n,
		      const mm_real *bias, const struct mm_dw_taps *t)
{
	pair_of[n](y, next, first, bias, t);
}

static void some_block(mm_real *y, size_t step, size_t first, size_t n,
		       const mm_real *bias, const struct mm_dw_taps *t)
{
	block_of[n](y, step, first, bias, t);
}

/* ---- backward to w ---- */

/* Taps u0..u0+U, v0..v0+V at stride S, or any where it is 0. */
INLINE void some_sums(size_t U, size_t V, size_t S, size_t u0, size_t v0,
		      mm_real *total, const struct mm_dw_sums *s)
{
	const size_t part = s->part * VL;
	const mm_real *dy = s->dy;
	vec sum[25];
	size_t at[7];

	UNROLL
	for (size_t v = 0; v < V; v++)
		at[v] = S ? v % S * part + v / S * VL : s->at[v0 + v] * VL;
	UNROLL
	for (size_t k = 0; k < U * V; k++)
		sum[k] = (vec){ 0 };
	for (size_t r = 0; r < s->rows; r++) {
		const mm_real *x[5];

		UNROLL
		for (size_t u = 0; u < U; u++)
			x[u] = s->x[r * s->kh + u0 + u];
		for (size_t i = 0; i < s->cols; i++, dy += VL) {
			const vec d = load(dy);

			UNROLL
			for (size_t k = 0; k < U * V; k++)
				sum[k] += d * load(x[k / V] + at[k % V]);
			UNROLL
			for (size_t u = 0; u < U; u++) {
				x[u] += VL;
				ANEW(x[u]);
			}
		}
	}
	UNROLL
	for (size_t k = 0; k < U * V; k++) {
		mm_real *to = total + ((u0 + k / V) * s->kw + v0 + k % V) * VL;

		store(to, load(to) + sum[k]);
	}
}

/* Row u of the taps, some columns at a time. */
static void row_sums(size_t u, mm_real *total, const struct mm_dw_sums *s)
{
	size_t v = 0;

	for (; v + 7 <= s->kw; v += 7)
		some_sums(1, 7, 0, u, v, total, s);
	for (; v + 5 <= s->kw; v += 5)
		some_sums(1, 5, 0, u, v, total, s);
	for (; v < s->kw; v++)
		some_sums(1, 1, 0, u, v, total, s);
}

static void sums(mm_real *total, const struct mm_dw_sums *s)
{
	const size_t k = s->kh == s->kw && s->stride < 3 ? s->kh : 0;

	if (k == 3 && s->stride == 1)
		some_sums(3, 3, 1, 0, 0, total, s);
	else if (k == 3)
		some_sums(3, 3, 2, 0, 0, total, s);
	else if (k == 5 && s->stride == 1 && VL == 16)
		some_sums(5, 5, 1, 0, 0, total, s);
	else if (k == 5 && VL == 16)
		some_sums(5, 5, 2, 0, 0, total, s);
	else
		for (size_t u = 0; u < s->kh; u++)
			row_sums(u, total, s);
}

/* ---- one plane, columns in lanes ---- */

/* The first n < VL numbers. */
INLINE vec get_some(const mm_real *p, size_t n)
{
#if defined(__AVX512F__) && !defined(MM_DOUBLE)
	return (vec)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
#else
	mm_real x[VL] = { 0 };

	for (size_t i = 0; i < n; i++)
		x[i] = p[i];
	return load(x);
#endif
}

INLINE void put_some(mm_real *p, vec v, size_t n)
{
#if defined(__AVX512F__) && !defined(MM_DOUBLE)
	_mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)v);
#else
	mm_real x[VL];

	memcpy(x, &v, sizeof(x));
	for (size_t i = 0; i < n; i++)
		p[i] = x[i];
#endif
}

static void lay(const struct mm_dw_rows *to, const mm_real *from, size_t first,
		size_t n)
{
	const mm_real *x = from + first * to->cols;
	size_t k = first % to->ring;

	for (size_t r = 0; r < n; r++, x += to->cols) {
		mm_real *row = to->z + k * to->row + to->left;
		size_t i = 0;

		k = k + 1 == to->ring ? 0 : k + 1;
		for (; i + VL <= to->cols; i += VL)
			store(row + i, load(x + i));
		if (i < to->cols)
			put_some(row + i, get_some(x + i, to->cols - i),
				 to->cols - i);
	}
}

/* One vector of MM_DW_ROWS rows from taps 3 x 3. */
INLINE void column(mm_real *y, size_t rows, size_t cols, size_t i, mm_real beta,
		   mm_real bias, const mm_real *const *x, const vec w[9])
{
	enum { R = MM_DW_ROWS };
	const size_t n = cols - i;
	vec sum[R];

	UNROLL
	for (size_t r = 0; r < R; r++)
		sum[r] = bias - (vec){ 0 };
	UNROLL
	for (size_t k = 0; k < (R + 2) * 3; k++) {
		const size_t c = k / 3, v = k % 3;
		const vec z = load(x[c] + i + v);

		UNROLL
		for (size_t r = 0; r < R; r++)
			if (c >= r && c - r < 3)
				sum[r] += w[(c - r) * 3 + v] * z;
		UNROLL
		for (size_t r = 0; r < R; r++)
			IN_ORDER(sum[r]);
	}
	UNROLL
	for (size_t r = 0; r < R; r++) {
		mm_real *to = y + r * cols + i;

		if (r >= rows)
			break;
		if (n >= VL) {
			if (beta != 0)
				sum[r] += beta * load(to);
			store(to, sum[r]);
		} else {
			if (beta != 0)
				sum[r] += beta * get_some(to, n);
			put_some(to, sum[r], n);
		}
	}
}

static void plane3(mm_real *y, size_t rows, size_t cols, mm_real beta,
		   mm_real bias, const mm_real *const *x, const mm_real *w)
{
	vec f[9];

	UNROLL
	for (size_t k = 0; k < 9; k++)
		f[k] = w[k] - (vec){ 0 };
	for (size_t i = 0; i < cols; i += VL)
		column(y, rows, cols, i, beta, bias, x, f);
}

const struct mm_depthwise_isa MM_ISA_TABLE = {
	.lanes = VL,
	.in = in,
	.out = out,
	.block = some_block,
	.pair = some_pair,
	.sums = sums,
	.lay = lay,
	.plane3 = plane3,
};
