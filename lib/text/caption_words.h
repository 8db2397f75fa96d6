/* caption_words.h - between the files that change captions word by word. */
#ifndef MM_TEXT_CAPTION_WORDS_H
#define MM_TEXT_CAPTION_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/rng.h"
#include "text/wordnet.h"

enum { MM_CAPTION_WORD = 40 };

/*
 * A synonym for the word s[0..n) of a caption, inflected and capitalised like
 * it, into out[MM_CAPTION_WORD]; 0 where there is no safe one.  first: the
 * word begins a sentence, so that its capital says nothing.
 */
size_t mm_caption_synonym(const struct mm_wordnet *wn, const char *s, size_t n,
			  bool first, struct mm_rng *rng, char *out);

/* Words that carry no meaning of their own. */
bool mm_caption_stop_word(const char *low);

#endif
