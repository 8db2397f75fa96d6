/*
 * time_table.h - tables (CSV, TSV) whose rows have times: cues with their
 * text, and moments: frames and events that cues are paired with.
 *
 * A header names the columns, in any order and case; a table whose first
 * record is numbers has none, and its columns are
 *
 *	cues	start, end, text
 *	moments	id, time; or id, start, end
 *
 * Times are seconds or [HH:]MM:SS.fff.
 */
#ifndef MM_ALIGN_TIME_TABLE_H
#define MM_ALIGN_TIME_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "media/cues.h"

struct mm_moment {
	double start, end; /* the same for a point in time */
	const char *id;
	const char *image; /* of a picture's file, or NULL */
	const char *text;  /* the table's text column, or NULL */
	size_t number;	   /* in the order of the input, from 0 */
};

struct mm_moments {
	struct mm_moment *at; /* n of them, by start */
	size_t n, cap;
	struct mm_arena arena;
};

/* delimiter '\t' or ','; rows that cannot be read are problems. */
int mm_cues_table(struct mm_cues *c, const char *path, char delimiter,
		  struct mm_err *err) MM_MUST_CHECK;

/*
 * A table of moments.  A column named image, path or file, or an id that is a
 * file beside the table, gives the picture.  Any bad row is an error.
 */
int mm_moments_table(struct mm_moments *m, const char *path,
		     struct mm_err *err) MM_MUST_CHECK;

/*
 * Pictures of a folder whose names end in a time: "t12.480.png" is 12.48 s,
 * "shot-00-01-02.500.jpg" 62.5 s; a whole number, "frame_00012.jpg", is the
 * 12th frame and needs fps > 0: it is shown at (12 - first) / fps.
 */
int mm_moments_folder(struct mm_moments *m, const char *dir, double fps,
		      double first, struct mm_err *err) MM_MUST_CHECK;

/* One more, for other sources; then mm_moments_sort. */
int mm_moments_add(struct mm_moments *m, const struct mm_moment *moment,
		   struct mm_err *err) MM_MUST_CHECK;
void mm_moments_sort(struct mm_moments *m);
void mm_moments_release(struct mm_moments *m); /* safe on zeros */

#endif
