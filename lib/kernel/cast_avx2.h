/* cast_avx2.h - conversions by F16C; private to lib/kernel, see cast.h. */
#ifndef MM_KERNEL_CAST_AVX2_H
#define MM_KERNEL_CAST_AVX2_H

#include <stddef.h>
#include <stdint.h>

void mm_f16_to_f32_avx2(float *y, const uint16_t *x, size_t N);
void mm_f32_to_f16_avx2(uint16_t *y, const float *x, size_t N);

#endif
