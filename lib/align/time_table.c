/* time_table.c - see time_table.h. */
#include "align/time_table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "data/records.h"

enum { NONE = -1 };
enum column { ID, START, END, TIME, TEXT, IMAGE, SPEAKER, N_COLUMNS };

static const char *const usual[N_COLUMNS][8] = {
	[ID] = { "id", "key", "frame", "event", "name", "videoid" },
	[START] = { "start", "begin", "onset", "start_time", "from" },
	[END] = { "end", "stop", "offset", "end_time", "to" },
	[TIME] = { "time", "timestamp", "t", "pts_time", "seconds" },
	[TEXT] = { "text", "caption", "sentence", "label", "comment" },
	[IMAGE] = { "image", "path", "file", "filename", "image.path" },
	[SPEAKER] = { "speaker" },
};

struct table {
	struct mm_reader in;
	struct mm_records rows;
	int column[N_COLUMNS];
	size_t n_columns;
	bool again; /* the first record is no header: it is read again */
};

/* ---- columns ---- */

static bool is_name(const char *s, size_t n, const char *name)
{
	while (n && (*s == ' ' || *s == '\t'))
		s++, n--;
	while (n && (s[n - 1] == ' ' || s[n - 1] == '\t'))
		n--;
	return strlen(name) == n && !strncasecmp(s, name, n);
}

static int find_column(const struct mm_records *r, const char *const *names)
{
	for (size_t k = 0; k < 8 && names[k]; k++) {
		for (size_t i = 0; i < r->n_fields; i++) {
			size_t n;
			const char *s = mm_record_field(r, i, &n);

			if (is_name(s, n, names[k]))
				return (int)i;
		}
	}
	return NONE;
}

/* Seconds or a clock time, all of the cell. */
static bool read_time(const char *s, size_t n, double *out)
{
	const char *end = s + n;
	char *stop;

	while (s < end && *s == ' ')
		s++;
	while (end > s && end[-1] == ' ')
		end--;
	if (s == end)
		return false;
	*out = strtod(s, &stop);
	if (stop == end)
		return isfinite(*out) && fabs(*out) < 1e9;
	return mm_clock_read(&s, end, out) && s == end;
}

static bool is_time(const struct mm_records *r, size_t i)
{
	double x;
	size_t n;
	const char *s;

	if (i >= r->n_fields)
		return false;
	s = mm_record_field(r, i, &n);
	return read_time(s, n, &x);
}

/* A first record of numbers where `order` wants them: no header. */
static bool headless(struct table *t, const enum column *order, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (order[i] != ID && order[i] != TEXT && !is_time(&t->rows, i))
			return false;
	if (t->rows.n_fields < n)
		return false;
	for (size_t i = 0; i < n; i++)
		t->column[order[i]] = (int)i;
	return t->again = true;
}

static int open_table(struct table *t, const char *path, char delimiter,
		      struct mm_err *err)
{
	const bool csv = delimiter == ',';
	int rc = mm_reader_open(&t->in, path, err);

	if (rc)
		return rc;
	rc = mm_records_open(&t->rows, &t->in, t->in.name,
			     (char)(csv ? 0 : '\t'), csv, err);
	if (rc)
		return rc;
	if ((rc = mm_records_next(&t->rows, err)))
		return mm_fail_ctx(err, "'%s' line 1", t->in.name);
	if (!t->rows.n_fields)
		return mm_fail(err, MM_ERR_FORMAT, "'%s' is empty", t->in.name);
	t->n_columns = t->rows.n_fields;
	for (int c = 0; c < N_COLUMNS; c++)
		t->column[c] = find_column(&t->rows, usual[c]);
	return MM_OK;
}

static void close_table(struct table *t)
{
	mm_records_release(&t->rows);
	mm_reader_release(&t->in);
}

