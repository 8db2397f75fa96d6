/*
 * packed_int8_avx512vnni.c - packed int8 layers for AVX512-VNNI: vpdpbusd takes
 * unsigned times signed bytes, so 128 is added to the activations and, at the
 * end, 128 times the weights' sum taken away.
 */
#if !defined(MM_DOUBLE) && defined(__AVX512VNNI__)
#define MM_VEC_BYTES 64
#define MM_MR	     12
#define MM_EACH_R(X) \
	X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12)
#define MM_STEP	    4
#define MM_X_BYTES  1
#define MM_X_OFFSET 128
#define MM_NAME	    mm_packed_int8_avx512vnni
#define MM_LAYOUT   "int8x32x4"

#include <immintrin.h>
#include <stdint.h>

#include "kernel/tile_body.h"

typedef __m512i ivec;
typedef __m512i wvec;

INLINE ivec load_sums(const int32_t *p)
{
	return _mm512_load_si512((const __m512i *)(const void *)p);
}

INLINE void store_sums(int32_t *p, ivec v)
{
	_mm512_store_si512((__m512i *)(void *)p, v);
}

INLINE ivec spread(const int32_t *word)
{
	return _mm512_set1_epi32(*word);
}

INLINE wvec weights(const int8_t *b)
{
	return _mm512_load_si512((const __m512i *)(const void *)b);
}

INLINE ivec dot(ivec sum, ivec x, wvec w)
{
	return _mm512_dpbusd_epi32(sum, x, w);
}

INLINE int32_t pack_word(const int8_t *q)
{
	uint32_t word;

	memcpy(&word, q, sizeof(word));
	return (int32_t)(word ^ 0x80808080u);
}

#include "kernel/packed_int8_body.h"
#else
typedef int mm_packed_int8_avx512vnni_absent;
#endif
