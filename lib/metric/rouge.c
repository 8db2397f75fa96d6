/* rouge.c - ROUGE as rouge_score computes it (rouge.h). */
#include <stdbool.h>
#include <string.h>

#include "base/mem.h"
#include "metric/metric.h"
#include "metric/porter.h"
#include "metric/rouge.h"
#include "metric/unicode.h"
#include "metric/words.h"

/* A text as numbers of words: sentence i ends at word.at[end.at[i]]. */
struct text {
	struct mm_u32s word, end;
	struct mm_u32s gram; /* 1-grams, then 2-grams */
};

struct rouge {
	struct mm_rouge_options options;
	struct mm_words names;
	struct mm_grams grams; /* of one sample */
	struct text hyp, ref;
	struct mm_buf lower, word;
	struct mm_u32s count;	       /* by n-gram */
	struct mm_u32s row;	       /* of the LCS table */
	struct mm_u32s left_h, left_r; /* words not yet counted, by number */
	unsigned char *way;	       /* how each cell of the table came */
	size_t way_cap;
	bool *hit; /* words of a reference sentence in the union */
	size_t hit_cap;
	double sum[MM_ROUGE_FIGURES];
	double *each;
	size_t n, cap;
};

static const char *const figures[] = {
	"rouge1.precision",
	"rouge1.recall",
	"rouge1.fmeasure",
	"rouge2.precision",
	"rouge2.recall",
	"rouge2.fmeasure",
	"rougeL.precision",
	"rougeL.recall",
	"rougeL.fmeasure",
	"rougeLsum.precision",
	"rougeLsum.recall",
	"rougeLsum.fmeasure",
	NULL,
};

static int rouge_open(void **state, const void *options, struct mm_err *err)
{
	const struct mm_rouge_options *o = options;
	struct rouge *r = mm_calloc(1, sizeof(*r));

	*state = r;
	if (!r)
		return mm_fail_nomem(err, "figures");
	if (o)
		r->options = *o;
	return 0;
}

static bool word_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static int add_word(struct rouge *r, struct text *t, const char *s, size_t n,
		    struct mm_err *err)
{
	uint32_t id;
	int rc;

	if (r->options.stem && n > 3) {
		mm_buf_clear(&r->word);
		mm_buf_add(&r->word, s, n);
		rc = mm_buf_check(&r->word, "a word", err);
		if (rc)
			return rc;
		mm_porter_stem(r->word.data, &n);
		s = r->word.data;
	}
	if (!n)
		return 0;
	rc = mm_words_id(&r->names, s, n, &id, err);
	return rc ? rc : mm_u32s_add(&t->word, id, err);
}

static int end_sentence(struct text *t, struct mm_err *err)
{
	if (t->word.n >= UINT32_MAX)
		return mm_fail(err, MM_ERR_FORMAT, "a text of %zu words",
			       t->word.n);
	return mm_u32s_add(&t->end, (uint32_t)t->word.n, err);
}

static int read_text(struct rouge *r, struct text *t, struct mm_line text,
		     struct mm_err *err)
{
	const char *s;
	size_t n, from = 0;
	int rc;

	t->word.n = t->end.n = t->gram.n = 0;
	mm_buf_clear(&r->lower);
	mm_unicode_lower(&r->lower, text.s, text.len, false);
	rc = mm_buf_check(&r->lower, "text", err);
	s = mm_buf_str(&r->lower);
	n = r->lower.len;
	for (size_t i = 0; !rc && i <= n; i++) {
		if (i < n && word_char(s[i]))
			continue;
		if (i > from)
			rc = add_word(r, t, s + from, i - from, err);
		if (!rc && (i == n || s[i] == '\n'))
			rc = end_sentence(t, err);
		from = i + 1;
	}
	return rc;
}

static void set_score(double *f, double match, double in_h, double in_r)
{
	double p = in_h > 0 ? match / in_h : 0, r = in_r > 0 ? match / in_r : 0;

	f[MM_ROUGE_PRECISION] = p;
	f[MM_ROUGE_RECALL] = r;
	f[MM_ROUGE_F] = p + r > 0 ? 2 * p * r / (p + r) : 0;
}

/* n-grams of t; counts of new ones begin at 0. */
static int make_grams(struct rouge *r, struct text *t, struct mm_err *err)
{
	size_t known = r->grams.n;
	int rc =
		mm_grams_of(&r->grams, t->word.at, t->word.n, 2, &t->gram, err);

	if (!rc)
		rc = mm_u32s_reserve(&r->count, r->grams.n, err);
	for (; !rc && known < r->grams.n; known++)
		r->count.at[known] = 0;
	return rc;
}

