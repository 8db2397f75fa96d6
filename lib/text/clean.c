/*
 * clean.c - open_clip's cleaning of a caption before CLIP's pattern: what
 * ftfy's fix_text does, HTML's references taken back twice, white space, lower
 * case.
 *
 * Line by line, until nothing changes: references with a semicolon (not where
 * a '<' tells of markup), text that was read in the wrong encoding
 * (mojibake.h), ligatures, full and half width, curled quotes, line ends,
 * escapes of terminals, control characters; then NFC.  White space is what
 * Python's str.split() sees (U+001C..1F and U+0085 count); letters become
 * lower case by Python's rules, final sigma included.
 *
 * Source: open_clip 3.3 tokenizer.py, ftfy 6.3.
 */
#include <string.h>

#include "base/entity.h"
#include "text/mojibake.h"
#include "text/tokenizer_impl.h"
#include "text/unicode.h"

/* ---- what ftfy does ---- */

/* "&name;" and "&#1234;" at s, of at most 24 letters; its length, or 0. */
static size_t reference(const char *s, size_t n)
{
	size_t i = 1 + (n > 1 && s[1] == '#');
	const size_t first = i;

	while (i < n && i - first < 24 &&
	       ((s[i] >= '0' && s[i] <= '9') ||
		((s[i] | 32) >= 'a' && (s[i] | 32) <= 'z')))
		i++;
	return i > first && i < n && s[i] == ';' ? i + 1 : 0;
}

/* &EACUTE;, a name in capitals that HTML does not know: É. */
static bool shouted(const char *s, size_t n, struct mm_buf *out)
{
	struct mm_buf lower = { 0 }, value = { 0 };
	size_t i = 0;
	bool good;

	for (size_t k = 0; k < n; k++)
		mm_buf_addc(
			&lower,
			(char)(s[k] >= 'A' && s[k] <= 'Z' ? s[k] | 32 : s[k]));
	good = !lower.failed && memcmp(lower.data, s, n) != 0 &&
	       mm_entity(&value, lower.data, n) == n;
	for (size_t k = 1; good && k + 1 < n; k++)
		good = !(s[k] >= 'a' && s[k] <= 'z');
	while (good && i < value.len)
		mm_utf8_add(out, mm_u_upper(mm_utf8_next(value.data, &i)));
	mm_buf_release(&lower);
	mm_buf_release(&value);
	return good;
}

static void unescape_strict(const char *s, size_t n, struct mm_buf *out)
{
	for (size_t i = 0; i < n;) {
		const size_t len = s[i] == '&' ? reference(s + i, n - i) : 0;
		const size_t from = out->len;

		if (len && mm_entity(out, s + i, len) == len) {
			i += len;
			continue;
		}
		out->len = from;
		if (len && shouted(s + i, len, out)) {
			i += len;
			continue;
		}
		mm_buf_addc(out, s[i++]);
	}
}

/* Letters in one sign, and what they are. */
static const struct {
	uint32_t cp;
	const char *text;
} ligatures[] = {
	{ 0x132, "IJ" },      { 0x133, "ij" },	    { 0x149, "\u02bcn" },
	{ 0x1f1, "DZ" },      { 0x1f2, "Dz" },	    { 0x1f3, "dz" },
	{ 0x1c4, "D\u017d" }, { 0x1c5, "D\u017e" }, { 0x1c6, "d\u017e" },
	{ 0x1c7, "LJ" },      { 0x1c8, "Lj" },	    { 0x1c9, "lj" },
	{ 0x1ca, "NJ" },      { 0x1cb, "Nj" },	    { 0x1cc, "nj" },
	{ 0xfb00, "ff" },     { 0xfb01, "fi" },	    { 0xfb02, "fl" },
	{ 0xfb03, "ffi" },    { 0xfb04, "ffl" },    { 0xfb05, "\u017ft" },
	{ 0xfb06, "st" },
};

