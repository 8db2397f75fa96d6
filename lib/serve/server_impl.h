/* server_impl.h - what the files of the server share; see server.h. */
#ifndef MM_SERVE_SERVER_IMPL_H
#define MM_SERVE_SERVER_IMPL_H

#include <stdatomic.h>

#include "model/encode.h"
#include "serve/batch.h"
#include "serve/call.h"
#include "serve/catalogue.h"
#include "serve/http.h"
#include "serve/keys.h"
#include "serve/jobs.h"
#include "serve/server.h"
#include "serve/stats.h"

/* The towers; a batcher's lanes. */
enum { MM_TOWER_IMAGE, MM_TOWER_TEXT };

/* One thread of the pool's own memory. */
struct mm_worker {
	struct mm_image_work image;
	struct mm_token_work *token;
	struct mm_buf bytes; /* of a picture in base64 */
	struct mm_catalogue_work picture;
};

struct mm_server {
	struct mm_server_options o;
	struct mm_call_limits limits;
	struct mm_listener listener;
	struct mm_http http;
	struct mm_keys keys;
	struct mm_stats stats;
	double began;
	int64_t created; /* seconds since 1970 */

	/* From load on; not changed while `ready`. */
	struct mm_encoder enc;
	struct mm_batcher batcher;
	struct mm_jobs jobs;
	struct mm_worker *worker; /* o.workers, and the thread of HTTP */
	struct mm_catalogue catalogue;
	pthread_mutex_t search; /* one search at a time: it uses all threads */
	float scale, bias;	/* of the logits */

	/* The batcher's. */
	float *vectors; /* (max_batch, D) */
	const void **in[2];

	_Atomic bool ready, draining, aborting;
	_Atomic size_t in_work; /* requests between body and reply */
	_Atomic size_t done;
};

struct mm_work;

/* A row of the table in route.c. */
struct mm_route {
	const char *method, *path;
	bool prefix; /* path is the beginning of one */
	bool open;   /* no key is asked for */

	/* A reply at once ... */
	void (*direct)(struct mm_server *s, struct mm_http_request *r);
	/* ... or by a picture of the gallery ... */
	bool picture;
	/* ... or by reading a body, embedding what it holds, and writing. */
	int (*read)(struct mm_call *c, const char *content_type,
		    const char *body, size_t n,
		    const struct mm_call_limits *limits, struct mm_problem *p);
	void (*write)(struct mm_work *w, struct mm_json_writer *j);
};

extern const struct mm_route mm_routes[];
size_t mm_routes_n(void); /* and one number more, for "other" paths */

/* A picture or a text on its way; `batch` comes first. */
struct mm_work_item {
	struct mm_batch_item batch;
	struct mm_job job;
	struct mm_work *work;
	size_t index;	 /* in work->call.input and among the vectors */
	uint8_t *pixels; /* (3, S, S) */
	int32_t *ids;	 /* (T), and behind them the mask (T) */
	uint8_t *mask;
	size_t tokens;
};

/* A request from its body to its reply. */
struct mm_work {
	struct mm_job job;
	struct mm_server *server;
	struct mm_http_request *request;
	const struct mm_route *route;
	bool quick; /* begins and ends on the thread of HTTP */
	struct mm_call call;
	struct mm_work_item *item; /* call.n of them */
	float *vector;		   /* (call.n, D), unit length */
	size_t tokens;
	_Atomic size_t pending;	   /* items without a vector */
	pthread_mutex_t lock;	   /* of: */
	struct mm_problem problem; /* the first one */
};

/* What a request carries in `user` until it ends. */
struct mm_note {
	size_t route, images, texts;
};

/* http.c's three calls. */
void mm_route_head(void *ctx, struct mm_http_request *r);
void mm_route_body(void *ctx, struct mm_http_request *r);
void mm_route_end(void *ctx, struct mm_http_request *r);

/* Start the work that a body asks for (route.c to work.c); on the thread of
 * HTTP. */
void mm_work_start(struct mm_server *s, struct mm_http_request *r,
		   const struct mm_route *route);

/* The batcher's run function. */
void mm_work_batch(void *ctx, int lane, struct mm_batch_item **item, size_t n);

/* Towers over n prepared inputs: vectors (n, D), not normalised. */
int mm_work_towers(struct mm_server *s, float *out, int tower,
		   const void *const *in, const void *const *mask, size_t n,
		   struct mm_err *err) MM_MUST_CHECK;

/* Refuse r with a problem of that status; the reply is complete in r. */
void mm_refuse(struct mm_http_request *r, int status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* reply.c: the bodies of replies. */
void mm_write_embeddings(struct mm_work *w, struct mm_json_writer *j);
void mm_write_inference(struct mm_work *w, struct mm_json_writer *j);
void mm_write_search(struct mm_work *w, struct mm_json_writer *j);

/* Files built into the program. */
struct mm_asset {
	const unsigned char *gz; /* (n), of `size` bytes */
	unsigned n, size;
};
extern const struct mm_asset mm_asset_page, mm_asset_openapi;

#endif
