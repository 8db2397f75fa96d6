/*
 * source_coco.c - COCO's captions and instances; the format is in
 * coco_index.h.
 *
 * A captions file: a sample for each caption, its annotation's id as id,
 * image.id the image's.  Boxes come from annotations in the same file that
 * have a bbox or a segmentation, or from the file --instances, all to every
 * caption of their picture; the category is the phrase.
 *
 * A file without any caption: a sample for each picture, with its boxes.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "data/coco_index.h"

struct box {
	uint32_t image;	   /* index into images */
	uint32_t category; /* index into categories, or NO_CATEGORY */
	float at[4];
};

enum { NO_CATEGORY = UINT32_MAX };

enum phase { COLLECT, CAPTIONS, IMAGES };

struct state {
	struct mm_coco_doc main, other; /* other: --instances */
	struct mm_coco_doc *boxes_from; /* one of the two */
	struct mm_coco_rows images, categories;
	struct box *box; /* n_boxes of them; by image once collected */
	size_t n_boxes, cap_boxes;
	size_t *first; /* n_images + 1: where each picture's boxes begin */
	bool *captioned;
	bool any_caption, any_box;
	enum phase phase;
	struct mm_scan scan; /* of the annotations */
	size_t image;	     /* next one of phase IMAGES */
};

static bool sniff(const struct mm_sniff *x)
{
	return mm_sniff_first(x) == '{' && !mm_path_has_ext(x->path, "jsonl") &&
	       (mm_sniff_has(x, "\"images\"") ||
		mm_sniff_has(x, "\"annotations\"") ||
		mm_sniff_has(x, "\"licenses\"") ||
		mm_sniff_has(x, "\"categories\""));
}

static int open_coco(struct mm_input *in, struct mm_err *err)
{
	const struct mm_source_options *o = &in->all->options;
	struct state *st = mm_calloc(1, sizeof(*st));
	int rc;

	if (!(in->state = st))
		return mm_fail_nomem(err, "a source");
	if (o->split)
		return mm_fail(err, MM_ERR_USAGE,
			       "'%s': COCO has no splits; its files are",
			       in->path);
	if ((rc = mm_coco_open(&st->main, in->path, &in->reader, err)))
		return rc;
	st->boxes_from = &st->main;
	if (o->instances) {
		rc = mm_coco_open(&st->other, o->instances, NULL, err);
		if (rc)
			return rc;
		st->boxes_from = &st->other;
	}
	if ((rc = mm_coco_rows(&st->images, &st->main, st->main.images,
			       "images", "file_name", err)))
		return rc;
	if (st->images.n >= UINT32_MAX)
		return mm_fail(err, MM_ERR_REFUSED, "'%s': too many images",
			       in->path);
	if (st->boxes_from->categories.n &&
	    (rc = mm_coco_rows(&st->categories, st->boxes_from,
			       st->boxes_from->categories, "categories", "name",
			       err)))
		return rc;
	st->captioned = mm_calloc(st->images.n + 1, sizeof(bool));
	st->first = mm_calloc(st->images.n + 2, sizeof(*st->first));
	if (!st->captioned || !st->first)
		return mm_fail_nomem(err, "a list of images");
	st->scan = st->boxes_from->scan;
	return mm_scan_enter(&st->scan, st->boxes_from->annotations, '[',
			     "annotations", err);
}

static struct mm_slice slice(const struct mm_coco_doc *d, size_t at, size_t n)
{
	return (struct mm_slice){ d->scan.text + at, n };
}

static void set_where(struct mm_sample *s, const struct mm_scan *scan,
		      struct mm_slice at)
{
	snprintf(s->where, sizeof(s->where), "byte %zu", mm_scan_at(scan, at));
}

/* The annotation's picture; -1 where it is of no picture here. */
static int find_image(const struct state *st,
		      const struct mm_coco_annotation *a, ptrdiff_t *image,
		      struct mm_err *err)
{
	*image = mm_coco_find(&st->images, a->image_id);
	if (*image >= 0 || st->scan.text == st->other.scan.text)
		return MM_OK;
	if (!a->image_id.n)
		return mm_fail(err, MM_ERR_FORMAT, "it has no image_id");
	return mm_fail(err, MM_ERR_FORMAT, "its image_id %.*s is no image's",
		       (int)(a->image_id.n < 40 ? a->image_id.n : 40),
		       a->image_id.p);
}

