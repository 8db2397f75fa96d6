/* fft.c - see fft.h. */
#include "media/fft.h"

#include <math.h>
#include <stdint.h>

#include "base/mem.h"

size_t mm_fft_size(size_t n)
{
	size_t p = 4;

	while (p < n && p <= SIZE_MAX / 4)
		p *= 2;
	return p >= n ? p : 0;
}

int mm_fft_init(struct mm_fft *f, size_t n, struct mm_err *err)
{
	const size_t half = n / 2;
	const double step = 2 * acos(-1) / (double)n;

	*f = (struct mm_fft){ .n = n };
	f->w = mm_malloc(half, 2 * sizeof(*f->w));
	f->mirror = mm_malloc(half, sizeof(*f->mirror));
	if (n < 4 || !f->w || !f->mirror) {
		mm_fft_release(f);
		return mm_fail_nomem(err, "a Fourier transform");
	}
	for (size_t k = 0; k < half; k++) {
		f->w[2 * k] = cos(step * (double)k);
		f->w[2 * k + 1] = -sin(step * (double)k);
	}
	f->mirror[0] = 0;
	for (size_t k = 1; k < half; k++)
		f->mirror[k] = f->mirror[k / 2] / 2 + (k % 2 ? half / 2 : 0);
	return MM_OK;
}

void mm_fft_release(struct mm_fft *f)
{
	mm_free(f->w);
	mm_free(f->mirror);
	*f = (struct mm_fft){ 0 };
}

static void swap_mirrored(const struct mm_fft *f, double *z)
{
	for (size_t k = 0; k < f->n / 2; k++) {
		const size_t m = f->mirror[k];

		if (m <= k)
			continue;
		for (int c = 0; c < 2; c++) {
			const double t = z[2 * k + (size_t)c];

			z[2 * k + (size_t)c] = z[2 * m + (size_t)c];
			z[2 * m + (size_t)c] = t;
		}
	}
}

/* Complex transform of n / 2 points; sign +1 forward, -1 inverse. */
static void complex_fft(const struct mm_fft *f, double *z, double sign)
{
	const size_t half = f->n / 2;

	swap_mirrored(f, z);
	for (size_t len = 1; len < half; len *= 2) {
		const size_t stride = f->n / (2 * len);

		for (size_t at = 0; at < half; at += 2 * len) {
			double *a = z + 2 * at, *b = a + 2 * len;

			for (size_t k = 0; k < len; k++) {
				const double wr = f->w[2 * k * stride];
				const double wi =
					sign * f->w[2 * k * stride + 1];
				const double br = b[2 * k], bi = b[2 * k + 1];
				const double tr = br * wr - bi * wi;
				const double ti = br * wi + bi * wr;

				b[2 * k] = a[2 * k] - tr;
				b[2 * k + 1] = a[2 * k + 1] - ti;
				a[2 * k] += tr;
				a[2 * k + 1] += ti;
			}
		}
	}
}

/*
 * Bins k and n/2 - k of the real transform from those of the complex one:
 *	E = (Z[k] + conj Z[h-k]) / 2, O = (Z[k] - conj Z[h-k]) / 2i
 *	X[k] = E + w^k O
 */
void mm_fft_forward(const struct mm_fft *f, double *x)
{
	const size_t half = f->n / 2;
	double first;

	complex_fft(f, x, 1);
	first = x[0];
	x[0] = first + x[1];
	x[2 * half] = first - x[1];
	x[1] = x[2 * half + 1] = 0;
	for (size_t k = 1; k <= half / 2; k++) {
		double *a = x + 2 * k, *b = x + 2 * (half - k);
		const double er = (a[0] + b[0]) / 2, ei = (a[1] - b[1]) / 2;
		const double or = (a[1] + b[1]) / 2, oi = (b[0] - a[0]) / 2;
		const double wr = f->w[2 * k], wi = f->w[2 * k + 1];
		const double tr = or *wr - oi * wi, ti = or *wi + oi * wr;

		a[0] = er + tr;
		a[1] = ei + ti;
		b[0] = er - tr;
		b[1] = ti - ei;
	}
}

void mm_fft_inverse(const struct mm_fft *f, double *x)
{
	const size_t half = f->n / 2;
	const double scale = 1 / (double)half, last = x[2 * half];

	x[1] = (x[0] - last) / 2;
	x[0] = (x[0] + last) / 2;
	for (size_t k = 1; k <= half / 2; k++) {
		double *a = x + 2 * k, *b = x + 2 * (half - k);
		const double er = (a[0] + b[0]) / 2, ei = (a[1] - b[1]) / 2;
		const double tr = (a[0] - b[0]) / 2, ti = (a[1] + b[1]) / 2;
		const double wr = f->w[2 * k], wi = -f->w[2 * k + 1];
		const double or = tr * wr - ti * wi, oi = tr * wi + ti * wr;

		a[0] = er - oi;
		a[1] = ei + or ;
		b[0] = er + oi;
		b[1] = or -ei;
	}
	complex_fft(f, x, -1);
	for (size_t k = 0; k < f->n; k++)
		x[k] *= scale;
}
