/* topk.c - one pass over a gallery for many queries; see topk.h. */
#include "metric/topk.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "kernel/packed.h"
#include "kernel/scan.h"

enum {
	BLOCK = 1024, /* rows of a task at most */
	WIDE = 64,    /* queries of one product */
	FEW = 4,      /* int8 queries of one scan */
	NARROW = 4,   /* up to so many queries are scored one by one */
	PASS = 1024,  /* queries of one pass over the gallery */
	SPARE = 16,   /* candidates beyond k against rounding */
	SPARE_INT8 = 64,
	MEMORY = 256 << 20, /* bytes of candidates in one pass */
};

/* ---- the best so far of one query: a heap, the worst on top ---- */

struct found {
	float score; /* as the pass computed it */
	size_t row;
};

struct pool {
	struct found *heap;
	size_t n;
};

static bool worse(const struct found *a, const struct found *b)
{
	return a->score < b->score || (a->score == b->score && a->row > b->row);
}

static void sink(struct found *heap, size_t n)
{
	const struct found x = heap[0];
	size_t i = 0;

	for (;;) {
		size_t child = 2 * i + 1;

		if (child + 1 < n && worse(&heap[child + 1], &heap[child]))
			child++;
		if (child >= n || !worse(&heap[child], &x))
			break;
		heap[i] = heap[child];
		i = child;
	}
	heap[i] = x;
}

static void rise(struct found *heap, size_t i)
{
	const struct found x = heap[i];

	for (; i && worse(&x, &heap[(i - 1) / 2]); i = (i - 1) / 2)
		heap[i] = heap[(i - 1) / 2];
	heap[i] = x;
}

/* Returns the bound that a score must reach from now on. */
static float offer(struct pool *p, size_t cap, struct found x)
{
	if (p->n < cap) {
		p->heap[p->n] = x;
		rise(p->heap, p->n++);
	} else if (worse(&p->heap[0], &x)) {
		p->heap[0] = x;
		sink(p->heap, cap);
	}
	return p->n < cap ? -INFINITY : p->heap[0].score;
}

/* ---- one pass ---- */

struct worker {
	struct pool *pool; /* (Q) */
	float *bound;	   /* (Q) rounded up to 16, the rest infinite */
	float *z;	   /* (BLOCK, WIDE) scores of a block */
	int32_t *whole;	   /* (FEW, BLOCK) int8 products */
	uint32_t *at;	   /* (BLOCK, WIDE) */
	size_t bad;	   /* the first row that is not finite, or SIZE_MAX */
};

struct task {
	const float *rows;
	size_t n, first;
	const int8_t *q;
	const float *scale;
};

struct pass {
	const struct mm_gallery *g;
	const float *query;	  /* (Q, D) */
	size_t Q, cap;		  /* cap: candidates kept of each */
	struct mm_packed *packed; /* of each WIDE queries; NULL: one by one */
	int8_t *query8;		  /* (Q, D), int8 only */
	struct task *task;
	size_t n_tasks, n_workers;
	struct worker *worker;
	struct mm_arena memory;
};

static void take(struct worker *w, const struct pass *p, size_t q,
		 struct found x)
{
	if (!isfinite(x.score))
		w->bad = x.row < w->bad ? x.row : w->bad;
	else
		w->bound[q] = offer(&w->pool[q], p->cap, x);
}

static void score_wide(const struct pass *p, struct worker *w,
		       const struct task *t)
{
	for (size_t q = 0; q < p->Q; q += WIDE) {
		const size_t n_q = p->Q - q < WIDE ? p->Q - q : WIDE;
		const size_t ld = (n_q + 15) / 16 * 16;
		const struct mm_linear l = { .w = &p->packed[q / WIDE],
					     .M = t->n,
					     .x = t->rows,
					     .y = w->z,
					     .ldx = p->g->D,
					     .ldy = ld,
					     .act = MM_ACT_NONE };
		size_t n;

		for (size_t i = 0; n_q < ld && i < t->n; i++)
			for (size_t k = n_q; k < ld; k++)
				w->z[i * ld + k] = 0;
		mm_linear_run_serial(&l);
		n = mm_scan_find_columns(w->at, w->z, t->n, ld, w->bound + q);
		for (size_t i = 0; i < n; i++)
			take(w, p, q + w->at[i] % ld,
			     (struct found){ w->z[w->at[i]],
					     t->first + w->at[i] / ld });
	}
}

