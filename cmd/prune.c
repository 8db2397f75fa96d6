/* prune.c - mmtool prune: a smaller model folder out of a larger one. */
#include "cmd.h"
#include "compress/prune.h"
#include "compress_report.h"
#include "table.h"

struct prune_args {
	struct mm_common common;
	struct mm_list calibrate;
	double heads, ffn, channels, sparsity;
	int64_t layers, samples, round;
	bool uniform, two_of_four;
};

static const struct prune_args defaults = {
	.common = { .batch_size = 32 },
	.samples = 1024,
	.round = 32,
};

#define T struct prune_args
static const struct mm_opt opts[] = {
	MM_OPT_MODEL(T),
	MM_OPT_OUTPUT_DIR(T),
	MM_GROUP("What goes"),
	MM_REAL(0, "heads", T, heads, "F", 0, 0.99,
		"this part of each tower's attention heads"),
	MM_REAL(0, "ffn", T, ffn, "F", 0, 0.99,
		"this part of each tower's feed-forward neurons"),
	MM_REAL(0, "channels", T, channels, "F", 0, 0.99,
		"this part of the channels inside of convolutional blocks"),
	MM_INT(0, "layers", T, layers, "N", 0, 1024,
	       "so many layers of each transformer"),
	MM_INT(0, "round", T, round, "N", 1, 4096,
	       "a layer keeps a multiple of N neurons or channels, of less "
	       "where it has fewer than 8 N"),
	MM_FLAG(0, "uniform", T, uniform,
		"as many neurons from every layer, no heads: transformers "
		"opens the result"),
	MM_REAL(0, "sparsity", T, sparsity, "F", 0, 0.99,
		"set this part of each matrix to zero; sizes and speed stay"),
	MM_FLAG(0, "2-4", T, two_of_four,
		"set 2 of every 4 weights in a row to zero, likewise"),
	MM_GROUP("Samples"),
	MM_LIST(0, "calibrate", T, calibrate, "STREAM",
		"preprocessed samples that show what matters"),
	MM_INT(0, "samples", T, samples, "N", 0, 1e9,
	       "take the first N of them (0: all)"),
	MM_OPT_OF(MM_OPT_INT, 'B', "batch-size", T, common.batch_size, int64_t,
		  .arg = "N", .lo = 2, .hi = 1e6,
		  .help = "samples that the loss is taken over at a time"),
	MM_OPT_JSON(T),
	MM_OPT_GENERAL(T),
	MM_OPTS_END,
};
#undef T

struct job {
	const struct prune_args *a;
	struct mm_pruner p;
	struct mm_fidelity f;
	size_t before, after; /* parameters */
};

/* ---- the report ---- */

static void put_json(struct mm_buf *out, const void *ctx)
{
	const struct job *j = ctx;
	struct mm_json_writer w;

	mm_json_writer_init(&w, out, 0);
	mm_json_open(&w, NULL, '{');
	mm_json_put_int(&w, "parameters_before", (int64_t)j->before);
	mm_json_put_int(&w, "parameters_after", (int64_t)j->after);
	for (size_t k = 0; k < j->p.n_towers; k++) {
		const struct mm_prune_tower *t = &j->p.tower[k];

		mm_json_open(&w, t->kind->title, '[');
		for (size_t i = 0; i < t->n; i++) {
			const struct mm_prune_block *b = &t->block[i];

			mm_json_open(&w, NULL, '{');
			mm_json_put_int(&w, "layer", (int64_t)i);
			mm_json_put_bool(&w, "kept", b->keep);
			mm_json_put_num(&w, "importance", b->layer);
			if (b->heads)
				mm_json_put_int(&w, "heads",
						(int64_t)b->kept_heads);
			mm_json_put_int(&w, b->heads ? "ffn" : "channels",
					(int64_t)b->kept_ffn);
			mm_json_close(&w);
		}
		mm_json_close(&w);
	}
	mm_report_recall(&w, &j->f);
	mm_json_close(&w);
	mm_buf_addc(out, '\n');
}

static void put_block(struct mm_table *t, const struct mm_prune_tower *tower,
		      const struct mm_prune_block *b)
{
	if (mm_prune_convolves(tower->kind))
		mm_table_cell(t, "%s: %s", b->name, tower->kind->key);
	else
		mm_table_cell(t, "%s", b->name);
	mm_table_cell(t, "%.3g", b->layer);
	if (b->heads)
		mm_table_cell(t, "%zu of %zu", b->keep ? b->kept_heads : 0,
			      b->heads);
	else
		mm_table_cell(t, "%s", "");
	mm_table_cell(t, "%zu of %zu", b->keep ? b->kept_ffn : 0, b->ffn);
	mm_table_row(t);
}

