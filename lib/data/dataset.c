/* dataset.c - see dataset.h. */
#include "data/dataset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "data/dataset_part.h"
#include "data/window.h"

/* What the file's map does not hold is copied into d->arena. */
static int keep(struct mm_dataset *d, const struct mm_stream *s, const void **p,
		size_t bytes, struct mm_err *err)
{
	const unsigned char *at = *p, *map = s->file.data;
	void *copy;

	if (d->window || !bytes ||
	    (s->mapped && at >= map && at < map + s->file.size))
		return MM_OK;
	if (!(copy = mm_arena_alloc(&d->arena, bytes, 1)))
		return mm_fail_nomem(err, "the data");
	*p = memcpy(copy, at, bytes);
	return MM_OK;
}

static int keep_column(struct mm_dataset *d, const struct mm_stream *s,
		       const struct mm_column *c, const void **p,
		       struct mm_err *err)
{
	*p = c->items.data;
	return keep(d, s, p, c->items.nbytes, err);
}

static int keep_strings(struct mm_dataset *d, const struct mm_stream *s,
			const struct mm_column *c, struct mm_strings *out,
			struct mm_err *err)
{
	const void *t, *e = c->ends;
	int rc = keep_column(d, s, c, &t, err);

	if (!rc)
		rc = keep(d, s, &e, s->segment.n * sizeof(*out->ends), err);
	out->text = t ? t : ""; /* empty strings may have no bytes at all */
	out->ends = e;
	return rc;
}

/* "0.48,0.45,0.40" */
static bool parse_three(float out[3], const char *text)
{
	return text && sscanf(text, "%f,%f,%f", out, out + 1, out + 2) == 3;
}

static int differs(const struct mm_segment *seg, const char *what,
		   struct mm_err *err)
{
	return mm_fail(err, MM_ERR_SHAPE,
		       "'%s' byte %llu: %s differ from those before", seg->path,
		       (unsigned long long)seg->offset, what);
}

static const char *meta(void *ctx, const char *key)
{
	return mm_segment_meta(ctx, key);
}

/* How pictures and ids were made. */
static int take_meta(struct mm_dataset *d, const struct mm_segment *seg,
		     struct mm_err *err)
{
	const char *preset = mm_segment_meta(seg, "preset"),
		   *tokenizer = mm_segment_meta(seg, "tokenizer");
	union {
		const struct mm_segment *in;
		void *out;
	} ctx = { seg }; /* casts const away: the callback only reads */

	if (preset)
		snprintf(d->preset, sizeof(d->preset), "%s", preset);
	if (tokenizer && !(d->tokenizer = mm_arena_strndup(&d->arena, tokenizer,
							   strlen(tokenizer))))
		return mm_fail_nomem(err, "the data's metadata");
	return mm_image_values_get(&d->values, meta, ctx.out, err);
}

static int take_pixels(struct mm_dataset *d, const struct mm_stream *s,
		       const struct mm_segment *seg, struct mm_dataset_part *p,
		       bool first, struct mm_err *err)
{
	static const size_t any[] = { 3, SIZE_MAX, SIZE_MAX };
	const struct mm_column *c = mm_segment_find(seg, "image");
	const bool floats = c && c->items.dtype == MM_F32;
	const void *data;
	int rc;

	if (!c)
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s' has no column 'image'; run 'mmtool "
			       "preprocess' on it first",
			       seg->path);
	if ((rc = mm_segment_want(seg, "image", floats ? MM_F32 : MM_U8, false,
				  3, any, &c, err)) ||
	    (rc = keep_column(d, s, c, &data, err)))
		return rc;
	p->pixels = data;
	if (first) {
		d->floats = floats;
		d->H = c->items.dim[2];
		d->W = c->items.dim[3];
		d->has_statistics =
			parse_three(d->mean, mm_segment_meta(seg, "image."
								  "mean")) &&
			parse_three(d->std, mm_segment_meta(seg, "image.std"));
	}
	if (first && (rc = take_meta(d, seg, err)))
		return rc;
	if (floats != d->floats || c->items.dim[2] != d->H ||
	    c->items.dim[3] != d->W)
		return differs(seg, "the pictures' type or size", err);
	return MM_OK;
}

