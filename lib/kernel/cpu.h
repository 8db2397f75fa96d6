/* cpu.h - which instructions this processor has, and which level is in use. */
#ifndef MM_KERNEL_CPU_H
#define MM_KERNEL_CPU_H

/* Levels of the kernels that exist in several versions; each includes the
 * ones before it. */
enum mm_isa { MM_ISA_BASE, MM_ISA_AVX2, MM_ISA_AVX512, MM_N_ISAS };

extern const char *const mm_isa_names[MM_N_ISAS];

/* The best level of this processor, or the one forced below. */
enum mm_isa mm_isa(void);

/* For tests: use `isa` (it must not exceed the processor); -1: the best. */
void mm_isa_force(int isa);

#endif
