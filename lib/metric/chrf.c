/* chrf.c - chrF, chrF+ and chrF++ as sacrebleu computes them (bleu.h). */
#include <string.h>

#include "base/mem.h"
#include "metric/bleu.h"
#include "metric/metric.h"
#include "metric/unicode.h"
#include "metric/words.h"

enum { ORDERS = 2 * MM_MAX_ORDER };

const struct mm_chrf_options mm_chrf_defaults = { .char_order = 6, .beta = 2 };

/* n-grams of hypothesis, reference, and both; characters, then words. */
struct counts {
	double hyp[ORDERS], ref[ORDERS], match[ORDERS];
};

/* One text as numbers. */
struct text {
	struct mm_u32s chars, words;
	struct mm_u32s gram; /* of characters, then of words, by order */
};

struct chrf {
	struct mm_chrf_options options;
	struct mm_words names;
	struct mm_grams chars, words; /* of one segment */
	struct mm_u32s char_count, word_count;
	struct text hyp, ref;
	struct mm_buf lower;
	struct counts sum;
	double *each;
	size_t n, cap;
};

static const char *const figures[] = { "score", NULL };

static int chrf_open(void **state, const void *options, struct mm_err *err)
{
	const struct mm_chrf_options *o = options ? options : &mm_chrf_defaults;
	struct chrf *c;

	*state = NULL;
	if (o->char_order > MM_MAX_ORDER || o->word_order > MM_MAX_ORDER ||
	    o->char_order + o->word_order == 0)
		return mm_fail(err, MM_ERR_USAGE,
			       "n-gram orders of %zu and %zu", o->char_order,
			       o->word_order);
	*state = c = mm_calloc(1, sizeof(*c));
	if (!c)
		return mm_fail_nomem(err, "figures");
	c->options = *o;
	return 0;
}

static bool ascii_punctuation(char c)
{
	return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') ||
	       (c >= '[' && c <= '`') || (c >= '{' && c <= '~');
}

static int add_word(struct chrf *c, struct text *t, const char *s, size_t n,
		    struct mm_err *err)
{
	uint32_t id;
	int rc = mm_words_id(&c->names, s, n, &id, err);

	return rc ? rc : mm_u32s_add(&t->words, id, err);
}

/*
 * One word s[0..n) of the text, of more than one character: a sign at its end
 * is parted or, failing that, one at its beginning; never both.
 */
static int part_word(struct chrf *c, struct text *t, const char *s, size_t n,
		     struct mm_err *err)
{
	size_t first = 0, cut = 0;
	int rc;

	mm_unicode_next(s, n, &first);
	if (first < n && ascii_punctuation(s[n - 1]))
		cut = n - 1;
	else if (first < n && ascii_punctuation(s[0]))
		cut = 1;
	if (!cut)
		return add_word(c, t, s, n, err);
	rc = add_word(c, t, s, cut, err);
	return rc ? rc : add_word(c, t, s + cut, n - cut, err);
}

/* t->chars and t->words of a text. */
static int read_text(struct chrf *c, struct text *t, struct mm_line text,
		     struct mm_err *err)
{
	size_t from = 0;
	int rc = 0;

	t->chars.n = t->words.n = 0;
	if (c->options.lowercase) {
		mm_buf_clear(&c->lower);
		mm_unicode_lower(&c->lower, text.s, text.len, false);
		rc = mm_buf_check(&c->lower, "text", err);
		text = (struct mm_line){ mm_buf_str(&c->lower), c->lower.len };
	}
	for (size_t i = 0; !rc && i < text.len;) {
		size_t at = i;
		uint32_t u = mm_unicode_next(text.s, text.len, &i);

		if (!mm_unicode_space(u) || c->options.whitespace)
			rc = mm_u32s_add(&t->chars, u, err);
		if (!mm_unicode_space(u) || !c->options.word_order)
			continue;
		if (!rc && at > from)
			rc = part_word(c, t, text.s + from, at - from, err);
		from = i;
	}
	if (!rc && c->options.word_order && from < text.len)
		rc = part_word(c, t, text.s + from, text.len - from, err);
	return rc;
}

static int make_grams(struct chrf *c, struct text *t, size_t *n_char_grams,
		      struct mm_err *err)
{
	size_t chars = c->chars.n, words = c->words.n;
	int rc;

	t->gram.n = 0;
	rc = mm_grams_of(&c->chars, t->chars.at, t->chars.n,
			 c->options.char_order, &t->gram, err);
	*n_char_grams = t->gram.n;
	if (!rc)
		rc = mm_grams_of(&c->words, t->words.at, t->words.n,
				 c->options.word_order, &t->gram, err);
	if (!rc)
		rc = mm_u32s_reserve(&c->char_count, c->chars.n, err);
	if (!rc)
		rc = mm_u32s_reserve(&c->word_count, c->words.n, err);
	for (; !rc && chars < c->chars.n; chars++)
		c->char_count.at[chars] = 0;
	for (; !rc && words < c->words.n; words++)
		c->word_count.at[words] = 0;
	return rc;
}

