/*
 * torch_rules.c - the globals that occur in checkpoints, recognised by name.
 *
 * A row says what calling the name, or making an instance of it, amounts to.
 * Whatever is not here is refused when it is called.  A class that is not here
 * may have instances only if they turn out to be modules: BUILD gives them a
 * module's dictionary, and nothing but that is used.
 */
#include <string.h>

#include "base/mem.h"
#include "tensor/torch_impl.h"

static struct mm_torch_read *read_of(struct mm_pickle *p)
{
	return p->ctx;
}

static int nomem(struct mm_err *err)
{
	return mm_fail_nomem(err, "a checkpoint's tensors");
}

/* ---- types ---- */

static const struct {
	const char *name; /* of the storage class, and of the dtype */
	const char *plain;
	enum mm_dtype dtype;
} types[] = {
	{ "torch.DoubleStorage", "torch.float64", MM_F64 },
	{ "torch.FloatStorage", "torch.float32", MM_F32 },
	{ "torch.HalfStorage", "torch.float16", MM_F16 },
	{ "torch.BFloat16Storage", "torch.bfloat16", MM_BF16 },
	{ "torch.LongStorage", "torch.int64", MM_I64 },
	{ "torch.IntStorage", "torch.int32", MM_I32 },
	{ "torch.ShortStorage", "torch.int16", MM_I16 },
	{ "torch.CharStorage", "torch.int8", MM_I8 },
	{ "torch.ByteStorage", "torch.uint8", MM_U8 },
	{ "torch.BoolStorage", "torch.bool", MM_BOOL },
	{ "torch.storage.UntypedStorage", "torch.uint8", MM_U8 },
	{ "", "torch.uint16", MM_U16 },
	{ "", "torch.uint32", MM_U32 },
	{ "", "torch.uint64", MM_U64 },
	{ "", "torch.float8_e4m3fn", MM_F8_E4M3 },
	{ "", "torch.float8_e5m2", MM_F8_E5M2 },
};

static int find_type(const struct mm_pk *v, bool storage, enum mm_dtype *dtype,
		     struct mm_err *err)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		if (!mm_pk_is(v, MM_PK_GLOBAL,
			      storage ? types[i].name : types[i].plain))
			continue;
		*dtype = types[i].dtype;
		return MM_OK;
	}
	if (v->kind != MM_PK_GLOBAL)
		return mm_fail(err, MM_ERR_FORMAT, "%s is no type",
			       mm_pk_kind_name(v));
	return mm_fail(err, MM_ERR_REFUSED, "the type '%.*s' is not supported",
		       (int)v->n, v->s);
}

static int want_size(const struct mm_pk *v, const char *what, size_t *x,
		     struct mm_err *err)
{
	if (v->kind != MM_PK_INT)
		return mm_fail(err, MM_ERR_FORMAT,
			       "%s must be a number of 64 bits, not %s", what,
			       mm_pk_kind_name(v));
	if (v->i < 0)
		return mm_fail(err, MM_ERR_FORMAT, "%s is %lld, below 0", what,
			       (long long)v->i);
	*x = (size_t)v->i;
	return MM_OK;
}

/* ---- storages ---- */

/* The storage of that key, made where it is new. */
static int declare(struct mm_torch_read *r, const struct mm_pk *key,
		   enum mm_dtype dtype, size_t count,
		   struct mm_torch_storage **out, struct mm_err *err)
{
	struct mm_torch_storage *s;
	int64_t *slot;
	bool added;

	if (key->kind != MM_PK_STR)
		return mm_fail(err, MM_ERR_FORMAT,
			       "a storage's key must be a string, not %s",
			       mm_pk_kind_name(key));
	if (!(slot = mm_map_put(&r->storages, key->s, key->n, &added)))
		return nomem(err);
	if (!added) {
		*out = s = (void *)(uintptr_t)*slot;
		if (s->dtype == dtype && s->count == count)
			return MM_OK;
		return mm_fail(err, MM_ERR_FORMAT,
			       "storage '%.*s' is described in two ways",
			       (int)key->n, key->s);
	}
	s = mm_arena_alloc(r->pickle.arena, 1, sizeof(*s));
	if (!s)
		return nomem(err);
	*s = (struct mm_torch_storage){ key->s, key->n, dtype, count,
					NULL,	0,	NULL };
	*slot = (int64_t)(uintptr_t)s;
	*out = s;
	return MM_OK;
}

