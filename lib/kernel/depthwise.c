/*
 * depthwise.c - convolutions that keep channels apart; see conv.h.
 *
 * A task is one plane (for the gradient of w: one channel of all samples).
 * The plane is copied with its border of zeros, its columns dealt out by their
 * rest modulo the stride, so that every tap of a row is one run of numbers:
 *
 *	row of a plane, stride 2:  [0 2 4 6 ... zeros][1 3 5 7 ... zeros]
 *
 * The gradient of x is the same loop over dy, spread out by the stride, with
 * the kernel turned round.
 */
#include <string.h>

#include "base/parallel.h"
#include "kernel/conv.h"
#include "kernel/slots.h"
#include "kernel/vec.h"

enum { MOST_TAPS = 121 };

/* A plane with its border, as rows of `phases` parts of `part` numbers. */
struct canvas {
	size_t rows, part, phases;
	size_t row; /* phases * part */
};

struct job {
	const struct mm_conv *p;
	mm_real *out;
	const mm_real *in, *in2, *w;
	mm_real beta;
	size_t Ho, Wo;
	struct canvas c;
	size_t wide; /* width of results, up to whole vectors */
};

static size_t up(size_t n, size_t to)
{
	return (n + to - 1) / to * to;
}

static size_t most(size_t a, size_t b)
{
	return a > b ? a : b;
}

/* For results n wide, from taps kw wide at `stride`. */
static struct canvas canvas(size_t rows, size_t n, size_t kw, size_t stride)
{
	struct canvas c = { .rows = rows, .phases = stride };

	c.part = up(up(n, MM_VEC_MOST) + (kw - 1) / stride, MM_VEC_MOST);
	c.row = c.phases * c.part;
	return c;
}

static struct canvas x_canvas(const struct mm_conv *p)
{
	return canvas((mm_conv_rows(p) - 1) * p->stride + p->kh,
		      mm_conv_cols(p), p->kw, p->stride);
}

static struct canvas dy_canvas(const struct mm_conv *p)
{
	return canvas(p->H + p->kh - 1, p->W, p->kw, 1);
}

/* A canvas, and behind it a row of results or a plane of dy. */
static size_t slot_size(const struct mm_conv *p)
{
	const struct canvas a = x_canvas(p), b = dy_canvas(p);
	const size_t wide = up(mm_conv_cols(p), MM_VEC_MOST);

	return most(a.rows * a.row + mm_conv_rows(p) * wide,
		    b.rows * b.row + up(p->W, MM_VEC_MOST));
}

size_t mm_depthwise_work(const struct mm_conv *p)
{
	if (!mm_conv_rows(p) || !mm_conv_cols(p))
		return 0;
	return mm_slots(p->B * p->C) * slot_size(p);
}

/* How rows or columns of a plane lie on the canvas: i * step + shift. */
struct axis {
	size_t n, step, plus, minus; /* shift = plus - minus */
};

/* The first i that is on the canvas. */
static size_t first_on(const struct axis *a)
{
	return a->minus > a->plus ? (a->minus - a->plus + a->step - 1) / a->step
				  : 0;
}

/* One row, in[i * step...] at the columns of phase `f` of the canvas. */
static void lay_phase(mm_real *part, const struct canvas *c, size_t f,
		      const mm_real *in, const struct axis *x)
{
	size_t j = first_on(x), at = j * x->step + x->plus - x->minus, k;

	/* Of step and phases one is 1. */
	while (j < x->n && at % c->phases != f) {
		j++;
		at += x->step;
	}
	k = at / c->phases;
	if (c->phases == 1 && x->step == 1 && k < c->part && j < x->n) {
		const size_t m =
			x->n - j < c->part - k ? x->n - j : c->part - k;

		memset(part, 0, k * sizeof(*part));
		memcpy(part + k, in + j, m * sizeof(*part));
		memset(part + k + m, 0, (c->part - k - m) * sizeof(*part));
		return;
	}
	memset(part, 0, c->part * sizeof(*part));
	for (; j < x->n && k < c->part; j += c->phases, k += x->step)
		part[k] = in[j];
}

/* A plane onto the canvas. */
static void lay(mm_real *z, const struct canvas *c, const mm_real *in,
		const struct axis *y, const struct axis *x)
{
	size_t i = first_on(y);

	for (size_t r = 0; r < c->rows; r++, z += c->row) {
		if (i >= y->n || i * y->step + y->plus - y->minus != r) {
			memset(z, 0, c->row * sizeof(*z));
			continue;
		}
		for (size_t f = 0; f < c->phases; f++)
			lay_phase(z + f * c->part, c, f, in + i * x->n, x);
		i++;
	}
}

/* Where tap v of a row begins. */
static void tap_places(size_t at[MOST_TAPS], const struct canvas *c, size_t kw)
{
	for (size_t v = 0; v < kw; v++)
		at[v] = v % c->phases * c->part + v / c->phases;
}

/* ---- forward ---- */

