/*
 * align_meaning.c - mmtool align meaning: do picture and text mean the same?
 *
 * Scores and a limit on them need one pass and constant memory.  A share of
 * the best (--top), neighbours (--criterion csls, margin) and new pairs
 * (--rematch) need the whole set: the sources are read twice, and a few
 * numbers, or vectors and texts, of each sample are held.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "align/meaning.h"
#include "base/mem.h"
#include "cmd.h"
#include "pair_vectors.h"
#include "spool.h"

enum criterion { COSINE, CSLS, MARGIN };

static const char *const criterion_words[] = { "cosine", "csls", "margin",
					       NULL };
static const char *const rematch_words[] = { "none", "monotone", "set", NULL };

struct meaning_args {
	struct mm_common common;
	struct mm_source_args source;
	double min, top, gap;
	int criterion, rematch;
	int64_t neighbours;
	bool local;
	const char *dropped;
};

static const struct meaning_args defaults = {
	.common = { .batch_size = 64 },
	.min = MM_UNSET_REAL,
	.top = MM_UNSET_REAL,
	.neighbours = 10,
};

#define T struct meaning_args
static const struct mm_opt opts[] = {
	MM_OPT_MODEL(T),
	MM_OPT_OUTPUT(T),
	MM_REAL(0, "min", T, min, "S", -1e3, 1e3,
		"keep pairs that score at least S"),
	MM_REAL(0, "top", T, top, "FRACTION", 0, 1,
		"keep this share of the pairs, the best ones"),
	MM_ENUM(0, "criterion", T, criterion, criterion_words,
		"what --min and --top go by: the cosine, or the cosine "
		"against those of the nearest neighbours"),
	MM_INT(0, "neighbours", T, neighbours, "K", 1, 1000,
	       "how many neighbours csls and margin compare with"),
	MM_GROUP("New pairs"),
	MM_ENUM(0, "rematch", T, rematch, rematch_words,
		"pair pictures and texts anew: both in their order, or as "
		"sets"),
	MM_FLAG(0, "local", T, local,
		"monotone: only the best stretch of both (Smith-Waterman)"),
	MM_REAL(0, "gap", T, gap, "COST", 0, 1e3,
		"monotone: what a picture or text without partner costs"),
	MM_PATH(0, "dropped", T, dropped, "FILE",
		"list pictures and texts that got no partner: id, side"),
	MM_OPT_BATCH(T),
	MM_OPT_SHARD(T),
	MM_OPT_ON_ERROR(T),
	MM_OPT_SOURCE(T),
	MM_OPT_GENERAL(T),
	MM_OPTS_END,
};
#undef T

/* Columns of a sample's text; they go where the text goes. */
static const char *const text_columns[] = { "text",	      "ids",
					    "mask",	      "types",
					    "text.embedding", NULL };
enum { N_TEXT_COLUMNS = 5 };

/* One value of a row, held. */
struct kept {
	enum mm_dtype dtype;
	bool present, ragged;
	int rank;
	size_t dim[8], count;
	const void *data;
};

/* What is held of a sample where the whole set is needed. */
struct row {
	float score, figure; /* cosine; what the criterion says */
	bool ok, keep;
	const char *id;	   /* rematch */
	struct kept *text; /* rematch: N_TEXT_COLUMNS */
};

struct run {
	const struct meaning_args *args;
	struct mm_spool operands;
	struct mm_pair_vectors in;
	struct mm_stream_writer out;
	struct mm_bad bad;
	struct mm_progress progress;
	struct mm_buf scratch;
	uint64_t seen, kept;

	/* the whole set */
	struct row *row;
	size_t n, cap;
	struct mm_buf image, text; /* vectors of the good ones */
	size_t *good;		   /* their rows */
	size_t n_good, D;
	long *to;	  /* of the good ones */
	float *new_score; /* of the pair of each picture */
	struct mm_arena arena;
};

static bool whole_set(const struct meaning_args *a)
{
	return !isnan(a->top) || a->criterion != COSINE || a->rematch;
}

static bool needs_vectors(const struct meaning_args *a)
{
	return a->criterion != COSINE || a->rematch;
}

static float cosine(const float *a, const float *b, size_t D)
{
	double sum = 0;

	for (size_t k = 0; k < D; k++)
		sum += (double)a[k] * b[k];
	return (float)sum;
}

/* ---- one pass ---- */

