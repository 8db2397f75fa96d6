/* vqa.c - normalisation and agreement; see vqa.h. */
#include "metric/vqa.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "metric/metric.h"
#include "metric/unicode.h"

/* In byte order. */
static const struct {
	const char *from, *to;
} contractions[] = {
	{ "'ow'sat", "'ow's'at" },
	{ "'ows'at", "'ow's'at" },
	{ "aint", "ain't" },
	{ "arent", "aren't" },
	{ "cant", "can't" },
	{ "couldn'tve", "couldn't've" },
	{ "couldnt", "couldn't" },
	{ "couldnt've", "couldn't've" },
	{ "couldve", "could've" },
	{ "didnt", "didn't" },
	{ "doesnt", "doesn't" },
	{ "dont", "don't" },
	{ "hadn'tve", "hadn't've" },
	{ "hadnt", "hadn't" },
	{ "hadnt've", "hadn't've" },
	{ "hasnt", "hasn't" },
	{ "havent", "haven't" },
	{ "he'dve", "he'd've" },
	{ "hed", "he'd" },
	{ "hed've", "he'd've" },
	{ "hes", "he's" },
	{ "howd", "how'd" },
	{ "howll", "how'll" },
	{ "hows", "how's" },
	{ "isnt", "isn't" },
	{ "it'dve", "it'd've" },
	{ "itd", "it'd" },
	{ "itd've", "it'd've" },
	{ "itll", "it'll" },
	{ "maam", "ma'am" },
	{ "mightn'tve", "mightn't've" },
	{ "mightnt", "mightn't" },
	{ "mightnt've", "mightn't've" },
	{ "mightve", "might've" },
	{ "mustnt", "mustn't" },
	{ "mustve", "must've" },
	{ "neednt", "needn't" },
	{ "notve", "not've" },
	{ "oclock", "o'clock" },
	{ "oughtnt", "oughtn't" },
	{ "ow's'at", "'ow's'at" },
	{ "shant", "shan't" },
	{ "she'dve", "she'd've" },
	{ "shed've", "she'd've" },
	{ "shouldn'tve", "shouldn't've" },
	{ "shouldnt", "shouldn't" },
	{ "shouldnt've", "shouldn't've" },
	{ "shouldve", "should've" },
	{ "somebody'd", "somebodyd" },
	{ "somebody'dve", "somebody'd've" },
	{ "somebodyd've", "somebody'd've" },
	{ "somebodyll", "somebody'll" },
	{ "somebodys", "somebody's" },
	{ "someone'dve", "someone'd've" },
	{ "someoned", "someone'd" },
	{ "someoned've", "someone'd've" },
	{ "someonell", "someone'll" },
	{ "someones", "someone's" },
	{ "something'dve", "something'd've" },
	{ "somethingd", "something'd" },
	{ "somethingd've", "something'd've" },
	{ "somethingll", "something'll" },
	{ "thats", "that's" },
	{ "there'dve", "there'd've" },
	{ "thered", "there'd" },
	{ "thered've", "there'd've" },
	{ "therere", "there're" },
	{ "theres", "there's" },
	{ "they'dve", "they'd've" },
	{ "theyd", "they'd" },
	{ "theyd've", "they'd've" },
	{ "theyll", "they'll" },
	{ "theyre", "they're" },
	{ "theyve", "they've" },
	{ "twas", "'twas" },
	{ "wasnt", "wasn't" },
	{ "we'dve", "we'd've" },
	{ "wed've", "we'd've" },
	{ "werent", "weren't" },
	{ "weve", "we've" },
	{ "whatll", "what'll" },
	{ "whatre", "what're" },
	{ "whats", "what's" },
	{ "whatve", "what've" },
	{ "whens", "when's" },
	{ "whered", "where'd" },
	{ "wheres", "where's" },
	{ "whereve", "where've" },
	{ "who'dve", "who'd've" },
	{ "whod", "who'd" },
	{ "whod've", "who'd've" },
	{ "wholl", "who'll" },
	{ "whos", "who's" },
	{ "whove", "who've" },
	{ "whyll", "why'll" },
	{ "whyre", "why're" },
	{ "whys", "why's" },
	{ "wont", "won't" },
	{ "wouldn'tve", "wouldn't've" },
	{ "wouldnt", "wouldn't" },
	{ "wouldnt've", "wouldn't've" },
	{ "wouldve", "would've" },
	{ "y'all'dve", "y'all'd've" },
	{ "y'alld've", "y'all'd've" },
	{ "y'allll", "y'all'll" },
	{ "yall", "y'all" },
	{ "yall'd've", "y'all'd've" },
	{ "yall'll", "y'all'll" },
	{ "you'dve", "you'd've" },
	{ "youd", "you'd" },
	{ "youd've", "you'd've" },
	{ "youll", "you'll" },
	{ "youre", "you're" },
	{ "youve", "you've" },
};
enum { N_CONTRACTIONS = sizeof(contractions) / sizeof(contractions[0]) };

