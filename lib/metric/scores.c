/* scores.c - see scores.h. */
#include "metric/scores.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/mem.h"

enum { GUESSES = 5, LONGEST = 64 };

void mm_scores_release(struct mm_scores *s)
{
	mm_free(s->score);
	memset(s, 0, sizeof(*s));
}

static bool gap(char c)
{
	return c == ' ' || c == '\t' || c == ',' || c == '\r';
}

/* The next number of a line; false where there is none or a bad one. */
static bool next(const char *s, size_t n, size_t *at, float *x)
{
	char word[LONGEST], *end;
	size_t len = 0;

	while (*at < n && gap(s[*at]))
		++*at;
	while (*at < n && !gap(s[*at]) && len + 1 < sizeof(word))
		word[len++] = s[(*at)++];
	word[len] = '\0';
	*x = strtof(word, &end);
	return len && !*end && isfinite(*x);
}

static int take_line(struct mm_scores *s, const char *line, size_t n,
		     size_t *cap, struct mm_err *err)
{
	float *row;
	size_t at = 0, k;

	if (s->n == *cap) {
		const size_t more = *cap ? 2 * *cap : 64;
		size_t cells;
		void *p = mm_mul_ok(&cells, more, s->K)
				  ? mm_realloc(s->score, cells, sizeof(*row))
				  : NULL;

		if (!p)
			return mm_fail_nomem(err, "scores");
		s->score = p;
		*cap = more;
	}
	row = s->score + s->n * s->K;
	for (k = 0; k < s->K; k++)
		if (!next(line, n, &at, &row[k]))
			return mm_fail(err, MM_ERR_FORMAT,
				       "number %zu of %zu is missing, not a "
				       "number or not finite",
				       k + 1, s->K);
	while (at < n && gap(line[at]))
		at++;
	if (at < n)
		return mm_fail(err, MM_ERR_FORMAT,
			       "more than %zu numbers, one for each class",
			       s->K);
	s->n++;
	return MM_OK;
}

int mm_scores_parse(struct mm_scores *s, const char *text, size_t len,
		    const char *name, size_t K, struct mm_err *err)
{
	size_t cap = 0;
	int rc = MM_OK;

	memset(s, 0, sizeof(*s));
	s->K = K;
	for (size_t at = 0; at < len && !rc;) {
		const char *eol = memchr(text + at, '\n', len - at);
		const size_t n = (eol ? (size_t)(eol - text) : len) - at;

		if ((rc = take_line(s, text + at, n, &cap, err)))
			rc = mm_fail_ctx(err, "'%s', line %zu", name, s->n + 1);
		at += n + 1;
	}
	return rc;
}

int mm_scores_load(struct mm_scores *s, const char *path, size_t K,
		   struct mm_err *err)
{
	struct mm_file file;
	int rc;

	memset(s, 0, sizeof(*s));
	if ((rc = mm_file_open(&file, path, err)))
		return rc;
	rc = mm_scores_parse(s, (const char *)file.data, file.size,
			     strcmp(path, "-") ? path : "standard input", K,
			     err);
	mm_file_release(&file);
	return rc;
}

/* Does class a stand before b? */
static bool before(const float *score, size_t a, size_t b, size_t truth)
{
	if (score[a] != score[b])
		return score[a] > score[b];
	if ((a == truth) != (b == truth))
		return b == truth;
	return a < b;
}

int mm_scores_rank(struct mm_labels *out, const struct mm_scores *s,
		   const struct mm_labels *truth, struct mm_err *err)
{
	const size_t n_guesses = s->K < GUESSES ? s->K : GUESSES;

	memset(out, 0, sizeof(*out));
	out->label = mm_malloc(s->n, n_guesses * sizeof(*out->label));
	out->end = mm_malloc(s->n, sizeof(*out->end));
	if (!out->label || !out->end)
		return mm_fail_nomem(err, "guesses");
	for (size_t i = 0; i < s->n; i++) {
		const float *row = s->score + i * s->K;
		size_t *top = out->label + i * n_guesses, n = 0, many;
		const size_t *own = mm_labels_at(truth, i, &many);
		const size_t t = many ? *own : SIZE_MAX;

		for (size_t k = 0; k < s->K; k++) {
			size_t at = n;

			while (at && before(row, k, top[at - 1], t))
				at--;
			if (at == n_guesses)
				continue;
			n += n < n_guesses;
			memmove(top + at + 1, top + at,
				(n - 1 - at) * sizeof(*top));
			top[at] = k;
		}
		out->end[i] = (i + 1) * n_guesses;
	}
	out->n = s->n;
	out->n_labels = s->n * n_guesses;
	return MM_OK;
}

int mm_scores_above(struct mm_labels *out, const struct mm_scores *s,
		    double threshold, struct mm_err *err)
{
	size_t cells = s->n * s->K; /* it was allocated */

	memset(out, 0, sizeof(*out));
	out->label = mm_malloc(cells, sizeof(*out->label));
	out->end = mm_malloc(s->n, sizeof(*out->end));
	if (!out->label || !out->end)
		return mm_fail_nomem(err, "labels");
	for (size_t i = 0; i < s->n; i++) {
		for (size_t k = 0; k < s->K; k++)
			if ((double)s->score[i * s->K + k] >= threshold)
				out->label[out->n_labels++] = k;
		out->end[i] = out->n_labels;
	}
	out->n = s->n;
	return MM_OK;
}
