/* retrieval.c - ranks of own candidates in blocks; see retrieval.h. */
#include "metric/retrieval.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "kernel/gemm.h"
#include "kernel/scan.h"

enum { QUERIES = 256, CANDIDATES = 2048 };

/* One side: queries, candidates, and which candidates each query owns. */
struct side {
	const float *query, *candidate;
	size_t n_queries, n_candidates, D;
	const size_t *start, *own; /* own[start[i]..start[i+1]) ascending */
	size_t *rank;
	float *scratch; /* per thread: scores, own scores, gathered rows */
	size_t scratch_size, max_own;
};

void mm_retrieval_ranks_release(struct mm_retrieval_ranks *r)
{
	mm_free(r->start);
	mm_free(r->rank);
	memset(r, 0, sizeof(*r));
}

static int check_rows(const float *x, size_t N, size_t D, const char *what,
		      struct mm_err *err)
{
	for (size_t i = 0; i < N * D; i++)
		if (!isfinite(x[i]))
			return mm_fail(err, MM_ERR_FORMAT,
				       "the vector of %s %zu (from 0) holds a "
				       "value that is not a finite number",
				       what, i / D);
	return MM_OK;
}

static int check_set(const struct mm_retrieval_set *set, struct mm_err *err)
{
	int rc;

	for (size_t t = 0; t < set->n_texts; t++)
		if (set->owner[t] >= set->n_images)
			return mm_fail(err, MM_ERR_FORMAT,
				       "text %zu (from 0) belongs to picture "
				       "%zu, but there are %zu",
				       t, set->owner[t], set->n_images);
	if ((rc = check_rows(set->image, set->n_images, set->D, "picture",
			     err)))
		return rc;
	return check_rows(set->text, set->n_texts, set->D, "text", err);
}

/* Texts sorted by picture: start (n_images + 1) and own (n_texts). */
static int index_texts(const struct mm_retrieval_set *set, size_t *start,
		       size_t *own, struct mm_err *err)
{
	memset(start, 0, (set->n_images + 1) * sizeof(*start));
	for (size_t t = 0; t < set->n_texts; t++)
		start[set->owner[t] + 1]++;
	for (size_t i = 0; i < set->n_images; i++) {
		if (!start[i + 1])
			return mm_fail(err, MM_ERR_FORMAT,
				       "picture %zu (from 0) has no text", i);
		start[i + 1] += start[i];
	}
	for (size_t t = 0; t < set->n_texts; t++)
		own[start[set->owner[t]]++] = t;
	for (size_t i = set->n_images; i > 0; i--)
		start[i] = start[i - 1];
	start[0] = 0;
	return MM_OK;
}

static int descending(const void *a, const void *b)
{
	const float x = *(const float *)a, y = *(const float *)b;

	return (x < y) - (x > y);
}

/*
 * The own scores of queries [begin, end), best first, into z (own candidates
 * of the block, end to end).  A product of one row has the bits that the same
 * element has in a large one, so ties with foreign candidates are seen.
 */
static void own_scores(const struct side *s, size_t begin, size_t end, float *z,
		       float *rows)
{
	for (size_t i = begin; i < end; i++) {
		const size_t n = s->start[i + 1] - s->start[i];

		for (size_t k = 0; k < n; k++)
			memcpy(rows + k * s->D,
			       s->candidate + s->own[s->start[i] + k] * s->D,
			       s->D * sizeof(*rows));
		mm_gemm_serial(false, true, 1, n, s->D, 1, s->query + i * s->D,
			       s->D, rows, s->D, 0, z, n);
		qsort(z, n, sizeof(*z), descending);
		z += n;
	}
}

/* Own candidates of query i in columns [col, col + cols): make them lose. */
static void hide_own(const struct side *s, size_t i, size_t col, size_t cols,
		     float *row)
{
	for (size_t k = s->start[i]; k < s->start[i + 1]; k++)
		if (s->own[k] >= col && s->own[k] < col + cols)
			row[s->own[k] - col] = -INFINITY;
}

