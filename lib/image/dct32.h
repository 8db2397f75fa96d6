/* dct32.h - DCT-II of 32 numbers to scipy's last bit; private to this room. */
#ifndef MM_IMAGE_DCT32_H
#define MM_IMAGE_DCT32_H

#include <stddef.h>

struct mm_dct32 {
	double twiddle[32];
	double wa[3][32]; /* of the three passes */
};

void mm_dct32_init(struct mm_dct32 *d);

/* c[k] = 2 sum_n c[n] cos(pi k (2n + 1) / 64), in place. */
void mm_dct32(const struct mm_dct32 *d, double c[32]);

#endif
