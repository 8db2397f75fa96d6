/* gemm_base.c - matrix product blocks for any processor (128-bit vectors). */
#define MM_VEC_BYTES 16
#define MM_MR	     4
#define MM_EACH_R(X) X(1) X(2) X(3) X(4)
#define MM_PAIR	     1
#define MM_ISA_TABLE mm_gemm_base
#include "kernel/gemm_body.h"
