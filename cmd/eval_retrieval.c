/* eval_retrieval.c - mmtool eval retrieval: pictures find texts, and back. */
#include <string.h>

#include "base/mem.h"
#include "cmd.h"
#include "metric/topk.h"
#include "retrieval_report.h"
#include "vectors.h"

struct retrieval_args {
	struct mm_common common;
	struct mm_source_args source;
	bool embeddings, samples;
	struct mm_nums k;
	int gain, side;
	int64_t ndcg, folds, resamples, depth;
	double ci;
	const char *run, *qrels;
};

static const char *const gains[] = { "linear", "exp", NULL };

enum { BOTH, IMAGES_ASK, TEXTS_ASK };
static const char *const side_words[] = { "both", "image_to_text",
					  "text_to_image", NULL };

static const struct retrieval_args defaults = {
	.common = { .batch_size = 64 },
	.k = { .n = 3, .at = { 1, 5, 10 } },
	.ndcg = 10,
	.folds = 1,
	.resamples = 1000,
	.depth = 1000,
	.ci = MM_UNSET_REAL,
};

#define T struct retrieval_args
static const struct mm_opt opts[] = {
	MM_OPT_MODEL(T),
	MM_OPT_IMAGE_SIZE(T),
	MM_OPT_CACHE(T),
	MM_OPT_EMBEDDINGS(T),
	MM_INTS('k', "k", T, k, "K,...", 1, MM_RETRIEVAL_MAX_K, 1, 1e6,
		"cut-offs of recall"),
	MM_INT(0, "ndcg", T, ndcg, "K", 1, 1e6, "cut-off of NDCG"),
	MM_ENUM(0, "gain", T, gain, gains,
		"gain of NDCG; the same figure, as a candidate is right or "
		"wrong here"),
	MM_INT(0, "folds", T, folds, "N", 1, 1000,
	       "cut the pictures into N runs and average their figures"),
	MM_REAL(0, "ci", T, ci, "LEVEL", 0.01, 0.9999,
		"give bootstrap confidence intervals at LEVEL, as 0.95"),
	MM_INT(0, "resamples", T, resamples, "N", 10, 1e6, "resamples of --ci"),
	MM_OPT_SEED(T),
	MM_FLAG(0, "samples", T, samples,
		"keep each query's figures in the --json object, for eval "
		"compare"),
	MM_GROUP("TREC files"),
	MM_PATH(0, "run", T, run, "FILE",
		"write the rankings as trec_eval reads them"),
	MM_PATH(0, "qrels", T, qrels, "FILE",
		"write which candidates are right"),
	MM_ENUM(0, "side", T, side, side_words,
		"who asks in these files; with both, names begin with "
		"image_to_text/ or text_to_image/"),
	MM_INT(0, "depth", T, depth, "N", 1, 1e6,
	       "candidates of a query in --run"),
	MM_OPT_SOURCE(T),
	MM_OPT_BATCH(T),
	MM_OPT_ON_ERROR(T),
	MM_OPT_OUTPUT(T),
	MM_OPT_JSON(T),
	MM_OPT_GENERAL(T),
	MM_OPTS_END,
};
#undef T

struct job {
	const struct retrieval_args *a;
	struct mm_vectors v;
	struct retrieval_report r;
};

/* ---- TREC files ---- */

/* A blank would part the name in two; '%' stands for itself as %25. */
static void put_name(struct mm_buf *out, const char *prefix, struct mm_line id)
{
	mm_buf_adds(out, prefix);
	for (size_t i = 0; i < id.len; i++) {
		const unsigned char c = (unsigned char)id.s[i];

		if (c <= ' ' || c == '%' || c == 0x7f)
			mm_buf_printf(out, "%%%02X", c);
		else
			mm_buf_addc(out, id.s[i]);
	}
	if (!id.len)
		mm_buf_addc(out, '%');
}

/* What stands in front of the queries' names of a side. */
static const char *prefix(const struct job *j, int s)
{
	return j->a->side ? "" : s ? "text_to_image/" : "image_to_text/";
}

static bool wanted(const struct job *j, int s)
{
	return !j->a->side || j->a->side == s + 1;
}

static int write_qrels(struct job *j, struct mm_err *err)
{
	const struct mm_retrieval_set set = mm_vectors_set(&j->v);
	struct mm_buf out = { 0 };
	int rc;

	for (int s = 0; s < 2; s++)
		for (size_t t = 0; t < set.n_texts && wanted(j, s); t++) {
			const struct mm_line text =
				mm_lines_at(&j->v.text_id, t);
			const struct mm_line image =
				mm_lines_at(&j->v.image_id, set.owner[t]);

			put_name(&out, prefix(j, s), s ? text : image);
			mm_buf_adds(&out, " 0 ");
			put_name(&out, "", s ? image : text);
			mm_buf_adds(&out, " 1\n");
		}
	rc = mm_buf_check(&out, "judgements", err);
	if (!rc)
		rc = mm_file_write(j->a->qrels, mm_buf_str(&out), out.len, err);
	mm_buf_release(&out);
	return rc;
}

/* Queries [q, q + n) of a side. */
static int write_block(const struct job *j, int s, const struct mm_gallery *g,
		       const float *query, size_t q, size_t n,
		       struct mm_hit *hit, struct mm_writer *w,
		       struct mm_err *err)
{
	const struct mm_topk_options o = { .k = (size_t)j->a->depth };
	const struct mm_lines *asks = s ? &j->v.text_id : &j->v.image_id;
	const struct mm_lines *found = s ? &j->v.image_id : &j->v.text_id;
	const size_t n_hits = mm_topk_hits(g, &o);
	struct mm_buf out = { 0 };
	int rc = mm_topk(hit, g, query + q * g->D, n, &o, err);

