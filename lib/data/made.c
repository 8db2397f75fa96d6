/* made.c - see made.h. */
#include "data/made.h"

#include <string.h>

#include "base/mem.h"
#include "image/geometry.h"

void mm_pixel_type_init(struct mm_pixel_type *t, enum mm_dtype dtype,
			const struct mm_image_values *v)
{
	t->dtype = dtype;
	mm_image_values_lut(t->lut, v);
	if (dtype == MM_F16 || dtype == MM_BF16)
		mm_from_f32(t->half, dtype, t->lut[0], 3 * 256);
}

void mm_made_release(struct mm_made *m)
{
	mm_free(m->pixels);
	mm_free(m->ids);
	mm_free(m->mask);
	memset(m, 0, sizeof(*m));
}

static void to_half(uint16_t *out, const struct mm_image *rgb,
		    const uint16_t table[3][256])
{
	const size_t n = rgb->w * rgb->h;
	const uint8_t *p = rgb->data;

	for (size_t i = 0; i < n; i++, p += 3)
		for (size_t c = 0; c < 3; c++)
			out[c * n + i] = table[c][p[c]];
}

int mm_made_pixels(struct mm_made *m, const struct mm_image *rgb,
		   const struct mm_pixel_type *t, struct mm_err *err)
{
	const size_t bytes = rgb->w * rgb->h * 3 * mm_dtype_size(t->dtype);

	if (bytes > m->cap) {
		mm_free(m->pixels);
		m->cap = 0;
		if (!(m->pixels = mm_malloc(bytes, 1)))
			return mm_fail_nomem(err, "a picture");
		m->cap = bytes;
	}
	m->dtype = t->dtype;
	m->w = rgb->w;
	m->h = rgb->h;
	if (t->dtype == MM_U8)
		mm_image_to_chw_u8(m->pixels, rgb);
	else if (t->dtype == MM_F32)
		mm_image_to_chw_f32(m->pixels, rgb, t->lut);
	else
		to_half(m->pixels, rgb, t->half);
	return MM_OK;
}

/* Boxes that stay in the file's pixels (mmtool align space) are left there. */
static bool in_original(const struct mm_sample *s)
{
	const char *v = s->segment ? mm_segment_meta(s->segment, "boxes.space")
				   : NULL;

	return v && !strcmp(v, "original");
}

static void move_boxes(const struct mm_sample *s, const double step[6])
{
	union {
		const float *in;
		float *out;
	} boxes = { s->boxes };

	for (size_t i = 0; s->has_boxes && i < s->n_boxes; i++) {
		double b[4];

		for (int k = 0; k < 4; k++)
			b[k] = (double)boxes.in[4 * i + (size_t)k];
		mm_affine_box(b, step, b);
		for (int k = 0; k < 4; k++)
			boxes.out[4 * i + (size_t)k] = (float)b[k];
	}
}

int mm_made_moved(struct mm_made *m, const struct mm_sample *s,
		  const double step[6], struct mm_err *err)
{
	static const size_t six[] = { 6 };
	const struct mm_column *c;
	double all[6], before[6];
	float row[6];
	int rc;

	memcpy(all, step, sizeof(all));
	if (s->segment && mm_segment_find(s->segment, "affine")) {
		if ((rc = mm_segment_want(s->segment, "affine", MM_F32, false,
					  1, six, &c, err)))
			return rc;
		memcpy(row, c->items.data, sizeof(row));
		for (int i = 0; i < 6; i++)
			before[i] = (double)row[i];
		mm_affine_then(all, before, step);
	}
	for (int i = 0; i < 6; i++)
		m->affine[i] = (float)all[i];
	if (!in_original(s))
		move_boxes(s, step);
	return MM_OK;
}

static int room_for_ids(struct mm_made *m, size_t n, struct mm_err *err)
{
	m->n_ids = n;
	if (n <= m->cap_ids)
		return MM_OK;
	mm_free(m->ids);
	mm_free(m->mask);
	m->cap_ids = 0;
	m->ids = mm_malloc(n, sizeof(*m->ids));
	m->mask = mm_malloc(n, 1);
	if (!m->ids || !m->mask)
		return mm_fail_nomem(err, "token ids");
	m->cap_ids = n;
	return MM_OK;
}

int mm_made_ids(struct mm_made *m, const struct mm_tokenizer *tok,
		struct mm_token_work *w, const struct mm_str *text,
		size_t length, struct mm_err *err)
{
	const struct mm_encode_opts whole = { 0 };
	struct mm_tokens t;
	int rc;

	m->ragged = !length;
	if (!text->str)
		return mm_fail(err, MM_ERR_FORMAT, "there is no text");
	if (length) {
		rc = room_for_ids(m, length, err);
		return rc ? rc
			  : mm_tokenizer_encode_row(tok, w, text->str,
						    text->len, NULL, 0, length,
						    m->ids, m->mask, NULL, err);
	}
	rc = mm_tokenizer_encode(tok, w, text->str, text->len, NULL, 0, &whole,
				 &t, err);
	if (rc || (rc = room_for_ids(m, t.n, err)))
		return rc;
	if (t.n)
		memcpy(m->ids, t.ids, t.n * sizeof(*t.ids));
	return MM_OK;
}

int mm_made_put_picture(const struct mm_made *m, struct mm_stream_writer *w,
			struct mm_err *err)
{
	const size_t shape[3] = { 3, m->h, m->w };
	static const size_t six[] = { 6 };
	int rc = mm_stream_put(w, "image", m->dtype, 3, shape, m->pixels, err);

	return rc ? rc
		  : mm_stream_put(w, "affine", MM_F32, 1, six, m->affine, err);
}

int mm_made_put_ids(const struct mm_made *m, struct mm_stream_writer *w,
		    struct mm_err *err)
{
	const size_t shape[1] = { m->n_ids };
	int rc;

	if (m->ragged)
		return mm_stream_put_ragged(w, "ids", MM_I32, 0, NULL, m->n_ids,
					    m->ids, err);
	rc = mm_stream_put(w, "ids", MM_I32, 1, shape, m->ids, err);
	return rc ? rc
		  : mm_stream_put(w, "mask", MM_U8, 1, shape, m->mask, err);
}