/* (key, offset, elements) of old files: a storage inside the storage s. */
static int part_of(struct mm_torch_read *r, const struct mm_pk *view,
		   struct mm_torch_storage **s, struct mm_err *err)
{
	struct mm_torch_storage *part;
	size_t offset = 0, count = 0;
	int rc;

	if (view->kind == MM_PK_NONE)
		return MM_OK;
	if (view->kind != MM_PK_TUPLE || view->n != 3)
		return mm_fail(err, MM_ERR_FORMAT,
			       "a storage's view must be a tuple of 3");
	if ((rc = want_size(view->item[1], "a storage's offset", &offset,
			    err)) ||
	    (rc = want_size(view->item[2], "a storage's length", &count, err)))
		return rc;
	if (offset > (*s)->count || count > (*s)->count - offset)
		return mm_fail(err, MM_ERR_FORMAT,
			       "a storage's view reaches beyond it");
	if (!(part = mm_arena_alloc(r->pickle.arena, 1, sizeof(*part))))
		return nomem(err);
	*part = **s;
	part->base = *s;
	part->offset = offset;
	part->count = count;
	*s = part;
	return MM_OK;
}

/* ("storage", class, key, device, elements[, view]). */
static int storage_id(struct mm_torch_read *r, const struct mm_pk *id,
		      struct mm_pk **out, struct mm_err *err)
{
	struct mm_torch_storage *s = NULL;
	enum mm_dtype dtype = MM_U8;
	size_t count = 0, bytes;
	int rc;

	if (id->n != (r->legacy ? 6 : 5) && id->n != 5)
		return mm_fail(err, MM_ERR_FORMAT,
			       "a storage is described by %u values",
			       (unsigned)id->n);
	if ((rc = find_type(id->item[1], true, &dtype, err)) ||
	    (rc = want_size(id->item[4], "a storage's length", &count, err)))
		return rc;
	if (!mm_mul_ok(&bytes, count, mm_dtype_size(dtype)) ||
	    bytes > SIZE_MAX / 4)
		return mm_fail(err, MM_ERR_FORMAT,
			       "a storage of %zu elements is no storage",
			       count);
	if ((rc = declare(r, id->item[2], dtype, count, &s, err)) ||
	    (id->n == 6 && (rc = part_of(r, id->item[5], &s, err))))
		return rc;
	if ((*out = mm_pk_new(&r->pickle, MM_PK_STORAGE)))
		(*out)->ext = s;
	return MM_OK;
}

static int persistent(struct mm_pickle *p, const struct mm_pk *id,
		      struct mm_pk **out, struct mm_err *err)
{
	struct mm_torch_read *r = read_of(p);

	if (id->kind != MM_PK_TUPLE || !id->n || id->item[0]->kind != MM_PK_STR)
		return mm_fail(err, MM_ERR_FORMAT,
			       "a persistent id must be a tuple that begins "
			       "with a word, not %s",
			       mm_pk_kind_name(id));
	if (mm_pk_is(id->item[0], MM_PK_STR, "storage"))
		return storage_id(r, id, out, err);
	/* A class with its source text: no more than the class. */
	if (r->legacy && mm_pk_is(id->item[0], MM_PK_STR, "module") &&
	    id->n == 4 && id->item[1]->kind == MM_PK_GLOBAL) {
		*out = id->item[1];
		return MM_OK;
	}
	return mm_fail(err, MM_ERR_FORMAT,
		       "persistent ids of the kind '%.*s' are not known",
		       (int)id->item[0]->n, id->item[0]->s);
}

/* ---- tensors ---- */

