/* bleu.c - BLEU as sacrebleu computes it (bleu.h). */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "metric/bleu.h"
#include "metric/metric.h"
#include "metric/words.h"

enum { ORDER = 4 };

const struct mm_bleu_options mm_bleu_defaults = { 0 };

struct bleu {
	struct mm_bleu_options options;
	struct mm_overlap_scratch scratch;
	struct mm_overlap sum;
	struct mm_lines lines; /* of one sample, tokenised */
	struct mm_line *ref;
	size_t ref_cap;
	double *each;
	size_t n, cap;
};

static const char *const figures[] = {
	"score",    "precision_1", "precision_2", "precision_3", "precision_4",
	"bp",	    "ratio",	   "hyp_len",	  "ref_len",	 "counts_1",
	"counts_2", "counts_3",	   "counts_4",	  "totals_1",	 "totals_2",
	"totals_3", "totals_4",	   NULL,
};

double mm_bleu_smooth_default(enum mm_bleu_smoothing smoothing)
{
	if (smoothing == MM_SMOOTH_FLOOR)
		return 0.1;
	return smoothing == MM_SMOOTH_ADD_K ? 1 : 0;
}

/* log, with sacrebleu's stand-in for log 0. */
static double safe_log(double x)
{
	return x == 0 ? -9999999999.0 : log(x);
}

/* 100 c/g of each order, smoothed; the number of orders that count. */
static size_t precisions(double p[ORDER], double c[ORDER], double g[ORDER],
			 const struct mm_bleu_options *o)
{
	double smooth = 1;
	size_t orders = ORDER;

	for (size_t k = 0; k < ORDER; k++) {
		if (o->smoothing == MM_SMOOTH_ADD_K && k > 0) {
			c[k] += o->smooth_value;
			g[k] += o->smooth_value;
		}
		if (g[k] == 0)
			break;
		if (o->effective_order)
			orders = k + 1;
		if (c[k] != 0) {
			p[k] = 100 * c[k] / g[k];
		} else if (o->smoothing == MM_SMOOTH_EXP) {
			smooth *= 2;
			p[k] = 100 / (smooth * g[k]);
		} else if (o->smoothing == MM_SMOOTH_FLOOR) {
			p[k] = 100 * o->smooth_value / g[k];
		}
	}
	return orders;
}

static void score(double f[MM_BLEU_FIGURES], const struct mm_overlap *s,
		  const struct mm_bleu_options *o)
{
	double *c = f + MM_BLEU_COUNT, *g = f + MM_BLEU_TOTAL, sum = 0;
	double t = (double)s->hyp_len, r = (double)s->ref_len;
	bool any = false;
	size_t orders;

	memset(f, 0, MM_BLEU_FIGURES * sizeof(*f));
	for (size_t k = 0; k < ORDER; k++) {
		c[k] = (double)s->correct[k];
		g[k] = (double)s->total[k];
		any |= s->correct[k] > 0;
	}
	f[MM_BLEU_HYP_LEN] = t;
	f[MM_BLEU_REF_LEN] = r;
	f[MM_BLEU_RATIO] = r > 0 ? t / r : 0;
	f[MM_BLEU_BP] = t >= r ? 1 : t > 0 ? exp(1 - r / t) : 0;
	if (!any)
		return;
	orders = precisions(f + MM_BLEU_PRECISION, c, g, o);
	for (size_t k = 0; k < orders; k++)
		sum += safe_log(f[MM_BLEU_PRECISION + k]);
	f[MM_BLEU_SCORE] = f[MM_BLEU_BP] * exp(sum / (double)orders);
}

static int bleu_open(void **state, const void *options, struct mm_err *err)
{
	struct bleu *b = mm_calloc(1, sizeof(*b));

	*state = b;
	if (!b)
		return mm_fail_nomem(err, "figures");
	b->options = options ? *(const struct mm_bleu_options *)options
			     : mm_bleu_defaults;
	return 0;
}

