/* A server on the loopback, and clients that do not keep to the rules. */
#include "tinymodel.h"
#include "unit.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

#include "base/buf.h"
#include "serve/batch.h"
#include "serve/server.h"

static struct mm_server *server;
static struct mm_server_options options;
static int port;

static void nap(double seconds)
{
	const struct timespec t = { 0, (long)(seconds * 1e9) };

	nanosleep(&t, NULL);
}

static void setup(void)
{
	scratch_begin();
	signal(SIGPIPE, SIG_IGN);
	options = (struct mm_server_options){
		.model = tiny_model(),
		.name = "tiny",
		.version = "0",
		.listen = "127.0.0.1:0",
		.max_batch = 4,
		.queue = 8,
		.max_wait = 0.002,
		.max_inputs = 8,
		.max_body = 20000,
		.max_bodies = 40000,
		.max_text = 1000,
		.max_pixels = 1 << 20,
		.connections = 100,
		.timeout = 1,
		.workers = 2,
	};
}

/* What mmtool-serve's main thread does. */
static pthread_t ticker;
static _Atomic bool ticking;

static void *tick(void *arg)
{
	(void)arg;
	while (ticking) {
		mm_server_tick(server);
		nap(0.01);
	}
	return NULL;
}

static void stop_ticking(void)
{
	if (ticking) {
		ticking = false;
		pthread_join(ticker, NULL);
	}
}

static void start(void)
{
	ck_ok(mm_server_open(&server, &options, err));
	ck_assert_int_eq(
		sscanf(mm_server_url(server), "http://127.0.0.1:%d", &port), 1);
	ck_ok(mm_server_load(server, err));
	ticking = true;
	ck_assert(!pthread_create(&ticker, NULL, tick, NULL));
}

static void teardown(void)
{
	stop_ticking();
	mm_server_close(server);
	server = NULL;
	scratch_end();
}

