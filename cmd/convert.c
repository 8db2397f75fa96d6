/* convert.c - mmtool convert: any checkpoint container into a folder. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "cmd.h"
#include "model/clip.h"
#include "model/layout.h"
#include "model/openclip.h"

struct convert_args {
	struct mm_common common;
	int to, dtype;
	const char *files, *map, *strip;
	bool quick_gelu;
};

enum { TO_HF, TO_OPEN_CLIP, TO_SAFETENSORS };
static const char *const layouts[] = { "hf", "open_clip", "safetensors", NULL };

/* Element types, as they are named in a stream and in PyTorch. */
static const char *const types[] = { "f32", "f16", "bf16", NULL };
static const char *const torch_types[] = { "float32", "float16", "bfloat16" };
static const enum mm_dtype dtypes[] = { MM_F32, MM_F16, MM_BF16 };

static const struct convert_args defaults = {
	.to = MM_UNSET_ENUM,
	.dtype = MM_UNSET_ENUM,
	.quick_gelu = true,
};

static const struct mm_opt opts[] = {
	MM_OPT_OUTPUT_DIR(struct convert_args),
	MM_OPT_OF(MM_OPT_ENUM, 0, "to", struct convert_args, to, int,
		  .choices = layouts, .no_default = true,
		  .help = "layout of the result [hf for open_clip's and "
			  "OpenAI's but those with a ResNet, else as it "
			  "came]"),
	MM_OPT_OF(MM_OPT_ENUM, 0, "dtype", struct convert_args, dtype, int,
		  .choices = types, .no_default = true,
		  .help = "type of the numbers [as they came]"),
	MM_DIR(0, "files", struct convert_args, files, "DIR",
	       "folder of the configuration and tokenizer that belong to IN, "
	       "where IN is a file"),
	MM_PATH(0, "map", struct convert_args, map, "FILE",
		"rename tensors first, by lines 'FROM TO'; '*' stands for any "
		"text, TO '-' leaves out"),
	MM_STR(0, "strip", struct convert_args, strip, "PREFIX",
	       "take PREFIX off the names that begin with it"),
	MM_FLAG(0, "quick-gelu", struct convert_args, quick_gelu,
		"weights without a configuration are OpenAI's, whose "
		"activation is quick_gelu and not gelu"),
	MM_OPT_GENERAL(struct convert_args),
	MM_OPTS_END,
};

/* Files of a folder, by who reads them. */
static const char *const tokenizer_files[] = {
	"tokenizer.json",
	"tokenizer_config.json",
	"special_tokens_map.json",
	"added_tokens.json",
	"vocab.json",
	"merges.txt",
	"vocab.txt",
	"spiece.model",
	"tokenizer.model",
	"sentencepiece.bpe.model",
	"chat_template.jinja",
	"generation_config.json",
	NULL,
};
static const char *const picture_files[] = { "preprocessor_config.json",
					     "processor_config.json", NULL };
static const char *const hf_config[] = { "config.json", NULL };
static const char *const open_clip_config[] = { "open_clip_config.json", NULL };

struct job {
	const struct convert_args *a;
	const char *in, *out, *files; /* files: NULL where there is no folder */
	struct mm_weights weights;
	enum mm_layout layout; /* of the weights, as they came */
	int to;
	struct mm_model model;	  /* where the layout changes */
	struct mm_tensor *tensor; /* what is written */
	size_t n;
	struct mm_buf open_clip; /* text of an open_clip_config.json that was
				    not there */
	struct mm_arena arena;
};

static int path_in(char *path, size_t size, const char *dir, const char *name,
		   struct mm_err *err)
{
	if ((size_t)snprintf(path, size, "%s/%s", dir, name) < size)
		return MM_OK;
	return mm_fail(err, MM_ERR_USAGE, "the path of '%s' is too long", dir);
}

static bool is_folder(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISDIR(st.st_mode);
}

static bool has_file(const struct job *j, const char *name)
{
	char path[4096];
	struct stat st;

	return j->files && !path_in(path, sizeof(path), j->files, name, NULL) &&
	       !stat(path, &st);
}

/* ---- what comes in ---- */

