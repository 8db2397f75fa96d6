/*
 * pretok.c - the "pre_tokenizer" of tokenizer.json: text to words.
 *
 * Each step takes the spans of the text and puts what they are cut into in
 * their place; added tokens pass through.  Steps that change the text (byte
 * level, metaspace) write it anew into the other buffer.
 */
#include <string.h>

#include "base/mem.h"
#include "text/pretok_scan.h"
#include "text/tokenizer_impl.h"
#include "text/unicode.h"

int mm_spans_grow(struct mm_spans *s, struct mm_err *err)
{
	const size_t cap = s->cap ? 2 * s->cap : 64;
	struct mm_span *v = mm_realloc(s->v, cap, sizeof(*v));

	if (!v)
		return mm_fail_nomem(err, "the words of a text");
	s->v = v;
	s->cap = cap;
	return MM_OK;
}

/* What one span is cut into goes to w->next; offsets are those of w->text. */
struct cut {
	struct mm_token_work *w;
	const char *s; /* the span's text */
	size_t off, n;
	unsigned flags; /* of the span */
	struct mm_err *err;
};

static int put(struct cut *c, size_t from, size_t to, unsigned flags)
{
	if (from == to)
		return MM_OK;
	if (from == 0)
		flags |= c->flags & MM_SPAN_FIRST;
	return mm_spans_add(&c->w->next,
			    (struct mm_span){ .off = c->off + from,
					      .len = to - from,
					      .id = -1,
					      .flags = flags },
			    c->err);
}

static int match(struct cut *c, size_t from, size_t to, bool is_match)
{
	return mm_spans_add(&c->w->matches,
			    (struct mm_span){ .off = from,
					      .len = to - from,
					      .id = is_match },
			    c->err);
}

/* Matches from the last to the first: each one joins what comes after it. */
static int merge_next(struct cut *c, struct mm_spans *m)
{
	size_t kept = m->n;
	bool previous = false;
	int rc;

	for (size_t i = m->n; i-- > 0;) {
		const struct mm_span x = m->v[i];

		if (x.id && !previous && kept < m->n) {
			m->v[kept].len += m->v[kept].off - x.off;
			m->v[kept].off = x.off;
		} else {
			m->v[--kept] = x;
		}
		previous = x.id;
	}
	for (size_t i = kept; i < m->n; i++)
		if ((rc = put(c, m->v[i].off, m->v[i].off + m->v[i].len, 0)))
			return rc;
	return MM_OK;
}

/* The matches and what lies between them, as the behaviour says. */
static int behave(struct cut *c, enum mm_behavior how, bool invert)
{
	struct mm_spans *m = &c->w->matches;
	size_t from = 0, to = 0;
	bool open = false, previous = false;
	int rc;

	for (size_t i = 0; i < m->n; i++)
		m->v[i].id = (m->v[i].id != 0) != invert;
	if (how == SPLIT_NEXT)
		return merge_next(c, m);
	for (size_t i = 0; i < m->n; i++) {
		const struct mm_span *x = &m->v[i];
		const bool is_match = x->id;
		bool join = false;

		if (how == SPLIT_REMOVED && is_match)
			continue;
		if (how == SPLIT_PREVIOUS)
			join = open && is_match && !previous;
		else if (how == SPLIT_CONTIGUOUS)
			join = open && is_match == previous;
		if (!join) {
			if ((rc = put(c, from, to, 0)))
				return rc;
			from = x->off;
		}
		to = x->off + x->len;
		open = true;
		previous = is_match;
	}
	return put(c, from, to, 0);
}

static int by_regex(struct cut *c, const struct mm_pretok *p)
{
	struct mm_regex_iter it = { .last = SIZE_MAX };
	size_t done = 0;

	for (;;) {
		int rc = mm_regex_next(p->re, &c->w->re, c->s, c->n, &it,
				       c->err);

		if (rc)
			return rc;
		if (it.start == SIZE_MAX)
			break;
		if (it.start != done && (rc = match(c, done, it.start, false)))
			return rc;
		if ((rc = match(c, it.start, it.end, true)))
			return rc;
		done = it.end;
	}
	return done < c->n ? match(c, done, c->n, false) : MM_OK;
}

