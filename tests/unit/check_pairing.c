/* Pairings of two sets: against all permutations, against each other. */
#include "unit.h"

#include <float.h>
#include <math.h>

#include "align/assign.h"
#include "align/monotone.h"
#include "align/transport.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"

static struct mm_rng seeded(uint64_t seed)
{
	struct mm_rng r;

	mm_rng_init(&r, seed, 0, 0, MM_RNG_SAMPLE);
	return r;
}

/* The sum that a pairing reaches; every pair is legal. */
static double value(const long *to, const float *s, size_t N, size_t M,
		    double least)
{
	bool taken[4096] = { false };
	double sum = 0;

	for (size_t i = 0; i < N; i++) {
		if (to[i] == MM_UNPAIRED) {
			continue;
		}
		ck_assert_int_ge(to[i], 0);
		ck_assert_int_lt(to[i], (long)M);
		ck_assert(!taken[to[i]]);
		taken[to[i]] = true;
		ck_assert(s[i * M + (size_t)to[i]] > least);
		sum += s[i * M + (size_t)to[i]] - (isinf(least) ? 0 : least);
	}
	return sum;
}

/* The greatest sum by trying everything; used: columns taken. */
static double all_ways(const float *s, size_t i, size_t N, size_t M,
		       unsigned used, double least)
{
	double best = isinf(least) && N <= M ? -DBL_MAX : 0;

	if (i == N)
		return 0;
	if (!isinf(least) || N > M)
		best = all_ways(s, i + 1, N, M, used, least);
	for (size_t j = 0; j < M; j++) {
		const double gain = s[i * M + j] - (isinf(least) ? 0 : least);

		if (used >> j & 1 || !(s[i * M + j] > least))
			continue;
		best = fmax(best, gain + all_ways(s, i + 1, N, M,
						  used | 1u << j, least));
	}
	return best;
}

static void fill(float *s, size_t n, struct mm_rng *r, int kind)
{
	for (size_t i = 0; i < n; i++)
		s[i] = kind == 0   ? (float)mm_rng_uniform(r)
		       : kind == 1 ? (float)mm_rng_below(r, 4) /* ties */
				   : 0.5f;
}

START_TEST(assign_small)
{
	float s[49];
	long to[7];

	for (uint64_t round = 0; round < 300; round++) {
		struct mm_rng r = seeded(round);
		const size_t N = 1 + (size_t)mm_rng_below(&r, 6);
		const size_t M = 1 + (size_t)mm_rng_below(&r, 6);
		const float least = round % 3 ? 0.4f : -1;

		fill(s, N * M, &r, (int)(round % 7) / 3);
		ck_ok(mm_assign(to, s, N, M, least, err));
		ck_assert_double_eq_tol(value(to, s, N, M, least),
					all_ways(s, 0, N, M, 0, least), 1e-5);
	}
}
END_TEST

START_TEST(assign_all)
{
	float s[36];
	long to[6];
	struct mm_rng r = seeded(9);

	fill(s, 36, &r, 0);
	ck_ok(mm_assign(to, s, 6, 6, -INFINITY, err));
	ck_assert_double_eq_tol(value(to, s, 6, 6, -INFINITY),
				all_ways(s, 0, 6, 6, 0, -INFINITY), 1e-5);
	ck_ok(mm_assign(to, s, 0, 5, 0, err));
	ck_ok(mm_assign(to, s, 3, 0, 0, err));
	ck_assert_int_eq(to[0], MM_UNPAIRED);
}
END_TEST

/* Duality: no reduced cost is negative where the sum is the best.  Here: no
 * exchange of two partners gains anything, and a hidden permutation is found.
 */
START_TEST(assign_large)
{
	const size_t n = 400;
	float *s = mm_malloc(n * n, sizeof(*s));
	size_t *hidden = mm_malloc(n, sizeof(*hidden));
	long *to = mm_malloc(n, sizeof(*to));
	struct mm_rng r = seeded((uint64_t)_i);

	fill(s, n * n, &r, _i % 2);
	mm_rng_permutation(&r, hidden, n);
	for (size_t i = 0; i < n && _i >= 2; i++)
		s[i * n + hidden[i]] += 5;
	ck_ok(mm_assign(to, s, n, n, -1, err));
	(void)value(to, s, n, n, -1);
	for (size_t i = 0; i < n; i++) {
		ck_assert_int_ge(to[i], 0);
		if (_i >= 2)
			ck_assert_uint_eq((size_t)to[i], hidden[i]);
		for (size_t k = 0; k < i; k++) {
			const size_t a = (size_t)to[i], b = (size_t)to[k];

			ck_assert_float_ge(s[i * n + a] + s[k * n + b] + 1e-5f,
					   s[i * n + b] + s[k * n + a]);
		}
	}
	mm_free(s);
	mm_free(hidden);
	mm_free(to);
}
END_TEST

/* ---- transport ---- */

