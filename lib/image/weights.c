/*
 * weights.c - filters and their tables of weights; see weights.h.
 *
 * Source: Pillow 13 Resample.c (precompute_coeffs, normalize_coeffs_8bpc).
 */
#include "image/weights.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

const char *mm_filter_name(enum mm_filter f)
{
	static const char *const name[MM_N_FILTERS] = {
		"nearest", "lanczos", "bilinear", "bicubic", "box", "hamming",
	};

	return name[f];
}

bool mm_filter_parse(enum mm_filter *f, const char *name)
{
	for (int i = 0; i < MM_N_FILTERS; i++)
		if (!strcasecmp(name, mm_filter_name((enum mm_filter)i))) {
			*f = (enum mm_filter)i;
			return true;
		}
	return false;
}

void mm_resize_work_release(struct mm_resize_work *w)
{
	for (size_t i = 0; i < MM_RESIZE_SLOTS; i++)
		mm_free(w->mem[i]);
	mm_image_release(&w->pre);
	memset(w, 0, sizeof(*w));
}

void *mm_resize_room(struct mm_resize_work *w, size_t i, size_t n, size_t size)
{
	size_t bytes;

	if (!mm_mul_ok(&bytes, n, size))
		return NULL;
	if (bytes > w->cap[i] || !w->mem[i]) {
		mm_free(w->mem[i]);
		w->cap[i] = 0;
		if (!(w->mem[i] = mm_malloc(bytes, 1)))
			return NULL;
		w->cap[i] = bytes;
	}
	return w->mem[i];
}

/* ---- filters ---- */

static double sinc(double x)
{
	const double pi = 3.14159265358979323846;

	return x == 0 ? 1 : sin(x * pi) / (x * pi);
}

static double weight(enum mm_filter f, double x)
{
	const double pi = 3.14159265358979323846, a = -0.5;

	switch (f) {
	case MM_FILTER_BOX: return x > -0.5 && x <= 0.5;
	case MM_FILTER_BILINEAR: return fabs(x) < 1 ? 1 - fabs(x) : 0;
	case MM_FILTER_HAMMING: /* the constants are floats there */
		x = fabs(x) * pi;
		if (x == 0)
			return 1;
		return x >= pi ? 0
			       : sin(x) / x *
					 ((double)0.54f +
					  (double)0.46f * cos(x));
	case MM_FILTER_BICUBIC:
		x = fabs(x);
		if (x < 1)
			return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
		return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
	case MM_FILTER_LANCZOS:
		return -3 <= x && x < 3 ? sinc(x) * sinc(x / 3) : 0;
	default: return 0; /* nearest has no weights */
	}
}

static double radius(enum mm_filter f)
{
	static const double r[MM_N_FILTERS] = {
		[MM_FILTER_LANCZOS] = 3, [MM_FILTER_BILINEAR] = 1,
		[MM_FILTER_BICUBIC] = 2, [MM_FILTER_BOX] = 0.5,
		[MM_FILTER_HAMMING] = 1,
	};

	return r[f];
}

/* Source pixels that output i looks at. */
static void reach(const struct mm_side *s, size_t i, size_t *lo, size_t *hi)
{
	const double scale = (double)s->in / (double)s->out;
	const double support = radius(s->f) * (scale < 1 ? 1 : scale);
	const double c = ((double)i + 0.5) * scale;
	const double a = c - support + 0.5, b = c + support + 0.5;

	*lo = a < 0 ? 0 : (size_t)a;
	*hi = b > (double)s->in ? s->in : (size_t)b;
	if (*lo > *hi)
		*lo = *hi;
}

void mm_resize_reach(size_t *lo, size_t *hi, size_t in, size_t out, size_t x,
		     size_t cw, enum mm_filter f)
{
	const struct mm_side s = { in, out, f };
	size_t skip;

	if (in == out) {
		*lo = x;
		*hi = x + cw;
	} else if (f == MM_FILTER_NEAREST) { /* a running sum: be generous */
		const double scale = (double)in / (double)out;
		const double a = (double)x * scale - 1;
		const double b = (double)(x + cw) * scale + 2;

		*lo = a < 0 ? 0 : (size_t)a;
		*hi = b > (double)in ? in : (size_t)b;
	} else {
		reach(&s, x, lo, &skip);
		reach(&s, x + cw - 1, &skip, hi);
	}
}

size_t mm_weights_double(const struct mm_side *s, size_t i, size_t *lo,
			 double *k)
{
	const double scale = (double)s->in / (double)s->out;
	const double step = 1.0 / (scale < 1 ? 1 : scale);
	const double c = ((double)i + 0.5) * scale;
	double sum = 0;
	size_t hi;

	reach(s, i, lo, &hi);
	for (size_t j = *lo; j < hi; j++) {
		k[j - *lo] = weight(s->f, ((double)j - c + 0.5) * step);
		sum += k[j - *lo];
	}
	for (size_t j = 0; sum != 0 && j < hi - *lo; j++)
		k[j] /= sum;
	return hi - *lo;
}

size_t mm_weights_taps(const struct mm_side *s)
{
	const double scale = (double)s->in / (double)s->out;

	return (size_t)ceil(radius(s->f) * (scale < 1 ? 1 : scale)) * 2 + 1;
}

int mm_weights_int(struct mm_weights *t, const struct mm_side *s, size_t x,
		   size_t cw, struct mm_resize_work *work, size_t slot,
		   struct mm_err *err)
{
	const struct mm_resize_key key = { s->in, s->out, x, cw, s->f };
	const size_t taps = mm_weights_taps(s);
	size_t words, lo;
	uint32_t *m;
	double *k;

	if (s->in > UINT32_MAX || !mm_mul_ok(&words, cw, taps + 2) ||
	    !mm_add_ok(&words, words, 2 * taps + 2) ||
	    !(m = mm_resize_room(work, slot, words, 4)))
		return mm_fail_nomem(err, "resize weights");
	t->taps = taps;
	t->lo = m;
	t->n = m + cw;
	t->w = (const int32_t *)m + 2 * cw;
	if (!memcmp(&work->key[slot], &key, sizeof(key)))
		return MM_OK;
	memset(&work->key[slot], 0, sizeof(key));
	if (!(k = mm_resize_room(work, MM_RESIZE_DOUBLES, taps, sizeof(*k))))
		return mm_fail_nomem(err, "resize weights");
	for (size_t i = 0; i < cw; i++) {
		const size_t n = mm_weights_double(s, x + i, &lo, k);
		int32_t *w = (int32_t *)m + 2 * cw + i * taps;

		m[i] = (uint32_t)lo;
		m[cw + i] = (uint32_t)n;
		for (size_t j = 0; j < n; j++)
			w[j] = (int32_t)(k[j] * (1 << MM_WEIGHT_BITS) +
					 (k[j] < 0 ? -0.5 : 0.5));
	}
	work->key[slot] = key;
	return MM_OK;
}
