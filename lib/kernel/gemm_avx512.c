/* gemm_avx512.c - matrix product blocks for AVX-512. */
#if defined(__x86_64__)
#define MM_VEC_BYTES 64
#define MM_MR	     12
#define MM_EACH_R(X) \
	X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12)
#define MM_PAIR	     1
#define MM_ISA_TABLE mm_gemm_avx512
#include "kernel/gemm_body.h"
#else
typedef int mm_gemm_avx512_absent;
#endif
