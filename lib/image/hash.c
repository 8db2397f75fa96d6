/* hash.c - see hash.h. */
#include "image/hash.h"

#include <stdlib.h>
#include <string.h>

#include "image/dct32.h"

int mm_hash_distance(uint64_t a, uint64_t b)
{
	return __builtin_popcountll(a ^ b);
}

static uint64_t average(const uint8_t *p)
{
	unsigned sum = 0;
	uint64_t bits = 0;

	for (int i = 0; i < 64; i++)
		sum += p[i];
	for (int i = 0; i < 64; i++)
		bits = bits << 1 | (p[i] * 64u > sum);
	return bits;
}

static uint64_t differences(const uint8_t *p)
{
	uint64_t bits = 0;

	for (int y = 0; y < 8; y++)
		for (int x = 0; x < 8; x++)
			bits = bits << 1 | (p[y * 9 + x + 1] > p[y * 9 + x]);
	return bits;
}

static int by_value(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The first 8 x 8 of the DCT-II of 32 x 32 grey values, columns first. */
static void low_dct(double out[64], const uint8_t *p)
{
	double mid[8][32], line[32];
	struct mm_dct32 d;

	mm_dct32_init(&d);
	for (int x = 0; x < 32; x++) {
		for (int y = 0; y < 32; y++)
			line[y] = p[y * 32 + x];
		mm_dct32(&d, line);
		for (int k = 0; k < 8; k++)
			mid[k][x] = line[k];
	}
	for (int k = 0; k < 8; k++) {
		mm_dct32(&d, mid[k]);
		memcpy(out + 8 * k, mid[k], 8 * sizeof(*out));
	}
}

static uint64_t transform(const uint8_t *p)
{
	double low[64], sorted[64], median;
	uint64_t bits = 0;

	low_dct(low, p);
	for (int i = 0; i < 64; i++)
		sorted[i] = low[i];
	qsort(sorted, 64, sizeof(*sorted), by_value);
	median = (sorted[31] + sorted[32]) / 2;
	for (int i = 0; i < 64; i++)
		bits = bits << 1 | (low[i] > median);
	return bits;
}

int mm_image_hash(struct mm_image_hashes *out, const struct mm_image *im,
		  struct mm_resize_work *work, struct mm_err *err)
{
	struct mm_image grey = { 0 }, small = { 0 };
	int rc = mm_image_to_grey(&grey, im, err);

	if (!rc && !(rc = mm_image_resize(&small, &grey, 8, 8,
					  MM_FILTER_LANCZOS, work, err)))
		out->average = average(small.data);
	if (!rc && !(rc = mm_image_resize(&small, &grey, 9, 8,
					  MM_FILTER_LANCZOS, work, err)))
		out->dhash = differences(small.data);
	if (!rc && !(rc = mm_image_resize(&small, &grey, 32, 32,
					  MM_FILTER_LANCZOS, work, err)))
		out->phash = transform(small.data);
	mm_image_release(&grey);
	mm_image_release(&small);
	return rc;
}
