/* view_picture.c - mmtool view: pictures of a stream as PNG. */
#include "data/picture.h"
#include "image/draw.h"
#include "image/encode.h"
#include "view.h"

enum { SHEET_DEFAULT = 64, SHEET_MOST = 4096, SHEET_COLUMNS = 8, CELL = 128 };

static int write_png(const char *path, const struct mm_image *rgb,
		     struct mm_err *err)
{
	struct mm_common to = { .output = path };
	struct mm_buf png = { 0 };
	struct mm_writer out;
	int rc;

	if (!(rc = mm_image_png(&png, rgb, err)) &&
	    !(rc = mm_output_open(&out, &to, true, err))) {
		if (!(rc = mm_writer_write(&out, png.data, png.len, err)))
			rc = mm_writer_commit(&out, err);
		else
			mm_writer_abort(&out);
	}
	mm_buf_release(&png);
	return rc;
}

int view_image(const struct view_args *a, struct mm_stream *s,
	       struct mm_err *err)
{
	const uint64_t want = (uint64_t)a->image;
	const struct mm_segment *seg;
	struct mm_image rgb = { 0 };
	uint64_t seen = 0;
	int rc;

	while (!(rc = mm_stream_next(s, &seg, err)) && seg &&
	       want - seen >= seg->n)
		seen += seg->n;
	if (!rc && !seg)
		return mm_fail(err, MM_ERR_REFUSED,
			       "'%s' has %llu samples, counted from 0: there "
			       "is no number %llu",
			       s->path, (unsigned long long)seen,
			       (unsigned long long)want);
	if (!rc)
		rc = mm_picture_of(&rgb, seg, (size_t)(want - seen), NULL, err);
	if (!rc)
		rc = write_png(a->common.output, &rgb, err);
	mm_image_release(&rgb);
	return rc;
}

/* Tiles [0, most) as far as the stream goes; *n of them. */
static int fill_sheet(struct mm_sheet *sheet, struct mm_stream *s, size_t most,
		      size_t *n, struct mm_err *err)
{
	const struct mm_segment *seg;
	struct mm_image rgb = { 0 };
	int rc = MM_OK;

	*n = 0;
	while (!rc && *n < most && !(rc = mm_stream_next(s, &seg, err)) &&
	       seg) {
		for (size_t i = 0; !rc && i < seg->n && *n < most; i++, ++*n) {
			size_t len;
			const char *text = mm_column_str(
				mm_segment_find(seg, "text"), i, &len);

			if (!(rc = mm_picture_of(&rgb, seg, i, NULL, err)))
				rc = mm_sheet_put(sheet, *n, &rgb,
						  text ? text : "", len, err);
			else
				mm_fail_ctx(err, "sample %zu", *n);
		}
	}
	mm_image_release(&rgb);
	return rc;
}

int view_sheet(const struct view_args *a, struct mm_stream *s,
	       struct mm_err *err)
{
	size_t most = SHEET_DEFAULT, n;
	struct mm_sheet sheet = { 0 };
	int rc;

	if (a->rows > SHEET_MOST || a->rows == 0)
		return mm_fail(err, MM_ERR_USAGE,
			       "--sheet wants --rows in 1..%d", SHEET_MOST);
	if (a->rows != MM_UNSET)
		most = (size_t)a->rows;
	if ((rc = mm_sheet_init(&sheet, most, SHEET_COLUMNS, CELL, err)))
		return rc;
	rc = fill_sheet(&sheet, s, most, &n, err);
	if (!rc && !n)
		rc = mm_fail(err, MM_ERR_REFUSED, "'%s' holds no samples",
			     s->path);
	if (!rc) {
		mm_sheet_cut(&sheet, n);
		rc = write_png(a->sheet, &sheet.rgb, err);
	}
	mm_sheet_release(&sheet);
	return rc;
}
