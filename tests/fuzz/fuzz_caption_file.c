/*
 * Bytes as a file of captions in each format, and as document frequencies;
 * what was read is scored against itself.
 */
#include "fuzz.h"

#include "metric/caption.h"
#include "metric/caption_file.h"
#include "metric/metric.h"

static void score(const struct mm_captions *c, const char *task,
		  const char *name, const void *options)
{
	const struct mm_metric *m = mm_metric_find(task, name);
	struct mm_err err = { 0 };
	double value[32];
	void *state;
	int rc = m->open(&state, options, &err);

	for (size_t i = 0; !rc && i < c->id.n && i < 16; i++) {
		struct mm_line ref[4];
		size_t n = c->first[i + 1] - c->first[i];
		struct mm_text_sample s = { { "a b", 3 }, ref, n < 4 ? n : 4 };

		for (size_t k = 0; k < s.n_refs; k++)
			ref[k] = mm_lines_at(&c->text, c->first[i] + k);
		if (n)
			s.hyp = ref[0];
		rc = m->add(state, &s, &err);
	}
	if (!rc)
		rc = m->result(state, value, NULL, &err);
	fuzz_status(rc, &err);
	m->close(state);
}

static void read_as(const uint8_t *data, size_t size,
		    enum mm_caption_format format, bool single)
{
	struct mm_captions c;
	struct mm_buf list = { 0 };
	struct mm_err err = { 0 };
	int rc = mm_captions_parse(&c, (const char *)data, size, "input",
				   format, single, &err);

	fuzz_status(rc, &err);
	if (!rc) {
		FUZZ_ASSERT(c.first[c.id.n] == c.text.n);
		fuzz_touch(mm_buf_str(&c.text.bytes), c.text.bytes.len);
		rc = mm_captions_match(&c, &c, true, &list, &err);
		FUZZ_ASSERT(!rc);
		if (c.text.bytes.len < 4096) {
			score(&c, "caption", "BLEU", NULL);
			score(&c, "caption", "ROUGE-L", NULL);
			score(&c, "caption", "CIDEr", NULL);
			score(&c, "text", "bleu", NULL);
			score(&c, "text", "chrf", NULL);
			score(&c, "text", "rouge", NULL);
		}
	}
	mm_buf_release(&list);
	mm_captions_release(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mm_cider_df *df;
	struct mm_err err = { 0 };
	int rc;

	read_as(data, size, MM_CAPTION_AUTO, false);
	read_as(data, size, MM_CAPTION_JSON, true);
	read_as(data, size, MM_CAPTION_LINES, false);
	rc = mm_cider_df_parse(&df, (const char *)data, size, "input", &err);
	fuzz_status(rc, &err);
	mm_cider_df_free(df);
	return 0;
}
