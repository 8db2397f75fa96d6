/* preprocess.c - mmtool preprocess: samples to pixels and token ids. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "cmd.h"
#include "data/preprocess.h"
#include "data/texts.h"
#include "model/model.h"
#include "sources.h"

enum { TEXT_LENGTH = 77, MAX_SIDE = 1 << 14 };

struct preprocess_args {
	struct mm_common common;
	struct mm_source_args source;
	const char *text, *tokenizer;
	int preset, filter, fit, dtype, exif, alpha, grey16, clean;
	struct mm_extent image_size;
	struct mm_nums mean, std;
	int64_t max_length, max_pixels, fast_decode;
	bool images;
};

static const struct preprocess_args defaults = {
	.common = { .batch_size = 64 },
	.preset = MM_UNSET_ENUM,
	.filter = MM_UNSET_ENUM,
	.fit = MM_UNSET_ENUM,
	.exif = MM_UNSET_ENUM,
	.alpha = MM_UNSET_ENUM,
	.max_length = MM_UNSET,
	.max_pixels = (int64_t)MM_IMAGE_MAX_PIXELS,
	.images = true,
};

/* In the order of the enums that they stand for, or of the tables below. */
static const char *const preset_words[] = {
	"document", "openai-clip", "open_clip", "hf-clip",  "siglip",
	"align",    "blip",	   "vit",	"imagenet", NULL
};
static const char *const filter_words[] = { "nearest", "lanczos", "bilinear",
					    "bicubic", "box",	  "hamming",
					    NULL };
static const char *const fit_words[] = { "squash", "shortest", "longest",
					 NULL };
static const enum mm_fit fits[] = { MM_FIT_SQUASH, MM_FIT_SHORTEST,
				    MM_FIT_LONGEST };
static const char *const dtype_words[] = { "u8", "f32", "f16", "bf16", NULL };
static const enum mm_dtype dtypes[] = { MM_U8, MM_F32, MM_F16, MM_BF16 };
static const char *const exif_words[] = { "ignore", "apply", NULL };
static const char *const alpha_words[] = { "drop", "white", "black", NULL };
static const char *const grey16_words[] = { "clip", "high", NULL };
static const char *const clean_words[] = { "hf", "open_clip", "none", NULL };

static const struct mm_opt opts[] = {
	MM_OPT_OUTPUT(struct preprocess_args),
	MM_OPT_MODEL(struct preprocess_args),
	MM_OPT_BATCH(struct preprocess_args),
	MM_OPT_SEED(struct preprocess_args),
	MM_OPT_SHARD(struct preprocess_args),
	MM_OPT_ON_ERROR(struct preprocess_args),
	MM_GROUP("Pictures"),
	MM_FLAG(0, "images", struct preprocess_args, images,
		"make pixels of the pictures"),
	MM_OPT_OF(MM_OPT_ENUM, 0, "preset", struct preprocess_args, preset, int,
		  .choices = preset_words, .arg = "NAME",
		  .help = "whose preprocessing, to the last bit: document, "
			  "openai-clip, open_clip, hf-clip, siglip, align, "
			  "blip, vit, imagenet [what -m says; else hf-clip]"),
	MM_EXTENT(0, "image-size", struct preprocess_args, image_size, MAX_SIDE,
		  "size of the result in pixels"),
	MM_ENUM(0, "filter", struct preprocess_args, filter, filter_words,
		"how to resize"),
	MM_ENUM(0, "fit", struct preprocess_args, fit, fit_words,
		"all of the picture, out of shape; its middle; or all of it "
		"with a border"),
	MM_NUMS(0, "mean", struct preprocess_args, mean, "R,G,B", 3, 3, -1e6,
		1e6, "what to subtract from values in 0..1"),
	MM_NUMS(0, "std", struct preprocess_args, std, "R,G,B", 3, 3, 1e-9, 1e6,
		"and then to divide by"),
	MM_ENUM(0, "dtype", struct preprocess_args, dtype, dtype_words,
		"u8 leaves mean and std to whoever uses the pixels"),
	MM_ENUM(0, "exif", struct preprocess_args, exif, exif_words,
		"turn pictures as their EXIF orientation says [as the preset]"),
	MM_ENUM(0, "alpha", struct preprocess_args, alpha, alpha_words,
		"leave transparency out, or put it on a ground [as the "
		"preset]"),
	MM_ENUM(0, "grey16", struct preprocess_args, grey16, grey16_words,
		"16-bit grey: above 255 is white, as in Pillow, or the high "
		"byte"),
	MM_INT(0, "max-pixels", struct preprocess_args, max_pixels, "N", 1,
	       0x1p40, "refuse pictures with more"),
	MM_INT(0, "fast-decode", struct preprocess_args, fast_decode, "N", 0, 8,
	       "decode JPEGs smaller while N times the needed size is left: "
	       "quicker, no longer exact; 0 is off"),
	MM_GROUP("Texts"),
	MM_PATH(0, "tokenizer", struct preprocess_args, tokenizer, "PATH",
		"folder or file of a tokenizer [the one of -m]"),
	MM_INT(0, "max-length", struct preprocess_args, max_length, "N", 0,
	       1 << 20,
	       "ids a text, cut or padded; 0 never cuts and is ragged [what "
	       "the tokenizer or the model says; else 77]"),
	MM_ENUM(0, "clean", struct preprocess_args, clean, clean_words,
		"how texts are cleaned before they are cut into words"),
	MM_PATH(0, "text", struct preprocess_args, text, "FILE",
		"texts in place of SOURCE: a line each, or *.jsonl objects "
		"with text and id; '-' is standard input"),
	MM_OPT_SOURCE(struct preprocess_args),
	MM_OPT_GENERAL(struct preprocess_args),
	MM_OPTS_END,
};

