/*
 * ptb.c - from captions to Penn Treebank tokens (ptb.h): the text as UTF-16,
 * the scanner over ptb_rules.c, what each action makes of a token, and lower
 * case as Java sees it.
 */
#include <string.h>

#include "base/mem.h"
#include "metric/ptb.h"
#include "metric/ptb_rules.h"
#include "metric/unicode.h"

struct mm_ptb {
	struct mm_lexer *lexer;
	uint16_t *text; /* all captions, '\n' between them */
	size_t n, cap;
	struct mm_buf token, lower, line;
	bool begun; /* the line has a token */
};

int mm_ptb_new(struct mm_ptb **ptb, struct mm_err *err)
{
	struct mm_ptb *p = mm_calloc(1, sizeof(*p));
	int rc;

	*ptb = NULL;
	if (!p)
		return mm_fail_nomem(err, "the tokenizer");
	rc = mm_lexer_new(&p->lexer, mm_ptb_defs, mm_ptb_rules, mm_ptb_n_rules,
			  err);
	if (rc)
		mm_ptb_free(p);
	else
		*ptb = p;
	return rc;
}

void mm_ptb_free(struct mm_ptb *p)
{
	if (!p)
		return;
	mm_lexer_free(p->lexer);
	mm_free(p->text);
	mm_buf_release(&p->token);
	mm_buf_release(&p->lower);
	mm_buf_release(&p->line);
	mm_free(p);
}

/* The captions as UTF-16, a '\n' within one being a blank. */
static int load_text(struct mm_ptb *p, const struct mm_lines *in,
		     struct mm_err *err)
{
	size_t need;

	/* No byte makes more than one unit. */
	if (!mm_add_ok(&need, in->bytes.len, in->n))
		return mm_fail_nomem(err, "the tokenizer's text");
	if (need > p->cap) {
		mm_free(p->text);
		p->cap = 0;
		p->text = mm_malloc(need, sizeof(*p->text));
		if (!p->text)
			return mm_fail_nomem(err, "the tokenizer's text");
		p->cap = need;
	}
	p->n = 0;
	for (size_t i = 0; i < in->n; i++) {
		struct mm_line s = mm_lines_at(in, i);

		if (i)
			p->text[p->n++] = '\n';
		for (size_t k = 0; k < s.len;) {
			uint32_t c = mm_unicode_next(s.s, s.len, &k);

			if (c == '\n')
				c = ' ';
			if (c >= 0x10000) {
				c -= 0x10000;
				p->text[p->n++] = (uint16_t)(0xD800 | c >> 10);
				c = 0xDC00 | (c & 0x3FF);
			}
			p->text[p->n++] = (uint16_t)c;
		}
	}
	return 0;
}

static bool is_high(uint16_t u)
{
	return (u & 0xFC00) == 0xD800;
}

static bool is_low(uint16_t u)
{
	return (u & 0xFC00) == 0xDC00;
}

/* Units as UTF-8; half a pair becomes '?', as in Java. */
static void put_units(struct mm_buf *out, const uint16_t *u, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (u[i] < 0x80)
			mm_buf_addc(out, (char)u[i]);
		else if (is_high(u[i]) && i + 1 < n && is_low(u[i + 1])) {
			mm_unicode_put(out, 0x10000 + ((u[i] & 0x3FFU) << 10) +
						    (u[i + 1] & 0x3FFU));
			i++;
		} else if (is_high(u[i]) || is_low(u[i])) {
			mm_buf_addc(out, '?');
		} else {
			mm_unicode_put(out, u[i]);
		}
	}
}

/* The length of ASCII `word` if u[0..n) begins with it, else 0. */
static size_t begins(const uint16_t *u, size_t n, const char *word, bool fold)
{
	size_t len = strlen(word);

	if (len > n)
		return 0;
	for (size_t i = 0; i < len; i++) {
		uint16_t c = u[i];

		if (fold && c >= 'A' && c <= 'Z')
			c = (uint16_t)(c + 32);
		if (c != (unsigned char)word[i])
			return 0;
	}
	return len;
}

static void put_soft(struct mm_buf *out, const uint16_t *u, size_t n)
{
	size_t from = out->len;

	for (size_t i = 0; i < n; i++)
		if (u[i] != 0xAD)
			put_units(out, u + i, 1);
	if (out->len == from)
		mm_buf_addc(out, '-');
}

static void put_amp(struct mm_buf *out, const uint16_t *u, size_t n)
{
	for (size_t i = 0; i < n;) {
		size_t len = begins(u + i, n - i, "&amp;", true);

		if (len)
			mm_buf_addc(out, '&');
		else
			put_units(out, u + i, 1);
		i += len ? len : 1;
	}
}

