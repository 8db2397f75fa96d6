/*
 * cider.c - CIDEr and CIDEr-D (caption.h has the formulas).
 *
 * Scores need the document frequencies of the whole corpus, so the samples
 * are kept, as numbers of their n-grams:
 *
 *	gram	|hyp: 1-grams 2-grams 3- 4-|ref 0: 1-grams ...|ref 1 ...|hyp ...
 *	text	 words of each text, in the same order
 *	sample	 how many texts each has: 1 + references
 *
 * Memory: 16 bytes per word of the corpus and about 36 per different n-gram.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/mem.h"
#include "metric/caption.h"
#include "metric/metric.h"
#include "metric/unicode.h"
#include "metric/words.h"

enum { ORDER = 4 };

struct mm_cider_df {
	struct mm_words words;
	struct mm_grams grams;
	struct mm_u32s df; /* by number of the n-gram */
	double documents;
};

/* One n-gram of a text: its tf * idf. */
struct term {
	uint32_t id;
	double weight;
};

/* The vector of one text and one n. */
struct vector {
	struct term *term;
	size_t n, cap;
	double norm;
};

struct cider {
	const struct mm_cider_df *outside; /* NULL: own frequencies */
	struct mm_words words;
	struct mm_grams grams;
	struct mm_u32s df,
		last; /* by n-gram; last: sample that counted it + 1 */
	struct mm_u32s gram, text, sample;
	struct mm_u32s word; /* scratch */
	double *idf;	     /* by n-gram, while results are computed */
	struct vector hyp[ORDER], ref[ORDER];
};

static const char *const figures[] = { "CIDEr", "CIDEr-D", NULL };

static int cider_open(void **state, const void *options, struct mm_err *err)
{
	const struct mm_cider_options *o = options;
	struct cider *c = mm_calloc(1, sizeof(*c));

	*state = c;
	if (!c)
		return mm_fail_nomem(err, "figures");
	c->outside = o ? o->df : NULL;
	return 0;
}

static int add_text(struct cider *c, struct mm_line text, struct mm_err *err)
{
	int rc;

	c->word.n = 0;
	rc = mm_words_split(&c->words, text, &c->word, err);
	if (!rc && c->word.n >= MM_NO_GRAM)
		rc = mm_fail(err, MM_ERR_FORMAT, "a text of %zu words",
			     c->word.n);
	if (!rc)
		rc = mm_grams_of(&c->grams, c->word.at, c->word.n, ORDER,
				 &c->gram, err);
	if (!rc)
		rc = mm_u32s_add(&c->text, (uint32_t)c->word.n, err);
	return rc;
}

static int cider_add(void *state, const void *sample, struct mm_err *err)
{
	const struct mm_text_sample *s = sample;
	struct cider *c = state;
	size_t from;
	int rc = add_text(c, s->hyp, err);

	from = c->gram.n;
	for (size_t i = 0; !rc && i < s->n_refs; i++)
		rc = add_text(c, s->ref[i], err);
	if (!rc)
		rc = mm_u32s_add(&c->sample, (uint32_t)(1 + s->n_refs), err);
	if (!rc)
		rc = mm_u32s_reserve(&c->df, c->grams.n, err);
	if (!rc)
		rc = mm_u32s_reserve(&c->last, c->grams.n, err);
	if (rc)
		return rc;
	for (; c->df.n < c->grams.n; c->df.n++)
		c->df.at[c->df.n] = c->last.at[c->df.n] = 0;
	for (size_t i = from; i < c->gram.n; i++) {
		uint32_t id = c->gram.at[i];

		if (c->last.at[id] != (uint32_t)c->sample.n) {
			c->last.at[id] = (uint32_t)c->sample.n;
			c->df.at[id]++;
		}
	}
	return 0;
}

/* ---- inverse document frequencies ---- */

/*
 * The outside frequency of each of our n-grams.  Ours are numbered prefix
 * first, so the outside number of a prefix is known when its gram comes.
 */