/* What one run holds. */
struct run {
	const struct preprocess_args *args;
	struct mm_image_preset preset;
	struct mm_tokenizer *tokenizer;
	struct mm_preprocess_options o;
	struct mm_preprocess *group;
	struct mm_sources sources;
	struct mm_texts texts;
	struct mm_stream_writer out;
	struct mm_bad bad;
	struct mm_progress progress;
};

/* ---- what to do ---- */

static int model_json(struct mm_json **root, const char *dir,
		      struct mm_err *err)
{
	struct mm_buf path = { 0 };
	int rc;

	mm_buf_printf(&path, "%s/config.json", dir);
	*root = NULL;
	if (!(rc = mm_buf_check(&path, "a path", err)) &&
	    !access(mm_buf_str(&path), F_OK))
		rc = mm_json_load(root, mm_buf_str(&path), err);
	mm_buf_release(&path);
	return rc;
}

static bool has_file(const char *dir, const char *const *names)
{
	struct mm_buf path = { 0 };
	bool found = false;

	for (; *names && !found; names++) {
		mm_buf_clear(&path);
		mm_buf_printf(&path, "%s/%s", dir, *names);
		found = !path.failed && !access(mm_buf_str(&path), R_OK);
	}
	mm_buf_release(&path);
	return found;
}

/* A model folder without a word on pictures: CLIP's way, at its size. */
static int preset_of_config(struct run *r, struct mm_err *err)
{
	struct mm_json *root;
	int64_t size = 224;
	int rc = model_json(&root, r->args->common.model, err);

	if (rc)
		return rc;
	r->preset = *mm_image_preset_find("hf-clip");
	rc = mm_json_want_int(mm_json_get(root, "vision_config"), "image_size",
			      1, MAX_SIDE, &size, err);
	if (!rc)
		mm_image_preset_resize(&r->preset, (size_t)size, (size_t)size);
	mm_json_free(root);
	return rc;
}

static int base_preset(struct run *r, struct mm_err *err)
{
	static const char *const files[] = { "preprocessor_config.json",
					     "processor_config.json",
					     "open_clip_config.json", NULL };
	const struct preprocess_args *a = r->args;

	if (a->preset >= 0 || !a->common.model) {
		r->preset = *mm_image_preset_find(
			a->preset < 0 ? "hf-clip" : preset_words[a->preset]);
		return MM_OK;
	}
	if (has_file(a->common.model, files))
		return mm_image_preset_load(&r->preset, a->common.model, err);
	return preset_of_config(r, err);
}

