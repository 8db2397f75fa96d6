/* torch.c - see torch.h: the two containers, and views made contiguous. */
#include "tensor/torch.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "tensor/torch_impl.h"
#include "tensor/zip.h"

enum {
	MAX_PICKLE = 64 << 20, /* bytes of a deflated data.pkl */
	MAX_SPREAD = 64 << 20, /* by which views may be larger than storages */
	MAX_TENSORS = 1 << 22,
};

static int nomem(struct mm_err *err)
{
	return mm_fail_nomem(err, "a checkpoint's tensors");
}

/* ---- views ---- */

static bool contiguous(const struct mm_torch_view *v)
{
	size_t step = 1;

	for (int i = v->rank; i--; step *= v->dim[i])
		if (v->dim[i] != 1 && v->stride[i] != step)
			return false;
	return true;
}

/* The elements one after another, last axis first to run. */
static void gather(unsigned char *dst, const unsigned char *src,
		   const struct mm_torch_view *v)
{
	const size_t size = mm_dtype_size(v->dtype);
	size_t at[MM_MAX_RANK] = { 0 }, from = v->offset;

	for (size_t n = v->count; n--; dst += size) {
		memcpy(dst, src + from * size, size);
		for (int i = v->rank; i--;) {
			from += v->stride[i];
			if (++at[i] < v->dim[i])
				break;
			from -= v->stride[i] * v->dim[i];
			at[i] = 0;
		}
	}
}

static int place(struct mm_torch_read *r, const struct mm_torch_view *v,
		 struct mm_tensor *t, struct mm_err *err)
{
	struct mm_torch_storage *s = v->storage;
	const size_t size = mm_dtype_size(v->dtype);
	const size_t held = s->count * mm_dtype_size(s->dtype);
	unsigned char *copy;
	int rc;

	if ((rc = r->fetch(r, s, err)))
		return rc;
	if (t->nbytes > held && (r->spread += t->nbytes - held) > MAX_SPREAD)
		return mm_fail(err, MM_ERR_REFUSED,
			       "tensors are views that repeat their storage "
			       "until they are %zu MiB larger than it",
			       r->spread >> 20);
	t->data = s->data + v->offset * size;
	if (!v->count)
		t->data = "";
	else if (!contiguous(v) || (uintptr_t)t->data % size) {
		if (!(copy = mm_arena_alloc(&r->out->arena, v->count, size)))
			return nomem(err);
		gather(copy, s->data, v);
		t->data = copy;
	}
	return MM_OK;
}

static int check_name(struct mm_torch_read *r, const char *name, size_t len,
		      struct mm_err *err)
{
	bool added;

	if (memchr(name, 0, len))
		return mm_fail(err, MM_ERR_FORMAT,
			       "a tensor's name holds a NUL: '%s...'", name);
	if (!mm_map_put(&r->names, name, len, &added))
		return nomem(err);
	if (!added)
		return mm_fail(err, MM_ERR_FORMAT, "tensor '%s' is there twice",
			       name);
	return MM_OK;
}

int mm_torch_add(struct mm_torch_read *r, const char *name, size_t len,
		 struct mm_torch_view *v, struct mm_err *err)
{
	struct mm_torch *out = r->out;
	struct mm_tensor *t;
	int rc;

	if ((rc = check_name(r, name, len, err)))
		return rc;
	if (out->n == r->cap) {
		const size_t cap = r->cap ? 2 * r->cap : 64;

		if (cap > MAX_TENSORS)
			return mm_fail(err, MM_ERR_REFUSED,
				       "more than %d tensors", MAX_TENSORS);
		if (!(t = mm_realloc(out->tensor, cap, sizeof(*t))))
			return nomem(err);
		out->tensor = t;
		r->cap = cap;
	}
	t = &out->tensor[out->n];
	if (!(name = mm_arena_strndup(&out->arena, name, len)))
		return nomem(err);
	*t = mm_tensor_make(name, v->dtype, v->rank, v->dim, NULL);
	if ((rc = place(r, v, t, err)))
		return mm_fail_ctx(err, "tensor '%s'", name);
	out->n++;
	return MM_OK;
}

