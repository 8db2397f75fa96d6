/* caption_file.c - files of captions, one or several per image. */
#include <stdint.h>
#include <string.h>

#include "base/io.h"
#include "base/json.h"
#include "base/mem.h"
#include "metric/caption_file.h"

/* Captions as they are met: image by image only after sorting. */
struct pending {
	struct mm_captions *c;
	const char *name;
	bool single;
	struct mm_lines text;
	size_t *image; /* [text.n] whose caption it is */
	size_t cap;
};

static void pending_release(struct pending *p)
{
	mm_lines_release(&p->text);
	mm_free(p->image);
}

/* The number of the image called id, made where it is new. */
static int image_of(struct pending *p, const char *id, size_t len,
		    size_t *image, bool *added, struct mm_err *err)
{
	int64_t *value = mm_map_put(&p->c->index, id, len, added);

	if (!value)
		return mm_fail_nomem(err, "captions");
	if (*added) {
		*value = (int64_t)p->c->id.n;
		*image = p->c->id.n;
		return mm_lines_add(&p->c->id, id, len, err);
	}
	*image = (size_t)*value;
	return 0;
}

static int add_caption(struct pending *p, size_t image, const char *s,
		       size_t len, struct mm_err *err)
{
	if (p->text.n == p->cap) {
		size_t cap = p->cap ? 2 * p->cap : 1024;
		size_t *grown = mm_realloc(p->image, cap, sizeof(*grown));

		if (!grown)
			return mm_fail_nomem(err, "captions");
		p->image = grown;
		p->cap = cap;
	}
	p->image[p->text.n] = image;
	return mm_lines_add(&p->text, s, len, err);
}

/* Counting sort by image: stable, so captions keep their order. */
static int sort_captions(struct pending *p, struct mm_err *err)
{
	struct mm_captions *c = p->c;
	size_t n = p->text.n, *order = mm_malloc(n, sizeof(*order));
	int rc = 0;

	c->first = mm_calloc(c->id.n + 2, sizeof(*c->first));
	if (!order || !c->first) {
		mm_free(order);
		return mm_fail_nomem(err, "captions");
	}
	/* first[i + 2] counts, then first[i + 1] is where to put the next. */
	for (size_t i = 0; i < n; i++)
		c->first[p->image[i] + 2]++;
	for (size_t i = 2; i < c->id.n + 2; i++)
		c->first[i] += c->first[i - 1];
	for (size_t i = 0; i < n; i++)
		order[c->first[p->image[i] + 1]++] = i;
	for (size_t i = 0; !rc && i < n; i++) {
		struct mm_line s = mm_lines_at(&p->text, order[i]);

		rc = mm_lines_add(&c->text, s.s, s.len, err);
	}
	mm_free(order);
	return rc;
}

/* ---- JSON ---- */

/* The text of an id: a string or a whole number. */
static int id_text(const struct mm_json *v, char digits[32], const char **id,
		   size_t *len, struct mm_err *err)
{
	struct mm_buf number;

	if (mm_json_type(v) == MM_JSON_STRING) {
		*id = mm_json_str(v, "");
		*len = mm_json_str_len(v);
		return 0;
	}
	if (mm_json_type(v) != MM_JSON_INT)
		return mm_fail(err, MM_ERR_FORMAT,
			       "a number or a string expected, not %s",
			       mm_json_type_name(v));
	mm_buf_init(&number);
	mm_buf_printf(&number, "%lld", (long long)mm_json_int(v, 0));
	*len = number.len < 31 ? number.len : 31;
	memcpy(digits, mm_buf_str(&number), *len);
	digits[*len] = 0;
	mm_buf_release(&number);
	*id = digits;
	return 0;
}

static int second_caption(const struct pending *p, size_t image,
			  struct mm_err *err)
{
	struct mm_line id = mm_lines_at(&p->c->id, image);

	return mm_fail(err, MM_ERR_FORMAT, "a second caption for image '%.*s'",
		       (int)id.len, id.s);
}

/* {"image_id": 7, "caption": "..."} */
static int add_record(struct pending *p, const struct mm_json *record,
		      struct mm_err *err)
{
	const struct mm_json *caption = mm_json_get(record, "caption");
	char digits[32];
	const char *id;
	bool added;
	size_t len, image;
	int rc;

