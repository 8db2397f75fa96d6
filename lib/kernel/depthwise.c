/*
 * depthwise.c - convolutions that keep channels apart; see conv.h.
 *
 * A task takes as many channels of a sample as a vector has lanes, and turns
 * some rows of their planes at a time into pixels of one channel per lane.
 *
 *	planes --in--> ring of source rows --block--> strip --out--> planes
 *
 * Forward and the gradient of x are one loop, as in conv.c:
 *
 *	source row = row * stride + u - top		forward
 *	source row = (row + top - u) / stride		backward, where whole
 *
 * and likewise columns.  Results of one rest modulo the stride take the same
 * taps, so the gradient of x multiplies no zeros.  The commonest kernel, 3 x 3
 * at stride 1, has too few products to pay for the turning where planes are
 * wide: it runs with columns in the lanes, one plane ("wide") after another.
 * With 32 registers that is best for more kernels: depthwise_planes.h.
 */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/parallel.h"
#include "kernel/conv.h"
#include "kernel/cpu.h"
#include "kernel/depthwise_isa.h"
#include "kernel/depthwise_planes.h"
#include "kernel/size.h"
#include "kernel/slots.h"
#include "kernel/vec.h"

enum {
	LANES = MM_DW_LANES,
	PIXELS = 192, /* about so many of a strip of rows         */
	TASKS = 32,   /* runs of strips, or parts of the batch    */
	WIDE_PIXELS = 1024,
	TABLE = 256, /* rows of taps at a time; >= MM_DW_TAPS    */
	LINE = 64 / sizeof(mm_real), /* of the cache              */
};

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

static size_t above(size_t a, size_t b)
{
	return a > b ? a - b : 0;
}

/* ---- geometry ---- */

struct plan {
	bool back, wide;
	size_t rows, cols, n;	  /* of results */
	size_t src_rows, src_n;	  /* of a source plane */
	size_t strip, strips;	  /* rows at a time */
	struct mm_dw_rows source; /* z is set by the task */
};

static void plan_columns(struct plan *q, const struct mm_conv *p)
{
	struct mm_dw_rows *s = &q->source;
	const size_t Wo = mm_conv_cols(p), st = p->stride;

	if (q->back) {
		*s = (struct mm_dw_rows){ .phases = 1, .cols = Wo };
		s->left = parts_of(above(p->kw - 1, p->left), st);
		s->part = s->left + most(Wo, (p->W - 1 + p->left) / st + 1);
	} else {
		*s = (struct mm_dw_rows){ .phases = st, .cols = p->W };
		s->left = p->left;
		s->part = parts_of(most((Wo - 1) * st + p->kw, p->W + p->left),
				   st);
	}
	s->row = s->phases * s->part;
}

/* A plane at a time, a column per lane: for large planes and few taps. */
static bool is_wide(const struct mm_conv *p)
{
	return p->kh == 3 && p->kw == 3 && p->stride == 1 && p->left < 3 &&
	       p->top < 3 && p->W >= 32;
}

/* The same for every instruction set: sums are cut in the same places. */
static void plan_init(struct plan *q, const struct mm_conv *p, bool back,
		      bool wide)
{
	const size_t Ho = mm_conv_rows(p), Wo = mm_conv_cols(p);

	q->back = back;
	q->wide = wide;
	q->rows = back ? p->H : Ho;
	q->cols = back ? p->W : Wo;
	q->n = q->rows * q->cols;
	q->src_rows = back ? Ho : p->H;
	q->src_n = back ? Ho * Wo : p->H * p->W;
	q->strip =
		wide ? parts_of(WIDE_PIXELS, q->cols * MM_DW_ROWS) * MM_DW_ROWS
		     : parts_of(q->rows,
				least(q->rows, parts_of(q->n, PIXELS)));
	q->strip += q->strip & 1; /* rows go in pairs */
	q->strips = parts_of(q->rows, q->strip);
	plan_columns(q, p);
	if (wide)
		q->source.row = parts_of(q->source.row, LANES) * LANES + LANES;
	q->source.ring = back ? (q->strip + p->kh - 2) / p->stride + 2
			      : (q->strip - 1) * p->stride + p->kh;
}

