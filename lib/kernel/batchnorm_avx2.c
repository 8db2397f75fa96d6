/* batchnorm_avx2.c - batch norm's loops compiled for avx2. */
#if defined(__x86_64__)
#define MM_ISA_TABLE mm_batchnorm_avx2
#include "kernel/batchnorm_body.h"
#else
typedef int mm_batchnorm_avx2_absent;
#endif
