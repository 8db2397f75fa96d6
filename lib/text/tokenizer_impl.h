/*
 * tokenizer_impl.h - between the files of the tokenizer only.
 *
 *	tokenizer.c		encoding: the way of a text through the parts
 *	tokenizer_load.c	tokenizer.json, tokenizer_config.json
 *	vocab_scan.c		their vocabulary and merges, quickly
 *	tokenizer_classic.c	vocab.json, merges.txt, vocab.txt, OpenAI's file
 *	added.c			added tokens: cut out before everything else
 *	normalizer.c		text to text
 *	pretok.c		text to words (pretok_load.c reads them)
 *	bpe.c wordpiece.c unigram.c	words to ids
 *	postproc.c		special tokens, truncation
 *	decode.c		ids to text
 *
 * A text lies in a buffer; what it is cut into are spans of that buffer.
 */
#ifndef MM_TEXT_TOKENIZER_IMPL_H
#define MM_TEXT_TOKENIZER_IMPL_H

#include "base/arena.h"
#include "base/json.h"
#include "base/map.h"
#include "text/regex.h"
#include "text/tokenizer.h"
#include "text/trie.h"

struct mm_str {
	const char *s;
	size_t n;
};

/* ------------------------------------------------------------- work */

enum {
	MM_SPAN_FIRST = 1, /* begins where the whole text begins          */
	MM_SPAN_WHOLE = 2, /* GPT-2's pattern would not cut it any further */
	MM_SPAN_BOS = 4,   /* open_clip's <start_of_text>, <end_of_text>   */
	MM_SPAN_EOS = 8,
};

struct mm_span {
	size_t off, len;
	int32_t id; /* of an added token, -1: text */
	unsigned flags;
};

struct mm_spans {
	struct mm_span *v;
	size_t n, cap;
};

struct mm_ids {
	int32_t *v;
	size_t n, cap;
};

/* A word and its ids, in one cache line. */
enum { MM_CACHE_KEY = 26, MM_CACHE_IDS = 8, MM_CACHE_SLOTS = 1 << 14 };

struct mm_cached {
	uint32_t hash;
	uint8_t len, n; /* len 0: free */
	char key[MM_CACHE_KEY];
	int32_t ids[MM_CACHE_IDS];
};

struct mm_bpe_symbol {
	int32_t id, prev, next;
	bool gone;
};

struct mm_bpe_merge {
	uint32_t rank;
	int32_t id, pos;
};

struct mm_lattice_node {
	double score;
	size_t start; /* SIZE_MAX: not reached */
	int32_t id;
};

struct mm_token_work {
	struct mm_buf clean;
	struct mm_buf text, other; /* what spans point into, and the next  */
	struct mm_buf norm[4];	   /* between the steps of a normaliser    */
	struct mm_spans pieces, spans, next;
	struct mm_spans matches; /* id: 1 a match, 0 what lies between   */
	struct mm_regex_work re;
	struct mm_ids ids[2], out;
	uint8_t *types;
	size_t types_cap;
	struct mm_cached *cache;
	struct mm_bpe_symbol *symbol;
	struct mm_bpe_merge *heap;
	size_t symbol_cap, heap_cap, heap_n;
	struct mm_lattice_node *node;
	size_t node_cap;
};

int mm_spans_grow(struct mm_spans *s, struct mm_err *err) MM_MUST_CHECK;

static inline int mm_spans_add(struct mm_spans *s, struct mm_span span,
			       struct mm_err *err)
{
	if (s->n == s->cap) {
		int rc = mm_spans_grow(s, err);

		if (rc)
			return rc;
	}
	s->v[s->n++] = span;
	return MM_OK;
}

int mm_ids_reserve(struct mm_ids *ids, size_t more,
		   struct mm_err *err) MM_MUST_CHECK;

static inline int mm_ids_add(struct mm_ids *ids, int32_t id, struct mm_err *err)
{
	if (ids->n == ids->cap) {
		int rc = mm_ids_reserve(ids, 1, err);

		if (rc)
			return rc;
	}
	ids->v[ids->n++] = id;
	return MM_OK;
}

/* ------------------------------------------------------- the parts */

enum mm_norm_kind {
	NORM_FORM, /* a normal form: `form` */
	NORM_BERT,
	NORM_LOWERCASE,
	NORM_STRIP,
	NORM_STRIP_ACCENTS,
	NORM_REPLACE, /* string or regex */
	NORM_SPACES,  /* \s+ to one blank */
	NORM_PREPEND,
	NORM_NMT,
	NORM_BYTE_LEVEL,
	NORM_PRECOMPILED,
	NORM_BLANKS, /* sentencepiece's own: see spm.h */
	NORM_OPEN_CLIP,
};

