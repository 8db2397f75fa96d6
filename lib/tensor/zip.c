/* zip.c - see zip.h. */
#include "tensor/zip.h"

#include <limits.h>
#include <string.h>

#include <zlib.h>

#include "base/mem.h"

enum {
	END_SIZE = 22,
	END64_SIZE = 56,
	LOCATOR_SIZE = 20,
	RECORD_SIZE = 46,
	LOCAL_SIZE = 30,
	MAX_COMMENT = 65535,
	MAX_RATIO = 1032, /* of deflate: 258 bytes in two bits */
};

static uint64_t le(const unsigned char *p, int n)
{
	uint64_t x = 0;

	while (n--)
		x = x << 8 | p[n];
	return x;
}

static bool is(const unsigned char *p, char a, char b)
{
	return p[0] == 'P' && p[1] == 'K' && p[2] == a && p[3] == b;
}

struct directory {
	uint64_t offset, size, count;
	uint64_t limit; /* the first byte behind it that is taken */
};

static int bad(struct mm_err *err, const char *what)
{
	return mm_fail(err, MM_ERR_FORMAT, "%s: the archive is cut or damaged",
		       what);
}

/* The 64-bit end record, where the locator in front of `end` names one. */
static int read_end64(const struct mm_zip *z, size_t end, struct directory *d,
		      struct mm_err *err)
{
	const unsigned char *p = z->bytes + end - LOCATOR_SIZE;
	uint64_t at;

	if (end < LOCATOR_SIZE || !is(p, 6, 7))
		return MM_OK;
	at = le(p + 8, 8);
	if (at > end - LOCATOR_SIZE || end - LOCATOR_SIZE - at < END64_SIZE ||
	    !is(z->bytes + at, 6, 6))
		return bad(err, "no 64-bit end record where it should be");
	p = z->bytes + at;
	d->count = le(p + 32, 8);
	d->size = le(p + 40, 8);
	d->offset = le(p + 48, 8);
	d->limit = at;
	return MM_OK;
}

/* The end record: the last one whose comment fits into the file. */
static int find_end(const struct mm_zip *z, struct directory *d,
		    struct mm_err *err)
{
	size_t end = z->size < END_SIZE ? 0 : z->size - END_SIZE + 1;
	const size_t stop = end > MAX_COMMENT ? end - MAX_COMMENT - 1 : 0;
	int rc;

	while (end-- > stop) {
		const unsigned char *p = z->bytes + end;

		if (!is(p, 5, 6) || le(p + 20, 2) > z->size - end - END_SIZE)
			continue;
		*d = (struct directory){ .offset = le(p + 16, 4),
					 .size = le(p + 12, 4),
					 .count = le(p + 10, 2),
					 .limit = end };
		if ((rc = read_end64(z, end, d, err)))
			return rc;
		if (d->offset > d->limit || d->size > d->limit - d->offset)
			return bad(err, "the directory reaches beyond the end");
		return MM_OK;
	}
	return bad(err, "no end record");
}

/* 64-bit sizes of a record's extra field, in the order of those that are -1. */
static void read_extra64(const unsigned char *p, size_t n, uint64_t *size,
			 uint64_t *packed, uint64_t *header)
{
	uint64_t *const field[3] = { size, packed, header };
	size_t at = 4;

	while (n >= 4) {
		const size_t len = (size_t)le(p + 2, 2);

		if (len > n - 4)
			return;
		for (int i = 0; le(p, 2) == 1 && i < 3; i++) {
			if (*field[i] != UINT32_MAX || at + 8 > len + 4)
				continue;
			*field[i] = le(p + at, 8);
			at += 8;
		}
		p += len + 4;
		n -= len + 4;
	}
}

static int bad_entry(const struct mm_zip_entry *e, const char *what,
		     struct mm_err *err)
{
	return mm_fail(err, MM_ERR_FORMAT, "entry '%.*s' %s",
		       (int)(e->name_len > 200 ? 200 : e->name_len), e->name,
		       what);
}

/* Where the content lies: behind a local header of its own length. */
static int locate(const struct mm_zip *z, struct mm_zip_entry *e,
		  uint64_t limit, struct mm_err *err)
{
	const unsigned char *p = z->bytes + e->header;
	uint64_t skip;

	if (e->header > limit || limit - e->header < LOCAL_SIZE || !is(p, 3, 4))
		return bad_entry(e,
				 "does not begin where the directory "
				 "says",
				 err);
	skip = LOCAL_SIZE + le(p + 26, 2) + le(p + 28, 2);
	if (skip > limit - e->header || e->packed > limit - e->header - skip)
		return bad_entry(e, "reaches beyond the archive", err);
	e->data = p + skip;
	if (!e->deflated && e->size != e->packed)
		return bad_entry(e, "is stored, but of two sizes", err);
	if (e->deflated && e->size / MAX_RATIO > e->packed)
		return bad_entry(e,
				 "claims to be larger than its bytes can "
				 "hold",
				 err);
	return MM_OK;
}

static int check_kind(const struct mm_zip_entry *e, uint64_t flags,
		      uint64_t method, struct mm_err *err)
{
	if (flags & (1 | 1 << 6 | 1 << 13))
		return bad_entry(e, "is encrypted", err);
	if (method != 0 && method != Z_DEFLATED)
		return bad_entry(e,
				 "is packed in a way that is not "
				 "supported: only stored and deflated "
				 "are",
				 err);
	return MM_OK;
}

