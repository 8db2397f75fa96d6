/*
 * view_tar.c - mmtool view --to webdataset: a stream as a tar.
 *
 * A sample is members with one key, its id:
 *
 *	KEY.jpg|png|webp	image.data or the file image.path as they are,
 *				else the pixels of `image` as PNG
 *	KEY.txt			text
 *	KEY.cls			label
 *	KEY.json		all other columns by name; phrases as a list;
 *				the id, where the key differs from it
 *
 * A key ends at the first dot of its last part, so dots there are written
 * %2E; '%' becomes %25, control characters likewise.
 */
#include <inttypes.h>
#include <string.h>

#include "base/tar.h"
#include "data/picture.h"
#include "image/encode.h"
#include "view.h"

struct tar {
	const struct view_args *args;
	struct mm_writer out;
	const struct mm_segment *seg;
	size_t i; /* row in it */
	struct mm_buf key, name, body;
	struct mm_image rgb;
};

static const char *text_of(const struct tar *t, const char *column, size_t *n)
{
	return mm_column_str(mm_segment_find(t->seg, column), t->i, n);
}

/* One part of a path; the last one has no dots of its own. */
static void encode(struct mm_buf *out, const char *s, size_t n, bool last)
{
	const bool dots = n && n < 3 && s[0] == '.' && s[n - 1] == '.';
	const bool meta = n >= 4 && !memcmp(s, "__", 2);

	for (size_t i = 0; i < n; i++) {
		const unsigned char c = (unsigned char)s[i];

		if (c < ' ' || c == '%' || c == 0x7f ||
		    (c == '.' && (last || dots)) || (meta && !i))
			mm_buf_printf(out, "%%%02X", c);
		else
			mm_buf_addc(out, (char)c);
	}
}

static int set_key(struct tar *t, struct mm_err *err)
{
	size_t n, at = 0;
	const char *id = text_of(t, "id", &n);

	mm_buf_clear(&t->key);
	if (!id)
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s' byte %llu: there is no column 'id'",
			       t->seg->path,
			       (unsigned long long)t->seg->offset);
	while (at < n && id[at] == '/') {
		mm_buf_adds(&t->key, "%2F");
		at++;
	}
	for (;;) {
		const char *slash = memchr(id + at, '/', n - at);
		const size_t k = slash ? (size_t)(slash - id) - at : n - at;

		encode(&t->key, id + at, k, !slash);
		if (!slash)
			break;
		mm_buf_addc(&t->key, '/');
		at += k + 1;
	}
	return mm_buf_check(&t->key, "a key", err);
}

static int member(struct tar *t, const char *extension, const void *bytes,
		  size_t n, struct mm_err *err)
{
	int rc;

	mm_buf_clear(&t->name);
	mm_buf_add(&t->name, t->key.data, t->key.len);
	mm_buf_printf(&t->name, ".%s", extension);
	if ((rc = mm_buf_check(&t->name, "a name", err)))
		return rc;
	return mm_tar_put(&t->out, t->name.data, bytes, n, err);
}

static int put_encoded(struct tar *t, const void *bytes, size_t n,
		       struct mm_err *err)
{
	static const char *const extension[] = {
		[MM_IMAGE_PNG] = "png",
		[MM_IMAGE_JPEG] = "jpg",
		[MM_IMAGE_WEBP] = "webp",
	};
	const enum mm_image_format f = mm_image_sniff(bytes, n);

	if (f == MM_IMAGE_UNKNOWN)
		return mm_fail(err, MM_ERR_FORMAT,
			       "its picture is no JPEG, PNG or WebP");
	return member(t, extension[f], bytes, n, err);
}

static int put_file(struct tar *t, const char *path, size_t n,
		    struct mm_err *err)
{
	struct mm_file f;
	int rc;

	mm_buf_clear(&t->name);
	mm_buf_add(&t->name, path, n);
	if ((rc = mm_buf_check(&t->name, "a path", err)) ||
	    (rc = mm_file_open(&f, mm_buf_str(&t->name), err)))
		return rc;
	rc = put_encoded(t, f.data, f.size, err);
	mm_file_release(&f);
	return rc;
}

static int put_picture(struct tar *t, struct mm_err *err)
{
	size_t n;
	const char *p;
	int rc;

	if ((p = text_of(t, "image.data", &n)))
		return put_encoded(t, p, n, err);
	if (!mm_segment_find(t->seg, "image"))
		return (p = text_of(t, "image.path", &n))
			       ? put_file(t, p, n, err)
			       : MM_OK;
	mm_buf_clear(&t->body);
	if ((rc = mm_picture_of(&t->rgb, t->seg, t->i, NULL, err)) ||
	    (rc = mm_image_png(&t->body, &t->rgb, err)))
		return rc;
	return member(t, "png", t->body.data, t->body.len, err);
}

