/* quality.c - see quality.h. */
#include "image/quality.h"

#include <math.h>
#include <stdlib.h>

/* One entry of a table as libjpeg scales it for a quality. */
static unsigned scaled(unsigned base, int quality)
{
	const unsigned scale = quality < 50 ? 5000u / (unsigned)quality
					    : 200u - 2u * (unsigned)quality;
	const unsigned v = (base * scale + 50) / 100;

	return v < 1 ? 1 : v > 255 ? 255 : v;
}

int mm_jpeg_quality(const uint16_t quant[64])
{
	/* The luma table of the JPEG standard, Annex K.1. */
	static const uint8_t base[64] = {
		16,  11,  10,  16,  24, 40, 51,	 61,  12,  12,	14,  19,  26,
		58,  60,  55,  14,  13, 16, 24,	 40,  57,  69,	56,  14,  17,
		22,  29,  51,  87,  80, 62, 18,	 22,  37,  56,	68,  109, 103,
		77,  24,  35,  55,  64, 81, 104, 113, 92,  49,	64,  78,  87,
		103, 121, 120, 101, 72, 92, 95,	 98,  112, 100, 103, 99,
	};
	unsigned long best = 0;
	int quality = 0;

	if (!quant[0])
		return 0;
	for (int q = 1; q <= 100; q++) {
		unsigned long d = 0;

		for (int i = 0; i < 64; i++)
			d += (unsigned long)labs((long)quant[i] -
						 (long)scaled(base[i], q));
		if (!quality || d <= best) {
			best = d;
			quality = q;
		}
	}
	return quality;
}

static double laplacian_variance(const struct mm_image *grey)
{
	const size_t w = grey->w;
	double sum = 0, sum2 = 0;
	size_t n = 0;

	for (size_t y = 1; y + 1 < grey->h; y++)
		for (size_t x = 1; x + 1 < w; x++, n++) {
			const uint8_t *p = grey->data + y * w + x;
			const double l =
				p[1] + *(p - 1) + p[w] + *(p - w) - 4.0 * p[0];

			sum += l;
			sum2 += l * l;
		}
	return n ? fmax(sum2 / (double)n - sum / (double)n * (sum / (double)n),
			0)
		 : 0;
}

static void histogram_figures(struct mm_image_quality *q,
			      const struct mm_image *grey)
{
	const double n = (double)(grey->w * grey->h);
	size_t count[256] = { 0 };
	double sum = 0, sum2 = 0, clipped = 0;

	for (size_t i = 0; i < grey->w * grey->h; i++)
		count[grey->data[i]]++;
	q->entropy = 0;
	for (int v = 0; v < 256; v++) {
		const double share = (double)count[v] / n;

		sum += v * share;
		sum2 += (double)v * v * share;
		if (v <= 2 || v >= 253)
			clipped += share;
		if (count[v])
			q->entropy -= share * log2(share);
	}
	q->clipped = clipped;
	q->mean = sum;
	q->contrast = sqrt(fmax(sum2 - sum * sum, 0));
	q->entropy = fmax(q->entropy, 0);
}

int mm_image_quality(struct mm_image_quality *q, const struct mm_image *im,
		     const struct mm_image_info *info,
		     struct mm_resize_work *work, struct mm_err *err)
{
	const size_t side = im->w < im->h ? im->w : im->h, want = 256;
	struct mm_image grey = { 0 }, small = { 0 };
	int rc = mm_image_to_grey(&grey, im, err);

	q->jpeg = info ? mm_jpeg_quality(info->quant) : 0;
	if (!rc) {
		histogram_figures(q, &grey);
		if (side > want)
			rc = mm_image_resize(&small, &grey, im->w * want / side,
					     im->h * want / side,
					     MM_FILTER_BILINEAR, work, err);
		if (!rc)
			q->blur = laplacian_variance(side > want ? &small
								 : &grey);
	}
	mm_image_release(&grey);
	mm_image_release(&small);
	return rc;
}