/* One record of the directory at p, n bytes left; *len: how long it is. */
static int read_record(struct mm_zip *z, const unsigned char *p, uint64_t n,
		       uint64_t limit, size_t *len, struct mm_err *err)
{
	struct mm_zip_entry *e = &z->entry[z->n];
	uint64_t size, packed, header;
	size_t extra;
	int64_t *slot;
	bool added;
	int rc;

	if (n < RECORD_SIZE || !is(p, 1, 2))
		return bad(err, "the directory has fewer entries than it "
				"says");
	e->name_len = (size_t)le(p + 28, 2);
	extra = (size_t)le(p + 30, 2);
	*len = RECORD_SIZE + e->name_len + extra + (size_t)le(p + 32, 2);
	if (*len > n)
		return bad(err, "a record reaches beyond the directory");
	e->name = (const char *)p + RECORD_SIZE;
	e->crc = (uint32_t)le(p + 16, 4);
	packed = le(p + 20, 4);
	size = le(p + 24, 4);
	header = le(p + 42, 4);
	read_extra64(p + RECORD_SIZE + e->name_len, extra, &size, &packed,
		     &header);
	e->size = (size_t)size;
	e->packed = (size_t)packed;
	e->header = (size_t)header;
	e->deflated = le(p + 10, 2) == Z_DEFLATED;
	if ((rc = check_kind(e, le(p + 8, 2), le(p + 10, 2), err)) ||
	    (rc = locate(z, e, limit, err)))
		return rc;
	if (!(slot = mm_map_put(&z->by_name, e->name, e->name_len, &added)))
		return mm_fail_nomem(err, "a list of entries");
	if (!added)
		return bad_entry(e, "is there twice", err);
	*slot = (int64_t)z->n++;
	return MM_OK;
}

int mm_zip_open(struct mm_zip *z, const void *bytes, size_t size,
		struct mm_err *err)
{
	struct directory d = { 0 };
	uint64_t at = 0;
	int rc;

	memset(z, 0, sizeof(*z));
	z->bytes = bytes;
	z->size = size;
	if ((rc = find_end(z, &d, err)))
		return rc;
	if (d.count > d.size / RECORD_SIZE)
		return bad(err, "the directory is too short for its entries");
	z->entry =
		mm_arena_alloc(&z->arena, (size_t)d.count, sizeof(*z->entry));
	if (!z->entry)
		rc = mm_fail_nomem(err, "a list of entries");
	for (uint64_t i = 0; i < d.count && !rc; i++) {
		size_t len = 0;

		rc = read_record(z, z->bytes + d.offset + at, d.size - at,
				 d.offset, &len, err);
		at += len;
	}
	if (!rc && at != d.size)
		rc = bad(err, "the directory has more entries than it says");
	if (rc)
		mm_zip_release(z);
	return rc;
}

void mm_zip_release(struct mm_zip *z)
{
	mm_map_release(&z->by_name);
	mm_arena_release(&z->arena);
	memset(z, 0, sizeof(*z));
}

const struct mm_zip_entry *mm_zip_find(const struct mm_zip *z, const char *name,
				       size_t len)
{
	const int64_t *i = mm_map_find(&z->by_name, name, len);

	return i ? &z->entry[*i] : NULL;
}

/* zlib counts in 32 bits: at most this much at a time. */
static uInt chunk(size_t n)
{
	return n > (1u << 30) ? 1u << 30 : (uInt)n;
}

/* All of the entry into dst, and not a byte more or less. */
static bool inflate_all(const struct mm_zip_entry *e, unsigned char *dst)
{
	z_stream s = { 0 };
	size_t in = e->packed, out = e->size;
	unsigned char beyond;
	bool over = false;
	int rc = Z_OK;
	union {
		const unsigned char *in;
		unsigned char *next; /* zlib only reads it */
	} data = { e->data };

	if (inflateInit2(&s, -MAX_WBITS) != Z_OK)
		return false;
	s.next_in = data.next;
	s.next_out = dst;
	while (rc == Z_OK && !over) {
		const uInt give = chunk(in), room = chunk(out);

		s.avail_in = give;
		s.avail_out = room;
		if (!out) { /* the stream may still have to say its end */
			s.next_out = &beyond;
			s.avail_out = 1;
		}
		rc = inflate(&s, Z_NO_FLUSH);
		in -= give - s.avail_in;
		if (out)
			out -= room - s.avail_out;
		else
			over = !s.avail_out;
	}
	inflateEnd(&s);
	return rc == Z_STREAM_END && !out && !over && !in;
}

static bool sum_right(const struct mm_zip_entry *e, const unsigned char *data)
{
	uLong crc = crc32(0, NULL, 0);
	size_t left = e->size;

	if (!e->crc)
		return true;
	while (left) {
		const uInt n = chunk(left);

		crc = crc32(crc, data, n);
		data += n;
		left -= n;
	}
	return crc == e->crc;
}

int mm_zip_view(const struct mm_zip_entry *e, struct mm_arena *arena,
		const unsigned char **data, struct mm_err *err)
{
	unsigned char *copy;

	*data = e->data;
	if (e->deflated) {
		if (!(copy = mm_arena_alloc(arena, e->size, 1)))
			return mm_fail_nomem(err, "an entry of an archive");
		if (!inflate_all(e, copy))
			return bad_entry(e,
					 "does not inflate to the size "
					 "that it claims",
					 err);
		*data = copy;
	}
	if (!sum_right(e, *data))
		return bad_entry(e,
				 "has another check sum than the "
				 "archive says",
				 err);
	return MM_OK;
}