/* ---- phase 1: boxes ---- */

static int add_box(struct state *st, const struct mm_coco_annotation *a,
		   struct mm_err *err)
{
	struct box b = { .category = NO_CATEGORY };
	ptrdiff_t image, category;
	int rc;

	if ((rc = find_image(st, a, &image, err)) || image < 0)
		return rc;
	if ((rc = mm_coco_box(a, b.at, err)))
		return rc;
	b.image = (uint32_t)image;
	if (a->category_id.n) {
		category = mm_coco_find(&st->categories, a->category_id);
		if (category < 0)
			return mm_fail(err, MM_ERR_FORMAT,
				       "its category_id is no category's");
		b.category = (uint32_t)category;
	}
	if (st->n_boxes == st->cap_boxes) {
		const size_t cap = st->cap_boxes ? st->cap_boxes * 2 : 256;
		struct box *p = mm_realloc(st->box, cap, sizeof(*p));

		if (!p)
			return mm_fail_nomem(err, "boxes");
		st->box = p;
		st->cap_boxes = cap;
	}
	st->box[st->n_boxes++] = b;
	return MM_OK;
}

/* Boxes by picture, those of one in the order of the file. */
static int sort_boxes(struct state *st, struct mm_err *err)
{
	struct box *sorted = mm_malloc(st->n_boxes, sizeof(*sorted));

	if (!sorted)
		return mm_fail_nomem(err, "boxes");
	for (size_t i = 0; i < st->n_boxes; i++)
		st->first[st->box[i].image + 2]++;
	for (size_t i = 2; i < st->images.n + 2; i++)
		st->first[i] += st->first[i - 1];
	/* first[k + 1] runs from the begin of k to its end. */
	for (size_t i = 0; i < st->n_boxes; i++)
		sorted[st->first[st->box[i].image + 1]++] = st->box[i];
	mm_free(st->box);
	st->box = sorted;
	return MM_OK;
}

/* Go through the annotations once; a bad box is a bad sample. */
static int collect(struct mm_input *in, struct mm_sample *s, struct mm_err *err)
{
	struct state *st = in->state;
	struct mm_coco_annotation a;
	int rc;

	while (!(rc = mm_coco_next(&st->scan, &a, err)) && a.whole.n) {
		st->any_caption |= a.caption.n > 0;
		if (!a.bbox.n && !a.segmentation.n)
			continue;
		st->any_box = true;
		if (!(rc = add_box(st, &a, err)))
			continue;
		set_where(s, &st->scan, a.whole);
		s->source = st->boxes_from->scan.name;
		in->bad_sample = rc != MM_ERR_NOMEM;
		return rc;
	}
	if (rc || (rc = sort_boxes(st, err)))
		return rc;
	/* Captions are in the main file, whoever has the boxes. */
	if (st->boxes_from != &st->main)
		st->any_caption = true;
	st->phase = st->any_caption ? CAPTIONS : IMAGES;
	st->scan = st->main.scan;
	return mm_scan_enter(&st->scan, st->main.annotations, '[',
			     "annotations", err);
}

/* ---- samples ---- */

static int set_boxes(struct mm_input *in, struct mm_sample *s, size_t image,
		     struct mm_err *err)
{
	struct state *st = in->state;
	const struct box *b = st->box + st->first[image];
	const size_t n = st->first[image + 1] - st->first[image];
	struct mm_str *phrase =
		mm_arena_alloc(&in->all->text, n + 1, sizeof(*phrase));
	float *at = mm_arena_alloc(&in->all->text, 4 * n + 1, sizeof(*at));
	int rc = MM_OK;

	if (!phrase || !at)
		return mm_fail_nomem(err, "boxes");
	for (size_t i = 0; i < n && !rc; i++) {
		const struct mm_coco_row *c;

		memcpy(at + 4 * i, b[i].at, sizeof(b[i].at));
		phrase[i] = (struct mm_str){ "", 0 };
		if (b[i].category == NO_CATEGORY)
			continue;
		c = &st->categories.row[b[i].category];
		rc = c->name_n ? mm_coco_text(in, &phrase[i],
					      slice(st->boxes_from, c->name,
						    c->name_n),
					      "category", err)
			       : MM_OK;
	}
	s->has_boxes = true;
	s->boxes = at;
	s->n_boxes = n;
	s->phrases = phrase;
	return rc;
}

