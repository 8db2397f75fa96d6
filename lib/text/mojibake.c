/*
 * mojibake.c - see mojibake.h.
 *
 * A text is repaired whole where all of its characters are of one of the two
 * encodings and the bytes behind them are UTF-8; else run by run.  Either
 * only where two or three characters stand together that hardly ever do:
 * accented letters before currency signs, "Ã" before a copyright sign.
 */
#include "text/mojibake.h"

#include <string.h>

#include "base/utf8.h"
#include "text/unicode.h"

/* Kinds of characters, as bits. */
enum {
	COMMON = 1,
	C1 = 2,
	BAD = 4,
	LAW = 8,
	MONEY = 16,
	OPENS = 32,
	CLOSES = 64,
	NUMBER = 128,
	UPPER = 256,
	LOWER = 512,
	SPACE = 1024,
	WORD = 2048,  /* any letter or digit */
	SMALL = 4096, /* a to z */
	ASCII = 8192, /* a letter of it */
	ANY = 1 << 14,
};

/* Windows-1252's 0x80..0x9f; 0: not assigned, read as Latin-1. */
static const uint16_t cp1252[32] = {
	0x20ac, 0,	0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021,
	0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0,	0x017d, 0,
	0,	0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
	0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0,	0x017e, 0x0178,
};

uint32_t mm_cp1252(uint32_t c)
{
	return c >= 0x80 && c < 0xa0 && cp1252[c - 0x80] ? cp1252[c - 0x80] : c;
}

/* The byte that a character is in the encoding, or -1. */
static int byte_of(uint32_t c, bool windows)
{
	if (c < 0x80 || (c >= 0xa0 && c < 0x100))
		return (int)c;
	if (!windows)
		return c < 0xa0 ? (int)c : -1;
	for (int i = 0; i < 32; i++)
		if (cp1252[i] ? cp1252[i] == c : c == 0x80u + (uint32_t)i)
			return 0x80 + i;
	return -1;
}

static bool among(uint32_t c, const char *list)
{
	const size_t n = strlen(list);
	size_t at = 0;

	while (at < n)
		if (mm_utf8_next(list, &at) == c)
			return true;
	return false;
}

static int kind_of(uint32_t c)
{
	int k = ANY;

	if (c < 0x80) {
		if ((c | 32) >= 'a' && (c | 32) <= 'z')
			k |= ASCII | WORD | (c >= 'a' ? SMALL : 0);
		if (c >= '0' && c <= '9')
			k |= WORD;
		return mm_u_space(c) ? k | SPACE : k;
	}
	if (mm_u_space(c))
		k |= SPACE;
	if (mm_u_class(c) & (MM_U_LETTER | MM_U_NUMBER))
		k |= WORD;
	if (c < 0xa0)
		return k | C1;
	if (among(c, "\u00a0\u00ad·´–—―…’"))
		k |= COMMON;
	if (among(c, "¦¤¨¬¯¸ƒˆˇ˘˛˜†‡‰ªº\ufffd"))
		k |= BAD;
	if (among(c, "¶§"))
		k |= LAW;
	if (among(c, "¢£¥€"))
		k |= MONEY;
	if (among(c, "¡«¿©‘‚“„•‹"))
		k |= OPENS;
	if (among(c, "®»”›™"))
		k |= CLOSES;
	if (among(c, "²³¹±¼½¾×µ÷"))
		k |= NUMBER;
	if ((c >= 0xc0 && c <= 0xd1) || among(c, "ØÜÝŒŠŽŸ"))
		k |= UPPER;
	if (c == 0xdf || (c >= 0xe0 && c <= 0xf1) || among(c, "üœšž"))
		k |= LOWER;
	return k;
}

/* Neighbours that hardly ever are: kinds of two or three in a row. */
static const struct rule {
	int kind[3]; /* 0: no third */
} rules[] = {
	{ { C1, ANY } },
	{ { BAD | LOWER | UPPER | OPENS | CLOSES | MONEY | NUMBER | LAW,
	    BAD } },
	{ { BAD, LOWER | UPPER | OPENS | CLOSES | MONEY | NUMBER | LAW } },
	{ { LOWER | CLOSES | MONEY | NUMBER, UPPER } },
	{ { CLOSES | MONEY | NUMBER, LOWER } },
	{ { LOWER | CLOSES, MONEY } },
	{ { SPACE, UPPER, MONEY } },
	{ { UPPER, NUMBER | LAW } },
	{ { LOWER | UPPER | MONEY | CLOSES, OPENS, NUMBER } },
	{ { LOWER | UPPER | MONEY | NUMBER | LAW, CLOSES, OPENS } },
	{ { MONEY | NUMBER, OPENS } },
	{ { SMALL, UPPER, OPENS | MONEY } },
	{ { LOWER | UPPER, OPENS | CLOSES, WORD } },
};

