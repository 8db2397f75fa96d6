/*
 * depthwise.c - convolutions that keep channels apart; see conv.h.
 *
 * A task is one plane (for the gradient of w: one channel of all samples).
 * The plane is laid onto a canvas with a border of zeros, its columns dealt
 * out by their rest modulo the stride, so that every tap of a row is one run
 * of numbers:
 *
 *	row of a plane, stride 2:  [0 2 4 6 ... zeros][1 3 5 7 ... zeros]
 *
 * All planes of a job lie in the same place, so a slot's canvas is cleared
 * once.  The gradient of x is the same loop over dy, spread out by the stride,
 * with the kernel turned round.
 */
#define MM_ISA_TABLE mm_depthwise_base
#include "kernel/depthwise_body.h"

#include "base/parallel.h"
#include "kernel/conv.h"
#include "kernel/cpu.h"
#include "kernel/slots.h"
#include "kernel/vec.h"

static const struct mm_depthwise_isa *isa(void)
{
#if defined(__x86_64__)
	switch (mm_isa()) {
	case MM_ISA_AVX512: return &mm_depthwise_avx512;
	case MM_ISA_AVX2: return &mm_depthwise_avx2;
	default: break;
	}
#endif
	return &mm_depthwise_base;
}

enum { MOST_GROUP = 8 };

static size_t up(size_t n, size_t to)
{
	return (n + to - 1) / to * to;
}

static size_t most(size_t a, size_t b)
{
	return a > b ? a : b;
}

/* ---- geometry ---- */

/* Rows or columns 0, 1, ... of a plane at step i + plus - minus. */
static void place(size_t *first, size_t *at, size_t step, size_t plus,
		  size_t minus)
{
	*first = minus > plus ? (minus - plus + step - 1) / step : 0;
	*at = *first * step + plus - minus;
}

/* For results (rows, cols) from taps (kh, kw) at `stride`. */
static void canvas_init(struct mm_dw_canvas *c, struct mm_dw_taps *t)
{
	c->phases = t->stride;
	c->rows = (up(t->rows, MM_DW_ROWS) - 1) * t->stride + t->kh;
	c->part = up(up(t->cols, MM_DW_LANES) + (t->kw - 1) / t->stride,
		     MM_DW_LANES);
	c->row = t->ld = c->phases * c->part;
	for (size_t v = 0; v < t->kw; v++)
		t->at[v] = v % t->stride * c->part + v / t->stride;
}

static void forward_geometry(struct mm_dw_canvas *c, struct mm_dw_taps *t,
			     const struct mm_conv *p)
{
	*t = (struct mm_dw_taps){ .rows = mm_conv_rows(p),
				  .cols = mm_conv_cols(p),
				  .kh = p->kh,
				  .kw = p->kw,
				  .stride = p->stride };
	*c = (struct mm_dw_canvas){ .n_y = p->H, .n_x = p->W, .step = 1 };
	canvas_init(c, t);
	place(&c->y0, &c->y_at, 1, p->top, 0);
	place(&c->x0, &c->x_at, 1, p->left, 0);
}

static void back_geometry(struct mm_dw_canvas *c, struct mm_dw_taps *t,
			  const struct mm_conv *p)
{
	*t = (struct mm_dw_taps){ .rows = p->H,
				  .cols = p->W,
				  .kh = p->kh,
				  .kw = p->kw,
				  .stride = 1 };
	*c = (struct mm_dw_canvas){ .n_y = mm_conv_rows(p),
				    .n_x = mm_conv_cols(p),
				    .step = p->stride };
	canvas_init(c, t);
	place(&c->y0, &c->y_at, p->stride, p->kh - 1, p->top);
	place(&c->x0, &c->x_at, p->stride, p->kw - 1, p->left);
}

/* ---- scratch of a slot: canvas, rows of dy with zeros around, sums ---- */

static size_t dy_size(const struct mm_conv *p)
{
	return (mm_conv_rows(p) + 2 * p->kh) * up(mm_conv_cols(p), MM_DW_LANES);
}

static size_t slot_size(const struct mm_conv *p)
{
	struct mm_dw_canvas a, b;
	struct mm_dw_taps t;

	forward_geometry(&a, &t, p);
	back_geometry(&b, &t, p);
	return most(a.rows * a.row, b.rows * b.row) + dy_size(p) +
	       MOST_GROUP * p->kh * p->kw * MM_DW_LANES;
}

size_t mm_depthwise_work(const struct mm_conv *p)
{
	if (!mm_conv_rows(p) || !mm_conv_cols(p))
		return 0;
	return mm_slots(p->B * p->C) * slot_size(p);
}

struct job {
	const struct mm_conv *p;
	const struct mm_depthwise_isa *isa;
	mm_real *out;
	const mm_real *in, *in2, *w;
	mm_real beta;
	size_t slot, n_in, n_out; /* of scratch, of planes */
	struct mm_dw_canvas c;
	struct mm_dw_taps t;
};

static void clear(const void *ctx, mm_real *slot)
{
	const struct job *j = ctx;

	memset(slot, 0, j->slot * sizeof(*slot));
}

