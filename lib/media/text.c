/* text.c - bytes of a text file to UTF-8, lines and clock times of it. */
#include <string.h>

#include "base/utf8.h"
#include "media/cues_impl.h"

static void decode_utf16(struct mm_buf *out, const unsigned char *s, size_t n,
			 int high)
{
	unsigned lead = 0;

	for (size_t i = 0; i + 1 < n; i += 2) {
		const unsigned u = (unsigned)s[i + (size_t)high] << 8 |
				   s[i + (size_t)!high];

		if (lead && u >= 0xdc00 && u < 0xe000) {
			mm_buf_add_utf8(out, 0x10000 + ((lead - 0xd800) << 10) +
						     (u - 0xdc00));
			lead = 0;
			continue;
		}
		if (lead)
			mm_buf_add_utf8(out, 0xfffd);
		lead = u >= 0xd800 && u < 0xdc00 ? u : 0;
		if (!lead)
			mm_buf_add_utf8(out, u);
	}
	if (lead || n % 2)
		mm_buf_add_utf8(out, 0xfffd);
}

static size_t line_of(const char *s, size_t at)
{
	size_t line = 1;

	for (size_t i = 0; i < at; i++)
		line += s[i] == '\n' ||
			(s[i] == '\r' && (i + 1 == at || s[i + 1] != '\n'));
	return line;
}

/* Bytes that follow the first one at s: how much of a sequence is there to be
 * replaced by one U+FFFD (the maximal subpart of the Encoding standard). */
static size_t broken_length(const unsigned char *s, size_t n)
{
	unsigned char lo = 0x80, hi = 0xbf;
	size_t want = 0, k = 1;

	if (*s >= 0xc2 && *s <= 0xdf)
		want = 1;
	else if (*s >= 0xe0 && *s <= 0xef)
		want = 2;
	else if (*s >= 0xf0 && *s <= 0xf4)
		want = 3;
	if (*s == 0xe0)
		lo = 0xa0;
	else if (*s == 0xed)
		hi = 0x9f;
	else if (*s == 0xf0)
		lo = 0x90;
	else if (*s == 0xf4)
		hi = 0x8f;
	for (; k <= want && k < n && s[k] >= lo && s[k] <= hi; k++) {
		lo = 0x80;
		hi = 0xbf;
	}
	return k;
}

static void add_replaced(struct mm_buf *out, const char *s, size_t n)
{
	while (n) {
		size_t ok = mm_utf8_prefix(s, n);
		const char *nul = ok ? memchr(s, 0, ok) : NULL;

		if (nul)
			ok = (size_t)(nul - s);
		mm_buf_add(out, s, ok);
		s += ok;
		n -= ok;
		if (!n)
			return;
		ok = nul ? 1 : broken_length((const unsigned char *)s, n);
		mm_buf_add_utf8(out, 0xfffd);
		s += ok;
		n -= ok;
	}
}

int mm_text_decode(struct mm_buf *out, const void *bytes, size_t n,
		   bool replace, const char *name, struct mm_err *err)
{
	const unsigned char *b = bytes;
	const char *s = bytes;
	const char *nul;
	size_t good;

	if (n >= 2 && ((b[0] == 0xff && b[1] == 0xfe) ||
		       (b[0] == 0xfe && b[1] == 0xff))) {
		decode_utf16(out, b + 2, n - 2, b[0] == 0xff);
		return mm_buf_check(out, "the text", err);
	}
	if (n >= 3 && !memcmp(s, "\xef\xbb\xbf", 3)) {
		s += 3;
		n -= 3;
	}
	if (replace) {
		add_replaced(out, s, n);
		return mm_buf_check(out, "the text", err);
	}
	good = mm_utf8_prefix(s, n);
	if (good < n)
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s' line %zu: not UTF-8; iconv(1) converts it",
			       name, line_of(s, good));
	if (n && (nul = memchr(s, 0, n)))
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s' line %zu: a NUL byte in the text", name,
			       line_of(s, (size_t)(nul - s)));
	mm_buf_add(out, s, n);
	return mm_buf_check(out, "the text", err);
}

bool mm_lines_next(struct mm_lines *l, const char **line, size_t *n)
{
	const char *p = l->at;

	if (p == l->end)
		return false;
	while (p < l->end && *p != '\n' && *p != '\r')
		p++;
	*line = l->at;
	*n = (size_t)(p - l->at);
	if (p < l->end && *p == '\r' && p + 1 < l->end && p[1] == '\n')
		p++;
	l->at = p < l->end ? p + 1 : p;
	l->number++;
	return true;
}

void mm_trim(const char **s, size_t *n)
{
	static const char blank[] = " \t\r\n\f\v";

	while (*n && strchr(blank, **s) && **s)
		(*s)++, (*n)--;
	while (*n && strchr(blank, (*s)[*n - 1]) && (*s)[*n - 1])
		(*n)--;
}

static bool digits(const char **s, const char *end, double *value, int *count)
{
	*value = 0;
	*count = 0;
	while (*s < end && **s >= '0' && **s <= '9') {
		*value = *value * 10 + (**s - '0');
		(*s)++;
		(*count)++;
	}
	return *count > 0 && *count <= 12;
}

bool mm_clock_read(const char **s, const char *end, double *seconds)
{
	double part[3], fraction;
	const char *p = *s;
	int n = 0, count;

	for (;;) {
		if (n == 3 || !digits(&p, end, &part[n], &count))
			return false;
		if (n++ && (count > 2 || part[n - 1] > 59))
			return false;
		if (p == end || *p != ':')
			break;
		p++;
	}
	if (n < 2 || (n == 3 && part[0] > 1e7))
		return false;
	*seconds = part[0] * 60 + part[1];
	if (n == 3)
		*seconds = *seconds * 60 + part[2];
	if (p + 1 < end && (*p == ',' || *p == '.') && p[1] >= '0' &&
	    p[1] <= '9') {
		p++;
		if (!digits(&p, end, &fraction, &count))
			return false;
		while (count--)
			fraction /= 10;
		*seconds += fraction;
	}
	*s = p;
	return true;
}
