/* npz.c - see npz.h. */
#include "tensor/npz.h"

#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"

enum { MAX_HEADER = 1 << 16 };

/* The header's text, read from front to back. */
struct header {
	const char *at, *end;
	struct mm_tensor *t;
	bool fortran, big, has_descr, has_order, has_shape;
};

static int bad(struct mm_err *err, const char *what)
{
	return mm_fail(err, MM_ERR_FORMAT, "the array's header %s", what);
}

static void blanks(struct header *h)
{
	while (h->at < h->end &&
	       (*h->at == ' ' || *h->at == '\n' || *h->at == '\t'))
		h->at++;
}

/* The character c, and blanks around it. */
static bool is(struct header *h, char c)
{
	blanks(h);
	if (h->at == h->end || *h->at != c)
		return false;
	h->at++;
	blanks(h);
	return true;
}

/* 'text', cut to size - 1 bytes. */
static bool quoted(struct header *h, char *text, size_t size)
{
	const char quote = h->at < h->end ? *h->at : 0;
	const char *end;
	size_t n;

	if (quote != '\'' && quote != '"')
		return false;
	h->at++;
	end = memchr(h->at, quote, (size_t)(h->end - h->at));
	if (!end)
		return false;
	n = (size_t)(end - h->at);
	n = n < size ? n : size - 1;
	memcpy(text, h->at, n);
	text[n] = 0;
	h->at = end + 1;
	return true;
}

static bool word(struct header *h, const char *text)
{
	const size_t n = strlen(text);

	if ((size_t)(h->end - h->at) < n || memcmp(h->at, text, n))
		return false;
	h->at += n;
	return true;
}

static int read_descr(struct header *h, struct mm_err *err)
{
	static const struct {
		char name[3];
		enum mm_dtype dtype;
	} types[] = {
		{ "f8", MM_F64 }, { "f4", MM_F32 }, { "f2", MM_F16 },
		{ "i8", MM_I64 }, { "i4", MM_I32 }, { "i2", MM_I16 },
		{ "i1", MM_I8 },  { "u8", MM_U64 }, { "u4", MM_U32 },
		{ "u2", MM_U16 }, { "u1", MM_U8 },  { "b1", MM_BOOL },
	};
	char text[32];

	if (!quoted(h, text, sizeof(text)))
		return mm_fail(err, MM_ERR_REFUSED,
			       "an array of records is not supported");
	h->big = *text == '>';
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		if (!*text || !strchr("<>|=", *text) ||
		    strcmp(text + 1, types[i].name) != 0)
			continue;
		h->t->dtype = types[i].dtype;
		h->has_descr = true;
		return MM_OK;
	}
	return mm_fail(err, MM_ERR_REFUSED,
		       "an array of the type '%s' is not supported", text);
}

static int read_shape(struct header *h, struct mm_err *err)
{
	struct mm_tensor *t = h->t;

	t->rank = 0;
	if (!is(h, '('))
		return bad(err, "has no shape");
	while (!is(h, ')')) {
		size_t x = 0;

		if (t->rank == MM_MAX_RANK)
			return mm_fail(err, MM_ERR_REFUSED,
				       "an array of more than %d axes",
				       MM_MAX_RANK);
		if (h->at == h->end || *h->at < '0' || *h->at > '9')
			return bad(err, "has a size that is no number");
		while (h->at < h->end && *h->at >= '0' && *h->at <= '9')
			if (!mm_mul_ok(&x, x, 10) ||
			    !mm_add_ok(&x, x, (size_t)(*h->at++ - '0')))
				return bad(err, "has a size beyond all memory");
		t->dim[t->rank++] = x;
		if (!is(h, ',') && (h->at == h->end || *h->at != ')'))
			return bad(err, "has a shape that does not end");
	}
	h->has_shape = true;
	return MM_OK;
}

static int read_member(struct header *h, struct mm_err *err)
{
	char key[32];

	if (!quoted(h, key, sizeof(key)) || !is(h, ':'))
		return bad(err, "is no mapping");
	if (!strcmp(key, "descr") && !h->has_descr)
		return read_descr(h, err);
	if (!strcmp(key, "shape") && !h->has_shape)
		return read_shape(h, err);
	if (strcmp(key, "fortran_order") || h->has_order)
		return bad(err, "has a key too many");
	h->has_order = true;
	h->fortran = word(h, "True");
	if (!h->fortran && !word(h, "False"))
		return bad(err, "has an order that is neither True nor False");
	return MM_OK;
}

static int read_header(struct header *h, struct mm_err *err)
{
	int rc;

	if (!is(h, '{'))
		return bad(err, "is no mapping");
	while (!is(h, '}')) {
		if ((rc = read_member(h, err)))
			return rc;
		if (!is(h, ',') && (h->at == h->end || *h->at != '}'))
			return bad(err, "does not end");
	}
	if (h->at != h->end)
		return bad(err, "has text behind it");
	if (!h->has_descr || !h->has_order || !h->has_shape)
		return bad(err, "lacks type, order or shape");
	return MM_OK;
}

