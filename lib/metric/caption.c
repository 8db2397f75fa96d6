/* caption.c - BLEU and ROUGE-L as coco-caption computes them (caption.h). */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "metric/caption.h"
#include "metric/metric.h"
#include "metric/words.h"

enum { ORDER = 4, N_BLEU = ORDER + 1 };

/* A growable array of figures, `width` a sample. */
struct rows {
	double *at;
	size_t n, cap;
};

static int rows_add(struct rows *r, const double *row, size_t width,
		    struct mm_err *err)
{
	if (r->n == r->cap) {
		size_t cap = r->cap ? 2 * r->cap : 1024, size;
		double *at;

		if (!mm_mul_ok(&size, cap, width))
			return mm_fail_nomem(err, "figures");
		at = mm_realloc(r->at, size, sizeof(*at));
		if (!at)
			return mm_fail_nomem(err, "figures");
		r->at = at;
		r->cap = cap;
	}
	memcpy(r->at + r->n++ * width, row, width * sizeof(*row));
	return 0;
}

/* ---- BLEU ---- */

struct bleu {
	struct mm_overlap_scratch scratch;
	struct mm_overlap sum;
	struct rows each;
};

static const char *const bleu_figures[] = { "BLEU-1", "BLEU-2", "BLEU-3",
					    "BLEU-4", "ratio",	NULL };

static void bleu_score(double value[N_BLEU], const struct mm_overlap *o)
{
	const double small = 1e-9, tiny = 1e-15;
	double product = 1;
	double ratio =
		((double)o->hyp_len + tiny) / ((double)o->ref_len + small);

	for (size_t k = 0; k < ORDER; k++) {
		product *= ((double)o->correct[k] + tiny) /
			   ((double)o->total[k] + small);
		value[k] = pow(product, 1 / (double)(k + 1));
		if (ratio < 1)
			value[k] *= exp(1 - 1 / ratio);
	}
	value[ORDER] = ratio;
}

static int bleu_open(void **state, const void *options, struct mm_err *err)
{
	(void)options;
	*state = mm_calloc(1, sizeof(struct bleu));
	return *state ? 0 : mm_fail_nomem(err, "figures");
}

static int bleu_add(void *state, const void *sample, struct mm_err *err)
{
	struct bleu *b = state;
	struct mm_overlap one;
	double value[N_BLEU];
	int rc = mm_overlap_count(&b->scratch, &one, sample, ORDER, err);

	if (rc)
		return rc;
	b->sum.hyp_len += one.hyp_len;
	b->sum.ref_len += one.ref_len;
	for (size_t k = 0; k < ORDER; k++) {
		b->sum.correct[k] += one.correct[k];
		b->sum.total[k] += one.total[k];
	}
	bleu_score(value, &one);
	return rows_add(&b->each, value, N_BLEU, err);
}

static int bleu_result(void *state, double *value, double *each,
		       struct mm_err *err)
{
	struct bleu *b = state;

	(void)err;
	bleu_score(value, &b->sum);
	if (each && b->each.n)
		memcpy(each, b->each.at, b->each.n * N_BLEU * sizeof(*each));
	return 0;
}

static void bleu_close(void *state)
{
	struct bleu *b = state;

	if (!b)
		return;
	mm_overlap_release(&b->scratch);
	mm_free(b->each.at);
	mm_free(b);
}

const struct mm_metric mm_metric_coco_bleu = {
	.task = "caption",
	.name = "BLEU",
	.figure = bleu_figures,
	.equals = "coco-caption",
	.open = bleu_open,
	.add = bleu_add,
	.result = bleu_result,
	.close = bleu_close,
};

/* ---- ROUGE-L ---- */

struct rouge {
	struct mm_words words;
	struct mm_u32s hyp, ref, row;
	struct rows each;
};

static const char *const rouge_figures[] = { "ROUGE-L", NULL };

static int rouge_open(void **state, const void *options, struct mm_err *err)
{
	(void)options;
	*state = mm_calloc(1, sizeof(struct rouge));
	return *state ? 0 : mm_fail_nomem(err, "figures");
}

static int rouge_add(void *state, const void *sample, struct mm_err *err)
{
	const double beta2 = 1.2 * 1.2;
	const struct mm_text_sample *s = sample;
	struct rouge *r = state;
	double precision = 0, recall = 0, f = 0;
	int rc;

	r->hyp.n = 0;
	rc = mm_words_split_blank(&r->words, s->hyp, &r->hyp, err);
	for (size_t i = 0; !rc && i < s->n_refs; i++) {
		size_t lcs;

		r->ref.n = 0;
		rc = mm_words_split_blank(&r->words, s->ref[i], &r->ref, err);
		if (!rc)
			rc = mm_lcs_length(r->hyp.at, r->hyp.n, r->ref.at,
					   r->ref.n, &r->row, &lcs, err);
		if (rc)
			return rc;
		precision = fmax(precision, (double)lcs / (double)r->hyp.n);
		recall = fmax(recall, (double)lcs / (double)r->ref.n);
	}
	if (rc)
		return rc;
	if (precision > 0 && recall > 0)
		f = (1 + beta2) * precision * recall /
		    (recall + beta2 * precision);
	return rows_add(&r->each, &f, 1, err);
}

static int rouge_result(void *state, double *value, double *each,
			struct mm_err *err)
{
	struct rouge *r = state;
	double sum = 0;

	(void)err;
	for (size_t i = 0; i < r->each.n; i++)
		sum += r->each.at[i];
	*value = r->each.n ? sum / (double)r->each.n : 0;
	if (each && r->each.n)
		memcpy(each, r->each.at, r->each.n * sizeof(*each));
	return 0;
}

static void rouge_close(void *state)
{
	struct rouge *r = state;

	if (!r)
		return;
	mm_words_release(&r->words);
	mm_u32s_release(&r->hyp);
	mm_u32s_release(&r->ref);
	mm_u32s_release(&r->row);
	mm_free(r->each.at);
	mm_free(r);
}

const struct mm_metric mm_metric_coco_rouge_l = {
	.task = "caption",
	.name = "ROUGE-L",
	.figure = rouge_figures,
	.equals = "coco-caption",
	.open = rouge_open,
	.add = rouge_add,
	.result = rouge_result,
	.close = rouge_close,
};
