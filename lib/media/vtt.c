/*
 * vtt.c - WebVTT files: blocks, times and settings of cues; sections 6.1 to
 * 6.3 of the standard.  Only a file without signature is refused; a block
 * that is no cue is left out, as the standard says, and told with its line.
 */
#include "media/vtt.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "media/cues_impl.h"

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* ---- times ---- */

static size_t collect_digits(const char **s, const char *end, double *value)
{
	const char *from = *s;

	*value = 0;
	for (; *s < end && is_digit(**s); (*s)++)
		*value = *value * 10 + (**s - '0');
	return (size_t)(*s - from);
}

bool mm_vtt_time(const char **s, const char *end, double *seconds)
{
	const char *p = *s;
	double v1, v2, v3, v4;
	size_t n = collect_digits(&p, end, &v1);
	const bool hours = n != 2 || v1 > 59;

	if (!n || p == end || *p++ != ':' || collect_digits(&p, end, &v2) != 2)
		return false;
	if (hours || (p < end && *p == ':')) {
		if (p == end || *p++ != ':' ||
		    collect_digits(&p, end, &v3) != 2)
			return false;
	} else {
		v3 = v2;
		v2 = v1;
		v1 = 0;
	}
	if (p == end || *p++ != '.' || collect_digits(&p, end, &v4) != 3 ||
	    v2 > 59 || v3 > 59)
		return false;
	*seconds = v1 * 3600 + v2 * 60 + v3 + v4 / 1000;
	*s = p;
	return true;
}

/* TIME --> TIME: *s is moved behind it.  False where it is not that. */
static bool cue_times(const char **s, const char *end, struct mm_cue *cue)
{
	while (*s < end && is_space(**s))
		(*s)++;
	if (!mm_vtt_time(s, end, &cue->start))
		return false;
	while (*s < end && is_space(**s))
		(*s)++;
	if (end - *s < 3 || memcmp(*s, "-->", 3))
		return false;
	*s += 3;
	while (*s < end && is_space(**s))
		(*s)++;
	return mm_vtt_time(s, end, &cue->end);
}

/* ---- settings ---- */

struct word {
	const char *s;
	size_t n;
};

static bool is_word(struct word w, const char *name)
{
	return strlen(name) == w.n && !memcmp(w.s, name, w.n);
}

/* Digits, perhaps a point and digits: w.n > 0 and all of it. */
static bool is_number(struct word w)
{
	size_t i = 0, before;

	while (i < w.n && is_digit(w.s[i]))
		i++;
	before = i;
	if (i < w.n && w.s[i] == '.') {
		i++;
		if (i == w.n)
			return false;
		while (i < w.n && is_digit(w.s[i]))
			i++;
	}
	return before && i == w.n;
}

static double number(struct word w)
{
	double v = 0, scale = 0;
	size_t i = w.n && *w.s == '-';

	for (; i < w.n; i++) {
		if (w.s[i] == '.') {
			scale = 1;
		} else {
			v = v * 10 + (w.s[i] - '0');
			scale *= 10;
		}
	}
	v = scale > 0 ? v / scale : v;
	return w.n && *w.s == '-' ? -v : v;
}

static bool percentage(struct word w, double *out)
{
	if (!w.n || w.s[w.n - 1] != '%')
		return false;
	w.n--;
	if (!is_number(w))
		return false;
	*out = number(w);
	return *out <= 100;
}

/* "50%,line-left": w becomes what is before the comma.  An unknown word behind
 * it changes nothing. */
static void split_align(struct word *w, const char *const *words,
			const enum mm_vtt_align *values, enum mm_vtt_align *out)
{
	const char *comma = memchr(w->s, ',', w->n);
	struct word a;

	if (!comma)
		return;
	a = (struct word){ comma + 1, (size_t)(w->s + w->n - comma) - 1 };
	w->n = (size_t)(comma - w->s);
	for (size_t i = 0; words[i]; i++)
		if (is_word(a, words[i]))
			*out = values[i];
}

static void set_line(struct mm_vtt_settings *o, struct word w)
{
	static const char *const words[] = { "start", "center", "end", NULL };
	static const enum mm_vtt_align values[] = { MM_VTT_START, MM_VTT_CENTER,
						    MM_VTT_END };
	enum mm_vtt_align align = o->line_align;
	double line;
	bool percent;
	struct word body;

	split_align(&w, words, values, &align);
	if (!w.n)
		return;
	percent = w.s[w.n - 1] == '%';
	body = *w.s == '-' ? (struct word){ w.s + 1, w.n - 1 } : w;
	if (percent ? !percentage(w, &line) : !is_number(body))
		return;
	o->line = percent ? line : number(w);
	o->line_auto = false;
	o->snap_to_lines = !percent;
	o->line_align = align;
}

