/*
 * spool.h - operands that are read twice: what comes from a pipe is kept in an
 * unnamed temporary file.
 *
 *	rc = mm_spool_open(&s, argc, argv, err);
 *	... read s.path[0..s.n) ...
 *	rc = mm_spool_rewind(&s, err);
 *	... and again ...
 */
#ifndef MM_CMD_SPOOL_H
#define MM_CMD_SPOOL_H

#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

#include "base/err.h"

struct mm_spool {
	char **path; /* n of them: the operands, named pipes replaced */
	size_t n;
	FILE **file; /* n, NULL: nothing to keep */
	char (*name)[32];
	off_t start; /* of standard input, which becomes the kept file */
};

int mm_spool_open(struct mm_spool *s, int argc, char **argv,
		  struct mm_err *err) MM_MUST_CHECK;
int mm_spool_rewind(const struct mm_spool *s, struct mm_err *err) MM_MUST_CHECK;
void mm_spool_release(struct mm_spool *s); /* safe on zeros */

#endif