/* Scratch of a task: source rows, one of zeros, a strip of results. */
static size_t slot_size(const struct plan *q)
{
	const size_t rows = (q->source.ring + 1) * q->source.row;

	return q->wide ? rows : (rows + q->strip * q->cols) * LANES;
}

static size_t parts_of_batch(const struct mm_conv *p)
{
	return least(p->B, parts_of(TASKS, parts_of(p->C, LANES)));
}

/* Packed weights, or sums of parts of the batch. */
static size_t head_size(const struct mm_conv *p)
{
	return parts_of_batch(p) * parts_of(p->C, LANES) * LANES * p->kh *
	       p->kw;
}

size_t mm_depthwise_work(const struct mm_conv *p)
{
	size_t slot = 0;

	if (!mm_conv_rows(p) || !mm_conv_cols(p))
		return 0;
	for (int i = 0; i < 4; i++) {
		struct plan q;

		plan_init(&q, p, i & 1, i & 2 && is_wide(p));
		slot = most(slot, slot_size(&q));
	}
	return LINE + head_size(p) + mm_slots(TASKS) * slot;
}

/* ---- what tasks share ---- */

struct job {
	const struct mm_conv *p;
	const struct mm_depthwise_isa *isa;
	struct plan q;
	const mm_real *src, *in2, *w; /* in2: dy, or what is added to */
	mm_real *dst, *head, beta;
	size_t L, groups, taps, slot;
	size_t total, run; /* strips; of a task */
};

static void job_init(struct job *j, mm_real *work)
{
	const struct mm_conv *p = j->p;

	j->isa = isa();
	j->L = j->q.wide ? 1 : j->isa->lanes;
	j->groups = parts_of(p->C, j->L);
	j->taps = p->kh * p->kw;
	j->slot = slot_size(&j->q);
	j->head = (mm_real *)(((uintptr_t)work + 63) / 64 * 64);
	j->total = p->B * j->groups * j->q.strips;
	j->run = parts_of(j->total, TASKS);
}

static void clear(const void *ctx, mm_real *slot)
{
	const struct job *j = ctx;

	memset(slot, 0, j->slot * sizeof(*slot));
}

/* Channel of a lane; lanes behind the last one repeat it. */
static size_t channel(const struct job *j, size_t g, size_t lane)
{
	return least(g * j->L + lane, j->p->C - 1);
}

/* Planes of n numbers. */
static struct mm_dw_planes planes(const struct job *j, const mm_real *x,
				  size_t b, size_t g, size_t n)
{
	const size_t C = j->p->C, c = g * j->L;

	return (struct mm_dw_planes){ x + (b * C + c) * n, n,
				      least(j->L, C - c) };
}

/* A strip of results, and the source rows that it needs. */
struct strip {
	size_t b, g, y, end, lo, hi;
};

static struct strip strip_at(const struct job *j, size_t i)
{
	const struct mm_conv *p = j->p;
	const struct plan *q = &j->q;
	const size_t plane = i / q->strips, s = p->stride;
	struct strip t = { .b = plane / j->groups,
			   .g = plane % j->groups,
			   .y = i % q->strips * q->strip };

	t.end = least(q->rows, t.y + q->strip);
	if (q->back) {
		t.lo = parts_of(above(t.y + p->top, p->kh - 1), s);
		t.hi = (t.end - 1 + p->top) / s + 1;
	} else {
		t.lo = above(t.y * s, p->top);
		t.hi = above((t.end - 1) * s + p->kh, p->top);
	}
	t.hi = least(t.hi, q->src_rows);
	return t;
}

/* Which source row tap u of row y reads, or SIZE_MAX. */
static size_t source_row(const struct job *j, size_t y, size_t u)
{
	const struct mm_conv *p = j->p;
	const size_t plus = j->q.back ? y + p->top : y * p->stride + u;
	const size_t minus = j->q.back ? u : p->top;
	size_t r = plus - minus;

	if (plus < minus)
		return SIZE_MAX;
	if (j->q.back && p->stride != 1) {
		if (r % p->stride)
			return SIZE_MAX;
		r /= p->stride;
	}
	return r < j->q.src_rows ? r : SIZE_MAX;
}

