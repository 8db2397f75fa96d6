/* geometry.c - see geometry.h. */
#include "image/geometry.h"

#include <math.h>
#include <string.h>

#include "image/loops.h"

double mm_round_even(double x)
{
	const double f = floor(x), d = x - f;

	if (d != 0.5)
		return floor(x + 0.5);
	return fmod(f, 2) == 0 ? f : f + 1;
}

/* ---- affine maps ---- */

void mm_affine_identity(double a[6])
{
	static const double one[6] = { 1, 0, 0, 0, 1, 0 };

	memcpy(a, one, sizeof(one));
}

void mm_affine_then(double out[6], const double a[6], const double b[6])
{
	double r[6];

	for (int i = 0; i < 6; i += 3) {
		r[i] = b[i] * a[0] + b[i + 1] * a[3];
		r[i + 1] = b[i] * a[1] + b[i + 1] * a[4];
		r[i + 2] = b[i] * a[2] + b[i + 1] * a[5] + b[i + 2];
	}
	memcpy(out, r, sizeof(r));
}

void mm_affine_scale(double a[6], double sx, double sy)
{
	const double b[6] = { sx, 0, 0, 0, sy, 0 };

	mm_affine_then(a, a, b);
}

void mm_affine_shift(double a[6], double dx, double dy)
{
	a[2] += dx;
	a[5] += dy;
}

void mm_affine_flip(double a[6], double w)
{
	const double b[6] = { -1, 0, w, 0, 1, 0 };

	mm_affine_then(a, a, b);
}

void mm_affine_transpose(double a[6], int orientation, double w, double h)
{
	const double turn[9][6] = {
		[2] = { -1, 0, w, 0, 1, 0 }, [3] = { -1, 0, w, 0, -1, h },
		[4] = { 1, 0, 0, 0, -1, h }, [5] = { 0, 1, 0, 1, 0, 0 },
		[6] = { 0, -1, h, 1, 0, 0 }, [7] = { 0, -1, h, -1, 0, w },
		[8] = { 0, 1, 0, -1, 0, w },
	};

	if (orientation >= 2 && orientation <= 8)
		mm_affine_then(a, a, turn[orientation]);
}

bool mm_affine_invert(double out[6], const double a[6])
{
	const double det = a[0] * a[4] - a[1] * a[3];
	double r[6];

	if (!(fabs(det) > 0) || !isfinite(det))
		return false;
	r[0] = a[4] / det;
	r[1] = -a[1] / det;
	r[3] = -a[3] / det;
	r[4] = a[0] / det;
	r[2] = -(r[0] * a[2] + r[1] * a[5]);
	r[5] = -(r[3] * a[2] + r[4] * a[5]);
	memcpy(out, r, sizeof(r));
	return true;
}

void mm_affine_box(double out[4], const double a[6], const double box[4])
{
	double r[4] = { INFINITY, INFINITY, -INFINITY, -INFINITY };

	for (int i = 0; i < 4; i++) {
		const double x = box[i & 1 ? 2 : 0], y = box[i & 2 ? 3 : 1];
		const double u = a[0] * x + a[1] * y + a[2];
		const double v = a[3] * x + a[4] * y + a[5];

		r[0] = fmin(r[0], u);
		r[1] = fmin(r[1], v);
		r[2] = fmax(r[2], u);
		r[3] = fmax(r[3], v);
	}
	memcpy(out, r, sizeof(r));
}

/* ---- pictures ---- */

