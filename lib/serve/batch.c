/* batch.c - see batch.h. */
#include "serve/batch.h"

#include <string.h>
#include <time.h>

#include "base/mem.h"

double mm_serve_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* When l's oldest item has waited long enough for others. */
static double due(const struct mm_batcher *b, const struct mm_batch_lane *l)
{
	const double most = l->ran ? l->seconds / 2 : b->max_wait;

	return l->head->since + (most < b->max_wait ? most : b->max_wait);
}

/* Full, or nobody is coming, or it has waited long enough. */
static bool ready(const struct mm_batcher *b, const struct mm_batch_lane *l,
		  double now)
{
	return l->n >= b->max_batch || !b->coming || now >= due(b, l);
}

/* The lane whose first item is oldest, a ready one if any; NULL: none waits. */
static struct mm_batch_lane *choose(struct mm_batcher *b, bool *is_ready)
{
	const double now = mm_serve_now();
	struct mm_batch_lane *best = NULL;

	*is_ready = false;
	for (int i = 0; i < MM_BATCH_LANES; i++) {
		struct mm_batch_lane *l = &b->lane[i];
		const bool can = l->n && ready(b, l, now);

		if (!l->n || can < *is_ready)
			continue;
		if (!best || can > *is_ready ||
		    l->head->since < best->head->since)
			best = l;
		*is_ready = can;
	}
	return best;
}

static size_t take(struct mm_batcher *b, struct mm_batch_lane *l)
{
	size_t n = 0;

	while (n < b->max_batch && l->head) {
		b->taken[n++] = l->head;
		l->head = l->head->next;
	}
	if (!l->head)
		l->tail = &l->head;
	l->n -= n;
	b->queued -= n;
	return n;
}

static void wait_until(struct mm_batcher *b, double when)
{
	struct timespec t;

	t.tv_sec = (time_t)when;
	t.tv_nsec = (long)((when - (double)t.tv_sec) * 1e9);
	pthread_cond_timedwait(&b->wake, &b->lock, &t);
}

static void *work(void *arg)
{
	struct mm_batcher *b = arg;

	pthread_mutex_lock(&b->lock);
	for (;;) {
		bool is_ready;
		struct mm_batch_lane *l = choose(b, &is_ready);
		double start;
		size_t n;

		if (!l && b->stop && !b->coming)
			break;
		if (!l) {
			pthread_cond_wait(&b->wake, &b->lock);
			continue;
		}
		if (!is_ready) {
			wait_until(b, due(b, l));
			continue;
		}
		n = take(b, l);
		pthread_mutex_unlock(&b->lock);
		start = mm_serve_now();
		b->run(b->ctx, (int)(l - b->lane), b->taken, n);
		pthread_mutex_lock(&b->lock);
		l->seconds = mm_serve_now() - start;
		l->ran = true;
	}
	pthread_mutex_unlock(&b->lock);
	return NULL;
}

int mm_batcher_start(struct mm_batcher *b, struct mm_err *err)
{
	pthread_condattr_t monotonic;

	if (!(b->taken = mm_malloc(b->max_batch, sizeof(*b->taken))))
		return mm_fail_nomem(err, "a batch");
	for (int i = 0; i < MM_BATCH_LANES; i++)
		b->lane[i].tail = &b->lane[i].head;
	pthread_mutex_init(&b->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&b->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	if (!pthread_create(&b->thread, NULL, work, b)) {
		b->started = true;
		return MM_OK;
	}
	mm_free(b->taken);
	return mm_fail(err, MM_ERR_NOMEM, "cannot start a thread");
}

bool mm_batcher_reserve(struct mm_batcher *b, size_t n)
{
	bool ok;

	pthread_mutex_lock(&b->lock);
	ok = !b->stop && n <= b->capacity - b->coming - b->queued;
	if (ok)
		b->coming += n;
	pthread_mutex_unlock(&b->lock);
	return ok;
}

void mm_batcher_cancel(struct mm_batcher *b, size_t n)
{
	pthread_mutex_lock(&b->lock);
	b->coming -= n;
	if (!b->coming)
		pthread_cond_signal(&b->wake);
	pthread_mutex_unlock(&b->lock);
}

void mm_batcher_put(struct mm_batcher *b, int lane, struct mm_batch_item *item)
{
	struct mm_batch_lane *l = &b->lane[lane];

	item->next = NULL;
	pthread_mutex_lock(&b->lock);
	item->since = mm_serve_now();
	*l->tail = item;
	l->tail = &item->next;
	l->n++;
	b->coming--;
	b->queued++;
	/* Between its first item and these nothing changes for the lane. */
	if (l->n == 1 || l->n == b->max_batch || !b->coming)
		pthread_cond_signal(&b->wake);
	pthread_mutex_unlock(&b->lock);
}

size_t mm_batcher_held(struct mm_batcher *b)
{
	size_t n;

	pthread_mutex_lock(&b->lock);
	n = b->coming + b->queued;
	pthread_mutex_unlock(&b->lock);
	return n;
}

void mm_batcher_stop(struct mm_batcher *b)
{
	if (!b->started)
		return;
	pthread_mutex_lock(&b->lock);
	b->stop = true;
	pthread_cond_signal(&b->wake);
	pthread_mutex_unlock(&b->lock);
	pthread_join(b->thread, NULL);
	pthread_cond_destroy(&b->wake);
	pthread_mutex_destroy(&b->lock);
	mm_free(b->taken);
	b->started = false;
}
