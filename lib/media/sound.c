/* sound.c - recordings at a rate that suits comparing; see correlate.h. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "media/correlate.h"

enum { ZEROS = 12 /* of the sinc, on each side */, MOST = 1 << 23 };

static double sinc(double x)
{
	const double a = acos(-1) * x;

	return fabs(a) < 1e-9 ? 1 : sin(a) / a;
}

int mm_sound_init(struct mm_sound *s, double from_rate, double rate,
		  struct mm_err *err)
{
	*s = (struct mm_sound){ .rate = rate, .from_rate = from_rate };
	s->cutoff = rate < from_rate ? rate / from_rate : 1;
	s->half = (size_t)ceil(ZEROS / s->cutoff);
	s->cap_in = 4 * s->half + (1 << 15);
	s->n_in = s->half; /* silence before the start */
	s->first = -(double)s->half;
	if (!(s->in = mm_calloc(s->cap_in, sizeof(*s->in))))
		return mm_fail_nomem(err, "the sound");
	return MM_OK;
}

void mm_sound_release(struct mm_sound *s)
{
	mm_free(s->at);
	mm_free(s->in);
	*s = (struct mm_sound){ 0 };
}

/* The input at time t (in its samples), low-passed. */
static double value(const struct mm_sound *s, double t)
{
	const double at = t - s->first;
	const size_t from = (size_t)ceil(at - (double)s->half);
	double sum = 0;

	for (size_t i = from; i < from + 2 * s->half && i < s->n_in; i++) {
		const double x = (double)i - at;
		const double w = cos(x / (double)s->half * acos(-1) / 2);

		sum += s->in[i] * sinc(x * s->cutoff) * w * w;
	}
	return sum * s->cutoff;
}

static int keep(struct mm_sound *s, float v, struct mm_err *err)
{
	if (s->n == s->cap) {
		const size_t cap = s->cap ? 2 * s->cap : 1 << 16;
		float *p = mm_realloc(s->at, cap, sizeof(*p));

		if (!p)
			return mm_fail_nomem(err, "the sound");
		s->at = p;
		s->cap = cap;
	}
	s->at[s->n++] = v;
	return MM_OK;
}

/* Half the rate from here on, and of what is there. */
static int halve(struct mm_sound *s, struct mm_err *err)
{
	struct mm_sound half = { 0 };
	int rc = mm_sound_match(s, s->rate / 2, err);

	if (rc)
		return rc;
	/* The input side goes on with a filter of its own. */
	rc = mm_sound_init(&half, s->from_rate, s->rate, err);
	if (rc)
		return rc;
	half.at = s->at;
	half.n = s->n;
	half.cap = s->cap;
	half.next = (double)s->n * s->from_rate / s->rate;
	mm_free(half.in);
	half.in = s->in;
	half.n_in = s->n_in;
	half.cap_in = s->cap_in;
	half.first = s->first;
	*s = half;
	return MM_OK;
}

/* Outputs whose neighbourhood is there; then what is done with goes. */
static int make(struct mm_sound *s, struct mm_err *err)
{
	const double step = s->from_rate / s->rate;
	const double last = s->first + (double)s->n_in - (double)s->half;
	size_t used;
	int rc = MM_OK;

	for (; s->next < last && !rc; s->next += step)
		rc = keep(
			s,
			(float)(s->rate < s->from_rate
					? value(s, s->next)
					: s->in[(size_t)(s->next - s->first)]),
			err);
	used = (size_t)fmax(0, s->next - s->first - 2 * (double)s->half - 2);
	if (used > s->n_in)
		used = s->n_in;
	memmove(s->in, s->in + used, (s->n_in - used) * sizeof(*s->in));
	s->n_in -= used;
	s->first += (double)used;
	return rc;
}

int mm_sound_push(struct mm_sound *s, const float *mono, size_t n,
		  struct mm_err *err)
{
	int rc = MM_OK;

	while (n && !rc) {
		const size_t room = s->cap_in - s->n_in;
		const size_t k = n < room ? n : room;

		memcpy(s->in + s->n_in, mono, k * sizeof(*mono));
		s->n_in += k;
		mono += k;
		n -= k;
		rc = make(s, err);
		if (!rc && s->n > MOST)
			rc = halve(s, err);
	}
	return rc;
}

int mm_sound_finish(struct mm_sound *s, struct mm_err *err)
{
	static const float silence[64];
	size_t left = s->half;
	int rc = MM_OK;

	while (left && !rc) {
		const size_t k = left < 64 ? left : 64;

		rc = mm_sound_push(s, silence, k, err);
		left -= k;
	}
	return rc;
}

int mm_sound_match(struct mm_sound *s, double rate, struct mm_err *err)
{
	struct mm_sound low;
	int rc;

	if (!(rate < s->rate))
		return MM_OK;
	if ((rc = mm_sound_init(&low, s->rate, rate, err)))
		return rc;
	if (!(rc = mm_sound_push(&low, s->at, s->n, err)))
		rc = mm_sound_finish(&low, err);
	mm_free(low.in);
	if (rc) {
		mm_free(low.at);
		return rc;
	}
	mm_free(s->at);
	s->at = low.at;
	s->n = low.n;
	s->cap = low.cap;
	s->rate = rate;
	return MM_OK;
}
