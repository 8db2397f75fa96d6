/* The best of many vectors: against sorting all scores. */
#include "unit.h"

#include <math.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "metric/topk.h"

static float *numbers(size_t n, uint64_t range, uint64_t seed)
{
	float *x = mm_malloc(n, sizeof(*x));
	struct mm_rng rng;

	mm_rng_init(&rng, seed, 2, 3, MM_RNG_INIT);
	for (size_t i = 0; i < n; i++)
		x[i] = range ? (float)mm_rng_below(&rng, range)
			     : (float)mm_rng_normal(&rng);
	return x;
}

static double dot(const float *a, const float *b, size_t D)
{
	double s = 0;

	for (size_t d = 0; d < D; d++)
		s += (double)a[d] * (double)b[d];
	return s;
}

/* Rows in runs of 1, 2, 4, ... 1500 rows. */
static void make(struct mm_gallery *g, const float *rows, size_t n, size_t D)
{
	size_t at = 0, run = 1;

	*g = (struct mm_gallery){ .D = D };
	while (at < n) {
		const size_t some = n - at < run ? n - at : run;

		ck_ok(mm_gallery_add(g, rows + at * D, some, err));
		at += some;
		run = run < 1500 ? run * 2 : 1500;
	}
	ck_assert_uint_eq(g->n, n);
	ck_assert_ptr_eq(mm_gallery_row(g, n - 1), rows + (n - 1) * D);
}

static bool backwards(const void *ctx, size_t a, size_t b)
{
	ck_assert_ptr_nonnull(ctx);
	return a > b;
}

static struct mm_hit *sorted;
static bool reverse;

static int by_score(const void *a, const void *b)
{
	const struct mm_hit *x = a, *y = b;

	if (x->score != y->score)
		return x->score > y->score ? -1 : 1;
	return (x->row < y->row ? -1 : 1) * (reverse ? -1 : 1);
}

static void compare(const float *rows, size_t n, size_t D, const float *query,
		    size_t Q, struct mm_topk_options o)
{
	struct mm_gallery g;
	struct mm_hit *hit;
	size_t n_hits;

	make(&g, rows, n, D);
	n_hits = mm_topk_hits(&g, &o);
	ck_assert_uint_eq(n_hits, o.k < n ? o.k : n);
	hit = mm_malloc(Q * n_hits, sizeof(*hit));
	ck_ok(mm_topk(hit, &g, query, Q, &o, err));
	sorted = mm_malloc(n, sizeof(*sorted));
	reverse = o.before != NULL;
	for (size_t q = 0; q < Q; q++) {
		for (size_t i = 0; i < n; i++)
			sorted[i] = (struct mm_hit){
				dot(rows + i * D, query + q * D, D), i
			};
		qsort(sorted, n, sizeof(*sorted), by_score);
		for (size_t i = 0; i < n_hits; i++) {
			ck_assert_uint_eq(hit[q * n_hits + i].row,
					  sorted[i].row);
			ck_assert_double_eq(hit[q * n_hits + i].score,
					    sorted[i].score);
		}
	}
	mm_free(sorted);
	mm_free(hit);
	mm_gallery_release(&g);
}

START_TEST(equals_sorting)
{
	static const size_t many[] = { 1, 3, 4, 5, 64, 70 };
	static const size_t ks[] = { 1, 10, 200 };
	float *rows = numbers(3000 * 20, 0, 1), *query = numbers(70 * 20, 0, 2);

	for (size_t i = 0; i < 6; i++)
		for (size_t k = 0; k < 3; k++)
			compare(rows, 3000, 20, query, many[i],
				(struct mm_topk_options){ .k = ks[k] });
	compare(rows, 5, 20, query, 7, (struct mm_topk_options){ .k = 9 });
	compare(rows, 1, 20, query, 1, (struct mm_topk_options){ .k = 1 });
	mm_free(rows);
	mm_free(query);
}
END_TEST

/* Hundreds of equal scores at the border: the rule says which stay. */
START_TEST(ties_follow_the_rule)
{
	float *rows = numbers(2500 * 3, 2, 1), *query = numbers(6 * 3, 3, 2);
	struct mm_topk_options o = { .k = 40 };

	compare(rows, 2500, 3, query, 6, o);
	compare(rows, 2500, 3, query, 2, o);
	o.before = backwards;
	o.ctx = rows;
	compare(rows, 2500, 3, query, 6, o);
	compare(rows, 2500, 3, query, 2, o);
	mm_free(rows);
	mm_free(query);
}
END_TEST

START_TEST(more_queries_than_a_pass)
{
	float *rows = numbers(130 * 8, 0, 1), *query = numbers(1030 * 8, 0, 2);

	compare(rows, 130, 8, query, 1030, (struct mm_topk_options){ .k = 3 });
	mm_free(rows);
	mm_free(query);
}
END_TEST

