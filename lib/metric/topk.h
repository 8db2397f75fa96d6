/*
 * topk.h - the k best of many vectors, exactly.
 *
 * A gallery is a list of runs of rows that stay where they are (a mapped file,
 * say).  It is read once for all queries: scores are computed block by block,
 * and of each block only what beats the k-th best so far is looked at.
 *
 *	one query	the rows are read at the speed of memory
 *	many		a matrix product with the queries packed once, its
 *			results compared while they are in cache
 *	int8		rows of whole numbers, a quarter of the memory
 *
 * What was found with a few more candidates than asked for is scored again in
 * double precision and put in order by that.  So hits and scores are those of
 * exact arithmetic, whatever the number of queries, threads or runs; with int8
 * a hit can only be missed where rounding put it behind 3 k + 64 others.
 * Equal scores are put in order by the caller's rule, or by row.
 */
#ifndef MM_METRIC_TOPK_H
#define MM_METRIC_TOPK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct mm_gallery_run {
	const float *rows; /* (n, D), borrowed */
	size_t n, first;   /* number of its first row in the gallery */
	const int8_t *q;   /* (n, D): row i is about scale[i] * q[i]; or NULL */
	const float *scale; /* (n) */
};

/* All zeros, but for D, is an empty gallery. */
struct mm_gallery {
	size_t D, n; /* n rows in all runs */
	struct mm_gallery_run *run;
	size_t n_runs, cap;
	int8_t *own_q; /* what mm_gallery_quantise made */
	float *own_scale;
};

/* Add rows that outlive the gallery. */
int mm_gallery_add(struct mm_gallery *g, const float *rows, size_t n,
		   struct mm_err *err) MM_MUST_CHECK;

/* The same with their int8 rows, as mm_gallery_quantise would make them. */
int mm_gallery_add_int8(struct mm_gallery *g, const float *rows,
			const int8_t *q, const float *scale, size_t n,
			struct mm_err *err) MM_MUST_CHECK;

/* Row i, from 0. */
const float *mm_gallery_row(const struct mm_gallery *g, size_t i);

/*
 * Make the int8 rows that are not there yet (mm_scan_quantize), n * (D + 4)
 * bytes; once all rows are added.
 * MM_ERR_FORMAT: a value that is not finite; MM_ERR_SHAPE: D over 2^17.
 */
int mm_gallery_quantise(struct mm_gallery *g, struct mm_err *err) MM_MUST_CHECK;
void mm_gallery_release(struct mm_gallery *g);

struct mm_hit {
	double score;
	size_t row;
};

struct mm_topk_options {
	size_t k;
	bool int8; /* search the int8 rows; the gallery must have them */
	/* Does row a stand before row b, where scores are equal?  NULL: a < b.
	 */
	bool (*before)(const void *ctx, size_t a, size_t b);
	const void *ctx;
};

/*
 * hit (Q, mm_topk_hits()): the best rows of each query (Q, D), best first, by
 * inner product.  MM_ERR_FORMAT names a query or row that is not finite.
 */
int mm_topk(struct mm_hit *hit, const struct mm_gallery *g, const float *query,
	    size_t Q, const struct mm_topk_options *options,
	    struct mm_err *err) MM_MUST_CHECK;

/* Hits for each query: k, or all rows where there are fewer. */
size_t mm_topk_hits(const struct mm_gallery *g,
		    const struct mm_topk_options *options);

#endif
