/* Bytes as WordNet's files: captions changed by it stay UTF-8. */
#include "fuzz.h"

#include <string.h>

#include "base/utf8.h"
#include "text/caption.h"

#define POS(pos) "index." pos, "data." pos, pos ".exc"
static const char *const names[] = { POS("noun"), POS("verb"),	 POS("adj"),
				     POS("adv"),  "cntlist.rev", NULL };

static void change(const struct mm_wordnet *wn, const char *text)
{
	struct mm_buf out = { 0 };
	struct mm_rng rng = { 0 };
	struct mm_err err = { 0 };
	const size_t len = strlen(text);

	fuzz_status(
		mm_caption_synonyms(wn, text, len, 1, &rng, &out, NULL, &err),
		&err);
	fuzz_status(mm_caption_insert(wn, text, len, 0.5, &rng, &out, &err),
		    &err);
	FUZZ_ASSERT(mm_utf8_prefix(mm_buf_str(&out), out.len) == out.len);
	mm_buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *first = fuzz_folder(data, size, names);
	struct mm_wordnet *wn = NULL;
	struct mm_err err = { 0 };
	char dir[128];
	int rc;

	if (!first)
		return 0;
	strcpy(dir, first);
	*strrchr(dir, '/') = 0;
	rc = mm_wordnet_open(&wn, dir, &err);
	fuzz_status(rc, &err);
	if (!rc) {
		change(wn, "A dog is running quickly.");
		change(wn, "Two big dogs ran; \xc3\xa9t\xc3\xa9 happier geese");
		change(wn, "");
	}
	mm_wordnet_free(wn);
	return 0;
}
