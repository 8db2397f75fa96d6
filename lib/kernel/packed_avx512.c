/* packed_avx512.c - packed linear layers, sums in float, for AVX-512. */
#if !defined(MM_DOUBLE) && defined(__x86_64__)
#define MM_VEC_BYTES 64
#define MM_MR	     12
#define MM_EACH_R(X) \
	X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12)
#define MM_NAME(type) mm_packed_##type##_avx512
#define MM_WIDTH      "32"

#include <immintrin.h>
#include <stdint.h>

#include "kernel/tile_body.h"

INLINE vec widen_bf16(const char *b)
{
	const __m256i h = _mm256_load_si256((const __m256i *)(const void *)b);

	return (vec)_mm512_slli_epi32(_mm512_cvtepu16_epi32(h), 16);
}

INLINE vec widen_int8(const char *b)
{
	const __m128i w = _mm_load_si128((const __m128i *)(const void *)b);

	return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(w));
}

#include "kernel/packed_f32_body.h"
#else
typedef int mm_packed_avx512_absent;
#endif
