/* compare.c - see compare.h. */
#include "compare.h"

#include <math.h>

#include "base/mem.h"
#include "metric/paired.h"
#include "metric/result_file.h"
#include "table.h"

const char *const compare_tests[] = { "bootstrap", "permutation", NULL };

/* A figure that both have. */
struct line {
	struct mm_line name;
	double a, b;	       /* over all samples; NaN: not told */
	struct mm_paired test; /* test.n 0: no samples */
};

static double mean(const double *x, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += x[i];
	return sum / (double)n;
}

static bool all_finite(const double *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isfinite(x[i]))
			return false;
	return true;
}

static int compare_one(struct line *l, const struct mm_results *a, size_t x,
		       const struct mm_results *b, size_t y,
		       const struct mm_paired_options *o, struct mm_err *err)
{
	double *each[2];
	size_t n;
	int rc = mm_results_pair(each, &n, a, x, b, y, err);

	l->name = mm_lines_at(&a->name, x);
	l->a = a->figure[x].value;
	l->b = b->figure[y].value;
	l->test = (struct mm_paired){ 0 };
	/* A figure that samples do not have (nan) has no test. */
	if (!rc && n && all_finite(each[0], n) && all_finite(each[1], n)) {
		rc = mm_paired(&l->test, each[0], each[1], n, o, err);
		if (isnan(l->a))
			l->a = mean(each[0], n);
		if (isnan(l->b))
			l->b = mean(each[1], n);
	}
	if (rc)
		mm_fail_ctx(err, "'%.*s'", (int)l->name.len, l->name.s);
	mm_free(each[0]);
	mm_free(each[1]);
	return rc;
}

static void put_json(struct mm_buf *out, const struct line *l, size_t n,
		     const struct mm_paired_options *o)
{
	struct mm_json_writer w;
	struct mm_buf key = { 0 };

	mm_json_writer_init(&w, out, 1);
	mm_json_open(&w, NULL, '{');
	mm_json_put_str(&w, "test", compare_tests[o->test]);
	mm_json_put_int(&w, "resamples", (int64_t)o->resamples);
	mm_json_put_num(&w, "level", o->level);
	mm_json_open(&w, "figures", '{');
	for (size_t i = 0; i < n; i++) {
		mm_buf_clear(&key);
		mm_buf_add(&key, l[i].name.s, l[i].name.len);
		mm_json_open(&w, mm_buf_str(&key), '{');
		mm_json_put_num(&w, "a", l[i].a);
		mm_json_put_num(&w, "b", l[i].b);
		mm_json_put_num(&w, "difference", l[i].b - l[i].a);
		if (l[i].test.n) {
			mm_json_put_num(&w, "sample_difference",
					l[i].test.difference);
			mm_json_open(&w, "interval", '[');
			mm_json_put_num(&w, NULL, l[i].test.lo);
			mm_json_put_num(&w, NULL, l[i].test.hi);
			mm_json_close(&w);
			mm_json_put_num(&w, "p", l[i].test.p);
			mm_json_put_int(&w, "n", (int64_t)l[i].test.n);
		}
		mm_json_close(&w);
	}
	mm_json_close(&w);
	mm_json_close(&w);
	mm_buf_addc(out, '\n');
	mm_buf_release(&key);
}

static void put_table(struct mm_buf *out, const struct line *l, size_t n)
{
	static const char *const head[] = { "figure", "A",  "B", "B - A",
					    "from",   "to", "p" };
	struct mm_table t = { 0 };

	for (size_t k = 0; k < 7; k++)
		mm_table_cell(&t, "%s", head[k]);
	mm_table_row(&t);
	for (size_t i = 0; i < n; i++) {
		const struct mm_paired *p = &l[i].test;

		mm_table_cell(&t, "%.*s", (int)l[i].name.len, l[i].name.s);
		mm_table_cell(&t, "%.4f", l[i].a);
		mm_table_cell(&t, "%.4f", l[i].b);
		mm_table_cell(&t, "%+.4f", l[i].b - l[i].a);
		if (p->n) {
			mm_table_cell(&t, "%+.4f", p->lo);
			mm_table_cell(&t, "%+.4f", p->hi);
			mm_table_cell(&t, "%.4f", p->p);
		}
		mm_table_row(&t);
	}
	mm_table_print(&t, out, 0);
}

static int compare(struct mm_buf *out, const struct mm_common *common,
		   const struct mm_paired_options *o,
		   const struct mm_results *a, const struct mm_results *b,
		   struct mm_err *err)
{
	struct line *l = mm_malloc(a->name.n, sizeof(*l));
	size_t n = 0;
	int rc = l ? MM_OK : mm_fail_nomem(err, "figures");

	for (size_t x = 0; x < a->name.n && !rc; x++) {
		const struct mm_line s = mm_lines_at(&a->name, x);
		const int64_t *y = mm_map_find(&b->index, s.s, s.len);

		if (y)
			rc = compare_one(&l[n], a, x, b, (size_t)*y, o, err);
		/* A figure that neither could tell is left out. */
		n += y && !(isnan(l[n].a) && isnan(l[n].b));
	}
	if (!rc && !n)
		rc = mm_fail(err, MM_ERR_FORMAT,
			     "the two results have no figure in common");
	if (!rc && common->json)
		put_json(out, l, n, o);
	else if (!rc)
		put_table(out, l, n);
	mm_free(l);
	return rc;
}

int compare_run(const struct mm_common *common, const struct compare_args *how,
		const char *a, const char *b, struct mm_err *err)
{
	const struct mm_paired_options o = {
		(enum mm_paired_test)how->test,
		(size_t)how->resamples,
		how->level,
		(uint64_t)common->seed,
	};
	struct mm_results x, y = { 0 };
	struct mm_buf out = { 0 };
	int rc = mm_results_load(&x, a, err);

	if (!rc)
		rc = mm_results_load(&y, b, err);
	if (!rc)
		rc = compare(&out, common, &o, &x, &y, err);
	if (!rc)
		rc = mm_output_text(common, &out, err);
	mm_buf_release(&out);
	mm_results_release(&x);
	mm_results_release(&y);
	return rc;
}