static int dial(void)
{
	const struct timeval patience = { .tv_sec = 30 };
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons((uint16_t)port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const int fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return fd;
}

static void put(int fd, const char *text)
{
	const size_t n = strlen(text);

	ck_assert_int_eq(send(fd, text, n, MSG_NOSIGNAL), (ssize_t)n);
}

/* Everything up to the end of the connection. */
static const char *rest(int fd)
{
	static char text[1 << 16];
	size_t n = 0;
	ssize_t got;

	while (n < sizeof(text) - 1 &&
	       (got = recv(fd, text + n, sizeof(text) - 1 - n, 0)) > 0)
		n += (size_t)got;
	text[n] = '\0';
	close(fd);
	return text;
}

static int count(const char *text, const char *what)
{
	int n = 0;

	for (; (text = strstr(text, what)); text += strlen(what))
		n++;
	return n;
}

#define POST                                                        \
	"POST /v1/embeddings HTTP/1.1\r\nHost: a\r\nContent-Type: " \
	"application/json\r\n"
#define ASK  POST "Content-Length: 18\r\n\r\n{\"input\": \"a red\"}"
#define GET  "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
#define LAST "GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

START_TEST(a_client_that_only_listens_any_more_is_answered)
{
	const char *text;
	int fd;

	start();
	fd = dial();
	put(fd, ASK);
	shutdown(fd, SHUT_WR);
	text = rest(fd);
	ck_assert_int_eq(count(text, "\"embedding\": ["), 1);
	ck_assert_int_eq(count(text, "HTTP/1.1 200 OK\r\n"), 1);
}
END_TEST

START_TEST(half_a_request_and_no_more)
{
	const char *text;
	int fd;

	options.timeout = 0.5;
	start();
	fd = dial();
	put(fd, POST "Content-Length: 18\r\n\r\n{\"inp");
	shutdown(fd, SHUT_WR);
	rest(fd); /* comes back: nobody waits for the other half forever */
	fd = dial();
	put(fd, "POST /v1/embe");
	shutdown(fd, SHUT_WR);
	rest(fd);
	/* Gone without a word, in the middle and before its answer. */
	fd = dial();
	put(fd, POST "Content-Length: 18\r\n\r\n{\"inp");
	close(fd);
	fd = dial();
	put(fd, ASK);
	close(fd);
	fd = dial();
	put(fd, ASK);
	shutdown(fd, SHUT_WR);
	text = rest(fd);
	ck_assert_msg(count(text, "\"embedding\": [") == 1, "'%s'", text);
	for (int i = 0; i < 1000 && mm_server_open_requests(server); i++)
		nap(0.005);
	ck_assert_uint_eq(mm_server_open_requests(server), 0);
}
END_TEST

/* The place of whoever closes its half in the middle is free long before the
 * time-out, also where that end comes together with the last bytes. */
START_TEST(who_goes_in_the_middle_is_not_waited_for)
{
	static const char *const half[] = {
		POST "Content-Length: 18\r\n\r\n{\"inp",
		POST "Transfer-Encoding: chunked\r\n\r\n5\r\n{\"inp\r\n",
		POST "Content-Le",
		"POST /v1/embe",
		"",
	};
	const double begin = mm_serve_now();

	options.timeout = 100;
	start();
	for (int i = 0; i < 10; i++) {
		const int fd = dial(), together = i % 2;

		setsockopt(fd, IPPROTO_TCP, TCP_CORK, &together,
			   sizeof(together));
		put(fd, half[i / 2]);
		if (!together)
			nap(0.05);
		shutdown(fd, SHUT_WR);
		ck_assert_int_eq(count(rest(fd), " 200 "), 0);
	}
	ck_assert_uint_eq(mm_server_open_requests(server), 0);
	ck_assert(mm_serve_now() < begin + 20);
}
END_TEST

START_TEST(requests_in_a_row_are_answered_in_a_row)
{
	const char *text;
	int fd;

	start();
	fd = dial();
	put(fd, GET ASK GET ASK LAST);
	text = rest(fd);
	ck_assert_int_eq(count(text, "HTTP/1.1 200"), 5);
	ck_assert_int_eq(count(text, "\"embedding\": ["), 2);
}
END_TEST

/* What follows a good request may be anything; that one is answered. */
static const char *const garbage[] = {
	GET "\x16\x03\x01\x02\x00\x01\r\n\r\n",
	GET "\r\n\r\n\r\nHELLO\r\n\r\n",
	GET "GET / HTTP/9.9\r\n\r\n",
	GET "POST /v1/embeddings HTTP/1.1\r\nHost: a\r\nContent-Length: "
	    "-5\r\n\r\nxxxxx",
	GET "POST /v1/embeddings HTTP/1.1\r\nHost: a\r\nContent-Length: "
	    "99999999999999999999999\r\n\r\n",
	GET "POST /v1/embeddings HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
	    "chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n",
	GET "POST /v1/embeddings HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
	    "chunked\r\n\r\nzz\r\n",
	GET "GET /healthz HTTP/1.1\r\nHost a\r\n : x\r\n\r\n",
};

START_TEST(garbage_in_the_pipeline)
{
	const char *text;
	int fd;

	options.timeout = 0.5;
	start();
	fd = dial();
	put(fd, garbage[_i]);
	shutdown(fd, SHUT_WR);
	text = rest(fd);
	ck_assert_msg(count(text, "{\"status\": \"ok\"}") >= 1, "'%s'", text);
	/* and the next client meets a server that is well */
	fd = dial();
	put(fd, ASK);
	shutdown(fd, SHUT_WR);
	ck_assert_int_eq(count(rest(fd), "\"embedding\": ["), 1);
}
END_TEST

/* A body that a proxy might see end elsewhere: nothing behind it is read as a
 * request. */
static const char *const unclear[] = {
	POST "Content-Length: 18\r\nContent-Length: 3\r\n\r\n"
	     "{\"input\": \"a red\"}" LAST,
	POST "Content-Length: 18\r\nTransfer-Encoding: chunked\r\n\r\n"
	     "12\r\n{\"input\": \"a red\"}\r\n0\r\n\r\n" LAST,
	POST "Transfer-Encoding: gzip, chunked\r\n\r\n"
	     "12\r\n{\"input\": \"a red\"}\r\n0\r\n\r\n" LAST,
	POST "Transfer-Encoding: identity\r\nContent-Length: 18\r\n\r\n"
	     "{\"input\": \"a red\"}" LAST,
};

START_TEST(a_body_ends_in_one_place)
{
	const char *text;
	int fd;

	start();
	fd = dial();
	put(fd, unclear[_i]);
	text = rest(fd);
	ck_assert_msg(count(text, "HTTP/1.1 400 Bad Request\r\n") == 1 &&
			      count(text, "HTTP/1.1 ") == 1,
		      "'%s'", text);
}
END_TEST

START_TEST(a_header_of_any_length)
{
	static char head[200000];
	int fd;

	start();
	fd = dial();
	memset(head, 'a', sizeof(head) - 1);
	memcpy(head, "GET /healthz HTTP/1.1\r\nX: ", 26);
	ck_assert_int_gt(send(fd, head, sizeof(head) - 1, MSG_NOSIGNAL), 0);
	shutdown(fd, SHUT_WR);
	ck_assert_int_eq(count(rest(fd), " 200 "), 0);
	fd = dial();
	put(fd, LAST);
	ck_assert_int_eq(count(rest(fd), " 200 "), 1);
}
END_TEST

START_TEST(bodies_in_pieces)
{
	const char *text;
	int fd;

	start();
	fd = dial();
	put(fd, POST "Transfer-Encoding: chunked\r\n\r\n5\r\n{\"inp\r\n");
	nap(0.02);
	put(fd, "d\r\nut\": \"a red\"}\r\n0\r\n\r\n" LAST);
	text = rest(fd);
	ck_assert_int_eq(count(text, "\"embedding\": ["), 1);
	ck_assert_int_eq(count(text, "{\"status\": \"ok\"}"), 1);
}
END_TEST

/* All bodies together have a bound; what is over it is refused, the rest is
 * answered. */
START_TEST(bodies_share_a_bound)
{
	static char piece[19001];
	int fd[3];

	start();
	memset(piece, ' ', sizeof(piece) - 1);
	for (int i = 0; i < 3; i++) {
		fd[i] = dial();
		put(fd[i], POST "Transfer-Encoding: chunked\r\n\r\n4a38\r\n");
		put(fd[i], piece); /* 19,000 of them: two fit into 40,000 */
		nap(0.1);
	}
	ck_assert_int_eq(count(rest(fd[2]), "HTTP/1.1 429"), 1);
	for (int i = 0; i < 2; i++) {
		put(fd[i],
		    "\r\n12\r\n{\"input\": \"a red\"}\r\n0\r\n\r\n" LAST);
		ck_assert_int_eq(count(rest(fd[i]), "\"embedding\": ["), 1);
	}
}
END_TEST

START_TEST(slow_clients_are_cut_off_and_told)
{
	int half, dribble;

	options.timeout = 0.3;
	start();
	half = dial();
	dribble = dial();
	put(half, POST "Content-Length: 18\r\n\r\n{\"inp");
	for (int i = 0; i < 40; i++) {
		/* a byte now and then is not getting on */
		send(dribble, "G", 1, MSG_NOSIGNAL);
		nap(0.02);
	}
	ck_assert_int_eq(count(rest(half), "HTTP/1.1 408"), 1);
	rest(dribble); /* would take 30 s if it were still open */
	ck_assert_uint_eq(mm_server_open_requests(server), 0);
}
END_TEST

/* 40 connections that want 3 texts each of a queue of 8: each is answered in
 * full or refused, none is forgotten. */
START_TEST(more_than_fits_is_refused_or_answered)
{
	int fd[40], ok = 0, refused = 0;

	start();
	for (int i = 0; i < 40; i++) {
		fd[i] = dial();
		put(fd[i],
		    POST "Connection: close\r\nContent-Length: 25\r\n\r\n"
			 "{\"input\": [\"a\",\"b\",\"c\"]} ");
	}
	for (int i = 0; i < 40; i++) {
		const char *text = rest(fd[i]);

		if (count(text, "\"embedding\": [") == 3)
			ok++;
		else if (count(text, "HTTP/1.1 429") == 1 &&
			 count(text, "Retry-After: ") == 1)
			refused++;
	}
	ck_assert_int_eq(ok + refused, 40);
	ck_assert_int_ge(ok, 1);
}
END_TEST

/* 200 clients that ask at the same moment, again and again: nobody is left
 * waiting for the time-out (see `drive` in http.c). */
START_TEST(many_clients_at_once)
{
	enum { CLIENTS = 200, ROUNDS = 5 };
	int fd[CLIENTS];
	char text[512];

	options.connections = CLIENTS + 10;
	options.timeout = 30;
	start();
	for (int i = 0; i < CLIENTS; i++)
		fd[i] = dial();
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < CLIENTS; i++)
			put(fd[i], GET);
		for (int i = 0; i < CLIENTS; i++) {
			const ssize_t n =
				recv(fd[i], text, sizeof(text) - 1, 0);

			ck_assert_int_gt(n, 0);
			text[n] = '\0';
			ck_assert_int_eq(count(text, "HTTP/1.1 200"), 1);
		}
	}
	for (int i = 0; i < CLIENTS; i++)
		close(fd[i]);
}
END_TEST

