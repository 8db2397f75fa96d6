/* norm.h - normalisations over the last axis, and softmax. */
#ifndef MM_KERNEL_NORM_H
#define MM_KERNEL_NORM_H

#include <stdbool.h>
#include <stddef.h>

#include "kernel/real.h"

/*
 * y = (x - mean) rstd gain + bias,  rstd = 1 / sqrt(var + eps), biased var.
 *
 *	y, x (N, C)	gain, bias (C)		mean, rstd (N), saved
 */
void mm_layernorm_fwd(mm_real *y, mm_real *mean, mm_real *rstd,
		      const mm_real *x, const mm_real *gain,
		      const mm_real *bias, mm_real eps, size_t N, size_t C);

/*
 * With g = dy gain, h = (x - mean) rstd:
 *	dx = beta dx + rstd (g - mean(g) - h mean(g h))
 *	dgain += sum dy h,  dbias += sum dy		each may be NULL
 */
void mm_layernorm_bwd(mm_real *dx, mm_real beta, mm_real *dgain, mm_real *dbias,
		      const mm_real *dy, const mm_real *mean,
		      const mm_real *rstd, const mm_real *x,
		      const mm_real *gain, size_t N, size_t C);

/*
 * y = x rrms gain,  rrms = 1 / sqrt(mean(x^2) + eps): no mean, no bias
 * (Zhang & Sennrich, 2019).  rrms (N), saved.
 */
void mm_rmsnorm_fwd(mm_real *y, mm_real *rrms, const mm_real *x,
		    const mm_real *gain, mm_real eps, size_t N, size_t C);

/*
 * With g = dy gain, h = x rrms:
 *	dx = beta dx + rrms (g - h mean(g h)),  dgain += sum dy h (or NULL)
 */
void mm_rmsnorm_bwd(mm_real *dx, mm_real beta, mm_real *dgain,
		    const mm_real *dy, const mm_real *rrms, const mm_real *x,
		    const mm_real *gain, size_t N, size_t C);

/* y[n,:] = x[n,:] / max(|x[n,:]|, eps); rnorm (N) = 1/max(...), saved. */
void mm_l2norm_fwd(mm_real *y, mm_real *rnorm, const mm_real *x, mm_real eps,
		   size_t N, size_t C);

/* dx += rnorm (dy - y <dy, y>); rows shorter than eps: dx += rnorm dy. */
void mm_l2norm_bwd(mm_real *dx, const mm_real *dy, const mm_real *y,
		   const mm_real *rnorm, mm_real eps, size_t N, size_t C);

/* y = softmax(x) of each row, or its logarithm.  y may be x. */
void mm_softmax_fwd(mm_real *y, const mm_real *x, bool log, size_t N, size_t C);

/* dx += y (dy - <dy, y>), or for the logarithm dy - exp(y) sum(dy). */
void mm_softmax_bwd(mm_real *dx, const mm_real *dy, const mm_real *y, bool log,
		    size_t N, size_t C);

#endif
