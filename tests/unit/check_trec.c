/* trec_eval's numbers: its own test, our odd cases, and what is refused. */
#include "unit.h"

#include <math.h>

#include "base/io.h"
#include "base/mem.h"
#include "metric/metric.h"
#include "metric/trec.h"

struct world {
	struct mm_trec qrels, run;
	struct mm_trec_plan plan;
	struct mm_trec_result result;
};

static void load(struct mm_trec *t, const char *path, bool is_run)
{
	struct mm_file f;

	ck_ok(mm_file_open(&f, path, err));
	if (is_run)
		ck_ok(mm_trec_read_run(t, f.data, f.size, path, err));
	else
		ck_ok(mm_trec_read_qrels(t, f.data, f.size, path, err));
	mm_file_release(&f);
}

static void drop(struct world *w)
{
	mm_trec_release(&w->qrels);
	mm_trec_release(&w->run);
	mm_trec_plan_release(&w->plan);
	mm_trec_result_release(&w->result);
}

/* Byte for byte what `want` holds. */
static void equals(const char *dir, const char *qrels, const char *run,
		   const char *want, const char *const *specs, size_t n_specs,
		   const struct mm_trec_options *o, bool per_query,
		   bool summary)
{
	char path[3][512];
	struct mm_buf out = { 0 };
	struct world w;
	char *text;

	snprintf(path[0], 512, "%s/%s", dir, qrels);
	snprintf(path[1], 512, "%s/%s", dir, run);
	snprintf(path[2], 512, "%s/%s", dir, want);
	load(&w.qrels, path[0], false);
	load(&w.run, path[1], true);
	ck_ok(mm_trec_plan_init(&w.plan, specs, n_specs, err));
	ck_ok(mm_trec_eval(&w.result, &w.plan, o, &w.qrels, &w.run, err));
	mm_trec_print(&out, &w.plan, &w.result, per_query, summary);
	text = file_bytes(path[2], NULL);
	ck_assert_str_eq(mm_buf_str(&out), text);
	free(text);
	mm_buf_release(&out);
	drop(&w);
}

static const char *const all_trec[] = { "all_trec" };

START_TEST(their_own_test)
{
	const char *shared = getenv("MMTOOL_SHARED");
	char dir[512];

	snprintf(dir, sizeof(dir), "%s/fixtures/trec_eval",
		 shared ? shared : "../shared");
	if (access(dir, R_OK)) {
		puts("skip: no trec_eval fixture");
		return;
	}
	equals(dir, "qrels.test", "results.test", "out.test", NULL, 0,
	       &mm_trec_defaults, false, true);
	equals(dir, "qrels.test", "results.test", "out.test.aq", all_trec, 1,
	       &mm_trec_defaults, true, true);
}
END_TEST

/* The expectations were printed by trec_eval 10.0rc3. */
START_TEST(odd_files)
{
	static const char *const levels[] = { "all_trec", "relstring.5" };
	static const char *const judged[] = { "set", "P.3,1", "yaap",
					      "utility.1,-.5,0,.01" };
	static const char *const params[] = { "ndcg.1=3,2=.5,0=-1",
					      "G.3=9",
					      "Rndcg.1=2",
					      "ndcg_rel.2=7",
					      "rbp_resid.p=.5",
					      "iprec_at_recall..05,1,.333",
					      "Rprec_mult.2.5,0,.5",
					      "11pt_avg..5,.2",
					      "set_F.2",
					      "relstring.3.7",
					      "relative_P.2,9",
					      "map_cut.4",
					      "unj.3",
					      "success.2",
					      "ndcg_cut.3,6.5",
					      "recall.4",
					      "P.4",
					      "P.9" };
	struct mm_trec_options o = mm_trec_defaults;

	o.complete = true;
	equals("tests/golden/trec", "odd.qrels", "odd.run", "odd.all", all_trec,
	       1, &o, true, true);
	equals("tests/golden/trec", "odd.qrels", "odd.run", "odd.params",
	       params, sizeof(params) / sizeof(*params), &o, true, true);
	o.level = 2;
	o.max_docs = 7;
	equals("tests/golden/trec", "odd.qrels", "odd.run", "odd.levels",
	       levels, 2, &o, true, true);
	o = mm_trec_defaults;
	o.complete = o.judged_only = true;
	o.n_docs = 50;
	equals("tests/golden/trec", "odd.qrels", "odd.run", "odd.judged",
	       judged, 4, &o, true, false);
}
END_TEST

