/*
 * srt.c - SubRip subtitles.  No standard exists: this reads what players do.
 *
 *	1			the number, may be missing
 *	00:00:01,500 --> 00:00:03,000 X1:0 ...	hours and the fraction may be
 *						missing, '.' stands for ','
 *	text, <i>markup</i>
 *				a blank line, or several; a text may hold some
 *
 * A cue ends where the next one's number or times begin.  Overlaps stay.
 */
#include <string.h>
#include <strings.h>

#include "base/entity.h"
#include "media/cues_impl.h"

/* ---- markup ---- */

/* The tags that SubRip knows, and those of its relatives; anything else in
 * angle brackets is text. */
static bool is_tag(const char *s, size_t n)
{
	static const char *const names[] = { "i",  "b",	   "u",
					     "s",  "font", "ruby",
					     "rt", "em",   "strong" };
	size_t k = 0;

	if (n && *s == '/')
		s++, n--;
	while (k < n && ((s[k] | 32) >= 'a' && (s[k] | 32) <= 'z'))
		k++;
	if (k < n && s[k] != ' ' && s[k] != '/' && s[k] != '\t')
		return false;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i]) == k && !strncasecmp(s, names[i], k))
			return true;
	return false;
}

/* {\an8}, {\pos(1,2)}, and MicroDVD's {y:i}: how long, or 0. */
static size_t brace_length(const char *s, size_t n)
{
	const char *close = memchr(s, '}', n);

	if (!close || n < 3)
		return 0;
	if (s[1] != '\\' && !(strchr("yYfFsScCpP", s[1]) && s[2] == ':'))
		return 0;
	return (size_t)(close - s) + 1;
}

static size_t markup_length(struct mm_buf *out, const char *s, size_t n)
{
	const char *close;

	if (*s == '<' && (close = memchr(s, '>', n)) &&
	    is_tag(s + 1, (size_t)(close - s) - 1))
		return (size_t)(close - s) + 1;
	if (*s == '{')
		return brace_length(s, n);
	if (*s == '&')
		return mm_entity(out, s, n);
	if (*s == '\\' && n > 1 && (s[1] == 'N' || s[1] == 'h')) {
		mm_buf_addc(out, s[1] == 'N' ? '\n' : ' ');
		return 2;
	}
	return 0;
}

static void add_plain(struct mm_buf *out, const char *s, size_t n)
{
	while (n) {
		const size_t k = markup_length(out, s, n);

		if (!k)
			mm_buf_addc(out, *s);
		s += k ? k : 1;
		n -= k ? k : 1;
	}
}

/* ---- cues ---- */

struct srt {
	struct mm_cues *cues;
	struct mm_cue cue; /* in the making */
	bool open;
	struct mm_buf text; /* of it, lines and all */
	const char *number; /* the last line, if it can be a number */
	size_t number_len;
	size_t number_at;   /* where in text it begins */
	bool number_apart;  /* a blank line was above it */
	bool gap;	    /* the last line was blank */
	size_t blank_lines; /* not yet in text */
};

static bool is_number(const char *s, size_t n)
{
	mm_trim(&s, &n);
	for (size_t i = 0; i < n; i++)
		if (s[i] < '0' || s[i] > '9')
			return false;
	return n > 0 && n < 20;
}

/* TIME --> TIME [anything].  False: no such line. */
static bool read_times(const char *s, size_t n, double *start, double *end)
{
	const char *stop = s + n;

	mm_trim(&s, &n);
	if (!mm_clock_read(&s, stop, start))
		return false;
	while (s < stop && (*s == ' ' || *s == '\t'))
		s++;
	if (stop - s < 3 || memcmp(s, "-->", 3))
		return false;
	s += 3;
	while (s < stop && (*s == ' ' || *s == '\t'))
		s++;
	if (!mm_clock_read(&s, stop, end))
		return false;
	return s == stop || *s == ' ' || *s == '\t' || *s == '\r';
}

static bool has_arrow(const char *s, size_t n)
{
	for (size_t i = 0; i + 3 <= n; i++)
		if (!memcmp(s + i, "-->", 3))
			return true;
	return false;
}

