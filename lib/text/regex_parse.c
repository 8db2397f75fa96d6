/*
 * regex_parse.c - pattern to tree, by recursive descent.
 *
 *	alt    := cat ('|' cat)*
 *	cat    := (atom quantifier*)*
 *	atom   := '(' ... ')' | '[' class ']' | '\' escape | '.' | '^' | '$' | c
 */
#include <string.h>

#include "text/regex_impl.h"
#include "text/unicode.h"

enum { MAX_DEPTH = 64, MAX_COUNT = 1000, MAX_PATTERN = 8192 };

struct parser {
	struct mm_arena *arena;
	const char *s;
	size_t n, at;
	bool fold, dotall, extended;
	int depth;
	struct mm_err *err;
};

static int bad(struct parser *p, const char *what)
{
	return mm_fail(p->err, MM_ERR_FORMAT,
		       "regular expression \"%.*s\": %s at byte %zu",
		       (int)(p->n < 200 ? p->n : 200), p->s, what, p->at);
}

static bool more(const struct parser *p)
{
	return p->at < p->n;
}

static bool take(struct parser *p, const char *text)
{
	const size_t k = strlen(text);

	if (p->n - p->at < k || memcmp(p->s + p->at, text, k) != 0)
		return false;
	p->at += k;
	return true;
}

static int new_node(struct parser *p, enum mm_re_node_kind kind,
		    struct mm_re_node **out)
{
	*out = mm_arena_alloc(p->arena, 1, sizeof(**out));
	if (!*out)
		return mm_fail_nomem(p->err, "a regular expression");
	(*out)->kind = kind;
	return MM_OK;
}

static int join(struct parser *p, enum mm_re_node_kind kind,
		struct mm_re_node **left, struct mm_re_node *right)
{
	struct mm_re_node *n;
	int rc;

	if (kind == RE_CAT && (*left)->kind == RE_EMPTY) {
		*left = right;
		return MM_OK;
	}
	if ((rc = new_node(p, kind, &n)))
		return rc;
	n->a = *left;
	n->b = right;
	*left = n;
	return MM_OK;
}

static int new_set(struct parser *p, struct mm_re_set **set)
{
	*set = mm_arena_alloc(p->arena, 1, sizeof(**set));
	if (!*set)
		return mm_fail_nomem(p->err, "a regular expression");
	(*set)->fold = p->fold;
	return MM_OK;
}

static int add_item(struct parser *p, struct mm_re_set *set,
		    struct mm_re_item item)
{
	struct mm_re_item *it = mm_arena_alloc(p->arena, 1, sizeof(*it));

	if (!it)
		return mm_fail_nomem(p->err, "a regular expression");
	*it = item;
	it->next = set->items;
	set->items = it;
	return MM_OK;
}

static struct mm_re_item range_item(uint32_t first, uint32_t last)
{
	return (struct mm_re_item){ .kind = RE_RANGE,
				    .first = first,
				    .last = last };
}

/* A node for one class with one item. */
static int item_node(struct parser *p, struct mm_re_item item,
		     struct mm_re_node **out)
{
	int rc;

	if ((rc = new_node(p, RE_SET, out)) || (rc = new_set(p, &(*out)->set)))
		return rc;
	if (item.kind != RE_RANGE)
		(*out)->set->fold = false;
	if ((rc = add_item(p, (*out)->set, item)))
		return rc;
	mm_re_set_finish((*out)->set);
	return MM_OK;
}

static int hex(struct parser *p, size_t min, size_t max, uint32_t *value)
{
	size_t i = 0;

	*value = 0;
	for (; i < max && more(p); i++) {
		const char c = p->s[p->at];
		uint32_t d;

		if (c >= '0' && c <= '9')
			d = (uint32_t)(c - '0');
		else if ((c | 32) >= 'a' && (c | 32) <= 'f')
			d = (uint32_t)((c | 32) - 'a') + 10;
		else
			break;
		*value = *value * 16 + d;
		p->at++;
	}
	return i < min || *value > 0x10ffff ? bad(p, "bad hexadecimal number")
					    : MM_OK;
}

