/* Tables, patches, rotations and noise: what moves numbers about. */
#include "kerneltest.h"

START_TEST(gather_and_scatter)
{
	enum { N = 300, C = 37, V = 11 };
	mm_real *table = kt_random(V * C, 1), *y = kt_random(N * C, 2);
	mm_real *dtable = kt_random(V * C, 3), *first = kt_random(V * C, 3);
	double *want = kt_zeros(V * C);
	int32_t ids[N];

	for (int n = 0; n < N; n++)
		ids[n] = n * n % V;
	mm_gather_fwd(y, ids, table, N, C);
	for (size_t i = 0; i < N * C; i++)
		ck_assert(y[i] == table[(size_t)ids[i / C] * C + i % C]);
	for (size_t i = 0; i < V * C; i++)
		want[i] = (double)dtable[i];
	for (size_t i = 0; i < N * C; i++)
		want[(size_t)ids[i / C] * C + i % C] += (double)y[i];
	mm_threads_set(1);
	mm_gather_bwd(first, y, ids, -1, N, C);
	mm_threads_set(3);
	mm_gather_bwd(dtable, y, ids, -1, N, C);
	kt_near("dtable", dtable, want, V * C, 1e-6);
	ck_assert_mem_eq(dtable, first, V * C * sizeof(*first));
	mm_free(table);
	mm_free(y);
	mm_free(dtable);
	mm_free(first);
	mm_free(want);
}
END_TEST

enum { B = 2, CH = 3, H = 8, W = 12, P = 4 };

/* Where pixel (c, y, x) of picture b goes. */
static size_t patch_at(size_t b, size_t c, size_t y, size_t x)
{
	const size_t row = (b * (H / P) + y / P) * (W / P) + x / P;

	return row * (CH * P * P) + (c * P + y % P) * P + x % P;
}

START_TEST(patches)
{
	enum { SIZE = B * CH * H * W };
	static float value[CH][256];
	mm_real *x = kt_random(SIZE, 1), *rows = kt_random(SIZE, 2);
	mm_real *dx = kt_random(SIZE, 3), *before = kt_random(SIZE, 3);
	uint8_t *bytes = mm_malloc(SIZE, 1);

	for (size_t i = 0; i < SIZE; i++)
		bytes[i] = (uint8_t)(i * 31 % 256);
	mm_patches_fwd(rows, x, B, CH, H, W, P);
	for (size_t i = 0; i < SIZE; i++)
		ck_assert(rows[patch_at(i / (CH * H * W), i / (H * W) % CH,
					i / W % H, i % W)] == x[i]);
	mm_patches_bwd(dx, rows, B, CH, H, W, P);
	for (size_t i = 0; i < SIZE; i++)
		ck_assert(dx[i] == before[i] + x[i]);
	for (size_t i = 0; i < CH * 256; i++)
		value[i / 256][i % 256] = (float)(i * 7 % 1000) / 8;
	mm_patches_u8_fwd(rows, bytes, (const float(*)[256])value, B, H, W, P);
	for (size_t i = 0; i < SIZE; i++) {
		const size_t c = i / (H * W) % CH;

		ck_assert(
			rows[patch_at(i / (CH * H * W), c, i / W % H, i % W)] ==
			(mm_real)value[c][bytes[i]]);
	}
	mm_pixels_u8_fwd(rows, bytes, (const float(*)[256])value, B, H * W);
	for (size_t i = 0; i < SIZE; i++)
		ck_assert(rows[i] ==
			  (mm_real)value[i / (H * W) % CH][bytes[i]]);
	mm_free(x);
	mm_free(rows);
	mm_free(dx);
	mm_free(before);
	mm_free(bytes);
}
END_TEST

/* As the definition says: Philox of the element's number / 4. */
static mm_real noise_at(uint64_t key, uint64_t e, double p)
{
	const uint32_t k[2] = { (uint32_t)key, (uint32_t)(key >> 32) };
	const uint32_t c[4] = { (uint32_t)(e / 4), (uint32_t)(e / 4 >> 32), 0,
				MM_RNG_DROPOUT };
	uint32_t out[4];

	mm_philox(out, c, k);
	return out[e % 4] < (uint32_t)(p * 4294967295.0)
		       ? 0
		       : (mm_real)(1.0 / (1.0 - p));
}

