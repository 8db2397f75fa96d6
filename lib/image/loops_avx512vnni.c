/* loops_avx512vnni.c - the same loops for CPUs with VNNI; see loops.h. */
#if defined(__x86_64__)
#define LOOPS mm_image_loops_vnni
#define LOOPS_DOT
#include "image/loops_body.h"
#else
typedef int mm_image_no_vnni; /* a file may not be empty */
#endif
