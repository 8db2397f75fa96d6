/* stream_read.c - the reading half of stream.h. */
#include "tensor/stream.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

/* A pipe's data is taken in steps, so that a false length costs no memory. */
enum { FIRST_STEP = 128 << 20, HEADER_STEP = 1 << 20 };

static unsigned long long ull(uint64_t x)
{
	return x;
}

/* Whether the path is a file that can be mapped from its start. */
static bool can_map(const char *path)
{
	struct stat st;

	if (strcmp(path, "-"))
		return !stat(path, &st) && S_ISREG(st.st_mode);
	return !fstat(STDIN_FILENO, &st) && S_ISREG(st.st_mode) &&
	       lseek(STDIN_FILENO, 0, SEEK_CUR) == 0;
}

int mm_stream_open(struct mm_stream *s, const char *path, struct mm_err *err)
{
	int rc;

	memset(s, 0, sizeof(*s));
	s->path = mm_strdup(strcmp(path, "-") ? path : "standard input");
	if (!s->path)
		return mm_fail_nomem(err, "a path");
	if (can_map(path)) {
		s->mapped = true;
		rc = mm_file_open(&s->file, path, err);
	} else {
		rc = mm_reader_open(&s->reader, path, err);
	}
	if (rc)
		mm_stream_release(s);
	return rc;
}

int mm_stream_adopt(struct mm_stream *s, struct mm_reader *r,
		    struct mm_err *err)
{
	memset(s, 0, sizeof(*s));
	if (!(s->path = mm_strdup(r->name)))
		return mm_fail_nomem(err, "a path");
	s->reader = *r;
	memset(r, 0, sizeof(*r));
	r->fd = -1;
	return MM_OK;
}

void mm_stream_release(struct mm_stream *s)
{
	mm_blob_release(&s->blob);
	if (s->mapped && s->file.data)
		mm_file_release(&s->file);
	else if (!s->mapped && s->path)
		mm_reader_release(&s->reader);
	mm_free(s->data);
	mm_free(s->path);
	memset(s, 0, sizeof(*s));
}

bool mm_stream_sniff(const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
	uint64_t len;

	if (n < 10 || p[8] != '{')
		return false;
	memcpy(&len, p, 8);
	return len >= 2 && len <= MM_BLOB_MAX_HEADER;
}

/* ---- one segment's bytes ---- */

static int cut(const struct mm_stream *s, uint64_t have, const char *where,
	       struct mm_err *err)
{
	return mm_fail(err, MM_ERR_FORMAT,
		       "'%s' ends at byte %llu, within %s of the segment at "
		       "byte %llu: cut short, or not a tensor stream",
		       s->path, ull(s->offset + have), where, ull(s->offset));
}

static int check_length(const struct mm_stream *s, uint64_t len,
			struct mm_err *err)
{
	if (len <= MM_BLOB_MAX_HEADER)
		return MM_OK;
	return mm_fail(err, MM_ERR_FORMAT,
		       "'%s' byte %llu: a header of %llu bytes, more than "
		       "100 MB: not a tensor stream",
		       s->path, ull(s->offset), ull(len));
}

/* Parse the segment at s->offset of the mapped file; *end: where it ends. */
static int map_segment(struct mm_stream *s, uint64_t *end, struct mm_err *err)
{
	const size_t at = (size_t)s->offset, left = s->file.size - at;
	const unsigned char *p = s->file.data + at;
	uint64_t len;
	int rc;

	if (left < 8)
		return cut(s, left, "the header's length", err);
	memcpy(&len, p, 8);
	if ((rc = check_length(s, len, err)))
		return rc;
	if (len > left - 8)
		return cut(s, left, "the header", err);
	rc = mm_blob_parse(&s->blob, (const char *)p + 8, (size_t)len, s->path,
			   s->offset, err);
	if (rc)
		return rc;
	if (s->blob.data_size > left - 8 - len)
		return cut(s, left, "the data", err);
	*end = s->offset + 8 + len + s->blob.data_size;
	return mm_blob_bind(&s->blob, p + 8 + len, err);
}

