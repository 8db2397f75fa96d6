/* embed.c - see embed.h. */
#include "model/embed.h"

#include <math.h>
#include <string.h>

#include "graph/ops.h"

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

static struct mm_embed_graph *kept(struct mm_embedder *e,
				   const struct mm_embed_graph *want)
{
	return want->texts ? e->text : e->image;
}

/* But for the batch. */
static bool alike(const struct mm_embed_graph *a,
		  const struct mm_embed_graph *b)
{
	return a->B && a->shape[0] == b->shape[0] &&
	       a->shape[1] == b->shape[1] && a->elem == b->elem &&
	       a->mask == b->mask && a->types == b->types;
}

/* The kept graph that is like `want`; *found false: the one to build anew. */
static struct mm_embed_graph *
choose(struct mm_embedder *e, const struct mm_embed_graph *want, bool *found)
{
	struct mm_embed_graph *first = kept(e, want), *oldest = first;

	e->clock++;
	for (struct mm_embed_graph *k = first; k < first + MM_EMBED_KEPT; k++) {
		*found = k->B == want->B && alike(k, want);
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
	return oldest;
}

/* The nodes of a tower. */
static void emit(struct mm_embedder *e, struct mm_embed_graph *k)
{
	struct mm_model *m = e->model;

	mm_graph_init(&k->g, &m->store, MM_INFER);
	k->g.watch = e->watch;
	k->g.watch_ctx = e->watch_ctx;
	k->g.batch = k->B;
	if (k->texts) {
		k->text = mm_text_inputs(&k->g, k->B, k->shape[0], k->mask,
					 k->types);
		k->out = m->arch->text(&k->g, m, &k->text);
		mm_output(&k->g, k->out, "text_embeds");
	} else {
		k->pixels = mm_image_input(&k->g, m, k->elem, k->B, k->shape[0],
					   k->shape[1]);
		k->out = m->arch->image(&k->g, m, k->pixels);
		mm_output(&k->g, k->out, "image_embeds");
	}
}

static int graph_of(struct mm_embed_graph **graph, struct mm_embedder *e,
		    const struct mm_embed_graph *want, struct mm_err *err)
{
	bool found;
	struct mm_embed_graph *k = choose(e, want, &found);
	int rc;

	*graph = k;
	if (found)
		return MM_OK;
	emit(e, k);
	if ((rc = mm_graph_plan(&k->g, err)) ||
	    (rc = mm_model_bind(e->model, false, err)) ||
	    (rc = mm_graph_alloc(&k->g, err))) {
		k->B = 0;
		k->used = 0;
	}
	return rc;
}

/* What a linear layer reads and writes for one sample, at most. */
static size_t bytes_of_one(struct mm_embedder *e,
			   const struct mm_embed_graph *want)
{
	struct mm_embed_graph one = *want;
	size_t most = 0;

	for (int i = 0; i < MM_EMBED_KEPT; i++)
		if (alike(&kept(e, want)[i], want))
			return kept(e, want)[i].one;
	one.B = 1;
	emit(e, &one);
	for (size_t i = 0; i < one.g.n_nodes; i++) {
		const struct mm_node *n = one.g.node[i];
		const size_t some =
			n->op == &mm_op_linear ? n->n + n->in[0]->n : 0;

		most = some > most ? some : most;
	}
	mm_graph_release(&one.g);
	return most * sizeof(float);
}

/* How many slices a batch is cut into; slice i begins at B * i / n. */
static size_t slices(struct mm_embedder *e, struct mm_embed_graph *want,
		     size_t B)
{
	size_t most;

	want->one = bytes_of_one(e, want);
	most = MM_EMBED_BYTES / (want->one + 1);
	most = most ? most : 1;
	return (B + most - 1) / most;
}

/* The graphs of all slices of a batch. */
static int have(struct mm_embedder *e, struct mm_embed_graph *want, size_t B,
		struct mm_err *err)
{
	const size_t n = slices(e, want, B);
	struct mm_embed_graph *k;
	int rc = MM_OK;

	for (size_t i = 0; i < n && !rc; i++) {
		want->B = B * (i + 1) / n - B * i / n;
		rc = graph_of(&k, e, want, err);
	}
	return rc;
}

int mm_embed_have_images(struct mm_embedder *e, enum mm_elem elem, size_t B,
			 size_t H, size_t W, struct mm_err *err)
{
	struct mm_embed_graph want = { .shape = { H, W }, .elem = elem };

	return have(e, &want, B, err);
}

static struct mm_embed_graph texts_of(const struct mm_model *m, size_t T,
				      bool mask, bool types)
{
	return (struct mm_embed_graph){
		.texts = true,
		.shape = { T },
		.mask = mask && !m->unmasked_text,
		.types = types && m->type_vocab_size,
	};
}

int mm_embed_have_texts(struct mm_embedder *e, size_t B, size_t T, bool mask,
			bool types, struct mm_err *err)
{
	struct mm_embed_graph want = texts_of(e->model, T, mask, types);

	return have(e, &want, B, err);
}

static void run(struct mm_embed_graph *k, float *out)
{
	mm_graph_forward(&k->g);
	memcpy(out, k->out->val, k->out->n * sizeof(*out));
}

int mm_embed_images(struct mm_embedder *e, float *out, const void *pixels,
		    enum mm_elem elem, size_t B, size_t H, size_t W,
		    struct mm_err *err)
{
	struct mm_embed_graph want = { .shape = { H, W }, .elem = elem }, *k;
	const size_t row = 3 * H * W * (elem == MM_ELEM_U8 ? 1 : sizeof(float));
	const size_t n = slices(e, &want, B);
	int rc = MM_OK;

	for (size_t i = 0; i < n && !rc; i++) {
		const size_t first = B * i / n;
		const char *in = (const char *)pixels + first * row;

		want.B = B * (i + 1) / n - first;
		if ((rc = graph_of(&k, e, &want, err)))
			break;
		if (elem == MM_ELEM_U8)
			k->pixels->data = in;
		else
			memcpy(k->pixels->val, in, want.B * row);
		run(k, out + first * e->model->embed_dim);
	}
	return rc;
}

static int check_ids(const struct mm_model *m, const int32_t *ids,
		     const int32_t *types, size_t n, struct mm_err *err)
{
	for (size_t i = 0; i < n; i++)
		if (ids[i] < 0 || (size_t)ids[i] >= m->vocab_size)
			return mm_fail(err, MM_ERR_FORMAT,
				       "token id %d is outside the model's "
				       "vocabulary of %zu",
				       (int)ids[i], m->vocab_size);
	for (size_t i = 0; types && i < n; i++)
		if (types[i] < 0 || (size_t)types[i] >= m->type_vocab_size)
			return mm_fail(err, MM_ERR_FORMAT,
				       "segment %d is outside the model's %zu",
				       (int)types[i], m->type_vocab_size);
	return MM_OK;
}

int mm_embed_texts(struct mm_embedder *e, float *out, const int32_t *ids,
		   const uint8_t *mask, const int32_t *types, size_t B,
		   size_t T, struct mm_err *err)
{
	const struct mm_model *m = e->model;
	struct mm_embed_graph want = texts_of(m, T, mask, types), *k;
	const size_t n = slices(e, &want, B);
	int rc;

	/* Some models' texts have no segments. */
	if ((rc = check_ids(m, ids, want.types ? types : NULL, B * T, err)))
		return rc;
	for (size_t i = 0; i < n; i++) {
		const size_t first = B * i / n;

		want.B = B * (i + 1) / n - first;
		if ((rc = graph_of(&k, e, &want, err)))
			return rc;
		k->text.ids->data = ids + first * T;
		if (want.mask)
			k->text.mask->data = mask + first * T;
		if (want.types)
			k->text.types->data = types + first * T;
		run(k, out + first * m->embed_dim);
	}
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
