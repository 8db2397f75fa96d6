/* embed.c - mmtool embed: pictures and texts to vectors. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "cmd.h"
#include "data/npy.h"
#include "kernel/scan.h"
#include "model/cache.h"
#include "model/encode_items.h"
#include "tensor/stream.h"

struct embed_args {
	struct mm_common common;
	bool image, text, both, raw, npy, int8;
};

static const struct embed_args defaults = {
	.common = { .batch_size = 64 },
};

#define T struct embed_args
static const struct mm_opt opts[] = {
	MM_OPT_MODEL(T),
	MM_OPT_IMAGE_SIZE(T),
	MM_OPT_CACHE(T),
	MM_OPT_OUTPUT(T),
	MM_FLAG(0, "image", T, image, "embed pictures; the default"),
	MM_FLAG(0, "text", T, text,
		"embed texts: a stream's, or one a line of a text file"),
	MM_FLAG(0, "both", T, both, "embed both columns of a stream"),
	MM_FLAG(0, "raw", T, raw, "leave the vectors' length as it is"),
	MM_FLAG(0, "npy", T, npy, "write a .npy array instead of a stream"),
	MM_FLAG(0, "int8", T, int8,
		"write each vector in 8 bits too, for search --int8"),
	MM_OPT_BATCH(T),
	MM_OPT_SHARD(T),
	MM_OPT_ON_ERROR(T),
	MM_OPT_GENERAL(T),
	MM_OPTS_END,
};
#undef T

/* Columns that are input only and stay behind. */
static const char *const dropped[] = { "image",
				       "ids",
				       "mask",
				       "types",
				       "image.data",
				       "features",
				       "image.embedding",
				       "image.embedding.int8",
				       "image.embedding.scale",
				       "text.embedding",
				       "text.embedding.int8",
				       "text.embedding.scale",
				       NULL };

struct job {
	const struct embed_args *a;
	struct mm_encoder enc;
	struct mm_stream_writer out;
	bool opened;
	struct mm_buf matrix; /* --npy: all vectors */
	struct mm_bad bad;
	struct mm_progress progress;
	uint64_t seen;	     /* samples met, those of other shards included */
	float *image, *text; /* of a batch */
	int8_t *small[2];    /* --int8: of a row's picture, of its text */
	float scale[2];

	/* Lines or picture files that wait for a batch. */
	struct mm_encode_items items;
	struct mm_encode_item *item;
	char **id, **line;
	size_t n_waiting;
};

/* Pictures where nothing was said. */
static bool wants_image(const struct embed_args *a)
{
	return !a->text;
}

static bool wants_text(const struct embed_args *a)
{
	return a->text || a->both;
}

/* ---- one row out ---- */

/* A row's values are borrowed until it ends: each kind has its own. */
static int put_small(struct job *j, bool text, const float *v,
		     struct mm_err *err)
{
	const size_t D = j->enc.model.embed_dim;
	int rc;

	if (!mm_scan_quantize(j->small[text], &j->scale[text], v, 1, D))
		return mm_fail(err, MM_ERR_FORMAT,
			       "a vector holds a value that is not finite");
	rc = mm_stream_put(
		&j->out, text ? "text.embedding.int8" : "image.embedding.int8",
		MM_I8, 1, &D, j->small[text], err);
	return rc ? rc
		  : mm_stream_put(&j->out,
				  text ? "text.embedding.scale"
				       : "image.embedding.scale",
				  MM_F32, 0, NULL, &j->scale[text], err);
}

static int put_vector(struct job *j, bool text, float *v, struct mm_err *err)
{
	const char *name = text ? "text.embedding" : "image.embedding";
	const size_t D = j->enc.model.embed_dim;
	int rc;

	if (!j->a->raw)
		mm_embed_normalise(v, 1, D);
	if (j->a->npy) {
		mm_buf_add(&j->matrix, v, D * sizeof(*v));
		return mm_buf_check(&j->matrix, "the vectors", err);
	}
	rc = mm_stream_put(&j->out, name, MM_F32, 1, &D, v, err);
	return rc || !j->a->int8 ? rc : put_small(j, text, v, err);
}

static int put_row(struct job *j, const struct mm_segment *seg, size_t row,
		   const char *id, size_t b, struct mm_err *err)
{
	const size_t D = j->enc.model.embed_dim;
	int rc = MM_OK;

	if (wants_image(j->a))
		rc = put_vector(j, false, j->image + b * D, err);
	if (!rc && wants_text(j->a))
		rc = put_vector(j, true, j->text + b * D, err);
	if (rc || j->a->npy)
		return rc;
	if (id)
		rc = mm_stream_put_str(&j->out, "id", id, strlen(id), err);
	else
		rc = mm_stream_carry(&j->out, seg, row, dropped, err);
	return rc ? rc : mm_stream_end_row(&j->out, err);
}

/* ---- streams ---- */

