/* packed_int8_base.c - packed int8 layers for any processor. */
#ifndef MM_DOUBLE
#define MM_VEC_BYTES 16
#define MM_MR	     4
#define MM_EACH_R(X) X(1) X(2) X(3) X(4)
#define MM_STEP	     1
#define MM_X_BYTES   4
#define MM_X_OFFSET  0
#define MM_NAME	     mm_packed_int8_base
#define MM_LAYOUT    "int8x8x1"

#include <stdint.h>

#include "kernel/tile_body.h"

typedef int32_t ivec __attribute__((vector_size(16)));
typedef ivec wvec;
typedef int8_t bytes __attribute__((vector_size(4), may_alias));
typedef ivec ivec_m __attribute__((may_alias));

INLINE ivec load_sums(const int32_t *p)
{
	return *(const ivec_m *)(const void *)p;
}

INLINE void store_sums(int32_t *p, ivec v)
{
	*(ivec_m *)(void *)p = v;
}

INLINE ivec spread(const int32_t *word)
{
	return (ivec){ *word, *word, *word, *word };
}

INLINE wvec weights(const int8_t *b)
{
	return __builtin_convertvector(*(const bytes *)(const void *)b, ivec);
}

INLINE ivec dot(ivec sum, ivec x, wvec w)
{
	return sum + x * w;
}

INLINE int32_t pack_word(const int8_t *q)
{
	return *q;
}

#include "kernel/packed_int8_body.h"
#else
typedef int mm_packed_int8_base_absent;
#endif