	if (mm_json_type(record) != MM_JSON_OBJECT)
		return mm_fail(err, MM_ERR_FORMAT, "an object expected, not %s",
			       mm_json_type_name(record));
	rc = id_text(mm_json_get(record, "image_id"), digits, &id, &len, err);
	if (rc)
		return mm_fail_ctx(err, "key 'image_id'");
	if (mm_json_type(caption) != MM_JSON_STRING)
		return mm_fail(err, MM_ERR_FORMAT,
			       "key 'caption': a string expected, not %s",
			       mm_json_type_name(caption));
	rc = image_of(p, id, len, &image, &added, err);
	if (!rc && p->single && !added)
		rc = second_caption(p, image, err);
	if (rc)
		return rc;
	return add_caption(p, image, mm_json_str(caption, ""),
			   mm_json_str_len(caption), err);
}

static int add_records(struct pending *p, const struct mm_json *list,
		       const char *what, struct mm_err *err)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < mm_json_size(list); i++) {
		rc = add_record(p, mm_json_at(list, i), err);
		if (rc)
			mm_fail_ctx(err, "%selement %zu", what, i);
	}
	return rc;
}

/* The order of images is that of "images", where there is one. */
static int add_images(struct pending *p, const struct mm_json *images,
		      struct mm_err *err)
{
	int rc = 0;

	if (mm_json_type(images) != MM_JSON_ABSENT &&
	    mm_json_type(images) != MM_JSON_ARRAY)
		return mm_fail(err, MM_ERR_FORMAT,
			       "key 'images': an array expected, not %s",
			       mm_json_type_name(images));
	for (size_t i = 0; !rc && i < mm_json_size(images); i++) {
		const struct mm_json *v =
			mm_json_get(mm_json_at(images, i), "id");
		char digits[32];
		const char *id;
		bool added;
		size_t len, image;

		rc = id_text(v, digits, &id, &len, err);
		if (!rc)
			rc = image_of(p, id, len, &image, &added, err);
		if (rc)
			return mm_fail_ctx(
				err, "key 'images', element %zu, key 'id'", i);
	}
	return rc;
}

/* "..." or an array of such, or of {"caption": "..."}. */
static int add_value(struct pending *p, size_t image, const struct mm_json *v,
		     struct mm_err *err)
{
	const struct mm_json *text = v;

	if (mm_json_type(v) == MM_JSON_OBJECT)
		text = mm_json_get(v, "caption");
	if (mm_json_type(text) != MM_JSON_STRING)
		return mm_fail(err, MM_ERR_FORMAT, "a caption expected, not %s",
			       mm_json_type_name(v));
	return add_caption(p, image, mm_json_str(text, ""),
			   mm_json_str_len(text), err);
}

static int add_by_id(struct pending *p, const struct mm_json *object,
		     struct mm_err *err)
{
	const struct mm_json *v;
	const char *key;
	void *it = NULL;
	int rc = 0;

	while (!rc && mm_json_next(object, &it, &key, &v)) {
		bool added;
		size_t image;

		rc = image_of(p, key, strlen(key), &image, &added, err);
		if (rc)
			return rc;
		if (mm_json_type(v) != MM_JSON_ARRAY) {
			rc = add_value(p, image, v, err);
		} else if (p->single && mm_json_size(v) > 1) {
			rc = second_caption(p, image, err);
		} else {
			for (size_t i = 0; !rc && i < mm_json_size(v); i++)
				rc = add_value(p, image, mm_json_at(v, i), err);
		}
		if (rc)
			mm_fail_ctx(err, "key '%s'", key);
	}
	return rc;
}

static int read_json(struct pending *p, const char *text, size_t len,
		     struct mm_err *err)
{
	const struct mm_json *list;
	struct mm_json *root;
	int rc = mm_json_parse(&root, text, len, p->name, err);

	if (rc)
		return rc;
	list = mm_json_get(root, "annotations");
	if (mm_json_type(root) == MM_JSON_ARRAY) {
		rc = add_records(p, root, "", err);
	} else if (mm_json_type(root) != MM_JSON_OBJECT) {
		rc = mm_fail(err, MM_ERR_FORMAT,
			     "an array or an object of captions expected, "
			     "not %s",
			     mm_json_type_name(root));
	} else if (mm_json_type(list) == MM_JSON_ARRAY) {
		rc = add_images(p, mm_json_get(root, "images"), err);
		if (!rc)
			rc = add_records(p, list, "key 'annotations', ", err);
	} else {
		rc = add_by_id(p, root, err);
	}
	mm_json_free(root);
	return rc ? mm_fail_ctx(err, "'%s'", p->name) : 0;
}

/* ---- lines ---- */

