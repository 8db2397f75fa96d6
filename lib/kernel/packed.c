/* packed.c - packing weights, and cutting a linear layer for the threads. */
#include "kernel/packed.h"

#ifndef MM_DOUBLE
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "kernel/cast.h"
#include "kernel/cpu.h"
#include "kernel/packed_isa.h"
#include "kernel/size.h"

enum {
	/* Packed activations that the threads share. */
	X_BYTES = 1 << 20,
	/* Layers of fewer multiplications are not worth waking threads. */
	SMALL = 64 * 64 * 64,
	/* A task has about so many; a weight read counts as READ of them. */
	TASK = 1 << 20,
	READ = 16,
	/* Activations that a task packs. */
	PACK = 1 << 14,
	/* Threads that begin at places of their own, at most. */
	LANES = 64,
};

/* Scratch of the thread that asked for a layer, and of each worker. */
static _Thread_local char x_of[X_BYTES] __attribute__((aligned(64)));
static _Thread_local float scale_of[MM_PACKED_ROWS];
static _Thread_local union mm_packed_sums sums_of __attribute__((aligned(64)));

/* ---- formats ---- */

static const struct mm_packed_isa *int8_isa(void)
{
#if defined(__x86_64__)
	if (mm_isa() >= MM_ISA_AVX512 && mm_cpu_has(MM_CPU_AMX_INT8))
		return &mm_packed_int8_amx;
	if (mm_isa() >= MM_ISA_AVX512 && mm_cpu_has(MM_CPU_AVX512_VNNI))
		return &mm_packed_int8_avx512vnni;
	if (mm_isa() >= MM_ISA_AVX2)
		return mm_cpu_has(MM_CPU_AVX_VNNI) ? &mm_packed_int8_avxvnni
						   : &mm_packed_int8_avx2;
#endif
	return &mm_packed_int8_base;
}

