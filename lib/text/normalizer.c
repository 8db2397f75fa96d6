/*
 * normalizer.c - the "normalizer" of tokenizer.json: text to text.
 *
 * A list of steps, each from one buffer to the next; a step that would change
 * nothing is passed over without a copy.  The order of work inside the BERT
 * step is the reference's: clean, blanks round CJK, accents, lower case.
 */
#include <string.h>

#include "text/tokenizer_impl.h"
#include "text/unicode.h"

static bool all_ascii(const char *s, size_t n)
{
	for (; n >= 8; s += 8, n -= 8) {
		uint64_t eight;

		memcpy(&eight, s, 8);
		if (eight & 0x8080808080808080u)
			return false;
	}
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] >= 0x80)
			return false;
	return true;
}

static void lower_text(const char *s, size_t n, struct mm_buf *out)
{
	for (size_t i = 0; i < n;) {
		const unsigned char c = (unsigned char)s[i];
		uint32_t cp;

		if (c < 0x80) {
			mm_buf_addc(out,
				    (char)(c >= 'A' && c <= 'Z' ? c + 32 : c));
			i++;
			continue;
		}
		cp = mm_utf8_next(s, &i);
		mm_utf8_add(out, mm_u_lower(cp));
		if (cp == 0x130)
			mm_utf8_add(out, 0x307);
	}
}

static void lower_ascii(const char *s, size_t n, struct mm_buf *out)
{
	char *d = mm_buf_reserve(out, n);

	if (!d)
		return;
	for (size_t i = 0; i < n; i++) {
		const unsigned char c = (unsigned char)s[i];

		d[i] = (char)(c + ((unsigned char)(c - 'A') < 26) * 32);
	}
	out->len += n;
	d[n] = '\0';
}

/* ------------------------------------------------------------- BERT */

static bool is_cjk(uint32_t c)
{
	/* the reference leaves out 2B820..2B91F */
	return (c >= 0x4e00 && c <= 0x9fff) || (c >= 0x3400 && c <= 0x4dbf) ||
	       (c >= 0x20000 && c <= 0x2a6df) ||
	       (c >= 0x2a700 && c <= 0x2b81f) ||
	       (c >= 0x2b920 && c <= 0x2ceaf) || (c >= 0xf900 && c <= 0xfaff) ||
	       (c >= 0x2f800 && c <= 0x2fa1f);
}

static void bert_ascii(const struct mm_norm *m, const char *s, size_t n,
		       struct mm_buf *out)
{
	char *d = mm_buf_reserve(out, n);
	size_t k = 0;

	if (!d)
		return;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if (m->clean && (c < 32 || c == 127)) {
			if (c != '\t' && c != '\n' && c != '\r')
				continue;
			c = ' ';
		}
		if (m->lower && c >= 'A' && c <= 'Z')
			c += 32;
		d[k++] = (char)c;
	}
	out->len += k;
	d[k] = '\0';
}

static void bert_clean(const struct mm_norm *m, const char *s, size_t n,
		       struct mm_buf *out)
{
	for (size_t i = 0; i < n;) {
		const uint32_t c = mm_utf8_next(s, &i);

		if (m->clean && mm_u_control(c))
			continue;
		if (m->cjk && is_cjk(c)) {
			mm_buf_addc(out, ' ');
			mm_utf8_add(out, c);
			mm_buf_addc(out, ' ');
		} else {
			mm_utf8_add(out, m->clean && mm_u_space(c) ? ' ' : c);
		}
	}
}

static int nomem(struct mm_err *err)
{
	return mm_fail_nomem(err, "a normalised text");
}