/* Blanks glued (no-break) and parentheses spelt, as asked. */
static void put_glued(struct mm_buf *out, const uint16_t *u, size_t n,
		      bool glue, bool paren)
{
	for (size_t i = 0; i < n; i++) {
		bool pair = is_high(u[i]) && i + 1 < n && is_low(u[i + 1]);

		if (glue && u[i] == ' ')
			mm_unicode_put(out, 0xA0);
		else if (paren && u[i] == '(')
			mm_buf_adds(out, "-LRB-");
		else if (paren && u[i] == ')')
			mm_buf_adds(out, "-RRB-");
		else
			put_units(out, u + i, pair ? 2 : 1);
		i += pair;
	}
}

/* Quotation marks to ` `` ' ''; those that show no side take `open`. */
static void put_quotes(struct mm_buf *out, const uint16_t *u, size_t n,
		       bool open)
{
	for (size_t i = 0; i < n;) {
		size_t one = begins(u + i, n - i, "&apos;", false);
		size_t two = begins(u + i, n - i, "&quot;", false);

		if (one || two) {
			mm_buf_adds(out, &(open ? "``" : "''")[!two]);
			i += one + two;
			continue;
		}
		switch (u[i]) {
		case '\'': mm_buf_addc(out, open ? '`' : '\''); break;
		case '"': mm_buf_adds(out, open ? "``" : "''"); break;
		case 0x91: /* Windows-1252's quotes, not decoded */
		case 0x2018:
		case 0x201B:
		case 0x2039: mm_buf_addc(out, '`'); break;
		case 0x92:
		case 0x2019:
		case 0x203A: mm_buf_addc(out, '\''); break;
		case 0x93:
		case 0x201C:
		case 0xAB: mm_buf_adds(out, "``"); break;
		case 0x94:
		case 0x201D:
		case 0xBB: mm_buf_adds(out, "''"); break;
		default: put_units(out, u + i, 1);
		}
		i++;
	}
}

static void put_money(struct mm_buf *out, const uint16_t *u, size_t n)
{
	switch (*u) {
	case 0xA2: mm_buf_adds(out, "cents"); break;
	case 0xA3: mm_buf_addc(out, '#'); break;
	case 0x80:
	case 0xA4:
	case 0x20A0:
	case 0x20AC: mm_buf_addc(out, '$'); break;
	default: put_units(out, u, n);
	}
}

static void put_fraction(struct mm_buf *out, const uint16_t *u, size_t n)
{
	static const struct {
		uint16_t unit;
		const char *text;
	} known[] = {
		{ 0xBC, "1/4" },   { 0xBD, "1/2" },   { 0xBE, "3/4" },
		{ 0x2153, "1/3" }, { 0x2154, "2/3" },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (known[i].unit == *u) {
			mm_buf_adds(out, known[i].text);
			return;
		}
	}
	put_units(out, u, n);
}

/* Actions whose token does not depend on the text that matched. */
static const char *fixed_token(enum mm_ptb_action action, size_t n)
{
	switch (action) {
	case MM_PTB_HYPHENS: return n == 3 || n == 4 ? "--" : NULL;
	case MM_PTB_DASH: return "--";
	case MM_PTB_DOTS: return "...";
	case MM_PTB_LESS: return "<";
	case MM_PTB_GREATER: return ">";
	case MM_PTB_LRB: return "-LRB-";
	case MM_PTB_RRB: return "-RRB-";
	case MM_PTB_LCB: return "-LCB-";
	case MM_PTB_RCB: return "-RCB-";
	case MM_PTB_LSB: return "-LSB-";
	case MM_PTB_RSB: return "-RSB-";
	default: return NULL;
	}
}

/* p->token from text[pos..*end); *end moves back where text comes again. */
static void make_token(struct mm_ptb *p, enum mm_ptb_action action, size_t pos,
		       size_t *end)
{
	const uint16_t *u = p->text + pos;
	size_t n = *end - pos;
	const char *fixed = fixed_token(action, n);
	struct mm_buf *out = &p->token;

	mm_buf_clear(out);
	if (fixed) {
		mm_buf_adds(out, fixed);
		return;
	}
	switch (action) {
	case MM_PTB_SOFT: put_soft(out, u, n); return;
	case MM_PTB_AMP: put_amp(out, u, n); return;
	case MM_PTB_GLUE:
	case MM_PTB_GLUE_PAREN:
	case MM_PTB_PAREN:
		put_glued(out, u, n, action != MM_PTB_PAREN,
			  action != MM_PTB_GLUE);
		return;
	case MM_PTB_OPEN:
	case MM_PTB_CLOSE: put_quotes(out, u, n, action == MM_PTB_OPEN); return;
	case MM_PTB_MONEY: put_money(out, u, n); return;
	case MM_PTB_FRACTION: put_fraction(out, u, n); return;
	case MM_PTB_LESS_2:
	case MM_PTB_LESS_3:
		n -= action == MM_PTB_LESS_2 ? 2 : 3;
		*end = pos + n;
		break;
	case MM_PTB_STOP: --*end; break;
	case MM_PTB_INITIAL:
		n -= n == 2;
		*end = n == 1 ? pos + 1 : *end - 1;
		break;
	default: break;
	}
	put_units(out, u, n);
}

