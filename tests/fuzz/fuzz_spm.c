/* Bytes as a SentencePiece model: what can be read opens, and has pieces. */
#include "fuzz.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "text/spm.h"
#include "text/tokenizer.h"

static void use(const uint8_t *data, size_t size)
{
	/* Beside a model with the name that the loader looks for. */
	static const char *const names[] = { "spiece.model", NULL };
	static const char line[] = "== spiece.model\n";
	static const char text[] = " A dog's\t2 \xef\xac\x81 \xc3\x89 b\n";
	struct mm_buf folder = { 0 };
	struct mm_tokenizer *tok = NULL;
	struct mm_token_work *w;
	struct mm_err err = { 0 };
	struct mm_tokens t;
	const char *path;
	int rc;

	mm_buf_add(&folder, line, sizeof(line) - 1);
	mm_buf_add(&folder, data, size);
	path = fuzz_folder((const uint8_t *)folder.data, folder.len, names);
	mm_buf_release(&folder);
	if (!path)
		return;
	rc = mm_tokenizer_open(&tok, path, MM_CLEAN_HF, &err);
	fuzz_status(rc, &err);
	if (rc)
		return;
	FUZZ_ASSERT((w = mm_token_work_new(tok)) != NULL);
	rc = mm_tokenizer_encode(tok, w, text, sizeof(text) - 1, NULL, 0,
				 &(struct mm_encode_opts){ 0 }, &t, &err);
	fuzz_status(rc, &err);
	for (size_t i = 0; !rc && i < t.n; i++)
		FUZZ_ASSERT(t.ids[i] >= 0 &&
			    (size_t)t.ids[i] <
				    mm_tokenizer_info(tok)->vocab_size);
	mm_token_work_free(w);
	mm_tokenizer_free(tok);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (int canonical = 0; canonical < 2; canonical++) {
		const struct mm_spm_options o = { .canonical = canonical,
						  .lower = canonical };
		struct mm_json *root = NULL;
		struct mm_buf text = { 0 };
		struct mm_err err = { 0 };
		int rc = mm_spm_to_json(&text, data, size, &o, &err);

		fuzz_status(rc, &err);
		if (!rc) {
			FUZZ_ASSERT(!mm_json_parse(&root, text.data, text.len,
						   "spm", &err));
			mm_json_free(root);
		}
		mm_buf_release(&text);
		if (rc)
			return 0;
	}
	use(data, size);
	return 0;
}