static bool is_control(uint32_t c)
{
	return c < 9 || c == 11 || (c >= 14 && c < 32) || c == 127 ||
	       (c >= 0x206a && c <= 0x206f) || c == 0xfeff ||
	       (c >= 0xfff9 && c <= 0xfffc);
}

/* One character as it should be; nothing for a control. */
static void put_fixed(struct mm_buf *out, uint32_t c)
{
	char one[4];

	c = mm_cp1252(c);
	for (size_t k = 0; k < sizeof(ligatures) / sizeof(*ligatures); k++)
		if (ligatures[k].cp == c) {
			mm_buf_adds(out, ligatures[k].text);
			return;
		}
	if (c >= 0xff01 && c <= 0xffef)
		mm_u_normalize(MM_NFKC, one, mm_utf8_put(one, c), out);
	else if (c == 0x3000)
		mm_buf_addc(out, ' ');
	else if (c == 0x2bc || (c >= 0x2018 && c <= 0x201b))
		mm_buf_addc(out, '\'');
	else if (c >= 0x201c && c <= 0x201f)
		mm_buf_addc(out, '"');
	else if (c == '\r' || c == 0x85 || c == 0x2028 || c == 0x2029)
		mm_buf_addc(out, '\n');
	else if (!is_control(c))
		mm_utf8_add(out, c);
}

/* "ESC [ 31 m" at s: its length, or 0. */
static size_t terminal_escape(const char *s, size_t n)
{
	size_t i = 2;

	if (n < 3 || s[0] != 0x1b || s[1] != '[')
		return 0;
	while (i < n && ((s[i] >= '0' && s[i] <= '9') || s[i] == ';'))
		i++;
	return i < n && (s[i] | 32) >= 'a' && (s[i] | 32) <= 'z' ? i + 1 : 0;
}

static void fix_characters(const char *s, size_t n, struct mm_buf *out)
{
	for (size_t i = 0; i < n;) {
		const size_t escape = terminal_escape(s + i, n - i);

		if (escape)
			i += escape;
		else if (s[i] == '\r' && i + 1 < n && s[i + 1] == '\n')
			i++;
		else
			put_fixed(out, mm_utf8_next(s, &i));
	}
}

/* text = one round of fixes of text, by way of `other`. */
static bool fix_once(struct mm_buf *text, struct mm_buf *other, bool markup)
{
	mm_buf_clear(other);
	if (markup)
		mm_buf_add(other, text->data, text->len);
	else
		unescape_strict(mm_buf_str(text), text->len, other);
	mm_buf_clear(text);
	if (!mm_mojibake_fix(mm_buf_str(other), other->len, text))
		mm_buf_add(text, other->data, other->len);
	mm_buf_clear(other);
	fix_characters(mm_buf_str(text), text->len, other);
	mm_buf_clear(text);
	if (!mm_u_normalize(MM_NFC, mm_buf_str(other), other->len, text))
		text->failed = true;
	return !text->failed && !other->failed;
}

/* One line, its end included. */
static bool fix_line(const char *s, size_t n, bool markup, struct mm_buf *out)
{
	enum { MOST = 16 };
	struct mm_buf text = { 0 }, before = { 0 }, other = { 0 };
	bool good = true, same = false;

	mm_buf_add(&text, s, n);
	for (int i = 0; good && !same && i < MOST; i++) {
		mm_buf_clear(&before);
		mm_buf_add(&before, text.data, text.len);
		good = fix_once(&text, &other, markup) && !before.failed;
		same = text.len == before.len &&
		       (!text.len || !memcmp(text.data, before.data, text.len));
	}
	mm_buf_add(out, text.data, text.len);
	mm_buf_release(&text);
	mm_buf_release(&before);
	mm_buf_release(&other);
	return good && !out->failed;
}

static bool is_plain(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] >= 0x7f || s[i] == '&' ||
		    ((unsigned char)s[i] < 32 && s[i] != '\n'))
			return false;
	return true;
}

