/*
 * bleu_token.c - the tokenizers of sacrebleu (bleu.h).
 *
 * Each is a sequence of substitutions over the whole text.  One step scans
 * from left to right and goes on behind what it has matched, as a regular
 * expression's sub() does: in "a..." the first stop takes the letter with it,
 * and the second has nothing left to match.
 */
#include <string.h>

#include "metric/bleu.h"
#include "metric/unicode.h"

/* Two buffers: a step reads one and writes the other. */
struct steps {
	struct mm_buf from, to;
};

static void next_step(struct steps *s)
{
	struct mm_buf done = s->to;

	s->to = s->from;
	s->from = done;
	mm_buf_clear(&s->to);
}

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool stop(char c)
{
	return c == '.' || c == ',';
}

/* Replace `word` by `with` everywhere. */
static void replace(struct steps *s, const char *word, const char *with)
{
	const char *at = mm_buf_str(&s->from), *end = at + s->from.len;
	size_t len = strlen(word);

	while (at < end) {
		const char *hit = memchr(at, *word, (size_t)(end - at));

		if (!hit) {
			mm_buf_add(&s->to, at, (size_t)(end - at));
			break;
		}
		mm_buf_add(&s->to, at, (size_t)(hit - at));
		if ((size_t)(end - hit) >= len && !memcmp(hit, word, len)) {
			mm_buf_adds(&s->to, with);
			at = hit + len;
		} else {
			mm_buf_addc(&s->to, *hit);
			at = hit + 1;
		}
	}
	next_step(s);
}

/* ASCII punctuation that always stands alone: not ' . , - nor a digit. */
static bool always_apart(char c)
{
	return (c >= '{' && c <= '~') || (c >= '[' && c <= '`') ||
	       (c >= ' ' && c <= '&') || (c >= '(' && c <= '+') ||
	       (c >= ':' && c <= '@') || c == '/';
}

static void put_apart(struct mm_buf *out, const char *s, size_t n)
{
	mm_buf_addc(out, ' ');
	mm_buf_add(out, s, n);
	mm_buf_addc(out, ' ');
}

/* Bytes do: what is looked for is ASCII, and the rest is copied. */
static void tokenize_13a(struct steps *s)
{
	const char *t;
	size_t n;

	replace(s, "<skipped>", "");
	replace(s, "-\n", "");
	replace(s, "\n", " ");
	replace(s, "&quot;", "\"");
	replace(s, "&amp;", "&");
	replace(s, "&lt;", "<");
	replace(s, "&gt;", ">");
	put_apart(&s->to, mm_buf_str(&s->from), s->from.len);
	next_step(s);

	t = mm_buf_str(&s->from);
	n = s->from.len;
	for (size_t i = 0; i < n; i++) {
		if (always_apart(t[i]))
			put_apart(&s->to, t + i, 1);
		else
			mm_buf_addc(&s->to, t[i]);
	}
	next_step(s);

	t = mm_buf_str(&s->from); /* a stop behind what is no digit */
	n = s->from.len;
	for (size_t i = 0; i < n; i++) {
		mm_buf_addc(&s->to, t[i]);
		if (!digit(t[i]) && i + 1 < n && stop(t[i + 1]))
			put_apart(&s->to, t + ++i, 1);
	}
	next_step(s);

	t = mm_buf_str(&s->from); /* a stop before what is no digit */
	n = s->from.len;
	for (size_t i = 0; i < n; i++) {
		if (stop(t[i]) && i + 1 < n && !digit(t[i + 1])) {
			put_apart(&s->to, t + i, 1);
			i++;
		}
		mm_buf_addc(&s->to, t[i]);
	}
	next_step(s);

	t = mm_buf_str(&s->from); /* a hyphen behind a digit */
	n = s->from.len;
	for (size_t i = 0; i < n; i++) {
		mm_buf_addc(&s->to, t[i]);
		if (digit(t[i]) && i + 1 < n && t[i + 1] == '-')
			put_apart(&s->to, t + ++i, 1);
	}
	next_step(s);
}

/* Punctuation next to what is no number; then all symbols. */
static void tokenize_intl(struct steps *s)
{
	const char *t = mm_buf_str(&s->from);
	size_t n = s->from.len, i, at, next;

	for (i = 0; i < n;) {
		at = i;
		if (!mm_unicode_number(mm_unicode_next(t, n, &i)) && i < n) {
			next = i;
			if (mm_unicode_punctuation(
				    mm_unicode_next(t, n, &next))) {
				mm_buf_add(&s->to, t + at, i - at);
				put_apart(&s->to, t + i, next - i);
				i = next;
				continue;
			}
		}
		mm_buf_add(&s->to, t + at, i - at);
	}
	next_step(s);

	t = mm_buf_str(&s->from);
	n = s->from.len;
	for (i = 0; i < n;) {
		at = i;
		if (mm_unicode_punctuation(mm_unicode_next(t, n, &i)) &&
		    i < n) {
			next = i;
			if (!mm_unicode_number(mm_unicode_next(t, n, &next))) {
				put_apart(&s->to, t + at, i - at);
				mm_buf_add(&s->to, t + i, next - i);
				i = next;
				continue;
			}
		}
		mm_buf_add(&s->to, t + at, i - at);
	}
	next_step(s);

	t = mm_buf_str(&s->from);
	n = s->from.len;
	for (i = 0; i < n;) {
		at = i;
		if (mm_unicode_symbol(mm_unicode_next(t, n, &i)))
			put_apart(&s->to, t + at, i - at);
		else
			mm_buf_add(&s->to, t + at, i - at);
	}
	next_step(s);
}

static void tokenize_char(struct steps *s)
{
	const char *t = mm_buf_str(&s->from);

	for (size_t i = 0, at; i < s->from.len;) {
		at = i;
		mm_unicode_next(t, s->from.len, &i);
		if (at)
			mm_buf_addc(&s->to, ' ');
		mm_buf_add(&s->to, t + at, i - at);
	}
	next_step(s);
}

void mm_bleu_tokenize(struct mm_buf *out, struct mm_line text,
		      enum mm_bleu_tokenizer tokenizer, bool lowercase)
{
	struct steps s = { 0 };

	if (lowercase)
		mm_unicode_lower(&s.from, text.s, text.len, false);
	else
		mm_buf_add(&s.from, text.s, text.len);
	s.from.len = mm_unicode_strip_end(mm_buf_str(&s.from), s.from.len);
	if (tokenizer == MM_BLEU_13A)
		tokenize_13a(&s);
	else if (tokenizer == MM_BLEU_INTL)
		tokenize_intl(&s);
	else if (tokenizer == MM_BLEU_CHAR)
		tokenize_char(&s);
	mm_buf_add(out, mm_buf_str(&s.from), s.from.len);
	out->failed |= s.from.failed | s.to.failed;
	mm_buf_release(&s.from);
	mm_buf_release(&s.to);
}