/* In two halves, because stripping needs the whole text decomposed. */
static int bert(const struct mm_norm *m, struct mm_token_work *w, const char *s,
		size_t n, struct mm_buf *out, struct mm_err *err)
{
	struct mm_buf *spare = &w->norm[2], *marks = &w->norm[3];
	size_t kept = 0;

	if (all_ascii(s, n)) {
		bert_ascii(m, s, n, out);
		return MM_OK;
	}
	mm_buf_clear(spare);
	mm_buf_clear(marks);
	bert_clean(m, s, n, m->accents || m->lower ? spare : out);
	if (m->accents) {
		if (!mm_u_normalize(MM_NFD, mm_buf_str(spare), spare->len,
				    marks))
			return nomem(err);
		mm_buf_clear(spare);
		for (size_t i = 0; i < marks->len; kept = i) {
			const uint32_t c = mm_utf8_next(marks->data, &i);

			if (!mm_u_mark(c))
				mm_buf_add(spare, marks->data + kept, i - kept);
		}
	}
	if (m->lower)
		lower_text(mm_buf_str(spare), spare->len, out);
	else if (m->accents)
		mm_buf_add(out, mm_buf_str(spare), spare->len);
	return mm_buf_check(spare, "a normalised text", err);
}

/* ------------------------------------------------- the other steps */

static void strip(const struct mm_norm *m, const char *s, size_t n,
		  struct mm_buf *out, bool *first)
{
	size_t from = 0, to = n;

	while (m->left && from < n) {
		size_t i = from;

		if (!mm_u_space(mm_utf8_next(s, &i)))
			break;
		from = i;
	}
	while (m->right && to > from) {
		const size_t back = mm_utf8_back(s, to);
		size_t i = back;

		if (!mm_u_space(mm_utf8_next(s, &i)))
			break;
		to = back;
	}
	*first &= from == 0;
	mm_buf_add(out, s + from, to - from);
}

/* ASCII whose only white space is single blanks. */
static bool squeezed(const char *s, size_t n)
{
	unsigned char last = 0;

	for (size_t i = 0; i < n; i++) {
		const unsigned char c = (unsigned char)s[i];

		if (c >= 0x80 || (c <= ' ' && (c != ' ' || last == ' ') &&
				  mm_u_class_ascii[c]))
			return false;
		last = c;
	}
	return true;
}

/* Runs of white space to one blank. */
static void squeeze(const char *s, size_t n, struct mm_buf *out, bool *first)
{
	for (size_t i = 0; i < n;) {
		size_t from = i, count = 0;

		while (i < n && (unsigned char)s[i] > ' ' &&
		       (unsigned char)s[i] < 0x80)
			i++;
		mm_buf_add(out, s + from, i - from);
		for (from = i; i < n; count++) {
			size_t next = i;

			if (!mm_u_space(mm_utf8_next(s, &next)))
				break;
			i = next;
		}
		/* the blank takes the place of the run's last character */
		if (from == 0 && count > 1)
			*first = false;
		if (count) {
			mm_buf_addc(out, ' ');
		} else if (i < n) {
			from = i;
			mm_utf8_next(s, &i);
			mm_buf_add(out, s + from, i - from);
		}
	}
}

static int replace_regex(const struct mm_norm *m, struct mm_regex_work *w,
			 const char *s, size_t n, struct mm_buf *out,
			 bool *first, struct mm_err *err)
{
	struct mm_regex_iter it = { .last = SIZE_MAX };
	size_t done = 0;

	for (;;) {
		int rc = mm_regex_next(m->re, w, s, n, &it, err);

		if (rc)
			return rc;
		if (it.start == SIZE_MAX)
			break;
		mm_buf_add(out, s + done, it.start - done);
		mm_buf_add(out, m->content.s, m->content.n);
		if (it.start == 0 && it.end > 0 &&
		    (!m->content.n || mm_utf8_count(s, it.end) > 1))
			*first = false;
		done = it.end;
	}
	mm_buf_add(out, s + done, n - done);
	return MM_OK;
}

static void replace_string(const struct mm_norm *m, const char *s, size_t n,
			   struct mm_buf *out, bool *first)
{
	const struct mm_str *p = &m->pattern;
	size_t done = 0;

	for (size_t i = 0; p->n && i + p->n <= n;) {
		const char *at = memchr(s + i, p->s[0], n - i - p->n + 1);

		if (!at)
			break;
		i = (size_t)(at - s);
		if (memcmp(at, p->s, p->n) != 0) {
			i++;
			continue;
		}
		mm_buf_add(out, s + done, i - done);
		mm_buf_add(out, m->content.s, m->content.n);
		if (i == 0 && (!m->content.n || mm_utf8_count(s, p->n) > 1))
			*first = false;
		done = i += p->n;
	}
	mm_buf_add(out, s + done, n - done);
}

