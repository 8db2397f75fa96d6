/* patches.c - see patches.h. */
#include "kernel/patches.h"

#include <stdint.h>
#include <string.h>

#include "kernel/size.h"
#include "kernel/vec.h"

enum {
	TAPS = 64,   /* of a channel; with more they come one by one */
	ROOM = 8192, /* numbers of copied rows, about the first cache */
	SPARE = 16,  /* a copied row is read in whole vectors	  */
	MOST = MM_PATCHES_MOST,
	LINE = 64 / sizeof(mm_real), /* of the cache */
};

static _Thread_local mm_real rows_of[ROOM] __attribute__((aligned(64)));

bool mm_patches_direct(const struct mm_patches *g)
{
	return g->kh * g->kw == 1 && g->up == 1 && g->down == 1 && !g->top &&
	       !g->left && g->Wd == g->Ws && g->Hd <= g->Hs;
}

/* ---- a line for each tap ---- */

/* Where destination x reads, or SIZE_MAX outside of the map. */
static size_t source(size_t x, size_t u, size_t pad, size_t n,
		     const struct mm_patches *g)
{
	const size_t plus = x * g->up + (g->back ? pad : u);
	const size_t minus = g->back ? u : pad;
	size_t at = plus - minus;

	if (plus < minus)
		return SIZE_MAX;
	if (g->down != 1) { /* else no time for divisions */
		if (at % g->down)
			return SIZE_MAX;
		at /= g->down;
	}
	return at < n ? at : SIZE_MAX;
}

static void zeros(mm_real *x, size_t n)
{
	if (n)
		memset(x, 0, n * sizeof(*x));
}

/* Every up-th number of a row, from place x * up + v - left on. */
static void stride_row(mm_real *out, const mm_real *row, size_t v, size_t x,
		       size_t n, const struct mm_patches *g)
{
	for (size_t i = 0; i < n; i++) {
		const size_t at = source(x + i, v, g->left, g->Ws, g);

		out[i] = at == SIZE_MAX ? 0 : row[at];
	}
}

/* A number at every `down`-th place, where x + left - v divides. */
static void spread_row(mm_real *out, const mm_real *row, size_t v, size_t x,
		       size_t n, const struct mm_patches *g)
{
	const size_t plus = x + g->left;
	size_t i = plus < v ? v - plus : 0, at;

	memset(out, 0, n * sizeof(*out));
	i += (g->down - (plus + i - v) % g->down) % g->down;
	at = (plus + i - v) / g->down;
	for (; i < n && at < g->Ws; i += g->down)
		out[i] = row[at++];
}

/* Part of one destination row: columns x..x+n from source row `row`. */
static void fill_row(mm_real *out, const mm_real *row, size_t v, size_t x,
		     size_t n, const struct mm_patches *g)
{
	size_t i = 0, at;

	if (g->up != 1) {
		stride_row(out, row, v, x, n, g);
		return;
	}
	if (g->down != 1) {
		spread_row(out, row, v, x, n, g);
		return;
	}
	while (i < n && (at = source(x + i, v, g->left, g->Ws, g)) == SIZE_MAX)
		out[i++] = 0;
	if (i < n) {
		const size_t m = least(n - i, g->Ws - at);

		memcpy(out + i, row + at, m * sizeof(*out));
		i += m;
	}
	for (; i < n; i++)
		out[i] = 0;
}

/* What destination pixels first..first+n take from channel and tap k. */
static void gather(mm_real *line, size_t k, size_t first, size_t n,
		   const struct mm_patches *g)
{
	const size_t taps = g->kh * g->kw, u = k % taps / g->kw;
	const size_t v = k % g->kw;
	const mm_real *plane = g->src + k / taps * g->Hs * g->Ws;

	for (size_t i = 0, y = first / g->Wd, x = first % g->Wd; i < n; y++) {
		const size_t m = least(n - i, g->Wd - x);
		const size_t at = source(y, u, g->top, g->Hs, g);

		if (at == SIZE_MAX)
			memset(line + i, 0, m * sizeof(*line));
		else
			fill_row(line + i, plane + at * g->Ws, v, x, m, g);
		i += m;
		x = 0;
	}
}