static int reserve(struct bleu *b, size_t n_refs, struct mm_err *err)
{
	if (n_refs > b->ref_cap) {
		mm_free(b->ref);
		b->ref_cap = 0;
		b->ref = mm_malloc(n_refs, sizeof(*b->ref));
		if (!b->ref)
			return mm_fail_nomem(err, "references");
		b->ref_cap = n_refs;
	}
	if (b->n == b->cap) {
		size_t cap = b->cap ? 2 * b->cap : 256;
		double *each = mm_realloc(b->each, cap,
					  MM_BLEU_FIGURES * sizeof(*each));

		if (!each)
			return mm_fail_nomem(err, "figures");
		b->each = each;
		b->cap = cap;
	}
	return 0;
}

static int tokenize(struct bleu *b, struct mm_line text, struct mm_err *err)
{
	mm_bleu_tokenize(&b->lines.bytes, text, b->options.tokenizer,
			 b->options.lowercase);
	return mm_lines_end(&b->lines, err);
}

static int bleu_add(void *state, const void *sample, struct mm_err *err)
{
	const struct mm_text_sample *s = sample;
	struct mm_text_sample words;
	struct mm_overlap one;
	struct bleu *b = state;
	int rc = reserve(b, s->n_refs, err);

	mm_lines_clear(&b->lines);
	if (!rc)
		rc = tokenize(b, s->hyp, err);
	for (size_t i = 0; !rc && i < s->n_refs; i++)
		rc = tokenize(b, s->ref[i], err);
	if (rc)
		return rc;
	words = (struct mm_text_sample){ mm_lines_at(&b->lines, 0), b->ref,
					 s->n_refs };
	for (size_t i = 0; i < s->n_refs; i++)
		b->ref[i] = mm_lines_at(&b->lines, i + 1);
	rc = mm_overlap_count(&b->scratch, &one, &words, ORDER, err);
	if (rc)
		return rc;
	b->sum.hyp_len += one.hyp_len;
	b->sum.ref_len += one.ref_len;
	for (size_t k = 0; k < ORDER; k++) {
		b->sum.correct[k] += one.correct[k];
		b->sum.total[k] += one.total[k];
	}
	score(b->each + b->n++ * MM_BLEU_FIGURES, &one, &b->options);
	return 0;
}

static int bleu_result(void *state, double *value, double *each,
		       struct mm_err *err)
{
	struct bleu *b = state;

	(void)err;
	score(value, &b->sum, &b->options);
	if (each && b->n)
		memcpy(each, b->each, b->n * MM_BLEU_FIGURES * sizeof(*each));
	return 0;
}

static void bleu_close(void *state)
{
	struct bleu *b = state;

	if (!b)
		return;
	mm_overlap_release(&b->scratch);
	mm_lines_release(&b->lines);
	mm_free(b->ref);
	mm_free(b->each);
	mm_free(b);
}

const struct mm_metric mm_metric_bleu = {
	.task = "text",
	.name = "bleu",
	.figure = figures,
	.equals = "sacrebleu",
	.open = bleu_open,
	.add = bleu_add,
	.result = bleu_result,
	.close = bleu_close,
};

void mm_bleu_verbose(struct mm_buf *out, const double f[MM_BLEU_FIGURES])
{
	for (size_t k = 0; k < ORDER; k++)
		mm_buf_printf(out, "%s%.1f", k ? "/" : "",
			      f[MM_BLEU_PRECISION + k]);
	mm_buf_printf(out,
		      " (BP = %.3f ratio = %.3f hyp_len = %.0f "
		      "ref_len = %.0f)",
		      f[MM_BLEU_BP], f[MM_BLEU_RATIO], f[MM_BLEU_HYP_LEN],
		      f[MM_BLEU_REF_LEN]);
}

void mm_bleu_signature(struct mm_buf *out, const struct mm_bleu_options *o,
		       size_t n_refs)
{
	static const char *const tokenizers[] = { "13a", "intl", "char",
						  "none" };
	static const char *const smoothings[] = { "exp", "floor", "add-k",
						  "none" };

	mm_buf_printf(out, "nrefs:%zu|case:%s|eff:%s|tok:%s|smooth:%s", n_refs,
		      o->lowercase ? "lc" : "mixed",
		      o->effective_order ? "yes" : "no",
		      tokenizers[o->tokenizer], smoothings[o->smoothing]);
	if (o->smoothing == MM_SMOOTH_FLOOR || o->smoothing == MM_SMOOTH_ADD_K)
		mm_buf_printf(out, "[%.2f]", o->smooth_value);
	mm_buf_adds(out, "|version:2.6.0");
}
