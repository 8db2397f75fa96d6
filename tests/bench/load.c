/*
 * load.c - requests to a server at a constant rate, whether it keeps up or not.
 *
 * A request has its time in advance; its latency counts from then, not from
 * when a connection was free for it, so that a server that stalls cannot hide
 * the requests that would have come meanwhile ("coordinated omission").  With
 * rate 0 each connection sends as soon as it has its answer: the most that the
 * server can do.
 *
 *	usage: load [-c CONNECTIONS] [-r RATE] [-d SECONDS] ADDRESS:PORT PATH
 *		    FILE...
 *
 * Bodies are the FILEs in turn: JSON, or a form where one begins with "--".
 * Prints one line, to be read by scripts and people:
 *
 *	sent=N ok=N r429=N r503=N other=N lost=N refused=N rate=OK/S
 *	p50=MS p90=MS p99=MS max=MS
 *
 * lost: sent whole, and the connection ended without an answer.  refused: a
 * connection could not be made, or ended before all was sent.  Latencies are
 * those of ok (2xx).  SIGTERM, or nobody who listens any more, ends it early.
 */
#define _GNU_SOURCE /* ppoll, strcasestr */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/mem.h"

enum { HEAD_MAX = 4096 };
static const double drain = 10; /* seconds, for the last answers */

struct client {
	int fd;
	bool busy, last;   /* no more requests on this connection */
	size_t sent, body; /* of the request; yet to come of the answer */
	double due;
	const struct mm_buf *request;
	int status; /* of the answer whose body is coming */
	char head[HEAD_MAX];
	size_t n_head;
};

static struct {
	struct sockaddr_in to;
	struct mm_buf *request;
	size_t n_requests;
	struct client *client;
	size_t n, free; /* clients */
	size_t *idle;	/* a stack of `free` of them */
	double rate, seconds;
	int epoll;

	size_t sent, ok, r429, r503, other, lost, refused;
	float *latency;
	size_t cap;
	double last; /* an answer came */
	bool gone;   /* nobody listens */
} load = { .n = 16, .seconds = 10 };
static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void die(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- connections ---- */

static bool open_client(struct client *c)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLOUT | EPOLLET,
				 .data.ptr = c };
	const int one = 1;

	c->n_head = c->body = 0;
	c->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (c->fd < 0)
		die("socket");
	if (connect(c->fd, (struct sockaddr *)&load.to, sizeof(load.to))) {
		if (errno == ECONNREFUSED)
			load.gone = true;
		close(c->fd);
		c->fd = -1;
		return false;
	}
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	fcntl(c->fd, F_SETFL, O_NONBLOCK);
	if (epoll_ctl(load.epoll, EPOLL_CTL_ADD, c->fd, &e))
		die("epoll");
	return true;
}

static void rest(struct client *c)
{
	c->busy = false;
	load.idle[load.free++] = (size_t)(c - load.client);
}

/* The connection has ended. */
static void close_client(struct client *c)
{
	close(c->fd);
	c->fd = -1;
	if (!c->busy)
		return;
	if (c->sent == c->request->len)
		load.lost++;
	else
		load.refused++;
	rest(c);
}

static void push(struct client *c)
{
	while (c->busy && c->sent < c->request->len) {
		const ssize_t k = send(c->fd, c->request->data + c->sent,
				       c->request->len - c->sent, MSG_NOSIGNAL);

		if (k < 0 && errno == EAGAIN)
			return;
		if (k <= 0)
			return; /* what came back is read first */
		c->sent += (size_t)k;
	}
}

static void ask(double due)
{
	struct client *c = &load.client[load.idle[--load.free]];

	c->busy = true;
	c->due = due;
	c->request = &load.request[load.sent++ % load.n_requests];
	c->sent = 0;
	if (c->fd < 0 && !open_client(c)) {
		load.refused++;
		rest(c);
		return;
	}
	push(c);
}

/* ---- answers ---- */

static void answered(struct client *c)
{
	load.last = now();
	if (c->status == 429) {
		load.r429++;
	} else if (c->status == 503) {
		load.r503++;
	} else if (c->status / 100 != 2) {
		load.other++;
	} else {
		if (load.ok == load.cap) {
			load.cap = 2 * load.cap + 1024;
			load.latency = mm_realloc(load.latency, load.cap,
						  sizeof(*load.latency));
			if (!load.latency)
				die("memory");
		}
		load.latency[load.ok++] = (float)(load.last - c->due);
	}
	if (c->busy)
		rest(c);
	if (c->last)
		close_client(c);
}

/* The header in c->head is whole; its length. */
static size_t read_head(struct client *c)
{
	const char *length;
	char *end;

	c->head[c->n_head] = '\0';
	if (!(end = strstr(c->head, "\r\n\r\n")))
		return 0;
	*end = '\0'; /* behind it may be some of the body */
	c->status = atoi(c->head + strcspn(c->head, " "));
	length = strcasestr(c->head, "\r\nContent-Length:");
	c->body = length ? strtoul(length + 17, NULL, 10) : 0;
	c->last = strcasestr(c->head, "\r\nConnection: close");
	return (size_t)(end - c->head) + 4;
}

static void take(struct client *c, const char *p, size_t n)
{
	while (n) {
		size_t k = n < c->body ? n : c->body, head;

		if (!c->body) {
			const size_t had = c->n_head;

			k = n < HEAD_MAX - 1 - had ? n : HEAD_MAX - 1 - had;
			memcpy(c->head + had, p, k);
			c->n_head += k;
			if (!(head = read_head(c))) {
				if (c->n_head == HEAD_MAX - 1)
					c->n_head = 0;
				return;
			}
			k = head - had;
			c->n_head = 0;
		} else {
			c->body -= k;
		}
		p += k;
		n -= k;
		if (!c->body)
			answered(c);
	}
}

