/*
 * vtt_text.c - the text of a WebVTT cue to a tree; section 6.4 of the
 * standard, "WebVTT cue text parsing rules" and its tokenizer.
 */
#include <string.h>

#include "base/entity.h"
#include "media/cues_impl.h"
#include "media/vtt.h"

enum token_kind { TEXT, START_TAG, END_TAG, TIMESTAMP_TAG };

struct token {
	enum token_kind kind;
	struct mm_buf text; /* of TEXT; of tags the name; of stamps the time */
	struct mm_buf classes, annotation;
};

struct parse {
	const char *at, *end;
	struct mm_arena *arena;
	struct token token;
	struct mm_buf class_name; /* in the making */
};

/* ---- tokenizer ---- */

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r';
}

/* p->at is behind the '&'. */
static void reference(struct parse *p, struct mm_buf *out)
{
	const size_t taken =
		mm_entity(out, p->at - 1, (size_t)(p->end - p->at) + 1);

	if (taken)
		p->at += taken - 1;
	else
		mm_buf_addc(out, '&');
}

static void end_class(struct parse *p)
{
	if (p->class_name.len) {
		if (p->token.classes.len)
			mm_buf_addc(&p->token.classes, '.');
		mm_buf_add(&p->token.classes, p->class_name.data,
			   p->class_name.len);
	}
	mm_buf_clear(&p->class_name);
}

/* Start tag annotation state: up to '>', references resolved, trimmed, runs
 * of blanks made one. */
static void annotation(struct parse *p)
{
	struct mm_buf raw = { 0 };
	bool gap = false;

	while (p->at < p->end && *p->at != '>') {
		if (*p->at++ == '&')
			reference(p, &raw);
		else
			mm_buf_addc(&raw, p->at[-1]);
	}
	for (size_t i = 0; i < raw.len; i++) {
		if (is_space(raw.data[i])) {
			gap = p->token.annotation.len > 0;
			continue;
		}
		if (gap)
			mm_buf_addc(&p->token.annotation, ' ');
		gap = false;
		mm_buf_addc(&p->token.annotation, raw.data[i]);
	}
	mm_buf_release(&raw);
}

/* Start tag state and start tag class state; p->at is at the name. */
static void start_tag(struct parse *p)
{
	struct mm_buf *to = &p->token.text;

	p->token.kind = START_TAG;
	for (; p->at < p->end && *p->at != '>'; p->at++) {
		if (is_space(*p->at)) {
			if (to == &p->class_name)
				end_class(p);
			annotation(p);
			return;
		}
		if (*p->at == '.') {
			if (to == &p->class_name)
				end_class(p);
			to = &p->class_name;
		} else {
			mm_buf_addc(to, *p->at);
		}
	}
	if (to == &p->class_name)
		end_class(p);
}

static void simple_tag(struct parse *p, enum token_kind kind)
{
	p->token.kind = kind;
	while (p->at < p->end && *p->at != '>')
		mm_buf_addc(&p->token.text, *p->at++);
}

/* Tag state, behind the '<'. */
static void tag(struct parse *p)
{
	const char c = p->at < p->end ? *p->at : '>';

	if (c == '/') {
		p->at++;
		simple_tag(p, END_TAG);
	} else if (c >= '0' && c <= '9') {
		simple_tag(p, TIMESTAMP_TAG);
	} else {
		start_tag(p);
	}
	if (p->at < p->end)
		p->at++; /* the '>' */
}

static void next_token(struct parse *p)
{
	struct token *t = &p->token;

	t->kind = TEXT;
	mm_buf_clear(&t->text);
	mm_buf_clear(&t->classes);
	mm_buf_clear(&t->annotation);
	mm_buf_clear(&p->class_name);
	if (*p->at == '<') {
		p->at++;
		tag(p);
		return;
	}
	while (p->at < p->end && *p->at != '<') {
		if (*p->at++ == '&')
			reference(p, &t->text);
		else
			mm_buf_addc(&t->text, p->at[-1]);
	}
}

/* ---- tree ---- */

static const struct {
	const char *name;
	enum mm_vtt_kind kind;
} tags[] = {
	{ "c", MM_VTT_CLASS },	 { "i", MM_VTT_ITALIC },
	{ "b", MM_VTT_BOLD },	 { "u", MM_VTT_UNDERLINE },
	{ "ruby", MM_VTT_RUBY }, { "rt", MM_VTT_RUBY_TEXT },
	{ "v", MM_VTT_VOICE },	 { "lang", MM_VTT_LANGUAGE },
};

static enum mm_vtt_kind tag_kind(const struct mm_buf *name)
{
	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++)
		if (!strcmp(mm_buf_str(name), tags[i].name))
			return tags[i].kind;
	return MM_VTT_ROOT;
}

