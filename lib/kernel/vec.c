/* vec.c - picks the table; the base level is compiled here too. */
#define MM_ISA_TABLE mm_vec_base
#include "kernel/vec_body.h"

#include "kernel/cpu.h"

const struct mm_vec *mm_vec(void)
{
#if defined(__x86_64__)
	switch (mm_isa()) {
	case MM_ISA_AVX512: return &mm_vec_avx512;
	case MM_ISA_AVX2: return &mm_vec_avx2;
	default: break;
	}
#endif
	return &mm_vec_base;
}