static int strip_prefix(struct job *j, struct mm_err *err)
{
	const char *prefix = j->a->strip;
	char rule[512];
	const int n = snprintf(rule, sizeof(rule), "%s* *", prefix);

	if (n < 0 || (size_t)n >= sizeof(rule) || strpbrk(prefix, "* \t\n#"))
		return mm_fail(err, MM_ERR_USAGE,
			       "--strip '%s' is no prefix of a name", prefix);
	return mm_weights_rename(&j->weights, rule, (size_t)n, "--strip", err);
}

static int rename_tensors(struct job *j, struct mm_err *err)
{
	struct mm_file f = { 0 };
	int rc;

	if (j->a->strip && (rc = strip_prefix(j, err)))
		return rc;
	if (!j->a->map)
		return MM_OK;
	if ((rc = mm_file_open(&f, j->a->map, err)))
		return rc;
	rc = mm_weights_rename(&j->weights, (const char *)f.data, f.size,
			       j->a->map, err);
	mm_file_release(&f);
	return rc;
}

static bool is_resnet(const struct job *j)
{
	return mm_weights_find(&j->weights, "visual.layer1.0.conv1.weight");
}

/* The layout to make where --to does not say. */
static int choose(const struct job *j)
{
	if (j->a->to != MM_UNSET_ENUM)
		return j->a->to;
	if (j->layout != MM_LAYOUT_OPEN_CLIP)
		return TO_SAFETENSORS;
	return is_resnet(j) ? TO_OPEN_CLIP : TO_HF;
}

/* open_clip_config.json, read or told by the weights. */
static int load_open_clip(struct job *j, struct mm_json **root,
			  struct mm_err *err)
{
	char path[4096];
	int rc;

	if (has_file(j, *open_clip_config)) {
		if ((rc = path_in(path, sizeof(path), j->files,
				  *open_clip_config, err)))
			return rc;
		return mm_json_load(root, path, err);
	}
	if ((rc = mm_layout_infer(&j->open_clip, &j->weights, j->a->quick_gelu,
				  err)))
		return mm_fail_ctx(err, "'%s'", j->in);
	mm_note(&j->a->common,
		"no configuration beside the weights: heads of 64 and %s are "
		"assumed",
		j->a->quick_gelu ? "quick_gelu, as OpenAI's models have them,"
				 : "gelu");
	return mm_json_parse(root, j->open_clip.data, j->open_clip.len,
			     "the configuration", err);
}

/* config.json, which beside open_clip's configuration may be that of its text
 * model; NULL where there is none. */
static int load_beside(struct job *j, struct mm_json **beside,
		       struct mm_err *err)
{
	char path[4096];
	int rc;

	*beside = NULL;
	if (!has_file(j, *hf_config))
		return MM_OK;
	if ((rc = path_in(path, sizeof(path), j->files, *hf_config, err)))
		return rc;
	return mm_json_load(beside, path, err);
}

/* j->model from open_clip's configuration; *recipe for its pictures. */
static int describe_open_clip(struct job *j, struct mm_image_preset *recipe,
			      struct mm_err *err)
{
	struct mm_json *root = NULL, *beside = NULL;
	struct mm_buf text = { 0 };
	int rc = load_beside(j, &beside, err);

	if (rc)
		return rc;
	if (!(rc = load_open_clip(j, &root, err)) &&
	    !(rc = mm_openclip_config(&text, root, beside, err)) &&
	    !(rc = mm_model_describe(&j->model, text.data, text.len,
				     "open_clip_config.json", err)))
		rc = mm_image_preset_from_json(recipe, root, err);
	mm_buf_release(&text);
	mm_json_free(beside);
	mm_json_free(root);
	return rc;
}

static int describe_hf(struct job *j, struct mm_err *err)
{
	struct mm_file f;
	char path[4096];
	int rc;

	if (!has_file(j, "config.json"))
		return mm_fail(err, MM_ERR_IO,
			       "'%s' has no config.json beside it; name a "
			       "folder that has with --files",
			       j->in);
	if ((rc = path_in(path, sizeof(path), j->files, "config.json", err)) ||
	    (rc = mm_file_open(&f, path, err)))
		return rc;
	rc = mm_model_describe(&j->model, (const char *)f.data, f.size, path,
			       err);
	mm_file_release(&f);
	return rc;
}

/* ---- what goes out ---- */

static int write_text(const struct job *j, const char *name,
		      const struct mm_buf *text, struct mm_err *err)
{
	char path[4096];
	int rc = path_in(path, sizeof(path), j->out, name, err);

	return rc ? rc : mm_file_write(path, text->data, text->len, err);
}