/* Where the header ends and the data begins. */
static int split(struct header *h, const unsigned char *p, size_t size,
		 size_t *data, struct mm_err *err)
{
	size_t len, head;

	if (size < 12 || memcmp(p, "\x93NUMPY", 6) || !p[6] || p[6] > 3)
		return mm_fail(err, MM_ERR_FORMAT, "is no array of NumPy's");
	head = p[6] == 1 ? 10 : 12;
	len = (size_t)p[8] | (size_t)p[9] << 8;
	if (p[6] > 1)
		len |= (size_t)p[10] << 16 | (size_t)p[11] << 24;
	if (len > size - head || len > MAX_HEADER)
		return bad(err, "reaches beyond the file");
	h->at = (const char *)p + head;
	h->end = h->at + len;
	*data = head + len;
	return MM_OK;
}

/* Columns first to rows first, bytes swapped where the file is big-endian. */
static void reorder(unsigned char *dst, const unsigned char *src,
		    const struct header *h, size_t n)
{
	const struct mm_tensor *t = h->t;
	const size_t size = mm_dtype_size(t->dtype);
	size_t at[MM_MAX_RANK] = { 0 }, stride[MM_MAX_RANK], step = 1;

	for (int i = 0; i < t->rank; i++) {
		const int axis = h->fortran ? i : t->rank - 1 - i;

		stride[axis] = step;
		step *= t->dim[axis];
	}
	for (size_t from = 0; n--; dst += size) {
		for (size_t k = 0; k < size; k++)
			dst[k] = src[from * size + (h->big ? size - 1 - k : k)];
		for (int i = t->rank; i--;) {
			from += stride[i];
			if (++at[i] < t->dim[i])
				break;
			from -= stride[i] * t->dim[i];
			at[i] = 0;
		}
	}
}

int mm_npy_parse(struct mm_tensor *t, const void *bytes, size_t size,
		 struct mm_arena *arena, struct mm_err *err)
{
	const unsigned char *p = bytes;
	struct header h = { .t = t };
	size_t data = 0, n, item;
	unsigned char *copy;
	int rc;

	if ((rc = split(&h, p, size, &data, err)) ||
	    (rc = read_header(&h, err)))
		return rc;
	item = mm_dtype_size(t->dtype);
	if (!mm_shape_count(&n, t->dim, t->rank) ||
	    !mm_mul_ok(&t->nbytes, n, item) || t->nbytes != size - data)
		return mm_fail(err, MM_ERR_FORMAT,
			       "the array has %zu bytes of data, not what its "
			       "shape says",
			       size - data);
	t->data = p + data;
	if (!n)
		t->data = "";
	else if (h.fortran || h.big || (uintptr_t)t->data % item) {
		if (!(copy = mm_arena_alloc(arena, n, item)))
			return mm_fail_nomem(err, "an array");
		reorder(copy, t->data, &h, n);
		t->data = copy;
	}
	return MM_OK;
}

/* ---- archives ---- */

static bool is_array(const struct mm_zip_entry *e)
{
	return e->name_len > 4 && !memcmp(e->name + e->name_len - 4, ".npy", 4);
}

bool mm_npz_is(const struct mm_zip *z)
{
	for (size_t i = 0; i < z->n; i++)
		if (!is_array(&z->entry[i]))
			return false;
	return z->n != 0;
}

int mm_npz_read(const struct mm_zip *z, struct mm_arena *arena,
		struct mm_tensor **tensor, size_t *n, struct mm_err *err)
{
	struct mm_tensor *t = mm_arena_alloc(arena, z->n, sizeof(*t));
	int rc = MM_OK;

	if (!t)
		return mm_fail_nomem(err, "a list of arrays");
	for (size_t i = 0; i < z->n && !rc; i++) {
		const struct mm_zip_entry *e = &z->entry[i];
		const size_t len = e->name_len - 4;
		const unsigned char *bytes = NULL;

		if (mm_utf8_prefix(e->name, len) != len ||
		    memchr(e->name, 0, len))
			return mm_fail(err, MM_ERR_FORMAT,
				       "the name of entry %zu is not UTF-8", i);
		if (!(t[i].name = mm_arena_strndup(arena, e->name, len)))
			return mm_fail_nomem(err, "a list of arrays");
		if ((rc = mm_zip_view(e, arena, &bytes, err)))
			return rc;
		if ((rc = mm_npy_parse(&t[i], bytes, e->size, arena, err)))
			rc = mm_fail_ctx(err, "'%s'", t[i].name);
	}
	*tensor = t;
	*n = z->n;
	return rc;
}
