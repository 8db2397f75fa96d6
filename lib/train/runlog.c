/* runlog.c - reading log.jsonl; see runlog.h. */
#include "train/runlog.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/json.h"
#include "base/mem.h"

enum { MAX_LINE = 1 << 20, MAX_SERIES = 128, MAX_DEPTH = 4 };

static struct mm_series *series_of(struct mm_runlog *l, const char *name)
{
	struct mm_series *list;

	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->series[i].name, name))
			return &l->series[i];
	if (l->n == MAX_SERIES ||
	    !(list = mm_realloc(l->series, l->n + 1, sizeof(*list))))
		return NULL;
	l->series = list;
	memset(&list[l->n], 0, sizeof(*list));
	snprintf(list[l->n].name, sizeof(list->name), "%.63s", name);
	return &list[l->n++];
}

static int add_point(struct mm_runlog *l, const char *name, double x, double y,
		     struct mm_err *err)
{
	struct mm_series *s = series_of(l, name);

	if (s && s->n == s->cap) {
		double *nx = mm_realloc(s->x, s->cap * 2 + 64, sizeof(*nx));
		double *ny = nx ? mm_realloc(s->y, s->cap * 2 + 64, sizeof(*ny))
				: NULL;

		s->x = nx ? nx : s->x;
		s->y = ny ? ny : s->y;
		s->cap = ny ? s->cap * 2 + 64 : s->cap;
	}
	if (!s || s->n == s->cap)
		return mm_fail_nomem(err, "the log");
	s->x[s->n] = x;
	s->y[s->n++] = y;
	return MM_OK;
}

/* Every number in the object, under its path. */
static int flatten(struct mm_runlog *l, const struct mm_json *v,
		   const char *path, double step, int depth, struct mm_err *err)
{
	const struct mm_json *value;
	const char *key;
	void *it = NULL;
	int rc = MM_OK;

	while (!rc && depth < MAX_DEPTH && mm_json_next(v, &it, &key, &value)) {
		const enum mm_json_type t = mm_json_type(value);
		char name[64];

		snprintf(name, sizeof(name), "%.30s%s%.30s", path,
			 *path ? "." : "", key);
		if (t == MM_JSON_OBJECT)
			rc = flatten(l, value, name, step, depth + 1, err);
		else if ((t == MM_JSON_INT || t == MM_JSON_REAL) &&
			 strcmp(name, "step"))
			rc = add_point(l, name, step, mm_json_num(value, 0),
				       err);
	}
	return rc;
}

static int take_line(struct mm_runlog *l, const char *line, size_t len,
		     struct mm_err *err)
{
	struct mm_json *j = NULL;
	int rc = mm_json_parse(&j, line, len, "line", err);

	if (rc)
		return rc;
	if (mm_json_type(mm_json_get(j, "step")) != MM_JSON_INT)
		rc = mm_fail(err, MM_ERR_FORMAT, "no object with a step");
	else
		rc = flatten(l, j, "",
			     (double)mm_json_int(mm_json_get(j, "step"), 0), 0,
			     err);
	mm_json_free(j);
	return rc;
}

int mm_runlog_read(struct mm_runlog *l, const char *path, struct mm_err *err)
{
	struct mm_reader r;
	size_t len, number = 0, got;
	const unsigned char *more;
	char *line;
	int rc = mm_reader_open(&r, path, err);

	if (rc)
		return rc;
	while (!(rc = mm_reader_line(&r, &line, &len, MAX_LINE, err)) && line) {
		number++;
		if (!(rc = take_line(l, line, len, err)))
			continue;
		/* A run that was killed may have left half a line. */
		if (rc == MM_ERR_FORMAT && number > 1 &&
		    !mm_reader_peek(&r, 1, &more, &got, NULL) && !got)
			rc = MM_OK;
		else
			mm_fail_ctx(err, "'%s', line %zu", path, number);
		break;
	}
	mm_reader_release(&r);
	if (!rc && !l->n)
		rc = mm_fail(err, MM_ERR_FORMAT, "'%s' holds no steps", path);
	return rc;
}

void mm_runlog_release(struct mm_runlog *l)
{
	for (size_t i = 0; i < l->n; i++) {
		mm_free(l->series[i].x);
		mm_free(l->series[i].y);
	}
	mm_free(l->series);
	l->series = NULL;
	l->n = 0;
}

const struct mm_series *mm_runlog_find(const struct mm_runlog *l,
				       const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->series[i].name, name))
			return &l->series[i];
	return NULL;
}
