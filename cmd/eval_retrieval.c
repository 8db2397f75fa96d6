/* eval_retrieval.c - mmtool eval retrieval: pictures find texts, and back. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "cmd.h"
#include "metric/retrieval.h"
#include "model/encode.h"
#include "table.h"

struct retrieval_args {
	struct mm_common common;
	bool embeddings;
	struct mm_nums k;
	int gain;
	int64_t folds;
};

static const char *const gains[] = { "linear", "exp", NULL };

static const struct retrieval_args defaults = {
	.common = { .batch_size = 64 },
	.k = { .n = 3, .at = { 1, 5, 10 } },
	.folds = 1,
};

#define T struct retrieval_args
static const struct mm_opt opts[] = {
	MM_OPT_MODEL(T),
	MM_FLAG(0, "embeddings", T, embeddings,
		"the stream holds image.embedding and text.embedding already"),
	MM_INTS('k', "k", T, k, "K,...", 1, MM_RETRIEVAL_MAX_K, 1, 1e6,
		"cut-offs of recall"),
	MM_ENUM(0, "gain", T, gain, gains, "gain of ndcg"),
	MM_INT(0, "folds", T, folds, "N", 1, 1000,
	       "cut the pictures into N runs and average their figures"),
	MM_OPT_BATCH(T),
	MM_OPT_OUTPUT(T),
	MM_OPT_JSON(T),
	MM_OPT_GENERAL(T),
	MM_OPTS_END,
};
#undef T

struct job {
	const struct retrieval_args *a;
	struct mm_encoder enc;
	size_t D, n_images, n_texts;
	struct mm_buf image, text, owner; /* floats, floats, size_ts */
	struct mm_map images;		  /* image.id -> number */
	struct mm_progress progress;
};

/* The row's picture: its number, and its vector where it is new. */
static int add_row(struct job *j, const struct mm_segment *seg, size_t row,
		   const float *image, const float *text, struct mm_err *err)
{
	const struct mm_column *c = mm_segment_find(seg, "image.id");
	const char *id;
	size_t len, owner;
	bool added;
	int64_t *at;

	id = mm_column_str(c ? c : mm_segment_find(seg, "id"), row, &len);
	if (!id)
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s' has no column 'image.id' or 'id'",
			       seg->path);
	if (!(at = mm_map_put(&j->images, id, len, &added)))
		return mm_fail_nomem(err, "the pictures' ids");
	if (added) {
		*at = (int64_t)j->n_images++;
		mm_buf_add(&j->image, image, j->D * sizeof(*image));
	}
	owner = (size_t)*at;
	mm_buf_add(&j->text, text, j->D * sizeof(*text));
	mm_buf_add(&j->owner, &owner, sizeof(owner));
	j->n_texts++;
	return j->image.failed || j->text.failed || j->owner.failed
		       ? mm_fail_nomem(err, "the vectors")
		       : MM_OK;
}

/* ---- vectors that are there ---- */

static int want_vectors(const struct job *j, const struct mm_segment *seg,
			const char *name, const struct mm_column **c,
			struct mm_err *err)
{
	const size_t D = j->D ? j->D : SIZE_MAX;

	return mm_segment_want(seg, name, MM_F32, false, 1, &D, c, err);
}

/* Cosines are compared, whatever the vectors' length. */
static int take_embeddings(struct job *j, const struct mm_segment *seg,
			   struct mm_err *err)
{
	const struct mm_column *image, *text;
	float *v;
	int rc;

	if ((rc = want_vectors(j, seg, "image.embedding", &image, err)))
		return rc;
	j->D = image->items.dim[1];
	if ((rc = want_vectors(j, seg, "text.embedding", &text, err)))
		return rc;
	if (!(v = mm_malloc(2 * j->D, sizeof(*v))))
		return mm_fail_nomem(err, "a vector");
	for (size_t i = 0; i < seg->n && !rc; i++) {
		memcpy(v, (const float *)image->items.data + i * j->D,
		       j->D * sizeof(*v));
		memcpy(v + j->D, (const float *)text->items.data + i * j->D,
		       j->D * sizeof(*v));
		mm_embed_normalise(v, 2, j->D);
		rc = add_row(j, seg, i, v, v + j->D, err);
	}
	mm_free(v);
	return rc;
}