/* The code point that an escape of a plain character stands for. */
static int escaped_char(struct parser *p, uint32_t *cp)
{
	static const char names[] = "nrtfvae", values[] = "\n\r\t\f\v\a\033";
	const char *at;
	int rc;

	if (take(p, "u"))
		return hex(p, 4, 4, cp);
	if (take(p, "x{")) {
		if ((rc = hex(p, 1, 8, cp)))
			return rc;
		return take(p, "}") ? MM_OK : bad(p, "missing '}'");
	}
	if (take(p, "x"))
		return hex(p, 1, 2, cp);
	if (take(p, "0")) {
		*cp = 0;
		return MM_OK;
	}
	*cp = mm_utf8_next(p->s, &p->at);
	if (*cp < 128 && *cp && (at = strchr(names, (int)*cp)))
		*cp = (uint32_t)values[at - names];
	else if (*cp < 128 && mm_u_class_ascii[*cp] & ~MM_U_SPACE)
		return bad(p, "unknown escape");
	return MM_OK;
}

/* \s \w \d \h \p{..} and their opposites; *known tells whether it was one. */
static int escaped_item(struct parser *p, struct mm_re_item *item,
			struct mm_re_set *hexes, bool *known)
{
	const char c = p->s[p->at];
	const char *end;

	*known = true;
	memset(item, 0, sizeof(*item));
	item->negate = c >= 'A' && c <= 'Z';
	switch (c | 32) {
	case 's': item->kind = RE_SPACE; break;
	case 'w': item->kind = RE_WORD; break;
	case 'd':
		item->kind = RE_CATEGORY;
		item->first = 1u << MM_ND;
		break;
	case 'h':
		item->kind = RE_CLASS;
		item->set = hexes;
		break;
	case 'p':
		if (p->at + 1 >= p->n || p->s[p->at + 1] != '{')
			return bad(p, "\\p without '{'");
		end = memchr(p->s + p->at, '}', p->n - p->at);
		if (!end || !mm_re_property(item, p->s + p->at + 2,
					    (size_t)(end - p->s) - p->at - 2))
			return bad(p, "unknown property");
		p->at = (size_t)(end - p->s) + 1;
		return MM_OK;
	default: *known = false; return MM_OK;
	}
	p->at++;
	return MM_OK;
}

static int hex_set(struct parser *p, struct mm_re_set **set)
{
	int rc = new_set(p, set);

	if (rc)
		return rc;
	(*set)->fold = false;
	if ((rc = add_item(p, *set, range_item('0', '9'))) ||
	    (rc = add_item(p, *set, range_item('a', 'f'))))
		return rc;
	return add_item(p, *set, range_item('A', 'F'));
}

static int posix_item(struct parser *p, struct mm_re_item *item, bool *known)
{
	static const struct {
		const char *name, *property;
	} names[] = { { "[:digit:]", "nd" },
		      { "[:space:]", "space" },
		      { "[:cntrl:]", "cc" },
		      { "[:^digit:]", "^nd" },
		      { "[:^space:]", "^space" } };

	*known = false;
	if (p->n - p->at < 2 || p->s[p->at + 1] != ':')
		return MM_OK;
	memset(item, 0, sizeof(*item));
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (!take(p, names[i].name))
			continue;
		*known = mm_re_property(item, names[i].property,
					strlen(names[i].property));
		return MM_OK;
	}
	return bad(p, "unknown POSIX class");
}

static int parse_class(struct parser *p, struct mm_re_set **out);

/* One element of a class that is no plain character. */
static int class_special(struct parser *p, struct mm_re_set *set, bool *done)
{
	struct mm_re_item item;
	struct mm_re_set *inner;
	int rc;

	*done = true;
	if (p->s[p->at] == '[') {
		if ((rc = posix_item(p, &item, done)))
			return rc;
		if (*done)
			return add_item(p, set, item);
		*done = true;
		p->at++;
		if ((rc = parse_class(p, &inner)))
			return rc;
		return add_item(
			p, set,
			(struct mm_re_item){ .kind = RE_CLASS, .set = inner });
	}
	*done = false;
	if (p->s[p->at] != '\\')
		return MM_OK;
	if (p->at + 1 >= p->n)
		return bad(p, "lonely '\\'");
	if ((rc = hex_set(p, &inner)))
		return rc;
	p->at++;
	if ((rc = escaped_item(p, &item, inner, done)))
		return rc;
	if (*done)
		return add_item(p, set, item);
	p->at--;
	return MM_OK;
}

