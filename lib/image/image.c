/*
 * image.c - see image.h.  Conversions follow Pillow's Convert.c, transparency
 * on a ground its AlphaComposite.c.
 */
#include "image/image.h"

#include <string.h>

#include "base/mem.h"
#include "image/loops.h"

void mm_image_init(struct mm_image *im)
{
	memset(im, 0, sizeof(*im));
}

void mm_image_release(struct mm_image *im)
{
	mm_free(im->data);
	mm_image_init(im);
}

size_t mm_image_channels(enum mm_image_mode mode)
{
	static const uint8_t n[] = {
		[MM_IMAGE_L] = 1,    [MM_IMAGE_1] = 1,	  [MM_IMAGE_P] = 1,
		[MM_IMAGE_I16] = 2,  [MM_IMAGE_LA] = 2,	  [MM_IMAGE_RGB] = 3,
		[MM_IMAGE_RGBA] = 4, [MM_IMAGE_CMYK] = 4,
	};

	return n[mode];
}

const char *mm_image_mode_name(enum mm_image_mode mode)
{
	static const char *const name[] = {
		[MM_IMAGE_L] = "L",	  [MM_IMAGE_1] = "1",
		[MM_IMAGE_P] = "P",	  [MM_IMAGE_I16] = "I;16",
		[MM_IMAGE_LA] = "LA",	  [MM_IMAGE_RGB] = "RGB",
		[MM_IMAGE_RGBA] = "RGBA", [MM_IMAGE_CMYK] = "CMYK",
	};

	return name[mode];
}

bool mm_image_has_alpha(const struct mm_image *im)
{
	return im->mode == MM_IMAGE_LA || im->mode == MM_IMAGE_RGBA ||
	       im->has_key || (im->mode == MM_IMAGE_P && im->has_trns);
}

int mm_image_reshape(struct mm_image *im, enum mm_image_mode mode, size_t w,
		     size_t h, struct mm_err *err)
{
	size_t n;

	if (!mm_mul_ok(&n, w, h) || !mm_mul_ok(&n, n, mm_image_channels(mode)))
		return mm_fail(err, MM_ERR_NOMEM,
			       "a picture of %zux%zu pixels is too large", w,
			       h);
	if (n > im->cap) {
		mm_free(im->data);
		im->cap = 0;
		if (!(im->data = mm_malloc(n, 1)))
			return mm_fail_nomem(err, "a picture");
		im->cap = n;
	}
	im->mode = mode;
	im->w = w;
	im->h = h;
	im->has_key = im->has_trns = false;
	return MM_OK;
}

/* Palette and transparency, which travel with the pixels. */
static void copy_meta(struct mm_image *dst, const struct mm_image *src)
{
	if (src->mode == MM_IMAGE_P)
		memcpy(dst->palette, src->palette, sizeof(dst->palette));
	dst->has_trns = src->has_trns;
	dst->has_key = src->has_key;
	memcpy(dst->key, src->key, sizeof(dst->key));
}

int mm_image_like(struct mm_image *dst, const struct mm_image *src, size_t w,
		  size_t h, struct mm_err *err)
{
	const int rc = mm_image_reshape(dst, src->mode, w, h, err);

	if (!rc)
		copy_meta(dst, src);
	return rc;
}

int mm_image_copy(struct mm_image *dst, const struct mm_image *src,
		  struct mm_err *err)
{
	const int rc = mm_image_like(dst, src, src->w, src->h, err);

	if (!rc)
		memcpy(dst->data, src->data,
		       src->w * src->h * mm_image_channels(src->mode));
	return rc;
}

/* ---- to RGB ---- */

/* c with opacity a over `ground`; 15-bit arithmetic of AlphaComposite.c. */
static uint8_t over(unsigned c, unsigned a, unsigned ground)
{
	const unsigned u = 128 * (c * a + ground * (255 - a)) + 16384;

	return a ? (uint8_t)(((u >> 8) + u) >> 15) : (uint8_t)ground;
}

/*
 * One row as R, G, B, A of one byte each; alpha is 255 or what the picture
 * says.  Palettes and grey are looked up here, so that the callers need not
 * know modes.
 */
static void row_rgba(uint8_t (*out)[4], const struct mm_image *im, size_t y,
		     enum mm_image_grey16 grey16)
{
	const uint8_t *p = im->data + y * im->w * mm_image_channels(im->mode);
	unsigned v, a;

