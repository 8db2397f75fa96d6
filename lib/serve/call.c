/* call.c - see call.h. */
#include "serve/call.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/utf8.h"

/* ---- data URIs (RFC 2397) ---- */

static bool starts(const char *s, size_t n, const char *with)
{
	const size_t m = strlen(with);

	return n >= m && !strncasecmp(s, with, m);
}

bool mm_data_uri(struct mm_span *base64, const char *s, size_t n, int *rc,
		 struct mm_err *err)
{
	const char *comma;
	size_t head;

	if (!starts(s, n, "data:"))
		return false;
	comma = memchr(s, ',', n < 512 ? n : 512);
	head = comma ? (size_t)(comma - s) : 0;
	if (!comma)
		*rc = mm_fail(err, MM_ERR_FORMAT, "a data URI without a comma");
	else if (!starts(s + 5, head - 5, "image/"))
		*rc = mm_fail(err, MM_ERR_FORMAT,
			      "a data URI of another type than image/...");
	else if (head < 7 || strncasecmp(comma - 7, ";base64", 7))
		*rc = mm_fail(err, MM_ERR_FORMAT,
			      "a data URI that is not in base64");
	else
		*rc = MM_OK;
	if (comma)
		*base64 = (struct mm_span){ comma + 1, n - head - 1 };
	return true;
}

/* ---- inputs ---- */

static int add(struct mm_call *c, const struct mm_input *in,
	       const struct mm_call_limits *limits, struct mm_problem *p)
{
	if (c->n == limits->inputs)
		return mm_problem_set(p, 422, in->name,
				      "more than %zu pictures and texts in one "
				      "request",
				      limits->inputs);
	if (c->n == c->cap) {
		const size_t cap = c->cap * 2 + 4;
		struct mm_input *more =
			mm_realloc(c->input, cap, sizeof(*more));

		if (!more)
			return mm_problem_set(p, 500, NULL, "out of memory");
		c->input = more;
		c->cap = cap;
	}
	c->input[c->n++] = *in;
	c->n_images += in->image;
	return 0;
}

static int add_text(struct mm_call *c, struct mm_input *in,
		    const struct mm_call_limits *limits, struct mm_problem *p)
{
	const char *s = in->data.at;
	const size_t n = in->data.len;

	if (n > limits->text_bytes)
		return mm_problem_set(p, 422, in->name,
				      "a text of %zu bytes; %zu are taken", n,
				      limits->text_bytes);
	if (mm_utf8_prefix(s, n) != n || memchr(s, '\0', n))
		return mm_problem_set(p, 422, in->name,
				      "the text is not UTF-8 or has a NUL");
	return add(c, in, limits, p);
}

/* A picture as a JSON string: a data URI or base64 alone. */
static int add_picture(struct mm_call *c, struct mm_input *in,
		       const struct mm_call_limits *limits,
		       struct mm_problem *p)
{
	const struct mm_span s = in->data;
	struct mm_err err;
	int rc = MM_OK;

	in->image = in->base64 = true;
	if (mm_data_uri(&in->data, s.at, s.len, &rc, &err) && rc)
		return mm_problem_from(p, 422, in->name, &err);
	if (starts(s.at, s.len, "http:") || starts(s.at, s.len, "https:") ||
	    starts(s.at, s.len, "file:"))
		return mm_problem_set(p, 422, in->name,
				      "URLs are not fetched; send the picture "
				      "as base64 or as a data URI");
	if (!in->data.len)
		return mm_problem_set(p, 422, in->name, "an empty picture");
	return add(c, in, limits, p);
}

/* ---- JSON ---- */

enum what { TEXT, IMAGE, EITHER };

static int add_value(struct mm_call *c, const struct mm_json *v,
		     struct mm_input *in, enum what what,
		     const struct mm_call_limits *limits, struct mm_problem *p)
{
	const struct mm_json *text = mm_json_get(v, "text");
	const struct mm_json *image = mm_json_get(v, "image");
	const bool object = mm_json_type(v) == MM_JSON_OBJECT;

	if (object && what == EITHER && mm_json_size(v) == 1 &&
	    (text || image)) {
		v = text ? text : image;
		what = text ? TEXT : IMAGE;
	}
	if (mm_json_type(v) != MM_JSON_STRING)
		return mm_problem_set(
			p, 422, in->name, "'%s' must be %s, not %s", in->name,
			what == EITHER ? "a string, {\"text\": ...} or "
					 "{\"image\": ...}"
				       : "a string",
			mm_json_type_name(v));
	in->data =
		mm_lift_find(&c->lift, (struct mm_span){ mm_json_str(v, ""),
							 mm_json_str_len(v) });
	if (what == EITHER)
		what = starts(in->data.at, in->data.len, "data:image/") ? IMAGE
									: TEXT;
	return what == IMAGE ? add_picture(c, in, limits, p)
			     : add_text(c, in, limits, p);
}

