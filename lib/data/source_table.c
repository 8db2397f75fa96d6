/*
 * source_table.c - TSV and CSV with a header line: columns for the picture,
 * the caption and, where they are there, id, image id, label, split, start and
 * end.
 *
 * Without an id column, the picture's name is the id; its second caption gets
 * "#1" behind it, its third "#2".  Captions of one picture share image.id:
 * that column, or the picture's name.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "data/source_kind.h"
#include "data/records.h"

enum { NONE = -1 };

struct state {
	struct mm_records table;
	int column[MM_N_FIELDS]; /* which field, or NONE */
	size_t n_columns;
	struct mm_idset images; /* how often each was there */
};

static bool sniff_csv(const struct mm_sniff *x)
{
	return !x->folder && mm_path_has_ext(x->path, "csv");
}

static bool sniff_tsv(const struct mm_sniff *x)
{
	if (x->folder)
		return false;
	if (mm_path_has_ext(x->path, "tsv") || mm_path_has_ext(x->path, "tab"))
		return true;
	return mm_sniff_is_text(x) && memchr(x->head, '\t', x->n);
}

/* ASCII letters without case, blanks around it ignored. */
static bool same_name(const char *s, size_t len, const char *name)
{
	while (len && (*s == ' ' || *s == '\t'))
		s++, len--;
	while (len && (s[len - 1] == ' ' || s[len - 1] == '\t'))
		len--;
	for (; len && *name; s++, name++, len--) {
		const char a = *s >= 'A' && *s <= 'Z' ? (char)(*s | 32) : *s;
		const char b = *name >= 'A' && *name <= 'Z' ? (char)(*name | 32)
							    : *name;

		if (a != b)
			return false;
	}
	return !len && !*name;
}

/* The column of the first name that the header has, or NONE. */
static int find_column(const struct mm_records *t, const char *const *names)
{
	for (; *names; names++) {
		for (size_t i = 0; i < t->n_fields; i++) {
			size_t len;
			const char *s = mm_record_field(t, i, &len);

			if (same_name(s, len, *names))
				return (int)i;
		}
	}
	return NONE;
}

/* "'x.tsv' line 1: no image column: neither a, b nor c; it has d, e". */
static int no_column(struct mm_input *in, const struct mm_records *t,
		     enum mm_field f, struct mm_err *err)
{
	const char *what = f == MM_FIELD_IMAGE	? "image"
			   : f == MM_FIELD_TEXT ? "text"
						: "id";
	struct mm_buf want = { 0 }, have = { 0 };
	size_t len;
	int rc;

	mm_field_list(&want, mm_field_names(in, f));
	for (size_t i = 0; i < t->n_fields && have.len < 300; i++)
		mm_buf_printf(&have, "%s%.80s", i ? ", " : "",
			      mm_record_field(t, i, &len));
	rc = mm_fail(err, MM_ERR_FORMAT,
		     "'%s' line %llu has no %s column (%s) but %s; name it "
		     "with --%s-column",
		     t->name, (unsigned long long)t->line, what,
		     mm_buf_str(&want), mm_buf_str(&have), what);
	mm_buf_release(&want);
	mm_buf_release(&have);
	return rc;
}

static int read_header(struct mm_input *in, struct state *st,
		       struct mm_err *err)
{
	const struct mm_source_options *o = &in->all->options;
	const struct mm_records *t = &st->table;
	int rc = mm_records_next(&st->table, err);

	if (rc)
		return mm_fail_ctx(err, "'%s' line 1", t->name);
	if (!t->n_fields)
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s' is empty: it needs a header line",
			       t->name);
	st->n_columns = t->n_fields;
	for (int f = 0; f < MM_N_FIELDS; f++)
		st->column[f] =
			find_column(t, mm_field_names(in, (enum mm_field)f));
	if (st->column[MM_FIELD_IMAGE] == NONE &&
	    (o->need_image || o->image_column))
		return no_column(in, t, MM_FIELD_IMAGE, err);
	if (st->column[MM_FIELD_TEXT] == NONE &&
	    (o->text_column || (o->need_text && !o->label_from_folder)))
		return no_column(in, t, MM_FIELD_TEXT, err);
	if (st->column[MM_FIELD_ID] == NONE && o->id_column)
		return no_column(in, t, MM_FIELD_ID, err);
	if (st->column[MM_FIELD_SPLIT] == NONE && o->split)
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s' has no column 'split' for --split",
			       t->name);
	return MM_OK;
}

static int open_table(struct mm_input *in, char delimiter, bool strict,
		      struct mm_err *err)
{
	struct state *st = mm_calloc(1, sizeof(*st));
	int rc;

	if (!(in->state = st))
		return mm_fail_nomem(err, "a table");
	rc = mm_records_open(&st->table, &in->reader, in->reader.name,
			     delimiter, strict, err);
	return rc ? rc : read_header(in, st, err);
}