static int put_sample(struct run *r, const struct mm_sample *s,
		      const float *score, const float *figure,
		      const char *const *drop, struct mm_err *err)
{
	int rc = mm_stream_put(&r->out, "score", MM_F32, 0, NULL, score, err);

	if (!rc && figure)
		rc = mm_stream_put(
			&r->out, r->args->criterion == CSLS ? "csls" : "margin",
			MM_F32, 0, NULL, figure, err);
	if (!rc)
		rc = mm_sample_put(&r->out, s, drop, &r->scratch, err);
	r->kept += !rc;
	return rc ? rc : mm_stream_end_row(&r->out, err);
}

static int score_batch(struct run *r, struct mm_err *err)
{
	struct mm_pair_vectors *in = &r->in;
	int rc = MM_OK;

	for (size_t i = 0; i < in->n && !rc; i++) {
		const float score = cosine(in->image + i * in->D,
					   in->text + i * in->D, in->D);

		if (!in->ok[i] ||
		    (!isnan(r->args->min) && !(score >= r->args->min)))
			continue;
		rc = put_sample(r, &in->sample[i], &score, NULL, NULL, err);
	}
	return rc;
}

/* ---- the first of two passes ---- */

static int keep_column(struct run *r, struct kept *k, const char *name,
		       const struct mm_sample *s, struct mm_err *err)
{
	const struct mm_column *c = mm_segment_find(s->segment, name);
	const void *data;
	void *copy;

	if (!c)
		return MM_OK;
	data = mm_column_row(c, s->row, &k->count);
	k->present = true;
	k->ragged = c->ends != NULL;
	k->dtype = c->items.dtype;
	k->rank = c->items.rank - 1;
	if (k->rank > 8)
		return mm_fail(err, MM_ERR_SHAPE, "column '%s' of rank %d",
			       name, c->items.rank);
	memcpy(k->dim, c->items.dim + 1, (size_t)k->rank * sizeof(*k->dim));
	copy = mm_arena_alloc(&r->arena, k->count ? k->count : 1,
			      c->row_bytes ? c->row_bytes : 1);
	if (!copy)
		return mm_fail_nomem(err, "the texts");
	if (k->count && c->row_bytes)
		memcpy(copy, data, k->count * c->row_bytes);
	k->data = copy;
	return MM_OK;
}

static int keep_text(struct run *r, struct row *row, const struct mm_sample *s,
		     struct mm_err *err)
{
	int rc = MM_OK;

	row->id = mm_arena_strndup(&r->arena, s->id.str, s->id.len);
	row->text =
		mm_arena_alloc(&r->arena, N_TEXT_COLUMNS, sizeof(*row->text));
	if (!row->id || !row->text)
		return mm_fail_nomem(err, "the texts");
	if (!s->segment) {
		row->text[0] = (struct kept){ .dtype = MM_U8,
					      .present = true,
					      .ragged = true,
					      .count = s->text.len };
		row->text[0].data = mm_arena_strndup(
			&r->arena, s->text.str ? s->text.str : "", s->text.len);
		return row->text[0].data ? MM_OK
					 : mm_fail_nomem(err, "the texts");
	}
	for (int c = 0; c < N_TEXT_COLUMNS && !rc; c++)
		rc = keep_column(r, &row->text[c], text_columns[c], s, err);
	return rc;
}

static struct row *new_row(struct run *r)
{
	if (r->n == r->cap) {
		const size_t cap = r->cap ? 2 * r->cap : 1024;
		struct row *p = mm_realloc(r->row, cap, sizeof(*p));

		if (!p)
			return NULL;
		r->row = p;
		r->cap = cap;
	}
	memset(&r->row[r->n], 0, sizeof(*r->row));
	return &r->row[r->n++];
}

static int hold_batch(struct run *r, struct mm_err *err)
{
	struct mm_pair_vectors *in = &r->in;
	int rc = MM_OK;

	for (size_t i = 0; i < in->n && !rc; i++) {
		const float *image = in->image + i * in->D;
		const float *text = in->text + i * in->D;
		struct row *row = new_row(r);

		if (!row)
			return mm_fail_nomem(err, "the scores");
		row->ok = in->ok[i];
		if (!row->ok)
			continue;
		row->score = row->figure = cosine(image, text, in->D);
		if (r->args->rematch)
			rc = keep_text(r, row, &in->sample[i], err);
		if (needs_vectors(r->args)) {
			mm_buf_add(&r->image, image, in->D * sizeof(*image));
			mm_buf_add(&r->text, text, in->D * sizeof(*text));
		}
	}
	if (!rc)
		rc = mm_buf_check(&r->image, "the vectors", err);
	return rc ? rc : mm_buf_check(&r->text, "the vectors", err);
}