static const mm_real *ring_row(const struct job *j, const struct mm_dw_rows *in,
			       size_t r)
{
	return in->z + (r % in->ring) * in->row * j->L;
}

/* Source rows that are not there yet; `have` ends those that are. */
static void fetch(const struct job *j, const struct mm_dw_rows *to,
		  const struct strip *t, size_t *have)
{
	const size_t lo = most(t->lo, t->y ? *have : 0);

	if (lo < t->hi && j->q.wide) {
		j->isa->lay(to, j->src + (t->b * j->p->C + t->g) * j->q.src_n,
			    lo, t->hi - lo);
	} else if (lo < t->hi) {
		const struct mm_dw_planes from =
			planes(j, j->src, t->b, t->g, j->q.src_n);

		j->isa->in(to, &from, lo, t->hi - lo);
	}
	*have = most(lo, t->hi);
}

/* ---- what will be wanted next ---- */

/*
 * What the next strip reads of two maps is asked for while this one is
 * computed, a few lines at a time: a line here, one there in as many planes as
 * there are lanes are more than the processor foresees by itself.
 */
struct ahead {
	struct {
		const mm_real *at;   /* of the first lane */
		size_t lines, plane; /* of a lane; numbers from lane to lane */
	} map[2];
	size_t m, lane, line, lanes; /* the next one to ask for */
	size_t per;		     /* lines of a step */
};

static void ahead_init(struct ahead *a, const struct job *j, size_t i,
		       size_t have, size_t steps)
{
	const struct strip t = strip_at(j, i);
	const size_t lo = most(t.lo, t.y ? have : 0);
	const size_t first = t.b * j->p->C + t.g * j->L;
	const struct plan *q = &j->q;

	*a = (struct ahead){ .lanes = j->L, .m = i < j->total ? 0 : 2 };
	a->map[0].at = j->src + first * q->src_n + lo * q->source.cols;
	a->map[0].lines = parts_of(above(t.hi, lo) * q->source.cols, LINE);
	a->map[0].plane = q->src_n;
	a->map[1].at = j->in2 + first * q->n + t.y * q->cols;
	a->map[1].lines = parts_of((t.end - t.y) * q->cols, LINE);
	a->map[1].plane = q->n;
	a->per = parts_of(j->L * (a->map[0].lines + a->map[1].lines), steps);
}

static void look_ahead(struct ahead *a, size_t steps)
{
	for (size_t n = a->per * steps; n && a->m < 2;) {
		const mm_real *at =
			a->map[a->m].at + a->lane * a->map[a->m].plane;
		const size_t end = least(a->map[a->m].lines, a->line + n);

		n -= end - a->line;
		for (; a->line < end; a->line++)
			__builtin_prefetch(at + a->line * LINE, 0, 2);
		if (a->line < a->map[a->m].lines)
			break;
		a->line = 0;
		if (++a->lane == a->lanes) {
			a->lane = 0;
			a->m++;
		}
	}
}

/* ---- forward, and backward to x ---- */

/* w[group, tap, lane]: a row of pixels, one a tap. */
static void pack_some(void *ctx, size_t begin, size_t end)
{
	const struct job *j = ctx;

	for (size_t g = begin; g < end; g++) {
		const struct mm_dw_planes from = planes(j, j->w, 0, g, j->taps);
		const struct mm_dw_rows to = { .z = j->head +
						    g * j->taps * j->L,
					       .ring = 1,
					       .row = j->taps,
					       .part = j->taps,
					       .phases = 1,
					       .cols = j->taps };

		j->isa->in(&to, &from, 0, 1);
	}
}

/* Taps of columns with rest f. */
static void column_taps(struct mm_dw_taps *t, const struct job *j, size_t f)
{
	const struct mm_conv *p = j->p;
	const size_t s = p->stride;

	t->cols = 0;
	for (size_t v = 0; v < p->kw; v++) {
		size_t at = v % s * j->q.source.part + v / s;

		if (j->q.back) {
			at = f + p->left + j->q.source.left * s - v;
			if (at % s)
				continue;
			at /= s;
		}
		t->at[t->cols] = at;
		t->tap[t->cols++] = v;
	}
}

