/*
 * json_scan.h - walk through a JSON text of any size without building it.
 *
 * A value is a slice of the text.  Going through an object or an array finds
 * its members one by one; only what is asked for is looked at more closely, so
 * a dataset's JSON of half a gigabyte costs no memory.  What is passed over is
 * checked as far as its brackets and quotes go; mm_scan_parse checks a slice
 * in full.
 */
#ifndef MM_DATA_JSON_SCAN_H
#define MM_DATA_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/io.h"
#include "base/json.h"

/* The text of one value. */
struct mm_slice {
	const char *p;
	size_t n; /* 0: absent */
};

struct mm_scan {
	const char *name;	    /* of the file, for messages */
	const char *text;	    /* of the whole file */
	const struct mm_file *file; /* whose pages may go; NULL: none */
	const char *p, *end;	    /* what is left of the container */
	const char *from;	    /* pages from here on are in use */
	char closer;
	bool first;
};

/* The file's one value, blanks and a byte order mark around it left out. */
struct mm_slice mm_scan_whole(const char *text, size_t n);

/*
 * Begin to go through a container; what it is must be known (`what`, for the
 * message).  The scan's name, text and file are kept.
 */
int mm_scan_enter(struct mm_scan *s, struct mm_slice container, char bracket,
		  const char *what, struct mm_err *err) MM_MUST_CHECK;

/* The next member (key is absent in arrays) or value->n == 0 at the end. */
int mm_scan_next(struct mm_scan *s, struct mm_slice *key,
		 struct mm_slice *value, struct mm_err *err) MM_MUST_CHECK;

/* Does the key, quotes and all, spell `name` (which needs no escapes)? */
bool mm_scan_is(struct mm_slice key, const char *name);

/* The byte of the file at which the slice begins. */
size_t mm_scan_at(const struct mm_scan *s, struct mm_slice v);

/* A slice in full; free *root with mm_json_free. */
int mm_scan_parse(struct mm_slice v, struct mm_json **root,
		  struct mm_err *err) MM_MUST_CHECK;

/* Numbers; false where the slice is none (or no whole one, or too large). */
bool mm_scan_int(struct mm_slice v, int64_t *out);
bool mm_scan_num(struct mm_slice v, double *out);

#endif