static int copy_files(const struct job *j, const char *const *names,
		      struct mm_err *err)
{
	char from[4096], to[4096];
	struct mm_file f;
	int rc = MM_OK;

	for (; *names && !rc; names++) {
		if (!has_file(j, *names))
			continue;
		if ((rc = path_in(from, sizeof(from), j->files, *names, err)) ||
		    (rc = path_in(to, sizeof(to), j->out, *names, err)) ||
		    (rc = mm_file_open(&f, from, err)))
			return rc;
		rc = mm_file_write(to, f.data, f.size, err);
		mm_file_release(&f);
	}
	return rc;
}

/* t's numbers in another type. */
static int retype(struct job *j, struct mm_tensor *t, enum mm_dtype dtype,
		  struct mm_err *err)
{
	const size_t n = mm_tensor_count(t);
	float *x = mm_arena_alloc(&j->arena, n, sizeof(*x));
	void *data = mm_arena_alloc(&j->arena, n, mm_dtype_size(dtype));

	if (!x || !data)
		return mm_fail_nomem(err, "the weights");
	mm_to_f32(x, t->data, t->dtype, n);
	for (size_t i = 0; i < n && dtype == MM_F16; i++)
		if (fabsf(x[i]) >= 65520 && isfinite(x[i]))
			return mm_fail(err, MM_ERR_FORMAT,
				       "'%s' holds %g at element %zu, which "
				       "is too large for f16",
				       t->name, (double)x[i], i);
	mm_from_f32(data, dtype, x, n);
	*t = mm_tensor_make(t->name, dtype, t->rank, t->dim, data);
	return MM_OK;
}

static int retype_all(struct job *j, struct mm_err *err)
{
	int rc = MM_OK;

	for (size_t i = 0; i < j->n; i++)
		if (j->tensor[i].dtype == MM_I8)
			return mm_fail(err, MM_ERR_REFUSED,
				       "weight '%s' is int8: its scales are "
				       "f32 and stay so",
				       j->tensor[i].name);
	for (size_t i = 0; i < j->n && !rc; i++) {
		struct mm_tensor *t = &j->tensor[i];

		if (mm_dtype_is_float(t->dtype) &&
		    t->dtype != dtypes[j->a->dtype])
			rc = retype(j, t, dtypes[j->a->dtype], err);
	}
	return rc;
}

/* A folder without its configuration is no model: until all else is there, the
 * one of an earlier result is not either. */
static int remove_config(const struct job *j, const char *name,
			 struct mm_err *err)
{
	struct stat from, to;
	char path[4096];
	int rc = path_in(path, sizeof(path), j->out, name, err);

	if (rc || (j->files && !stat(j->files, &from) && !stat(j->out, &to) &&
		   from.st_dev == to.st_dev && from.st_ino == to.st_ino))
		return rc;
	return mm_file_remove(path, err);
}

static int write_weights(struct job *j, const char *name, struct mm_err *err)
{
	const struct mm_meta meta = { "format", "pt" };
	char path[4096];
	int rc;

	if (j->a->dtype != MM_UNSET_ENUM && (rc = retype_all(j, err)))
		return rc;
	if ((rc = mm_mkdirs(j->out, err)) ||
	    (rc = path_in(path, sizeof(path), j->out, name, err)) ||
	    (j->to != TO_OPEN_CLIP &&
	     (rc = remove_config(j, *hf_config, err))) ||
	    (j->to != TO_HF && (rc = remove_config(j, *open_clip_config, err))))
		return rc;
	return mm_safetensors_write(path, j->tensor, j->n, &meta, 1, err);
}

/* OpenAI's archives hold these beside the weights; open_clip has no use. */
static bool is_note(const char *name)
{
	return !strcmp(name, "input_resolution") ||
	       !strcmp(name, "context_length") || !strcmp(name, "vocab_size");
}

/* The tensors as they came. */
static int take_all(struct job *j, struct mm_err *err)
{
	const struct mm_weights *w = &j->weights;

	j->tensor = mm_arena_alloc(&j->arena, w->n, sizeof(*j->tensor));
	if (!j->tensor)
		return mm_fail_nomem(err, "a list of tensors");
	for (size_t i = 0; i < w->n; i++)
		if (j->to != TO_OPEN_CLIP || !is_note(w->tensor[i]->name))
			j->tensor[j->n++] = *w->tensor[i];
	return MM_OK;
}