static void set_position(struct mm_vtt_settings *o, struct word w)
{
	static const char *const words[] = { "line-left", "center",
					     "line-right", NULL };
	static const enum mm_vtt_align values[] = { MM_VTT_LINE_LEFT,
						    MM_VTT_CENTER,
						    MM_VTT_LINE_RIGHT };
	enum mm_vtt_align align = o->position_align;
	double position;

	split_align(&w, words, values, &align);
	if (!percentage(w, &position))
		return;
	o->position = position;
	o->position_auto = false;
	o->position_align = align;
}

static void set_align(struct mm_vtt_settings *o, struct word w)
{
	static const char *const words[] = { "start", "center", "end",
					     "left",  "right",	NULL };

	for (int i = 0; words[i]; i++)
		if (is_word(w, words[i]))
			o->align = (enum mm_vtt_align)(MM_VTT_START + i);
}

static int setting(struct mm_vtt_settings *o, struct word name, struct word w,
		   struct mm_arena *arena, struct mm_err *err)
{
	double size;

	if (is_word(name, "vertical") && (is_word(w, "rl") || is_word(w, "lr")))
		memcpy(o->vertical, w.s, 2);
	else if (is_word(name, "line"))
		set_line(o, w);
	else if (is_word(name, "position"))
		set_position(o, w);
	else if (is_word(name, "size") && percentage(w, &size))
		o->size = size;
	else if (is_word(name, "align"))
		set_align(o, w);
	else if (is_word(name, "region"))
		o->region = mm_arena_strndup(arena, w.s, w.n);
	return o->region ? MM_OK : mm_fail_nomem(err, "a cue's settings");
}

int mm_vtt_settings_parse(struct mm_vtt_settings *out, const char *s, size_t n,
			  struct mm_arena *arena, struct mm_err *err)
{
	const char *end = s + n;
	int rc = MM_OK;

	*out = (struct mm_vtt_settings){
		.snap_to_lines = true,
		.line_auto = true,
		.position_auto = true,
		.size = 100,
		.line_align = MM_VTT_START,
		.position_align = MM_VTT_AUTO,
		.align = MM_VTT_CENTER,
		.region = "",
	};
	while (s < end && !rc) {
		const char *colon, *from;

		while (s < end && is_space(*s))
			s++;
		for (from = s; s < end && !is_space(*s);)
			s++;
		colon = memchr(from, ':', (size_t)(s - from));
		if (colon && colon > from && colon + 1 < s)
			rc = setting(
				out,
				(struct word){ from, (size_t)(colon - from) },
				(struct word){ colon + 1,
					       (size_t)(s - colon) - 1 },
				arena, err);
	}
	/* A region and a line or a width of its own exclude each other. */
	if (!rc && (*out->vertical || !out->line_auto || out->size < 100))
		out->region = "";
	return rc;
}

/* ---- blocks ---- */

struct vtt {
	struct mm_cues *cues;
	struct mm_lines lines;
	bool seen_cue;
	struct mm_buf buffer;	 /* lines of the block */
	struct mm_arena scratch; /* trees */
	struct mm_map regions;	 /* their ids */
	/* One line may be given back. */
	const char *line;
	size_t n;
	bool again;
};

static bool next_line(struct vtt *p)
{
	if (p->again) {
		p->again = false;
		return true;
	}
	return mm_lines_next(&p->lines, &p->line, &p->n);
}

static bool has_arrow(const char *s, size_t n)
{
	for (size_t i = 0; i + 3 <= n; i++)
		if (!memcmp(s + i, "-->", 3))
			return true;
	return false;
}

/* STYLE and REGION blocks stand before the first cue. */
static bool is_header_word(const struct mm_buf *b, const char *word)
{
	const size_t k = strlen(word);

	if (b->len < k || memcmp(b->data, word, k))
		return false;
	for (size_t i = k; i < b->len; i++)
		if (!is_space(b->data[i]))
			return false;
	return true;
}

static bool is_note(const struct mm_buf *b)
{
	return b->len >= 4 && !memcmp(b->data, "NOTE", 4) &&
	       (b->len == 4 || is_space(b->data[4]));
}

static int add_cue(struct vtt *p, struct mm_cue *cue, struct mm_err *err)
{
	struct mm_buf plain = { 0 };
	struct mm_vtt_node *tree;
	const char *speaker;
	int rc;

	mm_arena_reset(&p->scratch);
	rc = mm_vtt_tree(&tree, mm_buf_str(&p->buffer), p->buffer.len,
			 &p->scratch, err);
	if (rc)
		return rc;
	mm_vtt_plain(&plain, tree);
	speaker = mm_vtt_speaker(tree);
	rc = mm_buf_check(&plain, "a cue's text", err);
	if (!rc)
		rc = mm_cues_str(p->cues, &cue->text, mm_buf_str(&plain),
				 plain.len, err);
	if (!rc)
		rc = mm_cues_str(p->cues, &cue->speaker, speaker,
				 strlen(speaker), err);
	mm_buf_release(&plain);
	return rc ? rc : mm_cues_add(p->cues, cue, err);
}