static struct mm_vtt_node *append(struct parse *p, struct mm_vtt_node *to,
				  enum mm_vtt_kind kind)
{
	struct mm_vtt_node *n = mm_arena_alloc(p->arena, 1, sizeof(*n));

	if (!n)
		return NULL;
	n->kind = kind;
	n->parent = to;
	n->text = n->classes = "";
	if (to && to->last)
		to->last->next = n;
	else if (to)
		to->first = n;
	if (to)
		to->last = n;
	return n;
}

/* An element, or nothing: rt stands in ruby alone, unknown tags nowhere. */
static bool open_element(struct parse *p, struct mm_vtt_node **at)
{
	const enum mm_vtt_kind kind = tag_kind(&p->token.text);
	struct mm_vtt_node *n;

	if (kind == MM_VTT_ROOT ||
	    (kind == MM_VTT_RUBY_TEXT && (*at)->kind != MM_VTT_RUBY))
		return true;
	if (!(n = append(p, *at, kind)))
		return false;
	n->classes = mm_arena_strndup(p->arena, mm_buf_str(&p->token.classes),
				      p->token.classes.len);
	n->text = mm_arena_strndup(p->arena, mm_buf_str(&p->token.annotation),
				   p->token.annotation.len);
	*at = n;
	return n->classes && n->text;
}

static void close_element(struct parse *p, struct mm_vtt_node **at)
{
	const enum mm_vtt_kind kind = tag_kind(&p->token.text);

	if (kind == MM_VTT_ROOT)
		return;
	if ((*at)->kind == kind)
		*at = (*at)->parent;
	else if (kind == MM_VTT_RUBY && (*at)->kind == MM_VTT_RUBY_TEXT)
		*at = (*at)->parent->parent;
}

static bool add_stamp(struct parse *p, struct mm_vtt_node *at)
{
	const char *s = mm_buf_str(&p->token.text);
	const char *end = s + p->token.text.len;
	struct mm_vtt_node *n;
	double time;

	while (s < end && is_space(*s))
		s++;
	if (!mm_vtt_time(&s, end, &time))
		return true;
	while (s < end && is_space(*s))
		s++;
	if (s < end)
		return true;
	if (!(n = append(p, at, MM_VTT_TIMESTAMP)))
		return false;
	n->time = time;
	return true;
}

static bool add_text(struct parse *p, struct mm_vtt_node *at)
{
	struct mm_vtt_node *n;

	if (!p->token.text.len)
		return true;
	if (!(n = append(p, at, MM_VTT_TEXT)))
		return false;
	n->text = mm_arena_strndup(p->arena, p->token.text.data,
				   p->token.text.len);
	return n->text != NULL;
}

static bool add_token(struct parse *p, struct mm_vtt_node **at)
{
	switch (p->token.kind) {
	case TEXT: return add_text(p, *at);
	case START_TAG: return open_element(p, at);
	case TIMESTAMP_TAG: return add_stamp(p, *at);
	case END_TAG: break;
	}
	close_element(p, at);
	return true;
}

int mm_vtt_tree(struct mm_vtt_node **root, const char *s, size_t n,
		struct mm_arena *arena, struct mm_err *err)
{
	struct parse p = { .at = s, .end = s + n, .arena = arena };
	struct mm_vtt_node *at;
	bool ok;

	*root = at = append(&p, NULL, MM_VTT_ROOT);
	ok = at != NULL;
	while (ok && p.at < p.end) {
		next_token(&p);
		ok = !p.token.text.failed && !p.token.classes.failed &&
		     !p.token.annotation.failed && add_token(&p, &at);
	}
	mm_buf_release(&p.token.text);
	mm_buf_release(&p.token.classes);
	mm_buf_release(&p.token.annotation);
	mm_buf_release(&p.class_name);
	return ok ? MM_OK : mm_fail_nomem(err, "a cue's text");
}

/* The node after `n` in the order of the text; children unless `skip`. */
static const struct mm_vtt_node *after(const struct mm_vtt_node *n, bool skip)
{
	if (!skip && n->first)
		return n->first;
	while (n && !n->next)
		n = n->parent;
	return n ? n->next : NULL;
}

void mm_vtt_plain(struct mm_buf *out, const struct mm_vtt_node *root)
{
	const struct mm_vtt_node *n = root;

	while (n) {
		if (n->kind == MM_VTT_TEXT)
			mm_buf_adds(out, n->text);
		n = after(n, n->kind == MM_VTT_RUBY_TEXT);
	}
}

const char *mm_vtt_speaker(const struct mm_vtt_node *root)
{
	for (const struct mm_vtt_node *n = root; n; n = after(n, false))
		if (n->kind == MM_VTT_VOICE && *n->text)
			return n->text;
	return "";
}
