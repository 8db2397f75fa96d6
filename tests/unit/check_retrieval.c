/* Retrieval figures against a whole matrix, ties, folds, intervals. */
#include "unit.h"

#include <math.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "golden.h"
#include "metric/metric.h"
#include "metric/retrieval.h"

struct world {
	struct mm_retrieval_set set;
	float *image, *text;
	size_t *owner;
};

/* Small whole numbers, so that scores are exact and ties are many. */
static void make(struct world *w, size_t n_images, size_t n_texts, size_t D,
		 uint64_t range)
{
	struct mm_rng rng;

	mm_rng_init(&rng, 5, n_images, 0, MM_RNG_INIT);
	w->image = mm_malloc(n_images * D, sizeof(float));
	w->text = mm_malloc(n_texts * D, sizeof(float));
	w->owner = mm_malloc(n_texts, sizeof(size_t));
	for (size_t i = 0; i < n_images * D; i++)
		w->image[i] = (float)mm_rng_below(&rng, range);
	for (size_t i = 0; i < n_texts * D; i++)
		w->text[i] = (float)mm_rng_below(&rng, range);
	for (size_t t = 0; t < n_texts; t++)
		w->owner[t] = t < n_images ? t : mm_rng_below(&rng, n_images);
	w->set = (struct mm_retrieval_set){ w->image, w->text, w->owner,
					    n_images, n_texts, D };
}

static void drop(struct world *w)
{
	mm_free(w->image);
	mm_free(w->text);
	mm_free(w->owner);
}

static double score(const struct world *w, size_t i, size_t t)
{
	double s = 0;

	for (size_t d = 0; d < w->set.D; d++)
		s += (double)w->image[i * w->set.D + d] *
		     (double)w->text[t * w->set.D + d];
	return s;
}

/* The definition, word for word; ranks of image i's texts. */
static size_t slow_rank_text(const struct world *w, size_t i, size_t nth)
{
	double own[64];
	size_t n = 0, rank = nth + 1;

	for (size_t t = 0; t < w->set.n_texts; t++)
		if (w->owner[t] == i)
			own[n++] = score(w, i, t);
	for (size_t a = 0; a < n; a++)
		for (size_t b = a + 1; b < n; b++)
			if (own[b] > own[a]) {
				const double x = own[a];

				own[a] = own[b];
				own[b] = x;
			}
	for (size_t t = 0; t < w->set.n_texts; t++)
		rank += w->owner[t] != i && score(w, i, t) >= own[nth];
	return rank;
}

static size_t slow_rank_image(const struct world *w, size_t t)
{
	size_t rank = 1;

	for (size_t i = 0; i < w->set.n_images; i++)
		rank += i != w->owner[t] &&
			score(w, i, t) >= score(w, w->owner[t], t);
	return rank;
}

static void check_ranks(size_t n_images, size_t n_texts, size_t D,
			uint64_t range)
{
	struct mm_retrieval_ranks r;
	struct world w;

	make(&w, n_images, n_texts, D, range);
	ck_ok(mm_retrieval_rank(&r, &w.set, MM_IMAGE_TO_TEXT, err));
	ck_assert_uint_eq(r.n, n_images);
	for (size_t i = 0; i < n_images; i++)
		for (size_t k = r.start[i]; k < r.start[i + 1]; k++)
			ck_assert_uint_eq(
				r.rank[k],
				slow_rank_text(&w, i, k - r.start[i]));
	mm_retrieval_ranks_release(&r);
	ck_ok(mm_retrieval_rank(&r, &w.set, MM_TEXT_TO_IMAGE, err));
	ck_assert_uint_eq(r.n, n_texts);
	for (size_t t = 0; t < n_texts; t++)
		ck_assert_uint_eq(r.rank[t], slow_rank_image(&w, t));
	mm_retrieval_ranks_release(&r);
	drop(&w);
}

START_TEST(ranks_equal_their_definition)
{
	check_ranks(1, 1, 3, 4);
	check_ranks(7, 20, 5, 3);
	check_ranks(100, 333, 17, 2);
	check_ranks(300, 310, 33, 50);
}
END_TEST

/* Blocks of 2048 candidates and 256 queries: cross both borders. */
START_TEST(ranks_across_blocks)
{
	struct mm_retrieval_ranks r;
	struct world w;

	make(&w, 257, 4100, 4, 3);
	ck_ok(mm_retrieval_rank(&r, &w.set, MM_IMAGE_TO_TEXT, err));
	for (size_t i = 0; i < 257; i += 64)
		ck_assert_uint_eq(r.rank[r.start[i]], slow_rank_text(&w, i, 0));
	mm_retrieval_ranks_release(&r);
	ck_ok(mm_retrieval_rank(&r, &w.set, MM_TEXT_TO_IMAGE, err));
	for (size_t t = 0; t < 4100; t += 411)
		ck_assert_uint_eq(r.rank[t], slow_rank_image(&w, t));
	mm_retrieval_ranks_release(&r);
	drop(&w);
}
END_TEST