struct mm_norm {
	enum mm_norm_kind kind;
	int form;
	bool clean, cjk, accents, lower; /* BERT */
	bool left, right;		 /* strip */
	bool squeeze, prefix, escape;	 /* blanks */
	struct mm_str pattern, content;
	struct mm_regex *re;
	struct mm_charsmap *map;
};

/* The double array and strings of a sentencepiece normaliser. */
struct mm_charsmap {
	const uint32_t *unit;
	size_t n_units;
	struct mm_str replacements;
	bool longest; /* sentencepiece's way, not that of tokenizers */
};

enum mm_behavior {
	SPLIT_REMOVED,
	SPLIT_ISOLATED,
	SPLIT_PREVIOUS,
	SPLIT_NEXT,
	SPLIT_CONTIGUOUS,
};

enum mm_pretok_kind {
	PRE_BYTE_LEVEL,
	PRE_SPLIT_STRING,
	PRE_SPLIT_REGEX,
	PRE_CLIP,      /* the scanner of CLIP's pattern */
	PRE_OPEN_CLIP, /* ... as open_clip has it */
	PRE_GPT2,      /* ... of GPT-2's, isolated */
	PRE_DIGITS,
	PRE_PUNCTUATION,
	PRE_WHITESPACE,
	PRE_WHITESPACE_SPLIT,
	PRE_BERT,
	PRE_METASPACE,
	PRE_CHAR,
	PRE_FIXED,
};

enum mm_prepend { PREPEND_ALWAYS, PREPEND_FIRST, PREPEND_NEVER };

struct mm_pretok {
	enum mm_pretok_kind kind;
	enum mm_behavior behavior;
	bool invert;
	bool prefix_space, use_regex; /* byte level */
	bool map_later;		      /* byte level: the model maps bytes */
	bool individual;	      /* digits */
	bool split;		      /* metaspace */
	enum mm_prepend prepend;
	struct mm_str pattern; /* string; metaspace's replacement */
	struct mm_regex *re;
	uint32_t delimiter;
	size_t length;
};

struct mm_added {
	struct mm_str content, normal; /* normal: after the normaliser */
	int32_t id;
	bool single_word, lstrip, rstrip, normalized, special;
};

/* One piece of a template. */
struct mm_piece {
	int segment; /* 0, 1; -1: the special id */
	int32_t id;
	uint8_t type;
};

enum mm_decoder_kind {
	DEC_BYTE_LEVEL,
	DEC_WORDPIECE,
	DEC_METASPACE,
	DEC_BPE,
	DEC_BYTE_FALLBACK,
	DEC_FUSE,
	DEC_STRIP,
	DEC_REPLACE,
	DEC_CTC,
};

struct mm_decoder {
	enum mm_decoder_kind kind;
	struct mm_str text, content; /* prefix, suffix, pattern, pad ... */
	struct mm_str delimiter;
	struct mm_regex *re;
	bool cleanup, prepend;
	uint32_t cp;
	size_t start, stop;
};

enum mm_model_kind {
	MODEL_BPE,
	MODEL_WORDPIECE,
	MODEL_UNIGRAM,
	MODEL_WORDLEVEL
};

struct mm_merge_slot {
	uint64_t pair; /* left << 32 | right, plus 1; 0: free */
	uint32_t rank;
	int32_t id;
};

struct mm_bpe {
	struct mm_merge_slot *slot;
	size_t n_slots, n_merges;
	int32_t last; /* what the latest merge gave */
	struct mm_str prefix, suffix;
	bool fuse_unk, byte_fallback, ignore_merges;
	bool raw_bytes;		     /* words come as bytes, not mapped */
	int32_t byte_symbol[4][256]; /* [not first | last << 1] */
	int32_t byte_token[256];     /* <0xHH> */
};

/* Where the classic files leave the rest to transformers' classes. */
enum mm_family {
	FAMILY_NONE, /* tokenizer.json says everything */
	FAMILY_CLIP,
	FAMILY_GPT2,
	FAMILY_ROBERTA,
	FAMILY_BERT,
};

typedef int mm_clean_fn(const char *s, size_t n, struct mm_buf *out,
			struct mm_err *err);

