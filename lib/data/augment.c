/* augment.c - see augment.h: the operators on one sample. */
#include "data/augment.h"

#include <math.h>
#include <string.h>

#include "base/map.h"
#include "base/rng.h"

void mm_augment_work_release(struct mm_augment_work *w)
{
	mm_image_release(&w->t);
	mm_resize_work_release(&w->resize);
	mm_buf_release(&w->text[0]);
	mm_buf_release(&w->text[1]);
	mm_buf_release(&w->phrases);
}

void mm_augment_mean(uint8_t mean[3], const struct mm_image_values *v)
{
	float lut[3][256];

	mm_image_values_lut(lut, v);
	for (int c = 0; c < 3; c++) {
		mean[c] = 0;
		for (int i = 1; i < 256; i++)
			if (fabsf(lut[c][i]) < fabsf(lut[c][mean[c]]))
				mean[c] = (uint8_t)i;
	}
}

/* Whose random numbers. */
struct identity {
	uint64_t seed, sample;
	uint32_t copy;
};

static struct mm_rng numbers(const struct identity *who, enum mm_rng_op op)
{
	struct mm_rng r;

	mm_rng_init(&r, who->seed, who->sample, who->copy, op);
	return r;
}

static double between(struct mm_rng *r, double lo, double hi)
{
	return lo + (hi - lo) * mm_rng_uniform(r);
}

/*
 * A box of area U[area] of w x h and ratio exp(U[log ratio]), placed
 * uniformly; `strict`: smaller than the picture both ways.  False after ten
 * tries.
 */
static bool random_box(struct mm_rng *r, size_t box[4], size_t w, size_t h,
		       const double area[2], const double ratio[2], bool strict)
{
	for (int try = 0; try < 10; try++) {
		const double a =
			(double)w * (double)h * between(r, area[0], area[1]);
		const double q = exp(between(r, log(ratio[0]), log(ratio[1])));
		const double bw = mm_round_even(sqrt(a * q)),
			     bh = mm_round_even(sqrt(a / q));
		const double max_w = (double)w - strict,
			     max_h = (double)h - strict;

		if (!(bw >= 1 && bw <= max_w && bh >= 1 && bh <= max_h))
			continue;
		box[2] = (size_t)bw;
		box[3] = (size_t)bh;
		box[1] = (size_t)mm_rng_below(r, h - box[3] + 1);
		box[0] = (size_t)mm_rng_below(r, w - box[2] + 1);
		return true;
	}
	return false;
}

/* ---- pictures ---- */

static int crop(const struct mm_augment_spec *s, const struct identity *who,
		struct mm_augment_work *w, struct mm_image *rgb, double a[6],
		struct mm_err *err)
{
	static const double ratio[2] = { 3.0 / 4, 4.0 / 3 };
	struct mm_rng r = numbers(who, MM_RNG_CROP);
	const size_t W = rgb->w, H = rgb->h;
	size_t box[4];
	int rc;

	if (!(s->crop[1] > 0))
		return MM_OK;
	if (!random_box(&r, box, W, H, s->crop, ratio, false))
		mm_crop_fallback(box, W, H, ratio[0], ratio[1]);
	if ((rc = mm_image_crop(&w->t, rgb, (long)box[0], (long)box[1], box[2],
				box[3], 0, err)) ||
	    (rc = mm_image_resize(rgb, &w->t, W, H, MM_FILTER_BICUBIC,
				  &w->resize, err)))
		return rc;
	mm_affine_shift(a, -(double)box[0], -(double)box[1]);
	mm_affine_scale(a, (double)W / (double)box[2],
			(double)H / (double)box[3]);
	return MM_OK;
}

static size_t clamp(long i, size_t n)
{
	return i < 0 ? 0 : (size_t)i >= n ? n - 1 : (size_t)i;
}

/* out[x] = in[x + dx] over a row of w pixels, the border repeated. */
static void shift_row(uint8_t *out, const uint8_t *in, long w, long dx)
{
	const long from = dx < 0 ? (-dx < w ? -dx : w) : 0,
		   to = dx > 0 ? (dx < w ? w - dx : 0) : w;

	for (long x = 0; x < from; x++)
		memcpy(out + 3 * x, in, 3);
	if (from < to)
		memcpy(out + 3 * from, in + 3 * (from + dx),
		       3 * (size_t)(to - from));
	for (long x = to < from ? from : to; x < w; x++)
		memcpy(out + 3 * x, in + 3 * (w - 1), 3);
}

