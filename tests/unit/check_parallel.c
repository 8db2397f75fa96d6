/* The thread pool: every item once, same bits for any number of threads. */
#include "unit.h"

#include <math.h>

#include "base/parallel.h"

enum { N = 10007, GRAIN = 64, BLOCKS = N / GRAIN + 1 };

struct job {
	float x[N], y[N], part[BLOCKS];
	unsigned char hits[N];
	int bad_thread;
};

static void work(void *ctx, size_t begin, size_t end)
{
	struct job *j = ctx;
	float sum = 0;

	if (mm_thread_index() < 0 || mm_thread_index() >= mm_threads())
		j->bad_thread = 1;
	for (size_t i = begin; i < end; i++) {
		j->hits[i]++;
		j->y[i] = sinf(j->x[i]) / (1 + j->x[i]);
		sum += j->y[i];
	}
	j->part[begin / GRAIN] = sum;
}

static float run(struct job *j, int threads)
{
	float sum = 0;

	memset(j, 0, sizeof(*j));
	for (int i = 0; i < N; i++)
		j->x[i] = (float)i * 0.01f;
	mm_threads_set(threads);
	mm_parallel_for(N, GRAIN, work, j);
	for (int b = 0; b < BLOCKS; b++)
		sum += j->part[b];
	return sum;
}

START_TEST(same_bits_for_any_number_of_threads)
{
	static struct job one, many;
	const float want = run(&one, 1);

	for (int threads = 1; threads <= 5; threads++) {
		const float got = run(&many, threads);

		ck_assert_mem_eq(&got, &want, sizeof(got));
		ck_assert_mem_eq(many.y, one.y, sizeof(one.y));
		ck_assert_int_eq(many.bad_thread, 0);
		for (int i = 0; i < N; i++)
			ck_assert_uint_eq(many.hits[i], 1);
	}
}
END_TEST

static void never(void *ctx, size_t begin, size_t end)
{
	ck_abort_msg("called for %p %zu %zu", ctx, begin, end);
}

START_TEST(no_items_no_call)
{
	mm_parallel_for(0, 8, never, NULL);
}
END_TEST

static void inner(void *ctx, size_t begin, size_t end)
{
	int *sum = ctx;

	for (size_t i = begin; i < end; i++)
		*sum += 1;
}

static void outer(void *ctx, size_t begin, size_t end)
{
	int *sums = ctx;

	for (size_t i = begin; i < end; i++)
		mm_parallel_for(100, 10, inner, &sums[i]);
}

START_TEST(nested_calls_run_on_their_thread)
{
	int sums[16] = { 0 };

	mm_threads_set(3);
	mm_parallel_for(16, 1, outer, sums);
	for (int i = 0; i < 16; i++)
		ck_assert_int_eq(sums[i], 100);
}
END_TEST

START_TEST(default_is_the_processors)
{
	mm_threads_set(0);
	ck_assert_int_ge(mm_threads(), 1);
	mm_threads_set(7);
	ck_assert_int_eq(mm_threads(), 7);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("parallel");

	tcase_add_test(tc, same_bits_for_any_number_of_threads);
	tcase_add_test(tc, no_items_no_call);
	tcase_add_test(tc, nested_calls_run_on_their_thread);
	tcase_add_test(tc, default_is_the_processors);
	return unit_run("parallel", tc);
}
