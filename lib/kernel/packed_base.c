/* packed_base.c - packed linear layers, sums in float, for any processor
 * (128-bit vectors). */
#if !defined(MM_DOUBLE)
#define MM_VEC_BYTES  16
#define MM_MR	      4
#define MM_EACH_R(X)  X(1) X(2) X(3) X(4)
#define MM_NAME(type) mm_packed_##type##_base
#define MM_WIDTH      "8"
#include "kernel/packed_f32_body.h"
#else
typedef int mm_packed_base_absent;
#endif
