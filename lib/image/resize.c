/*
 * resize.c - see resize.h.  Order of the passes and the modes here, weights in
 * weights.c, loops over pixels in loops_body.h.
 */
#include "image/resize.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "image/weights.h"

/* ---- passes over bytes ---- */

/* A rectangle of pixels somewhere. */
struct view {
	uint8_t *data;
	size_t stride, ch;
	size_t w, h;
};

static struct view cut(const struct view *v, size_t x, size_t y, size_t w,
		       size_t h)
{
	return (struct view){ v->data + y * v->stride + x * v->ch, v->stride,
			      v->ch, w, h };
}

/* dst.w outputs of side s from x on; `first` is the column at src. */
static int pass_across(const struct view *dst, const struct view *src,
		       const struct mm_side *s, size_t x, size_t first,
		       struct mm_resize_work *work, struct mm_err *err)
{
	const struct mm_image_loops *loops = mm_image_loops();
	size_t lo, hi, n_a, n_b;
	struct mm_weights k;
	uint8_t *a;
	int rc;

	if ((rc = mm_weights_int(&k, s, x, dst->w, work, MM_RESIZE_ACROSS,
				 err)))
		return rc;
	mm_resize_reach(&lo, &hi, s->in, s->out, x, dst->w, s->f);
	n_a = ((hi - lo) * src->ch + 15) / 16 * 16;
	n_b = (dst->w * src->ch + 15) / 16 * 16;
	if (!(a = mm_resize_room(work, MM_RESIZE_STRIP, n_a + n_b, MM_STRIP)))
		return mm_fail_nomem(err, "a strip of pixels");
	for (size_t y = 0; y < dst->h; y += MM_STRIP) {
		const size_t rows =
			dst->h - y < MM_STRIP ? dst->h - y : MM_STRIP;

		loops->horizontal(dst->data + y * dst->stride, dst->stride,
				  src->data + y * src->stride +
					  (lo - first) * src->ch,
				  src->stride, hi - lo, rows, src->ch, dst->w,
				  lo, &k, a, a + n_a * MM_STRIP);
	}
	return MM_OK;
}

/* dst.h outputs of side s from y on; `first` is the row that stands at src. */
static int pass_down(const struct view *dst, const struct view *src,
		     const struct mm_side *s, size_t y, size_t first,
		     struct mm_resize_work *work, struct mm_err *err)
{
	const struct mm_image_loops *loops = mm_image_loops();
	struct mm_weights k;
	int rc;

	if ((rc = mm_weights_int(&k, s, y, dst->h, work, MM_RESIZE_DOWN, err)))
		return rc;
	for (size_t i = 0; i < dst->h; i++)
		loops->vertical(dst->data + i * dst->stride,
				src->data + (k.lo[i] - first) * src->stride,
				src->stride, dst->w * dst->ch, k.w + i * k.taps,
				k.n[i]);
	return MM_OK;
}

static void copy_view(const struct view *dst, const struct view *src)
{
	for (size_t y = 0; y < dst->h; y++)
		memcpy(dst->data + y * dst->stride, src->data + y * src->stride,
		       dst->w * dst->ch);
}

/* The order of the passes: Pillow 13's rule. */
static bool down_first(const struct mm_side *across, const struct mm_side *down)
{
	const double dw = (double)across->in - (double)across->out;
	const double dh = (double)down->in - (double)down->out;

	return down->out < down->in && dh > 2 * dw;
}

/* What a resize-and-crop is asked for. */
struct job {
	struct mm_side across, down;
	size_t x, y, w, h; /* the part of the result that is wanted */
};

static int resize_bytes(const struct view *dst, const struct view *src,
			const struct job *j, struct mm_resize_work *work,
			struct mm_err *err)
{
	const bool go_across = j->across.in != j->across.out;
	const bool go_down = j->down.in != j->down.out;
	const bool v_first = down_first(&j->across, &j->down);
	size_t left, right, top, bottom;
	struct view mid, in;
	int rc;