static int outside_df(const struct cider *c, uint32_t *df, struct mm_err *err)
{
	const struct mm_cider_df *o = c->outside;
	uint32_t *theirs = mm_malloc(c->grams.n, sizeof(*theirs));
	uint32_t *word = mm_malloc(c->words.n, sizeof(*word));
	const struct mm_gram_slot **by_id =
		mm_malloc(c->grams.n, sizeof(*by_id));
	int rc = 0;

	if (!theirs || !word || !by_id) {
		rc = mm_fail_nomem(err, "document frequencies");
		goto out;
	}
	for (size_t i = 0; i < c->words.n_slots; i++) {
		const struct mm_word_slot *s = &c->words.slot[i], *same;

		if (!s->end)
			continue;
		same = mm_words_find(&o->words, mm_words_str(&c->words, s),
				     s->len);
		word[s->id] = same ? same->id : MM_NO_GRAM;
	}
	for (size_t i = 0; i < c->grams.n_slots; i++)
		if (c->grams.slot[i].era == c->grams.era)
			by_id[c->grams.slot[i].id] = &c->grams.slot[i];
	for (uint32_t i = 0; i < c->grams.n; i++) {
		uint32_t prefix = (uint32_t)(by_id[i]->key >> 32);
		uint32_t last = word[(uint32_t)by_id[i]->key];

		theirs[i] = MM_NO_GRAM;
		if (last != MM_NO_GRAM &&
		    (prefix == MM_NO_GRAM || theirs[prefix] != MM_NO_GRAM))
			theirs[i] = mm_grams_step(
				&o->grams,
				prefix == MM_NO_GRAM ? prefix : theirs[prefix],
				last);
		df[i] = theirs[i] == MM_NO_GRAM ? 0 : o->df.at[theirs[i]];
	}
out:
	mm_free(theirs);
	mm_free(word);
	mm_free(by_id);
	return rc;
}

static int fill_idf(struct cider *c, struct mm_err *err)
{
	double log_n =
		log(c->outside ? c->outside->documents : (double)c->sample.n);
	uint32_t *df = c->df.at;
	int rc = 0;

	mm_free(c->idf);
	c->idf = mm_malloc(c->grams.n, sizeof(*c->idf));
	if (!c->idf)
		return mm_fail_nomem(err, "document frequencies");
	if (c->outside) {
		df = mm_malloc(c->grams.n, sizeof(*df));
		rc = df ? outside_df(c, df, err)
			: mm_fail_nomem(err, "document frequencies");
	}
	for (size_t i = 0; !rc && i < c->grams.n; i++)
		c->idf[i] = df[i] > 1 ? log_n - log((double)df[i]) : log_n;
	if (df != c->df.at)
		mm_free(df);
	return rc;
}

/* ---- scores ---- */

static int compare_ids(const void *a, const void *b)
{
	uint32_t x = ((const struct term *)a)->id;
	uint32_t y = ((const struct term *)b)->id;

	return (x > y) - (x < y);
}

static void sort_terms(struct term *t, size_t n)
{
	if (n > 32) {
		qsort(t, n, sizeof(*t), compare_ids);
		return;
	}
	for (size_t i = 1; i < n; i++) {
		struct term x = t[i];
		size_t j = i;

		for (; j > 0 && t[j - 1].id > x.id; j--)
			t[j] = t[j - 1];
		t[j] = x;
	}
}

/* Different n-grams of id[0..n), sorted, with weight tf * idf. */
static int make_vector(struct vector *v, const uint32_t *id, size_t n,
		       const double *idf, struct mm_err *err)
{
	size_t kept = 0;
	double sum = 0;

	if (n > v->cap) {
		mm_free(v->term);
		v->cap = 0;
		v->term = mm_malloc(2 * n, sizeof(*v->term));
		if (!v->term)
			return mm_fail_nomem(err, "figures");
		v->cap = 2 * n;
	}
	for (size_t i = 0; i < n; i++)
		v->term[i] = (struct term){ id[i], 1 };
	sort_terms(v->term, n);
	for (size_t i = 0; i < n; i++) {
		if (kept && v->term[kept - 1].id == v->term[i].id)
			v->term[kept - 1].weight++;
		else
			v->term[kept++] = v->term[i];
	}
	for (size_t i = 0; i < kept; i++) {
		v->term[i].weight *= idf[v->term[i].id];
		sum += v->term[i].weight * v->term[i].weight;
	}
	v->n = kept;
	v->norm = sqrt(sum);
	return 0;
}

/* The vectors of one text of `words` words; *gram moves behind its n-grams. */
static int make_vectors(struct vector v[ORDER], const uint32_t **gram,
			size_t words, const double *idf, struct mm_err *err)
{
	int rc = 0;

	for (size_t k = 0; !rc && k < ORDER; k++) {
		size_t n = words > k ? words - k : 0;

		rc = make_vector(&v[k], *gram, n, idf, err);
		*gram += n;
	}
	return rc;
}

/* Add both similarities of h and r, before the Gaussian. */
static void add_similarity(const struct vector *h, const struct vector *r,
			   double *plain, double *clipped)
{
	double dot = 0, least = 0;
	size_t i = 0, j = 0;

	while (i < h->n && j < r->n) {
		const struct term *a = &h->term[i], *b = &r->term[j];

		if (a->id == b->id) {
			dot += a->weight * b->weight;
			least += fmin(a->weight, b->weight) * b->weight;
		}
		i += a->id <= b->id;
		j += b->id <= a->id;
	}
	if (h->norm != 0 && r->norm != 0) {
		dot /= h->norm * r->norm;
		least /= h->norm * r->norm;
	}
	*plain += dot;
	*clipped += least;
}

