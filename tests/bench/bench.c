/* bench.c - see bench.h. */
#include "bench.h"

#include <stdint.h>
#include <stdio.h>
#include <time.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "base/mem.h"
#include "base/parallel.h"
#include "kernel/blas.h"
#include "kernel/cpu.h"
#include "kernel/gemm.h"

double bench_now(void)
{
	struct timespec t;

	/* One thread: what others do on the machine does not count. */
	clock_gettime(mm_threads() == 1 ? CLOCK_PROCESS_CPUTIME_ID
					: CLOCK_MONOTONIC,
		      &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double bench_best(void (*fn)(void *ctx), void *ctx, double seconds)
{
	const double start = bench_now();
	double best = 1e30;

	for (int i = 0; i < 5 || bench_now() - start < seconds; i++) {
		const double t = bench_now();
		double took;

		fn(ctx);
		took = bench_now() - t;
		best = took < best ? took : best;
	}
	return best;
}

/* ---- loops in registers: SUMS chains hide the latency ---- */

enum { SUMS = 12, TURNS = 200000 };

typedef void turns_fn(float *out);

/*
 * `step` on SUMS values of `type`.  Empty assembly that may change the sum and
 * x keeps the compiler from doing the work once.
 */
#define LOOP(name, options, type, reg, zero, step)                             \
	__attribute__((target(options), noinline)) static void name(           \
		float *out)                                                    \
	{                                                                      \
		type s[SUMS], x = zero, y = zero;                              \
                                                                               \
		EACH_SUM s[i] = zero;                                          \
		__asm__ volatile("" : "+" reg(x), "+" reg(y));                 \
		for (int t = 0; t < TURNS; t++)                                \
			EACH_SUM                                               \
			{                                                      \
				s[i] = step;                                   \
				__asm__ volatile(""                            \
						 : "+" reg(s[i]), "+" reg(x)); \
			}                                                      \
		EACH_SUM x += s[i];                                            \
		*out = (float)x[0];                                            \
	}
#define EACH_SUM _Pragma("GCC unroll 16") for (int i = 0; i < SUMS; i++)

#if defined(__x86_64__)
LOOP(fma_avx512, "avx512f", __m512, "v", _mm512_setzero_ps(),
     _mm512_fmadd_ps(s[i], x, y))
LOOP(fma_avx2, "avx2,fma", __m256, "x", _mm256_setzero_ps(),
     _mm256_fmadd_ps(s[i], x, y))
LOOP(bf16_avx512, "avx512f,avx512bf16", __m512, "v", _mm512_setzero_ps(),
     _mm512_dpbf16_ps(s[i], (__m512bh)x, (__m512bh)y))
LOOP(dot_avx512vnni, "avx512f,avx512vnni", __m512i, "v", _mm512_setzero_si512(),
     _mm512_dpbusd_epi32(s[i], x, y))
LOOP(dot_avxvnni, "avx2,avxvnni", __m256i, "x", _mm256_setzero_si256(),
     _mm256_dpbusd_avx_epi32(s[i], x, y))
LOOP(dot_avx2, "avx2", __m256i, "x", _mm256_setzero_si256(),
     _mm256_add_epi32(s[i], _mm256_madd_epi16(x, y)))
#endif

/* Any processor: four numbers at a time, a multiplication and an addition. */
typedef float four __attribute__((vector_size(16)));

static void fma_base(float *out)
{
	four s[SUMS] = { { 0 } }, x = { 1 }, y = { 1 };

	for (int t = 0; t < TURNS; t++)
#pragma GCC unroll 16
		for (int i = 0; i < SUMS; i++)
			s[i] = s[i] * x + y;
	for (int i = 1; i < SUMS; i++)
		s[0] += s[i];
	*out = s[0][0];
}

struct loop {
	turns_fn *fn;
	double per_turn; /* operations of each of the SUMS steps */
	float sink[64];
};

static void turn_some(void *ctx, size_t begin, size_t end)
{
	struct loop *l = ctx;

	for (size_t i = begin; i < end; i++)
		l->fn(&l->sink[i % 64]);
}

static void turn(void *ctx)
{
	mm_parallel_for((size_t)mm_threads(), 1, turn_some, ctx);
}

static double loop_rate(struct loop *l)
{
	const double work = l->per_turn * SUMS * TURNS * mm_threads();

	return work / bench_best(turn, l, 0.2) * 1e-9;
}

double bench_fma_peak(void)
{
	static double peak;
	struct loop l = { .fn = fma_base, .per_turn = 8 };

#if defined(__x86_64__)
	if (mm_isa() >= MM_ISA_AVX2)
		l = (struct loop){ .fn = fma_avx2, .per_turn = 16 };
	if (mm_isa() >= MM_ISA_AVX512)
		l = (struct loop){ .fn = fma_avx512, .per_turn = 32 };
#endif
	if (peak <= 0)
		peak = loop_rate(&l);
	return peak;
}

double bench_bf16_peak(void)
{
#if defined(__x86_64__)
	static double peak;
	struct loop l = { .fn = bf16_avx512, .per_turn = 64 };

	if (mm_cpu_has(MM_CPU_AVX512_BF16)) {
		if (peak <= 0)
			peak = loop_rate(&l);
		return peak;
	}
#endif
	return bench_fma_peak();
}

double bench_dot_peak(void)
{
	static double peak;
	struct loop l = { .fn = fma_base, .per_turn = 8 };

#if defined(__x86_64__)
	if (mm_isa() >= MM_ISA_AVX2)
		l = (struct loop){ .fn = dot_avx2, .per_turn = 32 };
	if (mm_cpu_has(MM_CPU_AVX_VNNI))
		l = (struct loop){ .fn = dot_avxvnni, .per_turn = 64 };
	if (mm_cpu_has(MM_CPU_AVX512_VNNI))
		l = (struct loop){ .fn = dot_avx512vnni, .per_turn = 128 };
#endif
	if (peak <= 0)
		peak = loop_rate(&l);
	return peak;
}

/* ---- memory ---- */

enum { READ_FLOATS = 64 << 20, READ_BLOCK = 1 << 20 };

struct reading {
	const float *x;
	float sums[READ_FLOATS / READ_BLOCK];
};

static void read_some(void *ctx, size_t begin, size_t end)
{
	struct reading *r = ctx;
	four s[8] = { { 0 } };

	for (size_t i = begin; i < end; i += 32)
#pragma GCC unroll 8
		for (size_t k = 0; k < 8; k++)
			s[k] += *(const four *)(const void *)(r->x + i + 4 * k);
	for (size_t k = 1; k < 8; k++)
		s[0] += s[k];
	r->sums[begin / READ_BLOCK] = s[0][0];
}

static void read_all(void *ctx)
{
	mm_parallel_for(READ_FLOATS, READ_BLOCK, read_some, ctx);
}

double bench_read_peak(void)
{
	static double peak;
	struct reading r;
	float *x;

	if (peak > 0)
		return peak;
	x = mm_malloc(READ_FLOATS, sizeof(*x));
	if (!x)
		return 0;
	for (size_t i = 0; i < READ_FLOATS; i++)
		x[i] = 1;
	r.x = x;
	peak = READ_FLOATS * sizeof(*x) / bench_best(read_all, &r, 0.3) * 1e-9;
	mm_free(x);
	return peak;
}

/* ---- the best large product ---- */

enum { S = 1024, S_BLOCK = 128 };

struct square {
	float *A, *B, *C;
};

static void square_own(void *ctx)
{
	const struct square *q = ctx;

	mm_gemm(false, false, S, S, S, 1, q->A, S, q->B, S, 0, q->C, S);
}

static void blas_some(void *ctx, size_t begin, size_t end)
{
	const struct square *q = ctx;

	mm_blas_gemm(false, false, end - begin, S, S, 1, q->A + begin * S, S,
		     q->B, S, 0, q->C + begin * S, S);
}

static void square_blas(void *ctx)
{
	mm_parallel_for(S, S_BLOCK, blas_some, ctx);
}

double bench_sgemm_peak(void)
{
	static double peak;
	const double work = 2.0 * S * S * S * 1e-9;
	struct square q;

	if (peak > 0)
		return peak;
	q.A = mm_calloc(S * S, sizeof(float));
	q.B = mm_calloc(S * S, sizeof(float));
	q.C = mm_calloc(S * S, sizeof(float));
	if (q.A && q.B && q.C) {
		peak = work / bench_best(square_own, &q, 0.4);
		if (mm_blas_core()) {
			const double blas =
				work / bench_best(square_blas, &q, 0.4);

			peak = blas > peak ? blas : peak;
		}
	}
	mm_free(q.A);
	mm_free(q.B);
	mm_free(q.C);
	return peak;
}

/* ---- printing ---- */

void bench_print_machine(void)
{
	const char *core = mm_blas_core();

	printf("%s family %u model %u, level %s, OpenBLAS core %s, %d "
	       "threads\n",
	       mm_cpu()->vendor, mm_cpu()->family, mm_cpu()->model,
	       mm_isa_names[mm_isa()], core ? core : "(none)", mm_threads());
	printf("peaks: fma %.1f GF/s, sgemm %.1f GF/s, bf16 %.1f GF/s, int8 dot "
	       "%.1f GOP/s, memory %.1f GB/s\n",
	       bench_fma_peak(), bench_sgemm_peak(), bench_bf16_peak(),
	       bench_dot_peak(), bench_read_peak());
}

void bench_print(const char *name, double work, double seconds,
		 const char *unit, double peak)
{
	const double rate = work / seconds * 1e-9;

	printf("%-44s %9.3f ms %8.1f %s", name, seconds * 1e3, rate, unit);
	if (peak > 0)
		printf("  %.2f", rate / peak);
	printf("\n");
	fflush(stdout);
}
