/*
 * unicode.c - see unicode.h.  The only file that includes utf8proc.
 *
 * Normal forms are computed here from utf8proc's decompositions and combining
 * classes, with the code points that the reference does not know as borders:
 * these are starters that neither change nor join with anything.
 */
#include "text/unicode.h"

#include <string.h>
#include <utf8proc.h>

#include "base/mem.h"
#include "text/unicode_tables.h"

enum { HANGUL_FIRST = 0xac00, HANGUL_LAST = 0xd7a3 };

const unsigned char mm_u_class_ascii[128] = {
	0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 4, 4, 4, 4, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 0, 0, 0, 0, 0, 0, 0, 1,
	1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
	1, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
	1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0,
};

static bool in_ranges(const struct mm_u_range *r, size_t n, uint32_t cp)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		const size_t mid = (lo + hi) / 2;

		if (cp > r[mid].last)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < n && cp >= r[lo].first;
}

static const struct mm_u_value *find_value(const struct mm_u_value *v, size_t n,
					   uint32_t cp)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		const size_t mid = (lo + hi) / 2;

		if (cp > v[mid].last)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < n && cp >= v[lo].first ? &v[lo] : NULL;
}

#define IN(table, cp) in_ranges(table, table##_n, cp)

/* Length of the sequence that a lead byte promises, 0 for a bad one. */
static size_t sequence_len(unsigned char c)
{
	return c < 0x80	  ? 1
	       : c < 0xc2 ? 0
	       : c < 0xe0 ? 2
	       : c < 0xf0 ? 3
	       : c < 0xf5 ? 4
			  : 0;
}

static bool sequence_ok(const unsigned char *p, size_t len)
{
	for (size_t i = 1; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return false;
	/* no over-long forms, surrogates, or values above 0x10ffff */
	return !((p[0] == 0xe0 && p[1] < 0xa0) ||
		 (p[0] == 0xed && p[1] > 0x9f) ||
		 (p[0] == 0xf0 && p[1] < 0x90) ||
		 (p[0] == 0xf4 && p[1] > 0x8f));
}

size_t mm_utf8_valid(const char *s, size_t n)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t i = 0;

	while (i < n) {
		uint64_t eight;
		size_t len;

		while (i + 8 <= n) {
			memcpy(&eight, p + i, 8);
			if (eight & 0x8080808080808080u)
				break;
			i += 8;
		}
		if (i == n)
			break;
		len = sequence_len(p[i]);
		if (!len || len > n - i || !sequence_ok(p + i, len))
			return i;
		i += len;
	}
	return n;
}

/* How much of a broken sequence one replacement character stands for. */
static size_t broken_len(const unsigned char *p, size_t n)
{
	const size_t want = sequence_len(p[0]);
	size_t k = 1;

	while (k < want && k < n) {
		unsigned char lo = 0x80, hi = 0xbf;

		if (k == 1) {
			lo = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : lo;
			hi = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : hi;
		}
		if (p[k] < lo || p[k] > hi)
			break;
		k++;
	}
	return k;
}

void mm_utf8_lossy(const char *s, size_t n, struct mm_buf *b)
{
	for (size_t i = 0; i < n;) {
		const size_t good = mm_utf8_valid(s + i, n - i);

		mm_buf_add(b, s + i, good);
		i += good;
		if (i == n)
			break;
		mm_utf8_add(b, 0xfffd);
		i += broken_len((const unsigned char *)s + i, n - i);
	}
}

size_t mm_utf8_put(char *dst, uint32_t cp)
{
	return (size_t)utf8proc_encode_char((utf8proc_int32_t)cp,
					    (utf8proc_uint8_t *)dst);
}

void mm_utf8_add(struct mm_buf *b, uint32_t cp)
{
	char c[4];

	mm_buf_add(b, c, mm_utf8_put(c, cp));
}

size_t mm_utf8_count(const char *s, size_t n)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += ((unsigned char)s[i] & 0xc0) != 0x80;
	return count;
}

static enum mm_u_category old_category(uint32_t cp)
{
	return (enum mm_u_category)utf8proc_category((utf8proc_int32_t)cp);
}

enum mm_u_category mm_u_category(uint32_t cp)
{
	const enum mm_u_category cat = old_category(cp);
	const struct mm_u_value *v;

