/*
 * depthwise_isa.h - the loops of a depthwise convolution per instruction set,
 * over rows of pixels that hold one channel per lane of a vector; private to
 * depthwise*.c.
 */
#ifndef MM_KERNEL_DEPTHWISE_ISA_H
#define MM_KERNEL_DEPTHWISE_ISA_H

#include <stddef.h>

#include "kernel/real.h"

enum {
	MM_DW_TAPS = 121,
	MM_DW_LANES = 16, /* at most */
	MM_DW_BLOCK = 10, /* results whose sums are kept in registers */
	MM_DW_PAIR = 6,	  /* the same in each of two rows */
	MM_DW_ROWS = 4,	  /* the same in rows of plane3 */
};

/*
 * Rows of the planes of `lanes` channels.  Row r begins at pixel r % ring * row
 * of z.  Its columns are dealt out by their rest modulo `phases`, so that taps
 * at every phases-th column are neighbours: column x at x' % phases * part + x'
 * / phases, x' = x + left.
 *
 *	row, phases 2:	[x' = 0 2 4 6 ...][1 3 5 7 ...]
 */
struct mm_dw_rows {
	mm_real *z;
	size_t ring, row, part, phases, left, cols;
};

/*
 * Planes `step` numbers apart, one a lane; lanes behind the last repeat it:
 * they come to the same numbers, which are written to the same place.
 */
struct mm_dw_planes {
	const mm_real *x;
	size_t step, n;
};

/* What a row of results is made of; places and taps count pixels. */
struct mm_dw_taps {
	size_t rows, cols;
	const mm_real *x[MM_DW_TAPS + 1]; /* of a row of taps */
	/* Of the first and the second row of results; may be NULL in pairs. */
	const mm_real *w[MM_DW_TAPS + 1], *w2[MM_DW_TAPS + 1];
	size_t at[MM_DW_TAPS], tap[MM_DW_TAPS]; /* of a column of them */
};

/* The sums for the gradient of w over some rows of results. */
struct mm_dw_sums {
	size_t rows, cols, kh, kw, stride, part;
	const mm_real *dy;	 /* one row after another	      */
	const mm_real *const *x; /* of row r and tap row u: x[r * kh + u] */
	const size_t *at;	 /* of a column of taps		      */
};

struct mm_depthwise_isa {
	size_t lanes;
	/* Rows first..first+n of planes. */
	void (*in)(const struct mm_dw_rows *to, const struct mm_dw_planes *from,
		   size_t first, size_t n);
	/* Numbers i < n of planes that lie as those of `old` do, perhaps in
	 * their place: z[i] + beta old[i]. */
	void (*out)(mm_real *to, const struct mm_dw_planes *old, mm_real beta,
		    const mm_real *z, size_t n);
	/* y[i * step] = bias + sum of w x, first <= i < first + n, n <=
	 * MM_DW_BLOCK. */
	void (*block)(mm_real *y, size_t step, size_t first, size_t n,
		      const mm_real *bias, const struct mm_dw_taps *t);
	/* y[i] and y[i + next] likewise, n <= MM_DW_PAIR. */
	void (*pair)(mm_real *y, size_t next, size_t first, size_t n,
		     const mm_real *bias, const struct mm_dw_taps *t);
	/* total[tap] += sum of dy x. */
	void (*sums)(mm_real *total, const struct mm_dw_sums *s);

	/* One plane alone.  Rows first..first+n of it; */
	void (*lay)(const struct mm_dw_rows *to, const mm_real *from,
		    size_t first, size_t n);
	/* at most MM_DW_ROWS rows of results of taps 3 x 3 at stride 1, from
	 * the rows x that begin left of them: y = beta y + bias + sum. */
	void (*plane3)(mm_real *y, size_t rows, size_t cols, mm_real beta,
		       mm_real bias, const mm_real *const *x, const mm_real *w);
};

extern const struct mm_depthwise_isa mm_depthwise_base, mm_depthwise_avx2,
	mm_depthwise_avx512;

#endif
