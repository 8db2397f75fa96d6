/*
 * source_jsonl.c - JSON lines: one object a line, as json_sample.h says.
 *
 * Several captions make several samples: the id gets "#0", "#1", ... behind
 * it, and they share image.id.  Without an id, the picture's name is it, and
 * without that the line's number.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "data/json_sample.h"

enum { MAX_LINE = 64 << 20 };

struct state {
	uint64_t line;
	struct mm_json *object; /* the current line, while captions are left */
	size_t caption, n_captions;
};

static bool sniff(const struct mm_sniff *x)
{
	const unsigned char *nl;

	if (x->folder)
		return false;
	if (mm_path_has_ext(x->path, "jsonl") ||
	    mm_path_has_ext(x->path, "ndjson"))
		return true;
	/* An object that ends with its line. */
	nl = x->n ? memchr(x->head, '\n', x->n) : NULL;
	while (nl && nl > x->head && (nl[-1] == '\r' || nl[-1] == ' '))
		nl--;
	return nl && x->head[0] == '{' && nl[-1] == '}';
}

static int open_jsonl(struct mm_input *in, struct mm_err *err)
{
	in->state = mm_calloc(1, sizeof(struct state));
	return in->state ? MM_OK : mm_fail_nomem(err, "a source");
}

static bool is_blank(const char *s, size_t n)
{
	while (n && strchr(" \t\r", *s))
		s++, n--;
	return !n;
}

/* The next line that is not blank, parsed; object NULL at the end. */
static int read_line(struct mm_input *in, struct state *st, struct mm_err *err)
{
	size_t len;
	char *p;
	int rc;

	mm_json_free(st->object);
	st->object = NULL;
	do {
		if ((rc = mm_reader_line(&in->reader, &p, &len, MAX_LINE,
					 err)) ||
		    !p)
			return rc;
		st->line++;
		if (st->line == 1 && len >= 3 && !memcmp(p, "\xef\xbb\xbf", 3))
			p += 3, len -= 3;
	} while (is_blank(p, len));
	in->bad_sample = true;
	if ((rc = mm_json_parse(&st->object, p, len, "its object", err)))
		return rc;
	if (mm_json_type(st->object) != MM_JSON_OBJECT) {
		rc = mm_fail(err, MM_ERR_FORMAT, "it is %s, not an object",
			     mm_json_type_name(st->object));
		mm_json_free(st->object);
		st->object = NULL;
	}
	st->caption = 0;
	st->n_captions = mm_json_n_captions(in, st->object);
	return rc;
}

static int set_ids(struct mm_input *in, struct state *st, struct mm_sample *s,
		   struct mm_err *err)
{
	struct mm_arena *a = &in->all->text;
	const struct mm_json *v;
	struct mm_str image;
	char line[32];
	int rc;

	v = mm_json_field(in, st->object, MM_FIELD_IMAGE);
	if ((rc = mm_json_keep(in, &image, v, "image", err)) ||
	    (rc = mm_input_resolve(in, &s->image_path, image.str, image.len,
				   err)))
		return rc;
	v = mm_json_field(in, st->object, MM_FIELD_ID);
	snprintf(line, sizeof(line), "%" PRIu64, st->line);
	if ((rc = mm_json_keep(in, &s->id, v, "id", err)))
		return rc;
	if (!s->id.str && image.str)
		s->id = image;
	else if (!s->id.str &&
		 (rc = mm_input_keep(in, &s->id, line, strlen(line), err)))
		return rc;
	v = mm_json_field(in, st->object, MM_FIELD_IMAGE_ID);
	if ((rc = mm_json_keep(in, &s->image_id, v, "image id", err)))
		return rc;
	if (!s->image_id.str)
		s->image_id = image.str ? image : s->id;
	if (st->n_captions < 2)
		return MM_OK;
	s->id.str = mm_arena_printf(a, "%s#%zu", s->id.str, st->caption);
	if (!s->id.str)
		return mm_fail_nomem(err, "a sample");
	s->id.len = strlen(s->id.str);
	return MM_OK;
}

/* Whether the line's split is wanted; a line without one is not. */
static bool wanted(struct mm_input *in, const struct mm_json *object)
{
	const char *split =
		mm_json_str(mm_json_field(in, object, MM_FIELD_SPLIT), "");

	return mm_input_wants_split(in, split, strlen(split));
}

static int next(struct mm_input *in, struct mm_sample *s, bool *end,
		struct mm_err *err)
{
	struct state *st = in->state;
	int rc = MM_OK;

	while (!st->object || st->caption == st->n_captions) {
		rc = read_line(in, st, err);
		if (!rc && (*end = !st->object))
			return MM_OK;
		if (rc || (wanted(in, st->object) && !st->n_captions))
			break;
		if (!wanted(in, st->object))
			st->n_captions = 0;
	}
	snprintf(s->where, sizeof(s->where), "line %" PRIu64, st->line);
	if (rc)
		return rc;
	in->bad_sample = true;
	rc = set_ids(in, st, s, err);
	if (!rc)
		rc = mm_json_sample(in, s, st->object, st->caption, err);
	if (st->caption < st->n_captions)
		st->caption++;
	return rc;
}

static void close_jsonl(struct mm_input *in)
{
	struct state *st = in->state;

	if (st)
		mm_json_free(st->object);
	mm_free(st);
	in->state = NULL;
}

const struct mm_source mm_source_jsonl = {
	.name = "jsonl",
	.sniff = sniff,
	.open = open_jsonl,
	.next = next,
	.close = close_jsonl,
};
