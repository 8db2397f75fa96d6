/*
 * attention.h - multi-head attention, batch by batch and head by head.
 *
 *	S = scale Q K^T,  P = softmax(S),  O = dropout(P) V
 *
 *	q, o	(B, Tq, H D)	rows ldq, ldo apart, samples Tq rows
 *	k, v	(B, Tk, H D)	rows ldk apart
 *	mask	(B, Tk) U8 or NULL	0 hides a key
 *	causal	query i sees the keys 0..i + Tk - Tq
 *	p	(B, H, Tq, Tk)	saved for backward; NULL: not wanted
 *
 * A query that sees no key at all gets zeros.  Source: Vaswani et al., 2017.
 */
#ifndef MM_KERNEL_ATTENTION_H
#define MM_KERNEL_ATTENTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/real.h"

struct mm_attention {
	const mm_real *q, *k, *v;
	const uint8_t *mask;
	size_t ldq, ldk, ldo;
	size_t B, Tq, Tk, H, D;
	mm_real scale;
	bool causal;
	double dropout;	     /* probability, 0 = none */
	uint64_t key;	     /* of the noise (kernel/embed.h) */
	size_t noise_offset; /* number of p's first element in the batch */
};

/* mm_reals of scratch that either pass needs, with mm_threads() as it is now.
 */
size_t mm_attention_work(const struct mm_attention *a);

void mm_attention_fwd(mm_real *o, mm_real *p, const struct mm_attention *a,
		      mm_real *work);

/* dq, dk, dv = beta_i times what they held, plus the gradient; NULL: no. */
void mm_attention_bwd(mm_real *dq, mm_real *dk, mm_real *dv,
		      const mm_real beta[3], const mm_real *d_o,
		      const mm_real *p, const struct mm_attention *a,
		      mm_real *work);

#endif
