/* search.c - mmtool search: the nearest vectors of a gallery. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "cmd.h"
#include "data/picture.h"
#include "image/draw.h"
#include "image/encode.h"
#include "model/encode.h"

struct search_args {
	struct mm_common common;
	struct mm_list gallery;
	int64_t k;
	const char *sheet;
	int column;
};

static const char *const columns[] = { "image", "text", NULL };

static const struct search_args defaults = { .k = 10 };

#define T struct search_args
static const struct mm_opt opts[] = {
	MM_OPT_MODEL(T),
	MM_LIST('g', "gallery", T, gallery, "STREAM",
		"stream with the vectors to search; several may be given "
		"[standard input]"),
	MM_INT('k', "top", T, k, "K", 1, 1e6, "hits for each query"),
	MM_ENUM(0, "column", T, column, columns,
		"which of the gallery's vectors: image.embedding, or "
		"text.embedding"),
	MM_PATH(0, "sheet", T, sheet, "F.png",
		"a picture of the hits, a row for each query"),
	MM_OPT_OUTPUT(T),
	MM_OPT_JSON(T),
	MM_OPT_GENERAL(T),
	MM_OPTS_END,
};
#undef T

struct hit {
	float score;
	char *id, *path; /* path: of the picture, NULL where not told */
};

struct query {
	char *name;
	struct hit *hit; /* k of them at most, best first */
	size_t n;
};

struct job {
	const struct search_args *a;
	struct mm_encoder enc;
	bool has_model;
	size_t D;
	struct mm_buf vectors; /* of the queries, unit length */
	struct query *query;
	size_t n, cap;
};

/* ---- queries ---- */

static int add_query(struct job *j, const char *name, size_t len,
		     const float *v, struct mm_err *err)
{
	struct query *q;

	if (j->n == j->cap) {
		if (!(q = mm_realloc(j->query, j->cap * 2 + 16, sizeof(*q))))
			return mm_fail_nomem(err, "the queries");
		j->query = q;
		j->cap = j->cap * 2 + 16;
	}
	q = &j->query[j->n];
	memset(q, 0, sizeof(*q));
	q->name = mm_strndup(name, len);
	q->hit = mm_calloc((size_t)j->a->k, sizeof(*q->hit));
	j->n++;
	mm_buf_add(&j->vectors, v, j->D * sizeof(*v));
	if (!q->name || !q->hit || j->vectors.failed)
		return mm_fail_nomem(err, "the queries");
	return MM_OK;
}

static int query_stream(struct job *j, struct mm_err *err)
{
	const struct mm_segment *seg;
	const struct mm_column *c, *id;
	struct mm_stream s;
	char number[32];
	int rc = mm_stream_open(&s, "-", err);

	while (!rc && !(rc = mm_stream_next(&s, &seg, err)) && seg) {
		const size_t D = j->D ? j->D : SIZE_MAX;
		const char *name = mm_segment_find(seg, "text.embedding")
					   ? "text.embedding"
					   : "image.embedding";

		if ((rc = mm_segment_want(seg, name, MM_F32, false, 1, &D, &c,
					  err)))
			break;
		j->D = c->items.dim[1];
		id = mm_segment_find(seg, "id");
		for (size_t i = 0; i < seg->n && !rc; i++) {
			size_t len;
			const char *at = mm_column_str(id, i, &len);

			if (!at) {
				snprintf(number, sizeof(number), "%zu",
					 j->n + 1);
				at = number;
				len = strlen(number);
			}
			rc = add_query(j, at, len,
				       (const float *)c->items.data + i * j->D,
				       err);
		}
	}
	mm_stream_release(&s);
	return rc;
}

/* A picture's path where such a file is there, else a text. */
static int query_words(struct job *j, const char *word, struct mm_err *err)
{
	enum mm_operand kind = MM_OPERAND_TEXT;
	struct stat st;
	float *v;
	int rc;

	if (!j->has_model) {
		if ((rc = mm_need_model(&j->a->common, err)) ||
		    (rc = mm_encoder_open(&j->enc, j->a->common.model, err)))
			return rc;
		j->has_model = true;
		if (j->D && j->D != j->enc.model.embed_dim)
			return mm_fail(err, MM_ERR_SHAPE,
				       "the model makes vectors of %zu, the "
				       "queries before have %zu",
				       j->enc.model.embed_dim, j->D);
		j->D = j->enc.model.embed_dim;
	}
	if (!stat(word, &st) && S_ISREG(st.st_mode) &&
	    (rc = mm_operand_sniff(word, &kind, err)))
		return rc;
	if (!(v = mm_malloc(j->D, sizeof(*v))))
		return mm_fail_nomem(err, "a vector");
	rc = kind == MM_OPERAND_PICTURE
		     ? mm_encode_file(&j->enc, v, word, err)
		     : mm_encode_line(&j->enc, v, word, strlen(word), err);
	if (!rc) {
		mm_embed_normalise(v, 1, j->D);
		rc = add_query(j, word, strlen(word), v, err);
	}
	mm_free(v);
	return rc;
}

