/* sample.c - a sample's picture, and a sample as a row of a stream. */
#include <string.h>

#include "base/io.h"
#include "data/source.h"

int mm_sample_image(const struct mm_sample *sample, struct mm_buf *file,
		    const void **bytes, size_t *size, struct mm_err *err)
{
	enum { STEP = 1 << 18 };
	struct mm_reader r;
	size_t got = STEP;
	char *p;
	int rc;

	*bytes = sample->image_data;
	*size = sample->image_size;
	if (sample->image_data)
		return MM_OK;
	if (!sample->image_path.len)
		return mm_fail(err, MM_ERR_FORMAT, "'%s' has no image",
			       sample->id.str);
	mm_buf_clear(file);
	if ((rc = mm_reader_open(&r, sample->image_path.str, err)))
		return rc;
	while (!rc && got == STEP) {
		if (!(p = mm_buf_reserve(file, STEP)))
			rc = mm_fail_nomem(err, sample->image_path.str);
		else if (!(rc = mm_reader_read(&r, p, STEP, &got, err)))
			file->len += got;
	}
	mm_reader_release(&r);
	*bytes = mm_buf_str(file);
	*size = file->len;
	return rc;
}

static int put_str(struct mm_stream_writer *w, const char *name,
		   const struct mm_str *s, struct mm_err *err)
{
	return s->str ? mm_stream_put_str(w, name, s->str, s->len, err) : MM_OK;
}

/* Phrases, a line each. */
static int put_phrases(struct mm_stream_writer *w, const struct mm_sample *p,
		       struct mm_buf *scratch, struct mm_err *err)
{
	int rc;

	mm_buf_clear(scratch);
	for (size_t i = 0; i < p->n_boxes; i++) {
		const size_t start = scratch->len;

		mm_buf_add(scratch, p->phrases[i].str, p->phrases[i].len);
		for (size_t k = start; k < scratch->len; k++)
			if (strchr("\r\n", scratch->data[k]))
				scratch->data[k] = ' ';
		mm_buf_addc(scratch, '\n');
	}
	if ((rc = mm_buf_check(scratch, "phrases", err)))
		return rc;
	return mm_stream_put_str(w, "phrases", mm_buf_str(scratch),
				 scratch->len, err);
}

static int put_boxes(struct mm_stream_writer *w, const struct mm_sample *p,
		     struct mm_buf *scratch, struct mm_err *err)
{
	static const size_t four[] = { 4 };
	int rc = mm_stream_put_ragged(w, "boxes", MM_F32, 1, four, p->n_boxes,
				      p->boxes, err);

	if (!rc && (p->phrases || !p->n_boxes))
		rc = put_phrases(w, p, scratch, err);
	return rc;
}

int mm_sample_put(struct mm_stream_writer *w, const struct mm_sample *p,
		  const char *const *drop, struct mm_buf *scratch,
		  struct mm_err *err)
{
	static const size_t two[] = { 2 };
	int rc;

	if (p->segment)
		return mm_stream_carry(w, p->segment, p->row, drop, err);
	if ((rc = put_str(w, "id", &p->id, err)) ||
	    (rc = put_str(w, "text", &p->text, err)))
		return rc;
	if (p->image_data)
		rc = mm_stream_put_str(w, "image.data", p->image_data,
				       p->image_size, err);
	else
		rc = put_str(w, "image.path", &p->image_path, err);
	if (rc || (rc = put_str(w, "image.id", &p->image_id, err)) ||
	    (rc = put_str(w, "label.name", &p->label_name, err)))
		return rc;
	if (p->has_label &&
	    (rc = mm_stream_put(w, "label", MM_I64, 0, NULL, &p->label, err)))
		return rc;
	if (p->has_time &&
	    (rc = mm_stream_put(w, "time", MM_F64, 1, two, p->time, err)))
		return rc;
	return p->has_boxes ? put_boxes(w, p, scratch, err) : MM_OK;
}
