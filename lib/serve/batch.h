/*
 * batch.h - one bounded queue, and a thread that runs what waits in batches.
 *
 *	reserve n places (or be told that there are none)
 *	put an item into each, or give the place back (cancel)
 *	run(lane, items): up to max_batch items of one lane, oldest first
 *
 * Lanes are kinds of work that cannot share a batch (the two towers).  A batch
 * starts when it is full, when nobody who holds a place has yet to come, or
 * when its oldest item has waited for max_wait or half as long as the lane's
 * last batch took, more than company could win back.  So a lone request does
 * not wait, and under load whatever came during one batch makes the next.  Of
 * two batches that can start, the one with the oldest item does: a lane that is
 * always full keeps the other waiting for a batch, not forever.
 */
#ifndef MM_SERVE_BATCH_H
#define MM_SERVE_BATCH_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum { MM_BATCH_LANES = 2 };

/* The first member of whatever waits; owned by the caller, not looked at any
 * more once run has been called with it. */
struct mm_batch_item {
	struct mm_batch_item *next;
	double since; /* put then, on the monotonic clock */
};

/* On the batcher's thread. */
typedef void mm_batch_fn(void *ctx, int lane, struct mm_batch_item **item,
			 size_t n);

struct mm_batcher {
	size_t capacity, max_batch;
	double max_wait; /* seconds */
	mm_batch_fn *run;
	void *ctx;

	pthread_mutex_t lock;
	pthread_cond_t wake;
	pthread_t thread;
	struct mm_batch_lane {
		struct mm_batch_item *head, **tail;
		size_t n;
		bool ran;
		double seconds; /* the last batch took */
	} lane[MM_BATCH_LANES];
	size_t coming, queued; /* places held: without an item, with one */
	struct mm_batch_item **taken;
	bool started, stop;
};

/* The first five members are set; starts the thread. */
int mm_batcher_start(struct mm_batcher *b, struct mm_err *err) MM_MUST_CHECK;

/* n places at once; false where there are not as many, or after stop. */
bool mm_batcher_reserve(struct mm_batcher *b, size_t n);
void mm_batcher_cancel(struct mm_batcher *b, size_t n);
void mm_batcher_put(struct mm_batcher *b, int lane, struct mm_batch_item *item);

/* Places held now. */
size_t mm_batcher_held(struct mm_batcher *b);

/* Run all that waits and that holds a place; join.  Safe on zeros. */
void mm_batcher_stop(struct mm_batcher *b);

double mm_serve_now(void); /* seconds on the monotonic clock */

#endif
