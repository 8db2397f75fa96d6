/*
 * preset_file.c - recipes from the files beside a model, and back.
 *
 * preprocessor_config.json names a class of transformers; what the file does
 * not say has that class's default.  The table holds the classes whose
 * geometry is "resize, centre crop, rescale, normalise".
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "image/preset.h"

enum { MAX_SIDE = 1 << 15 };

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

/* Defaults of one image processor class. */
struct kind {
	const char *name;	/* before "ImageProcessor" */
	const char *model_type; /* of config.json; may be NULL */
	size_t edge, square;	/* one of the two */
	size_t crop;
	bool do_crop, int_is_edge; /* "size": 224 is the short side */
	enum mm_filter filter;
	double mean[3], std[3];
	bool top;
};

static const struct kind kinds[] = {
	{ "CLIP", "clip", 224, 0, 224, true, true, MM_FILTER_BICUBIC, CLIP_MEAN,
	  CLIP_STD, false },
	{ "ChineseCLIP", "chinese_clip", 224, 0, 224, true, true,
	  MM_FILTER_BICUBIC, CLIP_MEAN, CLIP_STD, false },
	{ "Bit", "dinov2", 224, 0, 224, true, true, MM_FILTER_BICUBIC,
	  CLIP_MEAN, CLIP_STD, false },
	{ "Siglip", "siglip", 0, 224, 0, false, true, MM_FILTER_BICUBIC, HALF,
	  HALF, false },
	{ "ViT", "vit", 0, 224, 0, false, false, MM_FILTER_BILINEAR, HALF, HALF,
	  false },
	{ "DeiT", "deit", 0, 256, 224, true, false, MM_FILTER_BICUBIC, HALF,
	  HALF, false },
	{ "Blip", "blip", 0, 384, 0, false, false, MM_FILTER_BICUBIC, CLIP_MEAN,
	  CLIP_STD, false },
	{ "EfficientNet", "align", 0, 346, 289, false, false, MM_FILTER_BICUBIC,
	  HALF, HALF, true },
};

static const struct kind *kind_named(const char *name)
{
	static const char *const tail[] = { "ImageProcessor",
					    "ImageProcessorFast",
					    "ImageProcessorPil",
					    "FeatureExtractor" };

	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		const size_t n = strlen(kinds[k].name);

		if (strncmp(name, kinds[k].name, n))
			continue;
		for (size_t t = 0; t < sizeof(tail) / sizeof(tail[0]); t++)
			if (!strcmp(name + n, tail[t]))
				return &kinds[k];
	}
	return NULL;
}

static const struct kind *kind_of_model(const char *model_type)
{
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
		if (kinds[k].model_type &&
		    !strcmp(model_type, kinds[k].model_type))
			return &kinds[k];
	return NULL;
}

/* ---- reading ---- */

static int get_three(const struct mm_json *root, const char *key, double out[3],
		     struct mm_err *err)
{
	const struct mm_json *v = mm_json_get(root, key), *e;
	const bool list = mm_json_type(v) == MM_JSON_ARRAY;

	if (mm_json_type(v) == MM_JSON_ABSENT ||
	    mm_json_type(v) == MM_JSON_NULL)
		return MM_OK;
	if (list && mm_json_size(v) != 3)
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s' must have 3 numbers, not %zu", key,
			       mm_json_size(v));
	for (size_t c = 0; c < 3; c++) {
		e = list ? mm_json_at(v, c) : v;
		if (mm_json_type(e) != MM_JSON_INT &&
		    mm_json_type(e) != MM_JSON_REAL)
			return mm_fail(err, MM_ERR_FORMAT,
				       "'%s' must hold numbers, not %s", key,
				       mm_json_type_name(e));
		out[c] = mm_json_num(e, 0);
	}
	return MM_OK;
}

static int get_side(const struct mm_json *object, const char *key, size_t *out,
		    struct mm_err *err)
{
	int64_t v = (int64_t)*out;
	const int rc = mm_json_want_int(object, key, 1, MAX_SIDE, &v, err);

	*out = (size_t)v;
	return rc;
}

