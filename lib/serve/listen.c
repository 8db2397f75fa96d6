/* listen.c - see listen.h. */
#include "serve/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"

enum { BACKLOG = 1024 };

static int set_up(int fd)
{
	return fcntl(fd, F_SETFD, FD_CLOEXEC) ||
	       fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) ||
	       listen(fd, BACKLOG);
}

/* Is there a server behind that socket file? */
static int answers(const struct sockaddr_un *a)
{
	const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	const int rc =
		fd >= 0 && !connect(fd, (const struct sockaddr *)a, sizeof(*a));

	if (fd >= 0)
		close(fd);
	return rc;
}

static int listen_unix(struct mm_listener *l, const char *path,
		       struct mm_err *err)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct stat st;

	if (!path[0] || strlen(path) >= sizeof(a.sun_path))
		return mm_fail(err, MM_ERR_USAGE,
			       "'unix:%s': a path of 1 to %zu bytes is wanted",
			       path, sizeof(a.sun_path) - 1);
	strcpy(a.sun_path, path);
	if (!lstat(path, &st) && S_ISSOCK(st.st_mode)) {
		if (answers(&a))
			return mm_fail(err, MM_ERR_IO,
				       "'%s': another server listens there",
				       path);
		unlink(path);
	}
	l->fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (l->fd < 0 || bind(l->fd, (const struct sockaddr *)&a, sizeof(a)) ||
	    !(l->path = mm_strdup(path)) || chmod(path, 0660) || set_up(l->fd))
		return mm_fail_errno(err, "cannot listen on '%s'", path);
	snprintf(l->url, sizeof(l->url), "unix:%s", path);
	return MM_OK;
}

/* "[::1]:80" or "localhost:80" into host and port. */
static int split(char host[128], const char **port, const char *where,
		 struct mm_err *err)
{
	const char *colon = strrchr(where, ':');
	size_t n = colon ? (size_t)(colon - where) : 0;

	if (n > 1 && where[0] == '[' && where[n - 1] == ']') {
		where++;
		n -= 2;
	} else if (memchr(where, ':', n)) {
		n = 0;
	}
	if (!n || n >= 128 || !colon[1] ||
	    strspn(colon + 1, "0123456789") != strlen(colon + 1) ||
	    strlen(colon + 1) > 5)
		return mm_fail(err, MM_ERR_USAGE,
			       "'%s' is not ADDRESS:PORT, [ADDRESS]:PORT or "
			       "unix:PATH",
			       where);
	memcpy(host, where, n);
	host[n] = '\0';
	*port = colon + 1;
	return MM_OK;
}

static void name_it(struct mm_listener *l)
{
	struct sockaddr_storage a;
	socklen_t n = sizeof(a);
	char host[80], port[8];

	if (getsockname(l->fd, (struct sockaddr *)&a, &n) ||
	    getnameinfo((const struct sockaddr *)&a, n, host, sizeof(host),
			port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV))
		return;
	snprintf(l->url, sizeof(l->url),
		 a.ss_family == AF_INET6 ? "http://[%s]:%s" : "http://%s:%s",
		 host, port);
}

static int listen_tcp(struct mm_listener *l, const char *where,
		      struct mm_err *err)
{
	const struct addrinfo hints = { .ai_family = AF_UNSPEC,
					.ai_socktype = SOCK_STREAM,
					.ai_flags = AI_PASSIVE };
	struct addrinfo *list;
	const char *port = NULL;
	char host[128];
	int rc = split(host, &port, where, err), one = 1, e;

	if (rc)
		return rc;
	if ((e = getaddrinfo(host, port, &hints, &list)))
		return mm_fail(err, MM_ERR_IO, "cannot listen on '%s': %s",
			       where, gai_strerror(e));
	l->fd = socket(list->ai_family, SOCK_STREAM, 0);
	if (l->fd < 0 ||
	    setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(l->fd, list->ai_addr, list->ai_addrlen) || set_up(l->fd))
		rc = mm_fail_errno(err, "cannot listen on '%s'", where);
	freeaddrinfo(list);
	if (!rc)
		name_it(l);
	return rc;
}

int mm_listen(struct mm_listener *l, const char *where, struct mm_err *err)
{
	int rc;

	memset(l, 0, sizeof(*l));
	l->fd = -1;
	rc = strncmp(where, "unix:", 5) ? listen_tcp(l, where, err)
					: listen_unix(l, where + 5, err);
	if (rc)
		mm_listen_release(l);
	return rc;
}

void mm_listen_release(struct mm_listener *l)
{
	if (l->fd >= 0)
		close(l->fd);
	if (l->path)
		unlink(l->path);
	mm_free(l->path);
	l->path = NULL;
	l->fd = -1;
}
