/* coco_shape.c - see coco_shape.h. */
#include "data/coco_shape.h"

#include <math.h>

static int bad(struct mm_err *err)
{
	return mm_fail(err, MM_ERR_FORMAT,
		       "its segmentation is neither polygons nor run lengths");
}

/* ---- polygons ---- */

static bool polygon(const struct mm_json *list, double box[4])
{
	const size_t n = mm_json_size(list);

	if (mm_json_type(list) != MM_JSON_ARRAY || !n || n % 2)
		return false;
	for (size_t i = 0; i < n; i++) {
		const double x = mm_json_num(mm_json_at(list, i), (double)NAN);

		if (!isfinite(x))
			return false;
		box[i % 2] = fmin(box[i % 2], x);
		box[2 + i % 2] = fmax(box[2 + i % 2], x);
	}
	return true;
}

/* ---- run lengths ---- */

/* A picture that is filled run by run, column by column. */
struct runs {
	int64_t height, area, at; /* at: pixels so far */
	double *box;
	bool on; /* the next run is foreground */
};

/* One more run; false where it leaves the picture. */
static bool add_run(struct runs *r, int64_t n)
{
	if (n < 0 || n > r->area - r->at)
		return false;
	if (r->on && n) {
		const int64_t last = r->at + n - 1;
		const int64_t x0 = r->at / r->height, x1 = last / r->height;
		/* A run over a column's end touches top and bottom. */
		const int64_t y0 = x0 == x1 ? r->at % r->height : 0;
		const int64_t y1 = x0 == x1 ? last % r->height : r->height - 1;

		r->box[0] = fmin(r->box[0], (double)x0);
		r->box[1] = fmin(r->box[1], (double)y0);
		r->box[2] = fmax(r->box[2], (double)(x1 + 1));
		r->box[3] = fmax(r->box[3], (double)(y1 + 1));
	}
	r->at += n;
	r->on = !r->on;
	return true;
}

static bool plain_counts(struct runs *r, const struct mm_json *counts)
{
	for (size_t i = 0; i < mm_json_size(counts); i++)
		if (!add_run(r, mm_json_int(mm_json_at(counts, i), -1)))
			return false;
	return true;
}

/* One number of the string; false where it ends within or is too large. */
static bool take_count(const char **s, int64_t *out)
{
	uint64_t x = 0;
	int shift = 0, c;

	do {
		c = **s - 48;
		if (c < 0 || c > 63 || shift > 55)
			return false;
		++*s;
		x |= (uint64_t)(c & 31) << shift;
		shift += 5;
	} while (c & 32);
	if (c & 16) /* negative */
		x |= ~(uint64_t)0 << shift;
	*out = (int64_t)x;
	return true;
}

static bool string_counts(struct runs *r, const char *s)
{
	int64_t before[2] = { 0, 0 }, x;

	for (size_t i = 0; *s; i++) {
		if (!take_count(&s, &x) || x > r->area || x < -r->area)
			return false;
		if (i > 2)
			x += before[i % 2];
		before[i % 2] = x;
		if (!add_run(r, x))
			return false;
	}
	return true;
}

static bool run_lengths(const struct mm_json *v, double box[4])
{
	const struct mm_json *size = mm_json_get(v, "size");
	const struct mm_json *counts = mm_json_get(v, "counts");
	const int64_t h = mm_json_int(mm_json_at(size, 0), 0);
	const int64_t w = mm_json_int(mm_json_at(size, 1), 0);
	struct runs r = { .height = h, .box = box };

	if (h < 1 || w < 1 || h > 1 << 20 || w > 1 << 20)
		return false;
	r.area = h * w;
	if (mm_json_type(counts) == MM_JSON_ARRAY)
		return plain_counts(&r, counts);
	return mm_json_type(counts) == MM_JSON_STRING &&
	       string_counts(&r, mm_json_str(counts, ""));
}

int mm_coco_bounds(struct mm_slice segmentation, double box[4],
		   struct mm_err *err)
{
	struct mm_json *v;
	bool ok = false;
	int rc = mm_scan_parse(segmentation, &v, err);

	if (rc)
		return rc;
	box[0] = box[1] = (double)INFINITY;
	box[2] = box[3] = -(double)INFINITY;
	if (mm_json_type(v) == MM_JSON_OBJECT)
		ok = run_lengths(v, box);
	else
		for (size_t i = 0; i < mm_json_size(v); i++)
			if (!(ok = polygon(mm_json_at(v, i), box)))
				break;
	mm_json_free(v);
	if (!ok)
		return bad(err);
	if (!(box[0] <= box[2]))
		return mm_fail(err, MM_ERR_FORMAT, "its segmentation is empty");
	return MM_OK;
}