/* The result's pixel (x, y) is the old (x + dx, y + dy). */
static int shift(const struct mm_augment_spec *s, const struct identity *who,
		 struct mm_augment_work *w, struct mm_image *rgb, double a[6],
		 struct mm_err *err)
{
	const uint64_t n = 2 * (uint64_t)s->shift + 1;
	const size_t row = 3 * rgb->w;
	struct mm_rng r = numbers(who, MM_RNG_SHIFT);
	long dx, dy;
	int rc;

	if (!s->shift)
		return MM_OK;
	if ((rc = mm_image_copy(&w->t, rgb, err)))
		return rc;
	dy = (long)mm_rng_below(&r, n) - (long)s->shift;
	dx = (long)mm_rng_below(&r, n) - (long)s->shift;
	for (size_t y = 0; y < rgb->h; y++)
		shift_row(rgb->data + y * row,
			  w->t.data + clamp((long)y + dy, rgb->h) * row,
			  (long)rgb->w, dx);
	mm_affine_shift(a, -(double)dx, -(double)dy);
	return MM_OK;
}

static void jitter(const struct mm_augment_spec *s, const struct identity *who,
		   struct mm_image *rgb)
{
	static void (*const op[4])(struct mm_image *, double) = {
		mm_colour_brightness, mm_colour_contrast, mm_colour_saturation,
		mm_colour_hue
	};
	struct mm_rng r = numbers(who, MM_RNG_JITTER);
	double f[4] = { 0 };
	size_t order[4];

	if (!(s->jitter[0] > 0 || s->jitter[1] > 0 || s->jitter[2] > 0 ||
	      s->jitter[3] > 0))
		return;
	if (mm_rng_uniform(&r) >= s->jitter_p)
		return;
	mm_rng_permutation(&r, order, 4);
	for (int i = 0; i < 3; i++)
		if (s->jitter[i] > 0)
			f[i] = between(&r, fmax(0, 1 - s->jitter[i]),
				       1 + s->jitter[i]);
	if (s->jitter[3] > 0)
		f[3] = between(&r, -s->jitter[3], s->jitter[3]);
	for (int i = 0; i < 4; i++)
		if (s->jitter[order[i]] > 0)
			op[order[i]](rgb, f[order[i]]);
}

static int gray_and_blur(const struct mm_augment_spec *s,
			 const struct identity *who, struct mm_image *rgb,
			 struct mm_err *err)
{
	struct mm_rng r = numbers(who, MM_RNG_GRAY);

	if (s->gray > 0 && mm_rng_uniform(&r) < s->gray)
		mm_colour_grey(rgb);
	r = numbers(who, MM_RNG_BLUR);
	if (s->blur > 0 && mm_rng_uniform(&r) < s->blur)
		return mm_colour_blur(rgb, between(&r, 0.1, 2), err);
	return MM_OK;
}

static void erase(const struct mm_augment_spec *s, const struct identity *who,
		  struct mm_image *rgb, const uint8_t mean[3])
{
	static const double area[2] = { 0.02, 0.33 }, ratio[2] = { 0.3, 3.3 };
	struct mm_rng r = numbers(who, MM_RNG_ERASE);
	size_t box[4];

	if (s->erase > 0 && mm_rng_uniform(&r) < s->erase &&
	    random_box(&r, box, rgb->w, rgb->h, area, ratio, true))
		mm_image_fill(rgb, (long)box[0], (long)box[1], (long)box[2],
			      (long)box[3], mean);
}

/* ---- texts ---- */

/* The mirrored phrases, a line each, in w->phrases. */
static int mirror_phrases(struct mm_augment_work *w, const struct mm_str *p,
			  bool *safe, struct mm_err *err)
{
	const char *line = p->str, *end = p->str + p->len;
	enum mm_mirror what;
	int rc;

	mm_buf_clear(&w->phrases);
	while (*safe && line < end) {
		const char *nl = memchr(line, '\n', (size_t)(end - line));
		const size_t n = (size_t)((nl ? nl : end) - line);

		if ((rc = mm_caption_mirror(line, n, &w->phrases, &what, err)))
			return rc;
		if (nl)
			mm_buf_addc(&w->phrases, '\n');
		*safe = what != MM_MIRROR_AMBIGUOUS;
		line += n + (nl != NULL);
	}
	return mm_buf_check(&w->phrases, "phrases", err);
}

