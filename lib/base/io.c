/* io.c - see io.h. */
#define _GNU_SOURCE /* O_TMPFILE */
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

enum { BUF_SIZE = 1 << 18, MAX_TEMPORARIES = 16, MAX_PEEK = 64 };

/* Named temporaries in being, for mm_io_unlink_temporaries. */
static char *volatile temporaries[MAX_TEMPORARIES];
static int64_t fail_after = -1;

void mm_io_fail_after(int64_t n)
{
	fail_after = n;
}

void mm_io_unlink_temporaries(void)
{
	for (int i = 0; i < MAX_TEMPORARIES; i++)
		if (temporaries[i])
			unlink(temporaries[i]);
}

static void remember(char *temp)
{
	for (int i = 0; i < MAX_TEMPORARIES; i++) {
		if (!temporaries[i]) {
			temporaries[i] = temp;
			return;
		}
	}
}

static void forget(const char *temp)
{
	for (int i = 0; i < MAX_TEMPORARIES; i++)
		if (temporaries[i] == temp)
			temporaries[i] = NULL;
}

static ssize_t read_some(int fd, void *dst, size_t n)
{
	ssize_t got;

	do
		got = read(fd, dst, n < SSIZE_MAX ? n : SSIZE_MAX);
	while (got < 0 && errno == EINTR);
	return got;
}

static const char *input_name(const char *path)
{
	return strcmp(path, "-") ? path : "standard input";
}

static int open_input(const char *path, int *fd, struct mm_err *err)
{
	struct stat st;

	*fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC)
				: dup(STDIN_FILENO);
	if (*fd < 0)
		return mm_fail_errno(err, "cannot open '%s'", input_name(path));
	if (!fstat(*fd, &st) && S_ISDIR(st.st_mode)) {
		close(*fd);
		return mm_fail(err, MM_ERR_IO, "'%s' is a directory",
			       input_name(path));
	}
	return MM_OK;
}

/* What was peeked from a pipe on standard input and not yet read again. */
static unsigned char pushed[MAX_PEEK];
static size_t n_pushed;

static size_t take_pushed(const char *path, void *dst)
{
	size_t n;

	/* Several threads may open files at a time: theirs is not touched. */
	if (strcmp(path, "-"))
		return 0;
	n = n_pushed;
	memcpy(dst, pushed, n);
	n_pushed = 0;
	return n;
}

int mm_input_peek(const char *path, void *dst, size_t n, size_t *got,
		  struct mm_err *err)
{
	ssize_t k = 1;
	int fd, rc;

	*got = 0;
	if ((rc = open_input(path, &fd, err)))
		return rc;
	if (lseek(fd, 0, SEEK_CUR) >= 0) {
		if ((k = pread(fd, dst, n, lseek(fd, 0, SEEK_CUR))) > 0)
			*got = (size_t)k;
	} else {
		for (*got = n_pushed; *got < n && k > 0; *got += (size_t)k)
			if ((k = read_some(fd, pushed + *got, n - *got)) < 0)
				break;
		memcpy(dst, pushed, n_pushed = *got);
	}
	close(fd);
	return k < 0 ? mm_fail_errno(err, "cannot read '%s'", input_name(path))
		     : MM_OK;
}

/* ---- whole files ---- */

static int slurp(struct mm_file *f, int fd, const char *path,
		 struct mm_err *err)
{
	struct mm_buf b = { 0 };
	ssize_t got = 1;
	char *p = mm_buf_reserve(&b, MAX_PEEK);

	b.len = p ? take_pushed(path, p) : 0;
	while (got > 0 && (p = mm_buf_reserve(&b, BUF_SIZE))) {
		got = read_some(fd, p, BUF_SIZE);
		b.len += got > 0 ? (size_t)got : 0;
	}
	if (got < 0 || b.failed) {
		mm_buf_release(&b);
		return got < 0 ? mm_fail_errno(err, "cannot read '%s'",
					       input_name(path))
			       : mm_fail_nomem(err, input_name(path));
	}
	f->data = (unsigned char *)b.data; /* mm_file_release frees it */
	f->size = b.len;
	f->mapped = false;
	return MM_OK;
}

