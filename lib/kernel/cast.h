/*
 * cast.h - between float32 and the short floating-point formats.
 *
 *	f16	IEEE 754 binary16: 1 sign, 5 exponent, 10 fraction bits
 *	bf16	the upper half of a float32: 1, 8, 7
 *
 * Widening is exact.  Narrowing rounds to the nearest, ties to even; what is
 * too large becomes infinity; a NaN keeps its sign and the upper bits of its
 * payload and becomes quiet.  The same bits on every instruction set.
 */
#ifndef MM_KERNEL_CAST_H
#define MM_KERNEL_CAST_H

#include <stddef.h>
#include <stdint.h>

/* y (N) = x (N); the arrays must not overlap. */
void mm_f16_to_f32(float *y, const uint16_t *x, size_t N);
void mm_bf16_to_f32(float *y, const uint16_t *x, size_t N);
void mm_f32_to_f16(uint16_t *y, const float *x, size_t N);
void mm_f32_to_bf16(uint16_t *y, const float *x, size_t N);

/* x (N) to the nearest number of the short format, in place. */
void mm_round_f16(float *x, size_t N);
void mm_round_bf16(float *x, size_t N);

#endif