static void row_taps(struct mm_dw_taps *t, const struct job *j,
		     const struct mm_dw_rows *in, const mm_real *w, size_t y)
{
	t->rows = 0;
	for (size_t u = 0; u < j->p->kh; u++) {
		const size_t r = source_row(j, y, u);

		if (r == SIZE_MAX)
			continue;
		t->x[t->rows] = ring_row(j, in, r);
		t->w[t->rows++] = w + u * j->p->kw * j->L;
	}
}

/* The same of rows y and y + 1 at stride 1. */
static void pair_taps(struct mm_dw_taps *t, const struct job *j,
		      const struct mm_dw_rows *in, const mm_real *w, size_t y)
{
	const size_t kh = j->p->kh, n = j->p->kw * j->L;

	t->rows = 0;
	for (size_t u = 0; u <= kh; u++) {
		const size_t r = source_row(j, y + j->q.back, u);
		const mm_real *a = u < kh ? w + u * n : NULL;
		const mm_real *b = u ? w + (u - 1) * n : NULL;

		if (r == SIZE_MAX)
			continue;
		t->x[t->rows] = ring_row(j, in, r);
		t->w[t->rows] = j->q.back ? b : a;
		t->w2[t->rows++] = j->q.back ? a : b;
	}
}

/* Blocks of a row or a pair, evened out. */
static void each_block(mm_real *y, size_t step, size_t n, const mm_real *bias,
		       const struct mm_dw_taps *t, const struct job *j,
		       bool pair, struct ahead *ahead)
{
	size_t i = 0, left = parts_of(n, pair ? MM_DW_PAIR : MM_DW_BLOCK);

	for (; left; left--) {
		const size_t m = parts_of(n - i, left);

		(pair ? j->isa->pair : j->isa->block)(y, step, i, m, bias, t);
		look_ahead(ahead, pair ? 2 * m : m);
		i += m;
	}
}

static void rows(const struct job *j, mm_real *z, const struct mm_dw_rows *in,
		 const struct strip *s, struct ahead *ahead)
{
	const size_t st = j->p->stride, cols = j->q.cols;
	const size_t step = j->q.back ? st : 1;
	const mm_real *w = j->head + s->g * j->taps * j->L;
	mm_real bias[LANES] = { 0 };
	struct mm_dw_taps t;

	for (size_t l = 0; j->p->bias && !j->q.back && l < j->L; l++)
		bias[l] = j->p->bias[channel(j, s->g, l)];
	for (size_t f = 0; f < step && f < cols; f++) {
		size_t y = s->y;

		column_taps(&t, j, f);
		for (; st == 1 && y + 2 <= s->end; y += 2) {
			pair_taps(&t, j, in, w, y);
			each_block(z + (y - s->y) * cols * j->L, cols, cols,
				   bias, &t, j, true, ahead);
		}
		for (; y < s->end; y++) {
			row_taps(&t, j, in, w, y);
			each_block(z + ((y - s->y) * cols + f) * j->L, step,
				   parts_of(cols - f, step), bias, &t, j, false,
				   ahead);
		}
	}
}

static void write_strip(const struct job *j, const struct strip *s, mm_real *z)
{
	const size_t n = (s->end - s->y) * j->q.cols;
	const struct mm_dw_planes old =
		planes(j, j->in2 + s->y * j->q.cols, s->b, s->g, j->q.n);

	if (!j->q.back && j->p->act != MM_ACT_NONE)
		mm_vec()->act_fwd(z, z, j->p->act, n * j->L);
	j->isa->out(j->dst + (old.x - j->in2), &old, j->beta, z, n);
}

static void lanes_run(const struct job *j, size_t i, size_t end, mm_real *slot)
{
	const struct plan *q = &j->q;
	struct mm_dw_rows in = q->source;
	mm_real *z = slot + (in.ring + 1) * in.row * LANES;
	size_t have = 0;

	in.z = slot;
	for (; i < end; i++) {
		const struct strip s = strip_at(j, i);
		struct ahead ahead;

		fetch(j, &in, &s, &have);
		ahead_init(&ahead, j, i + 1, have, (s.end - s.y) * q->cols);
		rows(j, z, &in, &s, &ahead);
		write_strip(j, &s, z);
	}
}

