/*
 * problem.h - why a request is refused, and the one shape in which that is
 * told:
 *
 *	{"error": {"message": "...", "type": "invalid_request_error",
 *		   "code": "unprocessable", "param": "image[2]",
 *		   "request_id": "..."}}
 *
 * type and code follow from the HTTP status (the table in problem.c).
 */
#ifndef MM_SERVE_PROBLEM_H
#define MM_SERVE_PROBLEM_H

#include "base/buf.h"
#include "base/err.h"

struct mm_problem {
	int status;	/* HTTP; 0: none */
	char param[48]; /* the field; "" where it is none in particular */
	char message[1024];
};

/* Returns `status`.  param may be NULL. */
int mm_problem_set(struct mm_problem *p, int status, const char *param,
		   const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* The same from a library's failure, of a request's part: 500 where memory
 * was short, else `status`. */
int mm_problem_from(struct mm_problem *p, int status, const char *param,
		    const struct mm_err *err);

/* Append the JSON text. */
void mm_problem_write(struct mm_buf *out, const struct mm_problem *p,
		      const char *request_id);

const char *mm_status_phrase(int status); /* "Not Found" */

#endif
