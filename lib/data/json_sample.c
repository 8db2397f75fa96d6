/* json_sample.c - see json_sample.h. */
#include "data/json_sample.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

const struct mm_json *mm_json_field(struct mm_input *in,
				    const struct mm_json *object,
				    enum mm_field f)
{
	const char *const *names = mm_field_names(in, f);

	for (; *names; names++) {
		const struct mm_json *v = mm_json_get(object, *names);

		if (v && mm_json_type(v) != MM_JSON_NULL)
			return v;
	}
	return NULL;
}

int mm_json_keep(struct mm_input *in, struct mm_str *out,
		 const struct mm_json *v, const char *what, struct mm_err *err)
{
	char number[32];

	switch (mm_json_type(v)) {
	case MM_JSON_ABSENT: *out = (struct mm_str){ 0 }; return MM_OK;
	case MM_JSON_STRING:
		return mm_input_keep(in, out, mm_json_str(v, ""),
				     mm_json_str_len(v), err);
	case MM_JSON_INT:
		snprintf(number, sizeof(number), "%" PRId64, mm_json_int(v, 0));
		return mm_input_keep(in, out, number, strlen(number), err);
	default:
		return mm_fail(err, MM_ERR_FORMAT,
			       "its %s must be a string, not %s", what,
			       mm_json_type_name(v));
	}
}

size_t mm_json_n_captions(struct mm_input *in, const struct mm_json *object)
{
	const struct mm_json *v = mm_json_field(in, object, MM_FIELD_TEXT);

	return mm_json_type(v) == MM_JSON_ARRAY ? mm_json_size(v) : v != NULL;
}

static int set_label(struct mm_input *in, struct mm_sample *s,
		     const struct mm_json *v, struct mm_err *err)
{
	struct mm_str text;
	int rc = mm_json_keep(in, &text, v, "label", err);

	if (rc || !text.str)
		return rc;
	return mm_input_label(in, s, text.str, text.len, err);
}

static int set_time(struct mm_input *in, struct mm_sample *s,
		    const struct mm_json *object, struct mm_err *err)
{
	const struct mm_json *pair = mm_json_get(object, "time");
	const struct mm_json *v[2];

	v[0] = mm_json_at(pair, 0);
	v[1] = mm_json_at(pair, 1);
	if (!pair || mm_json_type(pair) == MM_JSON_NULL) {
		v[0] = mm_json_field(in, object, MM_FIELD_START);
		v[1] = mm_json_field(in, object, MM_FIELD_END);
		if (!v[0] || !v[1])
			return MM_OK;
	} else if (mm_json_size(pair) != 2) {
		return mm_fail(err, MM_ERR_FORMAT,
			       "its time must be [begin, end]");
	}
	for (int i = 0; i < 2; i++) {
		s->time[i] = mm_json_num(v[i], (double)NAN);
		if (!isfinite(s->time[i]))
			return mm_fail(err, MM_ERR_FORMAT,
				       "its time must be numbers");
	}
	s->has_time = true;
	return MM_OK;
}

static int set_phrases(struct mm_input *in, struct mm_sample *s,
		       const struct mm_json *list, struct mm_err *err)
{
	struct mm_str *phrase;
	int rc = MM_OK;

	if (!list || mm_json_type(list) == MM_JSON_NULL)
		return MM_OK;
	if (mm_json_type(list) != MM_JSON_ARRAY ||
	    mm_json_size(list) != s->n_boxes)
		return mm_fail(err, MM_ERR_FORMAT,
			       "its phrases must be a list as long as its "
			       "boxes");
	phrase = mm_arena_alloc(&in->all->text, s->n_boxes, sizeof(*phrase));
	if (!phrase)
		return mm_fail_nomem(err, "phrases");
	for (size_t i = 0; i < s->n_boxes && !rc; i++)
		rc = mm_json_keep(in, &phrase[i], mm_json_at(list, i), "phrase",
				  err);
	s->phrases = phrase;
	return rc;
}

static int set_boxes(struct mm_input *in, struct mm_sample *s,
		     const struct mm_json *object, struct mm_err *err)
{
	const struct mm_json *list = mm_json_get(object, "boxes");
	float *boxes;

	if (!list || mm_json_type(list) == MM_JSON_NULL)
		return MM_OK;
	if (mm_json_type(list) != MM_JSON_ARRAY)
		return mm_fail(err, MM_ERR_FORMAT, "its boxes must be a list");
	s->n_boxes = mm_json_size(list);
	boxes = mm_arena_alloc(&in->all->text, 4 * s->n_boxes, sizeof(*boxes));
	if (!boxes)
		return mm_fail_nomem(err, "boxes");
	for (size_t i = 0; i < 4 * s->n_boxes; i++) {
		const struct mm_json *box = mm_json_at(list, i / 4);
		const double x =
			mm_json_num(mm_json_at(box, i % 4), (double)NAN);

		if (!isfinite(x) || fabs(x) > 1e9 || mm_json_size(box) != 4)
			return mm_fail(err, MM_ERR_FORMAT,
				       "its box %zu must be four numbers",
				       i / 4);
		boxes[i] = (float)x;
	}
	s->boxes = boxes;
	s->has_boxes = true;
	return set_phrases(in, s, mm_json_get(object, "phrases"), err);
}

int mm_json_sample(struct mm_input *in, struct mm_sample *s,
		   const struct mm_json *object, size_t i, struct mm_err *err)
{
	const struct mm_json *text = mm_json_field(in, object, MM_FIELD_TEXT);
	int rc;

	if (mm_json_type(text) == MM_JSON_ARRAY)
		text = mm_json_at(text, i);
	if ((rc = mm_json_keep(in, &s->text, text, "text", err)) ||
	    (rc = set_label(in, s, mm_json_field(in, object, MM_FIELD_LABEL),
			    err)) ||
	    (rc = set_time(in, s, object, err)))
		return rc;
	return set_boxes(in, s, object, err);
}
