/*
 * draw.c - see draw.h.
 *
 * Letters outside ASCII are folded by tables of what captions hold in
 * practice: Latin-1 and Latin Extended-A lose their accents (one base letter
 * each, from Unicode's decompositions), quotes, dashes, blanks and the
 * ellipsis become plain.
 */
#include "image/draw.h"

#include <string.h>

#include "image/colour.h"
#include "image/font.h"
#include "image/resize.h"

/* U+00A0..U+017F, one character each; '\1' where there is no likeness. */
static const char latin[] = " !cL\1Y|S\"Ca<--R-\1+23'uP.,1o>\1\1\1?"
			    "AAAAAAACEEEEIIIIDNOOOOOxOUUUUYPs"
			    "aaaaaaaceeeeiiiidnooooo/ouuuuypy"
			    "AaAaAaCcCcCcCcDdDdEeEeEeEeEeGgGg"
			    "GgGgHhHhIiIiIiIiIiIiJjKkkLlLlLlL"
			    "lLlNnNnNnnNnOoOoOoOoRrRrRrSsSsSs"
			    "SsTtTtTtUuUuUuUuUuUuWwYyYZzZzZzs";

/* One code point of n > 0 bytes; *p moves on.  Bad bytes: U+FFFD. */
static uint32_t next_char(const unsigned char **p, const unsigned char *end)
{
	const unsigned char c = *(*p)++;
	size_t more = c >= 0xf0 && c < 0xf5   ? 3
		      : c >= 0xe0 && c < 0xf0 ? 2
		      : c >= 0xc2 && c < 0xe0 ? 1
					      : 0;
	uint32_t v = more == 3 ? c & 7u : more == 2 ? c & 15u : c & 31u;

	if (c < 0x80)
		return c;
	if (!more)
		return 0xfffd;
	for (; more; more--, (*p)++) {
		if (*p == end || (**p & 0xc0) != 0x80)
			return 0xfffd;
		v = v << 6 | (**p & 0x3fu);
	}
	return v;
}

/* Number of a glyph; -1: takes no place (joiners, combining marks). */
static int glyph_of(uint32_t c)
{
	static const struct {
		uint16_t c;
		char ascii;
	} mark[] = {
		{ 0x2010, '-' },  { 0x2011, '-' },  { 0x2012, '-' },
		{ 0x2013, '-' },  { 0x2014, '-' },  { 0x2015, '-' },
		{ 0x2018, '\'' }, { 0x2019, '\'' }, { 0x201a, ',' },
		{ 0x201c, '"' },  { 0x201d, '"' },  { 0x201e, '"' },
		{ 0x2022, '*' },  { 0x2026, '.' },  { 0x202f, ' ' },
		{ 0x2039, '<' },  { 0x203a, '>' },  { 0x2212, '-' },
	};

	if (c == '\t' || c == '\n' || c == '\r')
		return 0;
	if (c >= FONT_FIRST && c <= FONT_LAST)
		return (int)c - FONT_FIRST;
	if (c >= 0xa0 && c < 0xa0 + sizeof(latin) - 1 && latin[c - 0xa0] > 1)
		return latin[c - 0xa0] - FONT_FIRST;
	if ((c >= 0x300 && c < 0x370) || (c >= 0x200b && c <= 0x200f) ||
	    (c >= 0xfe00 && c <= 0xfe0f) || c == 0xfeff || c == 0xad)
		return -1;
	if (c >= 0x2000 && c <= 0x200a)
		return 0;
	for (size_t i = 0; i < sizeof(mark) / sizeof(mark[0]); i++)
		if (mark[i].c == c)
			return mark[i].ascii - FONT_FIRST;
	return FONT_BOX;
}

static void draw_glyph(struct mm_image *rgb, long x, long y, long scale,
		       int glyph, const uint8_t colour[3])
{
	for (long r = 0; r < 7; r++)
		for (long d = 0; d < 5; d++)
			if (font[glyph][r] >> (4 - d) & 1)
				mm_image_fill(rgb, x + d * scale, y + r * scale,
					      scale, scale, colour);
}

size_t mm_draw_text(struct mm_image *rgb, long x, long y, size_t scale,
		    const char *text, size_t n, const uint8_t colour[3])
{
	const unsigned char *p = (const unsigned char *)text, *end = p + n;
	const long s = (long)scale;
	size_t cells = 0;

	while (p < end) {
		const int glyph = glyph_of(next_char(&p, end));

		if (glyph < 0)
			continue;
		if (x < (long)rgb->w && glyph)
			draw_glyph(rgb, x, y, s, glyph, colour);
		x += MM_FONT_W * s;
		cells++;
	}
	return cells;
}

/* Bytes of text[0..n) that fill at most `cells` cells. */
static size_t bytes_of_cells(const char *text, size_t n, size_t cells)
{
	const unsigned char *p = (const unsigned char *)text, *end = p + n;
	const unsigned char *before = p;

	for (size_t used = 0; p < end; before = p)
		if (glyph_of(next_char(&p, end)) >= 0 && ++used > cells)
			break;
	return (size_t)(before - (const unsigned char *)text);
}

