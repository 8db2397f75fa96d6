/*
 * tar_write.c - see tar.h: the writer.
 *
 * POSIX.1-1988 ustar, 512-byte blocks:
 *
 *	0 name 100 | 100 mode 8 | uid 8 | gid 8 | 124 size 12 | mtime 12 |
 *	148 checksum 8 | 156 type 1 | link 100 | 257 "ustar\0" "00" |
 *	265 owner 32 | group 32 | device 8 8 | 345 prefix 155 | 500 zeros 12
 *
 * A name that fits into neither name nor prefix/name, and a size of 8 GiB or
 * more, go into a pax header (POSIX.1-2001): a member of type x in front,
 * lines "LENGTH KEY=VALUE\n" where LENGTH counts the whole line.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/tar.h"

enum { BLOCK = 512, NAME = 100, PREFIX = 155 };

static int pad(struct mm_writer *w, uint64_t size, struct mm_err *err)
{
	static const char zeros[BLOCK];
	const size_t rest = (size_t)(size % BLOCK);

	return rest ? mm_writer_write(w, zeros, BLOCK - rest, err) : MM_OK;
}

/* Where the name may be cut at a slash, or SIZE_MAX. */
static size_t split(const char *name, size_t n)
{
	for (size_t i = n; i-- > 0;)
		if (name[i] == '/' && i <= PREFIX && n - i - 1 <= NAME &&
		    n - i - 1 > 0)
			return i;
	return SIZE_MAX;
}

static int header(struct mm_writer *w, const char *name, size_t n,
		  uint64_t size, char type, struct mm_err *err)
{
	char h[BLOCK] = { 0 };
	const size_t cut = n > NAME ? split(name, n) : SIZE_MAX;
	unsigned sum = 0;

	if (cut != SIZE_MAX) {
		memcpy(h + 345, name, cut);
		name += cut + 1;
		n -= cut + 1;
	}
	memcpy(h, name, n < NAME ? n : NAME);
	memcpy(h + 100, "0000644", 8);
	memcpy(h + 108, "0000000", 8);
	memcpy(h + 116, "0000000", 8);
	snprintf(h + 124, 12, "%011" PRIo64, size & 077777777777);
	memcpy(h + 136, "00000000000", 12);
	memset(h + 148, ' ', 8);
	h[156] = type;
	memcpy(h + 257, "ustar\00000", 8);
	for (int i = 0; i < BLOCK; i++)
		sum += (unsigned char)h[i];
	snprintf(h + 148, 8, "%06o", sum & 0777777);
	return mm_writer_write(w, h, sizeof(h), err);
}

/* "LENGTH key=value\n", LENGTH counting itself. */
static void pax_line(struct mm_buf *b, const char *key, const char *value)
{
	const size_t rest = strlen(key) + strlen(value) + 3;
	size_t length = rest + 1, digits = 1, top = 10;

	while (length >= top) {
		digits++;
		top *= 10;
		length = rest + digits;
	}
	mm_buf_printf(b, "%zu %s=%s\n", length, key, value);
}

static int pax(struct mm_writer *w, const char *name, size_t n, uint64_t size,
	       struct mm_err *err)
{
	struct mm_buf b = { 0 };
	char number[24];
	int rc = MM_OK;

	if (n > NAME && split(name, n) == SIZE_MAX)
		pax_line(&b, "path", name);
	if (size > 077777777777) {
		snprintf(number, sizeof(number), "%" PRIu64, size);
		pax_line(&b, "size", number);
	}
	if (!(rc = mm_buf_check(&b, "a tar header", err)) && b.len &&
	    !(rc = header(w, "PaxHeaders", 10, b.len, 'x', err)) &&
	    !(rc = mm_writer_write(w, b.data, b.len, err)))
		rc = pad(w, b.len, err);
	mm_buf_release(&b);
	return rc;
}

int mm_tar_put(struct mm_writer *w, const char *name, const void *bytes,
	       uint64_t size, struct mm_err *err)
{
	const size_t n = strlen(name);
	int rc;

	if ((rc = pax(w, name, n, size, err)) ||
	    (rc = header(w, name, n, size, '0', err)) ||
	    (rc = mm_writer_write(w, bytes, (size_t)size, err)))
		return rc;
	return pad(w, size, err);
}

int mm_tar_end(struct mm_writer *w, struct mm_err *err)
{
	static const char zeros[2 * BLOCK];

	return mm_writer_write(w, zeros, sizeof(zeros), err);
}
