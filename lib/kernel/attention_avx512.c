/* attention_avx512.c - attention's tasks for AVX-512. */
#if defined(__x86_64__)
#define MM_VEC_BYTES 64
#define MM_MR	     12
#define MM_ISA_TABLE mm_attention_avx512
#include "kernel/attention_body.h"
#else
typedef int mm_attention_avx512_absent;
#endif