static int read_all(struct run *r, struct mm_err *err)
{
	const bool hold = whole_set(r->args);
	int rc;

	mm_progress_start(&r->progress, &r->args->common, "samples", 0);
	while (!(rc = mm_pair_vectors_next(&r->in, err)) && r->in.n) {
		r->D = r->in.D;
		rc = hold ? hold_batch(r, err) : score_batch(r, err);
		if (rc)
			break;
		mm_progress_show(&r->progress, r->in.sources.n, NULL);
	}
	mm_progress_end(&r->progress);
	r->seen = r->in.sources.n;
	return rc;
}

/* ---- the whole set ---- */

static int find_good(struct run *r, struct mm_err *err)
{
	if (!(r->good = mm_malloc(r->n, sizeof(*r->good))))
		return mm_fail_nomem(err, "the scores");
	for (size_t i = 0; i < r->n; i++)
		if (r->row[i].ok)
			r->good[r->n_good++] = i;
	return MM_OK;
}

static struct mm_meaning set_of(const struct run *r)
{
	return (struct mm_meaning){
		.image = (const float *)(const void *)mm_buf_str(&r->image),
		.text = (const float *)(const void *)mm_buf_str(&r->text),
		.N = r->n_good,
		.M = r->n_good,
		.D = r->D,
	};
}

static int compare_neighbours(struct run *r, struct mm_err *err)
{
	const struct mm_meaning s = set_of(r);
	float *ri = mm_malloc(s.N, sizeof(*ri));
	float *rt = mm_malloc(s.M, sizeof(*rt));
	int rc = ri && rt ? MM_OK : mm_fail_nomem(err, "neighbours");

	if (!rc)
		rc = mm_meaning_neighbours(ri, rt, &s,
					   (size_t)r->args->neighbours, err);
	for (size_t k = 0; k < r->n_good && !rc; k++) {
		struct row *row = &r->row[r->good[k]];
		const float near = (ri[k] + rt[k]) / 2;

		if (r->args->criterion == CSLS)
			row->figure = 2 * (row->score - near);
		else
			row->figure = near > 1e-6f ? row->score / near : 0;
	}
	mm_free(ri);
	mm_free(rt);
	return rc;
}

struct ranked {
	float figure;
	size_t row;
};

static int by_figure(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->figure > y->figure || x->figure < y->figure)
		return x->figure > y->figure ? -1 : 1;
	return x->row < y->row ? -1 : x->row > y->row;
}

/* --min and --top; of equal figures the earlier row is better. */
static int choose(struct run *r, struct mm_err *err)
{
	const struct meaning_args *a = r->args;
	struct ranked *q = mm_malloc(r->n_good, sizeof(*q));
	size_t most = r->n_good;

	if (!q)
		return mm_fail_nomem(err, "the scores");
	for (size_t k = 0; k < r->n_good; k++)
		q[k] = (struct ranked){ r->row[r->good[k]].figure, r->good[k] };
	if (!isnan(a->top)) {
		most = (size_t)floor(a->top * (double)r->n_good + 0.5);
		if (r->n_good)
			qsort(q, r->n_good, sizeof(*q), by_figure);
	}
	for (size_t k = 0; k < most; k++)
		r->row[q[k].row].keep = isnan(a->min) || q[k].figure >= a->min;
	mm_free(q);
	return MM_OK;
}

static int list_dropped(struct run *r, const unsigned char *taken,
			struct mm_err *err)
{
	struct mm_writer w;
	int rc;

	if (!r->args->dropped)
		return MM_OK;
	if ((rc = mm_writer_open(&w, r->args->dropped, err)))
		return rc;
	rc = mm_writer_printf(&w, err, "id\tside\n");
	for (size_t k = 0; k < r->n_good && !rc; k++) {
		const char *id = r->row[r->good[k]].id;

		if (r->to[k] < 0)
			rc = mm_writer_printf(&w, err, "%s\timage\n", id);
		if (!rc && !taken[k])
			rc = mm_writer_printf(&w, err, "%s\ttext\n", id);
	}
	if (!rc)
		return mm_writer_commit(&w, err);
	mm_writer_abort(&w);
	return rc;
}

