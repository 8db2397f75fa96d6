/*
 * hash.h - perceptual hashes, equal to the Python package imagehash's
 * (hash_size 8): near duplicates differ in few bits.
 *
 * The 64 bits are imagehash's array read row by row, first bit the highest,
 * so that "%016llx" prints what str(hash) prints.
 *
 * Source: imagehash 4.3 (average_hash, phash, dhash).
 */
#ifndef MM_IMAGE_HASH_H
#define MM_IMAGE_HASH_H

#include "image/resize.h"

struct mm_image_hashes {
	uint64_t average; /* above the mean of 8 x 8                       */
	uint64_t phash;	  /* low 8 x 8 of the DCT of 32 x 32 above median  */
	uint64_t dhash;	  /* brighter than the left neighbour, 9 x 8       */
};

int mm_image_hash(struct mm_image_hashes *out, const struct mm_image *im,
		  struct mm_resize_work *work,
		  struct mm_err *err) MM_MUST_CHECK;

/* Number of differing bits. */
int mm_hash_distance(uint64_t a, uint64_t b);

#endif