/* [h, w], {"height", "width"} or n; *single where it was n. */
static int get_size(const struct mm_json *root, const char *key, size_t *w,
		    size_t *h, bool *single, struct mm_err *err)
{
	const struct mm_json *v = mm_json_get(root, key);
	int64_t side[2];

	*single = false;
	switch (mm_json_type(v)) {
	case MM_JSON_ABSENT:
	case MM_JSON_NULL: return MM_OK;
	case MM_JSON_OBJECT: {
		const int rc = get_side(v, "width", w, err);

		return rc ? rc : get_side(v, "height", h, err);
	}
	case MM_JSON_INT:
		side[0] = side[1] = mm_json_int(v, 0);
		*single = true;
		break;
	case MM_JSON_ARRAY:
		side[0] = mm_json_int(mm_json_at(v, 0), 0);
		side[1] = mm_json_int(mm_json_at(v, mm_json_size(v) - 1), 0);
		if (mm_json_size(v) == 1 || mm_json_size(v) == 2)
			break;
		/* fall through */
	default:
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s' must be a number, two, or an object, "
			       "not %s",
			       key, mm_json_type_name(v));
	}
	for (int i = 0; i < 2; i++)
		if (side[i] < 1 || side[i] > MAX_SIDE)
			return mm_fail(err, MM_ERR_FORMAT,
				       "'%s' must be in 1..%d, not %lld", key,
				       MAX_SIDE, (long long)side[i]);
	*h = (size_t)side[0];
	*w = (size_t)side[1];
	return MM_OK;
}

static bool given(const struct mm_json *v, const char *key)
{
	return mm_json_type(mm_json_get(v, key)) > MM_JSON_NULL;
}

/* The key "size" of a processor. */
static int get_fit(struct mm_image_preset *p, const struct mm_json *root,
		   const struct kind *k, struct mm_err *err)
{
	const struct mm_json *v = mm_json_get(root, "size");
	const bool object = mm_json_type(v) == MM_JSON_OBJECT;
	bool single;
	int rc;

	p->width = p->height = k->square;
	p->edge = k->edge;
	p->fit = k->edge ? MM_FIT_SHORTEST : MM_FIT_SQUASH;
	if (object && given(v, "shortest_edge")) {
		p->fit = MM_FIT_SHORTEST;
		if ((rc = get_side(v, "shortest_edge", &p->edge, err)) ||
		    !given(v, "longest_edge"))
			return rc;
		p->fit = MM_FIT_TWO_EDGES;
		return get_side(v, "longest_edge", &p->max_edge, err);
	}
	if (object && given(v, "max_height")) {
		p->fit = MM_FIT_INSIDE;
		p->width = p->height = 0;
		rc = get_side(v, "max_height", &p->height, err);
		if (!rc)
			rc = get_side(v, "max_width", &p->width, err);
		return rc	  ? rc
		       : p->width ? MM_OK
				  : mm_fail(err, MM_ERR_FORMAT,
					    "'size' has max_height but no "
					    "max_width");
	}
	if (object && !(given(v, "height") && given(v, "width")))
		return mm_fail(err, MM_ERR_FORMAT,
			       "'size' needs height and width, "
			       "shortest_edge, or max_height and max_width");
	if (mm_json_type(v) == MM_JSON_ABSENT ||
	    mm_json_type(v) == MM_JSON_NULL)
		return MM_OK;
	if ((rc = get_size(root, "size", &p->width, &p->height, &single, err)))
		return rc;
	p->fit = MM_FIT_SQUASH;
	if (single && k->int_is_edge) {
		p->fit = MM_FIT_SHORTEST;
		p->edge = p->width;
	}
	return MM_OK;
}

/* PIL's number or, as some files have it, its name. */
static int get_filter(struct mm_image_preset *p, const struct mm_json *root,
		      const char *key, struct mm_err *err)
{
	const char *name = mm_json_str(mm_json_get(root, key), NULL);
	int64_t v = p->filter;
	int rc;

	if (name) {
		if (!mm_filter_parse(&p->filter, name))
			return mm_fail(err, MM_ERR_FORMAT,
				       "'%s' must be a filter, not '%s'", key,
				       name);
		return MM_OK;
	}
	rc = mm_json_want_int(root, key, 0, MM_N_FILTERS - 1, &v, err);
	p->filter = (enum mm_filter)v;
	return rc;
}

/*
 * What transformers has no word for, in our own files: an object "mmtool"
 * that other programs leave alone.
 */
