/*
 * eval_text.h - what eval bleu, chrf, rouge and caption share: files of
 * hypotheses and references, one metric over all of them, figures per sample.
 */
#ifndef MM_EVAL_TEXT_H
#define MM_EVAL_TEXT_H

#include "common.h"
#include "metric/metric.h"
#include "metric/text.h"

/* Line i of `hyp` belongs to line i of each ref[]. */
struct eval_text {
	struct mm_lines hyp, *ref;
	size_t n_refs;
	struct mm_line *sample; /* [n_refs], scratch */
};

/* Hypotheses from `input`, references from n files; all of equal length. */
int eval_text_read(struct eval_text *t, const char *input, int n, char **files,
		   struct mm_err *err);
void eval_text_release(struct eval_text *t);

/*
 * Sample by sample through the metric.  `value` gets its figures; *each (NULL:
 * not wanted) those of every sample, to be freed with mm_free.
 */
int eval_text_score(struct eval_text *t, const struct mm_metric *m,
		    const void *options, double *value, double **each,
		    struct mm_err *err);

/*
 * Figures per sample as tab-separated lines: "id" and the names first.  id
 * NULL: numbers from 1.  Skips nothing; NaN stays "nan".
 */
int eval_text_per_sample(const char *path, const struct mm_lines *id,
			 const char *const *name, const double *each,
			 size_t samples, size_t figures, struct mm_err *err);

/*
 * "id": [...] of an open object.  All of "samples": ids (NULL: numbers from 1)
 * and, by name, the figures, samples by figures.
 */
void eval_put_ids(struct mm_json_writer *w, const struct mm_lines *id);
void eval_put_samples(struct mm_json_writer *w, const struct mm_lines *id,
		      const char *const *name, const double *each,
		      size_t samples, size_t figures);

/* The parts of sacrebleu's signature "nrefs:1|case:mixed|..." as members. */
void eval_put_signature(struct mm_json_writer *w, const char *signature);

#endif
