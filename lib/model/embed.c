/* embed.c - see embed.h. */
#include "model/embed.h"

#include <math.h>
#include <string.h>

void mm_embedder_init(struct mm_embedder *e, struct mm_model *model)
{
	memset(e, 0, sizeof(*e));
	e->model = model;
}

void mm_embedder_release(struct mm_embedder *e)
{
	for (int i = 0; i < MM_EMBED_KEPT; i++) {
		mm_graph_release(&e->image[i].g);
		mm_graph_release(&e->text[i].g);
	}
	memset(e, 0, sizeof(*e));
}

/* The kept graph that is like `want`; *found false: the one to build anew. */
static struct mm_embed_graph *choose(struct mm_embedder *e,
				     struct mm_embed_graph *kept,
				     const struct mm_embed_graph *want,
				     bool *found)
{
	struct mm_embed_graph *oldest = kept;

	e->clock++;
	for (struct mm_embed_graph *k = kept; k < kept + MM_EMBED_KEPT; k++) {
		*found = k->B == want->B && k->shape[0] == want->shape[0] &&
			 k->shape[1] == want->shape[1] &&
			 k->elem == want->elem && k->mask == want->mask &&
			 k->types == want->types;
		if (*found) {
			k->used = e->clock;
			return k;
		}
		if (k->used < oldest->used)
			oldest = k;
	}
	mm_graph_release(&oldest->g);
	*oldest = *want;
	oldest->used = e->clock;
	mm_graph_init(&oldest->g, &e->model->store, MM_INFER);
	oldest->g.watch = e->watch;
	oldest->g.watch_ctx = e->watch_ctx;
	return oldest;
}

/* Weights, memory: what both towers need once their nodes are there. */
static int ready(struct mm_embedder *e, struct mm_embed_graph *k,
		 struct mm_err *err)
{
	int rc;

	k->g.batch = k->B;
	if ((rc = mm_graph_plan(&k->g, err)) ||
	    (rc = mm_model_bind(e->model, false, err)) ||
	    (rc = mm_graph_alloc(&k->g, err))) {
		k->B = 0;
		k->used = 0;
	}
	return rc;
}

static int image_graph(struct mm_embed_graph **graph, struct mm_embedder *e,
		       enum mm_elem elem, size_t B, size_t H, size_t W,
		       struct mm_err *err)
{
	const struct mm_embed_graph want = { .B = B,
					     .shape = { H, W },
					     .elem = elem };
	bool found;
	struct mm_embed_graph *k = choose(e, e->image, &want, &found);

	*graph = k;
	if (found)
		return MM_OK;
	k->pixels = mm_image_input(&k->g, e->model, elem, B, H, W);
	k->out = e->model->arch->image(&k->g, e->model, k->pixels);
	mm_output(&k->g, k->out, "image_embeds");
	return ready(e, k, err);
}

static int text_graph(struct mm_embed_graph **graph, struct mm_embedder *e,
		      size_t B, size_t T, bool mask, bool types,
		      struct mm_err *err)
{
	const struct mm_model *m = e->model;
	const struct mm_embed_graph want = {
		.B = B,
		.shape = { T },
		.mask = mask && !m->unmasked_text,
		.types = types && m->type_vocab_size,
	};
	bool found;
	struct mm_embed_graph *k = choose(e, e->text, &want, &found);

	*graph = k;
	if (found)
		return MM_OK;
	k->text = mm_text_inputs(&k->g, B, T, k->mask, k->types);
	k->out = m->arch->text(&k->g, m, &k->text);
	mm_output(&k->g, k->out, "text_embeds");
	return ready(e, k, err);
}

int mm_embed_have_images(struct mm_embedder *e, enum mm_elem elem, size_t B,
			 size_t H, size_t W, struct mm_err *err)
{
	struct mm_embed_graph *k;

	return image_graph(&k, e, elem, B, H, W, err);
}

int mm_embed_have_texts(struct mm_embedder *e, size_t B, size_t T, bool mask,
			bool types, struct mm_err *err)
{
	struct mm_embed_graph *k;

	return text_graph(&k, e, B, T, mask, types, err);
}

