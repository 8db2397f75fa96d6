/* safetensors.c - see safetensors.h. */
#include "tensor/safetensors.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/utf8.h"

enum { ALIGN = 64 };

/* Where a header is, for messages. */
struct place {
	const char *path;
	unsigned long long at; /* byte of the file at which it starts */
};

static int bad(const struct place *p, const char *name, const char *why,
	       struct mm_err *err)
{
	return mm_fail(err, MM_ERR_FORMAT, "'%s' byte %llu: tensor '%s' %s",
		       p->path, p->at, name, why);
}

/* ---- header in ---- */

static int parse_meta(struct mm_blob *b, const struct mm_json *meta,
		      const struct place *p, struct mm_err *err)
{
	const struct mm_json *value;
	const char *key;
	void *it = NULL;

	if (mm_json_type(meta) != MM_JSON_OBJECT)
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s' byte %llu: __metadata__ must be an "
			       "object, not %s",
			       p->path, p->at, mm_json_type_name(meta));
	b->meta = mm_arena_alloc(&b->arena, mm_json_size(meta) + 1,
				 sizeof(*b->meta));
	if (!b->meta)
		return mm_fail_nomem(err, "metadata");
	while (mm_json_next(meta, &it, &key, &value)) {
		const char *s = mm_json_str(value, NULL);
		struct mm_meta *m = &b->meta[b->n_meta];

		if (!s || strlen(s) != mm_json_str_len(value))
			return mm_fail(err, MM_ERR_FORMAT,
				       "'%s' byte %llu: metadata '%s' must be "
				       "a string without NUL",
				       p->path, p->at, key);
		m->key = mm_arena_strdup(&b->arena, key);
		m->value = mm_arena_strdup(&b->arena, s);
		if (!m->key || !m->value)
			return mm_fail_nomem(err, "metadata");
		b->n_meta++;
	}
	return MM_OK;
}

/* A whole number >= 0, or false. */
static bool get_size(const struct mm_json *v, size_t *out)
{
	if (mm_json_type(v) != MM_JSON_INT || mm_json_int(v, -1) < 0)
		return false;
	*out = (size_t)mm_json_int(v, 0);
	return true;
}

static int parse_shape(struct mm_tensor *t, const struct mm_json *shape,
		       const struct place *p, struct mm_err *err)
{
	size_t count;

	if (mm_json_type(shape) != MM_JSON_ARRAY)
		return bad(p, t->name, "has no array 'shape'", err);
	if (mm_json_size(shape) > MM_MAX_RANK)
		return bad(p, t->name, "has more than 8 axes", err);
	t->rank = (int)mm_json_size(shape);
	for (int i = 0; i < t->rank; i++)
		if (!get_size(mm_json_at(shape, (size_t)i), &t->dim[i]))
			return bad(p, t->name,
				   "has an axis that is no whole number >= 0",
				   err);
	if (!mm_shape_count(&count, t->dim, t->rank) ||
	    !mm_mul_ok(&t->nbytes, count, mm_dtype_size(t->dtype)))
		return bad(p, t->name, "is larger than memory can be", err);
	return MM_OK;
}

static int parse_tensor(struct mm_blob *b, const char *key,
			const struct mm_json *v, const struct place *p,
			struct mm_err *err)
{
	struct mm_tensor *t = &b->tensor[b->n];
	const struct mm_json *range = mm_json_get(v, "data_offsets");
	const char *type = mm_json_str(mm_json_get(v, "dtype"), NULL);
	size_t end;
	int rc;

	if (!(t->name = mm_arena_strdup(&b->arena, key)))
		return mm_fail_nomem(err, "a tensor's name");
	if (mm_json_type(v) != MM_JSON_OBJECT)
		return bad(p, key, "is not described by an object", err);
	if (!type)
		return bad(p, key, "has no string 'dtype'", err);
	if (!mm_dtype_parse(&t->dtype, type))
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s' byte %llu: tensor '%s' has the unknown "
			       "type '%.32s'",
			       p->path, p->at, key, type);
	if ((rc = parse_shape(t, mm_json_get(v, "shape"), p, err)))
		return rc;
	if (mm_json_size(range) != 2 ||
	    !get_size(mm_json_at(range, 0), &b->begin[b->n]) ||
	    !get_size(mm_json_at(range, 1), &end) || end < b->begin[b->n])
		return bad(p, key, "has no 'data_offsets' [begin, end]", err);
	if (end - b->begin[b->n] != t->nbytes)
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s' byte %llu: tensor '%s' needs %zu bytes "
			       "by its shape but has %zu by its offsets",
			       p->path, p->at, key, t->nbytes,
			       end - b->begin[b->n]);
	b->n++;
	return MM_OK;
}