static int read_text(const char *text, bool is_run, struct mm_err *err)
{
	struct mm_trec t;
	const int rc =
		is_run ? mm_trec_read_run(&t, text, strlen(text), "f", err)
		       : mm_trec_read_qrels(&t, text, strlen(text), "f", err);

	mm_trec_release(&t);
	return rc;
}

START_TEST(bad_lines_are_named)
{
	struct mm_trec t;

	ck_fails(read_text("1 0 a 1\n1 0 b\n", false, err), MM_ERR_FORMAT,
		 "'f' line 2: 3 fields");
	ck_fails(read_text("1 0 a 1 x\n", false, err), MM_ERR_FORMAT,
		 "5 fields");
	ck_fails(read_text("1 0 a one\n", false, err), MM_ERR_FORMAT,
		 "relevance 'one'");
	ck_fails(read_text("1 0 a 1048577\n", false, err), MM_ERR_FORMAT,
		 "up to 1048576");
	ck_fails(read_text("", false, err), MM_ERR_FORMAT, "no judgements");
	ck_fails(read_text("#\n\n  \n", true, err), MM_ERR_FORMAT,
		 "no results");
	ck_fails(read_text("\n1 Q0 a 1 0.5\n", true, err), MM_ERR_FORMAT,
		 "line 2: 5 fields");
	ck_fails(read_text("1 Q0 a 1 nan r\n", true, err), MM_ERR_FORMAT,
		 "score 'nan'");
	ck_fails(read_text("1 Q0 a 1 0.5x r\n", true, err), MM_ERR_FORMAT,
		 "score '0.5x'");
	ck_fails(mm_trec_read_run(&t, "1 Q0 a\0b", 8, "f", err), MM_ERR_FORMAT,
		 "NUL byte at 6");
	mm_trec_release(&t);
	ck_ok(read_text("1 Q0 a 1 -inf r", true, err));
	ck_ok(read_text("\t1\v0\fa\r1\r\n", false, err));
}
END_TEST

static int eval_text(const char *qrels, const char *run, struct mm_err *err)
{
	struct world w;
	int rc;

	ck_assert(!mm_trec_read_qrels(&w.qrels, qrels, strlen(qrels), "qrels",
				      err));
	ck_assert(!mm_trec_read_run(&w.run, run, strlen(run), "run", err));
	ck_assert(!mm_trec_plan_init(&w.plan, all_trec, 1, err));
	rc = mm_trec_eval(&w.result, &w.plan, &mm_trec_defaults, &w.qrels,
			  &w.run, err);
	drop(&w);
	return rc;
}

START_TEST(what_does_not_fit_is_refused)
{
	ck_fails(eval_text("1 0 a 1\n", "1 Q0 b 1 2 r\n1 Q0 b 1 1 r\n", err),
		 MM_ERR_FORMAT, "'run': query '1' has document 'b' twice");
	ck_fails(eval_text("1 0 a 1\n1 0 a 0\n", "1 Q0 b 1 2 r\n", err),
		 MM_ERR_FORMAT, "'qrels': query '1' has document 'a' twice");
	ck_fails(eval_text("1 0 a 1\n", "2 Q0 a 1 2 r\n", err), MM_ERR_FORMAT,
		 "no query in common");
	ck_ok(eval_text("1 0 a -1\n", "1 Q0 a 1 2 r\n", err));
}
END_TEST