static void get_own(struct mm_image_preset *p, const struct mm_json *root)
{
	const struct mm_json *own = mm_json_get(root, "mmtool");

	if (mm_json_type(own) != MM_JSON_OBJECT)
		return;
	if (!strcmp(mm_json_str(mm_json_get(own, "crop"), ""), "torchvision"))
		p->crop_rule = MM_CROP_TORCH;
	p->rgb_first = mm_json_bool(mm_json_get(own, "rgb_first"), true);
	if (!strcmp(mm_json_str(mm_json_get(own, "alpha"), ""), "drop"))
		p->alpha = MM_ALPHA_DROP;
	if (!strcmp(mm_json_str(mm_json_get(own, "fit"), ""), "longest"))
		p->fit = MM_FIT_LONGEST;
	if (!strcmp(mm_json_str(mm_json_get(own, "fit"), ""), "cover"))
		p->fit = MM_FIT_COVER;
	p->exif = mm_json_bool(mm_json_get(own, "exif"), false);
}

static int from_processor(struct mm_image_preset *p, const struct mm_json *root,
			  const struct kind *k, struct mm_err *err)
{
	struct mm_image_values *v = &p->values;
	bool do_resize = true, do_crop = k->do_crop, single;
	int rc;

	memset(p, 0, sizeof(*p));
	p->name = "file";
	p->filter = k->filter;
	p->rgb_first = true;
	p->alpha = MM_ALPHA_WHITE;
	p->crop_w = p->crop_h = k->crop;
	v->rescale = v->normalize = true;
	v->factor = 1.0 / 255;
	v->top = k->top;
	memcpy(v->mean, k->mean, sizeof(v->mean));
	memcpy(v->std, k->std, sizeof(v->std));
	if ((rc = mm_json_want_bool(root, "do_resize", &do_resize, err)) ||
	    (rc = mm_json_want_bool(root, "do_center_crop", &do_crop, err)) ||
	    (rc = mm_json_want_bool(root, "do_rescale", &v->rescale, err)) ||
	    (rc = mm_json_want_bool(root, "do_normalize", &v->normalize,
				    err)) ||
	    (rc = mm_json_want_num(root, "rescale_factor", -1e6, 1e6,
				   &v->factor, err)) ||
	    (rc = get_three(root, "image_mean", v->mean, err)) ||
	    (rc = get_three(root, "image_std", v->std, err)) ||
	    (rc = get_filter(p, root, "resample", err)) ||
	    (rc = get_fit(p, root, k, err)) ||
	    (rc = get_size(root, "crop_size", &p->crop_w, &p->crop_h, &single,
			   err)))
		return rc;
	if (k->top && /* EfficientNet's own two */
	    ((rc = mm_json_want_bool(root, "rescale_offset", &v->offset,
				     err)) ||
	     (rc = mm_json_want_bool(root, "include_top", &v->top, err))))
		return rc;
	v->offset = v->offset && v->rescale;
	for (int c = 0; c < 3; c++)
		if ((v->normalize || v->top) && !(v->std[c] > 0))
			return mm_fail(err, MM_ERR_FORMAT,
				       "'image_std' must be above 0");
	if (!do_resize)
		p->fit = MM_FIT_NONE;
	if (!do_crop)
		p->crop_w = p->crop_h = 0;
	else if (!p->crop_w)
		return mm_fail(err, MM_ERR_FORMAT,
			       "'do_center_crop' needs a 'crop_size'");
	get_own(p, root);
	return MM_OK;
}

/* preprocess_cfg of open_clip; the size is the tower's where that tells one. */
static int from_open_clip(struct mm_image_preset *p, const struct mm_json *root,
			  struct mm_err *err)
{
	const struct mm_json *cfg = mm_json_get(root, "preprocess_cfg");
	const struct mm_json *tower =
		mm_json_get(mm_json_get(root, "model_cfg"), "vision_cfg");
	const char *mode = "shortest", *filter = "bicubic";
	int64_t fill = 0;
	size_t w = 224, h = 224;
	bool single;
	int rc;

