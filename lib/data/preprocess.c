/* preprocess.c - see preprocess.h. */
#include "data/preprocess.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "data/group.h"
#include "data/picture.h"

/* What was made of one sample. */
struct slot {
	struct mm_sample *sample; /* the group's */
	struct mm_buf file;	  /* encoded picture, where read from a file */
	void *pixels;
	size_t cap, w, h; /* of pixels: bytes; of the picture */
	float affine[6];
	int32_t *ids;
	uint8_t *mask;
	size_t n_ids, cap_ids;
	bool clipped; /* 16-bit grey */
};

/* What one thread needs. */
struct worker {
	struct mm_image_work image;
	struct mm_image current;
	struct mm_token_work *token;
};

struct mm_preprocess {
	struct mm_preprocess_options o;
	struct mm_group group;
	struct slot *slot; /* of each item of the group */
	struct worker *worker;
	size_t n_workers;
	float lut[3][256];
	uint16_t half[3][256]; /* the same as F16 or BF16 */
	uint64_t n_clipped;
	struct mm_buf scratch;
};

int mm_preprocess_new(struct mm_preprocess **out,
		      const struct mm_preprocess_options *o, size_t group,
		      struct mm_err *err)
{
	struct mm_preprocess *p = mm_calloc(1, sizeof(*p));

	*out = p;
	if (!p)
		return mm_fail_nomem(err, "a group of samples");
	p->o = *o;
	p->n_workers = (size_t)mm_threads();
	p->slot = mm_calloc(group, sizeof(*p->slot));
	p->worker = mm_calloc(p->n_workers, sizeof(*p->worker));
	if (!p->slot || !p->worker || mm_group_init(&p->group, group, err))
		goto nomem;
	for (size_t t = 0; o->tokenizer && t < p->n_workers; t++)
		if (!(p->worker[t].token = mm_token_work_new(o->tokenizer)))
			goto nomem;
	if (o->image) {
		mm_image_values_lut(p->lut, &o->image->values);
		if (o->dtype == MM_F16 || o->dtype == MM_BF16)
			mm_from_f32(p->half, o->dtype, p->lut[0], 3 * 256);
	}
	return MM_OK;
nomem:
	mm_preprocess_free(p);
	*out = NULL;
	return mm_fail_nomem(err, "a group of samples");
}

void mm_preprocess_free(struct mm_preprocess *p)
{
	if (!p)
		return;
	for (size_t i = 0; p->slot && i < p->group.size; i++) {
		mm_buf_release(&p->slot[i].file);
		mm_free(p->slot[i].pixels);
		mm_free(p->slot[i].ids);
		mm_free(p->slot[i].mask);
	}
	for (size_t t = 0; p->worker && t < p->n_workers; t++) {
		mm_image_work_release(&p->worker[t].image);
		mm_image_release(&p->worker[t].current);
		mm_token_work_free(p->worker[t].token);
	}
	mm_group_release(&p->group);
	mm_free(p->slot);
	mm_free(p->worker);
	mm_buf_release(&p->scratch);
	mm_free(p);
}

/* ---- the group ---- */

bool mm_preprocess_full(const struct mm_preprocess *p)
{
	return p->group.n == p->group.size;
}

size_t mm_preprocess_count(const struct mm_preprocess *p)
{
	return p->group.n;
}

uint64_t mm_preprocess_clipped(const struct mm_preprocess *p)
{
	return p->n_clipped;
}

const char *mm_preprocess_id(const struct mm_preprocess *p, size_t i)
{
	return p->group.item[i].sample.id.str;
}

void mm_preprocess_clear(struct mm_preprocess *p)
{
	p->group.n = 0;
}

int mm_preprocess_add(struct mm_preprocess *p, const struct mm_sample *s,
		      struct mm_err *err)
{
	const size_t i = p->group.n;

	p->slot[i].sample = &p->group.item[i].sample;
	return mm_group_add(&p->group, s, 0, err);
}

int mm_preprocess_result(const struct mm_preprocess *p, size_t i,
			 struct mm_err *err)
{
	return mm_group_result(&p->group, i, err);
}

/* ---- pictures ---- */

static const struct mm_column *pixels_column(const struct mm_sample *s)
{
	return s->segment ? mm_segment_find(s->segment, "image") : NULL;
}

