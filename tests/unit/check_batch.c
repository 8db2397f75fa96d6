/* The bounded queue, its batches, and the pool of jobs. */
#include "unit.h"

#include <stdatomic.h>
#include <time.h>

#include "serve/batch.h"
#include "serve/jobs.h"

enum { MANY = 400 };

struct item {
	struct mm_batch_item batch;
	int number;
};

/* What ran: items and borders of batches; a gate that holds the batcher. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t turn;
	bool closed, running;
	int number[MANY], lane[MANY];
	size_t n, batch[MANY], batches;
} seen;

static void nap(double seconds)
{
	const struct timespec t = { 0, (long)(seconds * 1e9) };

	nanosleep(&t, NULL);
}

static void record(void *ctx, int lane, struct mm_batch_item **item, size_t n)
{
	(void)ctx;
	pthread_mutex_lock(&seen.lock);
	seen.running = true;
	pthread_cond_broadcast(&seen.turn);
	while (seen.closed)
		pthread_cond_wait(&seen.turn, &seen.lock);
	seen.running = false;
	for (size_t i = 0; i < n; i++) {
		seen.lane[seen.n] = lane;
		seen.number[seen.n++] = ((struct item *)item[i])->number;
	}
	seen.batch[seen.batches++] = n;
	pthread_mutex_unlock(&seen.lock);
}

static struct mm_batcher b;
static struct item items[MANY];

static void begin(size_t capacity, size_t max_batch, double max_wait)
{
	memset(&b, 0, sizeof(b));
	memset(&seen, 0, sizeof(seen));
	pthread_mutex_init(&seen.lock, NULL);
	pthread_cond_init(&seen.turn, NULL);
	b.capacity = capacity;
	b.max_batch = max_batch;
	b.max_wait = max_wait;
	b.run = record;
	for (int i = 0; i < MANY; i++)
		items[i].number = i;
	ck_ok(mm_batcher_start(&b, err));
}

/* The batcher is inside run, with one item; whatever comes now waits. */
static void hold(int number)
{
	seen.closed = true;
	ck_assert(mm_batcher_reserve(&b, 1));
	mm_batcher_put(&b, 0, &items[number].batch);
	pthread_mutex_lock(&seen.lock);
	while (!seen.running)
		pthread_cond_wait(&seen.turn, &seen.lock);
	pthread_mutex_unlock(&seen.lock);
}

static void let_go(void)
{
	pthread_mutex_lock(&seen.lock);
	seen.closed = false;
	pthread_cond_broadcast(&seen.turn);
	pthread_mutex_unlock(&seen.lock);
}

START_TEST(what_waits_makes_full_batches_in_order)
{
	begin(100, 4, 10);
	hold(0);
	ck_assert(mm_batcher_reserve(&b, 10));
	for (int i = 1; i <= 10; i++)
		mm_batcher_put(&b, 0, &items[i].batch);
	ck_assert_uint_eq(mm_batcher_held(&b), 10);
	let_go();
	mm_batcher_stop(&b);
	ck_assert_uint_eq(seen.n, 11);
	for (int i = 0; i <= 10; i++)
		ck_assert_int_eq(seen.number[i], i);
	ck_assert_uint_eq(seen.batches, 4);
	ck_assert_uint_eq(seen.batch[1], 4);
	ck_assert_uint_eq(seen.batch[2], 4);
	ck_assert_uint_eq(seen.batch[3], 2);
}
END_TEST

START_TEST(lanes_do_not_mix_and_the_oldest_is_first)
{
	begin(100, 8, 10);
	hold(0);
	ck_assert(mm_batcher_reserve(&b, 6));
	for (int i = 1; i <= 6; i++) {
		mm_batcher_put(&b, i % 2, &items[i].batch);
		nap(0.001); /* a clock of coarse steps may call them equal */
	}
	let_go();
	mm_batcher_stop(&b);
	ck_assert_uint_eq(seen.batches, 3);
	ck_assert_uint_eq(seen.batch[1], 3);
	ck_assert_uint_eq(seen.batch[2], 3);
	for (int i = 1; i <= 3; i++) {
		ck_assert_int_eq(seen.lane[i], 1);
		ck_assert_int_eq(seen.number[i], 2 * i - 1);
		ck_assert_int_eq(seen.lane[i + 3], 0);
		ck_assert_int_eq(seen.number[i + 3], 2 * i);
	}
}
END_TEST

