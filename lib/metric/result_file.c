/* result_file.c - see result_file.h. */
#include "metric/result_file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/json.h"
#include "base/mem.h"

void mm_results_release(struct mm_results *r)
{
	for (size_t i = 0; r->figure && i < r->name.n; i++)
		mm_free(r->figure[i].each);
	for (size_t g = 0; g < r->n_groups; g++) {
		mm_lines_release(&r->group[g].id);
		mm_map_release(&r->group[g].index);
	}
	mm_free(r->figure);
	mm_free(r->group);
	mm_lines_release(&r->name);
	mm_map_release(&r->index);
	memset(r, 0, sizeof(*r));
}

/* The figure of that name, made where it is new. */
static struct mm_result_figure *figure(struct mm_results *r, const char *name,
				       size_t len, struct mm_err *err)
{
	bool added;
	int64_t *at;

	if (r->name.n == r->cap) {
		const size_t cap = r->cap ? 2 * r->cap : 64;
		void *p = mm_realloc(r->figure, cap, sizeof(*r->figure));

		if (!p) {
			mm_fail_nomem(err, "figures");
			return NULL;
		}
		r->figure = p;
		r->cap = cap;
	}
	if (!(at = mm_map_put(&r->index, name, len, &added))) {
		mm_fail_nomem(err, "figures");
		return NULL;
	}
	if (!added)
		return &r->figure[*at];
	*at = (int64_t)r->name.n;
	r->figure[*at] = (struct mm_result_figure){ NAN, NULL, 0 };
	if (mm_lines_add(&r->name, name, len, err))
		return NULL;
	return &r->figure[*at];
}

static struct mm_result_group *add_group(struct mm_results *r,
					 struct mm_err *err)
{
	if (r->n_groups == r->cap_groups) {
		const size_t cap = r->cap_groups ? 2 * r->cap_groups : 4;
		void *p = mm_realloc(r->group, cap, sizeof(*r->group));

		if (!p) {
			mm_fail_nomem(err, "figures");
			return NULL;
		}
		r->group = p;
		r->cap_groups = cap;
	}
	memset(&r->group[r->n_groups], 0, sizeof(*r->group));
	return &r->group[r->n_groups++];
}

static int add_id(struct mm_result_group *g, const char *s, size_t len,
		  struct mm_err *err)
{
	bool added;
	int64_t *at = mm_map_put(&g->index, s, len, &added);

	if (!at)
		return mm_fail_nomem(err, "samples");
	if (!added)
		return mm_fail(err, MM_ERR_FORMAT, "id '%.*s' twice", (int)len,
			       s);
	*at = (int64_t)g->id.n;
	return mm_lines_add(&g->id, s, len, err);
}

/* ---- JSON ---- */

static int take_ids(struct mm_result_group *g, const struct mm_json *ids,
		    struct mm_err *err)
{
	int rc = MM_OK;

	if (mm_json_type(ids) != MM_JSON_ARRAY)
		return mm_fail(err, MM_ERR_FORMAT,
			       "'samples' has no list 'id'");
	for (size_t i = 0; i < mm_json_size(ids) && !rc; i++) {
		const struct mm_json *v = mm_json_at(ids, i);
		struct mm_buf text = { 0 };

		if (mm_json_type(v) == MM_JSON_STRING) {
			rc = add_id(g, mm_json_str(v, ""), mm_json_str_len(v),
				    err);
		} else if (mm_json_type(v) == MM_JSON_INT) {
			mm_json_dump(&text, v);
			rc = add_id(g, mm_buf_str(&text), text.len, err);
		} else {
			rc = mm_fail(err, MM_ERR_FORMAT,
				     "an id is %s, not a string or a number",
				     mm_json_type_name(v));
		}
		mm_buf_release(&text);
	}
	return rc;
}

/* The path with one more name behind; the length without it is returned. */
static size_t push(struct mm_buf *path, const char *key)
{
	const size_t len = path->len;

	if (len)
		mm_buf_addc(path, '.');
	mm_buf_adds(path, key);
	return len;
}

static void pop(struct mm_buf *path, size_t len)
{
	path->len = len;
	if (path->data)
		path->data[len] = '\0';
}

