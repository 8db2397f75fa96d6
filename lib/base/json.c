/* json.c - reading JSON; the only file that knows jansson. */
#include "base/json.h"

#include <jansson.h>
#include <string.h>

#include "base/io.h"

static const json_t *peek(const struct mm_json *v)
{
	return (const json_t *)v;
}

static const struct mm_json *wrap(const json_t *v)
{
	return (const struct mm_json *)v;
}

/*
 * The text with ".0" behind whole numbers of 19 digits and more, outside of
 * strings: Python writes what 64 bits do not hold (a tokenizer's "no limit" is
 * 10^30), and such a number is as good as a real one.
 */
static void widen(struct mm_buf *out, const char *s, size_t n)
{
	bool inside = false;
	size_t i = 0;

	while (i < n) {
		const size_t begin = i;

		if (s[i] == '"')
			inside = !inside;
		else if (inside && s[i] == '\\' && i + 1 < n)
			i++;
		else if (!inside && s[i] >= '0' && s[i] <= '9')
			while (i + 1 < n && s[i + 1] >= '0' && s[i + 1] <= '9')
				i++;
		i++;
		mm_buf_add(out, s + begin, i - begin);
		if (i - begin >= 19 &&
		    (i == n || (s[i] != '.' && (s[i] | 32) != 'e')) &&
		    (!begin || s[begin - 1] != '.'))
			mm_buf_adds(out, ".0");
	}
}

static json_t *load(const char *text, size_t len, json_error_t *e)
{
	return json_loadb(
		text, len,
		JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, e);
}

int mm_json_parse(struct mm_json **root, const char *text, size_t len,
		  const char *name, struct mm_err *err)
{
	struct mm_buf wide = { 0 };
	json_error_t e;
	json_t *v = load(text, len, &e);

	if (!v && json_error_code(&e) == json_error_numeric_overflow) {
		widen(&wide, text, len);
		if (!wide.failed)
			v = load(mm_buf_str(&wide), wide.len, &e);
		mm_buf_release(&wide);
	}
	*root = (struct mm_json *)v;
	if (v)
		return MM_OK;
	return mm_fail(err, MM_ERR_FORMAT, "'%s' line %d column %d: %s", name,
		       e.line, e.column, e.text);
}

int mm_json_load(struct mm_json **root, const char *path, struct mm_err *err)
{
	struct mm_file f;
	int rc = mm_file_open(&f, path, err);

	*root = NULL;
	if (rc)
		return rc;
	rc = mm_json_parse(root, (const char *)f.data, f.size, path, err);
	mm_file_release(&f);
	return rc;
}

void mm_json_free(struct mm_json *root)
{
	json_decref((json_t *)root);
}

enum mm_json_type mm_json_type(const struct mm_json *v)
{
	if (!v)
		return MM_JSON_ABSENT;
	switch (json_typeof(peek(v))) {
	case JSON_OBJECT: return MM_JSON_OBJECT;
	case JSON_ARRAY: return MM_JSON_ARRAY;
	case JSON_STRING: return MM_JSON_STRING;
	case JSON_INTEGER: return MM_JSON_INT;
	case JSON_REAL: return MM_JSON_REAL;
	case JSON_TRUE:
	case JSON_FALSE: return MM_JSON_BOOL;
	default: return MM_JSON_NULL;
	}
}

const char *mm_json_type_name(const struct mm_json *v)
{
	static const char *const names[] = {
		"nothing",  "null",	"true or false", "a whole number",
		"a number", "a string", "an array",	 "an object",
	};

	return names[mm_json_type(v)];
}

const struct mm_json *mm_json_get(const struct mm_json *object, const char *key)
{
	return object ? wrap(json_object_get(peek(object), key)) : NULL;
}

const struct mm_json *mm_json_at(const struct mm_json *array, size_t i)
{
	return array ? wrap(json_array_get(peek(array), i)) : NULL;
}

size_t mm_json_size(const struct mm_json *v)
{
	switch (mm_json_type(v)) {
	case MM_JSON_OBJECT: return json_object_size(peek(v));
	case MM_JSON_ARRAY: return json_array_size(peek(v));
	default: return 0;
	}
}