static int embed_rows(struct job *j, const struct mm_segment *seg,
		      const size_t *row, size_t n, struct mm_err *err)
{
	int rc = MM_OK;

	if (wants_image(j->a))
		rc = mm_encode_images(&j->enc, j->image, seg, row, n, err);
	if (!rc && wants_text(j->a))
		rc = mm_encode_texts(&j->enc, j->text, seg, row, n, err);
	for (size_t b = 0; b < n && !rc; b++)
		rc = put_row(j, seg, row[b], NULL, b, err);
	return rc;
}

static int embed_stream(struct job *j, const char *path, struct mm_err *err)
{
	const size_t B = (size_t)j->a->common.batch_size;
	const struct mm_segment *seg;
	size_t *row = mm_malloc(B, sizeof(*row)), n;
	struct mm_stream s;
	int rc;

	if (!row)
		return mm_fail_nomem(err, "a batch");
	rc = mm_stream_open(&s, path, err);
	while (!rc && !(rc = mm_stream_next(&s, &seg, err)) && seg) {
		n = 0;
		for (size_t i = 0; i < seg->n && !rc; i++) {
			if (mm_shard_has(&j->a->common.shard, j->seen++))
				row[n++] = i;
			if (n == B || (n && i + 1 == seg->n)) {
				rc = embed_rows(j, seg, row, n, err);
				n = 0;
			}
		}
		mm_progress_show(&j->progress, j->seen, NULL);
	}
	mm_stream_release(&s);
	mm_free(row);
	return rc;
}

/* ---- lines of text, picture files ---- */

/* Item i could not be read.  name: as flush. */
static int unread(struct job *j, size_t i, const char *name, struct mm_err *err)
{
	*err = j->item[i].err;
	if (name)
		mm_fail_ctx(err, "'%s' line %s", name, j->id[i]);
	return mm_bad_sample(&j->bad, j->id[i], name ? "text" : "image", err);
}

/* Embed what waits.  name: the text file that it is lines of, NULL of
 * pictures. */
static int flush(struct job *j, const char *name, struct mm_err *err)
{
	const size_t n = j->n_waiting;
	int rc = MM_OK;

	if (n && (rc = mm_encode_items_run(&j->items, j->item, n, j->image,
					   j->text, err)))
		mm_fail_ctx(err, "'%s'", name ? name : j->id[0]);
	for (size_t i = 0; i < n; i++) {
		if (!rc)
			rc = j->item[i].rc
				     ? unread(j, i, name, err)
				     : put_row(j, NULL, 0, j->id[i], i, err);
		mm_free(j->id[i]);
		mm_free(j->line[i]);
	}
	j->n_waiting = 0;
	return rc;
}

/* id of a picture: its path. */
static int add(struct job *j, const char *id, const char *line, size_t len,
	       const char *name, struct mm_err *err)
{
	const size_t B = (size_t)j->a->common.batch_size, i = j->n_waiting;

	if (!j->item) {
		j->item = mm_malloc(B, sizeof(*j->item));
		j->id = mm_malloc(B, sizeof(*j->id));
		j->line = mm_malloc(B, sizeof(*j->line));
		if (!j->item || !j->id || !j->line)
			return mm_fail_nomem(err, "a batch");
		if (mm_encode_items_init(&j->items, &j->enc, B, err))
			return err->code;
	}
	j->id[i] = mm_strdup(id);
	j->line[i] = line ? mm_strndup(line, len) : NULL;
	j->n_waiting++;
	if (!j->id[i] || (line && !j->line[i]))
		return mm_fail_nomem(err, "a batch");
	j->item[i] = (struct mm_encode_item){
		.has_image = !line,
		.has_text = line,
		.path = j->id[i],
		.path_len = strlen(id),
		.text = j->line[i],
		.text_len = len,
	};
	mm_progress_show(&j->progress, j->seen, NULL);
	return i + 1 < B ? MM_OK : flush(j, name, err);
}

static int embed_lines(struct job *j, const char *path, struct mm_err *err)
{
	struct mm_reader r;
	char *line, id[32];
	size_t len;
	int rc = mm_reader_open(&r, path, err);

	while (!rc && !(rc = mm_reader_line(&r, &line, &len, 1 << 24, err)) &&
	       line) {
		if (!mm_shard_has(&j->a->common.shard, j->seen++))
			continue;
		snprintf(id, sizeof(id), "%llu", (unsigned long long)j->seen);
		if (len && line[len - 1] == '\r')
			len--;
		rc = add(j, id, line, len, r.name, err);
	}
	if (!rc)
		rc = flush(j, r.name, err);
	mm_reader_release(&r);
	return rc;
}

static int embed_picture(struct job *j, const char *path, struct mm_err *err)
{
	if (!mm_shard_has(&j->a->common.shard, j->seen++))
		return MM_OK;
	return add(j, path, NULL, 0, NULL, err);
}

static int each_picture(void *ctx, const char *path, struct mm_err *err)
{
	return embed_picture(ctx, path, err);
}

