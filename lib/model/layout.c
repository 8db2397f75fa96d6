/* layout.c - see layout.h: tensors. */
#include "model/layout.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "model/openclip.h"

enum mm_layout mm_layout_of(const struct mm_weights *w)
{
	if (mm_weights_find(w, "visual.conv1.weight"))
		return MM_LAYOUT_OPEN_CLIP;
	for (size_t i = 0; i < w->n; i++)
		if (!strncmp(w->tensor[i]->name, "vision_model.", 13) ||
		    !strncmp(w->tensor[i]->name, "text_model.", 11))
			return MM_LAYOUT_HF;
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

static struct mm_tensor of_param(const struct mm_param *p, enum mm_dtype dtype,
				 const void *data)
{
	return mm_tensor_make(p->name, dtype, p->shape.rank, p->shape.dim,
			      data);
}

/* Rows and columns of an (R, C) matrix exchanged. */
static void transpose(unsigned char *dst, const unsigned char *src, size_t R,
		      size_t C, size_t size)
{
	for (size_t r = 0; r < R; r++)
		for (size_t c = 0; c < C; c++)
			memcpy(dst + (c * R + r) * size,
			       src + (r * C + c) * size, size);
}

/* src, an (R, C) matrix, transposed into the arena. */
static const void *transposed(struct mm_arena *arena,
			      const struct mm_tensor *src, size_t R, size_t C)
{
	const size_t size = mm_dtype_size(src->dtype);
	unsigned char *copy = mm_arena_alloc(arena, R * C, size);

	if (copy)
		transpose(copy, src->data, R, C, size);
	return copy;
}

static int check(const struct mm_tensor *t, const struct mm_param *p, size_t n,
		 struct mm_err *err)
{
	char have[128];

	if (mm_tensor_count(t) == n && mm_dtype_is_float(t->dtype))
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

/* One of transformers' parameters, cut out of open_clip's tensor. */
static int to_hf(struct mm_tensor *out, struct mm_arena *arena,
		 const struct mm_weights *w, const struct mm_param *p,
		 struct mm_err *err)
{
	const struct mm_tensor *t;
	struct mm_openclip_place at;
	const void *data;
	int rc;

	if (!mm_openclip_place(&at, p->name) || !(t = find_open(w, at.name)))
		return missing(p->name, at.name, err);
	if ((rc = check(t, p, at.third < 0 ? p->n : 3 * p->n, err)))
		return rc;
	data = t->data;
	if (at.third > 0)
		data = (const char *)data +
		       (size_t)at.third * p->n * mm_dtype_size(t->dtype);
	if (at.transposed &&
	    !(data = transposed(arena, t, p->shape.dim[1], p->shape.dim[0])))
		return mm_fail_nomem(err, "the weights");
	*out = of_param(p, t->dtype, data);
	return MM_OK;
}

/* q, k and v in a row. */
static int join(struct mm_tensor *out, struct mm_arena *arena,
		const struct mm_weights *w, const struct mm_store *s, size_t q,
		struct mm_err *err)
{
	const struct mm_param *p = s->param[q];
	const struct mm_tensor *first = mm_weights_find(w, p->name);
	unsigned char *data = NULL;
	size_t dim[MM_MAX_RANK];
	int rc;

	for (size_t k = 0; k < 3; k++) {
		struct mm_openclip_place at = { .third = -1 };
		const struct mm_tensor *t = NULL;

		for (size_t i = 0; i < s->n && !t; i++)
			if (mm_openclip_place(&at, s->param[i]->name) &&
			    at.third == (int)k && !strcmp(at.name, out->name))
				t = mm_weights_find(w, s->param[i]->name);
		if (!t)
			return missing(p->name, out->name, err);
		if ((rc = check(t, p, p->n, err)))
			return rc;
		if (t->dtype != first->dtype)
			return mm_fail(err, MM_ERR_FORMAT,
				       "'%s' and '%s' are of two types",
				       first->name, t->name);
		if (!data && !(data = mm_arena_alloc(arena, 3, t->nbytes)))
			return mm_fail_nomem(err, "the weights");
		memcpy(data + k * t->nbytes, t->data, t->nbytes);
	}
	memcpy(dim, p->shape.dim, sizeof(dim));
	dim[0] *= 3;
	*out = mm_tensor_make(out->name, first->dtype, p->shape.rank, dim,
			      data);
	return MM_OK;
}

/* One of open_clip's tensors, from the parameter i that begins it. */
static int to_open(struct mm_tensor *out, struct mm_arena *arena,
		   const struct mm_weights *w, const struct mm_store *s,
		   size_t i, const struct mm_openclip_place *at,
		   struct mm_err *err)
{
	const struct mm_param *p = s->param[i];
	const struct mm_tensor *t = mm_weights_find(w, p->name);
	size_t dim[MM_MAX_RANK];
	const void *data;
	int rc;

	if (!t)
		return missing(p->name, at->name, err);
	if (!(out->name = mm_arena_strdup(arena, at->name)))
		return mm_fail_nomem(err, "the weights");
	if (at->third == 0)
		return join(out, arena, w, s, i, err);
	if ((rc = check(t, p, p->n, err)))
		return rc;
	memcpy(dim, p->shape.dim, sizeof(dim));
	data = t->data;
	if (at->transposed) {
		dim[0] = p->shape.dim[1];
		dim[1] = p->shape.dim[0];
		if (!(data = transposed(arena, t, dim[1], dim[0])))
			return mm_fail_nomem(err, "the weights");
	}
	*out = mm_tensor_make(out->name, t->dtype, p->shape.rank, dim, data);
	return MM_OK;
}

int mm_layout_convert(struct mm_tensor **tensor, size_t *n,
		      struct mm_arena *arena, const struct mm_weights *w,
		      struct mm_model *m, enum mm_layout to, struct mm_err *err)
{
	const struct mm_store *s = &m->store;
	struct mm_tensor *out;
	int rc;

	if (to == MM_LAYOUT_HF && (m->only_open_clip || m->only_ours))
		return mm_fail(err, MM_ERR_REFUSED,
			       "transformers has no class for this model");
	if ((rc = mm_model_declare(m, err)))
		return rc;
	if (!(out = mm_arena_alloc(arena, s->n, sizeof(*out))))
		return mm_fail_nomem(err, "a list of tensors");
	*tensor = out;
	*n = 0;
	for (size_t i = 0; i < s->n && !rc; i++) {
		struct mm_openclip_place at;

		if (s->param[i]->aux)
			continue;
		if (!mm_openclip_place(&at, s->param[i]->name))
			return mm_fail(err, MM_ERR_REFUSED,
				       "'%s' has no place in open_clip's "
				       "layout: only CLIP with a vision "
				       "transformer can be converted",
				       s->param[i]->name);
		if (to == MM_LAYOUT_HF)
			rc = to_hf(&out[(*n)++], arena, w, s->param[i], err);
		else if (at.third <= 0)
			rc = to_open(&out[(*n)++], arena, w, s, i, &at, err);
	}
	return rc;
}
