/* dataset_part.h - what dataset.c and window.c know of a segment's columns. */
#ifndef MM_DATA_DATASET_PART_H
#define MM_DATA_DATASET_PART_H

#include "data/dataset.h"

/* A column of strings: all of them end to end. */
struct mm_strings {
	const char *text; /* NULL: there is no such column */
	const int64_t *ends;
};

struct mm_dataset_part {
	size_t first, n; /* samples first .. first + n - 1 */
	const unsigned char *pixels;
	const int32_t *ids;
	const uint8_t *mask;
	const int64_t *label;
	struct mm_strings id, image_id, text, phrases;
};

/*
 * Point p at the columns of a segment that is not empty.  The first one of d
 * tells what the data is, the others must agree.  What s does not map is
 * copied into d->arena, but for a window's data (d->window).
 */
int mm_dataset_part_take(struct mm_dataset *d, const struct mm_stream *s,
			 const struct mm_segment *seg,
			 struct mm_dataset_part *p, bool first,
			 struct mm_err *err) MM_MUST_CHECK;

/* The string of a row; *len bytes. */
const char *mm_strings_at(const struct mm_strings *s, size_t row, size_t *len);

#endif
