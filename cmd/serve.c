/* serve.c - mmtool serve: a model behind HTTP. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "cmd.h"
#include "serve/server.h"

struct serve_args {
	struct mm_common common;
	const char *listen, *name, *key_file;
	struct mm_list gallery;
	int column;
	int64_t max_batch, queue, max_inputs;
	int64_t max_body, max_bodies, max_text, max_pixels;
	int64_t connections, per_address;
	double max_wait, timeout, grace;
	bool check;
};

static const char *const columns[] = { "image", "text", NULL };

static const struct serve_args defaults = {
	.listen = "127.0.0.1:8000",
	.max_batch = 32,
	.max_wait = 3,
	.queue = 256,
	.max_inputs = 128,
	.max_body = 20 << 20,
	.max_bodies = 256 << 20,
	.max_text = 64 << 10,
	.max_pixels = 33000000,
	.connections = 16384,
	.per_address = 4096,
	.timeout = 30,
	.grace = 30,
};

#define T struct serve_args
static const struct mm_opt opts[] = {
	MM_OPT_MODEL(T),
	MM_OPT_IMAGE_SIZE(T),
	MM_OPT_CACHE(T),
	MM_STR(0, "listen", T, listen, "ADDR:PORT|unix:PATH",
	       "where to listen; port 0 is any that is free"),
	MM_STR(0, "name", T, name, "NAME",
	       "the model's name in requests and replies [the folder's]"),
	MM_LIST('g', "gallery", T, gallery, "STREAM",
		"vectors to search in, for the page at /; several may be "
		"given"),
	MM_ENUM(0, "column", T, column, columns,
		"which of the gallery's vectors: image.embedding, or "
		"text.embedding"),
	MM_PATH(0, "api-key-file", T, key_file, "FILE",
		"answer only those who send a key of this file, one a line"),
	MM_FLAG(0, "check", T, check,
		"load everything, run each tower once, and end"),
	MM_GROUP("Batches"),
	MM_INT(0, "max-batch", T, max_batch, "N", 1, 1024,
	       "inputs that a tower takes at a time"),
	MM_REAL(0, "max-wait", T, max_wait, "MS", 0, 1000,
		"how long an input may wait for others that are coming"),
	MM_INT(0, "queue", T, queue, "N", 1, 1e6,
	       "inputs that may wait; more are refused with 429"),
	MM_GROUP("Limits"),
	MM_INT(0, "max-inputs", T, max_inputs, "N", 1, 1e6,
	       "pictures and texts of one request"),
	MM_BYTES(0, "max-body", T, max_body, "BYTES", 1024, 0x1p32,
		 "length of a request's body"),
	MM_BYTES(0, "max-bodies", T, max_bodies, "BYTES", 1024, 0x1p40,
		 "memory for all bodies at a time"),
	MM_BYTES(0, "max-text", T, max_text, "BYTES", 1, 0x1p30,
		 "length of a text"),
	MM_INT(0, "max-pixels", T, max_pixels, "N", 1, 1e9,
	       "pixels of a picture"),
	MM_INT(0, "max-connections", T, connections, "N", 1, 1e6,
	       "connections at a time"),
	MM_INT(0, "max-per-address", T, per_address, "N", 0, 1e6,
	       "connections from one address; 0 is no limit"),
	MM_REAL(0, "timeout", T, timeout, "SECONDS", 0.1, 3600,
		"for a request to come, a reply to be taken, an idle "
		"connection"),
	MM_REAL(0, "grace", T, grace, "SECONDS", 0, 3600,
		"after SIGTERM, for what is being worked on"),
	MM_OPT_GENERAL(T),
	MM_OPTS_END,
};
#undef T

/* ---- log ---- */

struct journal {
	pthread_mutex_t lock;
	bool broken; /* the log could not be written; said once */
	const struct mm_common *common;
};

static void log_request(void *ctx, const struct mm_server_event *e)
{
	struct journal *log = ctx;
	struct mm_json_writer *j;
	struct mm_err err;

	pthread_mutex_lock(&log->lock);
	if ((j = mm_log_begin("request"))) {
		mm_json_put_str(j, "id", e->id);
		mm_json_put_str(j, "peer", e->peer);
		mm_json_put_str(j, "method", e->method);
		mm_json_put_str(j, "path", e->path);
		mm_json_put_int(j, "status", e->status);
		mm_json_put_num(j, "seconds",
				(double)(int64_t)(e->seconds * 1e6) / 1e6);
		mm_json_put_int(j, "received", (int64_t)e->received);
		mm_json_put_int(j, "sent", (int64_t)e->sent);
		mm_json_put_int(j, "images", (int64_t)e->images);
		mm_json_put_int(j, "texts", (int64_t)e->texts);
	}
	if (mm_log_end(&err) && !log->broken) {
		log->broken = true;
		mm_note(log->common, "%s", err.msg);
	}
	pthread_mutex_unlock(&log->lock);
}

/* ---- the system around it ---- */