static void fwd_plane(const void *ctx, size_t t, mm_real *z)
{
	const struct job *j = ctx;
	const struct mm_conv *p = j->p;
	const size_t c = t % p->C, taps = p->kh * p->kw;
	mm_real *row = z + j->c.rows * j->c.row;
	size_t at[MOST_TAPS];

	tap_places(at, &j->c, p->kw);
	lay(z, &j->c, j->in + t * p->H * p->W,
	    &(struct axis){ p->H, 1, p->top, 0 },
	    &(struct axis){ p->W, 1, p->left, 0 });
	for (size_t i = 0; i < j->Ho; i++) {
		const size_t to = (t * j->Ho + i) * j->Wo;
		mm_real *y = j->out + to;

		mm_vec()->taps_row(row, z + i * p->stride * j->c.row, j->c.row,
				   at, j->w + c * taps, p->kh, p->kw, j->Wo);
		for (size_t k = 0; p->bias && k < j->Wo; k++)
			row[k] += p->bias[c];
		mm_vec()->act_fwd(y, row, p->act, j->Wo);
		if (p->residual)
			mm_vec()->add(y, p->residual + to, j->Wo);
	}
}

void mm_depthwise_fwd(mm_real *y, const mm_real *x, const mm_real *w,
		      const struct mm_conv *p, mm_real *work)
{
	struct job j = { .p = p,
			 .out = y,
			 .in = x,
			 .w = w,
			 .Ho = mm_conv_rows(p),
			 .Wo = mm_conv_cols(p) };

	if (!j.Ho || !j.Wo)
		return;
	j.c = x_canvas(p);
	mm_slots_run(p->B * p->C, fwd_plane, &j, work, slot_size(p));
}

/* ---- backward to x ---- */

static void bwd_x_plane(const void *ctx, size_t t, mm_real *z)
{
	const struct job *j = ctx;
	const struct mm_conv *p = j->p;
	const size_t taps = p->kh * p->kw;
	const mm_real *w = j->w + t % p->C * taps;
	mm_real *row = z + j->c.rows * j->c.row, turned[MOST_TAPS];
	size_t at[MOST_TAPS];

	for (size_t k = 0; k < taps; k++)
		turned[k] = w[taps - 1 - k];
	tap_places(at, &j->c, p->kw);
	lay(z, &j->c, j->in + t * j->Ho * j->Wo,
	    &(struct axis){ j->Ho, p->stride, p->kh - 1, p->top },
	    &(struct axis){ j->Wo, p->stride, p->kw - 1, p->left });
	for (size_t i = 0; i < p->H; i++) {
		mm_real *dx = j->out + (t * p->H + i) * p->W;

		mm_vec()->taps_row(row, z + i * j->c.row, j->c.row, at, turned,
				   p->kh, p->kw, p->W);
		if (j->beta == 0) {
			memcpy(dx, row, p->W * sizeof(*dx));
			continue;
		}
		for (size_t k = 0; k < p->W; k++)
			dx[k] = j->beta * dx[k] + row[k];
	}
}

void mm_depthwise_bwd_x(mm_real *dx, mm_real beta, const mm_real *dy,
			const mm_real *w, const struct mm_conv *p,
			mm_real *work)
{
	const struct job j = { .p = p,
			       .out = dx,
			       .beta = beta,
			       .in = dy,
			       .w = w,
			       .Ho = mm_conv_rows(p),
			       .Wo = mm_conv_cols(p),
			       .c = dy_canvas(p) };

	mm_slots_run(p->B * p->C, bwd_x_plane, &j, work, slot_size(p));
}

/* ---- backward to w ---- */

static void bwd_w_channel(const void *ctx, size_t c, mm_real *z)
{
	const struct job *j = ctx;
	const struct mm_conv *p = j->p;
	mm_real *dw = j->out + c * p->kh * p->kw;
	mm_real *dy = z + j->c.rows * j->c.row;
	size_t at[MOST_TAPS];

	tap_places(at, &j->c, p->kw);
	for (size_t b = 0; b < p->B; b++) {
		const size_t t = b * p->C + c;

		lay(z, &j->c, j->in2 + t * p->H * p->W,
		    &(struct axis){ p->H, 1, p->top, 0 },
		    &(struct axis){ p->W, 1, p->left, 0 });
		for (size_t i = 0; i < j->Ho; i++) {
			mm_real *d = dy + i * j->wide;

			memcpy(d, j->in + (t * j->Ho + i) * j->Wo,
			       j->Wo * sizeof(*d));
			memset(d + j->Wo, 0, (j->wide - j->Wo) * sizeof(*d));
		}
		for (size_t u = 0; u < p->kh; u++)
			mm_vec()->taps_sum(dw + u * p->kw, dy, j->wide,
					   z + u * j->c.row,
					   p->stride * j->c.row, at, p->kw,
					   j->Ho, j->wide);
	}
}

void mm_depthwise_bwd_w(mm_real *dw, const mm_real *dy, const mm_real *x,
			const struct mm_conv *p, mm_real *work)
{
	struct job j = { .p = p,
			 .out = dw,
			 .in = dy,
			 .in2 = x,
			 .Ho = mm_conv_rows(p),
			 .Wo = mm_conv_cols(p) };

	if (!j.Ho || !j.Wo)
		return;
	j.c = x_canvas(p);
	j.wide = up(j.Wo, MM_VEC_MOST);
	mm_slots_run(p->C, bwd_w_channel, &j, work, slot_size(p));
}