/* ---- the gallery ---- */

/* Better score first; equal ones by id, so that order never matters. */
static bool before(float score, const char *id, size_t len, const struct hit *h)
{
	const size_t n = strlen(h->id);
	int c;

	if (score != h->score)
		return score > h->score;
	c = memcmp(id, h->id, len < n ? len : n);
	return c ? c < 0 : len < n;
}

static int offer(struct job *j, struct query *q, float score,
		 const struct mm_segment *seg, size_t row, struct mm_err *err)
{
	const size_t k = (size_t)j->a->k;
	const char *id, *path;
	size_t len, path_len, at;
	struct hit h = { .score = score };

	if (q->n == k && score < q->hit[k - 1].score)
		return MM_OK;
	if (!isfinite(score))
		return mm_fail(err, MM_ERR_FORMAT,
			       "'%s' row %zu: a vector is not finite",
			       seg->path, row);
	id = mm_column_str(mm_segment_find(seg, "id"), row, &len);
	if (!id)
		return mm_fail(err, MM_ERR_FORMAT, "'%s' has no column 'id'",
			       seg->path);
	for (at = q->n; at > 0 && before(score, id, len, &q->hit[at - 1]);)
		at--;
	if (at == k)
		return MM_OK;
	path = mm_column_str(mm_segment_find(seg, "image.path"), row,
			     &path_len);
	h.id = mm_strndup(id, len);
	h.path = path ? mm_strndup(path, path_len) : NULL;
	if (!h.id || (path && !h.path)) {
		mm_free(h.id);
		return mm_fail_nomem(err, "a hit");
	}
	if (q->n == k) {
		mm_free(q->hit[k - 1].id);
		mm_free(q->hit[k - 1].path);
		q->n--;
	}
	memmove(&q->hit[at + 1], &q->hit[at], (q->n - at) * sizeof(h));
	q->hit[at] = h;
	q->n++;
	return MM_OK;
}

static int scan_segment(struct job *j, const struct mm_segment *seg, float **z,
			size_t *cap, struct mm_err *err)
{
	const char *name = j->a->column ? "text.embedding" : "image.embedding";
	const struct mm_column *c;
	int rc;

	if ((rc = mm_segment_want(seg, name, MM_F32, false, 1, &j->D, &c, err)))
		return rc;
	if (j->n * seg->n > *cap) {
		mm_free(*z);
		*cap = j->n * seg->n;
		if (!(*z = mm_malloc(*cap, sizeof(**z)))) {
			*cap = 0;
			return mm_fail_nomem(err, "the scores");
		}
	}
	mm_gemm(false, true, j->n, seg->n, j->D, 1,
		(const float *)(const void *)j->vectors.data, j->D,
		c->items.data, j->D, 0, *z, seg->n);
	for (size_t q = 0; q < j->n && !rc; q++)
		for (size_t i = 0; i < seg->n && !rc; i++)
			rc = offer(j, &j->query[q], (*z)[q * seg->n + i], seg,
				   i, err);
	return rc;
}

static int scan(struct job *j, const char *path, struct mm_err *err)
{
	const struct mm_segment *seg;
	struct mm_stream s;
	float *z = NULL;
	size_t cap = 0;
	int rc = mm_stream_open(&s, path, err);

	while (!rc && !(rc = mm_stream_next(&s, &seg, err)) && seg)
		rc = scan_segment(j, seg, &z, &cap, err);
	mm_stream_release(&s);
	mm_free(z);
	return rc;
}

/* ---- what comes out ---- */

static void put_text(struct mm_buf *out, const struct job *j)
{
	for (size_t q = 0; q < j->n; q++) {
		if (j->n > 1)
			mm_buf_printf(out, "%s# %s\n", q ? "\n" : "",
				      j->query[q].name);
		for (size_t i = 0; i < j->query[q].n; i++)
			mm_buf_printf(out, "%zu %.4f %s\n", i + 1,
				      (double)j->query[q].hit[i].score,
				      j->query[q].hit[i].id);
	}
}

