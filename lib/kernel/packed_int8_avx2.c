/*
 * packed_int8_avx2.c - packed int8 layers for AVX2.  Weights are widened to 16
 * bits as they are read and multiplied by vpmaddwd: vpmaddubsw would take
 * bytes, but its sums of two products saturate at 16 bits.
 */
#if !defined(MM_DOUBLE) && defined(__x86_64__)
#define MM_VEC_BYTES 32
#define MM_MR	     6
#define MM_EACH_R(X) X(1) X(2) X(3) X(4) X(5) X(6)
#define MM_STEP	     2
#define MM_X_BYTES   2
#define MM_X_OFFSET  0
#define MM_NAME	     mm_packed_int8_avx2
#define MM_LAYOUT    "int8x16x2"

#include <immintrin.h>
#include <stdint.h>

#include "kernel/tile_body.h"

typedef __m256i ivec;
typedef __m256i wvec;

INLINE ivec load_sums(const int32_t *p)
{
	return _mm256_load_si256((const __m256i *)(const void *)p);
}

INLINE void store_sums(int32_t *p, ivec v)
{
	_mm256_store_si256((__m256i *)(void *)p, v);
}

INLINE ivec spread(const int32_t *word)
{
	return _mm256_set1_epi32(*word);
}

INLINE wvec weights(const int8_t *b)
{
	return _mm256_cvtepi8_epi16(
		_mm_load_si128((const __m128i *)(const void *)b));
}

INLINE ivec dot(ivec sum, ivec x, wvec w)
{
	return _mm256_add_epi32(sum, _mm256_madd_epi16(x, w));
}

INLINE int32_t pack_word(const int8_t *q)
{
	return (int32_t)((uint32_t)(uint16_t)q[0] | (uint32_t)(uint16_t)q[1]
							    << 16);
}

#include "kernel/packed_int8_body.h"
#else
typedef int mm_packed_int8_avx2_absent;
#endif
