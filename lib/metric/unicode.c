/*
 * unicode.c - characters as the reference programs see them (unicode.h).
 *
 * The scanner that coco-caption uses was generated with Unicode 6.3; letters
 * that came later are listed here and taken out of utf8proc's.  Stored is what
 * a character became first, so the list does not grow with utf8proc's age
 * unless a later version adds letters to the basic plane.
 */
#include <utf8proc.h>

#include "metric/unicode.h"

struct range {
	uint16_t lo, hi;
};

/* Letters of Unicode 15, up to U+FFFF, that were none in 6.3. */
static const struct range new_letter[] = {
	{ 0x037F, 0x037F }, { 0x0528, 0x052F }, { 0x0560, 0x0560 },
	{ 0x0588, 0x0588 }, { 0x05EF, 0x05EF }, { 0x0860, 0x086A },
	{ 0x0870, 0x0887 }, { 0x0889, 0x088E }, { 0x08A1, 0x08A1 },
	{ 0x08AD, 0x08C9 }, { 0x0978, 0x0978 }, { 0x0980, 0x0980 },
	{ 0x09FC, 0x09FC }, { 0x0AF9, 0x0AF9 }, { 0x0C34, 0x0C34 },
	{ 0x0C5A, 0x0C5A }, { 0x0C5D, 0x0C5D }, { 0x0C80, 0x0C80 },
	{ 0x0CDD, 0x0CDD }, { 0x0D04, 0x0D04 }, { 0x0D54, 0x0D56 },
	{ 0x0D5F, 0x0D5F }, { 0x0E86, 0x0E86 }, { 0x0E89, 0x0E89 },
	{ 0x0E8C, 0x0E8C }, { 0x0E8E, 0x0E93 }, { 0x0E98, 0x0E98 },
	{ 0x0EA0, 0x0EA0 }, { 0x0EA8, 0x0EA9 }, { 0x0EAC, 0x0EAC },
	{ 0x13F5, 0x13F5 }, { 0x13F8, 0x13FD }, { 0x16F1, 0x16F8 },
	{ 0x170D, 0x170D }, { 0x171F, 0x171F }, { 0x1878, 0x1878 },
	{ 0x191D, 0x191E }, { 0x19B0, 0x19C0 }, { 0x19C8, 0x19C9 },
	{ 0x1B4C, 0x1B4C }, { 0x1C80, 0x1C88 }, { 0x1C90, 0x1CBA },
	{ 0x1CBD, 0x1CBF }, { 0x1CF2, 0x1CF3 }, { 0x1CFA, 0x1CFA },
	{ 0x2C2F, 0x2C2F }, { 0x2C5F, 0x2C5F }, { 0x312E, 0x312F },
	{ 0x31BB, 0x31BF }, { 0x4DB6, 0x4DBF }, { 0x9FCD, 0x9FFF },
	{ 0xA698, 0xA69D }, { 0xA78F, 0xA78F }, { 0xA794, 0xA79F },
	{ 0xA7AB, 0xA7CA }, { 0xA7D0, 0xA7D1 }, { 0xA7D3, 0xA7D3 },
	{ 0xA7D5, 0xA7D9 }, { 0xA7F2, 0xA7F7 }, { 0xA8FD, 0xA8FE },
	{ 0xA9E0, 0xA9E4 }, { 0xA9E6, 0xA9EF }, { 0xA9FA, 0xA9FE },
	{ 0xAA7E, 0xAA7F }, { 0xAB30, 0xAB5A }, { 0xAB5C, 0xAB69 },
	{ 0xAB70, 0xABBF },
};

/* Characters that are lower case though their category is not Ll. */
static const struct range other_lower[] = {
	{ 0x00AA, 0x00AA }, { 0x00BA, 0x00BA }, { 0x02B0, 0x02B8 },
	{ 0x02C0, 0x02C1 }, { 0x02E0, 0x02E4 }, { 0x0345, 0x0345 },
	{ 0x037A, 0x037A }, { 0x1D2C, 0x1D6A }, { 0x1D78, 0x1D78 },
	{ 0x1D9B, 0x1DBF }, { 0x2071, 0x2071 }, { 0x207F, 0x207F },
	{ 0x2090, 0x209C }, { 0x2170, 0x217F }, { 0x24D0, 0x24E9 },
	{ 0x2C7C, 0x2C7D }, { 0xA69C, 0xA69D }, { 0xA770, 0xA770 },
	{ 0xA7F8, 0xA7F9 }, { 0xAB5C, 0xAB5F },
};