/* ---- vectors that the model makes ---- */

static int encode(struct job *j, const struct mm_segment *seg,
		  struct mm_err *err)
{
	const size_t B = (size_t)j->a->common.batch_size, D = j->D;
	float *image = mm_malloc(B * D, sizeof(*image));
	float *text = mm_malloc(B * D, sizeof(*text));
	size_t *row = mm_malloc(B, sizeof(*row));
	int rc = image && text && row ? MM_OK : mm_fail_nomem(err, "a batch");

	for (size_t i = 0; i < seg->n && !rc; i += B) {
		const size_t n = seg->n - i < B ? seg->n - i : B;

		for (size_t b = 0; b < n; b++)
			row[b] = i + b;
		if ((rc = mm_encode_images(&j->enc, image, seg, row, n, err)) ||
		    (rc = mm_encode_texts(&j->enc, text, seg, row, n, err)))
			break;
		mm_embed_normalise(image, n, D);
		mm_embed_normalise(text, n, D);
		for (size_t b = 0; b < n && !rc; b++)
			rc = add_row(j, seg, i + b, image + b * D, text + b * D,
				     err);
		mm_progress_show(&j->progress, j->n_texts, NULL);
	}
	mm_free(image);
	mm_free(text);
	mm_free(row);
	return rc;
}

static int take_stream(struct job *j, const char *path, struct mm_err *err)
{
	const struct mm_segment *seg;
	struct mm_stream s;
	int rc = mm_stream_open(&s, path, err);

	while (!rc && !(rc = mm_stream_next(&s, &seg, err)) && seg)
		rc = j->a->embeddings ? take_embeddings(j, seg, err)
				      : encode(j, seg, err);
	mm_stream_release(&s);
	return rc;
}

/* ---- result ---- */

static const char *const sides[] = { "image_to_text", "text_to_image" };

static void put_json(struct mm_buf *out, const struct job *j,
		     const struct mm_retrieval_figures f[2],
		     const struct mm_retrieval_options *o)
{
	struct mm_json_writer w;
	char name[32];

	mm_json_writer_init(&w, out, 0);
	mm_json_open(&w, NULL, '{');
	for (int s = 0; s < 2; s++) {
		mm_json_open(&w, sides[s], '{');
		for (size_t i = 0; i < o->n_k; i++) {
			snprintf(name, sizeof(name), "recall@%zu", o->k[i]);
			mm_json_put_num(&w, name, f[s].recall[i]);
		}
		mm_json_put_num(&w, "mrr", f[s].mrr);
		snprintf(name, sizeof(name), "ndcg@%zu", o->ndcg_k);
		mm_json_put_num(&w, name, f[s].ndcg);
		mm_json_put_num(&w, "median_rank", f[s].median_rank);
		mm_json_put_num(&w, "mean_rank", f[s].mean_rank);
		mm_json_close(&w);
	}
	mm_json_put_num(&w, "rsum", mm_retrieval_rsum(&f[0], &f[1], o));
	mm_json_put_int(&w, "n_images", (int64_t)j->n_images);
	mm_json_put_int(&w, "n_texts", (int64_t)j->n_texts);
	mm_json_close(&w);
	mm_buf_addc(out, '\n');
}

