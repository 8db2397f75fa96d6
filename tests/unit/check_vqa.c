/*
 * VQA accuracy: the official script's answers (its own test set beside the
 * project, and tests/golden/vqa, which it scored), and the other modes.
 */
#include "unit.h"

#include <math.h>

#include "base/arena.h"
#include "base/json.h"
#include "metric/metric.h"
#include "metric/vqa.h"

static void normalises(const char *from, const char *to)
{
	struct mm_buf b = { 0 };

	mm_vqa_normalise(&b, from, strlen(from));
	ck_assert_str_eq(mm_buf_str(&b), to);
	mm_buf_release(&b);
}

START_TEST(known_answers)
{
	normalises("N/A", "n");
	normalises("St. Louis", "st louis");
	normalises("10,000 people", "10000 people");
	normalises("black & white", "black & white");
	normalises("t-shirt", "t shirt");
	normalises("...", "");
	normalises("The dog", "dog");
	normalises("  TEN  a\tthe an zero ", "10 0");
	normalises("3.5", "3.5");
	normalises("dont know", "don't know");
	normalises("Id've", "id've");
	normalises("a-b - c", "ab c");
	normalises("a-b, 1,2", "ab 12");
	normalises("\xc3\x89"
		   "COLE",
		   "\xc3\xa9"
		   "cole");
	normalises("somebody'd", "somebodyd");
	normalises("", "");
}
END_TEST

/* A 33rd full stop stays: the script passes a flag where the count goes. */
START_TEST(stops_are_counted)
{
	char dots[41];

	memset(dots, '.', 40);
	dots[40] = '\0';
	normalises(dots, "........");
}
END_TEST

static struct mm_line str(const char *s)
{
	return (struct mm_line){ s, strlen(s) };
}

static double accuracy(const char *prediction, const char *const *given,
		       size_t n, enum mm_vqa_mode mode)
{
	struct mm_line answer[16];
	const struct mm_vqa_sample q = { str(prediction), answer, NULL, n };
	double x = -1;

	for (size_t i = 0; i < n; i++)
		answer[i] = str(given[i]);
	ck_ok(mm_vqa_accuracy(&x, &q, mode, err));
	return x;
}

START_TEST(matches_make_three_tenths_each)
{
	const double want[] = { 0, .3, .6, .9, 1, 1 };
	const char *given[10];

	for (size_t k = 0; k <= 5; k++) {
		for (size_t i = 0; i < 10; i++)
			given[i] = i < k ? "dog" : i % 2 ? "cat" : "cow";
		ck_assert_double_eq_tol(
			accuracy("Dog.", given, 10, MM_VQA_OFFICIAL), want[k],
			1e-12);
	}
}
END_TEST

START_TEST(modes_differ)
{
	static const char *const same[] = { "black", "black", "black",
					    "black" };
	static const char *const list[] = { "red", "Dark Red", "the maroon" };

	ck_assert_double_eq(accuracy("Black.", same, 4, MM_VQA_OFFICIAL), 0);
	ck_assert_double_eq(accuracy("black\n", same, 4, MM_VQA_OFFICIAL), 1);
	ck_assert_double_eq(accuracy("Black.", same, 4, MM_VQA_RELAXED), 1);
	ck_assert_double_eq(accuracy("Maroon!", list, 3, MM_VQA_ANY), 1);
	ck_assert_double_eq(accuracy("blue", list, 3, MM_VQA_ANY), 0);
	ck_assert_double_eq_tol(accuracy("maroon", list, 3, MM_VQA_OFFICIAL),
				2 / 9., 1e-12);
}
END_TEST

START_TEST(equal_records_leave_each_other_out)
{
	struct mm_line answer[] = { { "a1", 2 }, { "a1", 2 }, { "b", 1 } };
	static const size_t rest[] = { 0, 0, 2 };
	struct mm_vqa_sample q = { { "a1", 2 }, answer, rest, 3 };
	double x;

	ck_ok(mm_vqa_accuracy(&x, &q, MM_VQA_OFFICIAL, err));
	ck_assert_double_eq_tol(x, (0 + 0 + 2 / 3.) / 3, 1e-12);
	q.rest = NULL;
	ck_ok(mm_vqa_accuracy(&x, &q, MM_VQA_OFFICIAL, err));
	ck_assert_double_eq_tol(x, (1 / 3. + 1 / 3. + 2 / 3.) / 3, 1e-12);
	q.n = 0;
	ck_fails(mm_vqa_accuracy(&x, &q, MM_VQA_OFFICIAL, err), MM_ERR_USAGE,
		 "without any answer");
}
END_TEST

