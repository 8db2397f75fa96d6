/* embed.c - see embed.h. */
#include "model/embed.h"

#include <string.h>

void mm_embedder_init(struct mm_embedder *e, struct mm_model *model)
{
	memset(e, 0, sizeof(*e));
	e->model = model;
}

void mm_embedder_release(struct mm_embedder *e)
{
	mm_graph_release(&e->image);
	mm_graph_release(&e->text);
	memset(e, 0, sizeof(*e));
}

/* Weights, memory: what both towers need once their nodes are there. */
static int ready(struct mm_embedder *e, struct mm_graph *g, size_t B,
		 struct mm_err *err)
{
	int rc;

	g->batch = B;
	if ((rc = mm_graph_plan(g, err)) ||
	    (rc = mm_model_bind(e->model, false, err)))
		return rc;
	return mm_graph_alloc(g, err);
}

static int build_image(struct mm_embedder *e, enum mm_elem elem, size_t B,
		       size_t H, size_t W, struct mm_err *err)
{
	struct mm_graph *g = &e->image;
	int rc;

	if (e->image_shape[0] == B && e->image_shape[1] == H &&
	    e->image_shape[2] == W && e->pixel_elem == elem)
		return MM_OK;
	mm_graph_release(g);
	e->image_shape[0] = 0;
	mm_graph_init(g, &e->model->store, MM_INFER);
	e->pixels = mm_image_input(g, e->model, elem, B, H, W);
	e->image_out = e->model->arch->image(g, e->model, e->pixels);
	mm_output(g, e->image_out, "image_embeds");
	if ((rc = ready(e, g, B, err)))
		return rc;
	e->image_shape[0] = B;
	e->image_shape[1] = H;
	e->image_shape[2] = W;
	e->pixel_elem = elem;
	return MM_OK;
}

int mm_embed_images(struct mm_embedder *e, float *out, const void *pixels,
		    enum mm_elem elem, size_t B, size_t H, size_t W,
		    struct mm_err *err)
{
	int rc = build_image(e, elem, B, H, W, err);

	if (rc)
		return rc;
	if (elem == MM_ELEM_U8)
		e->pixels->data = pixels;
	else
		memcpy(e->pixels->val, pixels, e->pixels->n * sizeof(float));
	mm_graph_forward(&e->image);
	memcpy(out, e->image_out->val, e->image_out->n * sizeof(*out));
	return MM_OK;
}

static int build_text(struct mm_embedder *e, bool mask, bool types, size_t B,
		      size_t T, struct mm_err *err)
{
	struct mm_graph *g = &e->text;
	int rc;

	if (e->text_shape[0] == B && e->text_shape[1] == T && e->mask == mask &&
	    e->types == types)
		return MM_OK;
	mm_graph_release(g);
	e->text_shape[0] = 0;
	mm_graph_init(g, &e->model->store, MM_INFER);
	e->ids = mm_text_inputs(g, B, T, mask, types);
	e->text_out = e->model->arch->text(g, e->model, &e->ids);
	mm_output(g, e->text_out, "text_embeds");
	if ((rc = ready(e, g, B, err)))
		return rc;
	e->text_shape[0] = B;
	e->text_shape[1] = T;
	e->mask = mask;
	e->types = types;
	return MM_OK;
}

int mm_embed_texts(struct mm_embedder *e, float *out, const int32_t *ids,
		   const uint8_t *mask, const int32_t *types, size_t B,
		   size_t T, struct mm_err *err)
{
	int rc;

	for (size_t i = 0; i < B * T; i++)
		if (ids[i] < 0 || (size_t)ids[i] >= e->model->vocab_size)
			return mm_fail(err, MM_ERR_FORMAT,
				       "token id %d is outside the model's "
				       "vocabulary of %zu",
				       (int)ids[i], e->model->vocab_size);
	if ((rc = build_text(e, mask != NULL, types != NULL, B, T, err)))
		return rc;
	e->ids.ids->data = ids;
	if (mask)
		e->ids.mask->data = mask;
	if (types)
		e->ids.types->data = types;
	mm_graph_forward(&e->text);
	memcpy(out, e->text_out->val, e->text_out->n * sizeof(*out));
	return MM_OK;
}

void mm_embed_normalise(float *x, size_t N, size_t D)
{
	mm_real rnorm;

	for (size_t n = 0; n < N; n++)
		mm_l2norm_fwd(x + n * D, &rnorm, x + n * D, 1e-12f, 1, D);
}
