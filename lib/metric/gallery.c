/* gallery.c - many vectors where they lie, and their int8 copies; see topk.h.
 */
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "kernel/packed.h"
#include "metric/topk.h"

int mm_gallery_add(struct mm_gallery *g, const float *rows, size_t n,
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
	g->run[g->n_runs++] = (struct mm_gallery_run){ rows, n, g->n };
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
	mm_free(g->q);
	mm_free(g->scale);
	memset(g, 0, sizeof(*g));
}

static bool finite_row(const float *x, size_t D)
{
	float sum = 0;

	/* x * 0 is 0 or, where x is not finite, NaN. */
	for (size_t d = 0; d < D; d++)
		sum += x[d] * 0.0f;
	return sum == 0;
}

struct quantising {
	struct mm_gallery *g;
	bool *bad; /* by run */
};

static void quantise_run(void *ctx, size_t begin, size_t end)
{
	const struct quantising *j = ctx;
	struct mm_gallery *g = j->g;

	for (size_t r = begin; r < end; r++) {
		const struct mm_gallery_run *run = &g->run[r];

		for (size_t i = 0; i < run->n && !j->bad[r]; i++)
			j->bad[r] = !finite_row(run->rows + i * g->D, g->D);
		if (!j->bad[r])
			mm_quantize_rows(g->q + run->first * g->D,
					 g->scale + run->first, run->rows, g->D,
					 run->n, g->D);
	}
}

int mm_gallery_quantise(struct mm_gallery *g, struct mm_err *err)
{
	struct quantising j = { g, mm_calloc(g->n_runs, sizeof(bool)) };
	int rc = MM_OK;

	if (g->D > MM_PACKED_MAX_C)
		rc = mm_fail(err, MM_ERR_SHAPE,
			     "vectors of %zu numbers are too long for int8",
			     g->D);
	else if (!j.bad || !(g->q = mm_malloc(g->n, g->D)) ||
		 !(g->scale = mm_malloc(g->n, sizeof(*g->scale))))
		rc = mm_fail_nomem(err, "int8 vectors");
	if (!rc)
		mm_parallel_for(g->n_runs, 1, quantise_run, &j);
	for (size_t r = 0; r < g->n_runs && !rc; r++)
		for (size_t i = 0; i < g->run[r].n && j.bad[r] && !rc; i++)
			if (!finite_row(g->run[r].rows + i * g->D, g->D))
				rc = mm_fail(err, MM_ERR_FORMAT,
					     "gallery row %zu (from 0) holds a "
					     "value that is not a finite "
					     "number",
					     g->run[r].first + i);
	mm_free(j.bad);
	return rc;
}
