/*
 * openclip_timm.c - towers of pictures that open_clip has from timm, by name.
 *
 * Source: timm 1.0 vision_transformer.py.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/openclip.h"

enum size {
	TINY,
	XSMALL,
	SMALL,
	MEDIUM,
	BETWIXT,
	BASE,
	LARGE,
	SO400M,
	HUGE_, /* math.h has a HUGE */
	GIANT,
	GIANTOPT,
	GIGANTIC
};

static const struct {
	const char *name;
	int64_t width, layers, heads, ffn;
} sizes[] = {
	[TINY] = { "tiny", 192, 12, 3, 768 },
	[XSMALL] = { "xsmall", 256, 10, 4, 1024 },
	[SMALL] = { "small", 384, 12, 6, 1536 },
	[MEDIUM] = { "medium", 512, 12, 8, 2048 },
	[BETWIXT] = { "betwixt", 640, 12, 10, 2560 },
	[BASE] = { "base", 768, 12, 12, 3072 },
	[LARGE] = { "large", 1024, 24, 16, 4096 },
	[SO400M] = { "so400m", 1152, 27, 16, 4304 },
	[HUGE_] = { "huge", 1280, 32, 16, 5120 },
	[GIANT] = { "giant", 1408, 40, 16, 6144 },
	[GIANTOPT] = { "giantopt", 1536, 40, 16, 6144 },
	[GIGANTIC] = { "gigantic", 1664, 48, 16, 8192 },
};

/* What the names have between patches and pictures; the norms' eps. */
static const struct {
	const char *name;
	double eps;
} kinds[] = {
	[MM_TIMM_SIGLIP] = { "siglip_", 1e-6 },
	[MM_TIMM_PLAIN] = { "", 1e-6 },
	[MM_TIMM_CLIP] = { "clip_", 1e-5 },
	[MM_TIMM_MCI] = { "mci_", 1e-6 },
};

enum {
	SIGLIP = MM_TIMM_SIGLIP,
	PLAIN = MM_TIMM_PLAIN,
	CLIP = MM_TIMM_CLIP,
	MCI = MM_TIMM_MCI
};
enum { ERF = MM_ACT_GELU, TANH = MM_ACT_GELU_TANH, QUICK = MM_ACT_QUICK_GELU };