static int plan(const char *spec, struct mm_err *err)
{
	struct mm_trec_plan p;
	const int rc = mm_trec_plan_init(&p, &spec, 1, err);

	mm_trec_plan_release(&p);
	return rc;
}

START_TEST(bad_measures_are_refused)
{
	ck_fails(plan("ndgc", err), MM_ERR_USAGE, "unknown measure 'ndgc'");
	ck_fails(plan("P.", err), MM_ERR_USAGE, "ends in '.'");
	ck_fails(plan("P.0,5", err), MM_ERR_USAGE, "above 0");
	ck_fails(plan("P.x", err), MM_ERR_USAGE, "above 0");
	ck_fails(plan("P.5,10,5", err), MM_ERR_USAGE, "5 is given twice");
	ck_fails(plan("iprec_at_recall..5,0.50", err), MM_ERR_USAGE, "twice");
	ck_fails(plan("ndcg.3", err), MM_ERR_USAGE, "name=number");
	ck_fails(plan("ndcg.1=2,3", err), MM_ERR_USAGE, "name=number");
	ck_fails(plan("ndcg.1=2=3", err), MM_ERR_USAGE, "name=number");
	ck_ok(plan("all_trec.5", err));
	ck_ok(plan("P.23.4", err));
}
END_TEST

START_TEST(utility_wants_four)
{
	static const char *const three[] = { "utility.1,2,3" };
	struct world w;

	ck_ok(mm_trec_read_qrels(&w.qrels, "1 0 a 1\n", 8, "q", err));
	ck_ok(mm_trec_read_run(&w.run, "1 0 a 1 1 r\n", 12, "r", err));
	ck_ok(mm_trec_plan_init(&w.plan, three, 1, err));
	ck_fails(mm_trec_eval(&w.result, &w.plan, &mm_trec_defaults, &w.qrels,
			      &w.run, err),
		 MM_ERR_USAGE, "4 parameters");
	drop(&w);
}
END_TEST

START_TEST(table_row)
{
	/* Ranks 1 and 3 of three relevant ones; one more query without any. */
	static const int64_t first[] = { 1, 0, 2, -1 }, second[] = { -1, -2 };
	static const size_t levels[] = { 1, 2, 1 };
	const struct mm_trec_sample a = { first, 4, levels, 3 };
	const struct mm_trec_sample b = { second, 2, levels, 0 };
	const struct mm_metric *m = mm_metric_find("trec", "trec");
	double value[16], each[32];
	const size_t n = mm_metric_n_figures(m);
	void *state;

	ck_assert_uint_eq(n, 13);
	ck_ok(m->open(&state, NULL, err));
	ck_ok(m->add(state, &a, err));
	ck_ok(m->add(state, &b, err));
	ck_ok(m->result(state, value, each, err));
	m->close(state);
	ck_assert_double_eq_tol(each[0], (1 + 2 / 3.) / 3, 1e-15);
	ck_assert_double_eq_tol(value[0], (1 + 2 / 3.) / 6, 1e-15);
	ck_assert_double_eq_tol(value[1], sqrt(1e-5 * (1 + 2 / 3.) / 3), 1e-15);
	ck_assert_str_eq(m->figure[9], "ndcg");
	ck_assert_double_eq_tol(
		each[9], (1 + 2 / 2.) / (2 + 1 / log2(3) + 1 / log2(4)), 1e-15);
	ck_assert_double_eq(each[n], 0);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("trec");

	tcase_add_test(tc, their_own_test);
	tcase_add_test(tc, odd_files);
	tcase_add_test(tc, bad_lines_are_named);
	tcase_add_test(tc, what_does_not_fit_is_refused);
	tcase_add_test(tc, bad_measures_are_refused);
	tcase_add_test(tc, utility_wants_four);
	tcase_add_test(tc, table_row);
	return unit_run("trec", tc);
}
