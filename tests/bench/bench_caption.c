/*
 * bench_caption.c - scoring the captions of COCO's validation set, 40,504
 * images with five references, on one core: seconds of CPU time by stage.
 *
 * Captions are made here: the sentences of ../shared/fixtures/ptb (or of
 * $MMTOOL_SHARED), or made-up ones where they are absent, with up to three
 * words changed; so that there are about as many different n-grams as in the
 * real set.  Files are COCO JSON, in memory.
 *
 *	usage: bench_caption [IMAGES]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "bench.h"
#include "metric/caption.h"
#include "metric/caption_file.h"
#include "metric/metric.h"
#include "metric/ptb.h"
#include "metric/rouge.h"

enum { REFS = 5 };

struct corpus {
	struct mm_lines base, word;
	struct mm_buf refs, hyps; /* JSON */
};

static void check(int rc, const struct mm_err *err)
{
	if (!rc)
		return;
	fprintf(stderr, "bench_caption: %s\n", err->msg);
	exit(1);
}

/* A made-up sentence; frequencies of words fall as in language. */
static void make_sentence(struct mm_lines *t, struct mm_rng *r)
{
	static const char *const head[] = { "a",   "the", "on",	  "of",
					    "man", "in",  "with", "two" };
	uint64_t n = 8 + mm_rng_below(r, 6);
	struct mm_err err;

	for (uint64_t i = 0; i < n; i++) {
		uint64_t w = (uint64_t)(8000 * mm_rng_uniform(r) *
					mm_rng_uniform(r) * mm_rng_uniform(r));

		if (w < 80)
			mm_buf_adds(&t->bytes, head[w / 10]);
		else
			mm_buf_printf(&t->bytes, "w%llux",
				      (unsigned long long)w);
		mm_buf_addc(&t->bytes, i + 1 < n ? ' ' : '.');
	}
	check(mm_lines_end(t, &err), &err);
}

static void load_base(struct corpus *c)
{
	const char *shared = getenv("MMTOOL_SHARED");
	struct mm_err err;
	struct mm_rng r;
	char path[512];

	snprintf(path, sizeof(path), "%s/fixtures/ptb/coco_raw.txt",
		 shared ? shared : "../shared");
	mm_rng_init(&r, 1, 0, 0, MM_RNG_SAMPLE);
	if (mm_lines_load(&c->base, path, &err)) {
		puts("skip: no fixture ptb/coco_raw.txt, captions made up");
		for (size_t i = 0; i < 10000; i++)
			make_sentence(&c->base, &r);
	}
	for (size_t i = 0; i < c->base.n; i++) {
		struct mm_line s = mm_lines_at(&c->base, i);

		for (size_t k = 0, n; k < s.len; k += n + 1) {
			const char *blank = memchr(s.s + k, ' ', s.len - k);

			n = blank ? (size_t)(blank - s.s) - k : s.len - k;
			check(mm_lines_add(&c->word, s.s + k, n, &err), &err);
		}
	}
}

/* Sentence i with up to three words changed, as a JSON string. */
static void put_caption(struct corpus *c, struct mm_rng *r,
			struct mm_json_writer *w, size_t i)
{
	struct mm_line s = mm_lines_at(&c->base, i);
	struct mm_buf text = { 0 };
	size_t changes = (size_t)mm_rng_below(r, 4), words = 1, at = 0;

	for (size_t k = 0; k < s.len; k++)
		words += s.s[k] == ' ';
	while (at < s.len) {
		const char *blank = memchr(s.s + at, ' ', s.len - at);
		size_t n = blank ? (size_t)(blank - s.s) - at : s.len - at;
		struct mm_line word = { s.s + at, n };

		if (mm_rng_below(r, words) < changes)
			word = mm_lines_at(&c->word,
					   (size_t)mm_rng_below(r, c->word.n));
		mm_buf_add(&text, word.s, word.len);
		mm_buf_addc(&text, ' ');
		at += n + 1;
	}
	mm_json_put_strn(w, "caption", mm_buf_str(&text), text.len);
	mm_buf_release(&text);
}

