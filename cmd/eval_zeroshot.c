/* eval_zeroshot.c - mmtool eval zeroshot: pictures named without training. */
#include "cmd.h"
#include "zeroshot.h"

struct zeroshot_args {
	struct mm_common common;
	struct mm_source_args source;
	const char *classes, *templates, *matrix, *per_sample;
	int by;
	bool embeddings, per_class, confusion, samples;
};

static const struct zeroshot_args defaults = {
	.common = { .batch_size = 64 },
};

#define T struct zeroshot_args
static const struct mm_opt opts[] = {
	MM_OPT_MODEL(T),
	MM_OPT_IMAGE_SIZE(T),
	MM_OPT_CACHE(T),
	MM_PATH(0, "classes", T, classes, "FILE",
		"the names of the classes, one a line"),
	MM_PATH(0, "templates", T, templates, "FILE",
		"prompts, one a line, with {c} for the name [a photo of a "
		"{c}.]"),
	MM_ENUM(0, "labels-by", T, by, zeroshot_by_words,
		"which class a sample's label is: by label.name, or by label, "
		"a line of --classes from 0; auto: by name where the first is "
		"one of the classes"),
	MM_FLAG(0, "embeddings", T, embeddings,
		"the stream holds image.embedding already"),
	MM_FLAG(0, "per-class", T, per_class, "show each class too"),
	MM_FLAG(0, "confusion", T, confusion, "print the confusion matrix too"),
	MM_PATH(0, "matrix", T, matrix, "FILE",
		"write the confusion matrix: a picture where the name ends in "
		".png or .svg, else tab-separated"),
	MM_PATH(0, "per-sample", T, per_sample, "FILE",
		"write the figures of each sample, tab-separated"),
	MM_FLAG(0, "samples", T, samples,
		"keep each sample's figures in the --json object, for eval "
		"compare"),
	MM_OPT_SOURCE(T),
	MM_OPT_BATCH(T),
	MM_OPT_ON_ERROR(T),
	MM_OPT_OUTPUT(T),
	MM_OPT_JSON(T),
	MM_OPT_GENERAL(T),
	MM_OPTS_END,
};
#undef T

static int report(const struct zeroshot_args *a, const struct mm_vectors *v,
		  const struct class_report *r, struct mm_err *err)
{
	struct mm_json_writer w;
	struct mm_buf out = { 0 };
	int rc = MM_OK;

	if (a->matrix)
		rc = class_report_save_matrix(r, a->matrix, err);
	if (!rc && a->per_sample)
		rc = class_report_save_each(r, &v->image_id, a->per_sample,
					    err);
	if (!rc && a->common.json) {
		mm_json_writer_init(&w, &out, 0);
		mm_json_open(&w, NULL, '{');
		mm_json_open(&w, "classification", '{');
		class_report_json(r, &w, a->per_class || a->confusion);
		if (a->samples)
			class_report_samples(r, &v->image_id, &w);
		mm_json_close(&w);
		mm_json_close(&w);
		mm_buf_addc(&out, '\n');
	} else if (!rc) {
		class_report_table(r, &out, a->per_class);
		if (a->confusion)
			class_report_matrix(r, &out);
	}
	if (!rc)
		rc = mm_output_text(&a->common, &out, err);
	mm_buf_release(&out);
	return rc;
}

static int run(const void *args, int argc, char **argv, struct mm_err *err)
{
	const struct zeroshot_args *a = args;
	struct mm_vectors v = { .common = &a->common,
				.embeddings = a->embeddings };
	struct class_report r = { 0 };
	struct zeroshot z = { 0 };
	int rc;

	if (!a->classes)
		return mm_fail(err, MM_ERR_USAGE, "--classes FILE is needed");
	rc = zeroshot_load(&z, a->classes, a->templates, &v, err);
	if (!rc)
		rc = mm_vectors_open(&v, err);
	if (!rc)
		rc = mm_vectors_read(&v, &a->source, argc, argv, err);
	rc = mm_vectors_end(&v, rc, err);
	if (!rc)
		rc = zeroshot_run(&z, &r, &v, a->by, a->confusion || a->matrix,
				  err);
	if (!rc)
		rc = report(a, &v, &r, err);
	class_report_release(&r);
	zeroshot_release(&z);
	mm_vectors_release(&v);
	return rc;
}

const struct mm_cmd mm_cmd_eval_zeroshot = {
	.name = "eval",
	.mode = "zeroshot",
	.group = MM_MEASURE,
	.summary = "classify pictures by the names of the classes",
	.synopsis = "-m DIR --classes FILE [OPTION]... SOURCE...",
	.details = "The score of a class is the cosine of the picture and the "
		   "mean of the class's prompts. Labels come from the column "
		   "label or label.name.",
	.min_operands = 1,
	.max_operands = MM_MANY,
	.opts = opts,
	MM_ARGS(struct zeroshot_args, defaults),
	.run = run,
};