static void same_groups(const struct mm_json *want,
			const struct mm_vqa_group *g, size_t n)
{
	ck_assert_uint_eq(mm_json_size(want), n);
	for (size_t i = 0; i < n; i++)
		ck_assert_double_eq(
			mm_vqa_percent(g[i].sum / (double)g[i].n),
			mm_json_num(mm_json_get(want, g[i].name), -1));
}

static void same_accuracy(const struct mm_json *want,
			  const struct mm_vqa_result *r)
{
	ck_assert_double_eq(mm_vqa_percent(r->overall),
			    mm_json_num(mm_json_get(want, "overall"), -1));
	same_groups(mm_json_get(want, "perQuestionType"), r->question_type,
		    r->n_question_types);
	same_groups(mm_json_get(want, "perAnswerType"), r->answer_type,
		    r->n_answer_types);
}

START_TEST(equals_the_script)
{
	struct mm_json *annotations, *results, *want;
	struct mm_vqa_files f = { 0 };
	struct mm_buf differences = { 0 };
	struct mm_vqa_result r;

	ck_ok(mm_json_load(&annotations, "tests/golden/vqa/annotations.json",
			   err));
	ck_ok(mm_json_load(&results, "tests/golden/vqa/results.json", err));
	ck_ok(mm_json_load(&want, "tests/golden/vqa/expected.json", err));
	f.annotations = annotations;
	f.results = results;
	f.annotations_name = "a";
	f.results_name = "r";
	ck_ok(mm_vqa_eval(&r, &f, MM_VQA_OFFICIAL, &differences, err));
	ck_assert_uint_ge(r.n, 50);
	same_accuracy(mm_json_get(want, "accuracy"), &r);
	for (size_t i = 0; i < r.n; i++)
		ck_assert_double_eq(
			mm_vqa_percent(r.accuracy[i]),
			mm_json_num(
				mm_json_get(mm_json_get(want, "perQuestion"),
					    r.id[i]),
				-1));
	mm_vqa_result_release(&r);
	mm_json_free(annotations);
	mm_json_free(results);
	mm_json_free(want);
}
END_TEST

/* One file with questions, answers, predictions and what the script said. */
START_TEST(their_questions)
{
	const char *shared = getenv("MMTOOL_SHARED");
	const struct mm_json *list, *want;
	struct mm_json *root;
	struct mm_vqa_files f = { 0 };
	struct mm_buf a = { 0 }, p = { 0 }, differences = { 0 };
	struct mm_json_writer wa, wp;
	struct mm_json *annotations, *results;
	struct mm_vqa_result r;
	char path[512];

	snprintf(path, sizeof(path), "%s/fixtures/vqa/vqa_official_200.json",
		 shared ? shared : "../shared");
	if (access(path, R_OK)) {
		puts("skip: no vqa fixture");
		return;
	}
	ck_ok(mm_json_load(&root, path, err));
	list = mm_json_get(root, "questions");
	want = mm_json_get(root, "expected");
	mm_json_writer_init(&wa, &a, 0);
	mm_json_writer_init(&wp, &p, 0);
	mm_json_open(&wa, NULL, '{');
	mm_json_put(&wa, "annotations", list);
	mm_json_close(&wa);
	mm_json_open(&wp, NULL, '[');
	for (size_t i = 0; i < mm_json_size(list); i++) {
		const struct mm_json *q = mm_json_at(list, i);

		mm_json_open(&wp, NULL, '{');
		mm_json_put(&wp, "question_id", mm_json_get(q, "question_id"));
		mm_json_put(&wp, "answer", mm_json_get(q, "pred"));
		mm_json_close(&wp);
	}
	mm_json_close(&wp);
	ck_ok(mm_json_parse(&annotations, a.data, a.len, "a", err));
	ck_ok(mm_json_parse(&results, p.data, p.len, "p", err));
	f = (struct mm_vqa_files){ annotations, results, root, "a", "p", "q" };
	ck_ok(mm_vqa_eval(&r, &f, MM_VQA_OFFICIAL, &differences, err));
	ck_assert_uint_eq(r.n, 200);
	same_accuracy(mm_json_get(want, "accuracy"), &r);
	for (size_t i = 0; i < r.n; i++)
		ck_assert_double_eq(
			mm_vqa_percent(r.accuracy[i]),
			mm_json_num(
				mm_json_get(mm_json_get(want, "perQuestion"),
					    r.id[i]),
				-1));
	mm_vqa_result_release(&r);
	mm_json_free(annotations);
	mm_json_free(results);
	mm_json_free(root);
	mm_buf_release(&a);
	mm_buf_release(&p);
}
END_TEST

static int eval_text(const char *annotations, const char *results,
		     const char *questions, struct mm_buf *differences,
		     struct mm_err *err)
{
	struct mm_json *a = NULL, *r = NULL, *q = NULL;
	struct mm_vqa_result result;
	struct mm_vqa_files f;
	int rc;

