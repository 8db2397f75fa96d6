/*
 * attention_isa.h - one task of attention, per instruction set; private to
 * attention*.c.  A task of forward is one head of one sample; of backward,
 * one head of k and v and all heads of q that share it, so that no two tasks
 * write the same number.
 */
#ifndef MM_KERNEL_ATTENTION_ISA_H
#define MM_KERNEL_ATTENTION_ISA_H

#include "kernel/attention.h"
#include "kernel/slots.h"

struct mm_attention_job {
	const struct mm_attention *a;
	mm_real *o, *lse, *p;  /* outputs of forward and of weights */
	mm_real *dq, *dk, *dv; /* outputs of backward */
	const mm_real *beta, *d_o, *o_in, *lse_in;
};

/* ctx is a struct mm_attention_job. */
struct mm_attention_isa {
	mm_slot_fn *fwd, *bwd, *weights;
};

extern const struct mm_attention_isa mm_attention_base, mm_attention_avx2,
	mm_attention_avx512;

/* The widest panel and the least common multiple of the tiles' heights. */
enum { MM_ATTENTION_NR = 32, MM_ATTENTION_MR = 12, MM_ATTENTION_STRIP = 16384 };

static inline size_t mm_attention_up(size_t n, size_t to)
{
	return (n + to - 1) / to * to;
}

/* Queries per strip: a strip of scores stays in the second cache. */
static inline size_t mm_attention_strip(const struct mm_attention *a)
{
	const size_t tk = mm_attention_up(a->Tk, MM_ATTENTION_NR);
	size_t most = MM_ATTENTION_STRIP / tk / MM_ATTENTION_MR, strips;

	most = (most < 2 ? 2 : most) * MM_ATTENTION_MR;
	strips = (a->Tq + most - 1) / most;
	return mm_attention_up((a->Tq + strips - 1) / strips, MM_ATTENTION_MR);
}

#endif
