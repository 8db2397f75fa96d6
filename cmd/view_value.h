/* view_value.h - one sample's value of a column, as text and as JSON. */
#ifndef MM_VIEW_VALUE_H
#define MM_VIEW_VALUE_H

#include "base/json.h"
#include "tensor/stream.h"

/*
 * All of it on one line: numbers with commas between, strings with \t, \n, \\
 * and, for what is no text, \xHH.
 */
void view_full(struct mm_buf *out, const struct mm_column *c, size_t i);

/* The same cut to what fits a table: "a red bicy...", "1 2 3 ...". */
void view_brief(struct mm_buf *out, const struct mm_column *c, size_t i);

/* A string, a number, or arrays nested as the shape says. */
void view_json(struct mm_json_writer *w, const struct mm_column *c, size_t i);

#endif
