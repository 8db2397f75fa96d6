/*
 * batchnorm.h - normalisation of channels over the batch and the map (Ioffe &
 * Szegedy, 2015), with the activation and the residual that follow it.
 *
 *	y[b,c,i] = act((x[b,c,i] - mean[c]) rstd[c] gain[c] + bias[c]
 *		   + residual[b,c,i]),	rstd = 1 / sqrt(var + eps)
 *
 *	x, y, residual	(B, C, n)	n: pixels of a map
 *	mean, rstd	(C)		saved by forward for backward
 *
 * In training mean and var (biased) are the batch's, and the running ones go
 *
 *	running = (1 - momentum) running + momentum batch
 *
 * where var is the unbiased one (over N - 1), as PyTorch does it.  Outside of
 * training the running ones are used, and they are left alone.
 */
#ifndef MM_KERNEL_BATCHNORM_H
#define MM_KERNEL_BATCHNORM_H

#include <stdbool.h>
#include <stddef.h>

#include "kernel/act.h"

struct mm_batchnorm {
	size_t B, C, n;
	mm_real eps, momentum;
	enum mm_act act;
	bool train; /* use the batch's mean and variance      */
	bool keep;  /* leave the running ones as they are     */
	const mm_real *gain, *bias, *residual; /* residual: NULL where none */
	mm_real *running_mean, *running_var;
};

void mm_batchnorm_fwd(mm_real *y, mm_real *mean, mm_real *rstd,
		      const mm_real *x, const struct mm_batchnorm *p);

/* mm_reals of scratch of backward. */
size_t mm_batchnorm_work(const struct mm_batchnorm *p);

/*
 * With g = dy act'(.), h = (x - mean) rstd, N = B n:
 *	dresidual = beta dresidual + g
 *	dbias += sum g,  dgain += sum g h
 *	dx = beta dx + gain rstd (g - (sum g + h sum g h) / N)
 * and outside of training dx = beta dx + gain rstd g.  Each may be NULL.
 */
struct mm_batchnorm_grads {
	mm_real *dx, *dresidual, *dgain, *dbias;
	mm_real beta_x, beta_residual;
};

void mm_batchnorm_bwd(const struct mm_batchnorm_grads *d, const mm_real *dy,
		      const mm_real *mean, const mm_real *rstd,
		      const mm_real *x, const struct mm_batchnorm *p,
		      mm_real *work);

#endif
