/* catalogue.c - see catalogue.h. */
#include "serve/catalogue.h"

#include <string.h>

#include "base/mem.h"
#include "image/decode.h"
#include "image/encode.h"
#include "image/geometry.h"

enum {
	AS_IT_IS = 64 << 10, /* bytes of a picture that is sent unchanged */
	SIDE = 320,
	QUALITY = 80,
};

static struct mm_span string_of(const struct mm_segment *seg, const char *name,
				size_t i)
{
	struct mm_span s = { 0 };

	s.at = mm_column_str(mm_segment_find(seg, name), i, &s.len);
	return s;
}

static int grow(struct mm_catalogue *c, size_t n, struct mm_err *err)
{
	struct mm_catalogue_row *more;
	size_t cap = c->cap;

	while (cap - c->n < n)
		cap = cap * 2 + 256;
	if (cap == c->cap)
		return MM_OK;
	if (!(more = mm_realloc(c->row, cap, sizeof(*more))))
		return mm_fail_nomem(err, "the gallery's rows");
	c->row = more;
	c->cap = cap;
	return MM_OK;
}

/* Numbers that are not aligned in the file are a copy that the segment owns. */
static const float *kept(struct mm_catalogue *c, const struct mm_stream *s,
			 const struct mm_column *v, struct mm_err *err)
{
	const unsigned char *at = v->items.data;
	void *copy;

	if (at >= s->file.data && at < s->file.data + s->file.size)
		return v->items.data;
	if (!(copy = mm_arena_alloc(&c->copies, v->items.nbytes, 1))) {
		mm_fail_nomem(err, "the gallery's vectors");
		return NULL;
	}
	return memcpy(copy, at, v->items.nbytes);
}

static int add_segment(struct mm_catalogue *c, const struct mm_stream *s,
		       const char *vectors, struct mm_err *err)
{
	const struct mm_segment *seg = &s->segment;
	const struct mm_column *v, *id;
	const float *rows;
	int rc;

	if ((rc = mm_segment_want(seg, vectors, MM_F32, false, 1, &c->vectors.D,
				  &v, err)) ||
	    (rc = mm_segment_want_str(seg, "id", &id, err)) ||
	    (rc = grow(c, seg->n, err)))
		return rc;
	if (!seg->n)
		return MM_OK;
	if (!(rows = kept(c, s, v, err)))
		return MM_ERR_NOMEM;
	if ((rc = mm_gallery_add(&c->vectors, rows, seg->n, err)))
		return rc;
	for (size_t i = 0; i < seg->n; i++) {
		struct mm_catalogue_row *r = &c->row[c->n++];

		r->id.at = mm_column_str(id, i, &r->id.len);
		r->text = string_of(seg, "text", i);
		r->path = string_of(seg, "image.path", i);
		r->data = string_of(seg, "image.data", i);
	}
	return MM_OK;
}

int mm_catalogue_open(struct mm_catalogue *c, const char *const *path, size_t n,
		      bool text, size_t D, struct mm_err *err)
{
	const char *vectors = text ? "text.embedding" : "image.embedding";
	const struct mm_segment *seg;
	int rc = MM_OK;

	memset(c, 0, sizeof(*c));
	c->vectors.D = D;
	if (!(c->stream = mm_calloc(n, sizeof(*c->stream))))
		return mm_fail_nomem(err, "the gallery");
	for (; c->n_streams < n && !rc; c->n_streams++) {
		struct mm_stream *s = &c->stream[c->n_streams];

		rc = mm_stream_open(s, path[c->n_streams], err);
		if (!rc && !s->mapped)
			rc = mm_fail(err, MM_ERR_USAGE,
				     "'%s': a gallery must be a regular file",
				     path[c->n_streams]);
		while (!rc && !(rc = mm_stream_next(s, &seg, err)) && seg)
			rc = add_segment(c, s, vectors, err);
	}
	if (rc)
		mm_catalogue_release(c);
	return rc;
}

void mm_catalogue_release(struct mm_catalogue *c)
{
	for (size_t i = 0; i < c->n_streams; i++)
		mm_stream_release(&c->stream[i]);
	mm_free(c->stream);
	mm_free(c->row);
	mm_gallery_release(&c->vectors);
	mm_arena_release(&c->copies);
	memset(c, 0, sizeof(*c));
}