int mm_file_open(struct mm_file *f, const char *path, struct mm_err *err)
{
	struct stat st;
	void *p;
	int fd, rc;

	memset(f, 0, sizeof(*f));
	if ((rc = open_input(path, &fd, err)))
		return rc;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size > 0 &&
	    lseek(fd, 0, SEEK_CUR) == 0) {
		p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd,
			 0);
		if (p != MAP_FAILED) {
			f->data = p;
			f->size = (size_t)st.st_size;
			f->mapped = true;
			close(fd);
			return MM_OK;
		}
	}
	rc = slurp(f, fd, path, err);
	close(fd);
	return rc;
}

void mm_file_release(struct mm_file *f)
{
	union {
		const unsigned char *in;
		void *out;
	} p = { f->data }; /* casts const away without a warning */

	if (f->mapped)
		munmap(p.out, f->size);
	else
		mm_free(p.out);
	memset(f, 0, sizeof(*f));
}

void mm_file_forget(const struct mm_file *f, size_t begin, size_t end)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	union {
		const unsigned char *in;
		void *out;
	} p;

	begin = (begin + page - 1) / page * page;
	end = end / page * page;
	p.in = f->data + begin;
	if (f->mapped && begin < end)
		madvise(p.out, end - begin, MADV_DONTNEED);
}

/* ---- reading front to back ---- */

int mm_reader_open(struct mm_reader *r, const char *path, struct mm_err *err)
{
	int rc;

	memset(r, 0, sizeof(*r));
	r->fd = -1;
	if ((rc = open_input(path, &r->fd, err)))
		return rc;
	r->name = input_name(path);
	r->cap = BUF_SIZE;
	if (!(r->buf = mm_malloc(r->cap, 1))) {
		mm_reader_release(r);
		return mm_fail_nomem(err, "a read buffer");
	}
	r->end = take_pushed(path, r->buf);
	return MM_OK;
}

void mm_reader_release(struct mm_reader *r)
{
	if (r->buf || r->name) {
		if (r->fd >= 0)
			close(r->fd);
		mm_free(r->buf);
	}
	memset(r, 0, sizeof(*r));
	r->fd = -1;
}

/* Read more behind `end`, moving what is unread to the front first. */
static int fill(struct mm_reader *r, struct mm_err *err)
{
	ssize_t got;

	if (r->start) {
		memmove(r->buf, r->buf + r->start, r->end - r->start);
		r->end -= r->start;
		r->start = 0;
	}
	got = read_some(r->fd, r->buf + r->end, r->cap - r->end);
	if (got < 0)
		return mm_fail_errno(err, "cannot read '%s'", r->name);
	r->eof = got == 0;
	r->end += (size_t)got;
	return MM_OK;
}

int mm_reader_read(struct mm_reader *r, void *dst, size_t n, size_t *got,
		   struct mm_err *err)
{
	unsigned char *p = dst;
	size_t k;
	int rc;

	for (*got = 0; *got < n; *got += k) {
		if (r->start == r->end && !r->eof && (rc = fill(r, err)))
			return rc;
		if (r->start == r->end)
			break;
		k = r->end - r->start;
		if (k > n - *got)
			k = n - *got;
		memcpy(p + *got, r->buf + r->start, k);
		r->start += k;
	}
	r->offset += *got;
	return MM_OK;
}

int mm_reader_peek(struct mm_reader *r, size_t n, const unsigned char **bytes,
		   size_t *got, struct mm_err *err)
{
	unsigned char *p;
	int rc;

	if (n > r->cap) {
		if (!(p = mm_realloc(r->buf, n, 1)))
			return mm_fail_nomem(err, "a read buffer");
		r->buf = p;
		r->cap = n;
	}
	while (r->end - r->start < n && !r->eof)
		if ((rc = fill(r, err)))
			return rc;
	*bytes = r->buf + r->start;
	*got = r->end - r->start;
	return MM_OK;
}

int mm_reader_line(struct mm_reader *r, char **line, size_t *len, size_t max,
		   struct mm_err *err)
{
	unsigned char *nl = NULL, *p;
	size_t seen = 0;
	int rc;

