/* eval_classify.c - mmtool eval classify: predictions against labels. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "class_report.h"
#include "cmd.h"
#include "head_labels.h"
#include "metric/scores.h"

struct classify_args {
	struct mm_common common;
	const char *predictions, *labels, *classes, *scores, *matrix,
		*per_sample;
	double threshold;
	bool multi_label, confusion, samples;
};

static const struct classify_args defaults = { .threshold = 0.5 };

#define T struct classify_args
static const struct mm_opt opts[] = {
	MM_PATH('m', "model", T, common.model, "DIR",
		"a model trained with --loss classify or fusion: its guesses, "
		"and the labels, of preprocessed streams"),
	MM_PATH(0, "predictions", T, predictions, "FILE",
		"predicted labels, one sample a line; further guesses of it, "
		"best first, behind tabs"),
	MM_PATH(0, "labels", T, labels, "FILE",
		"true labels, one sample a line"),
	MM_PATH(0, "classes", T, classes, "FILE",
		"the names of all classes, one a line [those that occur]"),
	MM_PATH(0, "scores", T, scores, "FILE",
		"a score for each of the --classes, a line a sample: for "
		"top-5 accuracy and mean average precision; --predictions may "
		"then be missing"),
	MM_FLAG(0, "multi-label", T, multi_label,
		"any number of labels a line, tabs between"),
	MM_REAL(0, "threshold", T, threshold, "X", -1e30, 1e30,
		"--multi-label without --predictions: a score of X or more is "
		"a label"),
	MM_FLAG(0, "confusion", T, confusion, "print the confusion matrix too"),
	MM_PATH(0, "matrix", T, matrix, "FILE",
		"write the confusion matrix: a picture where the name ends in "
		".png or .svg, else tab-separated"),
	MM_PATH(0, "per-sample", T, per_sample, "FILE",
		"write the figures of each sample, tab-separated"),
	MM_FLAG(0, "samples", T, samples,
		"keep each sample's figures in the --json object, for eval "
		"compare"),
	MM_OPT_OUTPUT(T),
	MM_OPT_JSON(T),
	MM_OPT_GENERAL(T),
	MM_OPTS_END,
};
#undef T

struct job {
	const struct classify_args *a;
	const char *const *streams;
	size_t n_streams;
	struct mm_class_names names;
	struct mm_labels truth, guess;
	struct mm_scores scores;
	struct class_report report;
};

static const char *name_of(const char *path)
{
	return strcmp(path, "-") ? path : "standard input";
}

static int load_labels(struct job *j, struct mm_labels *out, const char *path,
		       struct mm_err *err)
{
	struct mm_lines lines = { 0 };
	int rc = mm_lines_load(&lines, path, err);

	if (!rc)
		rc = mm_labels_parse(out, &j->names, &lines, name_of(path),
				     !j->a->classes, err);
	mm_lines_release(&lines);
	return rc;
}

/* One sample a line in both; one label in each line where only one may be. */
static int check_lines(const struct job *j, const struct mm_labels *l,
		       const char *path, bool many, struct mm_err *err)
{
	for (size_t i = 0; i < l->n && !j->a->multi_label; i++) {
		size_t n;

		mm_labels_at(l, i, &n);
		if (!n || (n > 1 && !many))
			return mm_fail(err, MM_ERR_FORMAT, "'%s', line %zu: %s",
				       name_of(path), i + 1,
				       n ? "several labels; --multi-label "
					   "is for those"
					 : "no label");
	}
	if (l->n != j->truth.n)
		return mm_fail(
			err, MM_ERR_FORMAT, "'%s' has %zu lines, '%s' has %zu",
			name_of(path), l->n, name_of(j->a->labels), j->truth.n);
	return MM_OK;
}

/* What the model says, as files of labels would. */
static int ask_model(struct job *j, struct mm_err *err)
{
	const struct classify_args *a = j->a;
	struct mm_lines truth = { 0 }, guess = { 0 };
	int rc = head_labels(&truth, &guess, &j->names, a->common.model,
			     j->streams, j->n_streams, err);

	if (!rc)
		rc = mm_labels_parse(&j->truth, &j->names, &truth,
				     a->common.model, !a->classes, err);
	if (!rc)
		rc = mm_labels_parse(&j->guess, &j->names, &guess,
				     a->common.model, !a->classes, err);
	mm_lines_release(&truth);
	mm_lines_release(&guess);
	return rc;
}

