/* optim.c - see optim.h. */
#include "kernel/optim.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/parallel.h"

enum { ELEMENTS = 16384, BLOCKS = 64 };

struct step {
	mm_real *p, *m, *v;
	const mm_real *g;
	mm_real decay, b1, b2, size, root, eps, scale, lr, wd;
};

static void adamw_some(void *ctx, size_t begin, size_t end)
{
	const struct step *s = ctx;
	mm_real *restrict p = s->p, *restrict m = s->m, *restrict v = s->v;
	const mm_real *restrict gr = s->g;
	const mm_real decay = s->decay, b1 = s->b1, b2 = s->b2;
	const mm_real size = s->size, root = s->root, eps = s->eps;
	const mm_real scale = s->scale;

	for (size_t i = begin; i < end; i++) {
		const mm_real g = gr[i] * scale;

		m[i] += (1 - b1) * (g - m[i]);
		v[i] = b2 * v[i] + (1 - b2) * g * g;
		p[i] = p[i] * decay -
		       size * m[i] / (MM_R(sqrt)(v[i]) / root + eps);
	}
}

void mm_adamw(mm_real *p, mm_real *m, mm_real *v, const mm_real *g,
	      const struct mm_adamw *a, size_t n)
{
	struct step s = {
		.p = p,
		.m = m,
		.v = v,
		.g = g,
		.decay = (mm_real)(1 - a->lr * a->weight_decay),
		.b1 = (mm_real)a->beta1,
		.b2 = (mm_real)a->beta2,
		.size = (mm_real)(a->lr / (1 - pow(a->beta1, (double)a->t))),
		.root = (mm_real)sqrt(1 - pow(a->beta2, (double)a->t)),
		.eps = (mm_real)a->eps,
		.scale = (mm_real)a->scale,
	};

	mm_parallel_for(n, ELEMENTS, adamw_some, &s);
}

static void sgd_some(void *ctx, size_t begin, size_t end)
{
	const struct step *s = ctx;

	for (size_t i = begin; i < end; i++) {
		s->m[i] =
			s->b1 * s->m[i] + s->g[i] * s->scale + s->wd * s->p[i];
		s->p[i] -= s->lr * s->m[i];
	}
}

void mm_sgd(mm_real *p, mm_real *m, const mm_real *g, double lr,
	    double momentum, double weight_decay, double scale, size_t n)
{
	struct step s = { .p = p,
			  .m = m,
			  .g = g,
			  .b1 = (mm_real)momentum,
			  .scale = (mm_real)scale,
			  .lr = (mm_real)lr,
			  .wd = (mm_real)weight_decay };

	mm_parallel_for(n, ELEMENTS, sgd_some, &s);
}

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
		double lane[8] = { 0 };

		for (size_t i = from; i < to; i++)
			lane[(i - from) % 8] +=
				(double)s->x[i] * (double)s->x[i];
		for (int l = 0; l < 8; l++)
			s->part[b] += lane[l];
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
