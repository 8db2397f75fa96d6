/* loops.c - the loops for any CPU, and the choice; see loops.h. */
#define LOOPS mm_image_loops_plain
#include "image/loops_body.h"

const struct mm_image_loops *mm_image_loops(void)
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx512vnni") &&
	    __builtin_cpu_supports("avx512vl") &&
	    __builtin_cpu_supports("avx512bw"))
		return &mm_image_loops_vnni;
	if (__builtin_cpu_supports("avx2"))
		return &mm_image_loops_avx2;
#endif
	return &mm_image_loops_plain;
}