static size_t element(enum mm_dtype dtype)
{
	return dtype == MM_U8 ? 1 : dtype == MM_F32 ? 4 : 2;
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

static int keep_pixels(const struct mm_preprocess *p, struct slot *slot,
		       const struct mm_image *rgb, struct mm_err *err)
{
	const size_t bytes = rgb->w * rgb->h * 3 * element(p->o.dtype);

	if (bytes > slot->cap) {
		mm_free(slot->pixels);
		slot->cap = 0;
		if (!(slot->pixels = mm_malloc(bytes, 1)))
			return mm_fail_nomem(err, "a picture");
		slot->cap = bytes;
	}
	slot->w = rgb->w;
	slot->h = rgb->h;
	if (p->o.dtype == MM_U8)
		mm_image_to_chw_u8(slot->pixels, rgb);
	else if (p->o.dtype == MM_F32)
		mm_image_to_chw_f32(slot->pixels, rgb, p->lut);
	else
		to_half(slot->pixels, rgb, p->half);
	return MM_OK;
}

/* The sample's boxes, moved; in place, they are a copy of our own. */
static void move_boxes(struct slot *slot, const double step[6])
{
	struct mm_sample *s = slot->sample;
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

/* What was there before, and then `step`. */
static int chain_affine(struct slot *slot, const double step[6],
			struct mm_err *err)
{
	static const size_t six[] = { 6 };
	const struct mm_segment *seg = slot->sample->segment;
	const struct mm_column *c;
	double all[6], before[6];
	float row[6];
	int rc;

	memcpy(all, step, sizeof(all));
	if (seg && mm_segment_find(seg, "affine")) {
		if ((rc = mm_segment_want(seg, "affine", MM_F32, false, 1, six,
					  &c, err)))
			return rc;
		memcpy(row, c->items.data, sizeof(row));
		for (int i = 0; i < 6; i++)
			before[i] = (double)row[i];
		mm_affine_then(all, before, step);
	}
	for (int i = 0; i < 6; i++)
		slot->affine[i] = (float)all[i];
	return MM_OK;
}

static int do_picture(const struct mm_preprocess *p, struct slot *slot,
		      struct worker *w, struct mm_err *err)
{
	const struct mm_sample *s = slot->sample;
	const struct mm_image_preset *preset = p->o.image;
	struct mm_image_placed placed;
	const void *bytes;
	size_t size;
	int rc;

	slot->clipped = false;
	if (pixels_column(s)) {
		rc = mm_picture_of(&w->current, s->segment, 0, &p->o.decode,
				   err);
		if (!rc)
			rc = mm_image_apply(&w->image, placed.affine,
					    &w->current, 1, preset, err);
	} else {
		rc = mm_sample_image(s, &slot->file, &bytes, &size, err);
		if (!rc)
			rc = mm_image_preprocess(&w->image, &placed, bytes,
						 size, preset, &p->o.decode,
						 err);
		slot->clipped = !rc && w->image.raw.mode == MM_IMAGE_I16 &&
				preset->grey16 == MM_GREY16_CLIP;
	}
	if (rc)
		return rc;
	move_boxes(slot, placed.affine);
	rc = chain_affine(slot, placed.affine, err);
	return rc ? rc : keep_pixels(p, slot, &w->image.out, err);
}

/* ---- texts ---- */

static int room_for_ids(struct slot *slot, size_t n, struct mm_err *err)
{
	if (n <= slot->cap_ids)
		return MM_OK;
	mm_free(slot->ids);
	mm_free(slot->mask);
	slot->cap_ids = 0;
	slot->ids = mm_malloc(n, sizeof(*slot->ids));
	slot->mask = mm_malloc(n, 1);
	if (!slot->ids || !slot->mask)
		return mm_fail_nomem(err, "token ids");
	slot->cap_ids = n;
	return MM_OK;
}

static int do_text(const struct mm_preprocess *p, struct slot *slot,
		   struct worker *w, struct mm_err *err)
{
	const struct mm_str *text = &slot->sample->text;
	const struct mm_encode_opts whole = { 0 };
	struct mm_tokens t;
	int rc;

	if (!text->str)
		return mm_fail(err, MM_ERR_FORMAT, "there is no text");
	if (p->o.max_length) {
		slot->n_ids = p->o.max_length;
		rc = room_for_ids(slot, slot->n_ids, err);
		return rc ? rc
			  : mm_tokenizer_encode_row(p->o.tokenizer, w->token,
						    text->str, text->len, NULL,
						    0, slot->n_ids, slot->ids,
						    slot->mask, NULL, err);
	}
	rc = mm_tokenizer_encode(p->o.tokenizer, w->token, text->str, text->len,
				 NULL, 0, &whole, &t, err);
	if (rc || (rc = room_for_ids(slot, t.n, err)))
		return rc;
	slot->n_ids = t.n;
	if (t.n)
		memcpy(slot->ids, t.ids, t.n * sizeof(*t.ids));
	return MM_OK;
}

/* ---- all of a group ---- */

/* Say which sample it was: its file, or its id and place. */
static int locate(const struct mm_sample *s, bool picture, struct mm_err *err)
{
	if (picture && s->image_path.len && !pixels_column(s) && !s->image_data)
		return strstr(err->msg, s->image_path.str)
			       ? err->code
			       : mm_fail_ctx(err, "'%s'", s->image_path.str);
	if (s->where[0])
		return mm_fail_ctx(err, "'%s' %s, '%s'", s->source, s->where,
				   s->id.str);
	return mm_fail_ctx(err, "'%s', '%s'", s->source, s->id.str);
}

static int work(void *ctx, size_t i, size_t thread, struct mm_err *err)
{
	struct mm_preprocess *p = ctx;
	struct worker *w = &p->worker[thread];
	struct slot *s = &p->slot[i];

	if (p->o.image && do_picture(p, s, w, err))
		return locate(s->sample, true, err);
	if (p->o.tokenizer && do_text(p, s, w, err))
		return locate(s->sample, false, err);
	return MM_OK;
}

void mm_preprocess_run(struct mm_preprocess *p)
{
	mm_group_run(&p->group, work, p);
	for (size_t i = 0; i < p->group.n; i++)
		p->n_clipped += p->o.image && !p->group.item[i].rc &&
				p->slot[i].clipped;
}

static int put_picture(const struct mm_preprocess *p, const struct slot *s,
		       struct mm_stream_writer *w, struct mm_err *err)
{
	const size_t shape[3] = { 3, s->h, s->w };
	static const size_t six[] = { 6 };
	int rc =
		mm_stream_put(w, "image", p->o.dtype, 3, shape, s->pixels, err);

	return rc ? rc
		  : mm_stream_put(w, "affine", MM_F32, 1, six, s->affine, err);
}

static int put_ids(const struct mm_preprocess *p, const struct slot *s,
		   struct mm_stream_writer *w, struct mm_err *err)
{
	const size_t shape[1] = { s->n_ids };
	int rc;

	if (!p->o.max_length)
		return mm_stream_put_ragged(w, "ids", MM_I32, 0, NULL, s->n_ids,
					    s->ids, err);
	rc = mm_stream_put(w, "ids", MM_I32, 1, shape, s->ids, err);
	return rc ? rc
		  : mm_stream_put(w, "mask", MM_U8, 1, shape, s->mask, err);
}

int mm_preprocess_put(struct mm_preprocess *p, size_t i,
		      struct mm_stream_writer *w, struct mm_err *err)
{
	const char *drop[8];
	struct slot *s = &p->slot[i];
	size_t n = 0;
	int rc;

	if (p->o.image) {
		drop[n++] = "image";
		drop[n++] = "image.data";
		drop[n++] = "affine";
		s->sample->image_data = NULL;
	}
	if (p->o.tokenizer) {
		drop[n++] = "ids";
		drop[n++] = "mask";
		drop[n++] = "types";
	}
	drop[n] = NULL;
	rc = mm_sample_put(w, s->sample, drop, &p->scratch, err);
	if (!rc && p->o.image)
		rc = put_picture(p, s, w, err);
	if (!rc && p->o.tokenizer)
		rc = put_ids(p, s, w, err);
	return rc ? rc : mm_stream_end_row(w, err);
}

/* ---- metadata ---- */

struct meta {
	struct mm_stream_writer *w;
	struct mm_err *err;
	int rc;
};

static void put_meta(void *ctx, const char *key, const char *value)
{
	struct meta *m = ctx;

	if (!m->rc)
		m->rc = mm_stream_set_meta(m->w, key, value, m->err);
}

int mm_preprocess_meta(const struct mm_preprocess *p,
		       struct mm_stream_writer *w, struct mm_err *err)
{
	static const char *const stale[] = { "image.rescale", "image.offset",
					     "image.top", "image.decode" };
	struct meta m = { w, err, MM_OK };
	char fast[32];

	put_meta(&m, "mmtool.stage", "preprocess");
	if (p->o.image) {
		for (size_t i = 0; i < sizeof(stale) / sizeof(stale[0]); i++)
			put_meta(&m, stale[i], NULL);
		put_meta(&m, "preset", p->o.image->name);
		mm_image_values_put(&p->o.image->values, put_meta, &m);
		snprintf(fast, sizeof(fast), "fast=%zu",
			 p->o.decode.fast_factor);
		if (p->o.decode.fast_factor)
			put_meta(&m, "image.decode", fast);
	}
	if (p->o.tokenizer)
		put_meta(&m, "tokenizer", p->o.tokenizer_name);
	return m.rc;
}
