/*
 * idset.h - how often has this string been seen?
 *
 * Strings are kept as 128-bit hashes, 24 bytes each at a load of one half: of
 * a billion strings, two different ones are taken for the same with a
 * probability of 1e-21.
 */
#ifndef MM_DATA_IDSET_H
#define MM_DATA_IDSET_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct mm_idset {
	struct mm_idset_slot *slot; /* n_slots of them, a power of two */
	size_t n_slots, n;
};

/* *before: how often the bytes have been added before this call. */
int mm_idset_add(struct mm_idset *s, const void *bytes, size_t len,
		 uint32_t *before, struct mm_err *err) MM_MUST_CHECK;
void mm_idset_release(struct mm_idset *s); /* safe on zeros */

#endif
