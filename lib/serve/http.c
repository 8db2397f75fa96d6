/* http.c - see http.h; the only file that knows libmicrohttpd. */
#include "serve/http.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/dynlib.h"
#include "base/mem.h"
#include "serve/batch.h"
#include "serve/http_impl.h"

void mm_http_add(struct mm_http_request *r, const char *name, const char *value)
{
	if (r->n_headers == MM_HTTP_HEADERS)
		return;
	r->header[r->n_headers].name = name;
	r->header[r->n_headers++].value = value;
}

void mm_http_problem(struct mm_http_request *r, const struct mm_problem *p)
{
	r->status = p->status;
	r->type = "application/json";
	mm_buf_clear(&r->text);
	mm_problem_write(&r->text, p, r->id);
	if (p->status == 429 || p->status == 503)
		mm_http_add(r, "Retry-After", "1");
	if (p->status == 401)
		mm_http_add(r, "WWW-Authenticate", "Bearer");
}

#ifdef HAVE_MICROHTTPD

#include <microhttpd.h>

#define CALLS(F)                           \
	F(MHD_start_daemon)                \
	F(MHD_stop_daemon)                 \
	F(MHD_quiesce_daemon)              \
	F(MHD_run)                         \
	F(MHD_get_timeout)                 \
	F(MHD_get_daemon_info)             \
	F(MHD_queue_response)              \
	F(MHD_create_response_from_buffer) \
	F(MHD_destroy_response)            \
	F(MHD_add_response_header)         \
	F(MHD_lookup_connection_value)     \
	F(MHD_get_connection_values)       \
	F(MHD_get_connection_info)         \
	F(MHD_suspend_connection)          \
	F(MHD_resume_connection)

static struct {
	CALLS(MM_DYNLIB_FIELD)
} mhd;
static const char *const names[] = { CALLS(MM_DYNLIB_NAME) };
static struct mm_dynlib lib =
	MM_DYNLIB("libmicrohttpd.so.12", "libmicrohttpd12", names, mhd);

enum {
	/* A connection's, also bounds its header.  More than 32 KiB: the
	 * library maps such, so that the memory of many connections goes back.
	 */
	READ_BUFFER = 36 << 10,
	KEEP_BODY = 1 << 20,  /* a refused body this short is read out */
	DROP_MAX = 64 << 20,  /* of a body whose reply is sent already */
	ANSWER_MAX = 1 << 24, /* bytes of a reply past the library */
	LONGEST_NAP = 500,    /* milliseconds */
};

/* ---- connections ---- */

