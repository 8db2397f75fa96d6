/* multipart.c - see multipart.h. */
#include "serve/multipart.h"

#include <string.h>
#include <strings.h>

enum { HEADERS_MAX = 8192 }; /* bytes before a part's data */

struct reader {
	const char *body, *at, *end;
	struct mm_span boundary;
};

static int broken(const struct reader *r, const char *what, struct mm_err *err)
{
	return mm_fail(err, MM_ERR_FORMAT,
		       "broken multipart body at byte %zu: %s",
		       (size_t)(r->at - r->body), what);
}

/* "--BOUNDARY" at p? */
static int is_delimiter(const struct reader *r, const char *p)
{
	const size_t n = r->boundary.len;

	return (size_t)(r->end - p) >= n + 2 && p[0] == '-' && p[1] == '-' &&
	       !memcmp(p + 2, r->boundary.at, n);
}

/* The CRLF in front of the next delimiter; NULL where there is none. */
static const char *find_delimiter(const struct reader *r)
{
	const char *p = r->at;

	while ((p = memchr(p, '\r', (size_t)(r->end - p)))) {
		if (r->end - p > 2 && p[1] == '\n' && is_delimiter(r, p + 2))
			return p;
		p++;
	}
	return NULL;
}

/* Behind a delimiter: 0 another part follows, 1 that was the last, < 0 */
static int delimiter_end(struct reader *r, struct mm_err *err)
{
	if (r->end - r->at >= 2 && r->at[0] == '-' && r->at[1] == '-')
		return 1;
	while (r->at < r->end && (*r->at == ' ' || *r->at == '\t'))
		r->at++;
	if (r->end - r->at < 2 || r->at[0] != '\r' || r->at[1] != '\n')
		return broken(r, "no line end behind a boundary", err);
	r->at += 2;
	return 0;
}

/* ---- header lines ---- */

static const char *skip_blanks(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	return p;
}

/* A token or a quoted string at *p; *p moves behind it. */
static int value_at(struct mm_span *v, const char **p, const char *end)
{
	const char *s = *p;

	if (s < end && *s == '"') {
		v->at = ++s;
		while (s < end && *s != '"')
			s += *s == '\\' && end - s > 1 ? 2 : 1;
		if (s >= end)
			return -1;
		v->len = (size_t)(s - v->at);
		*p = s + 1;
		return 0;
	}
	v->at = s;
	while (s < end && *s != ';' && *s != ' ' && *s != '\t' && *s != '"')
		s++;
	v->len = (size_t)(s - v->at);
	*p = s;
	return v->len ? 0 : -1;
}

static int span_is(const char *at, size_t n, const char *word)
{
	return n == strlen(word) && !strncasecmp(at, word, n);
}

/*
 * The parameter `name` in "; a=b; name=\"c\"".  0: found, or not there (then
 * v->at stays NULL); -1: not to be read.
 */
static int parameter(struct mm_span *v, const char *p, const char *end,
		     const char *name)
{
	struct mm_span value;

	while ((p = skip_blanks(p, end)) < end) {
		const char *key;
		size_t n;

		if (*p++ != ';')
			return -1;
		if ((key = p = skip_blanks(p, end)) == end)
			return 0;
		while (p < end && *p != '=' && *p != ';')
			p++;
		n = (size_t)(p - key);
		if (p == end || *p++ != '=' || value_at(&value, &p, end))
			return -1;
		if (!v->at && span_is(key, n, name))
			*v = value;
	}
	return 0;
}

static int disposition(struct mm_part *part, const char *p, const char *end)
{
	const char *kind = p = skip_blanks(p, end);

	while (p < end && *p != ';' && *p != ' ' && *p != '\t')
		p++;
	if (!span_is(kind, (size_t)(p - kind), "form-data") ||
	    parameter(&part->name, p, end, "name") ||
	    parameter(&part->filename, p, end, "filename"))
		return -1;
	return part->name.at ? 0 : -1;
}

