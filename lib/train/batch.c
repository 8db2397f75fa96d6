/* batch.c - which samples a step takes. */
#include <string.h>

#include "base/parallel.h"
#include "base/rng.h"
#include "train/internal.h"

static void order_epoch(struct mm_run *r, long epoch)
{
	struct mm_rng rng;

	if (r->order_epoch == epoch)
		return;
	if (r->o->shuffle) {
		mm_rng_init(&rng, r->o->seed, 0, (uint32_t)epoch,
			    MM_RNG_SHUFFLE);
		mm_rng_permutation(&rng, r->order, r->data->n);
	} else {
		for (size_t i = 0; i < r->data->n; i++)
			r->order[i] = i;
	}
	r->order_epoch = epoch;
}

struct job {
	struct mm_run *r;
	size_t first; /* place of the batch in the epoch's order */
};

static void fetch_some(void *ctx, size_t begin, size_t end)
{
	const struct job *j = ctx;
	struct mm_run *r = j->r;
	const struct mm_dataset *d = r->data;
	const size_t pixels = 3 * d->H * d->W * (d->floats ? 4 : 1);

	for (size_t b = begin; b < end; b++) {
		const size_t i = r->order[j->first + b];
		uint8_t *out = (uint8_t *)r->pixels + b * pixels;

		memcpy(out, mm_dataset_pixels(d, i), pixels);
		memcpy(r->ids + b * d->T, mm_dataset_ids(d, i),
		       d->T * sizeof(*r->ids));
		if (d->has_mask)
			memcpy(r->mask + b * d->T, mm_dataset_mask(d, i), d->T);
	}
}

/* Equal texts get equal labels: the place of the first of them. */
static void label(struct mm_run *r)
{
	const size_t B = r->o->batch, T = r->data->T;

	for (size_t i = 0; i < B; i++) {
		size_t k = 0;

		while (k < i && memcmp(r->ids + k * T, r->ids + i * T,
				       T * sizeof(*r->ids)))
			k++;
		r->labels[i] = (int32_t)k;
	}
}

int mm_run_batch(struct mm_run *r, struct mm_err *err)
{
	const long epoch = r->step / r->per_epoch;
	struct job j = { .r = r };
	int rc = MM_OK;

	j.first = (size_t)(r->step % r->per_epoch) * r->o->batch;
	order_epoch(r, epoch);
	if (r->feed)
		rc = mm_augment_feed_rows(r->feed, r->order + j.first,
					  r->o->batch, (uint32_t)epoch,
					  r->pixels, r->ids, r->mask, err);
	else
		mm_parallel_for(r->o->batch, 4, fetch_some, &j);
	if (!rc && r->o->loss == MM_LOSS_MULTI)
		label(r);
	return rc;
}
