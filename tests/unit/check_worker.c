/* The background thread: jobs in order, alone on their thread, an end. */
#include "base/parallel.h"
#include "base/worker.h"
#include "unit.h"

static int counted;

static void count(void *ctx, size_t begin, size_t end)
{
	(void)ctx;
	ck_assert_int_eq(mm_thread_index(), 0);
	counted += (int)(end - begin);
}

static void job(void *ctx)
{
	mm_parallel_for(100, 3, count, NULL);
	*(int *)ctx += 1;
}

START_TEST(jobs_are_done_one_after_another)
{
	struct mm_worker *w;
	struct mm_err err = { 0 };
	int done = 0;

	ck_assert_int_eq(mm_worker_new(&w, &err), MM_OK);
	mm_worker_wait(w);
	for (int i = 1; i <= 200; i++) {
		mm_worker_start(w, job, &done);
		mm_worker_wait(w);
		ck_assert_int_eq(done, i);
		ck_assert_int_eq(counted, 100 * i);
	}
	mm_worker_start(w, job, &done);
	mm_worker_free(w);
	ck_assert_int_eq(done, 201);
	mm_worker_free(NULL);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("worker");

	tcase_add_test(tc, jobs_are_done_one_after_another);
	return unit_run("worker", tc);
}
