/* worker.c - see worker.h. */
#include "base/worker.h"

#include <pthread.h>
#include <stdbool.h>

#include "base/mem.h"
#include "base/parallel.h"

struct mm_worker {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	void (*fn)(void *ctx); /* NULL: idle */
	void *ctx;
	bool quit;
};

static void *work(void *arg)
{
	struct mm_worker *w = arg;

	mm_parallel_here(true);
	pthread_mutex_lock(&w->lock);
	for (;;) {
		while (!w->fn && !w->quit)
			pthread_cond_wait(&w->changed, &w->lock);
		if (w->quit)
			break;
		pthread_mutex_unlock(&w->lock);
		w->fn(w->ctx);
		pthread_mutex_lock(&w->lock);
		w->fn = NULL;
		pthread_cond_broadcast(&w->changed);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

int mm_worker_new(struct mm_worker **w, struct mm_err *err)
{
	if (!(*w = mm_calloc(1, sizeof(**w))))
		return mm_fail_nomem(err, "a thread");
	pthread_mutex_init(&(*w)->lock, NULL);
	pthread_cond_init(&(*w)->changed, NULL);
	if (pthread_create(&(*w)->thread, NULL, work, *w)) {
		mm_free(*w);
		*w = NULL;
		return mm_fail(err, MM_ERR_NOMEM, "cannot start a thread");
	}
	return MM_OK;
}

void mm_worker_free(struct mm_worker *w)
{
	if (!w)
		return;
	mm_worker_wait(w);
	pthread_mutex_lock(&w->lock);
	w->quit = true;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	pthread_cond_destroy(&w->changed);
	pthread_mutex_destroy(&w->lock);
	mm_free(w);
}

void mm_worker_start(struct mm_worker *w, void (*fn)(void *ctx), void *ctx)
{
	pthread_mutex_lock(&w->lock);
	w->ctx = ctx;
	w->fn = fn;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
}

void mm_worker_wait(struct mm_worker *w)
{
	pthread_mutex_lock(&w->lock);
	while (w->fn)
		pthread_cond_wait(&w->changed, &w->lock);
	pthread_mutex_unlock(&w->lock);
}
