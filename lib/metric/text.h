/*
 * text.h - many short texts in one buffer, and the sample of text metrics.
 *
 *	bytes	|a man .|a dog runs||two cats|
 *	end	        7          17 17      25
 */
#ifndef MM_METRIC_TEXT_H
#define MM_METRIC_TEXT_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

struct mm_lines {
	struct mm_buf bytes; /* all lines, one after another */
	size_t *end;	     /* [n] where each ends in bytes */
	size_t n, cap;
};

struct mm_line {
	const char *s; /* not NUL-terminated */
	size_t len;
};

/*
 * One sample of the tasks "caption" (tokenised: words between white space) and
 * "text" (as it was written): a hypothesis and its references, borrowed.
 */
struct mm_text_sample {
	struct mm_line hyp;
	const struct mm_line *ref;
	size_t n_refs;
};

void mm_lines_init(struct mm_lines *t); /* all zeros is empty, too */
void mm_lines_release(struct mm_lines *t);
void mm_lines_clear(struct mm_lines *t);

/* Line i; it dies with the next change. */
static inline struct mm_line mm_lines_at(const struct mm_lines *t, size_t i)
{
	size_t from = i ? t->end[i - 1] : 0;

	return (struct mm_line){ mm_buf_str(&t->bytes) + from,
				t->end[i] - from };
}

/* The line that ends with what t->bytes now holds. */
int mm_lines_end(struct mm_lines *t, struct mm_err *err) MM_MUST_CHECK;

/* One more line, copied. */
int mm_lines_add(struct mm_lines *t, const char *s, size_t len,
		 struct mm_err *err) MM_MUST_CHECK;

/*
 * The lines of a file ("-": standard input), without '\n' and a '\r' before
 * it.  MM_ERR_FORMAT naming file and line for what is not UTF-8.
 */
int mm_lines_load(struct mm_lines *t, const char *path,
		  struct mm_err *err) MM_MUST_CHECK;

/* The same from memory; `name` is for messages. */
int mm_lines_parse(struct mm_lines *t, const char *text, size_t len,
		   const char *name, struct mm_err *err) MM_MUST_CHECK;

#endif