/* The line with the arrow.  *is: it holds times; they and the settings are in
 * the cue, and the block's lines so far are its id. */
static int begin_cue(struct vtt *p, struct mm_cue *cue, bool *is,
		     struct mm_err *err)
{
	struct mm_vtt_settings *settings;
	const char *s = p->line, *end = s + p->n;
	int rc;

	*is = cue_times(&s, end, cue);
	cue->line = p->lines.number;
	if (!*is)
		return mm_cues_problem(p->cues, p->lines.number, true, err,
				       "bad times '%.*s'; want "
				       "[HH:]MM:SS.mmm --> [HH:]MM:SS.mmm",
				       (int)(p->n < 60 ? p->n : 60), p->line);
	settings = mm_arena_alloc(&p->cues->arena, 1, sizeof(*settings));
	if (!settings)
		return mm_fail_nomem(err, "a cue's settings");
	cue->settings = settings;
	rc = mm_vtt_settings_parse(settings, s, (size_t)(end - s),
				   &p->cues->arena, err);
	if (!rc)
		rc = mm_cues_str(p->cues, &cue->id, mm_buf_str(&p->buffer),
				 p->buffer.len, err);
	if (!mm_map_find_str(&p->regions, settings->region))
		settings->region = "";
	mm_buf_clear(&p->buffer);
	p->seen_cue = true;
	return rc;
}

/* The id of a REGION block; the rest of it is about looks. */
static int add_region(struct vtt *p, struct mm_err *err)
{
	const char *s = mm_buf_str(&p->buffer), *id = NULL;
	size_t len = 0;

	while (*s) {
		const size_t n = strcspn(s, " \t\n\f\r");

		if (n > 3 && !memcmp(s, "id:", 3)) {
			id = s + 3;
			len = n - 3;
		}
		s += n;
		s += *s != '\0';
	}
	if (id && !mm_map_put(&p->regions, id, len, NULL))
		return mm_fail_nomem(err, "regions");
	return MM_OK;
}

/* "Collect a WebVTT block"; a cue is added. */
static int block(struct vtt *p, bool in_header, struct mm_err *err)
{
	struct mm_cue cue = { 0 };
	bool arrow = false, is_cue = false, style = false, region = false;
	size_t count = 0, first = p->lines.number;
	int rc = MM_OK;

	mm_buf_clear(&p->buffer);
	while (!rc && next_line(p) && p->n) {
		count++;
		if (has_arrow(p->line, p->n)) {
			if (in_header || count > 2 || arrow) {
				p->again = true;
				break;
			}
			arrow = true;
			rc = begin_cue(p, &cue, &is_cue, err);
			continue;
		}
		if (!in_header && count == 2 && !p->seen_cue) {
			style = is_header_word(&p->buffer, "STYLE");
			region = is_header_word(&p->buffer, "REGION");
			if (style || region)
				mm_buf_clear(&p->buffer);
		}
		if (p->buffer.len)
			mm_buf_addc(&p->buffer, '\n');
		mm_buf_add(&p->buffer, p->line, p->n);
	}
	if (!rc)
		rc = mm_buf_check(&p->buffer, "a cue's text", err);
	if (!rc && region && !arrow)
		rc = add_region(p, err);
	else if (!rc && !in_header && !arrow && !style && !is_note(&p->buffer))
		rc = mm_cues_problem(p->cues, first, true, err,
				     "a block without times");
	return !rc && is_cue ? add_cue(p, &cue, err) : rc;
}

static int bad_signature(const char *name, struct mm_err *err)
{
	return mm_fail(err, MM_ERR_FORMAT,
		       "'%s' line 1: not WebVTT: it does not begin with the "
		       "line WEBVTT",
		       name);
}

int mm_vtt_parse(struct mm_cues *c, const char *text, size_t n,
		 const char *name, struct mm_err *err)
{
	struct vtt p = {
		.cues = c,
		.lines = { .at = text, .end = text + n },
	};
	bool in_header;
	int rc = MM_OK;

	if (n < 6 || memcmp(text, "WEBVTT", 6) ||
	    (n > 6 && !strchr(" \t\n\r", text[6])))
		return bad_signature(name, err);
	(void)next_line(&p);
	in_header = next_line(&p) && p.n;
	p.again = in_header;
	if (in_header)
		rc = block(&p, true, err);
	while (!rc) {
		if (!next_line(&p))
			break;
		if (!p.n)
			continue;
		p.again = true;
		rc = block(&p, false, err);
	}
	mm_buf_release(&p.buffer);
	mm_arena_release(&p.scratch);
	mm_map_release(&p.regions);
	return rc;
}