struct place_in_data {
	struct mm_tensor tensor;
	size_t begin, order;
};

static int by_begin(const void *a, const void *b)
{
	const struct place_in_data *x = a, *y = b;

	if (x->begin != y->begin)
		return x->begin < y->begin ? -1 : 1;
	/* Empty tensors come before the one that starts at the same byte. */
	if (!x->tensor.nbytes != !y->tensor.nbytes)
		return x->tensor.nbytes ? 1 : -1;
	return x->order < y->order ? -1 : 1;
}

/* Sort by place; each must start where the one before it ends. */
static int lay_out(struct mm_blob *b, const struct place *p, struct mm_err *err)
{
	struct place_in_data *s = mm_malloc(b->n, sizeof(*s));
	int rc = MM_OK;

	if (!s)
		return mm_fail_nomem(err, "a list of tensors");
	for (size_t i = 0; i < b->n; i++)
		s[i] = (struct place_in_data){ b->tensor[i], b->begin[i], i };
	qsort(s, b->n, sizeof(*s), by_begin);
	for (size_t i = 0; i < b->n && !rc; i++) {
		int64_t *slot;

		b->tensor[i] = s[i].tensor;
		b->begin[i] = s[i].begin;
		if (b->begin[i] < b->data_size)
			rc = bad(p, s[i].tensor.name,
				 "overlaps the one before it", err);
		else if (b->begin[i] > b->data_size)
			rc = bad(p, s[i].tensor.name, "leaves a hole before it",
				 err);
		else if (!mm_add_ok(&b->data_size, b->data_size,
				    b->tensor[i].nbytes))
			rc = bad(p, s[i].tensor.name, "ends beyond reach", err);
		slot = mm_map_put(&b->by_name, b->tensor[i].name,
				  strlen(b->tensor[i].name), NULL);
		if (!rc && !slot)
			rc = mm_fail_nomem(err, "a list of tensors");
		if (slot)
			*slot = (int64_t)i;
	}
	mm_free(s);
	return rc;
}

static int parse_object(struct mm_blob *b, const struct mm_json *root,
			const struct place *p, struct mm_err *err)
{
	const size_t n = mm_json_size(root) + 1;
	const struct mm_json *value;
	const char *key;
	void *it = NULL;
	int rc = MM_OK;

	b->tensor = mm_arena_alloc(&b->arena, n, sizeof(*b->tensor));
	b->begin = mm_arena_alloc(&b->arena, n, sizeof(*b->begin));
	if (!b->tensor || !b->begin)
		return mm_fail_nomem(err, "a list of tensors");
	while (!rc && mm_json_next(root, &it, &key, &value))
		rc = strcmp(key, "__metadata__")
			     ? parse_tensor(b, key, value, p, err)
			     : parse_meta(b, value, p, err);
	return rc ? rc : lay_out(b, p, err);
}

int mm_blob_parse(struct mm_blob *b, const char *header, size_t len,
		  const char *path, uint64_t at, struct mm_err *err)
{
	const struct place p = { path, at };
	struct mm_json *root = NULL;
	int rc;

	memset(b, 0, sizeof(*b));
	if (len > MM_BLOB_MAX_HEADER)
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s' byte %llu: a header of %zu bytes, more "
			       "than 100 MB: not a tensor file",
			       path, p.at, len);
	if (!len || header[0] != '{')
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s' byte %llu: the header is not a JSON "
			       "object: not a tensor file",
			       path, p.at + 8);
	if ((rc = mm_json_parse(&root, header, len, "header", err)))
		return mm_fail_ctx(err, "'%s' byte %llu", path, p.at + 8);
	rc = parse_object(b, root, &p, err);
	mm_json_free(root);
	if (rc)
		mm_blob_release(b);
	return rc;
}

