/* pair_vectors.c - see pair_vectors.h. */
#include "pair_vectors.h"

#include <string.h>

#include "base/mem.h"
#include "data/sample_copy.h"

int mm_pair_vectors_open(struct mm_pair_vectors *p,
			 const struct mm_source_args *source,
			 char *const *paths, size_t n_paths, struct mm_err *err)
{
	struct mm_source_options o = mm_source_options(source);
	const size_t most = (size_t)p->common->batch_size;
	int rc;

	p->most = most;
	p->sample = mm_calloc(most, sizeof(*p->sample));
	p->ok = mm_calloc(most, sizeof(*p->ok));
	p->item = mm_calloc(most, sizeof(*p->item));
	p->row = mm_calloc(most, sizeof(*p->row));
	p->arena = mm_calloc(most, sizeof(*p->arena));
	if (!p->sample || !p->ok || !p->item || !p->row || !p->arena)
		return mm_fail_nomem(err, "a batch");
	if ((rc = mm_sources_open(&p->sources, paths, n_paths, &o, err)))
		return rc;
	p->model = p->common->model != NULL;
	if (!p->model)
		return MM_OK;
	if ((rc = mm_encoder_open(&p->enc, p->common->model, err)))
		return rc;
	p->D = p->enc.model.embed_dim;
	p->image = mm_calloc(most, p->D * sizeof(*p->image));
	p->text = mm_calloc(most, p->D * sizeof(*p->text));
	if (!p->image || !p->text)
		return mm_fail_nomem(err, "a batch of vectors");
	return mm_encode_items_init(&p->items, &p->enc, most, err);
}

void mm_pair_vectors_release(struct mm_pair_vectors *p)
{
	mm_encode_items_release(&p->items);
	mm_encoder_release(&p->enc);
	mm_sources_release(&p->sources);
	for (size_t i = 0; p->arena && i < p->most; i++)
		mm_arena_release(&p->arena[i]);
	mm_free(p->arena);
	mm_free(p->sample);
	mm_free(p->ok);
	mm_free(p->item);
	mm_free(p->row);
	mm_free(p->image);
	mm_free(p->text);
}

/* ---- a batch of samples ---- */

/* Whether the batch must be done before the next sample is read: it is full,
 * or the stream's segment goes with the next sample. */
static bool must_end(const struct mm_pair_vectors *p, const struct mm_sample *s)
{
	if (p->n == p->most)
		return true;
	return p->n && s->segment && s->row + 1 == s->segment->n;
}

/* Take in one sample of ours. */
static int take(struct mm_pair_vectors *p, const struct mm_sample *s,
		struct mm_err *err)
{
	int rc;

	mm_arena_reset(&p->arena[p->n]);
	if (s->segment) { /* the row stays, the strings do not */
		p->sample[p->n] = *s;
		p->sample[p->n].text.str = NULL;
		p->sample[p->n].id.str =
			mm_arena_strndup(&p->arena[p->n], s->id.str, s->id.len);
		if (!p->sample[p->n].id.str)
			return mm_fail_nomem(err, "a batch");
	} else {
		rc = mm_sample_copy(&p->sample[p->n], s, &p->arena[p->n], err);
		if (rc)
			return rc;
	}
	p->ok[p->n++] = true;
	return MM_OK;
}

static int fill(struct mm_pair_vectors *p, struct mm_err *err)
{
	struct mm_sources *src = &p->sources;
	const struct mm_sample *s;
	int rc;

	p->n = 0;
	if (p->held) {
		p->held = false;
		if ((rc = take(p, &src->sample, err)) ||
		    must_end(p, &src->sample))
			return rc;
	}
	for (;;) {
		rc = mm_sources_next(src, &s, err);
		if (rc && src->bad_sample) {
			if (mm_shard_has(&p->common->shard, src->position) &&
			    (rc = mm_bad_sample(p->bad, mm_sources_bad_id(src),
						"read", err)))
				return rc;
			/* It may have been the segment's last. */
			if (p->n && p->sample[0].segment)
				return MM_OK;
			continue;
		}
		if (rc || !s)
			return rc;
		if (!mm_shard_has(&p->common->shard, src->position)) {
			if (p->n && s->segment && s->row + 1 == s->segment->n)
				return MM_OK;
			continue;
		}
		/* Rows of a segment and other samples do not mix. */
		if (p->n && p->sample[0].segment != s->segment) {
			p->held = true;
			return MM_OK;
		}
		if ((rc = take(p, s, err)) || must_end(p, s))
			return rc;
	}
}

