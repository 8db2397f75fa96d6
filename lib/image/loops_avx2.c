/* loops_avx2.c - the same loops for CPUs with AVX2; see loops.h. */
#if defined(__x86_64__)
#define LOOPS mm_image_loops_avx2
#include "image/loops_body.h"
#else
typedef int mm_image_no_avx2; /* a file may not be empty */
#endif