	if (cat != MM_CN && cat != MM_MN)
		return cat;
	v = find_value(mm_u_category_new, mm_u_category_new_n, cp);
	return v ? (enum mm_u_category)v->value : cat;
}

bool mm_u_space(uint32_t cp)
{
	if (cp < 0x80)
		return cp == ' ' || (cp >= 9 && cp <= 13);
	return cp == 0x85 || cp == 0xa0 || cp == 0x1680 ||
	       (cp >= 0x2000 && cp <= 0x200a) || cp == 0x2028 || cp == 0x2029 ||
	       cp == 0x202f || cp == 0x205f || cp == 0x3000;
}

unsigned mm_u_class_slow(uint32_t cp)
{
	const enum mm_u_category cat = mm_u_category(cp);

	if (cat >= MM_LU && cat <= MM_LO)
		return MM_U_LETTER;
	if (cat >= MM_ND && cat <= MM_NO)
		return MM_U_NUMBER;
	return mm_u_space(cp) ? MM_U_SPACE : 0;
}

bool mm_u_numeric(uint32_t cp)
{
	return (mm_u_class(cp) & MM_U_NUMBER) ||
	       (cp >= 128 && IN(mm_u_number_more, cp));
}

bool mm_u_word(uint32_t cp)
{
	const enum mm_u_category cat = mm_u_category(cp);

	/* circled and squared letters are Alphabetic though symbols */
	return (cat >= MM_LU && cat <= MM_NL) || cat == MM_PC ||
	       (cp >= 0x24b6 && cp <= 0x24e9) ||
	       (cp >= 0x1f130 && cp <= 0x1f149) ||
	       (cp >= 0x1f150 && cp <= 0x1f169) ||
	       (cp >= 0x1f170 && cp <= 0x1f189);
}

bool mm_u_punct(uint32_t cp)
{
	enum mm_u_category cat;

	if (cp < 128)
		return cp > 32 && cp < 127 && !mm_u_class_ascii[cp];
	cat = old_category(cp);
	return (cat >= MM_PC && cat <= MM_PO) != IN(mm_u_punct_toggle, cp);
}

bool mm_u_control(uint32_t cp)
{
	enum mm_u_category cat;

	if (cp < 128)
		return (cp < 32 && cp != '\t' && cp != '\n' && cp != '\r') ||
		       cp == 127;
	cat = old_category(cp);
	if (cat == MM_CC || cat == MM_CF || cat == MM_CO)
		return !IN(mm_u_control_toggle, cp);
	return cp == 0xfffd;
}

bool mm_u_mark(uint32_t cp)
{
	return cp >= 0x300 &&
	       (old_category(cp) == MM_MN) != IN(mm_u_mark_toggle, cp);
}

bool mm_u_combining(uint32_t cp)
{
	enum mm_u_category cat;

	if (cp < 0x300)
		return false;
	cat = old_category(cp);
	return (cat >= MM_MN && cat <= MM_ME) != IN(mm_u_combining_toggle, cp);
}

uint32_t mm_u_lower(uint32_t cp)
{
	const struct mm_u_value *v;

	if (cp < 128)
		return cp >= 'A' && cp <= 'Z' ? cp + 32 : cp;
	if (old_category(cp) == MM_CN) {
		v = find_value(mm_u_lower_new, mm_u_lower_new_n, cp);
		return v ? (uint32_t)((int32_t)cp + v->value) : cp;
	}
	return (uint32_t)utf8proc_tolower((utf8proc_int32_t)cp);
}

uint32_t mm_u_upper(uint32_t cp)
{
	if (cp < 128)
		return cp >= 'a' && cp <= 'z' ? cp - 32 : cp;
	return (uint32_t)utf8proc_toupper((utf8proc_int32_t)cp);
}

uint32_t mm_u_fold(uint32_t cp)
{
	return mm_u_lower(mm_u_upper(cp));
}

/* What may stand between a sigma and the letter that tells its place. */
static bool case_ignorable(uint32_t cp)
{
	const enum mm_u_category cat = old_category(cp);

	return cat == MM_MN || cat == MM_ME || cat == MM_CF || cat == MM_LM ||
	       cat == MM_SK || cp == '\'' || cp == 0xad || cp == 0xb7 ||
	       cp == 0x387 || cp == 0x55f || cp == 0x5f4 || cp == 0x2018 ||
	       cp == 0x2019 || cp == 0x2024 || cp == 0x2027 || cp == '.' ||
	       cp == ':' || cp == 0xfe13 || cp == 0xfe52 || cp == 0xfe55 ||
	       cp == 0xff07 || cp == 0xff0e || cp == 0xff1a;
}