/* ---- the same of one plane, columns in lanes ---- */

/* Column 0 of a source row on the ring is the one left of the results. */
static void plane_rows(const struct job *j, const struct mm_dw_rows *in,
		       const struct strip *s, mm_real *y, struct ahead *ahead)
{
	const size_t up = j->q.back ? 2 - j->p->top : j->p->top;
	const mm_real *x[MM_DW_ROWS + 2], *zeros = in->z + in->ring * in->row;
	const mm_real bias = j->p->bias && !j->q.back ? j->p->bias[s->g] : 0;
	mm_real w[9];

	for (size_t k = 0; k < 9; k++)
		w[k] = j->w[s->g * 9 + (j->q.back ? 8 - k : k)];
	for (size_t i = s->y; i < s->end; i += MM_DW_ROWS) {
		for (size_t c = 0; c < MM_DW_ROWS + 2; c++)
			x[c] = i + c < up || i + c - up >= s->hi
				       ? zeros
				       : ring_row(j, in, i + c - up);
		j->isa->plane3(y + (i - s->y) * j->q.cols,
			       least(MM_DW_ROWS, s->end - i), j->q.cols,
			       j->beta, bias, x, w);
		look_ahead(ahead, 1);
	}
}

static void wide_run(const struct job *j, size_t i, size_t end, mm_real *slot)
{
	const struct mm_conv *p = j->p;
	struct mm_dw_rows in = j->q.source;
	size_t have = 0;

	in.z = slot;
	for (; i < end; i++) {
		const struct strip s = strip_at(j, i);
		const size_t at = (s.b * p->C + s.g) * j->q.n + s.y * j->q.cols;
		const size_t n = (s.end - s.y) * j->q.cols;
		mm_real *y = j->dst + at;
		struct ahead ahead;

		fetch(j, &in, &s, &have);
		ahead_init(&ahead, j, i + 1, have,
			   parts_of(s.end - s.y, MM_DW_ROWS));
		plane_rows(j, &in, &s, y, &ahead);
		if (!j->q.back && p->act != MM_ACT_NONE)
			mm_vec()->act_fwd(y, y, p->act, n);
		if (!j->q.back && p->residual)
			mm_vec()->add(y, p->residual + at, n);
	}
}

static void convolve_run(const void *ctx, size_t task, mm_real *slot)
{
	const struct job *j = ctx;
	const size_t first = task * j->run;
	const size_t end = least(j->total, first + j->run);

	if (j->q.wide)
		wide_run(j, first, end, slot);
	else
		lanes_run(j, first, end, slot);
}

static void run(struct job *j, mm_real *work)
{
	job_init(j, work);
	if (!j->q.wide)
		mm_parallel_for(j->groups, 16, pack_some, j);
	mm_slots_start(parts_of(j->total, j->run), clear, convolve_run, j,
		       j->head + head_size(j->p), j->slot);
}

void mm_depthwise_fwd(mm_real *y, const mm_real *x, const mm_real *w,
		      const struct mm_conv *p, mm_real *work)
{
	struct job j = { .p = p, .dst = y, .src = x, .w = w };

	if (!mm_conv_rows(p) || !mm_conv_cols(p))
		return;
	if (mm_planes_fit(p)) {
		mm_planes_fwd(y, x, w, p);
		return;
	}
	j.in2 = p->residual ? p->residual : y;
	plan_init(&j.q, p, false, is_wide(p));
	j.beta = p->residual && !j.q.wide ? 1 : 0;
	run(&j, work);
}

void mm_depthwise_bwd_x(mm_real *dx, mm_real beta, const mm_real *dy,
			const mm_real *w, const struct mm_conv *p,
			mm_real *work)
{
	struct job j = {
		.p = p, .dst = dx, .in2 = dx, .beta = beta, .src = dy, .w = w
	};

	if (mm_planes_fit(p)) {
		mm_planes_bwd_x(dx, beta, dy, w, p);
		return;
	}
	plan_init(&j.q, p, true, is_wide(p));
	run(&j, work);
}

/* ---- backward to w ---- */

