/* openclip_save.c - a model's tensors in open_clip's layout; see openclip.h. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "model/clip.h"
#include "model/openclip.h"

struct parts {
	struct mm_arena *arena;
	struct mm_tensor *t;
	size_t n;
	bool custom; /* text towers of other shapes than OpenAI's go by names of
			their own */
};

bool mm_openclip_custom_text(const struct mm_model *m)
{
	const struct mm_json *t = mm_json_get(m->json, "text_config");
	const bool odd =
		mm_json_bool(mm_json_get(t, "projection_bias"), false) ||
		!mm_json_bool(mm_json_get(t, "causal"), true);

	return m->arch == &mm_arch_siglip || mm_hub_text_config(m) ||
	       mm_json_bool(mm_json_get(m->json, "custom_text"), odd);
}

/* The tensor of a place, new where no other parameter has a part in it. */
static struct mm_tensor *add(struct parts *s, const struct mm_param *p,
			     const struct mm_openclip_place *at,
			     const struct mm_tensor *src)
{
	const bool text = strncmp(at->name, "visual.", 7) != 0 &&
			  strncmp(at->name, "logit_", 6) != 0;
	const struct mm_shape shape = mm_openclip_shape(p, at);
	struct mm_tensor *t;
	char name[300];
	size_t i = 0;

	snprintf(name, sizeof(name), "%s%s", text && s->custom ? "text." : "",
		 at->name);
	while (i < s->n && strcmp(s->t[i].name, name))
		i++;
	t = &s->t[i];
	if (i < s->n)
		return t;
	*t = mm_tensor_make(mm_arena_strdup(s->arena, name), src->dtype,
			    shape.rank, shape.dim, NULL);
	if (!t->name)
		return NULL;
	s->n++;
	return t;
}

/* One part of p, whose values are src. */
static int put(struct parts *s, const struct mm_param *p,
	       const struct mm_openclip_place *at, const struct mm_tensor *src,
	       struct mm_err *err)
{
	const size_t size = mm_dtype_size(src->dtype);
	const size_t unit = p->n / (size_t)at->own_of * size;
	struct mm_tensor *t = add(s, p, at, src);
	const char *from = (const char *)src->data + unit * (size_t)at->own;
	char *to;

	if (!t)
		return mm_fail_nomem(err, "the weights");
	if (t->dtype != src->dtype)
		return mm_fail(err, MM_ERR_FORMAT,
			       "the parts of '%s' are of two types, %s and %s",
			       t->name, mm_dtype_name(t->dtype),
			       mm_dtype_name(src->dtype));
	if (!at->transposed && at->n == at->at_of) {
		t->data = from;
		return MM_OK;
	}
	to = t->data ? (char *)(uintptr_t)t->data
		     : mm_arena_alloc(s->arena, t->nbytes, 1);
	if (!to)
		return mm_fail_nomem(err, "the weights");
	t->data = to;
	if (at->transposed)
		mm_openclip_transpose(to, from, p->shape.dim[0],
				      p->shape.dim[1], size);
	else
		memcpy(to + unit * (size_t)at->at, from, unit * (size_t)at->n);
	return MM_OK;
}

int mm_openclip_tensors(struct mm_tensor *out, size_t *n,
			struct mm_arena *arena, const struct mm_tensor *src,
			const struct mm_model *m, struct mm_err *err)
{
	struct parts s = { .arena = arena,
			   .t = out,
			   .custom = mm_openclip_custom_text(m) };
	int rc = MM_OK;

	for (size_t i = 0; i < m->store.n && !rc; i++) {
		const struct mm_param *p = m->store.param[i];
		struct mm_openclip_place at;
		int k = 0;

		if (p->aux || !src[i].name)
			continue;
		for (; !rc && mm_openclip_place(&at, m, p->name, k); k++)
			rc = put(&s, p, &at, &src[i], err);
		if (!k)
			rc = mm_fail(err, MM_ERR_REFUSED,
				     "open_clip has no place for '%s'",
				     p->name);
	}
	*n = s.n;
	return rc;
}
