/* clip_score.c - see clip_score.h. */
#include "metric/clip_score.h"

#include <math.h>

#include "base/buf.h"
#include "base/mem.h"
#include "metric/metric.h"

enum { FIGURES = 2 };

static double dot(const float *x, const float *y, size_t D)
{
	double s = 0;

	for (size_t d = 0; d < D; d++)
		s += (double)x[d] * (double)y[d];
	return s;
}

static int open(void **state, const void *options, struct mm_err *err)
{
	(void)options;
	*state = mm_calloc(1, sizeof(struct mm_buf));
	return *state ? MM_OK : mm_fail_nomem(err, "a metric");
}

static int add(void *state, const void *sample, struct mm_err *err)
{
	const struct mm_clip_sample *s = sample;
	const double cosine = dot(s->image, s->hyp, s->D);
	double best = 0, f[FIGURES];

	if (!isfinite(cosine))
		return mm_fail(err, MM_ERR_FORMAT,
			       "a vector holds a value that is not a finite "
			       "number");
	f[0] = cosine > 0 ? 2.5 * cosine : 0;
	for (size_t r = 0; r < s->n_refs; r++) {
		const double x = dot(s->hyp, s->ref + r * s->D, s->D);

		best = x > best ? x : best;
	}
	f[1] = f[0] > 0 && best > 0 ? 2 * f[0] * best / (f[0] + best) : 0;
	mm_buf_add(state, f, sizeof(f));
	return mm_buf_check(state, "figures", err);
}

static int result(void *state, double *value, double *each, struct mm_err *err)
{
	const struct mm_buf *all = state;
	const double *f = (const double *)(const void *)mm_buf_str(all);
	const size_t n = all->len / sizeof(*f) / FIGURES;

	(void)err;
	for (size_t k = 0; k < FIGURES; k++) {
		value[k] = 0;
		for (size_t i = 0; i < n; i++)
			value[k] += f[i * FIGURES + k] / (double)n;
	}
	for (size_t i = 0; each && i < n * FIGURES; i++)
		each[i] = f[i];
	return MM_OK;
}

static void close(void *state)
{
	if (state)
		mm_buf_release(state);
	mm_free(state);
}

static const char *const names[] = { "CLIPScore", "RefCLIPScore", NULL };

const struct mm_metric mm_metric_clip_score = {
	.task = "clip",
	.name = "CLIPScore",
	.figure = names,
	.equals = "clipscore",
	.open = open,
	.add = add,
	.result = result,
	.close = close,
};
