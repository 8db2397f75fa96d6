/* fuzz.c - see fuzz.h. */
#define _GNU_SOURCE /* memfd_create */
#include "fuzz.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

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