static int add_line(struct pending *p, struct mm_line line, struct mm_err *err)
{
	struct mm_buf id;
	size_t image;
	bool added;
	int rc;

	mm_buf_init(&id);
	mm_buf_printf(&id, "%zu", p->c->id.n + 1);
	rc = image_of(p, mm_buf_str(&id), id.len, &image, &added, err);
	mm_buf_release(&id);
	while (!rc) {
		const char *tab =
			p->single ? NULL : memchr(line.s, '\t', line.len);
		size_t n = tab ? (size_t)(tab - line.s) : line.len;

		rc = add_caption(p, image, line.s, n, err);
		if (!tab)
			break;
		line.s += n + 1;
		line.len -= n + 1;
	}
	return rc;
}

static int read_lines(struct pending *p, const char *text, size_t len,
		      struct mm_err *err)
{
	struct mm_lines lines = { 0 };
	int rc = mm_lines_parse(&lines, text, len, p->name, err);

	for (size_t i = 0; !rc && i < lines.n; i++)
		rc = add_line(p, mm_lines_at(&lines, i), err);
	mm_lines_release(&lines);
	return rc;
}

/* ---- either ---- */

/* By its name or, failing that, by brackets around everything. */
static bool looks_like_json(const char *text, size_t len, const char *name)
{
	size_t n = strlen(name), first = 0;

	if (n >= 5 && !strcmp(name + n - 5, ".json"))
		return true;
	while (first < len && strchr(" \t\r\n", text[first]) && text[first])
		first++;
	while (len > first && strchr(" \t\r\n", text[len - 1]) && text[len - 1])
		len--;
	if (len < first + 2)
		return false;
	return (text[first] == '{' && text[len - 1] == '}') ||
	       (text[first] == '[' && text[len - 1] == ']');
}

int mm_captions_parse(struct mm_captions *c, const char *text, size_t len,
		      const char *name, enum mm_caption_format format,
		      bool single, struct mm_err *err)
{
	struct pending p = { .c = c, .name = name, .single = single };
	bool json = format == MM_CAPTION_JSON;
	int rc;

	memset(c, 0, sizeof(*c));
	mm_map_init(&c->index);
	if (format == MM_CAPTION_AUTO)
		json = looks_like_json(text, len, name);
	rc = json ? read_json(&p, text, len, err)
		  : read_lines(&p, text, len, err);
	if (!rc)
		rc = sort_captions(&p, err);
	pending_release(&p);
	return rc;
}

int mm_captions_load(struct mm_captions *c, const char *path,
		     enum mm_caption_format format, bool single,
		     struct mm_err *err)
{
	const char *name = strcmp(path, "-") ? path : "standard input";
	struct mm_file file;
	int rc;

	memset(c, 0, sizeof(*c));
	rc = mm_file_open(&file, path, err);
	if (rc)
		return rc;
	rc = mm_captions_parse(c, (const char *)file.data, file.size, name,
			       format, single, err);
	mm_file_release(&file);
	return rc;
}

void mm_captions_release(struct mm_captions *c)
{
	mm_lines_release(&c->text);
	mm_lines_release(&c->id);
	mm_map_release(&c->index);
	mm_free(c->first);
	memset(c, 0, sizeof(*c));
}

static size_t n_captions(const struct mm_captions *c, struct mm_line id)
{
	const int64_t *i = mm_map_find(&c->index, id.s, id.len);

	return i ? c->first[*i + 1] - c->first[*i] : 0;
}

int mm_captions_match(const struct mm_captions *refs,
		      const struct mm_captions *hyps, bool subset,
		      struct mm_buf *list, struct mm_err *err)
{
	size_t missing = 0, extra = 0;

	for (size_t i = 0; !subset && i < refs->id.n; i++) {
		struct mm_line id = mm_lines_at(&refs->id, i);

		if (n_captions(hyps, id))
			continue;
		mm_buf_printf(list, "%.*s: no hypothesis\n", (int)id.len, id.s);
		missing++;
	}
	for (size_t i = 0; i < hyps->id.n; i++) {
		struct mm_line id = mm_lines_at(&hyps->id, i);

		if (hyps->first[i] == hyps->first[i + 1] ||
		    n_captions(refs, id))
			continue;
		mm_buf_printf(list, "%.*s: no reference\n", (int)id.len, id.s);
		extra++;
	}
	if (missing || extra)
		return mm_fail(err, MM_ERR_REFUSED,
			       "%zu images without hypothesis, %zu "
			       "hypotheses without reference",
			       missing, extra);
	return 0;
}