static const struct {
	const char *from, *to; /* to NULL: dropped */
} words[] = {
	{ "none", "0" },  { "zero", "0" },  { "one", "1" },  { "two", "2" },
	{ "three", "3" }, { "four", "4" },  { "five", "5" }, { "six", "6" },
	{ "seven", "7" }, { "eight", "8" }, { "nine", "9" }, { "ten", "10" },
	{ "a", NULL },	  { "an", NULL },   { "the", NULL },
};

static bool is(const char *s, size_t n, const char *word)
{
	return strlen(word) == n && !memcmp(s, word, n);
}

static bool digit_at(const char *s, size_t n, size_t i)
{
	return i < n && mm_unicode_decimal(mm_unicode_next(s, n, &i));
}

/* Is there a comma between digits? */
static bool has_number_comma(const char *s, size_t n)
{
	bool before = false;

	for (size_t i = 0; i < n;) {
		const uint32_t c = mm_unicode_next(s, n, &i);

		if (c == ',' && before && digit_at(s, n, i))
			return true;
		before = mm_unicode_decimal(c);
	}
	return false;
}

/* Marks go or become blanks, by how the whole answer has them. */
static void strip_marks(struct mm_buf *out, const char *s, size_t n)
{
	static const char marks[] = ";/[]\"{}()=+\\_-><@`,?!";
	const bool all = has_number_comma(s, n);
	char put[128] = { 0 };

	for (const char *m = marks; *m; m++) {
		put[(int)*m] = all ? 'x' : ' ';
		for (size_t i = 0; i < n; i++)
			if (s[i] == *m && ((i && s[i - 1] == ' ') ||
					   (i + 1 < n && s[i + 1] == ' ')))
				put[(int)*m] = 'x'; /* goes */
	}
	for (size_t i = 0; i < n; i++) {
		const unsigned char c = (unsigned char)s[i];

		if (c >= 128 || !put[c])
			mm_buf_addc(out, s[i]);
		else if (put[c] == ' ')
			mm_buf_addc(out, ' ');
	}
}

/* The first 32 full stops without a digit behind go. */
static void strip_stops(struct mm_buf *out, const char *s, size_t n)
{
	int left = 32;

	for (size_t i = 0; i < n; i++) {
		if (s[i] == '.' && left && !digit_at(s, n, i + 1))
			left--;
		else
			mm_buf_addc(out, s[i]);
	}
}

