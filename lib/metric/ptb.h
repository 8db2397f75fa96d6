/*
 * ptb.h - Penn Treebank tokens, as coco-caption takes them from Stanford.
 *
 * The tokens are those of `java edu.stanford.nlp.process.PTBTokenizer
 * -preserveLines -lowerCase` of CoreNLP 3.4.1 (August 2014), which published
 * caption scores rest on.  Captions are tokenised as lines of one text, in the
 * order given: as in the original, whether the full stop of "U.S." at the end
 * of a caption stands alone depends on how the next caption begins.
 *
 * Two deliberate differences.  A line end within a caption (\r, \v, \f, U+2028,
 * U+2029; coco-caption itself replaces \n) separates words like a blank, where
 * the original begins another line and shifts all captions that follow.  And
 * malformed UTF-8 is no error here: it is read as U+FFFD.
 */
#ifndef MM_METRIC_PTB_H
#define MM_METRIC_PTB_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "metric/text.h"

struct mm_ptb; /* one thread at a time */

int mm_ptb_new(struct mm_ptb **ptb, struct mm_err *err) MM_MUST_CHECK;
void mm_ptb_free(struct mm_ptb *ptb);

/*
 * Tokenise `in`; `out` gets as many lines, tokens separated by single spaces.
 * `punctuation` false drops what coco-caption drops:
 *
 *	'' ' `` ` -LRB- -RRB- -LCB- -RCB- . ? ! , : - -- ... ;
 *
 * (in this spelling: the lower-cased "-lrb-" of a parenthesis stays).
 * Memory: 2 bytes per character of `in` and the output, once more.
 */
int mm_ptb_tokenize(struct mm_ptb *ptb, struct mm_lines *out,
		    const struct mm_lines *in, bool punctuation,
		    struct mm_err *err) MM_MUST_CHECK;

#endif