/* Some compute GELU by tanh, as all of transformers' do. */
static const struct variant {
	uint8_t kind, size, patch, act;
	uint16_t image;
} variants[] = {
	{ SIGLIP, BASE, 16, ERF, 224 },
	{ SIGLIP, BASE, 16, ERF, 256 },
	{ SIGLIP, BASE, 16, ERF, 384 },
	{ SIGLIP, BASE, 16, ERF, 512 },
	{ SIGLIP, BASE, 32, TANH, 256 },
	{ SIGLIP, LARGE, 16, ERF, 256 },
	{ SIGLIP, LARGE, 16, ERF, 384 },
	{ SIGLIP, LARGE, 16, TANH, 512 },
	{ SIGLIP, SO400M, 14, ERF, 224 },
	{ SIGLIP, SO400M, 14, ERF, 378 },
	{ SIGLIP, SO400M, 14, ERF, 384 },
	{ SIGLIP, SO400M, 16, TANH, 256 },
	{ SIGLIP, SO400M, 16, TANH, 384 },
	{ SIGLIP, SO400M, 16, TANH, 512 },
	{ SIGLIP, GIANTOPT, 16, TANH, 256 },
	{ SIGLIP, GIANTOPT, 16, TANH, 384 },
	{ PLAIN, TINY, 16, ERF, 224 },
	{ PLAIN, TINY, 16, ERF, 384 },
	{ PLAIN, SMALL, 8, ERF, 224 },
	{ PLAIN, SMALL, 16, ERF, 224 },
	{ PLAIN, SMALL, 16, ERF, 384 },
	{ PLAIN, SMALL, 32, ERF, 224 },
	{ PLAIN, SMALL, 32, ERF, 384 },
	{ PLAIN, BASE, 8, ERF, 224 },
	{ PLAIN, BASE, 16, ERF, 224 },
	{ PLAIN, BASE, 16, ERF, 384 },
	{ PLAIN, BASE, 32, ERF, 224 },
	{ PLAIN, BASE, 32, ERF, 384 },
	{ PLAIN, LARGE, 14, ERF, 224 },
	{ PLAIN, LARGE, 16, ERF, 224 },
	{ PLAIN, LARGE, 16, ERF, 384 },
	{ PLAIN, LARGE, 32, ERF, 224 },
	{ PLAIN, LARGE, 32, ERF, 384 },
	{ CLIP, XSMALL, 16, ERF, 224 },
	{ CLIP, MEDIUM, 16, ERF, 224 },
	{ CLIP, MEDIUM, 32, ERF, 224 },
	{ CLIP, BETWIXT, 32, ERF, 224 },
	{ CLIP, BASE, 16, ERF, 224 },
	{ CLIP, BASE, 16, QUICK, 224 },
	{ CLIP, BASE, 16, ERF, 384 },
	{ CLIP, BASE, 32, ERF, 224 },
	{ CLIP, BASE, 32, QUICK, 224 },
	{ CLIP, BASE, 32, ERF, 256 },
	{ CLIP, BASE, 32, ERF, 384 },
	{ CLIP, BASE, 32, ERF, 448 },
	{ CLIP, LARGE, 14, ERF, 224 },
	{ CLIP, LARGE, 14, QUICK, 224 },
	{ CLIP, LARGE, 14, ERF, 336 },
	{ CLIP, LARGE, 14, QUICK, 336 },
	{ CLIP, HUGE_, 14, ERF, 224 },
	{ CLIP, HUGE_, 14, QUICK, 224 },
	{ CLIP, HUGE_, 14, ERF, 336 },
	{ CLIP, HUGE_, 14, ERF, 378 },
	{ CLIP, HUGE_, 14, QUICK, 378 },
	{ CLIP, GIANT, 14, ERF, 224 },
	{ CLIP, GIGANTIC, 14, ERF, 224 },
	{ CLIP, GIGANTIC, 14, QUICK, 224 },
	{ CLIP, GIGANTIC, 14, ERF, 378 },
	{ MCI, BASE, 16, ERF, 224 },
};

bool mm_openclip_timm(struct mm_openclip_timm *t, size_t i)
{
	const struct variant *v = &variants[i];
	char patch[16] = "";

	if (i >= sizeof(variants) / sizeof(*variants))
		return false;
	t->kind = v->kind;
	t->width = sizes[v->size].width;
	t->layers = sizes[v->size].layers;
	t->heads = sizes[v->size].heads;
	t->ffn = sizes[v->size].ffn;
	t->patch = v->patch;
	t->image = v->image;
	t->eps = kinds[v->kind].eps;
	t->act = v->act;
	if (v->kind != MCI)
		snprintf(patch, sizeof(patch), "patch%d_", v->patch);
	snprintf(t->name, sizeof(t->name), "vit_%s_%s%s%s%d",
		 sizes[v->size].name, patch, kinds[v->kind].name,
		 v->act == QUICK ? "quickgelu_" : "", v->image);
	return true;
}

bool mm_openclip_timm_of(struct mm_openclip_timm *t, const struct mm_tower *v,
			 const struct mm_vision *pictures,
			 enum mm_openclip_kind kind)
{
	struct mm_openclip_timm one;
	bool found = false;

	for (size_t i = 0; mm_openclip_timm(&one, i); i++) {
		if (one.kind != kind || (size_t)one.width != v->width ||
		    (size_t)one.layers != v->layers ||
		    (size_t)one.heads != v->heads ||
		    (size_t)one.ffn != v->ffn ||
		    (size_t)one.patch != pictures->patch ||
		    (size_t)one.image != pictures->image_size ||
		    fabs(v->eps / one.eps - 1) > 0.01)
			continue;
		if (!found || one.act == v->act)
			*t = one;
		found = true;
	}
	return found;
}