static void rank_block(void *ctx, size_t begin, size_t end)
{
	const struct side *s = ctx;
	float *scores =
		s->scratch + (size_t)mm_thread_index() * s->scratch_size;
	float *rows = scores + QUERIES * CANDIDATES;
	float *z = rows + s->max_own * s->D;

	own_scores(s, begin, end, z, rows);
	for (size_t i = begin; i < end; i++)
		for (size_t k = 0; k < s->start[i + 1] - s->start[i]; k++)
			s->rank[s->start[i] + k] = 1 + k;
	for (size_t c = 0; c < s->n_candidates; c += CANDIDATES) {
		const size_t cols = s->n_candidates - c < CANDIDATES
					    ? s->n_candidates - c
					    : CANDIDATES;

		mm_gemm_serial(false, true, end - begin, cols, s->D, 1,
			       s->query + begin * s->D, s->D,
			       s->candidate + c * s->D, s->D, 0, scores, cols);
		for (size_t i = begin; i < end; i++) {
			float *row = scores + (i - begin) * cols;

			hide_own(s, i, c, cols, row);
			for (size_t k = s->start[i]; k < s->start[i + 1]; k++)
				s->rank[k] += mm_scan_count_ge(
					row, cols, z[k - s->start[begin]]);
		}
	}
}

static int rank_side(struct side *s, struct mm_err *err)
{
	size_t max_block = 0, rows, size;

	for (size_t i = 0; i < s->n_queries; i += QUERIES) {
		const size_t end =
			s->n_queries - i < QUERIES ? s->n_queries : i + QUERIES;
		const size_t n = s->start[end] - s->start[i];

		max_block = n > max_block ? n : max_block;
		for (size_t q = i; q < end; q++)
			if (s->start[q + 1] - s->start[q] > s->max_own)
				s->max_own = s->start[q + 1] - s->start[q];
	}
	if (!mm_mul_ok(&rows, s->max_own, s->D) ||
	    !mm_add_ok(&size, rows, max_block) ||
	    !mm_add_ok(&size, size, (size_t)QUERIES * CANDIDATES))
		return mm_fail_nomem(err, "scores");
	s->scratch_size = size;
	s->scratch = mm_malloc((size_t)mm_threads(),
			       size < SIZE_MAX / 8 ? size * sizeof(float)
						   : SIZE_MAX);
	if (!s->scratch)
		return mm_fail_nomem(err, "scores");
	mm_parallel_for(s->n_queries, QUERIES, rank_block, s);
	mm_free(s->scratch);
	return MM_OK;
}

/* Each text is a query that owns one picture. */
static void own_pictures(const struct mm_retrieval_set *set, size_t *start,
			 size_t *own)
{
	for (size_t t = 0; t < set->n_texts; t++) {
		start[t] = t;
		own[t] = set->owner[t];
	}
	start[set->n_texts] = set->n_texts;
}

int mm_retrieval_rank(struct mm_retrieval_ranks *out,
		      const struct mm_retrieval_set *set,
		      enum mm_retrieval_side side, struct mm_err *err)
{
	const bool images_ask = side == MM_IMAGE_TO_TEXT;
	struct side s = {
		.query = images_ask ? set->image : set->text,
		.candidate = images_ask ? set->text : set->image,
		.n_queries = images_ask ? set->n_images : set->n_texts,
		.n_candidates = images_ask ? set->n_texts : set->n_images,
		.D = set->D,
	};
	size_t *own = mm_malloc(set->n_texts, sizeof(*own));
	int rc;

	memset(out, 0, sizeof(*out));
	out->n = s.n_queries;
	out->start = mm_malloc(s.n_queries + 1, sizeof(*out->start));
	out->rank = mm_malloc(set->n_texts, sizeof(*out->rank));
	if (!own || !out->start || !out->rank)
		rc = mm_fail_nomem(err, "ranks");
	else if (!(rc = check_set(set, err)) && images_ask)
		rc = index_texts(set, out->start, own, err);
	else if (!rc)
		own_pictures(set, out->start, own);
	s.start = out->start;
	s.own = own;
	s.rank = out->rank;
	if (!rc)
		rc = rank_side(&s, err);
	mm_free(own);
	return rc;
}