static bool cased(uint32_t cp)
{
	const enum mm_u_category cat = old_category(cp);

	return (cat >= MM_LU && cat <= MM_LT) ||
	       utf8proc_tolower((utf8proc_int32_t)cp) !=
		       utf8proc_toupper((utf8proc_int32_t)cp) ||
	       cp == 0xaa || cp == 0xba;
}

static bool final_sigma(const char *s, size_t n, size_t at, size_t next)
{
	bool before = false;

	while (at > 0) {
		size_t look;
		uint32_t c;

		look = at = mm_utf8_back(s, at);
		c = mm_utf8_next(s, &look);
		if (!case_ignorable(c)) {
			before = cased(c);
			break;
		}
	}
	while (before && next < n) {
		const uint32_t c = mm_utf8_next(s, &next);

		if (!case_ignorable(c))
			return !cased(c);
	}
	return before;
}

void mm_u_lower_python(const char *s, size_t n, struct mm_buf *out)
{
	for (size_t i = 0, at = 0; i < n; at = i) {
		const uint32_t c = mm_utf8_next(s, &i);

		if (c == 0x3a3)
			mm_utf8_add(out,
				    final_sigma(s, n, at, i) ? 0x3c2 : 0x3c3);
		else
			mm_utf8_add(out, (uint32_t)utf8proc_tolower(
						 (utf8proc_int32_t)c));
		if (c == 0x130)
			mm_utf8_add(out, 0x307);
	}
}

/* ------------------------------------------------------ normal forms */

/* No change, no mark, joins with nothing: a text of these is normal. */
static bool inert(uint32_t cp, bool compat)
{
	const utf8proc_property_t *p;

	if (cp < (compat ? 0x80 : 0xc0))
		return true;
	if (cp >= HANGUL_FIRST && cp <= HANGUL_LAST)
		return false;
	p = utf8proc_get_property((utf8proc_int32_t)cp);
	return IN(mm_u_normal_new, cp) ||
	       (!p->combining_class && p->comb_index == UINT16_MAX &&
		(p->decomp_seqindex == UINT16_MAX ||
		 (p->decomp_type && !compat)) &&
		!(cp >= 0x1100 && cp <= 0x11ff));
}

bool mm_u_is_normal(enum mm_u_form form, const char *s, size_t n)
{
	const bool compat = form == MM_NFKC || form == MM_NFKD;
	const bool composed = form == MM_NFC || form == MM_NFKC;
	size_t i = 0;

	while (i < n) {
		uint32_t cp;

		if ((unsigned char)s[i] < 0x80) {
			i++;
			continue;
		}
		cp = mm_utf8_next(s, &i);
		/* Latin-1 letters and Hangul syllables are composed */
		if (composed && ((cp < 0x300 && !compat) ||
				 (cp >= HANGUL_FIRST && cp <= HANGUL_LAST)))
			continue;
		if (!inert(cp, compat))
			return false;
	}
	return true;
}

size_t mm_u_decompose(uint32_t cp, bool compat, uint32_t out[20])
{
	utf8proc_int32_t d[20];
	int last = 0;
	utf8proc_ssize_t n = -1;

	if (!IN(mm_u_normal_new, cp))
		n = utf8proc_decompose_char(
			(utf8proc_int32_t)cp, d, 20,
			UTF8PROC_DECOMPOSE | (compat ? UTF8PROC_COMPAT : 0),
			&last);
	if (n < 1 || n > 20) {
		out[0] = cp;
		return 1;
	}
	for (utf8proc_ssize_t i = 0; i < n; i++)
		out[i] = (uint32_t)d[i];
	return (size_t)n;
}

static int combining_class(uint32_t cp)
{
	if (cp < 0x300 || IN(mm_u_normal_new, cp))
		return 0;
	return utf8proc_get_property((utf8proc_int32_t)cp)->combining_class;
}

