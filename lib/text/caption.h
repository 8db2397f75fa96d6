/*
 * caption.h - changing a caption so that it stays true of its picture.
 *
 * Every function appends the whole new caption to `out` (the old one where
 * nothing changed) and draws from `rng` alone.  Captions are UTF-8; words that
 * are not ASCII are kept as they are.
 */
#ifndef MM_TEXT_CAPTION_H
#define MM_TEXT_CAPTION_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/rng.h"
#include "text/wordnet.h"

enum mm_mirror {
	MM_MIRROR_SAME,	     /* speaks of no side: flip, caption as it was   */
	MM_MIRROR_TURNED,    /* sides exchanged: flip, with the new caption  */
	MM_MIRROR_AMBIGUOUS, /* do not flip: a side that may be none, or     */
			     /* writing in the picture; out gets the old one */
};

/*
 * The caption of the mirrored picture: left and right, leftmost, left-hand,
 * leftward(s), leftwards, clockwise and counterclockwise (anticlockwise) ...
 * change places word by word, capitals kept.
 */
int mm_caption_mirror(const char *text, size_t len, struct mm_buf *out,
		      enum mm_mirror *what, struct mm_err *err) MM_MUST_CHECK;

/*
 * Each word that has a safe synonym is replaced with probability p: another
 * single-word member of the first sense of its likeliest part of speech,
 * inflected and capitalised as the word was.  Colours, numbers, directions,
 * names and function words stay.  *n counts replacements (may be NULL).
 */
int mm_caption_synonyms(const struct mm_wordnet *wn, const char *text,
			size_t len, double p, struct mm_rng *rng,
			struct mm_buf *out, size_t *n,
			struct mm_err *err) MM_MUST_CHECK;

/*
 * EDA (Wei and Zou, EMNLP 2019), with k = max(1, floor(alpha * words)):
 *	insert	k times a synonym of a random word at a random place
 *	swap	k times two random words change places
 *	delete	each word goes with probability alpha; one always stays
 * Punctuation stays with the word that it stands at.
 */
int mm_caption_insert(const struct mm_wordnet *wn, const char *text, size_t len,
		      double alpha, struct mm_rng *rng, struct mm_buf *out,
		      struct mm_err *err) MM_MUST_CHECK;
int mm_caption_swap(const char *text, size_t len, double alpha,
		    struct mm_rng *rng, struct mm_buf *out,
		    struct mm_err *err) MM_MUST_CHECK;
int mm_caption_delete(const char *text, size_t len, double alpha,
		      struct mm_rng *rng, struct mm_buf *out,
		      struct mm_err *err) MM_MUST_CHECK;

#endif
