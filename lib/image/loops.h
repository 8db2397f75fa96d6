/*
 * loops.h - the inner loops over pixels, private to this room.
 *
 * Written once (loops_body.h) with the compiler's vector types and built
 * three times: loops.c for any machine, loops_avx2.c with -mavx2,
 * loops_avx512vnni.c with four products an instruction.  All are the same sums
 * of integers, exact in 32 bits, and give the same bits; which one runs is
 * asked of the CPU.
 */
#ifndef MM_IMAGE_LOOPS_H
#define MM_IMAGE_LOOPS_H

#include "image/image.h"

/* Pillow's L of R, G, B. */
#define MM_LUMA(r, g, b) \
	((uint8_t)((19595u * (r) + 38470u * (g) + 7471u * (b) + 0x8000u) >> 16))

enum { MM_WEIGHT_BITS = 22, MM_STRIP = 32 };

/*
 * Weights of one side: output i looks at [lo[i], lo[i] + n[i]) with
 * w[i * taps ..].
 */
struct mm_weights {
	size_t taps;
	const uint32_t *lo, *n;
	const int32_t *w;
};

struct mm_image_loops {
	/*
	 * Up to MM_STRIP rows: dst[r][i * ch + c] for i in 0..cw of weights.
	 * src, dst point to the first row; `first` is the source pixel that
	 * stands at src.  a, b: scratch of MM_STRIP * (bytes a row rounded up
	 * to 16) bytes, a for the source's `n_src` pixels, b for dst's.
	 */
	void (*horizontal)(uint8_t *dst, size_t dst_stride, const uint8_t *src,
			   size_t src_stride, size_t n_src, size_t rows,
			   size_t ch, size_t cw, size_t first,
			   const struct mm_weights *k, uint8_t *a, uint8_t *b);
	/* One row of `bytes` bytes: sum of n rows from src by w. */
	void (*vertical)(uint8_t *dst, const uint8_t *src, size_t src_stride,
			 size_t bytes, const int32_t *w, size_t n);
	/* Interleaved R, G, B to three planes of n. */
	void (*split)(uint8_t *out, const uint8_t *rgb, size_t n);
};

const struct mm_image_loops *mm_image_loops(void);
extern const struct mm_image_loops mm_image_loops_plain;
extern const struct mm_image_loops mm_image_loops_avx2;
extern const struct mm_image_loops mm_image_loops_vnni;

/* dst gets src's mode, palette and transparency, w x h unspecified pixels. */
int mm_image_like(struct mm_image *dst, const struct mm_image *src, size_t w,
		  size_t h, struct mm_err *err) MM_MUST_CHECK;

#endif
