/*
 * preset.c - see preset.h: the table of recipes and what follows from one.
 *
 * Sources: openai/CLIP clip.py, open_clip 3.3 transform.py, transformers 5.23
 * (Pillow backend), torchvision 0.29; checked against their outputs.
 */
#include "image/preset.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLIP_MEAN                                 \
	{                                         \
		0.48145466, 0.4578275, 0.40821073 \
	}
#define CLIP_STD                                   \
	{                                          \
		0.26862954, 0.26130258, 0.27577711 \
	}
#define IMAGENET_MEAN               \
	{                           \
		0.485, 0.456, 0.406 \
	}
#define IMAGENET_STD                \
	{                           \
		0.229, 0.224, 0.225 \
	}
#define HALF                  \
	{                     \
		0.5, 0.5, 0.5 \
	}

/* ToTensor and Normalize. */
#define VALUES(m, s)                                                     \
	{                                                                \
		.rescale = true, .normalize = true, .factor = 1.0 / 255, \
		.mean = m, .std = s                                      \
	}

static const struct mm_image_preset presets[] = {
	{
		.name = "document",
		.fit = MM_FIT_SQUASH,
		.width = 224,
		.height = 224,
		.filter = MM_FILTER_BILINEAR,
		.rgb_first = true, /* the original fails on other modes */
		.values = VALUES(IMAGENET_MEAN, IMAGENET_STD),
	},
	{
		.name = "openai-clip",
		.fit = MM_FIT_SHORTEST,
		.edge = 224,
		.filter = MM_FILTER_BICUBIC,
		.crop_w = 224,
		.crop_h = 224,
		.crop_rule = MM_CROP_TORCH,
		.values = VALUES(CLIP_MEAN, CLIP_STD),
	},
	{
		.name = "open_clip",
		.fit = MM_FIT_SHORTEST,
		.edge = 224,
		.filter = MM_FILTER_BICUBIC,
		.crop_w = 224,
		.crop_h = 224,
		.crop_rule = MM_CROP_TORCH,
		.values = VALUES(CLIP_MEAN, CLIP_STD),
	},
	{
		.name = "hf-clip",
		.fit = MM_FIT_SHORTEST,
		.edge = 224,
		.filter = MM_FILTER_BICUBIC,
		.crop_w = 224,
		.crop_h = 224,
		.rgb_first = true,
		.alpha = MM_ALPHA_WHITE,
		.values = VALUES(CLIP_MEAN, CLIP_STD),
	},
	{
		.name = "siglip",
		.fit = MM_FIT_SQUASH,
		.width = 224,
		.height = 224,
		.filter = MM_FILTER_BICUBIC,
		.rgb_first = true,
		.alpha = MM_ALPHA_WHITE,
		.values = VALUES(HALF, HALF),
	},
	{
		.name = "align",
		.fit = MM_FIT_SQUASH,
		.width = 346,
		.height = 346,
		.filter = MM_FILTER_BILINEAR,
		.crop_w = 289,
		.crop_h = 289,
		.rgb_first = true,
		.alpha = MM_ALPHA_WHITE,
		.values = { .rescale = true,
			    .factor = 1.0 / 127.5,
			    .offset = true,
			    .mean = IMAGENET_MEAN,
			    .std = IMAGENET_STD },
	},
	{
		.name = "blip",
		.fit = MM_FIT_SQUASH,
		.width = 384,
		.height = 384,
		.filter = MM_FILTER_BICUBIC,
		.rgb_first = true,
		.alpha = MM_ALPHA_WHITE,
		.values = VALUES(CLIP_MEAN, CLIP_STD),
	},
	{
		.name = "vit",
		.fit = MM_FIT_SQUASH,
		.width = 224,
		.height = 224,
		.filter = MM_FILTER_BILINEAR,
		.rgb_first = true,
		.alpha = MM_ALPHA_WHITE,
		.values = VALUES(HALF, HALF),
	},
	{
		.name = "imagenet",
		.fit = MM_FIT_SHORTEST,
		.edge = 256,
		.filter = MM_FILTER_BILINEAR,
		.crop_w = 224,
		.crop_h = 224,
		.crop_rule = MM_CROP_TORCH,
		.rgb_first = true,
		.values = VALUES(IMAGENET_MEAN, IMAGENET_STD),
	},
};

const struct mm_image_preset *mm_image_preset_at(size_t i)
{
	return i < sizeof(presets) / sizeof(presets[0]) ? &presets[i] : NULL;
}