/* Sizes and strides, and whether the last element is inside. */
static int view_shape(struct mm_torch_view *v, const struct mm_pk *size,
		      const struct mm_pk *stride, struct mm_err *err)
{
	size_t bytes, last = v->offset, capacity;
	bool fits = true;
	int rc;

	if (size->kind != MM_PK_TUPLE || stride->kind != MM_PK_TUPLE ||
	    size->n != stride->n)
		return mm_fail(err, MM_ERR_FORMAT,
			       "sizes and strides must be two tuples of one "
			       "length");
	if (size->n > MM_MAX_RANK)
		return mm_fail(err, MM_ERR_REFUSED,
			       "a tensor of %u axes; %d are supported",
			       (unsigned)size->n, MM_MAX_RANK);
	v->rank = (int)size->n;
	for (int i = 0; i < v->rank; i++)
		if ((rc = want_size(size->item[i], "a tensor's size",
				    &v->dim[i], err)) ||
		    (rc = want_size(stride->item[i], "a tensor's stride",
				    &v->stride[i], err)))
			return rc;
	if (!mm_shape_count(&v->count, v->dim, v->rank) ||
	    !mm_mul_ok(&bytes, v->count, mm_dtype_size(v->dtype)))
		return mm_fail(err, MM_ERR_FORMAT,
			       "a tensor's sizes are beyond all memory");
	for (int i = 0; i < v->rank && v->count; i++) {
		size_t step;

		fits = fits && mm_mul_ok(&step, v->dim[i] - 1, v->stride[i]) &&
		       mm_add_ok(&last, last, step);
	}
	capacity = v->storage->count * mm_dtype_size(v->storage->dtype) /
		   mm_dtype_size(v->dtype);
	if (!fits || (v->count ? last >= capacity : last > capacity))
		return mm_fail(err, MM_ERR_FORMAT,
			       "a tensor reaches beyond its storage of %zu "
			       "elements",
			       capacity);
	return MM_OK;
}

/* f(storage, offset, size, stride, ...); dtype NULL: the storage's. */
static int rebuild(struct mm_pickle *p, const struct mm_pk *args, size_t least,
		   const struct mm_pk *dtype, struct mm_pk **out,
		   struct mm_err *err)
{
	struct mm_torch_view *v;
	int rc;

	if (args->n < least || args->n > 8)
		return mm_fail(err, MM_ERR_FORMAT,
			       "a tensor is described by %u values",
			       (unsigned)args->n);
	if (args->item[0]->kind != MM_PK_STORAGE)
		return mm_fail(err, MM_ERR_FORMAT,
			       "a tensor needs a storage, not %s",
			       mm_pk_kind_name(args->item[0]));
	if (!(v = mm_arena_alloc(p->arena, 1, sizeof(*v))) ||
	    !(*out = mm_pk_new(p, MM_PK_TENSOR)))
		return nomem(err);
	(*out)->ext = v;
	v->storage = args->item[0]->ext;
	v->dtype = v->storage->dtype;
	if ((dtype && (rc = find_type(dtype, false, &v->dtype, err))) ||
	    (rc = want_size(args->item[1], "a tensor's offset", &v->offset,
			    err)))
		return rc;
	return view_shape(v, args->item[2], args->item[3], err);
}

static int call_tensor(struct mm_pickle *p, const struct mm_pk *args,
		       struct mm_pk **out, struct mm_err *err)
{
	return rebuild(p, args, 4, NULL, out, err);
}

static int call_tensor3(struct mm_pickle *p, const struct mm_pk *args,
			struct mm_pk **out, struct mm_err *err)
{
	return rebuild(p, args, 7, args->n > 6 ? args->item[6] : NULL, out,
		       err);
}

static int call_parameter(struct mm_pickle *p, const struct mm_pk *args,
			  struct mm_pk **out, struct mm_err *err)
{
	(void)p;
	if (!args->n || args->item[0]->kind != MM_PK_TENSOR)
		return mm_fail(err, MM_ERR_FORMAT,
			       "a parameter must hold a tensor");
	*out = args->item[0];
	return MM_OK;
}

/* ---- containers, and values without meaning ---- */

static int call_opaque(struct mm_pickle *p, const struct mm_pk *args,
		       struct mm_pk **out, struct mm_err *err)
{
	(void)args;
	(void)err;
	*out = mm_pk_new(p, MM_PK_OPAQUE);
	return MM_OK;
}