/* rouge1 and rouge2. */
static void score_grams(struct rouge *r, double *f)
{
	const uint32_t *h = r->hyp.gram.at, *g = r->ref.gram.at;
	uint32_t *count = r->count.at;

	for (size_t k = 0; k < 2; k++) {
		size_t in_h = r->hyp.word.n > k ? r->hyp.word.n - k : 0;
		size_t in_r = r->ref.word.n > k ? r->ref.word.n - k : 0;
		size_t match = 0;

		for (size_t i = 0; i < in_h; i++)
			count[h[i]]++;
		for (size_t i = 0; i < in_r; i++) {
			if (count[g[i]]) {
				count[g[i]]--;
				match++;
			}
		}
		for (size_t i = 0; i < in_h; i++)
			count[h[i]] = 0;
		set_score(f + 3 * k, (double)match, (double)in_h, (double)in_r);
		h += in_h;
		g += in_r;
	}
}

static int score_lcs(struct rouge *r, double *f, struct mm_err *err)
{
	size_t match = 0;
	int rc = mm_lcs_length(r->hyp.word.at, r->hyp.word.n, r->ref.word.at,
			       r->ref.word.n, &r->row, &match, err);

	if (!rc)
		set_score(f, (double)match, (double)r->hyp.word.n,
			  (double)r->ref.word.n);
	return rc;
}

enum { UP, LEFT, MATCH };

/*
 * Mark in hit[0..na) one longest common subsequence of a and b.  Read back
 * from the end; of two ways the one that drops a word of a is taken unless
 * dropping one of b keeps more.
 */
static int mark_lcs(struct rouge *r, const uint32_t *a, size_t na,
		    const uint32_t *b, size_t nb, struct mm_err *err)
{
	unsigned char *way;
	size_t cells;
	int rc = mm_u32s_reserve(&r->row, nb + 1, err);

	if (rc)
		return rc;
	if (!mm_mul_ok(&cells, na, nb) || cells > MM_LCS_MAX / 4)
		return mm_fail(err, MM_ERR_REFUSED,
			       "the common subsequence of sentences of %zu "
			       "and %zu words would take too long",
			       na, nb);
	if (cells > r->way_cap) {
		mm_free(r->way);
		r->way_cap = 0;
		r->way = mm_malloc(cells, 1);
		if (!r->way)
			return mm_fail_nomem(err, "a table of words by words");
		r->way_cap = cells;
	}
	way = r->way;
	memset(r->row.at, 0, (nb + 1) * sizeof(*r->row.at));
	for (size_t i = 0; i < na; i++) {
		uint32_t *row = r->row.at, diagonal = 0;

		for (size_t j = 0; j < nb; j++) {
			uint32_t up = row[j + 1];

			if (a[i] == b[j]) {
				row[j + 1] = diagonal + 1;
				way[i * nb + j] = MATCH;
			} else {
				way[i * nb + j] = row[j] > up ? LEFT : UP;
				if (row[j] > up)
					row[j + 1] = row[j];
			}
			diagonal = up;
		}
	}
	for (size_t i = na, j = nb; i > 0 && j > 0;) {
		unsigned char w = way[(i - 1) * nb + j - 1];

		if (w == MATCH)
			r->hit[i - 1] = true;
		i -= w != LEFT;
		j -= w != UP;
	}
	return 0;
}

/* left[id] = how often each word of t comes. */
static int count_words(struct mm_u32s *left, const struct text *t, size_t words,
		       struct mm_err *err)
{
	int rc = mm_u32s_reserve(left, words, err);

	if (rc)
		return rc;
	for (; left->n < words; left->n++)
		left->at[left->n] = 0;
	for (size_t i = 0; i < t->word.n; i++)
		left->at[t->word.at[i]]++;
	return 0;
}

static void uncount_words(struct mm_u32s *left, const struct text *t)
{
	for (size_t i = 0; i < t->word.n; i++)
		left->at[t->word.at[i]] = 0;
}

/* The words that sentence ref[from..to) shares with any of the hypothesis. */
static int union_hits(struct rouge *r, size_t from, size_t to, size_t *hits,
		      struct mm_err *err)
{
	const uint32_t *a = r->ref.word.at + from;
	size_t na = to - from, start = 0;

	if (na > r->hit_cap) {
		mm_free(r->hit);
		r->hit_cap = 0;
		r->hit = mm_malloc(na, sizeof(*r->hit));
		if (!r->hit)
			return mm_fail_nomem(err, "words");
		r->hit_cap = na;
	}
	if (!na)
		return 0;
	memset(r->hit, 0, na * sizeof(*r->hit));
	for (size_t s = 0; s < r->hyp.end.n; s++) {
		size_t end = r->hyp.end.at[s];
		int rc = 0;

		if (end > start)
			rc = mark_lcs(r, a, na, r->hyp.word.at + start,
				      end - start, err);
		if (rc)
			return rc;
		start = end;
	}
	for (size_t i = 0; i < na; i++) {
		uint32_t id = a[i];

		if (!r->hit[i] || !r->left_h.at[id] || !r->left_r.at[id])
			continue;
		r->left_h.at[id]--;
		r->left_r.at[id]--;
		++*hits;
	}
	return 0;
}

