/* vec_avx512.c - the inner loops compiled for avx512. */
#if defined(__x86_64__)
#define MM_ISA_TABLE mm_vec_avx512
#include "kernel/vec_body.h"
#else
typedef int mm_vec_avx512_absent;
#endif