/* A vector that is met twice ties with itself, whatever its numbers are. */
START_TEST(copies_tie_bit_for_bit)
{
	enum { N = 3000, D = 77 };
	struct mm_retrieval_ranks r;
	struct mm_rng rng;
	struct world w;

	make(&w, N, N, D, 2);
	mm_rng_init(&rng, 1, 2, 3, MM_RNG_INIT);
	for (size_t i = 0; i < D; i++)
		w.image[i] = (float)mm_rng_normal(&rng);
	for (size_t n = 0; n < N; n++) {
		memcpy(w.image + n * D, w.image, D * sizeof(float));
		memcpy(w.text + n * D, w.image, D * sizeof(float));
	}
	for (int side = 0; side < 2; side++) {
		ck_ok(mm_retrieval_rank(&r, &w.set,
					(enum mm_retrieval_side)side, err));
		for (size_t i = 0; i < N; i++)
			ck_assert_uint_eq(r.rank[i], N);
		mm_retrieval_ranks_release(&r);
	}
	drop(&w);
}
END_TEST

START_TEST(figures_of_known_ranks)
{
	/* Own candidates of four queries. */
	size_t start[] = { 0, 2, 3, 4, 5 }, rank[] = { 1, 3, 2, 11, 4 };
	const struct mm_retrieval_ranks r = { 4, start, rank };
	struct mm_retrieval_figures f;
	const double ndcg = (1 + 1 / log2(4)) / (1 + 1 / log2(3)) +
			    1 / log2(3) + 1 / log2(5);

	ck_ok(mm_retrieval_figures(&f, &r, &mm_retrieval_defaults, err));
	ck_assert_uint_eq(f.n, 4);
	ck_assert_double_eq_tol(f.recall[0], 0.25, 1e-15);
	ck_assert_double_eq_tol(f.recall[1], 0.75, 1e-15);
	ck_assert_double_eq_tol(f.recall[2], 0.75, 1e-15);
	ck_assert_double_eq_tol(f.mrr, (1 + 0.5 + 1 / 11. + 0.25) / 4, 1e-15);
	ck_assert_double_eq_tol(f.ndcg, ndcg / 4, 1e-15);
	ck_assert_double_eq_tol(f.median_rank, 3, 1e-15);
	ck_assert_double_eq_tol(f.mean_rank, 18 / 4., 1e-15);
}
END_TEST

START_TEST(medians_of_many)
{
	size_t start[101], rank[100];
	struct mm_retrieval_figures f;

	for (size_t n = 1; n <= 100; n++) {
		const struct mm_retrieval_ranks r = { n, start, rank };

		for (size_t i = 0; i < n; i++) {
			start[i] = i;
			rank[i] = 1 + (i * 37 + 11) % n; /* often all of 1..n */
		}
		start[n] = n;
		if (n % 37 == 0)
			continue;
		ck_ok(mm_retrieval_figures(&f, &r, &mm_retrieval_defaults,
					   err));
		ck_assert_double_eq_tol(f.median_rank, (double)(n + 1) / 2,
					1e-12);
	}
}
END_TEST

START_TEST(folds_are_benchmarks_of_their_own)
{
	struct mm_retrieval_figures f[2], g[2], sum[2] = { 0 };
	struct mm_retrieval_set half;
	struct world w;
	float text[60 * 6];
	size_t owner[60];

	make(&w, 21, 60, 6, 9);
	ck_ok(mm_retrieval_eval(f, &w.set, &mm_retrieval_defaults, 2, err));
	for (size_t fold = 0; fold < 2; fold++) {
		const size_t first = fold ? 11 : 0, n = fold ? 10 : 11;

		half = (struct mm_retrieval_set){
			w.image + first * 6, text, owner, n, 0, 6
		};
		for (size_t t = 0; t < 60; t++) {
			if (w.owner[t] < first || w.owner[t] >= first + n)
				continue;
			memcpy(text + half.n_texts * 6, w.text + t * 6,
			       6 * sizeof(float));
			owner[half.n_texts++] = w.owner[t] - first;
		}
		ck_ok(mm_retrieval_eval(g, &half, &mm_retrieval_defaults, 1,
					err));
		for (int side = 0; side < 2; side++) {
			sum[side].recall[1] += g[side].recall[1] / 2;
			sum[side].ndcg += g[side].ndcg / 2;
		}
	}
	for (int side = 0; side < 2; side++) {
		ck_assert_double_eq_tol(f[side].recall[1], sum[side].recall[1],
					1e-12);
		ck_assert_double_eq_tol(f[side].ndcg, sum[side].ndcg, 1e-12);
	}
	ck_assert_uint_eq(f[MM_TEXT_TO_IMAGE].n, 60);
	ck_fails(mm_retrieval_eval(f, &w.set, &mm_retrieval_defaults, 22, err),
		 MM_ERR_USAGE, "too many");
	drop(&w);
}
END_TEST

