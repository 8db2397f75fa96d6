/* cast_avx2.c - conversions by F16C, eight at a time; see cast.h. */
#include "kernel/cast_avx2.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

enum { W = 8, RNE = _MM_FROUND_TO_NEAREST_INT };

void mm_f16_to_f32_avx2(float *y, const uint16_t *x, size_t N)
{
	size_t i = 0;

	for (; i + W <= N; i += W) {
		__m128i h;

		memcpy(&h, x + i, sizeof(h));
		_mm256_storeu_ps(y + i, _mm256_cvtph_ps(h));
	}
	for (; i < N; i++)
		y[i] = _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128(x[i])));
}

void mm_f32_to_f16_avx2(uint16_t *y, const float *x, size_t N)
{
	size_t i = 0;

	for (; i + W <= N; i += W) {
		const __m128i h = _mm256_cvtps_ph(_mm256_loadu_ps(x + i), RNE);

		memcpy(y + i, &h, sizeof(h));
	}
	for (; i < N; i++)
		y[i] = (uint16_t)_mm_extract_epi16(
			_mm_cvtps_ph(_mm_set_ss(x[i]), RNE), 0);
}
#endif
