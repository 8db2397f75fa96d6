/*
 * textgrid.c - Praat's TextGrid, long and short form.
 *
 * Praat itself reads a text file as a row of free-standing values: numbers,
 * "strings" (a doubled quote is one quote) and <flags>; all else, such as
 * `xmin = ` or `intervals [1]:`, is comment, and so is what follows a '!'.
 * Source: Praat's manual, "TextGrid file formats".
 *
 *	"ooTextFile" "TextGrid" xmin xmax <exists> n_tiers
 *	    "IntervalTier" "name" xmin xmax n   (xmin xmax "text") * n
 *	    "TextTier"     "name" xmin xmax n   (time "text") * n
 *
 * Intervals and points without text are no cues.
 */
#include <stdlib.h>
#include <string.h>

#include "media/cues_impl.h"

struct grid {
	struct mm_cues *cues;
	const char *at, *end;
	size_t line;	   /* of at */
	size_t value_line; /* of the value last read */
	const char *name;
	struct mm_buf text; /* the string last read */
};

static int broken(const struct grid *p, const char *what, struct mm_err *err)
{
	return mm_fail(err, MM_ERR_FORMAT, "'%s' line %zu: %s", p->name,
		       p->line, what);
}

static void step(struct grid *p)
{
	if (*p->at == '\n' ||
	    (*p->at == '\r' && (p->at + 1 == p->end || p->at[1] != '\n')))
		p->line++;
	p->at++;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Skip to the next value: its first character, 0 at the end. */
static char find_value(struct grid *p)
{
	while (p->at < p->end) {
		const char c = *p->at;

		if (c == '"' || c == '<' || (c >= '0' && c <= '9') ||
		    c == '+' ||
		    (c == '-' && p->at + 1 < p->end && p->at[1] >= '0' &&
		     p->at[1] <= '9')) {
			p->value_line = p->line;
			return c;
		}
		if (c == '!') {
			while (p->at < p->end && *p->at != '\n' &&
			       *p->at != '\r')
				p->at++;
			continue;
		}
		/* Any other word is a comment to its end. */
		do
			step(p);
		while (p->at < p->end && !is_blank(c) && !is_blank(*p->at));
	}
	return 0;
}

static int number(struct grid *p, double *out, const char *what,
		  struct mm_err *err)
{
	char text[64], *stop;
	size_t n = 0;
	const char c = find_value(p);

	if (!c || c == '"' || c == '<')
		return mm_fail(err, MM_ERR_FORMAT, "'%s' line %zu: no %s",
			       p->name, p->line, what);
	while (p->at < p->end && !is_blank(*p->at)) {
		if (n < sizeof(text) - 1)
			text[n++] = *p->at;
		step(p);
	}
	text[n] = '\0';
	*out = strtod(text, &stop);
	if (stop == text || (*stop && *stop != '%') || !(*out > -1e12) ||
	    !(*out < 1e12))
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s' line %zu: '%s' is no %s", p->name,
			       p->value_line, text, what);
	return MM_OK;
}

/* A string into p->text. */
static int string(struct grid *p, const char *what, struct mm_err *err)
{
	mm_buf_clear(&p->text);
	if (find_value(p) != '"')
		return mm_fail(err, MM_ERR_FORMAT, "'%s' line %zu: no %s",
			       p->name, p->line, what);
	for (step(p);; step(p)) {
		if (p->at == p->end)
			return mm_fail(err, MM_ERR_FORMAT,
				       "'%s' line %zu: a quote is not closed",
				       p->name, p->value_line);
		if (*p->at == '"') {
			step(p);
			if (p->at == p->end || *p->at != '"')
				return mm_buf_check(&p->text, what, err);
		}
		mm_buf_addc(&p->text, *p->at);
	}
}

static int keep(struct grid *p, const char **out, struct mm_err *err)
{
	const char *s = mm_buf_str(&p->text);
	size_t n = p->text.len;

	mm_trim(&s, &n);
	return mm_cues_str(p->cues, out, s, n, err);
}

static int item(struct grid *p, bool interval, const char *tier,
		struct mm_err *err)
{
	struct mm_cue cue = { .tier = tier };
	int rc = number(p, &cue.start, interval ? "xmin" : "time", err);

	cue.line = p->value_line;
	cue.end = cue.start;
	if (!rc && interval)
		rc = number(p, &cue.end, "xmax", err);
	if (!rc)
		rc = string(p, "label", err);
	if (!rc)
		rc = keep(p, &cue.text, err);
	if (rc || !*cue.text)
		return rc;
	if (cue.end < cue.start)
		return mm_cues_problem(p->cues, cue.line, false, err,
				       "the interval ends before it starts");
	return mm_cues_add(p->cues, &cue, err);
}

static int tier(struct grid *p, struct mm_err *err)
{
	const char *name;
	double n, x;
	bool interval;
	int rc = string(p, "class of a tier", err);

	if (rc)
		return rc;
	interval = !strcmp(mm_buf_str(&p->text), "IntervalTier");
	if (!interval && strcmp(mm_buf_str(&p->text), "TextTier"))
		return broken(p, "neither an IntervalTier nor a TextTier", err);
	if ((rc = string(p, "name of the tier", err)) ||
	    (rc = keep(p, &name, err)) || (rc = number(p, &x, "xmin", err)) ||
	    (rc = number(p, &x, "xmax", err)) ||
	    (rc = number(p, &n, "number of intervals", err)))
		return rc;
	for (double i = 0; i < n && !rc; i++)
		rc = item(p, interval, name, err);
	return rc;
}

static int grid(struct grid *p, struct mm_err *err)
{
	double n, x;
	int rc;

	if ((rc = string(p, "file type", err)))
		return rc;
	if (strcmp(mm_buf_str(&p->text), "ooTextFile"))
		return broken(p,
			      "not a TextGrid: the file type is not "
			      "\"ooTextFile\"",
			      err);
	if ((rc = string(p, "object class", err)))
		return rc;
	if (strcmp(mm_buf_str(&p->text), "TextGrid"))
		return broken(p, "the object is no TextGrid", err);
	if ((rc = number(p, &x, "xmin", err)) ||
	    (rc = number(p, &x, "xmax", err)))
		return rc;
	if (find_value(p) != '<')
		return broken(p, "no <exists> of the tiers", err);
	if (p->end - p->at < 8 || memcmp(p->at, "<exists>", 8))
		return MM_OK; /* <absent> */
	p->at += 8;
	if ((rc = number(p, &n, "number of tiers", err)))
		return rc;
	for (double i = 0; i < n && !rc; i++)
		rc = tier(p, err);
	return rc;
}

int mm_textgrid_parse(struct mm_cues *c, const char *text, size_t n,
		      const char *name, struct mm_err *err)
{
	struct grid p = {
		.cues = c, .at = text, .end = text + n, .line = 1, .name = name
	};
	int rc = grid(&p, err);

	mm_buf_release(&p.text);
	return rc;
}
