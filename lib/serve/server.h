/*
 * server.h - a model behind HTTP.
 *
 *	open	keys read, socket bound, requests answered: 503 where they
 *		need the model
 *	load	the model, the gallery; one run of each tower; ready
 *	tick	a few times a second, for clients that are too slow
 *	drain	no new work is taken (503); what was taken is finished
 *	close	what is not finished is answered with 503
 *
 * How a request goes through it:
 *
 *	http.c thread	header, body      -> pool
 *	pool		parse             -> queue places or 429
 *			decode, tokenise  -> queue, input by input
 *	batcher thread	towers, in batches of inputs of several requests
 *	pool		write the reply   -> http.c thread
 *
 * A vector has the bits that mmtool-embed(1) gives it, whatever it shared its
 * batch with.
 */
#ifndef MM_SERVE_SERVER_H
#define MM_SERVE_SERVER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct mm_server;

struct mm_server_event { /* a request has ended */
	const char *id, *method, *path, *peer;
	int status; /* 0: the client went away before the reply */
	double seconds;
	size_t received, sent; /* bytes of body and reply */
	size_t images, texts;
};

struct mm_server_options {
	const char *model;   /* folder */
	size_t image_size;   /* side of pictures; 0: the model's own */
	bool cache;	     /* of packed weights, see model/cache.h */
	const char *name;    /* for requests and replies */
	const char *version; /* of the program */
	const char *listen;  /* see listen.h */
	const char *key_file;
	const char *const *gallery; /* n_gallery streams */
	size_t n_gallery;
	bool gallery_text; /* search text.embedding, not image.embedding */

	size_t max_batch, queue; /* inputs */
	double max_wait;	 /* seconds */
	size_t max_inputs;	 /* of a request; at most `queue` */
	size_t max_body, max_bodies, max_text; /* bytes */
	size_t max_pixels;		       /* of a picture */
	size_t connections, per_address;
	double timeout; /* seconds */
	size_t workers; /* threads that decode */

	/* May be NULL.  On the server's thread: be quick. */
	void (*log)(void *ctx, const struct mm_server_event *e);
	void *ctx;
};

/* The strings and lists of *o must outlive the server. */
int mm_server_open(struct mm_server **s, const struct mm_server_options *o,
		   struct mm_err *err) MM_MUST_CHECK;
int mm_server_load(struct mm_server *s, struct mm_err *err) MM_MUST_CHECK;

/* "http://127.0.0.1:43125" */
const char *mm_server_url(const struct mm_server *s);
void mm_server_tick(struct mm_server *s);
void mm_server_drain(struct mm_server *s);

/* Requests that have begun and are not answered; how many ended so far. */
size_t mm_server_open_requests(struct mm_server *s);
size_t mm_server_done_requests(struct mm_server *s);
void mm_server_close(struct mm_server *s); /* NULL is fine */

#endif
