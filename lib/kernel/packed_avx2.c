/* packed_avx2.c - packed linear layers, sums in float, for AVX2 with fused
 * multiply-add. */
#if !defined(MM_DOUBLE) && defined(__x86_64__)
#define MM_VEC_BYTES  32
#define MM_MR	      6
#define MM_EACH_R(X)  X(1) X(2) X(3) X(4) X(5) X(6)
#define MM_NAME(type) mm_packed_##type##_avx2
#define MM_WIDTH      "16"

#include <immintrin.h>
#include <stdint.h>

#include "kernel/tile_body.h"

INLINE vec widen_bf16(const char *b)
{
	const __m128i h = _mm_load_si128((const __m128i *)(const void *)b);

	return (vec)_mm256_slli_epi32(_mm256_cvtepu16_epi32(h), 16);
}

INLINE vec widen_int8(const char *b)
{
	const __m128i w = _mm_loadl_epi64((const __m128i *)(const void *)b);

	return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(w));
}

#include "kernel/packed_f32_body.h"
#else
typedef int mm_packed_avx2_absent;
#endif
