/*
 * preprocess.c - see preprocess.h.
 *
 * Resizing and cropping are one step, so that only pixels that survive the
 * crop are computed.  The order of turning, conversion and resizing is the
 * recipe's.
 */
#include "image/preprocess.h"

#include <string.h>

void mm_image_work_release(struct mm_image_work *w)
{
	mm_image_release(&w->raw);
	mm_image_release(&w->turned);
	mm_image_release(&w->rgb);
	mm_image_release(&w->out);
	mm_resize_work_release(&w->resize);
}

/* Where the result lies in the resized picture; negative: padding. */
struct placement {
	size_t fit_w, fit_h; /* resized */
	size_t w, h;	     /* result */
	long x, y;
};

static void place(struct placement *q, const struct mm_image_preset *p,
		  size_t w, size_t h)
{
	mm_image_fit_size(p, w, h, &q->fit_w, &q->fit_h);
	q->w = q->fit_w;
	q->h = q->fit_h;
	q->x = q->y = 0;
	if (!p->crop_w)
		return;
	q->w = p->crop_w;
	q->h = p->crop_h;
	q->x = mm_crop_offset(q->fit_w, q->w, p->crop_rule);
	q->y = mm_crop_offset(q->fit_h, q->h, p->crop_rule);
}

/* dst = src resized, cropped and padded, in src's mode. */
static int shape(struct mm_image *dst, const struct mm_image *src,
		 const struct placement *q, const struct mm_image_preset *p,
		 struct mm_image_work *w, struct mm_err *err)
{
	const size_t x = q->x < 0 ? 0 : (size_t)q->x,
		     y = q->y < 0 ? 0 : (size_t)q->y;
	const size_t cw = q->w < q->fit_w - x ? q->w : q->fit_w - x,
		     ch = q->h < q->fit_h - y ? q->h : q->fit_h - y;
	struct mm_image part = { 0 };
	int rc;

	if (cw == q->w && ch == q->h) /* nothing to pad */
		return mm_image_resize_crop(dst, src, q->fit_w, q->fit_h, x, y,
					    cw, ch, p->filter, &w->resize, err);
	rc = mm_image_resize_crop(&part, src, q->fit_w, q->fit_h, x, y, cw, ch,
				  p->filter, &w->resize, err);
	if (!rc)
		rc = mm_image_crop(dst, &part, q->x < 0 ? q->x : 0,
				   q->y < 0 ? q->y : 0, q->w, q->h, p->fill,
				   err);
	mm_image_release(&part);
	return rc;
}

static void map_points(double a[6], const struct mm_image *im, int orientation,
		       const struct placement *q, size_t w, size_t h)
{
	mm_affine_identity(a);
	mm_affine_transpose(a, orientation, (double)im->w, (double)im->h);
	mm_affine_scale(a, (double)q->fit_w / (double)w,
			(double)q->fit_h / (double)h);
	mm_affine_shift(a, -(double)q->x, -(double)q->y);
}

int mm_image_apply(struct mm_image_work *w, double affine[6],
		   const struct mm_image *im, int orientation,
		   const struct mm_image_preset *p, struct mm_err *err)
{
	const struct mm_image *src = im;
	struct placement q;
	int rc;

	if (!p->exif || orientation < 2 || orientation > 8)
		orientation = 1;
	if (orientation != 1) {
		rc = mm_image_transpose(&w->turned, src, orientation, err);
		if (rc)
			return rc;
		src = &w->turned;
	}
	place(&q, p, src->w, src->h);
	if (affine)
		map_points(affine, im, orientation, &q, src->w, src->h);
	if (src->mode == MM_IMAGE_RGB &&
	    (p->alpha == MM_ALPHA_DROP || !src->has_key))
		return shape(&w->out, src, &q, p, w, err);
	if (p->rgb_first) {
		rc = mm_image_to_rgb(&w->rgb, src, p->alpha, p->grey16, err);
		return rc ? rc : shape(&w->out, &w->rgb, &q, p, w, err);
	}
	rc = shape(&w->rgb, src, &q, p, w, err);
	return rc ? rc
		  : mm_image_to_rgb(&w->out, &w->rgb, p->alpha, p->grey16, err);
}

/* Columns of the file that the recipe looks at; see mm_decode_opts. */
static void columns(void *ctx, const struct mm_image_info *info, size_t *x,
		    size_t *w)
{
	const struct mm_image_preset *p = ctx;
	struct placement q;
	size_t lo, hi;

	if (p->exif && info->orientation != 1)
		return; /* turned first */
	place(&q, p, info->w, info->h);
	if (q.x < 0 || q.w >= q.fit_w)
		return;
	mm_resize_reach(&lo, &hi, info->w, q.fit_w, (size_t)q.x, q.w,
			p->filter);
	*x = lo;
	*w = hi - lo;
}

int mm_image_preprocess(struct mm_image_work *w, struct mm_image_placed *placed,
			const void *bytes, size_t n,
			const struct mm_image_preset *p,
			const struct mm_decode_opts *opts, struct mm_err *err)
{
	struct mm_image_preset recipe = *p;
	struct mm_decode_opts o = { 0 };
	struct mm_image_placed mine;
	double turned[6], scale[6];
	int rc;

	if (!placed)
		placed = &mine;
	if (opts)
		o = *opts;
	o.need = columns;
	o.ctx = &recipe;
	if ((rc = mm_image_decode(&w->raw, &placed->info, bytes, n, &o, err)) ||
	    (rc = mm_image_apply(w, turned, &w->raw, placed->info.orientation,
				 p, err)))
		return rc;
	/* A picture that was decoded smaller is not the file's any more. */
	mm_affine_identity(scale);
	mm_affine_scale(scale, (double)w->raw.w / (double)placed->info.w,
			(double)w->raw.h / (double)placed->info.h);
	mm_affine_then(placed->affine, scale, turned);
	return MM_OK;
}