int mm_blob_bind(struct mm_blob *b, const void *data, struct mm_err *err)
{
	const unsigned char *bytes = data;

	for (size_t i = 0; i < b->n; i++) {
		struct mm_tensor *t = &b->tensor[i];
		const unsigned char *at = bytes + b->begin[i];
		void *copy;

		t->data = at;
		if ((uintptr_t)at % mm_dtype_size(t->dtype) == 0)
			continue;
		if (!(copy = mm_arena_alloc(&b->arena, t->nbytes, 1)))
			return mm_fail_nomem(err, t->name);
		if (t->nbytes)
			memcpy(copy, at, t->nbytes);
		t->data = copy;
	}
	return MM_OK;
}

void mm_blob_release(struct mm_blob *b)
{
	mm_map_release(&b->by_name);
	mm_arena_release(&b->arena);
	memset(b, 0, sizeof(*b));
}

const struct mm_tensor *mm_blob_find(const struct mm_blob *b, const char *name)
{
	const int64_t *i = mm_map_find_str(&b->by_name, name);

	return i ? &b->tensor[*i] : NULL;
}

const char *mm_blob_meta(const struct mm_blob *b, const char *key)
{
	for (size_t i = 0; i < b->n_meta; i++)
		if (!strcmp(b->meta[i].key, key))
			return b->meta[i].value;
	return NULL;
}

/* ---- files in ---- */

static int parse(struct mm_blob *b, const void *bytes, size_t size,
		 const char *path, struct mm_err *err)
{
	const unsigned char *p = bytes;
	uint64_t len = 0;
	int rc;

	if (size < 8)
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s' ends at byte %zu, within the length of "
			       "its header: not a tensor file",
			       path, size);
	memcpy(&len, p, 8);
	if (len > size - 8 && len <= MM_BLOB_MAX_HEADER)
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s' ends at byte %zu, within its header of "
			       "%llu bytes: cut short, or not a tensor file",
			       path, size, (unsigned long long)len);
	rc = mm_blob_parse(b, (const char *)p + 8, (size_t)len, path, 0, err);
	if (rc)
		return rc;
	if (b->data_size != size - 8 - (size_t)len)
		rc = mm_fail(err, MM_ERR_FORMAT,
			     "'%s' has %zu bytes of data behind byte %zu, but "
			     "its header says %zu",
			     path, size - 8 - (size_t)len, 8 + (size_t)len,
			     b->data_size);
	if (!rc)
		rc = mm_blob_bind(b, p + 8 + len, err);
	if (rc)
		mm_blob_release(b);
	return rc;
}

int mm_safetensors_parse(struct mm_safetensors *s, const void *bytes,
			 size_t size, const char *path, struct mm_err *err)
{
	memset(s, 0, sizeof(*s));
	return parse(&s->blob, bytes, size, path, err);
}

int mm_safetensors_open(struct mm_safetensors *s, const char *path,
			struct mm_err *err)
{
	int rc;

	memset(s, 0, sizeof(*s));
	if ((rc = mm_file_open(&s->file, path, err)))
		return rc;
	rc = parse(&s->blob, s->file.data, s->file.size,
		   strcmp(path, "-") ? path : "standard input", err);
	if (rc)
		mm_file_release(&s->file);
	return rc;
}

void mm_safetensors_release(struct mm_safetensors *s)
{
	mm_blob_release(&s->blob);
	mm_file_release(&s->file);
}

const struct mm_tensor *mm_safetensors_find(const struct mm_safetensors *s,
					    const char *name)
{
	return mm_blob_find(&s->blob, name);
}

const char *mm_safetensors_meta(const struct mm_safetensors *s, const char *key)
{
	return mm_blob_meta(&s->blob, key);
}

/* ---- out ---- */

static void put_entry(struct mm_json_writer *w, const struct mm_tensor *t,
		      size_t begin)
{
	mm_json_open(w, t->name, '{');
	mm_json_put_str(w, "dtype", mm_dtype_name(t->dtype));
	mm_json_open(w, "shape", '[');
	for (int i = 0; i < t->rank; i++)
		mm_json_put_int(w, NULL, (int64_t)t->dim[i]);
	mm_json_close(w);
	mm_json_open(w, "data_offsets", '[');
	mm_json_put_int(w, NULL, (int64_t)begin);
	mm_json_put_int(w, NULL, (int64_t)(begin + t->nbytes));
	mm_json_close(w);
	mm_json_close(w);
}