/* ---- all taps of a channel from copied rows ---- */

struct plan {
	size_t samples, size; /* numbers that are copied of one */
	ptrdiff_t row, col;   /* of the source, where the copy begins */
	size_t rows, cols;    /* of the source */
	size_t width; /* numbers of a copied row of every up-th column */
	size_t taps, tap[TAPS]; /* where the first pixel's begin */
	size_t n;
	struct mm_piece piece[MOST];
};

static ptrdiff_t first_of(size_t k, size_t pad, bool back)
{
	return back ? (ptrdiff_t)pad - (ptrdiff_t)(k - 1) : -(ptrdiff_t)pad;
}

/* Pixels as pieces, each of one row and of one panel of nr columns. */
static void cut(struct plan *p, size_t nr, size_t kc, size_t first, size_t n,
		const struct mm_patches *g)
{
	const size_t row = g->up * g->up * p->width; /* of pixels */

	p->n = 0;
	for (size_t i = 0, y = 0, s = 0, x = first % g->Wd; i < n;) {
		const size_t m = least(least(n - i, g->Wd - x), nr - i % nr);

		p->piece[p->n++] = (struct mm_piece){
			.to = (unsigned)(i / nr * nr * kc + i % nr),
			.from = (unsigned)(s * p->size + y * row + x),
			.n = (unsigned)m,
		};
		i += m;
		x += m;
		if (x == g->Wd) {
			x = 0;
			y++;
		}
		if (p->samples > 1 && y == g->Hd) {
			y = 0;
			s++;
		}
	}
}

/* How many samples those pixels are of. */
static size_t samples_of(size_t n, const struct mm_patches *g)
{
	return parts_of(n, g->Hd * g->Wd);
}

/* False where the rows are too long, or are not read as one piece. */
static bool plan(struct plan *p, size_t nr, size_t kc, size_t first, size_t n,
		 const struct mm_patches *g)
{
	const size_t y = first / g->Wd, samples = samples_of(n, g);
	const size_t last = samples > 1 ? g->Hd - 1 : (first + n - 1) / g->Wd;

	p->samples = samples;
	p->taps = g->kh * g->kw;
	p->rows = (last - y) * g->up + g->kh;
	p->cols = (g->Wd - 1) * g->up + g->kw;
	p->width = (p->cols + g->up - 1) / g->up + SPARE;
	if (g->down != 1 || p->taps > TAPS || n > MOST ||
	    p->width > ROOM / g->up / p->rows / samples)
		return false;
	p->size = p->rows * g->up * p->width;
	p->row = (ptrdiff_t)(y * g->up) + first_of(g->kh, g->top, g->back);
	p->col = first_of(g->kw, g->left, g->back);
	for (size_t t = 0; t < p->taps; t++) {
		const size_t k = g->back ? p->taps - 1 - t : t;
		const size_t u = k / g->kw, v = k % g->kw;

		p->tap[t] = (u * g->up + v % g->up) * p->width + v / g->up;
	}
	cut(p, nr, kc, first, n, g);
	return true;
}

/* Every up-th column, from `col` on, of a source row. */
static void copy_columns(mm_real *out, const mm_real *row, ptrdiff_t col,
			 size_t n, const struct mm_patches *g)
{
	const size_t up = g->up;
	const size_t out_of = col < 0 ? ((size_t)-col + up - 1) / up : 0;
	const size_t i = least(n, out_of);
	const size_t at = (size_t)(col + (ptrdiff_t)(i * up));
	const size_t m =
		at < g->Ws ? least(n - i, (g->Ws - at + up - 1) / up) : 0;

	zeros(out, i);
	if (up == 1)
		memcpy(out + i, row + at, m * sizeof(*out));
	else
		for (size_t k = 0; k < m; k++)
			out[i + k] = row[at + k * up];
	zeros(out + i + m, n - i - m);
}

