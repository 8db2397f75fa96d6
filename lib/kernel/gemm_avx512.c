/* gemm_avx512.c - matrix product blocks for AVX-512 with fused multiply-add. */
#if defined(__x86_64__)
#define MM_VEC_BYTES 64
#define MM_MR	     12
#define MM_ISA_TABLE mm_gemm_avx512
#include "kernel/gemm_body.h"
#else
typedef int mm_gemm_avx512_absent;
#endif
