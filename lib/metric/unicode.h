/*
 * unicode.h - the little that metrics need to know of characters.
 *
 * Programs that must be met to the last digit each have their own idea of what
 * a letter or a space is; every function here says whose idea it is.  General
 * categories come from utf8proc.
 */
#ifndef MM_METRIC_UNICODE_H
#define MM_METRIC_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * The character at s[*i], *i < n, and *i moved behind it.  Malformed bytes
 * give U+FFFD, one for each longest piece that could have begun a character
 * (what Java, Python and the Unicode standard's best practice do).
 */
uint32_t mm_unicode_next(const char *s, size_t n, size_t *i);

/* The offset of the first malformed byte of s[0..n), or n. */
size_t mm_unicode_invalid(const char *s, size_t n);

void mm_unicode_put(struct mm_buf *out, uint32_t c); /* as UTF-8 */

/* What Python's str.split() and str.strip() take for white space. */
bool mm_unicode_space(uint32_t c);

/* s[0..n) without white space at its end: the length that is left. */
size_t mm_unicode_strip_end(const char *s, size_t n);

/* General categories P*, S* and N*. */
bool mm_unicode_punctuation(uint32_t c);
bool mm_unicode_symbol(uint32_t c);
bool mm_unicode_number(uint32_t c);

/* General category Nd: what Python's \d takes for a digit. */
bool mm_unicode_decimal(uint32_t c);

/* As in Unicode 6.3, code units up to U+FFFF only: L*, Nd, Uppercase. */
bool mm_unicode6_letter(uint32_t c);
bool mm_unicode6_digit(uint32_t c);
bool mm_unicode6_capital(uint32_t c);

/* `c` and all that is equal to it when case is ignored; at most 4. */
size_t mm_unicode_folds(uint32_t c, uint32_t out[4]);

/*
 * Lower case of a whole text, appended: single mappings, U+0130 to two
 * characters, capital sigma to final sigma where it ends a word.  As Python's
 * str.lower() (`java` false) or Java 17's String.toLowerCase(), which differ
 * in what they take for the end of a word.
 */
void mm_unicode_lower(struct mm_buf *out, const char *s, size_t n, bool java);

#endif
