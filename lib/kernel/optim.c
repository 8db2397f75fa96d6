/* optim.c - see optim.h. */
#include "kernel/optim.h"

#include <math.h>

#include "base/parallel.h"
#include "kernel/vec.h"

enum { ELEMENTS = 16384, BLOCKS = 64 };

struct step {
	mm_real *p, *m, *v, *r;
	const mm_real *g;
	mm_real decay, b1, b2, size, root, eps, scale, lr, wd;
	mm_real rest1, rest2; /* 1 - beta in double: a float has 4 digits */
	bool nesterov;
};

/* ---- AdamW ---- */

static struct step adam_step(mm_real *p, mm_real *m, mm_real *v,
			     const mm_real *g, const struct mm_adamw *a)
{
	return (struct step){
		.p = p,
		.m = m,
		.v = v,
		.g = g,
		.decay = (mm_real)(1 - a->lr * a->weight_decay),
		.wd = (mm_real)a->weight_decay,
		.b1 = (mm_real)a->beta1,
		.b2 = (mm_real)a->beta2,
		.rest1 = (mm_real)(1 - a->beta1),
		.rest2 = (mm_real)(1 - a->beta2),
		.size = (mm_real)(a->lr / (1 - pow(a->beta1, (double)a->t))),
		.root = (mm_real)(1 / sqrt(1 - pow(a->beta2, (double)a->t))),
		.eps = (mm_real)a->eps,
		.scale = (mm_real)a->scale,
	};
}

static void adamw_some(void *ctx, size_t begin, size_t end)
{
	const struct step s = *(const struct step *)ctx;
	mm_real *restrict p = s.p, *restrict m = s.m, *restrict v = s.v;
	const mm_real *restrict gr = s.g;

	for (size_t i = begin; i < end; i++) {
		const mm_real g = gr[i] * s.scale;

		m[i] += s.rest1 * (g - m[i]);
		v[i] = s.b2 * v[i] + s.rest2 * g * g;
		p[i] = p[i] * s.decay -
		       s.size * m[i] / (MM_R(sqrt)(v[i]) * s.root + s.eps);
	}
}

void mm_adamw(mm_real *p, mm_real *m, mm_real *v, const mm_real *g,
	      const struct mm_adamw *a, size_t n)
{
	struct step s = adam_step(p, m, v, g, a);

	mm_parallel_for(n, ELEMENTS, adamw_some, &s);
}

/* ---- LAMB ---- */

static void lamb_some(void *ctx, size_t begin, size_t end)
{
	const struct step s = *(const struct step *)ctx;
	mm_real *restrict r = s.r, *restrict m = s.m, *restrict v = s.v;
	const mm_real *restrict gr = s.g, *restrict p = s.p;

	for (size_t i = begin; i < end; i++) {
		const mm_real g = gr[i] * s.scale;

		m[i] += s.rest1 * (g - m[i]);
		v[i] = s.b2 * v[i] + s.rest2 * g * g;
		r[i] = s.size * m[i] / (MM_R(sqrt)(v[i]) * s.root + s.eps) +
		       s.wd * p[i];
	}
}

static void take_some(void *ctx, size_t begin, size_t end)
{
	const struct step *s = ctx;
	mm_real *restrict p = s->p;
	const mm_real *restrict r = s->r;
	const mm_real lr = s->lr;

	for (size_t i = begin; i < end; i++)
		p[i] -= lr * r[i];
}

void mm_lamb(mm_real *p, mm_real *m, mm_real *v, mm_real *r, const mm_real *g,
	     const struct mm_adamw *a, size_t n)
{
	struct step s = adam_step(p, m, v, g, a);
	double length, pace;

	s.r = r;
	s.size = (mm_real)(1 / (1 - pow(a->beta1, (double)a->t)));
	mm_parallel_for(n, ELEMENTS, lamb_some, &s);
	length = sqrt(mm_sum_squares(p, n));
	pace = sqrt(mm_sum_squares(r, n));
	s.lr = (mm_real)(length > 0 && pace > 0 ? a->lr * length / pace
						: a->lr);
	mm_parallel_for(n, ELEMENTS, take_some, &s);
}

/* ---- momentum, averages ---- */

static void sgd_some(void *ctx, size_t begin, size_t end)
{
	const struct step s = *(const struct step *)ctx;

	for (size_t i = begin; i < end; i++) {
		const mm_real g = s.g[i] * s.scale + s.wd * s.p[i];
		mm_real d = g;

		if (s.b1 > 0) {
			s.m[i] = s.b1 * s.m[i] + g;
			d = s.nesterov ? g + s.b1 * s.m[i] : s.m[i];
		}
		s.p[i] -= s.lr * d;
	}
}

void mm_sgd(mm_real *p, mm_real *m, const mm_real *g, const struct mm_sgd *o,
	    size_t n)
{
	struct step s = { .p = p,
			  .m = m,
			  .g = g,
			  .b1 = (mm_real)o->momentum,
			  .scale = (mm_real)o->scale,
			  .lr = (mm_real)o->lr,
			  .wd = (mm_real)o->weight_decay,
			  .nesterov = o->nesterov };

	mm_parallel_for(n, ELEMENTS, sgd_some, &s);
}

static void ema_some(void *ctx, size_t begin, size_t end)
{
	const struct step *s = ctx;
	mm_real *restrict avg = s->m;
	const mm_real *restrict p = s->g;
	const mm_real rest = s->rest1;

	for (size_t i = begin; i < end; i++)
		avg[i] += rest * (p[i] - avg[i]);
}

void mm_ema(mm_real *avg, const mm_real *p, double decay, size_t n)
{
	struct step s = { .m = avg, .g = p, .rest1 = (mm_real)(1 - decay) };

	mm_parallel_for(n, ELEMENTS, ema_some, &s);
}

/* ---- sums and checks ---- */

struct squares {
	const mm_real *x;
	double part[BLOCKS];
	size_t n;
};

static void squares_some(void *ctx, size_t begin, size_t end)
{
	struct squares *s = ctx;

	for (size_t b = begin; b < end; b++) {
		const size_t from = s->n * b / BLOCKS;
		const size_t to = s->n * (b + 1) / BLOCKS;

		s->part[b] = mm_vec()->sum_sq(s->x + from, to - from);
	}
}

double mm_sum_squares(const mm_real *x, size_t n)
{
	struct squares s = { .x = x, .n = n };
	double sum = 0;

	mm_parallel_for(BLOCKS, n < ELEMENTS ? BLOCKS : 1, squares_some, &s);
	for (int b = 0; b < BLOCKS; b++)
		sum += s.part[b];
	return sum;
}

size_t mm_first_not_finite(const mm_real *x, size_t n)
{
	for (size_t i = 0; i < n; i += 256) {
		const size_t end = n - i < 256 ? n : i + 256;
		mm_real sum = 0;

		/* x * 0 is 0 but for infinities and NaN: one test per run. */
		for (size_t k = i; k < end; k++)
			sum += x[k] * 0;
		for (size_t k = i; sum != 0 && k < end; k++)
			if (!isfinite(x[k]))
				return k;
	}
	return n;
}