/* Even and odd columns, from `left` zeros on, n of each. */
static void copy_halves(mm_real *out, const mm_real *row, size_t left, size_t n,
			const struct plan *p, const struct mm_patches *g)
{
	const size_t m = least(g->Ws, left < 2 * n ? 2 * n - left : 0);
	mm_real *half[2] = { out, out + p->width };
	mm_real **first = half + left % 2, **second = half + !(left % 2);

	for (size_t q = 0; q < 2; q++)
		zeros(half[q], least(n, (left + 1 - q) / 2));
	mm_vec()->halves(*first + left / 2, *second + (left + 1) / 2, row, m);
	for (size_t q = 0; q < 2; q++) {
		const size_t end = least(n, (left + m + 1 - q) / 2);

		zeros(half[q] + end, n - end);
	}
}

/* The rows of a plane; but those, and those columns, that no tap takes. */
static void copy_rows(mm_real *to, const mm_real *plane, const struct plan *p,
		      const struct mm_patches *g)
{
	const size_t n = p->width - SPARE;

	for (size_t i = 0; i < p->rows; i++) {
		const size_t r = (size_t)(p->row + (ptrdiff_t)i);
		mm_real *out = to + i * g->up * p->width;
		const mm_real *row;

		if (i % g->up >= g->kh)
			continue;
		if (r >= g->Hs) {
			zeros(out, g->up * p->width);
			continue;
		}
		row = plane + r * g->Ws;
		if (g->up == 2)
			copy_halves(out, row, (size_t)-p->col, n, p, g);
		else
			for (size_t q = 0; q < least(g->up, g->kw); q++)
				copy_columns(out + q * p->width, row,
					     p->col + (ptrdiff_t)q, n, g);
	}
}

/* Pieces of taps k0..k0+kc, ld apart. */
static void deal(mm_real *out, size_t ld, size_t k0, size_t kc,
		 const struct plan *p, const struct mm_patches *g)
{
	for (size_t k = 0; k < kc;) {
		const size_t t = (k0 + k) % p->taps;
		const size_t end = least(kc, k + p->taps - t);

		for (size_t s = 0; s < p->samples; s++)
			copy_rows(rows_of + s * p->size,
				  g->src + s * g->next +
					  (k0 + k) / p->taps * g->Hs * g->Ws,
				  p, g);
		for (size_t i = t; k < end; k++, i++)
			/* Whole vectors end in the next line, where there is
			 * one: it is written later. */
			mm_vec()->pieces(out + k * ld, rows_of + p->tap[i],
					 p->piece, p->n, k + 1 == kc);
	}
}

static void deal_direct(mm_real *panels, size_t nr, size_t k0, size_t kc,
			size_t first, size_t n, const struct mm_patches *g)
{
	const size_t plane = g->Hs * g->Ws, P = g->Hd * g->Wd;
	struct mm_piece piece[MOST];
	size_t pieces = 0;

	for (size_t i = 0, m; i < n; i += m) {
		const size_t at = first + i; /* of several samples: 0 + i */

		m = least(least(n - i, nr - i % nr), P - at % P);
		piece[pieces++] = (struct mm_piece){
			.to = (unsigned)(i / nr * nr * kc + i % nr),
			.from = (unsigned)(at / P * g->next + at % P),
			.n = (unsigned)m,
		};
	}
	for (size_t k = 0; k < kc; k++)
		mm_vec()->pieces(panels + k * nr, g->src + (k0 + k) * plane,
				 piece, pieces, true);
}

