/* base64.c - see base64.h. */
#include "base/base64.h"

#include <stdint.h>
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			     "abcdefghijklmnopqrstuvwxyz0123456789+/";

enum { BAD = 0x40, BLANK = 0x80 }; /* instead of a value below 64 */

/* The value of a character. */
static unsigned value(unsigned char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26u;
	if (c >= '0' && c <= '9')
		return c - '0' + 52u;
	if (c == '+' || c == '/')
		return c == '+' ? 62 : 63;
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' ? BLANK : BAD;
}

size_t mm_base64_bound(size_t n)
{
	return n / 4 * 3 + 3;
}

/* What remains behind the last group: its padding and nothing else. */
static int finish(unsigned char *dst, size_t *len, uint32_t bits, int held,
		  const char *text, size_t i, size_t n, struct mm_err *err)
{
	int pad = 0;

	for (; i < n; i++) {
		const unsigned v = value((unsigned char)text[i]);

		if (v == BLANK)
			continue;
		if (text[i] != '=' || ++pad > 4 - held || held < 2)
			return mm_fail(err, MM_ERR_FORMAT,
				       "invalid base64 at character %zu", i);
	}
	if (held == 1 || (pad && pad != 4 - held))
		return mm_fail(err, MM_ERR_FORMAT,
			       "the base64 text ends in the middle of a group");
	if (held && bits & (held == 2 ? 0xfu : 0x3u))
		return mm_fail(err, MM_ERR_FORMAT,
			       "the base64 text's last character has bits that "
			       "belong to no byte");
	if (held == 2)
		dst[(*len)++] = (unsigned char)(bits >> 4);
	if (held == 3) {
		dst[(*len)++] = (unsigned char)(bits >> 10);
		dst[(*len)++] = (unsigned char)(bits >> 2);
	}
	return MM_OK;
}

int mm_base64_decode(void *dst, size_t *len, const char *text, size_t n,
		     struct mm_err *err)
{
	unsigned char table[256], *out = dst;
	uint32_t bits = 0;
	int held = 0;
	size_t i;

	for (int c = 0; c < 256; c++)
		table[c] = (unsigned char)value((unsigned char)c);
	*len = 0;
	for (i = 0; i < n; i++) {
		const unsigned v = table[(unsigned char)text[i]];

		if (v == BLANK)
			continue;
		if (v == BAD)
			break;
		bits = bits << 6 | v;
		if (++held < 4)
			continue;
		out[0] = (unsigned char)(bits >> 16);
		out[1] = (unsigned char)(bits >> 8);
		out[2] = (unsigned char)bits;
		out += 3;
		held = 0;
	}
	*len = (size_t)(out - (unsigned char *)dst);
	return finish(dst, len, bits, held, text, i, n, err);
}

void mm_base64_encode(struct mm_buf *out, const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
	char *at = mm_buf_reserve(out, n / 3 * 4 + 4);

	if (!at)
		return;
	for (; n >= 3; n -= 3, p += 3) {
		*at++ = digits[p[0] >> 2];
		*at++ = digits[(p[0] << 4 | p[1] >> 4) & 63];
		*at++ = digits[(p[1] << 2 | p[2] >> 6) & 63];
		*at++ = digits[p[2] & 63];
	}
	if (n) {
		const unsigned second = n == 2 ? p[1] : 0;

		*at++ = digits[p[0] >> 2];
		*at++ = digits[(p[0] << 4 | second >> 4) & 63];
		*at++ = n == 2 ? digits[second << 2 & 63] : '=';
		*at++ = '=';
	}
	out->len = (size_t)(at - out->data);
	*at = '\0';
}
