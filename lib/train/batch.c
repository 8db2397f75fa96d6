/* batch.c - which samples a step takes, and how they are changed on the way. */
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

/* Move a picture of bytes; what comes in from outside repeats the border. */
static void shift(uint8_t *out, const uint8_t *in, long H, long W, long dy,
		  long dx, bool mirror)
{
	for (long c = 0; c < 3; c++)
		for (long y = 0; y < H; y++) {
			long sy = y + dy;

			sy = sy < 0 ? 0 : sy >= H ? H - 1 : sy;
			for (long x = 0; x < W; x++) {
				long sx = x + dx;

				sx = sx < 0 ? 0 : sx >= W ? W - 1 : sx;
				sx = mirror ? W - 1 - sx : sx;
				out[(c * H + y) * W + x] =
					in[(c * H + sy) * W + sx];
			}
		}
}

static void change(const struct mm_run *r, uint8_t *out, size_t i, long epoch)
{
	const struct mm_dataset *d = r->data;
	const long s = r->o->shift;
	long dy = 0, dx = 0;
	bool mirror = false;
	struct mm_rng rng;
	size_t len;
	const char *id = mm_dataset_id(d, i, &len);
	const uint64_t sample = mm_hash64(id, len);

	if (s > 0) {
		mm_rng_init(&rng, r->o->seed, sample, (uint32_t)epoch,
			    MM_RNG_SHIFT);
		dy = (long)mm_rng_below(&rng, (uint64_t)(2 * s + 1)) - s;
		dx = (long)mm_rng_below(&rng, (uint64_t)(2 * s + 1)) - s;
	}
	if (r->o->flip > 0) {
		mm_rng_init(&rng, r->o->seed, sample, (uint32_t)epoch,
			    MM_RNG_FLIP);
		mirror = mm_rng_uniform(&rng) < r->o->flip;
	}
	shift(out, mm_dataset_pixels(d, i), (long)d->H, (long)d->W, dy, dx,
	      mirror);
}

struct job {
	struct mm_run *r;
	long epoch;
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

		if (!d->floats && (r->o->shift > 0 || r->o->flip > 0))
			change(r, out, i, j->epoch);
		else
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

void mm_run_batch(struct mm_run *r)
{
	struct job j = { .r = r, .epoch = r->step / r->per_epoch };

	j.first = (size_t)(r->step % r->per_epoch) * r->o->batch;
	order_epoch(r, j.epoch);
	mm_parallel_for(r->o->batch, 4, fetch_some, &j);
	if (r->o->loss == MM_LOSS_MULTI)
		label(r);
}
