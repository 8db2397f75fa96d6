/*
 * retrieval_report.h - what eval retrieval and eval all print of ranks: both
 * sides' figures, their confidence intervals, each query.
 */
#ifndef MM_RETRIEVAL_REPORT_H
#define MM_RETRIEVAL_REPORT_H

#include "common.h"
#include "metric/retrieval.h"
#include "metric/text.h"

struct retrieval_report {
	struct mm_retrieval_options o;
	size_t folds, resamples; /* resamples 0: no intervals */
	double level;
	uint64_t seed;
	/* What mm_retrieval_report_make fills in, by enum mm_retrieval_side. */
	size_t n_images, n_texts;
	struct mm_retrieval_ranks ranks[2]; /* where folds is 1 */
	struct mm_retrieval_figures f[2], lo[2], hi[2];
};

int retrieval_report_make(struct retrieval_report *r,
			  const struct mm_retrieval_set *set,
			  struct mm_err *err);
void retrieval_report_release(struct retrieval_report *r);

/*
 * Members of an open object: image_to_text, text_to_image, rsum.  id (NULL:
 * not wanted): of pictures and of texts, for each query's figures.
 */
void retrieval_report_json(const struct retrieval_report *r,
			   const struct mm_lines *const id[2],
			   struct mm_json_writer *w);
void retrieval_report_table(const struct retrieval_report *r,
			    struct mm_buf *out);

#endif
