/* stream_write.c - the writing half of stream.h. */
#include "tensor/stream.h"

#include <string.h>

#include "base/mem.h"

enum { MAX_ROWS = 256, MAX_BYTES = 64 << 20 };

/* A value of the row in the making; everything is borrowed. */
struct mm_put {
	const char *name;
	enum mm_dtype dtype;
	bool ragged;
	int rank;
	size_t dim[MM_MAX_RANK];
	size_t count, nbytes;
	const void *data;
};

/* A column of the segment in the making. */
struct mm_put_column {
	char *name;
	struct mm_put like; /* of its first row; name and data are unused */
	struct mm_buf bytes, ends;
	int64_t items;
};

int mm_stream_writer_open(struct mm_stream_writer *w, const char *path,
			  struct mm_err *err)
{
	int rc;

	memset(w, 0, sizeof(*w));
	w->max_rows = MAX_ROWS;
	w->max_bytes = MAX_BYTES;
	if ((rc = mm_writer_open(&w->out, path, err)))
		return rc;
	if (mm_writer_is_terminal(&w->out)) {
		mm_stream_abort(w);
		return mm_fail(err, MM_ERR_USAGE,
			       "will not write a tensor stream to a terminal; "
			       "name a file with -o or pipe it on");
	}
	return MM_OK;
}

/* ---- metadata ---- */

static void meta_clear(struct mm_meta_list *l)
{
	union {
		const char *in;
		void *out;
	} p;

	for (size_t i = 0; i < l->n; i++) {
		p.in = l->item[i].key;
		mm_free(p.out);
		p.in = l->item[i].value;
		mm_free(p.out);
	}
	l->n = 0;
}

static struct mm_meta *meta_find(const struct mm_meta_list *l, const char *key)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->item[i].key, key))
			return &l->item[i];
	return NULL;
}