const struct mm_image_preset *mm_image_preset_find(const char *name)
{
	const struct mm_image_preset *p;

	for (size_t i = 0; (p = mm_image_preset_at(i)); i++)
		if (!strcmp(p->name, name))
			return p;
	return NULL;
}

/* ---- sizes ---- */

static size_t at_least_one(double x)
{
	return x < 1 ? 1 : x > 1e9 ? (size_t)1e9 : (size_t)x;
}

/* Both sides times the same factor, so that one of the two fits exactly. */
static void keep_ratio(const struct mm_image_preset *p, size_t w, size_t h,
		       size_t *fit_w, size_t *fit_h)
{
	const double rw = (double)w / (double)p->width,
		     rh = (double)h / (double)p->height;
	const double r = p->fit == MM_FIT_COVER ? fmin(rw, rh) : fmax(rw, rh);
	double s;

	if (p->fit != MM_FIT_INSIDE) {
		*fit_w = at_least_one(mm_round_even((double)w / r));
		*fit_h = at_least_one(mm_round_even((double)h / r));
		return;
	}
	s = fmin((double)p->width / (double)w, (double)p->height / (double)h);
	*fit_w = at_least_one((double)w * s);
	*fit_h = at_least_one((double)h * s);
}

static void short_side(const struct mm_image_preset *p, size_t w, size_t h,
		       size_t *fit_w, size_t *fit_h)
{
	const double s = (double)(w < h ? w : h), l = (double)(w < h ? h : w);
	double edge = (double)p->edge, raw = edge;
	size_t to_s, to_l;

	if (p->fit == MM_FIT_TWO_EDGES && l / s * edge > (double)p->max_edge) {
		raw = (double)p->max_edge * s / l;
		edge = mm_round_even(raw);
	}
	to_s = at_least_one(edge);
	to_l = at_least_one(raw * l / s);
	if (p->fit == MM_FIT_TWO_EDGES && (double)to_s == s)
		to_l = (size_t)l; /* left as it is */
	*fit_w = w <= h ? to_s : to_l;
	*fit_h = w <= h ? to_l : to_s;
}

void mm_image_fit_size(const struct mm_image_preset *p, size_t w, size_t h,
		       size_t *fit_w, size_t *fit_h)
{
	*fit_w = w;
	*fit_h = h;
	switch (p->fit) {
	case MM_FIT_NONE: break;
	case MM_FIT_SQUASH:
		*fit_w = p->width;
		*fit_h = p->height;
		break;
	case MM_FIT_SHORTEST:
	case MM_FIT_TWO_EDGES: short_side(p, w, h, fit_w, fit_h); break;
	case MM_FIT_LONGEST:
	case MM_FIT_COVER:
	case MM_FIT_INSIDE: keep_ratio(p, w, h, fit_w, fit_h); break;
	}
}

bool mm_image_preset_size(const struct mm_image_preset *p, size_t *w, size_t *h)
{
	if (p->crop_w) {
		*w = p->crop_w;
		*h = p->crop_h;
		return true;
	}
	if (p->fit != MM_FIT_SQUASH)
		return false;
	*w = p->width;
	*h = p->height;
	return true;
}

void mm_image_preset_resize(struct mm_image_preset *p, size_t w, size_t h)
{
	const size_t cw = p->crop_w ? p->crop_w : p->edge;

	switch (p->fit) {
	case MM_FIT_NONE: break;
	case MM_FIT_SHORTEST:
	case MM_FIT_TWO_EDGES:
		if (w != h) {
			p->fit = MM_FIT_COVER;
			p->width = p->edge * w / cw;
			p->height = p->edge * h / cw;
			break;
		}
		p->max_edge = p->max_edge * w / cw;
		p->edge = p->edge * w / cw;
		break;
	default:
		p->width = p->crop_w ? p->width * w / p->crop_w : w;
		p->height = p->crop_h ? p->height * h / p->crop_h : h;
	}
	if (p->crop_w || p->fit == MM_FIT_NONE || p->fit == MM_FIT_COVER) {
		p->crop_w = w;
		p->crop_h = h;
	}
}

