/* class_names.c - see class_names.h. */
#include "metric/class_names.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void mm_class_names_release(struct mm_class_names *c)
{
	mm_lines_release(&c->name);
	mm_map_release(&c->index);
}

size_t mm_class_names_find(const struct mm_class_names *c, const char *s,
			   size_t len)
{
	const int64_t *at = c->name.n ? mm_map_find(&c->index, s, len) : NULL;

	return at ? (size_t)*at : SIZE_MAX;
}

int mm_class_names_add(struct mm_class_names *c, const char *s, size_t len,
		       size_t *number, struct mm_err *err)
{
	bool added;
	int64_t *at = mm_map_put(&c->index, s, len, &added);

	if (!at)
		return mm_fail_nomem(err, "classes");
	if (added)
		*at = (int64_t)c->name.n;
	*number = (size_t)*at;
	return added ? mm_lines_add(&c->name, s, len, err) : MM_OK;
}

static int take_names(struct mm_class_names *c, const struct mm_lines *lines,
		      const char *name, struct mm_err *err)
{
	for (size_t i = 0; i < lines->n; i++) {
		const struct mm_line s = mm_lines_at(lines, i);
		size_t number;
		int rc;

		if (!s.len || memchr(s.s, '\0', s.len))
			return mm_fail(err, MM_ERR_FORMAT,
				       "'%s', line %zu is not the name of a "
				       "class",
				       name, i + 1);
		if ((rc = mm_class_names_add(c, s.s, s.len, &number, err)))
			return rc;
		if (number != i)
			return mm_fail(err, MM_ERR_FORMAT,
				       "'%s', lines %zu and %zu: the same "
				       "class '%.*s'",
				       name, number + 1, i + 1, (int)s.len,
				       s.s);
	}
	return lines->n ? MM_OK
			: mm_fail(err, MM_ERR_FORMAT, "'%s' names no class",
				  name);
}

int mm_class_names_parse(struct mm_class_names *c, const char *text, size_t len,
			 const char *name, struct mm_err *err)
{
	struct mm_lines lines = { 0 };
	int rc = mm_lines_parse(&lines, text, len, name, err);

	memset(c, 0, sizeof(*c));
	if (!rc)
		rc = take_names(c, &lines, name, err);
	mm_lines_release(&lines);
	return rc;
}

int mm_class_names_load(struct mm_class_names *c, const char *path,
			struct mm_err *err)
{
	const char *name = strcmp(path, "-") ? path : "standard input";
	struct mm_lines lines = { 0 };
	int rc = mm_lines_load(&lines, path, err);

	memset(c, 0, sizeof(*c));
	if (!rc)
		rc = take_names(c, &lines, name, err);
	mm_lines_release(&lines);
	return rc;
}

/* ---- order ---- */

/* A whole number as it is usually written: no blanks, no leading zeros. */
static bool whole(struct mm_line s)
{
	const size_t sign = s.len && s.s[0] == '-';

	if (s.len - sign < 1 || s.len - sign > 18)
		return false;
	for (size_t i = sign; i < s.len; i++)
		if (s.s[i] < '0' || s.s[i] > '9')
			return false;
	return s.s[sign] != '0' || s.len == 1;
}

static int64_t value(struct mm_line s)
{
	char digits[24];

	memcpy(digits, s.s, s.len);
	digits[s.len] = '\0';
	return strtoll(digits, NULL, 10);
}

static int by_value(struct mm_line a, struct mm_line b)
{
	const int64_t x = value(a), y = value(b);

	return (x > y) - (x < y);
}

static int by_bytes(struct mm_line a, struct mm_line b)
{
	const int c = memcmp(a.s, b.s, a.len < b.len ? a.len : b.len);

	return c ? c : (a.len > b.len) - (a.len < b.len);
}