	/* The part of the source that counts; all of it but for a crop. */
	mm_resize_reach(&left, &right, j->across.in, j->across.out, j->x, j->w,
			j->across.f);
	mm_resize_reach(&top, &bottom, j->down.in, j->down.out, j->y, j->h,
			j->down.f);
	in = cut(src, left, top, right - left, bottom - top);
	if (!go_across && !go_down) {
		copy_view(dst, &in);
		return MM_OK;
	}
	if (!go_down)
		return pass_across(dst, &in, &j->across, j->x, left, work, err);
	if (!go_across)
		return pass_down(dst, &in, &j->down, j->y, top, work, err);
	mid = (struct view){ .ch = src->ch };
	mid.w = v_first ? in.w : j->w;
	mid.h = v_first ? j->h : in.h;
	mid.stride = mid.w * mid.ch;
	mid.data = mm_resize_room(work, MM_RESIZE_MID, mid.h, mid.stride);
	if (!mid.data)
		return mm_fail_nomem(err, "a picture between two passes");
	if (v_first) {
		rc = pass_down(&mid, &in, &j->down, j->y, top, work, err);
		return rc ? rc
			  : pass_across(dst, &mid, &j->across, j->x, left, work,
					err);
	}
	rc = pass_across(&mid, &in, &j->across, j->x, left, work, err);
	return rc ? rc : pass_down(dst, &mid, &j->down, j->y, top, work, err);
}

/* ---- 16-bit grey: weights in double, rounded after each pass ---- */

static uint16_t round16(double v)
{
	v = v >= 0 ? floor(v + 0.5) : -floor(-v + 0.5);
	return (uint16_t)(v < 0 ? 0 : v > 65535 ? 65535 : v);
}

/* out[i * out_step] for i < n from in[j * in_step], side s from x on. */
static void line16(uint16_t *out, size_t out_step, size_t n, const uint16_t *in,
		   size_t in_step, const struct mm_side *s, size_t x, double *k)
{
	size_t lo;

	for (size_t i = 0; i < n; i++) {
		const size_t taps = mm_weights_double(s, x + i, &lo, k);
		double sum = 0;

		for (size_t j = 0; j < taps; j++)
			sum += in[(lo + j) * in_step] * k[j];
		out[i * out_step] = round16(sum);
	}
}

/* The whole picture is resized, in Pillow's order, then cut. */
static int resize_grey16(struct mm_image *dst, const struct mm_image *src,
			 const struct job *j, struct mm_resize_work *work,
			 struct mm_err *err)
{
	const size_t w = src->w, h = src->h, W = j->across.out, H = j->down.out,
		     n_max = W > w ? W : w;
	const bool v_first = down_first(&j->across, &j->down);
	const size_t taps_a = mm_weights_taps(&j->across),
		     taps_d = mm_weights_taps(&j->down);
	uint16_t *a, *b, *from, *to, *t;
	size_t n;
	double *k;

	if (!mm_mul_ok(&n, n_max, H > h ? H : h) ||
	    !(a = mm_resize_room(work, MM_RESIZE_MID, n, 4)) ||
	    !(k = mm_resize_room(work, MM_RESIZE_DOUBLES,
				 taps_a > taps_d ? taps_a : taps_d,
				 sizeof(*k))))
		return mm_fail_nomem(err, "a picture between two passes");
	b = a + n;
	memcpy(a, src->data, w * h * 2);
	from = a;
	to = b;
	for (int pass = 0; pass < 2; pass++) {
		const bool down = v_first == (pass == 0);
		const size_t rows = pass || v_first ? H : h,
			     cols = pass ? W : w;

		if (down ? H == h : W == w)
			continue;
		if (down)
			for (size_t x = 0; x < cols; x++)
				line16(to + x, cols, H, from + x, cols,
				       &j->down, 0, k);
		else
			for (size_t y = 0; y < rows; y++)
				line16(to + y * W, 1, W, from + y * w, 1,
				       &j->across, 0, k);
		t = from;
		from = to;
		to = t;
	}
	for (size_t y = 0; y < j->h; y++)
		memcpy(dst->data + y * j->w * 2, from + (j->y + y) * W + j->x,
		       j->w * 2);
	return MM_OK;
}

/* ---- nearest ---- */

/*
 * Source index of outputs [x, x+n): a running sum from the first output on,
 * which differs from a product in the last bit; for 16-bit grey a product.
 * Pillow has it so.
 */
static void nearest_line(uint32_t *at, const struct mm_side *s, size_t x,
			 size_t n, bool product)
{
	const double step = (double)s->in / (double)s->out;
	double sum = 0.5 * step;

	for (size_t i = 0; i < x + n; i++, sum += step) {
		const double t = product ? ((double)i + 0.5) * step : sum;

		if (i >= x)
			at[i - x] = t < (double)s->in ? (uint32_t)t
						      : (uint32_t)s->in - 1;
	}
}