START_TEST(bad_sets_are_refused)
{
	struct mm_retrieval_ranks r;
	struct world w;

	make(&w, 4, 6, 3, 5);
	w.text[7] = NAN;
	ck_fails(mm_retrieval_rank(&r, &w.set, MM_TEXT_TO_IMAGE, err),
		 MM_ERR_FORMAT, "text 2");
	mm_retrieval_ranks_release(&r);
	w.text[7] = 0;
	w.image[3] = INFINITY;
	ck_fails(mm_retrieval_rank(&r, &w.set, MM_IMAGE_TO_TEXT, err),
		 MM_ERR_FORMAT, "picture 1");
	mm_retrieval_ranks_release(&r);
	w.image[3] = 0;
	w.owner[5] = 4;
	ck_fails(mm_retrieval_rank(&r, &w.set, MM_IMAGE_TO_TEXT, err),
		 MM_ERR_FORMAT, "text 5");
	mm_retrieval_ranks_release(&r);
	for (size_t t = 0; t < 6; t++)
		w.owner[t] = t % 3;
	ck_fails(mm_retrieval_rank(&r, &w.set, MM_IMAGE_TO_TEXT, err),
		 MM_ERR_FORMAT, "picture 3");
	mm_retrieval_ranks_release(&r);
	drop(&w);
}
END_TEST

START_TEST(threads_do_not_matter)
{
	struct mm_retrieval_figures f[2], g[2];
	struct world w;

	make(&w, 600, 900, 20, 7);
	mm_threads_set(1);
	ck_ok(mm_retrieval_eval(f, &w.set, &mm_retrieval_defaults, 1, err));
	mm_threads_set(3);
	ck_ok(mm_retrieval_eval(g, &w.set, &mm_retrieval_defaults, 1, err));
	ck_assert_mem_eq(f, g, sizeof(f));
	mm_threads_set(0);
	drop(&w);
}
END_TEST

START_TEST(intervals_hold_the_figure)
{
	size_t start[401], rank[400];
	const struct mm_retrieval_ranks r = { 400, start, rank };
	struct mm_retrieval_figures f, lo, hi, lo2, hi2;
	const struct mm_retrieval_options *o = &mm_retrieval_defaults;
	double width;

	for (size_t i = 0; i < 400; i++) {
		start[i] = i;
		rank[i] = i % 4 == 0 ? 7 : 1;
	}
	start[400] = 400;
	ck_ok(mm_retrieval_figures(&f, &r, o, err));
	ck_ok(mm_retrieval_bootstrap(&lo, &hi, &r, o, 2000, 0.95, 1, err));
	ck_ok(mm_retrieval_bootstrap(&lo2, &hi2, &r, o, 2000, 0.95, 1, err));
	ck_assert_mem_eq(&lo, &lo2, sizeof(lo));
	ck_assert_mem_eq(&hi, &hi2, sizeof(hi));
	/* A share of 3/4 of 400: 1.96 standard errors either side. */
	width = 2 * 1.96 * sqrt(0.75 * 0.25 / 400);
	ck_assert_double_eq_tol(hi.recall[0] - lo.recall[0], width,
				0.15 * width);
	ck_assert(lo.recall[0] < f.recall[0] && f.recall[0] < hi.recall[0]);
	ck_assert_double_eq(lo.recall[2], 1);
	ck_fails(mm_retrieval_bootstrap(&lo, &hi, &r, o, 0, 0.95, 1, err),
		 MM_ERR_USAGE, "resamples");
}
END_TEST

static void normalise(float *x, size_t n, size_t D)
{
	for (size_t i = 0; i < n; i++) {
		double s = 0;

		for (size_t d = 0; d < D; d++)
			s += (double)x[i * D + d] * (double)x[i * D + d];
		for (size_t d = 0; d < D; d++)
			x[i * D + d] = (float)((double)x[i * D + d] / sqrt(s));
	}
}