/* What an operand is: a stream, a folder, a picture or lines of text. */
static int embed_operand(struct job *j, const char *path, struct mm_err *err)
{
	enum mm_operand kind;
	int rc = mm_operand_sniff(path, &kind, err);

	if (rc)
		return rc;
	if (kind == MM_OPERAND_STREAM)
		return (rc = flush(j, NULL, err)) ? rc
						  : embed_stream(j, path, err);
	if (kind == MM_OPERAND_TEXT && j->a->text)
		return embed_lines(j, path, err);
	if (kind == MM_OPERAND_FOLDER && !wants_text(j->a))
		return mm_encode_folder(path, each_picture, j, err);
	if (kind == MM_OPERAND_PICTURE && !wants_text(j->a))
		return embed_picture(j, path, err);
	return mm_fail(err, MM_ERR_FORMAT,
		       "'%s' is %s; 'mmtool align pairs' and 'mmtool "
		       "preprocess' make a stream of it",
		       path, mm_operand_names[kind]);
}

static int finish(struct job *j, struct mm_err *err)
{
	struct mm_writer w;
	int rc;

	if (!j->a->npy)
		return mm_stream_commit(&j->out, err);
	if ((rc = mm_output_open(&w, &j->a->common, true, err)))
		return rc;
	if (!(rc = mm_npy_put(&w, (const float *)(const void *)j->matrix.data,
			      j->matrix.len / sizeof(float) /
				      j->enc.model.embed_dim,
			      j->enc.model.embed_dim, err)))
		return mm_writer_commit(&w, err);
	mm_writer_abort(&w);
	return rc;
}

static int start(struct job *j, struct mm_err *err)
{
	const struct embed_args *a = j->a;
	const size_t B = (size_t)a->common.batch_size;
	size_t D;
	int rc;

	if (a->image + a->text + a->both > 1)
		return mm_fail(err, MM_ERR_USAGE,
			       "--image, --text and --both exclude each other");
	if (a->npy && a->both)
		return mm_fail(err, MM_ERR_USAGE,
			       "--npy holds one kind of vectors, not --both");
	if (a->npy && a->int8)
		return mm_fail(err, MM_ERR_USAGE,
			       "--npy holds one kind of numbers, not --int8 "
			       "too");
	if ((rc = mm_need_model(&a->common, err)) ||
	    (rc = mm_bad_open(&j->bad, &a->common, err)) ||
	    (rc = mm_encoder_open(&j->enc, a->common.model, err)) ||
	    (a->common.cache && (rc = mm_model_cache_open(&j->enc.model, err))))
		return rc;
	mm_encoder_resize(&j->enc, (size_t)a->common.image_size);
	D = j->enc.model.embed_dim;
	j->image = mm_malloc(B * D, sizeof(float));
	j->text = mm_malloc(B * D, sizeof(float));
	j->small[0] = mm_malloc(2, D);
	j->small[1] = j->small[0] ? j->small[0] + D : NULL;
	if (!j->image || !j->text || !j->small[0])
		return mm_fail_nomem(err, "a batch of vectors");
	if (a->npy)
		return MM_OK;
	rc = mm_stream_writer_open(
		&j->out, a->common.output ? a->common.output : "-", err);
	j->opened = !rc;
	return rc ? rc
		  : mm_stream_set_meta(&j->out, "mmtool.stage", "embed", err);
}

static void release_waiting(struct job *j)
{
	for (size_t i = 0; i < j->n_waiting; i++) {
		mm_free(j->id[i]);
		mm_free(j->line[i]);
	}
	mm_free(j->item);
	mm_free(j->id);
	mm_free(j->line);
	mm_encode_items_release(&j->items);
}

static int run(const void *args, int argc, char **argv, struct mm_err *err)
{
	struct job j = { .a = args };
	int rc = start(&j, err);

	mm_progress_start(&j.progress, &j.a->common, "samples", 0);
	for (int i = 0; i < argc && !rc; i++)
		rc = embed_operand(&j, argv[i], err);
	if (!rc)
		rc = flush(&j, NULL, err);
	mm_progress_end(&j.progress);
	if (!rc)
		rc = finish(&j, err);
	if (!rc && j.a->common.cache)
		rc = mm_model_cache_save(&j.enc.model, err);
	if (j.opened)
		mm_stream_abort(&j.out);
	rc = mm_bad_close(&j.bad, j.seen, rc, err);
	mm_buf_release(&j.matrix);
	mm_free(j.image);
	mm_free(j.text);
	mm_free(j.small[0]);
	release_waiting(&j);
	mm_encoder_release(&j.enc);
	return rc;
}

const struct mm_cmd mm_cmd_embed = {
	.name = "embed",
	.group = MM_MEASURE,
	.summary = "turn pictures and texts into vectors",
	.synopsis = "-m DIR [--image | --text | --both] [OPTION]... "
		    "(STREAM|FILE|FOLDER|-)...",
	.details = "Writes a stream with image.embedding or text.embedding of "
		   "unit length and the samples' ids.",
	.min_operands = 1,
	.max_operands = MM_MANY,
	.opts = opts,
	MM_ARGS(struct embed_args, defaults),
	.run = run,
};