/* The recipe with what the options change of it. */
static int choose_preset(struct run *r, struct mm_err *err)
{
	const struct preprocess_args *a = r->args;
	struct mm_image_preset *p = &r->preset;
	const int64_t w = a->image_size.width;
	const int64_t h = a->image_size.height ? a->image_size.height : w;
	int rc = base_preset(r, err);

	if (rc)
		return rc;
	if (a->fit >= 0)
		mm_image_preset_refit(p, fits[a->fit]);
	if (w)
		mm_image_preset_resize(p, (size_t)w, (size_t)h);
	if (a->filter >= 0)
		p->filter = (enum mm_filter)a->filter;
	if (a->exif >= 0)
		p->exif = a->exif;
	if (a->alpha >= 0)
		p->alpha = (enum mm_image_alpha)a->alpha;
	p->grey16 = (enum mm_image_grey16)a->grey16;
	for (size_t c = 0; c < a->mean.n; c++)
		p->values.mean[c] = a->mean.at[c];
	for (size_t c = 0; c < a->std.n; c++)
		p->values.std[c] = a->std.at[c];
	if (a->mean.n || a->std.n)
		p->values.normalize = true;
	r->o.image = p;
	r->o.dtype = dtypes[a->dtype];
	r->o.decode.max_pixels = (size_t)a->max_pixels;
	r->o.decode.fast_factor = (size_t)a->fast_decode;
	r->o.decode.fast_w = p->width ? p->width : p->edge;
	r->o.decode.fast_h = p->width ? p->height : p->edge;
	return MM_OK;
}

/* Ids a text that the model reads; 0 where the folder holds none that opens. */
static size_t model_length(const char *dir)
{
	struct mm_model m;
	size_t n;

	if (!dir || mm_model_open(&m, dir, NULL))
		return 0;
	n = m.context_length;
	mm_model_release(&m);
	return n;
}

/* Ids a text where --max-length does not tell. */
static int default_length(const struct run *r, size_t *n, struct mm_err *err)
{
	const size_t told = mm_tokenizer_info(r->tokenizer)->max_length;
	const size_t reads = model_length(r->args->common.model);
	const struct mm_json *text;
	struct mm_json *root = NULL;
	int64_t v = TEXT_LENGTH;
	int rc = MM_OK;

	if (reads || (told && told <= 1 << 20)) {
		*n = !reads || (told && told < reads) ? told : reads;
		return MM_OK;
	}
	if (r->args->common.model &&
	    (rc = model_json(&root, r->args->common.model, err)))
		return rc;
	text = mm_json_get(root, "text_config");
	rc = mm_json_want_int(text ? text : root, "max_position_embeddings", 1,
			      1 << 20, &v, err);
	mm_json_free(root);
	*n = (size_t)v;
	return rc;
}

static int choose_tokenizer(struct run *r, struct mm_err *err)
{
	static const char *const files[] = { "tokenizer.json",
					     "vocab.json",
					     "vocab.txt",
					     "spiece.model",
					     "sentencepiece.bpe.model",
					     NULL };
	const struct preprocess_args *a = r->args;
	const char *path = a->tokenizer;
	int rc;

	if (!path && a->common.model && has_file(a->common.model, files))
		path = a->common.model;
	if (!path)
		return a->text ? mm_fail(err, MM_ERR_USAGE,
					 "--text needs --tokenizer or a "
					 "model (-m) with one")
			       : MM_OK;
	if ((rc = mm_tokenizer_open(&r->tokenizer, path,
				    (enum mm_clean)a->clean, err)))
		return rc;
	r->o.tokenizer = r->tokenizer;
	r->o.tokenizer_name = path;
	if (a->max_length == MM_UNSET)
		return default_length(r, &r->o.max_length, err);
	r->o.max_length = (size_t)a->max_length;
	return MM_OK;
}

static int choose(struct run *r, int argc, struct mm_err *err)
{
	const struct preprocess_args *a = r->args;
	int rc;

	if (!argc == !a->text)
		return mm_fail(err, MM_ERR_USAGE,
			       argc ? "--text stands in place of SOURCE"
				    : "no SOURCE; '-' is standard input");
	if ((a->images && !a->text && (rc = choose_preset(r, err))) ||
	    (rc = choose_tokenizer(r, err)))
		return rc;
	if (!r->o.image && !r->o.tokenizer)
		return mm_fail(err, MM_ERR_USAGE,
			       "nothing to do: --no-images and no "
			       "--tokenizer");
	return MM_OK;
}

/* ---- the samples ---- */

/* Work on the group and write what is good. */
static int finish_group(struct run *r, struct mm_err *err)
{
	int rc = MM_OK;

	mm_preprocess_run(r->group);
	for (size_t i = 0; !rc && i < mm_preprocess_count(r->group); i++) {
		if ((rc = mm_preprocess_result(r->group, i, err)))
			rc = mm_bad_sample(&r->bad,
					   mm_preprocess_id(r->group, i),
					   "preprocess", err);
		else
			rc = mm_preprocess_put(r->group, i, &r->out, err);
	}
	mm_preprocess_clear(r->group);
	return rc;
}

