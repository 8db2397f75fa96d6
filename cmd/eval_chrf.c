/* eval_chrf.c - mmtool eval chrf: chrF and chrF++ as sacrebleu. */
#include "base/mem.h"
#include "cmd.h"
#include "eval_text.h"
#include "metric/bleu.h"
#include "metric/words.h"

struct chrf_args {
	struct mm_common common;
	const char *input, *per_sample;
	int64_t char_order, word_order, beta;
	bool lowercase, whitespace, eps_smoothing, sentence, samples;
};

static const struct chrf_args defaults = {
	.input = "-",
	.char_order = 6,
	.beta = 2,
};

static const struct mm_opt opts[] = {
	MM_PATH('i', "input", struct chrf_args, input, "FILE",
		"the hypotheses, a line each; '-' is standard input"),
	MM_INT(0, "char-order", struct chrf_args, char_order, "N", 0,
	       MM_MAX_ORDER, "longest n-gram of characters"),
	MM_INT(0, "word-order", struct chrf_args, word_order, "N", 0,
	       MM_MAX_ORDER, "longest n-gram of words; 2 is chrF++"),
	MM_INT(0, "beta", struct chrf_args, beta, "B", 0, 1000,
	       "how many times more recall counts than precision"),
	MM_FLAG(0, "lowercase", struct chrf_args, lowercase,
		"compare in lower case"),
	MM_FLAG(0, "whitespace", struct chrf_args, whitespace,
		"blanks are characters, too"),
	MM_FLAG(0, "eps-smoothing", struct chrf_args, eps_smoothing,
		"mean of the orders' scores, as chrF++.py, NLTK and Moses"),
	MM_FLAG(0, "sentence", struct chrf_args, sentence,
		"the score of each line by itself"),
	MM_PATH(0, "per-sample", struct chrf_args, per_sample, "FILE",
		"write the figures of each line, tab-separated"),
	MM_FLAG(0, "samples", struct chrf_args, samples,
		"keep each sample's figures in the --json object, for eval "
		"compare"),
	MM_OPT_OUTPUT(struct chrf_args),
	MM_OPT_JSON(struct chrf_args),
	MM_OPT_GENERAL(struct chrf_args),
	MM_OPTS_END,
};

static void put_json(struct mm_buf *out, const struct chrf_args *a,
		     const struct mm_chrf_options *o, double score,
		     const double *each, const struct eval_text *t)
{
	struct mm_buf text = { 0 };
	struct mm_json_writer w;

	mm_json_writer_init(&w, out, 1);
	mm_json_open(&w, NULL, '{');
	mm_chrf_name(&text, o);
	mm_json_put_str(&w, "name", mm_buf_str(&text));
	mm_json_put_num(&w, "score", score);
	mm_buf_clear(&text);
	mm_chrf_signature(&text, o, t->n_refs);
	mm_json_put_str(&w, "signature", mm_buf_str(&text));
	eval_put_signature(&w, mm_buf_str(&text));
	mm_buf_release(&text);
	if (a->sentence) {
		mm_json_open(&w, "sentences", '[');
		for (size_t i = 0; i < t->hyp.n; i++)
			mm_json_put_num(&w, NULL, each[i]);
		mm_json_close(&w);
	}
	if (a->samples)
		eval_put_samples(&w, NULL, mm_metric_chrf.figure, each,
				 t->hyp.n, 1);
	mm_json_close(&w);
	mm_buf_addc(out, '\n');
}

static void put_line(struct mm_buf *out, const struct mm_chrf_options *o,
		     double score)
{
	mm_chrf_name(out, o);
	mm_buf_printf(out, " = %.2f\n", score);
}

static int chrf_text(struct eval_text *t, const struct chrf_args *a,
		     const struct mm_chrf_options *o, struct mm_err *err)
{
	const struct mm_metric *m = mm_metric_find("text", "chrf");
	struct mm_buf out = { 0 };
	double score, *each = NULL;
	int rc = eval_text_score(t, m, o, &score, &each, err);

	if (!rc && a->per_sample)
		rc = eval_text_per_sample(a->per_sample, NULL, m->figure, each,
					  t->hyp.n, 1, err);
	if (!rc && a->common.json) {
		put_json(&out, a, o, score, each, t);
	} else if (!rc && a->sentence) {
		for (size_t i = 0; i < t->hyp.n; i++)
			put_line(&out, o, each[i]);
	} else if (!rc) {
		put_line(&out, o, score);
		mm_chrf_signature(&out, o, t->n_refs);
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
	const struct chrf_args *a = args;
	struct mm_chrf_options o = {
		.char_order = (size_t)a->char_order,
		.word_order = (size_t)a->word_order,
		.beta = (size_t)a->beta,
		.lowercase = a->lowercase,
		.whitespace = a->whitespace,
		.eps_smoothing = a->eps_smoothing,
	};
	struct eval_text t = { 0 };
	int rc;

	if (o.char_order + o.word_order == 0)
		return mm_fail(err, MM_ERR_USAGE,
			       "--char-order 0 needs --word-order");
	rc = eval_text_read(&t, a->input, argc, argv, err);
	if (!rc)
		rc = chrf_text(&t, a, &o, err);
	eval_text_release(&t);
	return rc;
}

const struct mm_cmd mm_cmd_eval_chrf = {
	.name = "eval",
	.mode = "chrf",
	.group = MM_MEASURE,
	.summary = "chrF and chrF++ of texts against references, as sacrebleu",
	.synopsis = "[OPTION]... REF... <HYP",
	.min_operands = 1,
	.max_operands = MM_MANY,
	.opts = opts,
	MM_ARGS(struct chrf_args, defaults),
	.run = run,
};