/* ---- their vectors ---- */

static int reject(struct mm_pair_vectors *p, size_t i, struct mm_err *err)
{
	p->ok[i] = false;
	return mm_bad_sample(p->bad, p->sample[i].id.str, "encode", err);
}

static int copy_embeddings(struct mm_pair_vectors *p, const char *name,
			   float **out, struct mm_err *err)
{
	const struct mm_segment *seg = p->sample[0].segment;
	const size_t D = p->D ? p->D : SIZE_MAX;
	const struct mm_column *c;
	int rc = mm_segment_want(seg, name, MM_F32, false, 1, &D, &c, err);

	if (rc)
		return mm_fail_ctx(err, "without --model");
	p->D = c->items.dim[1];
	if (!*out && !(*out = mm_calloc(p->most, p->D * sizeof(**out))))
		return mm_fail_nomem(err, "a batch of vectors");
	for (size_t i = 0; i < p->n; i++)
		memcpy(*out + i * p->D,
		       (const float *)c->items.data + p->sample[i].row * p->D,
		       p->D * sizeof(**out));
	return MM_OK;
}

static int encode_one(struct mm_pair_vectors *p, size_t i, struct mm_err *err)
{
	const struct mm_sample *s = &p->sample[i];
	int rc = mm_encode_images(&p->enc, p->image + i * p->D, s->segment,
				  &s->row, 1, err);

	return rc ? rc
		  : mm_encode_texts(&p->enc, p->text + i * p->D, s->segment,
				    &s->row, 1, err);
}

/* All rows at once; where that fails, one by one, to know which is bad. */
static int encode_rows(struct mm_pair_vectors *p, struct mm_err *err)
{
	const struct mm_segment *seg = p->sample[0].segment;
	int rc;

	for (size_t i = 0; i < p->n; i++)
		p->row[i] = p->sample[i].row;
	rc = mm_encode_images(&p->enc, p->image, seg, p->row, p->n, err);
	if (!rc)
		rc = mm_encode_texts(&p->enc, p->text, seg, p->row, p->n, err);
	if (rc != MM_ERR_FORMAT && rc != MM_ERR_IO)
		return rc;
	rc = MM_OK;
	for (size_t i = 0; i < p->n && !rc; i++)
		if (encode_one(p, i, err))
			rc = reject(p, i, err);
	return rc;
}

static int encode_samples(struct mm_pair_vectors *p, struct mm_err *err)
{
	int rc;

	for (size_t i = 0; i < p->n; i++) {
		const struct mm_sample *s = &p->sample[i];

		p->item[i] = (struct mm_encode_item){
			.has_image = true,
			.has_text = true,
			.image = s->image_data,
			.image_size = s->image_size,
			.path = s->image_path.str,
			.path_len = s->image_path.len,
			.text = s->text.str,
			.text_len = s->text.len,
		};
	}
	rc = mm_encode_items_run(&p->items, p->item, p->n, p->image, p->text,
				 err);
	for (size_t i = 0; i < p->n && !rc; i++) {
		if (!p->item[i].rc)
			continue;
		*err = p->item[i].err;
		rc = reject(p, i, err);
	}
	return rc;
}

int mm_pair_vectors_next(struct mm_pair_vectors *p, struct mm_err *err)
{
	int rc = fill(p, err);

	if (rc || !p->n)
		return rc;
	if (!p->model && !p->sample[0].segment)
		return mm_fail(err, MM_ERR_USAGE,
			       "--model names the model, unless the source is "
			       "a stream of vectors");
	if (!p->model) {
		if (!(rc = copy_embeddings(p, "image.embedding", &p->image,
					   err)))
			rc = copy_embeddings(p, "text.embedding", &p->text,
					     err);
	} else {
		rc = p->sample[0].segment ? encode_rows(p, err)
					  : encode_samples(p, err);
	}
	if (rc)
		return rc;
	mm_embed_normalise(p->image, p->n, p->D);
	mm_embed_normalise(p->text, p->n, p->D);
	return MM_OK;
}
