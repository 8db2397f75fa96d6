/* cpu.c - see cpu.h.  Bits as in Intel's manual, volume 2, CPUID. */
#define _DEFAULT_SOURCE /* syscall */
#include "kernel/cpu.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif
#endif

const char *const mm_isa_names[MM_N_ISAS] = { "base", "avx2", "avx512" };

static int forced = -1;
static unsigned allowed_features = ~0u;
static struct mm_cpu cpu;

#if defined(__x86_64__)
enum { A, B, C, D };

/* Leaf 7 and its first subleaf: register, bit, feature. */
static const struct {
	int subleaf, reg, bit;
	unsigned feature;
} leaf7[] = {
	{ 0, B, 16, MM_CPU_AVX512F },	  { 0, B, 17, MM_CPU_AVX512DQ },
	{ 0, B, 30, MM_CPU_AVX512BW },	  { 0, B, 31, MM_CPU_AVX512VL },
	{ 0, C, 11, MM_CPU_AVX512_VNNI }, { 0, D, 22, MM_CPU_AMX_BF16 },
	{ 0, D, 25, MM_CPU_AMX_INT8 },	  { 1, A, 4, MM_CPU_AVX_VNNI },
	{ 1, A, 5, MM_CPU_AVX512_BF16 },
};

/* Which register files the system saves (XCR0). */
static unsigned saved_state(void)
{
	unsigned lo, hi;

	__asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
	return lo;
}

/* Linux gives the tiles' registers to a process that asks for them. */
static bool tiles_allowed(unsigned features)
{
#if defined(__linux__)
	const long ask = 0x1023, tile_data = 18; /* ARCH_REQ_XCOMP_PERM */

	return features & (MM_CPU_AMX_INT8 | MM_CPU_AMX_BF16) &&
	       !syscall(SYS_arch_prctl, ask, tile_data);
#else
	(void)features;
	return false;
#endif
}

static unsigned read_features(void)
{
	const unsigned osxsave = 1u << 27, fma = 1u << 12, f16c = 1u << 29;
	const unsigned need = osxsave | fma | f16c;
	const unsigned avx512 =
		MM_CPU_AVX512 | MM_CPU_AVX512_VNNI | MM_CPU_AVX512_BF16;
	unsigned r[2][4] = { { 0 } }, one[4], features = 0, saved;

	if (!__get_cpuid(1, &one[A], &one[B], &one[C], &one[D]) ||
	    (one[C] & need) != need ||
	    !__get_cpuid_count(7, 0, &r[0][A], &r[0][B], &r[0][C], &r[0][D]))
		return 0;
	if (r[0][A] >= 1)
		__get_cpuid_count(7, 1, &r[1][A], &r[1][B], &r[1][C], &r[1][D]);
	saved = saved_state();
	if ((saved & 0x6) != 0x6 || !(r[0][B] >> 5 & 1))
		return 0;
	for (size_t i = 0; i < sizeof(leaf7) / sizeof(*leaf7); i++)
		if (r[leaf7[i].subleaf][leaf7[i].reg] >> leaf7[i].bit & 1)
			features |= leaf7[i].feature;
	if ((saved & 0xe6) != 0xe6)
		features &= ~avx512;
	if ((saved & 0x60000) != 0x60000 || !tiles_allowed(features))
		features &= ~(unsigned)(MM_CPU_AMX_INT8 | MM_CPU_AMX_BF16);
	return features | MM_CPU_AVX2;
}

static void read_cpu(void)
{
	unsigned r[4];

	if (!__get_cpuid(0, &r[A], &r[B], &r[C], &r[D]))
		return;
	memcpy(cpu.vendor, &r[B], 4);
	memcpy(cpu.vendor + 4, &r[D], 4);
	memcpy(cpu.vendor + 8, &r[C], 4);
	if (__get_cpuid(1, &r[A], &r[B], &r[C], &r[D])) {
		const unsigned family = r[A] >> 8 & 0xf;

		cpu.family = family;
		cpu.model = r[A] >> 4 & 0xf;
		if (family == 15)
			cpu.family += r[A] >> 20 & 0xff;
		if (family == 6 || family == 15)
			cpu.model += (r[A] >> 16 & 0xf) << 4;
	}
	cpu.features = read_features();
}
#else
static void read_cpu(void)
{
}
#endif

const struct mm_cpu *mm_cpu(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, read_cpu);
	return &cpu;
}

int mm_cpu_has(unsigned features)
{
	return (mm_cpu()->features & allowed_features & features) == features;
}

void mm_isa_force(int isa)
{
	forced = isa;
}

void mm_cpu_restrict(unsigned allowed)
{
	allowed_features = allowed;
}

enum mm_isa mm_isa(void)
{
	if (forced >= 0)
		return (enum mm_isa)forced;
	if (mm_cpu_has(MM_CPU_AVX2 | MM_CPU_AVX512))
		return MM_ISA_AVX512;
	return mm_cpu_has(MM_CPU_AVX2) ? MM_ISA_AVX2 : MM_ISA_BASE;
}