/* Insertion sort of one run of marks c[0..n): nearly all are short. */
static void order_short(uint32_t *c, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		const uint32_t x = c[i];
		const int k = combining_class(x);
		size_t j = i;

		for (; j > 0 && combining_class(c[j - 1]) > k; j--)
			c[j] = c[j - 1];
		c[j] = x;
	}
}

/* Counting sort, so that a text of marks alone takes no quadratic time. */
static bool order_long(uint32_t *c, size_t n)
{
	size_t at[256] = { 0 }, sum = 0;
	uint32_t *copy = mm_malloc(n, sizeof(*copy));

	if (!copy)
		return false;
	memcpy(copy, c, n * sizeof(*c));
	for (size_t i = 0; i < n; i++)
		at[combining_class(copy[i]) & 255]++;
	for (size_t k = 0; k < 256; k++) {
		const size_t count = at[k];

		at[k] = sum;
		sum += count;
	}
	for (size_t i = 0; i < n; i++)
		c[at[combining_class(copy[i]) & 255]++] = copy[i];
	mm_free(copy);
	return true;
}

/* Canonical order: each run of marks stably sorted by combining class. */
static bool order_marks(uint32_t *c, size_t n)
{
	for (size_t i = 0, from; i < n; i++) {
		if (!combining_class(c[i]))
			continue;
		from = i;
		while (i < n && combining_class(c[i]))
			i++;
		if (i - from <= 32)
			order_short(c + from, i - from);
		else if (!order_long(c + from, i - from))
			return false;
	}
	return true;
}

/* Compose c[0..n), which holds no border; how many are left. */
static size_t compose(uint32_t *c, size_t n)
{
	const utf8proc_ssize_t k = utf8proc_normalize_utf32(
		(utf8proc_int32_t *)c, (utf8proc_ssize_t)n,
		UTF8PROC_STABLE | UTF8PROC_COMPOSE);

	return k < 0 ? n : (size_t)k;
}

struct pending {
	uint32_t *c;
	size_t n, cap;
};

static bool push(struct pending *p, uint32_t cp)
{
	if (p->n + 1 >= p->cap) {
		const size_t cap = p->cap ? 2 * p->cap : 64;
		uint32_t *c = mm_realloc(p->c, cap, sizeof(*c));

		if (!c)
			return false;
		p->c = c;
		p->cap = cap;
	}
	p->c[p->n++] = cp;
	return true;
}

/* Everything up to a starter that begins anew is put in order and written. */
static bool drain(struct pending *p, bool composed, struct mm_buf *out)
{
	if (!order_marks(p->c, p->n))
		return false;
	if (composed)
		p->n = compose(p->c, p->n);
	for (size_t i = 0; i < p->n; i++)
		mm_utf8_add(out, p->c[i]);
	p->n = 0;
	return true;
}

/* A starter that can be no second half: what is before it is complete. */
static bool begins_anew(uint32_t cp)
{
	const utf8proc_property_t *p;

	if (cp < 0x300 || IN(mm_u_normal_new, cp))
		return true;
	p = utf8proc_get_property((utf8proc_int32_t)cp);
	return !p->combining_class && p->comb_index == UINT16_MAX &&
	       !(cp >= 0x1160 && cp <= 0x11ff);
}

bool mm_u_normalize(enum mm_u_form form, const char *s, size_t n,
		    struct mm_buf *out)
{
	const bool compat = form == MM_NFKC || form == MM_NFKD;
	const bool composed = form == MM_NFC || form == MM_NFKC;
	struct pending p = { NULL, 0, 0 };
	bool ok = true;

	for (size_t i = 0; ok && i < n;) {
		uint32_t d[20];
		const size_t k = mm_u_decompose(mm_utf8_next(s, &i), compat, d);

		for (size_t j = 0; ok && j < k; j++) {
			if (p.n && begins_anew(d[j]))
				ok = drain(&p, composed, out);
			ok = ok && push(&p, d[j]);
			/* a border joins with nothing behind it either */
			if (ok && IN(mm_u_normal_new, d[j])) {
				mm_utf8_add(out, d[j]);
				p.n--;
			}
		}
	}
	ok = ok && drain(&p, composed, out);
	mm_free(p.c);
	return ok && !out->failed;
}

bool mm_u_grapheme_break(uint32_t before, uint32_t after, int32_t *state)
{
	return utf8proc_grapheme_break_stateful((utf8proc_int32_t)before,
						(utf8proc_int32_t)after, state);
}