static bool fix_text(const char *s, size_t n, struct mm_buf *out)
{
	bool markup = false;

	if (is_plain(s, n)) {
		mm_buf_add(out, s, n);
		return !out->failed;
	}
	for (size_t i = 0; i < n;) {
		const char *nl = memchr(s + i, '\n', n - i);
		const size_t len = nl ? (size_t)(nl - s) + 1 - i : n - i;

		markup |= memchr(s + i, '<', len) != NULL;
		if (!fix_line(s + i, len, markup, out))
			return false;
		i += len;
	}
	return true;
}

/* ---- what open_clip does ---- */

/* Python's html.unescape. */
static void unescape(const char *s, size_t n, struct mm_buf *out)
{
	for (size_t i = 0; i < n;) {
		const size_t from = out->len;
		const size_t len =
			s[i] == '&' ? mm_entity(out, s + i, n - i) : 0;

		if (!len) {
			out->len = from;
			mm_buf_addc(out, s[i]);
		}
		i += len ? len : 1;
	}
}

static bool python_space(uint32_t c)
{
	return mm_u_space(c) || (c >= 0x1c && c <= 0x1f);
}

static void split_join(const char *s, size_t n, struct mm_buf *out)
{
	bool blank = false;

	for (size_t i = 0, from = 0; i < n; from = i) {
		if (python_space(mm_utf8_next(s, &i))) {
			blank = out->len > 0;
			continue;
		}
		if (blank)
			mm_buf_addc(out, ' ');
		blank = false;
		mm_buf_add(out, s + from, i - from);
	}
}

/* ftfy's fix_text, html.unescape twice. */
static int basic(const char *s, size_t n, struct mm_buf *out,
		 struct mm_err *err)
{
	struct mm_buf other = { 0 };
	bool good = fix_text(s, n, out);

	unescape(mm_buf_str(out), out->len, &other);
	mm_buf_clear(out);
	unescape(mm_buf_str(&other), other.len, out);
	good = good && !other.failed && !out->failed;
	mm_buf_release(&other);
	return good ? MM_OK : mm_fail_nomem(err, "a caption");
}

int mm_clean_whitespace(const char *s, size_t n, struct mm_buf *out,
			struct mm_err *err)
{
	struct mm_buf text = { 0 };
	int rc = basic(s, n, &text, err);

	if (!rc)
		split_join(mm_buf_str(&text), text.len, out);
	mm_buf_release(&text);
	return rc ? rc : mm_buf_check(out, "a caption", err);
}

/* Of ASCII, as Python's string.punctuation. */
static bool punctuation(char c)
{
	return strchr("!\"#$%&'()*+,-./:;<=>?@[\\]^`{|}~", c) && c;
}

int mm_clean_canonical(const char *s, size_t n, struct mm_buf *out,
		       struct mm_err *err)
{
	struct mm_buf text = { 0 }, bare = { 0 };
	int rc = basic(s, n, &text, err);

	for (size_t i = 0; i < text.len && !rc; i++)
		if (!punctuation(text.data[i]))
			mm_buf_addc(&bare,
				    text.data[i] == '_' ? ' ' : text.data[i]);
	mm_buf_clear(&text);
	mm_u_lower_python(mm_buf_str(&bare), bare.len, &text);
	split_join(mm_buf_str(&text), text.len, out);
	if (!rc && (bare.failed || text.failed))
		rc = mm_fail_nomem(err, "a caption");
	mm_buf_release(&text);
	mm_buf_release(&bare);
	return rc ? rc : mm_buf_check(out, "a caption", err);
}

int mm_clean_open_clip(const char *s, size_t n, struct mm_buf *out,
		       struct mm_err *err)
{
	struct mm_buf clean = { 0 };
	int rc = mm_clean_whitespace(s, n, &clean, err);

	if (!rc)
		mm_u_lower_python(mm_buf_str(&clean), clean.len, out);
	mm_buf_release(&clean);
	return rc ? rc : mm_buf_check(out, "a caption", err);
}