static bool is_punctuation(const char *s, size_t n)
{
	static const char *const drop[] = {
		"''", "'", "``", "`", "-LRB-", "-RRB-", "-LCB-", "-RCB-", ".",
		"?",  "!", ",",	 ":", "-",     "--",	"...",	 ";",
	};

	if (n > 5 || (*s >= 'a' && *s <= 'z'))
		return false;
	for (size_t i = 0; i < sizeof(drop) / sizeof(drop[0]); i++)
		if (strlen(drop[i]) == n && !memcmp(drop[i], s, n))
			return true;
	return false;
}

/* The finished line goes out, without punctuation unless it is wanted. */
static int end_line(struct mm_ptb *p, struct mm_lines *out, bool punctuation,
		    struct mm_err *err)
{
	const char *s = mm_buf_str(&p->line);
	size_t n = mm_unicode_strip_end(s, p->line.len), from = 0;
	bool first = true;
	int rc = mm_buf_check(&p->line, "the tokenizer's line", err);

	if (rc)
		return rc;
	for (size_t i = 0; i <= n; i++) {
		const char *blank = memchr(s + i, ' ', n - i);

		i = blank ? (size_t)(blank - s) : n;
		if (punctuation || !is_punctuation(s + from, i - from)) {
			if (!first)
				mm_buf_addc(&out->bytes, ' ');
			mm_buf_add(&out->bytes, s + from, i - from);
			first = false;
		}
		from = i + 1;
	}
	mm_buf_clear(&p->line);
	return mm_lines_end(out, err);
}

/* Plain ASCII of a word, the usual case, straight onto the line. */
static bool add_plain(struct mm_ptb *p, const uint16_t *u, size_t n)
{
	uint16_t all = 0;
	char *to;

	for (size_t i = 0; i < n; i++)
		all |= u[i];
	if (all >= 0x80)
		return false;
	to = mm_buf_reserve(&p->line, n + 1);
	if (!to)
		return false;
	if (p->begun)
		*to++ = ' ';
	for (size_t i = 0; i < n; i++)
		to[i] = (char)(u[i] >= 'A' && u[i] <= 'Z' ? u[i] + 32 : u[i]);
	to[n] = 0;
	p->line.len += n + p->begun;
	p->begun = true;
	return true;
}

/* p->token, lower case, onto the line; a '\n' within it ends the line. */
static int add_token(struct mm_ptb *p, struct mm_lines *out, bool punctuation,
		     struct mm_err *err)
{
	const char *s, *eol;
	size_t n;
	int rc;

	mm_buf_clear(&p->lower);
	mm_unicode_lower(&p->lower, mm_buf_str(&p->token), p->token.len, true);
	rc = mm_buf_check(&p->token, "a token", err);
	if (!rc)
		rc = mm_buf_check(&p->lower, "a token", err);
	if (rc)
		return rc;
	if (p->begun)
		mm_buf_addc(&p->line, ' ');
	p->begun = true;
	s = mm_buf_str(&p->lower);
	n = p->lower.len;
	while ((eol = memchr(s, '\n', n))) {
		mm_buf_add(&p->line, s, (size_t)(eol - s));
		rc = end_line(p, out, punctuation, err);
		if (rc)
			return rc;
		n -= (size_t)(eol - s) + 1;
		s = eol + 1;
	}
	mm_buf_add(&p->line, s, n);
	return 0;
}

int mm_ptb_tokenize(struct mm_ptb *p, struct mm_lines *out,
		    const struct mm_lines *in, bool punctuation,
		    struct mm_err *err)
{
	size_t end;
	int rc = load_text(p, in, err), rule;

	mm_lines_clear(out);
	mm_buf_clear(&p->line);
	p->begun = false;
	if (rc || !in->n)
		return rc;
	mm_lexer_begin(p->lexer, p->text, p->n);
	for (size_t pos = 0; pos < p->n; pos = end) {
		enum mm_ptb_action action = MM_PTB_SKIP;

		rc = mm_lexer_match(p->lexer, pos, &rule, &end, err);
		if (rc)
			return rc;
		if (rule >= 0)
			action = (enum mm_ptb_action)mm_ptb_rules[rule].action;
		else
			end = pos + 1;
		if (action == MM_PTB_SKIP)
			continue;
		if (action == MM_PTB_LINE) {
			if (p->text[end - 1] != '\n')
				continue;
			rc = end_line(p, out, punctuation, err);
			p->begun = false;
		} else if (action != MM_PTB_SOFT ||
			   !add_plain(p, p->text + pos, end - pos)) {
			make_token(p, action, pos, &end);
			rc = add_token(p, out, punctuation, err);
		}
		if (rc)
			return rc;
	}
	return end_line(p, out, punctuation, err);
}