/* The type that most of the weights' bytes have, in PyTorch's words. */
static const char *common_type(const struct job *j)
{
	size_t best = 0, most = 0;

	for (size_t k = 0; k < sizeof(dtypes) / sizeof(*dtypes); k++) {
		size_t n = 0;

		for (size_t i = 0; i < j->n; i++)
			if (j->tensor[i].dtype == dtypes[k])
				n += j->tensor[i].nbytes;
		if (n > most) {
			most = n;
			best = k;
		}
	}
	return torch_types[best];
}

/* A config.json with the type that the weights have. */
static int write_hf_config(const struct job *j, const struct mm_json *config,
			   struct mm_err *err)
{
	const struct mm_json *value;
	struct mm_json_writer w;
	struct mm_buf text = { 0 };
	const char *key;
	void *it = NULL;
	int rc;

	mm_json_writer_init(&w, &text, 2);
	mm_json_open(&w, NULL, '{');
	mm_json_put_str(&w, "dtype", common_type(j));
	while (mm_json_next(config, &it, &key, &value))
		if (strcmp(key, "dtype") != 0 && strcmp(key, "torch_dtype"))
			mm_json_put(&w, key, value);
	mm_json_close(&w);
	mm_buf_addc(&text, '\n');
	if (!(rc = mm_buf_check(&text, "config.json", err)))
		rc = write_text(j, "config.json", &text, err);
	mm_buf_release(&text);
	return rc;
}

/* The folder's own, with the type that was asked for. */
static int retype_config(const struct job *j, struct mm_err *err)
{
	struct mm_json *root = NULL;
	char path[4096];
	int rc;

	if (!has_file(j, "config.json"))
		return MM_OK;
	if ((rc = path_in(path, sizeof(path), j->files, "config.json", err)) ||
	    (rc = mm_json_load(&root, path, err)))
		return rc;
	rc = write_hf_config(j, root, err);
	mm_json_free(root);
	return rc;
}

static int to_hf(struct job *j, struct mm_err *err)
{
	struct mm_image_preset recipe = { 0 };
	struct mm_buf text = { 0 };
	int rc;

	if (is_resnet(j))
		mm_note(&j->a->common,
			"transformers has no CLIP whose image tower is a "
			"ResNet: the folder is for mmtool");
	if (!(rc = describe_open_clip(j, &recipe, err)) &&
	    !(rc = mm_layout_convert(&j->tensor, &j->n, &j->arena, &j->weights,
				     &j->model, MM_LAYOUT_HF, err)) &&
	    !(rc = mm_layout_preprocessor(&text, &j->model, &recipe, err)) &&
	    !(rc = write_weights(j, "model.safetensors", err)) &&
	    !(rc = copy_files(j, tokenizer_files, err)) &&
	    !(rc = write_text(j, "preprocessor_config.json", &text, err)))
		rc = write_hf_config(j, j->model.json, err);
	mm_buf_release(&text);
	return rc;
}

static int to_open_clip(struct job *j, struct mm_err *err)
{
	struct mm_image_preset recipe;
	const struct mm_image_preset *r = NULL;
	const char *note = NULL;
	struct mm_buf text = { 0 };
	int rc;

	if ((rc = describe_hf(j, err)))
		return rc;
	if (has_file(j, *picture_files)) {
		if ((rc = mm_image_preset_load(&recipe, j->files, err)))
			return rc;
		r = &recipe;
	}
	if (!(rc = mm_layout_openclip_config(&text, &j->model, r, &note,
					     err)) &&
	    !(rc = mm_layout_convert(&j->tensor, &j->n, &j->arena, &j->weights,
				     &j->model, MM_LAYOUT_OPEN_CLIP, err)) &&
	    !(rc = write_weights(j, "open_clip_model.safetensors", err)) &&
	    !(rc = copy_files(j, tokenizer_files, err)))
		rc = write_text(j, *open_clip_config, &text, err);
	mm_buf_clear(&text);
	if (!rc && mm_hub_text_config(&j->model) &&
	    !(rc = mm_openclip_text_config(&text, &j->model, err)))
		rc = write_text(j, *hf_config, &text, err);
	if (!rc && note)
		mm_note(&j->a->common, "%s", note);
	if (!rc && mm_weights_find(&j->weights, "classifier.weight"))
		mm_note(&j->a->common, "open_clip has no place for a "
				       "classifier: left out");
	mm_buf_release(&text);
	return rc;
}

