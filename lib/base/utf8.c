/* utf8.c - see utf8.h. */
#include "base/utf8.h"

/*
 * Length of the sequence at p (at most n bytes), 0 where it is none.  The
 * second byte's range depends on the first one (Unicode, table 3-7).
 */
static size_t sequence(const unsigned char *p, size_t n)
{
	unsigned char lo = 0x80, hi = 0xbf;
	size_t len;

	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	len = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	switch (p[0]) {
	case 0xe0: lo = 0xa0; break;
	case 0xed: hi = 0x9f; break;
	case 0xf0: lo = 0x90; break;
	case 0xf4: hi = 0x8f; break;
	default: break;
	}
	if (len > n || p[1] < lo || p[1] > hi)
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

size_t mm_utf8_prefix(const char *s, size_t n)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t i = 0, len;

	while (i < n && (len = sequence(p + i, n - i)))
		i += len;
	return i;
}

void mm_buf_add_utf8(struct mm_buf *out, unsigned c)
{
	const bool bad = c > 0x10ffff || (c >= 0xd800 && c < 0xe000);

	if (bad || !c)
		c = 0xfffd;
	if (c < 0x80) {
		mm_buf_addc(out, (char)c);
		return;
	}
	if (c < 0x800) {
		mm_buf_addc(out, (char)(0xc0 | c >> 6));
	} else if (c < 0x10000) {
		mm_buf_addc(out, (char)(0xe0 | c >> 12));
		mm_buf_addc(out, (char)(0x80 | (c >> 6 & 63)));
	} else {
		mm_buf_addc(out, (char)(0xf0 | c >> 18));
		mm_buf_addc(out, (char)(0x80 | (c >> 12 & 63)));
		mm_buf_addc(out, (char)(0x80 | (c >> 6 & 63)));
	}
	mm_buf_addc(out, (char)(0x80 | (c & 63)));
}
