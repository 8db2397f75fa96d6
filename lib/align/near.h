/*
 * near.h - exact groups of near duplicates among 64-bit hashes.
 *
 * Two hashes within `distance` bits agree in at least one of distance + 1
 * parts: hashes are sorted by each part in turn, and only those that agree in
 * it are compared (Norouzi et al., "Fast search in Hamming space with
 * multi-index hashing", CVPR 2012).  Groups are the connected components.
 */
#ifndef MM_ALIGN_NEAR_H
#define MM_ALIGN_NEAR_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { MM_NEAR_MAX = 12 };

/*
 * group[i]: the smallest index whose hash is, over steps of at most
 * `distance` <= MM_NEAR_MAX bits, connected with hash[i].  n < 2^32.
 */
int mm_near_groups(uint32_t *group, const uint64_t *hash, size_t n,
		   int distance, struct mm_err *err) MM_MUST_CHECK;

#endif
