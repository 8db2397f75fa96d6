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

/* The best audio stream; *start is its first sample's time, seconds from where
 * the file begins. */
int mm_av_audio_open(struct mm_av_audio **a, const char *path, double *rate,
		     size_t *channels, double *start,
		     struct mm_err *err) MM_MUST_CHECK;
int mm_av_audio_read(struct mm_av_audio *a, float *mono, size_t n, size_t *got,
		     struct mm_err *err) MM_MUST_CHECK;
void mm_av_audio_close(struct mm_av_audio *a); /* NULL is fine */

/* ---- pictures ---- */

/*
 * Display times of all frames of the best video stream, seconds from where the
 * file begins, ascending, as the container tells them (variable rates, edit
 * lists); frees: mm_free.
 * Nothing is decoded.
 */
int mm_av_video_times(double **times, size_t *n, const char *path,
		      struct mm_err *err) MM_MUST_CHECK;

struct mm_av_video;

int mm_av_video_open(struct mm_av_video **v, const char *path,
		     struct mm_err *err) MM_MUST_CHECK;

/*
 * Decode on to the first frame at or after `time`, forward only; a frame asked
 * for twice is there twice.  rgb (height, width, 3) lives until the next call.
 */
int mm_av_video_frame(struct mm_av_video *v, double time, const uint8_t **rgb,
		      size_t *width, size_t *height,
		      struct mm_err *err) MM_MUST_CHECK;
void mm_av_video_close(struct mm_av_video *v); /* NULL is fine */

/* ---- the clocks of a file ---- */

struct mm_av_clock {
	bool present;
	double start, end; /* of what is shown or heard, seconds */
	double edit;	   /* by how much an edit list moved the start */
	double rate;	   /* frames or samples a second, nominal */
	double drift;	   /* time stamps over what rate and count say */
	uint64_t count;	   /* frames; samples */
	bool even;	   /* video: all frames last equally long */
};

int mm_av_clocks(struct mm_av_clock *video, struct mm_av_clock *audio,
		 const char *path, struct mm_err *err) MM_MUST_CHECK;

#endif
