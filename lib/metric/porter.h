/*
 * porter.h - Porter's stemmer, as rouge_score uses it.
 *
 * Source: M. Porter, "An algorithm for suffix stripping", Program 14 (1980),
 * with the amendments of NLTK's PorterStemmer in its default mode: a short
 * list of irregular words, "ies"/"ied" of four letters to "ie", y to i only
 * behind a consonant, "alli" tried first, "fulli" and "logi" added.
 */
#ifndef MM_METRIC_PORTER_H
#define MM_METRIC_PORTER_H

#include <stddef.h>

/*
 * Stem word[0..*n) in place: lower-case ASCII letters and digits.  A stem may
 * be one letter longer than what a suffix left, never longer than the word.
 */
void mm_porter_stem(char *word, size_t *n);

#endif