/* The next line of --text that is ours. */
static int next_text(struct run *r, const struct mm_sample **s,
		     struct mm_err *err)
{
	const struct mm_common *c = &r->args->common;
	int rc;

	for (;;) {
		if ((rc = mm_texts_next(&r->texts, s, err))) {
			if (!r->texts.bad_sample)
				return rc;
			if (!mm_shard_has(&c->shard, r->texts.n - 1))
				continue;
			if ((rc = mm_bad_sample(&r->bad, r->texts.sample.id.str,
						"read", err)))
				return rc;
			continue;
		}
		if (!*s || mm_shard_has(&c->shard, r->texts.n - 1))
			return MM_OK;
	}
}

static int loop(struct run *r, struct mm_err *err)
{
	const struct mm_common *c = &r->args->common;
	const struct mm_sample *s;
	int rc;

	for (;;) {
		rc = r->args->text ? next_text(r, &s, err)
				   : mm_sources_ours(&r->sources, c, &r->bad,
						     "read", &s, err);
		if (rc)
			return rc;
		if (s && (rc = mm_preprocess_add(r->group, s, err)))
			return rc;
		if (s && !mm_preprocess_full(r->group))
			continue;
		if ((rc = finish_group(r, err)) || !s)
			return rc;
		mm_progress_show(&r->progress, r->out.total_rows, NULL);
	}
}

static int set_meta(struct run *r, struct mm_err *err)
{
	char seed[24];
	int rc = mm_preprocess_meta(r->group, &r->out, err);

	snprintf(seed, sizeof(seed), "%lld", (long long)r->args->common.seed);
	return rc ? rc : mm_stream_set_meta(&r->out, "seed", seed, err);
}

static int write_all(struct run *r, struct mm_err *err)
{
	const struct mm_common *c = &r->args->common;
	const size_t group = (size_t)c->batch_size;
	uint64_t clipped;
	int rc;

	if ((rc = mm_preprocess_new(&r->group, &r->o, group, err)) ||
	    (rc = mm_stream_writer_open(&r->out, c->output ? c->output : "-",
					err)))
		return rc;
	mm_progress_start(&r->progress, c, "samples", 0);
	if (!(rc = set_meta(r, err)))
		rc = loop(r, err);
	mm_progress_end(&r->progress);
	rc = mm_bad_close(&r->bad, r->args->text ? r->texts.n : r->sources.n,
			  rc, err);
	if (rc) {
		mm_stream_abort(&r->out);
		return rc;
	}
	if ((clipped = mm_preprocess_clipped(r->group)))
		mm_note(c,
			"%llu 16-bit grey pictures turned nearly white, as in "
			"Pillow; --grey16 high keeps their shades",
			(unsigned long long)clipped);
	return mm_stream_commit(&r->out, err);
}

static int run_preprocess(const void *args, int argc, char **argv,
			  struct mm_err *err)
{
	const struct preprocess_args *a = args;
	struct mm_source_options o = mm_source_options(&a->source);
	struct run *r = mm_calloc(1, sizeof(*r));
	int rc;

	if (!r)
		return mm_fail_nomem(err, "a run");
	r->args = a;
	if (!argc && !a->text && !isatty(STDIN_FILENO)) {
		argv = mm_standard_input;
		argc = 1;
	}
	if (!(rc = choose(r, argc, err)) &&
	    !(rc = mm_bad_open(&r->bad, &a->common, err))) {
		o.need_image = r->o.image != NULL;
		o.need_text = r->o.tokenizer != NULL;
		rc = a->text ? mm_texts_open(&r->texts, a->text, err)
			     : mm_sources_open(&r->sources, argv, (size_t)argc,
					       &o, err);
		if (!rc)
			rc = write_all(r, err);
	}
	mm_preprocess_free(r->group);
	mm_sources_release(&r->sources);
	mm_texts_release(&r->texts);
	mm_tokenizer_free(r->tokenizer);
	mm_free(r);
	return rc;
}

const struct mm_cmd mm_cmd_preprocess = {
	.name = "preprocess",
	.group = MM_PREPARE,
	.summary = "turn pictures into pixels and texts into token ids",
	.synopsis = "[OPTION]... [SOURCE]...",
	.details = "SOURCE is anything that `mmtool align pairs` opens, a "
		   "tensor stream, or '-'.  The result is a tensor stream "
		   "with the columns image, affine, ids and mask.",
	.min_operands = 0,
	.max_operands = MM_MANY,
	.opts = opts,
	MM_ARGS(struct preprocess_args, defaults),
	.run = run_preprocess,
};