static int class_char(struct parser *p, uint32_t *cp)
{
	if (take(p, "\\")) {
		if (take(p, "b")) {
			*cp = 8;
			return MM_OK;
		}
		return more(p) ? escaped_char(p, cp) : bad(p, "lonely '\\'");
	}
	*cp = mm_utf8_next(p->s, &p->at);
	return MM_OK;
}

static int class_element(struct parser *p, struct mm_re_set *set)
{
	uint32_t first, last;
	bool done;
	int rc;

	if ((rc = class_special(p, set, &done)) || done)
		return rc;
	if ((rc = class_char(p, &first)))
		return rc;
	last = first;
	if (p->n - p->at >= 2 && p->s[p->at] == '-' && p->s[p->at + 1] != ']') {
		p->at++;
		if (p->s[p->at] == '[')
			return bad(p, "class at the end of a range");
		if ((rc = class_char(p, &last)))
			return rc;
		if (last < first)
			return bad(p, "empty range");
	}
	return add_item(p, set, range_item(first, last));
}

/* A class behind its '['. */
static int parse_class(struct parser *p, struct mm_re_set **out)
{
	struct mm_re_set *set;
	bool first = true;
	int rc;

	if (++p->depth > MAX_DEPTH)
		return bad(p, "too deeply nested");
	if ((rc = new_set(p, &set)))
		return rc;
	set->negate = take(p, "^");
	*out = set;
	for (;; first = false) {
		if (!more(p))
			return bad(p, "missing ']'");
		if (!first && take(p, "]"))
			break;
		if (take(p, "&&")) {
			/* what follows, up to the ']', must hold as well */
			struct mm_re_set *rest;

			if ((rc = parse_class(p, &rest)))
				return rc;
			set->both = rest;
			break;
		}
		if ((rc = class_element(p, set)))
			return rc;
	}
	p->depth--;
	mm_re_set_finish(set);
	return MM_OK;
}

static int parse_alt(struct parser *p, struct mm_re_node **out);

/* Options of (?imx-imx: or (?imx-imx); p->at is behind "(?". */
static bool parse_options(struct parser *p)
{
	bool on = true;

	for (; more(p); p->at++) {
		switch (p->s[p->at]) {
		case 'i': p->fold = on; break;
		case 'm': p->dotall = on; break;
		case 'x': p->extended = on; break;
		case '-': on = false; break;
		case ':':
		case ')': return true;
		default: return false;
		}
	}
	return false;
}

/* The name of (?<name> or (?'name'; false where there is none. */
static bool skip_name(struct parser *p)
{
	const char close = p->s[p->at] == '<' ? '>' : '\'';
	const char *end = memchr(p->s + p->at + 1, close, p->n - p->at - 1);

	if (!end || end == p->s + p->at + 1)
		return false;
	p->at = (size_t)(end - p->s) + 1;
	return true;
}

static int close_group(struct parser *p)
{
	return take(p, ")") ? MM_OK : bad(p, "missing ')'");
}

static int parse_look(struct parser *p, bool behind, bool negate,
		      struct mm_re_node **out)
{
	int rc;

	if ((rc = new_node(p, RE_LOOK, out)))
		return rc;
	(*out)->behind = behind;
	(*out)->negate = negate;
	rc = parse_alt(p, &(*out)->a);
	return rc ? rc : close_group(p);
}