static int take_text(struct mm_dataset *d, const struct mm_stream *s,
		     const struct mm_segment *seg, struct mm_dataset_part *p,
		     bool first, struct mm_err *err)
{
	const size_t any[] = { SIZE_MAX };
	const struct mm_column *c = mm_segment_find(seg, "ids");
	const void *data;
	int rc;

	if (!c)
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s' has no column 'ids'; run 'mmtool "
			       "preprocess --tokenizer ...' on it first",
			       seg->path);
	if ((rc = mm_segment_want(seg, "ids", MM_I32, false, 1, any, &c,
				  err)) ||
	    (rc = keep_column(d, s, c, &data, err)))
		return rc;
	p->ids = data;
	if (first)
		d->T = c->items.dim[1];
	if (c->items.dim[1] != d->T)
		return differs(seg, "the texts' lengths", err);
	c = mm_segment_find(seg, "mask");
	if (first)
		d->has_mask = c != NULL;
	if ((c != NULL) != d->has_mask)
		return differs(seg, "the columns", err);
	if (!c)
		return MM_OK;
	if ((rc = mm_segment_want(seg, "mask", MM_U8, false, 1, &d->T, &c,
				  err)) ||
	    (rc = keep_column(d, s, c, &data, err)))
		return rc;
	p->mask = data;
	return MM_OK;
}

/* A column of strings that all segments have, or none. */
static int take_strings(struct mm_dataset *d, const struct mm_stream *s,
			const struct mm_segment *seg, const char *name,
			bool first, bool *has, struct mm_strings *out,
			struct mm_err *err)
{
	const struct mm_column *c = mm_segment_find(seg, name);
	int rc;

	if (first)
		*has = c != NULL;
	if ((c != NULL) != *has)
		return differs(seg, "the columns", err);
	if (!c)
		return MM_OK;
	if ((rc = mm_segment_want_str(seg, name, &c, err)))
		return rc;
	return keep_strings(d, s, c, out, err);
}

static int take_names(struct mm_dataset *d, const struct mm_stream *s,
		      const struct mm_segment *seg, struct mm_dataset_part *p,
		      bool first, struct mm_err *err)
{
	const struct mm_column *c;
	const void *data;
	int rc;

	if ((rc = mm_segment_want_str(seg, "id", &c, err)) ||
	    (rc = keep_strings(d, s, c, &p->id, err)) ||
	    (rc = take_strings(d, s, seg, "image.id", first, &d->has_image_id,
			       &p->image_id, err)) ||
	    (rc = take_strings(d, s, seg, "text", first, &d->has_text, &p->text,
			       err)) ||
	    (rc = take_strings(d, s, seg, "phrases", first, &d->has_phrases,
			       &p->phrases, err)))
		return rc;
	c = mm_segment_find(seg, "label");
	if (first)
		d->has_label = c != NULL;
	if ((c != NULL) != d->has_label)
		return differs(seg, "the columns", err);
	if (!c)
		return MM_OK;
	if ((rc = mm_segment_want(seg, "label", MM_I64, false, 0, NULL, &c,
				  err)) ||
	    (rc = keep_column(d, s, c, &data, err)))
		return rc;
	p->label = data;
	return MM_OK;
}

static void add_fingerprint(struct mm_dataset *d,
			    const struct mm_dataset_part *p)
{
	const uint64_t h[] = {
		d->fingerprint,
		p->n,
		mm_hash64(p->id.text, (size_t)p->id.ends[p->n - 1]),
		d->H,
		d->W,
		d->T
	};

	d->fingerprint = mm_hash64(h, sizeof(h));
}

int mm_dataset_part_take(struct mm_dataset *d, const struct mm_stream *s,
			 const struct mm_segment *seg,
			 struct mm_dataset_part *p, bool first,
			 struct mm_err *err)
{
	int rc;

	if ((rc = take_pixels(d, s, seg, p, first, err)) ||
	    (rc = take_text(d, s, seg, p, first, err)))
		return rc;
	return take_names(d, s, seg, p, first, err);
}

static int take(struct mm_dataset *d, const struct mm_stream *s,
		const struct mm_segment *seg, struct mm_err *err)
{
	struct mm_dataset_part *p, *list;
	const bool first = !d->n_parts;
	int rc;

	if (!seg->n)
		return MM_OK;
	if (!(list = mm_realloc(d->part, d->n_parts + 1, sizeof(*list))))
		return mm_fail_nomem(err, "the data's index");
	d->part = list;
	p = &list[d->n_parts];
	memset(p, 0, sizeof(*p));
	p->first = d->n;
	p->n = seg->n;
	if ((rc = mm_dataset_part_take(d, s, seg, p, first, err)))
		return rc;
	add_fingerprint(d, p);
	d->n_parts++;
	d->n += p->n;
	return MM_OK;
}