void mm_draw_caption(struct mm_image *rgb, long x, long y, size_t scale,
		     size_t cells, size_t lines, const char *text, size_t n,
		     const uint8_t colour[3])
{
	for (size_t i = 0; i < lines && n; i++, y += MM_FONT_H * (long)scale) {
		size_t take = bytes_of_cells(text, n, cells), back = take;

		if (take < n && i + 1 == lines && cells > 3) {
			take = bytes_of_cells(text, n, cells - 3);
			back = mm_draw_text(rgb, x, y, scale, text, take,
					    colour);
			mm_draw_text(rgb, x + (long)(back * MM_FONT_W * scale),
				     y, scale, "...", 3, colour);
			return;
		}
		/* Break at the last blank; a longer word is cut. */
		while (take < n && back && text[back] != ' ')
			back--;
		if (take < n && back)
			take = back;
		if (!take)
			return; /* not even one letter fits */
		mm_draw_text(rgb, x, y, scale, text, take, colour);
		while (take < n && text[take] == ' ')
			take++;
		text += take;
		n -= take;
	}
}

void mm_draw_box(struct mm_image *rgb, long x0, long y0, long x1, long y1,
		 long thick, const uint8_t colour[3])
{
	mm_image_fill(rgb, x0, y0, x1 - x0, thick, colour);
	mm_image_fill(rgb, x0, y1 - thick, x1 - x0, thick, colour);
	mm_image_fill(rgb, x0, y0, thick, y1 - y0, colour);
	mm_image_fill(rgb, x1 - thick, y0, thick, y1 - y0, colour);
}

void mm_draw_image(struct mm_image *rgb, const struct mm_image *src, long x,
		   long y)
{
	for (size_t v = 0; v < src->h; v++)
		for (size_t u = 0; u < src->w; u++) {
			const long X = x + (long)u, Y = y + (long)v;

			if (X >= 0 && Y >= 0 && X < (long)rgb->w &&
			    Y < (long)rgb->h)
				memcpy(rgb->data + 3 * ((size_t)Y * rgb->w +
							(size_t)X),
				       src->data + 3 * (v * src->w + u), 3);
		}
}

/* ---- contact sheets ---- */

enum { GAP = 8, LINES = 2 };

static size_t tile_height(const struct mm_sheet *s)
{
	return s->cell + 4 + LINES * MM_FONT_H + GAP;
}

/* Size of the picture with n tiles. */
static void sheet_size(const struct mm_sheet *s, size_t n, size_t *w, size_t *h)
{
	const size_t columns = s->columns < n ? s->columns : n;

	*w = columns * (s->cell + GAP) + GAP;
	*h = (columns ? (n + columns - 1) / columns : 0) * tile_height(s) + GAP;
}

int mm_sheet_init(struct mm_sheet *s, size_t n, size_t columns, size_t cell,
		  struct mm_err *err)
{
	size_t w, h;
	int rc;

	memset(s, 0, sizeof(*s));
	if (!n || !columns || cell < 16 || cell > 4096 || n > 1000000)
		return mm_fail(err, MM_ERR_USAGE,
			       "a sheet of %zu tiles of %zu pixels cannot be "
			       "made",
			       n, cell);
	s->n = n;
	s->columns = columns < n ? columns : n;
	s->cell = cell;
	sheet_size(s, n, &w, &h);
	rc = mm_image_reshape(&s->rgb, MM_IMAGE_RGB, w, h, err);
	if (!rc)
		memset(s->rgb.data, 255, 3 * s->rgb.w * s->rgb.h);
	return rc;
}

void mm_sheet_cut(struct mm_sheet *s, size_t n)
{
	const size_t old = 3 * s->rgb.w;
	size_t w, h;

	sheet_size(s, n, &w, &h);
	for (size_t y = 1; y < h; y++)
		memmove(s->rgb.data + y * 3 * w, s->rgb.data + y * old, 3 * w);
	s->rgb.w = w;
	s->rgb.h = h;
	s->n = n;
}

void mm_sheet_release(struct mm_sheet *s)
{
	mm_image_release(&s->rgb);
	mm_image_release(&s->tile);
}

int mm_sheet_put(struct mm_sheet *s, size_t i, const struct mm_image *rgb,
		 const char *caption, size_t n, struct mm_err *err)
{
	static const uint8_t black[3] = { 0, 0, 0 };
	const long x = (long)(GAP + i % s->columns * (s->cell + GAP));
	const long y = (long)(GAP + i / s->columns * tile_height(s));
	const size_t longest = rgb->w > rgb->h ? rgb->w : rgb->h;
	struct mm_resize_work work = { 0 };
	size_t w, h;
	int rc;

	if (i >= s->n || !longest)
		return mm_fail(err, MM_ERR_USAGE, "no tile %zu", i);
	w = rgb->w * s->cell / longest;
	h = rgb->h * s->cell / longest;
	w = w ? w : 1;
	h = h ? h : 1;
	/* Small pictures are shown in dots, large ones smoothly. */
	rc = mm_image_resize(&s->tile, rgb, w, h,
			     longest < s->cell ? MM_FILTER_NEAREST
					       : MM_FILTER_BICUBIC,
			     &work, err);
	mm_resize_work_release(&work);
	if (rc)
		return rc;
	mm_draw_image(&s->rgb, &s->tile, x + (long)(s->cell - w) / 2,
		      y + (long)(s->cell - h) / 2);
	mm_draw_caption(&s->rgb, x, y + (long)s->cell + 4, 1,
			s->cell / MM_FONT_W, LINES, caption, n, black);
	return MM_OK;
}
