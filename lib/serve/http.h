/*
 * http.h - HTTP/1.1 (through libmicrohttpd): whole requests in, whole replies
 * out.
 *
 * One thread reads and writes.  Of each request it calls
 *
 *	head	once the header is there.  Sets r->status: the reply is ready,
 *		and a body, if any, is read and dropped.  Leaves it 0: wants
 *		the body.
 *	body	with the whole body.  The reply is given by mm_http_reply, now
 *		or later, from any thread.
 *	end	when the reply is sent or the client gone; frees r->user.
 *
 * Too long a body, too much memory in bodies, or too slow a client is refused
 * while the body comes: the reply goes out at once and the connection closes.
 */
#ifndef MM_SERVE_HTTP_H
#define MM_SERVE_HTTP_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "serve/jobs.h"
#include "serve/listen.h"
#include "serve/problem.h"

enum { MM_HTTP_HEADERS = 6 };

struct mm_http_request {
	const char *method, *path, *content_type; /* the last may be NULL */
	const char *peer;			  /* "127.0.0.1", "unix" */
	char id[132]; /* X-Request-Id, taken over or made */
	struct mm_buf body;
	size_t received; /* bytes of the body, also where they were dropped */
	double began;
	void *user;

	/* The reply. */
	int status;
	const char *type;
	struct mm_buf text;
	struct {
		const char *name, *value;
	} header[MM_HTTP_HEADERS];
	int n_headers;

	struct mm_http_connection *connection; /* http.c's */
	void *handle;
	size_t content_length, dropped;
	bool expects, chunked, answered;
};

struct mm_http_options {
	size_t max_body;    /* bytes */
	size_t max_bodies;  /* bytes of all bodies together */
	size_t connections; /* at a time */
	size_t per_address; /* of them from one address; 0: no limit */
	double timeout;	    /* seconds for a header; for a body or a reply,
			       that and 16 KiB a second */
	void (*head)(void *ctx, struct mm_http_request *r);
	void (*body)(void *ctx, struct mm_http_request *r);
	void (*end)(void *ctx, struct mm_http_request *r);
	void *ctx;
	size_t worker; /* what posted jobs are called with */
};

struct mm_http {
	struct mm_http_options o;
	void *daemon;
	pthread_t thread;
	int tell[2];	    /* a pipe to the thread, closed to end it */
	_Atomic bool woken; /* it has yet to read that there is news */
	pthread_mutex_t post;
	struct mm_job *posted, **posted_tail; /* under `post` */
	pthread_mutex_t lock;
	struct mm_http_connection *first;
	size_t n_connections, n_requests, in_bodies;
	uint64_t n_seen;
	char key[9]; /* of the ids made here */
	bool draining;
};

/* Takes the socket (l->fd becomes -1), not the path. */
int mm_http_start(struct mm_http *h, const struct mm_http_options *o,
		  struct mm_listener *l, struct mm_err *err) MM_MUST_CHECK;

/* Close connections that are too slow; to be called a few times a second. */
void mm_http_tick(struct mm_http *h);

/* From now on connections close after their reply. */
void mm_http_drain(struct mm_http *h);

/* The socket closes; connections that are there go on. */
void mm_http_accept_no_more(struct mm_http *h);

/* Requests that have begun and not ended. */
size_t mm_http_requests(struct mm_http *h);
size_t mm_http_connections(struct mm_http *h);

/* Every request must have been replied to.  Safe on zeros. */
void mm_http_stop(struct mm_http *h);

/* ---- for the calls ---- */

/* A header of the request, NULL where it is absent. */
const char *mm_http_header(const struct mm_http_request *r, const char *name);

/* A header for the reply; the strings must live until `end`. */
void mm_http_add(struct mm_http_request *r, const char *name,
		 const char *value);

/* status, type and text from a problem. */
void mm_http_problem(struct mm_http_request *r, const struct mm_problem *p);

/* Run a short job on the thread that reads and writes; from any thread, as long
 * as a request waits for its reply. */
void mm_http_post(struct mm_http *h, struct mm_job *job);

/* The reply is complete. */
void mm_http_reply(struct mm_http_request *r);

#endif
