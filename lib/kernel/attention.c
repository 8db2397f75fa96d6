/*
 * attention.c - see attention.h.
 *
 * One task is one (sample, head): its scores fit in cache for the lengths of
 * these models.  The heads of a sample write disjoint columns, so backward
 * needs no sums over tasks.  Scratch: two (Tq, Tk) matrices per thread.
 */
#include "kernel/attention.h"

#include <string.h>

#include "base/parallel.h"
#include "kernel/embed.h"
#include "kernel/gemm.h"
#include "kernel/vec.h"

struct job {
	mm_real *o, *p, *work;
	mm_real *dq, *dk, *dv;
	const mm_real *beta, *d_o;
	const struct mm_attention *a;
};

size_t mm_attention_work(const struct mm_attention *a)
{
	return 2 * a->Tq * a->Tk * (size_t)mm_threads();
}

/* Softmax of one row of scores; keys out of sight get 0. */
static void soften(mm_real *s, const uint8_t *mask, size_t seen, size_t Tk)
{
	mm_real top, z;
	size_t n = seen;

	for (size_t j = 0; mask && j < seen; j++) {
		/* Below every finite score, and exp gives exactly 0. */
		if (!mask[j]) {
			s[j] = -(mm_real)INFINITY;
			n--;
		}
	}
	if (!n) {
		memset(s, 0, Tk * sizeof(*s));
		return;
	}
	z = mm_vec()->exp_sum(s, s, &top, seen);
	for (size_t j = 0; mask && n < seen && j < seen; j++)
		if (!mask[j]) {
			z -= s[j]; /* exp is clamped: what is left of -inf */
			s[j] = 0;
		}
	z = 1 / z;
	for (size_t j = 0; j < seen; j++)
		s[j] *= z;
	memset(s + seen, 0, (Tk - seen) * sizeof(*s));
}

static size_t seen_by(const struct mm_attention *a, size_t i)
{
	if (!a->causal)
		return a->Tk;
	return i + 1 + a->Tk > a->Tq ? i + 1 + a->Tk - a->Tq : 0;
}

/* P as it multiplies V: with noise, in `out`, or p itself. */
static const mm_real *noisy(const struct mm_attention *a, const mm_real *p,
			    mm_real *out, size_t task)
{
	const size_t n = a->Tq * a->Tk;

	if (a->dropout == 0)
		return p;
	mm_dropout(out, 0, p, a->dropout, a->key, a->noise_offset + task * n, 1,
		   n);
	return out;
}

static void fwd_some(void *ctx, size_t begin, size_t end)
{
	const struct job *j = ctx;
	const struct mm_attention *a = j->a;
	const size_t n = a->Tq * a->Tk;
	mm_real *scratch = j->work + 2 * n * (size_t)mm_thread_index();

	for (size_t t = begin; t < end; t++) {
		const size_t b = t / a->H, h = t % a->H;
		const mm_real *q = a->q + b * a->Tq * a->ldq + h * a->D;
		const mm_real *k = a->k + b * a->Tk * a->ldk + h * a->D;
		const mm_real *v = a->v + b * a->Tk * a->ldk + h * a->D;
		mm_real *p = j->p ? j->p + t * n : scratch;

		mm_gemm_serial(false, true, a->Tq, a->Tk, a->D, a->scale, q,
			       a->ldq, k, a->ldk, 0, p, a->Tk);
		for (size_t i = 0; i < a->Tq; i++)
			soften(p + i * a->Tk,
			       a->mask ? a->mask + b * a->Tk : NULL,
			       seen_by(a, i), a->Tk);
		mm_gemm_serial(false, false, a->Tq, a->D, a->Tk, 1,
			       noisy(a, p, scratch + n, t), a->Tk, v, a->ldk, 0,
			       j->o + b * a->Tq * a->ldo + h * a->D, a->ldo);
	}
}

void mm_attention_fwd(mm_real *o, mm_real *p, const struct mm_attention *a,
		      mm_real *work)
{
	struct job j = { .o = o, .p = p, .work = work, .a = a };

	mm_parallel_for(a->B * a->H, 1, fwd_some, &j);
}

/* dS from dP, in place: P (dP - <P, dP>), row by row. */
static void score_gradient(mm_real *dp, const mm_real *p, size_t Tq, size_t Tk)
{
	for (size_t i = 0; i < Tq; i++, dp += Tk, p += Tk) {
		const mm_real s = mm_vec()->dot(p, dp, Tk);

		for (size_t k = 0; k < Tk; k++)
			dp[k] = p[k] * (dp[k] - s);
	}
}

static void bwd_some(void *ctx, size_t begin, size_t end)
{
	const struct job *j = ctx;
	const struct mm_attention *a = j->a;
	const size_t n = a->Tq * a->Tk;
	mm_real *dp = j->work + 2 * n * (size_t)mm_thread_index();

	for (size_t t = begin; t < end; t++) {
		const size_t b = t / a->H, h = t % a->H;
		const size_t at_q = b * a->Tq * a->ldq + h * a->D;
		const size_t at_k = b * a->Tk * a->ldk + h * a->D;
		const mm_real *d_o = j->d_o + b * a->Tq * a->ldo + h * a->D;
		const mm_real *p = j->p + t * n;

		if (j->dv)
			mm_gemm_serial(true, false, a->Tk, a->D, a->Tq, 1,
				       noisy(a, p, dp, t), a->Tk, d_o, a->ldo,
				       j->beta[2], j->dv + at_k, a->ldk);
		if (!j->dq && !j->dk)
			continue;
		mm_gemm_serial(false, true, a->Tq, a->Tk, a->D, 1, d_o, a->ldo,
			       a->v + at_k, a->ldk, 0, dp, a->Tk);
		if (a->dropout > 0)
			mm_dropout(dp, 0, dp, a->dropout, a->key,
				   a->noise_offset + t * n, 1, n);
		score_gradient(dp, p, a->Tq, a->Tk);
		if (j->dq)
			mm_gemm_serial(false, false, a->Tq, a->D, a->Tk,
				       a->scale, dp, a->Tk, a->k + at_k, a->ldk,
				       j->beta[0], j->dq + at_q, a->ldq);
		if (j->dk)
			mm_gemm_serial(true, false, a->Tk, a->D, a->Tq,
				       a->scale, dp, a->Tk, a->q + at_q, a->ldq,
				       j->beta[1], j->dk + at_k, a->ldk);
	}
}

void mm_attention_bwd(mm_real *dq, mm_real *dk, mm_real *dv,
		      const mm_real beta[3], const mm_real *d_o,
		      const mm_real *p, const struct mm_attention *a,
		      mm_real *work)
{
	union {
		const mm_real *in;
		mm_real *out;
	} saved = { p }; /* struct job serves both ways */
	struct job j = { .p = saved.out,
			 .work = work,
			 .dq = dq,
			 .dk = dk,
			 .dv = dv,
			 .beta = beta,
			 .d_o = d_o,
			 .a = a };

	mm_parallel_for(a->B * a->H, 1, bwd_some, &j);
}
