/* encode_parts.c - see encode_parts.h. */
#include "model/encode_parts.h"

#include "base/mem.h"
#include "base/parallel.h"

struct mm_encode_part {
	struct mm_embedder run; /* of one thread at a time */
	int rc;
	struct mm_err err;
};

struct batch {
	struct mm_encoder *e;
	float *out;
	const float *pixels; /* or ... */
	const int32_t *ids;
	const uint8_t *mask;
	size_t n, parts;
};

static size_t first_of(const struct batch *b, size_t part)
{
	return part * b->n / b->parts;
}

/* Inputs [begin, begin + n) of b, by an embedder. */
static int run(const struct batch *b, struct mm_embedder *r, size_t begin,
	       size_t n, struct mm_err *err)
{
	const struct mm_model *m = &b->e->model;
	const size_t S = m->image_size, T = m->context_length;
	float *out = b->out + begin * m->embed_dim;

	if (b->pixels)
		return mm_embed_images(r, out, b->pixels + begin * 3 * S * S,
				       MM_ELEM_REAL, n, S, S, err);
	return mm_embed_texts(r, out, b->ids + begin * T, b->mask + begin * T,
			      NULL, n, T, err);
}

static int have(const struct batch *b, struct mm_embedder *r, size_t n,
		struct mm_err *err)
{
	const struct mm_model *m = &b->e->model;
	const size_t S = m->image_size;

	if (b->pixels)
		return mm_embed_have_images(r, MM_ELEM_REAL, n, S, S, err);
	return mm_embed_have_texts(r, n, m->context_length, true, false, err);
}

static void run_part(void *ctx, size_t begin, size_t end)
{
	const struct batch *b = ctx;

	for (size_t i = begin; i < end; i++) {
		struct mm_encode_part *p = &b->e->part[i];
		const size_t first = first_of(b, i);

		p->rc = run(b, &p->run, first, first_of(b, i + 1) - first,
			    &p->err);
	}
}

static int run_whole(struct batch *b, struct mm_err *err)
{
	const bool quick = b->pixels ? b->e->quick_images : b->e->quick_texts;
	int rc;

	if (quick)
		mm_parallel_here(true);
	rc = run(b, &b->e->run, 0, b->n, err);
	if (quick)
		mm_parallel_here(false);
	return rc;
}

static int run_batch(struct batch *b, struct mm_err *err)
{
	struct mm_encoder *e = b->e;
	int rc = MM_OK;

	b->parts = e->n_parts;
	if (b->parts < 2 || b->n < b->parts)
		return run_whole(b, err);
	for (size_t i = 0; i < b->parts && !rc; i++)
		rc = have(b, &e->part[i].run,
			  first_of(b, i + 1) - first_of(b, i), err);
	if (rc)
		return rc;
	mm_parallel_for(b->parts, 1, run_part, b);
	for (size_t i = 0; i < b->parts && !rc; i++)
		if ((rc = e->part[i].rc))
			*err = e->part[i].err;
	return rc;
}

int mm_encode_parts_images(struct mm_encoder *e, float *out,
			   const float *pixels, size_t n, struct mm_err *err)
{
	struct batch b = { .e = e, .out = out, .pixels = pixels, .n = n };

	return run_batch(&b, err);
}

int mm_encode_parts_texts(struct mm_encoder *e, float *out, const int32_t *ids,
			  const uint8_t *mask, size_t n, struct mm_err *err)
{
	struct batch b = {
		.e = e, .out = out, .ids = ids, .mask = mask, .n = n
	};

	return run_batch(&b, err);
}

int mm_encoder_divide(struct mm_encoder *e, size_t parts, struct mm_err *err)
{
	mm_encode_parts_release(e);
	if (!(e->part = mm_calloc(parts, sizeof(*e->part))))
		return mm_fail_nomem(err, "the parts of a batch");
	for (; e->n_parts < parts; e->n_parts++)
		mm_embedder_init(&e->part[e->n_parts].run, &e->model);
	return MM_OK;
}

void mm_encode_parts_release(struct mm_encoder *e)
{
	for (size_t i = 0; i < e->n_parts; i++)
		mm_embedder_release(&e->part[i].run);
	mm_free(e->part);
	e->part = NULL;
	e->n_parts = 0;
}