/* What Java 17's rule for a final sigma counts as cased besides letters. */
static const struct range java_cased[] = {
	{ 0x02B0, 0x02B8 }, { 0x02C0, 0x02C1 }, { 0x02E0, 0x02E4 },
	{ 0x0345, 0x0345 }, { 0x037A, 0x037A }, { 0x1D2C, 0x1D61 },
	{ 0x2160, 0x217F }, { 0x24B6, 0x24E9 },
};

#define IN_TABLE(c, table) in_table(c, table, sizeof(table) / sizeof(*(table)))

static bool in_table(uint32_t c, const struct range *r, size_t n)
{
	for (size_t i = 0; i < n && r[i].lo <= c; i++)
		if (c <= r[i].hi)
			return true;
	return false;
}

static utf8proc_category_t category(uint32_t c)
{
	return utf8proc_category((utf8proc_int32_t)c);
}

/* The length that a lead byte announces, and the bounds of byte two. */
static size_t sequence(unsigned char lead, unsigned char *lo, unsigned char *hi)
{
	*lo = 0x80;
	*hi = 0xBF;
	if (lead < 0x80)
		return 1;
	if (lead >= 0xC2 && lead <= 0xDF)
		return 2;
	if (lead >= 0xE0 && lead <= 0xEF) {
		if (lead == 0xE0)
			*lo = 0xA0;
		if (lead == 0xED)
			*hi = 0x9F;
		return 3;
	}
	if (lead >= 0xF0 && lead <= 0xF4) {
		if (lead == 0xF0)
			*lo = 0x90;
		if (lead == 0xF4)
			*hi = 0x8F;
		return 4;
	}
	return 0;
}

uint32_t mm_unicode_next(const char *s, size_t n, size_t *i)
{
	unsigned char lead = (unsigned char)s[(*i)++], lo, hi;
	size_t len = sequence(lead, &lo, &hi);
	uint32_t c;

	if (len == 1)
		return lead;
	if (len == 0)
		return 0xFFFD;
	c = lead & (0x7F >> len);
	for (size_t k = 1; k < len; k++, (*i)++) {
		unsigned char b = *i < n ? (unsigned char)s[*i] : 0;

		if (b < lo || b > hi)
			return 0xFFFD;
		c = c << 6 | (b & 0x3F);
		lo = 0x80;
		hi = 0xBF;
	}
	return c;
}

size_t mm_unicode_invalid(const char *s, size_t n)
{
	size_t i = 0;

	while (i < n) {
		size_t at = i;

		if ((unsigned char)s[i] < 0x80)
			i++;
		else if (mm_unicode_next(s, n, &i) == 0xFFFD &&
			 (i - at != 3 || (unsigned char)s[at] != 0xEF ||
			  (unsigned char)s[at + 1] != 0xBF))
			return at;
	}
	return n;
}

void mm_unicode_put(struct mm_buf *out, uint32_t c)
{
	char *p;

	if (c < 0x80) {
		mm_buf_addc(out, (char)c);
		return;
	}
	p = mm_buf_reserve(out, 4);
	if (p)
		out->len += (size_t)utf8proc_encode_char((utf8proc_int32_t)c,
							 (utf8proc_uint8_t *)p);
	if (p)
		out->data[out->len] = 0;
}