START_TEST(dropout)
{
	static const size_t firsts[] = { 0, 1, 1023, (size_t)1 << 35 };
	enum { N = 20011 };
	const uint64_t key = 0x123456789abcdef0u;
	mm_real *x = kt_random(N, 1), *y = kt_random(N, 2);

	for (int f = 0; f < 4; f++)
		KT_EACH_ISA(isa)
		{
			mm_dropout(y, 0, x, 0.3, key, firsts[f], 1, N);
			for (size_t i = 0; i < N; i++)
				ck_assert(y[i] ==
					  noise_at(key, firsts[f] + i, 0.3) *
						  x[i]);
			mm_dropout(y, 1, x, 0.3, key, firsts[f], 1, N);
			for (size_t i = 0; i < N; i++)
				ck_assert(
					y[i] ==
					2 * (noise_at(key, firsts[f] + i, 0.3) *
					     x[i]));
			mm_dropout(y, 0, x, 0.3, key, firsts[f], 7, N);
			for (size_t i = 0; i < N; i++)
				ck_assert(y[i] == noise_at(key,
							   (firsts[f] + i) / 7,
							   0.3) *
							  x[i]);
		}
	mm_free(x);
	mm_free(y);
}
END_TEST

/* Three standard deviations of a binomial. */
START_TEST(dropout_keeps_the_mean)
{
	enum { N = 1000000 };
	mm_real *x = kt_random(N, 1);
	size_t dropped = 0;

	for (size_t i = 0; i < N; i++)
		x[i] = 1;
	mm_dropout(x, 0, x, 0.25, 5, 0, 1, N);
	for (size_t i = 0; i < N; i++)
		dropped += x[i] == 0;
	ck_assert_double_eq_tol((double)dropped, 0.25 * N,
				3 * sqrt(N * 0.25 * 0.75));
	mm_free(x);
}
END_TEST

START_TEST(rope)
{
	enum { N = 6, T = 3, HEADS = 2, D = 8, LD = HEADS * D + 5 };
	const int32_t at[N] = { 2, 0, 1, 1, 2, 0 };
	mm_real *x = kt_random(N * LD, 1), *y = kt_random(N * LD, 2);
	mm_real turn[T * D];
	double *want = kt_zeros(N * LD);

	mm_rope_table(turn, 10000, 4, T, D);
	for (size_t i = 0; i < N * LD; i++)
		want[i] = (double)y[i];
	for (size_t n = 0; n < N; n++)
		for (size_t i = 0; i < HEADS * D; i++) {
			const size_t k = i % D, o = n * LD + i;
			const double a = (4 + (double)at[n]) *
					 pow(10000, -2.0 * (double)(k % 4) / D);

			want[o] = k < 4 ? (double)x[o] * cos(a) -
						  (double)x[o + 4] * sin(a)
					: (double)x[o] * cos(a) +
						  (double)x[o - 4] * sin(a);
		}
	mm_rope(y, x, turn, at, false, N, T, HEADS, D, LD);
	kt_near("y", y, want, N * LD, 1e-6);
	for (size_t i = 0; i < N * LD; i++)
		want[i] = i % LD < HEADS * D ? (double)x[i] : (double)y[i];
	mm_rope(y, y, turn, at, true, N, T, HEADS, D, LD);
	kt_near("there and back", y, want, N * LD, 1e-6);
	mm_free(x);
	mm_free(y);
	mm_free(want);
}
END_TEST

START_TEST(sums)
{
	enum { N = 40000 };
	mm_real *x = kt_random(N, 1), *y = kt_random(N, 2);
	mm_real *z = kt_random(N, 2);

	mm_add_to(y, x, N);
	for (size_t i = 0; i < N; i++)
		ck_assert(y[i] == z[i] + x[i]);
	mm_axpby(y, 2, (mm_real)0.5, x, N);
	for (size_t i = 0; i < N; i++)
		ck_assert(y[i] == 2 * (z[i] + x[i]) + (mm_real)0.5 * x[i]);
	y[7] = (mm_real)NAN; /* beta = 0 does not look at y */
	mm_axpby(y, 0, 3, x, N);
	for (size_t i = 0; i < N; i++)
		ck_assert(y[i] == 3 * x[i]);
	mm_free(x);
	mm_free(y);
	mm_free(z);
}
END_TEST

KT_MAIN("kernel_embed", gather_and_scatter, patches, dropout,
	dropout_keeps_the_mean, rope, sums)