/* Matches of each order: h and r hold the n-grams of `orders` orders. */
static void match_orders(struct counts *out, size_t first, size_t orders,
			 const uint32_t *h, size_t nh, const uint32_t *r,
			 size_t nr, uint32_t *count)
{
	for (size_t k = 0; k < orders; k++) {
		size_t in_h = nh > k ? nh - k : 0, in_r = nr > k ? nr - k : 0;
		size_t match = 0;

		for (size_t i = 0; i < in_r; i++)
			count[r[i]]++;
		for (size_t i = 0; i < in_h; i++) {
			if (count[h[i]]) {
				count[h[i]]--;
				match++;
			}
		}
		for (size_t i = 0; i < in_r; i++)
			count[r[i]] = 0;
		/* Nothing to hit: the hypothesis is not blamed for it. */
		out->hyp[first + k] = in_r ? (double)in_h : 0;
		out->ref[first + k] = (double)in_r;
		out->match[first + k] = (double)match;
		h += in_h;
		r += in_r;
	}
}

static double f_score(const struct counts *c, const struct mm_chrf_options *o)
{
	const double eps = 1e-16, factor = (double)(o->beta * o->beta);
	size_t orders = o->char_order + o->word_order, used = 0;
	double sum = 0, precision = 0, recall = 0;

	for (size_t k = 0; k < orders; k++) {
		double p = c->hyp[k] > 0 ? c->match[k] / c->hyp[k] : eps;
		double r = c->ref[k] > 0 ? c->match[k] / c->ref[k] : eps;
		double below = factor * p + r;

		sum += below > 0 ? (1 + factor) * p * r / below : eps;
		if (c->hyp[k] > 0 && c->ref[k] > 0) {
			precision += p;
			recall += r;
			used++;
		}
	}
	if (o->eps_smoothing)
		return 100 * sum / (double)orders;
	if (!used || precision + recall == 0)
		return 0;
	precision /= (double)used;
	recall /= (double)used;
	return 100 * ((1 + factor) * precision * recall /
		      (factor * precision + recall));
}

static int chrf_add(void *state, const void *sample, struct mm_err *err)
{
	const struct mm_text_sample *s = sample;
	struct chrf *c = state;
	const struct mm_chrf_options *o = &c->options;
	struct counts best = { .hyp = { 0 } };
	double best_score = -1;
	size_t hyp_chars, ref_chars;
	int rc;

	mm_grams_clear(&c->chars);
	mm_grams_clear(&c->words);
	rc = read_text(c, &c->hyp, s->hyp, err);
	if (!rc)
		rc = make_grams(c, &c->hyp, &hyp_chars, err);
	for (size_t i = 0; !rc && i < s->n_refs; i++) {
		struct counts one = { .hyp = { 0 } };

		rc = read_text(c, &c->ref, s->ref[i], err);
		if (!rc)
			rc = make_grams(c, &c->ref, &ref_chars, err);
		if (rc)
			return rc;
		match_orders(&one, 0, o->char_order, c->hyp.gram.at,
			     c->hyp.chars.n, c->ref.gram.at, c->ref.chars.n,
			     c->char_count.at);
		match_orders(&one, o->char_order, o->word_order,
			     c->hyp.gram.at + hyp_chars, c->hyp.words.n,
			     c->ref.gram.at + ref_chars, c->ref.words.n,
			     c->word_count.at);
		if (f_score(&one, o) > best_score) {
			best_score = f_score(&one, o);
			best = one;
		}
	}
	if (rc)
		return rc;
	for (size_t k = 0; k < ORDERS; k++) {
		c->sum.hyp[k] += best.hyp[k];
		c->sum.ref[k] += best.ref[k];
		c->sum.match[k] += best.match[k];
	}
	if (c->n == c->cap) {
		size_t cap = c->cap ? 2 * c->cap : 256;
		double *each = mm_realloc(c->each, cap, sizeof(*each));

		if (!each)
			return mm_fail_nomem(err, "figures");
		c->each = each;
		c->cap = cap;
	}
	c->each[c->n++] = s->n_refs ? best_score : 0;
	return 0;
}

static int chrf_result(void *state, double *value, double *each,
		       struct mm_err *err)
{
	struct chrf *c = state;

	(void)err;
	*value = f_score(&c->sum, &c->options);
	if (each && c->n)
		memcpy(each, c->each, c->n * sizeof(*each));
	return 0;
}

static void text_release(struct text *t)
{
	mm_u32s_release(&t->chars);
	mm_u32s_release(&t->words);
	mm_u32s_release(&t->gram);
}

static void chrf_close(void *state)
{
	struct chrf *c = state;

	if (!c)
		return;
	mm_words_release(&c->names);
	mm_grams_release(&c->chars);
	mm_grams_release(&c->words);
	mm_u32s_release(&c->char_count);
	mm_u32s_release(&c->word_count);
	text_release(&c->hyp);
	text_release(&c->ref);
	mm_buf_release(&c->lower);
	mm_free(c->each);
	mm_free(c);
}

const struct mm_metric mm_metric_chrf = {
	.task = "text",
	.name = "chrf",
	.figure = figures,
	.equals = "sacrebleu",
	.open = chrf_open,
	.add = chrf_add,
	.result = chrf_result,
	.close = chrf_close,
};

void mm_chrf_name(struct mm_buf *out, const struct mm_chrf_options *o)
{
	mm_buf_printf(out, "chrF%zu", o->beta);
	for (size_t i = 0; i < o->word_order; i++)
		mm_buf_addc(out, '+');
}

void mm_chrf_signature(struct mm_buf *out, const struct mm_chrf_options *o,
		       size_t n_refs)
{
	mm_buf_printf(out,
		      "nrefs:%zu|case:%s|eff:%s|nc:%zu|nw:%zu|space:%s|"
		      "version:2.6.0",
		      n_refs, o->lowercase ? "lc" : "mixed",
		      o->eps_smoothing ? "no" : "yes", o->char_order,
		      o->word_order, o->whitespace ? "yes" : "no");
}