/* Pairs that count by themselves; `second` by letters or by kind. */
static const struct pair {
	const char *first, *second;
	int kind;
} pairs[] = {
	{ "ÂÃÎÐ", "€œŠš¢£Ÿž\u00a0\u00ad®©°·»–—´", OPENS | CLOSES },
	{ "×", "²³", 0 },
	{ "à", "²µ¹¼½¾", 0 },
	{ "Ã", "\u00a0¡", 0 },
};

struct text {
	const uint32_t *c; /* n of them */
	size_t n;
};

static uint32_t at(struct text t, size_t i)
{
	return i < t.n ? t.c[i] : 0;
}

static bool bad_pair(uint32_t a, uint32_t b)
{
	for (size_t k = 0; k < sizeof(pairs) / sizeof(pairs[0]); k++)
		if (among(a, pairs[k].first) &&
		    (among(b, pairs[k].second) || kind_of(b) & pairs[k].kind))
			return true;
	if (among(a, "Œœ"))
		return b && !(kind_of(b) & ASCII);
	return b == 0xb0 && kind_of(a) & UPPER; /* the degree sign */
}

/* Arabic and Hebrew: two pairs of them, one behind the other. */
static bool bad_four(struct text t, size_t i)
{
	for (size_t k = i; k < i + 4; k += 2)
		if (!among(at(t, k), "ØÙ") || k + 1 >= t.n ||
		    !(kind_of(at(t, k + 1)) &
			      (COMMON | MONEY | BAD | NUMBER | OPENS) ||
		      among(at(t, k + 1), "ŸŠ®°µ»")))
			return false;
	return true;
}

/* A blank that was a no-break space: the second byte of "à" or of itself. */
static bool bad_blank(struct text t, size_t i)
{
	const uint32_t c = at(t, i), next = at(t, i + 1);
	const size_t before = i > 1 && kind_of(t.c[i - 1]) & SPACE ? 2 : 1;

	if (c != 0xc3 && c != 0xc2)
		return false;
	if (next == ' ')
		return !i || (i >= before && kind_of(t.c[i - before]) & SMALL);
	return c == 0xc2 && i && kind_of(next) & (OPENS | CLOSES) &&
	       (kind_of(t.c[i - 1]) & (SMALL | CLOSES) ||
		among(t.c[i - 1], ".,?!"));
}

static bool is_bad(struct text t)
{
	for (size_t i = 0; i < t.n; i++) {
		const int a = kind_of(t.c[i]);
		const int b = i + 1 < t.n ? kind_of(t.c[i + 1]) : 0;
		const int c = i + 2 < t.n ? kind_of(t.c[i + 2]) : 0;

		if (a & C1)
			return true;
		for (size_t k = 0; k < sizeof(rules) / sizeof(rules[0]); k++) {
			const int *r = rules[k].kind;

			if (a & r[0] && b & r[1] && (!r[2] || c & r[2]))
				return true;
		}
		if (bad_pair(t.c[i], at(t, i + 1)) || bad_four(t, i) ||
		    bad_blank(t, i))
			return true;
	}
	return false;
}

/*
 * Blanks that were the byte A0: behind the first byte of two where that makes
 * a likely letter.  "Ã " is a word, "à ", unless Portuguese has it in front
 * ("às", "àquele").
 */
static void restore_a0(struct mm_buf *b)
{
	static const char *const joined[] = { "quele", "quela", "quilo", "s " };

	for (size_t i = 0; i + 1 < b->len; i++) {
		const unsigned char c = (unsigned char)b->data[i];
		bool word = c == 0xc3 && b->data[i + 1] == ' ';

		if (b->data[i + 1] != ' ' ||
		    !strchr("\xc2\xc3\xc5\xce\xd0\xd9", c))
			continue;
		for (size_t k = 0; word && k < 4; k++)
			word = i + 2 + strlen(joined[k]) > b->len ||
			       strncmp(b->data + i + 2, joined[k],
				       strlen(joined[k]));
		word = word && !(i + 2 < b->len && b->data[i + 2] == ' ');
		b->data[i + 1] = (char)0xa0;
		if (word) {
			mm_buf_addc(b, ' ');
			if (b->failed)
				return;
			memmove(b->data + i + 3, b->data + i + 2,
				b->len - i - 3);
			b->data[i + 2] = ' ';
		}
	}
}

