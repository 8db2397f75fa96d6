/*
 * scan.h - going through many vectors once: scores of one query against every
 * row of a gallery, and what lies above a bound.
 *
 * These loops are bound by memory, so they read each byte once and do nothing
 * else.  Sums run in a fixed number of lanes: a row's score has the same bits
 * wherever it stands.  float only, also under MM_DOUBLE.
 */
#ifndef MM_KERNEL_SCAN_H
#define MM_KERNEL_SCAN_H

#include <stddef.h>
#include <stdint.h>

/* out[n] = <rows[n], q>	rows (N, D), ld floats apart; q (D) */
void mm_scan_f32(float *out, const float *rows, size_t ld, size_t N,
		 const float *q, size_t D);

/*
 * The same with whole numbers in -127..127, exactly: rows (N, D) end to end;
 * D <= 2^17, so that no sum leaves int32.
 */
void mm_scan_i8(int32_t *out, const int8_t *rows, size_t N, const int8_t *q,
		size_t D);

/* The same of four queries (4, D) in one pass: out (4, N). */
void mm_scan_i8_four(int32_t *out, const int8_t *rows, size_t N,
		     const int8_t *q, size_t D);

/* How many of x[0..n) are >= bound.  A NaN is not. */
size_t mm_scan_count_ge(const float *x, size_t n, float bound);

/*
 * Places of x[0..n) that are not below the bound, ascending, into at[0..n);
 * returns how many.  A NaN is among them.  n < 2^32.
 */
size_t mm_scan_find(uint32_t *at, const float *x, size_t n, float bound);

/*
 * The same for a matrix x (N, Q) with a bound for each column; places are
 * n * Q + q.  Q is a multiple of 16, N * Q < 2^32.
 */
size_t mm_scan_find_columns(uint32_t *at, const float *x, size_t N, size_t Q,
			    const float *bound);

/*
 * Rows (N, D) in 8 bits: q[n] = round(127 rows[n] / max|rows[n]|), to even,
 * and scale[n] = max|rows[n]| / 127.  Returns N, or the first row with a value
 * that is not finite; those behind it are left alone.
 */
size_t mm_scan_quantize(int8_t *q, float *scale, const float *rows, size_t N,
			size_t D);

/* One instruction set's versions; for scan.c. */
struct mm_scan_isa {
	void (*f32)(float *out, const float *rows, size_t ld, size_t N,
		    const float *q, size_t D);
	void (*i8)(int32_t *out, const int8_t *rows, size_t N, const int8_t *q,
		   size_t D);
	size_t (*count_ge)(const float *x, size_t n, float bound);
	size_t (*find)(uint32_t *at, const float *x, size_t n, float bound);
	size_t (*find_columns)(uint32_t *at, const float *x, size_t N, size_t Q,
			       const float *bound);
	size_t (*quantize)(int8_t *q, float *scale, const float *rows, size_t N,
			   size_t D);
};

void mm_scan_i8_four_vnni(int32_t *out, const int8_t *rows, size_t N,
			  const int8_t *q, size_t D);

extern const struct mm_scan_isa mm_scan_base, mm_scan_avx2, mm_scan_avx512;

#endif