static int by_string(struct cut *c, const struct mm_str *p)
{
	size_t done = 0;
	int rc;

	for (size_t i = 0; p->n && i + p->n <= c->n;) {
		if (memcmp(c->s + i, p->s, p->n) != 0) {
			i++;
			continue;
		}
		if (i != done && (rc = match(c, done, i, false)))
			return rc;
		if ((rc = match(c, i, i + p->n, true)))
			return rc;
		done = i += p->n;
	}
	return done < c->n ? match(c, done, c->n, false) : MM_OK;
}

static bool char_matches(const struct mm_pretok *p, uint32_t cp)
{
	switch (p->kind) {
	case PRE_DIGITS: return mm_u_numeric(cp);
	case PRE_PUNCTUATION: return mm_u_punct(cp);
	case PRE_WHITESPACE_SPLIT: return mm_u_space(cp);
	case PRE_CHAR: return cp == p->delimiter;
	default: return false;
	}
}

/* Each code point of the class is a match by itself. */
static int by_char(struct cut *c, const struct mm_pretok *p)
{
	size_t done = 0;
	int rc;

	for (size_t i = 0, from; i < c->n;) {
		from = i;
		if (!char_matches(p, mm_utf8_next(c->s, &i)))
			continue;
		if (done < from && (rc = match(c, done, from, false)))
			return rc;
		if ((rc = match(c, from, i, true)))
			return rc;
		done = i;
	}
	return done < c->n ? match(c, done, c->n, false) : MM_OK;
}

static int by_length(struct cut *c, size_t length)
{
	size_t from = 0, count = 0;
	int rc;

	for (size_t i = 0; i < c->n;) {
		mm_utf8_next(c->s, &i);
		if (++count < length && i < c->n)
			continue;
		if ((rc = put(c, from, i, 0)))
			return rc;
		from = i;
		count = 0;
	}
	return MM_OK;
}

static int scanned(void *ctx, size_t from, size_t to, unsigned flags)
{
	return put(ctx, from, to, flags);
}

static int cut_span(struct cut *c, const struct mm_pretok *p,
		    const struct mm_span *span)
{
	int rc;

	c->w->matches.n = 0;
	switch (p->kind) {
	case PRE_CLIP: return mm_scan_clip(c->s, c->n, scanned, c);
	case PRE_OPEN_CLIP: return mm_scan_open_clip(c->s, c->n, scanned, c);
	case PRE_BYTE_LEVEL:
	case PRE_GPT2:
		if (span->flags & MM_SPAN_WHOLE ||
		    (p->kind == PRE_BYTE_LEVEL && !p->use_regex))
			return put(c, 0, c->n, span->flags);
		return mm_scan_gpt2(c->s, c->n, scanned, c);
	case PRE_WHITESPACE: return mm_scan_words(c->s, c->n, scanned, c);
	case PRE_BERT: return mm_scan_bert(c->s, c->n, scanned, c);
	case PRE_FIXED: return by_length(c, p->length);
	case PRE_SPLIT_REGEX: rc = by_regex(c, p); break;
	case PRE_SPLIT_STRING:
	case PRE_METASPACE: rc = by_string(c, &p->pattern); break;
	default: rc = by_char(c, p); break;
	}
	return rc ? rc : behave(c, p->behavior, p->invert);
}

/* w->text with some spans written anew: `fresh` tells how. */
typedef void rewrite_fn(const struct mm_pretok *p, const char *s, size_t n,
			unsigned flags, struct mm_buf *out);

