/*
 * png.c - PNG in, through libpng.
 *
 * The chunks up to the pixels are walked here, by Pillow's rules: every
 * checksum must fit there, and transparency and palette are taken as they
 * stand.  libpng then sees a header of our own and the IDAT chunks, nothing
 * else, so that no oddity of a colour profile or a text can matter; it
 * inflates, unfilters and de-interlaces.  Checksums of IDAT are not looked at
 * (Pillow does not), and it is never asked for what comes after the pixels.
 *
 *	Pillow's modes by colour type and depth:
 *	0: 1 "1", 2 4 8 "L", 16 "I;16"	2: 8 16 "RGB"	3: 1..8 "P"
 *	4: 8 "LA", 16 "RGBA"		6: 8 16 "RGBA"	16 bits: high byte
 *
 * Source: PNG specification (third edition), Pillow 13 PngImagePlugin.py.
 */
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <png.h>
#include <zlib.h>

#include "base/mem.h"
#include "image/codec.h"

struct header {
	size_t w, h;
	unsigned depth, type, interlace;
	const uint8_t *plte, *trns;
	size_t n_plte, n_trns;
	size_t idat; /* where the first IDAT chunk starts */
};

static uint32_t u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

static uint16_t u16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static int parse_ihdr(struct header *h, const uint8_t *p, size_t n,
		      struct mm_err *err)
{
	static const uint32_t depths[7] = {
		/* bit d: depth d may be */
		[0] = 1 << 1 | 1 << 2 | 1 << 4 | 1 << 8 | 1 << 16,
		[2] = 1 << 8 | 1 << 16,
		[3] = 1 << 1 | 1 << 2 | 1 << 4 | 1 << 8,
		[4] = 1 << 8 | 1 << 16,
		[6] = 1 << 8 | 1 << 16,
	};

	if (n < 13)
		return mm_fail(err, MM_ERR_FORMAT, "PNG header is cut");
	h->w = u32(p);
	h->h = u32(p + 4);
	h->depth = p[8];
	h->type = p[9];
	h->interlace = p[12] != 0;
	if (h->type > 6 || h->depth > 16 || !(depths[h->type] >> h->depth & 1))
		return mm_fail(err, MM_ERR_FORMAT,
			       "PNG has colour type %u with %u bits, which "
			       "does not exist",
			       h->type, h->depth);
	if (p[11])
		return mm_fail(err, MM_ERR_FORMAT,
			       "PNG has unknown filter method %d", p[11]);
	if (h->w > INT32_MAX || h->h > INT32_MAX)
		return mm_fail(err, MM_ERR_FORMAT, "PNG is %zux%zu pixels",
			       h->w, h->h);
	return MM_OK;
}

static int keep_chunk(struct header *h, const uint8_t *type, const uint8_t *p,
		      size_t n, struct mm_err *err)
{
	if (!memcmp(type, "IHDR", 4))
		return parse_ihdr(h, p, n, err);
	if (!memcmp(type, "PLTE", 4)) {
		h->plte = p;
		h->n_plte = n / 3;
	} else if (!memcmp(type, "tRNS", 4)) {
		if ((h->type == 2 && n < 6) || (h->type == 0 && n < 2))
			return mm_fail(err, MM_ERR_FORMAT,
				       "PNG transparency (tRNS) is cut");
		h->trns = p;
		h->n_trns = n;
	}
	return MM_OK;
}

/* Up to the first IDAT. */
static int walk_chunks(struct header *h, const uint8_t *p, size_t n,
		       struct mm_err *err)
{
	size_t at = 8;
	int rc;

