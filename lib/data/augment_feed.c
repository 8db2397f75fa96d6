/* augment_feed.c - see augment_feed.h. */
#include "data/augment_feed.h"

#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "data/picture.h"

struct worker {
	struct mm_augment_work augment;
	struct mm_image rgb;
	struct mm_token_work *token;
};

struct mm_augment_feed {
	struct mm_augment_options o;
	const struct mm_dataset *d;
	bool pictures, texts;
	uint8_t mean[3];
	float lut[3][256];
	struct worker *worker;
	size_t n_workers;
};

static int check(const struct mm_augment_feed *f, struct mm_err *err)
{
	const struct mm_augment_spec *s = &f->o.spec;

	if (f->texts && !f->d->has_text)
		return mm_fail(err, MM_ERR_USAGE,
			       "this augmentation changes captions, and the "
			       "data has no column 'text'");
	if (f->texts && !f->o.tokenizer)
		return mm_fail(err, MM_ERR_USAGE,
			       "this augmentation changes captions, so that "
			       "their ids must be made anew: a tokenizer is "
			       "needed");
	if ((s->synonyms > 0 || s->insert > 0) && !f->o.wordnet)
		return mm_fail(err, MM_ERR_USAGE,
			       "synonyms need WordNet's files");
	return MM_OK;
}

int mm_augment_feed_new(struct mm_augment_feed **out,
			const struct mm_augment_options *o,
			const struct mm_dataset *d, struct mm_err *err)
{
	struct mm_augment_feed *f = mm_calloc(1, sizeof(*f));
	int rc;

	*out = NULL;
	if (!f)
		return mm_fail_nomem(err, "augmentation");
	f->o = *o;
	f->d = d;
	f->pictures = mm_augment_pictures(&o->spec);
	f->texts = mm_augment_texts(&o->spec);
	mm_augment_mean(f->mean, &d->values);
	mm_image_values_lut(f->lut, &d->values);
	f->n_workers = (size_t)mm_threads();
	if ((rc = check(f, err)))
		goto fail;
	rc = mm_fail_nomem(err, "augmentation");
	if (!(f->worker = mm_calloc(f->n_workers, sizeof(*f->worker))))
		goto fail;
	for (size_t t = 0; f->texts && t < f->n_workers; t++)
		if (!(f->worker[t].token = mm_token_work_new(o->tokenizer)))
			goto fail;
	*out = f;
	return MM_OK;
fail:
	mm_augment_feed_free(f);
	return rc;
}

void mm_augment_feed_free(struct mm_augment_feed *f)
{
	if (!f)
		return;
	for (size_t t = 0; f->worker && t < f->n_workers; t++) {
		mm_augment_work_release(&f->worker[t].augment);
		mm_image_release(&f->worker[t].rgb);
		mm_token_work_free(f->worker[t].token);
	}
	mm_free(f->worker);
	mm_free(f);
}

/* A batch in the making. */
struct job {
	struct mm_augment_feed *f;
	const size_t *row;
	uint32_t copy;
	uint8_t *pixels; /* of the batch, each `bytes` long */
	size_t bytes;
	int32_t *ids;
	uint8_t *mask;
};

static void copy_ids(const struct job *j, size_t b)
{
	const struct mm_dataset *d = j->f->d;

	memcpy(j->ids + b * d->T, mm_dataset_ids(d, j->row[b]),
	       d->T * sizeof(*j->ids));
	if (d->has_mask)
		memcpy(j->mask + b * d->T, mm_dataset_mask(d, j->row[b]), d->T);
}

static int open_picture(const struct job *j, size_t b, struct worker *w,
			struct mm_err *err)
{
	const struct mm_dataset *d = j->f->d;
	const void *planes = mm_dataset_pixels(d, j->row[b]);

	if (!j->f->pictures) {
		memcpy(j->pixels + b * j->bytes, planes, j->bytes);
		return MM_OK;
	}
	return mm_picture_from_planes(&w->rgb, planes,
				      d->floats ? MM_F32 : MM_U8, d->W, d->H,
				      &d->values, err);
}

static int one(const struct job *j, size_t b, struct worker *w,
	       struct mm_err *err)
{
	const struct mm_augment_feed *f = j->f;
	const struct mm_dataset *d = f->d;
	uint8_t *out = j->pixels + b * j->bytes;
	struct mm_str text = { 0 }, phrases = { 0 };
	struct mm_augmented what;
	size_t id_len;
	const char *id = mm_dataset_id(d, j->row[b], &id_len);
	int rc;

	text.str = mm_dataset_text(d, j->row[b], &text.len);
	phrases.str = mm_dataset_phrases(d, j->row[b], &phrases.len);
	if ((rc = open_picture(j, b, w, err)) ||
	    (rc = mm_augment_sample(&f->o.spec, f->o.wordnet, &w->augment,
				    f->o.seed, id, id_len, j->copy,
				    f->pictures ? &w->rgb : NULL, f->mean,
				    &text, &phrases, &what, err)))
		return rc;
	if (f->pictures && d->floats)
		mm_image_to_chw_f32((float *)(void *)out, &w->rgb, f->lut);
	else if (f->pictures)
		mm_image_to_chw_u8(out, &w->rgb);
	if (!f->texts) {
		copy_ids(j, b);
		return MM_OK;
	}
	return mm_tokenizer_encode_row(f->o.tokenizer, w->token, text.str,
				       text.len, NULL, 0, d->T,
				       j->ids + b * d->T,
				       d->has_mask ? j->mask + b * d->T : NULL,
				       NULL, err);
}

/* As mm_parallel_for does them; what fails is found again in order. */
static void some(void *ctx, size_t begin, size_t end)
{
	const struct job *j = ctx;
	struct worker *w = &j->f->worker[mm_thread_index()];

	for (size_t b = begin; b < end; b++)
		if (one(j, b, w, NULL))
			j->ids[b * j->f->d->T] = -1;
}

int mm_augment_feed_rows(struct mm_augment_feed *f, const size_t *row, size_t n,
			 uint32_t copy, void *pixels, int32_t *ids,
			 uint8_t *mask, struct mm_err *err)
{
	const struct mm_dataset *d = f->d;
	struct job j = { .f = f, .row = row, .copy = copy, .pixels = pixels };
	size_t len;
	int rc = MM_OK;

	j.bytes = 3 * d->H * d->W * (d->floats ? 4 : 1);
	j.ids = ids;
	j.mask = mask;
	mm_parallel_for(n, 4, some, &j);
	for (size_t b = 0; !rc && b < n; b++)
		if (ids[b * d->T] < 0 && (rc = one(&j, b, f->worker, err))) {
			const char *id = mm_dataset_id(d, row[b], &len);

			mm_fail_ctx(err, "'%.*s'", (int)len, id);
		}
	return rc;
}
