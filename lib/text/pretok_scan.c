/* pretok_scan.c - see pretok_scan.h. */
#include "text/pretok_scan.h"

#include <string.h>

#include "text/tokenizer_impl.h"
#include "text/unicode.h"

/* The end of a run of code points of one class (0: neither of the three). */
static size_t run_end(const char *s, size_t n, size_t at, unsigned class)
{
	while (at < n) {
		size_t next = at;

		if (mm_u_class(mm_utf8_next(s, &next)) != class)
			break;
		at = next;
	}
	return at;
}

/* 's 't 're 've 'm 'll 'd at a quote: how long, 0 for none. */
static size_t contraction(const char *s, size_t n)
{
	if (n >= 2 &&
	    (s[1] == 's' || s[1] == 't' || s[1] == 'm' || s[1] == 'd'))
		return 2;
	if (n >= 3 &&
	    ((s[1] == 'r' && s[2] == 'e') || (s[1] == 'v' && s[2] == 'e') ||
	     (s[1] == 'l' && s[2] == 'l')))
		return 3;
	return 0;
}

static size_t special(const char *s, size_t n)
{
	static const char start[] = "<|startoftext|>", end[] = "<|endoftext|>";

	if (n >= sizeof(start) - 1 && !memcmp(s, start, sizeof(start) - 1))
		return sizeof(start) - 1;
	if (n >= sizeof(end) - 1 && !memcmp(s, end, sizeof(end) - 1))
		return sizeof(end) - 1;
	return 0;
}

int mm_scan_clip(const char *s, size_t n, mm_scan_fn *fn, void *ctx)
{
	for (size_t at = 0, end; at < n; at = end) {
		unsigned class, flags = MM_SPAN_WHOLE;
		size_t k = 0;
		int rc;

		end = at;
		class = mm_u_class(mm_utf8_next(s, &end));
		if (class == MM_U_SPACE)
			continue;
		if (s[at] == '<' && (k = special(s + at, n - at)))
			flags = 0;
		else if (s[at] == '\'')
			k = contraction(s + at, n - at);
		if (k)
			end = at + k;
		else if (class != MM_U_NUMBER)
			end = run_end(s, n, end, class);
		if ((rc = fn(ctx, at, end, flags)))
			return rc;
	}
	return 0;
}

/* open_clip's: s[0..n) is in lower case, but U+017F folds to s. */
static size_t open_special(const char *s, size_t n, unsigned *flags)
{
	static const char start[] = "<start_of_text>", end[] = "<end_of_text>";

	*flags = MM_SPAN_WHOLE;
	if (n >= sizeof(start) - 1 && !memcmp(s, start, sizeof(start) - 1)) {
		*flags |= MM_SPAN_BOS;
		return sizeof(start) - 1;
	}
	if (n >= sizeof(end) - 1 && !memcmp(s, end, sizeof(end) - 1)) {
		*flags |= MM_SPAN_EOS;
		return sizeof(end) - 1;
	}
	return 0;
}

int mm_scan_open_clip(const char *s, size_t n, mm_scan_fn *fn, void *ctx)
{
	for (size_t at = 0, end; at < n; at = end) {
		unsigned class, flags = MM_SPAN_WHOLE;
		size_t k = 0;
		int rc;

		end = at;
		class = mm_u_class(mm_utf8_next(s, &end));
		if (class == MM_U_SPACE)
			continue;
		if (s[at] == '<')
			k = open_special(s + at, n - at, &flags);
		else if (s[at] == '\'')
			k = contraction(s + at, n - at);
		if (s[at] == '\'' && !k && n - at >= 3 &&
		    !memcmp(s + at + 1, "\xc5\xbf", 2))
			k = 3;
		if (k)
			end = at + k;
		else if (class != MM_U_NUMBER)
			end = run_end(s, n, end, class);
		if ((rc = fn(ctx, at, end, flags)))
			return rc;
	}
	return 0;
}

/* White space, whose first ends at `first`: all of it at the end of the text,
 * else all but the last. */
static size_t blank_end(const char *s, size_t n, size_t first)
{
	const size_t end = run_end(s, n, first, MM_U_SPACE);

	if (end == n || end == first)
		return end;
	return mm_utf8_back(s, end);
}

int mm_scan_gpt2(const char *s, size_t n, mm_scan_fn *fn, void *ctx)
{
	for (size_t at = 0, end; at < n; at = end) {
		size_t k = 0, word = at;
		unsigned class;
		int rc;

		if (s[at] == '\'')
			k = contraction(s + at, n - at);
		if (s[at] == ' ' && at + 1 < n)
			word++;
		end = word;
		class = mm_u_class(mm_utf8_next(s, &end));
		if (k) {
			end = at + k;
		} else if (class != MM_U_SPACE) {
			end = run_end(s, n, end, class);
		} else {
			end = at;
			mm_utf8_next(s, &end);
			end = blank_end(s, n, end);
		}
		if ((rc = fn(ctx, at, end, 0)))
			return rc;
	}
	return 0;
}

int mm_scan_bert(const char *s, size_t n, mm_scan_fn *fn, void *ctx)
{
	size_t from = 0;
	int rc;

	for (size_t at = 0, end = 0; at < n; at = end) {
		const unsigned char byte = (unsigned char)s[at];
		uint32_t c;
		bool space, punct;

		if (byte < 0x80 &&
		    mm_u_class_ascii[byte] & (MM_U_LETTER | MM_U_NUMBER)) {
			end = at + 1;
			continue;
		}
		end = at;
		c = mm_utf8_next(s, &end);
		space = mm_u_space(c);
		punct = !space && mm_u_punct(c);
		if (!space && !punct)
			continue;
		if (from < at && (rc = fn(ctx, from, at, 0)))
			return rc;
		if (punct && (rc = fn(ctx, at, end, 0)))
			return rc;
		from = end;
	}
	return from < n ? fn(ctx, from, n, 0) : 0;
}

static unsigned word_class(uint32_t c)
{
	if (mm_u_space(c))
		return 0;
	return mm_u_word(c) || c == 0x200c || c == 0x200d ? 1 : 2;
}

int mm_scan_words(const char *s, size_t n, mm_scan_fn *fn, void *ctx)
{
	unsigned open = 0;
	size_t from = 0;
	int rc;

	for (size_t at = 0, end = 0; at < n; at = end) {
		unsigned class;

		end = at;
		class = word_class(mm_utf8_next(s, &end));
		if (class == open)
			continue;
		if (open && (rc = fn(ctx, from, at, 0)))
			return rc;
		from = at;
		open = class;
	}
	return open ? fn(ctx, from, n, 0) : 0;
}
