/*
 * json.h - JSON in (through jansson) and out (straight into a buffer).
 *
 * RFC 8259.  Refused: duplicate keys, invalid UTF-8, trailing text, nesting
 * deeper than 2048.  A value is borrowed from its root; free the root only.
 * NULL stands for "absent" in every query, so look-ups can be chained.
 */
#ifndef MM_BASE_JSON_H
#define MM_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct mm_json; /* a parsed value */

enum mm_json_type {
	MM_JSON_ABSENT, /* the value pointer was NULL */
	MM_JSON_NULL,
	MM_JSON_BOOL,
	MM_JSON_INT,
	MM_JSON_REAL,
	MM_JSON_STRING,
	MM_JSON_ARRAY,
	MM_JSON_OBJECT,
};

/*
 * Errors name `name`, line and column.  A whole number beyond 64 bits becomes
 * a real one.  Free *root with mm_json_free.
 */
int mm_json_parse(struct mm_json **root, const char *text, size_t len,
		  const char *name, struct mm_err *err) MM_MUST_CHECK;
int mm_json_load(struct mm_json **root, const char *path, struct mm_err *err)
	MM_MUST_CHECK;
void mm_json_free(struct mm_json *root);

enum mm_json_type mm_json_type(const struct mm_json *v);
const char *mm_json_type_name(const struct mm_json *v); /* "an array", ... */

/* Member of an object, element of an array; NULL where there is none. */
const struct mm_json *mm_json_get(const struct mm_json *object,
				  const char *key);
const struct mm_json *mm_json_at(const struct mm_json *array, size_t i);
size_t mm_json_size(const struct mm_json *array_or_object); /* else 0 */

/*
 * Members in the order of the file: start with *it = NULL; false at the end.
 * *key holds no NUL (members whose key has one do not parse).
 */
bool mm_json_next(const struct mm_json *object, void **it, const char **key,
		  const struct mm_json **value);

/* Scalars; the fallback where the value is absent or of another type. */
const char *mm_json_str(const struct mm_json *v, const char *fallback);
size_t mm_json_str_len(const struct mm_json *v); /* may count NULs */
double mm_json_num(const struct mm_json *v, double fallback);
int64_t mm_json_int(const struct mm_json *v, int64_t fallback);
bool mm_json_bool(const struct mm_json *v, bool fallback);

/*
 * A member that must fit where it is present; *out is left alone where it is
 * absent or null.  Errors name the key and what was wrong.
 */
int mm_json_want_int(const struct mm_json *object, const char *key, int64_t lo,
		     int64_t hi, int64_t *out, struct mm_err *err)
	MM_MUST_CHECK;
int mm_json_want_num(const struct mm_json *object, const char *key, double lo,
		     double hi, double *out, struct mm_err *err) MM_MUST_CHECK;
int mm_json_want_str(const struct mm_json *object, const char *key,
		     const char **out, struct mm_err *err) MM_MUST_CHECK;
int mm_json_want_bool(const struct mm_json *object, const char *key, bool *out,
		      struct mm_err *err) MM_MUST_CHECK;

/* The value as compact JSON text, appended. */
void mm_json_dump(struct mm_buf *out, const struct mm_json *v);

/*
 * Writing.  Commas and, with indent > 0, new lines come by themselves:
 *
 *	mm_json_open(&w, NULL, '{');
 *	mm_json_put_int(&w, "n", 3);
 *	mm_json_close(&w);
 *
 * Inside an array the key is NULL.  Numbers are the shortest text that reads
 * back to the same double; NaN and infinities become null.
 */
enum { MM_JSON_MAX_DEPTH = 2048 };

struct mm_json_writer {
	struct mm_buf *out;
	int indent; /* spaces per level; 0 = everything on one line */
	int depth;
	bool comma; /* the next value needs one before it */
	/* A parsed value may go 64 levels inside of what is written. */
	char closer[MM_JSON_MAX_DEPTH + 64];
};

void mm_json_writer_init(struct mm_json_writer *w, struct mm_buf *out,
			 int indent);
void mm_json_open(struct mm_json_writer *w, const char *key, char bracket);
void mm_json_close(struct mm_json_writer *w);
void mm_json_put_str(struct mm_json_writer *w, const char *key, const char *s);
void mm_json_put_strn(struct mm_json_writer *w, const char *key, const char *s,
		      size_t n);
void mm_json_put_num(struct mm_json_writer *w, const char *key, double x);
/* Nine digits at most, which read back to the same float; quick. */
void mm_json_put_f32(struct mm_json_writer *w, const char *key, float x);
void mm_json_put_int(struct mm_json_writer *w, const char *key, int64_t x);
void mm_json_put_bool(struct mm_json_writer *w, const char *key, bool x);
void mm_json_put_null(struct mm_json_writer *w, const char *key);
void mm_json_put(struct mm_json_writer *w, const char *key,
		 const struct mm_json *v); /* a parsed value, copied */

#endif
