/*
 * packed_body.h - what packed_f32_body.h and packed_int8_body.h share: rows
 * into tiles of even heights, and the end of a linear layer.
 */
#ifndef MM_KERNEL_PACKED_BODY_H
#define MM_KERNEL_PACKED_BODY_H

#include "kernel/packed_isa.h"
#include "kernel/tile_body.h"
#include "kernel/vec.h"

/* t (rows, NR) is a panel of x W^T: add the bias, activate, add the residual
 * and write.  t is overwritten. */
static void finish(const struct mm_linear *l, size_t m, size_t rows, size_t n,
		   float *restrict t)
{
	const size_t left = l->w->F - n, cols = left < NR ? left : NR;
	float bias[NR] __attribute__((aligned(64))) = { 0 };

	if (l->bias) {
		memcpy(bias, l->bias + n, cols * sizeof(*bias));
		for (size_t i = 0; i < rows; i++)
			for (size_t j = 0; j < NR; j++)
				t[i * NR + j] += bias[j];
	}
	if (l->act != MM_ACT_NONE)
		mm_vec()->act_fwd(t, t, l->act, rows * NR);
	for (size_t i = 0; i < rows; i++) {
		float *y = l->y + (m + i) * l->ldy + n;
		const float *r = l->residual;

		if (r)
			r += (m + i) * l->ldr + n;
		if (cols < NR)
			for (size_t j = 0; j < cols; j++)
				y[j] = t[i * NR + j] + (r ? r[j] : 0);
		else if (r)
			for (size_t j = 0; j < NR; j++)
				y[j] = t[i * NR + j] + r[j];
		else
			memcpy(y, t + i * NR, NR * sizeof(*y));
	}
}

#endif