/* ---- zip ---- */

struct archive {
	struct mm_zip zip;
	const char *folder; /* with its slash, folder_len bytes */
	size_t folder_len;
	bool big_endian;
};

/* FOLDER/dir name; *e is NULL where there is no such entry. */
static int find_in(const struct archive *a, const char *dir, const char *name,
		   size_t len, const struct mm_zip_entry **e,
		   struct mm_err *err)
{
	struct mm_buf b = { 0 };
	int rc;

	mm_buf_add(&b, a->folder, a->folder_len);
	mm_buf_adds(&b, dir);
	mm_buf_add(&b, name, len);
	if (!(rc = mm_buf_check(&b, "an entry's name", err)))
		*e = mm_zip_find(&a->zip, b.data, b.len);
	mm_buf_release(&b);
	return rc;
}

static void swap(unsigned char *p, size_t n, size_t size)
{
	for (; n--; p += size)
		for (size_t i = 0; i < size / 2; i++) {
			const unsigned char t = p[i];

			p[i] = p[size - 1 - i];
			p[size - 1 - i] = t;
		}
}

/* A storage is the entry of its key, exactly as long as it says. */
static int fetch_zip(struct mm_torch_read *r, struct mm_torch_storage *s,
		     struct mm_err *err)
{
	struct archive *a = r->container;
	const size_t size = mm_dtype_size(s->dtype), bytes = s->count * size;
	const struct mm_zip_entry *e = NULL;
	unsigned char *copy;
	int rc;

	if (s->data)
		return MM_OK;
	if ((rc = find_in(a, "data/", s->key, s->key_len, &e, err)))
		return rc;
	if (!e)
		return mm_fail(err, MM_ERR_FORMAT,
			       "the archive has no entry for storage '%.*s'",
			       (int)s->key_len, s->key);
	if (e->size != bytes)
		return mm_fail(
			err, MM_ERR_FORMAT,
			"storage '%.*s' should have %zu bytes, its entry "
			"has %zu",
			(int)s->key_len, s->key, bytes, e->size);
	if ((rc = mm_zip_view(e, &r->out->arena, &s->data, err)))
		return rc;
	if (!a->big_endian || size == 1)
		return MM_OK;
	if (!(copy = mm_arena_alloc(&r->out->arena, s->count, size)))
		return nomem(err);
	memcpy(copy, s->data, bytes);
	swap(copy, s->count, size);
	s->data = copy;
	return MM_OK;
}

/* FOLDER/data.pkl, of which there must be one. */
static int find_pickle(struct archive *a, const struct mm_zip_entry **pickle,
		       struct mm_err *err)
{
	static const char tail[] = "/data.pkl";
	const size_t len = sizeof(tail) - 1;

	*pickle = NULL;
	for (size_t i = 0; i < a->zip.n; i++) {
		const struct mm_zip_entry *e = &a->zip.entry[i];
		const size_t at = e->name_len - len;

		if (e->name_len <= len || memcmp(e->name + at, tail, len) ||
		    memchr(e->name, '/', at))
			continue;
		if (*pickle)
			return mm_fail(err, MM_ERR_FORMAT,
				       "the archive has two data.pkl");
		*pickle = e;
		a->folder = e->name;
		a->folder_len = at + 1;
	}
	if (!*pickle)
		return mm_fail(err, MM_ERR_FORMAT,
			       "the archive has no data.pkl: it is no PyTorch "
			       "checkpoint");
	return MM_OK;
}

static int read_byteorder(struct mm_torch_read *r, struct archive *a,
			  struct mm_err *err)
{
	const struct mm_zip_entry *e = NULL;
	const unsigned char *text;
	int rc;

