/*
 * Qrels and a run with a line "---" between them: read, and evaluated with
 * every measure.
 */
#include "fuzz.h"

#include <string.h>

#include "metric/trec.h"

static void evaluate(const struct mm_trec *qrels, const struct mm_trec *run,
		     const struct mm_trec_options *o)
{
	static const char *const specs[] = { "all_trec", "yaap", "dcg" };
	struct mm_trec_result r;
	struct mm_trec_plan plan;
	struct mm_buf out = { 0 };
	struct mm_err err = { 0 };
	int rc = mm_trec_plan_init(&plan, specs, 3, &err);

	FUZZ_ASSERT(!rc);
	rc = mm_trec_eval(&r, &plan, o, qrels, run, &err);
	fuzz_status(rc, &err);
	if (!rc)
		mm_trec_print(&out, &plan, &r, true, true);
	fuzz_touch(mm_buf_str(&out), out.len);
	mm_buf_release(&out);
	mm_trec_result_release(&r);
	mm_trec_plan_release(&plan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mm_trec_options o = mm_trec_defaults;
	struct mm_trec qrels, run;
	struct mm_err err = { 0 };
	size_t cut = 0;
	int rc, rc2;

	while (cut + 4 <= size && memcmp(data + cut, "---\n", 4))
		cut++;
	if (cut + 4 > size)
		return 0;
	rc = mm_trec_read_qrels(&qrels, data, cut, "qrels", &err);
	fuzz_status(rc, &err);
	rc2 = mm_trec_read_run(&run, data + cut + 4, size - cut - 4, "run",
			       &err);
	fuzz_status(rc2, &err);
	if (!rc && !rc2) {
		evaluate(&qrels, &run, &o);
		o.complete = o.judged_only = true;
		o.level = 2;
		o.max_docs = 3;
		evaluate(&qrels, &run, &o);
	}
	mm_trec_release(&qrels);
	mm_trec_release(&run);
	return 0;
}
