/*
 * time_sync.h - how cues lie against speech: offset, drift, and how sure.
 *
 * A cue's time t belongs at drift * t + offset.  For every offset within
 * +-60 s and every usual ratio of frame rates, the score is
 *
 *	r(offset, drift) * sqrt(share of the cues inside the recording)
 *
 * with Pearson's r between speech activity and "a cue is shown", by one FFT
 * correlation per ratio; the best is refined to milliseconds on the cues'
 * edges.  Another ratio than 1 must score 0.02 more.  In the end the ratio is
 * fitted freely near the best one, and kept where that is worth it.
 *
 * Confidence: how many standard deviations the score lies above the best
 * scores of made-up cues, as many, as long and as far apart on average, which
 * search the same offsets.  Cues that do not belong reach 2 to 3.
 *
 * Sources: the correlation of +-1 strings is ffsubsync's idea; the surrogates
 * are those of any Monte Carlo test (Theiler et al., "Testing for nonlinearity
 * in time series", 1992).
 */
#ifndef MM_ALIGN_TIME_SYNC_H
#define MM_ALIGN_TIME_SYNC_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct mm_span {
	double start, end;
};

struct mm_sync_options {
	double max_offset;		/* seconds */
	bool fixed_offset, fixed_drift; /* where they are told */
	double offset, drift;
};

struct mm_sync {
	double offset, drift;
	double score, confidence;
};

/*
 * activity: n values, 100 a second (media/speech.h).  Cues in any order, they
 * may overlap.  MM_ERR_REFUSED where there is nothing to compare: no cue that
 * lasts, activity that never changes.
 */
int mm_sync_speech(struct mm_sync *out, const float *activity, size_t n,
		   const struct mm_span *cue, size_t n_cues,
		   const struct mm_sync_options *o,
		   struct mm_err *err) MM_MUST_CHECK;

#endif
