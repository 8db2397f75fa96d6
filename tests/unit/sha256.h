/* sha256.h - FIPS 180-4, for comparing whole pictures with stored digests. */
#ifndef MM_TESTS_SHA256_H
#define MM_TESTS_SHA256_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline uint32_t sha256_turn(uint32_t x, int n)
{
	return x >> n | x << (32 - n);
}

static inline void sha256_block(uint32_t h[8], const uint8_t *p)
{
	static const uint32_t k[64] = {
		0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b,
		0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01,
		0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7,
		0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc,
		0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152,
		0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
		0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
		0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
		0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819,
		0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08,
		0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f,
		0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
		0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
	};
	uint32_t w[64], s[8];

	for (int i = 0; i < 16; i++)
		w[i] = (uint32_t)p[4 * i] << 24 | (uint32_t)p[4 * i + 1] << 16 |
		       (uint32_t)p[4 * i + 2] << 8 | p[4 * i + 3];
	for (int i = 16; i < 64; i++) {
		const uint32_t a = w[i - 15], b = w[i - 2];

		w[i] = w[i - 16] + w[i - 7] +
		       (sha256_turn(a, 7) ^ sha256_turn(a, 18) ^ a >> 3) +
		       (sha256_turn(b, 17) ^ sha256_turn(b, 19) ^ b >> 10);
	}
	memcpy(s, h, sizeof(s));
	for (int i = 0; i < 64; i++) {
		const uint32_t e = s[4], a = s[0];
		const uint32_t t = s[7] + k[i] + w[i] +
				   ((e & s[5]) ^ (~e & s[6])) +
				   (sha256_turn(e, 6) ^ sha256_turn(e, 11) ^
				    sha256_turn(e, 25));
		const uint32_t u = ((a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2])) +
				   (sha256_turn(a, 2) ^ sha256_turn(a, 13) ^
				    sha256_turn(a, 22));

		memmove(s + 1, s, 7 * sizeof(*s));
		s[4] += t;
		s[0] = t + u;
	}
	for (int i = 0; i < 8; i++)
		h[i] += s[i];
}

/* The digest in hexadecimal; good until the next call. */
static inline const char *sha256_hex(const void *bytes, size_t n)
{
	static char hex[65];
	uint32_t h[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
			  0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };
	const size_t blocks = (n + 9 + 63) / 64;
	uint8_t last[128] = { 0 };
	const uint8_t *p = bytes;
	size_t i = 0;

	for (; (i + 1) * 64 <= n; i++)
		sha256_block(h, p + 64 * i);
	if (n % 64)
		memcpy(last, p + 64 * i, n % 64);
	last[n % 64] = 0x80;
	for (int b = 0; b < 8; b++)
		last[64 * (blocks - i) - 1 - (size_t)b] =
			(uint8_t)((uint64_t)n * 8 >> 8 * b);
	for (size_t j = 0; i < blocks; i++, j++)
		sha256_block(h, last + 64 * j);
	for (int w = 0; w < 8; w++)
		snprintf(hex + 8 * w, 9, "%08x", h[w]);
	return hex;
}

#endif
