/* eval_all.c - mmtool eval all: every figure of a model on one data set. */
#include <string.h>

#include "cmd.h"
#include "compare.h"
#include "retrieval_report.h"
#include "zeroshot.h"

struct all_args {
	struct mm_common common;
	struct mm_source_args source;
	const char *classes, *templates, *compare;
	struct mm_nums k;
	struct compare_args compare_by;
	int by;
	bool samples;
};

static const struct all_args defaults = {
	.common = { .batch_size = 64 },
	.k = { .n = 3, .at = { 1, 5, 10 } },
	.compare_by = { .resamples = 10000, .level = 0.95 },
};

#define T struct all_args
static const struct mm_opt opts[] = {
	MM_OPT_MODEL(T),
	MM_OPT_IMAGE_SIZE(T),
	MM_OPT_CACHE(T),
	MM_INTS('k', "k", T, k, "K,...", 1, MM_RETRIEVAL_MAX_K, 1, 1e6,
		"cut-offs of recall"),
	MM_PATH(0, "classes", T, classes, "FILE",
		"the names of the classes, one a line [the samples' "
		"label.name]"),
	MM_PATH(0, "templates", T, templates, "FILE",
		"prompts, one a line, with {c} for the name [a photo of a "
		"{c}.]"),
	MM_ENUM(0, "labels-by", T, by, zeroshot_by_words,
		"which class a sample's label is, as in eval zeroshot"),
	MM_FLAG(0, "samples", T, samples,
		"keep each sample's figures in the --json object, for "
		"--compare"),
	MM_OPT_SOURCE(T),
	MM_OPT_BATCH(T),
	MM_OPT_ON_ERROR(T),
	MM_GROUP("Comparing"),
	MM_PATH(0, "compare", T, compare, "A.json",
		"compare two results, the other being the operand B.json, as "
		"eval compare does"),
	MM_OPTS_COMPARE(T, compare_by),
	MM_OPT_SEED(T),
	MM_OPT_OUTPUT(T),
	MM_OPT_JSON(T),
	MM_OPT_GENERAL(T),
	MM_OPTS_END,
};
#undef T

struct job {
	const struct all_args *a;
	struct mm_vectors v;
	struct retrieval_report retrieval;
	struct zeroshot z;
	struct class_report classes;
	bool classified;
};

static bool has_labels(const struct job *j)
{
	if (j->z.names.name.n == 0)
		return false;
	for (size_t i = 0; i < j->v.n_images; i++) {
		int64_t label;

		memcpy(&label, j->v.label.data + i * sizeof(label),
		       sizeof(label));
		if (label >= 0 || mm_lines_at(&j->v.label_name, i).len)
			return true;
	}
	return false;
}

static int measure(struct job *j, struct mm_err *err)
{
	const struct all_args *a = j->a;
	const struct mm_retrieval_set set = mm_vectors_set(&j->v);
	int rc = retrieval_report_make(&j->retrieval, &set, err);

	if (!rc)
		rc = zeroshot_load(&j->z, a->classes, a->templates, &j->v, err);
	if (rc)
		return rc;
	if ((j->classified = has_labels(j)))
		return zeroshot_run(&j->z, &j->classes, &j->v, a->by, false,
				    err);
	mm_note(&a->common, "no classification: %s",
		a->classes ? "the samples have no labels"
			   : "the samples have no label.name, and no --classes "
			     "were given");
	return MM_OK;
}

static void put_json(const struct job *j, struct mm_buf *out)
{
	const struct mm_lines *const id[] = { &j->v.image_id, &j->v.text_id };
	struct mm_json_writer w;

	mm_json_writer_init(&w, out, 0);
	mm_json_open(&w, NULL, '{');
	retrieval_report_json(&j->retrieval, j->a->samples ? id : NULL, &w);
	if (j->classified) {
		mm_json_open(&w, "classification", '{');
		class_report_json(&j->classes, &w, false);
		if (j->a->samples)
			class_report_samples(&j->classes, &j->v.image_id, &w);
		mm_json_close(&w);
	} else {
		mm_json_put_null(&w, "classification");
	}
	mm_json_close(&w);
	mm_buf_addc(out, '\n');
}

static int report(const struct job *j, struct mm_err *err)
{
	struct mm_buf out = { 0 };
	int rc;

	if (j->a->common.json) {
		put_json(j, &out);
	} else {
		retrieval_report_table(&j->retrieval, &out);
		if (j->classified) {
			mm_buf_addc(&out, '\n');
			class_report_table(&j->classes, &out, false);
		}
	}
	rc = mm_output_text(&j->a->common, &out, err);
	mm_buf_release(&out);
	return rc;
}

static int evaluate(struct job *j, int argc, char **argv, struct mm_err *err)
{
	int rc = mm_vectors_open(&j->v, err);

	if (!rc)
		rc = mm_vectors_read(&j->v, &j->a->source, argc, argv, err);
	rc = mm_vectors_end(&j->v, rc, err);
	if (!rc)
		rc = measure(j, err);
	if (!rc)
		rc = report(j, err);
	class_report_release(&j->classes);
	zeroshot_release(&j->z);
	retrieval_report_release(&j->retrieval);
	mm_vectors_release(&j->v);
	return rc;
}

static int run(const void *args, int argc, char **argv, struct mm_err *err)
{
	const struct all_args *a = args;
	struct job j = { .a = a };

	if (a->compare && argc != 1)
		return mm_fail(err, MM_ERR_USAGE,
			       "--compare A.json takes one operand, B.json");
	if (a->compare)
		return compare_run(&a->common, &a->compare_by, a->compare,
				   argv[0], err);
	j.retrieval.o = mm_retrieval_defaults;
	j.retrieval.o.n_k = a->k.n;
	for (size_t i = 0; i < a->k.n; i++)
		j.retrieval.o.k[i] = (size_t)a->k.at[i];
	j.retrieval.folds = 1;
	j.v.common = &a->common;
	j.v.want_texts = true;
	return evaluate(&j, argc, argv, err);
}

const struct mm_cmd mm_cmd_eval_all = {
	.name = "eval",
	.mode = "all",
	.group = MM_MEASURE,
	.summary = "retrieval both ways and classification in one object",
	.synopsis = "(-m DIR SOURCE... | --compare A.json B.json) [OPTION]...",
	.details = "Classification is zero-shot, where the samples have "
		   "labels and their classes names.",
	.min_operands = 1,
	.max_operands = MM_MANY,
	.opts = opts,
	MM_ARGS(struct all_args, defaults),
	.run = run,
};