static int open_csv(struct mm_input *in, struct mm_err *err)
{
	return open_table(in, 0, true, err);
}

static int open_tsv(struct mm_input *in, struct mm_err *err)
{
	return open_table(in, '\t', false, err);
}

static const char *cell(const struct state *st, enum mm_field f, size_t *len)
{
	*len = 0;
	return st->column[f] == NONE
		       ? NULL
		       : mm_record_field(&st->table, (size_t)st->column[f],
					 len);
}

/* id: its cell, or the picture's name, counted; or the line. */
static int set_id(struct mm_input *in, struct state *st, struct mm_sample *s,
		  struct mm_err *err)
{
	struct mm_arena *a = &in->all->text;
	size_t len;
	const char *id = cell(st, MM_FIELD_ID, &len);
	uint32_t before = 0;
	int rc;

	if (id)
		return mm_input_keep(in, &s->id, id, len, err);
	if (!(id = cell(st, MM_FIELD_IMAGE, &len)))
		s->id.str = mm_arena_printf(a, "%llu",
					    (unsigned long long)st->table.line);
	else if ((rc = mm_idset_add(&st->images, id, len, &before, err)))
		return rc;
	else if (!before)
		return mm_input_keep(in, &s->id, id, len, err);
	else
		s->id.str = mm_arena_printf(a, "%s#%u", id, before);
	if (!s->id.str)
		return mm_fail_nomem(err, "a sample");
	s->id.len = strlen(s->id.str);
	return MM_OK;
}

/* Seconds in a cell. */
static int get_time(const struct state *st, enum mm_field f, double *out,
		    struct mm_err *err)
{
	size_t len;
	const char *s = cell(st, f, &len);
	char *end;

	*out = strtod(s, &end);
	if (len && end == s + len && isfinite(*out))
		return MM_OK;
	return mm_fail(err, MM_ERR_FORMAT, "its time '%.40s' is no number", s);
}

static int set_rest(struct mm_input *in, struct state *st, struct mm_sample *s,
		    struct mm_err *err)
{
	size_t len;
	const char *p;
	int rc;

	p = cell(st, MM_FIELD_TEXT, &len);
	if ((rc = mm_input_keep(in, &s->text, p, len, err)))
		return rc;
	if ((p = cell(st, MM_FIELD_IMAGE, &len)) &&
	    ((rc = mm_input_resolve(in, &s->image_path, p, len, err)) ||
	     (rc = mm_input_keep(in, &s->image_id, p, len, err))))
		return rc;
	if ((p = cell(st, MM_FIELD_IMAGE_ID, &len)) &&
	    (rc = mm_input_keep(in, &s->image_id, p, len, err)))
		return rc;
	if ((p = cell(st, MM_FIELD_LABEL, &len)) &&
	    (rc = mm_input_label(in, s, p, len, err)))
		return rc;
	if (st->column[MM_FIELD_START] == NONE ||
	    st->column[MM_FIELD_END] == NONE)
		return MM_OK;
	s->has_time = true;
	if ((rc = get_time(st, MM_FIELD_START, &s->time[0], err)))
		return rc;
	return get_time(st, MM_FIELD_END, &s->time[1], err);
}

static int next(struct mm_input *in, struct mm_sample *s, bool *end,
		struct mm_err *err)
{
	struct state *st = in->state;
	struct mm_records *t = &st->table;
	const char *split;
	size_t len;
	int rc;

	do {
		rc = mm_records_next(t, err);
		in->bad_sample = t->bad;
		snprintf(s->where, sizeof(s->where), "line %llu",
			 (unsigned long long)t->line);
		if (rc)
			return rc;
		if ((*end = !t->n_fields))
			return MM_OK;
		in->bad_sample = true;
		if (t->n_fields != st->n_columns)
			return mm_fail(err, MM_ERR_FORMAT,
				       "the header has %zu columns, but this "
				       "record has %zu",
				       st->n_columns, t->n_fields);
		split = cell(st, MM_FIELD_SPLIT, &len);
	} while (split && !mm_input_wants_split(in, split, len));
	if ((rc = set_id(in, st, s, err)))
		return rc;
	return set_rest(in, st, s, err);
}

static void close_table(struct mm_input *in)
{
	struct state *st = in->state;

	if (!st)
		return;
	mm_records_release(&st->table);
	mm_idset_release(&st->images);
	mm_free(st);
	in->state = NULL;
}

const struct mm_source mm_source_csv = {
	.name = "csv",
	.sniff = sniff_csv,
	.open = open_csv,
	.next = next,
	.close = close_table,
};

const struct mm_source mm_source_tsv = {
	.name = "tsv",
	.sniff = sniff_tsv,
	.open = open_tsv,
	.next = next,
	.close = close_table,
};