	for (size_t i = 0; i < n * n_hits && !rc; i++) {
		put_name(&out, prefix(j, s), mm_lines_at(asks, q + i / n_hits));
		mm_buf_adds(&out, " Q0 ");
		put_name(&out, "", mm_lines_at(found, hit[i].row));
		mm_buf_printf(&out, " %zu %.12g mmtool\n", i % n_hits + 1,
			      hit[i].score);
	}
	if (!rc)
		rc = mm_buf_check(&out, "rankings", err);
	if (!rc)
		rc = mm_writer_write(w, mm_buf_str(&out), out.len, err);
	mm_buf_release(&out);
	return rc;
}

static int write_side(const struct job *j, int s, struct mm_writer *w,
		      struct mm_err *err)
{
	enum { BLOCK = 256 };
	const struct mm_retrieval_set set = mm_vectors_set(&j->v);
	const size_t n = s ? set.n_texts : set.n_images;
	const size_t depth = (size_t)j->a->depth;
	struct mm_gallery g = { .D = set.D };
	const size_t rows = s ? set.n_images : set.n_texts;
	struct mm_hit *hit =
		mm_malloc(BLOCK, (depth < rows ? depth : rows) * sizeof(*hit));
	int rc = hit ? mm_gallery_add(&g, s ? set.image : set.text, rows, err)
		     : mm_fail_nomem(err, "rankings");

	for (size_t q = 0; q < n && !rc; q += BLOCK)
		rc = write_block(j, s, &g, s ? set.text : set.image, q,
				 n - q < BLOCK ? n - q : BLOCK, hit, w, err);
	mm_gallery_release(&g);
	mm_free(hit);
	return rc;
}

static int write_run(const struct job *j, struct mm_err *err)
{
	struct mm_writer w;
	int rc = mm_writer_open(&w, j->a->run, err);

	if (rc)
		return rc;
	for (int s = 0; s < 2 && !rc; s++)
		if (wanted(j, s))
			rc = write_side(j, s, &w, err);
	if (!rc)
		return mm_writer_commit(&w, err);
	mm_writer_abort(&w);
	return rc;
}

/* ---- result ---- */

static int report(struct job *j, struct mm_err *err)
{
	const struct mm_retrieval_set set = mm_vectors_set(&j->v);
	const struct mm_lines *const id[] = { &j->v.image_id, &j->v.text_id };
	struct mm_json_writer w;
	struct mm_buf out = { 0 };
	int rc = retrieval_report_make(&j->r, &set, err);

	if (!rc && j->a->run)
		rc = write_run(j, err);
	if (!rc && j->a->qrels)
		rc = write_qrels(j, err);
	if (rc)
		return rc;
	if (j->a->common.json) {
		mm_json_writer_init(&w, &out, 0);
		mm_json_open(&w, NULL, '{');
		retrieval_report_json(&j->r, j->a->samples ? id : NULL, &w);
		mm_json_close(&w);
		mm_buf_addc(&out, '\n');
	} else {
		retrieval_report_table(&j->r, &out);
	}
	rc = mm_output_text(&j->a->common, &out, err);
	mm_buf_release(&out);
	return rc;
}

static void start(struct job *j)
{
	const struct retrieval_args *a = j->a;
	struct retrieval_report *r = &j->r;

	r->o = mm_retrieval_defaults;
	r->o.n_k = a->k.n;
	for (size_t i = 0; i < r->o.n_k; i++)
		r->o.k[i] = (size_t)a->k.at[i];
	r->o.gain = (enum mm_gain)a->gain;
	r->o.ndcg_k = (size_t)a->ndcg;
	r->folds = (size_t)a->folds;
	r->level = a->ci;
	r->resamples = a->ci > 0 ? (size_t)a->resamples : 0;
	r->seed = (uint64_t)a->common.seed;
	j->v.common = &a->common;
	j->v.embeddings = a->embeddings;
	j->v.want_texts = true;
}

static int run(const void *args, int argc, char **argv, struct mm_err *err)
{
	struct job j = { .a = args };
	int rc;

	start(&j);
	if (j.a->samples && j.a->folds > 1)
		return mm_fail(err, MM_ERR_USAGE,
			       "--samples and --folds exclude each other");
	rc = mm_vectors_open(&j.v, err);
	if (!rc)
		rc = mm_vectors_read(&j.v, &j.a->source, argc, argv, err);
	rc = mm_vectors_end(&j.v, rc, err);
	if (!rc)
		rc = report(&j, err);
	retrieval_report_release(&j.r);
	mm_vectors_release(&j.v);
	return rc;
}

const struct mm_cmd mm_cmd_eval_retrieval = {
	.name = "eval",
	.mode = "retrieval",
	.group = MM_MEASURE,
	.summary = "recall, MRR and NDCG of pictures and texts",
	.synopsis = "(-m DIR | --embeddings) [OPTION]... SOURCE...",
	.details = "SOURCE is what 'mmtool align pairs' opens, a tensor "
		   "stream, or '-'. Rows that share image.id are one picture "
		   "with several captions. A tie never helps.",
	.min_operands = 1,
	.max_operands = MM_MANY,
	.opts = opts,
	MM_ARGS(struct retrieval_args, defaults),
	.run = run,
};