/* One line "Name: value" without its line end. */
static int header(struct reader *r, struct mm_part *part, const char *end,
		  struct mm_err *err)
{
	const char *colon = memchr(r->at, ':', (size_t)(end - r->at)), *p;
	const size_t n = colon ? (size_t)(colon - r->at) : 0;

	if (!n)
		return broken(r, "a header line without a name", err);
	p = skip_blanks(colon + 1, end);
	while (end > p && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	if (span_is(r->at, n, "Content-Disposition")) {
		if (part->name.at || disposition(part, p, end))
			return broken(r, "Content-Disposition names no field",
				      err);
	} else if (span_is(r->at, n, "Content-Type")) {
		part->type = (struct mm_span){ p, (size_t)(end - p) };
	} else if (span_is(r->at, n, "Content-Transfer-Encoding") &&
		   !span_is(p, (size_t)(end - p), "binary") &&
		   !span_is(p, (size_t)(end - p), "8bit") &&
		   !span_is(p, (size_t)(end - p), "7bit")) {
		return broken(r,
			      "only Content-Transfer-Encoding binary is read",
			      err);
	}
	return MM_OK;
}

static int headers(struct reader *r, struct mm_part *part, struct mm_err *err)
{
	const char *begin = r->at;

	for (;;) {
		const size_t left = (size_t)(r->end - r->at);
		const char *e = memchr(r->at, '\r', left);
		int rc;

		if (!e || r->end - e < 2 || e[1] != '\n')
			return broken(r, "a header line does not end", err);
		if (e - begin > HEADERS_MAX)
			return broken(r, "too many header lines", err);
		if (e == r->at)
			break;
		if ((rc = header(r, part, e, err)))
			return rc;
		r->at = e + 2;
	}
	if (!part->name.at)
		return broken(r, "a part without Content-Disposition", err);
	r->at += 2;
	return MM_OK;
}

int mm_multipart_parse(const char *body, size_t n, struct mm_span boundary,
		       mm_part_fn *each, void *ctx, struct mm_err *err)
{
	struct reader r = { body, body, body + n, boundary };
	int rc;

	if (!is_delimiter(&r, r.at)) {
		const char *p = find_delimiter(&r);

		if (!p)
			return broken(&r, "no boundary in it", err);
		r.at = p + 2;
	}
	for (;;) {
		struct mm_part part = { 0 };
		const char *p;

		r.at += 2 + boundary.len;
		if ((rc = delimiter_end(&r, err)))
			return rc < 0 ? rc : MM_OK;
		if ((rc = headers(&r, &part, err)))
			return rc;
		/* An empty part: its line end is the one before the data. */
		if (is_delimiter(&r, r.at))
			p = r.at - 2;
		else if (!(p = find_delimiter(&r)))
			return broken(&r, "no boundary behind a part", err);
		part.data.at = r.at;
		part.data.len = p < r.at ? 0 : (size_t)(p - r.at);
		r.at = p + 2;
		if ((rc = each(ctx, &part, err)))
			return rc;
	}
}

int mm_multipart_boundary(struct mm_span *boundary, const char *content_type,
			  struct mm_err *err)
{
	const char *p = content_type + strcspn(content_type, ";");
	const char *end = content_type + strlen(content_type);

	memset(boundary, 0, sizeof(*boundary));
	if (parameter(boundary, p, end, "boundary") || !boundary->at ||
	    !boundary->len || boundary->len > 70)
		return mm_fail(err, MM_ERR_FORMAT,
			       "the Content-Type has no boundary of 1 to 70 "
			       "characters");
	return MM_OK;
}

int mm_media_type_is(const char *value, const char *type)
{
	size_t n = strcspn(value, ";");

	while (n && (value[n - 1] == ' ' || value[n - 1] == '\t'))
		n--;
	return span_is(value, n, type);
}
