/* coco_index.c - see coco_index.h. */
#include "data/coco_index.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "data/coco_shape.h"
#include "data/json_sample.h"

/* ---- files ---- */

static int read_pipe(struct mm_coco_doc *d, struct mm_reader *reader,
		     struct mm_err *err)
{
	enum { STEP = 1 << 20 };
	size_t got = STEP;
	char *p;
	int rc;

	while (got == STEP) {
		if (!(p = mm_buf_reserve(&d->whole, STEP)))
			return mm_fail_nomem(err, reader->name);
		if ((rc = mm_reader_read(reader, p, STEP, &got, err)))
			return rc;
		d->whole.len += got;
	}
	return MM_OK;
}

static int find_lists(struct mm_coco_doc *d, struct mm_slice whole,
		      struct mm_err *err)
{
	struct mm_scan *s = &d->scan;
	struct mm_slice key, value, *list;
	int rc;

	if (!whole.n || whole.p[0] != '{')
		return mm_fail(err, MM_ERR_FORMAT, "'%s' is not a JSON object",
			       s->name);
	if ((rc = mm_scan_enter(s, whole, '{', "", err)))
		return rc;
	while (!(rc = mm_scan_next(s, &key, &value, err)) && value.n) {
		list = mm_scan_is(key, "images")	? &d->images
		       : mm_scan_is(key, "annotations") ? &d->annotations
		       : mm_scan_is(key, "categories")	? &d->categories
							: NULL;
		if (!list)
			continue;
		if (list->n)
			return mm_fail(err, MM_ERR_FORMAT,
				       "'%s' byte %zu: %.*s is there twice",
				       s->name, mm_scan_at(s, key), (int)key.n,
				       key.p);
		*list = value;
	}
	return rc;
}

int mm_coco_open(struct mm_coco_doc *d, const char *path,
		 struct mm_reader *reader, struct mm_err *err)
{
	const bool pipe = !strcmp(path, "-");
	const char *text;
	size_t n;
	int rc;

	memset(d, 0, sizeof(*d));
	rc = pipe ? read_pipe(d, reader, err)
		  : mm_file_open(&d->file, path, err);
	if (rc)
		return rc;
	text = pipe ? mm_buf_str(&d->whole) : (const char *)d->file.data;
	n = pipe ? d->whole.len : d->file.size;
	d->scan.name = pipe ? reader->name : path;
	d->scan.text = text;
	d->scan.file = pipe ? NULL : &d->file;
	return find_lists(d, mm_scan_whole(text, n), err);
}

void mm_coco_close(struct mm_coco_doc *d)
{
	if (d->file.data)
		mm_file_release(&d->file);
	mm_buf_release(&d->whole);
	memset(d, 0, sizeof(*d));
}

/* ---- images, categories ---- */

static uint64_t key_of(struct mm_slice id)
{
	return mm_hash64(id.p, id.n);
}

static int by_key(const void *a, const void *b)
{
	const struct mm_coco_row *x = a, *y = b;

	return x->key < y->key ? -1 : x->key > y->key;
}

static int read_row(struct mm_coco_row *r, struct mm_scan *s,
		    struct mm_slice object, const char *what, const char *name,
		    struct mm_err *err)
{
	struct mm_scan in = *s;
	struct mm_slice key, value, id = { 0 }, text = { 0 };
	int rc = mm_scan_enter(&in, object, '{', what, err);

	if (rc)
		return rc;
	while (!(rc = mm_scan_next(&in, &key, &value, err)) && value.n) {
		if (mm_scan_is(key, "id"))
			id = value;
		else if (mm_scan_is(key, name))
			text = value;
	}
	if (rc)
		return rc;
	if (!id.n || id.n > 4096 || !strchr("\"-0123456789", id.p[0]))
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s' byte %zu: one of '%s' has no id", s->name,
			       mm_scan_at(s, object), what);
	if (text.n > 4096 || (text.n && text.p[0] != '"'))
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s' byte %zu: '%s' must be a short string",
			       s->name, mm_scan_at(s, object), name);
	*r = (struct mm_coco_row){
		.key = key_of(id),
		.id = mm_scan_at(s, id),
		.id_n = (uint32_t)id.n,
		.name = text.n ? mm_scan_at(s, text) : 0,
		.name_n = (uint32_t)text.n,
	};
	return MM_OK;
}

int mm_coco_rows(struct mm_coco_rows *r, struct mm_coco_doc *d,
		 struct mm_slice list, const char *what, const char *name,
		 struct mm_err *err)
{
	struct mm_scan *s = &d->scan;
	struct mm_slice key, value;
	size_t cap = 0;
	int rc = mm_scan_enter(s, list, '[', what, err);

