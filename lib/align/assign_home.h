/* assign_home.h - for assign.c: mm_assign where `least` is finite. */
#ifndef MM_ALIGN_ASSIGN_HOME_H
#define MM_ALIGN_ASSIGN_HOME_H

#include "align/assign.h"

int mm_assign_home(long *to, const float *score, size_t N, size_t M,
		   float least, struct mm_err *err) MM_MUST_CHECK;

#endif