/* A header of `len` bytes from the pipe. */
static int read_header(struct mm_stream *s, struct mm_buf *text, size_t len,
		       struct mm_err *err)
{
	int rc;

	while (text->len < len) {
		const size_t want = len - text->len < HEADER_STEP
					    ? len - text->len
					    : HEADER_STEP;
		char *p = mm_buf_reserve(text, want);
		size_t got;

		if (!p)
			return mm_fail_nomem(err, "a header");
		if ((rc = mm_reader_read(&s->reader, p, want, &got, err)))
			return rc;
		text->len += got;
		if (got < want)
			return cut(s, 8 + text->len, "the header", err);
	}
	return MM_OK;
}

/* Room for `need` bytes, keeping the first `have`. */
static int grow_data(struct mm_stream *s, size_t need, size_t have,
		     struct mm_err *err)
{
	void *p;

	if (need <= s->data_cap)
		return MM_OK;
	if (!(p = mm_malloc(need, 1)))
		return mm_fail_nomem(err, "a segment");
	if (have)
		memcpy(p, s->data, have);
	mm_free(s->data);
	s->data = p;
	s->data_cap = need;
	return MM_OK;
}

static int read_data(struct mm_stream *s, size_t len, struct mm_err *err)
{
	const size_t size = s->blob.data_size;
	size_t have = 0, goal, got;
	int rc;

	if ((rc = grow_data(s, 1, 0, err))) /* a pointer for empty tensors */
		return rc;
	while (have < size) {
		goal = have ? have : FIRST_STEP / 2;
		goal = size - have > goal ? have + goal : size;
		if ((rc = grow_data(s, goal, have, err)))
			return rc;
		rc = mm_reader_read(&s->reader, (char *)s->data + have,
				    goal - have, &got, err);
		if (rc)
			return rc;
		have += got;
		if (have < goal)
			return cut(s, 8 + len + have, "the data", err);
	}
	return mm_blob_bind(&s->blob, s->data, err);
}

/* The next segment of the pipe; *end == s->offset where there is none. */
static int pipe_segment(struct mm_stream *s, uint64_t *end, struct mm_err *err)
{
	struct mm_buf text = { 0 };
	uint64_t len = 0;
	size_t got;
	int rc;

	*end = s->offset;
	if ((rc = mm_reader_read(&s->reader, &len, 8, &got, err)) || !got)
		return rc;
	if (got < 8)
		return cut(s, got, "the header's length", err);
	if ((rc = check_length(s, len, err)))
		return rc;
	rc = read_header(s, &text, (size_t)len, err);
	if (!rc)
		rc = mm_blob_parse(&s->blob, mm_buf_str(&text), (size_t)len,
				   s->path, s->offset, err);
	mm_buf_release(&text);
	if (rc)
		return rc;
	*end = s->offset + 8 + len + s->blob.data_size;
	return read_data(s, (size_t)len, err);
}

/* ---- columns ---- */

static int check_ends(const struct mm_stream *s, const struct mm_column *c,
		      size_t n, struct mm_err *err)
{
	const uint64_t items = c->items.dim[0];
	int64_t before = 0;

	for (size_t i = 0; i < n; i++) {
		if (c->ends[i] < before || (uint64_t)c->ends[i] > items)
			return mm_fail(err, MM_ERR_FORMAT,
				       "'%s' byte %llu: '%s.ends' of sample "
				       "%zu is %lld, not in %lld..%llu",
				       s->path, ull(s->offset), c->name, i,
				       (long long)c->ends[i], (long long)before,
				       ull(items));
		before = c->ends[i];
	}
	if ((uint64_t)before != items)
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s' byte %llu: '%s' has %llu items, but "
			       "'%s.ends' ends at %lld",
			       s->path, ull(s->offset), c->name, ull(items),
			       c->name, (long long)before);
	return MM_OK;
}

