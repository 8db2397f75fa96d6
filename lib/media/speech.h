/*
 * speech.h - where in a recording somebody speaks: activity 0..1, 100 times a
 * second.
 *
 * Energy between 300 and 3000 Hz in decibels, smoothed over 90 ms, is compared
 * with levels between the recording's own floor and peak (its 10th and 97th
 * percentile, at most 40 dB apart); pauses within 0.35 s are bridged, bursts
 * under 0.2 s left out, and the mean of three levels taken, so that edges
 * which all levels agree on weigh most.
 */
#ifndef MM_MEDIA_SPEECH_H
#define MM_MEDIA_SPEECH_H

#include <stddef.h>

#include "base/err.h"

enum { MM_SPEECH_RATE = 100 };

struct mm_speech {
	float *at; /* n of them: energy while pushed, activity when done */
	size_t n, cap;
	double range; /* dB between floor and peak, not clamped */
	double rate;
	/* filters and the frame in the making */
	double coef[2][5], state[2][2];
	double energy;
	size_t in_frame;
	double samples, next; /* pushed; where the frame ends */
};

void mm_speech_init(struct mm_speech *s, double rate);
int mm_speech_push(struct mm_speech *s, const float *mono, size_t n,
		   struct mm_err *err) MM_MUST_CHECK;
int mm_speech_finish(struct mm_speech *s, struct mm_err *err) MM_MUST_CHECK;
void mm_speech_release(struct mm_speech *s); /* safe on zeros */

#endif