static void name_peer(struct mm_http_connection *c,
		      struct MHD_Connection *handle)
{
	const union MHD_ConnectionInfo *info = mhd.MHD_get_connection_info(
		handle, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr *a = info ? info->client_addr : NULL;

	strcpy(c->peer, "unix");
	if (a && a->sa_family == AF_INET)
		inet_ntop(AF_INET,
			  &((const struct sockaddr_in *)(const void *)a)
				   ->sin_addr,
			  c->peer, sizeof(c->peer));
	else if (a && a->sa_family == AF_INET6)
		inet_ntop(AF_INET6,
			  &((const struct sockaddr_in6 *)(const void *)a)
				   ->sin6_addr,
			  c->peer, sizeof(c->peer));
}

static void connection_opens(struct mm_http *h, struct MHD_Connection *handle,
			     void **slot)
{
	struct mm_http_connection *c = mm_calloc(1, sizeof(*c));
	const union MHD_ConnectionInfo *info = mhd.MHD_get_connection_info(
		handle, MHD_CONNECTION_INFO_CONNECTION_FD);

	*slot = c;
	if (!c)
		return; /* its requests will be refused */
	c->http = h;
	c->fd = info->connect_fd;
	c->since = mm_serve_now();
	name_peer(c, handle);
	pthread_mutex_lock(&h->lock);
	c->next = h->first;
	if (h->first)
		h->first->prev = c;
	h->first = c;
	h->n_connections++;
	pthread_mutex_unlock(&h->lock);
}

static void connection_closes(struct mm_http *h, struct mm_http_connection *c)
{
	pthread_mutex_lock(&h->lock);
	if (c->prev)
		c->prev->next = c->next;
	else
		h->first = c->next;
	if (c->next)
		c->next->prev = c->prev;
	h->n_connections--;
	pthread_mutex_unlock(&h->lock);
	mm_free(c);
}

static void on_connection(void *cls, struct MHD_Connection *handle, void **slot,
			  enum MHD_ConnectionNotificationCode what)
{
	if (what == MHD_CONNECTION_NOTIFY_STARTED)
		connection_opens(cls, handle, slot);
	else if (*slot)
		connection_closes(cls, *slot);
}

static struct mm_http_connection *connection_of(struct MHD_Connection *handle)
{
	const union MHD_ConnectionInfo *info = mhd.MHD_get_connection_info(
		handle, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

/* The request line has come; the header need not be complete. */
static void *on_request_line(void *cls, const char *uri,
			     struct MHD_Connection *handle)
{
	struct mm_http_connection *c = connection_of(handle);

	(void)cls;
	(void)uri;
	if (c) {
		pthread_mutex_lock(&c->http->lock);
		c->phase = MM_HTTP_HEADER; /* the time runs on */
		pthread_mutex_unlock(&c->http->lock);
	}
	return NULL;
}

/* ---- requests ---- */

const char *mm_http_header(const struct mm_http_request *r, const char *name)
{
	return mhd.MHD_lookup_connection_value(r->handle, MHD_HEADER_KIND,
					       name);
}

static bool id_is_good(const char *s)
{
	static const char may[] =
		"abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~:/+=";

	return s && s[0] && strlen(s) <= 128 && strspn(s, may) == strlen(s);
}

static void read_header(struct mm_http *h, struct mm_http_request *r)
{
	const char *length = mm_http_header(r, "Content-Length");
	const char *expect = mm_http_header(r, "Expect");
	const char *id = mm_http_header(r, "X-Request-Id");

	r->content_type = mm_http_header(r, "Content-Type");
	r->chunked = mm_http_header(r, "Transfer-Encoding") != NULL;
	/* The library has refused what is no number. */
	r->content_length = length ? (size_t)strtoull(length, NULL, 10) : 0;
	r->expects = expect && !strcasecmp(expect, "100-continue");
	if (id_is_good(id))
		snprintf(r->id, sizeof(r->id), "%s", id);
	else
		snprintf(r->id, sizeof(r->id), "%s-%llu", h->key,
			 (unsigned long long)h->n_seen);
}

static struct mm_http_request *request_begins(struct mm_http *h,
					      struct mm_http_connection *c,
					      struct MHD_Connection *handle,
					      const char *url,
					      const char *method)
{
	struct mm_http_request *r = mm_calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->method = method;
	r->path = url;
	r->peer = c->peer;
	r->began = mm_serve_now();
	r->connection = c;
	r->handle = handle;
	pthread_mutex_lock(&h->lock);
	h->n_requests++;
	h->n_seen++;
	c->request = r;
	c->phase = MM_HTTP_BODY;
	c->since = r->began;
	pthread_mutex_unlock(&h->lock);
	read_header(h, r);
	return r;
}

/* With the lock held. */
static void forget_body(struct mm_http *h, struct mm_http_request *r)
{
	h->in_bodies -= r->body.len;
	mm_buf_release(&r->body);
}

static void on_end(void *cls, struct MHD_Connection *handle, void **slot,
		   enum MHD_RequestTerminationCode why)
{
	struct mm_http *h = cls;
	struct mm_http_request *r = *slot;

	(void)handle;
	(void)why;
	if (!r)
		return;
	*slot = NULL;
	h->o.end(h->o.ctx, r);
	pthread_mutex_lock(&h->lock);
	forget_body(h, r);
	h->n_requests--;
	r->connection->request = NULL;
	r->connection->phase = MM_HTTP_OPEN;
	r->connection->since = mm_serve_now();
	pthread_mutex_unlock(&h->lock);
	mm_buf_release(&r->text);
	mm_free(r);
}

/* The bytes stay r's; the library never writes to them. */
static struct MHD_Response *response_of(struct mm_http_request *r)
{
	return mhd.MHD_create_response_from_buffer(r->text.len, r->text.data,
						   MHD_RESPMEM_PERSISTENT);
}

static enum MHD_Result send_reply(struct mm_http *h, struct mm_http_request *r)
{
	struct MHD_Response *response = r->text.failed ? NULL : response_of(r);
	enum MHD_Result ok;
	bool close;

	if (!response)
		return MHD_NO;
	pthread_mutex_lock(&h->lock);
	forget_body(h, r);
	close = h->draining;
	r->connection->phase = MM_HTTP_REPLY;
	r->connection->since = mm_serve_now();
	pthread_mutex_unlock(&h->lock);
	mhd.MHD_add_response_header(response, "Content-Type", r->type);
	mhd.MHD_add_response_header(response, "X-Request-Id", r->id);
	mhd.MHD_add_response_header(response, "X-Content-Type-Options",
				    "nosniff");
	for (int i = 0; i < r->n_headers; i++)
		mhd.MHD_add_response_header(response, r->header[i].name,
					    r->header[i].value);
	if (close)
		mhd.MHD_add_response_header(response, "Connection", "close");
	ok = mhd.MHD_queue_response(r->handle, (unsigned)r->status, response);
	mhd.MHD_destroy_response(response);
	return ok;
}

struct framing {
	size_t lengths, codings;
	bool strange; /* a coding that is not `chunked` */
};

static enum MHD_Result count_framing(void *cls, enum MHD_ValueKind kind,
				     const char *name, const char *value)
{
	struct framing *f = cls;

	(void)kind;
	if (!strcasecmp(name, "Content-Length"))
		f->lengths++;
	if (!strcasecmp(name, "Transfer-Encoding")) {
		f->codings++;
		f->strange |= !value || strcasecmp(value, "chunked");
	}
	return MHD_YES;
}

/*
 * Where a body ends must be plain: a proxy in front of this server that saw
 * another end would take the rest for its client's next request (RFC 9112,
 * 6.3).  The library takes the first of two lengths, and chunks before either.
 */
static bool ends_plainly(struct mm_http_request *r)
{
	struct framing f = { 0 };
	struct mm_problem p;

	mhd.MHD_get_connection_values(r->handle, MHD_HEADER_KIND, count_framing,
				      &f);
	if (f.lengths + f.codings <= 1 && !f.strange)
		return true;
	mm_problem_set(&p, 400, NULL,
		       f.strange ? "no Transfer-Encoding but chunked is read"
				 : "more than one Content-Length or "
				   "Transfer-Encoding");
	mm_http_problem(r, &p);
	return false;
}

static enum MHD_Result begin(struct mm_http *h, struct MHD_Connection *handle,
			     const char *url, const char *method, void **slot)
{
	struct mm_http_connection *c = connection_of(handle);
	struct mm_http_request *r =
		c ? request_begins(h, c, handle, url, method) : NULL;
	struct mm_problem p;

	if (!r)
		return MHD_NO;
	*slot = r;
	h->o.head(h->o.ctx, r);
	if (!ends_plainly(r)) {
		pthread_mutex_lock(&h->lock);
		mm_http_answer_at_once(c->fd, r); /* and read no more after */
		pthread_mutex_unlock(&h->lock);
		return MHD_YES;
	}
	if (!r->status && r->content_length > h->o.max_body) {
		mm_problem_set(&p, 413, NULL,
			       "a body of %zu bytes; %zu are taken",
			       r->content_length, h->o.max_body);
		mm_http_problem(r, &p);
	}
	/*
	 * A refused body is read all the same where the client may be sending
	 * it already: closing on it would lose the reply.  Without a body the
	 * next call is `whole`; a reply in this one would end the connection.
	 */
	if (!r->status || !r->expects)
		return MHD_YES;
	return send_reply(h, r);
}

/* Take n bytes of the body, or refuse it.  With the lock held. */
static void append(struct mm_http *h, struct mm_http_request *r,
		   const char *bytes, size_t n)
{
	struct mm_problem p = { 0 };

	if (n > h->o.max_body - r->body.len)
		mm_problem_set(&p, 413, NULL,
			       "a body of more than the %zu bytes that are "
			       "taken",
			       h->o.max_body);
	else if (n > h->o.max_bodies - h->in_bodies)
		mm_problem_set(&p, 429, NULL,
			       "too many bytes of other requests are waiting");
	else if (!r->body.len && r->content_length)
		mm_buf_reserve(&r->body, r->content_length);
	if (!p.status) {
		mm_buf_add(&r->body, bytes, n);
		if (r->body.failed)
			mm_problem_set(&p, 500, NULL, "out of memory");
		else
			h->in_bodies += n;
	}
	if (p.status) {
		forget_body(h, r);
		mm_http_problem(r, &p);
	}
}

/*
 * Another piece of the body.  Of a refused one a short rest is read out, so
 * that the connection can go on; of a long one the reply goes out now.
 */
static enum MHD_Result more(struct mm_http *h, struct mm_http_request *r,
			    const char *bytes, size_t n)
{
	enum MHD_Result ok = MHD_YES;

	pthread_mutex_lock(&h->lock);
	r->received += n;
	if (r->connection->cut)
		ok = MHD_NO;
	else if (!r->status)
		append(h, r, bytes, n);
	else
		r->dropped += n;
	if (r->status && !r->answered &&
	    (r->chunked || r->content_length > KEEP_BODY))
		mm_http_answer_at_once(r->connection->fd, r);
	if (r->dropped > DROP_MAX)
		ok = MHD_NO;
	pthread_mutex_unlock(&h->lock);
	return ok;
}

/* All of the body is there.  The connection sleeps until mm_http_reply. */
static enum MHD_Result whole(struct mm_http *h, struct mm_http_request *r)
{
	bool over;

	pthread_mutex_lock(&h->lock);
	over = r->connection->cut || r->answered;
	if (!over && !r->status)
		r->connection->phase = MM_HTTP_WORK;
	pthread_mutex_unlock(&h->lock);
	if (over)
		return MHD_NO;
	if (r->status)
		return send_reply(h, r);
	mhd.MHD_suspend_connection(r->handle);
	h->o.body(h->o.ctx, r);
	return MHD_YES;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *handle,
				  const char *url, const char *method,
				  const char *version, const char *bytes,
				  size_t *n, void **slot)
{
	struct mm_http_request *r = *slot;
	const size_t got = *n;

	(void)version;
	*n = 0;
	if (!r) {
		*n = got; /* nothing is taken by this call */
		return begin(cls, handle, url, method, slot);
	}
	return got ? more(cls, r, bytes, got) : whole(cls, r);
}

/*
 * A client that has closed its half and waits for the answer: the library
 * would take that for its end.  As much as the socket holds goes out here.
 */
static void answer_half_closed(struct mm_http_request *r)
{
	const int fd = r->connection->fd, room = (int)r->text.len + 4096;
	char c;

	if (recv(fd, &c, 1, MSG_PEEK | MSG_DONTWAIT))
		return;
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	mm_http_answer_at_once(fd, r);
}

static void tell(struct mm_http *h, char what)
{
	const ssize_t n = write(h->tell[1], &what, 1);

	(void)n; /* a pipe of a few bytes is never full */
}

static void wake(struct mm_http *h)
{
	if (!atomic_exchange(&h->woken, true))
		tell(h, 'r');
}

void mm_http_reply(struct mm_http_request *r)
{
	struct mm_http *h = r->connection->http;

	if (!r->text.failed && r->text.len < ANSWER_MAX)
		answer_half_closed(r);
	mhd.MHD_resume_connection(r->handle);
	wake(h);
}

void mm_http_post(struct mm_http *h, struct mm_job *job)
{
	job->next = NULL;
	pthread_mutex_lock(&h->post);
	*h->posted_tail = job;
	h->posted_tail = &job->next;
	pthread_mutex_unlock(&h->post);
	wake(h);
}

static void run_posted(struct mm_http *h)
{
	struct mm_job *job, *next;

	pthread_mutex_lock(&h->post);
	job = h->posted;
	h->posted = NULL;
	h->posted_tail = &h->posted;
	pthread_mutex_unlock(&h->post);
	for (; job; job = next) {
		next = job->next;
		job->run(job, h->o.worker);
	}
}

/* ---- the daemon ---- */

/* Who is connected as far as the kernel is concerned, but not yet served. */
static void turn_away(int listener)
{
	char sink[4096];
	int fd;

	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		struct mm_http_request nobody = { .id = "none" };
		struct mm_problem p;

		/* Closing on what was not read would take the answer back. */
		while (recv(fd, sink, sizeof(sink), MSG_DONTWAIT) > 0)
			;
		mm_problem_set(&p, 503, NULL, "the server is stopping");
		mm_http_problem(&nobody, &p);
		mm_http_answer_at_once(fd, &nobody);
		mm_buf_release(&nobody.text);
		close(fd);
	}
	close(listener);
}

/* What the pipe says: a connection resumes, or a job is there; no more
 * connections; or, closed, that is all. */
static bool told(struct mm_http *h)
{
	char c;
	int fd;

	if (read(h->tell[0], &c, 1) != 1)
		return false;
	if (c == 'r') {
		h->woken = false; /* before what is new is looked at */
		run_posted(h);
		return true;
	}
	fd = mhd.MHD_quiesce_daemon(h->daemon);
	if (fd >= 0)
		turn_away(fd);
	return true;
}

/*
 * The library's own thread (0.9.75) asks epoll_wait for 128 events and, where
 * it gets as many, asks again with the same long timeout before it looks at
 * them: busy clients then wait for nothing.  Driven from here it never sleeps
 * inside; but then resuming a connection wakes nobody, which the pipe does.
 */
static void *drive(void *arg)
{
	struct mm_http *h = arg;
	const union MHD_DaemonInfo *info =
		mhd.MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	struct pollfd fd[] = {
		{ .fd = info->epoll_fd, .events = POLLIN },
		{ .fd = h->tell[0], .events = POLLIN },
	};

	double looked = 0;

	for (;;) {
		MHD_UNSIGNED_LONG_LONG ms = LONGEST_NAP;
		const double now = mm_serve_now();

		if (mhd.MHD_get_timeout(h->daemon, &ms) != MHD_YES ||
		    ms > LONGEST_NAP)
			ms = LONGEST_NAP;
		if (ms && now > looked + 1e-3 * LONGEST_NAP) {
			mm_http_cut_gone(h);
			looked = now;
		}
		poll(fd, 2, (int)ms);
		if (fd[1].revents && !told(h))
			return NULL;
		mhd.MHD_run(h->daemon);
	}
}

static int start_thread(struct mm_http *h, struct mm_err *err)
{
	if (pipe(h->tell))
		return mm_fail_errno(err, "cannot make a pipe");
	if (!pthread_create(&h->thread, NULL, drive, h))
		return MM_OK;
	close(h->tell[0]);
	close(h->tell[1]);
	return mm_fail(err, MM_ERR_NOMEM, "cannot start a thread");
}

int mm_http_start(struct mm_http *h, const struct mm_http_options *o,
		  struct mm_listener *l, struct mm_err *err)
{
	uint32_t key = (uint32_t)getpid();
	int rc = mm_dynlib_load(&lib, err);

