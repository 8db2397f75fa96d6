/*
 * unicode.h - code points: UTF-8, classes, letter case, normal forms.
 *
 * Classes are those of Hugging Face's tokenizers, which mixes versions of
 * Unicode; unicode_tables.c says where.  All functions take any value up to
 * 0x10ffff.
 */
#ifndef MM_TEXT_UNICODE_H
#define MM_TEXT_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Bytes of s[0..n) up to the first that is not UTF-8 (n: all is well). */
size_t mm_utf8_valid(const char *s, size_t n);

/* Appended to b with U+FFFD for each maximal part that is no UTF-8. */
void mm_utf8_lossy(const char *s, size_t n, struct mm_buf *b);

/* Write cp as UTF-8 into dst[4]; how many bytes. */
size_t mm_utf8_put(char *dst, uint32_t cp);
void mm_utf8_add(struct mm_buf *b, uint32_t cp);

/* Code points in valid UTF-8. */
size_t mm_utf8_count(const char *s, size_t n);

/* The code point at *at of valid UTF-8; *at moves behind it. */
static inline uint32_t mm_utf8_next(const char *s, size_t *at)
{
	const unsigned char *p = (const unsigned char *)s + *at;
	uint32_t c = p[0];

	if (c < 0x80) {
		*at += 1;
		return c;
	}
	if (c < 0xe0) {
		*at += 2;
		return (c & 0x1f) << 6 | (p[1] & 0x3fu);
	}
	if (c < 0xf0) {
		*at += 3;
		return (c & 0xf) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
	}
	*at += 4;
	return (c & 7) << 18 | (p[1] & 0x3fu) << 12 | (p[2] & 0x3fu) << 6 |
	       (p[3] & 0x3fu);
}

/* Where the code point before `at` > 0 begins. */
static inline size_t mm_utf8_back(const char *s, size_t at)
{
	do
		at--;
	while (((unsigned char)s[at] & 0xc0) == 0x80);
	return at;
}

/* General categories, in utf8proc's order. */
/* clang-format off */
enum mm_u_category {
	MM_CN, MM_LU, MM_LL, MM_LT, MM_LM, MM_LO, MM_MN, MM_MC,
	MM_ME, MM_ND, MM_NL, MM_NO, MM_PC, MM_PD, MM_PS, MM_PE,
	MM_PI, MM_PF, MM_PO, MM_SM, MM_SC, MM_SK, MM_SO, MM_ZS,
	MM_ZL, MM_ZP, MM_CC, MM_CF, MM_CS, MM_CO
};
/* clang-format on */

/* As \p{..} of regular expressions sees it (Unicode 17). */
enum mm_u_category mm_u_category(uint32_t cp);

/* \p{L}, \p{N}, \s as bits; 0 for everything else. */
enum { MM_U_LETTER = 1, MM_U_NUMBER = 2, MM_U_SPACE = 4 };
unsigned mm_u_class_slow(uint32_t cp);
extern const unsigned char mm_u_class_ascii[128];

static inline unsigned mm_u_class(uint32_t cp)
{
	return cp < 128 ? mm_u_class_ascii[cp] : mm_u_class_slow(cp);
}

bool mm_u_space(uint32_t cp);	  /* White_Space: 25 code points       */
bool mm_u_numeric(uint32_t cp);	  /* what Digits splits at             */
bool mm_u_word(uint32_t cp);	  /* \w                                */
bool mm_u_punct(uint32_t cp);	  /* what BERT takes for punctuation   */
bool mm_u_control(uint32_t cp);	  /* what BERT's clean_text takes away */
bool mm_u_mark(uint32_t cp);	  /* what BERT's strip_accents drops   */
bool mm_u_combining(uint32_t cp); /* what StripAccents drops           */

/* Lower case; U+0130 alone gives two: 'i' here, and U+0307 behind it. */
uint32_t mm_u_lower(uint32_t cp);

uint32_t mm_u_upper(uint32_t cp);

/* Simple case folding: equal for letters that differ in case alone. */
uint32_t mm_u_fold(uint32_t cp);

/*
 * Python 3.11's str.lower() of valid UTF-8, appended: Unicode 14, and a sigma
 * that ends a word becomes U+03C2.
 */
void mm_u_lower_python(const char *s, size_t n, struct mm_buf *out);

enum mm_u_form { MM_NFC, MM_NFD, MM_NFKC, MM_NFKD };

/* The normal form of valid UTF-8, appended.  False: out of memory. */
bool mm_u_normalize(enum mm_u_form form, const char *s, size_t n,
		    struct mm_buf *out);

/* True where the text is surely in that form already (not the reverse). */
bool mm_u_is_normal(enum mm_u_form form, const char *s, size_t n);

/* Canonical (or compatibility) forms of one code point by itself. */
size_t mm_u_decompose(uint32_t cp, bool compat, uint32_t out[20]);

/* Extended grapheme cluster border between two code points; *state from 0. */
bool mm_u_grapheme_break(uint32_t before, uint32_t after, int32_t *state);

#endif
