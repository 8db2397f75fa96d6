/*
 * listen.h - the socket that a server listens on.
 *
 *	ADDRESS:PORT	127.0.0.1:8000, [::1]:8000, localhost:8000; port 0 is
 *			any that is free
 *	unix:PATH	a socket file, made with mode 0660 (less the umask);
 *			one that nobody listens on any more is replaced
 */
#ifndef MM_SERVE_LISTEN_H
#define MM_SERVE_LISTEN_H

#include "base/err.h"

struct mm_listener {
	int fd;	       /* non-blocking; -1: none */
	char *path;    /* of a unix socket, else NULL */
	char url[160]; /* "http://127.0.0.1:43125", "unix:/run/m.sock" */
};

/* MM_ERR_USAGE: `where` is not of that form; MM_ERR_IO: not to be had. */
int mm_listen(struct mm_listener *l, const char *where,
	      struct mm_err *err) MM_MUST_CHECK;

/* Close, and remove the socket file. */
void mm_listen_release(struct mm_listener *l);

#endif
