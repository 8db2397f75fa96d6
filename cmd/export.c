/* export.c - mmtool export: a model as ONNX files. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "cmd.h"
#include "compress/quantize.h"
#include "compress_report.h"
#include "onnx/export.h"

struct export_args {
	struct mm_common common;
	struct mm_list calibrate;
	int part, format;
	int64_t opset, samples, inside;
	bool half, int8, external;
};

enum { DYNAMIC, QDQ };
static const char *const parts[] = { "image", "text", "both", NULL };
static const char *const formats[] = { "dynamic", "qdq", NULL };

static const struct export_args defaults = {
	.part = MM_ONNX_BOTH,
	.common = { .batch_size = 32 },
	.format = DYNAMIC,
	.samples = 1024,
	.opset = 17,
	.inside = INT64_C(1) << 31,
};

static const struct mm_opt opts[] = {
	MM_OPT_MODEL(struct export_args),
	MM_PATH('o', "output", struct export_args, common.output,
		"DIR|FILE.onnx", "folder for all files, or one file"),
	MM_ENUM(0, "part", struct export_args, part, parts,
		"towers to write; both: each of them, and one file of both"),
	MM_INT(0, "opset", struct export_args, opset, "N", 17, 20,
	       "version of ONNX's operators"),
	MM_FLAG(0, "fp16", struct export_args, half,
		"weights and arithmetic in float16; inputs and outputs stay "
		"float32"),
	MM_FLAG(0, "int8", struct export_args, int8,
		"weights of linear layers as int8, a scale for each output"),
	MM_ENUM(0, "int8-format", struct export_args, format, formats,
		"how: MatMulInteger, or DequantizeLinear around MatMul and "
		"Conv"),
	MM_LIST(0, "calibrate", struct export_args, calibrate, "STREAM",
		"qdq: samples that the scales of activations are found on"),
	MM_INT(0, "samples", struct export_args, samples, "N", 0, 1e9,
	       "take the first N of them (0: all)"),
	MM_OPT_BATCH(struct export_args),
	MM_FLAG(0, "external-data", struct export_args, external,
		"weights in a file beside the .onnx file; beyond 2 GiB always"),
	MM_BYTES(0, "external-above", struct export_args, inside, "BYTES", 1,
		 0x1p31,
		 "likewise, if the weights take more, and a smaller model in "
		 "one file"),
	MM_OPT_GENERAL(struct export_args),
	MM_OPTS_END,
};

/* What the Hub puts beside onnx/. */
static const char *const beside[] = {
	"config.json",
	"open_clip_config.json",
	"preprocessor_config.json",
	"tokenizer.json",
	"tokenizer_config.json",
	"special_tokens_map.json",
	"vocab.json",
	"merges.txt",
	"vocab.txt",
	"added_tokens.json",
	"spiece.model",
	"sentencepiece.bpe.model",
};

static const char *suffix(const struct export_args *a)
{
	if (a->half)
		return "_fp16";
	if (!a->int8)
		return "";
	return a->format == QDQ ? "_int8" : "_quantized";
}

static int path_in(char *path, size_t size, const char *dir, const char *name,
		   struct mm_err *err)
{
	if ((size_t)snprintf(path, size, "%s/%s", dir, name) < size)
		return MM_OK;
	return mm_fail(err, MM_ERR_USAGE, "the path of '%s' is too long", dir);
}

static int copy_beside(const char *from, const char *to, struct mm_err *err)
{
	char a[4096], b[4096];
	struct mm_file f;
	struct stat st;
	int rc = MM_OK;

	for (size_t i = 0; !rc && i < sizeof(beside) / sizeof(*beside); i++) {
		if ((rc = path_in(a, sizeof(a), from, beside[i], err)) ||
		    (rc = path_in(b, sizeof(b), to, beside[i], err)))
			return rc;
		if (stat(a, &st))
			continue;
		if ((rc = mm_file_open(&f, a, err)))
			return rc;
		rc = mm_file_write(b, f.data, f.size, err);
		mm_file_release(&f);
	}
	return rc;
}

static const char *const names[] = { "vision_model", "text_model", "model" };

static bool exists(const char *path)
{
	struct stat st;

	return !stat(path, &st);
}

/* What a run that failed has made of a new folder. */
static void undo(const struct export_args *a, const char *dir, bool all)
{
	char path[4200];

	for (int part = 0; part <= MM_ONNX_BOTH; part++) {
		snprintf(path, sizeof(path), "%s/%s%s.onnx", dir, names[part],
			 suffix(a));
		unlink(path);
		strcat(path, "_data");
		unlink(path);
	}
	rmdir(dir);
	if (all)
		rmdir(a->common.output);
}

