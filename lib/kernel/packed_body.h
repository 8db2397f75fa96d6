/*
 * packed_body.h - what packed_f32_body.h and packed_int8_body.h share: rows
 * into tiles of even heights, and the end of a linear layer.
 */
#ifndef MM_KERNEL_PACKED_BODY_H
#define MM_KERNEL_PACKED_BODY_H

#include <stdbool.h>

#include "kernel/packed_isa.h"
#include "kernel/tile_body.h"
#include "kernel/vec.h"

/*
 * What a tile asks for while it multiplies: its share of the piece of weights
 * that comes next, so that waiting for memory spreads over all the tiles which
 * a piece serves; a lone tile asks for what itself reads a little later.
 */
struct ahead {
	const char *at;
	size_t step; /* bytes, at each row of the panel */
};

enum { AHEAD = 1536 };

/* Tile t of n: a piece of `rows` rows of `row` bytes at b. */
INLINE struct ahead look_ahead(const void *b, size_t rows, size_t row, size_t t,
			       size_t n)
{
	const char *at = b;

	if (n == 1)
		return (struct ahead){ at + AHEAD, row };
	return (struct ahead){ at + rows * row + rows * row * t / n,
			       (row + n - 1) / n };
}

/* `lone` is a constant where this is inlined, as is row. */
INLINE void ask(struct ahead *a, bool lone, size_t row)
{
	__builtin_prefetch(a->at);
	if (lone && row > 64)
		__builtin_prefetch(a->at + 64);
	a->at += a->step;
}

/* Ask for what end_tile() will touch, while the sums are made. */
INLINE void foresee(const struct mm_linear *l, size_t m, size_t rows, size_t n)
{
	for (size_t i = m; i < m + rows; i++) {
		__builtin_prefetch(l->y + i * l->ldy + n, 1);
		__builtin_prefetch(l->y + i * l->ldy + n + VL, 1);
		if (l->residual) {
			__builtin_prefetch(l->residual + i * l->ldr + n);
			__builtin_prefetch(l->residual + i * l->ldr + n + VL);
		}
	}
}

/* y = t + bias (+ r), a whole row of a panel. */
INLINE void finish_row(float *y, const float *t, const float *bias,
		       const float *r)
{
	if (r)
		for (size_t j = 0; j < NR; j++)
			y[j] = (t[j] + bias[j]) + r[j];
	else
		for (size_t j = 0; j < NR; j++)
			y[j] = t[j] + bias[j];
}

/* The bias of a panel's columns, zeros where there is none. */
INLINE void bias_of(const struct mm_linear *l, size_t n, float bias[NR])
{
	const size_t left = l->bias ? l->w->F - n : 0;

	if (left >= NR) {
		memcpy(bias, l->bias + n, NR * sizeof(*bias));
		return;
	}
	/* No memcpy: of a few words it would be a slow string instruction. */
	for (size_t j = 0; j < NR; j++)
		bias[j] = j < left ? l->bias[n + j] : 0;
}

/* t (rows, NR) is a tile of x W^T and a bias that is still missing, or NULL:
 * add it, activate, add the residual and write.  t is overwritten. */
static void end_tile(const struct mm_linear *l, size_t m, size_t rows, size_t n,
		     const float *bias, float *restrict t)
{
	static const float zero[NR];
	const size_t left = l->w->F - n, cols = left < NR ? left : NR;

	if (l->act != MM_ACT_NONE) {
		for (size_t i = 0; bias && i < rows; i++)
			for (size_t j = 0; j < NR; j++)
				t[i * NR + j] += bias[j];
		mm_vec()->act_fwd(t, t, l->act, rows * NR);
	}
	if (!bias || l->act != MM_ACT_NONE)
		bias = zero;
	for (size_t i = 0; i < rows; i++, t += NR) {
		float *y = l->y + (m + i) * l->ldy + n, edge[NR];
		const float *r = l->residual;

		if (r)
			r += (m + i) * l->ldr + n;
		if (cols == NR) {
			finish_row(y, t, bias, r);
			continue;
		}
		finish_row(edge, t, bias, NULL);
		for (size_t j = 0; j < cols; j++)
			y[j] = edge[j] + (r ? r[j] : 0);
	}
}

#endif
