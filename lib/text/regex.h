/*
 * regex.h - regular expressions, as far as tokenizer files use them.
 *
 * The language is Oniguruma's with Ruby's syntax, which is what Hugging Face's
 * tokenizers reads: alternation, groups, classes with ranges, nesting, && and
 * \p{..}, greedy, lazy and possessive repetition, look-around, (?i) (?m) (?x),
 * ^ $ \A \z \Z \b \B, \s \S \w \W \d \D \h \H \R.  ^ and $ are the ends of
 * lines, '.' leaves out the newline; case is folded code point by code point.
 * Back-references, \X, \K, conditions and POSIX classes beyond digit, space and
 * cntrl are refused, with their place in the pattern.
 *
 * Matching backtracks over a small program; a budget of steps keeps a bad
 * pattern from running for ever.  A program is read-only once made.
 */
#ifndef MM_TEXT_REGEX_H
#define MM_TEXT_REGEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct mm_regex;

/* Free with mm_regex_free.  MM_ERR_FORMAT names pattern and place. */
int mm_regex_new(struct mm_regex **re, const char *pattern, size_t len,
		 struct mm_err *err) MM_MUST_CHECK;
void mm_regex_free(struct mm_regex *re);

/* The stack of a thread that matches; all zeros is ready. */
struct mm_regex_work {
	struct mm_regex_frame *frame;
	size_t cap;
};
void mm_regex_work_release(struct mm_regex_work *w);

/*
 * The first match in valid UTF-8 that begins at `from` or later:
 * [*start, *end), or *start = SIZE_MAX where there is none.
 */
int mm_regex_find(const struct mm_regex *re, struct mm_regex_work *w,
		  const char *s, size_t n, size_t from, size_t *start,
		  size_t *end, struct mm_err *err) MM_MUST_CHECK;

/* One match after the other; start = SIZE_MAX behind the last. */
struct mm_regex_iter {
	size_t from, last; /* begin with { .last = SIZE_MAX } */
	size_t start, end;
};

int mm_regex_next(const struct mm_regex *re, struct mm_regex_work *w,
		  const char *s, size_t n, struct mm_regex_iter *it,
		  struct mm_err *err) MM_MUST_CHECK;

#endif
