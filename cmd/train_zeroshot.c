/* train_zeroshot.c - the prompts of train --zeroshot, as the tower reads them.
 */
#include <string.h>

#include "text/tokenizer.h"
#include "train.h"
#include "zeroshot.h"

static int encode(struct mm_zeroshot *out, struct mm_arena *arena,
		  const struct zeroshot *z, const struct mm_tokenizer *tok,
		  struct mm_err *err)
{
	const size_t n = out->K * out->prompts, T = out->T;
	int32_t *ids = mm_arena_alloc(arena, n * T, sizeof(*ids));
	uint8_t *mask = mm_arena_alloc(arena, n * T, 1);
	struct mm_token_work *w = mm_token_work_new(tok);
	struct mm_buf text = { 0 };
	int rc = ids && mask && w ? MM_OK : mm_fail_nomem(err, "the prompts");

	for (size_t i = 0; i < n && !rc; i++) {
		zeroshot_prompt(z, i, &text);
		if (!(rc = mm_buf_check(&text, "a prompt", err)))
			rc = mm_tokenizer_encode_row(
				tok, w, mm_buf_str(&text), text.len, NULL, 0, T,
				ids + i * T, mask + i * T, NULL, err);
		if (rc)
			mm_fail_ctx(err, "'%.80s'", mm_buf_str(&text));
	}
	out->ids = ids;
	out->mask = mask;
	mm_buf_release(&text);
	mm_token_work_free(w);
	return rc;
}

int mm_train_prompts(struct mm_zeroshot *out, struct mm_arena *arena,
		     const struct mm_train_args *a,
		     const struct mm_tokenizer *tok, const struct mm_model *m,
		     struct mm_err *err)
{
	struct zeroshot z = { 0 };
	int rc;

	if (!tok)
		return mm_fail(err, MM_ERR_USAGE,
			       "--zeroshot reads words: name their tokenizer "
			       "with --tokenizer");
	if (mm_tokenizer_info(tok)->vocab_size > m->vocab_size)
		return mm_fail(err, MM_ERR_SHAPE,
			       "the tokenizer has %zu ids, the model %zu",
			       mm_tokenizer_info(tok)->vocab_size,
			       m->vocab_size);
	rc = zeroshot_load(&z, a->zeroshot, a->templates, NULL, err);
	out->K = z.names.name.n;
	out->prompts = z.templates.n;
	out->T = m->context_length;
	if (!rc && out->K < 2)
		rc = mm_fail(err, MM_ERR_REFUSED,
			     "'%s' names one class: there is nothing to tell "
			     "apart",
			     a->zeroshot);
	if (!rc)
		rc = encode(out, arena, &z, tok, err);
	zeroshot_release(&z);
	return rc;
}
