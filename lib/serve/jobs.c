/* jobs.c - see jobs.h. */
#include "serve/jobs.h"

#include <string.h>

#include "base/mem.h"

struct mm_jobs_thread {
	struct mm_jobs *pool;
	size_t index;
	pthread_t id;
};

static struct mm_job *take(struct mm_jobs *p)
{
	for (int u = 0; u < 2; u++) {
		struct mm_job *j = p->head[u];

		if (!j)
			continue;
		if (!(p->head[u] = j->next))
			p->tail[u] = &p->head[u];
		p->waiting--;
		return j;
	}
	return NULL;
}

static void *work(void *arg)
{
	struct mm_jobs_thread *t = arg;
	struct mm_jobs *p = t->pool;
	struct mm_job *j;

	pthread_mutex_lock(&p->lock);
	for (;;) {
		if ((j = take(p))) {
			pthread_mutex_unlock(&p->lock);
			j->run(j, t->index);
			pthread_mutex_lock(&p->lock);
		} else if (p->stop) {
			break;
		} else {
			pthread_cond_wait(&p->wake, &p->lock);
		}
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

int mm_jobs_start(struct mm_jobs *p, size_t n, struct mm_err *err)
{
	memset(p, 0, sizeof(*p));
	if (!(p->thread = mm_calloc(n, sizeof(*p->thread))))
		return mm_fail_nomem(err, "threads");
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->wake, NULL);
	p->tail[0] = &p->head[0];
	p->tail[1] = &p->head[1];
	for (; p->n < n; p->n++) {
		struct mm_jobs_thread *t = &p->thread[p->n];

		t->pool = p;
		t->index = p->n;
		if (pthread_create(&t->id, NULL, work, t)) {
			mm_jobs_stop(p);
			return mm_fail(err, MM_ERR_NOMEM,
				       "cannot start a thread");
		}
	}
	return MM_OK;
}

void mm_jobs_put(struct mm_jobs *p, struct mm_job *job, bool urgent)
{
	const int u = urgent ? 0 : 1;

	job->next = NULL;
	pthread_mutex_lock(&p->lock);
	*p->tail[u] = job;
	p->tail[u] = &job->next;
	p->waiting++;
	pthread_cond_signal(&p->wake);
	pthread_mutex_unlock(&p->lock);
}

size_t mm_jobs_waiting(struct mm_jobs *p)
{
	size_t n;

	pthread_mutex_lock(&p->lock);
	n = p->waiting;
	pthread_mutex_unlock(&p->lock);
	return n;
}

void mm_jobs_stop(struct mm_jobs *p)
{
	if (!p->thread)
		return;
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_cond_broadcast(&p->wake);
	pthread_mutex_unlock(&p->lock);
	for (size_t i = 0; i < p->n; i++)
		pthread_join(p->thread[i].id, NULL);
	pthread_cond_destroy(&p->wake);
	pthread_mutex_destroy(&p->lock);
	mm_free(p->thread);
	memset(p, 0, sizeof(*p));
}