/* Is there a config.json, and is it a text model's? */
static bool text_beside(struct job *j)
{
	struct mm_json *root;
	bool is = false;

	if (!load_beside(j, &root, NULL))
		is = mm_hub_text_known(
			mm_json_str(mm_json_get(root, "model_type"), ""));
	mm_json_free(root);
	return is;
}

/* The configurations that go with weights that stay as they are. */
static int keep_configs(struct job *j, struct mm_err *err)
{
	int rc;

	if (j->open_clip.len)
		return write_text(j, *open_clip_config, &j->open_clip, err);
	if (j->to == TO_OPEN_CLIP) {
		rc = copy_files(j, open_clip_config, err);
		return rc || !text_beside(j) ? rc
					     : copy_files(j, hf_config, err);
	}
	if ((rc = copy_files(j, picture_files, err)) ||
	    (j->to != TO_HF && (rc = copy_files(j, open_clip_config, err))))
		return rc;
	return j->a->dtype == MM_UNSET_ENUM ? copy_files(j, hf_config, err)
					    : retype_config(j, err);
}

/* Names and shapes stay; only container and file names change. */
static int keep(struct job *j, struct mm_err *err)
{
	const char *name = j->to == TO_OPEN_CLIP ? "open_clip_model.safetensors"
						 : "model.safetensors";
	struct mm_json *root = NULL;
	int rc;

	if (j->to == TO_HF && j->layout == MM_LAYOUT_OTHER &&
	    !has_file(j, "config.json"))
		return mm_fail(err, MM_ERR_REFUSED,
			       "'%s': the tensors have neither open_clip's nor "
			       "transformers' names; '--to safetensors' keeps "
			       "them as they are",
			       j->in);
	if ((rc = take_all(j, err)))
		return rc;
	if (j->to == TO_OPEN_CLIP && !has_file(j, *open_clip_config)) {
		if ((rc = load_open_clip(j, &root, err)))
			return rc;
		mm_json_free(root);
	}
	if ((rc = write_weights(j, name, err)) ||
	    (rc = copy_files(j, tokenizer_files, err)))
		return rc;
	return keep_configs(j, err);
}

static int convert(struct job *j, struct mm_err *err)
{
	int rc;

	if ((rc = mm_weights_open(&j->weights, j->in, err)) ||
	    (rc = rename_tensors(j, err)))
		return rc;
	j->layout = mm_layout_of(&j->weights);
	j->to = choose(j);
	if (j->to == TO_HF && j->layout == MM_LAYOUT_OPEN_CLIP)
		rc = to_hf(j, err);
	else if (j->to == TO_OPEN_CLIP && j->layout == MM_LAYOUT_HF)
		rc = to_open_clip(j, err);
	else if (j->to == TO_OPEN_CLIP && j->layout == MM_LAYOUT_OTHER)
		rc = mm_fail(err, MM_ERR_REFUSED,
			     "'%s': the tensors are not those of a CLIP or "
			     "SigLIP that open_clip has",
			     j->in);
	else
		rc = keep(j, err);
	return rc;
}

static int run(const void *args, int argc, char **argv, struct mm_err *err)
{
	struct job j = { .a = args, .in = argv[0] };
	int rc;

	(void)argc;
	if ((rc = mm_need_output(&j.a->common, err)))
		return rc;
	j.out = j.a->common.output;
	j.files = j.a->files ? j.a->files : is_folder(j.in) ? j.in : NULL;
	if (j.a->files && !is_folder(j.files))
		return mm_fail(err, MM_ERR_IO, "'%s' is no folder", j.files);
	rc = convert(&j, err);
	if (j.model.arch)
		mm_model_release(&j.model);
	mm_weights_release(&j.weights);
	mm_buf_release(&j.open_clip);
	mm_arena_release(&j.arena);
	return rc;
}

const struct mm_cmd mm_cmd_convert = {
	.name = "convert",
	.group = MM_SHIP,
	.summary = "any checkpoint container into a model folder",
	.synopsis = "[OPTION]... IN -o DIR",
	.details = "IN is a folder or a file: safetensors, PyTorch (.pt, .pth, "
		   ".bin, .ckpt, TorchScript) or NumPy's .npz. Nothing in it "
		   "is ever run.",
	.min_operands = 1,
	.max_operands = 1,
	.opts = opts,
	MM_ARGS(struct convert_args, defaults),
	.run = run,
};
