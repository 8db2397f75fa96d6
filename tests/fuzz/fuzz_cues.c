/*
 * Bytes as cues.  The first byte picks the format; a table is read as a file.
 */
#include "fuzz.h"

#include <math.h>
#include <string.h>

#include "align/time_table.h"
#include "base/utf8.h"
#include "media/cues.h"

static void text(const char *s)
{
	FUZZ_ASSERT(s && mm_utf8_prefix(s, strlen(s)) == strlen(s));
}

static void inspect(const struct mm_cues *c, const char *format)
{
	const bool ordered = strcmp(format, "vtt") != 0;

	for (size_t i = 0; i < c->n; i++) {
		const struct mm_cue *q = &c->cue[i];

		FUZZ_ASSERT(isfinite(q->start) && isfinite(q->end));
		FUZZ_ASSERT(!ordered || q->end >= q->start);
		text(q->text);
		text(q->id);
		text(q->tier);
		text(q->speaker);
	}
	for (size_t i = 0; i < c->n_problems; i++) {
		FUZZ_ASSERT(c->problem[i].line);
		fuzz_touch(c->problem[i].what, strlen(c->problem[i].what));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const formats[] = { "srt", "vtt", "lrc", "textgrid",
					       "eaf", "csv", "tsv" };
	struct mm_moments m = { 0 };
	struct mm_cues c = { 0 };
	struct mm_err err = { 0 };
	const char *format, *path;
	int rc;

	if (!size)
		return 0;
	format = formats[*data % 7];
	(void)mm_cues_sniff("x", data + 1, size - 1);
	if (format[1] == 's') {
		path = fuzz_file(data + 1, size - 1);
		rc = mm_moments_table(&m, path, &err);
		fuzz_status(rc, &err);
		for (size_t i = 1; i < m.n; i++)
			FUZZ_ASSERT(m.at[i].start >= m.at[i - 1].start);
		mm_moments_release(&m);
		rc = mm_cues_table(&c, path, *format == 'c' ? ',' : '\t', &err);
	} else {
		rc = mm_cues_parse(&c, format, data + 1, size - 1, "x", &err);
	}
	fuzz_status(rc, &err);
	if (!rc)
		inspect(&c, format);
	mm_cues_release(&c);
	return 0;
}
