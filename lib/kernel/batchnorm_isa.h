/* batchnorm_isa.h - the loops of batchnorm.c over planes, per instruction set;
 * private to it. */
#ifndef MM_KERNEL_BATCHNORM_ISA_H
#define MM_KERNEL_BATCHNORM_ISA_H

#include "kernel/real.h"

#include <stddef.h>

struct mm_batchnorm_isa {
	/* Sums over n numbers of x, of (x - mean)^2, of g (x - mean). */
	double (*sum)(const mm_real *x, size_t n);
	double (*squares)(const mm_real *x, mm_real mean, size_t n);
	double (*products)(const mm_real *g, const mm_real *x, mm_real mean,
			   size_t n);
	/* y = (x - mean) scale + shift + residual (or NULL), at least 0 where
	 * relu. */
	void (*apply)(mm_real *y, const mm_real *x, const mm_real *residual,
		      mm_real mean, mm_real scale, mm_real shift, int relu,
		      size_t n);
	/* g = dy where y > 0, else 0. */
	void (*relu)(mm_real *g, const mm_real *dy, const mm_real *y, size_t n);
	/* dx = beta dx + scale (g - a - (x - mean) b) */
	void (*back)(mm_real *dx, mm_real beta, const mm_real *g,
		     const mm_real *x, mm_real mean, mm_real scale, mm_real a,
		     mm_real b, size_t n);
};

extern const struct mm_batchnorm_isa mm_batchnorm_base, mm_batchnorm_avx2,
	mm_batchnorm_avx512;

#endif