/* The whole text as bytes of one encoding, where these are UTF-8. */
static bool decode_whole(struct text t, bool windows, struct mm_buf *out)
{
	const size_t from = out->len;
	struct mm_buf bytes = { 0 };
	bool good = true;

	for (size_t i = 0; good && i < t.n; i++) {
		const int b = byte_of(t.c[i], windows);

		good = b >= 0;
		mm_buf_addc(&bytes, (char)b);
	}
	if (good)
		restore_a0(&bytes);
	good = good && !bytes.failed && bytes.len &&
	       mm_utf8_prefix(bytes.data, bytes.len) == bytes.len;
	if (good)
		mm_buf_add(out, bytes.data, bytes.len);
	if (!good)
		out->len = from;
	mm_buf_release(&bytes);
	return good;
}

/* In either encoding. */
static int any_byte_of(uint32_t c)
{
	const int b = byte_of(c, true);

	return b < 0 ? byte_of(c, false) : b;
}

/* How many characters from i on look like one of UTF-8; 0: none. */
static size_t one_sequence(struct text t, size_t i)
{
	const int lead = any_byte_of(at(t, i));
	const size_t more = lead >= 0xc2 && lead < 0xe0	   ? 1
			    : lead >= 0xe0 && lead < 0xf0  ? 2
			    : lead == 0xf0 || lead == 0xf3 ? 3
							   : 0;

	for (size_t k = 1; k <= more; k++) {
		const int b = i + k < t.n ? any_byte_of(t.c[i + k]) : -1;

		if (b != ' ' && (b < 0x80 || b > 0xbf))
			return 0;
	}
	return more ? more + 1 : 0;
}

static bool step(struct text t, struct mm_buf *out);

/* The end of a sequence that is not whole: what follows is left alone. */
static bool continues(uint32_t c)
{
	const int b = any_byte_of(c);

	return b >= 0x80 && b <= 0xbf && !among(c, "–—‘’‚“”„•…");
}

/* Runs of such sequences within a text that is no mojibake as a whole. */
static bool decode_runs(struct text t, struct mm_buf *out)
{
	bool changed = false;
	size_t n, run;

	for (size_t i = 0; i < t.n; i += run) {
		const struct text part = { t.c + i, 0 };
		struct text p = part;

		run = 0;
		while (!(i && continues(t.c[i - 1])) &&
		       (n = one_sequence(t, i + run)))
			run += n;
		p.n = run;
		if (run && run < t.n && is_bad(p) && step(p, out)) {
			changed = true;
			continue;
		}
		run = run ? run : 1;
		for (size_t k = 0; k < run; k++)
			mm_utf8_add(out, t.c[i + k]);
	}
	return changed;
}

/* Controls of Latin-1 were meant to be Windows-1252. */
static bool decode_controls(struct text t, struct mm_buf *out)
{
	bool changed = false;

	for (size_t i = 0; i < t.n; i++) {
		const uint32_t c = mm_cp1252(t.c[i]);

		changed |= c != t.c[i];
		mm_utf8_add(out, c);
	}
	return changed;
}

static bool step(struct text t, struct mm_buf *out)
{
	const size_t from = out->len;

	if (decode_whole(t, false, out) || decode_whole(t, true, out) ||
	    decode_runs(t, out))
		return true;
	out->len = from;
	if (decode_controls(t, out))
		return true;
	out->len = from;
	return false;
}

bool mm_mojibake_fix(const char *s, size_t n, struct mm_buf *out)
{
	enum { MOST = 4 }; /* times that a text was mistaken */
	struct mm_buf text = { 0 }, points = { 0 }, next = { 0 };
	bool changed = false;

	mm_buf_add(&text, s, n);
	for (int times = 0; times < MOST && !text.failed; times++) {
		struct text t;
		size_t i = 0;

		mm_buf_clear(&points);
		while (i < text.len) {
			const uint32_t c = mm_utf8_next(text.data, &i);

			mm_buf_add(&points, &c, sizeof(c));
		}
		t.c = (const uint32_t *)(const void *)points.data;
		t.n = points.len / sizeof(uint32_t);
		mm_buf_clear(&next);
		if (points.failed || !is_bad(t) || !step(t, &next))
			break;
		changed = true;
		mm_buf_clear(&text);
		mm_buf_add(&text, next.data, next.len);
	}
	if (changed)
		mm_buf_add(out, text.data, text.len);
	out->failed |= text.failed || points.failed || next.failed;
	mm_buf_release(&text);
	mm_buf_release(&points);
	mm_buf_release(&next);
	return changed;
}
