/* eval_rouge.c - mmtool eval rouge: ROUGE as rouge_score. */
#include <string.h>

#include "base/mem.h"
#include "cmd.h"
#include "eval_text.h"
#include "metric/rouge.h"
#include "table.h"

struct rouge_args {
	struct mm_common common;
	const char *input, *per_sample, *sentence_mark;
	bool stem, samples;
};

static const struct rouge_args defaults = { .input = "-" };

static const struct mm_opt opts[] = {
	MM_PATH('i', "input", struct rouge_args, input, "FILE",
		"the hypotheses, a line each; '-' is standard input"),
	MM_FLAG(0, "stem", struct rouge_args, stem,
		"compare stems, by Porter's rules"),
	MM_STR(0, "sentence-mark", struct rouge_args, sentence_mark, "TEXT",
	       "what parts the sentences of a line, for rougeLsum [a line is "
	       "one sentence]"),
	MM_PATH(0, "per-sample", struct rouge_args, per_sample, "FILE",
		"write the figures of each line, tab-separated"),
	MM_FLAG(0, "samples", struct rouge_args, samples,
		"keep each sample's figures in the --json object, for eval "
		"compare"),
	MM_OPT_OUTPUT(struct rouge_args),
	MM_OPT_JSON(struct rouge_args),
	MM_OPT_GENERAL(struct rouge_args),
	MM_OPTS_END,
};

static const char *const kinds[] = { "rouge1", "rouge2", "rougeL",
				     "rougeLsum" };

/* In place of every mark a line end, which is what the metric knows. */
static int split_sentences(struct mm_lines *t, const char *mark,
			   struct mm_err *err)
{
	struct mm_lines out = { 0 };
	size_t len = strlen(mark);
	int rc = MM_OK;

	for (size_t i = 0; !rc && i < t->n; i++) {
		struct mm_line s = mm_lines_at(t, i);

		for (size_t k = 0; k < s.len;) {
			bool here =
				s.len - k >= len && !memcmp(s.s + k, mark, len);

			mm_buf_addc(&out.bytes, here ? '\n' : s.s[k]);
			k += here ? len : 1;
		}
		rc = mm_lines_end(&out, err);
	}
	mm_lines_release(t);
	*t = out;
	return rc;
}

/* Samples of one kind, beside its figures. */
static void put_samples(struct mm_json_writer *w, size_t kind,
			const double *each, size_t n)
{
	static const char *const names[] = { "precision", "recall",
					     "fmeasure" };

	mm_json_open(w, "samples", '{');
	mm_json_open(w, "id", '[');
	for (size_t i = 0; i < n; i++)
		mm_json_put_int(w, NULL, (int64_t)i + 1);
	mm_json_close(w);
	for (size_t k = 0; k < 3; k++) {
		mm_json_open(w, names[k], '[');
		for (size_t i = 0; i < n; i++)
			mm_json_put_num(
				w, NULL,
				each[i * MM_ROUGE_FIGURES + 3 * kind + k]);
		mm_json_close(w);
	}
	mm_json_close(w);
}

/* each NULL: samples are not wanted. */
static void put_json(struct mm_buf *out, const double *f, const double *each,
		     size_t n)
{
	struct mm_json_writer w;

	mm_json_writer_init(&w, out, 1);
	mm_json_open(&w, NULL, '{');
	for (size_t k = 0; k < MM_ROUGE_KINDS; k++, f += 3) {
		mm_json_open(&w, kinds[k], '{');
		mm_json_put_num(&w, "precision", f[MM_ROUGE_PRECISION]);
		mm_json_put_num(&w, "recall", f[MM_ROUGE_RECALL]);
		mm_json_put_num(&w, "fmeasure", f[MM_ROUGE_F]);
		if (each)
			put_samples(&w, k, each, n);
		mm_json_close(&w);
	}
	mm_json_close(&w);
	mm_buf_addc(out, '\n');
}

static void put_table(struct mm_buf *out, const double *f)
{
	static const char *const heads[] = { "", "precision", "recall",
					     "fmeasure" };
	struct mm_table t = { 0 };

	for (size_t i = 0; i < 4; i++)
		mm_table_cell(&t, "%s", heads[i]);
	mm_table_row(&t);
	for (size_t k = 0; k < MM_ROUGE_KINDS; k++) {
		mm_table_cell(&t, "%s", kinds[k]);
		for (size_t i = 0; i < 3; i++)
			mm_table_cell(&t, "%.4f", *f++);
		mm_table_row(&t);
	}
	mm_table_print(&t, out, 0);
}

static int rouge_text(struct eval_text *t, const struct rouge_args *a,
		      struct mm_err *err)
{
	const struct mm_metric *m = mm_metric_find("text", "rouge");
	struct mm_rouge_options o = { .stem = a->stem };
	double f[MM_ROUGE_FIGURES], *each = NULL;
	struct mm_buf out = { 0 };
	int rc = eval_text_score(t, m, &o, f, &each, err);

	if (!rc && a->per_sample)
		rc = eval_text_per_sample(a->per_sample, NULL, m->figure, each,
					  t->hyp.n, MM_ROUGE_FIGURES, err);
	if (!rc && a->common.json)
		put_json(&out, f, a->samples ? each : NULL, t->hyp.n);
	else if (!rc)
		put_table(&out, f);
	if (!rc)
		rc = mm_output_text(&a->common, &out, err);
	mm_buf_release(&out);
	mm_free(each);
	return rc;
}

static int run(const void *args, int argc, char **argv, struct mm_err *err)
{
	const struct rouge_args *a = args;
	struct eval_text t = { 0 };
	int rc;

	if (a->sentence_mark && !*a->sentence_mark)
		return mm_fail(err, MM_ERR_USAGE,
			       "--sentence-mark must not be empty");
	rc = eval_text_read(&t, a->input, argc, argv, err);
	if (!rc && a->sentence_mark)
		rc = split_sentences(&t.hyp, a->sentence_mark, err);
	for (size_t i = 0; !rc && a->sentence_mark && i < t.n_refs; i++)
		rc = split_sentences(&t.ref[i], a->sentence_mark, err);
	if (!rc)
		rc = rouge_text(&t, a, err);
	eval_text_release(&t);
	return rc;
}

const struct mm_cmd mm_cmd_eval_rouge = {
	.name = "eval",
	.mode = "rouge",
	.group = MM_MEASURE,
	.summary = "ROUGE of texts against references, as rouge_score",
	.synopsis = "[OPTION]... REF... <HYP",
	.min_operands = 1,
	.max_operands = MM_MANY,
	.opts = opts,
	MM_ARGS(struct rouge_args, defaults),
	.run = run,
};
