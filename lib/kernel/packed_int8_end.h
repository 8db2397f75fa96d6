/*
 * packed_int8_end.h - how the kernels with int32 sums begin and end: the scale
 * of a row of activations, and sums to numbers; included with the macros of
 * tile_body.h and
 *
 *	MM_X_OFFSET	added to activations: 128 where they must be unsigned,
 *			in which case l->w->shift takes it back
 */
#ifndef MM_KERNEL_PACKED_INT8_END_H
#define MM_KERNEL_PACKED_INT8_END_H

#include "kernel/packed_body.h"

typedef int32_t ints __attribute__((vector_size(MM_VEC_BYTES), may_alias));

/* Half a row of a panel: sums of int32 to x W^T + bias. */
struct half {
	ints shift;
	vec scale, bias;
};

INLINE vec widen(const struct half *h, const int32_t *sums, float s)
{
	const ints sum = *(const ints *)(const void *)sums;

	return __builtin_convertvector(
		       MM_X_OFFSET ? (ints)(sum - h->shift) : sum, vec) *
		       (s * h->scale) +
	       h->bias;
}

/* What the halves of the panel from column n on are made with. */
INLINE void halves(const struct mm_linear *l, size_t n, struct half h[2])
{
	float bias[NR] __attribute__((aligned(64)));

	bias_of(l, n, bias);
	for (int k = 0; k < 2; k++) {
		h[k].scale = load(l->w->scale + n + k * VL);
		h[k].bias = load(bias + k * VL);
		memcpy(&h[k].shift, l->w->shift + n + k * VL, sizeof(ints));
	}
}

/* As end_tile(), from the sums. */
INLINE void dequantize(const struct mm_linear *l, size_t m, size_t rows,
		       size_t n, const struct half h[2], const float *scale,
		       int32_t *sums)
{
	const size_t left = l->w->F - n;
	const bool whole = left >= NR && l->act == MM_ACT_NONE;

	for (size_t i = 0; i < rows; i++) {
		const int32_t *t = sums + i * NR;
		vec a = widen(&h[0], t, scale[i]);
		vec b = widen(&h[1], t + VL, scale[i]);
		float *y = (float *)(void *)(sums + i * NR);

		if (whole && l->residual) {
			const float *r = l->residual + (m + i) * l->ldr + n;

			a += load(r);
			b += load(r + VL);
		}
		if (whole)
			y = l->y + (m + i) * l->ldy + n;
		store(y, a);
		store(y + VL, b);
	}
	if (!whole)
		end_tile(l, m, rows, n, NULL, (float *)(void *)sums);
}

/* The scale of a row x: max|x| / 127, or l->x_scale; NaN where the row holds a
 * NaN or an infinity. */
static float row_scale(const struct mm_linear *l, const float *x)
{
	const int32_t infinity = 0x7f800000;
	const int32_t top = mm_vec()->top_bits(x, l->w->C);
	float f;

	memcpy(&f, &top, sizeof(f));
	return top >= infinity ? NAN : l->x_scale ? *l->x_scale : f / 127;
}

#endif
