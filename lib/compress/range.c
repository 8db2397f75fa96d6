/* range.c - see range.h. */
#include "compress/range.h"

#include <math.h>
#include <string.h>

enum { LEVELS = 127, CANDIDATES = 128 };

/* Twice as wide until x fits. */
static void widen(struct mm_range *r, float x)
{
	if (r->width <= 0)
		r->width = x * 1.0001f;
	while (x >= r->width) {
		for (size_t i = 0; i < MM_RANGE_BINS / 2; i++)
			r->bin[i] = r->bin[2 * i] + r->bin[2 * i + 1];
		memset(r->bin + MM_RANGE_BINS / 2, 0, sizeof(r->bin) / 2);
		r->width *= 2;
	}
}

void mm_range_add(struct mm_range *r, const float *x, size_t n)
{
	float top = 0, per;

	for (size_t i = 0; i < n; i++)
		top = fmaxf(top, fabsf(x[i]));
	r->n += n;
	if (top > r->largest)
		r->largest = top;
	if (top > 0 && top >= r->width)
		widen(r, top);
	if (r->width <= 0) {
		r->bin[0] += n;
		return;
	}
	per = MM_RANGE_BINS / r->width;
	for (size_t i = 0; i < n; i++) {
		const size_t b = (size_t)(fabsf(x[i]) * per);

		r->bin[b < MM_RANGE_BINS ? b : MM_RANGE_BINS - 1]++;
	}
}

/* The bin below whose end the wanted share lies. */
static float at_percentile(const struct mm_range *r, double percentile)
{
	const double want = (double)r->n * percentile / 100;
	double seen = 0;

	for (size_t i = 0; i < MM_RANGE_BINS; i++) {
		seen += (double)r->bin[i];
		if (seen >= want)
			return fminf(r->largest,
				     r->width * (float)(i + 1) / MM_RANGE_BINS);
	}
	return r->largest;
}

/* The squared error where everything beyond `limit` is cut. */
static double error_at(const struct mm_range *r, double limit)
{
	const double scale = limit / LEVELS;
	double sum = 0;

	for (size_t i = 0; i < MM_RANGE_BINS; i++) {
		const double x =
			((double)i + 0.5) * (double)r->width / MM_RANGE_BINS;
		const double y = scale * fmin(rint(x / scale), LEVELS);

		if (r->bin[i])
			sum += (double)r->bin[i] * (x - y) * (x - y);
	}
	return sum;
}

static float least_error(const struct mm_range *r)
{
	double best = (double)r->largest, least = error_at(r, best);

	for (int i = 1; i < CANDIDATES; i++) {
		const double limit = (double)r->largest * i / CANDIDATES;
		const double e = error_at(r, limit);

		if (e < least) {
			least = e;
			best = limit;
		}
	}
	return (float)best;
}

float mm_range_scale(const struct mm_range *r, enum mm_range_rule rule,
		     double percentile)
{
	float limit = r->largest;

	if (!(limit > 0))
		return 0;
	if (rule == MM_RANGE_PERCENTILE)
		limit = at_percentile(r, percentile);
	else if (rule == MM_RANGE_MSE)
		limit = least_error(r);
	return limit / LEVELS;
}