/* Empty, or filled from a list of pairs as Python 2 wrote it. */
static int call_ordered(struct mm_pickle *p, const struct mm_pk *args,
			struct mm_pk **out, struct mm_err *err)
{
	const struct mm_pk *pairs = args->n ? args->item[0] : NULL;
	int rc = MM_OK;

	if (!(*out = mm_pk_new(p, MM_PK_DICT)))
		return nomem(err);
	if (args->n > 1 || (pairs && pairs->kind != MM_PK_LIST))
		return mm_fail(err, MM_ERR_FORMAT,
			       "an OrderedDict is made of a list of pairs");
	for (size_t i = 0; pairs && i < pairs->n && !rc; i++) {
		const struct mm_pk *pair = pairs->item[i];

		if ((pair->kind != MM_PK_LIST && pair->kind != MM_PK_TUPLE) ||
		    pair->n != 2)
			return mm_fail(err, MM_ERR_FORMAT,
				       "an OrderedDict is made of pairs");
		if (!(rc = mm_pk_add(p, *out, pair->item[0], err)))
			rc = mm_pk_add(p, *out, pair->item[1], err);
	}
	return rc;
}

static int call_set(struct mm_pickle *p, const struct mm_pk *args,
		    struct mm_pk **out, struct mm_err *err)
{
	const struct mm_pk *from = args->n ? args->item[0] : NULL;
	int rc = MM_OK;

	if (!(*out = mm_pk_new(p, MM_PK_SET)))
		return nomem(err);
	if (args->n > 1 ||
	    (from && from->kind != MM_PK_LIST && from->kind != MM_PK_TUPLE))
		return mm_fail(err, MM_ERR_FORMAT, "a set is made of a list");
	for (size_t i = 0; from && i < from->n && !rc; i++)
		rc = mm_pk_add(p, *out, from->item[i], err);
	return rc;
}

static int make(struct mm_pickle *p, const struct mm_pk *class,
		const struct mm_pk *args, struct mm_pk **out,
		struct mm_err *err);

/* copyreg._reconstructor(class, object, None). */
static int call_reconstructor(struct mm_pickle *p, const struct mm_pk *args,
			      struct mm_pk **out, struct mm_err *err)
{
	struct mm_pk none = { .kind = MM_PK_TUPLE };

	if (args->n != 3 || args->item[0]->kind != MM_PK_GLOBAL)
		return mm_fail(err, MM_ERR_FORMAT,
			       "an instance needs a class, its base and None");
	return make(p, args->item[0], &none, out, err);
}

enum {
	CALL = 1,     /* may be called */
	MAKE = 2,     /* may have instances that BUILD fills: OPAQUE */
	INTERNAL = 4, /* in TorchScript archives only */
};

static const struct rule {
	const char *name;
	int (*run)(struct mm_pickle *p, const struct mm_pk *args,
		   struct mm_pk **out, struct mm_err *err);
	int how;
} rules[] = {
	{ "collections.OrderedDict", call_ordered, CALL | MAKE },
	{ "torch._utils._rebuild_tensor_v2", call_tensor, CALL },
	{ "torch._utils._rebuild_tensor_v3", call_tensor3, CALL },
	{ "torch._utils._rebuild_tensor", call_tensor, CALL },
	{ "torch._utils._rebuild_parameter", call_parameter, CALL },
	{ "copyreg._reconstructor", call_reconstructor, CALL },
	{ "copy_reg._reconstructor", call_reconstructor, CALL },
	{ "__builtin__.set", call_set, CALL },
	{ "builtins.set", call_set, CALL },
	{ "__builtin__.complex", call_opaque, CALL },
	{ "builtins.complex", call_opaque, CALL },
	{ "argparse.Namespace", call_opaque, CALL | MAKE },
	{ "torch.Size", call_opaque, CALL | MAKE },
	{ "torch.device", call_opaque, CALL },
	{ "_codecs.encode", call_opaque, CALL },
	{ "numpy.dtype", call_opaque, CALL },
	{ "numpy.ndarray", call_opaque, CALL | MAKE },
	{ "numpy.core.multiarray.scalar", call_opaque, CALL },
	{ "numpy._core.multiarray.scalar", call_opaque, CALL },
	{ "numpy.core.multiarray._reconstruct", call_opaque, CALL },
	{ "numpy._core.multiarray._reconstruct", call_opaque, CALL },
	{ "torch.jit._pickle.build_intlist", call_opaque, CALL | INTERNAL },
	{ "torch.jit._pickle.build_doublelist", call_opaque, CALL | INTERNAL },
	{ "torch.jit._pickle.build_boollist", call_opaque, CALL | INTERNAL },
	{ "torch.jit._pickle.build_tensorlist", call_opaque, CALL | INTERNAL },
	{ "torch.jit._pickle.restore_type_tag", call_opaque, CALL | INTERNAL },
};

