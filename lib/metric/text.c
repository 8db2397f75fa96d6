/* text.c - many short texts in one buffer (text.h). */
#include <string.h>

#include "base/io.h"
#include "base/mem.h"
#include "metric/text.h"
#include "metric/unicode.h"

void mm_lines_init(struct mm_lines *t)
{
	memset(t, 0, sizeof(*t));
}

void mm_lines_release(struct mm_lines *t)
{
	mm_buf_release(&t->bytes);
	mm_free(t->end);
	memset(t, 0, sizeof(*t));
}

void mm_lines_clear(struct mm_lines *t)
{
	mm_buf_clear(&t->bytes);
	t->n = 0;
}

int mm_lines_end(struct mm_lines *t, struct mm_err *err)
{
	int rc = mm_buf_check(&t->bytes, "text", err);

	if (rc)
		return rc;
	if (t->n == t->cap) {
		size_t cap = t->cap ? 2 * t->cap : 256;
		size_t *end = mm_realloc(t->end, cap, sizeof(*end));

		if (!end)
			return mm_fail_nomem(err, "text");
		t->end = end;
		t->cap = cap;
	}
	t->end[t->n++] = t->bytes.len;
	return 0;
}

int mm_lines_add(struct mm_lines *t, const char *s, size_t len,
		 struct mm_err *err)
{
	mm_buf_add(&t->bytes, s, len);
	return mm_lines_end(t, err);
}

int mm_lines_parse(struct mm_lines *t, const char *text, size_t len,
		   const char *name, struct mm_err *err)
{
	int rc = 0;

	mm_lines_clear(t);
	for (size_t at = 0; !rc && at < len;) {
		const char *s = text + at, *eol = memchr(s, '\n', len - at);
		size_t n = eol ? (size_t)(eol - s) : len - at, bad;

		at += n + 1;
		if (n && s[n - 1] == '\r')
			n--;
		bad = mm_unicode_invalid(s, n);
		if (bad < n)
			return mm_fail(err, MM_ERR_FORMAT,
				       "'%s', line %zu: byte %zu is not valid "
				       "UTF-8",
				       name, t->n + 1, bad + 1);
		rc = mm_lines_add(t, s, n, err);
	}
	return rc;
}

int mm_lines_load(struct mm_lines *t, const char *path, struct mm_err *err)
{
	struct mm_file file;
	int rc = mm_file_open(&file, path, err);

	if (rc)
		return rc;
	rc = mm_lines_parse(t, (const char *)file.data, file.size,
			    strcmp(path, "-") ? path : "standard input", err);
	mm_file_release(&file);
	return rc;
}