/* Phrases are a line each in the stream. */
static void put_lines(struct mm_json_writer *w, const char *key, const char *s,
		      size_t n)
{
	const char *end = s + n;

	mm_json_open(w, key, '[');
	while (s < end) {
		const char *nl = memchr(s, '\n', (size_t)(end - s));

		nl = nl ? nl : end;
		mm_json_put_strn(w, NULL, s, (size_t)(nl - s));
		s = nl + 1;
	}
	mm_json_close(w);
}

static bool has_member(const char *column)
{
	static const char *const own[] = { "id",   "image", "image.data",
					   "text", "label", "image.path" };

	for (size_t k = 0; k < sizeof(own) / sizeof(own[0]); k++)
		if (!strcmp(column, own[k]))
			return true;
	return false;
}

static int put_rest(struct tar *t, struct mm_err *err)
{
	struct mm_json_writer w;
	size_t n;
	const char *s = text_of(t, "id", &n);
	bool any = false;
	int rc;

	mm_buf_clear(&t->body);
	mm_json_writer_init(&w, &t->body, 0);
	mm_json_open(&w, NULL, '{');
	if (n != t->key.len || memcmp(s, t->key.data, n)) {
		mm_json_put_strn(&w, "id", s, n);
		any = true;
	}
	for (size_t c = 0; c < t->seg->n_columns; c++) {
		const struct mm_column *col = &t->seg->column[c];

		if (has_member(col->name))
			continue;
		any = true;
		if (!strcmp(col->name, "phrases") && mm_column_is_str(col)) {
			s = mm_column_str(col, t->i, &n);
			put_lines(&w, col->name, s, n);
		} else {
			view_json(&w, col, t->i);
		}
	}
	mm_json_close(&w);
	if ((rc = mm_buf_check(&t->body, "a sample", err)) || !any)
		return rc;
	return member(t, "json", t->body.data, t->body.len, err);
}

static int put_sample(struct tar *t, struct mm_err *err)
{
	const struct mm_column *label;
	size_t n;
	const char *s;
	int64_t number;
	int rc;

	if ((rc = set_key(t, err)))
		return rc;
	if ((rc = put_picture(t, err)))
		return mm_fail_ctx(err, "'%s'", mm_buf_str(&t->key));
	if ((s = text_of(t, "text", &n)) && (rc = member(t, "txt", s, n, err)))
		return rc;
	label = mm_segment_find(t->seg, "label");
	if (label && label->items.dtype == MM_I64 && label->items.rank == 1 &&
	    !label->ends) {
		memcpy(&number, mm_column_row(label, t->i, &n), sizeof(number));
		mm_buf_clear(&t->body);
		mm_buf_printf(&t->body, "%" PRId64, number);
		if ((rc = mm_buf_check(&t->body, "a label", err)) ||
		    (rc = member(t, "cls", t->body.data, t->body.len, err)))
			return rc;
	}
	return put_rest(t, err);
}

static int put_all(struct tar *t, struct mm_stream *s, struct mm_err *err)
{
	uint64_t left = t->args->rows == MM_UNSET ? UINT64_MAX
						  : (uint64_t)t->args->rows;
	uint64_t position = 0;
	int rc;

	while (!(rc = mm_stream_next(s, &t->seg, err)) && t->seg)
		for (t->i = 0; t->i < t->seg->n && left; t->i++) {
			if (!mm_shard_has(&t->args->common.shard, position++))
				continue;
			left--;
			if ((rc = put_sample(t, err)))
				return rc;
		}
	return rc ? rc : mm_tar_end(&t->out, err);
}

int view_tar(const struct view_args *a, struct mm_stream *s, struct mm_err *err)
{
	struct tar t = { .args = a };
	const char *name = a->common.output;
	const size_t n = name ? strlen(name) : 0;
	int rc;

	if (n > 3 &&
	    (!strcmp(name + n - 3, ".gz") || !strcmp(name + n - 3, "tgz")))
		return mm_fail(err, MM_ERR_USAGE,
			       "'%s' would not be compressed; write to '-' and "
			       "pipe that into gzip",
			       name);
	if (!(rc = mm_output_open(&t.out, &a->common, true, err))) {
		if (!(rc = put_all(&t, s, err)))
			rc = mm_writer_commit(&t.out, err);
		else
			mm_writer_abort(&t.out);
	}
	mm_buf_release(&t.key);
	mm_buf_release(&t.name);
	mm_buf_release(&t.body);
	mm_image_release(&t.rgb);
	return rc;
}