static int tell_pairs(struct run *r, double least, struct mm_err *err)
{
	unsigned char *taken = mm_calloc(r->n_good, 1);
	size_t pairs = 0, same = 0;
	int rc;

	if (!taken)
		return mm_fail_nomem(err, "the pairs");
	for (size_t k = 0; k < r->n_good; k++) {
		if (r->to[k] < 0)
			continue;
		pairs++;
		same += (size_t)r->to[k] == k;
		taken[r->to[k]] = 1;
	}
	mm_note(&r->args->common,
		"%zu pairs, %zu of them as before; %zu pictures and %zu texts "
		"dropped (cosine below %.3f)",
		pairs, same, r->n_good - pairs, r->n_good - pairs, least);
	rc = list_dropped(r, taken, err);
	mm_free(taken);
	return rc;
}

static int rematch(struct run *r, struct mm_err *err)
{
	const struct meaning_args *a = r->args;
	const struct mm_meaning s = set_of(r);
	const struct mm_rematch_options o = {
		.how = (enum mm_rematch)a->rematch,
		.least = a->min,
		.gap = a->gap,
		.local = a->local,
	};
	double least;
	int rc;

	r->to = mm_malloc(r->n_good, sizeof(*r->to));
	r->new_score = mm_calloc(r->n_good, sizeof(*r->new_score));
	if (!r->to || !r->new_score)
		return mm_fail_nomem(err, "the pairs");
	if ((rc = mm_meaning_rematch(r->to, &least, &s, &o, err)))
		return rc;
	for (size_t k = 0; k < r->n_good; k++)
		if (r->to[k] >= 0)
			r->new_score[k] =
				cosine(s.image + k * s.D,
				       s.text + (size_t)r->to[k] * s.D, s.D);
	return tell_pairs(r, least, err);
}

/* ---- the second pass ---- */

static int put_kept(struct run *r, const struct row *from, struct mm_err *err)
{
	int rc = mm_stream_put_str(&r->out, "text.id", from->id,
				   strlen(from->id), err);

	for (int c = 0; c < N_TEXT_COLUMNS && !rc; c++) {
		const struct kept *k = &from->text[c];

		if (!k->present)
			continue;
		rc = k->ragged
			     ? mm_stream_put_ragged(&r->out, text_columns[c],
						    k->dtype, k->rank, k->dim,
						    k->count, k->data, err)
			     : mm_stream_put(&r->out, text_columns[c], k->dtype,
					     k->rank, k->dim, k->data, err);
	}
	return rc;
}

/* The picture of sample k with the text of its new partner. */
static int put_pair(struct run *r, const struct mm_sample *s, size_t k,
		    struct mm_err *err)
{
	const struct row *from = &r->row[r->good[r->to[k]]];
	struct mm_sample picture = *s;
	int rc;

	if ((rc = put_kept(r, from, err)))
		return rc;
	picture.text.str = NULL;
	return put_sample(r, &picture, &r->new_score[k], NULL, text_columns,
			  err);
}

static int write_row(struct run *r, const struct mm_sample *s, size_t n,
		     size_t *k, struct mm_err *err)
{
	const struct row *row = &r->row[n];

	if (!row->ok)
		return MM_OK;
	if (r->args->rematch)
		return r->to[(*k)++] < 0 ? MM_OK : put_pair(r, s, *k - 1, err);
	if (!row->keep)
		return MM_OK;
	return put_sample(r, s, &row->score,
			  r->args->criterion != COSINE ? &row->figure : NULL,
			  NULL, err);
}

/* The same samples once more; what was bad has been told. */
static int write_again(struct run *r, struct mm_err *err)
{
	struct mm_sources *src = &r->in.sources;
	const struct mm_source_options o = mm_source_options(&r->args->source);
	const struct mm_sample *s;
	size_t n = 0, k = 0;
	int rc;

	mm_sources_release(src);
	if ((rc = mm_spool_rewind(&r->operands, err)) ||
	    (rc = mm_sources_open(src, r->operands.path, r->operands.n, &o,
				  err)))
		return rc;
	for (;;) {
		rc = mm_sources_next(src, &s, err);
		if (rc && src->bad_sample)
			continue;
		if (rc || !s)
			break;
		if (!mm_shard_has(&r->args->common.shard, src->position))
			continue;
		if (n == r->n)
			return mm_fail(err, MM_ERR_IO,
				       "the source has grown while it was "
				       "read");
		if ((rc = write_row(r, s, n++, &k, err)))
			break;
	}
	if (!rc && n < r->n)
		rc = mm_fail(err, MM_ERR_IO,
			     "the source has shrunk while it was read");
	return rc;
}

