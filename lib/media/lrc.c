/*
 * lrc.c - LRC lyrics.
 *
 *	[ar:Artist]		tags; offset and length count
 *	[offset:+500]		milliseconds; + lets the lines appear sooner
 *	[00:12.00][01:40.5]text	the same line at several times
 *	[00:12.00]<00:12.0>one <00:12.4>word	stamps of words go
 *
 * A line lasts until the next one; a stamp without text only ends the one
 * before.  The last one lasts until the tag `length`, where it is there;
 * otherwise its end is its start.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "media/cues_impl.h"

struct lrc {
	struct mm_cues *cues;
	double offset, length; /* seconds; length < 0: not told */
};

/* [NAME:VALUE] */
static int tag(struct lrc *p, const char *s, size_t n, size_t line,
	       struct mm_err *err)
{
	const char *colon = memchr(s, ':', n), *value = colon + 1;
	size_t len = (size_t)(s + n - value);
	char text[32], *end;

	mm_trim(&value, &len);
	if (n > 7 && !strncasecmp(s, "offset:", 7)) {
		memcpy(text, value, len < 31 ? len : 31);
		text[len < 31 ? len : 31] = '\0';
		p->offset = strtod(text, &end) / 1000;
		if (end == text || *end || !(p->offset < 1e9) ||
		    !(p->offset > -1e9)) {
			p->offset = 0;
			return mm_cues_problem(p->cues, line, false, err,
					       "offset '%s' is no number of "
					       "milliseconds",
					       text);
		}
	} else if (n > 7 && !strncasecmp(s, "length:", 7)) {
		if (!mm_clock_read(&value, s + n, &p->length))
			p->length = -1;
	}
	return MM_OK;
}

/* The text without <mm:ss.xx>, blanks at the ends taken off. */
static int add_text(struct lrc *p, struct mm_cue *cue, const char *s, size_t n,
		    struct mm_err *err)
{
	struct mm_buf plain = { 0 };
	const char *end = s + n, *t;
	double time;
	size_t len;
	int rc;

	while (s < end) {
		t = s + 1;
		if (*s == '<' && mm_clock_read(&t, end, &time) && t < end &&
		    *t == '>')
			s = t + 1;
		else
			mm_buf_addc(&plain, *s++);
	}
	t = mm_buf_str(&plain);
	len = plain.len;
	mm_trim(&t, &len);
	rc = mm_buf_check(&plain, "a line's text", err);
	if (!rc)
		rc = mm_cues_str(p->cues, &cue->text, t, len, err);
	mm_buf_release(&plain);
	return rc;
}

/* Every [stamp] at the front is one cue with the text behind them. */
static int stamped_line(struct lrc *p, const char *s, const char *end,
			size_t line, struct mm_err *err)
{
	const size_t first = p->cues->n;
	struct mm_cue cue = { .line = line };
	int rc = MM_OK;

	while (s < end && *s == '[' && !rc) {
		const char *t = s + 1;

		if (!mm_clock_read(&t, end, &cue.start) || t == end ||
		    *t != ']')
			break;
		rc = mm_cues_add(p->cues, &cue, err);
		s = t + 1;
		while (s < end && (*s == ' ' || *s == '\t'))
			s++;
	}
	if (!rc)
		rc = add_text(p, &cue, s, (size_t)(end - s), err);
	for (size_t i = first; i < p->cues->n && !rc; i++)
		p->cues->cue[i].text = cue.text;
	return rc;
}

static int one_line(struct lrc *p, const char *s, size_t n, size_t line,
		    struct mm_err *err)
{
	const char *close, *t;
	double time;

	mm_trim(&s, &n);
	if (!n)
		return MM_OK;
	close = memchr(s, ']', n);
	if (*s != '[' || !close)
		return mm_cues_problem(p->cues, line, false, err,
				       "a line without [mm:ss.xx]");
	t = s + 1;
	if (mm_clock_read(&t, s + n, &time) && *t == ']')
		return stamped_line(p, s, s + n, line, err);
	if (s[1] >= '0' && s[1] <= '9')
		return mm_cues_problem(
			p->cues, line, false, err, "bad time '%.*s'",
			(int)(close - s < 40 ? close - s : 40) + 1, s);
	if (!memchr(s, ':', (size_t)(close - s)))
		return mm_cues_problem(
			p->cues, line, false, err,
			"'%.*s' is neither a time nor a tag",
			(int)(close - s < 40 ? close - s : 40) + 1, s);
	return tag(p, s + 1, (size_t)(close - s) - 1, line, err);
}

static int by_start(const void *a, const void *b)
{
	const struct mm_cue *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->line < y->line ? -1 : x->line > y->line;
}

/* Ends, and the lines without text taken out. */
static void finish(struct lrc *p)
{
	struct mm_cue *cue = p->cues->cue;
	const size_t n = p->cues->n;
	size_t kept = 0;

	if (n)
		qsort(cue, n, sizeof(*cue), by_start);
	for (size_t i = 0; i < n; i++) {
		size_t j = i + 1;

		while (j < n && cue[j].start <= cue[i].start)
			j++;
		cue[i].end = j < n			? cue[j].start
			     : p->length > cue[i].start ? p->length
							: cue[i].start;
	}
	for (size_t i = 0; i < n; i++) {
		if (!*cue[i].text)
			continue;
		cue[kept] = cue[i];
		cue[kept].start -= p->offset;
		cue[kept].end -= p->offset;
		kept++;
	}
	p->cues->n = kept;
}

int mm_lrc_parse(struct mm_cues *c, const char *text, size_t n,
		 const char *name, struct mm_err *err)
{
	struct lrc p = { .cues = c, .length = -1 };
	struct mm_lines lines = { .at = text, .end = text + n };
	const char *s;
	size_t len;
	int rc = MM_OK;

	(void)name;
	while (!rc && mm_lines_next(&lines, &s, &len))
		rc = one_line(&p, s, len, lines.number, err);
	if (!rc)
		finish(&p);
	return rc;
}
