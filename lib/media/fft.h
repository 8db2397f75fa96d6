/*
 * fft.h - discrete Fourier transform of real signals, powers of two.
 *
 * Cooley and Tukey, radix 2, in double precision: a real transform of n points
 * is a complex one of n / 2 and a last step.  One plan may be used by several
 * threads at once.
 */
#ifndef MM_MEDIA_FFT_H
#define MM_MEDIA_FFT_H

#include <stddef.h>

#include "base/err.h"

struct mm_fft {
	size_t n;	/* points, a power of two >= 4 */
	double *w;	/* n / 2 roots of unity: cos, -sin of 2 pi k / n */
	size_t *mirror; /* of each k < n / 2, its bits reversed */
};

/* The least power of two >= n; 0 where there is none. */
size_t mm_fft_size(size_t n);

int mm_fft_init(struct mm_fft *f, size_t n, struct mm_err *err) MM_MUST_CHECK;
void mm_fft_release(struct mm_fft *f); /* safe on zeros */

/*
 * In place.  x holds n + 2 doubles:
 *
 *	time	x[0..n)
 *	bins	re, im of k = 0 .. n / 2
 *
 *	forward	X[k] = sum_t x[t] exp(-2 pi i k t / n)
 *	inverse	x[t] = 1/n sum_k X[k] exp(2 pi i k t / n)
 */
void mm_fft_forward(const struct mm_fft *f, double *x);
void mm_fft_inverse(const struct mm_fft *f, double *x);

#endif