	*line = NULL;
	*len = 0;
	for (;;) {
		nl = memchr(r->buf + r->start + seen, '\n',
			    r->end - r->start - seen);
		seen = r->end - r->start;
		if (nl || r->eof || seen > max)
			break;
		if (seen == r->cap) {
			if (!(p = mm_realloc(r->buf, r->cap, 2)))
				return mm_fail_nomem(err, "a line");
			r->buf = p;
			r->cap *= 2;
		}
		if ((rc = fill(r, err)))
			return rc;
	}
	if (!nl && !seen)
		return MM_OK;
	*len = nl ? (size_t)(nl - (r->buf + r->start)) : seen;
	if (*len > max)
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s' has a line of more than %zu bytes at "
			       "byte %llu",
			       r->name, max, (unsigned long long)r->offset);
	*line = (char *)r->buf + r->start;
	r->start += *len + (nl != NULL);
	r->offset += *len + (nl != NULL);
	return MM_OK;
}

/* ---- writing ---- */

static const char *output_name(const struct mm_writer *w)
{
	return w->path ? w->path : "standard output";
}

/* A dot file in the same folder, the same file system. */
static char *temporary_name(const char *path)
{
	static unsigned counter;
	const char *slash = strrchr(path, '/');
	const int dir = slash ? (int)(slash - path + 1) : 0;
	struct mm_buf b = { 0 };

	mm_buf_printf(&b, "%.*s.%s.%ld-%u.tmp", dir, path, path + dir,
		      (long)getpid(), ++counter);
	return b.data;
}

static int open_temporary(struct mm_writer *w, struct mm_err *err)
{
	const char *slash = strrchr(w->path, '/');
	const size_t n = slash == w->path ? 1
			 : slash	  ? (size_t)(slash - w->path)
					  : 0;
	char *dir = n ? mm_strndup(w->path, n) : mm_strdup(".");

	if (!dir)
		return mm_fail_nomem(err, "a path");
	/* It gets its name through /proc, which a bare chroot lacks. */
	if (!access("/proc/self/fd", X_OK))
		w->fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
	mm_free(dir);
	if (w->fd >= 0)
		return MM_OK;
	if (!(w->temp = temporary_name(w->path)))
		return mm_fail_nomem(err, "a path");
	remember(w->temp);
	w->fd = open(w->temp, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0666);
	if (w->fd >= 0)
		return MM_OK;
	forget(w->temp);
	mm_free(w->temp);
	w->temp = NULL;
	return mm_fail_errno(err, "cannot create '%s'", w->path);
}

static int open_output(struct mm_writer *w, struct mm_err *err)
{
	struct stat st;

	if (!w->path) {
		w->direct = true;
		w->fd = dup(STDOUT_FILENO);
	} else if (!stat(w->path, &st) && !S_ISREG(st.st_mode)) {
		if (S_ISDIR(st.st_mode))
			return mm_fail(err, MM_ERR_IO, "'%s' is a directory",
				       w->path);
		w->direct = true;
		w->fd = open(w->path, O_WRONLY | O_CLOEXEC);
	} else {
		return open_temporary(w, err);
	}
	if (w->fd < 0)
		return mm_fail_errno(err, "cannot write '%s'", output_name(w));
	return MM_OK;
}

int mm_writer_open(struct mm_writer *w, const char *path, struct mm_err *err)
{
	int rc;

	memset(w, 0, sizeof(*w));
	w->fd = -1;
	w->buf = mm_malloc(BUF_SIZE, 1);
	if (strcmp(path, "-"))
		w->path = mm_strdup(path);
	if (!w->buf || (strcmp(path, "-") && !w->path)) {
		mm_writer_abort(w);
		return mm_fail_nomem(err, "a write buffer");
	}
	if ((rc = open_output(w, err)))
		mm_writer_abort(w);
	return rc;
}

static int put(struct mm_writer *w, const unsigned char *p, size_t n,
	       struct mm_err *err)
{
	ssize_t done;

	while (n) {
		if (fail_after >= 0 && (fail_after -= (int64_t)n) < 0) {
			fail_after = 0;
			errno = ENOSPC;
			done = -1;
		} else {
			done = write(w->fd, p, n < SSIZE_MAX ? n : SSIZE_MAX);
		}
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return mm_fail_errno(err, "cannot write '%s'",
					     output_name(w));
		p += done;
		n -= (size_t)done;
	}
	return MM_OK;
}

