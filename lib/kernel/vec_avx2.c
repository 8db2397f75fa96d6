/* vec_avx2.c - the inner loops compiled for avx2. */
#if defined(__x86_64__)
#define MM_ISA_TABLE mm_vec_avx2
#include "kernel/vec_body.h"
#else
typedef int mm_vec_avx2_absent;
#endif
