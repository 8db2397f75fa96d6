/* attention_avx2.c - attention's tasks for AVX2 with FMA. */
#if defined(__x86_64__)
#define MM_VEC_BYTES 32
#define MM_MR	     6
#define MM_ISA_TABLE mm_attention_avx2
#include "kernel/attention_body.h"
#else
typedef int mm_attention_avx2_absent;
#endif