/* DIR/onnx/NAME.onnx of each part that was asked for. */
static int write_folder(struct mm_model *m, const struct export_args *a,
			struct mm_export *x, struct mm_err *err)
{
	const bool fresh = !exists(a->common.output);
	char dir[4096], path[4200];
	bool made;
	int rc;

	if ((rc = path_in(dir, sizeof(dir), a->common.output, "onnx", err)))
		return rc;
	made = !exists(dir);
	if ((rc = mm_mkdirs(dir, err)))
		return rc;
	for (int part = 0; part <= MM_ONNX_BOTH && !rc; part++) {
		if (a->part != part && a->part != MM_ONNX_BOTH)
			continue;
		snprintf(path, sizeof(path), "%s/%s%s.onnx", dir, names[part],
			 suffix(a));
		x->part = (enum mm_onnx_part)part;
		rc = mm_export_onnx(m, x, path, err);
	}
	if (!rc)
		return copy_beside(a->common.model, a->common.output, err);
	if (made)
		undo(a, dir, fresh);
	return rc;
}

static bool is_file(const char *path)
{
	const size_t n = strlen(path);

	return n > 5 && !strcmp(path + n - 5, ".onnx");
}

static int check_args(const struct export_args *a, struct mm_err *err)
{
	int rc;

	if ((rc = mm_need_model(&a->common, err)) ||
	    (rc = mm_need_output(&a->common, err)))
		return rc;
	if (!strcmp(a->common.output, "-"))
		return mm_fail(err, MM_ERR_USAGE,
			       "the result is files; name a folder with -o");
	if (a->half && a->int8)
		return mm_fail(err, MM_ERR_USAGE,
			       "--fp16 and --int8 exclude each other");
	if (a->calibrate.n && (!a->int8 || a->format != QDQ))
		return mm_fail(err, MM_ERR_USAGE,
			       "--calibrate is for --int8 --int8-format qdq");
	return MM_OK;
}

/* The model's weights become int8, with scales found on the samples. */
static int calibrate(struct mm_quantizer *q, struct mm_model *m,
		     const struct export_args *a, struct mm_err *err)
{
	const struct mm_quant_options o = { .method = MM_QUANT_STATIC,
					    .per_channel = true };
	const struct mm_sample_set set =
		mm_samples_of(&a->calibrate, a->samples, &a->common);
	int rc;

	if ((rc = mm_quantizer_open(q, m->dir, &o, err)) ||
	    (rc = mm_quantizer_calibrate(q, &set, err)) ||
	    (rc = mm_model_declare(m, err)))
		return rc;
	mm_quantizer_give(q, &m->store);
	return MM_OK;
}

static int run(const void *args, int argc, char **argv, struct mm_err *err)
{
	const struct export_args *a = args;
	struct mm_export x = {
		.part = (enum mm_onnx_part)a->part,
		.opset = (int)a->opset,
		.int8 = !a->int8	       ? MM_ONNX_FLOAT
			: a->format == DYNAMIC ? MM_ONNX_DYNAMIC
					       : MM_ONNX_QDQ,
		.half = a->half,
		.external = a->external,
		.inside = (uint64_t)a->inside,
	};
	struct mm_quantizer q = { 0 };
	struct mm_model m;
	int rc;

	(void)argc;
	(void)argv;
	if ((rc = check_args(a, err)) ||
	    (rc = mm_model_open(&m, a->common.model, err)))
		return rc;
	if ((!a->calibrate.n || !(rc = calibrate(&q, &m, a, err))) &&
	    !(rc = mm_export_check(&m, &x, err)))
		rc = is_file(a->common.output)
			     ? mm_export_onnx(&m, &x, a->common.output, err)
			     : write_folder(&m, a, &x, err);
	mm_model_release(&m);
	mm_quantizer_release(&q);
	return rc;
}

const struct mm_cmd mm_cmd_export = {
	.name = "export",
	.group = MM_SHIP,
	.summary = "a model as ONNX files",
	.synopsis = "[OPTION]... -m DIR -o DIR|FILE.onnx",
	.details = "Writes onnx/vision_model.onnx, onnx/text_model.onnx and "
		   "onnx/model.onnx with the names of inputs and outputs that "
		   "the Hugging Face hub uses; the name of one .onnx file "
		   "instead of a folder gets --part alone.",
	.min_operands = 0,
	.max_operands = 0,
	.opts = opts,
	MM_ARGS(struct export_args, defaults),
	.run = run,
};