/* Closing while requests are on their way: each has some answer. */
START_TEST(closing_answers_everybody)
{
	int fd[20];

	start();
	for (int i = 0; i < 20; i++) {
		fd[i] = dial();
		put(fd[i], ASK);
	}
	while (mm_server_done_requests(server) +
		       mm_server_open_requests(server) <
	       20)
		nap(0.001);
	stop_ticking();
	mm_server_drain(server);
	mm_server_close(server);
	server = NULL;
	for (int i = 0; i < 20; i++) {
		const char *text = rest(fd[i]);

		ck_assert_msg(count(text, "HTTP/1.1 200") +
					      count(text, "HTTP/1.1 503") +
					      count(text, "HTTP/1.1 429") ==
				      1,
			      "'%s'", text);
	}
}
END_TEST

START_TEST(before_it_is_loaded)
{
	int fd;

	ck_ok(mm_server_open(&server, &options, err));
	sscanf(mm_server_url(server), "http://127.0.0.1:%d", &port);
	fd = dial();
	put(fd, "GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n" ASK LAST);
	ck_assert_int_eq(count(rest(fd), "HTTP/1.1 503"), 2);
	ck_ok(mm_server_load(server, err));
	fd = dial();
	put(fd, "GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n" ASK LAST);
	ck_assert_int_eq(count(rest(fd), "HTTP/1.1 200"), 3);
}
END_TEST

