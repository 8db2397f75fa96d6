/*
 * blas.h - OpenBLAS, loaded on first use and told which processor it runs on.
 *
 * OpenBLAS picks its kernels when it is loaded, and a build older than the
 * processor falls back to SSE3.  So the core type is chosen here by cpuid and
 * handed over in OPENBLAS_CORETYPE (unless the user set it) around dlopen; the
 * environment is put back afterwards, so child processes do not see it.  The
 * library is held to one thread: our own loops call it on fixed blocks.
 *
 * Where the library is missing the kernels of gemm.c do all the work.
 */
#ifndef MM_KERNEL_BLAS_H
#define MM_KERNEL_BLAS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "kernel/cpu.h"
#include "kernel/real.h"

/*
 * Load the library.  Any thread, any number of times; the first call does it
 * and every call reports the same.  MM_ERR_IO names the library and the
 * loader's reason.
 */
int mm_blas_load(struct mm_err *err) MM_MUST_CHECK;

/* The core in use ("Zen", "SkylakeX"); NULL where the library is missing. */
const char *mm_blas_core(void);

/*
 * The core type that fits a processor: what OPENBLAS_CORETYPE is set to.
 * NULL: leave the choice to the library (not x86-64, or no AVX2).
 */
const char *mm_blas_core_for(const struct mm_cpu *cpu);

/*
 * The library's C = alpha op(A) op(B) + beta C on the calling thread, in the
 * arguments of mm_gemm.  False, and nothing done, where the library is
 * missing or a size does not fit its 32-bit integers.
 */
bool mm_blas_gemm(bool ta, bool tb, size_t M, size_t N, size_t K, mm_real alpha,
		  const mm_real *A, size_t lda, const mm_real *B, size_t ldb,
		  mm_real beta, mm_real *C, size_t ldc);

#endif
