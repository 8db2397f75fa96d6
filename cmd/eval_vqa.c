/* eval_vqa.c - mmtool eval vqa: the official accuracy of VQA. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "cmd.h"
#include "eval_text.h"
#include "metric/vqa.h"
#include "table.h"

struct vqa_args {
	struct mm_common common;
	const char *questions, *annotations, *results, *per_sample;
	int mode; /* enum mm_vqa_mode */
	bool samples;
};

static const struct vqa_args defaults = { .mode = MM_VQA_OFFICIAL };

static const char *const modes[] = { "official", "relaxed", "any", NULL };

static const struct mm_opt opts[] = {
	MM_PATH(0, "annotations", struct vqa_args, annotations, "FILE",
		"what people answered, with question and answer types"),
	MM_PATH(0, "results", struct vqa_args, results, "FILE",
		"a list of question_id and answer"),
	MM_PATH(0, "questions", struct vqa_args, questions, "FILE",
		"the questions; every annotation must have one"),
	MM_ENUM(0, "vqa", struct vqa_args, mode, modes,
		"official; relaxed: normalise answers also where people "
		"agree; any: right where it equals one of the answers"),
	MM_PATH(0, "per-sample", struct vqa_args, per_sample, "FILE",
		"write the accuracy of each question"),
	MM_FLAG(0, "samples", struct vqa_args, samples,
		"keep each question's accuracy in the --json object, for eval "
		"compare"),
	MM_OPT_OUTPUT(struct vqa_args),
	MM_OPT_JSON(struct vqa_args),
	MM_OPT_GENERAL(struct vqa_args),
	MM_OPTS_END,
};

static void put_groups(struct mm_json_writer *w, const char *key,
		       const struct mm_vqa_group *g, size_t n)
{
	mm_json_open(w, key, '{');
	for (size_t i = 0; i < n; i++)
		mm_json_put_num(w, g[i].name,
				mm_vqa_percent(g[i].sum / (double)g[i].n));
	mm_json_close(w);
}

/* Strings lose their quotes; what the file has is an id, not JSON. */
static int samples_of(const struct mm_vqa_result *r, struct mm_lines *id,
		      double *each, struct mm_err *err)
{
	int rc = MM_OK;

	for (size_t i = 0; i < r->n && !rc; i++) {
		struct mm_json *v;

		each[i] = mm_vqa_percent(r->accuracy[i]);
		rc = mm_json_parse(&v, r->id[i], strlen(r->id[i]), "id", err);
		if (!rc)
			rc = mm_json_str(v, NULL)
				     ? mm_lines_add(id, mm_json_str(v, ""),
						    mm_json_str_len(v), err)
				     : mm_lines_add(id, r->id[i],
						    strlen(r->id[i]), err);
		mm_json_free(v);
	}
	return rc;
}

static void print_json(struct mm_buf *out, const struct vqa_args *a,
		       const struct mm_vqa_result *r, const struct mm_lines *id,
		       const double *each)
{
	static const char *const overall[] = { "overall" };
	struct mm_json_writer w;

	mm_json_writer_init(&w, out, 2);
	mm_json_open(&w, NULL, '{');
	mm_json_open(&w, "accuracy", '{');
	mm_json_put_num(&w, "overall", mm_vqa_percent(r->overall));
	put_groups(&w, "perQuestionType", r->question_type,
		   r->n_question_types);
	put_groups(&w, "perAnswerType", r->answer_type, r->n_answer_types);
	if (a->samples)
		eval_put_samples(&w, id, overall, each, r->n, 1);
	mm_json_close(&w);
	mm_json_put_int(&w, "n", (int64_t)r->n);
	if (a->per_sample)
		mm_json_put_str(&w, "per_sample", a->per_sample);
	mm_json_close(&w);
	mm_buf_addc(out, '\n');
}

static void table_groups(struct mm_table *t, const char *kind,
			 const struct mm_vqa_group *g, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		mm_table_cell(t, "%s", kind);
		mm_table_cell(t, "%s", g[i].name);
		mm_table_cell(t, "%.2f",
			      mm_vqa_percent(g[i].sum / (double)g[i].n));
		mm_table_cell(t, "%zu", g[i].n);
		mm_table_row(t);
	}
}

static void print_table(struct mm_buf *out, const struct mm_vqa_result *r)
{
	struct mm_table t = { 0 };

	mm_table_cell(&t, "of");
	mm_table_cell(&t, "type");
	mm_table_cell(&t, "accuracy");
	mm_table_cell(&t, "n");
	mm_table_row(&t);
	mm_table_cell(&t, "all");
	mm_table_cell(&t, "%s", "");
	mm_table_cell(&t, "%.2f", mm_vqa_percent(r->overall));
	mm_table_cell(&t, "%zu", r->n);
	mm_table_row(&t);
	table_groups(&t, "question", r->question_type, r->n_question_types);
	table_groups(&t, "answer", r->answer_type, r->n_answer_types);
	mm_table_print(&t, out, 0);
}

static int report(const struct vqa_args *a, const struct mm_vqa_result *r,
		  struct mm_err *err)
{
	static const char *const names[] = { "accuracy", NULL };
	double *each = mm_malloc(r->n, sizeof(*each));
	struct mm_lines id = { 0 };
	struct mm_buf out = { 0 };
	int rc = each ? samples_of(r, &id, each, err)
		      : mm_fail_nomem(err, "figures");

	if (!rc && a->per_sample)
		rc = eval_text_per_sample(a->per_sample, &id, names, each, r->n,
					  1, err);
	if (!rc) {
		if (a->common.json)
			print_json(&out, a, r, &id, each);
		else
			print_table(&out, r);
		rc = mm_output_text(&a->common, &out, err);
	}
	mm_buf_release(&out);
	mm_lines_release(&id);
	mm_free(each);
	return rc;
}

static int run(const void *args, int argc, char **argv, struct mm_err *err)
{
	const struct vqa_args *a = args;
	struct mm_json *annotations = NULL, *results = NULL, *questions = NULL;
	struct mm_buf differences = { 0 };
	struct mm_vqa_result r = { 0 };
	int rc;

	(void)argc, (void)argv;
	if (!a->annotations || !a->results)
		return mm_fail(err, MM_ERR_USAGE,
			       "--annotations FILE and --results FILE are "
			       "needed");
	rc = mm_json_load(&annotations, a->annotations, err);
	if (!rc)
		rc = mm_json_load(&results, a->results, err);
	if (!rc && a->questions)
		rc = mm_json_load(&questions, a->questions, err);
	if (!rc) {
		const struct mm_vqa_files files = { annotations, results,
						    questions,	 a->annotations,
						    a->results,	 a->questions };

		rc = mm_vqa_eval(&r, &files, (enum mm_vqa_mode)a->mode,
				 &differences, err);
		if (differences.len)
			fputs(differences.data, stderr);
	}
	if (!rc)
		rc = report(a, &r, err);
	mm_vqa_result_release(&r);
	mm_buf_release(&differences);
	mm_json_free(annotations);
	mm_json_free(results);
	mm_json_free(questions);
	return rc;
}

const struct mm_cmd mm_cmd_eval_vqa = {
	.name = "eval",
	.mode = "vqa",
	.group = MM_MEASURE,
	.summary = "accuracy of answers to questions, as the VQA script",
	.synopsis = "[OPTION]... --annotations FILE --results FILE",
	.max_operands = 0,
	.opts = opts,
	MM_ARGS(struct vqa_args, defaults),
	.run = run,
};
