/*
 * vocab.h - training a vocabulary: CLIP's byte-level BPE, and WordPiece.
 *
 * Both are byte-pair encoding over counted words, as Hugging Face's trainers
 * do it, but with everything in a fixed order, so that the same texts give the
 * same files whatever their order:
 *
 *	clip		256 byte symbols, the 256 with </w>, merges, then
 *			<|startoftext|> and <|endoftext|>
 *	wordpiece	[PAD] [UNK] [CLS] [SEP] [MASK], the alphabet by code
 *			point, its ## forms by code point, merges
 *
 * Each step joins the pair with the highest count (weighted by the words'
 * counts); ties go to the smaller id on the left, then on the right.  A merge
 * whose result exists already gets no new id.  It ends at `size` tokens or
 * when the best count is below `min_count`.
 */
#ifndef MM_TEXT_VOCAB_H
#define MM_TEXT_VOCAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum mm_vocab_type { MM_VOCAB_CLIP, MM_VOCAB_WORDPIECE };

struct mm_vocab_opts {
	enum mm_vocab_type type;
	size_t size;	    /* tokens in all, special ones included   */
	uint64_t min_count; /* a pair seen less often is not joined   */
	bool cased;	    /* wordpiece: keep capitals and accents   */
	size_t max_length;  /* model_max_length; 0: 77 clip, 512 else */
};

struct mm_vocab;

int mm_vocab_new(struct mm_vocab **v, const struct mm_vocab_opts *opts,
		 struct mm_err *err) MM_MUST_CHECK;
void mm_vocab_free(struct mm_vocab *v);

/* Count the words of one text (UTF-8). */
int mm_vocab_add(struct mm_vocab *v, const char *text, size_t len,
		 struct mm_err *err) MM_MUST_CHECK;

/* Count one word given as it stands in the alphabet ("cat", "pok\xc3..."). */
int mm_vocab_add_word(struct mm_vocab *v, const char *word, size_t len,
		      uint64_t count, struct mm_err *err) MM_MUST_CHECK;

/* Learn the merges.  MM_ERR_REFUSED: `size` is too small for the alphabet. */
int mm_vocab_train(struct mm_vocab *v, struct mm_err *err) MM_MUST_CHECK;
size_t mm_vocab_size(const struct mm_vocab *v); /* tokens after training */

/*
 * Write tokenizer.json, vocab.json + merges.txt or vocab.txt,
 * tokenizer_config.json and special_tokens_map.json into a folder.
 */
int mm_vocab_write(const struct mm_vocab *v, const char *dir,
		   struct mm_err *err) MM_MUST_CHECK;

#endif
