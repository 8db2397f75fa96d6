/*
 * attention.h - multi-head attention, batch by batch and head by head.
 *
 *	S = scale Q K^T + mask,  P = softmax(S),  O = dropout(P) V
 *
 *	q, o	(B, Tq, H D)	rows ldq, ldo apart, samples Tq rows or as
 *				first_q says
 *	k, v	(B, Tk, Hk D)	rows ldk apart, samples Tk rows or sample_k or
 *				as first_k says
 *	mask	(B, Tk) U8 or NULL	0 hides a key
 *	lse	(B, H, Tq)	log sum exp of each row of S; all that backward
 *				needs beside q, k, v and o
 *
 * q, k and v may be slices of one buffer (B, T, 3 H D), so may dq, dk, dv.
 *
 * A query that sees no key at all gets zeros.  P is never stored: a task is
 * one head of one sample, works on a strip of queries against all keys, and
 * backward computes the strip anew from lse.  Sources: Vaswani et al., 2017;
 * Dao et al., "FlashAttention" (2022), for the recomputation.
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
	size_t Hk;	 /* heads of k and v, dividing H; 0: as many (no GQA) */
	size_t sample_k; /* numbers from sample to sample; 0: Tk * ldk        */
	mm_real scale;

	/*
	 * A hidden key is skipped; with hidden != 0 that number (-10000, say)
	 * is added to its score instead, so that a row of hidden keys only
	 * keeps a softmax.
	 */
	mm_real hidden;

	bool causal;   /* query i sees the keys 0..i + Tk - Tq ...     */
	size_t prefix; /* ... and all of the first `prefix` keys        */

	/*
	 * (B + 1) or NULL: samples of several lengths lie end to end, sample b
	 * on rows first[b] .. first[b+1]; Tq and Tk are then the most there
	 * may be.  (B) or NULL: the only query of sample b stands at key at[b],
	 * where causal counts from.
	 */
	const int32_t *first_q, *first_k, *at;

	double dropout;	     /* probability, 0 = none */
	uint64_t key;	     /* of the noise (kernel/embed.h) */
	size_t noise_offset; /* number of P's first element in the batch */
};

/* mm_reals of scratch that either pass needs, for any number of threads. */
size_t mm_attention_work(const struct mm_attention *a);

/* lse may be NULL where no backward pass will come. */
void mm_attention_fwd(mm_real *o, mm_real *lse, const struct mm_attention *a,
		      mm_real *work);

/*
 * dq, dk, dv = beta_i times what they held, plus the gradient; NULL: not
 * wanted.  They are laid out as q, k, v; d_o as o.
 */
void mm_attention_bwd(mm_real *dq, mm_real *dk, mm_real *dv,
		      const mm_real beta[3], const mm_real *d_o,
		      const mm_real *o, const mm_real *lse,
		      const struct mm_attention *a, mm_real *work);

/* p (B, H, Tq, Tk) = P without dropout, to look at; from forward's lse. */
void mm_attention_weights(mm_real *p, const mm_real *lse,
			  const struct mm_attention *a, mm_real *work);

#endif