/* ---- forward ---- */

static void fwd_plane(const void *ctx, size_t i, mm_real *z)
{
	const struct job *j = ctx;
	const struct mm_conv *p = j->p;
	const size_t c = i % p->C;
	mm_real *y = j->out + i * j->n_out;

	j->isa->lay(z, j->in + i * j->n_in, &j->c);
	j->isa->plane(y, 0, p->bias ? p->bias[c] : 0, z,
		      j->w + c * p->kh * p->kw, &j->t);
	if (p->act != MM_ACT_NONE)
		mm_vec()->act_fwd(y, y, p->act, j->n_out);
	if (p->residual)
		mm_vec()->add(y, p->residual + i * j->n_out, j->n_out);
}

void mm_depthwise_fwd(mm_real *y, const mm_real *x, const mm_real *w,
		      const struct mm_conv *p, mm_real *work)
{
	struct job j = { .p = p,
			 .isa = isa(),
			 .out = y,
			 .in = x,
			 .w = w,
			 .n_in = p->H * p->W,
			 .n_out = mm_conv_rows(p) * mm_conv_cols(p) };

	if (!j.n_out)
		return;
	j.slot = slot_size(p);
	forward_geometry(&j.c, &j.t, p);
	mm_slots_start(p->B * p->C, clear, fwd_plane, &j, work, j.slot);
}

/* ---- backward to x ---- */

static void bwd_x_plane(const void *ctx, size_t i, mm_real *z)
{
	const struct job *j = ctx;
	const size_t taps = j->p->kh * j->p->kw;
	const mm_real *w = j->w + i % j->p->C * taps;
	mm_real turned[MM_DW_TAPS];

	for (size_t k = 0; k < taps; k++)
		turned[k] = w[taps - 1 - k];
	j->isa->lay(z, j->in + i * j->n_in, &j->c);
	j->isa->plane(j->out + i * j->n_out, j->beta, 0, z, turned, &j->t);
}

void mm_depthwise_bwd_x(mm_real *dx, mm_real beta, const mm_real *dy,
			const mm_real *w, const struct mm_conv *p,
			mm_real *work)
{
	struct job j = { .p = p,
			 .isa = isa(),
			 .out = dx,
			 .beta = beta,
			 .in = dy,
			 .w = w,
			 .n_in = mm_conv_rows(p) * mm_conv_cols(p),
			 .n_out = p->H * p->W };

	j.slot = slot_size(p);
	back_geometry(&j.c, &j.t, p);
	mm_slots_start(p->B * p->C, clear, bwd_x_plane, &j, work, j.slot);
}

/* ---- backward to w ---- */

/*
 * Channels of a task: the planes of some neighbours lie end to end, those of
 * one channel far apart.
 */
static size_t group(const struct mm_conv *p)
{
	return p->C < 8 * MOST_GROUP ? 1 : MOST_GROUP;
}

static void add_plane(const struct job *j, size_t i, mm_real *z, mm_real *d,
		      mm_real *total)
{
	const size_t wide = up(j->t.cols, MM_DW_LANES);
	const struct mm_dw_canvas rows = { .n_y = j->t.rows,
					   .n_x = j->t.cols,
					   .step = 1,
					   .rows = j->t.rows,
					   .part = wide,
					   .phases = 1,
					   .row = wide };

	j->isa->lay(z, j->in2 + i * j->n_out, &j->c);
	j->isa->lay(d, j->in + i * j->n_in, &rows);
	j->isa->sums(total, d, z, &j->t);
}

static void bwd_w_channels(const void *ctx, size_t task, mm_real *z)
{
	const struct job *j = ctx;
	const struct mm_conv *p = j->p;
	const size_t taps = p->kh * p->kw, n = taps * MM_DW_LANES;
	const size_t c0 = task * group(p);
	const size_t C = p->C - c0 < group(p) ? p->C - c0 : group(p);
	mm_real *total = z + j->slot - MOST_GROUP * n;
	mm_real *d = total - dy_size(p);

	memset(total, 0, C * n * sizeof(*total));
	for (size_t b = 0; b < p->B; b++)
		for (size_t c = 0; c < C; c++)
			add_plane(j, b * p->C + c0 + c, z, d, total + c * n);
	for (size_t k = 0; k < C * taps; k++) {
		mm_real s = 0;

		for (size_t l = 0; l < MM_DW_LANES; l++)
			s += total[k * MM_DW_LANES + l];
		j->out[c0 * taps + k] += s;
	}
}

void mm_depthwise_bwd_w(mm_real *dw, const mm_real *dy, const mm_real *x,
			const struct mm_conv *p, mm_real *work)
{
	struct job j = { .p = p,
			 .isa = isa(),
			 .out = dw,
			 .in = dy,
			 .in2 = x,
			 .n_in = mm_conv_rows(p) * mm_conv_cols(p),
			 .n_out = p->H * p->W };

	if (!j.n_in)
		return;
	j.slot = slot_size(p);
	forward_geometry(&j.c, &j.t, p);
	mm_slots_start((p->C + group(p) - 1) / group(p), clear, bwd_w_channels,
		       &j, work, j.slot);
}
