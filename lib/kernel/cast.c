/*
 * cast.c - see cast.h.  The plain loops; cast_avx2.c has the processor's own
 * conversion of binary16, which gives the same bits.
 */
#include "kernel/cast.h"

#include <string.h>

#include "kernel/cast_avx2.h"
#include "kernel/cpu.h"

static uint32_t bits_of(float x)
{
	uint32_t u;

	memcpy(&u, &x, sizeof(u));
	return u;
}

static float float_of(uint32_t u)
{
	float x;

	memcpy(&x, &u, sizeof(x));
	return x;
}

static float widen(uint16_t h)
{
	const uint32_t sign = (uint32_t)(h & 0x8000) << 16;
	const uint32_t e = h >> 10 & 31, f = h & 0x3ff;

	if (e == 31) /* infinity; a NaN becomes quiet */
		return float_of(sign | 0x7f800000 | f << 13 |
				(f ? 0x400000 : 0));
	if (e)
		return float_of(sign | (e + 112) << 23 | f << 13);
	/* Subnormal: f 2^-24, exact in float32. */
	return float_of(sign | bits_of((float)f * 0x1p-24f));
}

static uint16_t narrow(float x)
{
	const uint32_t u = bits_of(x), sign = u >> 16 & 0x8000;
	uint32_t a = u & 0x7fffffff;

	if (a > 0x7f800000) /* NaN */
		return (uint16_t)(sign | 0x7e00 | (a >> 13 & 0x3ff));
	if (a >= 0x47800000) /* 2^16 and more */
		return (uint16_t)(sign | 0x7c00);
	if (a < 0x38800000) {
		/* Below 2^-14: adding 1/2 leaves multiples of 2^-24, which is
		 * the step of the subnormals, rounded as the FPU rounds. */
		const float y = float_of(a) + 0.5f;

		return (uint16_t)(sign | (bits_of(y) - bits_of(0.5f)));
	}
	a += 0xfff + (a >> 13 & 1); /* may carry into the exponent: right */
	return (uint16_t)(sign | ((a >> 13) - (112 << 10)));
}

void mm_f16_to_f32(float *y, const uint16_t *x, size_t N)
{
#if defined(__x86_64__)
	if (mm_isa() >= MM_ISA_AVX2) {
		mm_f16_to_f32_avx2(y, x, N);
		return;
	}
#endif
	for (size_t i = 0; i < N; i++)
		y[i] = widen(x[i]);
}

void mm_f32_to_f16(uint16_t *y, const float *x, size_t N)
{
#if defined(__x86_64__)
	if (mm_isa() >= MM_ISA_AVX2) {
		mm_f32_to_f16_avx2(y, x, N);
		return;
	}
#endif
	for (size_t i = 0; i < N; i++)
		y[i] = narrow(x[i]);
}

void mm_bf16_to_f32(float *y, const uint16_t *x, size_t N)
{
	for (size_t i = 0; i < N; i++) {
		const uint32_t u = (uint32_t)x[i] << 16;

		memcpy(&y[i], &u, sizeof(u)); /* a signalling NaN stays so */
	}
}

void mm_f32_to_bf16(uint16_t *y, const float *x, size_t N)
{
	for (size_t i = 0; i < N; i++) {
		const uint32_t u = bits_of(x[i]);
		const uint32_t nan = (u & 0x7fffffff) > 0x7f800000;
		const uint32_t up = u + 0x7fff + (u >> 16 & 1);

		y[i] = (uint16_t)(nan ? u >> 16 | 0x40 : up >> 16);
	}
}

/* There and back, in pieces that stay in the first cache. */
static void round_by(float *x, size_t N,
		     void (*down)(uint16_t *, const float *, size_t),
		     void (*up)(float *, const uint16_t *, size_t))
{
	enum { PIECE = 1024 };
	uint16_t h[PIECE];

	for (size_t i = 0; i < N; i += PIECE) {
		const size_t n = N - i < PIECE ? N - i : PIECE;

		down(h, x + i, n);
		up(x + i, h, n);
	}
}

void mm_round_f16(float *x, size_t N)
{
	round_by(x, N, mm_f32_to_f16, mm_f16_to_f32);
}

void mm_round_bf16(float *x, size_t N)
{
	round_by(x, N, mm_f32_to_bf16, mm_bf16_to_f32);
}