/* Member `key`: one value or a list. */
static int add_member(struct mm_call *c, const char *key, enum what what,
		      const struct mm_call_limits *limits, struct mm_problem *p)
{
	const struct mm_json *v = mm_json_get(c->json, key);
	struct mm_input in;
	int rc = 0;

	memset(&in, 0, sizeof(in));
	snprintf(in.name, sizeof(in.name), "%s", key);
	if (!v || mm_json_type(v) == MM_JSON_NULL)
		return 0;
	if (mm_json_type(v) != MM_JSON_ARRAY)
		return add_value(c, v, &in, what, limits, p);
	if (!mm_json_size(v))
		return mm_problem_set(p, 422, key, "'%s' is an empty list",
				      key);
	for (size_t i = 0; i < mm_json_size(v) && !rc; i++) {
		memset(&in, 0, sizeof(in));
		snprintf(in.name, sizeof(in.name), "%s[%zu]", key, i);
		rc = add_value(c, mm_json_at(v, i), &in, what, limits, p);
	}
	return rc;
}

/* The body as an object, with a `model` that is served here. */
static int read_object(struct mm_call *c, const char *body, size_t n,
		       const struct mm_call_limits *limits,
		       struct mm_problem *p)
{
	struct mm_err err;
	const char *model = limits->model;

	/* What is wrong has its place told in the body as it came. */
	if ((!mm_lift_strings(&c->lift, body, n) ||
	     mm_json_parse(&c->json, c->lift.rest.data, c->lift.rest.len,
			   "body", NULL))) {
		mm_lift_release(&c->lift);
		if (mm_json_parse(&c->json, body, n, "body", &err))
			return mm_problem_from(p, 400, NULL, &err);
	}
	if (mm_json_type(c->json) != MM_JSON_OBJECT)
		return mm_problem_set(p, 422, NULL,
				      "the body must be an object, not %s",
				      mm_json_type_name(c->json));
	if (mm_json_want_str(c->json, "model", &model, &err))
		return mm_problem_from(p, 422, "model", &err);
	if (strcmp(model, limits->model))
		return mm_problem_set(p, 404, "model",
				      "no model '%s' here; '%s' is served",
				      model, limits->model);
	return 0;
}

static int read_k(struct mm_call *c, struct mm_problem *p)
{
	struct mm_err err;

	if (mm_json_want_int(c->json, "k", 1, 1000, &c->k, &err))
		return mm_problem_from(p, 422, "k", &err);
	return 0;
}

/* ---- multipart ---- */

struct form {
	struct mm_call *c;
	const struct mm_call_limits *limits;
	struct mm_problem *p;
	size_t images, texts;
};

static bool named(const struct mm_part *part, const char *a, const char *b,
		  const char *c)
{
	const char *const names[] = { a, b, c };

	for (int i = 0; i < 3; i++)
		if (part->name.len == strlen(names[i]) &&
		    !memcmp(part->name.at, names[i], part->name.len))
			return true;
	return false;
}

static int form_k(struct form *f, struct mm_span digits)
{
	int64_t k = 0;

	for (size_t i = 0; i < digits.len; i++) {
		const char c = digits.at[i];

		if (c < '0' || c > '9' || k > 1000)
			return mm_problem_set(f->p, 422, "k",
					      "'k' must be in 1..1000");
		k = k * 10 + (c - '0');
	}
	if (k < 1 || k > 1000)
		return mm_problem_set(f->p, 422, "k", "'k' must be in 1..1000");
	f->c->k = k;
	return 0;
}

static int form_model(struct form *f, struct mm_span name)
{
	if (name.len == strlen(f->limits->model) &&
	    !memcmp(name.at, f->limits->model, name.len))
		return 0;
	return mm_problem_set(f->p, 404, "model",
			      "no such model here; '%s' is served",
			      f->limits->model);
}

/* Fields of other names are left to other programs. */
static int form_part(void *ctx, const struct mm_part *part, struct mm_err *err)
{
	struct form *f = ctx;
	struct mm_input in;

	(void)err; /* what fails here is told in f->p */
	memset(&in, 0, sizeof(in));
	in.data = part->data;
	if (named(part, "image", "images", "image[]")) {
		in.image = true;
		snprintf(in.name, sizeof(in.name), "image[%zu]", f->images++);
		if (!in.data.len)
			return mm_problem_set(f->p, 422, in.name,
					      "an empty picture");
		/* A form without a file, with a data URI as its value. */
		if (!part->filename.at &&
		    starts(in.data.at, in.data.len, "data:"))
			return add_picture(f->c, &in, f->limits, f->p);
		return add(f->c, &in, f->limits, f->p);
	}
	if (named(part, "text", "texts", "text[]")) {
		snprintf(in.name, sizeof(in.name), "text[%zu]", f->texts++);
		return add_text(f->c, &in, f->limits, f->p);
	}
	if (named(part, "k", "k", "k"))
		return form_k(f, part->data);
	if (named(part, "model", "model", "model"))
		return form_model(f, part->data);
	return 0;
}

static int read_form(struct mm_call *c, const char *content_type,
		     const char *body, size_t n,
		     const struct mm_call_limits *limits, struct mm_problem *p)
{
	struct form f = { c, limits, p, 0, 0 };
	struct mm_span boundary;
	struct mm_err err;
	int rc = mm_multipart_boundary(&boundary, content_type, &err);

	if (!rc)
		rc = mm_multipart_parse(body, n, boundary, form_part, &f, &err);
	if (rc > 0)
		return rc; /* form_part's */
	return rc ? mm_problem_from(p, 400, NULL, &err) : 0;
}

