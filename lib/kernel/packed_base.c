/* packed_base.c - packed linear layers, sums in float, for any processor
 * (128-bit vectors). */
#if !defined(MM_DOUBLE)
#define MM_VEC_BYTES  16
#define MM_MR	      4
#define MM_EACH_R(X)  X(1) X(2) X(3) X(4)
#define MM_NAME(type) mm_packed_##type##_base
#define MM_WIDTH      "8"

#include <stdint.h>

#include "kernel/tile_body.h"

typedef uint32_t word4 __attribute__((vector_size(16)));
typedef uint16_t half __attribute__((may_alias));

INLINE vec widen_bf16(const char *b)
{
	const half *h = (const half *)(const void *)b;

	return (vec)((word4){ h[0], h[1], h[2], h[3] } << 16);
}

INLINE vec widen_int8(const char *b)
{
	const int8_t *w = (const int8_t *)b;

	return (vec){ w[0], w[1], w[2], w[3] };
}

#include "kernel/packed_f32_body.h"
#else
typedef int mm_packed_base_absent;
#endif
