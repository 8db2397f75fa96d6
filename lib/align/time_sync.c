/* time_sync.c - see time_sync.h. */
#include "align/time_sync.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "media/fft.h"
#include "media/speech.h"

enum { MAX_RATIOS = 7, MAX_TRIALS = 48 };

/* Frame rates of film, NTSC and PAL to each other. */
static const double ratios[MAX_RATIOS] = {
	1,	     24 / 23.976, 23.976 / 24, 25 / 23.976,
	23.976 / 25, 25.0 / 24,	  24.0 / 25,
};
/* What another ratio must be better by; the rarer ones a little more. */
static const double handicap[MAX_RATIOS] = { 0,	    0.025, 0.025, 0.025,
					     0.025, 0.02,  0.02 };

struct sync {
	const struct mm_sync_options *o;
	size_t n, reach;     /* frames of sound; the largest offset in frames */
	double mean, spread; /* of the activity; sqrt(sum (a - mean)^2) */
	double *sum;	     /* n + 1: activity up to each frame */
	struct mm_fft fft;
	double *spectrum;    /* of the activity, mean taken off */
	struct mm_span *cue; /* joined, sorted, seconds */
	size_t n_cues;
};

/* A place of the search. */
struct place {
	double offset, score;
};

/* ---- the score on the cues' edges ---- */

/* Activity up to t frames. */
static double up_to(const struct sync *s, double t)
{
	const size_t i = t <= 0 ? 0 : (size_t)t;

	if (t <= 0)
		return 0;
	if (i >= s->n)
		return s->sum[s->n];
	return s->sum[i] + (t - (double)i) * (s->sum[i + 1] - s->sum[i]);
}

static double clamp(double t, double hi)
{
	return t < 0 ? 0 : t > hi ? hi : t;
}

/* Pearson's r from the time that cues cover and the activity in it. */
static double score_of(const struct sync *s, double covered, double active,
		       double all)
{
	const double n = (double)s->n, share = covered / n;
	const double spread = sqrt(n * share * (1 - share)) * s->spread;

	if (!(covered > 1) || !(share < 0.999) || !(all > 0))
		return 0;
	return (active - s->mean * covered) / spread *
	       sqrt(covered < all ? covered / all : 1);
}

static double score_at(const struct sync *s, double offset, double drift)
{
	double covered = 0, active = 0, all = 0;

	for (size_t i = 0; i < s->n_cues; i++) {
		const double a =
			(s->cue[i].start * drift + offset) * MM_SPEECH_RATE;
		const double b =
			(s->cue[i].end * drift + offset) * MM_SPEECH_RATE;

		all += b - a;
		covered += clamp(b, (double)s->n) - clamp(a, (double)s->n);
		active += up_to(s, b) - up_to(s, a);
	}
	return score_of(s, covered, active, all);
}

/* ---- the search by FFT ---- */

/* shown[k]: how much of frame k - reach a cue is on, k < n + 2 reach; `from`
 * is added to its times.  Returns the length of all cues in frames. */
static double draw_cues(const struct sync *s, double *shown,
			const struct mm_span *cue, size_t n_cues, double drift)
{
	const double last = (double)(s->n + 2 * s->reach);
	double all = 0;

	memset(shown, 0, (s->fft.n + 2) * sizeof(*shown));
	for (size_t i = 0; i < n_cues; i++) {
		double a = cue[i].start * drift * MM_SPEECH_RATE +
			   (double)s->reach;
		double b =
			cue[i].end * drift * MM_SPEECH_RATE + (double)s->reach;
		size_t k;

		all += b - a;
		a = clamp(a, last);
		b = clamp(b, last);
		for (k = (size_t)a; (double)k < b; k++) {
			const double from = a > (double)k ? a : (double)k;
			const double to = b < (double)k + 1 ? b : (double)k + 1;

			shown[k] += to - from;
		}
	}
	return all;
}

/* The best offset at one ratio; buf and covered have fft.n + 2 doubles. */
static struct place search(const struct sync *s, const struct mm_span *cue,
			   size_t n_cues, double drift, double *buf,
			   double *covered)
{
	const double all = draw_cues(s, buf, cue, n_cues, drift);
	struct place best = { 0, 0 };
	double run = 0;

	for (size_t k = 0; k < s->n + 2 * s->reach; k++) {
		run += buf[k];
		if (k >= s->n)
			run -= buf[k - s->n];
		if (k + 1 >= s->n)
			covered[k + 1 - s->n] = run;
	}
	mm_fft_forward(&s->fft, buf);
	for (size_t k = 0; k <= s->fft.n / 2; k++) {
		const double re = buf[2 * k], im = buf[2 * k + 1];
		const double ar = s->spectrum[2 * k];
		const double ai = s->spectrum[2 * k + 1];

		buf[2 * k] = re * ar + im * ai;
		buf[2 * k + 1] = im * ar - re * ai;
	}
	mm_fft_inverse(&s->fft, buf);
	for (size_t k = 0; k <= 2 * s->reach; k++) {
		/* The spectrum's mean is off already. */
		const double active = buf[k] + s->mean * covered[k];
		const double score = score_of(s, covered[k], active, all);

		if (score > best.score) {
			best.score = score;
			best.offset =
				((double)s->reach - (double)k) / MM_SPEECH_RATE;
		}
	}
	return best;
}

