/*
 * worker.h - a thread that does one thing at a time behind the caller's back:
 * reading the next batch while this one is computed.
 *
 * What it calls runs on that thread alone (mm_parallel_for does not spread it),
 * so that the pool stays the computation's.
 */
#ifndef MM_BASE_WORKER_H
#define MM_BASE_WORKER_H

#include "base/err.h"

struct mm_worker;

int mm_worker_new(struct mm_worker **w, struct mm_err *err) MM_MUST_CHECK;
void mm_worker_free(struct mm_worker *w); /* waits; NULL is fine */

/* Start fn(ctx).  The one before must have been waited for. */
void mm_worker_start(struct mm_worker *w, void (*fn)(void *ctx), void *ctx);

/* Returns when what was started is done; at once where nothing was. */
void mm_worker_wait(struct mm_worker *w);

#endif
