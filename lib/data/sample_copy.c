/* sample_copy.c - see sample_copy.h. */
#include "data/sample_copy.h"

#include <string.h>

static void *keep(struct mm_arena *a, const void *p, size_t n)
{
	void *q = mm_arena_alloc(a, n + 1, 1);

	if (q && n)
		memcpy(q, p, n);
	return q;
}

static bool keep_str(struct mm_arena *a, struct mm_str *s)
{
	if (!s->str)
		return true;
	return (s->str = mm_arena_strndup(a, s->str, s->len));
}

static bool keep_column(struct mm_arena *a, struct mm_column *dst,
			const struct mm_column *src, size_t row)
{
	const void *p;
	int64_t *end;
	size_t n;

	*dst = *src;
	p = mm_column_row(src, row, &n);
	dst->items.dim[0] = n;
	dst->items.nbytes = n * src->row_bytes;
	if (!(dst->name = dst->items.name = mm_arena_strdup(a, src->name)) ||
	    !(dst->items.data = keep(a, p, dst->items.nbytes)))
		return false;
	if (!src->ends)
		return true;
	if (!(end = mm_arena_alloc(a, 1, sizeof(*end))))
		return false;
	*end = (int64_t)n;
	dst->ends = end;
	return true;
}

static bool keep_meta(struct mm_arena *a, struct mm_segment *seg,
		      const struct mm_segment *src)
{
	struct mm_meta *m = mm_arena_alloc(a, src->n_meta, sizeof(*m));

	seg->meta = m;
	seg->n_meta = src->n_meta;
	for (size_t i = 0; m && i < src->n_meta; i++) {
		m[i].key = mm_arena_strdup(a, src->meta[i].key);
		m[i].value = mm_arena_strdup(a, src->meta[i].value);
		if (!m[i].key || !m[i].value)
			return false;
	}
	return m != NULL;
}

static struct mm_segment *keep_row(struct mm_arena *a,
				   const struct mm_segment *src, size_t row)
{
	struct mm_segment *seg = mm_arena_alloc(a, 1, sizeof(*seg));

	if (!seg)
		return NULL;
	*seg = *src;
	seg->n = 1;
	seg->n_columns = 0;
	seg->column = mm_arena_alloc(a, src->n_columns, sizeof(*seg->column));
	if (!seg->column || !keep_meta(a, seg, src) ||
	    !(seg->path = mm_arena_strdup(a, src->path)))
		return NULL;
	for (size_t c = 0; c < src->n_columns; c++) {
		if (!keep_column(a, &seg->column[seg->n_columns++],
				 &src->column[c], row))
			return NULL;
	}
	return seg;
}

/* The copied row's bytes of a column, or a copy of their own. */
static const void *bytes_of(struct mm_arena *a, const struct mm_segment *seg,
			    const char *name, const void *p, size_t n)
{
	const struct mm_column *c = seg ? mm_segment_find(seg, name) : NULL;

	return c && c->items.nbytes == n ? c->items.data : keep(a, p, n);
}

static bool keep_phrases(struct mm_arena *a, struct mm_sample *s)
{
	struct mm_str *p;

	if (!s->phrases)
		return true;
	if (!(p = mm_arena_alloc(a, s->n_boxes, sizeof(*p))))
		return false;
	for (size_t i = 0; i < s->n_boxes; i++) {
		p[i] = s->phrases[i];
		if (!keep_str(a, &p[i]))
			return false;
	}
	s->phrases = p;
	return true;
}

int mm_sample_copy(struct mm_sample *dst, const struct mm_sample *src,
		   struct mm_arena *arena, struct mm_err *err)
{
	const size_t boxes = src->n_boxes * 4 * sizeof(*src->boxes);

	*dst = *src;
	dst->row = 0;
	if (src->segment &&
	    !(dst->segment = keep_row(arena, src->segment, src->row)))
		return mm_fail_nomem(err, "a sample");
	if (!keep_str(arena, &dst->id) || !keep_str(arena, &dst->text) ||
	    !keep_str(arena, &dst->image_path) ||
	    !keep_str(arena, &dst->image_id) ||
	    !keep_str(arena, &dst->label_name) ||
	    !(dst->source = mm_arena_strdup(arena, src->source)) ||
	    !keep_phrases(arena, dst))
		return mm_fail_nomem(err, "a sample");
	if (src->image_data &&
	    !(dst->image_data = bytes_of(arena, dst->segment, "image.data",
					 src->image_data, src->image_size)))
		return mm_fail_nomem(err, "a sample");
	if (src->has_boxes &&
	    !(dst->boxes = bytes_of(arena, dst->segment, "boxes", src->boxes,
				    boxes)))
		return mm_fail_nomem(err, "a sample");
	return MM_OK;
}
