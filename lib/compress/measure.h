/*
 * measure.h - what a smaller model has lost: its vectors and its recall beside
 * those of the model that it was made from, on the same samples.
 */
#ifndef MM_COMPRESS_MEASURE_H
#define MM_COMPRESS_MEASURE_H

#include <stddef.h>

#include "base/err.h"
#include "metric/retrieval.h"
#include "model/encode.h"

/* Samples: streams of pictures and texts, read anew for each measurement. */
struct mm_sample_set {
	const char *const *path; /* n of them; not "-" */
	size_t n;
	size_t limit; /* the first so many rows; 0: all */
	size_t batch;
};

/* Vectors of unit length; rows that share image.id are one picture. */
struct mm_measured {
	float *image;  /* (n_images, D) */
	float *text;   /* (n_texts, D) */
	size_t *owner; /* (n_texts): the picture that a text belongs to */
	size_t n_images, n_texts, D;
};

/*
 * The set through both towers.  MM_ERR_FORMAT where it holds no sample.
 * Release with mm_measured_release, after a failure too.
 */
int mm_measured_take(struct mm_measured *v, struct mm_encoder *e,
		     const struct mm_sample_set *set,
		     struct mm_err *err) MM_MUST_CHECK;
void mm_measured_release(struct mm_measured *v); /* safe on zeros */

/*
 * The mean over rows of the cosine between a's vector and b's, two rows of
 * unit length each; *least the smallest.
 */
double mm_mean_cosine(const float *a, const float *b, size_t n, size_t D,
		      double *least);

struct mm_fidelity {
	double image_cosine, text_cosine;		 /* means */
	double image_least, text_least;			 /* the worst row's */
	struct mm_retrieval_figures before[2], after[2]; /* by side */
	double loss; /* points (per cent) of recall@1, mean of both sides */
};

/* `after` is of the same set as `before`. */
int mm_fidelity_measure(struct mm_fidelity *f, const struct mm_measured *before,
			const struct mm_measured *after,
			struct mm_err *err) MM_MUST_CHECK;

#endif