static void put_table(struct mm_buf *out, const struct job *j,
		      const struct mm_retrieval_figures f[2],
		      const struct mm_retrieval_options *o)
{
	struct mm_table t = { 0 };

	mm_table_cell(&t, "%s", "");
	for (size_t i = 0; i < o->n_k; i++)
		mm_table_cell(&t, "R@%zu", o->k[i]);
	mm_table_cell(&t, "MRR");
	mm_table_cell(&t, "NDCG@%zu", o->ndcg_k);
	mm_table_cell(&t, "median rank");
	mm_table_cell(&t, "mean rank");
	mm_table_row(&t);
	for (int s = 0; s < 2; s++) {
		mm_table_cell(&t, "%s", s ? "text to image" : "image to text");
		for (size_t i = 0; i < o->n_k; i++)
			mm_table_cell(&t, "%.2f", 100 * f[s].recall[i]);
		mm_table_cell(&t, "%.2f", 100 * f[s].mrr);
		mm_table_cell(&t, "%.2f", 100 * f[s].ndcg);
		mm_table_cell(&t, "%.1f", f[s].median_rank);
		mm_table_cell(&t, "%.2f", f[s].mean_rank);
		mm_table_row(&t);
	}
	mm_table_print(&t, out, 0);
	mm_buf_printf(out, "rsum %.2f, %zu pictures, %zu texts\n",
		      mm_retrieval_rsum(&f[0], &f[1], o), j->n_images,
		      j->n_texts);
}

static int report(struct job *j, struct mm_err *err)
{
	struct mm_retrieval_options o = mm_retrieval_defaults;
	const struct mm_retrieval_set set = {
		(const float *)(const void *)mm_buf_str(&j->image),
		(const float *)(const void *)mm_buf_str(&j->text),
		(const size_t *)(const void *)mm_buf_str(&j->owner),
		j->n_images,
		j->n_texts,
		j->D,
	};
	struct mm_retrieval_figures f[2];
	struct mm_buf out = { 0 };
	int rc;

	o.n_k = j->a->k.n;
	for (size_t i = 0; i < o.n_k; i++)
		o.k[i] = (size_t)j->a->k.at[i];
	o.gain = (enum mm_gain)j->a->gain;
	if (!j->n_texts)
		return mm_fail(err, MM_ERR_FORMAT, "there are no samples");
	if ((rc = mm_retrieval_eval(f, &set, &o, (size_t)j->a->folds, err)))
		return rc;
	if (j->a->common.json)
		put_json(&out, j, f, &o);
	else
		put_table(&out, j, f, &o);
	rc = mm_output_text(&j->a->common, &out, err);
	mm_buf_release(&out);
	return rc;
}

static int run(const void *args, int argc, char **argv, struct mm_err *err)
{
	struct job j = { .a = args };
	int rc = MM_OK;

	if (j.a->embeddings && j.a->common.model)
		return mm_fail(err, MM_ERR_USAGE,
			       "--embeddings needs no --model: the vectors "
			       "are there");
	mm_map_init(&j.images);
	if (!j.a->embeddings) {
		if ((rc = mm_need_model(&j.a->common, err)) ||
		    (rc = mm_encoder_open(&j.enc, j.a->common.model, err)))
			return rc;
		j.D = j.enc.model.embed_dim;
	}
	mm_progress_start(&j.progress, &j.a->common, "texts", 0);
	for (int i = 0; i < argc && !rc; i++)
		rc = take_stream(&j, argv[i], err);
	mm_progress_end(&j.progress);
	if (!rc)
		rc = report(&j, err);
	mm_buf_release(&j.image);
	mm_buf_release(&j.text);
	mm_buf_release(&j.owner);
	mm_map_release(&j.images);
	mm_encoder_release(&j.enc);
	return rc;
}

const struct mm_cmd mm_cmd_eval_retrieval = {
	.name = "eval",
	.mode = "retrieval",
	.group = MM_MEASURE,
	.summary = "recall, MRR and NDCG of pictures and texts",
	.synopsis = "(-m DIR | --embeddings) [OPTION]... STREAM...",
	.details = "Rows that share image.id are one picture with several "
		   "captions. A tie never helps.",
	.min_operands = 1,
	.max_operands = MM_MANY,
	.opts = opts,
	MM_ARGS(struct retrieval_args, defaults),
	.run = run,
};
