/* http_impl.h - connections, for http.c and cut.c. */
#ifndef MM_SERVE_HTTP_IMPL_H
#define MM_SERVE_HTTP_IMPL_H

#include "serve/http.h"

/*
 * Where a connection stands, and since when:
 *
 *	OPEN -> HEADER -> BODY -> WORK -> REPLY -> OPEN ...
 *
 * All but WORK have an end, see mm_http_tick.  HEADER is not seen where a
 * header comes in one piece.
 */
enum mm_http_phase {
	MM_HTTP_OPEN,
	MM_HTTP_HEADER,
	MM_HTTP_BODY,
	MM_HTTP_WORK,
	MM_HTTP_REPLY,
};

struct mm_http_connection {
	struct mm_http_connection *prev, *next;
	struct mm_http *http;
	int fd;
	enum mm_http_phase phase;
	double since;
	struct mm_http_request *request; /* BODY, WORK, REPLY */
	bool cut;			 /* shut down; nothing more is read */
	char peer[48];
};

/* The reply in *r past the library, where nothing else is being sent; then
 * nothing more is. */
void mm_http_answer_at_once(int fd, struct mm_http_request *r);

/*
 * Cut connections whose client has closed its half before its request was
 * whole.  On http.c's thread, with all that was read looked at: of a request
 * that is whole by now the phase says so.
 */
void mm_http_cut_gone(struct mm_http *h);

#endif