/* Pictures first. */
static int sort(struct mm_call *c, struct mm_problem *p)
{
	struct mm_input *to = mm_malloc(c->n, sizeof(*to));
	size_t image = 0, text = c->n_images;

	if (!to)
		return mm_problem_set(p, 500, NULL, "out of memory");
	for (size_t i = 0; i < c->n; i++)
		to[c->input[i].image ? image++ : text++] = c->input[i];
	mm_free(c->input);
	c->input = to;
	return 0;
}

/* ---- calls ---- */

static int wrong_type(struct mm_problem *p, const char *content_type,
		      const char *wanted)
{
	if (!content_type)
		return mm_problem_set(p, 415, NULL,
				      "no Content-Type; %s is taken here",
				      wanted);
	return mm_problem_set(p, 415, NULL,
			      "the Content-Type '%.100s' is not taken here; %s "
			      "is",
			      content_type, wanted);
}

static int read_format(struct mm_call *c, const struct mm_call_limits *limits,
		       enum what *what, struct mm_problem *p)
{
	const char *format = "float", *modality = "";
	int64_t D = (int64_t)limits->embed_dim;
	struct mm_err err;

	if (mm_json_want_str(c->json, "encoding_format", &format, &err))
		return mm_problem_from(p, 422, "encoding_format", &err);
	c->base64 = !strcmp(format, "base64");
	if (!c->base64 && strcmp(format, "float"))
		return mm_problem_set(p, 422, "encoding_format",
				      "'encoding_format' must be 'float' or "
				      "'base64'");
	if (mm_json_want_int(c->json, "dimensions", D, D, &D, &err))
		return mm_problem_from(p, 422, "dimensions", &err);
	if (mm_json_want_str(c->json, "modality", &modality, &err))
		return mm_problem_from(p, 422, "modality", &err);
	*what = !strcmp(modality, "text")    ? TEXT
		: !strcmp(modality, "image") ? IMAGE
					     : EITHER;
	if (*what == EITHER && modality[0])
		return mm_problem_set(p, 422, "modality",
				      "'modality' must be 'text' or 'image'");
	return 0;
}

int mm_call_embeddings(struct mm_call *c, const char *content_type,
		       const char *body, size_t n,
		       const struct mm_call_limits *limits,
		       struct mm_problem *p)
{
	enum what what = EITHER;
	int rc;

	memset(c, 0, sizeof(*c));
	if (!content_type ||
	    !mm_media_type_is(content_type, "application/json"))
		return wrong_type(p, content_type, "application/json");
	if ((rc = read_object(c, body, n, limits, p)) ||
	    (rc = read_format(c, limits, &what, p)) ||
	    (rc = add_member(c, "input", what, limits, p)))
		return rc;
	return c->n ? 0 : mm_problem_set(p, 422, "input", "'input' is missing");
}

/* Both forms of a body with image and text. */
static int read_both(struct mm_call *c, const char *content_type,
		     const char *body, size_t n,
		     const struct mm_call_limits *limits, struct mm_problem *p)
{
	int rc;

	memset(c, 0, sizeof(*c));
	if (content_type &&
	    mm_media_type_is(content_type, "multipart/form-data")) {
		rc = read_form(c, content_type, body, n, limits, p);
		return rc || !c->n ? rc : sort(c, p);
	}
	if (!content_type ||
	    !mm_media_type_is(content_type, "application/json"))
		return wrong_type(p, content_type,
				  "multipart/form-data or application/json");
	if ((rc = read_object(c, body, n, limits, p)) || (rc = read_k(c, p)) ||
	    (rc = add_member(c, "image", IMAGE, limits, p)))
		return rc;
	return add_member(c, "text", TEXT, limits, p);
}

int mm_call_inference(struct mm_call *c, const char *content_type,
		      const char *body, size_t n,
		      const struct mm_call_limits *limits, struct mm_problem *p)
{
	const int rc = read_both(c, content_type, body, n, limits, p);

	if (rc)
		return rc;
	if (!c->n_images)
		return mm_problem_set(p, 422, "image", "'image' is missing");
	if (c->n == c->n_images)
		return mm_problem_set(p, 422, "text", "'text' is missing");
	return 0;
}

int mm_call_search(struct mm_call *c, const char *content_type,
		   const char *body, size_t n,
		   const struct mm_call_limits *limits, struct mm_problem *p)
{
	const int rc = read_both(c, content_type, body, n, limits, p);

	if (rc)
		return rc;
	if (c->n != 1)
		return mm_problem_set(p, 422, NULL,
				      "one 'text' or one 'image' is searched "
				      "for, not %zu",
				      c->n);
	if (!c->k)
		c->k = 10;
	return 0;
}

void mm_call_release(struct mm_call *c)
{
	mm_free(c->input);
	mm_json_free(c->json);
	mm_lift_release(&c->lift);
	memset(c, 0, sizeof(*c));
}