	*p = *mm_image_preset_find("open_clip");
	p->name = "file";
	if ((rc = get_size(cfg, "size", &w, &h, &single, err)) ||
	    (rc = get_size(tower, "image_size", &w, &h, &single, err)) ||
	    (rc = get_three(cfg, "mean", p->values.mean, err)) ||
	    (rc = get_three(cfg, "std", p->values.std, err)) ||
	    (rc = mm_json_want_str(cfg, "resize_mode", &mode, err)) ||
	    (rc = mm_json_want_str(cfg, "interpolation", &filter, err)) ||
	    (rc = mm_json_want_int(cfg, "fill_color", 0, 255, &fill, err)))
		return rc;
	for (int c = 0; c < 3; c++)
		if (!(p->values.std[c] > 0))
			return mm_fail(err, MM_ERR_FORMAT,
				       "'std' must be above 0");
	/* "random" is for training; it evaluates with bicubic. */
	p->filter = strcmp(filter, "bilinear") ? MM_FILTER_BICUBIC
					       : MM_FILTER_BILINEAR;
	if (strcmp(filter, "bilinear") && strcmp(filter, "bicubic") &&
	    strcmp(filter, "random"))
		return mm_fail(err, MM_ERR_FORMAT,
			       "'interpolation' must be bicubic, bilinear or "
			       "random, not '%s'",
			       filter);
	p->fill = (uint8_t)fill;
	mm_image_preset_resize(p, w, h);
	if (p->fit == MM_FIT_COVER) /* which ignores the setting */
		p->filter = MM_FILTER_BICUBIC;
	if (!strcmp(mode, "squash"))
		mm_image_preset_refit(p, MM_FIT_SQUASH);
	else if (!strcmp(mode, "longest"))
		mm_image_preset_refit(p, MM_FIT_LONGEST);
	else if (strcmp(mode, "shortest"))
		return mm_fail(err, MM_ERR_FORMAT,
			       "'resize_mode' must be shortest, longest or "
			       "squash, not '%s'",
			       mode);
	return MM_OK;
}

static int from_json(struct mm_image_preset *p, const struct mm_json *root,
		     const struct kind *fallback, struct mm_err *err)
{
	const struct mm_json *part = mm_json_get(root, "image_processor");
	const struct kind *k;
	const char *type;

	if (mm_json_type(root) != MM_JSON_OBJECT)
		return mm_fail(err, MM_ERR_FORMAT, "must be an object, not %s",
			       mm_json_type_name(root));
	/* Without preprocess_cfg, open_clip has its own recipe. */
	if (mm_json_get(root, "preprocess_cfg") ||
	    mm_json_get(root, "model_cfg"))
		return from_open_clip(p, root, err);
	if (part)
		root = part;
	type = mm_json_str(mm_json_get(root, "image_processor_type"), NULL);
	if (!type)
		type = mm_json_str(mm_json_get(root, "feature_extractor_type"),
				   NULL);
	k = type ? kind_named(type) : fallback;
	if (!k)
		return type ? mm_fail(err, MM_ERR_FORMAT,
				      "image processor '%s' is not known", type)
			    : mm_fail(err, MM_ERR_FORMAT,
				      "no 'image_processor_type'");
	return from_processor(p, root, k, err);
}

int mm_image_preset_from_json(struct mm_image_preset *p,
			      const struct mm_json *root, struct mm_err *err)
{
	return from_json(p, root, NULL, err);
}

/* The class that config.json's model_type stands for; NULL: none. */
static const struct kind *kind_of_folder(const char *dir)
{
	struct mm_buf path = { 0 };
	struct mm_json *root = NULL;
	const struct kind *k = NULL;

	mm_buf_printf(&path, "%s/config.json", dir);
	if (!path.failed && !mm_json_load(&root, mm_buf_str(&path), NULL))
		k = kind_of_model(
			mm_json_str(mm_json_get(root, "model_type"), ""));
	mm_json_free(root);
	mm_buf_release(&path);
	return k;
}

int mm_image_preset_load(struct mm_image_preset *p, const char *dir,
			 struct mm_err *err)
{
	static const char *const file[] = { "preprocessor_config.json",
					    "processor_config.json",
					    "open_clip_config.json" };
	struct mm_buf path = { 0 };
	struct mm_json *root = NULL;
	bool found = false;
	int rc = MM_OK;

	for (size_t i = 0; !rc && !found && i < 3; i++) {
		mm_buf_clear(&path);
		mm_buf_printf(&path, "%s/%s", dir, file[i]);
		if ((rc = mm_buf_check(&path, "a path", err)) ||
		    access(mm_buf_str(&path), F_OK))
			continue;
		rc = mm_json_load(&root, mm_buf_str(&path), err);
		/* processor_config.json may be about the text alone. */
		found = i != 1 || mm_json_get(root, "image_processor");
		if (!rc && found &&
		    (rc = from_json(p, root, kind_of_folder(dir), err)))
			rc = mm_fail_ctx(err, "%s", mm_buf_str(&path));
		mm_json_free(root);
		root = NULL;
	}
	mm_buf_release(&path);
	return rc || found
		       ? rc
		       : mm_fail(err, MM_ERR_IO,
				 "'%s' has no preprocessor_config.json", dir);
}