static void nmt(const char *s, size_t n, struct mm_buf *out, bool *first)
{
	for (size_t i = 0, from = 0; i < n; from = i) {
		const uint32_t c = mm_utf8_next(s, &i);

		if ((c >= 1 && c <= 8) || c == 0xb || (c >= 0xe && c <= 0x1f) ||
		    c == 0x7f || c == 0x8f || c == 0x9f) {
			*first &= from > 0;
			continue;
		}
		if (c == 9 || c == 10 || c == 12 || c == 13 || c == 0x1680 ||
		    (c >= 0x200b && c <= 0x200f) || c == 0x2028 ||
		    c == 0x2029 || c == 0x2581 || c == 0xfeff || c == 0xfffd)
			mm_buf_addc(out, ' ');
		else
			mm_buf_add(out, s + from, i - from);
	}
}

static void strip_accents(const char *s, size_t n, struct mm_buf *out,
			  bool *first)
{
	for (size_t i = 0, from = 0; i < n; from = i) {
		if (!mm_u_combining(mm_utf8_next(s, &i)))
			mm_buf_add(out, s + from, i - from);
		else
			*first &= from > 0;
	}
}

/*
 * Blanks as sentencepiece counts and writes them (U+2581): one before the text,
 * none at its ends, one between words.  What looks like one at the end goes,
 * too.
 */
static void blanks(const struct mm_norm *m, const char *s, size_t n,
		   struct mm_buf *out)
{
	const char *blank = m->escape ? "\xe2\x96\x81" : " ";
	const size_t k = strlen(blank);
	bool after = m->squeeze;
	size_t i = 0;

	while (m->squeeze && i < n && s[i] == ' ')
		i++;
	if (i < n && m->prefix)
		mm_buf_add(out, blank, k);
	for (; i < n; i++) {
		if (s[i] != ' ')
			mm_buf_addc(out, s[i]);
		else if (!after)
			mm_buf_add(out, blank, k);
		after = m->squeeze && s[i] == ' ';
	}
	while (m->squeeze && !out->failed && out->len >= k &&
	       !memcmp(out->data + out->len - k, blank, k))
		out->len -= k;
}

/* One step; *skip where the text is right as it is. */
static int one_step(const struct mm_norm *m, struct mm_token_work *w,
		    const char *s, size_t n, struct mm_buf *out, bool *first,
		    bool *skip, struct mm_err *err)
{
	switch (m->kind) {
	case NORM_FORM:
		*skip = all_ascii(s, n) ||
			mm_u_is_normal((enum mm_u_form)m->form, s, n);
		if (!*skip &&
		    !mm_u_normalize((enum mm_u_form)m->form, s, n, out))
			return nomem(err);
		break;
	case NORM_BERT: return bert(m, w, s, n, out, err);
	case NORM_LOWERCASE:
		if (all_ascii(s, n))
			lower_ascii(s, n, out);
		else
			lower_text(s, n, out);
		break;
	case NORM_STRIP: strip(m, s, n, out, first); break;
	case NORM_STRIP_ACCENTS:
		*skip = all_ascii(s, n);
		if (!*skip)
			strip_accents(s, n, out, first);
		break;
	case NORM_REPLACE:
		if (m->re)
			return replace_regex(m, &w->re, s, n, out, first, err);
		replace_string(m, s, n, out, first);
		break;
	case NORM_SPACES:
		*skip = squeezed(s, n);
		if (!*skip)
			squeeze(s, n, out, first);
		break;
	case NORM_PREPEND:
		*skip = n == 0;
		if (n) {
			mm_buf_add(out, m->content.s, m->content.n);
			mm_buf_add(out, s, n);
		}
		break;
	case NORM_NMT: nmt(s, n, out, first); break;
	case NORM_BYTE_LEVEL: mm_byte_map(s, n, out); break;
	case NORM_PRECOMPILED:
		mm_charsmap_apply(m->map, s, n, out, skip);
		break;
	case NORM_BLANKS: blanks(m, s, n, out); break;
	case NORM_OPEN_CLIP: return mm_clean_open_clip(s, n, out, err);
	}
	return MM_OK;
}

