/* store.c - see store.h. */
#include "graph/store.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"

enum { ALIGN = 64 };

const char *const mm_group_names[MM_N_GROUPS] = { "image", "text", "fusion",
						  "head" };

const char *mm_shape_str(char *buf, const struct mm_shape *s)
{
	char *p = buf;

	*p++ = '(';
	for (int i = 0; i < s->rank; i++)
		p += sprintf(p, i ? ", %zu" : "%zu", s->dim[i]);
	strcpy(p, ")");
	return buf;
}

bool mm_shape_equal(const struct mm_shape *a, const struct mm_shape *b)
{
	if (a->rank != b->rank)
		return false;
	for (int i = 0; i < a->rank; i++)
		if (a->dim[i] != b->dim[i])
			return false;
	return true;
}

bool mm_shape_elements(size_t *n, const struct mm_shape *s)
{
	*n = 1;
	for (int i = 0; i < s->rank; i++)
		if (!mm_mul_ok(n, *n, s->dim[i]))
			return false;
	return *n < SIZE_MAX / 64;
}

void mm_store_init(struct mm_store *s)
{
	memset(s, 0, sizeof(*s));
}

void mm_store_release(struct mm_store *s)
{
	mm_free(s->values);
	mm_free(s->grads);
	mm_free(s->param);
	mm_map_release(&s->index);
	mm_arena_release(&s->arena);
	mm_store_init(s);
}

struct mm_param *mm_store_find(const struct mm_store *s, const char *name)
{
	const int64_t *at = mm_map_find_str(&s->index, name);

	return at ? s->param[*at] : NULL;
}

static struct mm_param *append(struct mm_store *s, const char *name)
{
	struct mm_param **list = s->param, *p;
	int64_t *at;

	if (s->n == s->cap) {
		list = mm_realloc(list, s->cap * 2 + 64, sizeof(*list));
		if (!list)
			return NULL;
		s->param = list;
		s->cap = s->cap * 2 + 64;
	}
	p = mm_arena_alloc(&s->arena, 1, sizeof(*p));
	if (!p || !(p->name = mm_arena_strdup(&s->arena, name)) ||
	    !(at = mm_map_put(&s->index, name, strlen(name), NULL)))
		return NULL;
	*at = (int64_t)s->n;
	list[s->n++] = p;
	return p;
}

int mm_store_declare(struct mm_store *s, const char *name,
		     const struct mm_shape *shape, struct mm_init init,
		     struct mm_param **out, struct mm_err *err)
{
	struct mm_param *p = mm_store_find(s, name);
	char a[128], b[128];
	size_t n;

	*out = p;
	if (p && mm_shape_equal(&p->shape, shape))
		return MM_OK;
	if (p)
		return mm_fail(err, MM_ERR_SHAPE,
			       "parameter '%s' is %s and cannot be %s too",
			       name, mm_shape_str(a, &p->shape),
			       mm_shape_str(b, shape));
	if (!mm_shape_elements(&n, shape))
		return mm_fail(err, MM_ERR_SHAPE,
			       "parameter '%s' of shape %s is too large", name,
			       mm_shape_str(a, shape));
	if (!(*out = p = append(s, name)))
		return mm_fail_nomem(err, "a parameter");
	p->shape = *shape;
	p->n = n;
	p->init = init;
	p->group = s->group;
	p->layer = s->layer;
	p->extra = s->extra || s->aux;
	p->aux = s->aux;
	return MM_OK;
}

size_t mm_store_count(const struct mm_store *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += s->param[i]->buffer ? 0 : s->param[i]->n;
	return n;
}

static size_t padded(const struct mm_param *p)
{
	return (p->n * sizeof(mm_real) + ALIGN - 1) / ALIGN * ALIGN;
}

static bool wants_grad(const struct mm_param *p)
{
	return !p->frozen && !p->buffer;
}

size_t mm_store_value_bytes(const struct mm_store *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += s->param[i]->val ? 0 : padded(s->param[i]);
	return n;
}

size_t mm_store_grad_bytes(const struct mm_store *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += wants_grad(s->param[i]) ? padded(s->param[i]) : 0;
	return n;
}

int mm_store_alloc_values(struct mm_store *s, struct mm_err *err)
{
	char *at;

	if (!(at = s->values = mm_calloc(mm_store_value_bytes(s), 1)))
		return mm_fail_nomem(err, "the parameters");
	for (size_t i = 0; i < s->n; i++) {
		struct mm_param *p = s->param[i];

		if (p->val)
			continue;
		p->val = (mm_real *)(void *)at;
		at += padded(p);
	}
	return MM_OK;
}

int mm_store_alloc_grads(struct mm_store *s, struct mm_err *err)
{
	char *at;

	if (!(at = s->grads = mm_calloc(mm_store_grad_bytes(s), 1)))
		return mm_fail_nomem(err, "the gradients");
	for (size_t i = 0; i < s->n; i++) {
		struct mm_param *p = s->param[i];

		if (!wants_grad(p))
			continue;
		p->grad = (mm_real *)(void *)at;
		at += padded(p);
	}
	return MM_OK;
}

void mm_store_zero_grads(struct mm_store *s)
{
	memset(s->grads, 0, mm_store_grad_bytes(s));
}

void mm_param_initialise(struct mm_param *p, uint64_t seed)
{
	struct mm_rng r;

	mm_rng_init(&r, seed, mm_hash64(p->name, strlen(p->name)), 0,
		    MM_RNG_INIT);
	for (size_t i = 0; i < p->n; i++) {
		double x = p->init.x;

		if (p->init.kind == MM_INIT_NORMAL)
			x *= mm_rng_normal(&r);
		else if (p->init.kind == MM_INIT_UNIFORM)
			x *= 2.0 * mm_rng_uniform(&r) - 1.0;
		p->val[i] = (mm_real)x;
	}
}

void mm_store_initialise(struct mm_store *s, uint64_t seed)
{
	for (size_t i = 0; i < s->n; i++)
		mm_param_initialise(s->param[i], seed);
}
