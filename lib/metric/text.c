/* text.c - many short texts in one buffer (text.h). */
#include <string.h>

#include "base/mem.h"
#include "metric/text.h"

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
