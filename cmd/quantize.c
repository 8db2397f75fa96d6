/* quantize.c - mmtool quantize: a model folder in int8. */
#include "cmd.h"
#include "compress/quantize.h"
#include "compress_report.h"

struct quantize_args {
	struct mm_common common;
	struct mm_list calibrate, verify, skip;
	int method, range;
	bool per_channel;
	double percentile, max_loss;
	int64_t samples;
};

static const char *const methods[] = { "dynamic", "static", "weight-only",
				       NULL };
static const char *const ranges[] = { "minmax", "percentile", "mse", NULL };

static const struct quantize_args defaults = {
	.common = { .batch_size = 32 },
	.per_channel = true,
	.percentile = 99.99,
	.max_loss = 1,
	.samples = 1024,
};

#define T struct quantize_args
static const struct mm_opt opts[] = {
	MM_OPT_MODEL(T),
	MM_OPT_OUTPUT_DIR(T),
	MM_ENUM(0, "method", T, method, methods,
		"activations: a scale per token, scales found on samples, or "
		"left in float"),
	MM_FLAG(0, "per-channel", T, per_channel,
		"a scale for each output of a layer, not one for all"),
	MM_LIST(0, "skip", T, skip, "GLOB",
		"weights that stay as they are, by name"),
	MM_GROUP("Samples"),
	MM_LIST(0, "calibrate", T, calibrate, "STREAM",
		"samples that static scales, and sensitive layers, are found "
		"on"),
	MM_INT(0, "samples", T, samples, "N", 0, 1e9,
	       "take the first N of them (0: all)"),
	MM_ENUM(0, "range", T, range, ranges,
		"static: how a scale is found on the samples"),
	MM_REAL(0, "percentile", T, percentile, "P", 50, 100,
		"of --range percentile"),
	MM_LIST(0, "verify", T, verify, "STREAM",
		"samples that the result is measured on [those of "
		"--calibrate]"),
	MM_REAL(0, "max-loss", T, max_loss, "POINTS", 0, 100,
		"keep layers in float until recall@1 falls by no more; refuse "
		"where that does not help"),
	MM_OPT_BATCH(T),
	MM_OPT_JSON(T),
	MM_OPT_GENERAL(T),
	MM_OPTS_END,
};
#undef T

struct job {
	const struct quantize_args *a;
	struct mm_quantizer q;
	struct mm_fidelity f;
	bool measured;
	size_t before, after; /* bytes */
};

/* ---- the report ---- */

static void put_json(struct mm_buf *out, const void *ctx)
{
	const struct job *j = ctx;
	struct mm_json_writer w;

	mm_json_writer_init(&w, out, 0);
	mm_json_open(&w, NULL, '{');
	mm_json_put_str(&w, "method", methods[j->a->method]);
	mm_json_put_int(&w, "bytes_before", (int64_t)j->before);
	mm_json_put_int(&w, "bytes_after", (int64_t)j->after);
	mm_json_put_num(&w, "ratio", (double)j->after / (double)j->before);
	mm_json_put_int(&w, "layers", (int64_t)j->q.n);
	mm_json_open(&w, "kept", '[');
	for (size_t i = 0; i < j->q.n; i++)
		if (j->q.w[i].keep)
			mm_json_put_str(&w, NULL, j->q.w[i].p->name);
	mm_json_close(&w);
	if (j->measured) {
		mm_json_open(&w, "cosine", '{');
		mm_json_put_num(&w, "image", j->f.image_cosine);
		mm_json_put_num(&w, "text", j->f.text_cosine);
		mm_json_put_num(&w, "image_min", j->f.image_least);
		mm_json_put_num(&w, "text_min", j->f.text_least);
		mm_json_close(&w);
		mm_report_recall(&w, &j->f);
		mm_json_put_num(&w, "loss", j->f.loss);
	}
	mm_json_close(&w);
	mm_buf_addc(out, '\n');
}

