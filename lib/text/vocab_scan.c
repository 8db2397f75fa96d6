/* vocab_scan.c - see vocab_scan.h. */
#include "text/vocab_scan.h"

#include <string.h>

#include "text/unicode.h"

enum { MAX_DEPTH = 64 };

struct scan {
	const char *p, *end;
	struct mm_buf decoded[2]; /* of strings with escapes */
};

static void blanks(struct scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\n' ||
				 *s->p == '\r' || *s->p == '\t'))
		s->p++;
}

static bool take(struct scan *s, char c)
{
	blanks(s);
	if (s->p == s->end || *s->p != c)
		return false;
	s->p++;
	return true;
}

static bool hex4(struct scan *s, uint32_t *out)
{
	*out = 0;
	if (s->end - s->p < 4)
		return false;
	for (int i = 0; i < 4; i++, s->p++) {
		const char c = *s->p, lower = (char)(c | 32);

		if (c >= '0' && c <= '9')
			*out = *out << 4 | (uint32_t)(c - '0');
		else if (lower >= 'a' && lower <= 'f')
			*out = *out << 4 | (uint32_t)(lower - 'a' + 10);
		else
			return false;
	}
	return true;
}

/* Behind a backslash. */
static bool escape(struct scan *s, struct mm_buf *out)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *at;
	uint32_t c, low;

	if (s->p == s->end)
		return false;
	if (*s->p != 'u') {
		if (!(at = memchr(from, *s->p++, sizeof(from) - 1)))
			return false;
		mm_buf_addc(out, to[at - from]);
		return true;
	}
	s->p++;
	if (!hex4(s, &c) || !c || (c >= 0xdc00 && c < 0xe000))
		return false;
	if (c >= 0xd800 && c < 0xdc00) {
		if (s->end - s->p < 2 || s->p[0] != '\\' || s->p[1] != 'u')
			return false;
		s->p += 2;
		if (!hex4(s, &low) || low < 0xdc00 || low >= 0xe000)
			return false;
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
	}
	mm_utf8_add(out, c);
	return true;
}

/* The rest of a string whose first escape is at s->p. */
static bool decode(struct scan *s, struct mm_buf *out, const char *begin)
{
	mm_buf_clear(out);
	mm_buf_add(out, begin, (size_t)(s->p - begin));
	while (s->p < s->end && *s->p != '"') {
		if ((unsigned char)*s->p < ' ')
			return false;
		if (*s->p == '\\') {
			s->p++;
			if (!escape(s, out))
				return false;
		} else {
			mm_buf_addc(out, *s->p++);
		}
	}
	return s->p < s->end && !out->failed;
}

/* A string; `slot` says whose memory it may need. */
static bool string(struct scan *s, struct mm_str *out, int slot)
{
	const char *begin;
	unsigned char seen = 0;

	if (!take(s, '"'))
		return false;
	for (begin = s->p; s->p < s->end; s->p++) {
		const unsigned char c = (unsigned char)*s->p;

		seen |= c;
		if (c == '"' || c == '\\' || c < ' ')
			break;
	}
	if (s->p == s->end || (unsigned char)*s->p < ' ')
		return false;
	out->s = begin;
	out->n = (size_t)(s->p - begin);
	if (*s->p == '\\') {
		if (!decode(s, &s->decoded[slot], begin))
			return false;
		out->s = s->decoded[slot].data;
		out->n = s->decoded[slot].len;
		seen = 0x80;
	}
	s->p++;
	return seen < 0x80 || mm_utf8_valid(out->s, out->n) == out->n;
}

static bool number(struct scan *s, int64_t *out)
{
	const char *begin;

	blanks(s);
	*out = 0;
	for (begin = s->p;
	     s->p < s->end && s->p - begin < 10 && *s->p >= '0' && *s->p <= '9';
	     s->p++)
		*out = *out * 10 + (*s->p - '0');
	return s->p > begin && s->p - begin < 10 &&
	       (s->p == s->end || !strchr(".eE", *s->p));
}

static void release(struct scan *s)
{
	mm_buf_release(&s->decoded[0]);
	mm_buf_release(&s->decoded[1]);
}

int mm_vocab_scan_tokens(struct mm_tokenizer *tok, struct mm_str json,
			 bool *known, struct mm_err *err)
{
	enum { BYTES = 16 }; /* of a token and its id, at a guess */
	struct scan s = { .p = json.s, .end = json.s + json.n };
	struct mm_str token;
	int64_t id;
	int rc = mm_vocab_reserve(tok, json.n / BYTES, err);

	*known = !rc && take(&s, '{');
	while (!rc && *known) {
		const size_t before = tok->ids.n;

		*known = string(&s, &token, 0) && take(&s, ':') &&
			 number(&s, &id) && (size_t)id <= json.n;
		if (!*known)
			break;
		rc = mm_vocab_put(tok, token.s, token.n, id, err);
		*known = tok->ids.n > before; /* else it was there before */
		if (!take(&s, ','))
			break;
	}
	*known = *known && take(&s, '}');
	blanks(&s);
	*known = *known && s.p == s.end;
	release(&s);
	return rc;
}

