/* json_scan.c - see json_scan.h. */
#include "data/json_scan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTH = 2048, FORGET_STEP = 16 << 20 };

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_blanks(struct mm_scan *s)
{
	while (s->p < s->end && is_blank(*s->p))
		s->p++;
}

static int bad(const struct mm_scan *s, const char *p, const char *why,
	       struct mm_err *err)
{
	return mm_fail(err, MM_ERR_FORMAT, "'%s' byte %zu: %s", s->name,
		       (size_t)(p - s->text), why);
}

struct mm_slice mm_scan_whole(const char *text, size_t n)
{
	struct mm_slice v = { text, n };

	if (v.n >= 3 && !memcmp(v.p, "\xef\xbb\xbf", 3)) {
		v.p += 3;
		v.n -= 3;
	}
	while (v.n && is_blank(*v.p)) {
		v.p++;
		v.n--;
	}
	while (v.n && is_blank(v.p[v.n - 1]))
		v.n--;
	return v;
}

/* p stands on a quote: behind the closing one, or NULL. */
static const char *skip_string(const char *p, const char *end)
{
	for (p++; p < end; p++) {
		if (*p == '\\')
			p++;
		else if (*p == '"')
			return p + 1;
	}
	return NULL;
}

/* Pages that were gone through can be given back. */
static void forget(struct mm_scan *s)
{
	if (!s->file || s->p - s->from < FORGET_STEP)
		return;
	mm_file_forget(s->file, (size_t)(s->from - s->text),
		       (size_t)(s->p - s->text));
	s->from = s->p;
}

/* s->p stands on a bracket: go behind the one that closes it. */
static int skip_container(struct mm_scan *s, struct mm_err *err)
{
	const char *const start = s->p;
	char closer[MAX_DEPTH];
	int depth = 0;

	while (s->p < s->end) {
		const char c = *s->p;

		if (c == '"') {
			const char *p = skip_string(s->p, s->end);

			if (!p)
				return bad(s, s->p, "a string is not closed",
					   err);
			s->p = p;
			continue;
		}
		if (c == '{' || c == '[') {
			if (depth == MAX_DEPTH)
				return bad(s, s->p, "nested too deeply", err);
			closer[depth++] = c == '{' ? '}' : ']';
		} else if (c == '}' || c == ']') {
			if (closer[--depth] != c)
				return bad(s, s->p, "a bracket closes another",
					   err);
		}
		s->p++;
		if (!depth)
			return MM_OK;
		if (c == ',')
			forget(s);
	}
	return bad(s, start, "a bracket is not closed", err);
}

/* The value at s->p; s->p goes behind it. */
static int take_value(struct mm_scan *s, struct mm_slice *v, struct mm_err *err)
{
	const char *const start = s->p;
	int rc = MM_OK;

	if (s->p == s->end)
		return bad(s, s->p, "a value is missing", err);
	if (*s->p == '"') {
		if (!(s->p = skip_string(s->p, s->end))) {
			s->p = start;
			return bad(s, s->p, "a string is not closed", err);
		}
	} else if (*s->p == '{' || *s->p == '[') {
		rc = skip_container(s, err);
	} else {
		while (s->p < s->end && !is_blank(*s->p) &&
		       !strchr(",:{}[]\"", *s->p))
			s->p++;
		if (s->p == start)
			return bad(s, s->p, "a value is missing", err);
	}
	*v = (struct mm_slice){ start, (size_t)(s->p - start) };
	return rc;
}

int mm_scan_enter(struct mm_scan *s, struct mm_slice container, char bracket,
		  const char *what, struct mm_err *err)
{
	if (!container.n || container.p[0] != bracket)
		return mm_fail(err, MM_ERR_FORMAT, "'%s' has no %s '%s'",
			       s->name, bracket == '{' ? "object" : "list",
			       what);
	s->p = s->from = container.p + 1;
	s->end = container.p + container.n;
	s->closer = bracket == '{' ? '}' : ']';
	s->first = true;
	return MM_OK;
}

int mm_scan_next(struct mm_scan *s, struct mm_slice *key,
		 struct mm_slice *value, struct mm_err *err)
{
	int rc;

	*key = *value = (struct mm_slice){ 0 };
	forget(s);
	skip_blanks(s);
	if (s->p < s->end && *s->p == s->closer) {
		if (s->p + 1 == s->end)
			return MM_OK;
		return bad(s, s->p + 1, "text stands behind the end", err);
	}
	if (!s->first) {
		if (s->p == s->end || *s->p != ',')
			return bad(s, s->p, "a comma is missing", err);
		s->p++;
		skip_blanks(s);
	}
	s->first = false;
	if (s->closer == '}') {
		if (s->p == s->end || *s->p != '"')
			return bad(s, s->p, "a member's name is missing", err);
		if ((rc = take_value(s, key, err)))
			return rc;
		skip_blanks(s);
		if (s->p == s->end || *s->p != ':')
			return bad(s, s->p, "a colon is missing", err);
		s->p++;
		skip_blanks(s);
	}
	return take_value(s, value, err);
}

bool mm_scan_is(struct mm_slice key, const char *name)
{
	const size_t n = strlen(name);

	return key.n == n + 2 && !memcmp(key.p + 1, name, n);
}

size_t mm_scan_at(const struct mm_scan *s, struct mm_slice v)
{
	return (size_t)(v.p - s->text);
}

int mm_scan_parse(struct mm_slice v, struct mm_json **root, struct mm_err *err)
{
	return mm_json_parse(root, v.p, v.n, "it", err);
}

/* The slice has no NUL behind: numbers are copied. */
static bool copy_number(char *text, size_t size, struct mm_slice v)
{
	if (!v.n || v.n >= size || !strchr("-0123456789", v.p[0]))
		return false;
	memcpy(text, v.p, v.n);
	text[v.n] = '\0';
	return strspn(text, "+-.0123456789eE") == v.n;
}

bool mm_scan_int(struct mm_slice v, int64_t *out)
{
	char text[20], *end;

	if (!copy_number(text, sizeof(text), v))
		return false;
	*out = strtoll(text, &end, 10);
	return end == text + v.n;
}

bool mm_scan_num(struct mm_slice v, double *out)
{
	char text[64], *end;

	if (!copy_number(text, sizeof(text), v))
		return false;
	*out = strtod(text, &end);
	return end == text + v.n && isfinite(*out);
}
