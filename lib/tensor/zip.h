/*
 * zip.h - entries of a zip archive in memory.
 *
 * Source: PKWARE's APPNOTE.TXT 6.3.  Only the central directory is believed;
 * of a local header no more is read than how long it is.
 *
 *	[local header|name|extra|data]...[directory][zip64 end][end|comment]
 *
 * Refused, naming the entry (the caller names the archive): encryption, methods
 *other than stored and deflated, an entry that reaches beyond the directory or
 *claims more than deflate can pack, two entries of one name, a count that is
 *not the directory's.  Nothing is allocated for a size that was not checked
 *against the bytes that are there.
 */
#ifndef MM_TENSOR_ZIP_H
#define MM_TENSOR_ZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/map.h"

struct mm_zip_entry {
	const char *name; /* name_len bytes, not terminated; never a path to
			     open */
	size_t name_len;
	size_t size, packed;	   /* bytes of the content, and as stored */
	size_t header;		   /* where its local header begins */
	const unsigned char *data; /* packed bytes, into the archive */
	uint32_t crc;		   /* 0: was not computed */
	bool deflated;
};

/* Points into the caller's bytes, which must outlive it. */
struct mm_zip {
	const unsigned char *bytes;
	size_t size;
	struct mm_zip_entry *entry;
	size_t n;
	struct mm_map by_name; /* name -> index into entry */
	struct mm_arena arena;
};

/* After an error there is nothing to release. */
int mm_zip_open(struct mm_zip *z, const void *bytes, size_t size,
		struct mm_err *err) MM_MUST_CHECK;
void mm_zip_release(struct mm_zip *z); /* safe on zeros */

/* NULL where there is none. */
const struct mm_zip_entry *mm_zip_find(const struct mm_zip *z, const char *name,
				       size_t len);

/*
 * The content, size bytes: a pointer into the archive where the entry is
 * stored, else inflated into the arena.  The check sum is compared where there
 * is one.
 */
int mm_zip_view(const struct mm_zip_entry *e, struct mm_arena *arena,
		const unsigned char **data, struct mm_err *err) MM_MUST_CHECK;

#endif
