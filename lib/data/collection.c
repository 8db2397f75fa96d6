/* collection.c - see collection.h. */
#include "data/collection.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

void mm_collection_release(struct mm_collection *c)
{
	for (size_t i = 0; i < c->n_streams; i++)
		mm_stream_release(&c->stream[i]);
	mm_free(c->stream);
	mm_free(c->part);
	mm_gallery_release(&c->gallery);
	mm_arena_release(&c->arena);
	memset(c, 0, sizeof(*c));
}

static bool grow(void **list, size_t n, size_t *cap, size_t size)
{
	const size_t more = *cap ? 2 * *cap : 16;
	void *p;

	if (n < *cap)
		return true;
	if (!(p = mm_realloc(*list, more, size)))
		return false;
	*list = p;
	*cap = more;
	return true;
}

/* A string column that outlives the segment; zeros where it is absent. */
static int keep_strings(struct mm_collection *c, struct mm_column *out,
			const struct mm_column *in, size_t n, bool mapped,
			struct mm_err *err)
{
	void *bytes, *ends;

	memset(out, 0, sizeof(*out));
	if (!mm_column_is_str(in))
		return MM_OK;
	*out = *in;
	out->name = out->items.name = NULL;
	if (mapped)
		return MM_OK;
	bytes = mm_arena_alloc(&c->arena, in->items.nbytes + 1, 1);
	ends = mm_arena_alloc(&c->arena, n, sizeof(*in->ends));
	if (!bytes || !ends)
		return mm_fail_nomem(err, "a gallery");
	memcpy(bytes, in->items.data, in->items.nbytes);
	memcpy(ends, in->ends, n * sizeof(*in->ends));
	out->items.data = bytes;
	out->ends = ends;
	return MM_OK;
}

/* The column's values where they outlive the segment; NULL: no memory. */
static const void *keep(struct mm_collection *c, const struct mm_column *in,
			bool mapped)
{
	void *copy;

	if (mapped)
		return in->items.data;
	if ((copy = mm_arena_alloc(&c->arena, in->items.nbytes, 1)))
		memcpy(copy, in->items.data, in->items.nbytes);
	return copy;
}

/* NAME.int8 and NAME.scale, which must be there both or not at all. */
static int find_int8(const struct mm_segment *seg, const char *name, size_t D,
		     const struct mm_column **q, const struct mm_column **scale,
		     struct mm_err *err)
{
	char part[64];
	int rc;

	snprintf(part, sizeof(part), "%s.int8", name);
	*q = mm_segment_find(seg, part);
	*scale = NULL;
	if (!*q)
		return MM_OK;
	if ((rc = mm_segment_want(seg, part, MM_I8, false, 1, &D, q, err)))
		return rc;
	snprintf(part, sizeof(part), "%s.scale", name);
	return mm_segment_want(seg, part, MM_F32, false, 0, NULL, scale, err);
}

static int keep_rows(struct mm_collection *c, const struct mm_segment *seg,
		     const char *name, const struct mm_column *v, bool mapped,
		     struct mm_err *err)
{
	const struct mm_column *q, *scale;
	const void *rows, *small = NULL, *scales = NULL;
	int rc = find_int8(seg, name, c->gallery.D, &q, &scale, err);

	if (rc)
		return rc;
	if (!(rows = keep(c, v, mapped)) ||
	    (q && (!(small = keep(c, q, mapped)) ||
		   !(scales = keep(c, scale, mapped)))))
		return mm_fail_nomem(err, "a gallery");
	return mm_gallery_add_int8(&c->gallery, rows, small, scales, seg->n,
				   err);
}

static int add_segment(struct mm_collection *c, const struct mm_segment *seg,
		       const char *name, bool mapped, struct mm_err *err)
{
	const size_t D = c->gallery.D ? c->gallery.D : SIZE_MAX;
	const struct mm_column *v, *id;
	struct mm_collection_part *p;
	int rc;

	if (!seg->n)
		return MM_OK;
	if (!name)
		name = !mm_segment_find(seg, "image.embedding") &&
				       mm_segment_find(seg, "text.embedding")
			       ? "text.embedding"
			       : "image.embedding";
	if ((rc = mm_segment_want(seg, name, MM_F32, false, 1, &D, &v, err)) ||
	    (rc = mm_segment_want_str(seg, "id", &id, err)))
		return rc;
	if (!v->items.dim[1])
		return mm_fail(err, MM_ERR_SHAPE, "'%s': vectors of no numbers",
			       seg->path);
	c->gallery.D = v->items.dim[1];
	if (!grow((void **)&c->part, c->n_parts, &c->cap_parts,
		  sizeof(*c->part)))
		return mm_fail_nomem(err, "a gallery");
	p = &c->part[c->n_parts];
	p->first = c->gallery.n;
	p->n = seg->n;
	if ((rc = keep_strings(c, &p->id, id, seg->n, mapped, err)) ||
	    (rc = keep_strings(c, &p->text, mm_segment_find(seg, "text"),
			       seg->n, mapped, err)) ||
	    (rc = keep_strings(c, &p->path, mm_segment_find(seg, "image.path"),
			       seg->n, mapped, err)) ||
	    (rc = keep_rows(c, seg, name, v, mapped, err)))
		return rc;
	c->n_parts++;
	return MM_OK;
}

int mm_collection_add(struct mm_collection *c, const char *path,
		      const char *column, struct mm_err *err)
{
	const struct mm_segment *seg;
	struct mm_stream *s;
	int rc;

	if (!grow((void **)&c->stream, c->n_streams, &c->cap_streams,
		  sizeof(*c->stream)))
		return mm_fail_nomem(err, "a gallery");
	s = &c->stream[c->n_streams];
	if ((rc = mm_stream_open(s, path, err)))
		return rc;
	c->n_streams++;
	while (!(rc = mm_stream_next(s, &seg, err)) && seg)
		if ((rc = add_segment(c, seg, column, s->mapped, err)))
			break;
	return rc;
}

static const struct mm_collection_part *part_of(const struct mm_collection *c,
						size_t i)
{
	size_t lo = 0, hi = c->n_parts;

	while (hi - lo > 1) {
		const size_t mid = lo + (hi - lo) / 2;

		if (c->part[mid].first <= i)
			lo = mid;
		else
			hi = mid;
	}
	return &c->part[lo];
}

const char *mm_collection_id(const struct mm_collection *c, size_t i,
			     size_t *len)
{
	const struct mm_collection_part *p = part_of(c, i);

	return mm_column_str(&p->id, i - p->first, len);
}

const char *mm_collection_text(const struct mm_collection *c, size_t i,
			       size_t *len)
{
	const struct mm_collection_part *p = part_of(c, i);

	return mm_column_str(&p->text, i - p->first, len);
}

const char *mm_collection_path(const struct mm_collection *c, size_t i,
			       size_t *len)
{
	const struct mm_collection_part *p = part_of(c, i);

	return mm_column_str(&p->path, i - p->first, len);
}

bool mm_collection_before(const void *ctx, size_t a, size_t b)
{
	size_t n, m;
	const char *x = mm_collection_id(ctx, a, &n);
	const char *y = mm_collection_id(ctx, b, &m);
	const int order = memcmp(x, y, n < m ? n : m);

	if (order)
		return order < 0;
	return n != m ? n < m : a < b;
}
