/*
 * io.h - bytes in and bytes out.
 *
 * Everywhere a path is taken, "-" is standard input or output.  Messages name
 * the path as the caller gave it ("standard input" for "-").
 *
 * Output appears under its name only when complete: a regular file is written
 * as an unnamed temporary (O_TMPFILE; a dot file where that is not to be had),
 * synced, and renamed by mm_writer_commit.  Pipes, terminals and devices are
 * written directly.
 */
#ifndef MM_BASE_IO_H
#define MM_BASE_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/* A whole file in memory: mapped read-only where it is a regular file. */
struct mm_file {
	const unsigned char *data; /* not NULL, also where size is 0 */
	size_t size;
	bool mapped;
};

int mm_file_open(struct mm_file *f, const char *path, struct mm_err *err)
	MM_MUST_CHECK;
void mm_file_release(struct mm_file *f);

/* The bytes [begin, end) are done with for now: gives their memory back where
 * the file is mapped.  They can still be read. */
void mm_file_forget(const struct mm_file *f, size_t begin, size_t end);

/*
 * The first n bytes (n <= 64) of an input, to tell what it is; *got < n only
 * where it is shorter.  Nothing is lost: whoever opens "-" next reads them
 * again.  Not thread-safe.
 */
int mm_input_peek(const char *path, void *dst, size_t n, size_t *got,
		  struct mm_err *err) MM_MUST_CHECK;

/* A file or pipe read from front to back through a buffer. */
struct mm_reader {
	const char *name; /* for messages; borrowed from mm_reader_open */
	int fd;
	bool eof;
	uint64_t offset; /* of the next byte that a call returns */
	unsigned char *buf;
	size_t start, end; /* unread bytes lie in buf[start..end) */
	size_t cap;
};

int mm_reader_open(struct mm_reader *r, const char *path, struct mm_err *err)
	MM_MUST_CHECK;
void mm_reader_release(struct mm_reader *r);

/* Reads up to n bytes; *got < n only at the end of the input. */
int mm_reader_read(struct mm_reader *r, void *dst, size_t n, size_t *got,
		   struct mm_err *err) MM_MUST_CHECK;

/*
 * One line without its '\n'; *line points into the reader (valid until the
 * next call), *len may count NULs and a '\r'.  *line = NULL at the end.  A
 * line of more than `max` bytes is MM_ERR_FORMAT.
 */
int mm_reader_line(struct mm_reader *r, char **line, size_t *len, size_t max,
		   struct mm_err *err) MM_MUST_CHECK;

/*
 * What comes next, without taking it: *bytes points into the reader (valid
 * until the next call), *got < n only where the input is shorter.
 */
int mm_reader_peek(struct mm_reader *r, size_t n, const unsigned char **bytes,
		   size_t *got, struct mm_err *err) MM_MUST_CHECK;

/* Complete output; see the head of this file. */
struct mm_writer {
	char *path, *temp; /* temp NULL: unnamed, or no temporary at all */
	int fd;
	bool direct; /* a pipe, device or terminal: nothing to rename */
	unsigned char *buf;
	size_t used;
	uint64_t offset; /* bytes written so far, buffered ones included */
};

int mm_writer_open(struct mm_writer *w, const char *path, struct mm_err *err)
	MM_MUST_CHECK;
int mm_writer_write(struct mm_writer *w, const void *bytes, size_t n,
		    struct mm_err *err) MM_MUST_CHECK;
int mm_writer_printf(struct mm_writer *w, struct mm_err *err, const char *fmt,
		     ...) __attribute__((format(printf, 3, 4))) MM_MUST_CHECK;

/* Hand what is buffered to the kernel (a stream's segment border, say). */
int mm_writer_flush(struct mm_writer *w, struct mm_err *err) MM_MUST_CHECK;

/* Flush, sync, rename, close.  After an error nothing is left behind. */
int mm_writer_commit(struct mm_writer *w, struct mm_err *err) MM_MUST_CHECK;

/* Close and forget: the name keeps what it had.  Safe on a zeroed writer. */
void mm_writer_abort(struct mm_writer *w);

bool mm_writer_is_terminal(const struct mm_writer *w);

/* Write a whole file at once, atomically. */
int mm_file_write(const char *path, const void *bytes, size_t n,
		  struct mm_err *err) MM_MUST_CHECK;

/* Remove a file, if it is there. */
int mm_file_remove(const char *path, struct mm_err *err) MM_MUST_CHECK;

/* mkdir -p.  An existing directory is fine. */
int mm_mkdirs(const char *path, struct mm_err *err) MM_MUST_CHECK;

/*
 * Unlink temporaries that have names.  Async-signal-safe: for the handler of
 * a signal that ends the program.
 */
void mm_io_unlink_temporaries(void);

/*
 * Fault injection for tests: after n more bytes every write fails with ENOSPC
 * (n < 0: off).
 */
void mm_io_fail_after(int64_t n);

#endif
