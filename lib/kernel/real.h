/*
 * real.h - the number type of kernels and graphs.
 *
 * float in the program.  With MM_DOUBLE the same sources are built once more
 * with double, and there gradients are compared with central differences to
 * 1e-6, far below what float could tell.  SIMD versions exist for float only:
 * under MM_DOUBLE the plain C reference runs.
 */
#ifndef MM_KERNEL_REAL_H
#define MM_KERNEL_REAL_H

#include <math.h>

#ifdef MM_DOUBLE
typedef double mm_real;
#define MM_R(name) name /* MM_R(exp)(x) is exp or expf */
#else
typedef float mm_real;
#define MM_R(name) name##f
#endif

#endif
