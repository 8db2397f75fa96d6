/* view_value.c - see view.h. */
#include "view.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

enum { BRIEF_CHARS = 40, BRIEF_NUMBERS = 6 };

static bool is_text(const char *s, size_t n)
{
	return mm_utf8_prefix(s, n) == n && !memchr(s, 0, n);
}

static void escape(struct mm_buf *out, const char *s, size_t n)
{
	size_t good = mm_utf8_prefix(s, n);

	for (size_t i = 0; i < n; i++) {
		const unsigned char c = (unsigned char)s[i];
		const bool bad = i == good;

		if (bad)
			good = i + 1 + mm_utf8_prefix(s + i + 1, n - i - 1);
		if (c == '\t')
			mm_buf_adds(out, "\\t");
		else if (c == '\n')
			mm_buf_adds(out, "\\n");
		else if (c == '\r')
			mm_buf_adds(out, "\\r");
		else if (c == '\\')
			mm_buf_adds(out, "\\\\");
		else if (bad || c < ' ' || c == 0x7f)
			mm_buf_printf(out, "\\x%02x", c);
		else
			mm_buf_addc(out, (char)c);
	}
}

/* The shortest text that reads back to the same float32 (or float64). */
static void add_real(struct mm_buf *out, double x, bool wide)
{
	char s[40];

	for (int digits = 6; digits <= 17; digits++) {
		snprintf(s, sizeof(s), "%.*g", digits, x);
		if (wide ? strtod(s, NULL) == x
			 : strtof(s, NULL) == (float)x || digits == 9)
			break;
	}
	mm_buf_adds(out, isfinite(x) ? s
			 : isnan(x)  ? "nan"
			 : x > 0     ? "inf"
				     : "-inf");
}

static void add_number(struct mm_buf *out, enum mm_dtype type, const void *p)
{
	double x;
	int64_t v;
	uint64_t u;

	if (mm_dtype_is_float(type)) {
		mm_to_f64(&x, p, type, 1);
		add_real(out, x, type == MM_F64);
	} else if (type == MM_U64) {
		memcpy(&u, p, sizeof(u));
		mm_buf_printf(out, "%llu", (unsigned long long)u);
	} else {
		mm_to_i64(&v, p, type, 1);
		mm_buf_printf(out, "%lld", (long long)v);
	}
}

/* Sample i: its elements and how many numbers they are. */
static const char *elements(const struct mm_column *c, size_t i, size_t *n)
{
	const char *p = mm_column_row(c, i, n);

	for (int d = 1; d < c->items.rank; d++)
		*n *= c->items.dim[d];
	return p;
}

void view_full(struct mm_buf *out, const struct mm_column *c, size_t i)
{
	const size_t width = mm_dtype_size(c->items.dtype);
	size_t n;
	const char *p = elements(c, i, &n);

	if (mm_column_is_str(c)) {
		escape(out, p, n);
		return;
	}
	for (size_t k = 0; k < n; k++) {
		if (k)
			mm_buf_addc(out, ',');
		add_number(out, c->items.dtype, p + k * width);
	}
}

/* Bytes of the first `chars` characters of valid UTF-8. */
static size_t first_chars(const char *s, size_t n, size_t chars)
{
	size_t i = 0;

	for (; i < n; i++)
		if (((unsigned char)s[i] & 0xc0) != 0x80 && chars-- == 0)
			break;
	return i;
}

static void brief_string(struct mm_buf *out, const char *s, size_t n)
{
	const size_t cut = first_chars(s, n, BRIEF_CHARS);

	if (!is_text(s, n)) {
		mm_buf_printf(out, "<%zu bytes>", n);
		return;
	}
	escape(out, s, cut);
	if (cut < n)
		mm_buf_adds(out, "...");
}

void view_brief(struct mm_buf *out, const struct mm_column *c, size_t i)
{
	const size_t width = mm_dtype_size(c->items.dtype);
	char shape[128];
	size_t n;
	const char *p = elements(c, i, &n);

	if (mm_column_is_str(c)) {
		brief_string(out, p, n);
		return;
	}
	if (c->items.rank > 2 && n > BRIEF_NUMBERS && !c->ends) {
		mm_buf_adds(out,
			    mm_shape_text(shape, sizeof(shape),
					  c->items.dim + 1, c->items.rank - 1));
		return;
	}
	for (size_t k = 0; k < n && k < BRIEF_NUMBERS; k++) {
		if (k)
			mm_buf_addc(out, ' ');
		add_number(out, c->items.dtype, p + k * width);
	}
	if (n > BRIEF_NUMBERS)
		mm_buf_adds(out, " ...");
}

struct nest {
	struct mm_json_writer *w;
	enum mm_dtype dtype;
	const char *p; /* the next element */
};

static void put_number(struct nest *n, const char *key)
{
	double x;
	int64_t v;

	if (mm_dtype_is_float(n->dtype) || n->dtype == MM_U64) {
		mm_to_f64(&x, n->p, n->dtype, 1);
		mm_json_put_num(n->w, key, x);
	} else {
		mm_to_i64(&v, n->p, n->dtype, 1);
		if (n->dtype == MM_BOOL)
			mm_json_put_bool(n->w, key, v != 0);
		else
			mm_json_put_int(n->w, key, v);
	}
	n->p += mm_dtype_size(n->dtype);
}

static void put_nested(struct nest *n, const char *key, const size_t *dim,
		       int rank)
{
	if (!rank) {
		put_number(n, key);
		return;
	}
	mm_json_open(n->w, key, '[');
	for (size_t i = 0; i < dim[0]; i++)
		put_nested(n, NULL, dim + 1, rank - 1);
	mm_json_close(n->w);
}

void view_json(struct mm_json_writer *w, const struct mm_column *c, size_t i)
{
	struct nest n = { .w = w, .dtype = c->items.dtype };
	size_t dim[MM_MAX_RANK + 1];
	size_t count;

	n.p = mm_column_row(c, i, &count);
	if (mm_column_is_str(c)) {
		mm_json_put_strn(w, c->name, n.p, count);
		return;
	}
	memcpy(dim, c->items.dim, sizeof(c->items.dim));
	dim[0] = count;
	if (c->ends)
		put_nested(&n, c->name, dim, c->items.rank);
	else
		put_nested(&n, c->name, dim + 1, c->items.rank - 1);
}
