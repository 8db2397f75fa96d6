/* scan_avx512.c - the loops of scan.h compiled for avx512. */
#if defined(__x86_64__)
#define MM_ISA_TABLE mm_scan_avx512
#include "kernel/scan_body.h"
#else
typedef int mm_scan_avx512_absent;
#endif
