/* monotone.c - see monotone.h. */
#include "align/monotone.h"

#include <stdint.h>
#include <string.h>

#include "base/mem.h"

/* How the best way to a cell ends, two bits each. */
enum step { STOP, PAIR, SKIP_ROW, SKIP_COLUMN };

struct grid {
	const struct mm_monotone *o;
	uint8_t *step; /* (N + 1) rows of `stride` bytes */
	size_t stride;
	double *best; /* of the row, M + 1 */
	float *score; /* M */
	double top;   /* local: the best cell and where */
	size_t top_i, top_j;
};

static void set_step(struct grid *g, size_t i, size_t j, enum step s)
{
	g->step[i * g->stride + j / 4] |= (uint8_t)((unsigned)s << j % 4 * 2);
}

static enum step get_step(const struct grid *g, size_t i, size_t j)
{
	return (enum step)(g->step[i * g->stride + j / 4] >> j % 4 * 2 & 3);
}

static void first_row(struct grid *g)
{
	for (size_t j = 0; j <= g->o->M; j++) {
		g->best[j] = g->o->local ? 0 : -g->o->gap * (double)j;
		set_step(g, 0, j, g->o->local || !j ? STOP : SKIP_COLUMN);
	}
}

/* Row i from row i - 1; pairs first where ways are equally good. */
static void next_row(struct grid *g, size_t i)
{
	const struct mm_monotone *o = g->o;
	double corner = g->best[0];

	g->best[0] = o->local ? 0 : -o->gap * (double)i;
	set_step(g, i, 0, o->local ? STOP : SKIP_ROW);
	for (size_t j = 1; j <= o->M; j++) {
		double best = corner + g->score[j - 1] - o->least;
		enum step step = PAIR;

		if (g->best[j] - o->gap > best) {
			best = g->best[j] - o->gap;
			step = SKIP_ROW;
		}
		if (g->best[j - 1] - o->gap > best) {
			best = g->best[j - 1] - o->gap;
			step = SKIP_COLUMN;
		}
		if (o->local && best <= 0) {
			best = 0;
			step = STOP;
		}
		corner = g->best[j];
		g->best[j] = best;
		set_step(g, i, j, step);
		if (best > g->top) {
			g->top = best;
			g->top_i = i;
			g->top_j = j;
		}
	}
}

static void trace(const struct grid *g, long *to)
{
	size_t i = g->o->local ? g->top_i : g->o->N;
	size_t j = g->o->local ? g->top_j : g->o->M;

	for (size_t k = 0; k < g->o->N; k++)
		to[k] = MM_UNPAIRED;
	for (;;) {
		switch (get_step(g, i, j)) {
		case STOP: return;
		case PAIR: to[--i] = (long)--j; break;
		case SKIP_ROW: i--; break;
		case SKIP_COLUMN: j--; break;
		}
	}
}

int mm_monotone(long *to, const struct mm_monotone *o, mm_score_row_fn *row,
		void *ctx, struct mm_err *err)
{
	struct grid g = { .o = o, .stride = o->M / 4 + 1 };
	int rc = MM_OK;

	g.step = mm_calloc(o->N + 1, g.stride);
	g.best = mm_calloc(o->M + 1, sizeof(*g.best));
	g.score = mm_calloc(o->M + 1, sizeof(*g.score));
	if (!g.step || !g.best || !g.score)
		rc = mm_fail_nomem(err, "an alignment in order");
	if (!rc)
		first_row(&g);
	for (size_t i = 1; i <= o->N && !rc; i++)
		if (!(rc = row(ctx, i - 1, g.score, err)))
			next_row(&g, i);
	if (!rc)
		trace(&g, to);
	mm_free(g.step);
	mm_free(g.best);
	mm_free(g.score);
	return rc;
}