bool mm_unicode_space(uint32_t c)
{
	return c == ' ' || (c >= 0x09 && c <= 0x0D) ||
	       (c >= 0x1C && c <= 0x1F) || c == 0x85 || c == 0xA0 ||
	       c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 ||
	       c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

size_t mm_unicode_strip_end(const char *s, size_t n)
{
	while (n > 0) {
		size_t from = n - 1, i;

		while (from > 0 && ((unsigned char)s[from] & 0xC0) == 0x80)
			from--;
		i = from;
		if (!mm_unicode_space(mm_unicode_next(s, n, &i)) || i != n)
			break;
		n = from;
	}
	return n;
}

bool mm_unicode_punctuation(uint32_t c)
{
	utf8proc_category_t k = category(c);

	return k >= UTF8PROC_CATEGORY_PC && k <= UTF8PROC_CATEGORY_PO;
}

bool mm_unicode_symbol(uint32_t c)
{
	utf8proc_category_t k = category(c);

	return k >= UTF8PROC_CATEGORY_SM && k <= UTF8PROC_CATEGORY_SO;
}

bool mm_unicode_decimal(uint32_t c)
{
	if (c < 0x80)
		return c >= '0' && c <= '9';
	return utf8proc_category((utf8proc_int32_t)c) == UTF8PROC_CATEGORY_ND;
}

bool mm_unicode_number(uint32_t c)
{
	utf8proc_category_t k = category(c);

	return k >= UTF8PROC_CATEGORY_ND && k <= UTF8PROC_CATEGORY_NO;
}

static bool letter(uint32_t c)
{
	utf8proc_category_t k = category(c);

	return k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_LO;
}

bool mm_unicode6_letter(uint32_t c)
{
	if (c == 0x1885 || c == 0x1886) /* marks since Unicode 9 */
		return true;
	return letter(c) && !IN_TABLE(c, new_letter);
}

bool mm_unicode6_digit(uint32_t c)
{
	return category(c) == UTF8PROC_CATEGORY_ND &&
	       !(c >= 0x0DE6 && c <= 0x0DEF) && !(c >= 0xA9F0 && c <= 0xA9F9);
}

bool mm_unicode6_capital(uint32_t c)
{
	if ((c >= 0x2160 && c <= 0x216F) || (c >= 0x24B6 && c <= 0x24CF))
		return true;
	/* Cherokee had no case before Unicode 8. */
	return category(c) == UTF8PROC_CATEGORY_LU &&
	       !(c >= 0x13A0 && c <= 0x13F5) && !IN_TABLE(c, new_letter);
}

size_t mm_unicode_folds(uint32_t c, uint32_t out[4])
{
	size_t n = 0;
	uint32_t low = c >= 'A' && c <= 'Z' ? c + 32 : c;

	out[n++] = low;
	if (low >= 'a' && low <= 'z')
		out[n++] = low - 32;
	if (low == 'k')
		out[n++] = 0x212A; /* the Kelvin sign */
	if (low == 's')
		out[n++] = 0x017F; /* long s */
	if (low == 'i') {
		out[n++] = 0x0130;
		out[n++] = 0x0131;
	}
	return n;
}

static bool cased(uint32_t c, bool java)
{
	utf8proc_category_t k = category(c);

	if (k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_LT)
		return true;
	if (java)
		return IN_TABLE(c, java_cased);
	return IN_TABLE(c, other_lower) || (c >= 0x2160 && c <= 0x216F) ||
	       (c >= 0x24B6 && c <= 0x24CF);
}

/* Unicode's property Case_Ignorable. */
static bool ignorable(uint32_t c)
{
	switch (category(c)) {
	case UTF8PROC_CATEGORY_MN:
	case UTF8PROC_CATEGORY_ME:
	case UTF8PROC_CATEGORY_CF:
	case UTF8PROC_CATEGORY_LM:
	case UTF8PROC_CATEGORY_SK: return true;
	default:
		return c == '\'' || c == '.' || c == ':' || c == 0xB7 ||
		       c == 0x387 || c == 0x55F || c == 0x5F4 || c == 0x2018 ||
		       c == 0x2019 || c == 0x2024 || c == 0x2027 ||
		       c == 0xFE13 || c == 0xFE52 || c == 0xFE55 ||
		       c == 0xFF07 || c == 0xFF0E || c == 0xFF1A;
	}
}

/* Character kinds of Java's word iterator, as far as a sigma can tell. */
enum kind {
	LETTER,
	DIGIT,
	MARK,
	MIDDLE,	    /* may stand between two letters */
	MIDDLE_NUM, /* between two digits */
	MIDDLE_ALL, /* either */
	OTHER,
};

static enum kind java_kind(uint32_t c)
{
	utf8proc_category_t k = category(c);

	if (c == '"' || c == '\'' || c == '.')
		return MIDDLE_ALL;
	if (c == ',' || c == 0x66B)
		return MIDDLE_NUM;
	if (k == UTF8PROC_CATEGORY_PD || k == UTF8PROC_CATEGORY_PC ||
	    c == 0xAD || c == 0x2027)
		return MIDDLE;
	if (k == UTF8PROC_CATEGORY_MN || k == UTF8PROC_CATEGORY_ME ||
	    k == UTF8PROC_CATEGORY_MC)
		return MARK;
	/* Kana and ideographs are words of their own. */
	if (c == 0x3005 || (c >= 0x3041 && c <= 0x3094) ||
	    (c >= 0x3099 && c <= 0x309C) || (c >= 0x30A1 && c <= 0x30FC) ||
	    (c >= 0x4E00 && c <= 0x9FA5) || (c >= 0xF900 && c <= 0xFA2D))
		return OTHER;
	if (letter(c))
		return LETTER;
	return mm_unicode_number(c) ? DIGIT : OTHER;
}

static bool joins(enum kind middle, enum kind a, enum kind b)
{
	if (a != b)
		return false;
	return middle == MIDDLE_ALL || (a == LETTER && middle == MIDDLE) ||
	       (a == DIGIT && middle == MIDDLE_NUM);
}

/* The character that ends at s[*i], *i > 0; *i moves to its start. */
static uint32_t unicode_before(const char *s, size_t n, size_t *i)
{
	size_t at;

	do {
		--*i;
	} while (*i > 0 && ((unsigned char)s[*i] & 0xC0) == 0x80);
	at = *i;
	return mm_unicode_next(s, n, &at);
}

/* The kind before s[*i], marks counted with what they are on. */
static enum kind kind_before(const char *s, size_t n, size_t *i, uint32_t *c)
{
	bool marked = false;

	while (*i > 0) {
		enum kind k;

		*c = unicode_before(s, n, i);
		k = java_kind(*c);
		if (k != MARK)
			return !marked || k == LETTER || k == DIGIT ? k : OTHER;
		marked = true;
	}
	return OTHER;
}

/* Is there a cased letter before s[at] in the word as Java sees it? */
static bool java_cased_before(const char *s, size_t n, size_t at)
{
	enum kind next = LETTER;
	uint32_t c = 0;

	for (;;) {
		enum kind k = kind_before(s, n, &at, &c);

		if (k != LETTER && k != DIGIT) {
			enum kind middle = k;

			k = kind_before(s, n, &at, &c);
			if (!joins(middle, k, next))
				return false;
		}
		if (cased(c, true))
			return true;
		next = k;
	}
}

/* And behind? */
static bool java_cased_behind(const char *s, size_t n, size_t at)
{
	enum kind last = LETTER;

	while (at < n) {
		uint32_t c = mm_unicode_next(s, n, &at);
		enum kind k = java_kind(c);

		if (k == MARK) {
			if (cased(c, true))
				return true;
			continue;
		}
		if (k != LETTER && k != DIGIT) {
			enum kind middle = k;

			if (at == n)
				return false;
			c = mm_unicode_next(s, n, &at);
			k = java_kind(c);
			if (!joins(middle, last, k))
				return false;
		}
		if (cased(c, true))
			return true;
		last = k;
	}
	return false;
}

/* A cased letter before s[at], or behind, seen through what ignores case? */
static bool python_cased_before(const char *s, size_t n, size_t at)
{
	while (at > 0) {
		uint32_t c = unicode_before(s, n, &at);

		if (!ignorable(c))
			return cased(c, false);
	}
	return false;
}

static bool python_cased_behind(const char *s, size_t n, size_t at)
{
	while (at < n) {
		uint32_t c = mm_unicode_next(s, n, &at);

		if (!ignorable(c))
			return cased(c, false);
	}
	return false;
}

/* Does the sigma at `at` (2 bytes) end a word of more than itself? */
static bool final_sigma(const char *s, size_t n, size_t at, bool java)
{
	if (java)
		return java_cased_before(s, n, at) &&
		       !java_cased_behind(s, n, at + 2);
	return python_cased_before(s, n, at) &&
	       !python_cased_behind(s, n, at + 2);
}

/* Pairs that came after Java 17's Unicode 13. */
static bool newer_than_java(uint32_t c)
{
	return c == 0x2C2F || c == 0xA7C0 || c == 0xA7D0 || c == 0xA7D6 ||
	       c == 0xA7D8 || (c >= 0x10570 && c <= 0x10595);
}

/* As much of s[0..n) as is ASCII, in lower case; how much that was. */
static size_t lower_ascii(struct mm_buf *out, const char *s, size_t n)
{
	char *to = mm_buf_reserve(out, n);
	size_t i = 0;

	if (!to)
		return n;
	for (; i < n && (unsigned char)s[i] < 0x80; i++)
		to[i] = (char)(s[i] >= 'A' && s[i] <= 'Z' ? s[i] + 32 : s[i]);
	out->len += i;
	to[i] = 0;
	return i;
}

void mm_unicode_lower(struct mm_buf *out, const char *s, size_t n, bool java)
{
	for (size_t i = 0; i < n;) {
		size_t at = i;
		uint32_t c;

		if ((unsigned char)s[i] < 0x80) {
			i += lower_ascii(out, s + i, n - i);
			continue;
		}
		c = mm_unicode_next(s, n, &i);
		if (c == 0x130) {
			mm_buf_add(out, "i\xCC\x87", 3);
			continue;
		}
		if (c == 0x3A3)
			c = final_sigma(s, n, at, java) ? 0x3C2 : 0x3C3;
		else if (!java || !newer_than_java(c))
			c = (uint32_t)utf8proc_tolower((utf8proc_int32_t)c);
		mm_unicode_put(out, c);
	}
}