static const struct mm_packed_isa *isa_of(enum mm_packed_type type)
{
	static const struct mm_packed_isa *const of[][MM_N_ISAS] = {
#if defined(__x86_64__)
#define ROW(name)                                             \
	{ &mm_packed_##name##_base, &mm_packed_##name##_avx2, \
	  &mm_packed_##name##_avx512 }
#else
#define ROW(name)                        \
	{                                \
		&mm_packed_##name##_base \
	}
#endif
		[MM_PACKED_F32] = ROW(f32),
		[MM_PACKED_BF16] = ROW(bf16),
		[MM_PACKED_W8] = ROW(w8),
	};

	if (type == MM_PACKED_INT8)
		return int8_isa();
#if defined(__x86_64__)
	if (type == MM_PACKED_BF16 && mm_isa() >= MM_ISA_AVX512 &&
	    mm_cpu_has(MM_CPU_AMX_BF16))
		return &mm_packed_bf16_amx;
	if (type == MM_PACKED_BF16 && mm_isa() >= MM_ISA_AVX512 &&
	    mm_cpu_has(MM_CPU_AVX512_BF16))
		return &mm_packed_bf16_avx512bf16;
#endif
	return of[type][mm_isa()];
}

const char *mm_packed_layout(enum mm_packed_type type)
{
	return isa_of(type)->layout;
}

static size_t up(size_t n, size_t to)
{
	return (n + to - 1) / to;
}

size_t mm_packed_bytes(enum mm_packed_type type, size_t F, size_t C)
{
	const struct mm_packed_isa *I = isa_of(type);
	size_t columns, row, tail = 0, bytes;

	if (C > MM_PACKED_MAX_C || !mm_add_ok(&columns, F, I->nr - 1))
		return 0;
	columns = columns / I->nr * I->nr;
	row = up(C, I->step) * I->step * I->w_bytes;
	if (type == MM_PACKED_W8)
		tail = sizeof(float);
	if (type == MM_PACKED_INT8)
		tail = sizeof(float) + sizeof(int32_t);
	if (!mm_mul_ok(&bytes, columns, row + tail))
		return 0;
	return bytes ? bytes : 1;
}

void mm_packed_bind(struct mm_packed *p, enum mm_packed_type type, size_t F,
		    size_t C, const void *memory)
{
	const struct mm_packed_isa *I = isa_of(type);
	const size_t columns = up(F, I->nr) * I->nr;
	const char *tail = (const char *)memory +
			   columns * I->w_bytes * I->step * up(C, I->step);

	*p = (struct mm_packed){ .type = type, .F = F, .C = C, .isa = I };
	p->panels = memory;
	if (type == MM_PACKED_W8 || type == MM_PACKED_INT8)
		p->scale = (const float *)(const void *)tail;
	if (type == MM_PACKED_INT8)
		p->shift = (const int32_t *)(const void *)(p->scale + columns);
}

/* ---- packing weights ---- */

struct pack_job {
	const struct mm_packed *p;
	const float *W; /* or ... */
	const int8_t *q;
	size_t ld;
	char *panels;
	float *scale;
	int32_t *shift;
};

static float row_scale(const float *w, size_t C)
{
	float top = 0;

	for (size_t c = 0; c < C; c++)
		top = fabsf(w[c]) > top ? fabsf(w[c]) : top;
	return top / 127;
}

static int8_t quantize(float w, float scale)
{
	const float q = scale > 0 ? rintf(w / scale) : 0;

	return (int8_t)(q > 127 ? 127 : q < -127 ? -127 : q);
}

/* Inputs [c, c+n) of column f, as they lie in a panel, end to end. */
static void encode(const struct pack_job *j, size_t f, size_t c, size_t n,
		   void *out)
{
	const size_t at = f * j->ld + c;
	int8_t *q = out;

	if (j->q)
		memcpy(out, j->q + at, n);
	else if (j->p->type == MM_PACKED_F32)
		memcpy(out, j->W + at, n * sizeof(float));
	else if (j->p->type == MM_PACKED_BF16)
		mm_f32_to_bf16(out, j->W + at, n);
	else
		for (size_t i = 0; i < n; i++)
			q[i] = quantize(j->W[at + i], j->scale[f]);
}

/* out[i * gap] = in[i], n units of 1, 2 or 4 bytes. */
static void deal(char *out, size_t gap, const char *in, size_t n, size_t unit)
{
	if (unit == 4)
		for (size_t i = 0; i < n; i++)
			memcpy(out + i * gap * 4, in + i * 4, 4);
	else if (unit == 2)
		for (size_t i = 0; i < n; i++)
			memcpy(out + i * gap * 2, in + i * 2, 2);
	else
		for (size_t i = 0; i < n; i++)
			out[i * gap] = in[i];
}

static void pack_panel(const struct pack_job *j, size_t n)
{
	enum { PIECE = 64 };
	const struct mm_packed *p = j->p;
	const size_t nr = p->isa->nr, step = p->isa->step;
	const size_t bytes = p->isa->w_bytes, C = up(p->C, step) * step;
	const size_t cols = least(p->F - n, nr);
	char *panel = j->panels + n * C * bytes;

	memset(panel, 0, nr * C * bytes);
	for (size_t c = 0; c < p->C; c += PIECE)
		for (size_t i = 0; i < cols; i++) {
			const size_t some = least(p->C - c, PIECE);
			float row[PIECE] = { 0 };

			encode(j, n + i, c, some, row);
			deal(panel + (c * nr + i * step) * bytes, nr,
			     (const char *)row, up(some, step), step * bytes);
		}
	for (size_t i = 0; j->shift && i < cols; i++) {
		int32_t sum = 0;

		for (size_t c = 0; c < p->C; c++)
			sum += ((const int8_t *)panel)[c / step * step * nr +
						       i * step + c % step];
		j->shift[n + i] = 128 * sum;
	}
}

static void pack_some(void *ctx, size_t begin, size_t end)
{
	const struct pack_job *j = ctx;
	const size_t nr = j->p->isa->nr;

	for (size_t n = begin * nr; n < least(end * nr, j->p->F); n += nr) {
		for (size_t f = n;
		     j->scale && !j->q && f < j->p->F && f < n + nr; f++)
			j->scale[f] = row_scale(j->W + f * j->ld, j->p->C);
		pack_panel(j, n);
	}
}

static void pack(struct mm_packed *p, struct pack_job *j, char *memory)
{
	const size_t columns = up(p->F, p->isa->nr) * p->isa->nr;

	j->p = p;
	j->panels = memory;
	if (p->scale) {
		j->scale = (float *)(void *)(memory +
					     ((const char *)p->scale - memory));
		memset(j->scale, 0, columns * sizeof(*j->scale));
	}
	if (p->shift) {
		j->shift = (int32_t *)(void *)(j->scale + columns);
		memset(j->shift, 0, columns * sizeof(*j->shift));
	}
	mm_parallel_for(up(p->F, p->isa->nr), 4, pack_some, j);
}

void mm_packed_pack(struct mm_packed *p, enum mm_packed_type type,
		    const float *W, size_t ldw, size_t F, size_t C,
		    void *memory)
{
	struct pack_job j = { .W = W, .ld = ldw };

	mm_packed_bind(p, type, F, C, memory);
	pack(p, &j, memory);
}

void mm_packed_pack_q(struct mm_packed *p, enum mm_packed_type type,
		      const int8_t *q, const float *scale, size_t F, size_t C,
		      void *memory)
{
	struct pack_job j = { .q = q, .ld = C };

	mm_packed_bind(p, type, F, C, memory);
	pack(p, &j, memory);
	memcpy(j.scale, scale, F * sizeof(*scale));
}

void mm_quantize_rows(int8_t *q, float *scale, const float *W, size_t ldw,
		      size_t F, size_t C)
{
	for (size_t f = 0; f < F; f++) {
		const float *w = W + f * ldw;

		scale[f] = row_scale(w, C);
		for (size_t c = 0; c < C; c++)
			q[f * C + c] = quantize(w[c], scale[f]);
	}
}

/* ---- running ---- */

/*
 * Rows [m0, m0+rows) of a group of layers, packed together.  They are cut into
 * parts of part_rows; each part packs its tiles for itself.  A task is one
 * part times `group` panels of one layer.
 */
struct job {
	const struct mm_linear *l;
	size_t n_layers;
	size_t m0, rows, part_rows, part_tiles;
	size_t row_bytes; /* of packed activations */
	size_t group, n_groups;
	size_t n_tasks, n_lanes;
	atomic_size_t next[LANES]; /* task of each lane */
	char *x;
	float *scale;
};

static size_t part_size(const struct job *j, size_t part)
{
	return least(j->rows - part * j->part_rows, j->part_rows);
}

static void pack_tiles(void *ctx, size_t begin, size_t end)
{
	const struct job *j = ctx;
	const struct mm_packed_isa *I = j->l->w->isa;

	for (size_t t = begin; t < end; t++) {
		const size_t part = t / j->part_tiles, i = t % j->part_tiles;
		const size_t rows = part_size(j, part), n = up(rows, I->mr);
		const size_t h = rows / n, more = rows % n;
		const size_t r = part * j->part_rows + i * h + least(i, more);

		if (i < n)
			I->pack_x(j->l, j->m0 + r, h + (i < more),
				  j->x + r * j->row_bytes, j->scale + r);
	}
}

/* Groups of panels that a layer is cut into. */
static size_t groups_of(const struct job *j, const struct mm_linear *l)
{
	return up(up(l->w->F, l->w->isa->nr), j->group);
}

static void multiply(const struct job *j, size_t task)
{
	const size_t part = task / j->n_groups, r = part * j->part_rows;
	const struct mm_linear *l = j->l;
	size_t g = task % j->n_groups, n, n_end;

	while (g >= groups_of(j, l))
		g -= groups_of(j, l++);
	n = g * j->group * l->w->isa->nr;
	n_end = least(n + j->group * l->w->isa->nr, l->w->F);
	l->w->isa->columns(l, j->m0 + r, part_size(j, part), n, n_end,
			   j->x + r * j->row_bytes, j->scale + r, &sums_of);
}

static size_t lane_begin(const struct job *j, size_t lane)
{
	return j->n_tasks * lane / j->n_lanes;
}

/*
 * The tasks of a lane in turn, then what other lanes have left: a thread reads
 * panels that follow one another, so that what tiles ask for ahead is its own.
 */
static void run_lane(void *ctx, size_t begin, size_t end)
{
	struct job *j = ctx;

	(void)end;
	for (size_t i = 0; i < j->n_lanes; i++) {
		const size_t lane = (begin + i) % j->n_lanes;
		const size_t stop = lane_begin(j, lane + 1);
		size_t t;

		while ((t = atomic_fetch_add(&j->next[lane], 1)) < stop)
			multiply(j, t);
	}
}

static void multiply_all(struct job *j, bool serial)
{
	const size_t n_threads = serial ? 1 : (size_t)mm_threads();

	j->n_lanes = least(n_threads, LANES);
	for (size_t i = 0; i < j->n_lanes; i++)
		atomic_store(&j->next[i], lane_begin(j, i));
	if (serial)
		run_lane(j, 0, 1);
	else
		mm_parallel_for(n_threads, 1, run_lane, j);
}

/* Run fn over n blocks on this thread or on all of them. */
static void spread(bool serial, size_t n, size_t grain, mm_parallel_fn *fn,
		   struct job *j)
{
	if (!serial)
		mm_parallel_for(n, grain, fn, j);
	else if (n)
		fn(j, 0, n);
}

/* Columns of all layers of the group. */
static size_t width(const struct job *j)
{
	size_t F = 0;

	for (size_t i = 0; i < j->n_layers; i++)
		F += j->l[i].w->F;
	return F;
}

static void run_rows(struct job *j, bool serial)
{
	const struct mm_packed *w = j->l->w;
	const struct mm_packed_isa *I = w->isa;
	const size_t n_panels = up(width(j), I->nr), C = w->C + 1;
	size_t n_parts = 1;

	j->group =
		least(up(TASK, (j->rows + READ) * C * I->nr), up(n_panels, 4));
	j->n_groups = 0;
	for (size_t i = 0; i < j->n_layers; i++)
		j->n_groups += groups_of(j, &j->l[i]);
	/* Few columns: cut the rows, so that all threads have work. */
	while (j->n_groups * n_parts < 8 && j->rows >= 8 * I->mr * n_parts)
		n_parts *= 2;
	j->part_rows = up(up(j->rows, n_parts), I->mr) * I->mr;
	j->part_tiles = j->part_rows / I->mr;
	n_parts = up(j->rows, j->part_rows);
	spread(serial, n_parts * j->part_tiles, up(PACK, I->mr * C), pack_tiles,
	       j);
	j->n_tasks = n_parts * j->n_groups;
	multiply_all(j, serial);
}

static void run(const struct mm_linear *l, size_t n, bool serial)
{
	const struct mm_packed *w = l->w;
	const struct mm_packed_isa *I = w->isa;
	struct job j = { .l = l, .n_layers = n, .x = x_of, .scale = scale_of };
	const size_t F = width(&j);
	size_t at_once;

	if (!l->M || !F)
		return;
	serial = serial || (double)l->M * (double)F * (double)w->C < SMALL;
	j.row_bytes = up(w->C, I->step) * I->step * I->x_bytes;
	at_once = least(MM_PACKED_ROWS, X_BYTES / (j.row_bytes + 1));
	if (at_once > I->mr)
		at_once = at_once / I->mr * I->mr;
	/* 200 rows as 102 + 98, not 192 + 8. */
	at_once =
		least(at_once, up(up(l->M, up(l->M, at_once)), I->mr) * I->mr);
	for (j.m0 = 0; j.m0 < l->M; j.m0 += at_once) {
		j.rows = least(l->M - j.m0, at_once);
		run_rows(&j, serial);
	}
}

void mm_linear_run(const struct mm_linear *l)
{
	run(l, 1, false);
}

void mm_linear_run_group(const struct mm_linear *l, size_t n)
{
	run(l, n, false);
}

void mm_linear_run_serial(const struct mm_linear *l)
{
	run(l, 1, true);
}

void mm_packed_linear(float *y, const float *x, size_t M,
		      const struct mm_packed *w, const float *bias,
		      enum mm_act act, const float *residual)
{
	const struct mm_linear l = { .w = w,
				     .M = M,
				     .x = x,
				     .y = y,
				     .bias = bias,
				     .residual = residual,
				     .ldx = w->C,
				     .ldy = w->F,
				     .ldr = w->F,
				     .act = act };

	run(&l, 1, false);
}
#else
typedef int mm_packed_absent;
#endif