	memset(h, 0, sizeof(*h));
	while (n - at >= 8) {
		const size_t len = u32(p + at);
		const uint8_t *type = p + at + 4;

		if (!memcmp(type, "IDAT", 4)) {
			h->idat = at;
			return h->w ? MM_OK
				    : mm_fail(err, MM_ERR_FORMAT,
					      "PNG has no header (IHDR)");
		}
		if (!memcmp(type, "IEND", 4))
			break;
		for (int i = 0; i < 4; i++)
			if (!((type[i] | 32) >= 'a' && (type[i] | 32) <= 'z'))
				return mm_fail(err, MM_ERR_FORMAT,
					       "PNG is broken at byte %zu: "
					       "no chunk there",
					       at);
		if (n - at - 8 < 4 || len > n - at - 12)
			return mm_fail(err, MM_ERR_FORMAT,
				       "PNG ends inside chunk %.4s at byte %zu",
				       (const char *)type, at);
		if (crc32(crc32(0, NULL, 0), type, (uInt)(len + 4)) !=
		    u32(type + 4 + len))
			return mm_fail(err, MM_ERR_FORMAT,
				       "PNG has a wrong checksum in chunk "
				       "%.4s at byte %zu",
				       (const char *)type, at);
		if ((rc = keep_chunk(h, type, type + 4, len, err)))
			return rc;
		at += len + 12;
	}
	return mm_fail(err, MM_ERR_FORMAT, "PNG has no pixels (IDAT)");
}

static enum mm_image_mode mode_of(const struct header *h)
{
	switch (h->type) {
	case 0:
		return h->depth == 1	? MM_IMAGE_1
		       : h->depth == 16 ? MM_IMAGE_I16
					: MM_IMAGE_L;
	case 2: return MM_IMAGE_RGB;
	case 3: return MM_IMAGE_P;
	case 4: return h->depth == 8 ? MM_IMAGE_LA : MM_IMAGE_RGBA;
	default: return MM_IMAGE_RGBA;
	}
}

static void set_palette(struct mm_image *im, const struct header *h)
{
	for (size_t i = 0; i < 256; i++) {
		uint8_t *e = im->palette[i];

		/* Without PLTE, Pillow has a grey ramp. */
		memset(e, h->plte ? 0 : (int)i, 3);
		if (i < h->n_plte)
			memcpy(e, h->plte + 3 * i, 3);
		e[3] = i < h->n_trns ? h->trns[i] : 255;
	}
	im->has_trns = h->trns != NULL;
}

static void set_transparency(struct mm_image *im, const struct header *h)
{
	if (im->mode == MM_IMAGE_P) {
		set_palette(im, h);
	} else if (h->trns && (h->type == 0 || h->type == 2)) {
		im->has_key = true;
		for (size_t c = 0; c < (h->type == 2 ? 3 : 1); c++)
			im->key[c] = u16(h->trns + 2 * c);
		if (im->mode == MM_IMAGE_1)
			im->key[0] = im->key[0] ? 255 : 0;
	}
}

/* ---- pixels ---- */

struct reader {
	uint8_t head[33]; /* signature and a header of our own */
	const uint8_t *p;
	size_t n, at; /* at < 33: in head; else in p at idat + at - 33 */
	size_t idat;
	char why[128];
	jmp_buf jump;
};

static void fail_png(png_structp png, png_const_charp why)
{
	struct reader *r = png_get_error_ptr(png);

	snprintf(r->why, sizeof(r->why), "%s", why);
	longjmp(r->jump, 1);
}

static void ignore_warning(png_structp png, png_const_charp why)
{
	(void)png;
	(void)why;
}

static void give_bytes(png_structp png, png_bytep dst, size_t n)
{
	struct reader *r = png_get_io_ptr(png);

	for (; n && r->at < sizeof(r->head); n--)
		*dst++ = r->head[r->at++];
	if (!n)
		return;
	if (n > r->n - r->idat - (r->at - sizeof(r->head)))
		fail_png(png, "the file ends early");
	memcpy(dst, r->p + r->idat + (r->at - sizeof(r->head)), n);
	r->at += n;
}

