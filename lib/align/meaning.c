/* meaning.c - see meaning.h. */
#include "align/meaning.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "align/monotone.h"
#include "align/transport.h"
#include "base/mem.h"
#include "base/rng.h"
#include "kernel/gemm.h"
#include "metric/topk.h"

enum { CANDIDATES = 32, RANDOM_PAIRS = 1 << 16, ROWS = 256 };

static float cosine(const struct mm_meaning *s, size_t i, size_t j)
{
	const float *a = s->image + i * s->D, *b = s->text + j * s->D;
	double sum = 0;

	for (size_t k = 0; k < s->D; k++)
		sum += (double)a[k] * b[k];
	return (float)sum;
}

/* The k nearest rows of b (nb) for each row of a (na); *hits of each. */
static int nearest(struct mm_hit **hit, size_t *hits, const float *a, size_t na,
		   const float *b, size_t nb, size_t D, size_t k,
		   struct mm_err *err)
{
	const struct mm_topk_options o = { .k = k };
	struct mm_gallery g = { .D = D };
	int rc = mm_gallery_add(&g, b, nb, err);

	*hit = NULL;
	*hits = mm_topk_hits(&g, &o);
	if (!rc && !(*hit = mm_calloc(na, *hits * sizeof(**hit))))
		rc = mm_fail_nomem(err, "neighbours");
	if (!rc && na && nb)
		rc = mm_topk(*hit, &g, a, na, &o, err);
	mm_gallery_release(&g);
	return rc;
}

static int mean_nearest(float *r, const float *a, size_t na, const float *b,
			size_t nb, size_t D, size_t k, struct mm_err *err)
{
	struct mm_hit *hit;
	size_t hits;
	int rc = nearest(&hit, &hits, a, na, b, nb, D, k, err);

	for (size_t i = 0; i < na && !rc; i++) {
		double sum = 0;

		for (size_t h = 0; h < hits; h++)
			sum += hit[i * hits + h].score;
		r[i] = (float)(hits ? sum / (double)hits : 0);
	}
	mm_free(hit);
	return rc;
}

int mm_meaning_neighbours(float *r_image, float *r_text,
			  const struct mm_meaning *s, size_t k,
			  struct mm_err *err)
{
	int rc = mean_nearest(r_image, s->image, s->N, s->text, s->M, s->D, k,
			      err);

	return rc ? rc
		  : mean_nearest(r_text, s->text, s->M, s->image, s->N, s->D, k,
				 err);
}

/* ---- the limit, where none is given ---- */