void mm_image_preset_refit(struct mm_image_preset *p, enum mm_fit fit)
{
	size_t w = p->edge, h = p->edge;

	if (!mm_image_preset_size(p, &w, &h) && p->width) {
		w = p->width;
		h = p->height;
	}
	p->fit = fit == MM_FIT_SHORTEST && w != h ? MM_FIT_COVER : fit;
	p->width = w;
	p->height = h;
	p->edge = w;
	p->crop_w = fit == MM_FIT_SQUASH ? 0 : w;
	p->crop_h = fit == MM_FIT_SQUASH ? 0 : h;
}

/* ---- values ---- */

void mm_image_values_lut(float lut[3][256], const struct mm_image_values *v)
{
	for (int c = 0; c < 3; c++) {
		const float mean = (float)v->mean[c], std = (float)v->std[c];

		for (int i = 0; i < 256; i++) {
			float x =
				v->rescale ? (float)(i * v->factor) : (float)i;

			if (v->offset)
				x -= 1.0f;
			if (v->normalize)
				x = (x - mean) / std;
			if (v->top)
				x /= std;
			lut[c][i] = x;
		}
	}
}

/* Shortest text that reads back to the same double. */
static void number(char *out, size_t n, double x)
{
	for (int digits = 1; digits <= 17; digits++) {
		snprintf(out, n, "%.*g", digits, x);
		if (strtod(out, NULL) == x)
			return;
	}
}

static void put_three(const double v[3], const char *key,
		      void (*put)(void *, const char *, const char *),
		      void *ctx)
{
	char t[128], part[32];
	size_t at = 0;

	for (int c = 0; c < 3; c++) {
		number(part, sizeof(part), v[c]);
		at += (size_t)snprintf(t + at, sizeof(t) - at, "%s%s",
				       c ? "," : "", part);
	}
	put(ctx, key, t);
}

void mm_image_values_put(const struct mm_image_values *v,
			 void (*put)(void *ctx, const char *key,
				     const char *value),
			 void *ctx)
{
	static const double zero[3] = { 0, 0, 0 }, one[3] = { 1, 1, 1 };
	char t[32];

	/* image.std also serves image.top, where there is no mean. */
	put_three(v->normalize ? v->mean : zero, "image.mean", put, ctx);
	put_three(v->normalize || v->top ? v->std : one, "image.std", put, ctx);
	if (!v->rescale || v->factor != 1.0 / 255) {
		number(t, sizeof(t), v->rescale ? v->factor : 1);
		put(ctx, "image.rescale", t);
	}
	if (v->offset)
		put(ctx, "image.offset", "-1");
	if (v->top)
		put(ctx, "image.top", v->normalize ? "2" : "1");
}

static int get_three(double v[3], const char *key, const char *text,
		     struct mm_err *err)
{
	const char *p = text;
	char *end;

	for (int c = 0; c < 3; c++) {
		v[c] = strtod(p, &end);
		if (end == p || !isfinite(v[c]) || *end != (c < 2 ? ',' : '\0'))
			return mm_fail(err, MM_ERR_FORMAT,
				       "'%s' must be three numbers, not '%s'",
				       key, text);
		p = end + 1;
	}
	return MM_OK;
}

int mm_image_values_get(struct mm_image_values *v,
			const char *(*get)(void *ctx, const char *key),
			void *ctx, struct mm_err *err)
{
	const char *mean = get(ctx, "image.mean"), *std = get(ctx, "image.std"),
		   *rescale = get(ctx, "image.rescale"),
		   *offset = get(ctx, "image.offset"),
		   *top = get(ctx, "image.top");
	char *end;
	int rc;

	memset(v, 0, sizeof(*v));
	v->rescale = true;
	v->factor = rescale ? strtod(rescale, &end) : 1.0 / 255;
	if (rescale && (end == rescale || *end || !isfinite(v->factor)))
		return mm_fail(err, MM_ERR_FORMAT,
			       "'image.rescale' must be a number, not '%s'",
			       rescale);
	v->offset = offset != NULL;
	for (int c = 0; c < 3; c++)
		v->std[c] = 1;
	if ((mean && (rc = get_three(v->mean, "image.mean", mean, err))) ||
	    (std && (rc = get_three(v->std, "image.std", std, err))))
		return rc;
	for (int c = 0; c < 3; c++)
		if (!(v->std[c] > 0))
			return mm_fail(err, MM_ERR_FORMAT,
				       "'image.std' must be above 0, not '%s'",
				       std);
	v->top = top != NULL;
	v->normalize = (mean || std) && !(top && !strcmp(top, "1"));
	return MM_OK;
}
