/* measure.c - see measure.h. */
#include "compress/measure.h"

#include <string.h>

#include "base/map.h"
#include "base/mem.h"

/* The vectors of a set while it is read. */
struct gather {
	struct mm_encoder *e;
	struct mm_buf image, text, owner; /* floats, floats, size_ts */
	struct mm_map images;		  /* image.id -> number */
	float *batch[2];
	size_t D, n_images, n_texts;
};

/* A text, and the picture where it is new. */
static int add_row(struct gather *g, const struct mm_segment *seg, size_t row,
		   size_t b, struct mm_err *err)
{
	const struct mm_column *c = mm_segment_find(seg, "image.id");
	size_t len, owner;
	const char *id =
		mm_column_str(c ? c : mm_segment_find(seg, "id"), row, &len);
	int64_t *at;
	bool added;

	if (!id)
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s' has no column 'image.id' or 'id'",
			       seg->path);
	if (!(at = mm_map_put(&g->images, id, len, &added)))
		return mm_fail_nomem(err, "the pictures' ids");
	if (added) {
		*at = (int64_t)g->n_images++;
		mm_buf_add(&g->image, g->batch[0] + b * g->D,
			   g->D * sizeof(float));
	}
	owner = (size_t)*at;
	mm_buf_add(&g->text, g->batch[1] + b * g->D, g->D * sizeof(float));
	mm_buf_add(&g->owner, &owner, sizeof(owner));
	g->n_texts++;
	return g->image.failed || g->text.failed || g->owner.failed
		       ? mm_fail_nomem(err, "the vectors")
		       : MM_OK;
}

static int take_segment(struct gather *g, const struct mm_sample_set *set,
			const struct mm_segment *seg, size_t *row,
			struct mm_err *err)
{
	int rc = MM_OK;

	for (size_t i = 0; i < seg->n && !rc;) {
		size_t n = 0;

		for (; i < seg->n && n < set->batch; i++)
			if (!set->limit || g->n_texts + n < set->limit)
				row[n++] = i;
		if (!n)
			break;
		if ((rc = mm_encode_images(g->e, g->batch[0], seg, row, n,
					   err)) ||
		    (rc = mm_encode_texts(g->e, g->batch[1], seg, row, n, err)))
			break;
		mm_embed_normalise(g->batch[0], n, g->D);
		mm_embed_normalise(g->batch[1], n, g->D);
		for (size_t b = 0; b < n && !rc; b++)
			rc = add_row(g, seg, row[b], b, err);
	}
	return rc;
}

static int take_stream(struct gather *g, const struct mm_sample_set *set,
		       const char *path, size_t *row, struct mm_err *err)
{
	const struct mm_segment *seg;
	struct mm_stream s;
	int rc;

	if (!strcmp(path, "-"))
		return mm_fail(err, MM_ERR_USAGE,
			       "samples are read several times: they cannot "
			       "come from standard input");
	rc = mm_stream_open(&s, path, err);
	while (!rc && !(set->limit && g->n_texts >= set->limit) &&
	       !(rc = mm_stream_next(&s, &seg, err)) && seg)
		rc = take_segment(g, set, seg, row, err);
	mm_stream_release(&s);
	return rc;
}

int mm_measured_take(struct mm_measured *v, struct mm_encoder *e,
		     const struct mm_sample_set *set, struct mm_err *err)
{
	struct gather g = { .e = e, .D = e->model.embed_dim };
	size_t *row = mm_malloc(set->batch, sizeof(*row));
	int rc = MM_OK;

	memset(v, 0, sizeof(*v));
	mm_map_init(&g.images);
	g.batch[0] = mm_malloc(set->batch * g.D, sizeof(float));
	g.batch[1] = mm_malloc(set->batch * g.D, sizeof(float));
	if (!row || !g.batch[0] || !g.batch[1])
		rc = mm_fail_nomem(err, "a batch of vectors");
	for (size_t i = 0; i < set->n && !rc; i++)
		rc = take_stream(&g, set, set->path[i], row, err);
	if (!rc && !g.n_texts)
		rc = mm_fail(err, MM_ERR_FORMAT, "there are no samples");
	*v = (struct mm_measured){
		.image = (float *)(void *)g.image.data,
		.text = (float *)(void *)g.text.data,
		.owner = (size_t *)(void *)g.owner.data,
		.n_images = g.n_images,
		.n_texts = g.n_texts,
		.D = g.D,
	};
	mm_map_release(&g.images);
	mm_free(g.batch[0]);
	mm_free(g.batch[1]);
	mm_free(row);
	return rc;
}

void mm_measured_release(struct mm_measured *v)
{
	mm_free(v->image);
	mm_free(v->text);
	mm_free(v->owner);
	memset(v, 0, sizeof(*v));
}

double mm_mean_cosine(const float *a, const float *b, size_t n, size_t D,
		      double *least)
{
	double sum = 0;

	*least = 1;
	for (size_t i = 0; i < n; i++) {
		double dot = 0;

		for (size_t d = 0; d < D; d++)
			dot += (double)a[i * D + d] * (double)b[i * D + d];
		sum += dot;
		*least = dot < *least ? dot : *least;
	}
	return n ? sum / (double)n : 1;
}

static int figures(struct mm_retrieval_figures f[2],
		   const struct mm_measured *v, struct mm_err *err)
{
	const struct mm_retrieval_set set = { v->image,	   v->text,    v->owner,
					      v->n_images, v->n_texts, v->D };

	return mm_retrieval_eval(f, &set, &mm_retrieval_defaults, 1, err);
}

int mm_fidelity_measure(struct mm_fidelity *f, const struct mm_measured *before,
			const struct mm_measured *after, struct mm_err *err)
{
	int rc;

	if ((rc = figures(f->before, before, err)) ||
	    (rc = figures(f->after, after, err)))
		return rc;
	f->image_cosine =
		mm_mean_cosine(before->image, after->image, before->n_images,
			       before->D, &f->image_least);
	f->text_cosine =
		mm_mean_cosine(before->text, after->text, before->n_texts,
			       before->D, &f->text_least);
	f->loss = 0;
	for (int s = 0; s < 2; s++)
		f->loss +=
			50 * (f->before[s].recall[0] - f->after[s].recall[0]);
	return MM_OK;
}