struct mm_tokenizer {
	struct mm_arena arena;
	enum mm_family family;
	const char *defaults; /* JSON: the class's special tokens */
	struct mm_tokenizer_info info;
	enum mm_clean clean;
	bool clip_decode;   /* transformers' CLIPTokenizer: </w> to blank */
	bool split_special; /* special tokens in a text are text */
	/* open_clip's HFTokenizer: texts are cleaned first (NULL: they are
	 * not), [SEP] becomes 0, and beside a text tower of the Hub the id of
	 * padding is hidden wherever it stands. */
	mm_clean_fn *tidy;
	bool strip_sep, hide_pad;

	struct mm_map ids;    /* the model's vocabulary */
	struct mm_str *token; /* ... by id; s NULL where there is none */
	size_t n_tokens, n_distinct;

	struct mm_added *added;
	size_t n_added, cap_added;
	struct mm_map added_ids;    /* content to index */
	struct mm_trie raw, normal; /* values: indices of added */
	bool raw_first[256], normal_first[256];
	int raw_byte, normal_byte; /* the only first byte, -1: several */
	bool has_raw, has_normal;

	struct mm_norm *norm;
	size_t n_norm;
	struct mm_pretok *pretok;
	size_t n_pretok;
	struct mm_decoder *decoder;
	size_t n_decoder;
	bool has_decoder;

	enum mm_model_kind model;
	struct mm_bpe bpe;
	struct mm_trie trie; /* WordPiece, Unigram */
	uint32_t continuing; /* WordPiece: the trie's node of "##" */
	size_t max_chars;
	double *score; /* Unigram */
	double unk_score;
	bool byte_fallback;
	int32_t unk; /* the model's own */

	struct mm_piece *piece[2]; /* template of a text, of a pair */
	size_t n_piece[2];

	struct mm_str vocab_json, merges_json; /* cut out while loading */
	struct mm_str file[8]; /* what it was read from, for saving */
	size_t n_file;
};

/* Bytes as the characters that stand for them in a byte-level vocabulary. */
uint32_t mm_byte_char(unsigned char byte);
int mm_char_byte(uint32_t cp); /* -1: no such character */
void mm_byte_map(const char *s, size_t n, struct mm_buf *out);

/* tokenizer.c: the words of a text, as w->spans over w->text */
int mm_tokenizer_words(const struct mm_tokenizer *tok, struct mm_token_work *w,
		       const char *text, size_t len,
		       struct mm_err *err) MM_MUST_CHECK;

/* added.c */
int mm_added_put(struct mm_tokenizer *tok, struct mm_added token,
		 struct mm_err *err) MM_MUST_CHECK;
int mm_added_finish(struct mm_tokenizer *tok, struct mm_err *err) MM_MUST_CHECK;
int mm_added_cut(const struct mm_tokenizer *tok, bool normalized, const char *s,
		 size_t n, size_t base, struct mm_spans *out,
		 struct mm_err *err) MM_MUST_CHECK;

/* normalizer.c: json may be NULL */
int mm_norm_load(struct mm_tokenizer *tok, const struct mm_json *json,
		 struct mm_err *err) MM_MUST_CHECK;
/* Append the normalised text to out; *first as MM_SPAN_FIRST. */
int mm_norm_apply(const struct mm_tokenizer *tok, struct mm_token_work *w,
		  const char *s, size_t n, struct mm_buf *out, bool *first,
		  struct mm_err *err) MM_MUST_CHECK;
void mm_charsmap_apply(const struct mm_charsmap *m, const char *s, size_t n,
		       struct mm_buf *out, bool *changed);

/* pretok.c, pretok_load.c: from w->spans over w->text to the same */
int mm_pretok_load(struct mm_tokenizer *tok, const struct mm_json *json,
		   struct mm_err *err) MM_MUST_CHECK;
int mm_pretok_apply(const struct mm_tokenizer *tok, struct mm_token_work *w,
		    struct mm_err *err) MM_MUST_CHECK;

/* The models: one word, ids appended. */
int mm_bpe_finish(struct mm_tokenizer *tok, struct mm_err *err) MM_MUST_CHECK;
int mm_bpe_reserve(struct mm_tokenizer *tok, size_t n_merges,
		   struct mm_err *err) MM_MUST_CHECK;
int mm_bpe_add_merge(struct mm_tokenizer *tok, struct mm_str a, struct mm_str b,
		     struct mm_err *err) MM_MUST_CHECK;
void mm_bpe_forget(struct mm_tokenizer *tok); /* all merges so far */
int mm_bpe_encode(const struct mm_tokenizer *tok, struct mm_token_work *w,
		  const char *s, size_t n, struct mm_ids *out,
		  struct mm_err *err) MM_MUST_CHECK;
int mm_wordpiece_finish(struct mm_tokenizer *tok, struct mm_str prefix,
			struct mm_err *err) MM_MUST_CHECK;