enum mm_openclip_kind mm_openclip_kind(const struct mm_clip_vit *v)
{
	return v->stem	     ? MM_TIMM_MCI
	       : v->pre_norm ? MM_TIMM_CLIP
			     : MM_TIMM_PLAIN;
}

/* ---- ConvNeXts ---- */

static const struct {
	const char *name;
	uint8_t depth[MM_CONVNEXT_STAGES];
	uint16_t width;
	double eps;
} convnexts[] = {
	{ "convnext_tiny", { 3, 3, 9, 3 }, 96, 1e-6 },
	{ "convnext_small", { 3, 3, 27, 3 }, 96, 1e-6 },
	{ "convnext_base", { 3, 3, 27, 3 }, 128, 1e-6 },
	{ "convnext_large", { 3, 3, 27, 3 }, 192, 1e-6 },
	{ "convnext_xlarge", { 3, 3, 27, 3 }, 256, 1e-6 },
	{ "convnext_xxlarge", { 3, 4, 30, 3 }, 384, 1e-5 },
};

const char *mm_openclip_convnext(struct mm_convnext *c, const char *name)
{
	const size_t len = strcspn(name, ".");

	for (size_t i = 0; i < sizeof(convnexts) / sizeof(*convnexts); i++) {
		if (strncmp(convnexts[i].name, name, len) ||
		    convnexts[i].name[len])
			continue;
		for (int k = 0; k < MM_CONVNEXT_STAGES; k++) {
			c->depth[k] = convnexts[i].depth[k];
			c->width[k] = (size_t)convnexts[i].width << k;
		}
		c->eps = convnexts[i].eps;
		c->scale = 1e-6;
		return convnexts[i].name;
	}
	return NULL;
}

const char *mm_openclip_convnext_of(const struct mm_convnext *c)
{
	struct mm_convnext t;

	for (size_t i = 0; i < sizeof(convnexts) / sizeof(*convnexts); i++)
		if (mm_openclip_convnext(&t, convnexts[i].name) &&
		    !memcmp(t.depth, c->depth, sizeof(t.depth)) &&
		    !memcmp(t.width, c->width, sizeof(t.width)) &&
		    fabs(c->eps / t.eps - 1) < 0.01)
			return convnexts[i].name;
	return NULL;
}

/* ---- the name that is sought ---- */

/* What the name may be meant for: all names of that kind, or the kinds. */
static void list_near(struct mm_buf *b, const char *name)
{
	const bool siglip = strstr(name, "siglip");
	struct mm_openclip_timm t;

	if (strncmp(name, "vit_", 4) || (!siglip && !strstr(name, "clip"))) {
		mm_buf_printf(b, "convnext_tiny to _xxlarge, "
				 "vit_SIZE_patchP_N, vit_SIZE_patchP_clip_N, "
				 "vit_SIZE_patchP_siglip_N, vit_base_mci_224: "
				 "mmtool-model(5) "
				 "lists them");
		return;
	}
	for (size_t i = 0; mm_openclip_timm(&t, i); i++)
		if (t.kind ==
		    (strstr(name, "siglip") ? MM_TIMM_SIGLIP : MM_TIMM_CLIP))
			mm_buf_printf(b, "%s%s", b->len ? ", " : "", t.name);
}

static int unknown_timm(const char *name, struct mm_err *err)
{
	struct mm_buf b = { 0 };
	int rc;

	list_near(&b, name);
	rc = mm_fail(err, MM_ERR_FORMAT,
		     "'timm_model_name' is '%.80s', which is not known; known "
		     "of timm's towers are %s",
		     name, mm_buf_str(&b));
	mm_buf_release(&b);
	return rc;
}

int mm_openclip_timm_find(struct mm_openclip_timm *t, const char *name,
			  struct mm_err *err)
{
	const size_t len = strcspn(name, ".");

	for (size_t i = 0; mm_openclip_timm(t, i); i++)
		if (!strncmp(t->name, name, len) && !t->name[len])
			return MM_OK;
	return unknown_timm(name, err);
}
