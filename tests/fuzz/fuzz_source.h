/* fuzz_source.h - a harness for one kind of source that reads a file. */
#ifndef MM_TESTS_FUZZ_SOURCE_H
#define MM_TESTS_FUZZ_SOURCE_H

#include "fuzz.h"

#include <string.h>

#include "base/utf8.h"
#include "data/source.h"

static void fuzz_str(const struct mm_str *s)
{
	if (!s->str)
		return;
	FUZZ_ASSERT(mm_utf8_prefix(s->str, s->len) == s->len);
	FUZZ_ASSERT(!memchr(s->str, 0, s->len) && !s->str[s->len]);
}

/* Read every sample of a file or folder; after a bad one go on. */
static void fuzz_source_path(const char *kind, char *path)
{
	const struct mm_source_options o = { .kind = kind };
	const struct mm_sample *p = NULL;
	struct mm_sources s;
	struct mm_err err = { 0 };
	char *paths[] = { path };
	int rc;

	rc = mm_sources_open(&s, paths, 1, &o, &err);
	while (!rc) {
		rc = mm_sources_next(&s, &p, &err);
		fuzz_status(rc, &err);
		FUZZ_ASSERT(!rc || !p);
		if (rc && s.bad_sample) {
			FUZZ_ASSERT(mm_sources_bad_id(&s)[0]);
			rc = MM_OK;
			continue;
		}
		if (rc || !p)
			break;
		FUZZ_ASSERT(p->id.len);
		fuzz_str(&p->id);
		fuzz_str(&p->text);
		fuzz_str(&p->image_id);
		fuzz_str(&p->label_name);
		fuzz_touch(p->image_data, p->image_size);
		fuzz_touch(p->boxes, p->n_boxes * 4 * sizeof(float));
		for (size_t i = 0; p->phrases && i < p->n_boxes; i++)
			fuzz_str(&p->phrases[i]);
	}
	mm_sources_release(&s);
}

/* The same of bytes. */
__attribute__((unused)) static void
fuzz_source(const char *kind, const uint8_t *data, size_t size)
{
	char path[64];

	strcpy(path, fuzz_file(data, size));
	fuzz_source_path(kind, path);
}

#endif
