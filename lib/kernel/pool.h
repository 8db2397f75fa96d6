/*
 * pool.h - pooling of maps, and what squeeze-and-excitation adds.
 *
 *	x (B, C, H, W)	y (B, C, Ho, Wo); planes = B C
 *
 * A window is k x k, at every `stride`-th pixel:
 *	Ho = (H + top + bottom - k) / stride + 1, Wo likewise.
 */
#ifndef MM_KERNEL_POOL_H
#define MM_KERNEL_POOL_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/real.h"

struct mm_pool {
	size_t planes, H, W, k, stride;
	size_t top, left, bottom, right; /* of max only; below k */
};

size_t mm_pool_rows(const struct mm_pool *p);
size_t mm_pool_cols(const struct mm_pool *p);

/* The largest of a window, the first of equals; at: where, for backward. */
void mm_max_pool_fwd(mm_real *y, uint32_t *at, const mm_real *x,
		     const struct mm_pool *p);
void mm_max_pool_bwd(mm_real *dx, const mm_real *dy, const uint32_t *at,
		     const struct mm_pool *p);

/* The mean of a window. */
void mm_avg_pool_fwd(mm_real *y, const mm_real *x, const struct mm_pool *p);
void mm_avg_pool_bwd(mm_real *dx, const mm_real *dy, const struct mm_pool *p);

/* y[r] = the mean of n numbers of row r; dx[r,:] += dy[r] / n. */
void mm_mean_rows_fwd(mm_real *y, const mm_real *x, size_t N, size_t n);
void mm_mean_rows_bwd(mm_real *dx, const mm_real *dy, size_t N, size_t n);

/*
 * y[r,:] = s[r] x[r,:]  and
 *	dx = beta dx + s dy,  ds[r] += <dy[r,:], x[r,:]>; each may be NULL
 */
void mm_scale_rows_fwd(mm_real *y, const mm_real *x, const mm_real *s, size_t N,
		       size_t n);
void mm_scale_rows_bwd(mm_real *dx, mm_real beta, mm_real *ds,
		       const mm_real *dy, const mm_real *x, const mm_real *s,
		       size_t N, size_t n);

#endif