static void pull(struct client *c)
{
	static char bytes[1 << 16];

	while (c->fd >= 0) {
		const ssize_t k = recv(c->fd, bytes, sizeof(bytes), 0);

		if (k < 0 && errno == EAGAIN)
			return;
		if (k > 0)
			take(c, bytes, (size_t)k);
		else
			close_client(c);
	}
}

/* ---- the run ---- */

static void wait_until(double when)
{
	struct epoll_event e[256];
	struct pollfd p = { .fd = load.epoll, .events = POLLIN };
	const double s = when - now();
	struct timespec t = { 0, 0 };
	int n;

	if (s > 0) {
		t.tv_sec = (time_t)s;
		t.tv_nsec = (long)((s - (double)t.tv_sec) * 1e9);
	}
	if (ppoll(&p, 1, &t, NULL) <= 0)
		return;
	n = epoll_wait(load.epoll, e, 256, 0);
	for (int i = 0; i < n; i++) {
		struct client *c = e[i].data.ptr;

		if (c->fd >= 0 && e[i].events & EPOLLOUT)
			push(c);
		if (c->fd >= 0 && e[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
			pull(c);
	}
}

static double run(void)
{
	const double start = now(), end = start + load.seconds;
	double t, due;

	while ((t = now()) < end && !stop && !load.gone) {
		due = load.rate ? start + (double)load.sent / load.rate : t;
		if (due <= t && load.free)
			ask(due);
		else
			wait_until(due > t && due < end ? due : end);
	}
	while (load.free < load.n && now() < t + drain)
		wait_until(now() + 0.1);
	load.lost += load.n - load.free;
	return (load.last > t ? load.last : t) - start;
}

static int by_size(const void *a, const void *b)
{
	const float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

static double part(double share)
{
	const size_t i = (size_t)(share * (double)load.ok);

	return load.ok ? 1e3 * load.latency[i < load.ok ? i : load.ok - 1] : 0;
}

static void report(double seconds)
{
	if (load.ok)
		qsort(load.latency, load.ok, sizeof(*load.latency), by_size);
	printf("sent=%zu ok=%zu r429=%zu r503=%zu other=%zu lost=%zu "
	       "refused=%zu rate=%.1f p50=%.2f p90=%.2f p99=%.2f max=%.2f\n",
	       load.sent, load.ok, load.r429, load.r503, load.other, load.lost,
	       load.refused, (double)load.ok / seconds, part(0.5), part(0.9),
	       part(0.99), part(1));
}

/* ---- what is sent ---- */

static int make_request(struct mm_buf *r, const char *host, const char *path,
			const char *file, struct mm_err *err)
{
	struct mm_file body;
	const char *s;
	bool form;

	if (mm_file_open(&body, file, err))
		return err->code;
	s = (const char *)body.data;
	form = body.size > 2 && !strncmp(s, "--", 2);
	mm_buf_printf(r,
		      "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %zu\r\n"
		      "Content-Type: %s%.*s\r\n\r\n",
		      path, host, body.size,
		      form ? "multipart/form-data; boundary="
			   : "application/json",
		      form ? (int)strcspn(s + 2, "\r\n") : 0, s + 2);
	mm_buf_add(r, s, body.size);
	mm_file_release(&body);
	return r->failed ? mm_fail_nomem(err, file) : MM_OK;
}

static int address(const char *where)
{
	const char *colon = strrchr(where, ':');
	char host[64];

	if (!colon || (size_t)(colon - where) >= sizeof(host))
		return 0;
	memcpy(host, where, (size_t)(colon - where));
	host[colon - where] = '\0';
	load.to.sin_family = AF_INET;
	load.to.sin_port = htons((uint16_t)atoi(colon + 1));
	return inet_pton(AF_INET, host, &load.to.sin_addr) == 1;
}

static int options(int argc, char **argv)
{
	int o;

	while ((o = getopt(argc, argv, "c:r:d:")) > 0) {
		if (o == 'c')
			load.n = (size_t)strtoul(optarg, NULL, 10);
		else if (o == 'r')
			load.rate = strtod(optarg, NULL);
		else if (o == 'd')
			load.seconds = strtod(optarg, NULL);
		else
			return 0;
	}
	return load.n && argc - optind >= 3 && address(argv[optind]);
}

int main(int argc, char **argv)
{
	struct mm_err err;

	if (!options(argc, argv)) {
		fputs("usage: load [-c CONNECTIONS] [-r RATE] [-d SECONDS] "
		      "ADDRESS:PORT PATH FILE...\n",
		      stderr);
		return 2;
	}
	load.n_requests = (size_t)(argc - optind - 2);
	load.request = mm_calloc(load.n_requests, sizeof(*load.request));
	load.client = mm_calloc(load.n, sizeof(*load.client));
	load.idle = mm_calloc(load.n, sizeof(*load.idle));
	load.epoll = epoll_create1(0);
	if (!load.request || !load.client || !load.idle || load.epoll < 0)
		die("start");
	for (size_t i = 0; i < load.n_requests; i++)
		if (make_request(&load.request[i], argv[optind],
				 argv[optind + 1], argv[optind + 2 + (int)i],
				 &err)) {
			fprintf(stderr, "load: %s\n", err.msg);
			return 1;
		}
	for (size_t i = 0; i < load.n; i++) {
		load.client[i].fd = -1;
		rest(&load.client[i]);
	}
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	report(run());
	return 0;
}
