/* braces.c - see braces.h. */
#include "data/braces.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"

enum { MAX_PATHS = 1000000 };

struct list {
	char **path;
	size_t n, cap;
};

static int add(struct list *l, const char *path, struct mm_err *err)
{
	if (l->n == MAX_PATHS)
		return mm_fail(err, MM_ERR_USAGE,
			       "braces stand for more than %d paths",
			       MAX_PATHS);
	if (l->n == l->cap) {
		const size_t cap = l->cap ? l->cap * 2 : 16;
		char **p = mm_realloc(l->path, cap, sizeof(*p));

		if (!p)
			return mm_fail_nomem(err, "a list of paths");
		l->path = p;
		l->cap = cap;
	}
	if (!(l->path[l->n] = mm_strdup(path)))
		return mm_fail_nomem(err, "a path");
	l->n++;
	return MM_OK;
}

/* "000..031" of n bytes; *width: of the numbers, 0 where nothing pads. */
static bool is_range(const char *s, size_t n, long *from, long *to, int *width)
{
	const char *dots = NULL;
	size_t a, b;

	for (size_t i = 0; i + 1 < n && !dots; i++)
		if (s[i] == '.' && s[i + 1] == '.')
			dots = s + i;
	if (!dots)
		return false;
	a = (size_t)(dots - s);
	b = n - a - 2;
	if (!a || !b || a > 9 || b > 9 || strspn(s, "0123456789") != a ||
	    strspn(dots + 2, "0123456789") != b)
		return false;
	*from = strtol(s, NULL, 10);
	*to = strtol(dots + 2, NULL, 10);
	*width = 0;
	if ((s[0] == '0' && a > 1) || (dots[2] == '0' && b > 1))
		*width = (int)(a > b ? a : b);
	return true;
}

static int expand(struct list *l, const char *path, struct mm_err *err);

/* path with open..close replaced by text[0..n), then what follows. */
static int replace(struct list *l, const char *path, const char *open,
		   const char *text, size_t n, const char *close,
		   struct mm_err *err)
{
	struct mm_buf b = { 0 };
	int rc;

	mm_buf_add(&b, path, (size_t)(open - path));
	mm_buf_add(&b, text, n);
	mm_buf_adds(&b, close + 1);
	if (!(rc = mm_buf_check(&b, "a path", err)))
		rc = expand(l, mm_buf_str(&b), err);
	mm_buf_release(&b);
	return rc;
}

static int expand(struct list *l, const char *path, struct mm_err *err)
{
	const char *open = strchr(path, '{');
	const char *close = open ? strchr(open, '}') : NULL, *p, *q;
	long from, to;
	int width, rc = MM_OK;
	char text[16];

	if (!close)
		return add(l, path, err);
	if (is_range(open + 1, (size_t)(close - open) - 1, &from, &to,
		     &width)) {
		const long step = from <= to ? 1 : -1;

		for (long i = from; !rc && i != to + step; i += step) {
			const int n =
				snprintf(text, sizeof(text), "%0*ld", width, i);

			rc = replace(l, path, open, text, (size_t)n, close,
				     err);
		}
		return rc;
	}
	if (!memchr(open, ',', (size_t)(close - open)))
		return add(l, path, err);
	for (p = open + 1; !rc && p <= close; p = q + 1) {
		q = p + strcspn(p, ",}");
		rc = replace(l, path, open, p, (size_t)(q - p), close, err);
	}
	return rc;
}

int mm_braces_expand(char ***out, size_t *n_out, char *const *paths, size_t n,
		     struct mm_err *err)
{
	struct list l = { 0 };
	int rc = MM_OK;

	for (size_t i = 0; i < n && !rc; i++)
		rc = access(paths[i], F_OK) && strcmp(paths[i], "-")
			     ? expand(&l, paths[i], err)
			     : add(&l, paths[i], err);
	if (rc) {
		mm_braces_free(l.path, l.n);
		l = (struct list){ 0 };
	}
	*out = l.path;
	*n_out = l.n;
	return rc;
}

void mm_braces_free(char **paths, size_t n)
{
	for (size_t i = 0; i < n; i++)
		mm_free(paths[i]);
	mm_free(paths);
}
