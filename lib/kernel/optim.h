/* optim.h - one step of an optimiser over flat arrays of n numbers. */
#ifndef MM_KERNEL_OPTIM_H
#define MM_KERNEL_OPTIM_H

#include <stdbool.h>
#include <stddef.h>

#include "kernel/real.h"

/*
 * AdamW with decoupled weight decay, as torch.optim.AdamW (Loshchilov &
 * Hutter, 2019); t counts steps from 1:
 *
 *	p -= lr wd p
 *	m = b1 m + (1 - b1) g,  v = b2 v + (1 - b2) g^2
 *	p -= lr / (1 - b1^t) m / (sqrt(v) / sqrt(1 - b2^t) + eps)
 *
 * g is first multiplied by `scale` (clipping of the gradient's norm).
 */
struct mm_adamw {
	double lr, beta1, beta2, eps, weight_decay, scale;
	long t;
};
void mm_adamw(mm_real *p, mm_real *m, mm_real *v, const mm_real *g,
	      const struct mm_adamw *a, size_t n);

/*
 * Momentum as torch.optim.SGD, with g = scale g + wd p:
 *
 *	m = momentum m + g,  p -= lr m	or, nesterov, p -= lr (g + momentum m)
 *
 * Without momentum m is not touched and may be NULL.
 */
struct mm_sgd {
	double lr, momentum, weight_decay, scale;
	bool nesterov;
};
void mm_sgd(mm_real *p, mm_real *m, const mm_real *g, const struct mm_sgd *s,
	    size_t n);

/*
 * LAMB (You et al., 2020) for one tensor: m and v as in AdamW, then
 *
 *	r = m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + eps) + wd p
 *	p -= lr |p| / |r| r,  the factor |p| / |r| being 1 where either is 0
 *
 * r	(n) scratch
 */
void mm_lamb(mm_real *p, mm_real *m, mm_real *v, mm_real *r, const mm_real *g,
	     const struct mm_adamw *a, size_t n);

/* A moving average: avg = decay avg + (1 - decay) p. */
void mm_ema(mm_real *avg, const mm_real *p, double decay, size_t n);

/* Sum of squares in double, over fixed blocks in order. */
double mm_sum_squares(const mm_real *x, size_t n);

/* Index of the first number that is not finite, or n. */
size_t mm_first_not_finite(const mm_real *x, size_t n);

#endif