int mm_norm_apply(const struct mm_tokenizer *tok, struct mm_token_work *w,
		  const char *s, size_t n, struct mm_buf *out, bool *first,
		  struct mm_err *err)
{
	unsigned k = 0;
	int rc = MM_OK;

	for (size_t i = 0; !rc && i < tok->n_norm; i++) {
		struct mm_buf *to = &w->norm[k];
		bool skip = false;

		mm_buf_clear(to);
		rc = one_step(&tok->norm[i], w, s, n, to, first, &skip, err);
		if (rc || skip)
			continue;
		if ((rc = mm_buf_check(to, "a normalised text", err)))
			break;
		s = mm_buf_str(to);
		n = to->len;
		k ^= 1;
	}
	if (!rc) {
		mm_buf_add(out, s, n);
		rc = mm_buf_check(out, "a normalised text", err);
	}
	return rc;
}

/* ---------------------------------------------- sentencepiece's map */

static bool inside_of_character(const char *s, size_t n, size_t i)
{
	return i < n && ((unsigned char)s[i] & 0xc0) == 0x80;
}

/* Bytes of the shortest, or longest, prefix that has a replacement; 0: none. */
static size_t map_prefix(const struct mm_charsmap *m, const char *s, size_t n,
			 struct mm_str *to)
{
	size_t at = 0, i, found = 0;
	uint32_t unit;

	if (!m->n_units)
		return 0;
	unit = m->unit[0];
	at ^= (unit >> 10) << ((unit & 512) >> 6);
	for (i = 0; i < n && s[i]; i++) {
		at ^= (unsigned char)s[i];
		if (at >= m->n_units)
			break;
		unit = m->unit[at];
		if ((unit & 0x800000ff) != (unsigned char)s[i])
			break;
		at ^= (unit >> 10) << ((unit & 512) >> 6);
		if (at >= m->n_units)
			break;
		if ((unit >> 8 & 1) && !inside_of_character(s, n, i + 1)) {
			const size_t index = m->unit[at] & 0x7fffffff;

			if (index >= m->replacements.n)
				break;
			to->s = m->replacements.s + index;
			to->n = strnlen(to->s, m->replacements.n - index);
			found = i + 1;
			if (!m->longest)
				break;
		}
	}
	return found;
}

/* What is longest where the last replacement ended. */
static void apply_longest(const struct mm_charsmap *m, const char *s, size_t n,
			  struct mm_buf *out)
{
	for (size_t at = 0, used; at < n; at += used) {
		struct mm_str to;
		size_t next = at;

		if ((used = map_prefix(m, s + at, n - at, &to))) {
			mm_buf_add(out, to.s, to.n);
			continue;
		}
		mm_utf8_next(s, &next);
		used = next - at;
		mm_buf_add(out, s + at, used);
	}
}

/* A grapheme of at most 5 bytes is looked up whole, else by characters. */
void mm_charsmap_apply(const struct mm_charsmap *m, const char *s, size_t n,
		       struct mm_buf *out, bool *unchanged)
{
	*unchanged = !m->longest;
	if (m->longest) {
		apply_longest(m, s, n, out);
		return;
	}
	for (size_t at = 0, end; at < n; at = end) {
		uint32_t before = 0, c;
		int32_t state = 0;
		struct mm_str to;
		size_t i;

		for (end = i = at; i < n; before = c, end = i) {
			c = mm_utf8_next(s, &i);
			if (end > at && mm_u_grapheme_break(before, c, &state))
				break;
		}
		if (end - at < 6 && map_prefix(m, s + at, end - at, &to)) {
			mm_buf_add(out, to.s, to.n);
			*unchanged = false;
			continue;
		}
		for (i = at; i < end;) {
			const size_t from = i;

			mm_utf8_next(s, &i);
			if (map_prefix(m, s + from, i - from, &to)) {
				mm_buf_add(out, to.s, to.n);
				*unchanged = false;
			} else {
				mm_buf_add(out, s + from, i - from);
			}
		}
	}
}
