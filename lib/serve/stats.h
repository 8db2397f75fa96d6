/*
 * stats.h - counters and histograms of a server, as Prometheus reads them
 * (text exposition format 0.0.4).
 */
#ifndef MM_SERVE_STATS_H
#define MM_SERVE_STATS_H

#include <pthread.h>
#include <stdint.h>

#include "base/buf.h"

enum { MM_STATS_ROUTES = 16, MM_STATS_BUCKETS = 14, MM_STATS_CODES = 600 };

/* count[i]: values up to the i-th bound and above the one before; the last
 * bucket has no bound. */
struct mm_histogram {
	uint64_t count[MM_STATS_BUCKETS];
	uint64_t n;
	double sum;
};

struct mm_stats {
	pthread_mutex_t lock;
	uint32_t code[MM_STATS_ROUTES][MM_STATS_CODES];
	struct mm_histogram seconds[MM_STATS_ROUTES];
	struct mm_histogram batch[2], batch_seconds[2], wait;
	uint64_t inputs[2]; /* pictures, texts */
	uint64_t received, sent;
};

void mm_stats_init(struct mm_stats *s);
void mm_stats_release(struct mm_stats *s);

/* status 0: the client went away before its reply. */
void mm_stats_request(struct mm_stats *s, size_t route, int status,
		      double seconds, size_t received, size_t sent);

/* tower 0: pictures, 1: texts.  wait: the oldest input's in the queue. */
void mm_stats_batch(struct mm_stats *s, int tower, size_t n, double seconds,
		    double wait);

/* What is asked for when it is read. */
struct mm_stats_now {
	const char *const *route; /* names, n_routes of them */
	size_t n_routes;
	const char *model, *version;
	size_t queue, capacity, in_work, requests, connections;
	size_t resident; /* bytes */
	double uptime;
	int ready;
};
void mm_stats_write(struct mm_buf *out, struct mm_stats *s,
		    const struct mm_stats_now *now);

#endif