static void same(const struct mm_json *side, const char *key, double got)
{
	ck_assert_double_eq_tol(mm_json_num(mm_json_get(side, key), NAN), got,
				1e-9);
}

/* Embeddings and figures that numpy made. */
START_TEST(reference_figures)
{
	static const char *const sides[] = { "image_to_text", "text_to_image" };
	const char *shared = getenv("MMTOOL_SHARED");
	struct mm_retrieval_figures f[2];
	struct mm_retrieval_set set;
	struct mm_safetensors s;
	struct mm_json *want;
	const int64_t *ids;
	size_t owner[4096];
	char path[512];
	float *image, *text;

	snprintf(path, sizeof(path),
		 "%s/fixtures/reference/retrieval_embeddings.safetensors",
		 shared ? shared : "../shared");
	if (access(path, R_OK)) {
		puts("skip: no retrieval fixture");
		return;
	}
	golden_open(&s, path);
	strcpy(strstr(path, "embeddings"), "expected.json");
	ck_ok(mm_json_load(&want, path, err));
	image = golden_f32(golden(&s, "image.embedding"));
	text = golden_f32(golden(&s, "text.embedding"));
	ids = golden(&s, "owner")->data;
	set = (struct mm_retrieval_set){
		image,
		text,
		owner,
		golden(&s, "image.embedding")->dim[0],
		golden(&s, "owner")->dim[0],
		golden(&s, "image.embedding")->dim[1]
	};
	for (size_t t = 0; t < set.n_texts; t++)
		owner[t] = (size_t)ids[t];
	normalise(image, set.n_images, set.D);
	normalise(text, set.n_texts, set.D);
	ck_ok(mm_retrieval_eval(f, &set, &mm_retrieval_defaults, 1, err));
	for (int k = 0; k < 2; k++) {
		const struct mm_json *side = mm_json_get(want, sides[k]);

		same(side, "recall@1", f[k].recall[0]);
		same(side, "recall@5", f[k].recall[1]);
		same(side, "recall@10", f[k].recall[2]);
		same(side, "mrr", f[k].mrr);
		same(side, "ndcg@10", f[k].ndcg);
		same(side, "median_rank", f[k].median_rank);
		same(side, "mean_rank", f[k].mean_rank);
	}
	same(want, "rsum",
	     mm_retrieval_rsum(&f[0], &f[1], &mm_retrieval_defaults));
	mm_json_free(want);
	mm_safetensors_release(&s);
	free(image);
	free(text);
}
END_TEST

START_TEST(table_row_gives_the_same)
{
	const struct mm_metric *m = mm_metric_find("retrieval", "retrieval");
	size_t rank[] = { 1, 3, 2, 11 };
	const struct mm_retrieval_sample sample[] = { { rank, 2 },
						      { rank + 2, 1 },
						      { rank + 3, 1 } };
	const struct mm_retrieval_sample none = { rank, 0 };
	double value[7], each[21];
	void *state;

	ck_assert_ptr_nonnull(m);
	ck_assert_uint_eq(mm_metric_n_figures(m), 7);
	ck_ok(m->open(&state, NULL, err));
	for (int i = 0; i < 3; i++)
		ck_ok(m->add(state, &sample[i], err));
	ck_fails(m->add(state, &none, err), MM_ERR_USAGE, "of its own");
	ck_ok(m->result(state, value, each, err));
	m->close(state);
	ck_assert_double_eq_tol(value[0], 1 / 3., 1e-15);
	ck_assert_double_eq_tol(value[3], (1 + 0.5 + 1 / 11.) / 3, 1e-15);
	ck_assert_double_eq_tol(value[5], 2, 1e-15);
	ck_assert_double_eq(each[0], 1);
	ck_assert_double_eq(each[7 + 6], 2);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("retrieval");

	tcase_add_test(tc, ranks_equal_their_definition);
	tcase_add_test(tc, ranks_across_blocks);
	tcase_add_test(tc, copies_tie_bit_for_bit);
	tcase_add_test(tc, figures_of_known_ranks);
	tcase_add_test(tc, medians_of_many);
	tcase_add_test(tc, folds_are_benchmarks_of_their_own);
	tcase_add_test(tc, bad_sets_are_refused);
	tcase_add_test(tc, threads_do_not_matter);
	tcase_add_test(tc, intervals_hold_the_figure);
	tcase_add_test(tc, reference_figures);
	tcase_add_test(tc, table_row_gives_the_same);
	return unit_run("retrieval", tc);
}