	for (size_t x = 0; x < im->w; x++) {
		uint8_t *q = out[x];

		switch (im->mode) {
		case MM_IMAGE_L:
		case MM_IMAGE_1:
			v = p[x];
			a = im->has_key && v == (im->key[0] & 255u) ? 0 : 255;
			memset(q, (int)v, 3);
			q[3] = (uint8_t)a;
			break;
		case MM_IMAGE_I16: {
			uint16_t t;

			memcpy(&t, p + 2 * x, 2);
			v = grey16 == MM_GREY16_HIGH ? t >> 8u
			    : t > 255		     ? 255
						     : t;
			memset(q, (int)v, 3);
			q[3] = im->has_key && t == im->key[0] ? 0 : 255;
			break;
		}
		case MM_IMAGE_P: memcpy(q, im->palette[p[x]], 4); break;
		case MM_IMAGE_LA:
			memset(q, p[2 * x], 3);
			q[3] = p[2 * x + 1];
			break;
		case MM_IMAGE_RGB:
			memcpy(q, p + 3 * x, 3);
			q[3] = im->has_key && q[0] == (im->key[0] & 255u) &&
					       q[1] == (im->key[1] & 255u) &&
					       q[2] == (im->key[2] & 255u)
				       ? 0
				       : 255;
			break;
		case MM_IMAGE_RGBA: memcpy(q, p + 4 * x, 4); break;
		case MM_IMAGE_CMYK: {
			const int k = 255 - p[4 * x + 3];

			for (size_t c = 0; c < 3; c++) {
				const int t = p[4 * x + c] * k + 128;
				const int r = k - (((t >> 8) + t) >> 8);

				q[c] = (uint8_t)(r < 0 ? 0 : r);
			}
			q[3] = 255;
			break;
		}
		}
	}
}

/* Strips of a row go through a small table of R, G, B, A. */
int mm_image_to_rgb(struct mm_image *dst, const struct mm_image *src,
		    enum mm_image_alpha alpha, enum mm_image_grey16 grey16,
		    struct mm_err *err)
{
	const unsigned ground = alpha == MM_ALPHA_WHITE ? 255 : 0;
	const bool mix = alpha != MM_ALPHA_DROP && mm_image_has_alpha(src);
	uint8_t(*row)[4];
	uint8_t *q;
	int rc;

	if (src->mode == MM_IMAGE_RGB && !mix) {
		rc = mm_image_copy(dst, src, err);
		dst->has_key = false;
		return rc;
	}
	if ((rc = mm_image_reshape(dst, MM_IMAGE_RGB, src->w, src->h, err)))
		return rc;
	if (!(row = mm_malloc(src->w, 4)))
		return mm_fail_nomem(err, "a row of pixels");
	q = dst->data;
	for (size_t y = 0; y < src->h; y++) {
		row_rgba(row, src, y, grey16);
		for (size_t x = 0; x < src->w; x++, q += 3)
			for (size_t c = 0; c < 3; c++)
				q[c] = mix ? over(row[x][c], row[x][3], ground)
					   : row[x][c];
	}
	mm_free(row);
	return MM_OK;
}

int mm_image_to_grey(struct mm_image *dst, const struct mm_image *src,
		     struct mm_err *err)
{
	uint8_t(*row)[4];
	uint8_t *q;
	int rc;

	if (src->mode == MM_IMAGE_L || src->mode == MM_IMAGE_1) {
		rc = mm_image_copy(dst, src, err);
		dst->mode = MM_IMAGE_L;
		dst->has_key = false;
		return rc;
	}
	if ((rc = mm_image_reshape(dst, MM_IMAGE_L, src->w, src->h, err)))
		return rc;
	if (!(row = mm_malloc(src->w, 4)))
		return mm_fail_nomem(err, "a row of pixels");
	q = dst->data;
	for (size_t y = 0; y < src->h; y++) {
		row_rgba(row, src, y, MM_GREY16_CLIP);
		for (size_t x = 0; x < src->w; x++)
			*q++ = src->mode == MM_IMAGE_LA
				       ? row[x][0]
				       : MM_LUMA(row[x][0], row[x][1],
						 row[x][2]);
	}
	mm_free(row);
	return MM_OK;
}

/* ---- planes ---- */

void mm_image_to_chw_u8(uint8_t *out, const struct mm_image *rgb)
{
	mm_image_loops()->split(out, rgb->data, rgb->w * rgb->h);
}

void mm_image_to_chw_f32(float *out, const struct mm_image *rgb,
			 const float lut[3][256])
{
	const size_t n = rgb->w * rgb->h;
	const uint8_t *p = rgb->data;

	for (size_t i = 0; i < n; i++, p += 3) {
		out[i] = lut[0][p[0]];
		out[n + i] = lut[1][p[1]];
		out[2 * n + i] = lut[2][p[2]];
	}
}

int mm_image_from_chw_u8(struct mm_image *rgb, const uint8_t *in, size_t w,
			 size_t h, struct mm_err *err)
{
	const size_t n = w * h; /* wraps only where reshape fails */
	const int rc = mm_image_reshape(rgb, MM_IMAGE_RGB, w, h, err);
	uint8_t *p = rgb->data;

	for (size_t i = 0; !rc && i < n; i++, p += 3) {
		p[0] = in[i];
		p[1] = in[n + i];
		p[2] = in[2 * n + i];
	}
	return rc;
}
