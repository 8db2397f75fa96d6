/*
 * gemm_body.h - the blocks of a matrix product for one vector width; included
 * by gemm_base.c, gemm_avx2.c and gemm_avx512.c with
 *
 *	MM_VEC_BYTES	bytes of a vector register
 *	MM_MR		rows of the micro-kernel; it is MM_MR x 2 vectors
 *	MM_ISA_TABLE	name of the table that is defined
 *
 * Packed panels, padded with zeros:
 *
 *	A	[k=0: MR rows][k=1: MR rows]...	one panel per MR rows
 *	B	[k=0: NR columns][k=1: ...]...	one panel per NR columns
 *
 * GCC's vector extensions stand for intrinsics: one source for every width.
 */
#include <string.h>

#include "kernel/gemm.h"

typedef mm_real vec __attribute__((vector_size(MM_VEC_BYTES)));
typedef mm_real vec_u
	__attribute__((vector_size(MM_VEC_BYTES), aligned(sizeof(mm_real))));

enum {
	VL = MM_VEC_BYTES / sizeof(mm_real),
	MR = MM_MR,
	NR = 2 * VL,
	KC = 256,
	MC = MR * (144 / MR),
	NC = NR * (1024 / NR),
};

static vec load(const mm_real *p)
{
	return *(const vec_u *)(const void *)p;
}

static void store(mm_real *p, vec v)
{
	*(vec_u *)(void *)p = v;
}

/* c (MR x NR, rows ldc apart) = alpha a b + beta c. */
static void micro(size_t kc, const mm_real *restrict a,
		  const mm_real *restrict b, mm_real *c, size_t ldc,
		  mm_real alpha, mm_real beta)
{
	vec x[MR], y[MR];

#pragma GCC unroll 16
	for (int i = 0; i < MR; i++)
		x[i] = y[i] = (vec){ 0 };
	for (size_t k = 0; k < kc; k++) {
		const vec b0 = *(const vec *)(const void *)(b + k * NR);
		const vec b1 = *(const vec *)(const void *)(b + k * NR + VL);

#pragma GCC unroll 16
		for (int i = 0; i < MR; i++) {
			x[i] += a[k * MR + (size_t)i] * b0;
			y[i] += a[k * MR + (size_t)i] * b1;
		}
	}
#pragma GCC unroll 16
	for (int i = 0; i < MR; i++) {
		mm_real *p = c + (size_t)i * ldc;

		x[i] *= alpha;
		y[i] *= alpha;
		if (beta != 0) {
			x[i] += beta * load(p);
			y[i] += beta * load(p + VL);
		}
		store(p, x[i]);
		store(p + VL, y[i]);
	}
}

/* The same where the tile hangs over the edge of C. */
static void micro_edge(size_t kc, const mm_real *a, const mm_real *b,
		       mm_real *c, size_t ldc, mm_real alpha, mm_real beta,
		       size_t rows, size_t cols)
{
	mm_real t[MR * NR] __attribute__((aligned(64)));

	if (beta != 0) {
		memset(t, 0, sizeof(t));
		for (size_t i = 0; i < rows; i++)
			memcpy(t + i * NR, c + i * ldc, cols * sizeof(*t));
	}
	micro(kc, a, b, t, NR, alpha, beta);
	for (size_t i = 0; i < rows; i++)
		memcpy(c + i * ldc, t + i * NR, cols * sizeof(*t));
}

/* W columns of a (kc x n) slice whose element (k, j) is at k*sk + j*sj. */
static void pack_panel(mm_real *restrict out, const mm_real *in, size_t kc,
		       size_t n, size_t W, size_t sk, size_t sj)
{
	if (n < W)
		memset(out, 0, kc * W * sizeof(*out));
	if (sj == 1) {
		for (size_t k = 0; k < kc; k++)
			memcpy(out + k * W, in + k * sk, n * sizeof(*out));
		return;
	}
	for (size_t k = 0; k + 8 <= kc; k += 8)
		for (size_t j = 0; j < n; j++)
			for (size_t i = 0; i < 8; i++)
				out[(k + i) * W + j] =
					in[(k + i) * sk + j * sj];
	for (size_t k = kc / 8 * 8; k < kc; k++)
		for (size_t j = 0; j < n; j++)
			out[k * W + j] = in[k * sk + j * sj];
}

static void pack_b(const struct mm_gemm *p, size_t k0, size_t kc, size_t n0,
		   size_t nc, mm_real *panels)
{
	const size_t sk = p->tb ? 1 : p->ldb, sj = p->tb ? p->ldb : 1;

	for (size_t j = 0; j < nc; j += NR)
		pack_panel(panels + j * kc, p->B + k0 * sk + (n0 + j) * sj, kc,
			   nc - j < NR ? nc - j : NR, NR, sk, sj);
}

static void block(const struct mm_gemm *p, size_t m0, size_t mc, size_t k0,
		  size_t kc, size_t n0, size_t nc, const mm_real *panels,
		  mm_real *scratch)
{
	const size_t sk = p->ta ? p->lda : 1, si = p->ta ? 1 : p->lda;
	const mm_real beta = k0 ? 1 : p->beta;

	for (size_t i = 0; i < mc; i += MR)
		pack_panel(scratch + i * kc, p->A + k0 * sk + (m0 + i) * si, kc,
			   mc - i < MR ? mc - i : MR, MR, sk, si);
	for (size_t j = 0; j < nc; j += NR) {
		const size_t cols = nc - j < NR ? nc - j : NR;

		for (size_t i = 0; i < mc; i += MR) {
			const size_t rows = mc - i < MR ? mc - i : MR;
			mm_real *c = p->C + (m0 + i) * p->ldc + n0 + j;

			if (rows == MR && cols == NR)
				micro(kc, scratch + i * kc, panels + j * kc, c,
				      p->ldc, p->alpha, beta);
			else
				micro_edge(kc, scratch + i * kc,
					   panels + j * kc, c, p->ldc, p->alpha,
					   beta, rows, cols);
		}
	}
}

const struct mm_gemm_isa MM_ISA_TABLE = { MR, NR, KC, MC, NC, pack_b, block };
