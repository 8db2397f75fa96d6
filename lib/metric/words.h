/*
 * words.h - words as numbers, n-grams as numbers, and what all n-gram metrics
 * count with them.
 *
 * A word gets the next free number when it is first seen.  An n-gram is the
 * pair (number of its first n-1 words' gram, last word), so that its number
 * takes one look-up and 8 bytes of key whatever n is.
 */
#ifndef MM_METRIC_WORDS_H
#define MM_METRIC_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "metric/text.h"

enum { MM_MAX_ORDER = 16 };

/* A growable array of numbers. */
struct mm_u32s {
	uint32_t *at;
	size_t n, cap;
};

void mm_u32s_release(struct mm_u32s *ids);
int mm_u32s_reserve(struct mm_u32s *ids, size_t cap,
		    struct mm_err *err) MM_MUST_CHECK;
int mm_u32s_add(struct mm_u32s *ids, uint32_t id,
		struct mm_err *err) MM_MUST_CHECK;

/*
 * Word to number: 0, 1, 2, ...  The first 8 bytes stand in the slot, so that
 * most words are found without looking anywhere else.
 */
struct mm_word_slot {
	uint64_t head; /* made of up to 8 bytes */
	size_t end;    /* in `text`; 0: the slot is free */
	uint32_t len, id;
};

struct mm_words {
	struct mm_word_slot *slot; /* n_slots, a power of two, half used */
	size_t n_slots, n;
	struct mm_buf text; /* all words, a NUL behind each */
};

void mm_words_release(struct mm_words *w); /* all zeros is empty */

/* The number of one word, a new one where it was never seen. */
int mm_words_id(struct mm_words *w, const char *s, size_t len, uint32_t *id,
		struct mm_err *err) MM_MUST_CHECK;

static inline const char *mm_words_str(const struct mm_words *w,
				       const struct mm_word_slot *slot)
{
	return w->text.data + slot->end - 1 - slot->len;
}

/* The slot of a word, NULL where it was never seen. */
const struct mm_word_slot *mm_words_find(const struct mm_words *w,
					 const char *s, size_t len);

/* Append the numbers of a text's words: Python's str.split(). */
int mm_words_split(struct mm_words *w, struct mm_line text, struct mm_u32s *ids,
		   struct mm_err *err) MM_MUST_CHECK;

/*
 * The same for Python's str.split(" "): single blanks separate, so that two
 * in a row enclose an empty word and an empty text is one empty word.
 */
int mm_words_split_blank(struct mm_words *w, struct mm_line text,
			 struct mm_u32s *ids, struct mm_err *err) MM_MUST_CHECK;

/* (prefix, word) to number. */
struct mm_gram_slot {
	uint64_t key;
	uint32_t id, era; /* free unless era is the table's */
};

struct mm_grams {
	struct mm_gram_slot *slot; /* n_slots, a power of two */
	size_t n_slots;
	uint32_t n, era; /* numbers given out */
};

#define MM_NO_GRAM UINT32_MAX /* the prefix of a 1-gram */

void mm_grams_release(struct mm_grams *g); /* all zeros is empty */
void mm_grams_clear(struct mm_grams *g);   /* forget all, at no cost */

/*
 * Append the numbers of all 1-grams of word[0..n), then of all 2-grams, ...,
 * of all order-grams: n + (n-1) + ... of them, none where n is too small.
 */
int mm_grams_of(struct mm_grams *g, const uint32_t *word, size_t n,
		size_t order, struct mm_u32s *out,
		struct mm_err *err) MM_MUST_CHECK;

/*
 * The number of the n-gram that `word` makes of the (n-1)-gram `prefix`
 * (MM_NO_GRAM: of nothing); MM_NO_GRAM where it was never seen.
 */
uint32_t mm_grams_step(const struct mm_grams *g, uint32_t prefix,
		       uint32_t word);

/*
 * Counts of one segment against its references:
 *
 *	total[k]	(k+1)-grams of the hypothesis
 *	correct[k]	sum over different ones of min(count in hypothesis,
 *			largest count in one reference)
 *	ref_len		the reference length closest to hyp_len, of two the
 *			shorter; 0 without references
 */
struct mm_overlap {
	size_t hyp_len, ref_len;
	size_t correct[MM_MAX_ORDER], total[MM_MAX_ORDER];
};

/* Scratch for mm_overlap_count; all zeros is ready. */
struct mm_overlap_scratch {
	struct mm_words words;
	struct mm_grams grams;
	struct mm_u32s word, gram, count, most;
};

void mm_overlap_release(struct mm_overlap_scratch *s);
int mm_overlap_count(struct mm_overlap_scratch *s, struct mm_overlap *out,
		     const struct mm_text_sample *sample, size_t order,
		     struct mm_err *err) MM_MUST_CHECK;

/*
 * Length of the longest common subsequence of a[0..na) and b[0..nb).  `row` is
 * scratch.  Time na * nb, memory min(na, nb).  MM_ERR_REFUSED where that would
 * take minutes, as with lines of 10 MB.
 */
#define MM_LCS_MAX ((size_t)1 << 33) /* na * nb */

int mm_lcs_length(const uint32_t *a, size_t na, const uint32_t *b, size_t nb,
		  struct mm_u32s *row, size_t *length,
		  struct mm_err *err) MM_MUST_CHECK;

#endif
