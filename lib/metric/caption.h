/*
 * caption.h - the metrics of coco-caption (pycocoevalcap), task "caption".
 *
 * A sample is a struct mm_text_sample of tokenised texts: words between white
 * space, as mm_ptb_tokenize makes them.  Numbers are those of the reference
 * program to rounding (1e-9), its guards against division by zero included.
 *
 * Row BLEU, figures BLEU-1 .. BLEU-4 and ratio.  Over all samples (or over one
 * sample for its own figure), c_k and g_k the clipped matches and the number
 * of k-grams, t the words of the hypotheses, r the sum of the closest
 * reference lengths (of two equally close the shorter):
 *
 *	BLEU-n	prod_{k<=n} ((c_k + 1e-15) / (g_k + 1e-9)) ^ (1/n)
 *		 * exp(1 - 1/ratio) where ratio < 1
 *	ratio	(t + 1e-15) / (r + 1e-9)
 *
 * Row ROUGE-L.  Words are separated by single blanks, so an empty text is one
 * empty word.  P, R: the largest LCS / words of hypothesis, LCS / words of
 * reference over the references, each by itself; beta = 1.2:
 *
 *	F = (1 + beta^2) P R / (R + beta^2 P), 0 where P or R is 0
 *
 * averaged over the samples.
 *
 * Row CIDEr, figures CIDEr (as the authors' code "cider") and CIDEr-D (what
 * coco-caption prints as "CIDEr").  df(g): in how many samples the n-gram g
 * occurs in a reference; N samples; idf(g) = log N - log max(1, df(g));
 * h_n, r_n: counts times idf.  Per sample, over n = 1..4 and references:
 *
 *	CIDEr	10 mean_n mean_r  <h_n, r_n> / (|h_n| |r_n|)
 *	CIDEr-D	10 mean_n mean_r  <min(h_n, r_n), r_n> / (|h_n| |r_n|)
 *			* exp(-(difference in 2-grams)^2 / (2 * 6^2))
 *
 * the division only where both lengths are not 0.  No stemming.  With one
 * sample log N is 0 and so is every score.
 */
#ifndef MM_METRIC_CAPTION_H
#define MM_METRIC_CAPTION_H

#include "base/buf.h"
#include "base/err.h"
#include "metric/text.h"

/* Options of the row CIDEr; NULL: the samples' own document frequencies. */
struct mm_cider_options {
	const struct mm_cider_df *df;
};

/*
 * Document frequencies of another corpus.  A text file, the first line the
 * number of samples, then one n-gram (1 to 4 words) a line:
 *
 *	documents<TAB>40504
 *	812<TAB>a red bus
 */
struct mm_cider_df;

int mm_cider_df_load(struct mm_cider_df **df, const char *path,
		     struct mm_err *err) MM_MUST_CHECK;
int mm_cider_df_parse(struct mm_cider_df **df, const char *text, size_t len,
		      const char *name, struct mm_err *err) MM_MUST_CHECK;
void mm_cider_df_free(struct mm_cider_df *df);

/* The frequencies that a CIDEr row has counted, as such a file. */
int mm_cider_df_write(void *cider, struct mm_buf *out,
		      struct mm_err *err) MM_MUST_CHECK;

#endif
