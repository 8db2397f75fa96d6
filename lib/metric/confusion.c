/* confusion.c - a confusion matrix as a picture; see classify.h. */
#include <string.h>

#include "metric/classify.h"

enum { CELL = 28, GAP = 8, LETTER = 7, MAX_LETTERS = 24 };

/* Text for XML: what is not UTF-8 or not allowed becomes '?'. */
static void put_text(struct mm_buf *out, const char *s)
{
	size_t letters = 0;

	for (; *s && letters < MAX_LETTERS; s++) {
		const unsigned char c = (unsigned char)*s;

		letters += (c & 0xc0) != 0x80;
		if (c == '<')
			mm_buf_adds(out, "&lt;");
		else if (c == '>')
			mm_buf_adds(out, "&gt;");
		else if (c == '&')
			mm_buf_adds(out, "&amp;");
		else if (c == '"')
			mm_buf_adds(out, "&quot;");
		else
			mm_buf_addc(out, c < 0x20 || c == 0x7f ? '?' : (char)c);
	}
	while (((unsigned char)*s & 0xc0) == 0x80)
		mm_buf_addc(out, *s++); /* the rest of the last letter */
	if (*s)
		mm_buf_adds(out, "\xe2\x80\xa6"); /* an ellipsis */
}

static size_t longest(const char *const *names, size_t K)
{
	size_t most = 0;

	for (size_t k = 0; k < K; k++) {
		size_t n = strlen(names[k]);

		n = n > MAX_LETTERS ? MAX_LETTERS + 1 : n;
		most = n > most ? n : most;
	}
	return most;
}

/* White to dark blue by share of the row. */
static void put_cell(struct mm_buf *out, size_t x, size_t y, uint64_t n,
		     double part)
{
	const int r = (int)(255 - 225 * part), g = (int)(255 - 175 * part);
	const int b = (int)(255 - 110 * part);

	if (!n)
		return;
	mm_buf_printf(out,
		      "<rect x=\"%zu\" y=\"%zu\" width=\"%d\" height=\"%d\" "
		      "fill=\"#%02x%02x%02x\"/>\n",
		      x, y, CELL, CELL, (unsigned)r, (unsigned)g, (unsigned)b);
	mm_buf_printf(out,
		      "<text x=\"%zu\" y=\"%zu\" text-anchor=\"middle\" "
		      "font-size=\"%d\" fill=\"%s\">%llu</text>\n",
		      x + CELL / 2, y + CELL / 2 + 4, n < 1000 ? 11 : 8,
		      part > 0.5 ? "#fff" : "#000", (unsigned long long)n);
}

void mm_confusion_svg(struct mm_buf *out, const uint64_t *count, size_t K,
		      const char *const *names)
{
	const size_t margin = longest(names, K) * LETTER + 2 * GAP;
	const size_t width = margin + K * CELL + GAP;
	const size_t height = width + 2 * LETTER;

	mm_buf_printf(out,
		      "<svg xmlns=\"http://www.w3.org/2000/svg\" "
		      "width=\"%zu\" height=\"%zu\" font-family=\"sans-serif\" "
		      "font-size=\"12\">\n"
		      "<rect width=\"100%%\" height=\"100%%\" "
		      "fill=\"#fff\"/>\n",
		      width, height);
	mm_buf_printf(out,
		      "<rect x=\"%zu\" y=\"%zu\" width=\"%zu\" "
		      "height=\"%zu\" fill=\"none\" stroke=\"#ccc\"/>\n",
		      margin, margin, K * CELL, K * CELL);
	for (size_t t = 0; t < K; t++) {
		const size_t at = margin + t * CELL;
		uint64_t row = 0;

		for (size_t p = 0; p < K; p++)
			row += count[t * K + p];
		for (size_t p = 0; p < K; p++)
			put_cell(out, margin + p * CELL, at, count[t * K + p],
				 row ? (double)count[t * K + p] / (double)row
				     : 0);
		mm_buf_printf(out,
			      "<text x=\"%zu\" y=\"%zu\" "
			      "text-anchor=\"end\">",
			      margin - GAP, at + CELL / 2 + 4);
		put_text(out, names[t]);
		mm_buf_printf(out,
			      "</text>\n<text transform=\"translate(%zu,%zu) "
			      "rotate(-90)\">",
			      at + CELL / 2 + 4, margin - GAP);
		put_text(out, names[t]);
		mm_buf_adds(out, "</text>\n");
	}
	mm_buf_printf(out,
		      "<text x=\"%zu\" y=\"%zu\" text-anchor=\"end\">rows: "
		      "true, columns: predicted</text>\n</svg>\n",
		      width - GAP, height - GAP);
}
