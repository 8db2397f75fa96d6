/* gallery.c - many vectors where they lie, and their int8 copies; see topk.h.
 */
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "kernel/packed.h"
#include "kernel/scan.h"
#include "metric/topk.h"

int mm_gallery_add(struct mm_gallery *g, const float *rows, size_t n,
		   struct mm_err *err)
{
	return mm_gallery_add_int8(g, rows, NULL, NULL, n, err);
}

int mm_gallery_add_int8(struct mm_gallery *g, const float *rows,
			const int8_t *q, const float *scale, size_t n,
			struct mm_err *err)
{
	if (!n)
		return MM_OK;
	if (g->n_runs == g->cap) {
		const size_t cap = g->cap ? 2 * g->cap : 64;
		void *p = mm_realloc(g->run, cap, sizeof(*g->run));

		if (!p)
			return mm_fail_nomem(err, "a gallery");
		g->run = p;
		g->cap = cap;
	}
	g->run[g->n_runs++] =
		(struct mm_gallery_run){ rows, n, g->n, q, scale };
	g->n += n;
	return MM_OK;
}

/* The run that holds row i. */
static const struct mm_gallery_run *run_of(const struct mm_gallery *g, size_t i)
{
	size_t lo = 0, hi = g->n_runs;

	while (hi - lo > 1) {
		const size_t mid = lo + (hi - lo) / 2;

		if (g->run[mid].first <= i)
			lo = mid;
		else
			hi = mid;
	}
	return &g->run[lo];
}

const float *mm_gallery_row(const struct mm_gallery *g, size_t i)
{
	const struct mm_gallery_run *r = run_of(g, i);

	return r->rows + (i - r->first) * g->D;
}

void mm_gallery_release(struct mm_gallery *g)
{
	mm_free(g->run);
	mm_free(g->own_q);
	mm_free(g->own_scale);
	memset(g, 0, sizeof(*g));
}

struct quantising {
	const struct mm_gallery *g;
	const size_t *at; /* by run: where its int8 rows go */
	size_t *good;	  /* by run: rows before the first bad one */
};

static void quantise_runs(void *ctx, size_t begin, size_t end)
{
	const struct quantising *j = ctx;
	const struct mm_gallery *g = j->g;

	for (size_t r = begin; r < end; r++) {
		const struct mm_gallery_run *run = &g->run[r];

		j->good[r] =
			run->q ? run->n
			       : mm_scan_quantize(g->own_q + j->at[r] * g->D,
						  g->own_scale + j->at[r],
						  run->rows, run->n, g->D);
	}
}

/* Who has none gets what was made. */
static int take_rows(struct mm_gallery *g, const struct quantising *j,
		     struct mm_err *err)
{
	for (size_t r = 0; r < g->n_runs; r++) {
		struct mm_gallery_run *run = &g->run[r];

		if (j->good[r] < run->n)
			return mm_fail(err, MM_ERR_FORMAT,
				       "gallery row %zu (from 0) holds a "
				       "value that is not a finite number",
				       run->first + j->good[r]);
		if (run->q)
			continue;
		run->q = g->own_q + j->at[r] * g->D;
		run->scale = g->own_scale + j->at[r];
	}
	return MM_OK;
}

int mm_gallery_quantise(struct mm_gallery *g, struct mm_err *err)
{
	size_t *at = mm_malloc(g->n_runs, sizeof(*at));
	size_t *good = mm_malloc(g->n_runs, sizeof(*good)), n = 0;
	struct quantising j = { g, at, good };
	int rc = MM_OK;

	if (g->D > MM_PACKED_MAX_C)
		rc = mm_fail(err, MM_ERR_SHAPE,
			     "vectors of %zu numbers are too long for int8",
			     g->D);
	else if (!at || !good)
		rc = mm_fail_nomem(err, "int8 vectors");
	for (size_t r = 0; r < g->n_runs && !rc; r++) {
		at[r] = n;
		n += g->run[r].q ? 0 : g->run[r].n;
	}
	if (!rc && n &&
	    (!(g->own_q = mm_malloc(n, g->D)) ||
	     !(g->own_scale = mm_malloc(n, sizeof(*g->own_scale)))))
		rc = mm_fail_nomem(err, "int8 vectors");
	if (!rc) {
		mm_parallel_for(g->n_runs, 1, quantise_runs, &j);
		rc = take_rows(g, &j, err);
	}
	mm_free(at);
	mm_free(good);
	return rc;
}