static int score_summary(struct rouge *r, double *f, struct mm_err *err)
{
	size_t words = r->names.n, hits = 0, start = 0;
	int rc = 0;

	set_score(f, 0, 1, 1);
	if (!r->hyp.word.n || !r->ref.word.n)
		return 0;
	rc = count_words(&r->left_h, &r->hyp, words, err);
	if (!rc)
		rc = count_words(&r->left_r, &r->ref, words, err);
	for (size_t s = 0; !rc && s < r->ref.end.n; s++) {
		rc = union_hits(r, start, r->ref.end.at[s], &hits, err);
		start = r->ref.end.at[s];
	}
	if (rc)
		return rc;
	uncount_words(&r->left_h, &r->hyp);
	uncount_words(&r->left_r, &r->ref);
	set_score(f, (double)hits, (double)r->hyp.word.n,
		  (double)r->ref.word.n);
	return 0;
}

static int score_ref(struct rouge *r, struct mm_line ref, double *f,
		     struct mm_err *err)
{
	int rc = read_text(r, &r->ref, ref, err);

	if (!rc)
		rc = make_grams(r, &r->ref, err);
	if (rc)
		return rc;
	memset(f, 0, MM_ROUGE_FIGURES * sizeof(*f));
	score_grams(r, f);
	if ((rc = score_lcs(r, f + 3 * MM_ROUGE_L, err)))
		return rc;
	/* Of a sentence each, both are the same. */
	if (r->hyp.end.n > 1 || r->ref.end.n > 1)
		return score_summary(r, f + 3 * MM_ROUGE_LSUM, err);
	memcpy(f + 3 * MM_ROUGE_LSUM, f + 3 * MM_ROUGE_L, 3 * sizeof(*f));
	return 0;
}

static int rouge_add(void *state, const void *sample, struct mm_err *err)
{
	const struct mm_text_sample *s = sample;
	double best[MM_ROUGE_FIGURES] = { 0 }, f[MM_ROUGE_FIGURES];
	struct rouge *r = state;
	int rc;

	mm_grams_clear(&r->grams);
	rc = read_text(r, &r->hyp, s->hyp, err);
	if (!rc)
		rc = make_grams(r, &r->hyp, err);
	for (size_t i = 0; !rc && i < s->n_refs; i++) {
		rc = score_ref(r, s->ref[i], f, err);
		for (size_t k = 0; !rc && k < MM_ROUGE_FIGURES; k += 3)
			if (i == 0 || f[k + MM_ROUGE_F] > best[k + MM_ROUGE_F])
				memcpy(best + k, f + k, 3 * sizeof(*f));
	}
	if (rc)
		return rc;
	if (r->n == r->cap) {
		size_t cap = r->cap ? 2 * r->cap : 256;
		double *each = mm_realloc(r->each, cap, sizeof(best));

		if (!each)
			return mm_fail_nomem(err, "figures");
		r->each = each;
		r->cap = cap;
	}
	memcpy(r->each + r->n++ * MM_ROUGE_FIGURES, best, sizeof(best));
	for (size_t k = 0; k < MM_ROUGE_FIGURES; k++)
		r->sum[k] += best[k];
	return 0;
}

static int rouge_result(void *state, double *value, double *each,
			struct mm_err *err)
{
	struct rouge *r = state;

	(void)err;
	for (size_t k = 0; k < MM_ROUGE_FIGURES; k++)
		value[k] = r->n ? r->sum[k] / (double)r->n : 0;
	if (each && r->n)
		memcpy(each, r->each, r->n * MM_ROUGE_FIGURES * sizeof(*each));
	return 0;
}

static void text_release(struct text *t)
{
	mm_u32s_release(&t->word);
	mm_u32s_release(&t->end);
	mm_u32s_release(&t->gram);
}

static void rouge_close(void *state)
{
	struct rouge *r = state;

	if (!r)
		return;
	mm_words_release(&r->names);
	mm_grams_release(&r->grams);
	text_release(&r->hyp);
	text_release(&r->ref);
	mm_buf_release(&r->lower);
	mm_buf_release(&r->word);
	mm_u32s_release(&r->count);
	mm_u32s_release(&r->row);
	mm_u32s_release(&r->left_h);
	mm_u32s_release(&r->left_r);
	mm_free(r->way);
	mm_free(r->hit);
	mm_free(r->each);
	mm_free(r);
}

const struct mm_metric mm_metric_rouge = {
	.task = "text",
	.name = "rouge",
	.figure = figures,
	.equals = "rouge_score",
	.open = rouge_open,
	.add = rouge_add,
	.result = rouge_result,
	.close = rouge_close,
};
