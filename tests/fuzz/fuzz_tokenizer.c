/*
 * Bytes as the files of a tokenizer, the first of them opened.  What opens
 * turns texts into ids of its own vocabulary, and these back into UTF-8.
 */
#include "fuzz.h"

#include <string.h>

#include "base/utf8.h"
#include "text/tokenizer.h"

/* The names that a loader looks for. */
static const char *const names[] = {
	"tokenizer.json",
	"vocab.json",
	"merges.txt",
	"vocab.txt",
	"bpe_simple_vocab_16e6.txt",
	"tokenizer_config.json",
	"special_tokens_map.json",
	NULL,
};

static void there_and_back(const struct mm_tokenizer *tok,
			   struct mm_token_work *w, const char *text,
			   const char *pair, size_t max_length)
{
	const struct mm_tokenizer_info *info = mm_tokenizer_info(tok);
	const struct mm_encode_opts o = { .max_length = max_length };
	struct mm_tokens t;
	struct mm_buf back = { 0 };
	struct mm_err err = { 0 };
	int rc = mm_tokenizer_encode(tok, w, text, strlen(text), pair,
				     pair ? strlen(pair) : 0, &o, &t, &err);

	fuzz_status(rc, &err);
	if (rc)
		return;
	FUZZ_ASSERT(!max_length || t.n <= max_length);
	for (size_t i = 0; i < t.n; i++)
		FUZZ_ASSERT(t.ids[i] >= 0 &&
			    (size_t)t.ids[i] < info->vocab_size);
	fuzz_touch(t.types, t.n);
	rc = mm_tokenizer_decode(tok, t.ids, t.n, true, &back, &err);
	fuzz_status(rc, &err);
	FUZZ_ASSERT(rc ||
		    mm_utf8_prefix(mm_buf_str(&back), back.len) == back.len);
	mm_buf_release(&back);
}

static void use(const struct mm_tokenizer *tok)
{
	/* Accents, han, an emoji with a joiner, a full-width letter. */
	static const char foreign[] =
		"  \xc3\x89t\xc3\xa9 \xe4\xbd\xa0\xf0\x9f\x98\x80"
		"\xe2\x80\x8d \xef\xbc\xa1";
	static const char *const texts[] = {
		"",
		"A dog's  2 bones, it's raining.\n",
		foreign,
		"<|startoftext|>[CLS] <s>the [MASK]</s><|endoftext|> x",
	};
	struct mm_token_work *w = mm_token_work_new(tok);

	FUZZ_ASSERT(w);
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		there_and_back(tok, w, texts[i], NULL, 0);
		there_and_back(tok, w, texts[i], NULL, 5);
		there_and_back(tok, w, texts[i], texts[1], 9);
	}
	mm_token_work_free(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *first = fuzz_folder(data, size, names);
	struct mm_tokenizer *tok = NULL;
	struct mm_err err = { 0 };
	int rc;

	if (!first)
		return 0;
	rc = mm_tokenizer_open(&tok, first, MM_CLEAN_HF, &err);
	fuzz_status(rc, &err);
	if (!rc)
		use(tok);
	mm_tokenizer_free(tok);
	return 0;
}