/* A header is JSON, hence UTF-8: file names, say, need not be. */
static int check_text(const char *s, const char *what, struct mm_err *err)
{
	const size_t n = strlen(s), good = mm_utf8_prefix(s, n);

	if (good == n)
		return MM_OK;
	return mm_fail(err, MM_ERR_FORMAT,
		       "%s '%.*s...' is not UTF-8 at byte %zu", what,
		       (int)(good < 60 ? good : 60), s, good);
}

static int check_texts(const struct mm_tensor *t, size_t n,
		       const struct mm_meta *meta, size_t n_meta,
		       struct mm_err *err)
{
	int rc = MM_OK;

	for (size_t i = 0; i < n && !rc; i++)
		rc = check_text(t[i].name, "the tensor's name", err);
	for (size_t i = 0; i < n_meta && !rc; i++)
		if (!(rc = check_text(meta[i].key, "the metadata key", err)))
			rc = check_text(meta[i].value, "the metadata value",
					err);
	return rc;
}

int mm_blob_header(struct mm_buf *out, const struct mm_tensor *t, size_t n,
		   const struct mm_meta *meta, size_t n_meta,
		   struct mm_err *err)
{
	const size_t start = out->len;
	struct mm_json_writer w;
	size_t begin = 0;
	uint64_t len = 0;
	int rc;

	if ((rc = check_texts(t, n, meta, n_meta, err)))
		return rc;
	mm_buf_add(out, &len, 8);
	mm_json_writer_init(&w, out, 0);
	mm_json_open(&w, NULL, '{');
	if (n_meta) {
		mm_json_open(&w, "__metadata__", '{');
		for (size_t i = 0; i < n_meta; i++)
			mm_json_put_str(&w, meta[i].key, meta[i].value);
		mm_json_close(&w);
	}
	for (size_t i = 0; i < n; i++) {
		put_entry(&w, &t[i], begin);
		begin += t[i].nbytes;
	}
	mm_json_close(&w);
	while (!out->failed && (out->len - start) % ALIGN)
		mm_buf_addc(out, ' ');
	if (out->failed)
		return mm_fail_nomem(err, "a header");
	len = out->len - start - 8;
	if (len > MM_BLOB_MAX_HEADER)
		return mm_fail(err, MM_ERR_REFUSED,
			       "%zu tensors need a header of more than 100 MB",
			       n);
	memcpy(out->data + start, &len, 8);
	return MM_OK;
}

/* The tensors by falling element size, otherwise in the order given. */
static struct mm_tensor *sorted(const struct mm_tensor *t, size_t n)
{
	struct mm_tensor *s = mm_malloc(n, sizeof(*s));
	size_t k = 0;

	for (size_t size = 8; s && size; size /= 2)
		for (size_t i = 0; i < n; i++)
			if (mm_dtype_size(t[i].dtype) == size)
				s[k++] = t[i];
	return s;
}

int mm_safetensors_put(struct mm_writer *w, const struct mm_tensor *t, size_t n,
		       const struct mm_meta *meta, size_t n_meta,
		       struct mm_err *err)
{
	struct mm_tensor *s = sorted(t, n);
	struct mm_buf header = { 0 };
	int rc;

	if (!s)
		return mm_fail_nomem(err, "a list of tensors");
	rc = mm_blob_header(&header, s, n, meta, n_meta, err);
	if (!rc)
		rc = mm_writer_write(w, header.data, header.len, err);
	for (size_t i = 0; i < n && !rc; i++)
		rc = mm_writer_write(w, s[i].data, s[i].nbytes, err);
	mm_buf_release(&header);
	mm_free(s);
	return rc;
}

int mm_safetensors_write(const char *path, const struct mm_tensor *t, size_t n,
			 const struct mm_meta *meta, size_t n_meta,
			 struct mm_err *err)
{
	struct mm_writer w;
	int rc = mm_writer_open(&w, path, err);

	if (rc)
		return rc;
	if (!(rc = mm_safetensors_put(&w, t, n, meta, n_meta, err)))
		return mm_writer_commit(&w, err);
	mm_writer_abort(&w);
	return rc;
}