int mm_writer_flush(struct mm_writer *w, struct mm_err *err)
{
	const size_t n = w->used;

	w->used = 0;
	return put(w, w->buf, n, err);
}

int mm_writer_write(struct mm_writer *w, const void *bytes, size_t n,
		    struct mm_err *err)
{
	int rc;

	w->offset += n;
	if (n > BUF_SIZE - w->used && (rc = mm_writer_flush(w, err)))
		return rc;
	if (n > BUF_SIZE)
		return put(w, bytes, n, err);
	if (n)
		memcpy(w->buf + w->used, bytes, n);
	w->used += n;
	return MM_OK;
}

int mm_writer_printf(struct mm_writer *w, struct mm_err *err, const char *fmt,
		     ...)
{
	struct mm_buf b = { 0 };
	va_list ap;
	int rc;

	va_start(ap, fmt);
	mm_buf_vprintf(&b, fmt, ap);
	va_end(ap);
	rc = mm_buf_check(&b, "a line of output", err);
	if (!rc)
		rc = mm_writer_write(w, mm_buf_str(&b), b.len, err);
	mm_buf_release(&b);
	return rc;
}

/* Give an unnamed temporary a name, so that it can be renamed. */
static int name_temporary(struct mm_writer *w)
{
	char proc[64];

	if (w->temp)
		return 0;
	if (!(w->temp = temporary_name(w->path))) {
		errno = ENOMEM;
		return -1;
	}
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", w->fd);
	remember(w->temp);
	return linkat(AT_FDCWD, proc, AT_FDCWD, w->temp, AT_SYMLINK_FOLLOW);
}

int mm_writer_commit(struct mm_writer *w, struct mm_err *err)
{
	int rc = mm_writer_flush(w, err), fd;

	if (!rc && !w->direct &&
	    (fsync(w->fd) || name_temporary(w) || rename(w->temp, w->path)))
		rc = mm_fail_errno(err, "cannot write '%s'", output_name(w));
	if (!rc && w->temp) {
		forget(w->temp);
		mm_free(w->temp);
		w->temp = NULL;
	}
	fd = w->fd;
	w->fd = -1;
	if (close(fd) && !rc)
		rc = mm_fail_errno(err, "cannot write '%s'", output_name(w));
	mm_writer_abort(w);
	return rc;
}

void mm_writer_abort(struct mm_writer *w)
{
	if (w->buf && w->fd >= 0)
		close(w->fd);
	if (w->temp) {
		unlink(w->temp);
		forget(w->temp);
	}
	mm_free(w->temp);
	mm_free(w->path);
	mm_free(w->buf);
	memset(w, 0, sizeof(*w));
	w->fd = -1;
}

bool mm_writer_is_terminal(const struct mm_writer *w)
{
	return w->direct && isatty(w->fd);
}

int mm_file_write(const char *path, const void *bytes, size_t n,
		  struct mm_err *err)
{
	struct mm_writer w;
	int rc = mm_writer_open(&w, path, err);

	if (rc)
		return rc;
	if (!(rc = mm_writer_write(&w, bytes, n, err)))
		return mm_writer_commit(&w, err);
	mm_writer_abort(&w);
	return rc;
}

int mm_file_remove(const char *path, struct mm_err *err)
{
	if (unlink(path) && errno != ENOENT)
		return mm_fail_errno(err, "cannot replace '%s'", path);
	return MM_OK;
}

int mm_mkdirs(const char *path, struct mm_err *err)
{
	char *p = mm_strdup(path);
	struct stat st;
	int rc = MM_OK;

	if (!p)
		return mm_fail_nomem(err, "a path");
	for (char *s = p + 1; !rc; s++) {
		const char c = *s;

		if (c && c != '/')
			continue;
		*s = '\0';
		if (mkdir(p, 0777) && errno != EEXIST)
			rc = mm_fail_errno(err, "cannot make folder '%s'", p);
		if (!(*s = c))
			break;
	}
	if (!rc && (stat(path, &st) || !S_ISDIR(st.st_mode)))
		rc = mm_fail(err, MM_ERR_IO, "'%s' is not a folder", path);
	mm_free(p);
	return rc;
}
