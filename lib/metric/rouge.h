/*
 * rouge.h - ROUGE as Google's rouge_score 0.1.2 computes it, task "text".
 *
 * A sample is a struct mm_text_sample of plain text; '\n' within one separates
 * sentences for rougeLsum.  Words are runs of a-z and 0-9 of the lower-cased
 * text (letters beyond ASCII separate words), stemmed where they have more
 * than three letters and `stem` is set.  For a hypothesis of h and a reference
 * of r words:
 *
 *	rouge1, rouge2	m common n-grams (clipped), P = m / max(1, n-grams of
 *			the hypothesis), R = m / max(1, those of the reference)
 *	rougeL		m = LCS; P = m / h, R = m / r
 *	rougeLsum	m = words of the union of the LCS of each reference
 *			sentence with each hypothesis sentence, none counted
 *			more often than either text has it
 *	F = 2 P R / (P + R); 0 for 0 / 0, and all 0 where a text is empty
 *
 * Of several references the first with the best F counts, for each of the four
 * by itself.  Figures are means over the samples.
 */
#ifndef MM_METRIC_ROUGE_H
#define MM_METRIC_ROUGE_H

#include <stdbool.h>

struct mm_rouge_options {
	bool stem;
};

/* Figures of row "rouge": 3 * enum mm_rouge_kind + precision, recall, F. */
enum mm_rouge_kind {
	MM_ROUGE_1,
	MM_ROUGE_2,
	MM_ROUGE_L,
	MM_ROUGE_LSUM,
	MM_ROUGE_KINDS,
};

enum {
	MM_ROUGE_PRECISION,
	MM_ROUGE_RECALL,
	MM_ROUGE_F,
	MM_ROUGE_FIGURES = 3 * MM_ROUGE_KINDS,
};

#endif