/* A group behind its '('. */
static int parse_group(struct parser *p, struct mm_re_node **out)
{
	const struct parser saved = *p;
	int rc;

	if (take(p, "?#")) {
		while (more(p) && p->s[p->at] != ')')
			p->at++;
		rc = new_node(p, RE_EMPTY, out);
		return rc ? rc : close_group(p);
	}
	if (take(p, "?="))
		return parse_look(p, false, false, out);
	if (take(p, "?!"))
		return parse_look(p, false, true, out);
	if (take(p, "?<="))
		return parse_look(p, true, false, out);
	if (take(p, "?<!"))
		return parse_look(p, true, true, out);
	if (take(p, "?>")) {
		if ((rc = new_node(p, RE_ATOMIC, out)) ||
		    (rc = parse_alt(p, &(*out)->a)))
			return rc;
		return close_group(p);
	}
	if (take(p, "?") && more(p)) {
		const bool named = p->s[p->at] == '<' || p->s[p->at] == '\'';

		if (named ? !skip_name(p) : !parse_options(p))
			return bad(p, "unknown kind of group");
		if (!named && take(p, ")")) /* to the end of the group */
			return parse_alt(p, out);
		if (!named)
			p->at++; /* the colon */
	}
	rc = parse_alt(p, out);
	p->fold = saved.fold;
	p->dotall = saved.dotall;
	p->extended = saved.extended;
	return rc ? rc : close_group(p);
}

static int anchor_node(struct parser *p, enum mm_re_anchor anchor,
		       struct mm_re_node **out)
{
	int rc = new_node(p, RE_AT, out);

	if (!rc)
		(*out)->anchor = anchor;
	return rc;
}

/* \R: CR LF as one, or one of the line ends. */
static int newline_node(struct parser *p, struct mm_re_node **out)
{
	struct parser sub = *p;
	static const char pattern[] =
		"(?>\\r\\n|[\\n-\\r\\u0085\\u2028\\u2029])";
	int rc;

	sub.s = pattern;
	sub.n = sizeof(pattern) - 1;
	sub.at = 0;
	rc = parse_alt(&sub, out);
	return rc;
}

static int parse_escape(struct parser *p, struct mm_re_node **out)
{
	static const char letters[] = "AzZbB";
	static const enum mm_re_anchor anchors[] = { RE_TEXT_START, RE_TEXT_END,
						     RE_TEXT_END_NL, RE_BORDER,
						     RE_NO_BORDER };
	struct mm_re_item item;
	struct mm_re_set *hexes;
	const char *at;
	uint32_t cp;
	bool known;
	int rc;

	if (!more(p))
		return bad(p, "lonely '\\'");
	if ((at = strchr(letters, p->s[p->at])) && *at) {
		p->at++;
		return anchor_node(p, anchors[at - letters], out);
	}
	if (take(p, "R"))
		return newline_node(p, out);
	if ((rc = hex_set(p, &hexes)) ||
	    (rc = escaped_item(p, &item, hexes, &known)))
		return rc;
	if (item.kind == RE_WORD && known)
		item.kind = RE_WORD_LATIN;
	if (known)
		return item_node(p, item, out);
	if ((rc = escaped_char(p, &cp)))
		return rc;
	return item_node(p, range_item(cp, cp), out);
}

static int any_node(struct parser *p, struct mm_re_node **out)
{
	int rc;

	if (p->dotall)
		return item_node(p, range_item(0, 0x10ffff), out);
	if ((rc = item_node(p, range_item('\n', '\n'), out)))
		return rc;
	(*out)->set->fold = false;
	(*out)->set->negate = true;
	mm_re_set_finish((*out)->set);
	return MM_OK;
}

static int parse_atom(struct parser *p, struct mm_re_node **out)
{
	uint32_t cp;
	int rc;

	if (take(p, "(")) {
		if (++p->depth > MAX_DEPTH)
			return bad(p, "too deeply nested");
		rc = parse_group(p, out);
		p->depth--;
		return rc;
	}
	if (take(p, "[")) {
		if ((rc = new_node(p, RE_SET, out)))
			return rc;
		return parse_class(p, &(*out)->set);
	}
	if (take(p, "\\"))
		return parse_escape(p, out);
	if (take(p, "."))
		return any_node(p, out);
	if (take(p, "^"))
		return anchor_node(p, RE_LINE_START, out);
	if (take(p, "$"))
		return anchor_node(p, RE_LINE_END, out);
	if (strchr("*+?", p->s[p->at]) && p->s[p->at])
		return bad(p, "nothing to repeat");
	cp = mm_utf8_next(p->s, &p->at);
	return item_node(p, range_item(cp, cp), out);
}

