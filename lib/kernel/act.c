/* act.c - see act.h; the loops themselves are in vec_body.h. */
#include "kernel/act.h"

#include "base/parallel.h"
#include "kernel/vec.h"

enum { GRAIN = 16384, COLUMNS = 64 };

struct fwd {
	mm_real *y;
	const mm_real *x;
	enum mm_act act;
};

static void fwd_some(void *ctx, size_t begin, size_t end)
{
	const struct fwd *f = ctx;

	mm_vec()->act_fwd(f->y + begin, f->x + begin, f->act, end - begin);
}

void mm_act_fwd(mm_real *y, const mm_real *x, enum mm_act act, size_t n)
{
	struct fwd f = { y, x, act };

	mm_parallel_for(n, GRAIN, fwd_some, &f);
}

struct bwd {
	mm_real *dx;
	const mm_real *dy, *x;
	enum mm_act act;
	mm_real beta;
};

static void bwd_some(void *ctx, size_t begin, size_t end)
{
	const struct bwd *b = ctx;

	mm_vec()->act_bwd(b->dx + begin, b->dy + begin, b->x + begin, b->act,
			  b->beta, end - begin);
}

void mm_act_bwd(mm_real *dx, const mm_real *dy, const mm_real *x,
		enum mm_act act, mm_real beta, size_t n)
{
	struct bwd b = { dx, dy, x, act, beta };

	mm_parallel_for(n, GRAIN, bwd_some, &b);
}

void mm_epilogue_run(void *ctx, size_t row, size_t rows, size_t col,
		     size_t cols)
{
	const struct mm_epilogue *e = ctx;

	for (size_t i = row; i < row + rows; i++) {
		mm_real *y = e->y + i * e->ld + col;
		const mm_real *bias = e->bias ? e->bias + col : NULL;

		if (bias)
			mm_vec()->add(y, bias, cols);
		if (e->slope)
			mm_vec()->act_slope(y, e->slope + i * e->ld + col, y,
					    e->act, cols);
		else if (e->act != MM_ACT_NONE)
			mm_vec()->act_fwd(y, y, e->act, cols);
		if (e->residual)
			mm_vec()->add(y, e->residual + i * e->ld + col, cols);
	}
}

void mm_slope_run(void *ctx, size_t row, size_t rows, size_t col, size_t cols)
{
	const struct mm_slope *s = ctx;
	mm_real *du = s->du + row * s->ld + col;

	mm_vec()->slope_rows(NULL, du, du, s->slope + row * s->ld + col, rows,
			     s->ld, cols);
}

struct columns {
	mm_real *sum, *du;
	const mm_real *x, *slope;
	size_t N, F;
};

static void sum_some(void *ctx, size_t begin, size_t end)
{
	const struct columns *c = ctx;

	mm_vec()->sum_rows(c->sum + begin, c->x + begin, c->N, c->F,
			   end - begin);
}

void mm_sum_rows(mm_real *sum, const mm_real *x, size_t N, size_t F)
{
	struct columns c = { .sum = sum, .x = x, .N = N, .F = F };

	mm_parallel_for(F, COLUMNS, sum_some, &c);
}

static void slope_some(void *ctx, size_t begin, size_t end)
{
	const struct columns *c = ctx;

	mm_vec()->slope_rows(c->sum ? c->sum + begin : NULL, c->du + begin,
			     c->x + begin, c->slope + begin, c->N, c->F,
			     end - begin);
}

void mm_slope_bwd(mm_real *du, mm_real *dbias, const mm_real *dy,
		  const mm_real *slope, size_t N, size_t F)
{
	struct columns c = { dbias, du, dy, slope, N, F };

	mm_parallel_for(F, COLUMNS, slope_some, &c);
}