int mm_wordpiece_encode(const struct mm_tokenizer *tok, const char *s, size_t n,
			struct mm_ids *out, struct mm_err *err) MM_MUST_CHECK;
int mm_wordlevel_encode(const struct mm_tokenizer *tok, const char *s, size_t n,
			struct mm_ids *out, struct mm_err *err) MM_MUST_CHECK;
double mm_unigram_score(double exact);
int mm_unigram_finish(struct mm_tokenizer *tok,
		      struct mm_err *err) MM_MUST_CHECK;
int mm_unigram_encode(const struct mm_tokenizer *tok, struct mm_token_work *w,
		      const char *s, size_t n, struct mm_ids *out,
		      struct mm_err *err) MM_MUST_CHECK;

/* postproc.c */
int mm_post_load(struct mm_tokenizer *tok, const struct mm_json *json,
		 struct mm_err *err) MM_MUST_CHECK;
int mm_post_set(struct mm_tokenizer *tok, int pair, const struct mm_piece *v,
		size_t n, struct mm_err *err) MM_MUST_CHECK;
/* Cut w->ids[] so that both, with `added` more, are at most max_length. */
int mm_post_truncate(const struct mm_tokenizer *tok, struct mm_token_work *w,
		     bool pair, const struct mm_encode_opts *opts, size_t added,
		     struct mm_err *err) MM_MUST_CHECK;
int mm_post_apply(const struct mm_tokenizer *tok, struct mm_token_work *w,
		  bool pair, bool plain, struct mm_tokens *out,
		  struct mm_err *err) MM_MUST_CHECK;

/* decode.c */
int mm_decoder_load(struct mm_tokenizer *tok, const struct mm_json *json,
		    struct mm_err *err) MM_MUST_CHECK;

/* tokenizer_load.c */
int mm_tokenizer_load_json(struct mm_tokenizer *tok, const char *path,
			   struct mm_err *err) MM_MUST_CHECK;
int mm_tokenizer_load_config(struct mm_tokenizer *tok,
			     const struct mm_json *config,
			     const struct mm_json *special,
			     const struct mm_json *defaults,
			     struct mm_err *err) MM_MUST_CHECK;
int mm_vocab_put(struct mm_tokenizer *tok, const char *s, size_t n, int64_t id,
		 struct mm_err *err) MM_MUST_CHECK;
/* Room for n tokens, where their number is known beforehand. */
int mm_vocab_reserve(struct mm_tokenizer *tok, size_t n,
		     struct mm_err *err) MM_MUST_CHECK;
int mm_vocab_finish(struct mm_tokenizer *tok, struct mm_err *err) MM_MUST_CHECK;
int mm_str_copy(struct mm_tokenizer *tok, struct mm_str *out, const char *s,
		size_t n, struct mm_err *err) MM_MUST_CHECK;
int mm_json_str_copy(struct mm_tokenizer *tok, struct mm_str *out,
		     const struct mm_json *v, struct mm_err *err) MM_MUST_CHECK;

/* tokenizer_classic.c */
int mm_tokenizer_family_template(struct mm_tokenizer *tok,
				 struct mm_err *err) MM_MUST_CHECK;
int mm_tokenizer_load_merges(struct mm_tokenizer *tok, const char *vocab,
			     const char *merges, const struct mm_json *config,
			     struct mm_err *err) MM_MUST_CHECK;
int mm_tokenizer_load_spm(struct mm_tokenizer *tok, const char *path,
			  const struct mm_json *config,
			  struct mm_err *err) MM_MUST_CHECK;
int mm_tokenizer_load_vocab_txt(struct mm_tokenizer *tok, const char *path,
				const struct mm_json *config,
				struct mm_err *err) MM_MUST_CHECK;
/* RoBERTa's special tokens, for mm_tokenizer.defaults. */
extern const char mm_roberta_tokens[];
/* Normaliser and pre-tokenizer of a family, without a vocabulary. */
int mm_tokenizer_parts(struct mm_tokenizer **tok, enum mm_family family,
		       bool lower, struct mm_err *err) MM_MUST_CHECK;
int mm_tokenizer_load_openai(struct mm_tokenizer *tok, const char *path,
			     struct mm_err *err) MM_MUST_CHECK;

/* clean.c: open_clip's ways, whitespace, lower and canonicalize (without
 * ASCII's punctuation, too). */
mm_clean_fn mm_clean_whitespace MM_MUST_CHECK;
mm_clean_fn mm_clean_open_clip MM_MUST_CHECK;
mm_clean_fn mm_clean_canonical MM_MUST_CHECK;

#endif
