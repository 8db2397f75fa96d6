/*
 * tar.h - members of a tar, in and out, one after another.
 *
 * In: libarchive, loaded on first use: ustar, GNU, pax and v7, plain or
 * compressed (gzip, bzip2, xz, zstd, lz4), whatever the file's name; archives
 * one behind another are one.  Out: POSIX ustar with pax headers for what
 * does not fit, the same bytes for the same members.
 */
#ifndef MM_BASE_TAR_H
#define MM_BASE_TAR_H

#include "base/io.h"

struct mm_tar_reader;

/*
 * `in` is borrowed, nothing of it read.  MM_ERR_FORMAT: no tar.  MM_ERR_IO
 * where libarchive cannot be loaded.
 */
int mm_tar_open(struct mm_tar_reader **t, struct mm_reader *in,
		struct mm_err *err) MM_MUST_CHECK;
void mm_tar_close(struct mm_tar_reader *t); /* NULL is fine */

/* A regular file in it. */
struct mm_tar_member {
	const char *name; /* until the next call; NULL at the end */
	uint64_t size;
	uint64_t offset; /* of its header, in the tar unpacked */
};

/*
 * The next regular file: folders, links and devices are passed over.  A tar
 * that is cut off or broken is MM_ERR_FORMAT, naming the byte.
 */
int mm_tar_next(struct mm_tar_reader *t, struct mm_tar_member *m,
		struct mm_err *err) MM_MUST_CHECK;

/* The member's bytes, once, in place of what out held; memory grows with what
 * is there, whatever the header claims. */
int mm_tar_read(struct mm_tar_reader *t, struct mm_buf *out,
		struct mm_err *err) MM_MUST_CHECK;

/*
 * One member, mode 0644, owner 0, time 0, to a writer.  Names are UTF-8 of any
 * length.
 */
int mm_tar_put(struct mm_writer *w, const char *name, const void *bytes,
	       uint64_t size, struct mm_err *err) MM_MUST_CHECK;
/* What ends a tar. */
int mm_tar_end(struct mm_writer *w, struct mm_err *err) MM_MUST_CHECK;

#endif