static int rewrite(struct mm_token_work *w, const struct mm_pretok *p,
		   rewrite_fn *fn, struct mm_err *err)
{
	struct mm_buf old;

	mm_buf_clear(&w->other);
	for (size_t i = 0; i < w->spans.n; i++) {
		struct mm_span *span = &w->spans.v[i];
		const size_t off = w->other.len;

		if (span->id >= 0)
			continue;
		fn(p, w->text.data + span->off, span->len, span->flags,
		   &w->other);
		span->off = off;
		if (w->other.len - off != span->len)
			span->flags &= ~(unsigned)MM_SPAN_WHOLE;
		span->len = w->other.len - off;
	}
	old = w->text;
	w->text = w->other;
	w->other = old;
	return mm_buf_check(&w->text, "a text", err);
}

static void prefix_space(const struct mm_pretok *p, const char *s, size_t n,
			 unsigned flags, struct mm_buf *out)
{
	(void)p;
	(void)flags;
	if (n && s[0] != ' ')
		mm_buf_addc(out, ' ');
	mm_buf_add(out, s, n);
}

static void map_bytes(const struct mm_pretok *p, const char *s, size_t n,
		      unsigned flags, struct mm_buf *out)
{
	(void)p;
	(void)flags;
	mm_byte_map(s, n, out);
}

static void metaspace(const struct mm_pretok *p, const char *s, size_t n,
		      unsigned flags, struct mm_buf *out)
{
	const struct mm_str *r = &p->pattern;
	const bool has =
		n && (s[0] == ' ' || (n >= r->n && !memcmp(s, r->s, r->n)));

	if (n && !has &&
	    (p->prepend == PREPEND_ALWAYS ||
	     (p->prepend == PREPEND_FIRST && (flags & MM_SPAN_FIRST))))
		mm_buf_add(out, r->s, r->n);
	for (size_t i = 0; i < n;) {
		const char *at = memchr(s + i, ' ', n - i);
		const size_t end = at ? (size_t)(at - s) : n;

		mm_buf_add(out, s + i, end - i);
		if (at)
			mm_buf_add(out, r->s, r->n);
		i = end + (at != NULL);
	}
}

static int cut_all(struct mm_token_work *w, const struct mm_pretok *p,
		   struct mm_err *err)
{
	struct mm_spans old;
	int rc;

	w->next.n = 0;
	for (size_t i = 0; i < w->spans.n; i++) {
		const struct mm_span *span = &w->spans.v[i];
		struct cut c = { w,	      w->text.data + span->off,
				 span->off,   span->len,
				 span->flags, err };

		if (span->id >= 0)
			rc = mm_spans_add(&w->next, *span, err);
		else
			rc = cut_span(&c, p, span);
		if (rc)
			return rc;
	}
	old = w->spans;
	w->spans = w->next;
	w->next = old;
	return MM_OK;
}

/* GPT-2's pattern has nothing left to do behind CLIP's. */
static bool all_whole(const struct mm_spans *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].id < 0 && !(s->v[i].flags & MM_SPAN_WHOLE))
			return false;
	return true;
}

int mm_pretok_apply(const struct mm_tokenizer *tok, struct mm_token_work *w,
		    struct mm_err *err)
{
	for (size_t i = 0; i < tok->n_pretok; i++) {
		const struct mm_pretok *p = &tok->pretok[i];
		int rc;

		if (p->kind == PRE_METASPACE &&
		    (rc = rewrite(w, p, metaspace, err)))
			return rc;
		if (p->kind == PRE_METASPACE && !p->split)
			continue;
		if (p->kind == PRE_BYTE_LEVEL && p->prefix_space &&
		    (rc = rewrite(w, p, prefix_space, err)))
			return rc;
		if (!(p->kind == PRE_BYTE_LEVEL &&
		      (!p->use_regex || all_whole(&w->spans))) &&
		    (rc = cut_all(w, p, err)))
			return rc;
		if (p->kind == PRE_BYTE_LEVEL && !p->map_later &&
		    (rc = rewrite(w, p, map_bytes, err)))
			return rc;
	}
	return MM_OK;
}
