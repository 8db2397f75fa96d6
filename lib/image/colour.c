/* colour.c - see colour.h. */
#include "image/colour.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "image/loops.h"

/*
 * Table of blend(d, v, f) over v.  Pillow truncates towards zero; between 0
 * and 1 nothing can leave 0..255, so that one clip serves both cases.
 */
static void blend_table(uint8_t out[256], unsigned d, float f)
{
	for (int v = 0; v < 256; v++) {
		const float x = (float)d + f * (float)(v - (int)d);

		out[v] = (uint8_t)(x <= 0 ? 0 : x >= 255 ? 255 : (int)x);
	}
}

void mm_colour_brightness(struct mm_image *rgb, double f)
{
	const size_t n = 3 * rgb->w * rgb->h;
	uint8_t table[256];

	blend_table(table, 0, (float)f);
	for (size_t i = 0; f != 1 && i < n; i++)
		rgb->data[i] = table[rgb->data[i]];
}

void mm_colour_contrast(struct mm_image *rgb, double f)
{
	const size_t n = rgb->w * rgb->h;
	const uint8_t *p = rgb->data;
	uint8_t table[256];
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++, p += 3)
		sum += MM_LUMA(p[0], p[1], p[2]);
	blend_table(table, n ? (unsigned)((double)sum / (double)n + 0.5) : 0,
		    (float)f);
	for (size_t i = 0; f != 1 && i < 3 * n; i++)
		rgb->data[i] = table[rgb->data[i]];
}

void mm_colour_saturation(struct mm_image *rgb, double f)
{
	const size_t n = rgb->w * rgb->h;
	const float a = (float)f;
	uint8_t *p = rgb->data;

	for (size_t i = 0; f != 1 && i < n; i++, p += 3) {
		const int d = MM_LUMA(p[0], p[1], p[2]);

		for (int c = 0; c < 3; c++) {
			const float x = (float)d + a * (float)(p[c] - d);

			p[c] = (uint8_t)(x <= 0 ? 0 : x >= 255 ? 255 : (int)x);
		}
	}
}

void mm_colour_grey(struct mm_image *rgb)
{
	const size_t n = rgb->w * rgb->h;
	uint8_t *p = rgb->data;

	for (size_t i = 0; i < n; i++, p += 3)
		memset(p, MM_LUMA(p[0], p[1], p[2]), 3);
}

/* ---- hue ---- */