int mm_embed_images(struct mm_embedder *e, float *out, const void *pixels,
		    enum mm_elem elem, size_t B, size_t H, size_t W,
		    struct mm_err *err)
{
	struct mm_embed_graph *k;
	int rc = image_graph(&k, e, elem, B, H, W, err);

	if (rc)
		return rc;
	if (elem == MM_ELEM_U8)
		k->pixels->data = pixels;
	else
		memcpy(k->pixels->val, pixels, k->pixels->n * sizeof(float));
	mm_graph_forward(&k->g);
	memcpy(out, k->out->val, k->out->n * sizeof(*out));
	return MM_OK;
}

int mm_embed_texts(struct mm_embedder *e, float *out, const int32_t *ids,
		   const uint8_t *mask, const int32_t *types, size_t B,
		   size_t T, struct mm_err *err)
{
	struct mm_embed_graph *k;
	int rc;

	if (!e->model->type_vocab_size)
		types = NULL; /* its texts have no segments */
	if (e->model->unmasked_text)
		mask = NULL;
	for (size_t i = 0; i < B * T; i++)
		if (ids[i] < 0 || (size_t)ids[i] >= e->model->vocab_size)
			return mm_fail(err, MM_ERR_FORMAT,
				       "token id %d is outside the model's "
				       "vocabulary of %zu",
				       (int)ids[i], e->model->vocab_size);
	for (size_t i = 0; types && i < B * T; i++)
		if (types[i] < 0 ||
		    (size_t)types[i] >= e->model->type_vocab_size)
			return mm_fail(err, MM_ERR_FORMAT,
				       "segment %d is outside the model's %zu",
				       (int)types[i],
				       e->model->type_vocab_size);
	if ((rc = text_graph(&k, e, B, T, mask, types, err)))
		return rc;
	k->text.ids->data = ids;
	if (mask)
		k->text.mask->data = mask;
	if (types)
		k->text.types->data = types;
	mm_graph_forward(&k->g);
	memcpy(out, k->out->val, k->out->n * sizeof(*out));
	return MM_OK;
}

/* An image against a text that is the same and one that is orthogonal. */
int mm_embed_logits(struct mm_embedder *e, float *scale, float *bias,
		    struct mm_err *err)
{
	const size_t D = e->model->embed_dim;
	struct mm_graph g;
	struct mm_node *image, *text, *z;
	int rc;

	mm_graph_init(&g, &e->model->store, MM_INFER);
	image = mm_input(&g, "image", MM_ELEM_REAL, MM_SHAPE(1, D));
	text = mm_input(&g, "text", MM_ELEM_REAL, MM_SHAPE(2, D));
	z = e->model->arch->logits(&g, e->model, image, text);
	mm_output(&g, z, "logits");
	if (!(rc = mm_graph_plan(&g, err)) &&
	    !(rc = mm_model_bind(e->model, false, err)) &&
	    !(rc = mm_graph_alloc(&g, err))) {
		memset(image->val, 0, D * sizeof(*image->val));
		memset(text->val, 0, 2 * D * sizeof(*text->val));
		image->val[0] = text->val[0] = 1;
		text->val[D + (D > 1)] = D > 1;
		mm_graph_forward(&g);
		*bias = z->val[1];
		*scale = z->val[0] - z->val[1];
	}
	mm_graph_release(&g);
	return rc;
}

void mm_embed_normalise(float *x, size_t N, size_t D)
{
	/* In double and rounded once: multiples of a vector stay equal. */
	for (size_t n = 0; n < N; n++) {
		float *y = x + n * D;
		double norm = 0;

		for (size_t d = 0; d < D; d++)
			norm += (double)y[d] * (double)y[d];
		norm = sqrt(norm);
		norm = norm > 1e-12 ? norm : 1e-12;
		for (size_t d = 0; d < D; d++)
			y[d] = (float)((double)y[d] / norm);
	}
}
