/* eval_bleu.c - mmtool eval bleu: BLEU as sacrebleu. */
#include <math.h>

#include "base/mem.h"
#include "cmd.h"
#include "eval_text.h"
#include "metric/bleu.h"

struct bleu_args {
	struct mm_common common;
	const char *input, *per_sample;
	int tokenize, smooth;
	double smooth_value;
	bool lowercase, sentence, samples;
};

static const struct bleu_args defaults = {
	.input = "-",
	.smooth_value = MM_UNSET_REAL,
};

static const char *const tokenizers[] = { "13a", "intl", "char", "none", NULL };
static const char *const smoothings[] = { "exp", "floor", "add-k", "none",
					  NULL };

static const struct mm_opt opts[] = {
	MM_PATH('i', "input", struct bleu_args, input, "FILE",
		"the hypotheses, a line each; '-' is standard input"),
	MM_ENUM(0, "tokenize", struct bleu_args, tokenize, tokenizers,
		"what a word is: mteval-v13a's rules, mteval-v14's, a "
		"character, or what stands between blanks"),
	MM_FLAG(0, "lowercase", struct bleu_args, lowercase,
		"compare in lower case"),
	MM_ENUM(0, "smooth", struct bleu_args, smooth, smoothings,
		"what stands for an order of n-grams without a match"),
	MM_REAL(0, "smooth-value", struct bleu_args, smooth_value, "X", 0, 1e9,
		"of floor [0.1] and add-k [1]"),
	MM_FLAG(0, "sentence", struct bleu_args, sentence,
		"the score of each line by itself; orders that a line is too "
		"short for do not count"),
	MM_PATH(0, "per-sample", struct bleu_args, per_sample, "FILE",
		"write the figures of each line, tab-separated"),
	MM_FLAG(0, "samples", struct bleu_args, samples,
		"keep each sample's figures in the --json object, for eval "
		"compare"),
	MM_OPT_OUTPUT(struct bleu_args),
	MM_OPT_JSON(struct bleu_args),
	MM_OPT_GENERAL(struct bleu_args),
	MM_OPTS_END,
};

static void put_numbers(struct mm_json_writer *w, const char *key,
			const double *x)
{
	mm_json_open(w, key, '[');
	for (size_t k = 0; k < 4; k++)
		mm_json_put_num(w, NULL, x[k]);
	mm_json_close(w);
}

static void put_counts(struct mm_json_writer *w, const char *key,
		       const double *x)
{
	mm_json_open(w, key, '[');
	for (size_t k = 0; k < 4; k++)
		mm_json_put_int(w, NULL, (int64_t)x[k]);
	mm_json_close(w);
}

/* The figures of sacrebleu's BLEUScore. */
static void put_json(struct mm_buf *out, const struct bleu_args *a,
		     const struct mm_bleu_options *o, const double *f,
		     const double *each, const struct eval_text *t)
{
	struct mm_buf text = { 0 };
	struct mm_json_writer w;

	mm_json_writer_init(&w, out, 1);
	mm_json_open(&w, NULL, '{');
	mm_json_put_str(&w, "name", "BLEU");
	mm_json_put_num(&w, "score", f[MM_BLEU_SCORE]);
	mm_bleu_signature(&text, o, t->n_refs);
	mm_json_put_str(&w, "signature", mm_buf_str(&text));
	eval_put_signature(&w, mm_buf_str(&text));
	mm_buf_clear(&text);
	mm_bleu_verbose(&text, f);
	mm_json_put_str(&w, "verbose_score", mm_buf_str(&text));
	mm_buf_release(&text);
	put_counts(&w, "counts", f + MM_BLEU_COUNT);
	put_counts(&w, "totals", f + MM_BLEU_TOTAL);
	put_numbers(&w, "precisions", f + MM_BLEU_PRECISION);
	mm_json_put_num(&w, "bp", f[MM_BLEU_BP]);
	mm_json_put_num(&w, "ratio", f[MM_BLEU_RATIO]);
	mm_json_put_int(&w, "sys_len", (int64_t)f[MM_BLEU_HYP_LEN]);
	mm_json_put_int(&w, "ref_len", (int64_t)f[MM_BLEU_REF_LEN]);
	if (a->sentence) {
		mm_json_open(&w, "sentences", '[');
		for (size_t i = 0; i < t->hyp.n; i++)
			mm_json_put_num(&w, NULL, each[i * MM_BLEU_FIGURES]);
		mm_json_close(&w);
	}
	if (a->samples)
		eval_put_samples(&w, NULL, mm_metric_bleu.figure, each,
				 t->hyp.n, MM_BLEU_FIGURES);
	mm_json_close(&w);
	mm_buf_addc(out, '\n');
}

static void put_line(struct mm_buf *out, const double *f)
{
	mm_buf_printf(out, "BLEU = %.2f ", f[MM_BLEU_SCORE]);
	mm_bleu_verbose(out, f);
	mm_buf_addc(out, '\n');
}

static int bleu_text(struct eval_text *t, const struct bleu_args *a,
		     const struct mm_bleu_options *o, struct mm_err *err)
{
	const struct mm_metric *m = mm_metric_find("text", "bleu");
	double f[MM_BLEU_FIGURES], *each = NULL;
	struct mm_buf out = { 0 };
	int rc = eval_text_score(t, m, o, f, &each, err);

	if (!rc && a->per_sample)
		rc = eval_text_per_sample(a->per_sample, NULL, m->figure, each,
					  t->hyp.n, MM_BLEU_FIGURES, err);
	if (!rc && a->common.json) {
		put_json(&out, a, o, f, each, t);
	} else if (!rc && a->sentence) {
		for (size_t i = 0; i < t->hyp.n; i++)
			put_line(&out, each + i * MM_BLEU_FIGURES);
	} else if (!rc) {
		put_line(&out, f);
		mm_bleu_signature(&out, o, t->n_refs);
		mm_buf_addc(&out, '\n');
	}
	if (!rc)
		rc = mm_output_text(&a->common, &out, err);
	mm_buf_release(&out);
	mm_free(each);
	return rc;
}

static int run(const void *args, int argc, char **argv, struct mm_err *err)
{
	const struct bleu_args *a = args;
	struct mm_bleu_options o = {
		.tokenizer = (enum mm_bleu_tokenizer)a->tokenize,
		.smoothing = (enum mm_bleu_smoothing)a->smooth,
		.smooth_value = a->smooth_value,
		.lowercase = a->lowercase,
		.effective_order = a->sentence,
	};
	struct eval_text t = { 0 };
	int rc;

	if (isnan(o.smooth_value))
		o.smooth_value = mm_bleu_smooth_default(o.smoothing);
	else if (o.smoothing != MM_SMOOTH_FLOOR &&
		 o.smoothing != MM_SMOOTH_ADD_K)
		return mm_fail(err, MM_ERR_USAGE,
			       "--smooth-value goes with --smooth floor or "
			       "add-k");
	rc = eval_text_read(&t, a->input, argc, argv, err);
	if (!rc)
		rc = bleu_text(&t, a, &o, err);
	eval_text_release(&t);
	return rc;
}

const struct mm_cmd mm_cmd_eval_bleu = {
	.name = "eval",
	.mode = "bleu",
	.group = MM_MEASURE,
	.summary = "BLEU of texts against references, as sacrebleu",
	.synopsis = "[OPTION]... REF... <HYP",
	.min_operands = 1,
	.max_operands = MM_MANY,
	.opts = opts,
	MM_ARGS(struct bleu_args, defaults),
	.run = run,
};