static uint8_t clip8(int v)
{
	return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

void mm_colour_rgb_to_hsv(uint8_t hsv[3], const uint8_t rgb[3])
{
	const uint8_t r = rgb[0], g = rgb[1], b = rgb[2];
	const uint8_t max = r > g ? (r > b ? r : b) : (g > b ? g : b);
	const uint8_t min = r < g ? (r < b ? r : b) : (g < b ? g : b);
	float span, s, rc, gc, bc, h;

	hsv[0] = hsv[1] = 0;
	hsv[2] = max;
	if (max == min)
		return;
	span = (float)(max - min);
	s = span / (float)max;
	rc = (float)(max - r) / span;
	gc = (float)(max - g) / span;
	bc = (float)(max - b) / span;
	/* The constants are doubles there, the result is stored as float. */
	if (r == max)
		h = bc - gc;
	else if (g == max)
		h = (float)(2.0 + (double)rc - (double)bc);
	else
		h = (float)(4.0 + (double)gc - (double)rc);
	h = (float)fmod((double)h / 6.0 + 1.0, 1.0);
	hsv[0] = clip8((int)((double)h * 255.0));
	hsv[1] = clip8((int)((double)s * 255.0));
}

void mm_colour_hsv_to_rgb(uint8_t rgb[3], const uint8_t hsv[3])
{
	const uint8_t v = hsv[2];
	float f, fs, whole;
	uint8_t p, q, t;

	if (!hsv[1]) {
		memset(rgb, v, 3);
		return;
	}
	fs = (float)((double)(float)hsv[1] / 255.0);
	f = (float)((double)(float)hsv[0] * 6.0 / 255.0);
	whole = floorf(f);
	f -= whole;
	p = clip8((int)round((float)v * (1.0 - (double)fs)));
	q = clip8((int)round((float)v * (1.0 - (double)(fs * f))));
	t = clip8(
		(int)round((float)v * (1.0 - (double)fs * (1.0 - (double)f))));
	switch ((int)whole % 6) {
	case 0: rgb[0] = v, rgb[1] = t, rgb[2] = p; break;
	case 1: rgb[0] = q, rgb[1] = v, rgb[2] = p; break;
	case 2: rgb[0] = p, rgb[1] = v, rgb[2] = t; break;
	case 3: rgb[0] = p, rgb[1] = q, rgb[2] = v; break;
	case 4: rgb[0] = t, rgb[1] = p, rgb[2] = v; break;
	default: rgb[0] = v, rgb[1] = p, rgb[2] = q; break;
	}
}

void mm_colour_hue(struct mm_image *rgb, double f)
{
	const uint8_t turn = (uint8_t)((int)(f * 255) & 255);
	const size_t n = rgb->w * rgb->h;
	uint8_t *p = rgb->data, hsv[3];

	for (size_t i = 0; i < n; i++, p += 3) {
		mm_colour_rgb_to_hsv(hsv, p);
		hsv[0] = (uint8_t)(hsv[0] + turn);
		mm_colour_hsv_to_rgb(p, hsv);
	}
}

/* ---- blur ---- */

/*
 * A box of radius r + fraction: inner pixels count ww, the two at its ends
 * fw; 24-bit weights, borders repeated.  Pillow's BoxBlur.c.
 */
struct box {
	size_t r;
	uint32_t ww, fw;
};

/* Pixel i of a line of n, clamped to it; step bytes apart. */
static const uint8_t *at(const uint8_t *line, size_t step, size_t n, long i)
{
	return line + step * (i < 0 ? 0 : (size_t)i >= n ? n - 1 : (size_t)i);
}

static void box_line(uint8_t *out, const uint8_t *in, size_t step, size_t n,
		     const struct box *b)
{
	const long r = (long)b->r;

	for (size_t c = 0; c < 3; c++) {
		uint32_t acc = 0;

		/* Wraps harmlessly: only differences and the total count. */
		for (long i = -r - 1; i < r; i++)
			acc += *at(in + c, step, n, i);
		for (long x = 0; x < (long)n; x++) {
			const uint32_t left = *at(in + c, step, n, x - r - 1);
			const uint32_t right = *at(in + c, step, n, x + r + 1);

			acc += *at(in + c, step, n, x + r) - left;
			out[c + (size_t)x * step] =
				(uint8_t)((acc * b->ww +
					   (left + right) * b->fw +
					   (1u << 23)) >>
					  24);
		}
	}
}

int mm_colour_blur(struct mm_image *rgb, double radius, struct mm_err *err)
{
	const size_t w = rgb->w, h = rgb->h, longest = w > h ? w : h;
	const float sigma2 = (float)radius * (float)radius / 3;
	const float len = (float)sqrt(12.0 * (double)sigma2 + 1.0);
	const float whole = (float)floor(((double)len - 1.0) / 2.0);
	const float a = ((2 * whole + 1) * (whole * (whole + 1) - 3 * sigma2)) /
			(6 * (sigma2 - (whole + 1) * (whole + 1)));
	const float size = whole + a;
	struct box b;
	uint8_t *t;

	if (!(radius > 0) || !longest)
		return MM_OK;
	if (radius > 1000)
		return mm_fail(err, MM_ERR_USAGE,
			       "a blur of radius %g is too wide", radius);
	b.r = (size_t)size;
	b.ww = (uint32_t)((float)(1 << 24) / (size * 2 + 1));
	b.fw = ((1u << 24) - (uint32_t)(b.r * 2 + 1) * b.ww) / 2;
	if (!(t = mm_malloc(longest, 3)))
		return mm_fail_nomem(err, "a row of pixels");
	for (int pass = 0; pass < 3; pass++)
		for (size_t y = 0; y < h; y++) {
			box_line(t, rgb->data + 3 * w * y, 3, w, &b);
			memcpy(rgb->data + 3 * w * y, t, 3 * w);
		}
	mm_free(t);
	if (!(t = mm_malloc(h, 3 * w)))
		return mm_fail_nomem(err, "a picture");
	for (int pass = 0; pass < 3; pass++) {
		for (size_t x = 0; x < w; x++)
			box_line(t + 3 * x, rgb->data + 3 * x, 3 * w, h, &b);
		memcpy(rgb->data, t, 3 * w * h);
	}
	mm_free(t);
	return MM_OK;
}

void mm_image_fill(struct mm_image *rgb, long x, long y, long w, long h,
		   const uint8_t colour[3])
{
	const long x1 = x + w < (long)rgb->w ? x + w : (long)rgb->w;
	const long y1 = y + h < (long)rgb->h ? y + h : (long)rgb->h;

	for (long v = y < 0 ? 0 : y; v < y1; v++)
		for (long u = x < 0 ? 0 : x; u < x1; u++)
			memcpy(rgb->data + 3 * ((size_t)v * rgb->w + (size_t)u),
			       colour, 3);
}