static bool by_id(const void *ctx, size_t a, size_t b)
{
	const struct mm_catalogue_row *row = ctx;
	const struct mm_span s = row[a].id, t = row[b].id;
	const int order = memcmp(s.at, t.at, s.len < t.len ? s.len : t.len);

	return order ? order < 0 : s.len < t.len;
}

int mm_catalogue_search(const struct mm_catalogue *c, struct mm_hit *hit,
			size_t *n, const float *query, size_t k,
			struct mm_err *err)
{
	const struct mm_topk_options o = { .k = k,
					   .before = by_id,
					   .ctx = c->row };

	*n = mm_topk_hits(&c->vectors, &o);
	if (!*n)
		return MM_OK;
	return mm_topk(hit, &c->vectors, query, 1, &o, err);
}

/* ---- pictures ---- */

void mm_catalogue_work_release(struct mm_catalogue_work *w)
{
	mm_image_release(&w->raw);
	mm_image_release(&w->rgb);
	mm_image_release(&w->small);
	mm_resize_work_release(&w->resize);
	memset(w, 0, sizeof(*w));
}

static int shrink(struct mm_catalogue_work *w, struct mm_err *err)
{
	const size_t W = w->rgb.w, H = w->rgb.h, longest = W > H ? W : H;
	size_t sw, sh;

	if (longest <= SIDE)
		return mm_image_copy(&w->small, &w->rgb, err);
	sw = (W * SIDE + longest / 2) / longest;
	sh = (H * SIDE + longest / 2) / longest;
	return mm_image_resize(&w->small, &w->rgb, sw ? sw : 1, sh ? sh : 1,
			       MM_FILTER_BILINEAR, &w->resize, err);
}

static int small_copy(struct mm_catalogue_work *w, const void *bytes, size_t n,
		      size_t max_pixels, struct mm_buf *out, struct mm_err *err)
{
	const struct mm_decode_opts opts = { .max_pixels = max_pixels,
					     .fast_factor = 1,
					     .fast_w = SIDE,
					     .fast_h = SIDE };
	struct mm_image_info info;
	int rc;

	if ((rc = mm_image_decode(&w->raw, &info, bytes, n, &opts, err)) ||
	    (rc = mm_image_to_rgb(&w->rgb, &w->raw, MM_ALPHA_WHITE,
				  MM_GREY16_HIGH, err)))
		return rc;
	if (info.orientation > 1) {
		if ((rc = mm_image_transpose(&w->raw, &w->rgb, info.orientation,
					     err)) ||
		    (rc = mm_image_copy(&w->rgb, &w->raw, err)))
			return rc;
	}
	if ((rc = shrink(w, err)))
		return rc;
	return mm_image_jpeg(out, &w->small, QUALITY, err);
}

static int picture(struct mm_catalogue_work *w, const void *bytes, size_t n,
		   size_t max_pixels, struct mm_buf *out, const char **type,
		   struct mm_err *err)
{
	static const char *const types[] = { NULL, "image/png", "image/jpeg",
					     "image/webp" };
	const enum mm_image_format f = mm_image_sniff(bytes, n);

	*type = types[f];
	if (f != MM_IMAGE_UNKNOWN && n <= AS_IT_IS) {
		mm_buf_add(out, bytes, n);
		return mm_buf_check(out, "a picture", err);
	}
	*type = "image/jpeg";
	return small_copy(w, bytes, n, max_pixels, out, err);
}

int mm_catalogue_picture(const struct mm_catalogue *c, size_t row,
			 struct mm_catalogue_work *w, size_t max_pixels,
			 struct mm_buf *out, const char **type,
			 struct mm_err *err)
{
	const struct mm_catalogue_row *r = row < c->n ? &c->row[row] : NULL;
	struct mm_file f;
	char *path;
	int rc;

	if (r && r->data.at)
		return picture(w, r->data.at, r->data.len, max_pixels, out,
			       type, err);
	if (!r || !r->path.at)
		return mm_fail(err, MM_ERR_REFUSED, "no picture there");
	if (!(path = mm_strndup(r->path.at, r->path.len)))
		return mm_fail_nomem(err, "a path");
	if (!(rc = mm_file_open(&f, path, err))) {
		rc = picture(w, f.data, f.size, max_pixels, out, type, err);
		mm_file_release(&f);
	}
	mm_free(path);
	return rc;
}