/* NAME of "NAME.ends", or NULL. */
static const struct mm_tensor *items_of(const struct mm_blob *b,
					const struct mm_tensor *t)
{
	static const char tail[] = ".ends";
	const size_t n = strlen(t->name), k = sizeof(tail) - 1;
	const int64_t *i;

	if (n < k || strcmp(t->name + n - k, tail))
		return NULL;
	i = mm_map_find(&b->by_name, t->name, n - k);
	return i ? &b->tensor[*i] : NULL;
}

static int fill_column(struct mm_stream *s, struct mm_column *c,
		       const struct mm_tensor *t, const struct mm_tensor *ends,
		       struct mm_err *err)
{
	if (t->rank < 1 || (ends && (ends->rank != 1 || ends->dtype != MM_I64)))
		return mm_fail(err, MM_ERR_FORMAT, "'%s' byte %llu: %s '%s' %s",
			       s->path, ull(s->offset),
			       t->rank < 1 ? "column" : "the ends of", t->name,
			       t->rank < 1 ? "has no axis of samples"
					   : "are not I64 [N]");
	c->name = t->name;
	c->items = *t;
	c->ends = ends ? ends->data : NULL;
	if (t->dim[0])
		c->row_bytes = t->nbytes / t->dim[0];
	else if (!mm_shape_count(&c->row_bytes, t->dim + 1, t->rank - 1) ||
		 !mm_mul_ok(&c->row_bytes, c->row_bytes,
			    mm_dtype_size(t->dtype)))
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s' byte %llu: column '%s' is larger than "
			       "memory can be",
			       s->path, ull(s->offset), t->name);
	return MM_OK;
}

/* The ends of t, or NULL. */
static const struct mm_tensor *
ends_of(const struct mm_blob *b, const struct mm_tensor *t, struct mm_buf *name)
{
	mm_buf_clear(name);
	mm_buf_adds(name, t->name);
	mm_buf_adds(name, ".ends");
	return mm_blob_find(b, mm_buf_str(name));
}

static int add_column(struct mm_stream *s, const struct mm_tensor *t,
		      struct mm_buf *name, struct mm_err *err)
{
	struct mm_segment *g = &s->segment;
	struct mm_column *c = &g->column[g->n_columns];
	const struct mm_tensor *ends = ends_of(&s->blob, t, name);
	size_t n;
	int rc;

	if (name->failed)
		return mm_fail_nomem(err, "a column's name");
	if (items_of(&s->blob, t)) {
		if (!ends)
			return MM_OK;
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s' byte %llu: '%s' has ends of its own",
			       s->path, ull(s->offset), t->name);
	}
	if ((rc = fill_column(s, c, t, ends, err)))
		return rc;
	n = ends ? ends->dim[0] : t->dim[0];
	if (g->n_columns && n != g->n)
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s' byte %llu: column '%s' has %zu samples "
			       "but '%s' has %zu",
			       s->path, ull(s->offset), c->name, n,
			       g->column[0].name, g->n);
	g->n = n;
	g->n_columns++;
	return ends ? check_ends(s, c, n, err) : MM_OK;
}

static int make_columns(struct mm_stream *s, struct mm_err *err)
{
	struct mm_segment *g = &s->segment;
	struct mm_buf name = { 0 };
	int rc = MM_OK;

	*g = (struct mm_segment){ .path = s->path,
				  .offset = s->offset,
				  .meta = s->blob.meta,
				  .n_meta = s->blob.n_meta };
	g->column = mm_arena_alloc(&s->blob.arena, s->blob.n + 1,
				   sizeof(*g->column));
	if (!g->column)
		return mm_fail_nomem(err, "a list of columns");
	for (size_t i = 0; i < s->blob.n && !rc; i++)
		rc = add_column(s, &s->blob.tensor[i], &name, err);
	mm_buf_release(&name);
	return rc;
}

