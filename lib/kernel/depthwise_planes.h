/*
 * depthwise_planes.h - depthwise convolution with columns of results in the
 * lanes of a vector, straight from plane to plane; private to depthwise*.c.
 *
 * Narrow planes lie side by side: lanes count the columns of `abreast` planes
 * one after another, and a vector may end one plane and begin the next.
 *
 *	vectors	|0 ....... 15|16 ....... 31|32 ....
 *	planes	|0 .......... 22|0 ........... 22|0
 *
 * Small planes get a lane each: they are turned into pixels of so many channels
 * and walked down column by column in the same way.
 */
#ifndef MM_KERNEL_DEPTHWISE_PLANES_H
#define MM_KERNEL_DEPTHWISE_PLANES_H

#include <stdbool.h>

#include "kernel/conv.h"

/* Are these functions there for p on this processor, and the faster ones? */
bool mm_planes_fit(const struct mm_conv *p);

/* As in conv.h; bwd_w needs parts x C x kh x kw numbers of scratch, where parts
 * is at most that of vectors of channels. */
void mm_planes_fwd(mm_real *y, const mm_real *x, const mm_real *w,
		   const struct mm_conv *p);
void mm_planes_bwd_x(mm_real *dx, mm_real beta, const mm_real *dy,
		     const mm_real *w, const struct mm_conv *p);
void mm_planes_bwd_w(mm_real *dw, const mm_real *dy, const mm_real *x,
		     const struct mm_conv *p, mm_real *work);

/* ---- for one instruction set ---- */

enum {
	MM_DP_LANES = 16,
	MM_DP_KERNEL = 5, /* rows and columns of taps: 3 or 5 */
	MM_DP_MAP = 400,  /* pixels of a plane in a lane: 25 KB a map */
	MM_DP_SETS = 8,	  /* of sums for the gradient of w */
	MM_DP_SET = MM_DP_KERNEL * MM_DP_KERNEL * MM_DP_LANES,
};

/*
 * Some rows of planes that lie one after another.  `spread` is the gradient of
 * x at stride 2, whose results come in pairs of rows and of columns: the first
 * pair ends `top` rows and `left` columns of zeros.
 */
struct mm_dp {
	size_t n, abreast; /* planes; side by side in lanes */
	size_t k, stride, top, left;
	bool spread;
	bool each; /* a lane for each plane, of MM_DP_MAP pixels at most */
	size_t H, W, Ho, Wo;	 /* of source and results	   */
	size_t cols, first, end; /* columns in lanes; rows, or pairs */
	const mm_real *w, *bias; /* of the first plane; or NULL	   */
	bool back;    /* taps are read from the last on, but spread */
	mm_real beta; /* y = beta y + bias + sum	   */
	/* As many planes and rows are wanted next: so many numbers on. */
	size_t next_x, next_y;
};

struct mm_dp_isa {
	void (*convolve)(mm_real *y, const mm_real *x, const struct mm_dp *p);
	/* sums += dy x, a set for each vector of planes side by side, or for
	 * each plane where it is alone: MM_DP_SETS at most; one set of lanes
	 * where they hold planes. */
	void (*bwd_w)(mm_real *sums, const mm_real *dy, const mm_real *x,
		      const struct mm_dp *p);
	/* dw of n planes += their sums. */
	void (*fold)(mm_real *dw, const mm_real *sums, const struct mm_dp *p);
};

extern const struct mm_dp_isa mm_dp_avx512;

#endif
