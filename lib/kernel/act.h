/* act.h - activations, element by element. */
#ifndef MM_KERNEL_ACT_H
#define MM_KERNEL_ACT_H

#include <stddef.h>

#include "kernel/real.h"

enum mm_act {
	MM_ACT_NONE,
	MM_ACT_GELU,	   /* x Phi(x), by erf                            */
	MM_ACT_GELU_TANH,  /* x/2 (1 + tanh(sqrt(2/pi)(x + 0.044715 x^3))) */
	MM_ACT_QUICK_GELU, /* x sigmoid(1.702 x)                          */
	MM_ACT_RELU,
	MM_ACT_SILU, /* x sigmoid(x), also called swish               */
	MM_ACT_SIGMOID,
	MM_ACT_TANH,
	MM_ACT_EXP,
	MM_ACT_LOG,
	MM_N_ACTS
};

/* y[i] = act(x[i]), i < n.  y may be x. */
void mm_act_fwd(mm_real *y, const mm_real *x, enum mm_act act, size_t n);

/* dx[i] = beta * dx[i] + act'(x[i]) dy[i].  dx may be dy. */
void mm_act_bwd(mm_real *dx, const mm_real *dy, const mm_real *x,
		enum mm_act act, mm_real beta, size_t n);

/*
 * The epilogue of a linear layer on a block of rows whose products stand in
 * y:  u = y + bias,  slope = act'(u),  y = act(u) + residual.
 *
 *	y, slope, residual	(rows, cols), rows ld apart
 *	slope	for mm_slope_bwd; NULL where no backward pass will come
 *	bias, residual	may be NULL
 */
struct mm_epilogue {
	mm_real *y, *slope;
	const mm_real *bias, *residual;
	enum mm_act act;
	size_t ld;
};

/* ctx is a struct mm_epilogue; fits mm_gemm.epilogue. */
void mm_epilogue_run(void *ctx, size_t row, size_t rows, size_t col,
		     size_t cols);

/*
 * Backward of the epilogue, with what it saved:
 *	du = dy slope,  dbias[f] += sum over n of du[n,f]
 *
 *	du, dy, slope	(N, F); du may be dy	   dbias (F) or NULL
 */
void mm_slope_bwd(mm_real *du, mm_real *dbias, const mm_real *dy,
		  const mm_real *slope, size_t N, size_t F);

/*
 * du *= slope on a block: the same inside the product that makes dy, while
 * that is in cache.  ctx is a struct mm_slope; fits mm_gemm.epilogue.
 */
struct mm_slope {
	mm_real *du;
	const mm_real *slope;
	size_t ld;
};

void mm_slope_run(void *ctx, size_t row, size_t rows, size_t col, size_t cols);

/* sum[f] += sum over n of x[n,f].  x (N, F). */
void mm_sum_rows(mm_real *sum, const mm_real *x, size_t N, size_t F);

#endif