static void put_json(struct mm_buf *out, const struct job *j)
{
	struct mm_json_writer w;

	mm_json_writer_init(&w, out, 0);
	mm_json_open(&w, NULL, '[');
	for (size_t q = 0; q < j->n; q++) {
		mm_json_open(&w, NULL, '{');
		mm_json_put_str(&w, "query", j->query[q].name);
		mm_json_open(&w, "hits", '[');
		for (size_t i = 0; i < j->query[q].n; i++) {
			const struct hit *h = &j->query[q].hit[i];

			mm_json_open(&w, NULL, '{');
			mm_json_put_int(&w, "rank", (int64_t)i + 1);
			mm_json_put_num(&w, "score", (double)h->score);
			mm_json_put_str(&w, "id", h->id);
			mm_json_close(&w);
		}
		mm_json_close(&w);
		mm_json_close(&w);
	}
	mm_json_close(&w);
	mm_buf_addc(out, '\n');
}

static int load_picture(struct mm_image *rgb, const char *path,
			struct mm_err *err)
{
	struct mm_image raw;
	struct mm_file f;
	int rc = mm_file_open(&f, path, err);

	if (rc)
		return rc;
	mm_image_init(&raw);
	if (!(rc = mm_image_decode(&raw, NULL, f.data, f.size, NULL, err)))
		rc = mm_image_to_rgb(rgb, &raw, MM_ALPHA_WHITE, MM_GREY16_CLIP,
				     err);
	mm_image_release(&raw);
	mm_file_release(&f);
	return rc ? mm_fail_ctx(err, "'%s'", path) : MM_OK;
}

static int put_sheet(const struct job *j, struct mm_err *err)
{
	const size_t k = (size_t)j->a->k;
	struct mm_buf png = { 0 };
	struct mm_image rgb;
	struct mm_sheet s;
	int rc;

	if ((rc = mm_sheet_init(&s, j->n * k, k, 128, err)))
		return rc;
	mm_image_init(&rgb);
	for (size_t q = 0; q < j->n && !rc; q++)
		for (size_t i = 0; i < j->query[q].n && !rc; i++) {
			const struct hit *h = &j->query[q].hit[i];
			char text[256];

			if (!h->path) {
				rc = mm_fail(err, MM_ERR_FORMAT,
					     "the gallery has no column "
					     "'image.path' to make a sheet of");
				break;
			}
			snprintf(text, sizeof(text), "%s: %s", j->query[q].name,
				 h->id);
			if (!(rc = load_picture(&rgb, h->path, err)))
				rc = mm_sheet_put(&s, q * k + i, &rgb, text,
						  strlen(text), err);
		}
	if (!rc)
		rc = mm_image_png(&png, &s.rgb, err);
	if (!rc)
		rc = mm_file_write(j->a->sheet, png.data, png.len, err);
	mm_buf_release(&png);
	mm_image_release(&rgb);
	mm_sheet_release(&s);
	return rc;
}

static void release(struct job *j)
{
	for (size_t q = 0; q < j->n; q++) {
		for (size_t i = 0; i < j->query[q].n; i++) {
			mm_free(j->query[q].hit[i].id);
			mm_free(j->query[q].hit[i].path);
		}
		mm_free(j->query[q].hit);
		mm_free(j->query[q].name);
	}
	mm_free(j->query);
	mm_buf_release(&j->vectors);
	if (j->has_model)
		mm_encoder_release(&j->enc);
}

static int run(const void *args, int argc, char **argv, struct mm_err *err)
{
	struct job j = { .a = args };
	struct mm_buf out = { 0 };
	int rc = MM_OK;

	for (int i = 0; i < argc && !rc; i++)
		rc = strcmp(argv[i], "-") ? query_words(&j, argv[i], err)
					  : query_stream(&j, err);
	if (!rc && !j.a->gallery.n)
		rc = scan(&j, "-", err);
	for (size_t i = 0; i < j.a->gallery.n && !rc && j.n; i++)
		rc = scan(&j, j.a->gallery.item[i], err);
	if (!rc) {
		if (j.a->common.json)
			put_json(&out, &j);
		else
			put_text(&out, &j);
		rc = mm_output_text(&j.a->common, &out, err);
	}
	if (!rc && j.a->sheet)
		rc = put_sheet(&j, err);
	mm_buf_release(&out);
	release(&j);
	return rc;
}

const struct mm_cmd mm_cmd_search = {
	.name = "search",
	.group = MM_MEASURE,
	.summary = "find a gallery's nearest pictures or texts",
	.synopsis = "[-m DIR] [-g STREAM]... [-k K] [OPTION]... QUERY...",
	.details = "A QUERY is a text, a picture's path, or '-' for a stream "
		   "of vectors. Prints rank, score and id.",
	.min_operands = 1,
	.max_operands = MM_MANY,
	.opts = opts,
	MM_ARGS(struct search_args, defaults),
	.run = run,
};
