/* correlate.c - see correlate.h. */
#include "media/correlate.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "media/fft.h"

enum { TAPS = 16 /* of the interpolation, on each side */ };

struct peak {
	double lag, confidence;
};

static double energy(const struct mm_sound *s)
{
	double sum = 0;

	for (size_t i = 0; i < s->n; i++)
		sum += (double)s->at[i] * s->at[i];
	return sum;
}

/* Samples with their mean taken off, faded in and out over 50 ms: the ends of
 * a recording are no event in it.  x is zero beyond them. */
static void load(double *x, const struct mm_sound *s)
{
	const size_t fade = (size_t)(s->rate / 20);
	double mean = 0;

	for (size_t i = 0; i < s->n; i++)
		mean += s->at[i];
	mean /= (double)s->n;
	for (size_t i = 0; i < s->n; i++)
		x[i] = s->at[i] - mean;
	for (size_t i = 0; i < fade && i < s->n / 2; i++) {
		const double w = 0.5 - 0.5 * cos(acos(-1) * ((double)i + 0.5) /
						 (double)fade);

		x[i] *= w;
		x[s->n - 1 - i] *= w;
	}
}

/* r at a lag between samples; r is periodic in n. */
static double between(const double *r, size_t n, double lag)
{
	const double whole = floor(lag);
	double sum = 0;

	for (int k = -TAPS + 1; k <= TAPS; k++) {
		const double at = whole + k, x = (lag - at) * acos(-1);
		const double w = cos(x / (2 * TAPS));
		const size_t i = (size_t)(at < 0 ? at + (double)n : at) % n;

		sum += r[i] * (fabs(x) < 1e-9 ? 1 : sin(x) / x) * w * w;
	}
	return sum;
}

/* The top near `lag`: 1/32 of a sample, then a parabola through three. */
static double top(const double *r, size_t n, double lag)
{
	const double step = 1.0 / 32;
	double best = lag, height = between(r, n, lag), a, c, bend;

	for (int k = -32; k <= 32; k++) {
		const double v = between(r, n, lag + k * step);

		if (v > height) {
			height = v;
			best = lag + k * step;
		}
	}
	a = between(r, n, best - step);
	c = between(r, n, best + step);
	bend = a - 2 * height + c;
	return bend < 0 ? best + step * 0.5 * (a - c) / bend : best;
}

/*
 * The highest lag from -(na - 1) to nb - 1, and its height over the spread of
 * the others (those within `near` of it left out).
 */
static struct peak find(const double *r, size_t n, size_t na, size_t nb,
			size_t near)
{
	const ptrdiff_t from = -(ptrdiff_t)na + 1, to = (ptrdiff_t)nb;
	double sum = 0, square = 0, count = 0, mean, spread;
	ptrdiff_t best = 0;
	struct peak p = { 0, 0 };

	for (ptrdiff_t l = from; l < to; l++)
		if (r[l < 0 ? (size_t)(l + (ptrdiff_t)n) : (size_t)l] >
		    r[best < 0 ? (size_t)(best + (ptrdiff_t)n) : (size_t)best])
			best = l;
	for (ptrdiff_t l = from; l < to; l++) {
		const double v =
			r[l < 0 ? (size_t)(l + (ptrdiff_t)n) : (size_t)l];

		if (l > best - (ptrdiff_t)near && l < best + (ptrdiff_t)near)
			continue;
		sum += v;
		square += v * v;
		count += 1;
	}
	if (count < 2)
		return p;
	mean = sum / count;
	spread = sqrt(fmax(square / count - mean * mean, 0));
	p.lag = top(r, n, (double)best);
	if (spread > 0)
		p.confidence = (between(r, n, p.lag) - mean) / spread;
	return p;
}

/* B conj A into b; phat: of length 1, where there is anything at all. */
static void cross(double *b, const double *a, size_t bins, bool phat)
{
	double most = 0;

	for (size_t k = 0; k < bins; k++) {
		const double br = b[2 * k], bi = b[2 * k + 1];
		const double ar = a[2 * k], ai = a[2 * k + 1];

		b[2 * k] = br * ar + bi * ai;
		b[2 * k + 1] = bi * ar - br * ai;
		most = fmax(most, hypot(b[2 * k], b[2 * k + 1]));
	}
	for (size_t k = 0; k < bins && phat; k++) {
		const double length =
			hypot(b[2 * k], b[2 * k + 1]) + 1e-9 * most;

		b[2 * k] /= length;
		b[2 * k + 1] /= length;
	}
}

int mm_correlate(const struct mm_sound *a, const struct mm_sound *b,
		 double *offset, double *confidence, struct mm_err *err)
{
	const size_t size = mm_fft_size(a->n + b->n);
	const size_t least = (size_t)(a->rate / 10);
	struct mm_fft fft = { 0 };
	double *x = NULL, *y = NULL;
	int rc = MM_OK;

	if (a->n < least || b->n < least)
		return mm_fail(err, MM_ERR_REFUSED,
			       "one is shorter than 0.1 s");
	if (!(energy(a) > 1e-10 * (double)a->n) ||
	    !(energy(b) > 1e-10 * (double)b->n))
		return mm_fail(err, MM_ERR_REFUSED, "one is silent");
	*confidence = 0;
	x = mm_malloc(size + 2, sizeof(*x));
	y = mm_malloc(size + 2, sizeof(*y));
	if (!size || !x || !y)
		rc = mm_fail_nomem(err, "a correlation");
	else
		rc = mm_fft_init(&fft, size, err);
	for (int phat = 0; phat < 2 && !rc; phat++) {
		struct peak p;

		memset(x, 0, (size + 2) * sizeof(*x));
		memset(y, 0, (size + 2) * sizeof(*y));
		load(x, a);
		load(y, b);
		mm_fft_forward(&fft, x);
		mm_fft_forward(&fft, y);
		cross(y, x, size / 2 + 1, phat);
		mm_fft_inverse(&fft, y);
		p = find(y, size, a->n, b->n, least / 2 + 1);
		if (p.confidence > *confidence) {
			*confidence = p.confidence;
			*offset = p.lag / a->rate;
		}
	}
	mm_fft_release(&fft);
	mm_free(x);
	mm_free(y);
	return rc;
}
