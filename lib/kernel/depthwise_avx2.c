/* depthwise_avx2.c - depthwise convolution's loops compiled for avx2. */
#if defined(__x86_64__)
#define MM_ISA_TABLE mm_depthwise_avx2
#include "kernel/depthwise_body.h"
#else
typedef int mm_depthwise_avx2_absent;
#endif