static int second_pass(struct run *r, struct mm_err *err)
{
	int rc = find_good(r, err);

	if (rc)
		return rc;
	if (r->args->rematch) {
		rc = rematch(r, err);
	} else {
		if (r->args->criterion != COSINE)
			rc = compare_neighbours(r, err);
		if (!rc)
			rc = choose(r, err);
	}
	return rc ? rc : write_again(r, err);
}

/* ---- the run ---- */

static int check_args(const struct meaning_args *a, struct mm_err *err)
{
	if (a->rematch && (!isnan(a->top) || a->criterion != COSINE))
		return mm_fail(
			err, MM_ERR_USAGE,
			"--rematch goes by the cosine, without --top and "
			"--criterion");
	if (a->rematch != MM_REMATCH_MONOTONE && (a->local || a->gap > 0))
		return mm_fail(err, MM_ERR_USAGE,
			       "--local and --gap are for --rematch monotone");
	if (!a->rematch && a->dropped)
		return mm_fail(err, MM_ERR_USAGE,
			       "--dropped lists what --rematch drops");
	return MM_OK;
}

static int write_stream(struct run *r, struct mm_err *err)
{
	const struct mm_common *c = &r->args->common;
	int rc = mm_stream_writer_open(&r->out, c->output ? c->output : "-",
				       err);

	if (rc)
		return rc;
	rc = mm_stream_set_meta(&r->out, "mmtool.stage", "align meaning", err);
	if (!rc)
		rc = read_all(r, err);
	rc = mm_bad_close(&r->bad, r->seen, rc, err);
	if (!rc && whole_set(r->args))
		rc = second_pass(r, err);
	if (!rc && !r->args->rematch &&
	    (!isnan(r->args->min) || !isnan(r->args->top)))
		mm_note(c, "%" PRIu64 " of %" PRIu64 " pairs kept", r->kept,
			r->seen - r->bad.n);
	if (!rc)
		return mm_stream_commit(&r->out, err);
	mm_stream_abort(&r->out);
	return rc;
}

static int run_meaning(const void *args, int argc, char **argv,
		       struct mm_err *err)
{
	struct run *r = mm_calloc(1, sizeof(*r));
	int rc;

	if (!r)
		return mm_fail_nomem(err, "a run");
	r->args = args;
	r->in.common = &r->args->common;
	r->in.bad = &r->bad;
	r->operands.path = argv;
	r->operands.n = (size_t)argc;
	rc = check_args(r->args, err);
	if (!rc && whole_set(r->args))
		rc = mm_spool_open(&r->operands, argc, argv, err);
	if (!rc && !(rc = mm_bad_open(&r->bad, &r->args->common, err)) &&
	    !(rc = mm_pair_vectors_open(&r->in, &r->args->source,
					r->operands.path, r->operands.n, err)))
		rc = write_stream(r, err);
	mm_pair_vectors_release(&r->in);
	if (r->operands.file)
		mm_spool_release(&r->operands);
	mm_buf_release(&r->scratch);
	mm_buf_release(&r->image);
	mm_buf_release(&r->text);
	mm_arena_release(&r->arena);
	mm_free(r->row);
	mm_free(r->good);
	mm_free(r->to);
	mm_free(r->new_score);
	mm_free(r);
	return rc;
}

const struct mm_cmd mm_cmd_align_meaning = {
	.name = "align",
	.mode = "meaning",
	.group = MM_PREPARE,
	.summary = "score how well pictures and texts fit; filter, pair anew",
	.synopsis = "-m DIR [--min S | --top FRACTION] [--rematch "
		    "none|monotone|set] [OPTION]... SOURCE...",
	.details = "Adds a column score, the cosine of picture and text in the "
		   "model's space.  Without -m, SOURCE is a stream with "
		   "image.embedding and text.embedding.",
	.min_operands = 1,
	.max_operands = MM_MANY,
	.opts = opts,
	MM_ARGS(struct meaning_args, defaults),
	.run = run_meaning,
};
