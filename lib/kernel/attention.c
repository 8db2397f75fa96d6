/*
 * attention.c - see attention.h: tasks, scratch and the choice of the
 * instruction set; the arithmetic is in attention_body.h.
 */
#include "kernel/attention.h"

#include "kernel/attention_isa.h"
#include "kernel/cpu.h"
#include "kernel/slots.h"

static const struct mm_attention_isa *isa(void)
{
#if defined(__x86_64__)
	switch (mm_isa()) {
	case MM_ISA_AVX512: return &mm_attention_avx512;
	case MM_ISA_AVX2: return &mm_attention_avx2;
	default: break;
	}
#endif
	return &mm_attention_base;
}

/* The layout of a slot is drawn in attention_body.h. */
static size_t slot_size(const struct mm_attention *a)
{
	const size_t tk = mm_attention_up(a->Tk, MM_ATTENTION_NR);
	const size_t d = mm_attention_up(a->D, MM_ATTENTION_NR);
	const size_t strip = mm_attention_strip(a);

	return 3 * tk * d + 2 * strip * tk + 2 * strip * d + tk + strip;
}

size_t mm_attention_work(const struct mm_attention *a)
{
	return mm_slots(a->B * a->H) * slot_size(a);
}

static void run(const struct mm_attention_job *j, mm_slot_fn *fn, size_t tasks,
		mm_real *work)
{
	mm_slots_run(tasks, fn, j, work, slot_size(j->a));
}

void mm_attention_fwd(mm_real *o, mm_real *lse, const struct mm_attention *a,
		      mm_real *work)
{
	const struct mm_attention_job j = { .a = a, .o = o, .lse = lse };

	run(&j, isa()->fwd, a->B * a->H, work);
}

void mm_attention_weights(mm_real *p, const mm_real *lse,
			  const struct mm_attention *a, mm_real *work)
{
	const struct mm_attention_job j = { .a = a, .p = p, .lse_in = lse };

	run(&j, isa()->weights, a->B * a->H, work);
}

void mm_attention_bwd(mm_real *dq, mm_real *dk, mm_real *dv,
		      const mm_real beta[3], const mm_real *d_o,
		      const mm_real *o, const mm_real *lse,
		      const struct mm_attention *a, mm_real *work)
{
	const struct mm_attention_job j = { .a = a,
					    .dq = dq,
					    .dk = dk,
					    .dv = dv,
					    .beta = beta,
					    .d_o = d_o,
					    .o_in = o,
					    .lse_in = lse };

	run(&j, isa()->bwd, a->B * (a->Hk ? a->Hk : a->H), work);
}