static int by_value(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* Median of pairs at random, and how far below it one in six lies: what is
 * above may belong together. */
static int random_pairs(const struct mm_meaning *s, double *median,
			double *spread, struct mm_err *err)
{
	double *c = mm_malloc(RANDOM_PAIRS, sizeof(*c));
	struct mm_rng r;

	if (!c)
		return mm_fail_nomem(err, "a limit");
	mm_rng_init(&r, 0, 0, 0, MM_RNG_SAMPLE);
	for (int k = 0; k < RANDOM_PAIRS; k++) {
		const size_t i = (size_t)mm_rng_below(&r, s->N);

		c[k] = cosine(s, i, (size_t)mm_rng_below(&r, s->M));
	}
	qsort(c, RANDOM_PAIRS, sizeof(*c), by_value);
	*median = c[RANDOM_PAIRS / 2];
	*spread = *median - c[RANDOM_PAIRS / 6];
	mm_free(c);
	return MM_OK;
}

static int find_limit(double *least, const struct mm_meaning *s,
		      struct mm_err *err)
{
	struct mm_hit *text = NULL, *image = NULL;
	double low = 0, spread = 0, *mutual = mm_calloc(s->N, sizeof(*mutual));
	size_t hits, n = 0;
	int rc;

	*least = -1;
	if (!mutual)
		return mm_fail_nomem(err, "a limit");
	rc = nearest(&text, &hits, s->image, s->N, s->text, s->M, s->D, 1, err);
	if (!rc)
		rc = nearest(&image, &hits, s->text, s->M, s->image, s->N, s->D,
			     1, err);
	for (size_t i = 0; i < s->N && !rc; i++)
		if (image[text[i].row].row == i)
			mutual[n++] = text[i].score;
	if (!rc && n > 2 && !(rc = random_pairs(s, &low, &spread, err))) {
		qsort(mutual, n, sizeof(*mutual), by_value);
		*least = low + (mutual[n / 2] - low) / 2;
		*least = fmax(*least, fmin(low + 2 * spread,
					   low + (mutual[n / 2] - low) * 0.75));
	}
	mm_free(text);
	mm_free(image);
	mm_free(mutual);
	return rc;
}

/* ---- in order ---- */

/* Scores in blocks of rows, made when the first of them is asked for. */
struct block {
	const struct mm_meaning *s;
	float *score; /* (ROWS, M) */
};

static int score_row(void *ctx, size_t i, float *out, struct mm_err *err)
{
	struct block *b = ctx;
	const struct mm_meaning *s = b->s;
	const size_t n = s->N - i < ROWS ? s->N - i : ROWS;

	(void)err;
	if (i % ROWS == 0)
		mm_gemm(false, true, n, s->M, s->D, 1, s->image + i * s->D,
			s->D, s->text, s->D, 0, b->score, s->M);
	memcpy(out, b->score + i % ROWS * s->M, s->M * sizeof(*out));
	return MM_OK;
}

static int in_order(long *to, const struct mm_meaning *s,
		    const struct mm_rematch_options *o, double least,
		    struct mm_err *err)
{
	const struct mm_monotone m = { .N = s->N,
				       .M = s->M,
				       .least = least,
				       .gap = o->gap,
				       .local = o->local };
	struct block b = { .s = s };
	int rc;

	if (!(b.score = mm_malloc(s->M, ROWS * sizeof(*b.score))))
		return mm_fail_nomem(err, "an alignment in order");
	rc = mm_monotone(to, &m, score_row, &b, err);
	mm_free(b.score);
	return rc;
}

/* ---- sets ---- */

static int exactly(long *to, const struct mm_meaning *s, double least,
		   struct mm_err *err)
{
	float *score = mm_malloc(s->N, s->M * sizeof(*score));
	int rc;

	if (!score)
		return mm_fail_nomem(err, "all scores");
	mm_gemm(false, true, s->N, s->M, s->D, 1, s->image, s->D, s->text, s->D,
		0, score, s->M);
	rc = mm_assign(to, score, s->N, s->M, (float)least, err);
	mm_free(score);
	return rc;
}

static int by_place(const void *a, const void *b)
{
	const struct mm_candidate *x = a, *y = b;

	if (x->row != y->row)
		return x->row < y->row ? -1 : 1;
	return x->column < y->column ? -1 : x->column > y->column;
}

/* What either side likes best, each pair once. */
static int candidates(struct mm_candidate **out, size_t *n,
		      const struct mm_meaning *s, double least,
		      struct mm_err *err)
{
	struct mm_hit *text = NULL, *image = NULL;
	struct mm_candidate *c = NULL;
	size_t per_image, per_text, all, kept = 0;
	int rc = nearest(&text, &per_image, s->image, s->N, s->text, s->M, s->D,
			 CANDIDATES, err);

	if (!rc)
		rc = nearest(&image, &per_text, s->text, s->M, s->image, s->N,
			     s->D, CANDIDATES, err);
	*n = 0;
	if (!rc &&
	    !(c = mm_malloc(s->N * per_image + s->M * per_text, sizeof(*c))))
		rc = mm_fail_nomem(err, "candidates");
	for (size_t k = 0; !rc && k < s->N * per_image; k++)
		if (text[k].score > least)
			c[(*n)++] = (struct mm_candidate){
				(uint32_t)(k / per_image),
				(uint32_t)text[k].row, (float)text[k].score
			};
	for (size_t k = 0; !rc && k < s->M * per_text; k++)
		if (image[k].score > least)
			c[(*n)++] =
				(struct mm_candidate){ (uint32_t)image[k].row,
						       (uint32_t)(k / per_text),
						       (float)image[k].score };
	all = *n;
	if (all)
		qsort(c, all, sizeof(*c), by_place);
	for (size_t k = 0; k < all; k++)
		if (!kept || by_place(&c[kept - 1], &c[k]))
			c[kept++] = c[k];
	*n = kept;
	mm_free(text);
	mm_free(image);
	*out = c;
	return rc;
}

static int by_transport(long *to, const struct mm_meaning *s, double least,
			struct mm_err *err)
{
	struct mm_candidate *c = NULL;
	size_t n;
	int rc = candidates(&c, &n, s, least, err);

	if (!rc)
		rc = mm_transport(to, c, n, s->N, s->M, least, err);
	mm_free(c);
	return rc;
}

int mm_meaning_rematch(long *to, double *least_out, const struct mm_meaning *s,
		       const struct mm_rematch_options *o, struct mm_err *err)
{
	double least = o->least;
	int rc;

	for (size_t i = 0; i < s->N; i++)
		to[i] = MM_UNPAIRED;
	*least_out = isnan(least) ? 0 : least;
	if (!s->N || !s->M)
		return MM_OK;
	if (isnan(least) && (rc = find_limit(&least, s, err)))
		return rc;
	*least_out = least;
	if (o->how == MM_REMATCH_MONOTONE)
		return in_order(to, s, o, least, err);
	if (s->N <= MM_MEANING_EXACT && s->M <= MM_MEANING_EXACT)
		return exactly(to, s, least, err);
	return by_transport(to, s, least, err);
}
