/*
 * tile_body.h - the register-blocked heart of the float matrix products, for
 * one vector width; included after
 *
 *	MM_VEC_BYTES	bytes of a vector register
 *	MM_MR		rows of the largest tile; a tile is R x 2 vectors,
 *			R = 1..MM_MR
 *	MM_EACH_R(X)	X(1) X(2) ... X(MM_MR)
 *
 * GCC's vector extensions stand for intrinsics: one source for every width.
 * Every loop over rows is unrolled, else the sums do not stay in registers.
 */
#ifndef MM_KERNEL_TILE_BODY_H
#define MM_KERNEL_TILE_BODY_H

#include <string.h>

#include "kernel/real.h"
#include "kernel/unroll.h"

typedef mm_real vec __attribute__((vector_size(MM_VEC_BYTES)));
typedef mm_real vec_u
	__attribute__((vector_size(MM_VEC_BYTES), aligned(sizeof(mm_real))));
typedef mm_real vec4 __attribute__((vector_size(4 * sizeof(mm_real))));
typedef mm_real vec4_u __attribute__((vector_size(4 * sizeof(mm_real)),
				      aligned(sizeof(mm_real))));

enum {
	VL = MM_VEC_BYTES / sizeof(mm_real),
	MR = MM_MR,
	NR = 2 * VL,
};

INLINE vec load(const mm_real *p)
{
	return *(const vec_u *)(const void *)p;
}

INLINE void store(mm_real *p, vec v)
{
	*(vec_u *)(void *)p = v;
}

/* sum + a spread over a vector times b; a file may bring its own. */
#ifndef MM_MADD
#define MM_MADD(sum, a, b) ((sum) + (a) * (b))
#endif

/*
 * x[i] += sum over k < kc of a[k*R + i] * b[k*NR ..], i < R, in VS = 1 or 2
 * vectors each; R and VS are constants where this is inlined.
 */
INLINE void multiply(size_t R, size_t VS, size_t kc, const mm_real *restrict a,
		     const mm_real *restrict b, vec x[MR][2])
{
	for (size_t k = 0; k < kc; k++, a += R, b += NR) {
		const vec b0 = *(const vec *)(const void *)b;
		const vec b1 = *(const vec *)(const void *)(b + VL);

		UNROLL
		for (size_t i = 0; i < R; i++) {
			x[i][0] = MM_MADD(x[i][0], a[i], b0);
			if (VS == 2)
				x[i][1] = MM_MADD(x[i][1], a[i], b1);
		}
	}
}

/* How many tiles `rows` rows make, and where tile t begins: even heights. */
INLINE size_t tiles(size_t rows)
{
	return (rows + MR - 1) / MR;
}

INLINE size_t tile_row(size_t rows, size_t t)
{
	const size_t n = tiles(rows), h = rows / n, more = rows % n;

	return t * h + (t < more ? t : more);
}

/* Four rows of four, `si` apart, as four columns: out[k*W + i]. */
INLINE void transpose_4x4(mm_real *out, size_t W, const mm_real *in, size_t si)
{
	const vec4 a = *(const vec4_u *)(const void *)in;
	const vec4 b = *(const vec4_u *)(const void *)(in + si);
	const vec4 c = *(const vec4_u *)(const void *)(in + 2 * si);
	const vec4 d = *(const vec4_u *)(const void *)(in + 3 * si);
	const vec4 ab0 = __builtin_shufflevector(a, b, 0, 4, 1, 5);
	const vec4 ab1 = __builtin_shufflevector(a, b, 2, 6, 3, 7);
	const vec4 cd0 = __builtin_shufflevector(c, d, 0, 4, 1, 5);
	const vec4 cd1 = __builtin_shufflevector(c, d, 2, 6, 3, 7);

	*(vec4_u *)(void *)out = __builtin_shufflevector(ab0, cd0, 0, 1, 4, 5);
	*(vec4_u *)(void *)(out + W) =
		__builtin_shufflevector(ab0, cd0, 2, 3, 6, 7);
	*(vec4_u *)(void *)(out + 2 * W) =
		__builtin_shufflevector(ab1, cd1, 0, 1, 4, 5);
	*(vec4_u *)(void *)(out + 3 * W) =
		__builtin_shufflevector(ab1, cd1, 2, 3, 6, 7);
}

/*
 * out[k*W + j] = in[k*sk + j*sj], k < kc, j < n <= W; columns from n on are
 * zeros.  One of sk and sj is 1.
 */
INLINE void pack_panel(mm_real *restrict out, const mm_real *restrict in,
		       size_t kc, size_t n, size_t W, size_t sk, size_t sj)
{
	size_t j = 0;

	if (n < W)
		memset(out, 0, kc * W * sizeof(*out));
	if (sj == 1) {
		if (n == W)
			for (size_t k = 0; k < kc; k++)
				memcpy(out + k * W, in + k * sk,
				       W * sizeof(*out));
		else
			for (size_t k = 0; k < kc; k++)
				for (j = 0; j < n; j++)
					out[k * W + j] = in[k * sk + j];
		return;
	}
	for (; j + 4 <= n; j += 4) {
		size_t k = 0;

		for (; k + 4 <= kc; k += 4)
			transpose_4x4(out + k * W + j, W, in + k + j * sj, sj);
		for (; k < kc; k++)
			for (size_t i = j; i < j + 4; i++)
				out[k * W + i] = in[k + i * sj];
	}
	for (size_t k = 0; k < kc && n % 4; k++)
		for (size_t i = 0; i < n % 4; i++)
			out[k * W + j + i] = in[k + (j + i) * sj];
}

#endif
