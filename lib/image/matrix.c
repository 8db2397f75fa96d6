/* matrix.c - see matrix.h. */
#include "image/matrix.h"

#include <stdio.h>
#include <string.h>

#include "image/draw.h"

enum { SIDE = 4096, LARGE = 32, LETTERS = 24, GAP = 6 };

static const uint8_t black[3] = { 0, 0, 0 }, white[3] = { 255, 255, 255 };

static void fill(struct mm_image *rgb, size_t x, size_t y, size_t w, size_t h,
		 const uint8_t colour[3])
{
	for (size_t j = y; j < y + h && j < rgb->h; j++)
		for (size_t i = x; i < x + w && i < rgb->w; i++)
			memcpy(rgb->data + 3 * (j * rgb->w + i), colour, 3);
}

static void draw_cell(struct mm_image *rgb, size_t x, size_t y, size_t cell,
		      uint64_t n, double part)
{
	const uint8_t colour[3] = { (uint8_t)(255 - 225 * part),
				    (uint8_t)(255 - 175 * part),
				    (uint8_t)(255 - 110 * part) };
	char text[24];
	const int len =
		snprintf(text, sizeof(text), "%llu", (unsigned long long)n);
	const size_t width = (size_t)len * MM_FONT_W;

	fill(rgb, x, y, cell, cell, colour);
	if (n && width <= cell && MM_FONT_H <= cell)
		mm_draw_text(rgb, (long)(x + (cell - width) / 2),
			     (long)(y + (cell - MM_FONT_H) / 2), 1, text,
			     (size_t)len, part > 0.5 ? white : black);
}

/* The name on a strip of its own, white; *w is how wide it became. */
static int draw_name(struct mm_image *strip, const char *name, size_t *w,
		     struct mm_err *err)
{
	int rc = mm_image_reshape(strip, MM_IMAGE_RGB, LETTERS * MM_FONT_W,
				  MM_FONT_H, err);

	if (rc)
		return rc;
	fill(strip, 0, 0, strip->w, strip->h, white);
	*w = mm_draw_text(strip, 0, 0, 1, name, strlen(name), black) *
	     MM_FONT_W;
	if (*w > strip->w)
		*w = strip->w;
	return MM_OK;
}

/* Left of row i, ending at `margin`; above column i, turned to the left. */
static void put_name(struct mm_image *rgb, const struct mm_image *strip,
		     size_t w, size_t margin, size_t at, size_t cell)
{
	const size_t first = at + (cell - MM_FONT_H) / 2;

	for (size_t j = 0; j < strip->h; j++)
		for (size_t i = 0; i < w; i++) {
			const uint8_t *s = strip->data + 3 * (j * strip->w + i);
			const size_t x = margin - GAP - w + i, y = first + j;

			memcpy(rgb->data + 3 * (y * rgb->w + x), s, 3);
			memcpy(rgb->data +
				       3 * ((margin - GAP - 1 - i) * rgb->w +
					    first + j),
			       s, 3);
		}
}

int mm_matrix_draw(struct mm_image *rgb, const uint64_t *count, size_t K,
		   const char *const *names, struct mm_err *err)
{
	const size_t margin = LETTERS * MM_FONT_W + 2 * GAP;
	const size_t room = K ? (SIDE - margin) / K : 0;
	const size_t cell = room > LARGE ? LARGE : room < 1 ? 1 : room;
	struct mm_image strip;
	int rc;

	if (!K || K > 4000)
		return mm_fail(err, MM_ERR_SHAPE,
			       "a picture of %zu by %zu squares", K, K);
	if ((rc = mm_image_reshape(rgb, MM_IMAGE_RGB, margin + K * cell + GAP,
				   margin + K * cell + GAP, err)))
		return rc;
	fill(rgb, 0, 0, rgb->w, rgb->h, white);
	mm_image_init(&strip);
	for (size_t t = 0; t < K && !rc; t++) {
		const size_t y = margin + t * cell;
		uint64_t row = 0;
		size_t w;

		for (size_t p = 0; p < K; p++)
			row += count[t * K + p];
		for (size_t p = 0; p < K; p++)
			draw_cell(rgb, margin + p * cell, y, cell,
				  count[t * K + p],
				  row ? (double)count[t * K + p] / (double)row
				      : 0);
		if (cell >= MM_FONT_H &&
		    !(rc = draw_name(&strip, names[t], &w, err)))
			put_name(rgb, &strip, w, margin, y, cell);
	}
	mm_draw_box(rgb, (long)margin - 1, (long)margin - 1,
		    (long)(margin + K * cell + 1),
		    (long)(margin + K * cell + 1), 1, black);
	mm_image_release(&strip);
	return rc;
}