/* The next record, or *end; rc with t->rows.bad: this one is bad. */
static int next_row(struct table *t, bool *end, struct mm_err *err)
{
	int rc = t->again ? MM_OK : mm_records_next(&t->rows, err);

	t->again = false;
	*end = !rc && !t->rows.n_fields;
	if (rc || *end)
		return rc;
	t->rows.bad = true;
	if (t->rows.n_fields != t->n_columns)
		return mm_fail(err, MM_ERR_FORMAT,
			       "%zu columns where the first record has %zu",
			       t->rows.n_fields, t->n_columns);
	for (size_t i = 0; i < t->n_columns; i++) {
		size_t n;
		const char *s = mm_record_field(&t->rows, i, &n);

		if (mm_utf8_prefix(s, n) < n || strlen(s) < n)
			return mm_fail(err, MM_ERR_FORMAT,
				       "column %zu is not UTF-8", i + 1);
	}
	return MM_OK;
}

static const char *cell(const struct table *t, enum column c)
{
	size_t n;

	return t->column[c] == NONE
		       ? NULL
		       : mm_record_field(&t->rows, (size_t)t->column[c], &n);
}

static int get_time(const struct table *t, enum column c, double *out,
		    struct mm_err *err)
{
	const char *s = cell(t, c);

	if (read_time(s, strlen(s), out))
		return MM_OK;
	return mm_fail(err, MM_ERR_FORMAT,
		       "the time '%.40s' is neither seconds nor HH:MM:SS.fff",
		       s);
}

/* ---- cues ---- */

static int cue_columns(struct table *t, struct mm_err *err)
{
	static const enum column order[] = { START, END, TEXT };

	if (t->column[START] != NONE && t->column[END] != NONE &&
	    t->column[TEXT] != NONE)
		return MM_OK;
	if (headless(t, order, 3))
		return MM_OK;
	return mm_fail(err, MM_ERR_FORMAT,
		       "'%s' line 1: no columns start, end and text",
		       t->in.name);
}

static int keep(struct mm_cues *c, const char **out, const char *s,
		struct mm_err *err)
{
	*out = "";
	return s ? mm_cues_str(c, out, s, strlen(s), err) : MM_OK;
}

static int read_cue(struct mm_cues *c, struct table *t, struct mm_err *err)
{
	struct mm_cue cue = { .line = t->rows.line };
	int rc;

	if ((rc = get_time(t, START, &cue.start, err)) ||
	    (rc = get_time(t, END, &cue.end, err)))
		return rc;
	if (cue.end < cue.start)
		return mm_fail(err, MM_ERR_FORMAT,
			       "the cue ends before it starts");
	if ((rc = keep(c, &cue.text, cell(t, TEXT), err)) ||
	    (rc = keep(c, &cue.id, cell(t, ID), err)) ||
	    (rc = keep(c, &cue.speaker, cell(t, SPEAKER), err)))
		return rc;
	return mm_cues_add(c, &cue, err);
}

int mm_cues_table(struct mm_cues *c, const char *path, char delimiter,
		  struct mm_err *err)
{
	struct table t = { 0 };
	struct mm_err why = { 0 };
	bool end = false;
	int rc = open_table(&t, path, delimiter, err);

	*c = (struct mm_cues){ 0 };
	if (!rc)
		rc = cue_columns(&t, err);
	while (!rc) {
		rc = next_row(&t, &end, &why);
		if (end)
			break;
		if (!rc)
			rc = read_cue(c, &t, &why);
		if (rc && rc != MM_ERR_NOMEM && t.rows.bad)
			rc = mm_cues_problem(c, t.rows.line, false, err, "%s",
					     why.msg);
		else if (rc)
			rc = mm_fail(err, why.code, "%s", why.msg);
	}
	close_table(&t);
	return rc;
}

/* ---- moments ---- */

int mm_moments_add(struct mm_moments *m, const struct mm_moment *moment,
		   struct mm_err *err)
{
	if (m->n == m->cap) {
		const size_t cap = m->cap ? 2 * m->cap : 256;
		struct mm_moment *p = mm_realloc(m->at, cap, sizeof(*p));

		if (!p)
			return mm_fail_nomem(err, "times");
		m->at = p;
		m->cap = cap;
	}
	m->at[m->n] = *moment;
	m->at[m->n].number = m->n;
	m->n++;
	return MM_OK;
}

