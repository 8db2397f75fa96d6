/*
 * Bytes as the files of a tokenizer: "== NAME" on a line of its own begins a
 * file of that name, the first file is the one that is opened.  What opens
 * turns texts into ids of its own vocabulary, and these back into UTF-8.
 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
};
enum { N_NAMES = sizeof(names) / sizeof(*names) };

static char dir[] = "/tmp/mmtool-fuzz-XXXXXX";

static void remove_dir(void)
{
	rmdir(dir);
}

static void make_dir(void)
{
	static bool made;

	if (made)
		return;
	FUZZ_ASSERT(mkdtemp(dir));
	atexit(remove_dir);
	made = true;
}

static const char *path_of(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

/* "== NAME\n" at p: NAME, and its length in *n. */
static const char *heading(const char *p, const char *end, size_t *n)
{
	for (size_t i = 0; i < N_NAMES; i++) {
		const size_t len = strlen(names[i]);

		*n = len + 4;
		if ((size_t)(end - p) >= *n && !memcmp(p, "== ", 3) &&
		    !memcmp(p + 3, names[i], len) && p[*n - 1] == '\n')
			return names[i];
	}
	return NULL;
}

/* Write the files; the name of the first, NULL where there is none. */
static const char *put_files(const char *p, const char *end)
{
	const char *first = NULL, *name;
	FILE *f = NULL;
	size_t n;

	while (p < end) {
		if ((name = heading(p, end, &n))) {
			if (f)
				fclose(f);
			f = fopen(path_of(name), "wb");
			FUZZ_ASSERT(f);
			first = first ? first : name;
			p += n;
			continue;
		}
		n = (size_t)(end - p);
		if (memchr(p, '\n', n))
			n = (size_t)((char *)memchr(p, '\n', n) - p) + 1;
		if (f)
			fwrite(p, 1, n, f);
		p += n;
	}
	if (f)
		fclose(f);
	return first;
}

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
	struct mm_tokenizer *tok = NULL;
	struct mm_err err = { 0 };
	const char *first;
	int rc;

	make_dir();
	first = put_files((const char *)data, (const char *)data + size);
	if (first) {
		rc = mm_tokenizer_open(&tok, path_of(first), MM_CLEAN_HF, &err);
		fuzz_status(rc, &err);
		if (!rc)
			use(tok);
		mm_tokenizer_free(tok);
	}
	for (size_t i = 0; i < N_NAMES; i++)
		unlink(path_of(names[i]));
	return 0;
}
