/* attention_base.c - attention's tasks for any processor (128-bit vectors). */
#define MM_VEC_BYTES 16
#define MM_MR	     4
#define MM_ISA_TABLE mm_attention_base
#include "kernel/attention_body.h"