static int resize_nearest(const struct view *dst, const struct view *src,
			  const struct job *j, bool grey16,
			  struct mm_resize_work *work, struct mm_err *err)
{
	uint32_t *across =
		mm_resize_room(work, MM_RESIZE_STRIP, j->w + j->h, 4);
	uint32_t *down = across + j->w;

	if (!across)
		return mm_fail_nomem(err, "resize weights");
	nearest_line(across, &j->across, j->x, j->w, grey16);
	nearest_line(down, &j->down, j->y, j->h, grey16);
	for (size_t y = 0; y < j->h; y++) {
		const uint8_t *p = src->data + down[y] * src->stride;
		uint8_t *q = dst->data + y * dst->stride;

		for (size_t x = 0; x < j->w; x++, q += dst->ch)
			memcpy(q, p + across[x] * src->ch, dst->ch);
	}
	return MM_OK;
}

/* ---- transparency ---- */

/* Colours times alpha, for n pixels of ch channels, the last one alpha. */
static void premultiply(uint8_t *q, const uint8_t *p, size_t n, size_t ch)
{
	for (size_t i = 0; i < n; i++, p += ch, q += ch) {
		const unsigned a = p[ch - 1];

		for (size_t c = 0; c + 1 < ch; c++) {
			const unsigned t = p[c] * a + 128;

			q[c] = (uint8_t)(((t >> 8) + t) >> 8);
		}
		q[ch - 1] = (uint8_t)a;
	}
}

static void unpremultiply(uint8_t *p, size_t n, size_t ch)
{
	for (size_t i = 0; i < n; i++, p += ch) {
		const unsigned a = p[ch - 1];

		for (size_t c = 0; a && a < 255 && c + 1 < ch; c++) {
			const unsigned t = 255u * p[c] / a;

			p[c] = (uint8_t)(t > 255 ? 255 : t);
		}
	}
}

/* ---- whole pictures ---- */

static struct view view_of(const struct mm_image *im)
{
	const size_t ch = mm_image_channels(im->mode);

	return (struct view){ im->data, im->w * ch, ch, im->w, im->h };
}

int mm_image_resize_crop(struct mm_image *dst, const struct mm_image *src,
			 size_t w, size_t h, size_t x, size_t y, size_t cw,
			 size_t ch, enum mm_filter f,
			 struct mm_resize_work *work, struct mm_err *err)
{
	const bool same = w == src->w && h == src->h;
	const bool alpha =
		src->mode == MM_IMAGE_LA || src->mode == MM_IMAGE_RGBA;
	struct job j = { { src->w, w, f }, { src->h, h, f }, x, y, cw, ch };
	struct view to, from;
	int rc;

	if (!w || !h || !cw || !ch || !src->w || !src->h || x > w || y > h ||
	    cw > w - x || ch > h - y || w > UINT32_MAX || h > UINT32_MAX)
		return mm_fail(err, MM_ERR_SHAPE,
			       "cannot resize %zux%zu to %zux%zu", src->w,
			       src->h, w, h);
	if ((rc = mm_image_like(dst, src, cw, ch, err)))
		return rc;
	to = view_of(dst);
	from = view_of(src);
	if (src->mode == MM_IMAGE_P || src->mode == MM_IMAGE_1 ||
	    f == MM_FILTER_NEAREST)
		return resize_nearest(&to, &from, &j, src->mode == MM_IMAGE_I16,
				      work, err);
	if (src->mode == MM_IMAGE_I16)
		return resize_grey16(dst, src, &j, work, err);
	if (alpha && !same) {
		rc = mm_image_like(&work->pre, src, src->w, src->h, err);
		if (rc)
			return rc;
		premultiply(work->pre.data, src->data, src->w * src->h,
			    from.ch);
		from = view_of(&work->pre);
	}
	rc = resize_bytes(&to, &from, &j, work, err);
	if (!rc && alpha && !same)
		unpremultiply(dst->data, cw * ch, to.ch);
	return rc;
}

int mm_image_resize(struct mm_image *dst, const struct mm_image *src, size_t w,
		    size_t h, enum mm_filter f, struct mm_resize_work *work,
		    struct mm_err *err)
{
	return mm_image_resize_crop(dst, src, w, h, 0, 0, w, h, f, work, err);
}
