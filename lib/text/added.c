/*
 * added.c - added tokens: found in the text before anything else.
 *
 * Those that are not "normalized" are looked for in the text as it came, the
 * others in the normalised pieces between; the leftmost match wins, then the
 * longest.  A single_word token beside a letter or digit is passed over
 * together with the place it took.
 */
#include <string.h>

#include "base/mem.h"
#include "text/tokenizer_impl.h"
#include "text/unicode.h"

int mm_added_put(struct mm_tokenizer *tok, struct mm_added token,
		 struct mm_err *err)
{
	const struct mm_str *c = &token.content;
	int64_t *at;
	bool fresh;

	if (!c->n)
		return MM_OK;
	at = mm_map_put(&tok->added_ids, c->s, c->n, &fresh);
	if (!at)
		return mm_fail_nomem(err, "added tokens");
	if (!fresh) {
		token.id = tok->added[*at].id;
		tok->added[*at] = token;
		return MM_OK;
	}
	if (tok->n_added == tok->cap_added) {
		const size_t cap = tok->cap_added ? 2 * tok->cap_added : 16;
		struct mm_added *v = mm_realloc(tok->added, cap, sizeof(*v));

		if (!v)
			return mm_fail_nomem(err, "added tokens");
		tok->added = v;
		tok->cap_added = cap;
	}
	*at = (int64_t)tok->n_added;
	tok->added[tok->n_added++] = token;
	return MM_OK;
}

static int normal_form(struct mm_tokenizer *tok, struct mm_token_work *w,
		       struct mm_added *a, struct mm_err *err)
{
	bool first = true;
	int rc;

	mm_buf_clear(&w->text);
	rc = mm_norm_apply(tok, w, a->content.s, a->content.n, &w->text, &first,
			   err);
	return rc ? rc
		  : mm_str_copy(tok, &a->normal, mm_buf_str(&w->text),
				w->text.len, err);
}

static void note_first(bool *any, bool first[256], int *only, char c)
{
	const int byte = (unsigned char)c;

	*only = !*any || *only == byte ? byte : -1;
	*any = true;
	first[byte] = true;
}

static int enter(struct mm_tokenizer *tok, size_t i, struct mm_err *err)
{
	const struct mm_added *a = &tok->added[i];
	struct mm_trie *t = a->normalized ? &tok->normal : &tok->raw;
	const struct mm_str *key = a->normalized ? &a->normal : &a->content;

	if (!key->n)
		return MM_OK;
	if (!mm_trie_put(t, key->s, key->n, (int32_t)i))
		return mm_fail_nomem(err, "added tokens");
	if (a->normalized)
		note_first(&tok->has_normal, tok->normal_first,
			   &tok->normal_byte, key->s[0]);
	else
		note_first(&tok->has_raw, tok->raw_first, &tok->raw_byte,
			   key->s[0]);
	return MM_OK;
}

int mm_added_finish(struct mm_tokenizer *tok, struct mm_err *err)
{
	struct mm_token_work *w = mm_token_work_new(tok);
	int rc = w ? MM_OK : mm_fail_nomem(err, "added tokens");

	for (size_t i = 0; !rc && i < tok->n_added; i++) {
		if (tok->added[i].normalized)
			rc = normal_form(tok, w, &tok->added[i], err);
		if (!rc)
			rc = enter(tok, i, err);
	}
	mm_token_work_free(w);
	return rc;
}

/* The \w of Rust's regex crate: joiners count. */
static bool word_char(uint32_t cp)
{
	return mm_u_word(cp) || cp == 0x200c || cp == 0x200d;
}

static bool beside_word(const char *s, size_t n, size_t start, size_t end)
{
	size_t at;

	if (start > 0) {
		at = mm_utf8_back(s, start);
		if (word_char(mm_utf8_next(s, &at)))
			return true;
	}
	return end < n && word_char(mm_utf8_next(s, &end));
}

static size_t spaces_before(const char *s, size_t at, size_t low)
{
	while (at > low) {
		const size_t back = mm_utf8_back(s, at);
		size_t look = back;

		if (!mm_u_space(mm_utf8_next(s, &look)))
			break;
		at = back;
	}
	return at;
}

static size_t spaces_after(const char *s, size_t n, size_t at)
{
	while (at < n) {
		size_t look = at;

		if (!mm_u_space(mm_utf8_next(s, &look)))
			break;
		at = look;
	}
	return at;
}

static int put(struct mm_spans *out, size_t base, size_t from, size_t to,
	       int32_t id, struct mm_err *err)
{
	if (from >= to && id < 0)
		return MM_OK;
	return mm_spans_add(out,
			    (struct mm_span){ .off = base + from,
					      .len = to > from ? to - from : 0,
					      .id = id },
			    err);
}

int mm_added_cut(const struct mm_tokenizer *tok, bool normalized, const char *s,
		 size_t n, size_t base, struct mm_spans *out,
		 struct mm_err *err)
{
	const struct mm_trie *t = normalized ? &tok->normal : &tok->raw;
	const bool *first = normalized ? tok->normal_first : tok->raw_first;
	const bool any = normalized ? tok->has_normal : tok->has_raw;
	const int only = normalized ? tok->normal_byte : tok->raw_byte;
	size_t done = 0;
	int rc;

	for (size_t i = 0; any && i < n;) {
		const struct mm_added *a;
		size_t len = 0, start, end;
		int32_t which = -1;

		if (only >= 0) {
			const char *at = memchr(s + i, only, n - i);

			if (!at)
				break;
			i = (size_t)(at - s);
		}
		start = i;
		if (first[(unsigned char)s[i]])
			len = mm_trie_longest(t, s + i, n - i, &which);
		if (!len) {
			i++;
			continue;
		}
		a = &tok->added[which];
		i = end = start + len;
		if (tok->split_special && a->special)
			continue;
		if (a->single_word && beside_word(s, n, start, end))
			continue;
		if (a->lstrip)
			start = spaces_before(s, start, done);
		if (a->rstrip)
			end = spaces_after(s, n, end);
		if ((rc = put(out, base, done, start, -1, err)) ||
		    (rc = put(out, base, start, end, a->id, err)))
			return rc;
		done = end;
	}
	return put(out, base, done, n, -1, err);
}
