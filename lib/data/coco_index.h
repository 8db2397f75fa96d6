/*
 * coco_index.h - COCO's tables, small enough to be held; private to lib/data.
 *
 * Source: cocodataset.org/#format-data.
 *
 *	{"images": [{"id": 9, "file_name": "000009.jpg", ...}, ...],
 *	 "annotations": [{"id": 1, "image_id": 9, "caption": "..."} or
 *			 {"id": 2, "image_id": 9, "category_id": 18,
 *			  "bbox": [x, y, width, height], ...}, ...],
 *	 "categories": [{"id": 18, "name": "dog"}, ...]}
 *
 * The file stays mapped; of an image 32 bytes are held, of a box 24.  Ids are
 * numbers or strings, compared as they are spelled.
 */
#ifndef MM_DATA_COCO_INDEX_H
#define MM_DATA_COCO_INDEX_H

#include "data/json_scan.h"
#include "data/source_kind.h"

/* A file, and its lists. */
struct mm_coco_doc {
	struct mm_file file; /* or, from a pipe, */
	struct mm_buf whole; /* its bytes */
	struct mm_scan scan; /* name, text and file are set */
	struct mm_slice images, annotations, categories;
};

/* One row: a hash of the id, and where id and name stand in the text. */
struct mm_coco_row {
	uint64_t key;
	size_t id, name;
	uint32_t id_n, name_n; /* name_n 0: it has none */
};

struct mm_coco_rows { /* sorted by key */
	struct mm_coco_row *row;
	size_t n;
};

/* An annotation's members. */
struct mm_coco_annotation {
	struct mm_slice whole, id, image_id, caption, bbox, category_id,
		segmentation;
};

/* Map the file, or read it from the reader where that is a pipe. */
int mm_coco_open(struct mm_coco_doc *d, const char *path,
		 struct mm_reader *reader, struct mm_err *err) MM_MUST_CHECK;
void mm_coco_close(struct mm_coco_doc *d); /* safe on zeros */

/* The list's rows; `name` is the member that is the name. */
int mm_coco_rows(struct mm_coco_rows *r, struct mm_coco_doc *d,
		 struct mm_slice list, const char *what, const char *name,
		 struct mm_err *err) MM_MUST_CHECK;
void mm_coco_rows_release(struct mm_coco_rows *r);

/* Index of the row with that id, or -1. */
ptrdiff_t mm_coco_find(const struct mm_coco_rows *r, struct mm_slice id);

/* The next annotation of a scan that entered the list; whole.n 0: the end. */
int mm_coco_next(struct mm_scan *s, struct mm_coco_annotation *a,
		 struct mm_err *err) MM_MUST_CHECK;

/* Its box as x0 y0 x1 y1: bbox, or the bounds of its segmentation. */
int mm_coco_box(const struct mm_coco_annotation *a, float box[4],
		struct mm_err *err) MM_MUST_CHECK;

/* A string or number as text, in the sample's arena. */
int mm_coco_text(struct mm_input *in, struct mm_str *out, struct mm_slice v,
		 const char *what, struct mm_err *err) MM_MUST_CHECK;

#endif