bool mm_json_next(const struct mm_json *object, void **it, const char **key,
		  const struct mm_json **value)
{
	union {
		const struct mm_json *in;
		json_t *out;
	} o = { object }; /* jansson's iterators want a mutable pointer */

	if (mm_json_type(object) != MM_JSON_OBJECT)
		return false;
	*it = *it ? json_object_iter_next(o.out, *it)
		  : json_object_iter(o.out);
	if (!*it)
		return false;
	*key = json_object_iter_key(*it);
	*value = wrap(json_object_iter_value(*it));
	return true;
}

const char *mm_json_str(const struct mm_json *v, const char *fallback)
{
	return mm_json_type(v) == MM_JSON_STRING ? json_string_value(peek(v))
						 : fallback;
}

size_t mm_json_str_len(const struct mm_json *v)
{
	return mm_json_type(v) == MM_JSON_STRING ? json_string_length(peek(v))
						 : 0;
}

double mm_json_num(const struct mm_json *v, double fallback)
{
	switch (mm_json_type(v)) {
	case MM_JSON_INT:
	case MM_JSON_REAL: return json_number_value(peek(v));
	default: return fallback;
	}
}

int64_t mm_json_int(const struct mm_json *v, int64_t fallback)
{
	return mm_json_type(v) == MM_JSON_INT
		       ? (int64_t)json_integer_value(peek(v))
		       : fallback;
}

bool mm_json_bool(const struct mm_json *v, bool fallback)
{
	return mm_json_type(v) == MM_JSON_BOOL ? json_is_true(peek(v))
					       : fallback;
}

/* The member, or NULL where it is absent or null: then defaults hold. */
static const struct mm_json *present(const struct mm_json *object,
				     const char *key)
{
	const struct mm_json *v = mm_json_get(object, key);

	return mm_json_type(v) == MM_JSON_NULL ? NULL : v;
}

int mm_json_want_int(const struct mm_json *object, const char *key, int64_t lo,
		     int64_t hi, int64_t *out, struct mm_err *err)
{
	const struct mm_json *v = present(object, key);
	int64_t x;

	if (!v)
		return MM_OK;
	if (mm_json_type(v) != MM_JSON_INT)
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s' must be a whole number, not %s", key,
			       mm_json_type_name(v));
	x = mm_json_int(v, 0);
	if (x < lo || x > hi)
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s' must be in %lld..%lld, not %lld", key,
			       (long long)lo, (long long)hi, (long long)x);
	*out = x;
	return MM_OK;
}

int mm_json_want_num(const struct mm_json *object, const char *key, double lo,
		     double hi, double *out, struct mm_err *err)
{
	const struct mm_json *v = present(object, key);
	double x;

	if (!v)
		return MM_OK;
	if (mm_json_type(v) != MM_JSON_INT && mm_json_type(v) != MM_JSON_REAL)
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s' must be a number, not %s", key,
			       mm_json_type_name(v));
	x = mm_json_num(v, 0);
	if (!(x >= lo && x <= hi))
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s' must be in %g..%g, not %g", key, lo, hi,
			       x);
	*out = x;
	return MM_OK;
}

int mm_json_want_str(const struct mm_json *object, const char *key,
		     const char **out, struct mm_err *err)
{
	const struct mm_json *v = present(object, key);

	if (!v)
		return MM_OK;
	if (mm_json_type(v) != MM_JSON_STRING)
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s' must be a string, not %s", key,
			       mm_json_type_name(v));
	*out = mm_json_str(v, NULL);
	return MM_OK;
}

int mm_json_want_bool(const struct mm_json *object, const char *key, bool *out,
		      struct mm_err *err)
{
	const struct mm_json *v = present(object, key);

	if (!v)
		return MM_OK;
	if (mm_json_type(v) != MM_JSON_BOOL)
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s' must be true or false, not %s", key,
			       mm_json_type_name(v));
	*out = mm_json_bool(v, false);
	return MM_OK;
}
