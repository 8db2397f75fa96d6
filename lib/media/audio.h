/*
 * audio.h - sound as one channel of floats, block by block.
 *
 * WAV by an own reader (RIFF, RIFX, RF64; PCM of 8, 16, 24 and 32 bits, float
 * of 32 and 64, A-law and mu-law; extensible; any number of channels, whose
 * mean is taken); everything else through FFmpeg's libraries, where they are.
 */
#ifndef MM_MEDIA_AUDIO_H
#define MM_MEDIA_AUDIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/io.h"

struct mm_av_audio;

struct mm_audio {
	const char *path; /* borrowed */
	double rate;	  /* samples a second */
	size_t channels;
	double start; /* of the first sample on the container's clock */
	/* WAV */
	struct mm_reader in;
	int coding;	 /* of wav.c */
	size_t width;	 /* bytes of one sample of one channel */
	bool big_endian; /* RIFX */
	uint64_t left;	 /* bytes of the data chunk; UINT64_MAX: to the end */
	unsigned char *raw;
	size_t raw_cap;
	/* or */
	struct mm_av_audio *av;
};

/* "-" is standard input, WAV only. */
int mm_audio_open(struct mm_audio *a, const char *path,
		  struct mm_err *err) MM_MUST_CHECK;

/* Up to n samples, nominally in -1..1; *got < n only at the end. */
int mm_audio_read(struct mm_audio *a, float *mono, size_t n, size_t *got,
		  struct mm_err *err) MM_MUST_CHECK;
void mm_audio_release(struct mm_audio *a); /* safe on zeros */

/* All of it; *mono is freed by mm_free.  At most `most` samples. */
int mm_audio_load(const char *path, float **mono, size_t *n, double *rate,
		  size_t most, struct mm_err *err) MM_MUST_CHECK;

/* ---- wav.c ---- */

bool mm_wav_sniff(const void *bytes, size_t n);
/* a->in is open, nothing taken. */
int mm_wav_open(struct mm_audio *a, struct mm_err *err) MM_MUST_CHECK;
int mm_wav_read(struct mm_audio *a, float *mono, size_t n, size_t *got,
		struct mm_err *err) MM_MUST_CHECK;

#endif
