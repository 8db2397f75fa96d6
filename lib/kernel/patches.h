/*
 * patches.h - what the pixels of a convolution's destination take from its
 * source, packed for matrix products; private to lib/kernel.
 *
 * Taps are numbered (channel, row, column).  Destination pixel (y, x) takes
 * with tap (c, u, v)
 *
 *	source row = (y * up + off) / down, where that is whole
 *
 * and so with columns; forward up = stride and off = u - top, to the source
 * (back) down = stride and off = top - u.  Zero outside of the map.
 *
 * Method: the rows of a channel that some pixels need are copied once, zeros
 * at both ends, every up-th column after another; then each tap of a row of
 * pixels is a piece of such a row.
 *
 * Pixels first..first+n are of one sample, or all those of several.
 *
 *	row	0 0 1 2 3 4 5 6 0	of 7 columns, up = 2
 *	copied	0 1 3 5 0 | 0 2 4 6	even columns, odd columns
 */
#ifndef MM_KERNEL_PATCHES_H
#define MM_KERNEL_PATCHES_H

#include <stdbool.h>
#include <stddef.h>

#include "kernel/gemm.h"

struct mm_patches {
	const mm_real *src;    /* the first sample */
	size_t next;	       /* numbers from one to the next */
	size_t Hs, Ws, Hd, Wd; /* source and destination map */
	size_t kh, kw, top, left;
	size_t up, down;
	bool back;
};

enum {
	MM_PATCHES_MOST = 768, /* pixels at a time */
	MM_PATCHES_APART = 16, /* numbers behind a line, see below */
};

/* Do lines lie in the source as they are wanted, one channel after another? */
bool mm_patches_direct(const struct mm_patches *g);

/*
 * Taps k0..k0+kc of pixels first..first+n in panels of nr columns,
 *
 *	[tap k0: nr pixels][k0+1: nr pixels]... one per nr pixels, zeros behind
 */
void mm_patches_pack(mm_real *panels, size_t nr, size_t k0, size_t kc,
		     size_t first, size_t n, const struct mm_patches *g);

/* The same as lines of n pixels, ld >= n + MM_PATCHES_APART apart. */
void mm_patches_lines(mm_real *lines, size_t ld, size_t k0, size_t kc,
		      size_t first, size_t n, const struct mm_patches *g);

/*
 * What the memory is to be asked for, in turns of kc, before those taps and
 * pixels are packed next, after the same taps of pixels before or, where lines
 * lie as they are wanted, after anything; w->n = 0 where it is not worth it.
 */
void mm_patches_ahead(struct mm_ahead *w, size_t k0, size_t kc, size_t first,
		      size_t n, const struct mm_patches *g);

/*
 * The same before lines of those pixels and all taps of C channels, for tiles
 * that read A as it lies.  Of many channels that is some of them for each tile;
 * of few, which are asked for in turns, so much of one as pixels take until its
 * next turn.
 */
void mm_patches_ahead_lines(struct mm_ahead *w, size_t C, size_t kc,
			    size_t first, size_t n, const struct mm_patches *g);

#endif