/* Both scores of one sample; *text and *gram move behind it. */
static int score_sample(struct cider *c, size_t n_texts, const uint32_t **text,
			const uint32_t **gram, double score[2],
			struct mm_err *err)
{
	size_t hyp_words = *(*text)++;
	double pairs = hyp_words > 1 ? (double)(hyp_words - 1) : 0;
	int rc = make_vectors(c->hyp, gram, hyp_words, c->idf, err);

	score[0] = score[1] = 0;
	for (size_t t = 1; !rc && t < n_texts; t++) {
		size_t words = *(*text)++;
		double delta = pairs - (words > 1 ? (double)(words - 1) : 0);
		double plain = 0, clipped = 0;

		rc = make_vectors(c->ref, gram, words, c->idf, err);
		if (rc)
			return rc;
		for (size_t k = 0; k < ORDER; k++)
			add_similarity(&c->hyp[k], &c->ref[k], &plain,
				       &clipped);
		score[0] += plain;
		score[1] += clipped * exp(-(delta * delta) / (2 * 6.0 * 6.0));
	}
	for (size_t i = 0; n_texts > 1 && i < 2; i++)
		score[i] *= 10.0 / ORDER / (double)(n_texts - 1);
	return rc;
}

static int cider_result(void *state, double *value, double *each,
			struct mm_err *err)
{
	struct cider *c = state;
	const uint32_t *text = c->text.at, *gram = c->gram.at;
	int rc = fill_idf(c, err);

	value[0] = value[1] = 0;
	for (size_t i = 0; !rc && i < c->sample.n; i++) {
		double score[2];

		rc = score_sample(c, c->sample.at[i], &text, &gram, score, err);
		if (rc)
			return rc;
		value[0] += score[0];
		value[1] += score[1];
		if (each)
			memcpy(each + 2 * i, score, sizeof(score));
	}
	for (size_t i = 0; c->sample.n && i < 2; i++)
		value[i] /= (double)c->sample.n;
	return rc;
}

static void cider_close(void *state)
{
	struct cider *c = state;

	if (!c)
		return;
	mm_words_release(&c->words);
	mm_grams_release(&c->grams);
	mm_u32s_release(&c->df);
	mm_u32s_release(&c->last);
	mm_u32s_release(&c->gram);
	mm_u32s_release(&c->text);
	mm_u32s_release(&c->sample);
	mm_u32s_release(&c->word);
	mm_free(c->idf);
	for (size_t k = 0; k < ORDER; k++) {
		mm_free(c->hyp[k].term);
		mm_free(c->ref[k].term);
	}
	mm_free(c);
}

const struct mm_metric mm_metric_cider = {
	.task = "caption",
	.name = "CIDEr",
	.figure = figures,
	.equals = "coco-caption (CIDEr-D), vrama91/cider (CIDEr)",
	.open = cider_open,
	.add = cider_add,
	.result = cider_result,
	.close = cider_close,
};

/* ---- files of document frequencies ---- */

void mm_cider_df_free(struct mm_cider_df *df)
{
	if (!df)
		return;
	mm_words_release(&df->words);
	mm_grams_release(&df->grams);
	mm_u32s_release(&df->df);
	mm_free(df);
}

/* "123<TAB>..." : the number, and *text moves behind the tab. */
static bool read_count(struct mm_line *line, uint64_t *count)
{
	size_t i = 0;

	*count = 0;
	for (; i < line->len && line->s[i] >= '0' && line->s[i] <= '9'; i++) {
		if (i == 9)
			return false;
		*count = *count * 10 + (uint64_t)(line->s[i] - '0');
	}
	if (i == 0 || i == line->len || line->s[i] != '\t')
		return false;
	line->s += i + 1;
	line->len -= i + 1;
	return true;
}

static int read_df_line(struct mm_cider_df *df, struct mm_line line,
			struct mm_u32s *word, struct mm_u32s *gram,
			struct mm_err *err)
{
	uint64_t count;
	int rc;

