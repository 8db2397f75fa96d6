/* embed.h - tables, rows, patches, noise: moving numbers about. */
#ifndef MM_KERNEL_EMBED_H
#define MM_KERNEL_EMBED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/real.h"

/* y[n,:] = table[ids[n],:].  y (N, C), ids (N) in 0..V-1, table (V, C). */
void mm_gather_fwd(mm_real *y, const int32_t *ids, const mm_real *table,
		   size_t N, size_t C);

/* dtable[ids[n],:] += dy[n,:], rows of one id in the order of n; `skip` is an
 * id that gets nothing, -1: none. */
void mm_gather_bwd(mm_real *dtable, const mm_real *dy, const int32_t *ids,
		   int32_t skip, size_t N, size_t C);

/*
 * Pictures as rows in the order (c, y, x) of a convolution's weight.
 *
 *	y	(B, H/P * W/P, C*P*P)
 *	x	(B, C, H, W)	reals, or bytes that become value[c][x], C = 3
 */
void mm_patches_fwd(mm_real *y, const mm_real *x, size_t B, size_t C, size_t H,
		    size_t W, size_t P);
void mm_patches_u8_fwd(mm_real *y, const uint8_t *x, const float (*value)[256],
		       size_t B, size_t H, size_t W, size_t P);
void mm_patches_bwd(mm_real *dx, const mm_real *dy, size_t B, size_t C,
		    size_t H, size_t W, size_t P);

/* The same numbers where they lie: y, x (B, 3, n). */
void mm_pixels_u8_fwd(mm_real *y, const uint8_t *x, const float (*value)[256],
		      size_t B, size_t n);

/*
 * Rotary positions (Su et al., 2021), halves of a head rotated against each
 * other: with angle = position * base^(-2i/D), i < D/2,
 *
 *	y[i] = x[i] cos - x[i + D/2] sin,  y[i + D/2] = x[i + D/2] cos + x[i]
 *sin
 *
 *	y, x	(N, H D), rows ld apart; y may be x
 *	turn	(T, D): cosines, then sines, of each position's angles
 *	at	(N) rows of `turn`, or NULL: row n takes n mod T
 *	back	rotate the other way: the gradient
 */
void mm_rope(mm_real *y, const mm_real *x, const mm_real *turn,
	     const int32_t *at, bool back, size_t N, size_t T, size_t H,
	     size_t D, size_t ld);

/* Rows first..first+T of `turn`; angles are rounded as transformers does. */
void mm_rope_table(mm_real *turn, double base, size_t first, size_t T,
		   size_t D);

/*
 * Noise: element i of the stream `key` is 0 with probability p, else
 * 1/(1-p); a function of (key, i) alone (Philox, four elements a block).
 *
 *	y = beta y + x noise,  noise of element (first + i) / group
 */
void mm_dropout(mm_real *y, mm_real beta, const mm_real *x, double p,
		uint64_t key, size_t first, size_t group, size_t n);

/* y += x; y = beta y + alpha x; over n elements. */
void mm_add_to(mm_real *y, const mm_real *x, size_t n);
void mm_axpby(mm_real *y, mm_real beta, mm_real alpha, const mm_real *x,
	      size_t n);

#endif
