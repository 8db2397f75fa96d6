/* json_write.c - writing JSON; see json.h. */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/utf8.h"

void mm_json_writer_init(struct mm_json_writer *w, struct mm_buf *out,
			 int indent)
{
	memset(w, 0, sizeof(*w));
	w->out = out;
	w->indent = indent;
}

/* Bytes that are no UTF-8 become U+FFFD, one each: JSON knows nothing else. */
static void quote(struct mm_buf *b, const char *s, size_t n)
{
	size_t good = mm_utf8_prefix(s, n);

	mm_buf_addc(b, '"');
	for (size_t i = 0; i < n; i++) {
		const unsigned char c = (unsigned char)s[i];

		if (i == good) {
			mm_buf_adds(b, "\\ufffd");
			good = i + 1 + mm_utf8_prefix(s + i + 1, n - i - 1);
		} else if (c == '"' || c == '\\')
			mm_buf_printf(b, "\\%c", c);
		else if (c == '\n')
			mm_buf_adds(b, "\\n");
		else if (c == '\t')
			mm_buf_adds(b, "\\t");
		else if (c < 0x20 || c == 0x7f)
			mm_buf_printf(b, "\\u%04x", c);
		else
			mm_buf_addc(b, (char)c);
	}
	mm_buf_addc(b, '"');
}

static void line(struct mm_json_writer *w)
{
	if (!w->indent)
		return;
	mm_buf_addc(w->out, '\n');
	for (int i = 0; i < w->depth * w->indent; i++)
		mm_buf_addc(w->out, ' ');
}

/* Everything that stands before a value. */
static void lead(struct mm_json_writer *w, const char *key)
{
	if (w->comma)
		mm_buf_adds(w->out, w->indent ? "," : ", ");
	if (w->depth)
		line(w);
	if (key) {
		quote(w->out, key, strlen(key));
		mm_buf_adds(w->out, ": ");
	}
	w->comma = true;
}

void mm_json_open(struct mm_json_writer *w, const char *key, char bracket)
{
	assert(w->depth < (int)sizeof(w->closer));
	lead(w, key);
	mm_buf_addc(w->out, bracket);
	w->closer[w->depth++] = bracket == '{' ? '}' : ']';
	w->comma = false;
}

void mm_json_close(struct mm_json_writer *w)
{
	assert(w->depth > 0);
	w->depth--;
	if (w->comma)
		line(w);
	mm_buf_addc(w->out, w->closer[w->depth]);
	w->comma = true;
}

void mm_json_put_strn(struct mm_json_writer *w, const char *key, const char *s,
		      size_t n)
{
	lead(w, key);
	quote(w->out, s, n);
}

void mm_json_put_str(struct mm_json_writer *w, const char *key, const char *s)
{
	mm_json_put_strn(w, key, s, strlen(s));
}

static void number(struct mm_buf *b, double x)
{
	char s[40];

	for (int digits = 15; digits <= 17; digits++) {
		snprintf(s, sizeof(s), "%.*g", digits, x);
		if (strtod(s, NULL) == x)
			break;
	}
	/* A real stays a real when it is read back. */
	if (!strpbrk(s, ".en"))
		strcat(s, ".0");
	mm_buf_adds(b, s);
}

void mm_json_put_num(struct mm_json_writer *w, const char *key, double x)
{
	lead(w, key);
	if (isfinite(x))
		number(w->out, x);
	else
		mm_buf_adds(w->out, "null");
}

/*
 * 1e-6 <= a < 1e9 in nine significant digits: m / 10^e with 1e8 <= m < 1e9.
 * The product is off by 2^-53 of itself, the ninth digit is 2^-30: where it is
 * rounded the other way the text still lies nearest to the same float.
 */
static void nine_digits(struct mm_buf *b, double a)
{
	char s[32], *end = s + sizeof(s), *p = end;
	double scale = 1;
	int64_t m;
	int e = 0;

	for (; a * scale < 1e8; e++)
		scale *= 10; /* exact up to 1e22 */
	m = llround(a * scale);
	for (; e > 1 && m % 10 == 0; e--)
		m /= 10;
	if (!e) {
		*--p = '0';
		*--p = '.';
	}
	for (int i = 0; m || i <= e; i++, m /= 10) {
		if (i && i == e)
			*--p = '.';
		*--p = (char)('0' + m % 10);
	}
	mm_buf_add(b, p, (size_t)(end - p));
}

void mm_json_put_f32(struct mm_json_writer *w, const char *key, float x)
{
	const double a = fabs((double)x);

	lead(w, key);
	if (signbit(x) && isfinite(x))
		mm_buf_addc(w->out, '-');
	if (!isfinite(x))
		mm_buf_adds(w->out, "null");
	else if (a >= 1e-6 && a < 1e9)
		nine_digits(w->out, a);
	else
		mm_buf_printf(w->out, a == 0 ? "%.1f" : "%.9g", a);
}

void mm_json_put_int(struct mm_json_writer *w, const char *key, int64_t x)
{
	lead(w, key);
	mm_buf_printf(w->out, "%lld", (long long)x);
}

void mm_json_put_bool(struct mm_json_writer *w, const char *key, bool x)
{
	lead(w, key);
	mm_buf_adds(w->out, x ? "true" : "false");
}

void mm_json_put_null(struct mm_json_writer *w, const char *key)
{
	lead(w, key);
	mm_buf_adds(w->out, "null");
}

void mm_json_put(struct mm_json_writer *w, const char *key,
		 const struct mm_json *v)
{
	void *it = NULL;
	const struct mm_json *member;
	const char *name;

	switch (mm_json_type(v)) {
	case MM_JSON_OBJECT:
		mm_json_open(w, key, '{');
		while (mm_json_next(v, &it, &name, &member))
			mm_json_put(w, name, member);
		mm_json_close(w);
		break;
	case MM_JSON_ARRAY:
		mm_json_open(w, key, '[');
		for (size_t i = 0; i < mm_json_size(v); i++)
			mm_json_put(w, NULL, mm_json_at(v, i));
		mm_json_close(w);
		break;
	case MM_JSON_STRING:
		mm_json_put_strn(w, key, mm_json_str(v, ""),
				 mm_json_str_len(v));
		break;
	case MM_JSON_INT: mm_json_put_int(w, key, mm_json_int(v, 0)); break;
	case MM_JSON_REAL: mm_json_put_num(w, key, mm_json_num(v, 0)); break;
	case MM_JSON_BOOL:
		mm_json_put_bool(w, key, mm_json_bool(v, false));
		break;
	default: mm_json_put_null(w, key);
	}
}

void mm_json_dump(struct mm_buf *out, const struct mm_json *v)
{
	struct mm_json_writer w;

	mm_json_writer_init(&w, out, 0);
	mm_json_put(&w, NULL, v);
}
