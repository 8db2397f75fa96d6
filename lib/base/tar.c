/* tar.c - see tar.h: the reader, the one file that knows libarchive. */
#include "base/tar.h"

#include <string.h>

#include "base/dynlib.h"
#include "base/mem.h"

#ifdef HAVE_ARCHIVE
#include <archive.h>
#include <archive_entry.h>

#define CALLS(F)                             \
	F(archive_read_new)                  \
	F(archive_read_free)                 \
	F(archive_read_support_filter_gzip)  \
	F(archive_read_support_filter_bzip2) \
	F(archive_read_support_filter_xz)    \
	F(archive_read_support_filter_zstd)  \
	F(archive_read_support_filter_lz4)   \
	F(archive_read_support_format_tar)   \
	F(archive_read_set_format_option)    \
	F(archive_read_open)                 \
	F(archive_read_next_header)          \
	F(archive_read_header_position)      \
	F(archive_read_data)                 \
	F(archive_filter_bytes)              \
	F(archive_error_string)              \
	F(archive_entry_filetype)            \
	F(archive_entry_hardlink)            \
	F(archive_entry_size)                \
	F(archive_entry_pathname)            \
	F(archive_entry_pathname_utf8)

static struct {
	CALLS(MM_DYNLIB_FIELD)
} archive;
static const char *const names[] = { CALLS(MM_DYNLIB_NAME) };
static struct mm_dynlib lib =
	MM_DYNLIB("libarchive.so.13", "libarchive13", names, archive);

enum { CHUNK = 1 << 16 };

struct mm_tar_reader {
	struct mm_reader *in;
	struct archive *a;
	uint64_t size;	   /* of the member in hand */
	struct mm_err why; /* of a failed read */
	bool failed;
	unsigned char chunk[CHUNK];
};

static la_ssize_t more(struct archive *a, void *ctx, const void **bytes)
{
	struct mm_tar_reader *t = ctx;
	size_t got;

	(void)a;
	*bytes = t->chunk;
	if (mm_reader_read(t->in, t->chunk, CHUNK, &got, &t->why)) {
		t->failed = true;
		return -1;
	}
	return (la_ssize_t)got;
}

/* What libarchive says, or the read that failed below it. */
static int broken(const struct mm_tar_reader *t, struct mm_err *err)
{
	const char *why = archive.archive_error_string(t->a);
	const long long at = archive.archive_filter_bytes(t->a, 0);

	if (t->failed) {
		if (err)
			*err = t->why;
		return t->why.code;
	}
	return mm_fail(err, MM_ERR_FORMAT, "'%s' byte %lld: %s", t->in->name,
		       at < 0 ? (long long)t->in->offset : at,
		       why ? why : "the tar is broken");
}

static bool set_up(struct archive *a)
{
	return !archive.archive_read_support_filter_gzip(a) &&
	       archive.archive_read_support_filter_bzip2(a) >= ARCHIVE_WARN &&
	       archive.archive_read_support_filter_xz(a) >= ARCHIVE_WARN &&
	       archive.archive_read_support_filter_zstd(a) >= ARCHIVE_WARN &&
	       archive.archive_read_support_filter_lz4(a) >= ARCHIVE_WARN &&
	       !archive.archive_read_support_format_tar(a) &&
	       !archive.archive_read_set_format_option(
		       a, "tar", "read_concatenated_archives", "1");
}

int mm_tar_open(struct mm_tar_reader **out, struct mm_reader *in,
		struct mm_err *err)
{
	struct mm_tar_reader *t;
	int rc;

	*out = NULL;
	if ((rc = mm_dynlib_load(&lib, err)))
		return rc;
	if (!(t = mm_calloc(1, sizeof(*t))))
		return mm_fail_nomem(err, "a tar");
	t->in = in;
	if (!(t->a = archive.archive_read_new()) || !set_up(t->a))
		rc = mm_fail_nomem(err, "a tar");
	else if (archive.archive_read_open(t->a, t, NULL, more, NULL))
		rc = broken(t, err);
	if (rc) {
		mm_tar_close(t);
		return rc;
	}
	*out = t;
	return MM_OK;
}

void mm_tar_close(struct mm_tar_reader *t)
{
	if (t && t->a)
		archive.archive_read_free(t->a);
	mm_free(t);
}

/* A name that the C locale cannot hold is still there as UTF-8. */
static const char *name_of(struct archive_entry *e)
{
	const char *name = archive.archive_entry_pathname(e);

	return name ? name : archive.archive_entry_pathname_utf8(e);
}

int mm_tar_next(struct mm_tar_reader *t, struct mm_tar_member *m,
		struct mm_err *err)
{
	struct archive_entry *e;
	int status;

	m->name = NULL;
	for (;;) {
		status = archive.archive_read_next_header(t->a, &e);
		if (status == ARCHIVE_EOF)
			return MM_OK;
		if (status < ARCHIVE_WARN)
			return broken(t, err);
		if (archive.archive_entry_filetype(e) == AE_IFREG &&
		    !archive.archive_entry_hardlink(e) && name_of(e))
			break;
	}
	t->size = (uint64_t)archive.archive_entry_size(e);
	*m = (struct mm_tar_member){
		.name = name_of(e),
		.size = t->size,
		.offset = (uint64_t)archive.archive_read_header_position(t->a),
	};
	return MM_OK;
}

int mm_tar_read(struct mm_tar_reader *t, struct mm_buf *out, struct mm_err *err)
{
	enum { STEP = 1 << 20 };

	mm_buf_clear(out);
	while (out->len < t->size) {
		const uint64_t left = t->size - out->len;
		const size_t want = left < STEP ? (size_t)left : STEP;
		char *p = mm_buf_reserve(out, want);
		la_ssize_t n;

		if (!p)
			return mm_fail_nomem(err, "a member of a tar");
		n = archive.archive_read_data(t->a, p, want);
		if (n <= 0)
			return broken(t, err);
		out->len += (size_t)n;
	}
	return MM_OK;
}

#else

int mm_tar_open(struct mm_tar_reader **t, struct mm_reader *in,
		struct mm_err *err)
{
	*t = NULL;
	return mm_fail(err, MM_ERR_IO,
		       "'%s' is a tar, and mmtool was built without libarchive "
		       "(package libarchive-dev)",
		       in->name);
}

void mm_tar_close(struct mm_tar_reader *t)
{
	(void)t;
}

int mm_tar_next(struct mm_tar_reader *t, struct mm_tar_member *m,
		struct mm_err *err)
{
	(void)t;
	m->name = NULL;
	return mm_fail(err, MM_ERR_USAGE, "no tar is open");
}

int mm_tar_read(struct mm_tar_reader *t, struct mm_buf *out, struct mm_err *err)
{
	(void)t;
	(void)out;
	return mm_fail(err, MM_ERR_USAGE, "no tar is open");
}

#endif
