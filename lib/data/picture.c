/* picture.c - see picture.h. */
#include "data/picture.h"

#include <math.h>

#include "base/mem.h"
#include "image/preset.h"

static const char *meta(void *ctx, const char *key)
{
	return mm_segment_meta(ctx, key);
}

/* The byte b whose lut[b], which rises with b, lies nearest to x. */
static uint8_t nearest(const float lut[256], float x)
{
	int lo = 0, hi = 255;

	if (isnan(x))
		return 0;
	while (lo < hi) {
		const int mid = (lo + hi) / 2;

		if (lut[mid] < x)
			lo = mid + 1;
		else
			hi = mid;
	}
	return (uint8_t)(lo && x - lut[lo - 1] < lut[lo] - x ? lo - 1 : lo);
}

int mm_picture_from_planes(struct mm_image *rgb, const void *planes,
			   enum mm_dtype dtype, size_t w, size_t h,
			   const struct mm_image_values *v, struct mm_err *err)
{
	const size_t n = 3 * w * h;
	float lut[3][256], *x;
	uint8_t *bytes;
	int rc;

	if (dtype == MM_U8)
		return mm_image_from_chw_u8(rgb, planes, w, h, err);
	mm_image_values_lut(lut, v);
	x = mm_malloc(n, sizeof(*x));
	bytes = mm_malloc(n, 1);
	if (!x || !bytes) {
		rc = mm_fail_nomem(err, "a picture");
	} else {
		mm_to_f32(x, planes, dtype, n);
		for (size_t i = 0; i < n; i++)
			bytes[i] = nearest(lut[i / (n / 3)], x[i]);
		rc = mm_image_from_chw_u8(rgb, bytes, w, h, err);
	}
	mm_free(x);
	mm_free(bytes);
	return rc;
}

static int from_pixels(struct mm_image *rgb, const struct mm_segment *seg,
		       const struct mm_column *c, size_t i, struct mm_err *err)
{
	union {
		const struct mm_segment *in;
		void *out;
	} ctx = { seg }; /* casts const away: the callback only reads */
	const struct mm_tensor *t = &c->items;
	struct mm_image_values v;
	size_t n;
	const void *row = mm_column_row(c, i, &n);
	int rc;

	if (c->ends || t->rank != 4 || t->dim[1] != 3 || !t->dim[2] ||
	    !t->dim[3] || (t->dtype != MM_U8 && !mm_dtype_is_float(t->dtype)))
		return mm_fail(err, MM_ERR_SHAPE,
			       "'%s' byte %llu: column 'image' must be "
			       "[N, 3, H, W] of U8 or floats",
			       seg->path, (unsigned long long)seg->offset);
	if ((rc = mm_image_values_get(&v, meta, ctx.out, err)))
		return rc;
	return mm_picture_from_planes(rgb, row, t->dtype, t->dim[3], t->dim[2],
				      &v, err);
}

static int from_bytes(struct mm_image *rgb, const void *bytes, size_t n,
		      const struct mm_decode_opts *opts, struct mm_err *err)
{
	struct mm_image raw = { 0 };
	int rc = mm_image_decode(&raw, NULL, bytes, n, opts, err);

	if (!rc)
		rc = mm_image_to_rgb(rgb, &raw, MM_ALPHA_WHITE, MM_GREY16_HIGH,
				     err);
	mm_image_release(&raw);
	return rc;
}

static int from_path(struct mm_image *rgb, const char *s, size_t n,
		     const struct mm_decode_opts *opts, struct mm_err *err)
{
	char *path = mm_strndup(s, n);
	struct mm_file f;
	int rc;

	if (!path)
		return mm_fail_nomem(err, "a path");
	if (!(rc = mm_file_open(&f, path, err))) {
		if ((rc = from_bytes(rgb, f.data, f.size, opts, err)))
			mm_fail_ctx(err, "'%s'", path);
		mm_file_release(&f);
	}
	mm_free(path);
	return rc;
}

int mm_picture_of(struct mm_image *rgb, const struct mm_segment *seg, size_t i,
		  const struct mm_decode_opts *opts, struct mm_err *err)
{
	const struct mm_column *pixels = mm_segment_find(seg, "image");
	const char *s;
	size_t n;

	if (pixels)
		return from_pixels(rgb, seg, pixels, i, err);
	if ((s = mm_column_str(mm_segment_find(seg, "image.data"), i, &n)))
		return from_bytes(rgb, s, n, opts, err);
	if ((s = mm_column_str(mm_segment_find(seg, "image.path"), i, &n)))
		return from_path(rgb, s, n, opts, err);
	return mm_fail(err, MM_ERR_FORMAT,
		       "'%s' byte %llu: no column 'image', 'image.data' or "
		       "'image.path'",
		       seg->path, (unsigned long long)seg->offset);
}