START_TEST(a_full_lane_does_not_wait_for_others_company)
{
	begin(100, 2, 10);
	hold(0);
	ck_assert(mm_batcher_reserve(&b, 4));
	mm_batcher_put(&b, 1, &items[1].batch);
	nap(0.001);
	mm_batcher_put(&b, 0, &items[2].batch);
	mm_batcher_put(&b, 0, &items[3].batch);
	let_go();
	while (mm_batcher_held(&b) > 2)
		nap(0.001);
	mm_batcher_cancel(&b, 1);
	mm_batcher_stop(&b);
	ck_assert_uint_eq(seen.n, 4);
	ck_assert_int_eq(seen.lane[1], 0);
	ck_assert_int_eq(seen.lane[3], 1);
}
END_TEST

START_TEST(a_lane_that_is_always_full_starves_nobody)
{
	static const int lane[] = { 0, 0, 1, 0, 0, 0, 0 };

	begin(100, 2, 10);
	hold(0);
	ck_assert(mm_batcher_reserve(&b, 7));
	for (int i = 0; i < 7; i++) {
		mm_batcher_put(&b, lane[i], &items[i + 1].batch);
		nap(0.001);
	}
	let_go();
	mm_batcher_stop(&b);
	ck_assert_uint_eq(seen.n, 8);
	for (int i = 0; i < 7; i++)
		ck_assert_int_eq(seen.lane[i + 1], lane[i]);
}
END_TEST

START_TEST(no_more_than_its_places_are_given)
{
	begin(5, 2, 10);
	hold(0);
	ck_assert(!mm_batcher_reserve(&b, 6));
	ck_assert(mm_batcher_reserve(&b, 3));
	ck_assert(!mm_batcher_reserve(&b, 3));
	ck_assert(mm_batcher_reserve(&b, 2));
	ck_assert(!mm_batcher_reserve(&b, 1));
	mm_batcher_cancel(&b, 4);
	ck_assert(mm_batcher_reserve(&b, 4));
	for (int i = 1; i <= 5; i++)
		mm_batcher_put(&b, 0, &items[i].batch);
	ck_assert(!mm_batcher_reserve(&b, 1));
	let_go();
	mm_batcher_stop(&b);
	ck_assert_uint_eq(seen.n, 6);
}
END_TEST

/* Nobody else is coming: it is not waited for. */
START_TEST(a_lone_item_does_not_wait)
{
	const double start = mm_serve_now();

	begin(5, 4, 30);
	ck_assert(mm_batcher_reserve(&b, 1));
	mm_batcher_put(&b, 0, &items[0].batch);
	mm_batcher_stop(&b);
	ck_assert(mm_serve_now() < start + 10);
	ck_assert_uint_eq(seen.n, 1);
}
END_TEST

/* Somebody is coming: waited for, until then or until max_wait. */
START_TEST(those_who_come_are_waited_for)
{
	begin(5, 4, 30);
	ck_assert(mm_batcher_reserve(&b, 2));
	mm_batcher_put(&b, 0, &items[0].batch);
	nap(0.05);
	mm_batcher_put(&b, 0, &items[1].batch);
	mm_batcher_stop(&b);
	ck_assert_uint_eq(seen.batches, 1);
	ck_assert_uint_eq(seen.batch[0], 2);

	begin(5, 4, 0.02);
	ck_assert(mm_batcher_reserve(&b, 2));
	mm_batcher_put(&b, 0, &items[0].batch);
	nap(0.5);
	ck_assert_uint_eq(mm_batcher_held(&b), 1); /* only who has not come */
	mm_batcher_cancel(&b, 1);
	mm_batcher_stop(&b);
	ck_assert_uint_eq(seen.n, 1);
}
END_TEST

/* The wait is worth half a batch at most: here next to nothing of 30 s. */
START_TEST(quick_batches_do_not_wait_long)
{
	const double begun = mm_serve_now();

	begin(5, 4, 30);
	ck_assert(mm_batcher_reserve(&b, 1));
	mm_batcher_put(&b, 0, &items[0].batch);
	while (mm_batcher_held(&b))
		nap(0.001);
	ck_assert(mm_batcher_reserve(&b, 2));
	mm_batcher_put(&b, 0, &items[1].batch);
	while (mm_batcher_held(&b) > 1)
		nap(0.001);
	mm_batcher_cancel(&b, 1);
	mm_batcher_stop(&b);
	ck_assert_uint_eq(seen.n, 2);
	ck_assert(mm_serve_now() < begun + 15);
}
END_TEST

