/*
 * json_sample.h - a sample as a JSON object: JSON lines, and the .json member
 * of a tar.  Private to lib/data.
 *
 *	{"id": "7" or 7, "image": "7.jpg", "text": "..." or ["...", "..."],
 *	 "image_id": ..., "label": 3 or "cat", "time": [0, 1.5],
 *	 "boxes": [[x0, y0, x1, y1], ...], "phrases": ["...", ...]}
 *
 * Keys have the usual names of source_kind.h; null is as good as absent.
 */
#ifndef MM_DATA_JSON_SAMPLE_H
#define MM_DATA_JSON_SAMPLE_H

#include "base/json.h"
#include "data/source_kind.h"

/* The first of the field's names that the object has and that is not null. */
const struct mm_json *mm_json_field(struct mm_input *in,
				    const struct mm_json *object,
				    enum mm_field f);

/* A string or a whole number as text; absent for NULL. */
int mm_json_keep(struct mm_input *in, struct mm_str *out,
		 const struct mm_json *v, const char *what,
		 struct mm_err *err) MM_MUST_CHECK;

/* How many captions the object has: 0, 1, or as long as its list is. */
size_t mm_json_n_captions(struct mm_input *in, const struct mm_json *object);

/* Caption i, and label, time, boxes and phrases. */
int mm_json_sample(struct mm_input *in, struct mm_sample *s,
		   const struct mm_json *object, size_t i,
		   struct mm_err *err) MM_MUST_CHECK;

#endif
