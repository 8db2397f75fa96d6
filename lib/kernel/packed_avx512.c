/* packed_avx512.c - packed linear layers, sums in float, for AVX-512. */
#if !defined(MM_DOUBLE) && defined(__x86_64__)
#define MM_VEC_BYTES 64
#define MM_MR	     12
#define MM_EACH_R(X) \
	X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12)
#define MM_NAME(type) mm_packed_##type##_avx512
#define MM_WIDTH      "32"
#include "kernel/packed_f32_body.h"
#else
typedef int mm_packed_avx512_absent;
#endif