static int take_each(struct mm_results *r, size_t group, struct mm_buf *path,
		     const struct mm_json *list, struct mm_err *err)
{
	const size_t n = r->group[group].id.n;
	struct mm_result_figure *f;

	if (mm_json_type(list) != MM_JSON_ARRAY || mm_json_size(list) != n)
		return mm_fail(err, MM_ERR_FORMAT,
			       "is not a list as long as the ids (%zu)", n);
	if (!(f = figure(r, mm_buf_str(path), path->len, err)))
		return err->code;
	if (f->each)
		return mm_fail(err, MM_ERR_FORMAT, "has samples twice");
	f->group = group;
	if (!(f->each = mm_malloc(n, sizeof(*f->each))))
		return mm_fail_nomem(err, "figures");
	for (size_t i = 0; i < n; i++)
		f->each[i] = mm_json_num(mm_json_at(list, i), NAN);
	return MM_OK;
}

static int take_samples(struct mm_results *r, struct mm_buf *path,
			const struct mm_json *v, struct mm_err *err)
{
	const struct mm_json *list;
	struct mm_result_group *g;
	const size_t group = r->n_groups;
	const char *key;
	void *it = NULL;
	int rc;

	if (!(g = add_group(r, err)))
		return err->code;
	if ((rc = take_ids(g, mm_json_get(v, "id"), err)))
		return rc;
	while (!rc && mm_json_next(v, &it, &key, &list)) {
		size_t len;

		if (!strcmp(key, "id"))
			continue;
		len = push(path, key);
		rc = take_each(r, group, path, list, err);
		if (rc && rc != MM_ERR_NOMEM)
			rc = mm_fail_ctx(err, "samples of '%s'",
					 mm_buf_str(path));
		pop(path, len);
	}
	return rc;
}

static bool passed_over(const char *key)
{
	return !strcmp(key, "interval") || !strcmp(key, "classes") ||
	       !strcmp(key, "confusion");
}

/* How many there were is no figure. */
static bool is_count(const char *key)
{
	return key[0] == 'n' && (!key[1] || key[1] == '_');
}

static int take_object(struct mm_results *r, struct mm_buf *path,
		       const struct mm_json *object, int depth,
		       struct mm_err *err)
{
	const struct mm_json *v;
	const char *key;
	void *it = NULL;
	int rc = MM_OK;

	if (depth > 16)
		return mm_fail(err, MM_ERR_FORMAT, "objects nested too deep");
	while (!rc && mm_json_next(object, &it, &key, &v)) {
		const enum mm_json_type type = mm_json_type(v);
		struct mm_result_figure *f;
		size_t len;

		if (type == MM_JSON_OBJECT && !strcmp(key, "samples")) {
			rc = take_samples(r, path, v, err);
			continue;
		}
		len = push(path, key);
		if (type == MM_JSON_OBJECT && !passed_over(key)) {
			rc = take_object(r, path, v, depth + 1, err);
		} else if ((type == MM_JSON_INT || type == MM_JSON_REAL) &&
			   !is_count(key)) {
			f = figure(r, mm_buf_str(path), path->len, err);
			if (f)
				f->value = mm_json_num(v, NAN);
			else
				rc = err->code;
		}
		pop(path, len);
	}
	return rc;
}

static int parse_json(struct mm_results *r, const char *text, size_t len,
		      const char *name, struct mm_err *err)
{
	struct mm_buf path = { 0 };
	struct mm_json *root;
	int rc = mm_json_parse(&root, text, len, name, err);

	if (rc)
		return rc;
	rc = take_object(r, &path, root, 0, err);
	if (rc)
		mm_fail_ctx(err, "'%s'", name);
	mm_json_free(root);
	mm_buf_release(&path);
	return rc;
}

/* ---- TSV ---- */

/* The next field of a line; false where there is none. */
static bool field(struct mm_line line, size_t *at, struct mm_line *f)
{
	const char *tab;

	if (*at > line.len)
		return false;
	f->s = line.s + *at;
	tab = memchr(f->s, '\t', line.len - *at);
	f->len = tab ? (size_t)(tab - f->s) : line.len - *at;
	*at += f->len + 1;
	return true;
}

static bool number(struct mm_line f, double *x)
{
	char word[64], *end;

	if (!f.len || f.len >= sizeof(word))
		return false;
	memcpy(word, f.s, f.len);
	word[f.len] = '\0';
	*x = strtod(word, &end);
	return !*end;
}

static int take_head(struct mm_results *r, struct mm_line line, size_t n,
		     struct mm_err *err)
{
	struct mm_line f;
	size_t at = 0;

	if (!field(line, &at, &f) || f.len != 2 || memcmp(f.s, "id", 2))
		return mm_fail(err, MM_ERR_FORMAT,
			       "neither JSON nor a table that begins with "
			       "'id'");
	while (field(line, &at, &f)) {
		struct mm_result_figure *x = figure(r, f.s, f.len, err);

		if (!x)
			return err->code;
		if (x->each)
			return mm_fail(err, MM_ERR_FORMAT,
				       "column '%.*s' twice", (int)f.len, f.s);
		if (!(x->each = mm_malloc(n, sizeof(*x->each))))
			return mm_fail_nomem(err, "figures");
	}
	return MM_OK;
}