	if ((rc = find_in(a, "", "byteorder", 9, &e, err)) || !e)
		return rc;
	if (e->size > 16)
		return mm_fail(err, MM_ERR_FORMAT, "byteorder is no word");
	if ((rc = mm_zip_view(e, &r->out->arena, &text, err)))
		return rc;
	a->big_endian = e->size == 3 && !memcmp(text, "big", 3);
	if (!a->big_endian && (e->size != 6 || memcmp(text, "little", 6)))
		return mm_fail(err, MM_ERR_FORMAT,
			       "byteorder is neither little nor big");
	return MM_OK;
}

/* One pickle at p->at; r->objects is its own. */
static int run(struct mm_torch_read *r, struct mm_pk **out, struct mm_err *err)
{
	int rc;

	if (!(r->objects = mm_pk_new(&r->pickle, MM_PK_LIST)))
		return nomem(err);
	if ((rc = mm_pickle_run(&r->pickle, out, err)))
		return rc;
	return mm_torch_check_built(r, err);
}

static int read_archive(struct mm_torch_read *r, struct archive *a,
			struct mm_err *err)
{
	const struct mm_zip_entry *e, *constants = NULL;
	int rc;

	if ((rc = find_pickle(a, &e, err)) ||
	    (rc = read_byteorder(r, a, err)) ||
	    (rc = find_in(a, "", "constants.pkl", 13, &constants, err)))
		return rc;
	r->out->script = r->script = constants != NULL;
	if (e->deflated && e->size > MAX_PICKLE)
		return mm_fail(err, MM_ERR_REFUSED,
			       "data.pkl inflates to %zu MiB", e->size >> 20);
	if ((rc = mm_zip_view(e, r->pickle.arena, &r->pickle.data, err)))
		return rc;
	r->pickle.size = e->size;
	return MM_OK;
}

static int open_zip(struct mm_torch_read *r, const void *bytes, size_t size,
		    struct mm_err *err)
{
	struct archive a = { 0 };
	struct mm_pk *object = NULL;
	int rc;

	if ((rc = mm_zip_open(&a.zip, bytes, size, err)))
		return rc;
	r->container = &a;
	r->fetch = fetch_zip;
	if (!(rc = read_archive(r, &a, err)) && !(rc = run(r, &object, err)))
		rc = mm_torch_pick(r, object, err);
	mm_zip_release(&a.zip);
	return rc;
}

/* ---- legacy ---- */

/* The magic number 0x1950a86a20f9469cfc6c as LONG1 stores it. */
static const unsigned char magic[10] = { 0x6c, 0xfc, 0x9c, 0x46, 0xf9,
					 0x20, 0x6a, 0xa8, 0x50, 0x19 };
enum { PROTOCOL = 1001 };

static int fetch_legacy(struct mm_torch_read *r, struct mm_torch_storage *s,
			struct mm_err *err)
{
	(void)r;
	if (s->base && s->base->data)
		s->data = s->base->data + s->offset * mm_dtype_size(s->dtype);
	if (s->data)
		return MM_OK;
	return mm_fail(err, MM_ERR_FORMAT, "storage '%.*s' is not in the file",
		       (int)s->key_len, s->key);
}

/* [elements: i64][bytes] of each key in order. */
static int read_storages(struct mm_torch_read *r, const struct mm_pk *keys,
			 struct mm_err *err)
{
	struct mm_pickle *p = &r->pickle;

