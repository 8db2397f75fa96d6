/*
 * correlate.h - by how much one recording is late against another.
 *
 * Both correlations are taken over all lags by one FFT each:
 *
 *	plain	r = IFFT(B conj A)
 *	PHAT	r = IFFT(B conj A / |B conj A|)	(Knapp and Carter, "The
 *		generalized correlation method for estimation of time delay",
 *		1976): sharp in rooms, weak in noise, where plain is strong
 *
 * Each one's confidence is its peak's height in standard deviations of r over
 * the other lags; the surer one is taken.  Its peak is found between samples
 * by interpolating r with a windowed sinc.  What has nothing in common
 * reaches 5 to 7.
 */
#ifndef MM_MEDIA_CORRELATE_H
#define MM_MEDIA_CORRELATE_H

#include <stddef.h>

#include "base/err.h"

/* A recording at a rate of its own, for comparing. */
struct mm_sound {
	float *at;
	size_t n, cap;
	double rate;
	/* resampling: a windowed sinc over `half` samples on both sides */
	double from_rate, cutoff, next; /* next: of the output, in input time */
	float *in;			/* the last samples in */
	size_t n_in, cap_in, half;
	double first; /* of in, in input time */
};

/* Samples at from_rate come in, those at rate <= from_rate are kept.  Past
 * 2^23 samples the rate is halved, again and again. */
int mm_sound_init(struct mm_sound *s, double from_rate, double rate,
		  struct mm_err *err) MM_MUST_CHECK;
int mm_sound_push(struct mm_sound *s, const float *mono, size_t n,
		  struct mm_err *err) MM_MUST_CHECK;
int mm_sound_finish(struct mm_sound *s, struct mm_err *err) MM_MUST_CHECK;

/* Resample to `rate`, where it is less than s->rate. */
int mm_sound_match(struct mm_sound *s, double rate,
		   struct mm_err *err) MM_MUST_CHECK;
void mm_sound_release(struct mm_sound *s); /* safe on zeros */

/*
 * a and b have one rate.  a[t] is heard in b at t + offset, seconds.
 * MM_ERR_REFUSED where one is silent or shorter than 0.1 s.
 */
int mm_correlate(const struct mm_sound *a, const struct mm_sound *b,
		 double *offset, double *confidence,
		 struct mm_err *err) MM_MUST_CHECK;

#endif
