/*
 * packed.h - linear layers for inference: weights packed once into the order
 * in which the micro-kernels read them.
 *
 *	y = act(x W^T + bias) + residual	x (M, C), W (F, C), y (M, F)
 *
 * Four formats, the same call for each:
 *
 *	F32	as it is
 *	BF16	weights and, row by row as they are used, activations rounded to
 *		bfloat16; sums in float.  vdpbf16ps where the processor has it
 *	W8	weights as in INT8, activations and sums in float
 *	INT8	weights q[f,c] = round(W[f,c] / ws[f]), ws[f] = max|W[f]| / 127;
 *		activations likewise per row (token); sums exact in int32, so
 *		they are equal on every instruction set; then times both scales
 *
 * Panels of NR columns (the width depends on the instruction set), padded with
 * zero weights; S consecutive inputs of one column lie together, for the dot
 * product instructions (F32, W8 1, BF16 1 or 2, INT8 1, 2 or 4):
 *
 *	panel n: [c=0..S-1: NR columns x S][c=S..2S-1: ...]...	up(C, S) x NR
 *	after the panels, F' = F rounded up to NR:
 *	W8, INT8	float ws[F']
 *	INT8		int32 shift[F'], 128 times the sum of column f
 *
 * The order of each sum is fixed by C alone: a row's bits do not depend on the
 * other rows, on M or on the number of threads.
 */
#ifndef MM_KERNEL_PACKED_H
#define MM_KERNEL_PACKED_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/act.h"

enum mm_packed_type {
	MM_PACKED_F32,
	MM_PACKED_BF16,
	MM_PACKED_W8,
	MM_PACKED_INT8,
	MM_N_PACKED_TYPES
};

enum {
	/* The widest input that can be packed: int32 sums cannot overflow. */
	MM_PACKED_MAX_C = 1 << 17,
	/* Bytes; of memory for panels. */
	MM_PANEL_ALIGN = 64,
};

struct mm_packed {
	enum mm_packed_type type;
	size_t F, C;	      /* outputs, inputs                          */
	const void *panels;   /* borrowed: the caller's memory            */
	const float *scale;   /* W8, INT8: (F') ws, else NULL             */
	const int32_t *shift; /* INT8: (F'), else NULL                     */
	const struct mm_packed_isa *isa; /* whose panels these are            */
};

/*
 * The layout on this processor in a word, such as "f32x16": packed bytes may
 * be kept in a file and bound again where this is equal.
 */
const char *mm_packed_layout(enum mm_packed_type type);

/*
 * Bytes that (F, C) takes packed; 0 where that does not fit a size_t or C is
 * over MM_PACKED_MAX_C.
 */
size_t mm_packed_bytes(enum mm_packed_type type, size_t F, size_t C);

/* Pack W (F, C), rows ldw apart, into `memory` (64-byte aligned). */
void mm_packed_pack(struct mm_packed *p, enum mm_packed_type type,
		    const float *W, size_t ldw, size_t F, size_t C,
		    void *memory);

/*
 * The same for W8 or INT8 from weights that are already quantised: q (F, C),
 * end to end, scale (F).
 */
void mm_packed_pack_q(struct mm_packed *p, enum mm_packed_type type,
		      const int8_t *q, const float *scale, size_t F, size_t C,
		      void *memory);

/* Use bytes that an earlier pack of the same layout wrote. */
void mm_packed_bind(struct mm_packed *p, enum mm_packed_type type, size_t F,
		    size_t C, const void *memory);

/* One linear layer; rows may lie apart.  y may be the residual itself. */
struct mm_linear {
	const struct mm_packed *w;
	size_t M;
	const float *x;	       /* (M, C), rows ldx apart */
	float *y;	       /* (M, F), rows ldy apart */
	const float *bias;     /* (F) or NULL                          */
	const float *residual; /* (M, F), rows ldr apart, or NULL      */
	size_t ldx, ldy, ldr;
	enum mm_act act;
	/* INT8: a fixed scale of x instead of one per row, or NULL; what is
	 * beyond 127 is cut. */
	const float *x_scale;
};

void mm_linear_run(const struct mm_linear *l); /* all threads        */

/*
 * n layers of one input, whose activations are packed once: M, x, ldx and
 * x_scale are those of l[0], the weights are of one format and width C.
 */
void mm_linear_run_group(const struct mm_linear *l, size_t n);
void mm_linear_run_serial(const struct mm_linear *l); /* the calling thread */

/* The common case: rows end to end. */
void mm_packed_linear(float *y, const float *x, size_t M,
		      const struct mm_packed *w, const float *bias,
		      enum mm_act act, const float *residual);

/*
 * q[f,c] = round(W[f,c] / scale[f]) with scale[f] = max|W[f]| / 127; ties to
 * even; a row of zeros has scale 0.  W (F, C), rows ldw apart.
 */
void mm_quantize_rows(int8_t *q, float *scale, const float *W, size_t ldw,
		      size_t F, size_t C);

#endif
