/*
 * rng.h - counter-based random numbers: Philox4x32-10.
 *
 * Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as
 * 1, 2, 3" (SC 2011), and the known-answer vectors of its Random123 library.
 *
 * A number is a pure function of (seed, sample, epoch, operation, draw), so
 * nothing depends on order, sharding or the number of threads:
 *
 *	key     = seed, low word first
 *	counter = { draw, epoch << 8 | operation, sample hash low, high }
 */
#ifndef MM_BASE_RNG_H
#define MM_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

/* What a stream of numbers is for; values are part of the result, so fixed. */
enum mm_rng_op {
	MM_RNG_INIT = 1,     /* parameter initialisation                */
	MM_RNG_SHUFFLE = 2,  /* order of samples in an epoch            */
	MM_RNG_DROPOUT = 3,  /* dropout and drop path                   */
	MM_RNG_CROP = 4,     /* augmentation from here on               */
	MM_RNG_FLIP = 5,
	MM_RNG_JITTER = 6,
	MM_RNG_ERASE = 7,
	MM_RNG_SYNONYM = 8,
	MM_RNG_SHIFT = 9,
	MM_RNG_GRAY = 10,
	MM_RNG_BLUR = 11,
	MM_RNG_EDA = 12,
	MM_RNG_MASK = 13,      /* masked tokens and patches               */
	MM_RNG_BOOTSTRAP = 14, /* confidence intervals                    */
	MM_RNG_SAMPLE = 15,    /* mixing of sources, generation           */
};

struct mm_rng {
	uint32_t key[2], counter[4], out[4];
	int left; /* unused words in out */
};

/* One block of the bijection: out = philox4x32_10(counter, key). */
void mm_philox(uint32_t out[4], const uint32_t counter[4],
	       const uint32_t key[2]);

/* `sample` is mm_hash64 of the sample's id, or an index where there is none. */
void mm_rng_init(struct mm_rng *r, uint64_t seed, uint64_t sample,
		 uint32_t epoch, enum mm_rng_op op);

uint32_t mm_rng_u32(struct mm_rng *r);
uint64_t mm_rng_u64(struct mm_rng *r);

/* Uniform in [0, 1) with 53 random bits. */
double mm_rng_uniform(struct mm_rng *r);

/* Uniform in 0..n-1, without bias (Lemire's rejection); n > 0. */
uint64_t mm_rng_below(struct mm_rng *r, uint64_t n);

/* Standard normal, Box-Muller; takes two uniforms and returns the cosine. */
double mm_rng_normal(struct mm_rng *r);

/* A uniformly random permutation of 0..n-1 (Fisher-Yates). */
void mm_rng_permutation(struct mm_rng *r, size_t *order, size_t n);

#endif