START_TEST(stop_waits_for_who_holds_a_place)
{
	begin(5, 4, 0.001);
	ck_assert(mm_batcher_reserve(&b, 1));
	mm_batcher_put(&b, 1, &items[0].batch);
	mm_batcher_stop(&b);
	ck_assert_uint_eq(seen.n, 1);
	ck_assert_int_eq(seen.lane[0], 1);
	mm_batcher_stop(&b); /* twice is fine */
}
END_TEST

/* ---- many threads at once ---- */

static _Atomic size_t next, refused;

static void *producer(void *arg)
{
	(void)arg;
	for (;;) {
		const size_t i = next++;

		if (i >= MANY)
			return NULL;
		while (!mm_batcher_reserve(&b, 1)) {
			refused++;
			nap(0.0001);
		}
		mm_batcher_put(&b, (int)(i % 2), &items[i].batch);
	}
}

START_TEST(nothing_is_lost_or_done_twice)
{
	pthread_t t[4];
	bool done[MANY] = { false };

	begin(7, 3, 0.001);
	next = 0;
	for (int i = 0; i < 4; i++)
		ck_assert(!pthread_create(&t[i], NULL, producer, NULL));
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	mm_batcher_stop(&b);
	ck_assert_uint_eq(seen.n, MANY);
	for (int i = 0; i < MANY; i++) {
		ck_assert_int_eq(seen.lane[i], seen.number[i] % 2);
		ck_assert(!done[seen.number[i]]);
		done[seen.number[i]] = true;
	}
	for (size_t i = 0; i < seen.batches; i++)
		ck_assert(seen.batch[i] >= 1 && seen.batch[i] <= 3);
}
END_TEST

/* ---- jobs ---- */

struct job {
	struct mm_job job;
	int number;
};

static int order[MANY];
static _Atomic int n_order;
static _Atomic bool gate;

static void wait_at_gate(struct mm_job *j, size_t worker)
{
	(void)j;
	(void)worker;
	while (!gate)
		nap(0.001);
}

static void note(struct mm_job *j, size_t worker)
{
	ck_assert_uint_lt(worker, 3);
	order[n_order++] = ((struct job *)j)->number;
}

START_TEST(urgent_jobs_go_first)
{
	struct mm_job first = { .run = wait_at_gate };
	struct job job[6];
	struct mm_jobs p;
	static const int want[] = { 1, 3, 5, 0, 2, 4 };

	n_order = 0;
	gate = false;
	ck_ok(mm_jobs_start(&p, 1, err));
	mm_jobs_put(&p, &first, false);
	while (mm_jobs_waiting(&p))
		nap(0.001);
	for (int i = 0; i < 6; i++) {
		job[i] = (struct job){ { .run = note }, i };
		mm_jobs_put(&p, &job[i].job, i % 2);
	}
	ck_assert_uint_eq(mm_jobs_waiting(&p), 6);
	gate = true;
	mm_jobs_stop(&p);
	ck_assert_int_eq(n_order, 6);
	for (int i = 0; i < 6; i++)
		ck_assert_int_eq(order[i], want[i]);
	mm_jobs_stop(&p);
}
END_TEST

START_TEST(every_job_is_run)
{
	static struct job job[MANY];
	struct mm_jobs p;

	n_order = 0;
	ck_ok(mm_jobs_start(&p, 3, err));
	for (int i = 0; i < MANY; i++) {
		job[i] = (struct job){ { .run = note }, i };
		mm_jobs_put(&p, &job[i].job, i % 7 == 0);
	}
	mm_jobs_stop(&p);
	ck_assert_int_eq(n_order, MANY);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("batch");

	tcase_add_test(tc, what_waits_makes_full_batches_in_order);
	tcase_add_test(tc, lanes_do_not_mix_and_the_oldest_is_first);
	tcase_add_test(tc, a_full_lane_does_not_wait_for_others_company);
	tcase_add_test(tc, a_lane_that_is_always_full_starves_nobody);
	tcase_add_test(tc, no_more_than_its_places_are_given);
	tcase_add_test(tc, a_lone_item_does_not_wait);
	tcase_add_test(tc, those_who_come_are_waited_for);
	tcase_add_test(tc, quick_batches_do_not_wait_long);
	tcase_add_test(tc, stop_waits_for_who_holds_a_place);
	tcase_add_test(tc, nothing_is_lost_or_done_twice);
	tcase_add_test(tc, urgent_jobs_go_first);
	tcase_add_test(tc, every_job_is_run);
	return unit_run("batch", tc);
}
