/*
 * batchnorm.c - see batchnorm.h.  A task is one channel: its planes are read
 * again while they are still in the cache.
 */
#define MM_ISA_TABLE mm_batchnorm_base
#include "kernel/batchnorm_body.h"

#include <string.h>

#include "base/parallel.h"
#include "kernel/batchnorm.h"
#include "kernel/cpu.h"
#include "kernel/slots.h"
#include "kernel/vec.h"

static const struct mm_batchnorm_isa *isa(void)
{
#if defined(__x86_64__)
	switch (mm_isa()) {
	case MM_ISA_AVX512: return &mm_batchnorm_avx512;
	case MM_ISA_AVX2: return &mm_batchnorm_avx2;
	default: break;
	}
#endif
	return &mm_batchnorm_base;
}

struct job {
	const struct mm_batchnorm *p;
	const struct mm_batchnorm_isa *isa;
	mm_real *y, *mean, *rstd;
	const mm_real *x;
	const struct mm_batchnorm_grads *d; /* backward only */
	const mm_real *dy, *mean_in, *rstd_in;
};

/* Where plane b of channel c begins. */
static size_t plane(const struct mm_batchnorm *p, size_t b, size_t c)
{
	return (b * p->C + c) * p->n;
}

/* Mean and deviation of channel c, and the running ones moved. */
static void measure(const struct job *j, size_t c)
{
	const struct mm_batchnorm *p = j->p;
	const double N = (double)(p->B * p->n), m = (double)p->momentum;
	double mean = 0, var = 0;

	for (size_t b = 0; b < p->B; b++)
		mean += j->isa->sum(j->x + plane(p, b, c), p->n);
	mean /= N;
	for (size_t b = 0; b < p->B; b++)
		var += j->isa->squares(j->x + plane(p, b, c), (mm_real)mean,
				       p->n);
	j->mean[c] = (mm_real)mean;
	j->rstd[c] = (mm_real)(1 / sqrt(var / N + (double)p->eps));
	if (p->keep || !p->running_mean)
		return;
	p->running_mean[c] =
		(mm_real)((1 - m) * (double)p->running_mean[c] + m * mean);
	p->running_var[c] = (mm_real)((1 - m) * (double)p->running_var[c] +
				      m * var / (N > 1 ? N - 1 : 1));
}

static void fwd_some(void *ctx, size_t begin, size_t end)
{
	const struct job *j = ctx;
	const struct mm_batchnorm *p = j->p;

	for (size_t c = begin; c < end; c++) {
		if (p->train) {
			measure(j, c);
		} else {
			j->mean[c] = p->running_mean[c];
			j->rstd[c] = 1 / MM_R(sqrt)(p->running_var[c] + p->eps);
		}
		for (size_t b = 0; b < p->B; b++) {
			const size_t at = plane(p, b, c);
			mm_real *y = j->y + at;

			j->isa->apply(y, j->x + at,
				      p->residual ? p->residual + at : NULL,
				      j->mean[c], j->rstd[c] * p->gain[c],
				      p->bias[c], p->act == MM_ACT_RELU, p->n);
			if (p->act != MM_ACT_RELU && p->act != MM_ACT_NONE)
				mm_vec()->act_fwd(y, y, p->act, p->n);
		}
	}
}

void mm_batchnorm_fwd(mm_real *y, mm_real *mean, mm_real *rstd,
		      const mm_real *x, const struct mm_batchnorm *p)
{
	struct job j = {
		.p = p, .isa = isa(), .y = y, .mean = mean, .rstd = rstd, .x = x
	};

	mm_parallel_for(p->C, 1, fwd_some, &j);
}

/* ---- backward ---- */

/* g of one channel's planes, end to end, and a plane of what act was given. */
static size_t slot_size(const struct mm_batchnorm *p)
{
	return (p->B + 1) * p->n;
}

size_t mm_batchnorm_work(const struct mm_batchnorm *p)
{
	return mm_slots(p->C) * slot_size(p);
}

/* g = dy act'(u), u built anew, or for relu told by the sign of u. */
static void through_act(const struct job *j, size_t c, size_t at, mm_real *g,
			mm_real *u)
{
	const struct mm_batchnorm *p = j->p;

	j->isa->apply(u, j->x + at, p->residual ? p->residual + at : NULL,
		      j->mean_in[c], j->rstd_in[c] * p->gain[c], p->bias[c], 0,
		      p->n);
	if (p->act == MM_ACT_RELU)
		j->isa->relu(g, j->dy + at, u, p->n);
	else
		mm_vec()->act_bwd(g, j->dy + at, u, p->act, 0, p->n);
}

static void give_residual(const struct job *j, size_t at, const mm_real *g)
{
	mm_real *d = j->d->dresidual + at;

	if (j->d->beta_residual == 0)
		memcpy(d, g, j->p->n * sizeof(*d));
	else
		mm_vec()->add(d, g, j->p->n);
}

static void bwd_channel(const void *ctx, size_t c, mm_real *slot)
{
	const struct job *j = ctx;
	const struct mm_batchnorm *p = j->p;
	const struct mm_batchnorm_grads *d = j->d;
	const mm_real mean = j->mean_in[c], rstd = j->rstd_in[c];
	const double N = (double)(p->B * p->n);
	mm_real a = 0, h = 0;
	double sum = 0, product = 0;

	for (size_t b = 0; b < p->B; b++) {
		const size_t at = plane(p, b, c);
		const mm_real *g = slot + b * p->n;

		if (p->act == MM_ACT_NONE)
			g = j->dy + at;
		else
			through_act(j, c, at, slot + b * p->n,
				    slot + p->B * p->n);
		if (d->dresidual)
			give_residual(j, at, g);
		sum += j->isa->sum(g, p->n);
		product += j->isa->products(g, j->x + at, mean, p->n);
	}
	if (d->dbias)
		d->dbias[c] += (mm_real)sum;
	if (d->dgain)
		d->dgain[c] += (mm_real)product * rstd;
	if (p->train) {
		a = (mm_real)(sum / N);
		h = (mm_real)(product / N) * rstd * rstd;
	}
	for (size_t b = 0; d->dx && b < p->B; b++) {
		const size_t at = plane(p, b, c);
		const mm_real *g = slot + b * p->n;

		j->isa->back(d->dx + at, d->beta_x,
			     p->act == MM_ACT_NONE ? j->dy + at : g, j->x + at,
			     mean, p->gain[c] * rstd, a, h, p->n);
	}
}

void mm_batchnorm_bwd(const struct mm_batchnorm_grads *d, const mm_real *dy,
		      const mm_real *mean, const mm_real *rstd,
		      const mm_real *x, const struct mm_batchnorm *p,
		      mm_real *work)
{
	const struct job j = { .p = p,
			       .isa = isa(),
			       .x = x,
			       .d = d,
			       .dy = dy,
			       .mean_in = mean,
			       .rstd_in = rstd };

	mm_slots_run(p->C, bwd_channel, &j, work, slot_size(p));
}