static int set_image(struct mm_input *in, struct mm_sample *s, size_t image,
		     struct mm_err *err)
{
	struct state *st = in->state;
	const struct mm_coco_row *r = &st->images.row[image];
	struct mm_str name = { 0 };
	int rc;

	if ((rc = mm_coco_text(in, &s->image_id,
			       slice(&st->main, r->id, r->id_n), "image id",
			       err)) ||
	    (r->name_n &&
	     (rc = mm_coco_text(in, &name, slice(&st->main, r->name, r->name_n),
				"file_name", err))) ||
	    (rc = mm_input_resolve(in, &s->image_path, name.str, name.len,
				   err)))
		return rc;
	return st->any_box ? set_boxes(in, s, image, err) : MM_OK;
}

/* The next caption; the phase ends with them. */
static int next_caption(struct mm_input *in, struct mm_sample *s,
			struct mm_err *err)
{
	struct state *st = in->state;
	struct mm_coco_annotation a;
	ptrdiff_t image;
	int rc;

	do {
		if ((rc = mm_coco_next(&st->scan, &a, err)))
			return rc;
		if (!a.whole.n) {
			st->phase = IMAGES;
			return MM_OK;
		}
	} while (!a.caption.n);
	in->bad_sample = true;
	set_where(s, &st->scan, a.whole);
	if ((rc = mm_coco_text(in, &s->id, a.id, "id", err)) ||
	    (rc = find_image(st, &a, &image, err)) ||
	    (rc = mm_coco_text(in, &s->text, a.caption, "caption", err)))
		return rc;
	if (image < 0) /* find_image lets it pass only in the other file */
		return mm_fail(err, MM_ERR_FORMAT, "its image is not there");
	st->captioned[image] = true;
	if ((rc = set_image(in, s, (size_t)image, err)) || s->id.str)
		return rc;
	s->id.str = mm_arena_printf(&in->all->text, "%s@%zu", s->image_id.str,
				    mm_scan_at(&st->scan, a.whole));
	if (!s->id.str)
		return mm_fail_nomem(err, "a sample");
	s->id.len = strlen(s->id.str);
	return MM_OK;
}

/* The next picture without a caption. */
static int next_image(struct mm_input *in, struct mm_sample *s, bool *end,
		      struct mm_err *err)
{
	struct state *st = in->state;
	const struct mm_coco_row *r;
	int rc;

	while (st->image < st->images.n && st->captioned[st->image])
		st->image++;
	if ((*end = st->image == st->images.n))
		return MM_OK;
	in->bad_sample = true;
	r = &st->images.row[st->image];
	set_where(s, &st->main.scan, slice(&st->main, r->id, r->id_n));
	rc = set_image(in, s, st->image++, err);
	s->id = s->image_id;
	if (!rc && st->any_caption)
		s->has_boxes = false; /* a caption is what it should have */
	return rc;
}

static int next(struct mm_input *in, struct mm_sample *s, bool *end,
		struct mm_err *err)
{
	struct state *st = in->state;
	int rc;

	if (st->phase == COLLECT && (rc = collect(in, s, err)))
		return rc;
	if (st->phase == CAPTIONS) {
		rc = next_caption(in, s, err);
		if (rc || st->phase == CAPTIONS)
			return rc;
	}
	return next_image(in, s, end, err);
}

static void close_coco(struct mm_input *in)
{
	struct state *st = in->state;

	if (!st)
		return;
	mm_coco_close(&st->main);
	mm_coco_close(&st->other);
	mm_coco_rows_release(&st->images);
	mm_coco_rows_release(&st->categories);
	mm_free(st->box);
	mm_free(st->first);
	mm_free(st->captioned);
	mm_free(st);
	in->state = NULL;
}

const struct mm_source mm_source_coco = {
	.name = "coco",
	.sniff = sniff,
	.open = open_coco,
	.next = next,
	.close = close_coco,
};
