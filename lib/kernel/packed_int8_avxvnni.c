/*
 * packed_int8_avxvnni.c - packed int8 layers for AVX-VNNI: vpdpbusd takes
 * unsigned times signed bytes, so 128 is added to the activations and, at the
 * end, 128 times the weights' sum taken away.
 */
#if !defined(MM_DOUBLE) && defined(__AVXVNNI__)
#define MM_VEC_BYTES 32
#define MM_MR	     6
#define MM_EACH_R(X) X(1) X(2) X(3) X(4) X(5) X(6)
#define MM_STEP	     4
#define MM_X_BYTES   1
#define MM_X_OFFSET  128
#define MM_NAME	     mm_packed_int8_avxvnni
#define MM_LAYOUT    "int8x16x4"

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
	return _mm256_load_si256((const __m256i *)(const void *)b);
}

INLINE ivec dot(ivec sum, ivec x, wvec w)
{
	return _mm256_dpbusd_avx_epi32(sum, x, w);
}

INLINE int32_t pack_word(const int8_t *q)
{
	uint32_t word;

	memcpy(&word, q, sizeof(word));
	return (int32_t)(word ^ 0x80808080u);
}

#include "kernel/packed_int8_body.h"
#else
typedef int mm_packed_int8_avxvnni_absent;
#endif
