/*
 * vec.h - the inner loops that exist once per instruction set; private to
 * lib/kernel.  One source (vec_body.h), three compilations, one table each.
 */
#ifndef MM_KERNEL_VEC_H
#define MM_KERNEL_VEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/act.h"

struct mm_piece {
	unsigned to, from, n;
};

struct mm_vec {
	void (*act_fwd)(mm_real *y, const mm_real *x, enum mm_act act,
			size_t n);
	/* y = act(x), slope = act'(x). */
	void (*act_slope)(mm_real *y, mm_real *slope, const mm_real *x,
			  enum mm_act act, size_t n);
	void (*act_bwd)(mm_real *dx, const mm_real *dy, const mm_real *x,
			enum mm_act act, mm_real beta, size_t n);
	/* sum[c] += the sum of N rows, ld apart, of n columns. */
	void (*sum_rows)(mm_real *sum, const mm_real *x, size_t N, size_t ld,
			 size_t n);
	/* dx = dy slope, and with a sum that of dx's rows. */
	void (*slope_rows)(mm_real *sum, mm_real *dx, const mm_real *dy,
			   const mm_real *slope, size_t N, size_t ld, size_t n);
	/* y = exp(x - max) over n; returns the sum, max through *top. */
	mm_real (*exp_sum)(mm_real *y, const mm_real *x, mm_real *top,
			   size_t n);
	/* log sum exp of x. */
	double (*lse)(const mm_real *x, size_t n);
	/* The same of n columns of N numbers, rows ld apart; their sum. */
	double (*lse_columns)(mm_real *lse, const mm_real *x, size_t N,
			      size_t ld, size_t n);
	/* dx += g (exp(x - lse) - shift), with a lse for each, if any. */
	void (*exp_add)(mm_real *dx, const mm_real *x, mm_real g, mm_real lse,
			const mm_real *each, mm_real shift, size_t n);
	/* sum of log(1 + exp(+-x)), - for those with this label. */
	double (*softplus)(const mm_real *x, const int32_t *labels,
			   int32_t label, size_t n);
	/* dx += g sigmoid(x), or g (sigmoid(x) - 1) with this label. */
	void (*sigmoid_add)(mm_real *dx, const mm_real *x, mm_real g,
			    const int32_t *labels, int32_t label, size_t n);
	/* y = beta y + noise x (kernel/embed.h), elements first, first + 1...
	 */
	void (*noise)(mm_real *y, mm_real beta, const mm_real *x,
		      const uint32_t key[2], uint32_t bound, mm_real keep,
		      uint64_t first, size_t n);
	double (*sum_sq)(const mm_real *a, size_t n);
	mm_real (*dot)(const mm_real *a, const mm_real *b, size_t n);
	mm_real (*sum)(const mm_real *a, size_t n);
	mm_real (*sum_sq_diff)(const mm_real *a, mm_real mean, size_t n);
	/* dgain and dbias (or NULL) of layer norm, n <= 64 columns. */
	void (*norm_sums)(mm_real *dgain, mm_real *dbias, const mm_real *dy,
			  const mm_real *x, const mm_real *mean,
			  const mm_real *rstd, size_t N, size_t ld, size_t n);
	void (*add)(mm_real *y, const mm_real *x, size_t n); /* y += x */
	/* y = act(y + bias) + residual (or NULL) */
	void (*finish)(mm_real *y, mm_real bias, enum mm_act act,
		       const mm_real *residual, size_t n);
	/* Those of n numbers at even and at odd places. */
	void (*halves)(mm_real *even, mm_real *odd, const mm_real *x, size_t n);
	/* to[p->to + i] = from[p->from + i], i < p->n, of n pieces p, one
	 * after another; whole vectors unless exact. */
	void (*pieces)(mm_real *to, const mm_real *from,
		       const struct mm_piece *p, size_t n, bool exact);
	/* y = (x - mean) rstd gain + bias */
	void (*norm_row)(mm_real *y, const mm_real *x, mm_real mean,
			 mm_real rstd, const mm_real *gain, const mm_real *bias,
			 size_t n);
	void (*norm_row_bwd)(mm_real *dx, mm_real beta, const mm_real *dy,
			     const mm_real *x, mm_real mean, mm_real rstd,
			     const mm_real *gain, size_t n);

	/* The largest magnitude of n floats, as its bits: they are in the
	 * order of magnitudes, infinity and NaN last. */
	int32_t (*top_bits)(const float *x, size_t n);
	/* q = x inverse to the nearest, ties to even, cut to -127..127; the
	 * same on every instruction set. */
	void (*quantize)(int8_t *q, const float *x, float inverse, size_t n);
};

/* Numbers in the widest register. */
enum { MM_VEC_MOST = 16 };

extern const struct mm_vec mm_vec_base, mm_vec_avx2, mm_vec_avx512;

/* The table of the processor's best level. */
const struct mm_vec *mm_vec(void);

#endif
