/* cues.c - the table of cue formats, and what they share; see cues.h. */
#include "media/cues.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "media/cues_impl.h"

struct format {
	const char *name;
	bool (*sniff)(const char *text, size_t n); /* UTF-8, blanks skipped */
	mm_cues_parser *parse;
	bool lenient; /* bytes that are no UTF-8 are replaced */
};

static bool starts(const char *s, size_t n, const char *with)
{
	const size_t k = strlen(with);

	return n >= k && !memcmp(s, with, k);
}

static bool holds(const char *s, size_t n, const char *word)
{
	const size_t k = strlen(word);

	for (size_t i = 0; i + k <= n; i++)
		if (!memcmp(s + i, word, k))
			return true;
	return false;
}

static bool sniff_vtt(const char *s, size_t n)
{
	return starts(s, n, "WEBVTT");
}

static bool sniff_textgrid(const char *s, size_t n)
{
	return starts(s, n, "File type") || starts(s, n, "\"ooTextFile\"");
}

static bool sniff_eaf(const char *s, size_t n)
{
	return starts(s, n, "<") && holds(s, n, "<ANNOTATION_DOCUMENT");
}

static bool sniff_lrc(const char *s, size_t n)
{
	const char *close = memchr(s, ']', n);
	const char *colon = memchr(s, ':', n);

	return starts(s, n, "[") && close && colon && colon < close;
}

static bool sniff_srt(const char *s, size_t n)
{
	return n && *s >= '0' && *s <= '9' && holds(s, n, "-->");
}

static const struct format formats[] = {
	{ "vtt", sniff_vtt, mm_vtt_parse, true },
	{ "textgrid", sniff_textgrid, mm_textgrid_parse, false },
	{ "eaf", sniff_eaf, mm_eaf_parse, false },
	{ "lrc", sniff_lrc, mm_lrc_parse, false },
	{ "srt", sniff_srt, mm_srt_parse, false },
};

enum { N_FORMATS = sizeof(formats) / sizeof(formats[0]), SNIFF_BYTES = 4096 };

const char *const mm_cue_formats[] = { "auto", "srt",	   "vtt", "lrc", "csv",
				       "tsv",  "textgrid", "eaf", NULL };

static const char *by_extension(const char *path)
{
	const char *dot = strrchr(path, '.');

	for (int i = 1; dot && mm_cue_formats[i]; i++)
		if (!strcasecmp(dot + 1, mm_cue_formats[i]))
			return mm_cue_formats[i];
	return NULL;
}

const char *mm_cues_sniff(const char *path, const void *bytes, size_t n)
{
	const char *name = by_extension(path);
	struct mm_buf text = { 0 };
	const char *s;
	size_t len;

	if (name)
		return name;
	if (mm_text_decode(&text, bytes, n < SNIFF_BYTES ? n : SNIFF_BYTES,
			   true, path, NULL)) {
		mm_buf_release(&text);
		return NULL;
	}
	s = mm_buf_str(&text);
	len = text.len;
	mm_trim(&s, &len);
	for (size_t i = 0; i < N_FORMATS && !name; i++)
		if (formats[i].sniff(s, len))
			name = formats[i].name;
	mm_buf_release(&text);
	return name;
}

int mm_cues_parse(struct mm_cues *c, const char *format, const void *bytes,
		  size_t n, const char *name, struct mm_err *err)
{
	struct mm_buf text = { 0 };
	const struct format *f = formats;
	int rc;

	*c = (struct mm_cues){ 0 };
	while (f < formats + N_FORMATS && strcmp(f->name, format))
		f++;
	if (f == formats + N_FORMATS)
		return mm_fail(err, MM_ERR_USAGE, "no cue format '%s'", format);
	if (f->parse == mm_eaf_parse) /* XML names its own encoding */
		return f->parse(c, bytes, n, name, err);
	rc = mm_text_decode(&text, bytes, n, f->lenient, name, err);
	if (!rc)
		rc = f->parse(c, mm_buf_str(&text), text.len, name, err);
	mm_buf_release(&text);
	return rc;
}

void mm_cues_release(struct mm_cues *c)
{
	mm_free(c->cue);
	mm_free(c->problem);
	mm_arena_release(&c->arena);
	*c = (struct mm_cues){ 0 };
}

int mm_cues_add(struct mm_cues *c, const struct mm_cue *cue, struct mm_err *err)
{
	if (c->n == c->cap) {
		const size_t cap = c->cap ? 2 * c->cap : 64;
		struct mm_cue *p = mm_realloc(c->cue, cap, sizeof(*p));

		if (!p)
			return mm_fail_nomem(err, "cues");
		c->cue = p;
		c->cap = cap;
	}
	c->cue[c->n] = *cue;
	c->cue[c->n].id = cue->id ? cue->id : "";
	c->cue[c->n].text = cue->text ? cue->text : "";
	c->cue[c->n].tier = cue->tier ? cue->tier : "";
	c->cue[c->n].speaker = cue->speaker ? cue->speaker : "";
	c->n++;
	return MM_OK;
}

int mm_cues_problem(struct mm_cues *c, size_t line, bool dropped,
		    struct mm_err *err, const char *fmt, ...)
{
	struct mm_cue_problem *p;
	char what[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	if (c->n_problems == c->cap_problems) {
		const size_t cap = c->cap_problems ? 2 * c->cap_problems : 16;

		if (!(p = mm_realloc(c->problem, cap, sizeof(*p))))
			return mm_fail_nomem(err, "a list of bad cues");
		c->problem = p;
		c->cap_problems = cap;
	}
	p = &c->problem[c->n_problems];
	*p = (struct mm_cue_problem){ .line = line, .dropped = dropped };
	if (!(p->what = mm_arena_strdup(&c->arena, what)))
		return mm_fail_nomem(err, "a list of bad cues");
	c->n_problems++;
	return MM_OK;
}

int mm_cues_str(struct mm_cues *c, const char **out, const char *s, size_t n,
		struct mm_err *err)
{
	*out = n ? mm_arena_strndup(&c->arena, s, n) : "";
	return *out ? MM_OK : mm_fail_nomem(err, "a cue's text");
}
