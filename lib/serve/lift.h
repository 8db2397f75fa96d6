/*
 * lift.h - long strings out of a JSON text, so that they are not read letter by
 * letter: pictures in base64 are nearly all of a request's body.
 *
 *	{"image": "iVBORw0K... 40,000 more"}
 *	{"image": "\u00010"}			and [0] is what was there
 *
 * Such a string is of printable ASCII without escapes, and no name of a member.
 * The rest is as right or wrong as the whole was; a text in which \u0001 is
 * spelled stays as it is.
 */
#ifndef MM_SERVE_LIFT_H
#define MM_SERVE_LIFT_H

#include "base/buf.h"
#include "serve/multipart.h"

struct mm_lift {
	struct mm_buf rest;
	struct mm_span *string; /* in the text */
	size_t n, cap;
};

/* false: nothing was lifted; the text is to be read as it is. */
bool mm_lift_strings(struct mm_lift *l, const char *text, size_t n);

/* s is a string of what was made of l->rest: itself, or what it stands for. */
struct mm_span mm_lift_find(const struct mm_lift *l, struct mm_span s);

void mm_lift_release(struct mm_lift *l); /* safe on zeros */

#endif
