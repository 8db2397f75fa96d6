/* fuzz.c - see fuzz.h. */
#define _GNU_SOURCE /* memfd_create */
#include "fuzz.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../tmp.h"

void fuzz_die(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: %s\n", file, line, what);
	abort();
}

static void put(int fd, const uint8_t *data, size_t size)
{
	while (size) {
		const ssize_t n = write(fd, data, size);

		FUZZ_ASSERT(n > 0);
		data += n;
		size -= (size_t)n;
	}
}

const char *fuzz_file(const uint8_t *data, size_t size)
{
	static char path[64];
	static int fd = -1;

	if (fd >= 0)
		close(fd);
	fd = memfd_create("fuzz", MFD_CLOEXEC);
	FUZZ_ASSERT(fd >= 0);
	put(fd, data, size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return path;
}

void fuzz_stdin(const uint8_t *data, size_t size)
{
	int fd[2];

	FUZZ_ASSERT(size <= FUZZ_PIPE_MAX && !pipe(fd));
	put(fd[1], data, size);
	close(fd[1]);
	FUZZ_ASSERT(dup2(fd[0], STDIN_FILENO) == STDIN_FILENO);
	close(fd[0]);
}

static char dir[128];
static const char *const *in_dir; /* names of what may lie there */

static const char *path_of(const char *name)
{
	static char path[192];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void empty_dir(void)
{
	for (const char *const *name = in_dir; *name; name++)
		unlink(path_of(*name));
}

static void remove_dir(void)
{
	empty_dir();
	rmdir(dir);
}

/* "== NAME\n" at p: NAME, and the line's length in *n. */
static const char *heading(const char *p, const char *end, size_t *n)
{
	for (const char *const *name = in_dir; *name; name++) {
		const size_t len = strlen(*name);

		*n = len + 4;
		if ((size_t)(end - p) >= *n && !memcmp(p, "== ", 3) &&
		    !memcmp(p + 3, *name, len) && p[*n - 1] == '\n')
			return *name;
	}
	return NULL;
}

const char *fuzz_folder(const uint8_t *data, size_t size,
			const char *const *names)
{
	const char *p = (const char *)data, *end = p + size;
	const char *first = NULL, *name;
	FILE *f = NULL;
	size_t n;

	if (!in_dir) {
		FUZZ_ASSERT(tmp_template(dir, sizeof(dir), "fuzz") &&
			    mkdtemp(dir));
		atexit(remove_dir);
	}
	in_dir = names;
	empty_dir();
	for (; p < end; p += n) {
		if ((name = heading(p, end, &n))) {
			if (f)
				fclose(f);
			f = fopen(path_of(name), "wb");
			FUZZ_ASSERT(f);
			first = first ? first : name;
			continue;
		}
		n = (size_t)(end - p);
		if (memchr(p, '\n', n))
			n = (size_t)((const char *)memchr(p, '\n', n) - p) + 1;
		if (f)
			fwrite(p, 1, n, f);
	}
	if (f)
		fclose(f);
	return first ? path_of(first) : NULL;
}

volatile unsigned char fuzz_sink;

void fuzz_touch(const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
	unsigned char sum = 0;

	for (size_t i = 0; i < n; i++)
		sum = (unsigned char)(sum + p[i]);
	fuzz_sink = sum;
}

void fuzz_status(int rc, const struct mm_err *err)
{
	if (rc == MM_OK)
		return;
	FUZZ_ASSERT(rc < 0 && rc == (int)err->code && err->msg[0]);
	for (const char *p = err->msg; *p; p++)
		FUZZ_ASSERT((unsigned char)*p >= 0x20 && *p != 0x7f);
}
