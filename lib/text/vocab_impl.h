/* vocab_impl.h - between vocab.c and vocab_write.c only. */
#ifndef MM_TEXT_VOCAB_IMPL_H
#define MM_TEXT_VOCAB_IMPL_H

#include "base/map.h"
#include "text/tokenizer_impl.h"
#include "text/vocab.h"

struct mm_vocab_merge {
	int32_t left, right;
};

struct mm_vocab {
	struct mm_vocab_opts opts;
	struct mm_tokenizer *parts; /* normaliser and pre-tokenizer */
	struct mm_token_work *work;
	struct mm_map words; /* to counts */
	struct mm_arena arena;
	struct mm_map ids;
	struct mm_str *token; /* by id */
	size_t n_tokens, cap_tokens;
	struct mm_vocab_merge *merge;
	size_t n_merges, cap_merges;
};

#endif