/* Whether to flip; texts are mirrored where so. */
static int mirror(const struct mm_augment_spec *s, const struct identity *who,
		  struct mm_augment_work *w, struct mm_str *text,
		  struct mm_str *phrases, struct mm_augmented *out,
		  struct mm_err *err)
{
	struct mm_rng r = numbers(who, MM_RNG_FLIP);
	enum mm_mirror what = MM_MIRROR_SAME;
	bool safe = true;
	int rc;

	if (!(s->flip > 0) || mm_rng_uniform(&r) >= s->flip)
		return MM_OK;
	mm_buf_clear(&w->text[0]);
	if (text->str && (rc = mm_caption_mirror(text->str, text->len,
						 &w->text[0], &what, err)))
		return rc;
	safe = what != MM_MIRROR_AMBIGUOUS;
	if (phrases->str && (rc = mirror_phrases(w, phrases, &safe, err)))
		return rc;
	out->flipped = safe;
	out->refused = !safe;
	if (!safe)
		return MM_OK;
	if (text->str && what == MM_MIRROR_TURNED) {
		text->str = mm_buf_str(&w->text[0]);
		text->len = w->text[0].len;
		out->text_changed = true;
	}
	if (phrases->str) {
		phrases->str = mm_buf_str(&w->phrases);
		phrases->len = w->phrases.len;
	}
	return MM_OK;
}

/* The buffer that text does not lie in, emptied. */
static struct mm_buf *other(struct mm_augment_work *w,
			    const struct mm_str *text)
{
	struct mm_buf *b = &w->text[text->str == w->text[0].data];

	mm_buf_clear(b);
	return b;
}

/* After a text operator that wrote into b. */
static int took(struct mm_str *text, struct mm_buf *b, struct mm_augmented *out,
		int rc, struct mm_err *err)
{
	if (rc || (rc = mm_buf_check(b, "a caption", err)))
		return rc;
	if (b->len != text->len ||
	    (b->len && memcmp(b->data, text->str, b->len)))
		out->text_changed = true;
	text->str = mm_buf_str(b);
	text->len = b->len;
	return MM_OK;
}

static int reword(const struct mm_augment_spec *s, const struct identity *who,
		  const struct mm_wordnet *wn, struct mm_augment_work *w,
		  struct mm_str *text, struct mm_augmented *out,
		  struct mm_err *err)
{
	struct mm_rng r = numbers(who, MM_RNG_SYNONYM);
	struct mm_buf *b;
	int rc = MM_OK;

	if (s->synonyms > 0) {
		b = other(w, text);
		rc = mm_caption_synonyms(wn, text->str, text->len, s->synonyms,
					 &r, b, &out->n_synonyms, err);
		rc = took(text, b, out, rc, err);
	}
	r = numbers(who, MM_RNG_EDA);
	if (!rc && s->insert > 0) {
		b = other(w, text);
		rc = mm_caption_insert(wn, text->str, text->len, s->insert, &r,
				       b, err);
		rc = took(text, b, out, rc, err);
	}
	if (!rc && s->swap > 0) {
		b = other(w, text);
		rc = mm_caption_swap(text->str, text->len, s->swap, &r, b, err);
		rc = took(text, b, out, rc, err);
	}
	if (!rc && s->remove > 0) {
		b = other(w, text);
		rc = mm_caption_delete(text->str, text->len, s->remove, &r, b,
				       err);
		rc = took(text, b, out, rc, err);
	}
	return rc;
}

int mm_augment_sample(const struct mm_augment_spec *s,
		      const struct mm_wordnet *wn, struct mm_augment_work *w,
		      uint64_t seed, const char *id, size_t id_len,
		      uint32_t copy, struct mm_image *rgb,
		      const uint8_t mean[3], struct mm_str *text,
		      struct mm_str *phrases, struct mm_augmented *out,
		      struct mm_err *err)
{
	const struct identity who = { seed, mm_hash64(id, id_len), copy };
	int rc;

	memset(out, 0, sizeof(*out));
	mm_affine_identity(out->affine);
	if (rgb && (rc = crop(s, &who, w, rgb, out->affine, err)))
		return rc;
	if (rgb && (rc = mirror(s, &who, w, text, phrases, out, err)))
		return rc;
	if (out->flipped) {
		mm_image_flip(rgb);
		mm_affine_flip(out->affine, (double)rgb->w);
	}
	if (rgb) {
		if ((rc = shift(s, &who, w, rgb, out->affine, err)))
			return rc;
		jitter(s, &who, rgb);
		if ((rc = gray_and_blur(s, &who, rgb, err)))
			return rc;
		erase(s, &who, rgb, mean);
	}
	return text->str ? reword(s, &who, wn, w, text, out, err) : MM_OK;
}
