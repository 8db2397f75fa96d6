/* records.c - see records.h. */
#include "data/records.h"

#include <string.h>

#include "base/mem.h"

enum {
	STEP = 1 << 16,
	/* How far a TSV field's opening quote looks for its closing one. */
	TSV_QUOTE_MAX = 1 << 16,
};

/* What scanning the window from t->at came to. */
enum scan { RECORD, MORE, BAD_QUOTE, OPEN_QUOTE, NO_MEMORY };

/* Read more behind the window; the record in hand moves to its front. */
static int refill(struct mm_records *t, struct mm_err *err)
{
	const size_t step =
		t->window.len - t->at > STEP ? t->window.len - t->at : STEP;
	size_t got;
	char *p;
	int rc;

	if (t->at) {
		memmove(t->window.data, t->window.data + t->at,
			t->window.len - t->at);
		t->window.len -= t->at;
		t->at = 0;
	}
	if (t->window.len > MM_RECORDS_MAX_RECORD)
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s' line %llu: a record of more than 64 MiB",
			       t->name, (unsigned long long)t->line);
	if (!(p = mm_buf_reserve(&t->window, step)))
		return mm_fail_nomem(err, "a record");
	if ((rc = mm_reader_read(t->in, p, step, &got, err)))
		return rc;
	t->window.len += got;
	t->eof = got < step;
	return MM_OK;
}

/* Line ends at p (n bytes left): 1 for LF, 2 for CR LF, 0 for none. */
static size_t line_end(const char *p, size_t n)
{
	if (n && p[0] == '\n')
		return 1;
	return n > 1 && p[0] == '\r' && p[1] == '\n' ? 2 : 0;
}

static bool open_field(struct mm_records *t)
{
	if (t->n_fields == t->cap_fields) {
		const size_t cap = t->cap_fields ? t->cap_fields * 2 : 16;
		struct mm_record_field *f =
			mm_realloc(t->field, cap, sizeof(*f));

		if (!f)
			return false;
		t->field = f;
		t->cap_fields = cap;
	}
	t->field[t->n_fields].begin = t->text.len;
	return true;
}

static void close_field(struct mm_records *t)
{
	struct mm_record_field *f = &t->field[t->n_fields++];

	f->len = t->text.len - f->begin;
	mm_buf_addc(&t->text, '\0');
}

/*
 * A field in quotes at p[0] == '"': its text goes to t->text, *used counts
 * what was taken, closing quote included.
 */
static enum scan quoted(struct mm_records *t, const char *p, size_t n,
			size_t *used)
{
	const size_t start = t->text.len;
	size_t i = 1;

	for (;;) {
		const char *q = memchr(p + i, '"', n - i);
		size_t j;

		if (!q) {
			t->text.len = start;
			if (!t->eof && (t->strict || n < TSV_QUOTE_MAX))
				return MORE;
			return OPEN_QUOTE;
		}
		j = (size_t)(q - p);
		mm_buf_add(&t->text, p + i, j - i);
		if (j + 2 >= n && !t->eof) {
			t->text.len = start;
			return MORE;
		}
		i = j + 1;
		if (i < n && p[i] == '"') {
			mm_buf_addc(&t->text, '"');
			i++;
			continue;
		}
		*used = i;
		if (i == n || p[i] == t->delimiter || line_end(p + i, n - i))
			return RECORD;
		t->text.len = start;
		return BAD_QUOTE;
	}
}

/* A field without quotes: up to a delimiter or a line end. */
static enum scan plain(struct mm_records *t, const char *p, size_t n,
		       size_t *used)
{
	size_t i = 0;

	while (i < n && p[i] != t->delimiter && p[i] != '\n')
		i++;
	if (i == n && !t->eof)
		return MORE;
	*used = i;
	if (i && i < n && p[i] == '\n' && p[i - 1] == '\r')
		*used = --i;
	if (t->delimiter == '|') { /* "a | b": the blanks are decoration */
		for (; i && *p == ' '; i--)
			p++;
		while (i && p[i - 1] == ' ')
			i--;
	}
	mm_buf_add(&t->text, p, i);
	return RECORD;
}

/* One record from the window; *used: its bytes with the line end. */
static enum scan scan(struct mm_records *t, size_t *used)
{
	const char *p = t->window.data + t->at;
	const size_t n = t->window.len - t->at;
	size_t i = 0, k;
	enum scan got;