START_TEST(transport)
{
	enum { N = 300, M = 280 };
	float *s = mm_malloc(N * M, sizeof(*s));
	struct mm_candidate *c = mm_malloc(N * M, sizeof(*c));
	long exact[N], to[N], again[N];
	struct mm_rng r = seeded((uint64_t)_i);
	const double least = 0.5;
	size_t n = 0;

	for (size_t i = 0; i < N; i++) {
		for (size_t j = 0; j < M; j++) {
			s[i * M + j] = (float)(0.15 * mm_rng_normal(&r) +
					       (i == j && i % 5 ? 0.8 : 0.1));
			if (s[i * M + j] > 0.2)
				c[n++] = (struct mm_candidate){ (uint32_t)i,
								(uint32_t)j,
								s[i * M + j] };
		}
	}
	ck_ok(mm_assign(exact, s, N, M, (float)least, err));
	mm_threads_set(1);
	ck_ok(mm_transport(to, c, n, N, M, least, err));
	mm_threads_set(3);
	ck_ok(mm_transport(again, c, n, N, M, least, err));
	mm_threads_set(0);
	ck_assert_mem_eq(to, again, sizeof(to));
	ck_assert_double_ge(value(to, s, N, M, least),
			    0.995 * value(exact, s, N, M, least));
	ck_ok(mm_transport(to, c, 0, N, M, least, err));
	for (size_t i = 0; i < N; i++)
		ck_assert_int_eq(to[i], MM_UNPAIRED);
	mm_free(s);
	mm_free(c);
}
END_TEST

/* ---- in order ---- */

struct rows {
	const float *s;
	size_t M;
};

static int row_of(void *ctx, size_t i, float *out, struct mm_err *err)
{
	const struct rows *r = ctx;

	(void)err;
	memcpy(out, r->s + i * r->M, r->M * sizeof(*out));
	return MM_OK;
}

/* The greatest sum of pairs in order within rows i.. and columns j... */
static double in_order(const float *s, const struct mm_monotone *o, size_t i,
		       size_t j)
{
	double best;

	if (i == o->N || j == o->M)
		return -o->gap * (double)(o->N - i + o->M - j);
	best = s[i * o->M + j] - o->least + in_order(s, o, i + 1, j + 1);
	best = fmax(best, in_order(s, o, i + 1, j) - o->gap);
	return fmax(best, in_order(s, o, i, j + 1) - o->gap);
}

/* The same in the best stretch: all places to begin, ending anywhere. */
static double from_here(const float *s, const struct mm_monotone *o, size_t i,
			size_t j)
{
	double best = 0;

	if (i == o->N || j == o->M)
		return 0;
	best = fmax(best,
		    s[i * o->M + j] - o->least + from_here(s, o, i + 1, j + 1));
	best = fmax(best, from_here(s, o, i + 1, j) - o->gap);
	return fmax(best, from_here(s, o, i, j + 1) - o->gap);
}

static double order_value(const long *to, const float *s,
			  const struct mm_monotone *o)
{
	size_t first = 0, last = 0, pairs = 0;
	double sum = 0;
	long before = -1;

	for (size_t i = 0; i < o->N; i++) {
		if (to[i] < 0)
			continue;
		ck_assert_int_gt(to[i], before);
		if (!pairs++)
			first = i;
		last = i;
		before = to[i];
		sum += s[i * o->M + (size_t)to[i]] - o->least;
	}
	if (!o->local)
		return sum - o->gap * (double)(o->N + o->M - 2 * pairs);
	if (!pairs)
		return 0;
	return sum - o->gap * (double)(last - first + 1 +
				       (size_t)(to[last] - to[first]) + 1 -
				       2 * pairs);
}

START_TEST(monotone)
{
	float s[36];
	long to[6];

	for (uint64_t round = 0; round < 200; round++) {
		struct mm_rng r = seeded(round);
		struct mm_monotone o = {
			.N = (size_t)mm_rng_below(&r, 7),
			.M = (size_t)mm_rng_below(&r, 7),
			.least = 0.5,
			.gap = round % 2 ? 0.2 : 0,
			.local = _i,
		};
		struct rows rows = { s, o.M };
		double want = 0;

		fill(s, 36, &r, (int)(round % 3) / 2);
		ck_ok(mm_monotone(to, &o, row_of, &rows, err));
		if (!o.local)
			want = in_order(s, &o, 0, 0);
		for (size_t i = 0; i < o.N && o.local; i++)
			for (size_t j = 0; j < o.M; j++)
				want = fmax(want, from_here(s, &o, i, j));
		ck_assert_double_eq_tol(order_value(to, s, &o), want, 1e-5);
	}
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("pairing");

	tcase_add_test(tc, assign_small);
	tcase_add_test(tc, assign_all);
	tcase_add_loop_test(tc, assign_large, 0, 4);
	tcase_add_loop_test(tc, transport, 0, 3);
	tcase_add_loop_test(tc, monotone, 0, 2);
	return unit_run("pairing", tc);
}