int mm_dataset_open(struct mm_dataset *d, const char *const *paths,
		    size_t n_paths, struct mm_err *err)
{
	const struct mm_segment *seg;
	int rc = MM_OK;

	memset(d, 0, sizeof(*d));
	d->stream = mm_calloc(n_paths, sizeof(*d->stream));
	d->first = mm_calloc(n_paths + 1, sizeof(*d->first));
	if (!d->stream || !d->first)
		rc = mm_fail_nomem(err, "the data's index");
	for (size_t i = 0; i < n_paths && !rc; i++) {
		struct mm_stream *s = &d->stream[i];

		if ((rc = mm_stream_open(s, paths[i], err)))
			break;
		d->n_streams++;
		while (!(rc = mm_stream_next(s, &seg, err)) && seg)
			if ((rc = take(d, s, seg, err)))
				break;
		d->first[i + 1] = d->n;
	}
	if (!rc && !d->n)
		rc = mm_fail(err, MM_ERR_FORMAT, "'%s' holds no samples",
			     paths[0]);
	if (rc)
		mm_dataset_release(d);
	return rc;
}

void mm_dataset_release(struct mm_dataset *d)
{
	for (size_t i = 0; i < d->n_streams; i++)
		mm_stream_release(&d->stream[i]);
	mm_window_free(d->window);
	mm_free(d->stream);
	mm_free(d->first);
	mm_free(d->part);
	mm_arena_release(&d->arena);
	memset(d, 0, sizeof(*d));
}

/* The part of sample i, and its row there. */
static const struct mm_dataset_part *locate(const struct mm_dataset *d,
					    size_t i, size_t *row)
{
	size_t lo = 0, hi = d->n_parts;

	while (hi - lo > 1) {
		const size_t mid = (lo + hi) / 2;

		if (d->part[mid].first <= i)
			lo = mid;
		else
			hi = mid;
	}
	*row = i - d->part[lo].first;
	return &d->part[lo];
}

const void *mm_dataset_pixels(const struct mm_dataset *d, size_t i)
{
	size_t row;
	const struct mm_dataset_part *p = locate(d, i, &row);

	return p->pixels + row * 3 * d->H * d->W * (d->floats ? 4 : 1);
}

const int32_t *mm_dataset_ids(const struct mm_dataset *d, size_t i)
{
	size_t row;
	const struct mm_dataset_part *p = locate(d, i, &row);

	return p->ids + row * d->T;
}

const uint8_t *mm_dataset_mask(const struct mm_dataset *d, size_t i)
{
	size_t row;
	const struct mm_dataset_part *p = locate(d, i, &row);

	return p->mask ? p->mask + row * d->T : NULL;
}

int64_t mm_dataset_label(const struct mm_dataset *d, size_t i)
{
	size_t row;
	const struct mm_dataset_part *p = locate(d, i, &row);

	return p->label ? p->label[row] : -1;
}

const char *mm_strings_at(const struct mm_strings *s, size_t row, size_t *len)
{
	const int64_t start = row ? s->ends[row - 1] : 0;

	*len = (size_t)(s->ends[row] - start);
	return s->text + start;
}

const char *mm_dataset_id(const struct mm_dataset *d, size_t i, size_t *len)
{
	size_t row;
	const struct mm_dataset_part *p = locate(d, i, &row);

	return mm_strings_at(&p->id, row, len);
}

const char *mm_dataset_image_id(const struct mm_dataset *d, size_t i,
				size_t *len)
{
	size_t row;
	const struct mm_dataset_part *p = locate(d, i, &row);

	return mm_strings_at(p->image_id.text ? &p->image_id : &p->id, row,
			     len);
}

const char *mm_dataset_text(const struct mm_dataset *d, size_t i, size_t *len)
{
	size_t row;
	const struct mm_dataset_part *p = locate(d, i, &row);

	return p->text.text ? mm_strings_at(&p->text, row, len) : NULL;
}

const char *mm_dataset_phrases(const struct mm_dataset *d, size_t i,
			       size_t *len)
{
	size_t row;
	const struct mm_dataset_part *p = locate(d, i, &row);

	return p->phrases.text ? mm_strings_at(&p->phrases, row, len) : NULL;
}
