/* batchnorm_avx512.c - batch norm's loops compiled for avx512. */
#if defined(__x86_64__)
#define MM_ISA_TABLE mm_batchnorm_avx512
#include "kernel/batchnorm_body.h"
#else
typedef int mm_batchnorm_avx512_absent;
#endif