static int close_cue(struct srt *p, struct mm_err *err)
{
	struct mm_buf plain = { 0 };
	const char *s;
	size_t n;
	int rc;

	if (!p->open)
		return MM_OK;
	p->open = false;
	add_plain(&plain, mm_buf_str(&p->text), p->text.len);
	s = mm_buf_str(&plain);
	n = plain.len;
	mm_trim(&s, &n);
	rc = mm_buf_check(&p->text, "a cue's text", err);
	if (!rc)
		rc = mm_buf_check(&plain, "a cue's text", err);
	if (!rc)
		rc = mm_cues_str(p->cues, &p->cue.text, s, n, err);
	if (!rc && p->cue.end < p->cue.start)
		rc = mm_cues_problem(p->cues, p->cue.line, false, err,
				     "the cue ends before it starts");
	else if (!rc)
		rc = mm_cues_add(p->cues, &p->cue, err);
	mm_buf_release(&plain);
	return rc;
}

/* The last line was the number of the cue that begins here. */
static int take_number(struct srt *p, struct mm_cue *cue, struct mm_err *err)
{
	if (!p->number || (p->gap && !p->number_apart))
		return MM_OK;
	if (p->open && p->number_at <= p->text.len) {
		p->text.len = p->number_at;
		if (p->text.data)
			p->text.data[p->text.len] = '\0';
	}
	mm_trim(&p->number, &p->number_len);
	return mm_cues_str(p->cues, &cue->id, p->number, p->number_len, err);
}

static int begin_cue(struct srt *p, const struct mm_cue *times,
		     struct mm_err *err)
{
	struct mm_cue cue = *times;
	int rc = take_number(p, &cue, err);

	if (!rc)
		rc = close_cue(p, err);
	p->cue = cue;
	p->open = true;
	p->number = NULL;
	p->blank_lines = 0;
	p->gap = false;
	mm_buf_clear(&p->text);
	return rc;
}

static int text_line(struct srt *p, const char *s, size_t n, size_t line,
		     struct mm_err *err)
{
	if (is_number(s, n)) {
		p->number = s;
		p->number_len = n;
		p->number_at = p->text.len;
		p->number_apart = p->gap || !p->open;
	} else {
		p->number = NULL;
		if (!p->open)
			return mm_cues_problem(p->cues, line, false, err,
					       "text outside of a cue");
	}
	for (size_t i = 0; i < p->blank_lines + (p->text.len > 0); i++)
		mm_buf_addc(&p->text, '\n');
	p->blank_lines = 0;
	p->gap = false;
	mm_buf_add(&p->text, s, n);
	return MM_OK;
}

static int one_line(struct srt *p, const char *s, size_t n, size_t line,
		    struct mm_err *err)
{
	const char *t = s;
	size_t len = n;
	struct mm_cue cue = { .line = line };
	int rc;

	mm_trim(&t, &len);
	if (!len) {
		p->blank_lines += p->text.len > 0;
		p->gap = true;
		return MM_OK;
	}
	if (read_times(s, n, &cue.start, &cue.end))
		return begin_cue(p, &cue, err);
	if (!has_arrow(s, n) || (*t != '-' && (*t < '0' || *t > '9')))
		return text_line(p, s, n, line, err);
	/* Times that cannot be read: their text belongs to no cue. */
	rc = begin_cue(p, &cue, err);
	p->open = false;
	return rc ? rc
		  : mm_cues_problem(p->cues, line, false, err,
				    "bad times '%.*s'; want HH:MM:SS,mmm --> "
				    "HH:MM:SS,mmm",
				    (int)(len < 60 ? len : 60), t);
}

int mm_srt_parse(struct mm_cues *c, const char *text, size_t n,
		 const char *name, struct mm_err *err)
{
	struct srt p = { .cues = c };
	struct mm_lines lines = { .at = text, .end = text + n };
	bool skipping = false; /* the text of a cue with bad times */
	const char *s;
	size_t len;
	int rc = MM_OK;

	(void)name;
	while (!rc && mm_lines_next(&lines, &s, &len)) {
		const size_t bad = c->n_problems;
		const bool was_open = p.open;

		if (skipping && !p.open && !has_arrow(s, len) &&
		    !is_number(s, len))
			continue;
		rc = one_line(&p, s, len, lines.number, err);
		skipping = !p.open &&
			   (skipping || was_open || c->n_problems > bad);
	}
	if (!rc)
		rc = close_cue(&p, err);
	mm_buf_release(&p.text);
	return rc;
}
