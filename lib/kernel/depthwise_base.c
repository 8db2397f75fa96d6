/* depthwise_base.c - depthwise convolution's loops for any processor. */
#define MM_ISA_TABLE mm_depthwise_base
#include "kernel/depthwise_body.h"
