/*
 * depthwise_body.h - loops over one plane, compiled once per instruction set
 * with MM_ISA_TABLE, the name of the table.
 *
 * Forward makes MM_DW_ROWS rows at a time, so that a piece of a canvas row is
 * loaded once for all results that it is part of; the gradient of w keeps kh
 * rows of dy in registers for the same reason.  Kernels of 3 and 5 are
 * unrolled, others take plain loops.
 */
#include <string.h>

#include "kernel/depthwise_isa.h"

#if defined(__AVX512F__)
#include <immintrin.h>
enum { BYTES = 64 };
#elif defined(__AVX2__)
#include <immintrin.h>
enum { BYTES = 32 };
#else
enum { BYTES = 16 };
#endif

typedef mm_real vec __attribute__((vector_size(BYTES), may_alias));
typedef mm_real vec_u __attribute__((vector_size(BYTES), may_alias,
				     aligned(sizeof(mm_real))));

enum { VL = BYTES / sizeof(mm_real), R = MM_DW_ROWS, LANES = MM_DW_LANES };

#define INLINE static inline __attribute__((always_inline))
/* Compilers like to finish one sum before the next: a chain of waits. */
#if defined(__AVX512F__)
#define IN_ORDER(v) __asm__("" : "+v"(v))
#elif defined(__x86_64__)
#define IN_ORDER(v) __asm__("" : "+x"(v))
#else
#define IN_ORDER(v) (void)(v)
#endif

#define UNROLL _Pragma("GCC unroll 16")

INLINE vec load(const mm_real *p)
{
	return *(const vec_u *)(const void *)p;
}

INLINE vec all(mm_real x)
{
	return x - (vec){ 0 };
}

/* The first n < VL numbers. */
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

INLINE vec get_some(const mm_real *p, size_t n)
{
	mm_real x[VL] = { 0 };
	vec v;

	for (size_t i = 0; i < n; i++)
		x[i] = p[i];
	memcpy(&v, x, sizeof(v));
	return v;
}

INLINE void put(mm_real *p, vec v, size_t n, mm_real beta)
{
	if (n >= VL) {
		if (beta != 0)
			v += beta * load(p);
		*(vec_u *)(void *)p = v;
		return;
	}
	if (beta != 0)
		v += beta * get_some(p, n);
	put_some(p, v, n);
}

/* ---- onto the canvas ---- */

/* n numbers, whole vectors while they last. */
INLINE void copy(mm_real *out, const mm_real *in, size_t n)
{
	size_t i = 0;

	for (; i + VL <= n; i += VL)
		*(vec_u *)(void *)(out + i) = load(in + i);
#if defined(__AVX512F__) && !defined(MM_DOUBLE)
	if (i < n) {
		const __mmask16 m = (__mmask16)((1u << (n - i)) - 1);

		_mm512_mask_storeu_ps(out + i, m,
				      _mm512_maskz_loadu_ps(m, in + i));
	}
#else
	for (; i < n; i++)
		out[i] = in[i];
#endif
}

/* out[i] = in[i * step] and out[i * step] = in[i]; 2 is the usual step. */
INLINE void pick(mm_real *restrict out, const mm_real *restrict in, size_t n,
		 size_t step)
{
	if (step == 2)
		for (size_t i = 0; i < n; i++)
			out[i] = in[2 * i];
	else
		for (size_t i = 0; i < n; i++)
			out[i] = in[step * i];
}

INLINE void spread(mm_real *restrict out, const mm_real *restrict in, size_t n,
		   size_t step)
{
	if (step == 2)
		for (size_t i = 0; i < n; i++)
			out[2 * i] = in[i];
	else
		for (size_t i = 0; i < n; i++)
			out[step * i] = in[i];
}

/* A row's columns by their rest: column j goes to place x_at + j. */
INLINE void deal(mm_real *row, const mm_real *x, size_t n,
		 const struct mm_dw_canvas *c)
{
	for (size_t f = 0; f < c->phases && f < n; f++) {
		const size_t at = c->x_at + f, k = at / c->phases;
		size_t m = (n - f + c->phases - 1) / c->phases;

		if (k >= c->part)
			continue;
		m = m < c->part - k ? m : c->part - k;
		pick(row + at % c->phases * c->part + k, x + c->x0 + f, m,
		     c->phases);
	}
}

