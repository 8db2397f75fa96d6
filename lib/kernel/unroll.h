/*
 * unroll.h - loops whose counts are known when they are compiled, written out:
 * a kernel that keeps its sums in registers needs their indices constant.
 */
#ifndef MM_KERNEL_UNROLL_H
#define MM_KERNEL_UNROLL_H

#define INLINE static inline __attribute__((always_inline))
/* clang takes GCC's pragma as a hint only. */
#ifdef __clang__
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 32")
#endif

#endif