/* Take what is good enough of the scores of one query. */
static void pick(const struct pass *p, struct worker *w, const struct task *t,
		 size_t q)
{
	const size_t n = mm_scan_find(w->at, w->z, t->n, w->bound[q]);

	for (size_t i = 0; i < n; i++)
		take(w, p, q,
		     (struct found){ w->z[w->at[i]], t->first + w->at[i] });
}

static void score_narrow(const struct pass *p, struct worker *w,
			 const struct task *t)
{
	const size_t D = p->g->D;

	for (size_t q = 0; q < p->Q; q++) {
		mm_scan_f32(w->z, t->rows, D, t->n, p->query + q * D, D);
		pick(p, w, t, q);
	}
}

static void score_int8(const struct pass *p, struct worker *w,
		       const struct task *t)
{
	const size_t D = p->g->D;

	for (size_t q = 0, some; q < p->Q; q += some) {
		const int8_t *query = p->query8 + q * D;

		some = p->Q - q < FEW ? 1 : FEW;
		if (some == FEW)
			mm_scan_i8_four(w->whole, t->q, t->n, query, D);
		else
			mm_scan_i8(w->whole, t->q, t->n, query, D);
		for (size_t k = 0; k < some; k++) {
			const int32_t *whole = w->whole + k * t->n;

			for (size_t i = 0; i < t->n; i++)
				w->z[i] = (float)whole[i] * t->scale[i];
			pick(p, w, t, q + k);
		}
	}
}

static void run_tasks(void *ctx, size_t begin, size_t end)
{
	const struct pass *p = ctx;
	struct worker *w = &p->worker[mm_thread_index()];

	for (size_t t = begin; t < end; t++) {
		if (p->packed)
			score_wide(p, w, &p->task[t]);
		else if (p->query8)
			score_int8(p, w, &p->task[t]);
		else
			score_narrow(p, w, &p->task[t]);
	}
}

static int make_tasks(struct pass *p, struct mm_err *err)
{
	const struct mm_gallery *g = p->g;
	size_t n = 0;

	for (size_t r = 0; r < g->n_runs; r++)
		n += g->run[r].n / BLOCK + 1;
	p->task = mm_arena_alloc(&p->memory, n, sizeof(*p->task));
	if (!p->task)
		return mm_fail_nomem(err, "a search");
	for (size_t r = 0; r < g->n_runs; r++) {
		const struct mm_gallery_run *run = &g->run[r];

		for (size_t i = 0; i < run->n; i += BLOCK)
			p->task[p->n_tasks++] = (struct task){
				run->rows + i * g->D,
				run->n - i < BLOCK ? run->n - i : BLOCK,
				run->first + i,
				run->q ? run->q + i * g->D : NULL,
				run->scale ? run->scale + i : NULL,
			};
	}
	return MM_OK;
}

static int make_worker(struct pass *p, struct worker *w, struct mm_err *err)
{
	struct mm_arena *a = &p->memory;
	const size_t wide = p->packed ? WIDE : 1, up = (p->Q + 15) / 16 * 16;
	struct found *heap = mm_arena_alloc(a, p->Q, p->cap * sizeof(*heap));

	w->pool = mm_arena_alloc(a, p->Q, sizeof(*w->pool));
	w->bound = mm_arena_alloc(a, up, sizeof(*w->bound));
	w->z = mm_arena_alloc(a, BLOCK * wide, sizeof(*w->z));
	w->whole = mm_arena_alloc(a, FEW * BLOCK, sizeof(*w->whole));
	w->at = mm_arena_alloc(a, BLOCK * wide, sizeof(*w->at));
	w->bad = SIZE_MAX;
	if (!heap || !w->pool || !w->bound || !w->z || !w->whole || !w->at)
		return mm_fail_nomem(err, "a search");
	for (size_t q = 0; q < up; q++)
		w->bound[q] = q < p->Q ? -INFINITY : INFINITY;
	for (size_t q = 0; q < p->Q; q++)
		w->pool[q].heap = heap + q * p->cap;
	return MM_OK;
}

