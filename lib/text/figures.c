/* figures.c - see figures.h. */
#include "text/figures.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "text/unicode.h"

enum { GRAM = 10 };

static int by_value(const void *a, const void *b)
{
	uint64_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return (x > y) - (x < y);
}

/* How many different values the buffer of uint64_t holds; sorts it. */
static size_t count_different(struct mm_buf *b)
{
	const size_t n = b->len / sizeof(uint64_t);
	size_t different = n > 0;

	if (n)
		qsort(b->data, n, sizeof(uint64_t), by_value);
	for (size_t i = 1; i < n; i++)
		different += memcmp(b->data + i * sizeof(uint64_t),
				    b->data + (i - 1) * sizeof(uint64_t),
				    sizeof(uint64_t)) != 0;
	return different;
}

/* Words and their hashes, letters, blanks. */
static void count_words(struct mm_text_figures *f, const char *s, size_t n,
			struct mm_buf *hashes)
{
	size_t at = 0, solid = 0, alnum = 0;
	uint64_t word = 0;
	bool inside = false;

	while (at < n) {
		const uint32_t c = mm_utf8_next(s, &at);
		const unsigned class = mm_u_class(c);
		uint64_t mix[2] = { word, mm_u_fold(c) };

		f->chars++;
		if (class & MM_U_SPACE) {
			if (inside)
				mm_buf_add(hashes, &word, sizeof(word));
			inside = false;
			word = 0;
			continue;
		}
		solid++;
		alnum += (class & (MM_U_LETTER | MM_U_NUMBER)) != 0;
		f->words += !inside;
		inside = true;
		word = mm_hash64(mix, sizeof(mix));
	}
	if (inside)
		mm_buf_add(hashes, &word, sizeof(word));
	f->alnum = solid ? (double)alnum / (double)solid : 0;
}

/* A hash for each run of GRAM code points. */
static void add_grams(struct mm_buf *hashes, const char *s, size_t n)
{
	size_t begin[GRAM] = { 0 }, at = 0;

	for (size_t i = 0; at < n; i++) {
		uint64_t h;

		begin[i % GRAM] = at;
		mm_utf8_next(s, &at);
		if (i + 1 < GRAM)
			continue;
		h = mm_hash64(s + begin[(i + 1) % GRAM],
			      at - begin[(i + 1) % GRAM]);
		mm_buf_add(hashes, &h, sizeof(h));
	}
}

int mm_text_figures(struct mm_text_figures *f, const char *s, size_t n,
		    struct mm_buf *scratch, struct mm_err *err)
{
	size_t grams;
	int rc;

	memset(f, 0, sizeof(*f));
	f->language = mm_text_language(s, n);
	mm_buf_clear(scratch);
	count_words(f, s, n, scratch);
	if ((rc = mm_buf_check(scratch, "a text's words", err)))
		return rc;
	if (f->words)
		f->unique = (double)count_different(scratch) / (double)f->words;
	mm_buf_clear(scratch);
	add_grams(scratch, s, n);
	if ((rc = mm_buf_check(scratch, "a text's words", err)))
		return rc;
	grams = scratch->len / sizeof(uint64_t);
	if (grams)
		f->repetition =
			1 - (double)count_different(scratch) / (double)grams;
	return MM_OK;
}
