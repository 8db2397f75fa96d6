/*
 * draw.h - just enough drawing for contact sheets: boxes and captions.
 *
 * The font is our own, 5 x 7 in a cell of 6 x 9.  It has printable ASCII;
 * accented Latin letters lose their accent, typographic marks become plain
 * ones, and anything else is an empty box.
 */
#ifndef MM_IMAGE_DRAW_H
#define MM_IMAGE_DRAW_H

#include "image/image.h"

enum { MM_FONT_W = 6, MM_FONT_H = 9 };

/*
 * UTF-8 text (n bytes; bad bytes are empty boxes) from (x, y), the top left
 * corner, on an RGB picture, `scale` pixels a dot.  Clipped at the picture's
 * border.  Returns the cells drawn.
 */
size_t mm_draw_text(struct mm_image *rgb, long x, long y, size_t scale,
		    const char *text, size_t n, const uint8_t colour[3]);

/*
 * The same, broken at blanks into at most `lines` lines of `cells` cells; the
 * last ends in "..." where text is left.
 */
void mm_draw_caption(struct mm_image *rgb, long x, long y, size_t scale,
		     size_t cells, size_t lines, const char *text, size_t n,
		     const uint8_t colour[3]);

/* The outline of a box, `thick` pixels inwards. */
void mm_draw_box(struct mm_image *rgb, long x0, long y0, long x1, long y1,
		 long thick, const uint8_t colour[3]);

/* Put RGB `src` with its corner at (x, y), clipped. */
void mm_draw_image(struct mm_image *rgb, const struct mm_image *src, long x,
		   long y);

/*
 * A contact sheet: tiles of `cell` pixels with a caption of up to two lines
 * underneath, `columns` in a row, on white.  Add tiles 0, 1, ... n-1.
 */
struct mm_sheet {
	struct mm_image rgb;
	size_t columns, cell, n;
	struct mm_image tile; /* a picture brought to the cell's size */
};

int mm_sheet_init(struct mm_sheet *s, size_t n, size_t columns, size_t cell,
		  struct mm_err *err) MM_MUST_CHECK;
void mm_sheet_release(struct mm_sheet *s);
/* Cut the picture to its first n <= s->n tiles: there were no more. */
void mm_sheet_cut(struct mm_sheet *s, size_t n);

/* Tile i: an RGB picture of any size, scaled to fit, and its caption. */
int mm_sheet_put(struct mm_sheet *s, size_t i, const struct mm_image *rgb,
		 const char *caption, size_t n,
		 struct mm_err *err) MM_MUST_CHECK;

#endif