/* ---- refinement ---- */

/* The best offset within +-30 ms, to a millisecond. */
static struct place refine(const struct sync *s, double offset, double drift)
{
	struct place best = { offset, score_at(s, offset, drift) };

	for (int ms = -30; ms <= 30; ms++) {
		const double at = offset + ms / 1000.0;
		const double score = score_at(s, at, drift);

		if (score > best.score)
			best = (struct place){ at, score };
	}
	return best;
}

/*
 * Ratios so near that the ends of the cues move by up to 4 s, in steps of
 * 0.1 s, each with offsets that keep the middle within 0.4 s.
 */
static void fit_drift(const struct sync *s, struct mm_sync *best)
{
	const double from = s->cue[0].start, to = s->cue[s->n_cues - 1].end;
	const double length = to - from, centre = (from + to) / 2;
	const double drift = best->drift, offset = best->offset;
	const double step = 0.1 / (length / 2 > 1 ? length / 2 : 1);
	struct mm_sync found = *best;

	for (int k = -40; k <= 40; k++) {
		const double d = drift + step * k;

		if (fabs(d - drift) > 0.02)
			continue;
		for (int m = -20; m <= 20; m++) {
			const double at =
				offset - (d - drift) * centre + m * 0.02;
			const double score = score_at(s, at, d);

			if (score > found.score) {
				found.score = score;
				found.drift = d;
				found.offset = at;
			}
		}
	}
	if (found.score > best->score + 0.03) {
		const struct place p = refine(s, found.offset, found.drift);

		*best = found;
		best->offset = p.offset;
		best->score = p.score;
	}
}

/* ---- confidence ---- */

struct trials {
	const struct sync *s;
	double length, gap; /* means of the cues */
	size_t n_ratios;
	double score[MAX_TRIALS];
	int rc; /* of memory */
};

/* Twice the mean of two exponentials: as uneven as speech is. */
static double uneven(struct mm_rng *r, double mean)
{
	return -mean / 2 *
	       log((1 - mm_rng_uniform(r)) * (1 - mm_rng_uniform(r)));
}

static void trial(void *ctx, size_t begin, size_t end)
{
	struct trials *t = ctx;
	const struct sync *s = t->s;
	const size_t size = s->fft.n + 2;
	double *buf = mm_malloc(size, sizeof(*buf));
	double *covered = mm_malloc(size, sizeof(*covered));
	struct mm_span *cue = mm_malloc(s->n_cues, sizeof(*cue));

	if (!buf || !covered || !cue)
		t->rc = MM_ERR_NOMEM;
	for (size_t i = begin; i < end && buf && covered && cue; i++) {
		struct mm_rng r;
		double at = s->cue[0].start;

		mm_rng_init(&r, 0, i, 0, MM_RNG_BOOTSTRAP);
		for (size_t k = 0; k < s->n_cues; k++) {
			at += k ? uneven(&r, t->gap) : 0;
			cue[k].start = at;
			at += uneven(&r, t->length);
			cue[k].end = at;
		}
		for (size_t k = 0; k < t->n_ratios; k++) {
			const double drift = k ? ratios[MAX_RATIOS - k] : 1;
			const struct place p =
				search(s, cue, s->n_cues, drift, buf, covered);

			if (p.score > t->score[i])
				t->score[i] = p.score;
		}
	}
	mm_free(buf);
	mm_free(covered);
	mm_free(cue);
}

/* Fewer trials, and ratio 1 alone, where the sound is long: the scores of
 * what does not belong are small and alike then. */
static int confidence(const struct sync *s, double score, double *out,
		      struct mm_err *err)
{
	const bool is_long = s->fft.n > 1 << 17;
	const size_t n = is_long ? 16 : MAX_TRIALS;
	struct trials t = { .s = s, .n_ratios = is_long ? 1 : 3 };
	double mean = 0, spread = 0;

	for (size_t i = 0; i < s->n_cues; i++)
		t.length += s->cue[i].end - s->cue[i].start;
	if (s->n_cues > 1)
		t.gap = (s->cue[s->n_cues - 1].end - s->cue[0].start -
			 t.length) /
			(double)(s->n_cues - 1);
	t.length /= (double)s->n_cues;
	mm_parallel_for(n, 1, trial, &t);
	if (t.rc)
		return mm_fail_nomem(err, "a search for the offset");
	for (size_t i = 0; i < n; i++)
		mean += t.score[i] / (double)n;
	for (size_t i = 0; i < n; i++)
		spread += (t.score[i] - mean) * (t.score[i] - mean) /
			  (double)(n - 1);
	spread = sqrt(spread);
	*out = (score - mean) / (spread > 0.005 ? spread : 0.005);
	return MM_OK;
}

