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

struct fetch {
	const struct mm_run *r;
	const struct mm_rows *to;
};

static void fetch_some(void *ctx, size_t begin, size_t end)
{
	const struct fetch *f = ctx;
	const struct mm_dataset *d = f->r->data;
	const size_t pixels = 3 * d->H * d->W * (d->floats ? 4 : 1);

	for (size_t b = begin; b < end; b++) {
		const size_t i = f->to->index[f->r->first + b];

		memcpy((uint8_t *)f->to->pixels + b * pixels,
		       mm_dataset_pixels(d, i), pixels);
		memcpy(f->to->ids + b * d->T, mm_dataset_ids(d, i),
		       d->T * sizeof(int32_t));
		if (d->has_mask)
			memcpy(f->to->mask + b * d->T, mm_dataset_mask(d, i),
			       d->T);
	}
}

/* ---- a stream that passes through a window ---- */

/*
 * The batch is drawn from the places in front of r->order: any of the window's
 * samples, or without shuffling those that came first.
 */
static void draw(struct mm_run *r, long step)
{
	struct mm_rng rng;

	mm_rng_init(&rng, r->o->seed, 0, (uint32_t)step, MM_RNG_SHUFFLE);
	for (size_t b = 0; b < r->o->batch && r->o->shuffle; b++) {
		const size_t k = b + mm_rng_below(&rng, r->left - b);
		const size_t place = r->order[k];

		r->order[k] = r->order[b];
		r->order[b] = place;
	}
}

/* The batch's places get the next samples, and queue behind the others. */
static int pass(struct mm_run *r, const struct mm_rows *to, struct mm_err *err)
{
	const size_t B = r->o->batch;
	size_t filled;
	int rc = mm_window_next(r->data->window, to->index, B, &filled, err);

	r->left -= B;
	memmove(r->order, r->order + B, r->left * sizeof(*r->order));
	memcpy(r->order + r->left, to->index, filled * sizeof(*r->order));
	r->left += filled;
	return rc;
}

static void open_window(struct mm_run *r)
{
	r->order_epoch = 0;
	r->left = r->data->n;
	for (size_t i = 0; i < r->left; i++)
		r->order[i] = i;
}

/* ---- one batch ---- */

uint32_t mm_run_pass(const struct mm_run *r, long step)
{
	return (uint32_t)(r->data->window ? step : step / r->per_epoch);
}

/* Which samples step takes, into `to`. */
static void choose(struct mm_run *r, struct mm_rows *to, long step)
{
	const struct mm_dataset *d = r->data;
	size_t first = 0;

	if (d->window && r->order_epoch < 0)
		open_window(r);
	if ((to->none = d->window && r->left < r->o->batch))
		return;
	if (d->window) {
		draw(r, step);
	} else {
		order_epoch(r, step / r->per_epoch);
		first = (size_t)(step % r->per_epoch) * r->o->batch;
	}
	for (size_t b = 0; b < r->o->batch; b++) {
		size_t len;
		const char *id;

		to->index[b] = r->order[first + b];
		id = mm_dataset_id(d, to->index[b], &len);
		to->sample[b] = mm_hash64(id, len);
		to->label[b] = (int32_t)mm_dataset_label(d, to->index[b]);
	}
	if (d->window)
		to->seen = r->seen ^=
			mm_hash64(to->sample,
				  r->o->batch * sizeof(*to->sample)) +
			(uint64_t)step;
}

/* The samples of a step, into `to`. */
static int fetch(struct mm_run *r, struct mm_rows *to, long step,
		 struct mm_err *err)
{
	struct fetch f = { r, to };
	int rc = MM_OK;

	choose(r, to, step);
	if (to->none)
		return MM_OK;
	for (size_t b = 0; b < r->o->batch && r->data->window && !rc; b++)
		rc = mm_run_check_ids(r->m, r->data, to->index[b], err);
	if (rc)
		return rc;
	if (r->feed)
		rc = mm_augment_feed_rows(r->feed, to->index + r->first,
					  r->rows, mm_run_pass(r, step),
					  to->pixels, to->ids, to->mask, err);
	else
		mm_parallel_for(r->rows, 4, fetch_some, &f);
	return r->data->window && !rc ? pass(r, to, err) : rc;
}

static void fetch_next(void *ctx)
{
	struct mm_run *r = ctx;

	r->next.rc = fetch(r, &r->next.at, r->next.step, &r->next.err);
}