static const struct rule *find_rule(const struct mm_torch_read *r,
				    const struct mm_pk *name, int how)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++)
		if (mm_pk_is(name, MM_PK_GLOBAL, rules[i].name))
			return rules[i].how & how &&
					       (!(rules[i].how & INTERNAL) ||
						r->script)
				       ? &rules[i]
				       : NULL;
	return NULL;
}

static int refuse(const struct mm_pk *global, const char *what,
		  struct mm_err *err)
{
	return mm_fail(err, MM_ERR_REFUSED,
		       "the file %s '%.*s', which is not among the names that "
		       "checkpoints need",
		       what, (int)global->n, global->s);
}

static int call(struct mm_pickle *p, const struct mm_pk *function,
		const struct mm_pk *args, struct mm_pk **out,
		struct mm_err *err)
{
	const struct rule *rule = find_rule(read_of(p), function, CALL);

	return rule ? rule->run(p, args, out, err)
		    : refuse(function, "calls", err);
}

static bool is_script(const struct mm_torch_read *r, const struct mm_pk *class)
{
	return r->script && class->n > 10 &&
	       !memcmp(class->s, "__torch__.", 10);
}

static int make(struct mm_pickle *p, const struct mm_pk *class,
		const struct mm_pk *args, struct mm_pk **out,
		struct mm_err *err)
{
	struct mm_torch_read *r = read_of(p);
	const struct rule *rule = find_rule(r, class, MAKE);
	union {
		const struct mm_pk *in;
		struct mm_pk *item; /* a container's values are not const */
	} name = { class };
	int rc;

	if (rule)
		return rule->run(p, args, out, err);
	/* A module's constructor is never given anything this way. */
	if (find_rule(r, class, CALL) || args->n)
		return refuse(class, "makes an instance of", err);
	if (!(*out = mm_pk_new(p, MM_PK_OBJECT)))
		return nomem(err);
	if ((rc = mm_pk_add(p, *out, name.item, err)) ||
	    (rc = mm_pk_add(p, *out, NULL, err)))
		return rc;
	if (!is_script(r, class))
		return mm_pk_add(p, r->objects, *out, err);
	return MM_OK;
}

int mm_torch_check_built(const struct mm_torch_read *r, struct mm_err *err)
{
	for (size_t i = 0; i < r->objects->n; i++)
		if (!r->objects->item[i]->item[1])
			return refuse(r->objects->item[i]->item[0],
				      "makes an instance of", err);
	return MM_OK;
}

static bool is_module(const struct mm_pk *state)
{
	const struct mm_pk *p = mm_pk_get(state, "_parameters");
	const struct mm_pk *m = mm_pk_get(state, "_modules");

	return p && p->kind == MM_PK_DICT && m && m->kind == MM_PK_DICT;
}

static int build(struct mm_pickle *p, struct mm_pk *object, struct mm_pk *state,
		 struct mm_err *err)
{
	struct mm_torch_read *r = read_of(p);

	switch (object->kind) {
	case MM_PK_OPAQUE:
	case MM_PK_DICT: /* attributes of an OrderedDict: _metadata */
		return MM_OK;
	case MM_PK_GLOBAL: return refuse(object, "builds", err);
	case MM_PK_OBJECT: break;
	default:
		return mm_fail(err, MM_ERR_FORMAT, "%s cannot be built",
			       mm_pk_kind_name(object));
	}
	if (!is_script(r, object->item[0]) &&
	    (!is_module(state) || object->item[1]))
		return refuse(object->item[0], "builds", err);
	object->item[1] = state;
	return MM_OK;
}

const struct mm_pickle_rules mm_torch_rules = { call, make, build, persistent };
