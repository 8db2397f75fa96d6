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
 * segment of its own with that one row.  The values may be changed in place.
 */
int mm_sample_copy(struct mm_sample *dst, const struct mm_sample *src,
		   struct mm_arena *arena, struct mm_err *err) MM_MUST_CHECK;

#endif