/* The taps one by one. */
static void deal_lines(mm_real *panels, size_t nr, size_t k0, size_t kc,
		       size_t first, size_t n, const struct mm_patches *g)
{
	const size_t samples = samples_of(n, g), m = n / samples;
	mm_real line[MOST];

	for (size_t k = 0; k < kc; k++) {
		struct mm_patches one = *g;

		for (size_t s = 0; s < samples; s++, one.src += g->next)
			gather(line + s * m, k0 + k, first, m, &one);
		for (size_t i = 0; i < n; i += nr)
			memcpy(panels + i * kc + k * nr, line + i,
			       least(nr, n - i) * sizeof(*line));
	}
}

void mm_patches_pack(mm_real *panels, size_t nr, size_t k0, size_t kc,
		     size_t first, size_t n, const struct mm_patches *g)
{
	const size_t rest = n % nr;
	mm_real *last = panels + n / nr * nr * kc;
	struct plan p;

	if (mm_patches_direct(g))
		deal_direct(panels, nr, k0, kc, first, n, g);
	else if (plan(&p, nr, kc, first, n, g))
		deal(panels, nr, k0, kc, &p, g);
	else
		deal_lines(panels, nr, k0, kc, first, n, g);
	for (size_t k = 0; k < kc && rest; k++)
		zeros(last + k * nr + rest, nr - rest);
}

void mm_patches_lines(mm_real *lines, size_t ld, size_t k0, size_t kc,
		      size_t first, size_t n, const struct mm_patches *g)
{
	struct plan p;

	if (plan(&p, ld, 0, first, n, g))
		deal(lines, ld, k0, kc, &p, g);
	else
		for (size_t k = 0; k < kc; k++)
			gather(lines + k * ld, k0 + k, first, n, g);
}

/* Rows of the source up to those of pixel i. */
static size_t rows_to(size_t i, const struct mm_patches *g)
{
	const ptrdiff_t n = (ptrdiff_t)(i / g->Wd * g->up + g->kh) +
			    first_of(g->kh, g->top, g->back);

	return n < 0 ? 0 : least((size_t)n, g->Hs);
}

void mm_patches_ahead(struct mm_ahead *w, size_t k0, size_t kc, size_t first,
		      size_t n, const struct mm_patches *g)
{
	const size_t plane = g->Hs * g->Ws;

	*w = (struct mm_ahead){ 0 };
	if (mm_patches_direct(g)) {
		w->from = g->src + k0 * plane + first;
		w->per = n / samples_of(n, g) / LINE + 1;
		w->n = samples_of(n, g) * w->per;
		w->outer = g->next;
		w->inner = LINE;
		w->step = plane;
	} else if (first && g->down == 1 && k0 == 0) {
		const size_t begin = rows_to(first - 1, g) * g->Ws;
		const size_t end = rows_to(first + n - 1, g) * g->Ws;
		const size_t lines = (end - begin) / LINE;

		w->from = g->src + begin;
		w->per = (lines + kc / 2) / kc;
		w->n = kc / (g->kh * g->kw) * w->per;
		w->outer = plane;
		w->inner = kc * LINE;
		w->step = LINE;
	}
}

void mm_patches_ahead_lines(struct mm_ahead *w, size_t C, size_t kc,
			    size_t first, size_t n, const struct mm_patches *g)
{
	const size_t plane = g->Hs * g->Ws;
	const size_t begin = rows_to(first - 1, g) * g->Ws;
	const size_t end = rows_to(first + n - 1, g) * g->Ws;
	const size_t lines = (end - begin) / LINE, room = kc + kc / 4;

	*w = (struct mm_ahead){ .from = g->src + begin, .per = SIZE_MAX };
	if (C >= MM_AHEAD_ROWS && lines * MM_AHEAD_ROWS <= room) {
		w->n = C / MM_AHEAD_ROWS;
		w->inner = MM_AHEAD_ROWS * plane;
		w->step = plane;
	} else if (lines * C <= room) {
		w->n = 1;
		w->from += first / n % C * plane;
		w->step = kc / MM_AHEAD_ROWS * LINE;
	}
}
