/*
 * sample_copy.h - a sample that outlives the next one, so that several can be
 * worked on side by side.
 */
#ifndef MM_DATA_SAMPLE_COPY_H
#define MM_DATA_SAMPLE_COPY_H

#include "base/arena.h"
#include "data/source.h"

/*
 * dst = src with all that it points to in the arena.  A row of a stream gets a
 * segment of its own with that one row, but for the columns named in leave_out
 * (NULL-terminated; may be NULL); its values may be changed in place.
 */
int mm_sample_copy(struct mm_sample *dst, const struct mm_sample *src,
		   const char *const *leave_out, struct mm_arena *arena,
		   struct mm_err *err) MM_MUST_CHECK;

#endif