int mm_stream_next(struct mm_stream *s, const struct mm_segment **seg,
		   struct mm_err *err)
{
	const uint64_t before = s->segment.offset;
	uint64_t end = s->offset;
	int rc = MM_OK;

	*seg = NULL;
	s->first_sample += s->segment.n;
	s->segment.n = 0;
	mm_blob_release(&s->blob);
	if (s->mapped) {
		mm_file_forget(&s->file, (size_t)before, (size_t)s->offset);
		if (s->offset < s->file.size)
			rc = map_segment(s, &end, err);
	} else {
		rc = pipe_segment(s, &end, err);
	}
	if (rc)
		return rc;
	if (end == s->offset) {
		if (end)
			return MM_OK;
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s' is empty: not a tensor stream", s->path);
	}
	if ((rc = make_columns(s, err)))
		return rc;
	s->offset = end;
	*seg = &s->segment;
	return MM_OK;
}

bool mm_stream_rewind(struct mm_stream *s)
{
	if (!s->mapped)
		return false;
	mm_blob_release(&s->blob);
	s->segment.n = 0;
	s->segment.offset = s->offset = s->first_sample = 0;
	return true;
}

const struct mm_column *mm_segment_find(const struct mm_segment *seg,
					const char *name)
{
	for (size_t i = 0; i < seg->n_columns; i++)
		if (!strcmp(seg->column[i].name, name))
			return &seg->column[i];
	return NULL;
}

const char *mm_segment_meta(const struct mm_segment *seg, const char *key)
{
	for (size_t i = 0; i < seg->n_meta; i++)
		if (!strcmp(seg->meta[i].key, key))
			return seg->meta[i].value;
	return NULL;
}

const void *mm_column_row(const struct mm_column *c, size_t i, size_t *n_items)
{
	const unsigned char *p = c->items.data;
	size_t begin;

	if (!c->ends) {
		*n_items = 1;
		return p + i * c->row_bytes;
	}
	begin = i ? (size_t)c->ends[i - 1] : 0;
	*n_items = (size_t)c->ends[i] - begin;
	return p + begin * c->row_bytes;
}

bool mm_column_is_str(const struct mm_column *c)
{
	return c && c->ends && c->items.dtype == MM_U8 && c->items.rank == 1;
}

const char *mm_column_str(const struct mm_column *c, size_t i, size_t *len)
{
	*len = 0;
	return mm_column_is_str(c) ? mm_column_row(c, i, len) : NULL;
}

/* ---- columns as a caller needs them ---- */

int mm_segment_want(const struct mm_segment *seg, const char *name,
		    enum mm_dtype dtype, bool ragged, int rank,
		    const size_t *dim, const struct mm_column **c,
		    struct mm_err *err)
{
	const struct mm_tensor *t;
	struct mm_tensor one;

	if (!(*c = mm_segment_find(seg, name)))
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s' byte %llu: there is no column '%s'",
			       seg->path, ull(seg->offset), name);
	t = &(*c)->items;
	if (!(*c)->ends == ragged)
		return mm_fail(
			err, MM_ERR_SHAPE,
			"'%s' byte %llu: column '%s' must%s have '%s.ends'",
			seg->path, ull(seg->offset), name, ragged ? "" : " not",
			name);
	one = *t;
	one.rank = t->rank - 1;
	memmove(one.dim, t->dim + 1, (size_t)one.rank * sizeof(*one.dim));
	if (rank < 0 && t->dtype == dtype)
		return MM_OK;
	if (mm_tensor_expect(&one, dtype, rank < 0 ? one.rank : rank,
			     rank < 0 ? one.dim : dim, err))
		return mm_fail_ctx(err, "'%s' byte %llu: a sample's column",
				   seg->path, ull(seg->offset));
	return MM_OK;
}

int mm_segment_want_str(const struct mm_segment *seg, const char *name,
			const struct mm_column **c, struct mm_err *err)
{
	return mm_segment_want(seg, name, MM_U8, true, 0, NULL, c, err);
}