static void reader_init(struct reader *r, const struct header *h,
			const uint8_t *p, size_t n)
{
	static const uint8_t start[16] = { 0x89, 'P',  'N', 'G', '\r', '\n',
					   0x1a, '\n', 0,   0,	 0,    13,
					   'I',	 'H',  'D', 'R' };

	memcpy(r->head, start, sizeof(start));
	for (int i = 0; i < 4; i++) {
		r->head[16 + i] = (uint8_t)(h->w >> (24 - 8 * i));
		r->head[20 + i] = (uint8_t)(h->h >> (24 - 8 * i));
	}
	r->head[24] = (uint8_t)h->depth;
	r->head[25] = h->type == 3 ? 0 : (uint8_t)h->type; /* bare indices */
	r->head[26] = r->head[27] = 0;
	r->head[28] = (uint8_t)h->interlace;
	memset(r->head + 29, 0, 4); /* checksum: not looked at */
	r->p = p;
	r->n = n;
	r->at = 0;
	r->idat = h->idat;
	r->why[0] = '\0';
}

static void ask_for(png_structp png, const struct header *h)
{
	const uint16_t one = 1;
	uint8_t little;

	memcpy(&little, &one, 1);
	if (h->type == 0 && h->depth < 8)
		png_set_expand_gray_1_2_4_to_8(png);
	if (h->type == 3 && h->depth < 8)
		png_set_packing(png);
	if (h->depth == 16 && h->type != 0)
		png_set_strip_16(png);
	if (h->depth == 16 && h->type == 0 && little)
		png_set_swap(png);
	if (h->depth == 16 && h->type == 4)
		png_set_gray_to_rgb(png);
}

/* Between setjmp and the end nothing that is needed after a jump changes. */
static bool read_rows(struct reader *r, png_structp png, png_infop pi,
		      const struct header *h, struct mm_image *im)
{
	const size_t stride = im->w * mm_image_channels(im->mode);
	int passes;

	if (setjmp(r->jump))
		return false;
	png_set_read_fn(png, r, give_bytes);
	png_set_user_limits(png, INT32_MAX, INT32_MAX);
	png_set_crc_action(png, PNG_CRC_QUIET_USE, PNG_CRC_QUIET_USE);
	png_read_info(png, pi);
	ask_for(png, h);
	passes = png_set_interlace_handling(png);
	png_read_update_info(png, pi);
	if (png_get_rowbytes(png, pi) != stride)
		png_error(png, "rows have an unexpected size");
	for (int pass = 0; pass < passes; pass++)
		for (size_t y = 0; y < im->h; y++)
			png_read_row(png, im->data + y * stride, NULL);
	return true;
}

static int read_pixels(struct mm_image *im, const struct header *h,
		       const uint8_t *p, size_t n, struct mm_err *err)
{
	struct reader r;
	png_structp png;
	png_infop pi;
	bool ok;

	reader_init(&r, h, p, n);
	png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &r, fail_png,
				     ignore_warning);
	if (!png || !(pi = png_create_info_struct(png))) {
		png_destroy_read_struct(&png, NULL, NULL);
		return mm_fail_nomem(err, "a PNG reader");
	}
	ok = read_rows(&r, png, pi, h, im);
	png_destroy_read_struct(&png, &pi, NULL);
	return ok ? MM_OK
		  : mm_fail(err, MM_ERR_FORMAT, "PNG cannot be read: %s",
			    r.why);
}

int mm_png_read(struct mm_image *im, struct mm_image_info *info,
		const uint8_t *p, size_t n, const struct mm_decode_opts *opts,
		struct mm_err *err)
{
	struct header h;
	int rc;

	if ((rc = walk_chunks(&h, p, n, err)))
		return rc;
	info->w = h.w;
	info->h = h.h;
	info->mode = mode_of(&h);
	info->orientation = mm_png_orientation(p, n);
	if ((rc = mm_image_check_size(h.w, h.h, opts, err)) || !im ||
	    (rc = mm_image_reshape(im, info->mode, h.w, h.h, err)))
		return rc;
	set_transparency(im, &h);
	return read_pixels(im, &h, p, n, err);
}
