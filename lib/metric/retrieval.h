/*
 * retrieval.h - how well pictures find their texts and texts their pictures.
 *
 * Several texts may belong to one picture (Flickr30k and COCO have five).  As
 * CLIP_benchmark counts, a picture's query is a hit at K where at least one of
 * its texts is among the first K texts, a text's query where its picture is
 * among the first K pictures.
 *
 * The rank of an own candidate with score s among the others:
 *
 *	rank = 1 + #(foreign candidates with score >= s)
 *		 + #(own candidates that stand before it)
 *
 * so a tie never helps: a model that gives everything the same score ranks
 * last.  With r the rank of the best own candidate, per query
 *
 *	recall@K	1 where r <= K, else 0
 *	mrr		1 / r
 *	ndcg@K		sum over own candidates of rank <= K of g / log2(1 +
 *rank), over the same for ranks 1, 2, ..., min(K, own); the gain g = 1 is the
 *linear one of trec_eval, and 2^1 - 1 = 1 the exponential one: equal, as every
 *own candidate counts 1 rank		r
 *
 * averaged over the queries; the median rank is the mean of the two middle
 * ones where their number is even.
 */
#ifndef MM_METRIC_RETRIEVAL_H
#define MM_METRIC_RETRIEVAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { MM_RETRIEVAL_MAX_K = 16 };

enum mm_gain { MM_GAIN_LINEAR, MM_GAIN_EXP };

struct mm_retrieval_options {
	size_t k[MM_RETRIEVAL_MAX_K], n_k; /* cut-offs of recall, all >= 1 */
	size_t ndcg_k;			   /* cut-off of ndcg */
	enum mm_gain gain;
};

/* recall@1, 5 and 10, ndcg@10, linear gain. */
extern const struct mm_retrieval_options mm_retrieval_defaults;

/* What is compared; borrowed.  Rows should have unit length for cosines. */
struct mm_retrieval_set {
	const float *image;  /* (n_images, D) */
	const float *text;   /* (n_texts, D) */
	const size_t *owner; /* (n_texts): the picture that a text belongs to */
	size_t n_images, n_texts, D;
};

enum mm_retrieval_side { MM_IMAGE_TO_TEXT, MM_TEXT_TO_IMAGE };

/*
 * Ranks of every query's own candidates, ascending: those of query i are
 * rank[start[i] .. start[i + 1]), counted from 1.
 */
struct mm_retrieval_ranks {
	size_t n; /* queries */
	size_t *start, *rank;
};

/*
 * Rank one side.  Scores are computed in blocks (256 queries by 2048
 * candidates a thread), never as a whole matrix.  MM_ERR_FORMAT for a value
 * that is not finite, an owner out of range, a picture without text.  Release
 * with mm_retrieval_ranks_release, after a failure too.
 */
int mm_retrieval_rank(struct mm_retrieval_ranks *out,
		      const struct mm_retrieval_set *set,
		      enum mm_retrieval_side side,
		      struct mm_err *err) MM_MUST_CHECK;
void mm_retrieval_ranks_release(struct mm_retrieval_ranks *r);

struct mm_retrieval_figures {
	size_t n; /* queries */
	double recall[MM_RETRIEVAL_MAX_K];
	double mrr, ndcg, median_rank, mean_rank;
};

/* The figures above.  All are 0 where there is no query. */
int mm_retrieval_figures(struct mm_retrieval_figures *out,
			 const struct mm_retrieval_ranks *ranks,
			 const struct mm_retrieval_options *options,
			 struct mm_err *err) MM_MUST_CHECK;

/*
 * What one query contributes: recall[], mrr and ndcg of the ranks[0..n) of its
 * own candidates (ascending, n >= 1); median_rank and mean_rank are its rank.
 */
void mm_retrieval_query(struct mm_retrieval_figures *out, const size_t *rank,
			size_t n, const struct mm_retrieval_options *options);

/* 100 times the sum of all recalls of both sides. */
double mm_retrieval_rsum(const struct mm_retrieval_figures *image_to_text,
			 const struct mm_retrieval_figures *text_to_image,
			 const struct mm_retrieval_options *options);

/*
 * Ranks and figures of both sides in one call: what validation needs.
 * figures[] by enum mm_retrieval_side.  folds > 1: the pictures are cut into
 * that many runs of equal length (the first n_images % folds one longer), each
 * with its own texts is a benchmark of its own, and the figures are averaged.
 */
int mm_retrieval_eval(struct mm_retrieval_figures figures[2],
		      const struct mm_retrieval_set *set,
		      const struct mm_retrieval_options *options, size_t folds,
		      struct mm_err *err) MM_MUST_CHECK;

/*
 * Percentile bootstrap over queries: `resamples` times as many queries are
 * drawn with replacement as there are, and the (1 - level) / 2 quantile of
 * each figure and its mirror are *lo and *hi.  Same seed, same interval.
 */
int mm_retrieval_bootstrap(struct mm_retrieval_figures *lo,
			   struct mm_retrieval_figures *hi,
			   const struct mm_retrieval_ranks *ranks,
			   const struct mm_retrieval_options *options,
			   size_t resamples, double level, uint64_t seed,
			   struct mm_err *err) MM_MUST_CHECK;

/*
 * The metrics table's sample of task "retrieval": the ranks of one query's own
 * candidates.  Its options are a struct mm_retrieval_options (gain and ndcg_k
 * count; the cut-offs of recall are those of the figures' names).
 */
struct mm_retrieval_sample {
	const size_t *rank; /* ascending, from 1 */
	size_t n;	    /* >= 1 */
};

#endif
