/* scan_avx2.c - the loops of scan.h compiled for avx2. */
#if defined(__x86_64__)
#define MM_ISA_TABLE mm_scan_avx2
#include "kernel/scan_body.h"
#else
typedef int mm_scan_avx2_absent;
#endif
