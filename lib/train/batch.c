/* batch.c - which samples a step takes. */
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "train/internal.h"

/*
 * Sources by weight: each place of the epoch draws its source, and takes the
 * next of that source's own permutation, which starts anew where it ends.
 */
static void mix_sources(struct mm_run *r, uint32_t epoch)
{
	const struct mm_dataset *d = r->data;
	size_t *own = r->order + d->n, *left = own + d->n;
	size_t *pass = left + d->n_streams;
	double sum = 0;
	struct mm_rng draw, rng;

	for (size_t s = 0; s < d->n_streams; s++) {
		sum += r->o->source_weight[s];
		left[s] = pass[s] = 0;
	}
	mm_rng_init(&draw, r->o->seed, 0, epoch, MM_RNG_SAMPLE);
	for (size_t i = 0; i < d->n; i++) {
		double x = mm_rng_uniform(&draw) * sum;
		size_t s = 0, n;

		while (s + 1 < d->n_streams &&
		       (x -= r->o->source_weight[s]) >= 0)
			s++;
		n = d->first[s + 1] - d->first[s];
		if (!left[s]) {
			mm_rng_init(&rng, r->o->seed, ++pass[s] << 16 | s,
				    epoch, MM_RNG_SHUFFLE);
			mm_rng_permutation(&rng, own + d->first[s], n);
			left[s] = n;
		}
		r->order[i] = d->first[s] + own[d->first[s] + --left[s]];
	}
}

static void order_epoch(struct mm_run *r, long epoch)
{
	struct mm_rng rng;

	if (r->order_epoch == epoch)
		return;
	r->order_epoch = epoch;
	if (r->o->source_weight) {
		mix_sources(r, (uint32_t)epoch);
	} else if (r->o->shuffle) {
		mm_rng_init(&rng, r->o->seed, 0, (uint32_t)epoch,
			    MM_RNG_SHUFFLE);
		mm_rng_permutation(&rng, r->order, r->data->n);
	} else {
		for (size_t i = 0; i < r->data->n; i++)
			r->order[i] = i;
	}
}

static void fetch_some(void *ctx, size_t begin, size_t end)
{
	struct mm_run *r = ctx;
	const struct mm_dataset *d = r->data;
	const size_t pixels = 3 * d->H * d->W * (d->floats ? 4 : 1);

	for (size_t b = begin; b < end; b++) {
		const size_t i = r->index[r->first + b];

		memcpy((uint8_t *)r->pixels + b * pixels,
		       mm_dataset_pixels(d, i), pixels);
		memcpy(r->ids + b * d->T, mm_dataset_ids(d, i),
		       d->T * sizeof(*r->ids));
		if (d->has_mask)
			memcpy(r->mask + b * d->T, mm_dataset_mask(d, i), d->T);
	}
}

/* Equal texts of the batch get equal numbers: the place of the first. */
static int number_texts(struct mm_run *r, struct mm_err *err)
{
	const size_t B = r->o->batch, T = r->data->T,
		     bytes = T * sizeof(int32_t);
	int rc;

	memcpy(r->all_ids + r->first * T, r->ids, r->rows * bytes);
	if ((rc = mm_world_gather(&r->world, r->all_ids, r->rows * bytes, err)))
		return rc;
	for (size_t i = 0; i < B; i++) {
		size_t k = 0;

		while (k < i &&
		       memcmp(r->all_ids + k * T, r->all_ids + i * T, bytes))
			k++;
		r->same[i] = (int32_t)k;
	}
	return MM_OK;
}

int mm_run_batch(struct mm_run *r, struct mm_err *err)
{
	const long epoch = r->step / r->per_epoch;
	const size_t first = (size_t)(r->step % r->per_epoch) * r->o->batch;
	int rc = MM_OK;

	order_epoch(r, epoch);
	for (size_t b = 0; b < r->o->batch; b++) {
		size_t len;
		const char *id;

		r->index[b] = r->order[first + b];
		id = mm_dataset_id(r->data, r->index[b], &len);
		r->sample[b] = mm_hash64(id, len);
		r->label[b] = (int32_t)mm_dataset_label(r->data, r->index[b]);
	}
	if (r->feed)
		rc = mm_augment_feed_rows(r->feed, r->index + r->first, r->rows,
					  (uint32_t)epoch, r->pixels, r->ids,
					  r->mask, err);
	else
		mm_parallel_for(r->rows, 4, fetch_some, r);
	return !rc && r->needs & MM_NEEDS_SAME ? number_texts(r, err) : rc;
}

struct mm_batch mm_batch_of(const struct mm_run *r)
{
	return (struct mm_batch){
		.data = r->data,
		.n = r->rows,
		.first = r->first,
		.sample = r->sample + r->first,
		.epoch = (uint32_t)(r->step / r->per_epoch),
		.pixels = r->pixels,
		.ids = r->ids,
		.mask = r->mask,
		.label = r->label + r->first,
	};
}