START_TEST(what_cannot_be_opened_is_named)
{
	options.listen = "256.0.0.1:1";
	ck_fails(mm_server_open(&server, &options, err), MM_ERR_IO,
		 "256.0.0.1:1");
	ck_assert_ptr_null(server);
	options.listen = "127.0.0.1:0";
	options.key_file = scratch("none");
	ck_fails(mm_server_open(&server, &options, err), MM_ERR_IO, "none");
	options.key_file = NULL;
	options.model = scratch("nothing");
	ck_ok(mm_server_open(&server, &options, err));
	ck_fails(mm_server_load(server, err), MM_ERR_IO, "nothing");
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("server");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_client_that_only_listens_any_more_is_answered);
	tcase_add_test(tc, half_a_request_and_no_more);
	tcase_add_test(tc, who_goes_in_the_middle_is_not_waited_for);
	tcase_add_test(tc, requests_in_a_row_are_answered_in_a_row);
	tcase_add_loop_test(tc, garbage_in_the_pipeline, 0,
			    sizeof(garbage) / sizeof(garbage[0]));
	tcase_add_loop_test(tc, a_body_ends_in_one_place, 0,
			    sizeof(unclear) / sizeof(unclear[0]));
	tcase_add_test(tc, a_header_of_any_length);
	tcase_add_test(tc, bodies_in_pieces);
	tcase_add_test(tc, bodies_share_a_bound);
	tcase_add_test(tc, slow_clients_are_cut_off_and_told);
	tcase_add_test(tc, more_than_fits_is_refused_or_answered);
	tcase_add_test(tc, many_clients_at_once);
	tcase_add_test(tc, closing_answers_everybody);
	tcase_add_test(tc, before_it_is_loaded);
	tcase_add_test(tc, what_cannot_be_opened_is_named);
	return unit_run("server", tc);
}
