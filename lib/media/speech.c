/* speech.c - see speech.h. */
#include "media/speech.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static const double levels[] = { 0.25, 0.35, 0.45 };
enum { N_LEVELS = 3, SMOOTH = 4, BRIDGE = 35, SHORTEST = 20 };
static const double max_range = 40;

/* Butterworth of second order, by the bilinear transform (Bristow-Johnson,
 * "Cookbook formulae for audio EQ biquad filter coefficients"). */
static void design(double c[5], double rate, double cutoff, bool high)
{
	const double w = 2 * acos(-1) * cutoff / rate;
	const double alpha = sin(w) / sqrt(2), a0 = 1 + alpha;
	const double edge = high ? 1 + cos(w) : 1 - cos(w);

	c[0] = c[2] = edge / 2 / a0;
	c[1] = (high ? -edge : edge) / a0;
	c[3] = -2 * cos(w) / a0;
	c[4] = (1 - alpha) / a0;
}

static double filter(const double c[5], double z[2], double x)
{
	const double y = c[0] * x + z[0];

	z[0] = c[1] * x - c[3] * y + z[1];
	z[1] = c[2] * x - c[4] * y;
	return y;
}

void mm_speech_init(struct mm_speech *s, double rate)
{
	*s = (struct mm_speech){ .rate = rate };
	design(s->coef[0], rate, rate > 700 ? 300 : rate * 0.2, true);
	design(s->coef[1], rate, rate > 6600 ? 3000 : rate * 0.45, false);
	s->next = rate / MM_SPEECH_RATE;
}

void mm_speech_release(struct mm_speech *s)
{
	mm_free(s->at);
	*s = (struct mm_speech){ 0 };
}

static int end_frame(struct mm_speech *s, struct mm_err *err)
{
	const double mean = s->energy / (double)(s->in_frame ? s->in_frame : 1);

	if (s->n == s->cap) {
		const size_t cap = s->cap ? 2 * s->cap : 4096;
		float *p = mm_realloc(s->at, cap, sizeof(*p));

		if (!p)
			return mm_fail_nomem(err, "speech activity");
		s->at = p;
		s->cap = cap;
	}
	s->at[s->n++] = (float)(10 * log10(mean + 1e-10));
	s->energy = 0;
	s->in_frame = 0;
	s->next += s->rate / MM_SPEECH_RATE;
	return MM_OK;
}

int mm_speech_push(struct mm_speech *s, const float *mono, size_t n,
		   struct mm_err *err)
{
	int rc = MM_OK;

	for (size_t i = 0; i < n && !rc; i++) {
		double y = filter(s->coef[0], s->state[0], mono[i]);

		y = filter(s->coef[1], s->state[1], y);
		s->energy += y * y;
		s->in_frame++;
		s->samples += 1;
		if (s->samples >= s->next)
			rc = end_frame(s, err);
	}
	return rc;
}

/* out[i] = mean of in[i-SMOOTH .. i+SMOOTH], fewer at the ends. */
static void smooth(float *out, const float *in, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const size_t from = i > SMOOTH ? i - SMOOTH : 0;
		const size_t to = i + SMOOTH + 1 < n ? i + SMOOTH + 1 : n;
		double sum = 0;

		for (size_t k = from; k < to; k++)
			sum += in[k];
		out[i] = (float)(sum / (double)(to - from));
	}
}

static int by_value(const void *a, const void *b)
{
	const float x = *(const float *)a, y = *(const float *)b;

	return x < y ? -1 : x > y;
}

/* Runs of `value` shorter than `least` become the other; at the ends only
 * where `ends`. */
static void drop_runs(unsigned char *on, size_t n, unsigned char value,
		      size_t least, bool ends)
{
	for (size_t i = 0, j; i < n; i = j) {
		for (j = i; j < n && on[j] == on[i]; j++)
			;
		if (on[i] != value || j - i >= least)
			continue;
		if (ends || (i > 0 && j < n))
			memset(on + i, !value, j - i);
	}
}

static int level_of(struct mm_speech *s, float *energy, double *floor,
		    double *span, struct mm_err *err)
{
	float *sorted = mm_malloc(s->n, sizeof(*sorted));
	double low, high;

	if (!sorted)
		return mm_fail_nomem(err, "speech activity");
	memcpy(sorted, energy, s->n * sizeof(*sorted));
	qsort(sorted, s->n, sizeof(*sorted), by_value);
	low = sorted[s->n / 10];
	high = sorted[s->n - 1 - s->n * 3 / 100];
	mm_free(sorted);
	s->range = high - low;
	if (low < high - max_range)
		low = high - max_range;
	*floor = low;
	*span = high - low;
	return MM_OK;
}

int mm_speech_finish(struct mm_speech *s, struct mm_err *err)
{
	float *energy = mm_malloc(s->n, sizeof(*energy));
	unsigned char *on = mm_malloc(s->n, 1);
	double floor = 0, span = 0;
	int rc = MM_OK;

	if (!energy || !on)
		rc = mm_fail_nomem(err, "speech activity");
	if (!rc && s->n) {
		smooth(energy, s->at, s->n);
		rc = level_of(s, energy, &floor, &span, err);
	}
	if (!rc && s->n)
		memset(s->at, 0, s->n * sizeof(*s->at));
	for (int l = 0; l < N_LEVELS && !rc; l++) {
		for (size_t i = 0; i < s->n; i++)
			on[i] = energy[i] > floor + levels[l] * span;
		drop_runs(on, s->n, 0, BRIDGE, false);
		drop_runs(on, s->n, 1, SHORTEST, true);
		for (size_t i = 0; i < s->n; i++)
			s->at[i] += (float)on[i] / N_LEVELS;
	}
	mm_free(energy);
	mm_free(on);
	return rc;
}
