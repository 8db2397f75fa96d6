/*
 * dct32.c - DCT-II of 32 numbers, rounded as scipy rounds it.
 *
 * A perceptual hash compares coefficients with their median.  In mirrored,
 * flat or drawn pictures many are zero but for rounding, and then every bit of
 * the last place decides; so the steps are those of pocketfft (a real FFT with
 * factors 2, 4, 4 between two butterflies), in its order, and the twiddle
 * factors are made as it makes them.
 *
 * Source: Martin Reinecke's pocketfft (C++, BSD-3), as in scipy 1.
 */
#include <math.h>
#include <string.h>

#include "image/dct32.h"

enum { N = 32, NF = 3 };

struct pair {
	double r, i;
};

/* exp(2 pi i x / n) for 0 <= x < n, folded into the first octant. */
static struct pair octant(size_t x, size_t n, double ang)
{
	x *= 8;
	if (x < 4 * n) {
		if (x < 2 * n) {
			if (x < n)
				return (struct pair){ cos((double)x * ang),
						      sin((double)x * ang) };
			x = 2 * n - x;
			return (struct pair){ sin((double)x * ang),
					      cos((double)x * ang) };
		}
		x -= 2 * n;
		if (x < n)
			return (struct pair){ -sin((double)x * ang),
					      cos((double)x * ang) };
		x = 2 * n - x;
		return (struct pair){ -cos((double)x * ang),
				      sin((double)x * ang) };
	}
	x = 8 * n - x;
	const struct pair p = octant(x / 8, n, ang);

	return (struct pair){ p.r, -p.i };
}

/* The product of a coarse and a fine root, as pocketfft has it. */
static struct pair root(size_t k, size_t n)
{
	const double ang =
		(double)(0.25L * 3.141592653589793238462643383279502884197L /
			 (long double)n);
	size_t shift = 1, mask;
	struct pair a, b;

	while (((size_t)1 << shift) * ((size_t)1 << shift) < (n + 2) / 2)
		shift++;
	mask = ((size_t)1 << shift) - 1;
	if (2 * k > n) {
		a = root(n - k, n);
		return (struct pair){ a.r, -a.i };
	}
	a = octant(k & mask, n, ang);
	b = octant((k >> shift) * (mask + 1), n, ang);
	return (struct pair){ a.r * b.r - a.i * b.i, a.r * b.i + a.i * b.r };
}

void mm_dct32_init(struct mm_dct32 *d)
{
	static const size_t factor[NF] = { 2, 4, 4 };
	size_t l1 = 1;

	memset(d, 0, sizeof(*d));
	for (size_t k = 0; k < N; k++)
		d->twiddle[k] = root(k + 1, 4 * N).r;
	for (size_t f = 0; f < NF; f++) {
		const size_t ido = N / (l1 * factor[f]);

		for (size_t j = 1; j < factor[f]; j++)
			for (size_t i = 1; i <= (ido - 1) / 2; i++) {
				const struct pair p = root(j * l1 * i, N);
				double *w = d->wa[f] + (j - 1) * (ido - 1) +
					    2 * i - 2;

				w[0] = p.r;
				w[1] = p.i;
			}
		l1 *= factor[f];
	}
}

/* a = c + d, b = c - d;  a = c*e + d*f, b = c*f - d*e */
#define SUM_DIFF(a, b, c, d)                     \
	do {                                     \
		const double c_ = (c), d_ = (d); \
		(a) = c_ + d_;                   \
		(b) = c_ - d_;                   \
	} while (0)
#define ROTATE(a, b, c, d, e, f)             \
	do {                                 \
		(a) = (c) * (e) + (d) * (f); \
		(b) = (c) * (f) - (d) * (e); \
	} while (0)

/* The first pass: 2 parts of 16. */
static void radix2(double *ch, const double *cc, const double *wa)
{
	enum { IDO = 16 };
	double ti, tr;

	SUM_DIFF(ch[0], ch[IDO], cc[0], cc[2 * IDO - 1]);
	ch[IDO - 1] = 2 * cc[IDO - 1];
	ch[2 * IDO - 1] = -2 * cc[IDO];
	for (size_t i = 2; i < IDO; i += 2) {
		const size_t ic = IDO - i;

		SUM_DIFF(ch[i - 1], tr, cc[i - 1], cc[ic - 1 + IDO]);
		SUM_DIFF(ti, ch[i], cc[i], cc[ic + IDO]);
		ROTATE(ch[i + IDO], ch[i - 1 + IDO], wa[i - 2], wa[i - 1], ti,
		       tr);
	}
}

