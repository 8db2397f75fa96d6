/* gemm_avx2.c - matrix product blocks for AVX2 with fused multiply-add. */
#if defined(__x86_64__)
#define MM_VEC_BYTES 32
#define MM_MR	     6
#define MM_EACH_R(X) X(1) X(2) X(3) X(4) X(5) X(6)
#define MM_PAIR	     1
#define MM_ISA_TABLE mm_gemm_avx2
#include "kernel/gemm_body.h"
#else
typedef int mm_gemm_avx2_absent;
#endif
