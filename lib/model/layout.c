/* layout.c - see layout.h: tensors. */
#include "model/layout.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "model/clip.h"
#include "model/openclip.h"

enum mm_layout mm_layout_of(const struct mm_weights *w)
{
	/* A ResNet's names in our own layout begin as open_clip's, too. */
	for (size_t i = 0; i < w->n; i++)
		if (!strncmp(w->tensor[i]->name, "vision_model.", 13) ||
		    !strncmp(w->tensor[i]->name, "text_model.", 11))
			return MM_LAYOUT_HF;
	if (mm_weights_find(w, "visual.conv1.weight") ||
	    mm_weights_find(w, "visual.trunk.stem.0.weight") ||
	    mm_weights_find(w, "visual.trunk.pos_embed"))
		return MM_LAYOUT_OPEN_CLIP;
	return MM_LAYOUT_OTHER;
}

static int missing(const char *name, const char *there, struct mm_err *err)
{
	return mm_fail(err, MM_ERR_FORMAT, "weight '%s' (here '%s') is missing",
		       name, there);
}

/* The tensor of open_clip's name; custom text towers put "text." in front. */
static const struct mm_tensor *find_open(const struct mm_weights *w,
					 const char *name)
{
	const struct mm_tensor *t = mm_weights_find(w, name);
	char custom[300];

	snprintf(custom, sizeof(custom), "text.%s", name);
	return t ? t : mm_weights_find(w, custom);
}

/* Is t what p, n numbers of it, may lie in? */
static int check(const struct mm_tensor *t, const struct mm_param *p, size_t n,
		 struct mm_err *err)
{
	char have[128];

	if (mm_tensor_count(t) == n &&
	    (mm_dtype_is_float(t->dtype) || p->count))
		return MM_OK;
	if (t->dtype == MM_I8)
		return mm_fail(err, MM_ERR_REFUSED,
			       "weight '%s' is int8: convert the model first, "
			       "then quantize it",
			       t->name);
	return mm_fail(err, MM_ERR_SHAPE,
		       "weight '%s' is %s of type %s, the configuration wants "
		       "%zu numbers for '%s'",
		       t->name,
		       mm_shape_text(have, sizeof(have), t->dim, t->rank),
		       mm_dtype_name(t->dtype), n, p->name);
}

/* ---- to transformers' ---- */

/* One part of p into *out, whose memory appears with the first one. */
static int take_part(struct mm_tensor *out, struct mm_arena *arena,
		     const struct mm_tensor *t, const struct mm_param *p,
		     const struct mm_openclip_place *at, struct mm_err *err)
{
	const size_t size = mm_dtype_size(t->dtype);
	const size_t unit = p->n / (size_t)at->own_of * size;
	const char *from = (const char *)t->data + unit * (size_t)at->at;
	char *to;

	if (at->own == 0)
		*out = mm_tensor_make(p->name, t->dtype, p->shape.rank,
				      p->shape.dim, NULL);
	if (t->dtype != out->dtype)
		return mm_fail(err, MM_ERR_FORMAT,
			       "the parts of '%s' are of two types, %s and %s",
			       p->name, mm_dtype_name(out->dtype),
			       mm_dtype_name(t->dtype));
	if (!at->transposed && at->n == at->own_of) {
		out->data = from;
		return MM_OK;
	}
	to = out->data ? (char *)(uintptr_t)out->data
		       : mm_arena_alloc(arena, out->nbytes, 1);
	if (!to)
		return mm_fail_nomem(err, "the weights");
	out->data = to;
	if (at->transposed)
		mm_openclip_transpose(to, from, p->shape.dim[1],
				      p->shape.dim[0], size);
	else
		memcpy(to + unit * (size_t)at->own, from, unit * (size_t)at->n);
	return MM_OK;
}

/* One of transformers' parameters, cut out of open_clip's tensors; no name
 * where it is a counter that the file lacks. */
static int to_hf(struct mm_tensor *out, struct mm_arena *arena,
		 const struct mm_weights *w, const struct mm_model *m,
		 const struct mm_param *p, struct mm_err *err)
{
	struct mm_openclip_place at = { .name = "" };
	int k = 0, rc = MM_OK;

	out->name = NULL;
	for (; !rc && mm_openclip_place(&at, m, p->name, k); k++) {
		const struct mm_tensor *t = find_open(w, at.name);

		if (!t && p->count)
			return MM_OK;
		if (!t)
			return missing(p->name, at.name, err);
		if (!(rc = check(t, p,
				 p->n / (size_t)at.own_of * (size_t)at.at_of,
				 err)))
			rc = take_part(out, arena, t, p, &at, err);
	}
	return k ? rc : missing(p->name, "no such name", err);
}