	if (keys->kind != MM_PK_LIST)
		return mm_fail(err, MM_ERR_FORMAT,
			       "the storages' keys are %s, not a list",
			       mm_pk_kind_name(keys));
	for (size_t i = 0; i < keys->n; i++) {
		const struct mm_pk *key = keys->item[i];
		const int64_t *slot =
			key->kind == MM_PK_STR
				? mm_map_find(&r->storages, key->s, key->n)
				: NULL;
		struct mm_torch_storage *s;
		uint64_t count = 0;
		size_t bytes;

		if (!slot)
			return mm_fail(err, MM_ERR_FORMAT,
				       "storage %zu of the list is used by no "
				       "tensor",
				       i);
		s = (void *)(uintptr_t)*slot;
		bytes = s->count * mm_dtype_size(s->dtype);
		if (p->size - p->at < 8)
			return mm_fail(err, MM_ERR_FORMAT,
				       "the file ends before storage '%.*s'",
				       (int)s->key_len, s->key);
		for (int k = 8; k--;)
			count = count << 8 | p->data[p->at + (size_t)k];
		p->at += 8;
		if (count != s->count)
			return mm_fail(err, MM_ERR_FORMAT,
				       "storage '%.*s' has %lld elements, not "
				       "%zu",
				       (int)s->key_len, s->key,
				       (long long)count, s->count);
		if (bytes > p->size - p->at)
			return mm_fail(err, MM_ERR_FORMAT,
				       "the file ends within storage '%.*s'",
				       (int)s->key_len, s->key);
		s->data = p->data + p->at;
		p->at += bytes;
	}
	return MM_OK;
}

/* The object between its head and its storages. */
static int read_legacy(struct mm_torch_read *r, struct mm_pk **object,
		       struct mm_err *err)
{
	struct mm_pk *v = NULL;
	int rc;

	if ((rc = run(r, &v, err)))
		return rc;
	if (v->kind != MM_PK_BIG || v->n != sizeof(magic) ||
	    memcmp(v->s, magic, sizeof(magic)))
		return mm_fail(err, MM_ERR_FORMAT,
			       "a pickle, but it does not begin with "
			       "PyTorch's magic number");
	if ((rc = run(r, &v, err)))
		return rc;
	if (v->kind != MM_PK_INT || v->i != PROTOCOL)
		return mm_fail(
			err, MM_ERR_FORMAT, "written by protocol %lld, not %d",
			v->kind == MM_PK_INT ? (long long)v->i : -1, PROTOCOL);
	if ((rc = run(r, &v, err)) || (rc = run(r, object, err)))
		return rc;
	if ((rc = run(r, &v, err)))
		return rc;
	return read_storages(r, v, err);
}

static int open_legacy(struct mm_torch_read *r, const void *bytes, size_t size,
		       struct mm_err *err)
{
	struct mm_pk *object = NULL;
	int rc;

	r->pickle.data = bytes;
	r->pickle.size = size;
	r->fetch = fetch_legacy;
	r->legacy = true;
	if ((rc = read_legacy(r, &object, err)))
		return rc;
	return mm_torch_pick(r, object, err);
}

/* ---- both ---- */

static bool is_zip(const void *bytes, size_t size)
{
	return size >= 4 && !memcmp(bytes, "PK", 2);
}

bool mm_torch_sniff(const void *bytes, size_t size)
{
	return is_zip(bytes, size) ||
	       (size >= 2 && *(const unsigned char *)bytes == 0x80);
}

int mm_torch_open(struct mm_torch *t, const void *bytes, size_t size,
		  const char *path, struct mm_err *err)
{
	struct mm_torch_read r = { .out = t };
	struct mm_arena values = { 0 };
	int rc;

	memset(t, 0, sizeof(*t));
	r.pickle.arena = &values;
	r.pickle.rules = &mm_torch_rules;
	r.pickle.ctx = &r;
	rc = is_zip(bytes, size) ? open_zip(&r, bytes, size, err)
				 : open_legacy(&r, bytes, size, err);
	mm_map_release(&r.storages);
	mm_map_release(&r.names);
	mm_buf_release(&r.prefix);
	mm_arena_release(&values);
	if (rc) {
		mm_torch_release(t);
		mm_fail_ctx(err, "'%s'", path);
	}
	return rc;
}

void mm_torch_release(struct mm_torch *t)
{
	mm_free(t->tensor);
	mm_arena_release(&t->arena);
	memset(t, 0, sizeof(*t));
}
