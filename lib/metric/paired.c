/* paired.c - see paired.h. */
#include "metric/paired.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"

struct job {
	const double *d;
	size_t n;
	const struct mm_paired_options *o;
	double *mean, *flipped; /* by resample */
};

/* A draw of 32 bits, scaled: uneven by less than n / 2^32. */
static double resampled(const struct job *j, uint64_t r)
{
	struct mm_rng rng;
	double sum = 0;

	mm_rng_init(&rng, j->o->seed, r, 0, MM_RNG_BOOTSTRAP);
	for (size_t i = 0; i < j->n; i++)
		sum += j->d[(uint64_t)mm_rng_u32(&rng) * j->n >> 32];
	return sum / (double)j->n;
}

static double signs_changed(const struct job *j, uint64_t r)
{
	struct mm_rng rng;
	uint64_t bits = 0;
	double sum = 0;

	mm_rng_init(&rng, j->o->seed, r, 1, MM_RNG_BOOTSTRAP);
	for (size_t i = 0; i < j->n; i++, bits >>= 1) {
		if (i % 32 == 0)
			bits = mm_rng_u32(&rng);
		sum += bits & 1 ? j->d[i] : -j->d[i];
	}
	return sum / (double)j->n;
}

static void run(void *ctx, size_t begin, size_t end)
{
	struct job *j = ctx;

	for (size_t r = begin; r < end; r++) {
		j->mean[r] = resampled(j, r);
		if (j->flipped)
			j->flipped[r] = signs_changed(j, r);
	}
}

static int ascending(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Between neighbours, as numpy does it. */
static double quantile(const double *x, size_t n, double q)
{
	const double at = q * (double)(n - 1);
	const size_t i = (size_t)at;

	return i + 1 < n ? x[i] + (at - (double)i) * (x[i + 1] - x[i])
			 : x[n - 1];
}

static void conclude(struct mm_paired *out, struct job *j)
{
	const size_t R = j->o->resamples;
	/* Equal but for the order of the sum counts as equal. */
	const double far = fabs(out->difference) * (1 - 1e-12);
	size_t count = 0;

	for (size_t r = 0; r < R; r++)
		count += j->flipped ? fabs(j->flipped[r]) >= far
				    : fabs(j->mean[r] - out->difference) >= far;
	out->p = (double)(count + 1) / (double)(R + 1);
	qsort(j->mean, R, sizeof(*j->mean), ascending);
	out->lo = quantile(j->mean, R, (1 - j->o->level) / 2);
	out->hi = quantile(j->mean, R, (1 + j->o->level) / 2);
}

static int differences(double *d, struct mm_paired *out, const double *a,
		       const double *b, size_t n, bool *none,
		       struct mm_err *err)
{
	out->difference = 0;
	*none = true;
	for (size_t i = 0; i < n; i++) {
		d[i] = b[i] - a[i];
		if (!isfinite(d[i]))
			return mm_fail(err, MM_ERR_FORMAT,
				       "sample %zu (from 0) has a figure that "
				       "is not a finite number",
				       i);
		out->difference += d[i];
		*none = *none && d[i] == 0;
	}
	out->difference /= (double)n;
	return MM_OK;
}

int mm_paired(struct mm_paired *out, const double *a, const double *b, size_t n,
	      const struct mm_paired_options *options, struct mm_err *err)
{
	const bool flip = options->test == MM_PAIRED_PERMUTATION;
	double *d = mm_malloc(n, sizeof(*d));
	struct job j = { d, n, options,
			 mm_malloc(options->resamples, sizeof(double)), NULL };
	bool none = false;
	int rc = MM_OK;

	memset(out, 0, sizeof(*out));
	out->n = n;
	out->p = 1;
	if (flip)
		j.flipped = mm_malloc(options->resamples, sizeof(double));
	if (!d || !j.mean || (flip && !j.flipped))
		rc = mm_fail_nomem(err, "resamples");
	else if (!n || n > UINT32_MAX)
		rc = mm_fail(err, MM_ERR_FORMAT,
			     "%zu samples: none, or too many", n);
	else
		rc = differences(d, out, a, b, n, &none, err);
	if (!rc && !none) {
		mm_parallel_for(options->resamples, 16, run, &j);
		conclude(out, &j);
	}
	mm_free(d);
	mm_free(j.mean);
	mm_free(j.flipped);
	return rc;
}
