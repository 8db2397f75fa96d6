/* lift.c - see lift.h. */
#define _GNU_SOURCE /* memmem */
#include "serve/lift.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { LONG = 2048 };

static bool is_printable(const char *s, size_t n)
{
	unsigned char bad = 0;

	for (size_t i = 0; i < n; i++)
		bad |= (unsigned char)((unsigned char)s[i] - 0x20) >= 0x5f;
	return !bad;
}

/* Behind the string whose first letter is s[i]; n where it does not end. */
static size_t end_of(const char *s, size_t n, size_t i)
{
	while (i < n && s[i] != '"')
		i += s[i] == '\\' ? 2 : 1;
	return i < n ? i : n;
}

static bool is_name(const char *s, size_t n, size_t behind)
{
	while (behind < n && strchr(" \t\r\n", s[behind]) && s[behind])
		behind++;
	return behind < n && s[behind] == ':';
}

static bool add(struct mm_lift *l, const char *s, size_t n)
{
	if (l->n == l->cap) {
		const size_t cap = l->cap * 2 + 4;
		struct mm_span *more =
			mm_realloc(l->string, cap, sizeof(*more));

		if (!more)
			return false;
		l->string = more;
		l->cap = cap;
	}
	l->string[l->n++] = (struct mm_span){ s, n };
	return true;
}

bool mm_lift_strings(struct mm_lift *l, const char *text, size_t n)
{
	size_t done = 0, at = 0;

	if (n < LONG || memmem(text, n, "\\u0001", 6))
		return false;
	while (at < n) {
		const char *quote = memchr(text + at, '"', n - at), *next;
		const size_t first = quote ? (size_t)(quote - text) + 1 : n;
		size_t len;

		if (first >= n ||
		    !(next = memchr(text + first, '"', n - first)))
			break;
		len = (size_t)(next - text) - first;
		at = first + len + 1;
		if (len < LONG || !is_printable(text + first, len) ||
		    memchr(text + first, '\\', len) || is_name(text, n, at)) {
			at = end_of(text, n, first) + 1;
			continue;
		}
		mm_buf_add(&l->rest, text + done, first - done);
		mm_buf_printf(&l->rest, "\\u0001%zu", l->n);
		done = first + len;
		if (!add(l, text + first, len))
			return false;
	}
	if (!l->n)
		return false;
	mm_buf_add(&l->rest, text + done, n - done);
	return !l->rest.failed;
}

struct mm_span mm_lift_find(const struct mm_lift *l, struct mm_span s)
{
	size_t i;

	if (!l->n || s.len < 2 || s.at[0] != '\1')
		return s;
	i = strtoul(s.at + 1, NULL, 10);
	return i < l->n ? l->string[i] : s;
}

void mm_lift_release(struct mm_lift *l)
{
	mm_buf_release(&l->rest);
	mm_free(l->string);
	memset(l, 0, sizeof(*l));
}