	mm_buf_clear(&t->text);
	t->n_fields = 0;
	for (;;) {
		if (!open_field(t))
			return NO_MEMORY;
		got = i < n && p[i] == '"' ? quoted(t, p + i, n - i, &k)
					   : plain(t, p + i, n - i, &k);
		if ((got == BAD_QUOTE || got == OPEN_QUOTE) && !t->strict)
			got = plain(t, p + i, n - i, &k);
		if (got != RECORD)
			return got;
		close_field(t);
		i += k;
		if (i == n || p[i] != t->delimiter)
			break;
		i++;
	}
	*used = i + line_end(p + i, n - i);
	return t->text.failed ? NO_MEMORY : RECORD;
}

/* Take k bytes, counting their lines. */
static void take(struct mm_records *t, size_t k)
{
	const char *p = t->window.data + t->at, *end = p + k;

	while ((p = memchr(p, '\n', (size_t)(end - p)))) {
		t->next_line++;
		p++;
	}
	t->at += k;
}

/* Skip the line at hand after a quote gone wrong. */
static int skip_line(struct mm_records *t, enum scan why, struct mm_err *err)
{
	const char *p = t->window.data + t->at;
	const size_t n = t->window.len - t->at;
	const char *nl = memchr(p, '\n', n);

	take(t, nl ? (size_t)(nl - p) + 1 : n);
	t->bad = true;
	t->n_fields = 0;
	return mm_fail(err, MM_ERR_FORMAT,
		       why == OPEN_QUOTE ? "a quote is not closed"
					 : "text stands behind a closing "
					   "quote");
}

int mm_records_next(struct mm_records *t, struct mm_err *err)
{
	size_t used = 0;
	int rc;

	t->bad = false;
	for (;;) {
		enum scan got;

		t->line = t->next_line;
		t->n_fields = 0;
		if (t->at == t->window.len && t->eof)
			return MM_OK;
		got = t->at < t->window.len ? scan(t, &used) : MORE;
		if (got == NO_MEMORY)
			return mm_fail_nomem(err, "a record");
		if (got == MORE) {
			if ((rc = refill(t, err)))
				return rc;
			continue;
		}
		if (got != RECORD)
			return skip_line(t, got, err);
		take(t, used);
		if (t->n_fields > 1 || t->field[0].len || used > 2)
			return MM_OK; /* not a blank line */
	}
}

const char *mm_record_field(const struct mm_records *t, size_t i, size_t *len)
{
	*len = t->field[i].len;
	return t->text.data + t->field[i].begin;
}

static char most_frequent(const char *p, size_t n)
{
	static const char any[] = { ',', ';', '|', '\t' };
	size_t best = 0, count[4] = { 0 };

	for (size_t i = 0; i < n && p[i] != '\n'; i++)
		for (size_t k = 0; k < 4; k++)
			count[k] += p[i] == any[k];
	for (size_t k = 1; k < 4; k++)
		best = count[k] > count[best] ? k : best;
	return any[best];
}

int mm_records_open(struct mm_records *t, struct mm_reader *in,
		    const char *name, char delimiter, bool strict,
		    struct mm_err *err)
{
	const char *p;
	int rc;

	memset(t, 0, sizeof(*t));
	t->in = in;
	t->name = name;
	t->strict = strict;
	t->line = t->next_line = 1;
	if ((rc = refill(t, err)))
		return rc;
	p = t->window.data;
	if (t->window.len >= 2 &&
	    (!memcmp(p, "\xff\xfe", 2) || !memcmp(p, "\xfe\xff", 2)))
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s' is UTF-16; make it UTF-8 (iconv -f UTF-16 "
			       "-t UTF-8)",
			       name);
	if (t->window.len >= 3 && !memcmp(p, "\xef\xbb\xbf", 3))
		t->at = 3;
	t->delimiter =
		delimiter ? delimiter
			  : most_frequent(p + t->at, t->window.len - t->at);
	return MM_OK;
}

void mm_records_release(struct mm_records *t)
{
	mm_buf_release(&t->window);
	mm_buf_release(&t->text);
	mm_free(t->field);
	memset(t, 0, sizeof(*t));
}