static int load(struct job *j, struct mm_err *err)
{
	const struct classify_args *a = j->a;
	int rc = MM_OK;

	if (a->classes)
		rc = mm_class_names_load(&j->names, a->classes, err);
	if (!rc && a->common.model)
		return ask_model(j, err);
	if (!rc)
		rc = load_labels(j, &j->truth, a->labels, err);
	if (!rc && !j->truth.n)
		rc = mm_fail(err, MM_ERR_FORMAT, "'%s' is empty",
			     name_of(a->labels));
	if (!rc)
		rc = check_lines(j, &j->truth, a->labels, false, err);
	if (!rc && a->predictions &&
	    !(rc = load_labels(j, &j->guess, a->predictions, err)))
		rc = check_lines(j, &j->guess, a->predictions, true, err);
	if (rc || !a->scores)
		return rc;
	if ((rc = mm_scores_load(&j->scores, a->scores, j->names.name.n, err)))
		return rc;
	if (j->scores.n != j->truth.n)
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s' has %zu lines, '%s' has %zu",
			       name_of(a->scores), j->scores.n,
			       name_of(a->labels), j->truth.n);
	if (a->multi_label)
		return a->predictions ? MM_OK
				      : mm_scores_above(&j->guess, &j->scores,
							a->threshold, err);
	mm_labels_release(&j->guess);
	return mm_scores_rank(&j->guess, &j->scores, &j->truth, err);
}

static int report(struct job *j, struct mm_err *err)
{
	const struct classify_args *a = j->a;
	struct class_report *r = &j->report;
	struct mm_json_writer w;
	struct mm_buf out = { 0 };
	int rc = MM_OK;

	if (a->matrix)
		rc = class_report_save_matrix(r, a->matrix, err);
	if (!rc && a->per_sample)
		rc = class_report_save_each(r, NULL, a->per_sample, err);
	if (!rc && a->common.json) {
		mm_json_writer_init(&w, &out, 1);
		mm_json_open(&w, NULL, '{');
		mm_json_open(&w, "classification", '{');
		class_report_json(r, &w, true);
		if (a->samples)
			class_report_samples(r, NULL, &w);
		mm_json_close(&w);
		mm_json_close(&w);
		mm_buf_addc(&out, '\n');
	} else if (!rc) {
		class_report_table(r, &out, true);
		if (a->confusion)
			class_report_matrix(r, &out);
	}
	if (!rc)
		rc = mm_output_text(&a->common, &out, err);
	mm_buf_release(&out);
	return rc;
}

static int check_args(const struct job *j, struct mm_err *err)
{
	const struct classify_args *a = j->a;

	if (a->common.model &&
	    (a->labels || a->predictions || a->scores || a->multi_label))
		return mm_fail(err, MM_ERR_USAGE,
			       "-m: labels and predictions are the streams' "
			       "and the model's");
	if (a->common.model)
		return j->n_streams ? MM_OK
				    : mm_fail(err, MM_ERR_USAGE,
					      "-m wants a preprocessed stream");
	if (j->n_streams)
		return mm_fail(err, MM_ERR_USAGE,
			       "'%s': streams are for -m DIR", j->streams[0]);
	if (!a->labels || (!a->predictions && !a->scores))
		return mm_fail(err, MM_ERR_USAGE,
			       "--labels FILE and --predictions FILE (or "
			       "--scores FILE) are needed");
	if (a->scores && !a->classes)
		return mm_fail(err, MM_ERR_USAGE,
			       "--scores needs --classes: whose scores they "
			       "are");
	if (a->scores && a->predictions && !a->multi_label)
		return mm_fail(err, MM_ERR_USAGE,
			       "--scores rank the classes: --predictions "
			       "would say it twice");
	if (a->multi_label && (a->confusion || a->matrix))
		return mm_fail(err, MM_ERR_USAGE,
			       "a confusion matrix needs one label a sample");
	return MM_OK;
}

static int run(const void *args, int argc, char **argv, struct mm_err *err)
{
	struct job j = { .a = args,
			 .streams = (const char *const *)argv,
			 .n_streams = (size_t)argc };
	const bool matrix = j.a->confusion || j.a->matrix;
	int rc = check_args(&j, err);

	if (!rc)
		rc = load(&j, err);
	if (!rc)
		rc = j.a->multi_label
			     ? class_report_multi(&j.report, &j.names, &j.truth,
						  &j.guess, j.scores.score, err)
			     : class_report_single(&j.report, &j.names,
						   &j.truth, &j.guess, matrix,
						   err);
	if (!rc)
		rc = report(&j, err);
	class_report_release(&j.report);
	mm_scores_release(&j.scores);
	mm_labels_release(&j.truth);
	mm_labels_release(&j.guess);
	mm_class_names_release(&j.names);
	return rc;
}

const struct mm_cmd mm_cmd_eval_classify = {
	.name = "eval",
	.mode = "classify",
	.group = MM_MEASURE,
	.summary = "accuracy, F1 and confusion of predicted labels",
	.synopsis = "[OPTION]... (--labels FILE (--predictions | --scores) "
		    "FILE | -m DIR STREAM...)",
	.details = "Figures and their rules on absent classes are "
		   "scikit-learn's.",
	.max_operands = MM_MANY,
	.opts = opts,
	MM_ARGS(struct classify_args, defaults),
	.run = run,
};
