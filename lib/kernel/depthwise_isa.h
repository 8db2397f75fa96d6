/*
 * depthwise_isa.h - the work on one plane of a depthwise convolution, per
 * instruction set; private to depthwise*.c.
 */
#ifndef MM_KERNEL_DEPTHWISE_ISA_H
#define MM_KERNEL_DEPTHWISE_ISA_H

#include <stddef.h>

#include "kernel/real.h"

enum { MM_DW_TAPS = 121, MM_DW_ROWS = 4, MM_DW_LANES = 16 };

/*
 * A plane with its border, as rows of `phases` parts of `part` numbers, and
 * where the plane's rows y0, y0 + 1, ... and columns x0, ... lie on it: at
 * y_at, y_at + step, ...
 */
struct mm_dw_canvas {
	size_t n_y, n_x, y0, x0, y_at, x_at, step;
	size_t rows, part, phases, row; /* row = phases part */
};

/* Results (rows, cols) from taps at `at` of every stride-th canvas row. */
struct mm_dw_taps {
	size_t rows, cols, kh, kw, stride, ld;
	size_t at[MM_DW_TAPS]; /* where tap v of a row begins */
};

struct mm_depthwise_isa {
	/* The border is zero already, and stays so. */
	void (*lay)(mm_real *z, const mm_real *in,
		    const struct mm_dw_canvas *c);
	/* y = beta y + bias + sum of w z.  The canvas has rows for a multiple
	 * of MM_DW_ROWS results. */
	void (*plane)(mm_real *y, mm_real beta, mm_real bias, const mm_real *z,
		      const mm_real *w, const struct mm_dw_taps *t);
	/*
	 * total[tap, lane] += sum of d z.  d: results' gradients, rows apart
	 * `cols` up to whole lanes, kh - 1 rows of zeros before and after.
	 */
	void (*sums)(mm_real *total, const mm_real *d, const mm_real *z,
		     const struct mm_dw_taps *t);
};

extern const struct mm_depthwise_isa mm_depthwise_base, mm_depthwise_avx2,
	mm_depthwise_avx512;

#endif
