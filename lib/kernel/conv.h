/*
 * conv.h - convolutions over maps in the order of PyTorch and ONNX.
 *
 *	y[b,f,i,j] = act(sum over c, u, v of w[f,c,u,v] x[b,c,i s + u - top,
 *		     j s + v - left] + bias[f]) + residual[b,f,i,j]
 *
 *	x (B, C, H, W)	w (F, C, kh, kw)	y (B, F, Ho, Wo)
 *
 * with zeros outside of x.  Ho = (H + top + bottom - kh) / s + 1, Wo likewise.
 * Depthwise: F = C, w (C, 1, kh, kw), channel c sees channel c alone.
 *
 * Method: a matrix product whose right factor, the patches, is never stored:
 * its panels are gathered from x while they are packed (Chellapilla et al.,
 * 2006; the product: gemm.h).  Depthwise runs over planes with their border.
 */
#ifndef MM_KERNEL_CONV_H
#define MM_KERNEL_CONV_H

#include <stdbool.h>
#include <stddef.h>

#include "kernel/act.h"

struct mm_conv {
	size_t B, C, H, W;
	size_t F, kh, kw, stride;
	size_t top, left, bottom, right;

	/* Of forward only; NULL and MM_ACT_NONE where there is none. */
	const mm_real *bias, *residual;
	enum mm_act act;
};

/* Rows and columns of y; 0 where the kernel does not fit in. */
size_t mm_conv_rows(const struct mm_conv *p);
size_t mm_conv_cols(const struct mm_conv *p);

/* mm_reals of scratch of any of the three passes. */
size_t mm_conv_work(const struct mm_conv *p);

void mm_conv_fwd(mm_real *y, const mm_real *x, const mm_real *w,
		 const struct mm_conv *p, mm_real *work);

/* dx = beta dx + the gradient. */
void mm_conv_bwd_x(mm_real *dx, mm_real beta, const mm_real *dy,
		   const mm_real *w, const struct mm_conv *p, mm_real *work);

/* dw += the gradient. */
void mm_conv_bwd_w(mm_real *dw, const mm_real *dy, const mm_real *x,
		   const struct mm_conv *p, mm_real *work);

/* dbias[f] += sum over b, i, j of dy[b,f,i,j]; n = Ho Wo. */
void mm_conv_bwd_bias(mm_real *dbias, const mm_real *dy, size_t B, size_t F,
		      size_t n);

/* The same depthwise; kh kw <= 121, and scratch of its own size. */
size_t mm_depthwise_work(const struct mm_conv *p);
void mm_depthwise_fwd(mm_real *y, const mm_real *x, const mm_real *w,
		      const struct mm_conv *p, mm_real *work);
void mm_depthwise_bwd_x(mm_real *dx, mm_real beta, const mm_real *dy,
			const mm_real *w, const struct mm_conv *p,
			mm_real *work);
void mm_depthwise_bwd_w(mm_real *dw, const mm_real *dy, const mm_real *x,
			const struct mm_conv *p, mm_real *work);

#endif