static bool same_value(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static int meta_set(struct mm_meta_list *l, const char *key, const char *value,
		    struct mm_err *err)
{
	struct mm_meta *m = meta_find(l, key);
	char *k = m ? NULL : mm_strdup(key),
	     *v = value ? mm_strdup(value) : NULL;
	union {
		const char *in;
		void *out;
	} old;

	if ((!m && !k) || (value && !v))
		goto nomem;
	if (!m && l->n == l->cap) {
		const size_t cap = l->cap ? l->cap * 2 : 8;
		struct mm_meta *p = mm_realloc(l->item, cap, sizeof(*p));

		if (!p)
			goto nomem;
		l->item = p;
		l->cap = cap;
	}
	if (m) {
		old.in = m->value;
		mm_free(old.out);
		m->value = v;
	} else {
		l->item[l->n++] = (struct mm_meta){ k, v };
	}
	return MM_OK;
nomem:
	mm_free(k);
	mm_free(v);
	return mm_fail_nomem(err, "metadata");
}

int mm_stream_set_meta(struct mm_stream_writer *w, const char *key,
		       const char *value, struct mm_err *err)
{
	const struct mm_meta *m = meta_find(&w->own, key);
	int rc;

	if (m && same_value(m->value, value))
		return MM_OK;
	/* What is buffered was made before this. */
	if (w->n_rows && (rc = mm_stream_flush(w, err)))
		return rc;
	return meta_set(&w->own, key, value, err);
}

int mm_stream_carry_meta(struct mm_stream_writer *w,
			 const struct mm_segment *seg, struct mm_err *err)
{
	bool same = w->carried.n == seg->n_meta;
	int rc = MM_OK;

	for (size_t i = 0; same && i < seg->n_meta; i++)
		same = !strcmp(w->carried.item[i].key, seg->meta[i].key) &&
		       !strcmp(w->carried.item[i].value, seg->meta[i].value);
	if (same)
		return MM_OK;
	if (w->n_rows && (rc = mm_stream_flush(w, err)))
		return rc;
	meta_clear(&w->carried);
	for (size_t i = 0; i < seg->n_meta && !rc; i++)
		rc = meta_set(&w->carried, seg->meta[i].key, seg->meta[i].value,
			      err);
	return rc;
}

/* What a segment says: carried, then own, own winning.  *n of them; free. */
static struct mm_meta *meta_merge(const struct mm_stream_writer *w, size_t *n)
{
	struct mm_meta *m = mm_malloc(w->own.n + w->carried.n + 1, sizeof(*m));

	*n = 0;
	if (!m)
		return NULL;
	for (size_t i = 0; i < w->carried.n; i++)
		if (!meta_find(&w->own, w->carried.item[i].key))
			m[(*n)++] = w->carried.item[i];
	for (size_t i = 0; i < w->own.n; i++)
		if (w->own.item[i].value)
			m[(*n)++] = w->own.item[i];
	return m;
}

/* ---- the row in the making ---- */

static int put(struct mm_stream_writer *w, const struct mm_put *v,
	       struct mm_err *err)
{
	for (size_t i = 0; i < w->n_put; i++)
		if (!strcmp(w->put[i].name, v->name))
			return mm_fail(err, MM_ERR_USAGE,
				       "column '%s' is put twice", v->name);
	if (w->n_put == w->cap_put) {
		const size_t cap = w->cap_put ? w->cap_put * 2 : 16;
		struct mm_put *p = mm_realloc(w->put, cap, sizeof(*p));

		if (!p)
			return mm_fail_nomem(err, "a row");
		w->put = p;
		w->cap_put = cap;
	}
	w->put[w->n_put++] = *v;
	return MM_OK;
}

static int put_value(struct mm_stream_writer *w, const char *name,
		     enum mm_dtype dtype, bool ragged, int rank,
		     const size_t *dim, size_t count, const void *data,
		     struct mm_err *err)
{
	struct mm_put v = { .name = name,
			    .dtype = dtype,
			    .ragged = ragged,
			    .rank = rank,
			    .count = count,
			    .data = data };

	if (rank >= MM_MAX_RANK)
		return mm_fail(err, MM_ERR_SHAPE,
			       "column '%s' has too many "
			       "axes",
			       name);
	for (int i = 0; i < rank; i++)
		v.dim[i] = dim[i];
	if (!mm_shape_count(&v.nbytes, dim, rank) ||
	    !mm_mul_ok(&v.nbytes, v.nbytes, mm_dtype_size(dtype)) ||
	    !mm_mul_ok(&v.nbytes, v.nbytes, count))
		return mm_fail(err, MM_ERR_SHAPE, "column '%s' is too large",
			       name);
	return put(w, &v, err);
}

int mm_stream_put(struct mm_stream_writer *w, const char *name,
		  enum mm_dtype dtype, int rank, const size_t *dim,
		  const void *data, struct mm_err *err)
{
	return put_value(w, name, dtype, false, rank, dim, 1, data, err);
}

int mm_stream_put_ragged(struct mm_stream_writer *w, const char *name,
			 enum mm_dtype dtype, int rank, const size_t *dim,
			 size_t count, const void *data, struct mm_err *err)
{
	return put_value(w, name, dtype, true, rank, dim, count, data, err);
}

int mm_stream_put_str(struct mm_stream_writer *w, const char *name,
		      const char *s, size_t len, struct mm_err *err)
{
	return put_value(w, name, MM_U8, true, 0, NULL, len, s, err);
}

/* Whether the row has the column already, or it is not wanted. */
static bool settled(const struct mm_stream_writer *w, const char *name,
		    const char *const *drop)
{
	for (; drop && *drop; drop++)
		if (!strcmp(*drop, name))
			return true;
	for (size_t i = 0; i < w->n_put; i++)
		if (!strcmp(w->put[i].name, name))
			return true;
	return false;
}

int mm_stream_carry(struct mm_stream_writer *w, const struct mm_segment *seg,
		    size_t i, const char *const *drop, struct mm_err *err)
{
	int rc = mm_stream_carry_meta(w, seg, err);

	for (size_t k = 0; k < seg->n_columns && !rc; k++) {
		const struct mm_column *c = &seg->column[k];
		const struct mm_tensor *t = &c->items;
		const void *data;
		size_t n;

		if (settled(w, c->name, drop))
			continue;
		data = mm_column_row(c, i, &n);
		rc = put_value(w, c->name, t->dtype, c->ends != NULL,
			       t->rank - 1, t->dim + 1, n, data, err);
	}
	return rc;
}

void mm_stream_drop_row(struct mm_stream_writer *w)
{
	w->n_put = 0;
}

/* ---- the segment in the making ---- */

static bool fits(const struct mm_put_column *c, const struct mm_put *v)
{
	const struct mm_put *l = &c->like;

	return !strcmp(c->name, v->name) && l->dtype == v->dtype &&
	       l->ragged == v->ragged && l->rank == v->rank &&
	       !memcmp(l->dim, v->dim, (size_t)v->rank * sizeof(*v->dim));
}

/* Move the row's values into the order of the columns; false: other columns.
 * Nearly always they are in order already. */
static bool arrange(struct mm_stream_writer *w)
{
	if (w->n_put != w->n_columns)
		return false;
	for (size_t i = 0; i < w->n_put; i++) {
		size_t j = i;
		struct mm_put v;

		while (j < w->n_put && !fits(&w->column[i], &w->put[j]))
			j++;
		if (j == w->n_put)
			return false;
		v = w->put[i];
		w->put[i] = w->put[j];
		w->put[j] = v;
	}
	return true;
}

static void drop_columns(struct mm_stream_writer *w)
{
	for (size_t i = 0; i < w->n_columns; i++) {
		mm_free(w->column[i].name);
		mm_buf_release(&w->column[i].bytes);
		mm_buf_release(&w->column[i].ends);
	}
	w->n_columns = 0;
}

static int make_columns(struct mm_stream_writer *w, struct mm_err *err)
{
	drop_columns(w);
	if (w->n_put > w->cap_columns) {
		struct mm_put_column *c =
			mm_realloc(w->column, w->n_put, sizeof(*c));

		if (!c)
			return mm_fail_nomem(err, "a list of columns");
		w->column = c;
		w->cap_columns = w->n_put;
	}
	for (size_t i = 0; i < w->n_put; i++) {
		struct mm_put_column *c = &w->column[i];

		memset(c, 0, sizeof(*c));
		if (!(c->name = mm_strdup(w->put[i].name)))
			return mm_fail_nomem(err, "a column's name");
		c->like = w->put[i];
		w->n_columns++;
	}
	return MM_OK;
}

static int append(struct mm_stream_writer *w, struct mm_err *err)
{
	for (size_t i = 0; i < w->n_put; i++) {
		struct mm_put_column *c = &w->column[i];
		const struct mm_put *v = &w->put[i];

		mm_buf_add(&c->bytes, v->data, v->nbytes);
		if (v->ragged) {
			c->items += (int64_t)v->count;
			mm_buf_add(&c->ends, &c->items, sizeof(c->items));
		}
		if (c->bytes.failed || c->ends.failed)
			return mm_fail_nomem(err, v->name);
	}
	return MM_OK;
}

int mm_stream_end_row(struct mm_stream_writer *w, struct mm_err *err)
{
	size_t bytes = 0;
	int rc;

	if (!w->n_put)
		return mm_fail(err, MM_ERR_USAGE, "a row without columns");
	for (size_t i = 0; i < w->n_put; i++)
		bytes += w->put[i].nbytes + (w->put[i].ragged ? 8 : 0);
	if (w->n_rows &&
	    (w->n_rows >= w->max_rows || !arrange(w) ||
	     w->n_bytes + bytes > w->max_bytes) &&
	    (rc = mm_stream_flush(w, err)))
		return rc;
	if (!w->n_rows && !arrange(w) && (rc = make_columns(w, err)))
		return rc;
	if ((rc = append(w, err)))
		return rc;
	w->n_bytes += bytes;
	w->n_rows++;
	w->total_rows++;
	w->n_put = 0;
	return MM_OK;
}

/* The tensors of the segment; names of ends live in *names. */
static size_t tensors(const struct mm_stream_writer *w, struct mm_tensor *t,
		      struct mm_arena *names)
{
	size_t n = 0;

	for (size_t i = 0; i < w->n_columns; i++) {
		const struct mm_put_column *c = &w->column[i];
		size_t dim[MM_MAX_RANK];
		const char *name = c->name;

		dim[0] = c->like.ragged ? (size_t)c->items : w->n_rows;
		memcpy(dim + 1, c->like.dim,
		       (size_t)c->like.rank * sizeof(*dim));
		t[n++] = mm_tensor_make(name, c->like.dtype, c->like.rank + 1,
					dim, mm_buf_str(&c->bytes));
		if (!c->like.ragged)
			continue;
		if (!(name = mm_arena_printf(names, "%s.ends", name)))
			return 0;
		t[n++] = mm_tensor_make(name, MM_I64, 1, &w->n_rows,
					mm_buf_str(&c->ends));
	}
	return n;
}

static int write_segment(struct mm_stream_writer *w, struct mm_err *err)
{
	struct mm_tensor *t = mm_malloc(2 * w->n_columns, sizeof(*t));
	struct mm_arena names = { 0 };
	struct mm_meta *meta;
	size_t n = 0, n_meta;
	int rc;

	meta = meta_merge(w, &n_meta);
	if (t)
		n = tensors(w, t, &names);
	if (!t || !meta || (w->n_columns && !n))
		rc = mm_fail_nomem(err, "a segment");
	else
		rc = mm_safetensors_put(&w->out, t, n, meta, n_meta, err);
	mm_free(t);
	mm_free(meta);
	mm_arena_release(&names);
	return rc;
}

int mm_stream_flush(struct mm_stream_writer *w, struct mm_err *err)
{
	int rc;

	if (!w->n_rows)
		return MM_OK;
	if ((rc = write_segment(w, err)) ||
	    (rc = mm_writer_flush(&w->out, err)))
		return rc;
	for (size_t i = 0; i < w->n_columns; i++) {
		mm_buf_clear(&w->column[i].bytes);
		mm_buf_clear(&w->column[i].ends);
		w->column[i].items = 0;
	}
	w->n_rows = w->n_bytes = 0;
	w->started = true;
	return MM_OK;
}

int mm_stream_commit(struct mm_stream_writer *w, struct mm_err *err)
{
	int rc = mm_stream_flush(w, err);

	if (!rc && !w->started) {
		drop_columns(w);
		rc = write_segment(w, err);
	}
	if (!rc)
		rc = mm_writer_commit(&w->out, err);
	mm_stream_abort(w);
	return rc;
}

void mm_stream_abort(struct mm_stream_writer *w)
{
	drop_columns(w);
	mm_free(w->column);
	mm_free(w->put);
	meta_clear(&w->own);
	meta_clear(&w->carried);
	mm_free(w->own.item);
	mm_free(w->carried.item);
	mm_writer_abort(&w->out);
	memset(w, 0, sizeof(*w));
	w->out.fd = -1;
}
