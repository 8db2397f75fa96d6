/*
 * spm.h - SentencePiece's model file (spiece.model), made into what
 * tokenizer.json would say.
 *
 * Source: google/sentencepiece sentencepiece_model.proto (proto2):
 *
 *	ModelProto	1 pieces...  2 trainer_spec  3 normalizer_spec
 *	SentencePiece	1 piece  2 score (float)  3 type
 *	TrainerSpec	3 model_type  35 byte_fallback  40 unk_id
 *	NormalizerSpec	2 precompiled_charsmap  3 add_dummy_prefix
 *			4 remove_extra_whitespaces  5 escape_whitespaces
 */
#ifndef MM_TEXT_SPM_H
#define MM_TEXT_SPM_H

#include "base/buf.h"
#include "base/err.h"

struct mm_spm_options {
	/* Before all else, as SigLIP's tokenizer does: punctuation of ASCII
	 * goes, and where lower is set capitals; white space is one blank. */
	bool canonical, lower;

	/* XLM-RoBERTa's ids: <s>, <pad>, </s>, <unk>, then the pieces behind
	 * the first three, then <mask>; no template of a text. */
	bool fairseq;
};

/*
 * Append tokenizer.json's text for the n bytes of a Unigram model: pieces,
 * normalisation, and "</s>" behind a text where there is that piece.  Anything
 * else than a Unigram model, and what cannot be read, is MM_ERR_FORMAT that
 * says where.
 */
int mm_spm_to_json(struct mm_buf *out, const void *data, size_t n,
		   const struct mm_spm_options *o,
		   struct mm_err *err) MM_MUST_CHECK;

#endif
