/* torch_pick.c - which tensors of a checkpoint's object count; see torch.h. */
#include <string.h>

#include "base/buf.h"
#include "tensor/torch_impl.h"

enum {
	MAX_DEPTH = 64,	    /* of modules */
	MAX_STEPS = 200000, /* modules visited: one may be held many times */
};

static size_t count_tensors(const struct mm_pk *dict)
{
	size_t n = 0;

	if (dict && dict->kind == MM_PK_DICT)
		for (size_t i = 0; i < dict->n; i += 2)
			n += dict->item[i + 1]->kind == MM_PK_TENSOR;
	return n;
}

/* The tensor `key` of the module being visited. */
static int add(struct mm_torch_read *r, const struct mm_pk *key,
	       const struct mm_pk *tensor, struct mm_err *err)
{
	const size_t len = r->prefix.len;
	int rc;

	if (key->kind != MM_PK_STR)
		return mm_fail(err, MM_ERR_FORMAT,
			       "a tensor's name must be a string, not %s",
			       mm_pk_kind_name(key));
	mm_buf_add(&r->prefix, key->s, key->n);
	if ((rc = mm_buf_check(&r->prefix, "a tensor's name", err)))
		return rc;
	rc = mm_torch_add(r, mm_buf_str(&r->prefix), r->prefix.len, tensor->ext,
			  err);
	r->prefix.len = len;
	return rc;
}

/* The tensors of a mapping, but for those whose keys are in `not`. */
static int add_tensors(struct mm_torch_read *r, const struct mm_pk *dict,
		       const struct mm_pk * not, struct mm_err *err)
{
	int rc = MM_OK;

	for (size_t i = 0; dict && i < dict->n && !rc; i += 2) {
		const struct mm_pk *key = dict->item[i];
		bool skip = dict->item[i + 1]->kind != MM_PK_TENSOR;

		for (size_t k = 0; not &&k < not ->n && !skip; k++)
			skip = not ->item[k]->kind == MM_PK_STR &&
			       key->kind == MM_PK_STR &&
			       not ->item[k]->n == key->n &&
			       !memcmp(not ->item[k]->s, key->s, key->n);
		if (!skip)
			rc = add(r, key, dict->item[i + 1], err);
	}
	return rc;
}

static int visit(struct mm_torch_read *r, const struct mm_pk *object, int depth,
		 struct mm_err *err);

/* Objects of a mapping, their names put in front of what they hold. */
static int visit_all(struct mm_torch_read *r, const struct mm_pk *dict,
		     int depth, struct mm_err *err)
{
	const size_t len = r->prefix.len;
	int rc = MM_OK;

	for (size_t i = 0; dict && i < dict->n && !rc; i += 2) {
		const struct mm_pk *key = dict->item[i];

		if (dict->item[i + 1]->kind != MM_PK_OBJECT ||
		    key->kind != MM_PK_STR)
			continue;
		mm_buf_add(&r->prefix, key->s, key->n);
		mm_buf_addc(&r->prefix, '.');
		rc = visit(r, dict->item[i + 1], depth + 1, err);
		r->prefix.len = len;
	}
	return rc;
}

static const struct mm_pk *dict_of(const struct mm_pk *state, const char *key)
{
	const struct mm_pk *v = mm_pk_get(state, key);

	return v && v->kind == MM_PK_DICT ? v : NULL;
}

static int visit(struct mm_torch_read *r, const struct mm_pk *object, int depth,
		 struct mm_err *err)
{
	const struct mm_pk *state = object->item[1];
	const struct mm_pk *set;
	int rc;

	if (depth > MAX_DEPTH || ++r->steps > MAX_STEPS)
		return mm_fail(err, MM_ERR_REFUSED,
			       "the modules hold one another without end");
	if ((rc = mm_buf_check(&r->prefix, "a tensor's name", err)) || !state)
		return rc;
	if (r->script) {
		if (state->kind != MM_PK_DICT)
			return MM_OK;
		if ((rc = add_tensors(r, state, NULL, err)))
			return rc;
		return visit_all(r, state, depth, err);
	}
	set = mm_pk_get(state, "_non_persistent_buffers_set");
	if (set && set->kind != MM_PK_SET)
		set = NULL;
	if ((rc = add_tensors(r, dict_of(state, "_parameters"), NULL, err)) ||
	    (rc = add_tensors(r, dict_of(state, "_buffers"), set, err)))
		return rc;
	return visit_all(r, dict_of(state, "_modules"), depth, err);
}

/* The part of the top mapping that holds the weights. */
static const struct mm_pk *choose(const struct mm_pk *top)
{
	static const char *const keys[] = { "state_dict", "model_state_dict",
					    "model" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		const struct mm_pk *v = mm_pk_get(top, keys[i]);

		if (v && (v->kind == MM_PK_OBJECT || count_tensors(v)))
			return v;
	}
	return top;
}

/* A name that means nothing here has no place among weights. */
static int check_values(const struct mm_pk *dict, struct mm_err *err)
{
	for (size_t i = 0; i < dict->n; i += 2) {
		const struct mm_pk *v = dict->item[i + 1];

		if (v->kind == MM_PK_GLOBAL &&
		    !(v->n > 6 && !memcmp(v->s, "torch.", 6)))
			return mm_fail(err, MM_ERR_REFUSED,
				       "'%.*s' stands among the weights",
				       (int)v->n, v->s);
	}
	return MM_OK;
}

int mm_torch_pick(struct mm_torch_read *r, const struct mm_pk *object,
		  struct mm_err *err)
{
	int rc = MM_OK;

	if (object->kind == MM_PK_DICT)
		object = choose(object);
	if (object->kind == MM_PK_OBJECT)
		rc = visit(r, object, 0, err);
	else if (object->kind != MM_PK_DICT)
		rc = mm_fail(err, MM_ERR_FORMAT,
			     "the checkpoint is %s, not a mapping of names to "
			     "tensors",
			     mm_pk_kind_name(object));
	else if (!(rc = check_values(object, err)))
		rc = add_tensors(r, object, NULL, err);
	if (!rc && !r->out->n)
		rc = mm_fail(err, MM_ERR_FORMAT,
			     "the checkpoint holds no tensor that has a name");
	return rc;
}