	if (!read_count(&line, &count))
		return mm_fail(err, MM_ERR_FORMAT,
			       "a count, a tab and an n-gram expected");
	word->n = gram->n = 0;
	rc = mm_words_split(&df->words, line, word, err);
	if (rc)
		return rc;
	if (word->n < 1 || word->n > ORDER)
		return mm_fail(err, MM_ERR_FORMAT, "an n-gram of %zu words",
			       word->n);
	if ((double)count > df->documents)
		return mm_fail(err, MM_ERR_FORMAT,
			       "more occurrences than documents");
	rc = mm_grams_of(&df->grams, word->at, word->n, word->n, gram, err);
	if (!rc)
		rc = mm_u32s_reserve(&df->df, df->grams.n, err);
	if (rc)
		return rc;
	for (; df->df.n < df->grams.n; df->df.n++)
		df->df.at[df->df.n] = 0;
	df->df.at[gram->at[gram->n - 1]] = (uint32_t)count;
	return 0;
}

/* The first line: "documents<TAB>N". */
static int read_df_head(struct mm_cider_df *df, struct mm_line line,
			struct mm_err *err)
{
	static const char word[] = "documents\t";
	size_t len = sizeof(word) - 1;
	char digits[16];
	char *end;

	if (line.len <= len || line.len - len >= sizeof(digits) ||
	    memcmp(line.s, word, len))
		return mm_fail(err, MM_ERR_FORMAT,
			       "'documents', a tab and a number expected");
	memcpy(digits, line.s + len, line.len - len);
	digits[line.len - len] = 0;
	df->documents = (double)strtoul(digits, &end, 10);
	if (*end || digits[0] < '0' || digits[0] > '9' || df->documents < 1 ||
	    df->documents > 1e9)
		return mm_fail(err, MM_ERR_FORMAT,
			       "a number of documents in 1..1000000000 "
			       "expected");
	return 0;
}

int mm_cider_df_parse(struct mm_cider_df **out, const char *text, size_t len,
		      const char *name, struct mm_err *err)
{
	struct mm_cider_df *df = mm_calloc(1, sizeof(*df));
	struct mm_u32s word = { 0 }, gram = { 0 };
	size_t number = 0, at = 0;
	int rc = df ? 0 : mm_fail_nomem(err, "document frequencies");

	*out = NULL;
	while (!rc && (at < len || !number)) {
		const char *eol =
			len > at ? memchr(text + at, '\n', len - at) : NULL;
		struct mm_line line = { text + at,
				       eol ? (size_t)(eol - text) - at
					   : len - at };

		at += line.len + 1;
		if (line.len && line.s[line.len - 1] == '\r')
			line.len--;
		rc = number++ ? read_df_line(df, line, &word, &gram, err)
			      : read_df_head(df, line, err);
		if (rc)
			mm_fail_ctx(err, "'%s', line %zu", name, number);
	}
	mm_u32s_release(&word);
	mm_u32s_release(&gram);
	if (rc)
		mm_cider_df_free(df);
	else
		*out = df;
	return rc;
}

int mm_cider_df_load(struct mm_cider_df **df, const char *path,
		     struct mm_err *err)
{
	struct mm_file file;
	int rc = mm_file_open(&file, path, err);

	*df = NULL;
	if (rc)
		return rc;
	rc = mm_cider_df_parse(df, (const char *)file.data, file.size, path,
			       err);
	mm_file_release(&file);
	return rc;
}

int mm_cider_df_write(void *cider, struct mm_buf *out, struct mm_err *err)
{
	struct cider *c = cider;
	const struct mm_gram_slot **by_id =
		mm_malloc(c->grams.n, sizeof(*by_id));
	const struct mm_word_slot **word = mm_malloc(c->words.n, sizeof(*word));
	int rc = 0;

	if (!by_id || !word)
		rc = mm_fail_nomem(err, "document frequencies");
	for (size_t i = 0; !rc && i < c->words.n_slots; i++)
		if (c->words.slot[i].end)
			word[c->words.slot[i].id] = &c->words.slot[i];
	for (size_t i = 0; !rc && i < c->grams.n_slots; i++)
		if (c->grams.slot[i].era == c->grams.era)
			by_id[c->grams.slot[i].id] = &c->grams.slot[i];
	if (!rc)
		mm_buf_printf(out, "documents\t%zu\n", c->sample.n);
	for (uint32_t i = 0; !rc && i < c->grams.n; i++) {
		const struct mm_word_slot *w[ORDER];
		uint32_t at = i;
		size_t n = 0;

		if (!c->df.at[i])
			continue;
		for (; at != MM_NO_GRAM; at = (uint32_t)(by_id[at]->key >> 32))
			w[n++] = word[(uint32_t)by_id[at]->key];
		mm_buf_printf(out, "%u\t", c->df.at[i]);
		while (n--) {
			mm_buf_adds(out, mm_words_str(&c->words, w[n]));
			mm_buf_addc(out, n ? ' ' : '\n');
		}
	}
	mm_free(by_id);
	mm_free(word);
	return rc ? rc : mm_buf_check(out, "document frequencies", err);
}
