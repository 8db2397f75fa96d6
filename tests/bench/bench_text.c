/*
 * bench_text.c - millions of ids per second of CPU time, on one core.
 *
 * Captions are made here: words of syllables whose frequencies fall as in
 * language (Zipf), one in 50 never seen before, some numbers and punctuation.
 * Vocabularies are trained on them.  Where ../shared is (or MMTOOL_SHARED
 * says), its tokenizers and captions are measured as well.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../tmp.h"
#include "base/io.h"
#include "base/rng.h"
#include "text/tokenizer.h"
#include "text/vocab.h"

enum { CAPTIONS = 20000 };

struct texts {
	struct mm_buf text;
	size_t *end, n;
};

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void die(const struct mm_err *err)
{
	fprintf(stderr, "bench_text: %s\n", err->msg);
	exit(1);
}

static void put_word(struct mm_buf *b, uint64_t seed)
{
	static const char *const syllables[] = {
		"a",  "ba",  "ri",  "ton", "ing", "er", "st",  "le",
		"mo", "cha", "ver", "al",  "din", "po", "wel", "su",
	};
	struct mm_rng r;
	uint64_t n;

	mm_rng_init(&r, 1, seed, 0, MM_RNG_SAMPLE);
	n = seed < 64 ? 1 : 1 + mm_rng_below(&r, 4);
	for (uint64_t i = 0; i < n; i++)
		mm_buf_adds(b, syllables[mm_rng_below(&r, 16)]);
}

static void make_texts(struct texts *t)
{
	struct mm_rng r;

	memset(t, 0, sizeof(*t));
	t->end = malloc(CAPTIONS * sizeof(*t->end));
	mm_rng_init(&r, 0, 0, 0, MM_RNG_SAMPLE);
	for (t->n = 0; t->n < CAPTIONS; t->n++) {
		const uint64_t words = 6 + mm_rng_below(&r, 10);

		for (uint64_t i = 0; i < words; i++) {
			const double u = mm_rng_uniform(&r);
			uint64_t which = (uint64_t)exp(u * log(20000));

			if (mm_rng_below(&r, 50) == 0)
				which = mm_rng_u64(&r);
			if (i)
				mm_buf_addc(&t->text, ' ');
			if (mm_rng_below(&r, 60) == 0)
				mm_buf_printf(&t->text, "%d", (int)which % 100);
			put_word(&t->text, which);
			if (mm_rng_below(&r, 20) == 0)
				mm_buf_addc(&t->text, ',');
		}
		mm_buf_addc(&t->text, '.');
		t->end[t->n] = t->text.len;
	}
}

static bool load_texts(struct texts *t, const char *path)
{
	struct mm_file f;

	memset(t, 0, sizeof(*t));
	if (mm_file_open(&f, path, NULL))
		return false;
	t->end = malloc((f.size + 1) * sizeof(*t->end));
	for (size_t i = 0; i < f.size; i++) {
		if (f.data[i] == '\n')
			t->end[t->n++] = t->text.len;
		else
			mm_buf_addc(&t->text, (char)f.data[i]);
	}
	mm_file_release(&f);
	return true;
}

/* The best of five runs over all texts. */
static void measure(const char *name, const struct mm_tokenizer *tok,
		    const struct texts *t)
{
	struct mm_token_work *w = mm_token_work_new(tok);
	const struct mm_encode_opts plain = { .plain = true };
	struct mm_err err;
	double best = INFINITY;
	size_t ids = 0;

	for (int run = 0; run < 5; run++) {
		const double start = cpu_seconds();

		ids = 0;
		for (size_t i = 0, from = 0; i < t->n; from = t->end[i++]) {
			struct mm_tokens out;

			if (mm_tokenizer_encode(tok, w, t->text.data + from,
						t->end[i] - from, NULL, 0,
						&plain, &out, &err))
				die(&err);
			ids += out.n;
		}
		if (cpu_seconds() - start < best)
			best = cpu_seconds() - start;
	}
	printf("%-34s %8.1f Mids/s %8.1f MB/s  %5.2f bytes per id\n", name,
	       1e-6 * (double)ids / best, 1e-6 * (double)t->text.len / best,
	       (double)t->text.len / (double)ids);
	mm_token_work_free(w);
}

static void trained(const char *name, enum mm_vocab_type type,
		    const struct texts *t)
{
	struct mm_vocab_opts o = { .type = type, .size = 8000, .min_count = 2 };
	char dir[128];
	struct mm_tokenizer *tok;
	struct mm_vocab *v;
	struct mm_err err;
	double start = cpu_seconds();

	if (!tmp_template(dir, sizeof(dir), "bench") || !mkdtemp(dir) ||
	    mm_vocab_new(&v, &o, &err))
		die(&err);
	for (size_t i = 0, from = 0; i < t->n; from = t->end[i++])
		if (mm_vocab_add(v, t->text.data + from, t->end[i] - from,
				 &err))
			die(&err);
	if (mm_vocab_train(v, &err) || mm_vocab_write(v, dir, &err))
		die(&err);
	printf("%-34s %8.2f s for %zu tokens\n", "training it",
	       cpu_seconds() - start, mm_vocab_size(v));
	start = cpu_seconds();
	if (mm_tokenizer_open(&tok, dir, MM_CLEAN_HF, &err))
		die(&err);
	printf("%-34s %8.2f ms\n", "opening it", 1e3 * (cpu_seconds() - start));
	measure(name, tok, t);
	mm_tokenizer_free(tok);
	mm_vocab_free(v);
	if (!tmp_remove(dir))
		fprintf(stderr, "bench_text: cannot remove %s\n", dir);
}

static void shared(const char *root)
{
	static const char *const names[][2] = {
		{ "data/tokenizers/bpe_simple_vocab_16e6.txt.gz",
		  "CLIP, 49408 tokens" },
		{ "goldens/tokens-bert/tokenizer", "BERT, 30522 tokens" },
		{ "goldens/tokens-bpe/gpt2-style", "byte-level BPE" },
		{ "goldens/tokens-bpe/unigram", "Unigram" },
	};
	char path[512];
	struct texts t;

	snprintf(path, sizeof(path), "%s/goldens/tokens-train/corpus.txt",
		 root);
	if (!load_texts(&t, path)) {
		printf("skip: no %s\n", path);
		return;
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct mm_tokenizer *tok;
		double start = cpu_seconds();
		struct mm_err err;

		snprintf(path, sizeof(path), "%s/%s", root, names[i][0]);
		if (mm_tokenizer_open(&tok, path, MM_CLEAN_HF, &err))
			die(&err);
		start = cpu_seconds() - start;
		measure(names[i][1], tok, &t);
		printf("%-34s %8.2f ms\n", "opening it", 1e3 * start);
		mm_tokenizer_free(tok);
	}
	free(t.end);
	mm_buf_release(&t.text);
}

int main(void)
{
	const char *root = getenv("MMTOOL_SHARED");
	struct texts t;

	make_texts(&t);
	trained("CLIP BPE, made captions", MM_VOCAB_CLIP, &t);
	trained("WordPiece, made captions", MM_VOCAB_WORDPIECE, &t);
	free(t.end);
	mm_buf_release(&t.text);
	shared(root ? root : "../shared");
	return 0;
}