	if (rc)
		return rc;
	memset(h, 0, sizeof(*h));
	h->o = *o;
	if (getrandom(&key, sizeof(key), GRND_NONBLOCK) < 0)
		key ^= (uint32_t)(mm_serve_now() * 1e6);
	snprintf(h->key, sizeof(h->key), "%08lx", (unsigned long)key);
	pthread_mutex_init(&h->lock, NULL);
	pthread_mutex_init(&h->post, NULL);
	h->posted_tail = &h->posted;
	h->daemon = mhd.MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC, 0, NULL,
		NULL, on_request, h, MHD_OPTION_LISTEN_SOCKET, l->fd,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned)o->connections,
		MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)o->per_address,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)READ_BUFFER,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)(o->timeout * 2 + 1),
		MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_NOTIFY_COMPLETED,
		on_end, h, MHD_OPTION_NOTIFY_CONNECTION, on_connection, h,
		MHD_OPTION_URI_LOG_CALLBACK, on_request_line, h,
		MHD_OPTION_END);
	if (h->daemon) {
		l->fd = -1;
		if (!(rc = start_thread(h, err)))
			return MM_OK;
		mhd.MHD_stop_daemon(h->daemon);
		h->daemon = NULL;
	} else {
		rc = mm_fail_errno(err, "cannot start to serve on '%s'",
				   l->url);
	}
	pthread_mutex_destroy(&h->lock);
	pthread_mutex_destroy(&h->post);
	return rc;
}