/* Equal texts of the batch get equal numbers: the place of the first. */
static int number_texts(struct mm_run *r, struct mm_err *err)
{
	const size_t B = r->o->batch, T = r->data->T;
	const size_t bytes = T * sizeof(int32_t);
	int rc;

	memcpy(r->all_ids + r->first * T, r->at.ids, r->rows * bytes);
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

/* The worker reads the batch of that step, or has done so. */
static void begin(struct mm_run *r, long step)
{
	if (r->next.step == step)
		return;
	r->next.step = step;
	mm_worker_start(r->next.worker, fetch_next, r);
}

static int wait_for_batch(struct mm_run *r, struct mm_err *err)
{
	struct mm_loader *n = &r->next;

	begin(r, r->step);
	mm_worker_wait(n->worker);
	if (n->rc)
		*err = n->err;
	return n->rc;
}

int mm_run_look(struct mm_run *r, struct mm_err *err)
{
	int rc = MM_OK;

	if (r->data->window && r->step < r->steps &&
	    !(rc = wait_for_batch(r, err)))
		r->ended = r->next.at.none;
	return rc;
}

int mm_run_replay(struct mm_run *r, uint64_t seen, struct mm_err *err)
{
	for (long s = 0; s < r->step; s++) {
		int rc = MM_OK;

		choose(r, &r->at, s);
		if (r->at.none)
			return mm_fail(err, MM_ERR_REFUSED,
				       "is at step %ld, and the stream ends "
				       "at step %ld: send the same one again",
				       r->step, s);
		if ((rc = pass(r, &r->at, err)))
			return rc;
	}
	if (r->step && r->at.seen != seen)
		return mm_fail(err, MM_ERR_REFUSED,
			       "has seen other samples in its %ld steps than "
			       "the stream holds: send the same one again, or "
			       "go on with another with --resume-changed",
			       r->step);
	return MM_OK;
}

int mm_run_batch(struct mm_run *r, struct mm_err *err)
{
	struct mm_loader *n = &r->next;
	const struct mm_rows done = r->at;
	int rc = wait_for_batch(r, err);

	if (rc)
		return rc;
	r->at = n->at;
	n->at = done;
	if (r->step + 1 < r->steps)
		begin(r, r->step + 1);
	return r->needs & MM_NEEDS_SAME ? number_texts(r, err) : MM_OK;
}

struct mm_batch mm_batch_of(const struct mm_run *r)
{
	return (struct mm_batch){
		.data = r->data,
		.n = r->rows,
		.first = r->first,
		.sample = r->at.sample + r->first,
		.epoch = mm_run_pass(r, r->step),
		.pixels = r->at.pixels,
		.ids = r->at.ids,
		.mask = r->at.mask,
		.label = r->at.label + r->first,
	};
}

/* ---- memory ---- */

static bool alloc_rows(const struct mm_run *r, struct mm_rows *a)
{
	const struct mm_dataset *d = r->data;
	const size_t B = r->o->batch;

	a->index = mm_calloc(B, sizeof(*a->index));
	a->sample = mm_calloc(B, sizeof(*a->sample));
	a->label = mm_calloc(B, sizeof(*a->label));
	a->pixels = mm_malloc(r->rows * 3 * d->H * d->W, d->floats ? 4 : 1);
	a->ids = mm_malloc(r->rows * d->T, sizeof(*a->ids));
	a->mask = mm_malloc(r->rows * d->T, 1);
	return a->index && a->sample && a->label && a->pixels && a->ids &&
	       a->mask;
}

int mm_batch_alloc(struct mm_run *r, struct mm_err *err)
{
	const struct mm_dataset *d = r->data;
	const size_t B = r->o->batch;

	r->next.step = -1;
	r->order = mm_calloc(2 * d->n + 2 * d->n_streams, sizeof(*r->order));
	r->same = mm_calloc(B, sizeof(*r->same));
	r->all_ids = mm_malloc(B * d->T, sizeof(*r->all_ids));
	if (!alloc_rows(r, &r->at) || !alloc_rows(r, &r->next.at) ||
	    !r->order || !r->same || !r->all_ids)
		return mm_fail_nomem(err, "a training run");
	return mm_worker_new(&r->next.worker, err);
}

static void release_rows(struct mm_rows *a)
{
	mm_free(a->index);
	mm_free(a->sample);
	mm_free(a->label);
	mm_free(a->pixels);
	mm_free(a->ids);
	mm_free(a->mask);
}

void mm_batch_release(struct mm_run *r)
{
	release_rows(&r->at);
	release_rows(&r->next.at);
	mm_free(r->order);
	mm_free(r->same);
	mm_free(r->all_ids);
}
