/* table.c - see table.h. */
#include "table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { GAP = 2 };

struct column {
	size_t width;
	bool numbers;
};

void mm_table_cell(struct mm_table *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	mm_buf_vprintf(&t->text, fmt, ap);
	va_end(ap);
	mm_buf_addc(&t->text, '\0');
	if (++t->in_row > t->columns)
		t->columns = t->in_row;
}

void mm_table_row(struct mm_table *t)
{
	mm_buf_add(&t->text, "\n", 2);
	t->in_row = 0;
}

static size_t width(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static bool is_number(const char *s)
{
	char *end;

	if (!*s)
		return true;
	strtod(s, &end);
	return end != s && (!*end || !strcmp(end, "%"));
}

static void measure(const struct mm_table *t, struct column *col)
{
	const char *s = t->text.data, *end = s + t->text.len;
	size_t c = 0, row = 0;

	for (size_t i = 0; i < t->columns; i++)
		col[i].numbers = true;
	for (; s < end; s += strlen(s) + 1) {
		if (!strcmp(s, "\n")) {
			c = 0;
			row++;
			continue;
		}
		if (width(s) > col[c].width)
			col[c].width = width(s);
		if (row && !is_number(s))
			col[c].numbers = false;
		c++;
	}
}

void mm_table_print(struct mm_table *t, struct mm_buf *out, int indent)
{
	struct column *col = mm_calloc(t->columns, sizeof(*col));
	const char *s = t->text.data, *end = s ? s + t->text.len : s;
	size_t c = 0, pending = (size_t)indent;

	out->failed |= !col || t->text.failed;
	if (!out->failed && s)
		measure(t, col);
	for (; !out->failed && s < end; s += strlen(s) + 1) {
		size_t pad;

		if (!strcmp(s, "\n")) {
			mm_buf_addc(out, '\n');
			c = 0;
			pending = (size_t)indent;
			continue;
		}
		pad = col[c].width - width(s);
		if (col[c].numbers)
			pending += pad;
		if (*s) /* no blanks at the end of a line */
			mm_buf_printf(out, "%*s%s", (int)pending, "", s);
		pending = (*s ? 0 : pending + width(s)) + GAP +
			  (col[c].numbers ? 0 : pad);
		c++;
	}
	mm_free(col);
	mm_buf_release(&t->text);
	memset(t, 0, sizeof(*t));
}
