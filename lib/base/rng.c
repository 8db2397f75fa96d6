/* rng.c - see rng.h. */
#include "base/rng.h"

#include <math.h>
#include <string.h>

static void round_once(uint32_t c[4], const uint32_t k[2])
{
	const uint64_t a = (uint64_t)0xD2511F53u * c[0];
	const uint64_t b = (uint64_t)0xCD9E8D57u * c[2];
	const uint32_t c1 = c[1], c3 = c[3];

	c[0] = (uint32_t)(b >> 32) ^ c1 ^ k[0];
	c[1] = (uint32_t)b;
	c[2] = (uint32_t)(a >> 32) ^ c3 ^ k[1];
	c[3] = (uint32_t)a;
}

void mm_philox(uint32_t out[4], const uint32_t counter[4],
	       const uint32_t key[2])
{
	uint32_t c[4], k[2];

	memcpy(c, counter, sizeof(c));
	memcpy(k, key, sizeof(k));
	for (int i = 0; i < 10; i++) {
		round_once(c, k);
		k[0] += 0x9E3779B9u; /* golden ratio */
		k[1] += 0xBB67AE85u; /* sqrt(3) - 1 */
	}
	memcpy(out, c, sizeof(c));
}

void mm_rng_init(struct mm_rng *r, uint64_t seed, uint64_t sample,
		 uint32_t epoch, enum mm_rng_op op)
{
	memset(r, 0, sizeof(*r));
	r->key[0] = (uint32_t)seed;
	r->key[1] = (uint32_t)(seed >> 32);
	r->counter[1] = epoch << 8 | (uint32_t)op;
	r->counter[2] = (uint32_t)sample;
	r->counter[3] = (uint32_t)(sample >> 32);
}

uint32_t mm_rng_u32(struct mm_rng *r)
{
	if (!r->left) {
		mm_philox(r->out, r->counter, r->key);
		r->counter[0]++;
		r->left = 4;
	}
	return r->out[4 - r->left--];
}

uint64_t mm_rng_u64(struct mm_rng *r)
{
	const uint64_t low = mm_rng_u32(r);

	return low | (uint64_t)mm_rng_u32(r) << 32;
}

double mm_rng_uniform(struct mm_rng *r)
{
	return (double)(mm_rng_u64(r) >> 11) * 0x1p-53;
}

uint64_t mm_rng_below(struct mm_rng *r, uint64_t n)
{
	const uint64_t min = -n % n; /* 2^64 mod n */
	uint64_t x;

	do
		x = mm_rng_u64(r);
	while (x < min);
	return x % n;
}

double mm_rng_normal(struct mm_rng *r)
{
	const double u = 1.0 - mm_rng_uniform(r); /* (0, 1]: log is finite */
	const double v = mm_rng_uniform(r);

	return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v);
}

void mm_rng_permutation(struct mm_rng *r, size_t *order, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const size_t j = (size_t)mm_rng_below(r, i + 1);

		order[i] = order[j];
		order[j] = i;
	}
}
