/* space.c - see space.h. */
#include "align/space.h"

#include <math.h>

#include "image/geometry.h"
#include "text/unicode.h"

const char *const mm_box_faults[] = { "", "empty", "cut", "outside" };

enum mm_box_fault mm_box_check(const float box[4], double w, double h)
{
	static const double slack = 0.01;
	const double x0 = (double)box[0], y0 = (double)box[1],
		     x1 = (double)box[2], y1 = (double)box[3];

	if (!(x0 < x1 && y0 < y1))
		return MM_BOX_EMPTY;
	if (x0 >= w || y0 >= h || x1 <= 0 || y1 <= 0)
		return MM_BOX_OUTSIDE;
	if (x0 < -slack || y0 < -slack || x1 > w + slack || y1 > h + slack)
		return MM_BOX_CUT;
	return MM_BOX_FINE;
}

static double area(const float box[4])
{
	const double w = (double)box[2] - (double)box[0],
		     h = (double)box[3] - (double)box[1];

	return w > 0 && h > 0 ? w * h : 0;
}

double mm_box_clip(float box[4], double w, double h)
{
	const double before = area(box);
	double left;

	for (int k = 0; k < 4; k++)
		box[k] = (float)fmin(fmax((double)box[k], 0), k % 2 ? h : w);
	left = area(box);
	return before > 0 ? left / before : 0;
}

void mm_box_map(float box[4], const double a[6])
{
	double b[4];

	for (int k = 0; k < 4; k++)
		b[k] = (double)box[k];
	mm_affine_box(b, a, b);
	for (int k = 0; k < 4; k++)
		box[k] = (float)b[k];
}

/* The next code point of a text, blanks as one, lower case; 0 at its end. */
static uint32_t next(const char *s, size_t n, size_t *at)
{
	uint32_t c;

	if (*at >= n)
		return 0;
	c = mm_utf8_next(s, at);
	if (!mm_u_space(c))
		return mm_u_fold(c);
	while (*at < n) {
		size_t ahead = *at;

		if (!mm_u_space(mm_utf8_next(s, &ahead)))
			break;
		*at = ahead;
	}
	return ' ';
}

/* Does the caption go on with the phrase, up to the end of a word? */
static bool matches(const char *caption, size_t n, size_t at,
		    const char *phrase, size_t k)
{
	size_t i = 0;
	uint32_t last = 0;

	while (i < k) {
		const uint32_t want = next(phrase, k, &i);

		if (next(caption, n, &at) != want)
			return false;
		last = want;
	}
	return !mm_u_word(last) || at >= n ||
	       !mm_u_word(mm_utf8_next(caption, &at));
}

bool mm_phrase_in(const char *caption, size_t n, const char *phrase, size_t k)
{
	bool in_word = false;
	size_t at = 0;

	while (k && mm_u_space((unsigned char)phrase[0]))
		phrase++, k--;
	while (k && mm_u_space((unsigned char)phrase[k - 1]))
		k--;
	while (k && at < n) {
		size_t ahead = at;
		const bool word = mm_u_word(mm_utf8_next(caption, &ahead));

		if (!(in_word && word) && matches(caption, n, at, phrase, k))
			return true;
		in_word = word;
		at = ahead;
	}
	return !k;
}
