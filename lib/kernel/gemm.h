/*
 * gemm.h - matrix products, row-major.
 *
 *	C = alpha op(A) op(B) + beta C      op(A) (M, K), op(B) (K, N), C (M, N)
 *
 * op transposes where its flag says so; lda, ldb, ldc are the distances of
 * rows as stored.  beta = 0 overwrites, whatever C held.
 *
 * The sum over K is cut into blocks of fixed length and each element of C is
 * summed in the same order whatever M, N, the number of threads and the place
 * in the matrix: the bits of a row do not depend on the batch it is in.
 *
 * Method: Goto, van de Geijn, "Anatomy of high-performance matrix
 * multiplication" (2008): B in panels of NR columns, A in panels of MR rows,
 * a register-blocked micro-kernel, per instruction set.
 */
#ifndef MM_KERNEL_GEMM_H
#define MM_KERNEL_GEMM_H

#include <stdbool.h>
#include <stddef.h>

#include "kernel/real.h"

/*
 * What the operands are rounded to (nearest, ties to even) before they are
 * multiplied; sums are in float in any case, and so is C.  bfloat16 is twice
 * as fast where the processor has vdpbf16ps (mm_gemm_fast); elsewhere the
 * rounding costs time and the result is what such a processor would give, to
 * the order of its sums.
 */
enum mm_compute { MM_COMPUTE_F32, MM_COMPUTE_BF16, MM_COMPUTE_F16 };

/* Is that faster than float32 here? */
bool mm_gemm_fast(enum mm_compute compute);

struct mm_gemm {
	bool ta, tb;
	size_t M, N, K;
	mm_real alpha, beta;
	const mm_real *A, *B;
	mm_real *C;
	size_t lda, ldb, ldc;

	/*
	 * Called once for each finished block of C, while it is in cache; may
	 * be NULL.  Different blocks may be finished by different threads.
	 */
	void (*epilogue)(void *ctx, size_t row, size_t rows, size_t col,
			 size_t cols);
	void *ctx;
	enum mm_compute compute;

	/* For those who pack A and B themselves; see below. */
	const struct mm_ahead *ahead; /* or NULL */
	/* Not 0: so many columns of C lie together, and then the next so many
	 * `apart` numbers from their place. */
	size_t group, apart;
};

void mm_gemm_run(const struct mm_gemm *p);	  /* all threads */
void mm_gemm_run_serial(const struct mm_gemm *p); /* the calling thread */

/* The common case in one line. */
void mm_gemm(bool ta, bool tb, size_t M, size_t N, size_t K, mm_real alpha,
	     const mm_real *A, size_t lda, const mm_real *B, size_t ldb,
	     mm_real beta, mm_real *C, size_t ldc);
void mm_gemm_serial(bool ta, bool tb, size_t M, size_t N, size_t K,
		    mm_real alpha, const mm_real *A, size_t lda,
		    const mm_real *B, size_t ldb, mm_real beta, mm_real *C,
		    size_t ldc);

/*
 * `batch` products of one shape, number b on A + b*sa, B + b*sb, C + b*sc.
 * The C must not overlap; sa or sb may be 0 (a shared operand).
 */
void mm_gemm_batched(size_t batch, bool ta, bool tb, size_t M, size_t N,
		     size_t K, mm_real alpha, const mm_real *A, size_t lda,
		     size_t sa, const mm_real *B, size_t ldb, size_t sb,
		     mm_real beta, mm_real *C, size_t ldc, size_t sc);

/*
 * What the memory is asked for while a block is multiplied, by those who pack
 * B themselves: tile q < n asks for from + q / per * outer + q % per * inner
 * and then for each k for what lies `step` further; where A is read as it lies,
 * after every MM_AHEAD_ROWS of those for the next line of the cache of each.
 */
enum { MM_AHEAD_ROWS = 64 / sizeof(mm_real) };

struct mm_ahead {
	const mm_real *from;
	size_t n, per, outer, inner, step;
	const struct mm_ahead *then; /* of the tiles from n on, or NULL */
};

/*
 * The blocks of one instruction set; for gemm.c.  Layouts: gemm_body.h.
 * C[m0.., n0..] takes the products of k0..k0+kc; with k0 = 0 it is scaled by
 * beta before, else added to.
 */
struct mm_gemm_isa {
	size_t mr, nr, kc, mc;
	size_t pair; /* numbers along K that share a word of a panel: 1, 2 */
	/* A[m0..m0+mc, k0..k0+kc) in tiles of mr rows at most. */
	void (*pack_a)(const struct mm_gemm *p, size_t m0, size_t mc, size_t k0,
		       size_t kc, mm_real *panels);
	/* B[k0..k0+kc, n0..n0+nc) in panels of nr columns. */
	void (*pack_b)(const struct mm_gemm *p, size_t k0, size_t kc, size_t n0,
		       size_t nc, mm_real *panels);
	/* a NULL: A is read where it lies.  b NULL as well: so is B, whose
	 * columns must be whole vectors of nr / 2; then op transposes A alone.
	 */
	void (*block)(const struct mm_gemm *p, size_t m0, size_t mc, size_t k0,
		      size_t kc, size_t n0, size_t nc, const mm_real *a,
		      const mm_real *b);
};

extern const struct mm_gemm_isa mm_gemm_base, mm_gemm_avx2, mm_gemm_avx512,
	mm_gemm_avx512bf16;

#endif
