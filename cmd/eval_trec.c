/* eval_trec.c - mmtool eval trec: what trec_eval prints. */
#include "cmd.h"
#include "metric/trec.h"

struct trec_args {
	struct mm_common common;
	struct mm_list measures;
	bool per_query, complete, nosummary, judged_only;
	int64_t level, max_docs, n_docs;
};

static const struct trec_args defaults = {
	.level = 1,
	.max_docs = MM_UNSET,
};

static const struct mm_opt opts[] = {
	MM_FLAG('q', "per-query", struct trec_args, per_query,
		"the values of each query too"),
	MM_LIST('m', "measure", struct trec_args, measures, "MEASURE[.PARAMS]",
		"what to compute: a measure, or official, all_trec, set; may "
		"be given again [official]"),
	MM_FLAG('c', "complete", struct trec_args, complete,
		"average over all queries of QRELS; one that RUN lacks is 0"),
	MM_INT('l', "level", struct trec_args, level, "LEVEL", 0, 1 << 20,
	       "least relevance that counts as relevant"),
	MM_INT('M', "max-docs", struct trec_args, max_docs, "DEPTH", 0,
	       INT32_MAX, "documents of a query that count, best first [all]"),
	MM_FLAG('J', "judged-only", struct trec_args, judged_only,
		"drop documents without judgement first"),
	MM_INT('N', "docs", struct trec_args, n_docs, "N", 0, 0x1p62,
	       "documents in the collection, for utility"),
	MM_FLAG('n', "nosummary", struct trec_args, nosummary,
		"no summary over the queries"),
	MM_OPT_OUTPUT(struct trec_args),
	MM_OPT_JSON(struct trec_args),
	MM_OPT_GENERAL_Q(struct trec_args, 0),
	MM_OPTS_END,
};

static void put_value(struct mm_json_writer *w, const struct mm_trec_value *v,
		      double x, const char *text)
{
	if (v->kind == MM_TREC_TEXT)
		mm_json_put_str(w, v->name, text);
	else if (v->kind == MM_TREC_COUNT)
		mm_json_put_int(w, v->name, (int64_t)x);
	else
		mm_json_put_num(w, v->name, x);
}

/* {"measure": value, ..., "queries": {"301": {...}, ...}} */
static void print_json(struct mm_buf *out, const struct trec_args *a,
		       const struct mm_trec_plan *plan,
		       const struct mm_trec_result *r)
{
	struct mm_json_writer w;

	mm_json_writer_init(&w, out, 2);
	mm_json_open(&w, NULL, '{');
	for (size_t i = 0; !a->nosummary && i < plan->n_values; i++)
		if (plan->value[i].summary)
			put_value(&w, &plan->value[i], r->all[i], r->run_id);
	if (a->per_query)
		mm_json_open(&w, "queries", '{');
	for (size_t q = 0; a->per_query && q < r->n_queries; q++) {
		mm_json_open(&w, r->query[q], '{');
		for (size_t i = 0; i < plan->n_values; i++)
			if (plan->value[i].per_query)
				put_value(&w, &plan->value[i],
					  r->each[q * plan->n_values + i],
					  r->relstring ? r->relstring[q] : "");
		mm_json_close(&w);
	}
	if (a->per_query)
		mm_json_close(&w);
	mm_json_close(&w);
	mm_buf_addc(out, '\n');
}

static int evaluate(const struct trec_args *a, const struct mm_trec_plan *plan,
		    const struct mm_trec *qrels, const struct mm_trec *run,
		    struct mm_err *err)
{
	const struct mm_trec_options o = {
		a->complete, a->judged_only, a->level,
		a->max_docs == MM_UNSET ? INT32_MAX : a->max_docs, a->n_docs
	};
	struct mm_trec_result r;
	struct mm_buf out = { 0 };
	int rc = mm_trec_eval(&r, plan, &o, qrels, run, err);

	if (!rc) {
		if (a->common.json)
			print_json(&out, a, plan, &r);
		else
			mm_trec_print(&out, plan, &r, a->per_query,
				      !a->nosummary);
		rc = mm_output_text(&a->common, &out, err);
	}
	mm_trec_result_release(&r);
	mm_buf_release(&out);
	return rc;
}

static int load(struct mm_trec *t, const char *path, bool is_run,
		struct mm_err *err)
{
	const char *name = path[0] == '-' && !path[1] ? "standard input" : path;
	struct mm_file f;
	int rc = mm_file_open(&f, path, err);

	if (!rc)
		rc = is_run ? mm_trec_read_run(t, f.data, f.size, name, err)
			    : mm_trec_read_qrels(t, f.data, f.size, name, err);
	mm_file_release(&f);
	return rc;
}

static int run(const void *args, int argc, char **argv, struct mm_err *err)
{
	const struct trec_args *a = args;
	struct mm_trec qrels = { 0 }, results = { 0 };
	struct mm_trec_plan plan;
	int rc = mm_trec_plan_init(&plan, a->measures.item, a->measures.n, err);

	(void)argc;
	if (!rc && !(rc = load(&qrels, argv[0], false, err)) &&
	    !(rc = load(&results, argv[1], true, err)))
		rc = evaluate(a, &plan, &qrels, &results, err);
	mm_trec_release(&qrels);
	mm_trec_release(&results);
	mm_trec_plan_release(&plan);
	return rc;
}

const struct mm_cmd mm_cmd_eval_trec = {
	.name = "eval",
	.mode = "trec",
	.group = MM_MEASURE,
	.summary = "score ranked results as NIST's trec_eval does",
	.synopsis = "[OPTION]... QRELS RUN",
	.details = "Prints what trec_eval prints, option for option and digit "
		   "for digit.",
	.min_operands = 2,
	.max_operands = 2,
	.opts = opts,
	MM_ARGS(struct trec_args, defaults),
	.run = run,
};