static int by_start(const void *a, const void *b)
{
	const struct mm_moment *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

void mm_moments_sort(struct mm_moments *m)
{
	for (size_t i = 1; i < m->n; i++) {
		if (m->at[i].start < m->at[i - 1].start) {
			qsort(m->at, m->n, sizeof(*m->at), by_start);
			return;
		}
	}
}

void mm_moments_release(struct mm_moments *m)
{
	mm_free(m->at);
	mm_arena_release(&m->arena);
	*m = (struct mm_moments){ 0 };
}

static int moment_columns(struct table *t, struct mm_err *err)
{
	static const enum column point[] = { ID, TIME };
	static const enum column span[] = { ID, START, END };

	if (t->column[ID] == NONE)
		t->column[ID] = t->column[IMAGE];
	if (t->column[TIME] != NONE ||
	    (t->column[START] != NONE && t->column[END] != NONE))
		return MM_OK;
	if (headless(t, span, 3) || headless(t, point, 2))
		return MM_OK;
	return mm_fail(err, MM_ERR_FORMAT,
		       "'%s' line 1: no column time, and no columns start and "
		       "end",
		       t->in.name);
}

/* `name` seen from the table's folder. */
static char *beside(struct mm_arena *a, const char *table, const char *name)
{
	const char *slash = strrchr(table, '/');

	if (!slash || *name == '/')
		return mm_arena_strdup(a, name);
	return mm_arena_printf(a, "%.*s%s", (int)(slash - table) + 1, table,
			       name);
}

/* The picture that a row names, or its id is; NULL where none is there. */
static int find_image(struct mm_moments *m, const struct table *t,
		      const char *path, struct mm_moment *x, struct mm_err *err)
{
	const bool named = t->column[IMAGE] != NONE;
	const char *name = cell(t, named ? IMAGE : ID);

	if (!name || !*name)
		return MM_OK;
	if (!(x->image = beside(&m->arena, path, name)))
		return mm_fail_nomem(err, "times");
	if (access(x->image, F_OK) == 0)
		return MM_OK;
	if (named)
		return mm_fail(err, MM_ERR_IO, "there is no picture '%s'",
			       x->image);
	x->image = NULL;
	return MM_OK;
}

static int read_moment(struct mm_moments *m, struct table *t, const char *path,
		       struct mm_err *err)
{
	struct mm_moment x = { 0 };
	const char *id = cell(t, ID), *text = cell(t, TEXT);
	int rc;

	if (t->column[TIME] != NONE) {
		rc = get_time(t, TIME, &x.start, err);
		x.end = x.start;
	} else if (!(rc = get_time(t, START, &x.start, err))) {
		rc = get_time(t, END, &x.end, err);
	}
	if (rc)
		return rc;
	if (x.end < x.start)
		return mm_fail(err, MM_ERR_FORMAT, "it ends before it starts");
	x.id = id ? mm_arena_strdup(&m->arena, id)
		  : mm_arena_printf(&m->arena, "%zu", m->n + 1);
	x.text = text ? mm_arena_strdup(&m->arena, text) : NULL;
	if (!x.id || (text && !x.text))
		return mm_fail_nomem(err, "times");
	if ((rc = find_image(m, t, path, &x, err)))
		return rc;
	return mm_moments_add(m, &x, err);
}

int mm_moments_table(struct mm_moments *m, const char *path, struct mm_err *err)
{
	const char *dot = strrchr(path, '.');
	struct table t = { 0 };
	bool end = false;
	int rc;

	*m = (struct mm_moments){ 0 };
	rc = open_table(&t, path, dot && !strcasecmp(dot, ".csv") ? ',' : '\t',
			err);
	if (!rc)
		rc = moment_columns(&t, err);
	while (!rc) {
		rc = next_row(&t, &end, err);
		if (end)
			break;
		if (!rc)
			rc = read_moment(m, &t, path, err);
		if (rc)
			rc = mm_fail_ctx(err, "'%s' line %llu", t.in.name,
					 (unsigned long long)t.rows.line);
	}
	close_table(&t);
	mm_moments_sort(m);
	return rc;
}