static void put_table(struct mm_buf *out, const void *ctx)
{
	const struct job *j = ctx;

	mm_buf_printf(out, "%zu bytes of weights, %zu before (%.3f)\n",
		      j->after, j->before,
		      (double)j->after / (double)j->before);
	for (size_t i = 0; i < j->q.n; i++)
		if (j->q.w[i].keep)
			mm_buf_printf(out, "in float: %s\n", j->q.w[i].p->name);
	if (!j->measured)
		return;
	mm_buf_printf(out,
		      "cosine of images %.6f (least %.6f), of texts %.6f "
		      "(least %.6f)\n",
		      j->f.image_cosine, j->f.image_least, j->f.text_cosine,
		      j->f.text_least);
	mm_report_recall_table(out, &j->f);
}

/* ---- the work ---- */

static int check_args(const struct quantize_args *a, struct mm_err *err)
{
	int rc;

	if ((rc = mm_need_model(&a->common, err)) ||
	    (rc = mm_need_output(&a->common, err)))
		return rc;
	if (a->method == MM_QUANT_STATIC && !a->calibrate.n)
		return mm_fail(err, MM_ERR_USAGE,
			       "--method static finds its scales on samples: "
			       "name some with --calibrate");
	return MM_OK;
}

/* Scales and sensitive layers on the samples, then the result's figures. */
static int fit(struct job *j, struct mm_err *err)
{
	const struct quantize_args *a = j->a;
	const struct mm_sample_set fitted =
		mm_samples_of(&a->calibrate, a->samples, &a->common);
	const struct mm_sample_set checked =
		mm_samples_of(&a->verify, 0, &a->common);
	int rc = MM_OK;

	if (a->calibrate.n) {
		if ((rc = mm_quantizer_calibrate(&j->q, &fitted, err)) ||
		    (rc = mm_quantizer_measure(&j->q, &fitted, &j->f, err)) ||
		    (rc = mm_quantizer_protect(&j->q, &fitted, a->max_loss,
					       &j->f, err)))
			return rc;
		j->measured = true;
	}
	if (a->verify.n) {
		if ((rc = mm_quantizer_reference(&j->q, &checked, err)) ||
		    (rc = mm_quantizer_measure(&j->q, &checked, &j->f, err)))
			return rc;
		j->measured = true;
		if (j->f.loss > a->max_loss)
			rc = mm_fail(err, MM_ERR_REFUSED,
				     "recall@1 falls by %.2f points on the "
				     "samples of --verify, over the bound of "
				     "%.2f",
				     j->f.loss, a->max_loss);
	}
	return rc;
}

static int run(const void *args, int argc, char **argv, struct mm_err *err)
{
	const struct quantize_args *a = args;
	const struct mm_quant_options o = {
		.method = (enum mm_quant_method)a->method,
		.per_channel = a->per_channel,
		.rule = (enum mm_range_rule)a->range,
		.percentile = a->percentile,
		.skip = a->skip.item,
		.n_skip = a->skip.n,
	};
	struct job j = { .a = a };
	int rc = check_args(a, err);

	(void)argc;
	(void)argv;
	if (rc)
		return rc;
	if (!(rc = mm_quantizer_open(&j.q, a->common.model, &o, err)) &&
	    !(rc = fit(&j, err)) &&
	    !(rc = mm_quantizer_save(&j.q, a->common.output, &j.before,
				     &j.after, err)))
		rc = mm_report(a->common.json, put_json, put_table, &j, err);
	mm_quantizer_release(&j.q);
	return rc;
}

const struct mm_cmd mm_cmd_quantize = {
	.name = "quantize",
	.group = MM_SHIP,
	.summary = "a model folder in int8: a quarter of the size, faster",
	.synopsis = "-m DIR -o DIR [--calibrate STREAM]... [OPTION]...",
	.details = "Prints sizes and, where samples are named, cosines and "
		   "recall before and after. Every command opens the folder "
		   "that comes out.",
	.min_operands = 0,
	.max_operands = 0,
	.opts = opts,
	MM_ARGS(struct quantize_args, defaults),
	.run = run,
};