static int all_to_hf(struct mm_tensor *out, size_t *n, struct mm_arena *arena,
		     const struct mm_weights *w, const struct mm_model *m,
		     struct mm_err *err)
{
	const struct mm_store *s = &m->store;
	int rc = MM_OK;

	for (size_t i = 0; i < s->n && !rc; i++) {
		if (s->param[i]->aux)
			continue;
		rc = to_hf(&out[*n], arena, w, m, s->param[i], err);
		*n += !rc && out[*n].name;
	}
	return rc;
}

/* ---- to open_clip's ---- */

static int all_to_open(struct mm_tensor *out, size_t *n, struct mm_arena *arena,
		       const struct mm_weights *w, const struct mm_model *m,
		       struct mm_err *err)
{
	const struct mm_store *s = &m->store;
	struct mm_tensor *src = mm_arena_alloc(arena, s->n, sizeof(*src));
	int rc = MM_OK;

	if (!src)
		return mm_fail_nomem(err, "a list of tensors");
	for (size_t i = 0; i < s->n && !rc; i++) {
		const struct mm_param *p = s->param[i];
		const struct mm_tensor *t = mm_weights_find(w, p->name);

		src[i].name = NULL;
		if (t && !(rc = check(t, p, p->n, err)))
			src[i] = *t;
		else if (!t && !p->aux && !p->count)
			rc = missing(p->name, "the same", err);
	}
	return rc ? rc : mm_openclip_tensors(out, n, arena, src, m, err);
}

/* What the model has that transformers' classes have not. */
static const char *odd_part(const struct mm_model *m)
{
	const struct mm_clip *c = mm_clip_config(m);

	if (mm_clip_convnext_config(m))
		return "CLIP with a ConvNeXt";
	if (m->arch == &mm_arch_siglip)
		return "SigLIP without a layer behind its texts";
	if (c && c->vit.timm)
		return "CLIP with timm's vision transformer";
	if (c && (!c->vit.pre_norm || c->vit.mean || c->vision.scale > 0))
		return "CLIP with this vision transformer (no_ln_pre, "
		       "pool_type avg, ls_init_value)";
	return "CLIP with this text tower or with a bias of the logits";
}

/* transformers has no class for the model: why. */
static int refuse_hf(const struct mm_model *m, struct mm_err *err)
{
	const struct mm_hub_text *h = mm_hub_text_config(m);

	if (!h || mm_clip_config(m)->vit.timm)
		return mm_fail(err, MM_ERR_REFUSED,
			       "transformers has no class for this model, a "
			       "%s; '--to open_clip' keeps it",
			       odd_part(m));
	return mm_fail(err, MM_ERR_REFUSED,
		       "transformers' VisionTextDualEncoderModel has %s and a "
		       "%s projection, this model has %s and %s; '--to "
		       "open_clip' keeps it",
		       mm_hub_pools[0], mm_hub_projs[0], mm_hub_pools[h->pool],
		       mm_hub_projs[h->proj]);
}

int mm_layout_convert(struct mm_tensor **tensor, size_t *n,
		      struct mm_arena *arena, const struct mm_weights *w,
		      struct mm_model *m, enum mm_layout to, struct mm_err *err)
{
	int rc;

	if (m->only_ours)
		return mm_fail(err, MM_ERR_REFUSED,
			       "transformers and open_clip have no class for "
			       "this model");
	if (to == MM_LAYOUT_HF && m->only_open_clip &&
	    m->arch != &mm_arch_clip_resnet)
		return refuse_hf(m, err);
	if ((rc = mm_model_declare(m, err)))
		return rc;
	*n = 0;
	*tensor = mm_arena_alloc(arena, 2 * m->store.n, sizeof(**tensor));
	if (!*tensor)
		return mm_fail_nomem(err, "a list of tensors");
	return to == MM_LAYOUT_HF ? all_to_hf(*tensor, n, arena, w, m, err)
				  : all_to_open(*tensor, n, arena, w, m, err);
}