static void lay(mm_real *z, const mm_real *in, const struct mm_dw_canvas *c)
{
	size_t y = c->y_at;

	for (size_t i = c->y0; i < c->n_y && y < c->rows; i++, y += c->step) {
		mm_real *row = z + y * c->row;
		const mm_real *x = in + i * c->n_x;
		const size_t wide = c->phases * c->part;
		size_t n = c->n_x - c->x0;

		if (c->step == 1 && c->phases == 1) {
			n = n < wide - c->x_at ? n : wide - c->x_at;
			copy(row + c->x_at, x + c->x0, n);
		} else if (c->phases > 1) {
			deal(row, x, n, c);
		} else {
			n = n < (wide - c->x_at + c->step - 1) / c->step
				    ? n
				    : (wide - c->x_at + c->step - 1) / c->step;
			spread(row + c->x_at, x + c->x0, n, c->step);
		}
	}
}

/* ---- forward, and backward to x ---- */

/* R rows of one vector of results, m and n of them wanted. */
INLINE void block(const size_t kh, const size_t kw, const size_t s, mm_real *y,
		  size_t m, size_t n, mm_real beta, mm_real bias,
		  const mm_real *z, const vec *w, const struct mm_dw_taps *t)
{
	vec acc[R];

	UNROLL
	for (size_t r = 0; r < R; r++)
		acc[r] = all(bias);
	UNROLL
	for (size_t c = 0; c < (R - 1) * s + kh; c++)
		UNROLL
	for (size_t v = 0; v < kw; v++) {
		const vec x = load(z + c * t->ld + t->at[v]);

		UNROLL
		for (size_t r = 0; r < R; r++)
			if (c >= r * s && c - r * s < kh)
				acc[r] += w[(c - r * s) * kw + v] * x;
		UNROLL
		for (size_t r = 0; r < R; r++)
			IN_ORDER(acc[r]);
	}
	UNROLL
	for (size_t r = 0; r < R; r++)
		if (r < m)
			put(y + r * t->cols, acc[r], n, beta);
}

INLINE void blocks(const size_t kh, const size_t kw, const size_t s, mm_real *y,
		   mm_real beta, mm_real bias, const mm_real *z,
		   const mm_real *w, const struct mm_dw_taps *t)
{
	vec f[25];

	for (size_t k = 0; k < kh * kw; k++)
		f[k] = all(w[k]);
	for (size_t r = 0; r < t->rows; r += R)
		for (size_t i = 0; i < t->cols; i += VL)
			block(kh, kw, s, y + r * t->cols + i, t->rows - r,
			      t->cols - i, beta, bias, z + r * s * t->ld + i, f,
			      t);
}

static void any_plane(mm_real *y, mm_real beta, mm_real bias, const mm_real *z,
		      const mm_real *w, const struct mm_dw_taps *t)
{
	for (size_t r = 0; r < t->rows; r++)
		for (size_t i = 0; i < t->cols; i += VL) {
			const mm_real *x = z + r * t->stride * t->ld + i;
			vec acc = all(bias);

			for (size_t u = 0; u < t->kh; u++)
				for (size_t v = 0; v < t->kw; v++)
					acc += w[u * t->kw + v] *
					       load(x + u * t->ld + t->at[v]);
			put(y + r * t->cols + i, acc, t->cols - i, beta);
		}
}

static void plane(mm_real *y, mm_real beta, mm_real bias, const mm_real *z,
		  const mm_real *w, const struct mm_dw_taps *t)
{
	const size_t k = t->kh == t->kw ? t->kh : 0;

	if (k == 3 && t->stride == 1)
		blocks(3, 3, 1, y, beta, bias, z, w, t);
	else if (k == 5 && t->stride == 1)
		blocks(5, 5, 1, y, beta, bias, z, w, t);
	else if (k == 3 && t->stride == 2)
		blocks(3, 3, 2, y, beta, bias, z, w, t);
	else if (k == 5 && t->stride == 2)
		blocks(5, 5, 2, y, beta, bias, z, w, t);
	else
		any_plane(y, beta, bias, z, w, t);
}

