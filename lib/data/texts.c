/* texts.c - see texts.h. */
#include "data/texts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { MAX_LINE = 16 << 20 };

int mm_texts_open(struct mm_texts *t, const char *path, struct mm_err *err)
{
	const char *dot = strrchr(path, '.');

	memset(t, 0, sizeof(*t));
	t->json = dot && !strcmp(dot, ".jsonl");
	return mm_reader_open(&t->reader, path, err);
}

void mm_texts_release(struct mm_texts *t)
{
	mm_reader_release(&t->reader);
	mm_idset_release(&t->ids);
	mm_json_free(t->root);
	memset(t, 0, sizeof(*t));
}

static int plain(struct mm_texts *t, const char *line, size_t len)
{
	if (len && line[len - 1] == '\r')
		len--;
	t->sample.text = (struct mm_str){ line, len };
	return MM_OK;
}

static int object(struct mm_texts *t, const char *line, size_t len,
		  struct mm_err *err)
{
	const struct mm_json *text, *id;
	int rc;

	mm_json_free(t->root);
	t->root = NULL;
	if ((rc = mm_json_parse(&t->root, line, len, "the line", err)))
		return rc;
	text = mm_json_get(t->root, "text");
	id = mm_json_get(t->root, "id");
	if (mm_json_type(text) != MM_JSON_STRING)
		return mm_fail(err, MM_ERR_FORMAT,
			       "'text' must be a string, not %s",
			       mm_json_type_name(text));
	t->sample.text.str = mm_json_str(text, "");
	t->sample.text.len = mm_json_str_len(text);
	if (mm_json_type(id) == MM_JSON_INT) {
		snprintf(t->number, sizeof(t->number), "%" PRId64,
			 mm_json_int(id, 0));
		t->sample.id = (struct mm_str){ t->number, strlen(t->number) };
	} else if (mm_json_type(id) == MM_JSON_STRING) {
		t->sample.id.str = mm_json_str(id, "");
		t->sample.id.len = mm_json_str_len(id);
	} else if (id) {
		return mm_fail(err, MM_ERR_FORMAT,
			       "'id' must be a string or a whole number, "
			       "not %s",
			       mm_json_type_name(id));
	}
	if (memchr(t->sample.id.str, '\0', t->sample.id.len))
		return mm_fail(err, MM_ERR_FORMAT, "'id' has a NUL in it");
	return MM_OK;
}

static int fill(struct mm_texts *t, const char *line, size_t len,
		struct mm_err *err)
{
	struct mm_sample *s = &t->sample;
	uint32_t before;
	int rc;

	memset(s, 0, sizeof(*s));
	snprintf(t->number, sizeof(t->number), "%" PRIu64, t->line);
	snprintf(s->where, sizeof(s->where), "line %" PRIu64, t->line);
	s->id = (struct mm_str){ t->number, strlen(t->number) };
	s->source = t->reader.name;
	rc = t->json ? object(t, line, len, err) : plain(t, line, len);
	if (!rc && !s->id.len)
		rc = mm_fail(err, MM_ERR_FORMAT, "'id' is empty");
	if (!rc &&
	    !(rc = mm_idset_add(&t->ids, s->id.str, s->id.len, &before, err)) &&
	    before)
		rc = mm_fail(err, MM_ERR_FORMAT, "id '%s' was there before",
			     s->id.str);
	if (!rc)
		return rc;
	t->bad_sample = rc == MM_ERR_FORMAT;
	snprintf(t->number, sizeof(t->number), "%" PRIu64, t->line);
	s->id = (struct mm_str){ t->number, strlen(t->number) };
	return mm_fail_ctx(err, "'%s' %s", s->source, s->where);
}

int mm_texts_next(struct mm_texts *t, const struct mm_sample **sample,
		  struct mm_err *err)
{
	char *line;
	size_t len;
	int rc;

	*sample = NULL;
	t->bad_sample = false;
	do {
		rc = mm_reader_line(&t->reader, &line, &len, MAX_LINE, err);
		if (rc || !line)
			return rc;
		if (!t->line++ && len >= 3 &&
		    !memcmp(line, "\xef\xbb\xbf", 3)) {
			line += 3;
			len -= 3;
		}
	} while (t->json && strspn(line, " \t\r") >= len);
	t->n++;
	if (!(rc = fill(t, line, len, err)))
		*sample = &t->sample;
	return rc;
}