	if (rc)
		return rc;
	while (!(rc = mm_scan_next(s, &key, &value, err)) && value.n) {
		if (r->n == cap) {
			struct mm_coco_row *p;

			cap = cap ? cap * 2 : 256;
			if (!(p = mm_realloc(r->row, cap, sizeof(*p))))
				return mm_fail_nomem(err, what);
			r->row = p;
		}
		if ((rc = read_row(&r->row[r->n], s, value, what, name, err)))
			return rc;
		r->n++;
	}
	if (rc)
		return rc;
	if (r->n)
		qsort(r->row, r->n, sizeof(*r->row), by_key);
	for (size_t i = 1; i < r->n; i++)
		if (r->row[i].key == r->row[i - 1].key)
			return mm_fail(err, MM_ERR_FORMAT,
				       "'%s': two of '%s' have the id %.*s",
				       s->name, what, (int)r->row[i].id_n,
				       s->text + r->row[i].id);
	return MM_OK;
}

void mm_coco_rows_release(struct mm_coco_rows *r)
{
	mm_free(r->row);
	memset(r, 0, sizeof(*r));
}

ptrdiff_t mm_coco_find(const struct mm_coco_rows *r, struct mm_slice id)
{
	const struct mm_coco_row want = { .key = key_of(id) };
	const struct mm_coco_row *found =
		r->n && id.n
			? bsearch(&want, r->row, r->n, sizeof(want), by_key)
			: NULL;

	return found ? found - r->row : -1;
}

/* ---- annotations ---- */

int mm_coco_next(struct mm_scan *s, struct mm_coco_annotation *a,
		 struct mm_err *err)
{
	struct mm_scan in = *s;
	struct mm_slice key, value;
	int rc;

	memset(a, 0, sizeof(*a));
	if ((rc = mm_scan_next(s, &key, &a->whole, err)) || !a->whole.n)
		return rc;
	in.p = in.end = NULL;
	if ((rc = mm_scan_enter(&in, a->whole, '{', "annotations", err)))
		return rc;
	while (!(rc = mm_scan_next(&in, &key, &value, err)) && value.n) {
		if (mm_scan_is(key, "id"))
			a->id = value;
		else if (mm_scan_is(key, "image_id"))
			a->image_id = value;
		else if (mm_scan_is(key, "caption"))
			a->caption = value;
		else if (mm_scan_is(key, "bbox"))
			a->bbox = value;
		else if (mm_scan_is(key, "category_id"))
			a->category_id = value;
		else if (mm_scan_is(key, "segmentation"))
			a->segmentation = value;
	}
	return rc;
}

int mm_coco_box(const struct mm_coco_annotation *a, float box[4],
		struct mm_err *err)
{
	struct mm_scan s = { .name = "bbox", .text = a->bbox.p };
	struct mm_slice key, value;
	double x[5] = { 0 };
	size_t n = 0;
	bool ok;

	if (a->bbox.n) {
		ok = !mm_scan_enter(&s, a->bbox, '[', "bbox", NULL);
		while (ok && (ok = !mm_scan_next(&s, &key, &value, NULL)) &&
		       value.n) {
			ok = n < 4 && mm_scan_num(value, &x[n]);
			n++;
		}
		if (!ok || n != 4 || x[2] < 0 || x[3] < 0)
			return mm_fail(err, MM_ERR_FORMAT,
				       "its bbox is not x, y, width, height");
		x[2] += x[0];
		x[3] += x[1];
	} else {
		const int rc = mm_coco_bounds(a->segmentation, x, err);

		if (rc)
			return rc;
	}
	for (int i = 0; i < 4; i++) {
		if (x[i] > 1e9 || x[i] < -1e9)
			return mm_fail(err, MM_ERR_FORMAT,
				       "its bbox is absurdly far away");
		box[i] = (float)x[i];
	}
	return MM_OK;
}

int mm_coco_text(struct mm_input *in, struct mm_str *out, struct mm_slice v,
		 const char *what, struct mm_err *err)
{
	struct mm_json *parsed;
	int rc;

	*out = (struct mm_str){ 0 };
	if (!v.n)
		return MM_OK;
	if ((rc = mm_scan_parse(v, &parsed, err)))
		return mm_fail_ctx(err, "its %s", what);
	rc = mm_json_keep(in, out, parsed, what, err);
	mm_json_free(parsed);
	return rc;
}