/* {n}, {n,}, {,m}, {n,m} behind its '{'; false where it is plain text. */
static bool parse_counts(struct parser *p, int *min, int *max)
{
	const size_t start = p->at;
	int v[2] = { -1, -1 }, i = 0;

	for (; more(p) && p->s[p->at] != '}'; p->at++) {
		const char c = p->s[p->at];

		if (c == ',' && i == 0)
			i = 1;
		else if (c >= '0' && c <= '9' && v[i] <= MAX_COUNT)
			v[i] = (v[i] < 0 ? 0 : v[i]) * 10 + (c - '0');
		else
			break;
	}
	if (!take(p, "}") || (v[0] < 0 && v[1] < 0)) {
		p->at = start;
		return false;
	}
	*min = v[0] < 0 ? 0 : v[0];
	*max = i == 0 ? v[0] : v[1] < 0 ? MM_RE_INF : v[1];
	return true;
}

static bool parse_quantifier(struct parser *p, struct mm_re_node *rep)
{
	bool counted = false;

	rep->min = 0;
	rep->max = MM_RE_INF;
	if (take(p, "+"))
		rep->min = 1;
	else if (take(p, "?"))
		rep->max = 1;
	else if (take(p, "{")) {
		counted = true;
		if (!parse_counts(p, &rep->min, &rep->max)) {
			p->at--;
			return false;
		}
	} else if (!take(p, "*"))
		return false;
	if (take(p, "?"))
		rep->lazy = true;
	else if (!counted && take(p, "+"))
		rep->possessive = true;
	return true;
}

/* White space and comments of (?x). */
static bool skip_blank(struct parser *p)
{
	if (strchr(" \t\n\r\f\v", p->s[p->at])) {
		p->at++;
		return true;
	}
	if (p->s[p->at] != '#')
		return false;
	while (more(p) && p->s[p->at] != '\n')
		p->at++;
	return true;
}

static int parse_cat(struct parser *p, struct mm_re_node **out)
{
	int rc = new_node(p, RE_EMPTY, out);

	while (!rc && more(p) && p->s[p->at] != '|' && p->s[p->at] != ')') {
		struct mm_re_node *atom, *rep;

		if (p->extended && skip_blank(p))
			continue;
		if ((rc = parse_atom(p, &atom)))
			break;
		for (;;) {
			if ((rc = new_node(p, RE_REP, &rep)))
				return rc;
			if (!more(p) || !parse_quantifier(p, rep))
				break;
			if (rep->min > MAX_COUNT || rep->min > rep->max ||
			    (rep->max != MM_RE_INF && rep->max > MAX_COUNT))
				return bad(p, "bad count of repetitions");
			rep->a = atom;
			atom = rep;
			if (++p->depth > MAX_DEPTH)
				return bad(p, "too deeply nested");
		}
		for (rep = atom; rep->kind == RE_REP; rep = rep->a)
			p->depth--;
		rc = join(p, RE_CAT, out, atom);
	}
	return rc;
}

static int parse_alt(struct parser *p, struct mm_re_node **out)
{
	int rc = parse_cat(p, out);

	while (!rc && take(p, "|")) {
		struct mm_re_node *right;

		if (!(rc = parse_cat(p, &right)))
			rc = join(p, RE_ALT, out, right);
	}
	return rc;
}

int mm_re_parse(struct mm_re_node **root, struct mm_arena *arena,
		const char *pattern, size_t len, struct mm_err *err)
{
	struct parser p = {
		.arena = arena, .s = pattern, .n = len, .err = err
	};
	const size_t valid = mm_utf8_valid(pattern, len);
	int rc;

	if (valid < len || memchr(pattern, 0, len))
		return bad(&p, "bad UTF-8 or a NUL");
	if (len > MAX_PATTERN)
		return bad(&p, "too long");
	if ((rc = parse_alt(&p, root)))
		return rc;
	return more(&p) ? bad(&p, "unmatched ')'") : MM_OK;
}