static int pack_queries(struct pass *p, bool int8, struct mm_err *err)
{
	const size_t D = p->g->D, n = (p->Q + WIDE - 1) / WIDE;
	const size_t bytes = mm_packed_bytes(MM_PACKED_F32, WIDE, D);
	struct mm_arena *a = &p->memory;

	if (int8) {
		float *scale = mm_arena_alloc(a, p->Q, sizeof(*scale));

		p->query8 = mm_arena_alloc(a, p->Q, D);
		if (!scale || !p->query8)
			return mm_fail_nomem(err, "queries");
		mm_scan_quantize(p->query8, scale, p->query, p->Q, D);
		return MM_OK;
	}
	if (p->Q <= NARROW || !bytes)
		return MM_OK;
	if (!(p->packed = mm_arena_alloc(a, n, sizeof(*p->packed))))
		return mm_fail_nomem(err, "queries");
	for (size_t i = 0; i < n; i++) {
		const size_t left = p->Q - i * WIDE;
		void *memory = mm_arena_alloc(a, bytes, 1);

		if (!memory)
			return mm_fail_nomem(err, "queries");
		mm_packed_pack(&p->packed[i], MM_PACKED_F32,
			       p->query + i * WIDE * D, D,
			       left < WIDE ? left : WIDE, D, memory);
	}
	return MM_OK;
}

/* ---- from candidates to hits ---- */

/* The same bits wherever and with whatever else it is computed. */
static double exact_score(const float *x, const float *q, size_t D)
{
	double s = 0;

	for (size_t d = 0; d < D; d++)
		s += (double)x[d] * (double)q[d];
	return s;
}

static int by_found(const void *a, const void *b)
{
	return worse(a, b) ? 1 : worse(b, a) ? -1 : 0;
}

static _Thread_local const struct mm_topk_options *rule;

static int by_hit(const void *a, const void *b)
{
	const struct mm_hit *x = a, *y = b;

	if (x->score != y->score)
		return x->score > y->score ? -1 : 1;
	if (x->row == y->row)
		return 0;
	if (!rule->before)
		return x->row < y->row ? -1 : 1;
	return rule->before(rule->ctx, x->row, y->row) ? -1 : 1;
}

static void sort_hits(struct mm_hit *hit, size_t n,
		      const struct mm_topk_options *o)
{
	rule = o;
	qsort(hit, n, sizeof(*hit), by_hit);
	rule = NULL;
}

/*
 * Hits that are equal reach beyond the candidates: look at all rows that score
 * about as much, so that the caller's rule chooses among them.
 */
static int more_ties(struct mm_hit *hit, size_t n_hits, const struct pass *p,
		     const float *query, double bound,
		     const struct mm_topk_options *o, struct mm_err *err)
{
	struct mm_hit *all = NULL;
	size_t n = 0, cap = 0;

	for (size_t i = 0; i < p->g->n; i++) {
		const double s =
			exact_score(mm_gallery_row(p->g, i), query, p->g->D);

		if (s < bound)
			continue;
		if (n == cap) {
			void *q = mm_realloc(all, cap ? 2 * cap : 256,
					     sizeof(*all));

			if (!q) {
				mm_free(all);
				return mm_fail_nomem(err, "equal hits");
			}
			all = q;
			cap = cap ? 2 * cap : 256;
		}
		all[n++] = (struct mm_hit){ s, i };
	}
	sort_hits(all, n, o);
	memcpy(hit, all, n_hits * sizeof(*hit));
	mm_free(all);
	return MM_OK;
}

static int finish_query(struct mm_hit *hit, size_t n_hits, const struct pass *p,
			size_t q, const struct mm_topk_options *o,
			struct found *all, struct mm_hit *some,
			struct mm_err *err)
{
	const float *query = p->query + q * p->g->D;
	size_t n = 0;

