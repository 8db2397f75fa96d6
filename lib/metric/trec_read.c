/* trec_read.c - qrels and runs from text; see trec.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "metric/trec.h"

enum { MAX_REL = 1 << 20, QRELS_FIELDS = 4, RUN_FIELDS = 6 };

/* What isspace says in the C locale. */
static bool blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/*
 * Cut the line at p into fields, NUL-terminated in place.  Returns the start
 * of the next line; *n counts all fields, of which the first `max` are kept.
 */
static char *cut_line(char *p, char **field, size_t max, size_t *n)
{
	*n = 0;
	for (;;) {
		while (*p != '\n' && blank(*p))
			p++;
		if (*p == '\n' || (!*n && *p == '#'))
			break;
		if (*n < max)
			field[*n] = p;
		++*n;
		while (!blank(*p))
			p++;
		if (*p == '\n') {
			*p++ = '\0';
			return p;
		}
		*p++ = '\0';
	}
	while (*p != '\n')
		p++;
	return p + 1;
}

/* As atol reads it, of text that is a number from end to end. */
static bool read_rel(const char *s, int64_t *rel)
{
	char *end;
	const double x = strtod(s, &end);

	if (end == s || *end || !isfinite(x))
		return false;
	*rel = strtol(s, NULL, 10);
	return *rel <= MAX_REL;
}

static bool read_score(const char *s, double *score)
{
	char *end;

	*score = strtod(s, &end);
	return end != s && !*end && !isnan(*score);
}

/* What a line says: its query, and the document. */
static int read_fields(char **field, size_t n, bool is_run, size_t line,
		       const char *name, struct mm_trec_doc *doc,
		       struct mm_err *err)
{
	const size_t want = is_run ? RUN_FIELDS : QRELS_FIELDS;

	if (n < want || (!is_run && n > want))
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s' line %zu: %zu fields instead of %s", name,
			       line, n,
			       is_run ? "query, Q0, document, rank, score, run"
				      : "query, iteration, document, "
					"relevance");
	doc->id = field[2];
	if (is_run && !read_score(field[4], &doc->u.score))
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s' line %zu: score '%.40s' is not a number",
			       name, line, field[4]);
	if (!is_run && !read_rel(field[3], &doc->u.rel))
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s' line %zu: relevance '%.40s' is not a "
			       "whole number up to %d",
			       name, line, field[3], MAX_REL);
	return MM_OK;
}

/* While reading: documents in file order, each with the number of its query. */
struct reading {
	struct mm_trec_doc *doc;
	uint32_t *query_of;
	size_t n, cap;
	struct mm_map queries;
	const char **query; /* names by number */
	size_t n_queries, cap_queries;
};

static int grow(struct reading *r, struct mm_err *err)
{
	const size_t cap = r->cap ? 2 * r->cap : 4096;
	void *p;

	if (r->n < r->cap)
		return MM_OK;
	if (!(p = mm_realloc(r->doc, cap, sizeof(*r->doc))))
		return mm_fail_nomem(err, "documents");
	r->doc = p;
	if (!(p = mm_realloc(r->query_of, cap, sizeof(*r->query_of))))
		return mm_fail_nomem(err, "documents");
	r->query_of = p;
	r->cap = cap;
	return MM_OK;
}

static int number_of_query(struct reading *r, const char *id, uint32_t *number,
			   struct mm_err *err)
{
	bool added;
	int64_t *at;

	/* Files are nearly always grouped by query. */
	if (r->n && !strcmp(r->query[r->query_of[r->n - 1]], id)) {
		*number = r->query_of[r->n - 1];
		return MM_OK;
	}
	if (!(at = mm_map_put(&r->queries, id, strlen(id), &added)))
		return mm_fail_nomem(err, "queries");
	if (added) {
		if (r->n_queries == r->cap_queries) {
			const size_t cap =
				r->cap_queries ? 2 * r->cap_queries : 64;
			void *p = mm_realloc(r->query, cap, sizeof(*r->query));

			if (!p || cap > UINT32_MAX) {
				r->query = p ? p : r->query;
				return mm_fail_nomem(err, "queries");
			}
			r->query = p;
			r->cap_queries = cap;
		}
		*at = (int64_t)r->n_queries;
		r->query[r->n_queries++] = id;
	}
	*number = (uint32_t)*at;
	return MM_OK;
}