/* Some rows of a strip at a time: as many as the table of their taps holds. */
static void add_rows(const struct job *j, mm_real *total,
		     const struct mm_dw_rows *in, const mm_real *dy,
		     const struct strip *t, struct ahead *ahead)
{
	const size_t kh = j->p->kh, cols = j->q.cols;
	const size_t rows = least(TABLE / kh, parts_of(64, cols));
	const mm_real *zeros = in->z + in->ring * in->row * j->L;
	const mm_real *x[TABLE];
	struct mm_dw_taps taps;

	column_taps(&taps, j, 0);
	for (size_t y = t->y; y < t->end; y += rows) {
		const size_t n = least(rows, t->end - y);
		const struct mm_dw_sums s = { .rows = n,
					      .cols = cols,
					      .kh = kh,
					      .kw = j->p->kw,
					      .stride = j->p->stride,
					      .part = in->part,
					      .dy = dy,
					      .x = x,
					      .at = taps.at };

		for (size_t i = 0; i < n * kh; i++) {
			const size_t r = source_row(j, y + i / kh, i % kh);

			x[i] = r == SIZE_MAX ? zeros : ring_row(j, in, r);
		}
		j->isa->sums(total, &s);
		look_ahead(ahead, n);
		dy += n * cols * j->L;
	}
}

/* Strip k of group g in the samples from `first` on. */
static size_t strip_of(const struct job *j, size_t first, size_t g, size_t k)
{
	const size_t n = j->q.strips;

	return ((first + k / n) * j->groups + g) * n + k % n;
}

/* The sums of one group of channels over one part of the batch. */
static void weigh(const void *ctx, size_t task, mm_real *slot)
{
	const struct job *j = ctx;
	const struct plan *q = &j->q;
	const size_t parts = parts_of_batch(j->p), n = j->taps * j->L;
	const size_t g = task / parts, part = task % parts, B = j->p->B;
	const size_t first = B * part / parts, end = B * (part + 1) / parts;
	mm_real *total = j->head + task * n;
	struct mm_dw_rows in = q->source;
	struct mm_dw_rows dy = { .ring = q->strip,
				 .row = q->cols,
				 .part = q->cols,
				 .phases = 1,
				 .cols = q->cols };
	size_t have = 0;

	in.z = slot;
	dy.z = slot + (in.ring + 1) * in.row * LANES;
	memset(total, 0, n * sizeof(*total));
	for (size_t k = 0; k < (end - first) * q->strips; k++) {
		const struct strip s = strip_at(j, strip_of(j, first, g, k));
		const struct mm_dw_planes from =
			planes(j, j->in2, s.b, s.g, q->n);
		struct ahead ahead;

		fetch(j, &in, &s, &have);
		j->isa->in(&dy, &from, s.y, s.end - s.y);
		ahead_init(&ahead, j, strip_of(j, first, g, k + 1), have,
			   s.end - s.y);
		add_rows(j, total, &in, dy.z, &s, &ahead);
	}
}

/* Over the parts, in order. */
static void gather_some(void *ctx, size_t begin, size_t end)
{
	const struct job *j = ctx;
	const size_t parts = parts_of_batch(j->p), n = j->taps * j->L;

	for (size_t c = begin; c < end; c++)
		for (size_t k = 0; k < j->taps; k++) {
			const mm_real *x = j->head + c / j->L * parts * n +
					   k * j->L + c % j->L;
			mm_real s = 0;

			for (size_t i = 0; i < parts; i++)
				s += x[i * n];
			j->dst[c * j->taps + k] += s;
		}
}

void mm_depthwise_bwd_w(mm_real *dw, const mm_real *dy, const mm_real *x,
			const struct mm_conv *p, mm_real *work)
{
	struct job j = { .p = p, .dst = dw, .src = x, .in2 = dy };

	if (!mm_conv_rows(p) || !mm_conv_cols(p))
		return;
	if (mm_planes_fit(p)) {
		mm_planes_bwd_w(dw, dy, x, p, work);
		return;
	}
	plan_init(&j.q, p, false, false);
	job_init(&j, work);
	mm_slots_start(j.groups * parts_of_batch(p), clear, weigh, &j,
		       j.head + head_size(p), j.slot);
	mm_parallel_for(p->C, 64, gather_some, &j);
}
