/*
 * figures.h - figures that tell a good caption from a poor one.
 */
#ifndef MM_TEXT_FIGURES_H
#define MM_TEXT_FIGURES_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

struct mm_text_figures {
	size_t chars, words; /* code points; runs between white space */
	double unique;	     /* different words (case aside) / words; 0..1 */
	/*
	 * Part of the runs of ten code points that were there before; 0 of a
	 * text with fewer.
	 */
	double repetition;
	double alnum; /* letters and digits / code points that are no blank */
	/* ISO 639-1, or "" where nothing tells; see mm_text_language. */
	const char *language;
};

/*
 * Of valid UTF-8.  scratch: memory that is kept from call to call.  Of an
 * empty text all figures are 0.
 */
int mm_text_figures(struct mm_text_figures *f, const char *s, size_t n,
		    struct mm_buf *scratch, struct mm_err *err) MM_MUST_CHECK;

/*
 * A guess, for captions of a few words: by script where that names a language
 * (ja ko zh el he th hi ar ru uk), else by frequent short words and the
 * letters beyond ASCII (en de fr es it pt nl sv pl tr).  "" where the evidence
 * is thin or two languages are level.
 */
const char *mm_text_language(const char *s, size_t n);

#endif