	ck_assert(
		!mm_json_parse(&a, annotations, strlen(annotations), "A", err));
	ck_assert(!mm_json_parse(&r, results, strlen(results), "R", err));
	if (questions)
		ck_assert(!mm_json_parse(&q, questions, strlen(questions), "Q",
					 err));
	f = (struct mm_vqa_files){ a, r, q, "A", "R", "Q" };
	rc = mm_vqa_eval(&result, &f, MM_VQA_OFFICIAL, differences, err);
	mm_vqa_result_release(&result);
	mm_json_free(a);
	mm_json_free(r);
	mm_json_free(q);
	return rc;
}

#define ANNOTATION(id)          \
	"{\"question_id\": " id \
	", \"answers\": [\"yes\", {\"answer\": \"no\"}]}"
#define RESULT(id) "{\"question_id\": " id ", \"answer\": \"yes\"}"

START_TEST(what_does_not_fit_is_refused)
{
	struct mm_buf d = { 0 };
	static const char one[] = "{\"annotations\": [" ANNOTATION("1") "]}";

	ck_ok(eval_text(one, "[" RESULT("1") "]", NULL, &d, err));
	ck_fails(eval_text("[]", "[]", NULL, &d, err), MM_ERR_FORMAT,
		 "'annotations' must be an array, not nothing");
	ck_fails(eval_text(one, "{}", NULL, &d, err), MM_ERR_FORMAT,
		 "'R': it must be an array");
	ck_fails(eval_text("{\"annotations\": []}", "[]", NULL, &d, err),
		 MM_ERR_FORMAT, "no question");
	ck_fails(eval_text(one, "[{\"answer\": 1}]", NULL, &d, err),
		 MM_ERR_FORMAT, "entry 0 (from 0): 'question_id'");
	ck_fails(eval_text(one, "[" RESULT("1") "," RESULT("1") "]", NULL, &d,
			   err),
		 MM_ERR_FORMAT, "question 1 twice");
	ck_fails(eval_text(one, "[{\"question_id\": 1, \"answer\": 3}]", NULL,
			   &d, err),
		 MM_ERR_FORMAT, "'R' question 1: 'answer' must be a string");
	ck_fails(eval_text("{\"annotations\": [{\"question_id\": 1,"
			   "\"answers\": []}]}",
			   "[" RESULT("1") "]", NULL, &d, err),
		 MM_ERR_FORMAT, "'answers' must be a filled array");
	ck_fails(eval_text("{\"annotations\": [{\"question_id\": 1,"
			   "\"answers\": [null]}]}",
			   "[" RESULT("1") "]", NULL, &d, err),
		 MM_ERR_FORMAT, "'answer' must be a string, not null");
	ck_assert_uint_eq(d.len, 0);
	ck_fails(eval_text(one, "[" RESULT("\"1\"") "," RESULT("7") "]",
			   "{\"questions\": []}", &d, err),
		 MM_ERR_FORMAT, "4 questions are in one only");
	ck_assert_str_eq(mm_buf_str(&d), "'A' has question 1, 'R' has not\n"
					 "'R' has question \"1\", 'A' has not\n"
					 "'R' has question 7, 'A' has not\n"
					 "'A' has question 1, 'Q' has not\n");
	mm_buf_release(&d);
}
END_TEST

START_TEST(table_row)
{
	struct mm_line answer[] = { { "Yes", 3 }, { "Yes", 3 } };
	struct mm_vqa_sample q = { { "yes", 3 }, answer, NULL, 2 };
	const enum mm_vqa_mode mode = MM_VQA_ANY;
	double value, each[2];
	void *state;

	ck_ok(mm_metric_vqa.open(&state, &mode, err));
	ck_ok(mm_metric_vqa.add(state, &q, err));
	q.prediction = str("no");
	ck_ok(mm_metric_vqa.add(state, &q, err));
	ck_ok(mm_metric_vqa.result(state, &value, each, err));
	ck_assert_double_eq(value, 0.5);
	ck_assert_double_eq(each[0], 1);
	ck_assert_double_eq(each[1], 0);
	mm_metric_vqa.close(state);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("vqa");

	tcase_add_test(tc, known_answers);
	tcase_add_test(tc, stops_are_counted);
	tcase_add_test(tc, matches_make_three_tenths_each);
	tcase_add_test(tc, modes_differ);
	tcase_add_test(tc, equal_records_leave_each_other_out);
	tcase_add_test(tc, equals_the_script);
	tcase_add_test(tc, their_questions);
	tcase_add_test(tc, what_does_not_fit_is_refused);
	tcase_add_test(tc, table_row);
	return unit_run("vqa", tc);
}
