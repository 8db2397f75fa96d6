/*
 * table.h - rows of text in aligned columns, for people.
 *
 *	struct mm_table t = { 0 };
 *
 *	mm_table_cell(&t, "%s", "recall@1");
 *	mm_table_cell(&t, "%.2f", 41.5);
 *	mm_table_row(&t);
 *	...
 *	mm_table_print(&t, out);
 *
 * A column whose cells are all numbers, the first row aside, is aligned to the
 * right.  Width is counted in characters (UTF-8).
 */
#ifndef MM_TABLE_H
#define MM_TABLE_H

#include "base/buf.h"

struct mm_table {
	struct mm_buf text; /* cells end in NUL, rows in a cell "\n" */
	size_t columns;	    /* of the widest row */
	size_t in_row;
};

void mm_table_cell(struct mm_table *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void mm_table_row(struct mm_table *t);

/* Append the table to `out`, `indent` blanks in front, and release it. */
void mm_table_print(struct mm_table *t, struct mm_buf *out, int indent);

#endif
