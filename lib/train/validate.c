/*
 * validate.c - recall of the model as it stands, on data that is kept apart.
 *
 * Ranks count as everywhere in this program: a tie never helps.  Rows that
 * share image.id are one picture with several captions.
 */
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "metric/retrieval.h"
#include "train/internal.h"

enum { PIECE = 64 };

static int embed_all(struct mm_run *r, float *image, float *text,
		     struct mm_err *err)
{
	const struct mm_dataset *d = r->val;
	const size_t D = r->m->embed_dim, pixels = 3 * d->H * d->W;
	const size_t width = d->floats ? 4 : 1;
	const bool masked = d->has_mask && !r->m->unmasked_text;
	unsigned char *x = mm_malloc(PIECE * pixels, width);
	int32_t *ids = mm_malloc(PIECE * d->T, sizeof(*ids));
	uint8_t *mask = mm_malloc(PIECE * d->T, 1);
	struct mm_embedder e;
	int rc = x && ids && mask ? MM_OK : mm_fail_nomem(err, "validation");

	mm_embedder_init(&e, r->m);
	for (size_t i = 0; i < d->n && !rc; i += PIECE) {
		const size_t B = d->n - i < PIECE ? d->n - i : PIECE;

		for (size_t b = 0; b < B; b++) {
			memcpy(x + b * pixels * width,
			       mm_dataset_pixels(d, i + b), pixels * width);
			memcpy(ids + b * d->T, mm_dataset_ids(d, i + b),
			       d->T * sizeof(*ids));
			if (d->has_mask)
				memcpy(mask + b * d->T,
				       mm_dataset_mask(d, i + b), d->T);
		}
		if (!(rc = mm_embed_images(&e, image + i * D, x,
					   d->floats ? MM_ELEM_REAL
						     : MM_ELEM_U8,
					   B, d->H, d->W, err)))
			rc = mm_embed_texts(&e, text + i * D, ids,
					    masked ? mask : NULL, NULL, B,
					    d->T, err);
	}
	mm_embedder_release(&e);
	mm_free(x);
	mm_free(ids);
	mm_free(mask);
	return rc;
}

/* Pictures once each: owner[i] = the picture of text i; returns how many. */
static int merge_images(const struct mm_dataset *d, float *image, size_t D,
			size_t *owner, size_t *n_images, struct mm_err *err)
{
	struct mm_map seen;
	int rc = MM_OK;

	*n_images = 0;
	mm_map_init(&seen);
	for (size_t i = 0; i < d->n && !rc; i++) {
		size_t len;
		const char *id = mm_dataset_image_id(d, i, &len);
		bool added;
		int64_t *at = mm_map_put(&seen, id, len, &added);

		if (!at) {
			rc = mm_fail_nomem(err, "validation");
			break;
		}
		if (added) {
			memmove(image + *n_images * D, image + i * D,
				D * sizeof(*image));
			*at = (int64_t)(*n_images)++;
		}
		owner[i] = (size_t)*at;
	}
	mm_map_release(&seen);
	return rc;
}

int mm_run_validate(struct mm_run *r, struct mm_train_report *report,
		    struct mm_err *err)
{
	const struct mm_dataset *d = r->val;
	const size_t D = r->m->embed_dim;
	float *image = mm_malloc(d->n * D, sizeof(*image));
	float *text = mm_malloc(d->n * D, sizeof(*text));
	size_t *owner = mm_malloc(d->n, sizeof(*owner)), n_images;
	int rc = image && text && owner ? MM_OK
					: mm_fail_nomem(err, "validation");

	if (!rc && !(rc = embed_all(r, image, text, err)) &&
	    !(rc = merge_images(d, image, D, owner, &n_images, err))) {
		mm_embed_normalise(image, n_images, D);
		mm_embed_normalise(text, d->n, D);
		const struct mm_retrieval_set set = { image,	text, owner,
						      n_images, d->n, D };
		struct mm_retrieval_figures f[2];

		rc = mm_retrieval_eval(f, &set, &mm_retrieval_defaults, 1, err);
		for (int k = 0; k < 3 && !rc; k++) {
			report->i2t[k] = f[MM_IMAGE_TO_TEXT].recall[k];
			report->t2i[k] = f[MM_TEXT_TO_IMAGE].recall[k];
		}
	}
	mm_free(image);
	mm_free(text);
	mm_free(owner);
	return rc;
}