#define IN(a, b, c)  cc[(a) + ido * ((b) + 4 * (c))]
#define OUT(a, b, c) ch[(a) + ido * ((b) + l1 * (c))]
#define ROOT(x, i)   wa[(i) + (x) * (ido - 1)]

static void radix4_inner(double *ch, const double *cc, const double *wa,
			 size_t ido, size_t l1, size_t k, size_t i)
{
	const size_t m = ido - i; /* the mirrored place */
	double re[4], im[4], re_out[4], im_out[4];

	SUM_DIFF(re[0], re[1], IN(i - 1, 0, k), IN(m - 1, 3, k));
	SUM_DIFF(im[1], im[0], IN(i, 0, k), IN(m, 3, k));
	SUM_DIFF(re[3], im[2], IN(i, 2, k), IN(m, 1, k));
	SUM_DIFF(re[2], im[3], IN(i - 1, 2, k), IN(m - 1, 1, k));
	SUM_DIFF(OUT(i - 1, k, 0), re_out[2], re[0], re[2]);
	SUM_DIFF(OUT(i, k, 0), im_out[2], im[0], im[2]);
	SUM_DIFF(re_out[3], re_out[1], re[1], re[3]);
	SUM_DIFF(im_out[1], im_out[3], im[1], im[3]);
	for (size_t j = 1; j < 4; j++)
		ROTATE(OUT(i, k, j), OUT(i - 1, k, j), ROOT(j - 1, i - 2),
		       ROOT(j - 1, i - 1), im_out[j], re_out[j]);
}

static void radix4(double *ch, const double *cc, const double *wa, size_t ido,
		   size_t l1)
{
	const double sqrt2 = 1.41421356237309504880;
	double tr1, tr2, tr3, tr4, ti1, ti2;

	for (size_t k = 0; k < l1; k++) {
		SUM_DIFF(tr2, tr1, IN(0, 0, k), IN(ido - 1, 3, k));
		tr3 = 2 * IN(ido - 1, 1, k);
		tr4 = 2 * IN(0, 2, k);
		SUM_DIFF(OUT(0, k, 0), OUT(0, k, 2), tr2, tr3);
		SUM_DIFF(OUT(0, k, 3), OUT(0, k, 1), tr1, tr4);
	}
	for (size_t k = 0; ido % 2 == 0 && k < l1; k++) {
		SUM_DIFF(ti1, ti2, IN(0, 3, k), IN(0, 1, k));
		SUM_DIFF(tr2, tr1, IN(ido - 1, 0, k), IN(ido - 1, 2, k));
		OUT(ido - 1, k, 0) = tr2 + tr2;
		OUT(ido - 1, k, 1) = sqrt2 * (tr1 - ti1);
		OUT(ido - 1, k, 2) = ti2 + ti2;
		OUT(ido - 1, k, 3) = -sqrt2 * (tr1 + ti1);
	}
	for (size_t k = 0; k < l1; k++)
		for (size_t i = 2; i < ido; i += 2)
			radix4_inner(ch, cc, wa, ido, l1, k, i);
}

void mm_dct32(const struct mm_dct32 *d, double c[32])
{
	double t[N];

	c[0] *= 2;
	c[N - 1] *= 2;
	for (size_t k = 1; k < N - 1; k += 2)
		SUM_DIFF(c[k], c[k + 1], c[k + 1], c[k]);
	radix2(t, c, d->wa[0]);
	radix4(c, t, d->wa[1], 4, 2);
	radix4(t, c, d->wa[2], 1, 8);
	memcpy(c, t, sizeof(t));
	for (size_t k = 1, kc = N - 1; k < N / 2; k++, kc--) {
		const double t1 =
			d->twiddle[k - 1] * c[kc] + d->twiddle[kc - 1] * c[k];
		const double t2 =
			d->twiddle[k - 1] * c[k] - d->twiddle[kc - 1] * c[kc];

		c[k] = 0.5 * (t1 + t2);
		c[kc] = 0.5 * (t1 - t2);
	}
	c[N / 2] *= d->twiddle[N / 2 - 1];
}