static void make_files(struct corpus *c, size_t images)
{
	struct mm_json_writer refs, hyps;
	struct mm_rng r;

	mm_json_writer_init(&refs, &c->refs, 0);
	mm_json_writer_init(&hyps, &c->hyps, 0);
	mm_json_open(&refs, NULL, '{');
	mm_json_open(&refs, "annotations", '[');
	mm_json_open(&hyps, NULL, '[');
	for (size_t i = 0; i < images; i++) {
		mm_rng_init(&r, 2, i, 0, MM_RNG_SAMPLE);
		for (size_t k = 0; k <= REFS; k++) {
			struct mm_json_writer *w = k ? &refs : &hyps;
			size_t from = (i * 7 + k * 2003) % c->base.n;

			mm_json_open(w, NULL, '{');
			mm_json_put_int(w, "image_id", (int64_t)(100000 + i));
			if (k)
				mm_json_put_int(w, "id",
						(int64_t)(i * REFS + k));
			put_caption(c, &r, w,
				    k == 1 ? i * 7 % c->base.n : from);
			mm_json_close(w);
		}
	}
	mm_json_close(&refs);
	mm_json_close(&refs);
	mm_json_close(&hyps);
}

static double stage(const char *name, double since)
{
	double now = bench_now();

	printf("  %-22s %6.3f s\n", name, now - since);
	return now;
}

static void score(const struct mm_captions *refs, const struct mm_lines *hyp,
		  const struct mm_lines *ref, const char *task,
		  const char *name, const void *options)
{
	const struct mm_metric *m = mm_metric_find(task, name);
	struct mm_line r[REFS];
	struct mm_err err;
	double value[32];
	void *state;

	check(m->open(&state, options, &err), &err);
	for (size_t i = 0; i < refs->id.n; i++) {
		struct mm_text_sample s = { mm_lines_at(hyp, i), r, REFS };

		for (size_t k = 0; k < REFS; k++)
			r[k] = mm_lines_at(ref, refs->first[i] + k);
		check(m->add(state, &s, &err), &err);
	}
	check(m->result(state, value, NULL, &err), &err);
	m->close(state);
}

int main(int argc, char **argv)
{
	size_t images = argc > 1 ? strtoul(argv[1], NULL, 10) : 40504;
	struct mm_lines hyp = { 0 }, ref = { 0 };
	struct mm_captions refs, hyps;
	struct corpus c = { 0 };
	struct mm_ptb *ptb;
	struct mm_err err;
	double begin, t;

	mm_threads_set(1);
	bench_print_machine();
	load_base(&c);
	make_files(&c, images);
	printf("%zu images, %d references, %.1f MB\n", images, REFS,
	       (double)(c.refs.len + c.hyps.len) * 1e-6);
	begin = t = bench_now();
	check(mm_captions_parse(&refs, c.refs.data, c.refs.len, "refs",
				MM_CAPTION_JSON, false, &err),
	      &err);
	check(mm_captions_parse(&hyps, c.hyps.data, c.hyps.len, "hyps",
				MM_CAPTION_JSON, true, &err),
	      &err);
	t = stage("read JSON", t);
	check(mm_ptb_new(&ptb, &err), &err);
	check(mm_ptb_tokenize(ptb, &hyp, &hyps.text, false, &err), &err);
	check(mm_ptb_tokenize(ptb, &ref, &refs.text, false, &err), &err);
	t = stage("Penn Treebank tokens", t);
	score(&refs, &hyp, &ref, "caption", "BLEU", NULL);
	t = stage("BLEU-1..4", t);
	score(&refs, &hyp, &ref, "caption", "ROUGE-L", NULL);
	t = stage("ROUGE-L", t);
	score(&refs, &hyp, &ref, "caption", "CIDEr", NULL);
	t = stage("CIDEr, CIDEr-D", t);
	score(&refs, &hyps.text, &refs.text, "text", "rouge", NULL);
	stage("ROUGE-1, 2, L, Lsum", t);
	stage("all", begin);
	mm_ptb_free(ptb);
	mm_captions_release(&refs);
	mm_captions_release(&hyps);
	mm_lines_release(&hyp);
	mm_lines_release(&ref);
	mm_lines_release(&c.base);
	mm_lines_release(&c.word);
	mm_buf_release(&c.refs);
	mm_buf_release(&c.hyps);
	return 0;
}