START_TEST(threads_do_not_matter)
{
	float *rows = numbers(20000 * 16, 0, 1), *query = numbers(9 * 16, 0, 2);
	const struct mm_topk_options o = { .k = 25 };
	struct mm_hit one[9 * 25], three[9 * 25];
	struct mm_gallery g;

	make(&g, rows, 20000, 16);
	mm_threads_set(1);
	ck_ok(mm_topk(one, &g, query, 9, &o, err));
	mm_threads_set(3);
	ck_ok(mm_topk(three, &g, query, 9, &o, err));
	ck_assert_mem_eq(one, three, sizeof(one));
	ck_ok(mm_topk(three, &g, query + 16, 1, &o, err));
	ck_assert_mem_eq(one + 25, three, 25 * sizeof(*one));
	mm_threads_set(0);
	mm_gallery_release(&g);
	mm_free(rows);
	mm_free(query);
}
END_TEST

/* Unit vectors around a thousand centres, as embeddings are. */
static float *clusters(size_t n, size_t D, uint64_t seed)
{
	float *x = numbers(n * D, 0, seed), *c = numbers(1000 * D, 0, 99);

	for (size_t i = 0; i < n; i++) {
		double s = 0;

		for (size_t d = 0; d < D; d++) {
			x[i * D + d] += 2 * c[i * 7919 % 1000 * D + d];
			s += (double)x[i * D + d] * (double)x[i * D + d];
		}
		for (size_t d = 0; d < D; d++)
			x[i * D + d] /= (float)sqrt(s);
	}
	mm_free(c);
	return x;
}

START_TEST(int8_finds_what_float_finds)
{
	enum { N = 20000, D = 64, Q = 200, K = 10 };
	float *rows = clusters(N, D, 1), *query = clusters(Q, D, 2);
	struct mm_topk_options o = { .k = K };
	static struct mm_hit exact[Q * K], small[Q * K];
	struct mm_gallery g;
	size_t same = 0;

	make(&g, rows, N, D);
	ck_ok(mm_topk(exact, &g, query, Q, &o, err));
	o.int8 = true;
	ck_fails(mm_topk(small, &g, query, Q, &o, err), MM_ERR_USAGE,
		 "no int8 vectors");
	ck_ok(mm_gallery_quantise(&g, err));
	ck_ok(mm_topk(small, &g, query, Q, &o, err));
	for (size_t q = 0; q < Q; q++)
		for (size_t i = 0; i < K; i++)
			for (size_t j = 0; j < K; j++)
				same += exact[q * K + i].row ==
						small[q * K + j].row &&
					exact[q * K + i].score ==
						small[q * K + j].score;
	ck_assert_uint_ge(same, (size_t)(0.999 * Q * K));
	mm_gallery_release(&g);
	mm_free(rows);
	mm_free(query);
}
END_TEST

START_TEST(bad_numbers_are_named)
{
	float *rows = numbers(3000 * 4, 0, 1), *query = numbers(8 * 4, 0, 2);
	const struct mm_topk_options o = { .k = 2 };
	struct mm_hit hit[16];
	struct mm_gallery g;

	make(&g, rows, 3000, 4);
	query[13] = NAN;
	ck_fails(mm_topk(hit, &g, query, 8, &o, err), MM_ERR_FORMAT,
		 "query 3 (from 0)");
	query[13] = 0;
	rows[2 * 4] = rows[2077 * 4 + 1] = NAN;
	ck_fails(mm_topk(hit, &g, query, 8, &o, err), MM_ERR_FORMAT,
		 "gallery row 2 (from 0)");
	ck_fails(mm_topk(hit, &g, query, 1, &o, err), MM_ERR_FORMAT,
		 "gallery row 2 (from 0)");
	ck_fails(mm_gallery_quantise(&g, err), MM_ERR_FORMAT,
		 "gallery row 2 (from 0)");
	mm_gallery_release(&g);
	mm_free(rows);
	mm_free(query);
}
END_TEST

START_TEST(nothing_to_find)
{
	struct mm_gallery g = { .D = 4 };
	const float query[4] = { 1, 2, 3, 4 };
	const struct mm_topk_options o = { .k = 3 };
	struct mm_hit hit[1];

	ck_assert_uint_eq(mm_topk_hits(&g, &o), 0);
	ck_ok(mm_topk(hit, &g, query, 1, &o, err));
	ck_ok(mm_gallery_add(&g, query, 0, err));
	ck_assert_uint_eq(g.n_runs, 0);
	mm_gallery_release(&g);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("topk");

	tcase_add_test(tc, equals_sorting);
	tcase_add_test(tc, ties_follow_the_rule);
	tcase_add_test(tc, more_queries_than_a_pass);
	tcase_add_test(tc, threads_do_not_matter);
	tcase_add_test(tc, int8_finds_what_float_finds);
	tcase_add_test(tc, bad_numbers_are_named);
	tcase_add_test(tc, nothing_to_find);
	return unit_run("topk", tc);
}