static void put_blocks(struct mm_buf *out, const struct job *j)
{
	struct mm_table t = { 0 };

	mm_table_cell(&t, "layer");
	mm_table_cell(&t, "importance");
	mm_table_cell(&t, "heads");
	mm_table_cell(&t, "neurons");
	mm_table_row(&t);
	for (size_t k = 0; k < j->p.n_towers; k++)
		for (size_t i = 0; i < j->p.tower[k].n; i++)
			put_block(&t, &j->p.tower[k], &j->p.tower[k].block[i]);
	mm_table_print(&t, out, 0);
}

static void put_table(struct mm_buf *out, const void *ctx)
{
	const struct job *j = ctx;

	mm_buf_printf(out, "%zu parameters, %zu before (%.3f)\n", j->after,
		      j->before, (double)j->after / (double)j->before);
	put_blocks(out, j);
	mm_report_recall_table(out, &j->f);
}

/* ---- the work ---- */

static int check_args(const struct prune_args *a, struct mm_err *err)
{
	int rc;

	if ((rc = mm_need_model(&a->common, err)) ||
	    (rc = mm_need_output(&a->common, err)))
		return rc;
	if (!a->calibrate.n)
		return mm_fail(err, MM_ERR_USAGE,
			       "what matters shows on samples: name some with "
			       "--calibrate");
	if (!(a->heads > 0) && !(a->ffn > 0) && !(a->channels > 0) &&
	    !a->layers && !(a->sparsity > 0) && !a->two_of_four)
		return mm_fail(err, MM_ERR_USAGE,
			       "say what goes: --heads, --ffn, --channels, "
			       "--layers, --sparsity or --2-4");
	if (a->uniform && (a->heads > 0 || a->channels > 0))
		return mm_fail(err, MM_ERR_USAGE,
			       "--uniform keeps all heads and channels: "
			       "transformers wants as many as the width tells");
	return MM_OK;
}

static int measure(struct mm_measured *v, const char *dir,
		   const struct prune_args *a, struct mm_err *err)
{
	const struct mm_sample_set set =
		mm_samples_of(&a->calibrate, a->samples, &a->common);
	struct mm_encoder e;
	int rc;

	if ((rc = mm_encoder_open(&e, dir, err)))
		return rc;
	rc = mm_measured_take(v, &e, &set, err);
	mm_encoder_release(&e);
	return rc;
}

static int prune(struct job *j, struct mm_dataset *d, struct mm_err *err)
{
	const struct prune_args *a = j->a;
	struct mm_measured before = { 0 }, after = { 0 };
	int rc;

	if ((rc = mm_dataset_open(d, a->calibrate.item, a->calibrate.n, err)) ||
	    (rc = mm_pruner_score(&j->p, d, (size_t)a->samples,
				  (size_t)a->common.batch_size, err)) ||
	    (rc = mm_pruner_plan(&j->p, err)) ||
	    (rc = measure(&before, a->common.model, a, err)))
		return rc;
	if (!(rc = mm_pruner_save(&j->p, a->common.output, &j->before,
				  &j->after, err)) &&
	    !(rc = measure(&after, a->common.output, a, err)))
		rc = mm_fidelity_measure(&j->f, &before, &after, err);
	mm_measured_release(&before);
	mm_measured_release(&after);
	return rc;
}

static int run(const void *args, int argc, char **argv, struct mm_err *err)
{
	const struct prune_args *a = args;
	const struct mm_prune_options o = {
		.heads = a->heads,
		.ffn = a->ffn,
		.channels = a->channels,
		.round = (size_t)a->round,
		.layers = (size_t)a->layers,
		.uniform = a->uniform,
		.sparsity = a->sparsity,
		.two_of_four = a->two_of_four,
	};
	struct mm_dataset d = { 0 };
	struct job j = { .a = a };
	int rc = check_args(a, err);

	(void)argc;
	(void)argv;
	if (rc)
		return rc;
	if (!(rc = mm_pruner_open(&j.p, a->common.model, &o, err)) &&
	    !(rc = prune(&j, &d, err)))
		rc = mm_report(a->common.json, put_json, put_table, &j, err);
	mm_dataset_release(&d);
	mm_pruner_release(&j.p);
	return rc;
}

const struct mm_cmd mm_cmd_prune = {
	.name = "prune",
	.group = MM_SHIP,
	.summary = "take out heads, neurons and layers that matter least",
	.synopsis = "-m DIR -o DIR --calibrate STREAM (--heads F | --ffn F | "
		    "--channels F | --layers N)... [OPTION]...",
	.details = "The result is a smaller model folder; `mmtool train -m` "
		   "goes on from it. Prints what stays, and recall before and "
		   "after on the samples.",
	.min_operands = 0,
	.max_operands = 0,
	.opts = opts,
	MM_ARGS(struct prune_args, defaults),
	.run = run,
};