/* ---- writing ---- */

static void put_three(struct mm_json_writer *w, const char *key,
		      const double v[3])
{
	mm_json_open(w, key, '[');
	for (int c = 0; c < 3; c++)
		mm_json_put_num(w, NULL, v[c]);
	mm_json_close(w);
}

static void put_side(struct mm_json_writer *w, const char *key, size_t v)
{
	mm_json_put_int(w, key, (int64_t)v);
}

static void put_box(struct mm_json_writer *w, const char *key, size_t width,
		    size_t height)
{
	mm_json_open(w, key, '{');
	put_side(w, "height", height);
	put_side(w, "width", width);
	mm_json_close(w);
}

static void put_fit(struct mm_json_writer *w, const struct mm_image_preset *p)
{
	switch (p->fit) {
	case MM_FIT_SHORTEST:
	case MM_FIT_TWO_EDGES:
		mm_json_open(w, "size", '{');
		put_side(w, "shortest_edge", p->edge);
		if (p->fit == MM_FIT_TWO_EDGES)
			put_side(w, "longest_edge", p->max_edge);
		mm_json_close(w);
		break;
	case MM_FIT_INSIDE:
		mm_json_open(w, "size", '{');
		put_side(w, "max_height", p->height);
		put_side(w, "max_width", p->width);
		mm_json_close(w);
		break;
	case MM_FIT_NONE: break;
	default: put_box(w, "size", p->width, p->height);
	}
}

static void put_own(struct mm_json_writer *w, const struct mm_image_preset *p)
{
	const bool torch = p->crop_w && p->crop_rule == MM_CROP_TORCH;
	const bool drop = p->alpha == MM_ALPHA_DROP;
	const char *fit = p->fit == MM_FIT_LONGEST ? "longest"
			  : p->fit == MM_FIT_COVER ? "cover"
						   : NULL;

	if (!torch && p->rgb_first && !drop && !p->exif && !fit)
		return;
	mm_json_open(w, "mmtool", '{');
	if (torch)
		mm_json_put_str(w, "crop", "torchvision");
	if (!p->rgb_first)
		mm_json_put_bool(w, "rgb_first", false);
	if (drop)
		mm_json_put_str(w, "alpha", "drop");
	if (p->exif)
		mm_json_put_bool(w, "exif", true);
	if (fit)
		mm_json_put_str(w, "fit", fit);
	mm_json_close(w);
}

int mm_image_preset_write(struct mm_buf *out, const struct mm_image_preset *p,
			  struct mm_err *err)
{
	const struct mm_image_values *v = &p->values;
	const bool efficient = v->offset || v->top;
	struct mm_json_writer w;

	mm_json_writer_init(&w, out, 2);
	mm_json_open(&w, NULL, '{');
	mm_json_put_str(&w, "image_processor_type",
			efficient ? "EfficientNetImageProcessor"
				  : "CLIPImageProcessor");
	mm_json_put_bool(&w, "do_resize", p->fit != MM_FIT_NONE);
	put_fit(&w, p);
	mm_json_put_int(&w, "resample", p->filter);
	mm_json_put_bool(&w, "do_center_crop", p->crop_w != 0);
	if (p->crop_w)
		put_box(&w, "crop_size", p->crop_w, p->crop_h);
	mm_json_put_bool(&w, "do_rescale", v->rescale);
	if (v->rescale)
		mm_json_put_num(&w, "rescale_factor", v->factor);
	if (efficient) {
		mm_json_put_bool(&w, "rescale_offset", v->offset);
		mm_json_put_bool(&w, "include_top", v->top);
	}
	mm_json_put_bool(&w, "do_normalize", v->normalize);
	put_three(&w, "image_mean", v->mean);
	put_three(&w, "image_std", v->std);
	mm_json_put_bool(&w, "do_convert_rgb", true);
	put_own(&w, p);
	mm_json_close(&w);
	mm_buf_addc(out, '\n');
	return mm_buf_check(out, "a preprocessor configuration", err);
}
