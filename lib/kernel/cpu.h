/*
 * cpu.h - which instructions this processor has, and which of them are used.
 *
 * A kernel that exists in several versions picks one by level (mm_isa) or, for
 * the narrow formats, by feature.  Features count only where the operating
 * system saves the registers that they need.
 */
#ifndef MM_KERNEL_CPU_H
#define MM_KERNEL_CPU_H

/* Levels; each includes the ones before it.  AVX512 means F, BW, DQ and VL. */
enum mm_isa { MM_ISA_BASE, MM_ISA_AVX2, MM_ISA_AVX512, MM_N_ISAS };

extern const char *const mm_isa_names[MM_N_ISAS];

/* Features, as bits. */
enum mm_cpu_feature {
	MM_CPU_AVX2 = 1 << 0, /* with FMA and F16C */
	MM_CPU_AVX512F = 1 << 1,
	MM_CPU_AVX512BW = 1 << 2,
	MM_CPU_AVX512DQ = 1 << 3,
	MM_CPU_AVX512VL = 1 << 4,
	MM_CPU_AVX_VNNI = 1 << 5,    /* vpdpbusd on 256 bits, VEX encoded */
	MM_CPU_AVX512_VNNI = 1 << 6, /* vpdpbusd on 512 bits              */
	MM_CPU_AVX512_BF16 = 1 << 7, /* vdpbf16ps                         */
	MM_CPU_AMX_INT8 = 1 << 8,
	MM_CPU_AMX_BF16 = 1 << 9,

	MM_CPU_AVX512 = MM_CPU_AVX512F | MM_CPU_AVX512BW | MM_CPU_AVX512DQ |
			MM_CPU_AVX512VL,
};

struct mm_cpu {
	char vendor[13]; /* "GenuineIntel", "AuthenticAMD", ... or ""       */
	unsigned family, model; /* display family and model, as vendors print */
	unsigned features; /* all that the processor and system offer        */
};

/* The processor; read once, any thread. */
const struct mm_cpu *mm_cpu(void);

/* Are all of these features there, and allowed (see below)? */
int mm_cpu_has(unsigned features);

/* The best level of this processor, or the one forced below. */
enum mm_isa mm_isa(void);

/*
 * For tests, not thread-safe.  mm_isa_force: use `isa` (it must not exceed the
 * processor); -1: the best.  mm_cpu_restrict: forget every feature that is not
 * in `allowed`; ~0u allows all.
 */
void mm_isa_force(int isa);
void mm_cpu_restrict(unsigned allowed);

#endif
