/*
 * exif.c - the one thing that is wanted of EXIF: which way is up.
 *
 *	"II*\0" or "MM\0*", u32 offset of the first directory
 *	directory: u16 n, then n entries of 12 bytes
 *	entry: u16 tag, u16 type, u32 count, value (or its offset) in 4 bytes
 *
 * Source: TIFF 6.0, EXIF 2.32; what counts where files are odd is what
 * Pillow's getexif() makes of them.
 */
#include <string.h>

#include <zlib.h>

#include "base/mem.h"
#include "image/codec.h"

enum {
	TAG_ORIENTATION = 0x112,
	MAX_TEXT = 1 << 20, /* bytes of a text chunk that are unpacked */
};

static uint32_t number(const uint8_t *p, size_t bytes, bool big)
{
	uint32_t v = 0;

	for (size_t i = 0; i < bytes; i++)
		v |= (uint32_t)p[i] << 8 * (big ? bytes - 1 - i : i);
	return v;
}

/* Value of an entry of one of the whole-number types; 0 elsewhere. */
static uint32_t entry_value(const uint8_t *e, bool big)
{
	switch (number(e + 2, 2, big)) {
	case 3: /* SHORT */
	case 8: return number(e + 8, 2, big);
	case 4: /* LONG */
	case 9: return number(e + 8, 4, big);
	case 6: return e[8]; /* SBYTE */
	default: return 0;
	}
}

int mm_exif_orientation(const uint8_t *p, size_t n)
{
	size_t at, count;
	uint32_t v;
	bool big;

	while (n >= 6 && !memcmp(p, "Exif\0\0", 6)) {
		p += 6;
		n -= 6;
	}
	if (n < 8 || (memcmp(p, "II*\0", 4) && memcmp(p, "MM\0*", 4)))
		return 0;
	big = p[0] == 'M';
	at = number(p + 4, 4, big);
	if (at > n || n - at < 2)
		return 0;
	count = number(p + at, 2, big);
	at += 2;
	for (size_t i = 0; i < count && n - at >= 12; i++, at += 12) {
		if (number(p + at, 2, big) != TAG_ORIENTATION)
			continue;
		/* One value, or several of which the first counts. */
		if (number(p + at + 4, 4, big) != 1)
			return 0;
		v = entry_value(p + at, big);
		return v >= 1 && v <= 8 ? (int)v : 0;
	}
	return 0;
}

/* tiff:Orientation="6" or <tiff:Orientation>6 */
int mm_xmp_orientation(const uint8_t *p, size_t n)
{
	static const char key[] = "tiff:Orientation";
	const size_t len = sizeof(key) - 1;

	for (size_t i = 0; n >= len + 2 && i <= n - len - 2; i++) {
		const uint8_t *v = p + i + len;

		if (memcmp(p + i, key, len))
			continue;
		if (*v == '>')
			v++;
		else if (v[0] == '=' && v[1] == '"')
			v += 2;
		else
			continue;
		if (v < p + n && *v >= '0' && *v <= '9')
			return *v >= '1' && *v <= '8' ? *v - '0' : 0;
	}
	return 0;
}

/* ---- PNG chunks ---- */

/* Unpack a zlib stream, at most MAX_TEXT bytes of it. */
static bool inflate_text(struct mm_buf *out, const uint8_t *p, size_t n)
{
	z_stream z = { 0 };
	int rc = Z_OK;

	if (n > UINT32_MAX || inflateInit(&z) != Z_OK)
		return false;
	union {
		const uint8_t *in;
		Bytef *out;
	} src = { p }; /* zlib's next_in lacks const */
	z.next_in = src.out;
	z.avail_in = (uInt)n;
	while (rc == Z_OK && out->len < MAX_TEXT) {
		char *room = mm_buf_reserve(out, 4096);

		if (!room)
			break;
		z.next_out = (Bytef *)room;
		z.avail_out = 4096;
		rc = inflate(&z, Z_NO_FLUSH);
		out->len += 4096 - z.avail_out;
	}
	inflateEnd(&z);
	return rc == Z_STREAM_END && !out->failed;
}

static int hex_digit(uint8_t c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* ImageMagick's "\nexif\n   length\nhex hex ...". */
static int raw_profile(const uint8_t *p, size_t n)
{
	struct mm_buf b = { 0 };
	size_t i = 0;
	int lines = 0, high = -1, rc;

	for (; i < n && lines < 3; i++)
		lines += p[i] == '\n';
	for (; i < n && b.len < MAX_TEXT; i++) {
		const int d = hex_digit(p[i]);

		if (d < 0)
			continue;
		if (high < 0) {
			high = d;
		} else {
			mm_buf_addc(&b, (char)(high << 4 | d));
			high = -1;
		}
	}
	rc = b.failed ? 0
		      : mm_exif_orientation((const uint8_t *)mm_buf_str(&b),
					    b.len);
	mm_buf_release(&b);
	return rc;
}

/* What the chunks of a PNG say, the best source first. */
struct found {
	int exif, raw, xmp;
};

static int text_value(const char *keyword, const uint8_t *p, size_t n)
{
	return keyword[0] == 'R' ? raw_profile(p, n) : mm_xmp_orientation(p, n);
}

/* tEXt, zTXt or iTXt with one of the two keywords. */
static void text_chunk(struct found *f, const uint8_t *type, const uint8_t *p,
		       size_t n)
{
	static const char *const keyword[] = { "Raw profile type exif",
					       "XML:com.adobe.xmp" };
	struct mm_buf b = { 0 };
	size_t at, k;
	bool packed = type[0] == 'z';
	int v;

	for (k = 0; k < 2; k++)
		if (n > strlen(keyword[k]) &&
		    !memcmp(p, keyword[k], strlen(keyword[k]) + 1))
			break;
	if (k == 2)
		return;
	at = strlen(keyword[k]) + 1;
	if (type[0] == 'z') {
		at++;		     /* method */
	} else if (type[0] == 'i') { /* flag, method, language\0 keyword\0 */
		if (n - at < 2)
			return;
		packed = p[at];
		at += 2;
		for (int zeros = 0; at < n && zeros < 2; at++)
			zeros += !p[at];
	}
	if (at > n)
		return;
	if (!packed)
		v = text_value(keyword[k], p + at, n - at);
	else
		v = inflate_text(&b, p + at, n - at)
			    ? text_value(keyword[k],
					 (const uint8_t *)mm_buf_str(&b), b.len)
			    : 0;
	mm_buf_release(&b);
	*(k ? &f->xmp : &f->raw) = v;
}

int mm_png_orientation(const uint8_t *p, size_t n)
{
	struct found f = { 0 };
	size_t at = 8;

	while (n - at >= 8) {
		const size_t len = number(p + at, 4, true);
		const uint8_t *type = p + at + 4;

		at += 8;
		if (len > n - at || !memcmp(type, "IEND", 4))
			break;
		if (!memcmp(type, "eXIf", 4))
			f.exif = mm_exif_orientation(p + at, len);
		else if (!memcmp(type, "tEXt", 4) || !memcmp(type, "zTXt", 4) ||
			 !memcmp(type, "iTXt", 4))
			text_chunk(&f, type, p + at, len);
		if (n - at - len < 4)
			break;
		at += len + 4;
	}
	return f.exif ? f.exif : f.raw ? f.raw : f.xmp ? f.xmp : 1;
}