static bool merge(struct scan *s, struct mm_str *a, struct mm_str *b)
{
	const char *blank;

	if (take(s, '['))
		return string(s, a, 0) && take(s, ',') && string(s, b, 1) &&
		       take(s, ']');
	if (!string(s, a, 0) || !(blank = memchr(a->s, ' ', a->n)))
		return false;
	b->s = blank + 1;
	b->n = a->n - (size_t)(blank - a->s) - 1;
	a->n = (size_t)(blank - a->s);
	return !memchr(b->s, ' ', b->n) &&
	       !(a->n >= 8 && !memcmp(a->s, "#version", 8));
}

int mm_vocab_scan_merges(struct mm_tokenizer *tok, struct mm_str json,
			 bool *known, struct mm_err *err)
{
	struct scan s = { .p = json.s, .end = json.s + json.n };
	struct mm_str a, b;
	int rc = mm_bpe_reserve(tok, tok->ids.n, err);
	bool more = take(&s, '[');

	*known = more;
	blanks(&s);
	if (more && s.p < s.end && *s.p == ']')
		more = false;
	for (; more && !rc; more = take(&s, ',')) {
		if (!(*known = merge(&s, &a, &b)))
			break;
		rc = mm_bpe_add_merge(tok, a, b, err);
	}
	*known = *known && take(&s, ']');
	if (!rc && !*known)
		mm_bpe_forget(tok);
	release(&s);
	return rc;
}

/* ---- where they lie ---- */

/* Behind a string that begins at s->p. */
static bool skip_string(struct scan *s)
{
	for (s->p++; s->p < s->end; s->p++) {
		if (*s->p == '"') {
			s->p++;
			return true;
		}
		s->p += *s->p == '\\';
	}
	return false;
}

/* Behind a value of any kind. */
static bool skip_value(struct scan *s)
{
	/* The rest is numbers, words, colons and blanks. */
	static const bool matters[256] = {
		['"'] = true, ['{'] = true, ['}'] = true,
		['['] = true, [']'] = true, [','] = true,
	};
	int depth = 0;

	blanks(s);
	for (;;) {
		while (s->p < s->end && !matters[(unsigned char)*s->p])
			s->p++;
		if (s->p == s->end)
			return false;
		if (*s->p == '"') {
			if (!skip_string(s))
				return false;
		} else if (*s->p == '{' || *s->p == '[') {
			depth++;
			s->p++;
		} else if (!depth) {
			return true; /* the end of what holds it, or a comma */
		} else {
			depth -= *s->p != ',';
			s->p++;
			if (depth)
				continue;
		}
		if (!depth)
			return true;
	}
}

/*
 * The next member of the object that s->p is in: its key, and s->p in front of
 * its value.  False at the end of it.
 */
static bool next_member(struct scan *s, struct mm_str *key)
{
	if (!string(s, key, 0) || !take(s, ':'))
		return false;
	blanks(s);
	return true;
}

static bool is(struct mm_str key, const char *name)
{
	return key.n == strlen(name) && !memcmp(key.s, name, key.n);
}

/* s->p in front of the value of "model". */
static bool find_model(struct scan *s)
{
	struct mm_str key;

	if (!take(s, '{'))
		return false;
	do {
		if (!next_member(s, &key))
			return false;
		if (is(key, "model"))
			return true;
		if (!skip_value(s))
			return false;
	} while (take(s, ','));
	return false;
}

static bool find_parts(struct scan *s, struct mm_str *vocab,
		       struct mm_str *merges)
{
	struct mm_str key, value;

	if (!take(s, '{'))
		return false;
	do {
		if (!next_member(s, &key))
			return false;
		value.s = s->p;
		if (is(key, "merges") && !vocab->s)
			return false;
		if (!skip_value(s))
			return false;
		value.n = (size_t)(s->p - value.s);
		if (is(key, "vocab"))
			*vocab = value;
		if (is(key, "merges"))
			*merges = value;
	} while (!merges->s && take(s, ','));
	return true;
}

bool mm_vocab_scan_find(struct mm_str file, struct mm_str *vocab,
			struct mm_str *merges)
{
	struct scan s = { .p = file.s, .end = file.s + file.n };
	bool found;

	*vocab = *merges = (struct mm_str){ 0 };
	found = find_model(&s) && find_parts(&s, vocab, merges) && vocab->n &&
		vocab->s[0] == '{' && (!merges->s || merges->s[0] == '[');
	release(&s);
	return found;
}
