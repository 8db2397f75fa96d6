/* time_media.h - from files to offsets: cues with sound, sound with sound. */
#ifndef MM_ALIGN_TIME_MEDIA_H
#define MM_ALIGN_TIME_MEDIA_H

#include "align/time_sync.h"
#include "base/err.h"

/* Activity of the file's speech against the cues; time_sync.h.  Refusals name
 * the file.  Memory: 400 bytes a second of sound. */
int mm_sync_media(struct mm_sync *out, const char *path,
		  const struct mm_span *cue, size_t n,
		  const struct mm_sync_options *o,
		  struct mm_err *err) MM_MUST_CHECK;

/* What in A happens at t happens in B at t + offset; media/correlate.h. */
int mm_sync_audio(const char *a, const char *b, double *offset,
		  double *confidence, struct mm_err *err) MM_MUST_CHECK;

#endif