void mm_http_accept_no_more(struct mm_http *h)
{
	if (h->daemon)
		tell(h, 'q');
}

void mm_http_stop(struct mm_http *h)
{
	if (!h->daemon)
		return;
	close(h->tell[1]); /* which poll() notices at the other end */
	pthread_join(h->thread, NULL);
	close(h->tell[0]);
	mhd.MHD_stop_daemon(h->daemon);
	pthread_mutex_destroy(&h->lock);
	pthread_mutex_destroy(&h->post);
	h->daemon = NULL;
}

#else

void mm_http_accept_no_more(struct mm_http *h)
{
	(void)h;
}

int mm_http_start(struct mm_http *h, const struct mm_http_options *o,
		  struct mm_listener *l, struct mm_err *err)
{
	(void)o;
	(void)l;
	memset(h, 0, sizeof(*h));
	return mm_fail(err, MM_ERR_USAGE,
		       "this mmtool was built without libmicrohttpd; install "
		       "libmicrohttpd-dev and build again");
}

void mm_http_stop(struct mm_http *h)
{
	(void)h;
}

const char *mm_http_header(const struct mm_http_request *r, const char *name)
{
	(void)r;
	(void)name;
	return NULL;
}

void mm_http_post(struct mm_http *h, struct mm_job *job)
{
	(void)h;
	(void)job;
}

void mm_http_reply(struct mm_http_request *r)
{
	(void)r;
}

#endif

void mm_http_drain(struct mm_http *h)
{
	pthread_mutex_lock(&h->lock);
	h->draining = true;
	pthread_mutex_unlock(&h->lock);
}

size_t mm_http_requests(struct mm_http *h)
{
	size_t n;

	pthread_mutex_lock(&h->lock);
	n = h->n_requests;
	pthread_mutex_unlock(&h->lock);
	return n;
}

size_t mm_http_connections(struct mm_http *h)
{
	size_t n;

	pthread_mutex_lock(&h->lock);
	n = h->n_connections;
	pthread_mutex_unlock(&h->lock);
	return n;
}
