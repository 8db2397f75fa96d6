/*
 * cut.c - clients that do not get on: too slow, or gone in the middle.
 *
 * The library would wait for them, the latter included: where the end of the
 * stream comes together with the last bytes it does not look again.
 */
#define _GNU_SOURCE /* POLLRDHUP */
#include <poll.h>
#include <sys/socket.h>

#include "serve/batch.h"
#include "serve/http_impl.h"

enum {
	SLOWEST = 16 << 10, /* bytes a second that a body must come */
	AT_A_TIME = 64,
};

static void send_all(int fd, const char *p, size_t n)
{
	while (n) {
		const ssize_t k = send(fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (k <= 0)
			return; /* it does not even read a few hundred bytes */
		p += k;
		n -= (size_t)k;
	}
}

void mm_http_answer_at_once(int fd, struct mm_http_request *r)
{
	struct mm_buf b = { 0 };

	mm_buf_printf(&b,
		      "HTTP/1.1 %d %s\r\nContent-Type: %s\r\n"
		      "Content-Length: %zu\r\nX-Request-Id: %s\r\n",
		      r->status, mm_status_phrase(r->status), r->type,
		      r->text.len, r->id);
	for (int i = 0; i < r->n_headers; i++)
		mm_buf_printf(&b, "%s: %s\r\n", r->header[i].name,
			      r->header[i].value);
	mm_buf_adds(&b, "Connection: close\r\n\r\n");
	mm_buf_add(&b, mm_buf_str(&r->text), r->text.len);
	if (!b.failed)
		send_all(fd, b.data, b.len);
	shutdown(fd, SHUT_WR);
	mm_buf_release(&b);
	r->answered = true;
}

/* How long the phase may last; bytes that went through give more time. */
static double patience(const struct mm_http_connection *c, double timeout)
{
	const struct mm_http_request *r = c->request;

	if (c->phase == MM_HTTP_BODY)
		return timeout + (double)r->received / SLOWEST;
	if (c->phase == MM_HTTP_REPLY)
		return timeout + (double)r->text.len / SLOWEST;
	return timeout;
}

/* End it, with a word where a request has begun.  With the lock held. */
static void cut(struct mm_http_connection *c, int status, const char *why)
{
	const bool body = c->phase == MM_HTTP_BODY;
	struct mm_http_request nobody = { .id = "none" };
	struct mm_http_request *r = body ? c->request : &nobody;
	struct mm_problem p;

	if ((c->phase == MM_HTTP_HEADER || body) && !r->answered) {
		mm_problem_set(&p, status, NULL, "%s", why);
		mm_http_problem(r, &p);
		mm_http_answer_at_once(c->fd, r);
	}
	mm_buf_release(&nobody.text);
	c->cut = true;
	shutdown(c->fd, SHUT_RDWR);
}

void mm_http_tick(struct mm_http *h)
{
	const double now = mm_serve_now();

	pthread_mutex_lock(&h->lock);
	for (struct mm_http_connection *c = h->first; c; c = c->next)
		if (c->phase != MM_HTTP_WORK && !c->cut &&
		    now > c->since + patience(c, h->o.timeout))
			cut(c, 408, "the request did not come in time");
	pthread_mutex_unlock(&h->lock);
}

static void cut_gone(struct mm_http_connection **c, struct pollfd *fd, size_t n)
{
	char byte;

	if (poll(fd, n, 0) <= 0)
		return;
	for (size_t i = 0; i < n; i++)
		if (fd[i].revents &&
		    !recv(fd[i].fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT))
			cut(c[i], 400, "the request ended in the middle");
}

void mm_http_cut_gone(struct mm_http *h)
{
	struct mm_http_connection *some[AT_A_TIME];
	struct pollfd fd[AT_A_TIME];
	size_t n = 0;

	pthread_mutex_lock(&h->lock);
	for (struct mm_http_connection *c = h->first; c; c = c->next) {
		if (c->phase <= MM_HTTP_BODY && !c->cut) {
			some[n] = c;
			fd[n++] = (struct pollfd){ .fd = c->fd,
						   .events = POLLRDHUP };
		}
		if (n == AT_A_TIME || (n && !c->next)) {
			cut_gone(some, fd, n);
			n = 0;
		}
	}
	pthread_mutex_unlock(&h->lock);
}
