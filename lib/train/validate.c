/*
 * validate.c - recall of the model as it stands, on data that is kept apart.
 *
 * Ranks count as everywhere in this program: a tie never helps.  Rows that
 * share image.id are one picture with several captions.
 */
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "train/internal.h"

enum { PIECE = 64 };

static int embed_all(struct mm_run *r, float *image, float *text,
		     struct mm_err *err)
{
	const struct mm_dataset *d = r->val;
	const size_t D = r->m->embed_dim, pixels = 3 * d->H * d->W;
	const size_t width = d->floats ? 4 : 1;
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
					    d->has_mask ? mask : NULL, NULL, B,
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

/* Is the hit at `rank` (from 1) within 1, 5, 10? */
static void count(double recall[3], size_t rank)
{
	static const size_t k[] = { 1, 5, 10 };

	for (int i = 0; i < 3; i++)
		recall[i] += rank <= k[i];
}

/*
 * Rank of the best own candidate of each query among n: one plus those that
 * score at least as high and are not own.
 */
static int recall(double out[3], const float *q, size_t n_q, const float *c,
		  size_t n_c, size_t D, const size_t *owner, bool images_ask,
		  struct mm_err *err)
{
	float *z = mm_malloc(PIECE * n_c, sizeof(*z));

	if (!z)
		return mm_fail_nomem(err, "validation");
	memset(out, 0, 3 * sizeof(*out));
	for (size_t i = 0; i < n_q; i += PIECE) {
		const size_t n = n_q - i < PIECE ? n_q - i : PIECE;

		mm_gemm(false, true, n, n_c, D, 1, q + i * D, D, c, D, 0, z,
			n_c);
		for (size_t b = 0; b < n; b++) {
			const float *row = z + b * n_c;
			size_t rank = 1;
			float best = -2;

#define OWN(k) (images_ask ? owner[k] == i + b : owner[i + b] == (k))
			for (size_t k = 0; k < n_c; k++)
				if (OWN(k) && row[k] > best)
					best = row[k];
			for (size_t k = 0; k < n_c; k++)
				rank += !OWN(k) && row[k] >= best;
#undef OWN
			count(out, rank);
		}
	}
	for (int k = 0; k < 3; k++)
		out[k] /= (double)n_q;
	mm_free(z);
	return MM_OK;
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
		if (!(rc = recall(report->i2t, image, n_images, text, d->n, D,
				  owner, true, err)))
			rc = recall(report->t2i, text, d->n, image, n_images, D,
				    owner, false, err);
	}
	mm_free(image);
	mm_free(text);
	mm_free(owner);
	return rc;
}