/* systemd's sd_notify(3): a datagram to the socket that it names. */
static void notify(const char *state)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	const char *path = getenv("NOTIFY_SOCKET");
	const size_t n = path ? strlen(path) : 0;
	int fd;

	if (!n || n >= sizeof(a.sun_path) ||
	    (fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) < 0)
		return;
	memcpy(a.sun_path, path, n);
	if (a.sun_path[0] == '@')
		a.sun_path[0] = '\0';
	sendto(fd, state, strlen(state), MSG_NOSIGNAL,
	       (const struct sockaddr *)&a,
	       (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n));
	close(fd);
}

/* As many connections as there may be open files, but for some of our own. */
static size_t connections(int64_t wanted)
{
	enum { OURS = 64 };
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r))
		return (size_t)wanted;
	if (r.rlim_cur < r.rlim_max) {
		r.rlim_cur = r.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &r) ||
		    getrlimit(RLIMIT_NOFILE, &r))
			return (size_t)wanted;
	}
	if (r.rlim_cur == RLIM_INFINITY || (uint64_t)wanted + OURS < r.rlim_cur)
		return (size_t)wanted;
	return r.rlim_cur > 2 * OURS ? (size_t)r.rlim_cur - OURS : OURS;
}

/* The last part of the folder's name; the caller's to free. */
static char *folder_name(const char *dir)
{
	size_t end = strlen(dir), begin;

	while (end > 1 && dir[end - 1] == '/')
		end--;
	for (begin = end; begin && dir[begin - 1] != '/'; begin--)
		;
	return mm_strndup(dir + begin, end - begin);
}

static void nap(void)
{
	const struct timespec t = { 0, 100000000 };

	nanosleep(&t, NULL); /* a signal ends it early */
}

/* ---- running ---- */

static int stopped(struct mm_server *s, const struct serve_args *a, int sig,
		   struct mm_err *err)
{
	const double start = mm_now();
	size_t open;

	notify("STOPPING=1");
	mm_server_drain(s);
	while ((open = mm_server_open_requests(s)) &&
	       mm_now() < start + a->grace) {
		mm_server_tick(s);
		nap();
	}
	return mm_fail(
		err, MM_ERR_SIGNAL,
		"stopped by %s; %zu requests were answered, %zu given up",
		sig == SIGTERM ? "SIGTERM" : "SIGINT",
		mm_server_done_requests(s), open);
}

static int serve(const struct serve_args *a, const char *name,
		 struct mm_err *err)
{
	struct journal log = { .common = &a->common };
	const struct mm_server_options o = {
		.model = a->common.model,
		.image_size = (size_t)a->common.image_size,
		.cache = a->common.cache,
		.name = a->name ? a->name : name,
		.version = mm_version,
		.listen = a->listen,
		.key_file = a->key_file,
		.gallery = a->gallery.item,
		.n_gallery = a->gallery.n,
		.gallery_text = a->column == 1,
		.max_batch = (size_t)a->max_batch,
		.queue = (size_t)a->queue,
		.max_wait = a->max_wait * 1e-3,
		.max_inputs = (size_t)(a->max_inputs < a->queue ? a->max_inputs
								: a->queue),
		.max_body = (size_t)a->max_body,
		.max_bodies =
			(size_t)(a->max_bodies > a->max_body ? a->max_bodies
							     : a->max_body),
		.max_text = (size_t)a->max_text,
		.max_pixels = (size_t)a->max_pixels,
		.connections = connections(a->connections),
		.per_address = (size_t)a->per_address,
		.timeout = a->timeout,
		.workers = (size_t)mm_threads(),
		.log = log_request,
		.ctx = &log,
	};
	const volatile sig_atomic_t *stop = mm_signals_defer();
	struct mm_server *s;
	int rc = mm_server_open(&s, &o, err);

	if (rc)
		return rc;
	pthread_mutex_init(&log.lock, NULL);
	rc = mm_server_load(s, err);
	if (!rc && !a->check) {
		mm_note(&a->common, "'%s' is served at %s", o.name,
			mm_server_url(s));
		notify("READY=1");
		while (!*stop) {
			mm_server_tick(s);
			nap();
		}
		rc = stopped(s, a, *stop, err);
	}
	mm_server_close(s);
	pthread_mutex_destroy(&log.lock);
	return rc;
}

static int run(const void *args, int argc, char **argv, struct mm_err *err)
{
	const struct serve_args *a = args;
	char *name;
	int rc = mm_need_model(&a->common, err);

	(void)argc;
	(void)argv;
	if (rc)
		return rc;
	if (!(name = folder_name(a->common.model)))
		return mm_fail_nomem(err, "a name");
	rc = serve(a, name, err);
	mm_free(name);
	return rc;
}

const struct mm_cmd mm_cmd_serve = {
	.name = "serve",
	.group = MM_SHIP,
	.summary = "answer requests over HTTP, with a page to search",
	.synopsis = "-m DIR [--listen ADDR:PORT|unix:PATH] [-g STREAM]... "
		    "[OPTION]...",
	.details = "POST /multimodal/inference and /v1/embeddings (as "
		   "OpenAI's); GET / is a page to search the gallery. Stops "
		   "at SIGTERM, once what was accepted is answered.",
	.max_operands = 0,
	.opts = opts,
	MM_ARGS(struct serve_args, defaults),
	.run = run,
};