static int read_lines(struct mm_trec *t, struct reading *r, char *text,
		      const char *end, bool is_run, struct mm_err *err)
{
	char *field[RUN_FIELDS];
	size_t n;
	int rc;

	for (size_t line = 1; text < end; line++) {
		text = cut_line(text, field, RUN_FIELDS, &n);
		if (!n)
			continue;
		if ((rc = grow(r, err)) ||
		    (rc = read_fields(field, n, is_run, line, t->name,
				      &r->doc[r->n], err)) ||
		    (rc = number_of_query(r, field[0], &r->query_of[r->n],
					  err)))
			return rc;
		if (is_run)
			t->run_id = field[5];
		r->n++;
	}
	if (!r->n)
		return mm_fail(err, MM_ERR_FORMAT, "'%s' holds no %s", t->name,
			       is_run ? "results" : "judgements");
	return MM_OK;
}

static int by_id(const void *a, const void *b)
{
	return strcmp(((const struct mm_trec_query *)a)->id,
		      ((const struct mm_trec_query *)b)->id);
}

/* Put the documents of each query end to end, queries in byte order. */
static int group(struct mm_trec *t, struct reading *r, struct mm_err *err)
{
	size_t at = 0;

	t->n = r->n_queries;
	t->query = mm_calloc(t->n, sizeof(*t->query));
	t->docs = mm_malloc(r->n, sizeof(*t->docs));
	if (!t->query || !t->docs)
		return mm_fail_nomem(err, "queries");
	for (size_t i = 0; i < r->n; i++)
		t->query[r->query_of[i]].n++;
	for (size_t q = 0; q < t->n; q++) {
		t->query[q].id = r->query[q];
		t->query[q].doc = t->docs + at;
		at += t->query[q].n;
		t->query[q].n = 0;
	}
	for (size_t i = 0; i < r->n; i++) {
		struct mm_trec_query *q = &t->query[r->query_of[i]];

		q->doc[q->n++] = r->doc[i];
	}
	qsort(t->query, t->n, sizeof(*t->query), by_id);
	return MM_OK;
}

static int read_text(struct mm_trec *t, const void *bytes, size_t n,
		     const char *name, bool is_run, struct mm_err *err)
{
	struct reading r = { 0 };
	const char *nul = n ? memchr(bytes, '\0', n) : NULL;
	int rc;

	memset(t, 0, sizeof(*t));
	t->name = name;
	if (nul)
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s' holds a NUL byte at %zu", name,
			       (size_t)(nul - (const char *)bytes));
	if (n > SIZE_MAX - 2 || !(t->text = mm_malloc(n + 2, 1)))
		return mm_fail_nomem(err, name);
	if (n)
		memcpy(t->text, bytes, n);
	t->text[n] = '\n'; /* ends the last line; the walk never looks past */
	t->text[n + 1] = '\0';
	mm_map_init(&r.queries);
	if (!(rc = read_lines(t, &r, t->text, t->text + n, is_run, err)))
		rc = group(t, &r, err);
	mm_map_release(&r.queries);
	mm_free(r.query);
	mm_free(r.query_of);
	mm_free(r.doc);
	return rc;
}

int mm_trec_read_qrels(struct mm_trec *t, const void *bytes, size_t n,
		       const char *name, struct mm_err *err)
{
	return read_text(t, bytes, n, name, false, err);
}

int mm_trec_read_run(struct mm_trec *t, const void *bytes, size_t n,
		     const char *name, struct mm_err *err)
{
	return read_text(t, bytes, n, name, true, err);
}

void mm_trec_release(struct mm_trec *t)
{
	mm_free(t->query);
	mm_free(t->docs);
	mm_free(t->text);
	memset(t, 0, sizeof(*t));
}

const struct mm_trec_query *mm_trec_find(const struct mm_trec *t,
					 const char *id)
{
	const struct mm_trec_query key = { .id = id };

	return t->n ? bsearch(&key, t->query, t->n, sizeof(*t->query), by_id)
		    : NULL;
}
