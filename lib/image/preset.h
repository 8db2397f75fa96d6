/*
 * preset.h - how a model wants its pictures: named recipes, and recipes from
 * the files that lie beside a model.
 *
 * A recipe is data, so a command line may change a field of one.
 */
#ifndef MM_IMAGE_PRESET_H
#define MM_IMAGE_PRESET_H

#include "base/json.h"
#include "image/geometry.h"
#include "image/resize.h"

enum mm_fit {
	MM_FIT_NONE,	  /* not resized                                     */
	MM_FIT_SQUASH,	  /* to width x height, whatever the shape           */
	MM_FIT_SHORTEST,  /* short side edge, long trunc(edge * long/short)  */
	MM_FIT_LONGEST,	  /* inside width x height, rounded half to even     */
	MM_FIT_COVER,	  /* covers width x height, rounded half to even     */
	MM_FIT_INSIDE,	  /* inside width x height, truncated                */
	MM_FIT_TWO_EDGES, /* as SHORTEST, but the long side stays within
			   * max_edge: then t = max_edge * short/long, the
			   * short side round(t), the long trunc(t*long/short)
			   */
};

/*
 * From 8 bits to float, each step in float32 but the first (v * factor in
 * double, then rounded once):
 *
 *	x = v * factor [if rescale]; x - 1 [if offset];
 *	(x - mean) / std [if normalize]; x / std [if top]
 */
struct mm_image_values {
	bool rescale, offset, normalize, top;
	double factor;
	double mean[3], std[3];
};

struct mm_image_preset {
	const char *name; /* "hf-clip"; "file" for one that was loaded */
	enum mm_fit fit;
	size_t width, height;  /* SQUASH, LONGEST */
	size_t edge, max_edge; /* SHORTEST, TWO_EDGES */
	enum mm_filter filter;
	size_t crop_w, crop_h; /* centre crop after resizing; 0 = none.
				  Smaller pictures are padded with 0    */
	enum mm_crop_rule crop_rule;
	uint8_t fill;	/* of the padding */
	bool rgb_first; /* RGB before resizing, not after */
	enum mm_image_alpha alpha;
	enum mm_image_grey16 grey16;
	bool exif; /* turn as the EXIF orientation says */
	struct mm_image_values values;
};

/*
 * By name: document, openai-clip, open_clip, hf-clip, siglip, align, blip,
 * vit, imagenet.  NULL where there is none.
 */
const struct mm_image_preset *mm_image_preset_find(const char *name);
/* The i-th, NULL past the end. */
const struct mm_image_preset *mm_image_preset_at(size_t i);

/*
 * preprocessor_config.json as transformers' Pillow backend reads it, or the
 * preprocess_cfg of open_clip_config.json; `root` is the parsed file.  An
 * absent key has the default of the processor class.  MM_ERR_FORMAT names the
 * key.
 */
int mm_image_preset_from_json(struct mm_image_preset *p,
			      const struct mm_json *root,
			      struct mm_err *err) MM_MUST_CHECK;

/*
 * From a model folder: preprocessor_config.json (or the image_processor part
 * of processor_config.json), else open_clip_config.json.  MM_ERR_IO where
 * there is neither.
 */
int mm_image_preset_load(struct mm_image_preset *p, const char *dir,
			 struct mm_err *err) MM_MUST_CHECK;

/* preprocessor_config.json text of a recipe that transformers can express. */
int mm_image_preset_write(struct mm_buf *out, const struct mm_image_preset *p,
			  struct mm_err *err) MM_MUST_CHECK;

/*
 * Another size for the same recipe: a result of w x h.  A resize that was
 * larger than the crop keeps that proportion.  With w != h, SHORTEST becomes
 * COVER, as in open_clip.
 */
void mm_image_preset_resize(struct mm_image_preset *p, size_t w, size_t h);

/* Another fit to the size that the result has: SQUASH, SHORTEST, LONGEST. */
void mm_image_preset_refit(struct mm_image_preset *p, enum mm_fit fit);

/* Size of a w x h picture after resizing, before the crop. */
void mm_image_fit_size(const struct mm_image_preset *p, size_t w, size_t h,
		       size_t *fit_w, size_t *fit_h);

/* Size of the result; false where it depends on the picture. */
bool mm_image_preset_size(const struct mm_image_preset *p, size_t *w,
			  size_t *h);

/* Table of the values of all 256 bytes by channel. */
void mm_image_values_lut(float lut[3][256], const struct mm_image_values *v);

/*
 * The values as strings of a stream's metadata and back.  Keys: image.mean
 * and image.std ("a,b,c"), and, only where they differ from 1/255 and from
 * nothing, image.rescale, image.offset, image.top.  `get` returns NULL for an
 * absent key; all absent means values/255 (ToTensor).
 */
void mm_image_values_put(const struct mm_image_values *v,
			 void (*put)(void *ctx, const char *key,
				     const char *value),
			 void *ctx);
int mm_image_values_get(struct mm_image_values *v,
			const char *(*get)(void *ctx, const char *key),
			void *ctx, struct mm_err *err) MM_MUST_CHECK;

#endif
