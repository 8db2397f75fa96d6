/* preprocess.c - see preprocess.h. */
#include "data/preprocess.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "data/group.h"
#include "data/made.h"
#include "data/picture.h"

/* What was made of one sample. */
struct slot {
	struct mm_sample *sample; /* the group's */
	struct mm_buf file;	  /* encoded picture, where read from a file */
	struct mm_made made;
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
	struct mm_sample_group group;
	struct slot *slot; /* of each item of the group */
	struct worker *worker;
	size_t n_workers;
	struct mm_pixel_type type;
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
	if (!p->slot || !p->worker ||
	    mm_sample_group_init(&p->group, group, err))
		goto nomem;
	for (size_t t = 0; o->tokenizer && t < p->n_workers; t++)
		if (!(p->worker[t].token = mm_token_work_new(o->tokenizer)))
			goto nomem;
	if (o->image)
		mm_pixel_type_init(&p->type, o->dtype, &o->image->values);
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
		mm_made_release(&p->slot[i].made);
	}
	for (size_t t = 0; p->worker && t < p->n_workers; t++) {
		mm_image_work_release(&p->worker[t].image);
		mm_image_release(&p->worker[t].current);
		mm_token_work_free(p->worker[t].token);
	}
	mm_sample_group_release(&p->group);
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
	return mm_sample_group_add(&p->group, s, 0, err);
}

int mm_preprocess_result(const struct mm_preprocess *p, size_t i,
			 struct mm_err *err)
{
	return mm_sample_group_result(&p->group, i, err);
}

/* ---- pictures ---- */

static const struct mm_column *pixels_column(const struct mm_sample *s)
{
	return s->segment ? mm_segment_find(s->segment, "image") : NULL;
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
	rc = mm_made_moved(&slot->made, s, placed.affine, err);
	return rc ? rc
		  : mm_made_pixels(&slot->made, &w->image.out, &p->type, err);
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
	if (p->o.tokenizer &&
	    mm_made_ids(&s->made, p->o.tokenizer, w->token, &s->sample->text,
			p->o.max_length, err))
		return locate(s->sample, false, err);
	return MM_OK;
}

void mm_preprocess_run(struct mm_preprocess *p)
{
	mm_sample_group_run(&p->group, work, p);
	for (size_t i = 0; i < p->group.n; i++)
		p->n_clipped += p->o.image && !p->group.item[i].rc &&
				p->slot[i].clipped;
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
		rc = mm_made_put_picture(&s->made, w, err);
	if (!rc && p->o.tokenizer)
		rc = mm_made_put_ids(&s->made, w, err);
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
