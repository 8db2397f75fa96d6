/*
 * bleu.h - BLEU and chrF as sacrebleu 2.6 computes them, task "text".
 *
 * A sample is a struct mm_text_sample of plain text.  Scores are 0..100.
 *
 * Row bleu.  With c_n correct and g_n all n-grams of the tokenised
 * hypotheses (clipped by the largest count in one reference), t words, r the
 * sum of the closest reference lengths (of two equally close the shorter):
 *
 *	p_n	100 c_n / g_n; where c_n = 0, smoothed:
 *		  exp	100 / (2^z g_n), the z-th such order
 *		  floor	100 value / g_n
 *		  add-k	value is added to c_n and g_n for n > 1
 *		  none	0
 *	BP	exp(1 - r / t) where t < r (0 where t is 0), else 1
 *	score	BP * exp(mean over n of log p_n); 0 where no order has a match,
 *		and where an order has no n-gram (see `effective_order`)
 *
 * Row chrF.  For every order of character n-grams (and of word n-grams, with
 * word_order > 0; 2 is chrF++), h n-grams of the hypothesis, r of the
 * reference and m common ones; P and R are the means of m/h and m/r over the
 * orders that both have:
 *
 *	score	100 (1 + beta^2) P R / (beta^2 P + R), 0 where P + R is 0
 *
 * Of several references the one with the best score of the segment counts.
 * With eps_smoothing each order has its own F, 1e-16 standing for what is
 * undefined, and the score is their mean.
 */
#ifndef MM_METRIC_BLEU_H
#define MM_METRIC_BLEU_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "metric/text.h"

enum mm_bleu_tokenizer {
	MM_BLEU_13A,  /* mteval-v13a.pl */
	MM_BLEU_INTL, /* mteval-v14.pl, with Unicode's classes */
	MM_BLEU_CHAR, /* every character a word */
	MM_BLEU_NONE, /* words between white space */
};

enum mm_bleu_smoothing {
	MM_SMOOTH_EXP,
	MM_SMOOTH_FLOOR,
	MM_SMOOTH_ADD_K,
	MM_SMOOTH_NONE,
};

struct mm_bleu_options {
	enum mm_bleu_tokenizer tokenizer;
	enum mm_bleu_smoothing smoothing;
	double smooth_value; /* of floor and add-k */
	bool lowercase;
	bool effective_order; /* orders without n-grams do not count */
};

extern const struct mm_bleu_options mm_bleu_defaults;

/* The value that sacrebleu takes where none is given: 0.1, 1, else 0. */
double mm_bleu_smooth_default(enum mm_bleu_smoothing smoothing);

/* The figures of row "bleu", by place. */
enum {
	MM_BLEU_SCORE,
	MM_BLEU_PRECISION, /* and the three behind it */
	MM_BLEU_BP = MM_BLEU_PRECISION + 4,
	MM_BLEU_RATIO, /* hyp_len / ref_len, 0 where there is no ref_len */
	MM_BLEU_HYP_LEN,
	MM_BLEU_REF_LEN,
	MM_BLEU_COUNT, /* correct n-grams, 4 */
	MM_BLEU_TOTAL = MM_BLEU_COUNT + 4,
	MM_BLEU_FIGURES = MM_BLEU_TOTAL + 4,
};

/* "82.6/68.4/55.0/43.9 (BP = 1.000 ratio = 1.100 hyp_len = 4476 ...)" */
void mm_bleu_verbose(struct mm_buf *out, const double figure[MM_BLEU_FIGURES]);

/* "nrefs:2|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0" */
void mm_bleu_signature(struct mm_buf *out, const struct mm_bleu_options *o,
		       size_t n_refs);

struct mm_chrf_options {
	size_t char_order, word_order, beta; /* orders: at most 16 */
	bool lowercase;
	bool whitespace; /* blanks are characters, too */
	bool eps_smoothing;
};

extern const struct mm_chrf_options mm_chrf_defaults; /* chrF2 */

/* "chrF2++" */
void mm_chrf_name(struct mm_buf *out, const struct mm_chrf_options *o);
void mm_chrf_signature(struct mm_buf *out, const struct mm_chrf_options *o,
		       size_t n_refs);

/* Text as BLEU's tokenizers see it: words between white space, appended. */
void mm_bleu_tokenize(struct mm_buf *out, struct mm_line text,
		      enum mm_bleu_tokenizer tokenizer, bool lowercase);

#endif
