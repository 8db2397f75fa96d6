/* depthwise_avx512.c - depthwise convolution's loops compiled for avx512. */
#if defined(__x86_64__)
#define MM_ISA_TABLE mm_depthwise_avx512
#include "kernel/depthwise_body.h"
#else
typedef int mm_depthwise_avx512_absent;
#endif
