/*
 * bench.h - what the benches share: a clock, the best of many runs, and what
 * this machine can do at most, measured in the same run so that figures from
 * different machines can be compared as shares of it.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stddef.h>

/* Seconds; with one thread those of this process on the processor. */
double bench_now(void);

/* Shortest run of fn(ctx), in seconds; it is run for `seconds` in total, at
 * least five times. */
double bench_best(void (*fn)(void *ctx), void *ctx, double seconds);

/*
 * Limits with mm_threads() threads.  Each is measured on its first call and
 * remembered.
 */
double bench_fma_peak(void);   /* float32, GF/s: multiply-adds in registers  */
double bench_bf16_peak(void);  /* bfloat16, GF/s: dot products in registers,
				* where there are none as the one above      */
double bench_sgemm_peak(void); /* GF/s: the best large product, ours or
				* OpenBLAS on row blocks                     */
double bench_dot_peak(void);   /* int8, GOP/s: the fastest exact dot product
				* instructions, in registers                 */
double bench_read_peak(void);  /* memory, GB/s: summing 256 MiB              */

/* Print processor, instruction level, OpenBLAS core, threads and limits. */
void bench_print_machine(void);

/* "name  rate unit  share": `work` units done in `seconds`, of `peak` a
 * second; peak 0: no share. */
void bench_print(const char *name, double work, double seconds,
		 const char *unit, double peak);

#endif