/* ---- backward to w ---- */

/* Taps v0..v0+n of all kh rows, stride 1. */
INLINE void shared_sums(const size_t k, const size_t v0, const size_t n,
			mm_real *total, const mm_real *d, const mm_real *z,
			size_t ldd, const struct mm_dw_taps *t)
{
	for (size_t i = 0; i < t->cols; i += VL) {
		vec acc[25] = { { 0 } }, g[5] = { { 0 } };

		for (size_t c = 0; c < t->rows + k - 1; c++) {
			UNROLL
			for (size_t u = k - 1; u > 0; u--)
				g[u] = g[u - 1];
			/* Row c of d; zeros where there is none. */
			g[0] = load(d + c * ldd + i);
			UNROLL
			for (size_t v = 0; v < n; v++) {
				const vec x = load(z + c * t->ld + v0 + v + i);

				UNROLL
				for (size_t u = 0; u < k; u++)
					acc[u * n + v] += g[u] * x;
			}
			UNROLL
			for (size_t u = 0; u < k * n; u++)
				IN_ORDER(acc[u]);
		}
		for (size_t u = 0; u < k; u++)
			for (size_t v = 0; v < n; v++) {
				mm_real *to = total + (u * k + v0 + v) * LANES;

				*(vec_u *)(void *)to =
					load(to) + acc[u * n + v];
			}
	}
}

/* Row u of the taps, any stride. */
INLINE void row_sums(const size_t kw, mm_real *total, const mm_real *d,
		     const mm_real *z, size_t ldd, const struct mm_dw_taps *t)
{
	for (size_t i = 0; i < t->cols; i += VL) {
		vec acc[11] = { { 0 } };

		for (size_t r = 0; r < t->rows; r++) {
			const vec g = load(d + r * ldd + i);

			UNROLL
			for (size_t v = 0; v < kw; v++)
				acc[v] += g * load(z + r * t->stride * t->ld +
						   t->at[v] + i);
		}
		for (size_t v = 0; v < kw; v++) {
			mm_real *to = total + v * LANES;

			*(vec_u *)(void *)to = load(to) + acc[v];
		}
	}
}

static void any_sums(mm_real *total, const mm_real *d, const mm_real *z,
		     size_t ldd, const struct mm_dw_taps *t)
{
	for (size_t u = 0; u < t->kh; u++) {
		const mm_real *x = z + u * t->ld;
		mm_real *to = total + u * t->kw * LANES;

		if (t->kw == 3)
			row_sums(3, to, d, x, ldd, t);
		else if (t->kw == 5)
			row_sums(5, to, d, x, ldd, t);
		else
			for (size_t v = 0; v < t->kw; v++) {
				struct mm_dw_taps one = *t;

				one.at[0] = t->at[v];
				row_sums(1, to + v * LANES, d, x, ldd, &one);
			}
	}
}

static void sums(mm_real *total, const mm_real *d, const mm_real *z,
		 const struct mm_dw_taps *t)
{
	const size_t ldd = (t->cols + LANES - 1) / LANES * LANES;
	const size_t k = t->stride == 1 && t->kh == t->kw ? t->kh : 0;

	if (k == 3) {
		shared_sums(3, 0, 3, total, d, z, ldd, t);
	} else if (k == 5 && BYTES == 64) { /* 32 registers */
		shared_sums(5, 0, 3, total, d, z, ldd, t);
		shared_sums(5, 3, 2, total, d, z, ldd, t);
	} else if (k == 5) {
		for (size_t v = 0; v < 5; v++)
			shared_sums(5, v, 1, total, d, z, ldd, t);
	} else {
		any_sums(total, d, z, ldd, t);
	}
}

const struct mm_depthwise_isa MM_ISA_TABLE = {
	.lay = lay,
	.plane = plane,
	.sums = sums,
};