static void put_word(struct mm_buf *out, const char *s, size_t n, size_t start)
{
	char key[32];
	size_t lo = 0, hi = N_CONTRACTIONS;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!is(s, n, words[i].from))
			continue;
		if (!words[i].to)
			return;
		s = words[i].to;
		n = strlen(s);
		break;
	}
	if (out->len > start)
		mm_buf_addc(out, ' ');
	if (n < sizeof(key)) {
		memcpy(key, s, n);
		key[n] = '\0';
	}
	while (lo < hi && n < sizeof(key) && strlen(key) == n) {
		const size_t mid = lo + (hi - lo) / 2;
		const int c = strcmp(key, contractions[mid].from);

		if (!c) {
			mm_buf_adds(out, contractions[mid].to);
			return;
		}
		if (c < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	mm_buf_add(out, s, n);
}

void mm_vqa_normalise(struct mm_buf *out, const char *s, size_t n)
{
	struct mm_buf a = { 0 }, b = { 0 };
	const size_t start = out->len;
	const char *word = NULL;

	strip_marks(&a, s, n);
	strip_stops(&b, mm_buf_str(&a), a.len);
	mm_buf_clear(&a);
	mm_unicode_lower(&a, mm_buf_str(&b), b.len, false);
	for (size_t i = 0; i < a.len;) {
		const size_t at = i;

		if (mm_unicode_space(mm_unicode_next(a.data, a.len, &i))) {
			if (word)
				put_word(out, word,
					 (size_t)(a.data + at - word), start);
			word = NULL;
		} else if (!word) {
			word = a.data + at;
		}
	}
	if (word)
		put_word(out, word, (size_t)(a.data + a.len - word), start);
	out->failed = out->failed || a.failed || b.failed;
	mm_buf_release(&a);
	mm_buf_release(&b);
}

/* New lines and tabs to blanks, ends trimmed. */
static void trim(struct mm_buf *out, const char *s, size_t n)
{
	size_t first = n, last = n;

	for (size_t i = 0; i < n;) {
		const size_t at = i;

		if (!mm_unicode_space(mm_unicode_next(s, n, &i))) {
			first = first == n ? at : first;
			last = i;
		}
	}
	for (size_t i = first; i < last; i++)
		mm_buf_addc(out, s[i] == '\n' || s[i] == '\t' ? ' ' : s[i]);
}

static bool equal(struct mm_line a, struct mm_line b)
{
	return a.len == b.len && (!a.len || !memcmp(a.s, b.s, a.len));
}

/* All texts of a question, trimmed, the prediction first. */
static int trim_all(struct mm_lines *t, const struct mm_vqa_sample *q,
		    struct mm_err *err)
{
	int rc;

	trim(&t->bytes, q->prediction.s, q->prediction.len);
	rc = mm_lines_end(t, err);
	for (size_t i = 0; i < q->n && !rc; i++) {
		trim(&t->bytes, q->answer[i].s, q->answer[i].len);
		rc = mm_lines_end(t, err);
	}
	return rc;
}

static int normalise_all(struct mm_lines *to, const struct mm_lines *from,
			 struct mm_err *err)
{
	int rc = MM_OK;

	for (size_t i = 0; i < from->n && !rc; i++) {
		const struct mm_line s = mm_lines_at(from, i);

		mm_vqa_normalise(&to->bytes, s.s, s.len);
		rc = mm_lines_end(to, err);
	}
	return rc;
}

static bool all_the_same(const struct mm_lines *t)
{
	for (size_t i = 2; i < t->n; i++)
		if (!equal(mm_lines_at(t, i), mm_lines_at(t, 1)))
			return false;
	return true;
}

static size_t group(const struct mm_vqa_sample *q, size_t i)
{
	return q->rest ? q->rest[i] : i;
}

/*
 * An answer that differs from the prediction has all m matches among the
 * others; one that equals it has m less the matches of its own group.
 */
static int agreement(double *out, const struct mm_vqa_sample *q,
		     const struct mm_lines *t, struct mm_err *err)
{
	size_t *in_group = mm_calloc(q->n, sizeof(*in_group)), m = 0;
	double sum = 0;

	if (!in_group)
		return mm_fail_nomem(err, "answers");
	for (size_t i = 0; i < q->n; i++) {
		if (equal(mm_lines_at(t, i + 1), mm_lines_at(t, 0))) {
			in_group[group(q, i)]++;
			m++;
		}
	}
	for (size_t i = 0; i < q->n; i++) {
		const bool same =
			equal(mm_lines_at(t, i + 1), mm_lines_at(t, 0));
		const size_t n = same ? m - in_group[group(q, i)] : m;

		sum += n >= 3 ? 1 : (double)n / 3;
	}
	*out = sum / (double)q->n;
	mm_free(in_group);
	return MM_OK;
}

int mm_vqa_accuracy(double *out, const struct mm_vqa_sample *q,
		    enum mm_vqa_mode mode, struct mm_err *err)
{
	struct mm_lines raw = { 0 }, plain = { 0 };
	const struct mm_lines *t = &raw;
	int rc;

	*out = 0;
	if (!q->n)
		return mm_fail(err, MM_ERR_USAGE,
			       "a question without any answer");
	rc = trim_all(&raw, q, err);
	if (!rc && (mode != MM_VQA_OFFICIAL || !all_the_same(&raw))) {
		rc = normalise_all(&plain, &raw, err);
		t = &plain;
	}
	if (!rc && mode != MM_VQA_ANY)
		rc = agreement(out, q, t, err);
	for (size_t i = 0; !rc && mode == MM_VQA_ANY && i < q->n; i++)
		if (equal(mm_lines_at(t, 0), mm_lines_at(t, i + 1)))
			*out = 1;
	mm_lines_release(&raw);
	mm_lines_release(&plain);
	return rc;
}

double mm_vqa_percent(double x)
{
	char s[64];

	snprintf(s, sizeof(s), "%.2f", 100 * x);
	return strtod(s, NULL);
}

/* ---- the row of the metrics table ---- */

struct state {
	enum mm_vqa_mode mode;
	double *each;
	size_t n, cap;
};

static int row_open(void **state, const void *options, struct mm_err *err)
{
	struct state *s = *state = mm_calloc(1, sizeof(*s));

	if (!s)
		return mm_fail_nomem(err, "a metric");
	s->mode =
		options ? *(const enum mm_vqa_mode *)options : MM_VQA_OFFICIAL;
	return MM_OK;
}

static int row_add(void *state, const void *sample, struct mm_err *err)
{
	struct state *s = state;
	int rc;

	if (s->n == s->cap) {
		const size_t cap = s->cap ? 2 * s->cap : 1024;
		void *p = mm_realloc(s->each, cap, sizeof(*s->each));

		if (!p)
			return mm_fail_nomem(err, "questions");
		s->each = p;
		s->cap = cap;
	}
	rc = mm_vqa_accuracy(&s->each[s->n], sample, s->mode, err);
	s->n += !rc;
	return rc;
}

static int row_result(void *state, double *value, double *each,
		      struct mm_err *err)
{
	const struct state *s = state;
	double sum = 0;

	(void)err;
	for (size_t i = 0; i < s->n; i++)
		sum += s->each[i];
	if (each && s->n)
		memcpy(each, s->each, s->n * sizeof(*each));
	*value = s->n ? sum / (double)s->n : 0;
	return MM_OK;
}

static void row_close(void *state)
{
	struct state *s = state;

	if (s)
		mm_free(s->each);
	mm_free(s);
}

static const char *const figure_names[] = { "accuracy", NULL };

const struct mm_metric mm_metric_vqa = {
	.task = "vqa",
	.name = "vqa",
	.figure = figure_names,
	.equals = "vqaEval.py",
	.open = row_open,
	.add = row_add,
	.result = row_result,
	.close = row_close,
};
