/*
 * packed_isa.h - what one instruction set contributes to packed.c; private to
 * lib/kernel.  Weight panels: packed.h.
 *
 * Packed activations, a tile of R <= mr rows after the other:
 *
 *	[c=0: R rows x step][c=step: R rows x step]...	up(C, step) x R
 */
#ifndef MM_KERNEL_PACKED_ISA_H
#define MM_KERNEL_PACKED_ISA_H

#include "kernel/packed.h"

enum {
	/* Rows of activations that are packed at a time, at most. */
	MM_PACKED_ROWS = 192,
	MM_PACKED_NR_MAX = 32,
};

/* Sums of one panel, [rows][nr], 32 bits each: float or int32. */
union mm_packed_sums {
	float f[MM_PACKED_ROWS * MM_PACKED_NR_MAX];
	int32_t i[MM_PACKED_ROWS * MM_PACKED_NR_MAX];
};

struct mm_packed_isa {
	const char *layout;
	enum mm_packed_type type;
	size_t mr, nr;
	size_t step;	/* inputs that lie together */
	size_t w_bytes; /* of a packed weight */
	size_t x_bytes; /* of a packed activation */

	/* One tile: rows [m, m+rows) of l->x; scale: (rows), INT8 only. */
	void (*pack_x)(const struct mm_linear *l, size_t m, size_t rows,
		       void *x, float *scale);

	/*
	 * y[m.., n..] for the packed rows at x and n / nr panels from column n
	 * on (a multiple of nr).
	 */
	void (*columns)(const struct mm_linear *l, size_t m, size_t rows,
			size_t n, size_t n_end, const void *x,
			const float *scale, union mm_packed_sums *sums);
};

extern const struct mm_packed_isa mm_packed_f32_base, mm_packed_f32_avx2,
	mm_packed_f32_avx512;
extern const struct mm_packed_isa mm_packed_bf16_base, mm_packed_bf16_avx2,
	mm_packed_bf16_avx512, mm_packed_bf16_avx512bf16, mm_packed_bf16_amx;
extern const struct mm_packed_isa mm_packed_w8_base, mm_packed_w8_avx2,
	mm_packed_w8_avx512;
extern const struct mm_packed_isa mm_packed_int8_base, mm_packed_int8_avx2,
	mm_packed_int8_avxvnni, mm_packed_int8_avx512vnni, mm_packed_int8_amx;

#endif
