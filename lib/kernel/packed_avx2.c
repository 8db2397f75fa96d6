/* packed_avx2.c - packed linear layers, sums in float, for AVX2 with fused
 * multiply-add. */
#if !defined(MM_DOUBLE) && defined(__x86_64__)
#define MM_VEC_BYTES  32
#define MM_MR	      6
#define MM_EACH_R(X)  X(1) X(2) X(3) X(4) X(5) X(6)
#define MM_NAME(type) mm_packed_##type##_avx2
#define MM_WIDTH      "16"
#include "kernel/packed_f32_body.h"
#else
typedef int mm_packed_avx2_absent;
#endif