	for (size_t w = 0; w < p->n_workers; w++) {
		const struct pool *pool = &p->worker[w].pool[q];

		memcpy(all + n, pool->heap, pool->n * sizeof(*all));
		n += pool->n;
	}
	qsort(all, n, sizeof(*all), by_found);
	n = n < p->cap ? n : p->cap;
	for (size_t i = 0; i < n; i++)
		some[i] = (struct mm_hit){
			exact_score(mm_gallery_row(p->g, all[i].row), query,
				    p->g->D),
			all[i].row
		};
	sort_hits(some, n, o);
	memcpy(hit, some, n_hits * sizeof(*hit));
	if (n < p->g->n && some[n - 1].score == some[n_hits - 1].score)
		return more_ties(hit, n_hits, p, query, some[n - 1].score, o,
				 err);
	return MM_OK;
}

static int finish(struct mm_hit *hit, size_t n_hits, struct pass *p,
		  const struct mm_topk_options *o, struct mm_err *err)
{
	struct found *all = mm_malloc(p->n_workers, p->cap * sizeof(*all));
	struct mm_hit *some = mm_malloc(p->cap, sizeof(*some));
	size_t bad = SIZE_MAX;
	int rc = all && some ? MM_OK : mm_fail_nomem(err, "hits");

	for (size_t w = 0; w < p->n_workers; w++)
		bad = p->worker[w].bad < bad ? p->worker[w].bad : bad;
	if (!rc && bad != SIZE_MAX)
		rc = mm_fail(err, MM_ERR_FORMAT,
			     "gallery row %zu (from 0) holds a value that is "
			     "not a finite number, or too large a one",
			     bad);
	for (size_t q = 0; q < p->Q && !rc; q++)
		rc = finish_query(hit + q * n_hits, n_hits, p, q, o, all, some,
				  err);
	mm_free(all);
	mm_free(some);
	return rc;
}

size_t mm_topk_hits(const struct mm_gallery *g,
		    const struct mm_topk_options *options)
{
	return options->k < g->n ? options->k : g->n;
}

static int run_pass(struct mm_hit *hit, size_t n_hits, struct pass *p,
		    const struct mm_topk_options *o, struct mm_err *err)
{
	int rc;

	p->worker =
		mm_arena_alloc(&p->memory, p->n_workers, sizeof(*p->worker));
	if (!p->worker)
		rc = mm_fail_nomem(err, "a search");
	else if (!(rc = pack_queries(p, o->int8, err)))
		rc = make_tasks(p, err);
	for (size_t w = 0; w < p->n_workers && !rc; w++)
		rc = make_worker(p, &p->worker[w], err);
	if (!rc) {
		mm_parallel_for(p->n_tasks, 1, run_tasks, p);
		rc = finish(hit, n_hits, p, o, err);
	}
	mm_arena_release(&p->memory);
	return rc;
}

static int check_queries(const float *query, size_t Q, size_t D,
			 struct mm_err *err)
{
	for (size_t i = 0; i < Q * D; i++)
		if (!isfinite(query[i]))
			return mm_fail(err, MM_ERR_FORMAT,
				       "query %zu (from 0) holds a value that "
				       "is not a finite number",
				       i / D);
	return MM_OK;
}

int mm_topk(struct mm_hit *hit, const struct mm_gallery *g, const float *query,
	    size_t Q, const struct mm_topk_options *options, struct mm_err *err)
{
	const size_t n_hits = mm_topk_hits(g, options);
	const size_t spare = options->int8 ? 3 * n_hits + SPARE_INT8 : SPARE;
	const size_t cap = g->n - n_hits < spare ? g->n : n_hits + spare;
	const size_t n_workers = (size_t)mm_threads();
	size_t each = MEMORY / (cap * n_workers * sizeof(struct found) + 1);
	int rc = check_queries(query, Q, g->D, err);

	for (size_t r = 0; r < g->n_runs && options->int8; r++)
		if (!g->run[r].q)
			return mm_fail(err, MM_ERR_USAGE,
				       "the gallery has no int8 vectors");
	each = each < 1 ? 1 : each > PASS ? PASS : each;
	for (size_t q = 0; q < Q && n_hits && !rc; q += each) {
		struct pass p = { .g = g,
				  .query = query + q * g->D,
				  .Q = Q - q < each ? Q - q : each,
				  .cap = cap,
				  .n_workers = n_workers };

		rc = run_pass(hit + q * n_hits, n_hits, &p, options, err);
	}
	return rc;
}