int mm_image_transpose(struct mm_image *dst, const struct mm_image *src,
		       int orientation, struct mm_err *err)
{
	static const struct {
		bool right, bottom, swap; /* starts there; x runs along y */
	} turn[9] = {
		[2] = { true, false, false }, [3] = { true, true, false },
		[4] = { false, true, false }, [5] = { false, false, true },
		[6] = { false, true, true },  [7] = { true, true, true },
		[8] = { true, false, true },
	};
	const size_t ch = mm_image_channels(src->mode);
	const int o = orientation >= 2 && orientation <= 8 ? orientation : 1;
	const bool swap = turn[o].swap;
	int rc;

	if (o == 1)
		return mm_image_copy(dst, src, err);
	rc = mm_image_like(dst, src, swap ? src->h : src->w,
			   swap ? src->w : src->h, err);
	for (size_t y = 0; !rc && y < dst->h; y++) {
		uint8_t *q = dst->data + y * dst->w * ch;

		for (size_t x = 0; x < dst->w; x++, q += ch) {
			size_t u = swap ? y : x, v = swap ? x : y;

			if (turn[o].right)
				u = src->w - 1 - u;
			if (turn[o].bottom)
				v = src->h - 1 - v;
			memcpy(q, src->data + (v * src->w + u) * ch, ch);
		}
	}
	return rc;
}

void mm_image_flip(struct mm_image *im)
{
	const size_t ch = mm_image_channels(im->mode);
	uint8_t t[4];

	for (size_t y = 0; y < im->h; y++) {
		uint8_t *a = im->data + y * im->w * ch;
		uint8_t *b = a + (im->w - 1) * ch;

		for (; a < b; a += ch, b -= ch) {
			memcpy(t, a, ch);
			memcpy(a, b, ch);
			memcpy(b, t, ch);
		}
	}
}

/* The part of [at, at+n) that lies in [0, size): its first, its length. */
static size_t overlap(long at, size_t n, size_t size, size_t *skip)
{
	const size_t before = at < 0 ? (size_t)-at : 0;
	const size_t from = at < 0 ? 0 : (size_t)at;

	*skip = before;
	if (before >= n || from >= size)
		return 0;
	return n - before < size - from ? n - before : size - from;
}

static void fill_all(struct mm_image *im, uint8_t fill)
{
	const size_t n = im->w * im->h;
	const uint16_t wide = fill;

	if (im->mode == MM_IMAGE_I16)
		for (size_t i = 0; i < n; i++)
			memcpy(im->data + 2 * i, &wide, 2);
	else
		memset(im->data, im->mode == MM_IMAGE_1 && fill ? 255 : fill,
		       n * mm_image_channels(im->mode));
}

int mm_image_crop(struct mm_image *dst, const struct mm_image *src, long x,
		  long y, size_t w, size_t h, uint8_t fill, struct mm_err *err)
{
	const size_t ch = mm_image_channels(src->mode);
	size_t left, top;
	const size_t nx = overlap(x, w, src->w, &left);
	const size_t ny = overlap(y, h, src->h, &top);
	int rc;

	if ((rc = mm_image_like(dst, src, w, h, err)))
		return rc;
	if (nx < w || ny < h)
		fill_all(dst, fill);
	for (size_t i = 0; nx && i < ny; i++)
		memcpy(dst->data + ((top + i) * w + left) * ch,
		       src->data + (((size_t)(y < 0 ? 0 : y) + i) * src->w +
				    (size_t)(x < 0 ? 0 : x)) *
					   ch,
		       nx * ch);
	return MM_OK;
}

long mm_crop_offset(size_t n, size_t c, enum mm_crop_rule rule)
{
	const size_t d = n > c ? n - c : c - n;

	if (n < c)
		return -(long)(rule == MM_CROP_HF ? (d + 1) / 2 : d / 2);
	return rule == MM_CROP_HF ? (long)(d / 2)
				  : (long)mm_round_even((double)d / 2.0);
}

void mm_crop_fallback(size_t box[4], size_t w, size_t h, double r0, double r1)
{
	const double ratio = (double)w / (double)h;
	size_t cw = w, ch = h;

	if (ratio < r0)
		ch = (size_t)mm_round_even((double)w / r0);
	else if (ratio > r1)
		cw = (size_t)mm_round_even((double)h * r1);
	if (!cw || cw > w)
		cw = w;
	if (!ch || ch > h)
		ch = h;
	box[0] = (w - cw) / 2;
	box[1] = (h - ch) / 2;
	box[2] = cw;
	box[3] = ch;
}