static int take_line(struct mm_results *r, struct mm_line line, size_t i,
		     struct mm_err *err)
{
	struct mm_line f;
	size_t at = 0;
	int rc;

	field(line, &at, &f);
	if ((rc = add_id(&r->group[0], f.s, f.len, err)))
		return rc;
	for (size_t k = 0; k < r->name.n; k++)
		if (!field(line, &at, &f) || !number(f, &r->figure[k].each[i]))
			return mm_fail(err, MM_ERR_FORMAT,
				       "field %zu is missing or not a number",
				       k + 2);
	return field(line, &at, &f)
		       ? mm_fail(err, MM_ERR_FORMAT, "more fields than names")
		       : MM_OK;
}

static int parse_table(struct mm_results *r, const char *text, size_t len,
		       const char *name, struct mm_err *err)
{
	struct mm_lines lines = { 0 };
	int rc = mm_lines_parse(&lines, text, len, name, err);

	if (!rc && !lines.n)
		rc = mm_fail(err, MM_ERR_FORMAT, "'%s' is empty", name);
	if (!rc && !add_group(r, err))
		rc = err->code;
	for (size_t i = 0; i < lines.n && !rc; i++) {
		const struct mm_line s = mm_lines_at(&lines, i);

		rc = i ? take_line(r, s, i - 1, err)
		       : take_head(r, s, lines.n - 1, err);
		if (rc)
			mm_fail_ctx(err, "'%s', line %zu", name, i + 1);
	}
	mm_lines_release(&lines);
	return rc;
}

int mm_results_parse(struct mm_results *r, const char *text, size_t len,
		     const char *name, struct mm_err *err)
{
	size_t at = 0;

	memset(r, 0, sizeof(*r));
	while (at < len && strchr(" \t\r\n", text[at]) && text[at])
		at++;
	return at < len && text[at] == '{'
		       ? parse_json(r, text, len, name, err)
		       : parse_table(r, text, len, name, err);
}

int mm_results_load(struct mm_results *r, const char *path, struct mm_err *err)
{
	struct mm_file file;
	int rc;

	memset(r, 0, sizeof(*r));
	if ((rc = mm_file_open(&file, path, err)))
		return rc;
	rc = mm_results_parse(r, (const char *)file.data, file.size,
			      strcmp(path, "-") ? path : "standard input", err);
	mm_file_release(&file);
	return rc;
}

/* ---- pairs ---- */

static int check_ids(const struct mm_result_group *a,
		     const struct mm_result_group *b, const char *which,
		     struct mm_err *err)
{
	for (size_t i = 0; i < a->id.n; i++) {
		const struct mm_line s = mm_lines_at(&a->id, i);

		if (!mm_map_find(&b->index, s.s, s.len))
			return mm_fail(err, MM_ERR_REFUSED,
				       "sample '%.*s' is only in the %s "
				       "result",
				       (int)s.len, s.s, which);
	}
	return MM_OK;
}

int mm_results_pair(double *out[2], size_t *n, const struct mm_results *a,
		    size_t x, const struct mm_results *b, size_t y,
		    struct mm_err *err)
{
	const struct mm_result_figure *f = &a->figure[x], *g = &b->figure[y];
	const struct mm_result_group *p, *q;
	int rc;

	*n = 0;
	out[0] = out[1] = NULL;
	if (!f->each || !g->each)
		return MM_OK;
	p = &a->group[f->group];
	q = &b->group[g->group];
	if ((p->id.n && q->id.n) && ((rc = check_ids(p, q, "first", err)) ||
				     (rc = check_ids(q, p, "second", err))))
		return rc;
	if (!p->id.n || !q->id.n)
		return MM_OK;
	out[0] = mm_malloc(p->id.n, sizeof(double));
	out[1] = mm_malloc(p->id.n, sizeof(double));
	if (!out[0] || !out[1])
		return mm_fail_nomem(err, "samples");
	*n = p->id.n;
	for (size_t i = 0; i < *n; i++) {
		const struct mm_line s = mm_lines_at(&p->id, i);
		const int64_t *at = mm_map_find(&q->index, s.s, s.len);

		out[0][i] = f->each[i];
		out[1][i] = g->each[*at];
	}
	return MM_OK;
}
