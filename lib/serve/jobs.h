/*
 * jobs.h - a few threads that run jobs, for work that waits for nobody.
 *
 * OpenMP's pool (base/parallel.h) does the towers; decoding, parsing and
 * writing of replies happen here, beside it.
 */
#ifndef MM_SERVE_JOBS_H
#define MM_SERVE_JOBS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* The first member of whatever is to be done; owned by the caller. */
struct mm_job {
	struct mm_job *next;
	/* worker: 0..n-1, for memory that each thread has to itself.  The job
	 * may be gone when this returns. */
	void (*run)(struct mm_job *job, size_t worker);
};

struct mm_jobs {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct mm_job *head[2], **tail[2]; /* urgent ones, the others */
	struct mm_jobs_thread *thread;
	size_t n, waiting;
	bool stop;
};

int mm_jobs_start(struct mm_jobs *p, size_t n,
		  struct mm_err *err) MM_MUST_CHECK;

/* Any thread.  Jobs start in order, urgent ones ahead of all others. */
void mm_jobs_put(struct mm_jobs *p, struct mm_job *job, bool urgent);
size_t mm_jobs_waiting(struct mm_jobs *p);

/* Run what is there, and what that puts; join.  Safe on zeros. */
void mm_jobs_stop(struct mm_jobs *p);

#endif