/* ---- the run ---- */

static int by_start(const void *a, const void *b)
{
	const struct mm_span *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

/* Sorted, and those that touch made one. */
static int join_cues(struct sync *s, const struct mm_span *cue, size_t n,
		     struct mm_err *err)
{
	if (!(s->cue = mm_malloc(n, sizeof(*cue))))
		return mm_fail_nomem(err, "cues");
	for (size_t i = 0; i < n; i++)
		if (cue[i].end > cue[i].start)
			s->cue[s->n_cues++] = cue[i];
	if (!s->n_cues)
		return mm_fail(err, MM_ERR_REFUSED, "no cue lasts");
	qsort(s->cue, s->n_cues, sizeof(*s->cue), by_start);
	n = s->n_cues;
	s->n_cues = 1;
	for (size_t i = 1; i < n; i++) {
		struct mm_span *last = &s->cue[s->n_cues - 1];

		if (s->cue[i].start > last->end)
			s->cue[s->n_cues++] = s->cue[i];
		else if (s->cue[i].end > last->end)
			last->end = s->cue[i].end;
	}
	return MM_OK;
}

static int prepare(struct sync *s, const float *activity, struct mm_err *err)
{
	const size_t size = mm_fft_size(s->n + 2 * s->reach);
	double square = 0;
	int rc;

	if (!size)
		return mm_fail_nomem(err, "a search for the offset");
	if ((rc = mm_fft_init(&s->fft, size, err)))
		return rc;
	s->sum = mm_calloc(s->n + 1, sizeof(*s->sum));
	s->spectrum = mm_calloc(size + 2, sizeof(*s->spectrum));
	if (!s->sum || !s->spectrum)
		return mm_fail_nomem(err, "a search for the offset");
	for (size_t i = 0; i < s->n; i++)
		s->sum[i + 1] = s->sum[i] + activity[i];
	s->mean = s->sum[s->n] / (double)s->n;
	for (size_t i = 0; i < s->n; i++) {
		s->spectrum[i] = activity[i] - s->mean;
		square += s->spectrum[i] * s->spectrum[i];
	}
	s->spread = sqrt(square);
	if (!(square > 1))
		return mm_fail(err, MM_ERR_REFUSED,
			       "speech and silence do not take turns");
	mm_fft_forward(&s->fft, s->spectrum);
	return MM_OK;
}

static int find(struct sync *s, struct mm_sync *out, struct mm_err *err)
{
	const size_t size = s->fft.n + 2;
	double *buf = mm_malloc(size, sizeof(*buf));
	double *covered = mm_malloc(size, sizeof(*covered));
	const int n = s->o->fixed_drift ? 1 : MAX_RATIOS;
	double best = -1;

	if (!buf || !covered) {
		mm_free(buf);
		mm_free(covered);
		return mm_fail_nomem(err, "a search for the offset");
	}
	for (int k = 0; k < n; k++) {
		const double drift =
			s->o->fixed_drift ? s->o->drift : ratios[k];
		struct place p = { s->o->offset, 0 };

		if (!s->o->fixed_offset)
			p = refine(s,
				   search(s, s->cue, s->n_cues, drift, buf,
					  covered)
					   .offset,
				   drift);
		else
			p.score = score_at(s, p.offset, drift);
		if (p.score - handicap[k] > best) {
			best = p.score - handicap[k];
			out->offset = p.offset;
			out->drift = drift;
			out->score = p.score;
		}
	}
	mm_free(buf);
	mm_free(covered);
	return MM_OK;
}

int mm_sync_speech(struct mm_sync *out, const float *activity, size_t n,
		   const struct mm_span *cue, size_t n_cues,
		   const struct mm_sync_options *o, struct mm_err *err)
{
	struct sync s = {
		.o = o,
		.n = n,
		.reach = (size_t)(o->max_offset * MM_SPEECH_RATE),
	};
	int rc;

	*out = (struct mm_sync){ .drift = 1 };
	if (n < 2 * MM_SPEECH_RATE)
		return mm_fail(err, MM_ERR_REFUSED,
			       "it is shorter than two seconds");
	if (!(rc = join_cues(&s, cue, n_cues, err)) &&
	    !(rc = prepare(&s, activity, err)) && !(rc = find(&s, out, err))) {
		if (!o->fixed_offset && !o->fixed_drift)
			fit_drift(&s, out);
		rc = confidence(&s, out->score, &out->confidence, err);
	}
	mm_fft_release(&s.fft);
	mm_free(s.sum);
	mm_free(s.spectrum);
	mm_free(s.cue);
	return rc;
}
