/* cpu.c - see cpu.h. */
#include "kernel/cpu.h"

const char *const mm_isa_names[MM_N_ISAS] = { "base", "avx2", "avx512" };

static int forced = -1;

void mm_isa_force(int isa)
{
	forced = isa;
}

static enum mm_isa best(void)
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx512f") &&
	    __builtin_cpu_supports("avx512bw") &&
	    __builtin_cpu_supports("avx512dq") &&
	    __builtin_cpu_supports("avx512vl"))
		return MM_ISA_AVX512;
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
		return MM_ISA_AVX2;
#endif
	return MM_ISA_BASE;
}

enum mm_isa mm_isa(void)
{
	static int known = -1;

	if (forced >= 0)
		return (enum mm_isa)forced;
	if (known < 0)
		known = (int)best();
	return (enum mm_isa)known;
}
