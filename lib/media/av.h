/*
 * av.h - containers and codecs through FFmpeg's libraries, loaded on first
 * use.  A build without their headers says so when it meets such a file.
 */
#ifndef MM_MEDIA_AV_H
#define MM_MEDIA_AV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* ---- sound ---- */

struct mm_av_audio;

/* The best audio stream; *start is its first sample's time, seconds. */
int mm_av_audio_open(struct mm_av_audio **a, const char *path, double *rate,
		     size_t *channels, double *start,
		     struct mm_err *err) MM_MUST_CHECK;
int mm_av_audio_read(struct mm_av_audio *a, float *mono, size_t n, size_t *got,
		     struct mm_err *err) MM_MUST_CHECK;
void mm_av_audio_close(struct mm_av_audio *a); /* NULL is fine */

#endif
