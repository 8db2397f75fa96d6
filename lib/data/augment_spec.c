/* augment_spec.c - an augmentation as one line of text, both ways. */
#include <stdlib.h>
#include <string.h>

#include "data/augment.h"

/* One operator: its name, its numbers and their range. */
static const struct field {
	const char *name;
	size_t offset, n;
	double lo, hi;
	bool whole; /* an int64_t */
} fields[] = {
#define FIELD(nm, m, k, l, h, w)                                    \
	{                                                           \
		nm, offsetof(struct mm_augment_spec, m), k, l, h, w \
	}
	FIELD("crop", crop, 2, 1e-6, 1, false),
	FIELD("flip", flip, 1, 0, 1, false),
	FIELD("shift", shift, 1, 0, 4096, true),
	FIELD("jitter", jitter, 4, 0, 100, false),
	FIELD("jitter-p", jitter_p, 1, 0, 1, false),
	FIELD("gray", gray, 1, 0, 1, false),
	FIELD("blur", blur, 1, 0, 1, false),
	FIELD("erase", erase, 1, 0, 1, false),
	FIELD("synonyms", synonyms, 1, 0, 1, false),
	FIELD("insert", insert, 1, 0, 1, false),
	FIELD("swap", swap, 1, 0, 1, false),
	FIELD("delete", remove, 1, 0, 1, false),
#undef FIELD
};

enum { N_FIELDS = sizeof(fields) / sizeof(fields[0]) };

struct mm_augment_spec mm_augment_none(void)
{
	return (struct mm_augment_spec){ .jitter_p = 1 };
}

bool mm_augment_pictures(const struct mm_augment_spec *s)
{
	return s->crop[1] > 0 || s->flip > 0 || s->shift || s->gray > 0 ||
	       s->blur > 0 || s->erase > 0 || s->jitter[0] > 0 ||
	       s->jitter[1] > 0 || s->jitter[2] > 0 || s->jitter[3] > 0;
}

bool mm_augment_texts(const struct mm_augment_spec *s)
{
	return s->flip > 0 || s->synonyms > 0 || s->insert > 0 || s->swap > 0 ||
	       s->remove > 0;
}

static double get(const struct mm_augment_spec *s, const struct field *f,
		  size_t i)
{
	const char *p = (const char *)s + f->offset;
	int64_t whole;
	double v;

	if (f->whole) {
		memcpy(&whole, p, sizeof(whole));
		return (double)whole;
	}
	memcpy(&v, p + i * sizeof(v), sizeof(v));
	return v;
}

static void set(struct mm_augment_spec *s, const struct field *f, size_t i,
		double v)
{
	char *p = (char *)s + f->offset;
	const int64_t whole = (int64_t)v;

	if (f->whole)
		memcpy(p, &whole, sizeof(whole));
	else
		memcpy(p + i * sizeof(v), &v, sizeof(v));
}

/* One "name:a:b" of n bytes. */
static int parse_one(struct mm_augment_spec *s, const char *item, size_t n,
		     struct mm_err *err)
{
	const size_t name = strcspn(item, ":,");
	const struct field *f = NULL;
	const char *p = item + name;
	char *end;

	for (size_t k = 0; k < N_FIELDS; k++)
		if (strlen(fields[k].name) == name &&
		    !memcmp(fields[k].name, item, name))
			f = &fields[k];
	if (!f)
		return mm_fail(err, MM_ERR_USAGE,
			       "no augmentation is called '%.*s'", (int)name,
			       item);
	for (size_t i = 0; i < f->n; i++, p = end) {
		const double v = *p == ':' ? strtod(p + 1, &end) : -1;

		if (*p != ':' || end == p + 1 || end > item + n)
			return mm_fail(err, MM_ERR_USAGE,
				       "'%.*s' needs %zu number%s behind "
				       "colons, not '%.*s'",
				       (int)name, item, f->n,
				       f->n == 1 ? "" : "s", (int)n, item);
		if (!(v >= f->lo && v <= f->hi) ||
		    (f->whole && v != (double)(int64_t)v))
			return mm_fail(err, MM_ERR_USAGE,
				       "'%.*s' must be in %g..%g, not '%.*s'",
				       (int)name, item, f->lo, f->hi, (int)n,
				       item);
		set(s, f, i, v);
	}
	if (p != item + n)
		return mm_fail(err, MM_ERR_USAGE,
			       "'%.*s' has more numbers than %zu: '%.*s'",
			       (int)name, item, f->n, (int)n, item);
	return MM_OK;
}

int mm_augment_parse(struct mm_augment_spec *s, const char *text,
		     struct mm_err *err)
{
	int rc;

	*s = mm_augment_none();
	while (*text) {
		const size_t n = strcspn(text, ",");

		if ((rc = parse_one(s, text, n, err)))
			return rc;
		text += n + (text[n] == ',');
	}
	if (s->crop[0] > s->crop[1])
		return mm_fail(err, MM_ERR_USAGE,
			       "'crop' runs from %g down to %g", s->crop[0],
			       s->crop[1]);
	if (s->jitter[3] > 0.5)
		return mm_fail(err, MM_ERR_USAGE,
			       "the hue of 'jitter' must be in 0..0.5, not %g",
			       s->jitter[3]);
	return MM_OK;
}

void mm_augment_format(struct mm_buf *out, const struct mm_augment_spec *s)
{
	const struct mm_augment_spec none = mm_augment_none();
	bool first = true;

	for (size_t k = 0; k < N_FIELDS; k++) {
		const struct field *f = &fields[k];
		bool off = true;

		for (size_t i = 0; i < f->n; i++)
			off = off && get(s, f, i) == get(&none, f, i);
		if (off)
			continue;
		mm_buf_printf(out, "%s%s", first ? "" : ",", f->name);
		for (size_t i = 0; i < f->n; i++)
			mm_buf_printf(out, ":%.10g", get(s, f, i));
		first = false;
	}
}
