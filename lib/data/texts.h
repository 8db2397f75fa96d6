/*
 * texts.h - texts without pictures as samples: one a line.
 *
 *	plain	the line, without its end; id: number of the line, from 1
 *	.jsonl	an object a line with "text" and perhaps "id" (a string or a
 *		whole number; else the number of the line)
 *
 * Empty lines are texts too, but not in JSON lines, where they are passed
 * over.  A byte order mark in front of all is taken off.
 */
#ifndef MM_DATA_TEXTS_H
#define MM_DATA_TEXTS_H

#include "base/io.h"
#include "base/json.h"
#include "data/idset.h"
#include "data/source.h"

struct mm_texts {
	struct mm_reader reader;
	struct mm_idset ids;
	struct mm_json *root; /* the current object */
	struct mm_sample sample;
	char number[24];
	bool json, bad_sample; /* after a failure: only this line is bad */
	uint64_t line;	       /* number of the current one */
	uint64_t n;	       /* samples begun so far */
};

/* path "-" is standard input; JSON lines where the name ends in .jsonl. */
int mm_texts_open(struct mm_texts *t, const char *path,
		  struct mm_err *err) MM_MUST_CHECK;

/*
 * The next sample (id and text; borrowed until the next call), NULL at the
 * end.  After a failure with bad_sample the caller may go on; `sample.id` is
 * then the number of the line.
 */
int mm_texts_next(struct mm_texts *t, const struct mm_sample **sample,
		  struct mm_err *err) MM_MUST_CHECK;
void mm_texts_release(struct mm_texts *t); /* safe on zeros */

#endif
