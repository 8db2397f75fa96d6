/*
 * tokenizer.h - text to token ids, equal to Hugging Face's tokenizers.
 *
 * A tokenizer is read from a folder (tokenizer.json; else vocab.json with
 * merges.txt; else vocab.txt; else spiece.model or XLM-RoBERTa's
 * sentencepiece.bpe.model) or from one of these files, or from OpenAI's
 * bpe_simple_vocab_16e6.txt[.gz].  tokenizer_config.json and
 * special_tokens_map.json beside it tell the special ids and the length.
 *
 * A text goes through: added tokens cut out, normaliser, pre-tokenizer, model
 * (BPE, WordPiece, Unigram, WordLevel), post-processor, truncation, padding.
 *
 * A tokenizer never changes once it is open and may be shared by threads; what
 * a thread needs for itself (buffers, cache of words) is its mm_token_work.
 */
#ifndef MM_TEXT_TOKENIZER_H
#define MM_TEXT_TOKENIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct mm_tokenizer;

/*
 * What is done to the text before it is cut into words.  Of a folder for which
 * open_clip takes transformers' tokenizer (open_clip_config.json:
 * hf_model_name, hf_tokenizer_name) "hf" is what its HFTokenizer does: it cleans
 * the text as open_clip's own does, but for the lower case or as
 * tokenizer_kwargs say, and goes on as the tokenizer says.
 */
enum mm_clean {
	MM_CLEAN_HF,	    /* the tokenizer's own normaliser            */
	MM_CLEAN_OPEN_CLIP, /* open_clip's SimpleTokenizer; CLIP BPE only */
	MM_CLEAN_NONE,	    /* nothing: the text is taken as it is       */
};

/* "hf", "open_clip", "none"; MM_ERR_USAGE for other names. */
int mm_clean_parse(enum mm_clean *clean, const char *name,
		   struct mm_err *err) MM_MUST_CHECK;

/* What there is to know; ids are -1 where the tokenizer has none. */
struct mm_tokenizer_info {
	const char *model;   /* "BPE", "WordPiece", "Unigram", "WordLevel"   */
	size_t vocab_size;   /* largest id + 1: rows of an embedding table   */
	size_t max_length;   /* model_max_length; 0 where none is told       */
	size_t added_single; /* ids that the post-processor adds to a text   */
	size_t added_pair;   /* ... and to a pair                            */
	int32_t bos, eos, pad, unk, cls, sep, mask;
	bool pad_left, truncate_left;
	uint8_t pad_type;
};

/* path: folder or file.  Free with mm_tokenizer_free. */
int mm_tokenizer_open(struct mm_tokenizer **tok, const char *path,
		      enum mm_clean clean, struct mm_err *err) MM_MUST_CHECK;
void mm_tokenizer_free(struct mm_tokenizer *tok);
const struct mm_tokenizer_info *
mm_tokenizer_info(const struct mm_tokenizer *tok);

/* The id of a token by its spelling, -1 where there is none; and back: NULL
 * for an id that names no token. */
int32_t mm_tokenizer_id(const struct mm_tokenizer *tok, const char *token);
const char *mm_tokenizer_token(const struct mm_tokenizer *tok, int32_t id,
			       size_t *len);

/*
 * Copy the files that the tokenizer was read from into a folder (made where it
 * is missing), so that mm_tokenizer_open and Hugging Face read the same there.
 */
int mm_tokenizer_save(const struct mm_tokenizer *tok, const char *dir,
		      struct mm_err *err) MM_MUST_CHECK;

/* Buffers and word cache of one thread, for one tokenizer. */
struct mm_token_work;
struct mm_token_work *mm_token_work_new(const struct mm_tokenizer *tok)
	__attribute__((warn_unused_result)); /* NULL: out of memory */
void mm_token_work_free(struct mm_token_work *w);

enum mm_truncate {
	MM_TRUNCATE_LONGEST_FIRST,
	MM_TRUNCATE_ONLY_FIRST,
	MM_TRUNCATE_ONLY_SECOND,
};

struct mm_encode_opts {
	size_t max_length; /* ids in all; 0: never cut */
	enum mm_truncate truncate;
	bool plain; /* without the post-processor's special tokens */
};

/* The result lies in the mm_token_work until the next call with it. */
struct mm_tokens {
	const int32_t *ids;
	const uint8_t *types; /* 0 first segment, 1 second */
	size_t n;
};

/*
 * text, len: UTF-8, NULs allowed.  pair NULL: none; an empty one counts as
 * none, as in transformers.  When cut, the special tokens stay.
 * MM_ERR_FORMAT: text is not UTF-8.  MM_ERR_REFUSED: a segment that alone may
 * be shortened would lose its last id.
 */
int mm_tokenizer_encode(const struct mm_tokenizer *tok, struct mm_token_work *w,
			const char *text, size_t len, const char *pair,
			size_t pair_len, const struct mm_encode_opts *opts,
			struct mm_tokens *out,
			struct mm_err *err) MM_MUST_CHECK;

/*
 * One padded row: ids, mask and types of T each (mask and types may be NULL),
 * cut to T and padded on the tokenizer's side with its padding id, mask 0.  In
 * HFTokenizer's way (above) that id has mask 0 in the text, too.
 */
int mm_tokenizer_encode_row(const struct mm_tokenizer *tok,
			    struct mm_token_work *w, const char *text,
			    size_t len, const char *pair, size_t pair_len,
			    size_t T, int32_t *ids, uint8_t *mask,
			    uint8_t *types, struct mm_err *err) MM_MUST_CHECK;

/*
 * Ids back to text, appended to out.  transformers' decode for CLIP files
 * (</w> becomes a blank, ends stripped); the tokenizers library's otherwise.
 * Ids without a token are left out.
 */
int mm_tokenizer_decode(const struct mm_tokenizer *tok, const int32_t *ids,
			size_t n, bool skip_special, struct mm_buf *out,
			struct mm_err *err) MM_MUST_CHECK;

#endif