static void merge(const struct mm_class_names *c, size_t *x, size_t *scratch,
		  size_t n, int (*cmp)(struct mm_line, struct mm_line))
{
	size_t i = 0, j = n / 2;

	if (n < 2)
		return;
	merge(c, x, scratch, n / 2, cmp);
	merge(c, x + n / 2, scratch, n - n / 2, cmp);
	for (size_t k = 0; k < n; k++) {
		const bool left =
			j == n ||
			(i < n / 2 && cmp(mm_lines_at(&c->name, x[i]),
					  mm_lines_at(&c->name, x[j])) <= 0);

		scratch[k] = left ? x[i++] : x[j++];
	}
	memcpy(x, scratch, n * sizeof(*x));
}

int mm_class_names_order(const struct mm_class_names *c, size_t *order,
			 struct mm_err *err)
{
	size_t *scratch = mm_malloc(c->name.n, sizeof(*scratch));
	bool numbers = true;

	if (!scratch)
		return mm_fail_nomem(err, "classes");
	for (size_t k = 0; k < c->name.n; k++) {
		numbers = numbers && whole(mm_lines_at(&c->name, k));
		order[k] = k;
	}
	merge(c, order, scratch, c->name.n, numbers ? by_value : by_bytes);
	mm_free(scratch);
	return MM_OK;
}

/* ---- labels ---- */

void mm_labels_release(struct mm_labels *l)
{
	mm_free(l->label);
	mm_free(l->end);
	mm_free(l->seen);
	memset(l, 0, sizeof(*l));
}

/* Was class k met in this line already? */
static int meet(struct mm_labels *l, size_t k, bool *again, struct mm_err *err)
{
	if (k >= l->cap_seen) {
		const size_t cap = k < 512 ? 1024 : 2 * (k + 1);
		void *p = mm_realloc(l->seen, cap, sizeof(*l->seen));

		if (!p)
			return mm_fail_nomem(err, "labels");
		l->seen = p;
		memset(l->seen + l->cap_seen, 0,
		       (cap - l->cap_seen) * sizeof(*l->seen));
		l->cap_seen = cap;
	}
	*again = l->seen[k] == l->n + 1;
	l->seen[k] = l->n + 1;
	return MM_OK;
}

static int push(size_t **list, size_t *n, size_t *cap, size_t x,
		struct mm_err *err)
{
	if (*n == *cap) {
		const size_t more = *cap ? 2 * *cap : 1024;
		void *p = mm_realloc(*list, more, sizeof(**list));

		if (!p)
			return mm_fail_nomem(err, "labels");
		*list = p;
		*cap = more;
	}
	(*list)[(*n)++] = x;
	return MM_OK;
}

static int take_label(struct mm_labels *out, struct mm_class_names *c,
		      struct mm_line s, bool grow, struct mm_err *err)
{
	size_t k = mm_class_names_find(c, s.s, s.len);
	bool again = false;
	int rc;

	if (!s.len)
		return mm_fail(err, MM_ERR_FORMAT, "an empty label");
	if (k == SIZE_MAX && !grow)
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%.*s' is not one of the classes", (int)s.len,
			       s.s);
	if (k == SIZE_MAX && (rc = mm_class_names_add(c, s.s, s.len, &k, err)))
		return rc;
	if ((rc = meet(out, k, &again, err)))
		return rc;
	if (again)
		return mm_fail(err, MM_ERR_FORMAT, "label '%.*s' twice",
			       (int)s.len, s.s);
	return push(&out->label, &out->n_labels, &out->cap_labels, k, err);
}

int mm_labels_parse(struct mm_labels *out, struct mm_class_names *c,
		    const struct mm_lines *lines, const char *name, bool grow,
		    struct mm_err *err)
{
	int rc = MM_OK;

	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < lines->n && !rc; i++) {
		const struct mm_line s = mm_lines_at(lines, i);

		for (size_t at = 0; s.len && at <= s.len && !rc;) {
			const char *tab = memchr(s.s + at, '\t', s.len - at);
			const size_t end = tab ? (size_t)(tab - s.s) : s.len;

			rc = take_label(out, c,
					(struct mm_line){ s.s + at, end - at },
					grow, err);
			at = end + 1;
		}
		if (rc)
			return mm_fail_ctx(err, "'%s', line %zu", name, i + 1);
		rc = push(&out->end, &out->n, &out->cap, out->n_labels, err);
	}
	return rc;
}
