/*
 * quality.h - is this a good picture, a good caption, and are they equally
 * good?
 *
 * Of each sample a few numbers are kept.  At the end each figure becomes its
 * percentile over the set (ties share the middle of their ranks); a
 * modality's score is the mean of its ranked figures' percentiles, turned so
 * that more is better, and `image` and `text` are that score's own
 * percentiles.  A pair whose two percentiles lie far apart is suspicious: a
 * fine photograph with a file name for a caption.
 */
#ifndef MM_ALIGN_QUALITY_H
#define MM_ALIGN_QUALITY_H

#include "data/source.h"
#include "image/hash.h"
#include "text/figures.h"

enum mm_figure {
	MM_FIGURE_SIDE,	  /* the shorter one, pixels */
	MM_FIGURE_ASPECT, /* longer / shorter */
	MM_FIGURE_BLUR,	  /* see image/quality.h */
	MM_FIGURE_CLIPPED,
	MM_FIGURE_ENTROPY,
	MM_FIGURE_JPEG,	 /* quality by the tables; absent of other formats */
	MM_FIGURE_CHARS, /* see text/figures.h */
	MM_FIGURE_WORDS,
	MM_FIGURE_UNIQUE,
	MM_FIGURE_REPETITION,
	MM_FIGURE_ALNUM,
	MM_N_FIGURES
};

struct mm_figure_kind {
	const char *name;
	bool text;  /* of the caption, else of the picture */
	int better; /* 1: more is, -1: less is, 0: does not count */
	bool log;   /* spreads over orders of magnitude */
};

extern const struct mm_figure_kind mm_figure_kinds[MM_N_FIGURES];

enum mm_hash_kind { MM_HASH_PHASH, MM_HASH_DHASH, MM_HASH_AVERAGE };

/* What is kept of one sample. */
struct mm_quality_row {
	float figure[MM_N_FIGURES]; /* NAN: absent */
	float image, text;	    /* percentiles 0..100; NAN: it has none */
	uint64_t hash;		    /* of the picture, where has_image */
	uint64_t picture;	    /* hash of image.id, or of the id */
	uint32_t group;		    /* the first row of its near duplicates */
	char language[3];
	bool has_image, has_text;
	bool bad; /* could not be measured; all else is unset */
};

/* One thread's memory; zeros to start. */
struct mm_quality_work {
	struct mm_image image;
	struct mm_resize_work resize;
	struct mm_buf file, scratch;
};

void mm_quality_work_release(struct mm_quality_work *w);

/*
 * Measure one sample; a picture is not needed, nor a text.  Errors are those
 * of reading and decoding.
 */
int mm_quality_measure(struct mm_quality_row *r, struct mm_quality_work *w,
		       const struct mm_sample *s, enum mm_hash_kind hash,
		       struct mm_err *err) MM_MUST_CHECK;

/* Fill in image, text and group of n rows; distance as in near.h. */
int mm_quality_rank(struct mm_quality_row *row, size_t n, int distance,
		    struct mm_err *err) MM_MUST_CHECK;

/*
 * Is row i the near duplicate of another picture that came before?  Captions
 * of one picture (equal image.id) are none.
 */
bool mm_quality_duplicate(const struct mm_quality_row *row, size_t i);

/* Values of one figure in rising order, *n of them; free with mm_free. */
int mm_quality_sorted(const struct mm_quality_row *row, size_t n_rows,
		      enum mm_figure f, float **out, size_t *n,
		      struct mm_err *err) MM_MUST_CHECK;

#endif
