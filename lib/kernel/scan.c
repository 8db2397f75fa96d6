/* scan.c - picks the version; the base one is compiled here too. */
#define MM_ISA_TABLE mm_scan_base
#include "kernel/scan_body.h"

#include "kernel/cpu.h"

static const struct mm_scan_isa *isa(void)
{
#if defined(__x86_64__)
	switch (mm_isa()) {
	case MM_ISA_AVX512: return &mm_scan_avx512;
	case MM_ISA_AVX2: return &mm_scan_avx2;
	default: break;
	}
#endif
	return &mm_scan_base;
}

void mm_scan_f32(float *out, const float *rows, size_t ld, size_t N,
		 const float *q, size_t D)
{
	isa()->f32(out, rows, ld, N, q, D);
}

void mm_scan_i8(int32_t *out, const int8_t *rows, size_t N, const int8_t *q,
		size_t D)
{
	isa()->i8(out, rows, N, q, D);
}

void mm_scan_i8_four(int32_t *out, const int8_t *rows, size_t N,
		     const int8_t *q, size_t D)
{
#if defined(__x86_64__) && !defined(MM_DOUBLE)
	if (mm_isa() >= MM_ISA_AVX512 && mm_cpu_has(MM_CPU_AVX512_VNNI)) {
		mm_scan_i8_four_vnni(out, rows, N, q, D);
		return;
	}
#endif
	for (size_t k = 0; k < 4; k++)
		mm_scan_i8(out + k * N, rows, N, q + k * D, D);
}

size_t mm_scan_count_ge(const float *x, size_t n, float bound)
{
	return isa()->count_ge(x, n, bound);
}

size_t mm_scan_find(uint32_t *at, const float *x, size_t n, float bound)
{
	return isa()->find(at, x, n, bound);
}

size_t mm_scan_find_columns(uint32_t *at, const float *x, size_t N, size_t Q,
			    const float *bound)
{
	return isa()->find_columns(at, x, N, Q, bound);
}

size_t mm_scan_quantize(int8_t *q, float *scale, const float *rows, size_t N,
			size_t D)
{
	return isa()->quantize(q, scale, rows, N, D);
}
